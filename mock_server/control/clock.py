"""The sandbox's clock: freeze, set, run, advance; each change returns its effects."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from flask import Response
from msgspec import Struct

from mock_server.clock import real_now
from mock_server.control.calls import route
from mock_server.control.problems import Problem, announce_renamed_member, json_answer
from mock_server.control.timeline import action_members
from mock_server.dialects import wire
from mock_server.domain.local_time import calendar_duration
from mock_server.domain.model import Dossier
from mock_server.domain.settlement import Event
from mock_server.domain.world import World
from mock_server.sandbox import commands
from mock_server.sandbox.sandbox import ServerSandbox
from mock_server.values import instant
from mock_server.web.services import named_sandbox

_MAX_LISTED = 100
"""Entries in the list of what is later than the clock."""


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
    return json_answer(clock_members(named_sandbox()))


@route("PUT /clock", body=ClockChange)
def put_clock(body: ClockChange) -> Response:
    """Freeze the clock, set it or let it run; return the effects.

    A clock that is set back undoes nothing. Then `future` lists what is later than the clock, at most 100
    entries, with a `warning`.
    """
    if body.now is None and body.frozen is None:
        raise Problem('send {"now": "2031-01-01T00:00:00"}, {"frozen": true} or {"frozen": false}')
    at = None if body.now is None else _instant(body.now)
    sandbox = named_sandbox()
    previous_time = sandbox.execute(commands.SetClock(frozen=body.frozen is not False, at=at))
    return _answer(sandbox, is_set_back=at is not None and at < previous_time)


@route("POST /clock/advance", body=Advance)
def advance_clock(body: Advance) -> Response:
    """Advance the clock; return the effects. Days are those of the calendar, hours are exact."""
    try:
        days, exact_time = calendar_duration(body.by)
    except ValueError as error:
        advice = "; PUT /clock sets the clock back" if "-" in body.by else ""
        raise Problem(f"{error}{advice}") from None
    sandbox = named_sandbox()
    sandbox.execute(commands.AdvanceClock(days, exact_time, real_now() if body.tokens else None))
    return _answer(sandbox)


def _instant(text: str) -> datetime:
    try:
        return instant(text)
    except ValueError as error:
        raise Problem(str(error)) from None


def _answer(sandbox: ServerSandbox, *, is_set_back: bool = False) -> Response:
    effects = [_effect(event) for event in sandbox.settle()]
    members = clock_members(sandbox) | {"effects": effects, "caused": effects}
    answer = json_answer(members | (_future(sandbox) if is_set_back else {}))
    return announce_renamed_member(answer, "caused", "effects")


def _future(sandbox: ServerSandbox) -> dict[str, Any]:
    """Return what is later than the clock that was set back, and a warning if there is anything."""
    future = list(islice(_later_entries(*sandbox.current()), _MAX_LISTED))
    if not future:
        return {"future": []}
    count = f"{_MAX_LISTED} or more" if len(future) == _MAX_LISTED else str(len(future))
    warning = (
        f"entries of the sandbox that are later than its clock: {count}. POST /__admin/reset with"
        ' {"only": ["state"]} generates the data again, for this time'
    )
    return {"future": future, "warning": warning}


def _later_entries(world: World, now: datetime) -> Iterator[dict[str, Any]]:
    for portfolio in world.portfolios.values():
        for dossier in portfolio.dossiers.values():
            yield from islice(_later_dates(dossier, now), 1)
        later_imports = [process for process in portfolio.processes.values() if process.creation > now]
        for process in later_imports:
            entry = _entry("import starts", process.creation, process.account_id, process.dossier_id)
            yield entry | {"processId": process.process_id}
    later_mails = [mail for mail in world.mails.values() if mail.sent_at > now]
    for mail in later_mails:
        yield _entry("e-mail is sent", mail.sent_at, mail.account_id, mail.dossier_id)


def _later_dates(dossier: Dossier, now: datetime) -> Iterator[dict[str, Any]]:
    dates = {
        "dossier starts": dossier.starting_date,
        "dossier stops": dossier.stopping_date,
        "dossier changes": dossier.state_last_change_date,
    }
    for kind, at in dates.items():
        if at is not None and at > now:
            yield _entry(kind, at, dossier.account_id, dossier.dossier_id)


def clock_members(sandbox: ServerSandbox) -> dict[str, Any]:
    """Return the name of a sandbox and its time."""
    return {"sandbox": sandbox.name, "now": wire.instant(sandbox.now()), "frozen": sandbox.is_frozen}


def _effect(event: Event) -> dict[str, Any]:
    entry = _entry(event.kind, event.at, event.account_id, event.dossier_id)
    if event.action is not None:
        return entry | action_members(event.action)
    return entry | ({"processId": event.process_id} if event.process_id else {})


def _entry(kind: str, at: datetime, account_id: int | None, dossier_id: int | None) -> dict[str, Any]:
    return {"what": kind, "at": wire.instant(at), "accountId": account_id, "dossierId": dossier_id}
