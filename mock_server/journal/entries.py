"""Entries: exchanges in readable form, with secrets hidden. Each part is decoded when it is first read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from itertools import starmap

from msgspec import Struct

from mock_server.domain.names import camel, without_tag
from mock_server.journal.coverage import codes_in
from mock_server.journal.hints import (
    LIVE_HINTS,
    Hint,
    Input,
    explain_unmatched,
    ignored_input,
)
from mock_server.journal.journal import Exchange, JournalSlice, PackedExchange, unpack
from mock_server.journal.redaction import (
    NO_BODY,
    STREAMED,
    TOO_LARGE,
    ReadableBody,
    parse_fields,
    parse_pairs,
    read_body,
    redact_header,
    redact_json,
    redact_text,
)
from mock_server.scenarios.matching import ReceivedRequest

RULE_HEADER = "x-mock-rule"


class Entry(Struct, frozen=True, dict=True):
    """An exchange and its number. Names of headers are in lower case."""

    number: int
    packed: PackedExchange

    @cached_property
    def exchange(self) -> Exchange:
        """The exchange as it was recorded."""
        return unpack(self.packed)

    @cached_property
    def compared(self) -> dict[bytes, bool]:
        """Whether it matches the filters with which it was compared, each as MessagePack."""
        return {}

    @property
    def operation(self) -> str | None:
        """The operation of the call, None for a path that the API does not have."""
        return self.exchange.operation

    @property
    def method(self) -> str:
        """The HTTP method."""
        return str(self.exchange.texts["REQUEST_METHOD"])

    @cached_property
    def path(self) -> str:
        """The path without its query."""
        return redact_text(_decode_latin1(self.exchange.texts["PATH_INFO"]))

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The query parameters; the first of two with one name counts."""
        return dict(redact_json(parse_fields(self.raw_query)))

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """The headers of the request."""
        texts = self.exchange.texts
        headers = {
            name[5:].replace("_", "-").lower(): value
            for name, value in texts.items()
            if name.startswith("HTTP_")
        }
        if texts.get("CONTENT_TYPE"):
            headers["content-type"] = texts["CONTENT_TYPE"]
        return {name: redact_header(name, _decode_latin1(value)) for name, value in headers.items()}

    @cached_property
    def body(self) -> ReadableBody:
        """The body of the request."""
        if self.exchange.without_bodies:
            return TOO_LARGE
        return read_body(self.exchange.body, self.exchange.texts.get("CONTENT_TYPE", ""))

    @cached_property
    def ids(self) -> Mapping[str, int | str]:
        """The ids of the path, and the third party of its dossier."""
        ids = {camel(name): value for name, value in self.exchange.ids.items()}
        thirdparty_id = self.exchange.thirdparty_id
        return ids if thirdparty_id is None else ids | {"thirdpartyId": thirdparty_id}

    @cached_property
    def user(self) -> str | None:
        """The user of the token, or the user who requests a token; without the tag."""
        name = self.exchange.user
        if name is None and self.operation == "getToken" and isinstance(self.body.value, Mapping):
            name = str(self.body.value.get("username", "")).strip()
        return without_tag(name) if name else None

    @property
    def fault(self) -> str | None:
        """The fault of the connection that the client saw instead of an answer."""
        return self.exchange.fault

    @property
    def status(self) -> int | None:
        """The status, None where the client saw a fault instead."""
        return None if self.fault else self.exchange.status

    @cached_property
    def answer_headers(self) -> Mapping[str, str]:
        """The headers of the answer."""
        return {name.lower(): redact_header(name, value) for name, value in self.exchange.headers}

    @cached_property
    def answer(self) -> ReadableBody:
        """The body of the answer."""
        if self.fault or self.method == "HEAD":
            return NO_BODY
        if self.exchange.without_bodies:
            return TOO_LARGE
        if self.packed.answer is not None:
            return read_body(self.packed.answer, self.answer_headers.get("content-type", ""))
        length = self.answer_headers.get("content-length")
        return STREAMED if length is None else ReadableBody(None, f"not kept, size in bytes: {length}")

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of a refusal, or of an import that the answer reports."""
        return codes_in(self.exchange.facts)

    @property
    def rule(self) -> str | None:
        """The name of the rule that changed the answer."""
        return self.answer_headers.get(RULE_HEADER)

    @cached_property
    def hints(self) -> tuple[Hint, ...]:
        """Warnings: the input that the API ignored; for an unknown path the one probably intended."""
        exchange = self.exchange
        unmatched = (
            () if exchange.matched else (Hint("unknownPath", explain_unmatched(self.method, self.path)),)
        )
        call_input = Input(
            operation=exchange.operation,
            dialect=exchange.dialect,
            path=self.path,
            query=parse_pairs(self.raw_query),
            body=self.body.value,
        )
        live = [
            LIVE_HINTS[fact.name]
            for fact in exchange.facts
            if fact.about == "warning" and fact.name in LIVE_HINTS
        ]
        return (*unmatched, *ignored_input(call_input), *live)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The sentences of the warnings."""
        return tuple(hint.sentence for hint in self.hints)

    @cached_property
    def request(self) -> ReceivedRequest:
        """The request as rules see it, without its body."""
        return ReceivedRequest(
            operation=self.operation,
            method=self.method,
            path=self.path,
            query=self.query,
            headers=self.headers,
            ids=self.ids,
            user=self.user,
        )

    @property
    def raw_query(self) -> bytes:
        """The query as it was sent, with its secrets."""
        return str(self.exchange.texts["QUERY_STRING"]).encode("utf-8", "replace")


_latest_entry = lru_cache(maxsize=4)(Entry)
"""Verifications that wait all read the latest exchange: it is decoded once."""


def read_entries(journal_slice: JournalSlice) -> Iterator[Entry]:
    """Return the exchanges as entries, oldest first."""
    if len(journal_slice.packed) == 1:
        return iter((_latest_entry(journal_slice.first, journal_slice.packed[0]),))
    return starmap(Entry, enumerate(journal_slice.packed, journal_slice.first))


def _decode_latin1(value: str) -> str:
    """Decode a WSGI text: its characters are bytes, mostly of UTF-8."""
    return value.encode("latin-1", "replace").decode("utf-8", "replace")
