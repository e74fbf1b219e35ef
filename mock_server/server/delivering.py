"""Carrying out a delivery: delays that hold nobody else up, pieces, streams, faults on the socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from datetime import timedelta
from http.client import responses
from time import monotonic
from typing import Any

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]  # re-exported without saying so
from msgspec import Struct

from mock_server.delivery import Delivery
from mock_server.server import connections

Headers = list[tuple[str, str]]

_GARBAGE = bytes(range(0x80, 0x100)) * 4
_NO_CHUNK = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + _GARBAGE
)


class Answer(Struct, frozen=True):
    """What the app answered, whole."""

    status: int
    headers: Headers
    body: bytes


class Client(Struct, frozen=True):
    """Who is answered: its `address:port`, what answers it, and whether the server ends."""

    address: str
    protocol: Any
    ending: asyncio.Event

    async def goes(self, within: timedelta | None = None) -> bool:
        """Wait until the client goes; False when the time is over, or the server ends, before that."""
        gone = asyncio.ensure_future(self.protocol.client_disconnect())
        ending = asyncio.ensure_future(self.ending.wait())
        seconds = None if within is None else within.total_seconds()
        try:
            done, _ = await asyncio.wait({gone, ending}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            ending.cancel()
        return gone in done


Fault = Callable[[socket.socket, Answer], Awaitable[None]]
"""Something done to the connection instead of answering, or with the answer."""


async def deliver(plan: Delivery, client: Client, answer: Answer) -> None:
    """Answer the client as planned. One that goes in the meantime is not waited for.

    Once the server ends, no delay lasts any longer, and no stream.
    """
    if plan.delay and await client.goes(plan.delay):
        return
    if plan.stream is not None:
        await _stream(client, answer, plan.stream)
    elif plan.fault in _FAULTS:
        await _fail(_FAULTS[plan.fault], client, answer)
    elif plan.spread:
        await _dribble(plan, client, answer)
    else:
        client.protocol.response_bytes(answer.status, answer.headers, answer.body)


async def _stream(client: Client, answer: Answer, parts: AsyncGenerator[bytes, None]) -> None:
    """Send the parts as they come, until there are no more, the client goes or the server ends."""
    headers = [(name, value) for name, value in answer.headers if name != "Content-Length"]
    transport = client.protocol.response_stream(answer.status, headers)
    sending = asyncio.ensure_future(_send_all(transport, parts))
    over = asyncio.ensure_future(client.goes())
    await asyncio.wait({sending, over}, return_when=asyncio.FIRST_COMPLETED)
    for task in (sending, over):
        task.cancel()
    outcome, _ = await asyncio.gather(sending, over, return_exceptions=True)
    if isinstance(outcome, Exception):
        raise outcome


async def _send_all(transport: Any, parts: AsyncGenerator[bytes, None]) -> None:
    """Until there are no more, or nobody takes them."""
    async with aclosing(parts):
        with suppress(ProtocolClosed):
            async for part in parts:
                await transport.send_bytes(part)


async def _dribble(plan: Delivery, client: Client, answer: Answer) -> None:
    """The body in pieces of about one size, the last one when the time is over."""
    transport = client.protocol.response_stream(answer.status, answer.headers)
    begun, length = monotonic(), len(answer.body)
    pieces = max(1, min(plan.pieces, length))
    for number in range(pieces):
        # Reckoned from the beginning: a loop's timers are too coarse for the pauses between many pieces.
        due = begun + plan.spread.total_seconds() * (number + 1) / pieces
        if await client.goes(timedelta(seconds=max(0, due - monotonic()))):
            return
        await transport.send_bytes(answer.body[length * number // pieces : length * (number + 1) // pieces])


async def _fail(fault: Fault, client: Client, answer: Answer) -> None:
    await _do(fault, client, answer)
    if not await client.goes():
        # The server ends: the client is not to take for an answer what is said to those still waiting.
        await _do(_close, client, answer)


async def _do(fault: Fault, client: Client, answer: Answer) -> None:
    connection = connections.connection_of(client.address)
    if connection is not None:
        connection.setblocking(False)  # noqa: FBT003
        # A client that has gone already sees no fault.
        with connection, suppress(OSError):
            await fault(connection, answer)


async def _reset(connection: socket.socket, _: Answer) -> None:
    connections.reset(connection)


async def _close(connection: socket.socket, _: Answer) -> None:
    connections.close(connection)


async def _never_answer(_: socket.socket, __: Answer) -> None:
    """Nothing: the caller waits for the client to go."""


async def _send_no_chunk(connection: socket.socket, _: Answer) -> None:
    await _send_and_close(connection, _NO_CHUNK)


async def _send_garbage(connection: socket.socket, _: Answer) -> None:
    await _send_and_close(connection, _GARBAGE)


async def _truncate(connection: socket.socket, answer: Answer) -> None:
    headers = {"Content-Length": str(len(answer.body))} | dict(answer.headers)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    start = f"HTTP/1.1 {answer.status} {responses.get(answer.status, 'Unknown')}\r\n{head}\r\n"
    await _send_and_close(connection, start.encode("latin-1") + answer.body[: len(answer.body) // 2])


async def _send_and_close(connection: socket.socket, sent: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(connection, sent)
    connections.close(connection)


_FAULTS: dict[str | None, Fault] = {
    "CONNECTION_RESET_BY_PEER": _reset,
    "EMPTY_RESPONSE": _close,
    "MALFORMED_RESPONSE_CHUNK": _send_no_chunk,
    "RANDOM_DATA_THEN_CLOSE": _send_garbage,
    "NO_RESPONSE": _never_answer,
    "TRUNCATED_BODY": _truncate,
}
"""How each fault is done that is one of the connection; the others are done to the answer itself."""
