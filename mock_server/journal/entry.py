"""An exchange made readable: JSON parsed, parameters named, secrets hidden; each part only when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property

from msgspec import Struct

from mock_server.domain.spelling import camel
from mock_server.journal.bodies import NO_BODY, STREAMED, TOO_LARGE, Body, fields, pairs, readable
from mock_server.journal.exchange import Exchange, Packed, unpacked
from mock_server.journal.facts import codes_of
from mock_server.journal.parameters import warnings
from mock_server.journal.redaction import redacted, redacted_header
from mock_server.journal.unmatched import why_unmatched
from mock_server.scenarios import Asked, untagged

RULE_HEADER = "x-mock-rule"


class Entry(Struct, frozen=True, dict=True):
    """One exchange, under its number. Names of headers are in lower case."""

    number: int
    kept: Packed

    @cached_property
    def _exchange(self) -> Exchange:
        return unpacked(self.kept)

    @property
    def operation(self) -> str | None:
        """The operation that was called, None where no operation was."""
        return self._exchange.operation

    @property
    def at(self) -> datetime:
        """When it was, on the sandbox's clock."""
        return self._exchange.at

    @property
    def ended(self) -> datetime:
        """When it was answered, in real time."""
        return datetime.fromtimestamp(self._exchange.ended, UTC)

    @property
    def seconds(self) -> float:
        """How long that took."""
        return self._exchange.seconds

    @property
    def method(self) -> str:
        """GET, POST or whatever it was."""
        return str(self._exchange.texts["REQUEST_METHOD"])

    @cached_property
    def path(self) -> str:
        """The path without its query."""
        return _text(self._exchange.texts["PATH_INFO"])

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The parameters; of one given twice the first counts."""
        return dict(redacted(fields(self._query)))

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """What the client sent as headers."""
        texts = self._exchange.texts
        named = {_header(name): _text(value) for name, value in texts.items() if name[:5] == "HTTP_"}
        if texts.get("CONTENT_TYPE"):
            named["content-type"] = _text(texts["CONTENT_TYPE"])
        return {name: redacted_header(name, value) for name, value in named.items()}

    @cached_property
    def body(self) -> Body:
        """What the client sent as body."""
        if self._exchange.dropped:
            return TOO_LARGE
        return readable(self._exchange.body, self._exchange.texts.get("CONTENT_TYPE", ""))

    @cached_property
    def ids(self) -> Mapping[str, int | str]:
        """Those of the path, and the third party of its dossier."""
        ids = {camel(name): value for name, value in self._exchange.ids.items()}
        thirdparty_id = self._exchange.thirdparty_id
        return ids if thirdparty_id is None else ids | {"thirdpartyId": thirdparty_id}

    @cached_property
    def user(self) -> str | None:
        """The user of the token, or the one who asks for a token; without a tag."""
        name = self._exchange.user
        if name is None and self.operation == "getToken" and isinstance(self.body.value, Mapping):
            name = str(self.body.value.get("username", "")).strip()
        return untagged(name) if name else None

    @property
    def fault(self) -> str | None:
        """What the client saw of the connection instead of an answer."""
        return self._exchange.fault

    @property
    def status(self) -> int | None:
        """None where the client saw a fault, and no answer."""
        return None if self.fault else self._exchange.status

    @cached_property
    def answer_headers(self) -> Mapping[str, str]:
        """The headers of the answer."""
        return {name.lower(): redacted_header(name, value) for name, value in self._exchange.headers}

    @cached_property
    def answer(self) -> Body:
        """The body of the answer."""
        if self.fault or self.method == "HEAD":
            return NO_BODY
        if self._exchange.dropped:
            return TOO_LARGE
        if self.kept.answer is not None:
            return readable(self.kept.answer, self.answer_headers.get("content-type", ""))
        length = self.answer_headers.get("content-length")
        return STREAMED if length is None else Body(None, f"{length} bytes, not kept")

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of a refusal, or of an import that the answer tells about."""
        return codes_of(self._exchange.facts)

    @property
    def rule(self) -> str | None:
        """The name of the rule that bent the answer."""
        return self.answer_headers.get(RULE_HEADER)

    @property
    def matched(self) -> bool:
        """False for a path or method that the API does not have."""
        return self._exchange.matched

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What the API ignored of the call; of one that is not matched, what was probably meant."""
        unmatched = () if self.matched else (why_unmatched(self.method, self.path),)
        return (*unmatched, *warnings(self.operation, pairs(self._query), self.body.value))

    @cached_property
    def asked(self) -> Asked:
        """The call as rules and questions see it."""
        return Asked(
            operation=self.operation,
            method=self.method,
            path=self.path,
            query=self.query,
            headers=self.headers,
            body=self.body.value,
            ids=self.ids,
            user=self.user,
        )

    @property
    def _query(self) -> bytes:
        return str(self._exchange.texts["QUERY_STRING"]).encode("utf-8", "replace")


def _header(name: str) -> str:
    return name[5:].replace("_", "-").lower()


def _text(value: str) -> str:
    """What WSGI hands on as Latin-1, which is UTF-8 mostly."""
    return value.encode("latin-1", "replace").decode("utf-8", "replace")
