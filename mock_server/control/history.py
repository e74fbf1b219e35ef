"""The history of a sandbox: its commands, going back to the state before one, and a fork from there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from flask import Response
from msgspec import Struct
from msgspec.structs import asdict

from mock_server.control.calls import query_number, route
from mock_server.control.clock import clock_members
from mock_server.control.problems import Problem, json_answer
from mock_server.dialects import wire
from mock_server.domain.model import Int64
from mock_server.domain.names import camel, shown
from mock_server.sandbox.commands import Command
from mock_server.sandbox.history import HistoryEntry
from mock_server.values import text_of
from mock_server.web.services import named_sandbox, services

_QUERY = {"since": {"type": "integer", "minimum": 0}}


class Rewinding(Struct, forbid_unknown_fields=True, rename="camel"):
    """`before` is the number of a request, `beforeCommand` that of a command of the history."""

    before: Int64 | None = None
    before_command: Int64 | None = None


class Fork(Struct, forbid_unknown_fields=True, rename={"name": "as", "before_command": "beforeCommand"}):
    """`as` names the new sandbox; it continues the present state, or that before a request or command."""

    name: str
    before: Int64 | None = None
    before_command: Int64 | None = None


@route("GET /history", query=_QUERY)
def get_history() -> Response:
    """Return the commands that changed the sandbox, oldest first, with time and request.

    `request` is null for a control call; `latestRequest` is the last request before it. `since` leaves out
    the commands up to that number. `complete` is false if some of the others were dropped.
    """
    since, history = query_number("since") or 0, named_sandbox().history
    commands = [_entry(entry) for entry in history.entries if entry.record.number > since]
    complete = len(commands) == max(history.last - since, 0)
    return json_answer({"last": history.last, "complete": complete, "commands": commands})


@route("POST /rewind", body=Rewinding)
def rewind(body: Rewinding) -> Response:
    """Go back to the state before a request, or before a command of the history.

    All of the sandbox goes back: content, time, rules, variants, sessions. A clock that ran continues from
    the time of then. The journal stays, numbers only increase, and a rewind is a command that can be undone.
    """
    if (body.before is None) == (body.before_command is None):
        raise Problem(
            'send {"before": 25}, a request, or {"beforeCommand": 12}, a command of GET /__admin/history'
        )
    sandbox = named_sandbox()
    undone = sandbox.rewind(before_request=body.before, before_command=body.before_command)
    return json_answer({**clock_members(sandbox), "undone": undone})


@route("POST /sandboxes/<name>/fork", body=Fork, status=201, sandboxed=False)
def fork_sandbox(body: Fork, name: str) -> Response:
    """Create a sandbox that continues the state of this one, or its state before a request or a command.

    A client opens it by the tag of its user name: `api+try2@example.com` for `{"as": "try2"}`. Journal and
    history of the new sandbox are empty.
    """
    if body.before is not None and body.before_command is not None:
        raise Problem("send before, a request, or beforeCommand, a command of the history, not both")
    sandbox = services().sandboxes.find(name)
    if sandbox is None:
        raise Problem(f"there is no sandbox {shown(name)}", 404)
    past = sandbox.past_state(before_request=body.before, before_command=body.before_command)
    return json_answer(clock_members(services().sandboxes.fork(past, body.name)), 201)


def _entry(entry: HistoryEntry) -> dict[str, Any]:
    record = entry.record
    return {
        "number": record.number,
        "at": wire.instant(entry.now),
        "request": record.request,
        "latestRequest": record.latest_request,
        "command": type(record.command).__name__,
        "members": dict(_members(record.command)),
    }


def _members(command: Command[Any]) -> Iterator[tuple[str, object]]:
    """Yield the ids, names, switches and times of a command, and the reference of a dossier in it."""
    for name, value in asdict(command).items():
        plain, reference = _plain(value), getattr(value, "dossier_reference", None)
        if plain is not None:
            yield camel(name), plain
        if isinstance(reference, str):
            yield "dossierReference", reference


def _plain(value: object) -> object:
    """Return an id, a name, a switch or a time as JSON, None for anything larger."""
    if isinstance(value, timedelta):
        return text_of(value)
    if isinstance(value, datetime):
        return wire.instant(value)
    return value if type(value) in {str, int, bool} else None
