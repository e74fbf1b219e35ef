"""The journal of a sandbox: what its client asked and was answered, listed, counted, searched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import orjson
from flask import Blueprint, Response

from mock_server.control import query
from mock_server.control.calls import serves
from mock_server.control.problems import Problem, json_answer
from mock_server.dialects import wire
from mock_server.domain.errors import ERRORS
from mock_server.journal.entries import Entry, read_entries
from mock_server.journal.explain import Cause, explain_answer
from mock_server.journal.matching import ExchangeFilter, check_filter, find_entries
from mock_server.journal.near_misses import ExplainContext
from mock_server.sandbox import Sandbox
from mock_server.web.services import named_sandbox, services

journal = Blueprint("journal", __name__)

_PART_SIZE = 20_000
"""Bytes of exchanges that are shown at once in a list, before other calls continue."""

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
    since, limit = query.number("since"), query.number("limit")
    found_slice = named_sandbox().journal.read(since or 0)
    total = len(found_slice.packed)
    first = 0 if limit is None or since is not None else max(total - limit, 0)
    listed = islice(read_entries(found_slice), first, None if limit is None else first + limit)
    return _listed(listed, total, complete=found_slice.complete)


@serves(journal, "DELETE /requests")
def delete_requests() -> Response:
    """Forget the exchanges, as if they had never been; coverage goes on."""
    sandbox = named_sandbox()
    return json_answer({"sandbox": sandbox.name, "removed": sandbox.journal.clear()})


@serves(journal, "POST /requests/count", body=ExchangeFilter)
def count_requests(wanted: ExchangeFilter) -> Response:
    """How many exchanges are meant by a description: of calls as in rules, and of how they were answered."""
    meant, complete = _meant(wanted)
    return json_answer({"count": len(meant), "complete": complete})


@serves(journal, "POST /requests/find", body=ExchangeFilter)
def find_requests(wanted: ExchangeFilter) -> Response:
    """The exchanges that are meant by such a description, newest last."""
    meant, complete = _meant(wanted)
    return _listed(meant, len(meant), complete=complete)


@serves(journal, "GET /requests/unmatched")
def list_unmatched_requests() -> Response:
    """The calls of a path or method that the API does not have, and what was probably meant."""
    found_slice = named_sandbox().journal.read()
    unmatched = [entry for entry in read_entries(found_slice) if not entry.exchange.matched]
    return _listed(unmatched, len(unmatched), complete=found_slice.complete)


@serves(journal, "GET /requests/<int:number>")
def get_request(number: int) -> Response:
    """One exchange, and why it was answered as it was.

    `why` has the rule that bent it, what refused it, or how its import went on, in sentences; each with the
    code, the dossier and the import that it is about.
    """
    sandbox = named_sandbox()
    entry = next(read_entries(sandbox.journal.read(number - 1)), None)
    if entry is None or entry.number != number:
        latest = sandbox.journal.last
        raise Problem(
            f"the journal has no request {number}; the latest is {latest}, old ones are forgotten", 404
        )
    return json_answer(
        {**shown(entry), "why": [_why(cause) for cause in explain_answer(entry, _explain_context(sandbox))]}
    )


def shown(entry: Entry) -> dict[str, Any]:
    """The exchange as JSON: what it says under a name is what a question may ask for under it."""
    notes = {"bodyNote": entry.body.note, "answerNote": entry.answer.note, "fault": entry.fault}
    return {
        "number": entry.number,
        "at": wire.instant(entry.exchange.at),
        "realTime": datetime.fromtimestamp(entry.exchange.ended, UTC).isoformat(timespec="milliseconds"),
        "milliseconds": round(entry.exchange.seconds * 1000, 3),
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
        "matched": entry.exchange.matched,
        "warnings": entry.warnings,
        **{name: note for name, note in notes.items() if note is not None},
    }


def _explain_context(sandbox: Sandbox) -> ExplainContext:
    playing = sandbox.active_scenario
    of_scenario = f"of the scenario {playing.scenario.scenario!r}" if playing.scenario else ""
    rules = {rule.name: of_scenario for rule in playing.rules}
    rules |= {rule.name: "made by hand" for rule in playing.ad_hoc_rules}
    return ExplainContext(
        world=sandbox.read(), variants=sandbox.variants_for(services().settings.dialect), rules=rules
    )


def _why(cause: Cause) -> dict[str, Any]:
    error = None if cause.code is None else ERRORS[cause.code]
    return {
        "kind": cause.kind,
        "sentence": cause.sentence,
        "code": cause.code,
        "label": error and error.label_en,
        "when": error and error.when,
        "provenance": error and error.provenance,
        "dossierId": cause.dossier_id,
        "processId": cause.process_id,
    }


def _meant(wanted: ExchangeFilter) -> tuple[list[Entry], bool]:
    check_filter(wanted, "$")
    found_slice = named_sandbox().journal.read()
    return find_entries(wanted, found_slice), found_slice.complete


def _listed(entries: Iterable[Entry], total: int, *, complete: bool) -> Response:
    """The list as it is made: a long one holds nobody up."""
    head = orjson.dumps({"total": total, "complete": complete})[:-1] + b',"requests":['
    return Response(_parts(head, iter(entries)), content_type="application/json")


def _parts(head: bytes, entries: Iterator[Entry]) -> Iterator[bytes]:
    yield head
    separator = b""
    part, size = [], 0
    for entry in entries:
        part.append(shown(entry))
        size += entry.packed.size
        if size > _PART_SIZE:
            yield separator + orjson.dumps(part)[1:-1]
            part, size, separator = [], 0, b","
    if part:
        yield separator + orjson.dumps(part)[1:-1]
    yield b"]}"
