"""Carrying out a delivery: delays that hold nobody else up, pieces, streams, faults on the socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import timedelta
from http.client import responses
from math import ceil
from typing import Any

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]  # re-exported without saying so

from mock_server.delivery import Delivery
from mock_server.server import connections

Headers = list[tuple[str, str]]

_GARBAGE = bytes(range(0x80, 0x100)) * 4
_NO_CHUNK = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + _GARBAGE
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the app answered, whole."""

    status: int
    headers: Headers
    body: bytes


Fault = Callable[[socket.socket, Answer], Awaitable[None]]
"""Something done to the connection instead of answering, or with the answer."""


async def deliver(plan: Delivery, client: str, protocol: Any, answer: Answer) -> None:
    """Answer the client (`address:port`) as planned. One that goes in the meantime is not waited for."""
    if await _client_goes(protocol, plan.delay):
        return
    if plan.stream is not None:
        await _stream(protocol, answer, plan.stream)
    elif plan.fault in _FAULTS:
        await _fail(_FAULTS[plan.fault], client, protocol, answer)
    elif plan.pieces > 1:
        await _dribble(plan, protocol, answer)
    else:
        protocol.response_bytes(answer.status, answer.headers, answer.body)


async def _client_goes(protocol: Any, within: timedelta) -> bool:
    """Whether the client gives up before the time is over."""
    if not within:
        return False
    try:
        await asyncio.wait_for(protocol.client_disconnect(), within.total_seconds())
    except TimeoutError:
        return False
    return True


async def _stream(protocol: Any, answer: Answer, parts: AsyncGenerator[bytes, None]) -> None:
    """Send the parts as they come, until there are no more or the client goes."""
    headers = [(name, value) for name, value in answer.headers if name != "Content-Length"]
    transport = protocol.response_stream(answer.status, headers)
    sending = asyncio.ensure_future(_send_all(transport, parts))
    gone = asyncio.ensure_future(_until_gone(protocol))
    await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
    for task in (sending, gone):
        task.cancel()
    outcome, _ = await asyncio.gather(sending, gone, return_exceptions=True)
    if isinstance(outcome, Exception):
        raise outcome


async def _send_all(transport: Any, parts: AsyncGenerator[bytes, None]) -> None:
    """Until there are no more, or nobody takes them."""
    async with aclosing(parts):
        with suppress(ProtocolClosed):
            async for part in parts:
                await transport.send_bytes(part)


async def _until_gone(protocol: Any) -> None:
    """A task, and no future of granian's own: asyncio cannot gather those."""
    await protocol.client_disconnect()


async def _dribble(plan: Delivery, protocol: Any, answer: Answer) -> None:
    """The body in pieces of about one size, the last one when the time is over."""
    transport = protocol.response_stream(answer.status, answer.headers)
    size = max(1, ceil(len(answer.body) / plan.pieces))
    for start in range(0, len(answer.body), size):
        await asyncio.sleep(plan.spread.total_seconds() / plan.pieces)
        await transport.send_bytes(answer.body[start : start + size])


async def _fail(fault: Fault, client: str, protocol: Any, answer: Answer) -> None:
    connection = connections.connection_of(client)
    if connection is not None:
        connection.setblocking(False)  # noqa: FBT003
        # A client that has gone already sees no fault.
        with connection, suppress(OSError):
            await fault(connection, answer)
    await protocol.client_disconnect()


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
    headers = dict(answer.headers) | {"Content-Length": str(len(answer.body))}
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
