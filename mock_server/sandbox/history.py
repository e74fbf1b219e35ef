"""The executed commands of a sandbox: their records as JSON, the replay of them, and the latest as history.

A record has a command, its time, and the companies that were generated for it. So the same start and records
give the same state on any machine. The history has each of the latest commands with the state before it, so
that going back is one assignment. States share what a command did not touch: a kept state takes some
kilobytes, at any size of the sandbox.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import UnionType
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from mock_server.domain.model import Company, CompanyId
from mock_server.fixtures.fixture import Fixture
from mock_server.sandbox.commands import (
    AddToTimeline,
    AnyCommand,
    CommandContext,
    DepositEvidence,
    PastState,
    RestoreState,
    Rewind,
)
from mock_server.sandbox.state import SandboxState, settle_if_possible

T = TypeVar("T")

MAX_BYTES = 32 * 1024 * 1024
"""Bytes of memory that the kept states of a sandbox may use, estimated."""

_STATE_BYTES = 8_000
"""Bytes of a command and of the part of its state that the next one does not share, measured."""

_DOSSIER_BYTES = 3_000
"""Bytes of a dossier and its share of third parties and indexes, measured."""


class MissingFixture(ValueError):
    """A record names a fixture that is not known; `key` is its key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"there is no fixture {key}")
        self.key = key


class Record(Struct, frozen=True, kw_only=True):
    """A command that was executed: its number, and when, in the machine's time.

    `request` is the number of the request that executed it, None for a control call; `latest_request` is the
    last one before it. `companies` are those that were generated for it.
    """

    version: Literal[1] = 1
    number: int
    machine: datetime
    request: int | None
    latest_request: int
    command: AnyCommand
    companies: tuple[tuple[CompanyId, Company], ...] = ()

    @property
    def position(self) -> int:
        """The number of the request in which or after which it was executed."""
        return self.latest_request if self.request is None else self.request

    @property
    def first_undone(self) -> int:
        """The number of the oldest command that it undoes, 0 if it undoes none."""
        return self.command.before if isinstance(self.command, Rewind) else 0


class RecordFormat:
    """Encodes and decodes records and kept states, in which a fixture is its key in `fixtures`."""

    def __init__(self, fixtures: Mapping[str, Fixture] | None = None) -> None:
        self.fixtures: dict[str, Fixture] = dict(fixtures or {})

    def encode(self, value: Struct) -> bytes:
        """Return the value as JSON; its fixtures are added to `fixtures`."""
        return msgspec.json.encode(value, enc_hook=self._encode_hook)

    def decode(self, encoded: bytes, kind: type[T] | UnionType) -> T:
        """Return the value of this type.

        Raises:
            msgspec.DecodeError: it is of another type, or names a fixture that `fixtures` does not have.
        """
        return msgspec.json.decode(encoded, type=kind, dec_hook=self._decode_hook)

    def _encode_hook(self, value: object) -> str:
        if isinstance(value, Fixture):
            self.fixtures[value.key] = value
            return value.key
        if isinstance(value, Path):
            return str(value)
        raise NotImplementedError(f"{type(value).__name__} has no JSON form")

    def _decode_hook(self, kind: type, value: str) -> object:
        if kind is not Fixture:
            return kind(value)
        fixture = self.fixtures.get(value)
        if fixture is None:
            raise MissingFixture(value)
        return fixture


class NotKept(Exception):
    """The state is not kept any more, or never existed; the message says which ones are."""


