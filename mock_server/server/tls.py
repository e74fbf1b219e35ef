"""TLS on the port of HTTPS; a client that uses HTTP there is answered in clear what is wrong."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from ssl import SSLContext

from mock_server.server.answers import own_answer
from mock_server.server.listening import base_url

_SHUTDOWN = 1.0
"""Seconds in which a client has to take the rest of what it is sent, and to end the encryption."""
_HANDSHAKE = b"\x16"
"""What TLS begins with, and no HTTP."""


async def connect_tls(
    protocol: Callable[[], asyncio.Protocol], accepted: socket.socket, context: SSLContext, seconds: float
) -> None:
    """Agree on a key with the client within `seconds`, and connect the protocol.

    Raises:
        OSError: the client does not trust the certificate, takes too long or uses no TLS.
    """
    async with asyncio.timeout(seconds):
        first = await _first_byte(accepted)
        if first and first != _HANDSHAKE:
            await _explain(accepted)
    if first != _HANDSHAKE:
        raise ConnectionAbortedError("no TLS")
    await asyncio.get_running_loop().connect_accepted_socket(
        protocol,
        accepted,
        ssl=context,
        ssl_handshake_timeout=seconds,
        ssl_shutdown_timeout=_SHUTDOWN,
    )


async def _first_byte(accepted: socket.socket) -> bytes:
    """The first byte that comes, which is left to be read; empty when the client goes."""
    loop = asyncio.get_running_loop()
    came = asyncio.Event()
    loop.add_reader(accepted, came.set)
    try:
        await came.wait()
    finally:
        loop.remove_reader(accepted)
    return accepted.recv(1, socket.MSG_PEEK)


async def _explain(accepted: socket.socket) -> None:
    """Answer a client that uses HTTP. Its request is read first: else it would see a reset, and no answer."""
    loop = asyncio.get_running_loop()
    await loop.sock_recv(accepted, 64 * 1024)
    await loop.sock_sendall(
        accepted, own_answer(400, f"HTTP on a port of HTTPS: the URL is {base_url(accepted, 'https')}")
    )
    accepted.shutdown(socket.SHUT_WR)
