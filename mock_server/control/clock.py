"""The sandbox's clock: freeze, set, run, advance; each change returns its effects."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from flask import Response
from msgspec import Struct

from mock_server.clock import Clock
from mock_server.control.calls import route
from mock_server.control.problems import Problem, json_answer, with_old_names
from mock_server.dialects import wire
from mock_server.domain.settlement import Event
from mock_server.sandbox import ServerSandbox
from mock_server.settings import duration, instant
from mock_server.web.services import named_sandbox

T = TypeVar("T")


class ClockChange(Struct, forbid_unknown_fields=True):
    """`now` freezes the clock there, unless `frozen` is false; `frozen` alone freezes it or lets it run."""

    now: str | None = None
    frozen: bool | None = None


class Advance(Struct, forbid_unknown_fields=True):
    """`by` is an ISO duration such as P30D; with `tokens` the tokens issued so far age as well."""

    by: str
    tokens: bool = False


@route("GET /clock")
def get_clock() -> Response:
    """Return the time in the sandbox."""
    return json_answer(_clock(named_sandbox()))


@route("PUT /clock", body=ClockChange)
def put_clock(wanted: ClockChange) -> Response:
    """Freeze the clock, set it or let it run; return the effects."""
    if wanted.now is None and wanted.frozen is None:
        raise Problem('send {"now": "2031-01-01T00:00:00"}, {"frozen": true} or {"frozen": false}')
    at = None if wanted.now is None else _read(instant, wanted.now)
    sandbox = named_sandbox()
    events = sandbox.set_clock(lambda clock: clock.run(at) if wanted.frozen is False else clock.freeze(at))
    return _answer(sandbox, events)


@route("POST /clock/advance", body=Advance)
def advance_clock(wanted: Advance) -> Response:
    """Advance the clock; return the effects."""
    by = _read(duration, wanted.by)
    sandbox = named_sandbox()
    return _answer(sandbox, sandbox.set_clock(lambda clock: _advance(clock, by), age_tokens=wanted.tokens))


def _read(reader: Callable[[str], T], text: str) -> T:
    try:
        return reader(text)
    except ValueError as error:
        raise Problem(str(error)) from None


def _advance(clock: Clock, by: timedelta) -> Clock:
    latest = datetime(9000, 1, 1, tzinfo=clock.now().tzinfo)
    if clock.now() + by > latest:
        raise Problem("the clock does not go beyond the year 9000")
    return clock.advance(by)


def _answer(sandbox: ServerSandbox, events: list[Event]) -> Response:
    effects = [_effect(event) for event in events]
    answer = json_answer(_clock(sandbox) | {"effects": effects, "caused": effects})
    return with_old_names(answer, "caused", "effects")


def _clock(sandbox: ServerSandbox) -> dict[str, Any]:
    frozen = sandbox.clock.frozen_at is not None
    return {"sandbox": sandbox.name, "now": wire.instant(sandbox.clock.now()), "frozen": frozen}


def _effect(event: Event) -> dict[str, Any]:
    return {
        "what": event.kind,
        "at": wire.instant(event.at),
        "accountId": event.account_id,
        "dossierId": event.dossier_id,
        **({"processId": event.process_id} if event.process_id else {}),
    }
