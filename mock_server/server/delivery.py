"""Deliver an answer as its `Delivery` says: late, in pieces, as a stream, or with a connection fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from time import monotonic
from typing import TYPE_CHECKING

from mock_server.delivery import Delivery
from mock_server.server.answers import Answer, head

if TYPE_CHECKING:
    from mock_server.server.connection import Connection

_GARBAGE = bytes(range(0x80, 0x100)) * 4
_NO_CHUNK = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + _GARBAGE
)


Fault = Callable[["Connection", Answer], Awaitable[None]]
"""What is done to the connection instead of answering, or with the answer."""


async def deliver(connection: Connection, answer: Answer, plan: Delivery) -> None:
    """Answer the client as planned."""
    if plan.delay:
        await connection.pause(plan.delay.total_seconds())
    fault = FAULTS.get(plan.fault)
    if fault is not None:
        await fault(connection, answer)
    elif plan.stream is not None:
        await _stream(connection, answer, plan.stream)
    else:
        await _send_in_pieces(connection, answer, plan)


async def send_parts(connection: Connection, answer: Answer) -> None:
    """Send a body of unknown length as the app makes it; other clients have their turn between two parts."""
    connection.begin(answer)
    for part in answer.parts:
        if part:
            await connection.send(part)
            await asyncio.sleep(0)
    connection.complete()


async def _stream(connection: Connection, answer: Answer, parts: AsyncGenerator[bytes, None]) -> None:
    """Send the parts as they come, until there are no more; cancelled when the client goes."""
    headers = [(name, value) for name, value in answer.headers if name != "Content-Length"]
    async with aclosing(parts):
        connection.begin(Answer(answer.status, headers, answer.parts))
        async for part in parts:
            await connection.send(part)
    connection.complete()


async def _send_in_pieces(connection: Connection, answer: Answer, plan: Delivery) -> None:
    """Send the body in pieces of about one size, the last one when the time is over."""
    body = b"".join(answer.parts)
    connection.begin(answer)
    begun, length = monotonic(), len(body)
    pieces = max(1, min(plan.pieces, length))
    for number in range(pieces):
        # Counted from the beginning: a loop's timers are too coarse for the pauses between many pieces.
        due = begun + plan.spread.total_seconds() * (number + 1) / pieces
        if plan.spread:
            await connection.pause(max(0, due - monotonic()))
        await connection.send(body[length * number // pieces : length * (number + 1) // pieces])
    connection.complete()


async def _reset(connection: Connection, _: Answer) -> None:
    await connection.reset()


async def _close(connection: Connection, _: Answer) -> None:
    await connection.send_and_close(b"")


async def _never_answer(connection: Connection, _: Answer) -> None:
    """Wait until the client goes."""
    await connection.pause(None)
    await connection.send_and_close(b"")


async def _send_no_chunk(connection: Connection, _: Answer) -> None:
    await connection.send_and_close(_NO_CHUNK)


async def _send_garbage(connection: Connection, _: Answer) -> None:
    await connection.send_and_close(_GARBAGE)


async def _truncate(connection: Connection, answer: Answer) -> None:
    body = b"".join(answer.parts)
    headers = answer.headers if answer.has_length else [*answer.headers, ("Content-Length", str(len(body)))]
    await connection.send_and_close(head(answer.status, headers) + body[: len(body) // 2])


FAULTS: dict[str | None, Fault] = {
    "CONNECTION_RESET_BY_PEER": _reset,
    "EMPTY_RESPONSE": _close,
    "MALFORMED_RESPONSE_CHUNK": _send_no_chunk,
    "RANDOM_DATA_THEN_CLOSE": _send_garbage,
    "NO_RESPONSE": _never_answer,
    "TRUNCATED_BODY": _truncate,
}
"""The faults of the connection; the app does the others to the answer itself."""
