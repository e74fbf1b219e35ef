"""The journal of one sandbox: its latest exchanges, bounded by count and by bytes; the oldest go first.

An exchange is recorded unparsed, and packed into two objects: to free the forty objects of an old exchange
would take longer than to record a request.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mock_server.journal.coverage import ExchangeCounts, ExchangeKind, Fact
from mock_server.journal.hints import Polls

if TYPE_CHECKING:
    from mock_server.journal.verify import Expectation

_MAX_SHARE = 8
"""An exchange above this fraction of the journal is kept without its bodies: it would displace too many."""

_OVERHEAD = 300
"""Bytes that a packed exchange takes besides its own, measured."""


class Exchange(Struct, frozen=True, array_like=True, gc=False):
    """A request and its answer as the server has them; the body of the answer is separate.

    `texts` is the WSGI environ without its objects; `ids` are those of the path, by their Python names.
    `fault` is what the client saw instead of `status`; `ended` is in real time; `seconds` is the duration.
    `rule_effect` is what a rule did to the call, None if no rule applied.
    """

    operation: str | None
    dialect: str | None
    user: str | None
    at: datetime
    ended: float
    seconds: float
    texts: Mapping[str, Any]
    body: bytes
    ids: Mapping[str, Any]
    thirdparty_id: int | None
    status: int
    headers: Sequence[tuple[str, str]]
    facts: tuple[Fact, ...]
    fault: str | None
    matched: bool
    rule_effect: str | None
    without_bodies: bool = False

    @property
    def kind(self) -> ExchangeKind:
        """The kind under which the exchange is counted."""
        return (
            self.operation,
            self.dialect,
            self.fault or self.status,
            self.matched,
            self.rule_effect,
            self.facts,
        )


class PackedExchange(NamedTuple):
    """An encoded exchange and the body of its answer, None if it is not kept; both take `size` bytes."""

    exchange: bytes
    answer: bytes | None
    size: int


class Limits(Struct, frozen=True):
    """How much a journal keeps."""

    entries: int = 1_000
    bytes: int = 16 * 1024 * 1024


class JournalSlice(Struct, frozen=True):
    """Consecutive exchanges and the number of the first. `complete` is False if some of them were dropped."""

    first: int
    packed: tuple[PackedExchange, ...]
    complete: bool

    @property
    def last(self) -> int:
        """The number of the last exchange; `first - 1` if there is none."""
        return self.first + len(self.packed) - 1


Listener = Callable[[str | None], None]


class JournalStore(Protocol):
    """Keeps the exchanges of the sandboxes, by name, over a restart, as far as it can."""

    def add_exchange(self, name: str, number: int, packed: PackedExchange, first: int) -> None:
        """Keep an exchange; those before number `first` were dropped."""

    def clear_exchanges(self, name: str, last: int) -> None:
        """Delete them; the next one has the number after `last`."""


class Journal:
    """The exchanges of the sandbox `name`. Numbers only increase, also when the journal is cleared.

    It begins with those that were `kept` up to number `last`, and adds each later one to the `store`.

    `polls` are the requests for imports, counted in strict mode only.

    It never waits for a listener: it wakes the listener, which then reads the exchanges that are still there.
    """

    def __init__(
        self,
        limits: Limits,
        last: int = 0,
        *,
        name: str = "",
        kept: Sequence[PackedExchange] = (),
        store: JournalStore | None = None,
    ) -> None:
        self._limits = limits
        self._name = name
        self._packed = deque(kept)
        self._bytes = sum(packed.size for packed in kept)
        self._last = last
        self._last_dropped = last - len(kept)
        self._store = store
        self._drop()
        self._counts = ExchangeCounts()
        self._counts_before_reset = ExchangeCounts()
        self._listeners: dict[Listener, None] = {}
        self._lock = Lock()
        self.polls = Polls()
        self.closed = False
        self.unmet_expectations: tuple[Expectation, ...] = ()
        """The expectations for which the last verification found too few exchanges, for explanations."""

    def record(self, exchange: Exchange, answer: bytes | None) -> None:
        """Keep an exchange under the next number; `answer` is the body of its answer, None if not kept."""
        self._add(pack(exchange, answer, self._limits.bytes // _MAX_SHARE), exchange)

    def _add(self, packed: PackedExchange, exchange: Exchange) -> None:
        """Keep a packed exchange under the next number, and count it."""
        with self._lock:
            self._last += 1
            self._packed.append(packed)
            self._bytes += packed.size
            self._drop()
            self._counts.count(exchange.kind)
            if self._store is not None and self._packed:
                self._store.add_exchange(self._name, self._last, packed, self._last - len(self._packed) + 1)
            listeners = tuple(self._listeners)
        for wake in listeners:
            wake(exchange.operation)

    def read(self, since: int = 0) -> JournalSlice:
        """Return the exchanges with a number above `since`."""
        with self._lock:
            packed, last, last_dropped = tuple(self._packed), self._last, self._last_dropped
        first = last - len(packed) + 1
        skipped = max(since + 1 - first, 0)
        return JournalSlice(max(first, since + 1), packed[skipped:], last_dropped <= since)

    @property
    def last(self) -> int:
        """The number of the latest exchange, dropped or not; 0 for none."""
        return self._last

    @property
    def counts(self) -> ExchangeCounts:
        """The counts since the start or the last reset."""
        with self._lock:
            return self._counts.copy()

    @property
    def total_counts(self) -> ExchangeCounts:
        """The counts since the journal was created, over all resets."""
        with self._lock:
            total = self._counts_before_reset.copy()
            total.add(self._counts)
            return total

    def count_imports(self, outcomes: Iterable[str]) -> None:
        """Count imports that ended, by outcome."""
        with self._lock:
            self._counts.imports.update(outcomes)

    def clear(self) -> int:
        """Delete the exchanges, and return how many there were. The counts stay."""
        with self._lock:
            return self._clear()

    def reset(self) -> None:
        """Delete the exchanges and the counts."""
        with self._lock:
            self._clear()
            self._counts_before_reset.add(self._counts)
            self._counts = ExchangeCounts()

    def listen(self, wake: Listener) -> Callable[[], None]:
        """Call `wake` after each exchange, with its operation, and with None when the journal is closed.

        The returned function removes the listener.
        """
        with self._lock:
            self._listeners[wake] = None
        return lambda: self._unlisten(wake)

    def close(self) -> None:
        """Wake the listeners for the last time."""
        self.closed = True
        for wake in tuple(self._listeners):
            wake(None)

    def _unlisten(self, wake: Listener) -> None:
        with self._lock:
            self._listeners.pop(wake, None)

    def _drop(self) -> None:
        """Drop the oldest exchanges beyond the limits."""
        while len(self._packed) > self._limits.entries or self._bytes > self._limits.bytes:
            self._bytes -= self._packed.popleft().size
            self._last_dropped = self._last - len(self._packed)

    def _clear(self) -> int:
        count = len(self._packed)
        self._packed.clear()
        self.unmet_expectations = ()
        self._bytes = self._last_dropped = 0
        if self._store is not None:
            self._store.clear_exchanges(self._name, self._last)
        return count


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Exchange).decode


def pack(exchange: Exchange, answer: bytes | None, max_size: int) -> PackedExchange:
    """Encode an exchange, without both bodies if it would be larger than `max_size` bytes.

    The answer is kept as the same object, so it must have no unused memory.
    """
    encoded = _encode_any(exchange)
    size = _OVERHEAD + len(encoded) + len(answer or b"")
    if size <= max_size:
        return PackedExchange(encoded, answer, size)
    encoded = _encode_any(replace(exchange, body=b"", without_bodies=True))
    return PackedExchange(encoded, b"", _OVERHEAD + len(encoded))


def join_parts(exchange: bytes, answer: bytes | None) -> PackedExchange:
    """Return a packed exchange of its two parts."""
    return PackedExchange(exchange, answer, _OVERHEAD + len(exchange) + len(answer or b""))


def unpack(packed: PackedExchange) -> Exchange:
    """Decode an exchange."""
    return _decode(packed.exchange)


def _encode_any(exchange: Exchange) -> bytes:
    try:
        return _encode(exchange)
    except (TypeError, UnicodeEncodeError):
        # Another WSGI server puts objects into the environ, or a text has lone surrogates.
        return _encode(replace(exchange, **_encodable_texts(exchange)))


def _encodable_texts(exchange: Exchange) -> dict[str, Any]:
    texts = {name: _encodable(value) for name, value in exchange.texts.items() if isinstance(value, str)}
    headers = [(name, _encodable(value)) for name, value in exchange.headers]
    return {"texts": texts, "headers": headers, "user": exchange.user and _encodable(exchange.user)}


def _encodable(value: str) -> str:
    return value.encode("utf-8", "replace").decode()