class HistoryEntry(PastState, frozen=True):
    """An executed command, with the state before it and the sandbox's time then."""

    record: Record

    @property
    def size(self) -> int:
        """Return an estimate of the bytes that keeping it takes."""
        command = self.record.command
        if isinstance(command, DepositEvidence):
            return _STATE_BYTES + len(command.given.content or b"")
        if isinstance(command, AddToTimeline):
            return _STATE_BYTES + sum(len(str(entry.body)) for entry in command.entries)
        if isinstance(command, RestoreState):
            return _STATE_BYTES + _DOSSIER_BYTES * len(command.exported.content.dossiers)
        return _STATE_BYTES

    def state_after(self, state_before: Callable[[int], PastState]) -> SandboxState:
        """Return the state after the command; `state_before` finds the one to which a rewind goes back."""
        companies = dict(self.record.companies).__getitem__
        context = CommandContext(self.now, companies, self.record.machine, state_before)
        return self.record.command.apply(self.state, context)[0]


class History:
    """The latest commands, bounded by count and by bytes; the oldest are dropped. Numbers only increase."""

    def __init__(self, limit: int, last: int = 0, last_request: int = 0) -> None:
        self._limit = limit
        self._entries: deque[HistoryEntry] = deque()
        self._bytes = 0
        self.last = last
        self._dropped_position = last_request

    @property
    def entries(self) -> tuple[HistoryEntry, ...]:
        """The kept commands, oldest first."""
        return tuple(self._entries)

    @property
    def is_complete(self) -> bool:
        """Whether every command is kept."""
        return self.last == len(self._entries)

    @property
    def first_request(self) -> int:
        """The number of the first request before which the state is kept."""
        return self._dropped_position + 1

    def forget(self, number: int) -> None:
        """Drop the commands up to that number."""
        while self._entries and self._entries[0].record.number <= number:
            self._drop_oldest()

    def add(self, entry: HistoryEntry) -> None:
        """Keep a command under its number, the one after `last`."""
        self.last = entry.record.number
        self._entries.append(entry)
        self._bytes += entry.size
        while self._entries and (len(self._entries) > self._limit or self._bytes > MAX_BYTES):
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        dropped = self._entries.popleft()
        self._bytes -= dropped.size
        self._dropped_position = dropped.record.position

    def before_command(self, number: int) -> HistoryEntry:
        """Return the command of that number.

        Raises:
            NotKept: it was dropped, or does not exist.
        """
        first = self.last - len(self._entries) + 1
        if number > self.last or number < 1:
            latest = f"the latest is {self.last}" if self.last else "none was made"
            raise NotKept(f"there is no command {number}; {latest}")
        if number < first:
            raise NotKept(f"the state before command {number} is not kept any more; {self._oldest_kept()}")
        return self._entries[number - first]

    def before_request(self, request: int) -> HistoryEntry | None:
        """Return the first command since that request began, None if there was none.

        Raises:
            NotKept: it was dropped.
        """
        if self._dropped_position >= request:
            raise NotKept(f"the state before request {request} is not kept any more; {self._oldest_kept()}")
        return next((entry for entry in self._entries if entry.record.position >= request), None)

    def _oldest_kept(self) -> str:
        """Return which state is the oldest, for a message."""
        if not self._entries:
            return "none is kept"
        oldest = self._entries[0].record
        return (
            f"the oldest one is that before command {oldest.number} (request {oldest.position});"
            " start the server with a larger --history-entries to keep more"
        )


def settle_before(state: SandboxState, record: Record) -> HistoryEntry:
    """Return the record with the state before it, in which all that was due at that time is settled."""
    state = settle_if_possible(state, record.machine)
    return HistoryEntry(state, state.clock.at(record.machine), record)


def replay(
    state: SandboxState,
    records: Iterable[Record],
    on_entry: Callable[[HistoryEntry], object] = lambda _: None,
) -> SandboxState:
    """Apply the records to the state, in their order, and return the last state.

    A rewind goes back to the state before one of them. `on_entry` gets each record with the state before it.
    """
    records = tuple(records)
    rewound_to = {record.first_undone for record in records}
    states: dict[int, PastState] = {}
    for record in records:
        entry = settle_before(state, record)
        on_entry(entry)
        if record.number in rewound_to:
            states[record.number] = entry
        state = entry.state_after(states.__getitem__)
    return state
