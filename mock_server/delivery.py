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
_SENT_INSTEAD = {
    "EMPTY_RESPONSE": b"",
    "MALFORMED_RESPONSE_CHUNK": _NO_CHUNK,
    "RANDOM_DATA_THEN_CLOSE": _GARBAGE,
}
WIRE_FAULTS = {*_SENT_INSTEAD, "CONNECTION_RESET_BY_PEER", "NO_RESPONSE", "TRUNCATED_BODY"}
"""The faults of the connection; the app does the others to the answer itself."""


class Delivery(Struct, frozen=True, kw_only=True):
    """The answer waits for `delay`; its body comes in `pieces`, spread over `spread`.

    `fault` is a connection fault by name, seen instead of the answer or in it; `stream` is sent as it comes,
    in place of the body, until the client goes. `late` returns the WSGI application that answers, in place of
    the one that was returned.
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
        """Wait for these seconds, or without end; less if the client has closed its side."""
        ...

    def begin(self, *, has_length: bool = True) -> None:
        """Send the head of the answer; without a length, the end of its body is marked in another way."""
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
        """Send bytes as they are, and close the connection."""
        ...

    def truncate(self, length: int, part: bytes) -> None:
        """Send the head of an answer of this length, a part of its body, and close the connection."""
        ...

    async def reset(self) -> None:
        """Reset the connection (TCP RST)."""
        ...


async def deliver(wire: Wire, parts: Iterable[bytes], plan: Delivery | None) -> None:
    """Answer the client as planned; without a plan, send the parts as the app makes them."""
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
    """Send the body in pieces of about one size, the last one when the time is over."""
    body = b"".join(parts)
    if plan.pieces <= 1 and not plan.spread:
        await wire.send_all(body)
        return
    wire.begin()
    begun, length = monotonic(), len(body)
    pieces = max(1, min(plan.pieces, length))
    for number in range(pieces):
        # Counted from the beginning: a loop's timers are too coarse for the pauses between many pieces.
        due = begun + plan.spread.total_seconds() * (number + 1) / pieces
        if plan.spread:
            await wire.pause(max(0, due - monotonic()))
        await wire.send(body[length * number // pieces : length * (number + 1) // pieces])
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
        wire.send_and_close(_SENT_INSTEAD.get(fault or "", b""))


class SlowCalls:
    """Calls that take long. Each has a thread, one at a time, while the event loop answers others."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def run(self, make: Callable[[], T]) -> T:
        """Run a function in a daemon thread, which does not delay the server's end; return its result.

        If the caller is cancelled, because the client has gone, the next call still waits for the thread.
        """
        await self._turn.acquire()
        call = asyncio.ensure_future(_in_thread(make))
        call.add_done_callback(lambda _: self._turn.release())
        return await asyncio.shield(call)


async def _in_thread(make: Callable[[], T]) -> T:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def end(finish: Callable[[], None]) -> None:
        if not future.cancelled():
            finish()

    def run() -> None:
        try:
            finish = partial(future.set_result, make())
        except BaseException as error:  # noqa: BLE001
            finish = partial(future.set_exception, error)
        with suppress(RuntimeError):  # the loop may have ended
            loop.call_soon_threadsafe(end, finish)

    Thread(target=run, name="mock-server slow call", daemon=True).start()
    return await future
