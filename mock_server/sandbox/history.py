"""The latest commands of a sandbox, each with the state before it, so that going back is one assignment.

States share what a command did not touch: a kept state takes some kilobytes, at any size of the sandbox.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime

from msgspec import Struct

from mock_server.sandbox.commands import AddToTimeline, DepositEvidence, RestoreState
from mock_server.sandbox.records import Record
from mock_server.sandbox.state import SandboxState

MAX_BYTES = 32 * 1024 * 1024
"""How much memory the kept states of a sandbox use at most, as far as this is estimated."""

_STATE_BYTES = 8_000
"""Bytes of a command and of what its state does not share with the next one, measured."""

_DOSSIER_BYTES = 3_000
"""Bytes of a dossier and its share of third parties and indexes, measured."""


class NotKept(Exception):
    """The state is not kept any more, or never existed; the message says which ones are."""


class HistoryEntry(Struct, frozen=True):
    """An executed command, the sandbox's time then, and the state before."""

    record: Record
    now: datetime
    before: SandboxState

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


class History:
    """The latest commands, bounded by count and by bytes; the oldest drop out. Numbers only increase."""

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
            raise NotKept(f"there is no command {number}; {self._kept()}")
        if number < first:
            raise NotKept(f"the state before command {number} is not kept any more; {self._kept()}")
        return self._entries[number - first]

    def before_request(self, request: int) -> HistoryEntry | None:
        """Return the first command since that request began, None if there was none.

        Raises:
            NotKept: it was dropped.
        """
        if self._dropped_position >= request:
            raise NotKept(f"the state before request {request} is not kept any more; {self._kept()}")
        return next((entry for entry in self._entries if entry.record.position >= request), None)

    def _kept(self) -> str:
        if not self._entries:
            return "none is kept"
        oldest = self._entries[0].record
        return (
            f"the oldest one is that before command {oldest.number} (request {oldest.position});"
            " start the server with a larger --history-entries to keep more"
        )
