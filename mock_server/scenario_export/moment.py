"""Where an exported scenario starts: the state at that moment, and the requests and commands after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from mock_server.domain.names import shown
from mock_server.domain.settlement import settle
from mock_server.fixtures.actions import take_action
from mock_server.journal.entries import read_entries
from mock_server.journal.journal import JournalSlice
from mock_server.sandbox.commands import (
    LoadFixture,
    PastState,
    PlayScenario,
    ReplaceSetup,
    Reset,
    RestoreSnapshot,
    RestoreState,
    Rewind,
    TakeSnapshot,
)
from mock_server.sandbox.history import History, HistoryEntry, NotKept
from mock_server.sandbox.sandbox import ServerSandbox
from mock_server.sandbox.state import SandboxState

JUMPS = (LoadFixture, PlayScenario, ReplaceSetup, Reset, RestoreSnapshot, RestoreState, Rewind)
"""The commands that start over: nothing of the state before them remains, as far as it can be exported."""

START = "start"


class NoSuchStart(Exception):
    """There is no such snapshot in the history; the message says what there is."""


class Moment(Struct, frozen=True, kw_only=True):
    """The state and time at the start, and all that came after.

    `began` is when the content was set up, if that is known. `left_out` says which requests are missing.
    """

    state: SandboxState
    now: datetime
    began: datetime | None
    requests: JournalSlice
    commands: Sequence[HistoryEntry]
    left_out: str | None = None


def find_moment(sandbox: ServerSandbox, since: int | str) -> Moment:
    """Return the moment of a request's number, of a snapshot's name, or of the `start`.

    Requests that the journal has dropped, or before which no state is kept, are left out.

    Raises:
        NoSuchStart: there is no snapshot of that name, or not in the history any more.
    """
    commands = sandbox.history.entries
    taken = _snapshot(commands, since) if isinstance(since, str) else None
    if taken is not None:
        entry = commands[taken]
        requests = sandbox.journal.read(entry.record.position)
        if requests.packed and requests.first > entry.record.position + 1:
            return _at_request(sandbox, entry.record.position)  # what came before is known as a state only
        return Moment(
            state=state_after(entry, sandbox.history),
            now=entry.now,
            began=_began(commands[:taken], sandbox.history),
            requests=requests,
            commands=commands[taken + 1 :],
        )
    if isinstance(since, str) and since != START:
        names = ", ".join(sandbox.state.snapshots) or "none"
        raise NoSuchStart(
            f"since is a request's number, {START}, or a snapshot that the history has, not {shown(since)};"
            f" there are the snapshots: {names}"
        )
    return _at_request(sandbox, 0 if isinstance(since, str) else since)


def state_after(entry: HistoryEntry, history: History) -> SandboxState:
    """Return the state right after a command.

    Raises:
        NotKept: it is a rewind to a state that is not kept any more.
    """
    return entry.state_after(history.before_command)


def _snapshot(commands: Sequence[HistoryEntry], name: str) -> int | None:
    taken = (
        at
        for at, entry in enumerate(commands)
        if isinstance(entry.record.command, TakeSnapshot) and entry.record.command.name == name
    )
    return max(taken, default=None)


def _at_request(sandbox: ServerSandbox, since: int) -> Moment:
    history, commands = sandbox.history, sandbox.history.entries
    requests = sandbox.journal.read(since)
    first = max(requests.first if requests.packed else since + 1, history.first_request, 1)
    at = sum(1 for entry in commands if entry.record.position < first)
    if since == 0:
        at = _preparation(commands[:at], is_complete=history.is_complete)
    past = _state_before(sandbox, commands, at, first)
    reason = "the journal or the history begins later (--journal-entries, --history-entries)"
    numbers = f"Requests {since + 1} to {first - 1} are" if first > since + 2 else f"Request {first - 1} is"
    left_out = f"{numbers} left out: {reason}." if first > since + 1 else None
    return Moment(
        state=past.state,
        now=past.now,
        began=_began(commands[:at], history),
        requests=sandbox.journal.read(first - 1),
        commands=commands[at:],
        left_out=left_out,
    )


def _preparation(commands: Sequence[HistoryEntry], *, is_complete: bool) -> int:
    """Return how many commands before the first request are part of the start: the other ones are steps.

    They are those up to the last one that starts over.
    """
    for at in reversed(range(len(commands))):
        if commands[at].record.request is not None:
            return len(commands)
        if isinstance(commands[at].record.command, JUMPS):
            return at + 1
    return 0 if is_complete else len(commands)


def _state_before(sandbox: ServerSandbox, commands: Sequence[HistoryEntry], at: int, first: int) -> PastState:
    """Return the state before the command at this place, at the time of the first request or before it."""
    times = [entry.exchange.at for entry in islice(read_entries(sandbox.journal.read(first - 1)), 1)]
    times.append(commands[at].now if at < len(commands) else sandbox.now())
    if at == 0:
        state = commands[0].state if commands else sandbox.state
        return PastState(state, min(times))
    previous = commands[at - 1]
    try:
        state = state_after(previous, sandbox.history)
    except NotKept:
        return PastState(commands[at].state if at < len(commands) else sandbox.state, min(times))
    now = state.clock.at(previous.record.machine)
    if isinstance(previous.record.command, JUMPS):
        return PastState(state, now)
    now = max(now, min(times))
    return PastState(replace(state, world=settle(state.world, now, take_action)[0]), now)


def _began(commands: Sequence[HistoryEntry], history: History) -> datetime | None:
    jumps = [entry for entry in commands if isinstance(entry.record.command, JUMPS)]
    if not jumps:
        return commands[0].now if commands and history.is_complete else None
    try:
        return state_after(jumps[-1], history).clock.at(jumps[-1].record.machine)
    except NotKept:
        return jumps[-1].now
