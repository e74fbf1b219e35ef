"""How an answer is sent to the client: at once, late, in pieces, damaged, or as a stream of events.

The app leaves a `Delivery` in the WSGI environ under `KEY`. The server carries it out with `deliver`, on a
connection that it passes as a `Wire`; another WSGI server sends the answer at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing, suppress
from datetime import timedelta
from functools import partial
from threading import Thread
from time import monotonic
from typing import Any, Protocol, TypeVar

from msgspec import Struct

T = TypeVar("T")

KEY = "mock_server.delivery"

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_GARBAGE = bytes(range(0x80, 0x100)) * 4
_NO_CHUNK = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + _GARBAGE
)
_BYTES_OF_FAULT = {
    "EMPTY_RESPONSE": b"",
    "MALFORMED_RESPONSE_CHUNK": _NO_CHUNK,
    "RANDOM_DATA_THEN_CLOSE": _GARBAGE,
}
WIRE_FAULTS = {*_BYTES_OF_FAULT, "CONNECTION_RESET_BY_PEER", "NO_RESPONSE", "TRUNCATED_BODY"}
"""The faults of the connection; the app applies the other ones to the answer."""


class Delivery(Struct, frozen=True, kw_only=True):
    """How to send an answer: after `delay`, its body in `pieces` that are spread over the time `spread`.

    `fault` is the name of a connection fault, which replaces or damages the answer. `stream` replaces the
    body: its parts are sent as they come, until the client disconnects. `late` returns, when it is ready, the
    WSGI application whose answer is sent instead.
    """

    delay: timedelta = timedelta()
    pieces: int = 1
    spread: timedelta = timedelta()
    fault: str | None = None
    stream: AsyncGenerator[bytes, None] | None = None
    late: Callable[[], Awaitable[WsgiApp]] | None = None


class Wire(Protocol):
    """The connection on which an answer is delivered."""

    async def pause(self, seconds: float | None) -> None:
        """Wait for these seconds, without end for None; shorter if the client closes its side."""
        ...

    def begin(self, *, has_length: bool = True) -> None:
        """Send the head of the answer, with the length of its body if it is known."""
        ...

    async def send(self, part: bytes) -> None:
        """Send a part of the body, and wait until the client has taken most of what was sent."""
        ...

    def complete(self) -> None:
        """Send the end of the body."""
        ...

    async def send_all(self, body: bytes) -> None:
        """Send head and body at once, and wait until the client has taken most of them."""
        ...

    def send_and_close(self, raw: bytes) -> None:
        """Send these bytes unchanged, and close the connection."""
        ...

    def truncate(self, length: int, part: bytes) -> None:
        """Send the head of an answer of this length, a part of its body, and close the connection."""
        ...

    async def reset(self) -> None:
        """Reset the connection (TCP RST)."""
        ...


async def deliver(wire: Wire, parts: Iterable[bytes], plan: Delivery | None) -> None:
    """Send an answer as planned; without a plan, send its parts as the app yields them."""
    if plan is None:
        await _send_parts(wire, parts)
        return
    if plan.delay:
        await wire.pause(plan.delay.total_seconds())
    if plan.fault in WIRE_FAULTS:
        await _fail(wire, parts, plan.fault)
    elif plan.stream is not None:
        wire.begin(has_length=False)
        async with aclosing(plan.stream) as stream:
            async for part in stream:
                await wire.send(part)
        wire.complete()
    else:
        await _send_pieces(wire, parts, plan)


async def _send_parts(wire: Wire, parts: Iterable[bytes]) -> None:
    """Send a body of unknown length; other clients are served between two parts."""
    wire.begin(has_length=False)
    for part in parts:
        await wire.send(part)
        await asyncio.sleep(0)
    wire.complete()


async def _send_pieces(wire: Wire, parts: Iterable[bytes], plan: Delivery) -> None:
    """Send the body in pieces of about the same size, the last one at the end of the time."""
    body = b"".join(parts)
    if plan.pieces <= 1 and not plan.spread:
        await wire.send_all(body)
        return
    wire.begin()
    started, length = monotonic(), len(body)
    pieces = max(1, min(plan.pieces, length))
    for index in range(pieces):
        # Each time counts from the beginning: timers of an event loop are too coarse for many short pauses.
        due = started + plan.spread.total_seconds() * (index + 1) / pieces
        if plan.spread:
            await wire.pause(max(0, due - monotonic()))
        await wire.send(body[length * index // pieces : length * (index + 1) // pieces])
    wire.complete()


async def _fail(wire: Wire, parts: Iterable[bytes], fault: str | None) -> None:
    """Apply the fault to the connection, instead of the answer or with it."""
    if fault == "CONNECTION_RESET_BY_PEER":
        await wire.reset()
        return
    if fault == "NO_RESPONSE":
        await wire.pause(None)
    if fault == "TRUNCATED_BODY":
        body = b"".join(parts)
        wire.truncate(len(body), body[: len(body) // 2])
    else:
        wire.send_and_close(_BYTES_OF_FAULT.get(fault or "", b""))


class SlowCalls:
    """Runs calls that take long in threads, one at a time, while the event loop answers others."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def run(self, function: Callable[[], T]) -> T:
        """Run a function in a daemon thread, which does not delay the server's end; return its result.

        If the caller is cancelled, because the client has gone, the next call still waits for the thread.
        """
        await self._turn.acquire()
        call = asyncio.ensure_future(_in_thread(function))
        call.add_done_callback(lambda _: self._turn.release())
        return await asyncio.shield(call)


async def _in_thread(function: Callable[[], T]) -> T:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def end(finish: Callable[[], None]) -> None:
        if not future.cancelled():
            finish()

    def run() -> None:
        try:
            finish = partial(future.set_result, function())
        except BaseException as error:  # noqa: BLE001
            finish = partial(future.set_exception, error)
        with suppress(RuntimeError):  # the loop may have ended
            loop.call_soon_threadsafe(end, finish)

    Thread(target=run, name="mock-server slow call", daemon=True).start()
    return await future
