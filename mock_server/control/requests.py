"""The journal of a sandbox: its requests listed, counted, found and explained."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import orjson
from flask import Response, request

from mock_server import __version__
from mock_server.control.calls import choice_of, query_choice, query_number, route
from mock_server.control.dossiers import api_members
from mock_server.control.problems import Problem, json_answer
from mock_server.dialects import wire
from mock_server.domain.errors import ERRORS
from mock_server.journal.entries import Entry, read_entries
from mock_server.journal.explain import Cause, explain_answer
from mock_server.journal.har import har_entry
from mock_server.journal.matching import ExchangeFilter, check_filter, find_entries, nearest_pattern
from mock_server.journal.near_misses import ExplainContext, explain_mismatches
from mock_server.json_body import places
from mock_server.sandbox.sandbox import ServerSandbox
from mock_server.scenarios.file_format import RequestPattern, scenario_name
from mock_server.scenarios.matching import ABSENT
from mock_server.scenarios.rule_validation import limit_reading
from mock_server.web.services import named_sandbox, services

_CHUNK_BYTES = 20_000
"""Bytes of requests that are encoded at once, before other calls continue."""
_FORMAT_NAMES = ("json", "ndjson", "har", "scenario")
_QUERY = {
    "since": {
        "type": ["integer", "string"],
        "minimum": 0,
        "description": "Only requests with a greater number; `complete` is then about these alone. For a"
        " scenario also the name of a snapshot, or `start`.",
    },
    "limit": {
        "type": "integer",
        "minimum": 0,
        "description": "The maximum number of requests: the first after `since`, or without it the latest.",
    },
    "format": choice_of(
        _FORMAT_NAMES,
        "One JSON object, one line per request, an HTTP archive (HAR 1.2) for the developer tools of a"
        " browser, or a scenario file that repeats the requests.",
    ),
    "name": {"type": "string", "minLength": 1, "description": "The name of the scenario."},
}


@route("GET /requests", query=_QUERY)
def list_requests() -> Response:
    """Return the requests of the sandbox and their answers, newest last.

    As a scenario, they are steps that expect the same answers, after start data that say the state before
    the first of them. Secrets and personal data are replaced. What a scenario cannot express is said in a
    comment.
    """
    if "name" in request.args and request.args.get("format") != "scenario":
        raise Problem("name is that of a scenario: give it with format=scenario")
    if request.args.get("format") == "scenario":
        return _as_scenario()
    since, limit = query_number("since"), query_number("limit")
    entries = named_sandbox().journal.read(since or 0)
    total = len(entries.packed)
    first = 0 if limit is None or since is not None else max(total - limit, 0)
    listed = islice(read_entries(entries), first, None if limit is None else first + limit)
    return _FORMATS[query_choice("format", _FORMAT_NAMES)](listed, total, entries.complete)


@route("DELETE /requests")
def delete_requests() -> Response:
    """Delete the requests from the journal; coverage still counts them."""
    sandbox = named_sandbox()
    return json_answer({"sandbox": sandbox.name, "removed": sandbox.journal.clear()})


@route("POST /requests/count", body=ExchangeFilter)
def count_requests(body: ExchangeFilter) -> Response:
    """Return how many requests match: a request as in the `when` of a rule, and how it was answered."""
    entries, complete = _find(body)
    return json_answer({"count": len(entries), "complete": complete})


@route("POST /requests/find", body=ExchangeFilter)
def find_requests(body: ExchangeFilter) -> Response:
    """Return the requests that match, newest last."""
    entries, complete = _find(body)
    return _as_json(entries, len(entries), complete)


@route("GET /requests/unmatched")
def list_unmatched_requests() -> Response:
    """Return the requests whose path or method the API does not have, and the nearest ones that exist."""
    entries = named_sandbox().journal.read()
    unmatched = [entry for entry in read_entries(entries) if not entry.exchange.matched]
    return _as_json(unmatched, len(unmatched), entries.complete)


@route("GET /requests/<int:number>")
def get_request(number: int) -> Response:
    """Return one request, with the explanation of its answer.

    `why` has, in sentences, the rule that changed it, what rejected it, or how its import continued; each
    with the code, the dossier and the import that it is about. `comparisons` has the differences from the
    nearest active rule that did not apply, and from the nearest expectation that the last verification
    missed; `changes` what the request changed in its dossier, as the API shows it.
    """
    sandbox = named_sandbox()
    entry = next(read_entries(sandbox.journal.read(number - 1)), None)
    if entry is None or entry.number != number:
        latest = sandbox.journal.last
        which = f"the latest is {latest}, old ones are dropped" if latest else "no request was made yet"
        raise Problem(f"the journal has no request {number}; {which}", 404)
    context = explain_context(sandbox)
    why = [cause_members(cause) for cause in explain_answer(entry, context)]
    comparisons = [*_comparisons(entry, sandbox, context)]
    changes = [*_changes(entry, sandbox)]
    return json_answer({**exchange(entry), "why": why, "comparisons": comparisons, "changes": changes})


def exchange(entry: Entry) -> dict[str, Any]:
    """Return a request and its answer as JSON; its members have the names of the filters."""
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
        "warningCodes": [hint.code for hint in entry.hints],
        **{name: note for name, note in notes.items() if note is not None},
    }


def _find(exchange_filter: ExchangeFilter) -> tuple[list[Entry], bool]:
    with limit_reading("$"):
        check_filter(exchange_filter, "$")
    entries = named_sandbox().journal.read()
    return find_entries(exchange_filter, entries), entries.complete


def _as_json(entries: Iterable[Entry], total: int, complete: bool) -> Response:  # noqa: FBT001
    head = orjson.dumps({"total": total, "complete": complete})[:-1] + b',"requests":['
    return Response(_chunks(head, entries, exchange, b"]}"), content_type="application/json")


def _as_har(entries: Iterable[Entry], _: int, complete: bool) -> Response:  # noqa: FBT001
    log = {"version": "1.2", "creator": {"name": "mock-server", "version": __version__}}
    if not complete:
        log["comment"] = "older requests were dropped from the journal"
    head = orjson.dumps({"log": log})[:-2] + b',"entries":['
    return Response(_chunks(head, entries, har_entry, b"]}}"), content_type="application/json")


def _as_lines(entries: Iterable[Entry], *_: object) -> Response:
    lines = (orjson.dumps(exchange(entry), option=orjson.OPT_APPEND_NEWLINE) for entry in entries)
    return Response(lines, content_type="application/x-ndjson")


_FORMATS: dict[str, Callable[[Iterable[Entry], int, bool], Response]] = {
    "json": _as_json,
    "ndjson": _as_lines,
    "har": _as_har,
}
"""Every format streams the list, so that a long one does not block other requests."""


def _as_scenario() -> Response:
    """Return the requests as a scenario file.

    Raises:
        Problem: the start is unknown (404), or its state is too large (409).
    """
    # It needs the runner's HTTP client, which takes a tenth of a second to import.
    from mock_server.scenario_export import NoSuchStart, StateTooLarge, export_scenario

    sandbox, since = named_sandbox(), request.args.get("since", "start")
    if "limit" in request.args:
        raise Problem("limit does not go with the format scenario: give since, a request or a snapshot")
    name = scenario_name(request.args.get("name", "exported"))
    is_number = since.isascii() and since.isdecimal()
    try:
        text = export_scenario(sandbox, name=name, since=query_number("since") or 0 if is_number else since)
    except (NoSuchStart, StateTooLarge) as error:
        raise Problem(str(error), 404 if isinstance(error, NoSuchStart) else 409) from None
    headers = {"Content-Disposition": f'attachment; filename="{name}.yaml"'}
    return Response(text, headers=headers, content_type="application/yaml")


def _chunks(
    head: bytes, entries: Iterable[Entry], as_json: Callable[[Entry], dict[str, Any]], tail: bytes
) -> Iterator[bytes]:
    """Yield a JSON list in chunks: `head`, the entries, `tail`."""
    yield head
    chunk, size, separator = [], 0, b""
    for entry in entries:
        chunk.append(as_json(entry))
        size += entry.packed.size
        if size > _CHUNK_BYTES:
            yield separator + orjson.dumps(chunk)[1:-1]
            chunk, size, separator = [], 0, b","
    if chunk:
        yield separator + orjson.dumps(chunk)[1:-1]
    yield tail


def explain_context(sandbox: ServerSandbox) -> ExplainContext:
    """Return what explanations of the sandbox's requests need."""
    active = sandbox.active_scenario
    of_scenario = f"of the scenario {active.scenario.scenario!r}" if active.scenario else ""
    rules = {rule.name: of_scenario for rule in active.rules}
    rules |= {rule.name: "an ad hoc rule" for rule in active.ad_hoc_rules}
    variants = sandbox.variants_for(services().settings.dialect)
    world, now = sandbox.current()
    frozen_at = now if sandbox.is_frozen else None
    return ExplainContext(world=world, variants=variants, rules=rules, frozen_at=frozen_at)


