"""The journal of a sandbox: what its client asked and was answered, listed, counted, searched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import orjson
from flask import Blueprint, Response, request

from mock_server.control.calls import serves
from mock_server.control.problems import Problem, json_answer
from mock_server.dialects import wire
from mock_server.journal.entry import Entry, entries_of
from mock_server.journal.questions import Question, check_question, found
from mock_server.services import named_sandbox

journal = Blueprint("journal", __name__)

_AT_ONCE = 20
_QUERY = {
    "since": {
        "type": "integer",
        "minimum": 0,
        "description": "Only exchanges with a greater number; `complete` is then about these alone.",
    },
    "limit": {
        "type": "integer",
        "minimum": 0,
        "description": "At most so many: the first ones after `since`, or without it the latest.",
    },
}


@serves(journal, "GET /requests", query=_QUERY)
def list_requests() -> Response:
    """The exchanges of the sandbox, newest last."""
    since, limit = _number("since"), _number("limit")
    excerpt = named_sandbox().journal.excerpt(since or 0)
    total = len(excerpt.kept)
    first = 0 if limit is None or since is not None else max(total - limit, 0)
    listed = islice(entries_of(excerpt), first, None if limit is None else first + limit)
    return _listed(listed, total, complete=excerpt.complete)


@serves(journal, "DELETE /requests")
def delete_requests() -> Response:
    """Forget the exchanges, as if they had never been; coverage goes on."""
    sandbox = named_sandbox()
    return json_answer({"sandbox": sandbox.name, "removed": sandbox.journal.clear()})


@serves(journal, "POST /requests/count", body=Question)
def count_requests(wanted: Question) -> Response:
    """How many exchanges are meant by a description: of calls as in rules, and of how they were answered."""
    meant, complete = _meant(wanted)
    return json_answer({"count": len(meant), "complete": complete})


@serves(journal, "POST /requests/find", body=Question)
def find_requests(wanted: Question) -> Response:
    """The exchanges that are meant by such a description, newest last."""
    meant, complete = _meant(wanted)
    return _listed(meant, len(meant), complete=complete)


@serves(journal, "GET /requests/unmatched")
def list_unmatched_requests() -> Response:
    """The calls of a path or method that the API does not have, and what was probably meant."""
    excerpt = named_sandbox().journal.excerpt()
    unmatched = [entry for entry in entries_of(excerpt) if not entry.matched]
    return _listed(unmatched, len(unmatched), complete=excerpt.complete)


def shown(entry: Entry) -> dict[str, Any]:
    """The exchange as JSON: what it says under a name is what a question may ask for under it."""
    notes = {"bodyNote": entry.body.note, "answerNote": entry.answer.note, "fault": entry.fault}
    return {
        "number": entry.number,
        "at": wire.instant(entry.at),
        "realTime": entry.ended.isoformat(timespec="milliseconds"),
        "milliseconds": round(entry.seconds * 1000, 3),
        "operation": entry.operation,
        "user": entry.user,
        "method": entry.method,
        "path": entry.path,
        **entry.ids,
        "query": entry.query,
        "headers": entry.headers,
        "body": entry.body.value,
        "status": entry.status,
        "codes": entry.codes,
        "rule": entry.rule,
        "answerHeaders": entry.answer_headers,
        "answer": entry.answer.value,
        "matched": entry.matched,
        "warnings": entry.warnings,
        **{name: note for name, note in notes.items() if note is not None},
    }


def _meant(wanted: Question) -> tuple[list[Entry], bool]:
    check_question(wanted, "$")
    excerpt = named_sandbox().journal.excerpt()
    return found(wanted, excerpt), excerpt.complete


def _listed(entries: Iterable[Entry], total: int, *, complete: bool) -> Response:
    """The list as it is made: a long one holds nobody up."""
    head = orjson.dumps({"total": total, "complete": complete})[:-1] + b',"requests":['
    return Response(_parts(head, iter(entries)), content_type="application/json")


def _parts(head: bytes, entries: Iterator[Entry]) -> Iterator[bytes]:
    yield head
    separator = b""
    while several := [shown(entry) for entry in islice(entries, _AT_ONCE)]:
        yield separator + orjson.dumps(several)[1:-1]
        separator = b","
    yield b"]}"


def _number(name: str) -> int | None:
    """A query parameter that is a number, None when it is not given.

    Raises:
        Problem: it is none.
    """
    given = request.args.get(name)
    if given is None:
        return None
    if not (given.isascii() and given.isdecimal() and len(given) <= 18):  # noqa: PLR2004  # more than there will ever be
        raise Problem(f"{name} is a number such as 10, not {given!r}")
    return int(given)
