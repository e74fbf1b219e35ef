"""The journal of one sandbox: its latest exchanges, bounded by count and by bytes, oldest forgotten first.

One that has forgotten anything says so. It never waits for anybody who listens: a listener is woken, and
reads what there still is from where it got to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import starmap
from threading import Lock

from msgspec import Struct

from mock_server.journal.coverage import Tally
from mock_server.journal.entry import Entry
from mock_server.journal.exchange import Exchange, Packed, packed

_LARGEST_SHARE = 8
"""An exchange that alone takes more than this part of the journal loses its bodies: it displaces too many."""


class Limits(Struct, frozen=True):
    """How much a journal keeps."""

    entries: int = 1_000
    bytes: int = 16 * 1024 * 1024


class Excerpt(Struct, frozen=True):
    """Exchanges, oldest first, and the number of the first; and whether none of those meant was forgotten."""

    first: int
    kept: tuple[Packed, ...]
    complete: bool

    @property
    def last(self) -> int:
        """The number of the last one, of the one before the first where there is none."""
        return self.first + len(self.kept) - 1

    def entries(self) -> Iterator[Entry]:
        """The exchanges made readable, one by one."""
        return starmap(Entry, enumerate(self.kept, self.first))


class Journal:
    """What a client asked and was answered. Numbers only go up, also when the journal is cleared."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._kept: deque[Packed] = deque()
        self._bytes = 0
        self._last = 0
        self._forgotten = 0
        self._tally = Tally()
        self._listeners: tuple[Callable[[], None], ...] = ()
        self._lock = Lock()
        self.closed = False

    def record(self, exchange: Exchange, answer: bytes | None) -> None:
        """Keep an exchange, under the next number; of its answer the body, unless that is None."""
        kept = packed(exchange, answer, self._limits.bytes // _LARGEST_SHARE)
        with self._lock:
            self._last += 1
            self._kept.append(kept)
            self._bytes += kept.size
            if len(self._kept) > self._limits.entries or self._bytes > self._limits.bytes:
                self._forget()
            self._tally.count(exchange)
        for wake in self._listeners:
            wake()

    def excerpt(self, since: int = 0) -> Excerpt:
        """The exchanges there are with a number above `since`."""
        with self._lock:
            kept, last, forgotten = tuple(self._kept), self._last, self._forgotten
        first = last - len(kept) + 1
        return Excerpt(max(first, since + 1), kept[max(since + 1 - first, 0) :], forgotten <= since)

    @property
    def last(self) -> int:
        """The number of the latest exchange there ever was, 0 for none."""
        return self._last

    @property
    def tally(self) -> Tally:
        """What was counted since the start or the last reset."""
        with self._lock:
            return self._tally.copy()

    def clear(self) -> int:
        """Forget the exchanges as if they had never been; counts go on. How many there were."""
        with self._lock:
            return self._clear()

    def reset(self) -> None:
        """Forget the exchanges and the counts."""
        with self._lock:
            self._clear()
            self._tally = Tally()

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Have `wake` called after each exchange, and when the journal is closed; the result ends that."""
        with self._lock:
            self._listeners = (*self._listeners, wake)
        return lambda: self._unlisten(wake)

    def close(self) -> None:
        """Let those who listen know that nothing more comes."""
        self.closed = True
        for wake in self._listeners:
            wake()

    def _unlisten(self, wake: Callable[[], None]) -> None:
        with self._lock:
            self._listeners = tuple(other for other in self._listeners if other is not wake)

    def _forget(self) -> None:
        while len(self._kept) > self._limits.entries or self._bytes > self._limits.bytes:
            self._bytes -= self._kept.popleft().size
            self._forgotten = self._last - len(self._kept)

    def _clear(self) -> int:
        count = len(self._kept)
        self._kept.clear()
        self._bytes = self._forgotten = 0
        return count