def _comparisons(entry: Entry, sandbox: ServerSandbox, context: ExplainContext) -> Iterator[dict[str, Any]]:
    """Yield the differences of the request from the nearest rule and from the nearest expectation."""
    rules = sandbox.active_scenario.rules if entry.rule is None else ()
    patterns: dict[str, list[tuple[str, RequestPattern]]] = {
        "rule": [(rule.name, rule.when) for rule in rules],
        "expectation": [
            (
                f"{' or '.join(expectation.request.operation_names) or 'any call'}, {expectation.times}",
                expectation.request,
            )
            for expectation in sandbox.journal.unmet_expectations
        ],
    }
    for kind, patterns_of_kind in patterns.items():
        nearest = nearest_pattern(patterns_of_kind, entry)
        if nearest is None:
            continue
        name, differences = nearest
        sentences = explain_mismatches(differences, entry, context)
        yield {
            "kind": kind,
            "name": name,
            "differences": [
                {
                    "at": difference.at,
                    "found": None if difference.found is ABSENT else difference.found,
                    "expected": difference.expected,
                    "sentence": None if sentence == str(difference) else sentence,
                }
                for difference, sentence in zip(differences, sentences, strict=True)
            ],
        }


def _changes(entry: Entry, sandbox: ServerSandbox) -> Iterator[dict[str, Any]]:
    """Return the members of its dossier that the request changed, while the history has its command."""
    commands = sandbox.history.entries
    index = next(
        (index for index, command in enumerate(commands) if command.record.request == entry.number), None
    )
    dossier_id = entry.ids.get("dossierId")
    if index is None or not isinstance(dossier_id, int):
        return
    later = commands[index + 1].state.world if index + 1 < len(commands) else sandbox.read()
    before, after = (
        dict(places(api_members(sandbox, world, dossier_id)))
        for world in (commands[index].state.world, later)
    )
    differences = [
        {"at": place, "before": before.get(place), "after": after.get(place)}
        for place in {**before, **after}
        if before.get(place) != after.get(place)
    ]
    if differences:
        yield {"dossierId": dossier_id, "differences": differences}


def cause_members(cause: Cause) -> dict[str, Any]:
    """Return a cause as JSON, with the label and the rule of its code."""
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
