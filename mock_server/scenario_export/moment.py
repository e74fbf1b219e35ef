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

START_OVER_COMMANDS = (LoadFixture, PlayScenario, ReplaceSetup, Reset, RestoreSnapshot, RestoreState, Rewind)
"""The commands that start over: nothing that an export contains remains of the state before them."""

START = "start"


class NoSuchStart(Exception):
    """There is no such snapshot in the history; the message says what there is."""


class Moment(Struct, frozen=True, kw_only=True):
    """The state and time at which the scenario starts, and the requests and commands after it.

    `content_since` is when a command set up the content, None if that is not known. `left_out` is a sentence
    about requests that are missing.
    """

    state: SandboxState
    now: datetime
    content_since: datetime | None
    requests: JournalSlice
    commands: Sequence[HistoryEntry]
    left_out: str | None = None


def find_moment(sandbox: ServerSandbox, since: int | str) -> Moment:
    """Return the moment after the request of this number, at the snapshot of this name, or at the `start`.

    Requests that the journal has dropped, or before which no state is kept, are left out.

    Raises:
        NoSuchStart: there is no snapshot of that name, or not in the history any more.
    """
    commands = sandbox.history.entries
    index = _find_snapshot(commands, since) if isinstance(since, str) else None
    if index is not None:
        entry = commands[index]
        requests = sandbox.journal.read(entry.record.position)
        if requests.packed and requests.first > entry.record.position + 1:
            return _at_request(sandbox, entry.record.position)  # the journal has dropped the first requests
        return Moment(
            state=state_after(entry, sandbox.history),
            now=entry.now,
            content_since=_content_since(commands[:index], sandbox.history),
            requests=requests,
            commands=commands[index + 1 :],
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


def _find_snapshot(commands: Sequence[HistoryEntry], name: str) -> int | None:
    indexes = (
        index
        for index, entry in enumerate(commands)
        if isinstance(entry.record.command, TakeSnapshot) and entry.record.command.name == name
    )
    return max(indexes, default=None)


def _at_request(sandbox: ServerSandbox, since: int) -> Moment:
    history, commands = sandbox.history, sandbox.history.entries
    requests = sandbox.journal.read(since)
    first = max(requests.first if requests.packed else since + 1, history.first_request, 1)
    index = sum(1 for entry in commands if entry.record.position < first)
    if since == 0:
        index = _count_start_commands(commands[:index], is_complete=history.is_complete)
    past = _state_before(sandbox, commands, index, first)
    reason = "the journal or the history begins later (--journal-entries, --history-entries)"
    numbers = f"Requests {since + 1} to {first - 1} are" if first > since + 2 else f"Request {first - 1} is"
    left_out = f"{numbers} left out: {reason}." if first > since + 1 else None
    return Moment(
        state=past.state,
        now=past.now,
        content_since=_content_since(commands[:index], history),
        requests=sandbox.journal.read(first - 1),
        commands=commands[index:],
        left_out=left_out,
    )


def _count_start_commands(commands: Sequence[HistoryEntry], *, is_complete: bool) -> int:
    """Return how many of the commands before the first request are part of the start; the others are steps.

    Part of the start are those up to the last one that starts over.
    """
    for index in reversed(range(len(commands))):
        if commands[index].record.request is not None:
            return len(commands)
        if isinstance(commands[index].record.command, START_OVER_COMMANDS):
            return index + 1
    return 0 if is_complete else len(commands)


def _state_before(
    sandbox: ServerSandbox, commands: Sequence[HistoryEntry], index: int, first: int
) -> PastState:
    """Return the state before the command of this index, at a time not later than the request `first`."""
    times = [entry.exchange.at for entry in islice(read_entries(sandbox.journal.read(first - 1)), 1)]
    times.append(commands[index].now if index < len(commands) else sandbox.now())
    if index == 0:
        state = commands[0].state if commands else sandbox.state
        return PastState(state, min(times))
    previous = commands[index - 1]
    try:
        state = state_after(previous, sandbox.history)
    except NotKept:
        return PastState(commands[index].state if index < len(commands) else sandbox.state, min(times))
    now = state.clock.at(previous.record.machine)
    if isinstance(previous.record.command, START_OVER_COMMANDS):
        return PastState(state, now)
    now = max(now, min(times))
    return PastState(replace(state, world=settle(state.world, now, take_action)[0]), now)


def _content_since(commands: Sequence[HistoryEntry], history: History) -> datetime | None:
    starts = [entry for entry in commands if isinstance(entry.record.command, START_OVER_COMMANDS)]
    if not starts:
        return commands[0].now if commands and history.is_complete else None
    try:
        return state_after(starts[-1], history).clock.at(starts[-1].record.machine)
    except NotKept:
        return starts[-1].now
