"""Turning the sandbox's clock: freeze, set, run on, advance; each answers what it brought about."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response
from msgspec import Struct

from mock_server.clock import Clock
from mock_server.control.calls import serves
from mock_server.control.problems import Problem, json_answer
from mock_server.deprecation import DEPRECATION_HEADER, log_renamed
from mock_server.dialects import wire
from mock_server.domain.settlement import Event
from mock_server.sandbox import Sandbox
from mock_server.settings import duration, instant
from mock_server.web.services import named_sandbox

clock = Blueprint("clock", __name__)


class NewClock(Struct, forbid_unknown_fields=True):
    """`now` freezes the clock there, unless `frozen` is false; `frozen` alone freezes it or lets it run."""

    now: str | None = None
    frozen: bool | None = None


class Advance(Struct, forbid_unknown_fields=True):
    """`by` is an ISO duration such as P30D; with `tokens` the tokens issued so far grow older as well."""

    by: str
    tokens: bool = False


@serves(clock, "GET /clock")
def get_clock() -> Response:
    """What time it is in the sandbox."""
    return json_answer(_shown(named_sandbox()))


@serves(clock, "PUT /clock", body=NewClock)
def put_clock(wanted: NewClock) -> Response:
    """Freeze, set or run on."""
    sandbox = named_sandbox()
    if wanted.now is None and wanted.frozen is None:
        raise Problem('say {"now": "2031-01-01T00:00:00"}, {"frozen": true} or {"frozen": false}')
    at = None if wanted.now is None else _read(instant, wanted.now)
    effects = sandbox.set_clock(lambda clock: clock.run(at) if wanted.frozen is False else clock.freeze(at))
    return _changed(sandbox, effects)


@serves(clock, "POST /clock/advance", body=Advance)
def advance_clock(wanted: Advance) -> Response:
    """Go forward in time."""
    sandbox = named_sandbox()
    by = _read(duration, wanted.by)
    effects = sandbox.set_clock(lambda clock: _advanced(clock, by), age_tokens=wanted.tokens)
    return _changed(sandbox, effects)


def _read(reader: Any, text: str) -> Any:
    try:
        return reader(text)
    except ValueError as mistake:
        raise Problem(str(mistake)) from None


def _advanced(before: Clock, by: timedelta) -> Clock:
    latest = datetime(9000, 1, 1, tzinfo=before.now().tzinfo)
    if before.now() + by > latest:
        raise Problem("the clock does not go beyond the year 9000")
    return before.advance(by)


def _shown(sandbox: Sandbox) -> dict[str, Any]:
    frozen = sandbox.clock.frozen_at is not None
    return {"sandbox": sandbox.name, "now": wire.instant(sandbox.clock.now()), "frozen": frozen}


def _changed(sandbox: Sandbox, events: list[Event]) -> Response:
    """Return the clock and the effects of its change; `caused` is their old name."""
    effects = _effects(events)
    answer = json_answer(_shown(sandbox) | {"effects": effects, "caused": effects})
    answer.headers.set(*DEPRECATION_HEADER)
    log_renamed("the member `caused` of clock answers", "`effects`")
    return answer


def _effects(events: list[Event]) -> list[dict[str, Any]]:
    return [
        {
            "what": event.kind,
            "at": wire.instant(event.at),
            "accountId": event.account_id,
            "dossierId": event.dossier_id,
            **({"processId": event.process_id} if event.process_id else {}),
        }
        for event in events
    ]
