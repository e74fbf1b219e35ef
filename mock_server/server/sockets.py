"""Sockets: the listening socket, and TLS on those of clients."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from ssl import SSLContext

from mock_server.server.messages import own_answer
from mock_server.settings import WRONG_SCHEME, local_url

_BACKLOG = 1024
_SHUTDOWN = 1.0  # seconds for a client to read the rest and to end the encryption
_HANDSHAKE = b"\x16"  # the first byte of TLS, and never of HTTP


class PortError(OSError):
    """The address cannot be used; the message has the address and the reason."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        PortError: the port is in use, or the address is not this machine's.
    """
    bound = None
    try:
        name = host.encode() if host.isascii() else host  # a str imports the codec of international names
        family, kind, proto, _, address = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, proto)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # For its connections: without it, each further part of an answer waits 40 ms for an acknowledgement.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bound.bind(address)
        bound.listen(_BACKLOG)
    except OSError as problem:
        if bound is not None:
            bound.close()
        raise PortError(f"cannot listen on {host} port {port}: {problem.strerror}") from None
    bound.setblocking(False)  # noqa: FBT003
    return bound


def base_url(bound: socket.socket, scheme: str = "http") -> str:
    """The URL at which a client on this machine reaches the socket."""
    host, port = bound.getsockname()[:2]
    return local_url(host, port, scheme)


async def connect_tls(
    protocol: Callable[[], asyncio.Protocol], accepted: socket.socket, context: SSLContext, seconds: float
) -> None:
    """Agree on a key with the client within `seconds`, and connect the protocol.

    Raises:
        OSError: the client does not speak TLS, or not in time; TimeoutError is one.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(seconds):
        first = await _first_byte(accepted)
        if first and first != _HANDSHAKE:
            # The request is read before it is answered: else the client sees a reset.
            await loop.sock_recv(accepted, 64 * 1024)
            problem = f"{WRONG_SCHEME}: the URL is {base_url(accepted, 'https')}"
            await loop.sock_sendall(accepted, own_answer(400, problem))
    if first != _HANDSHAKE:
        raise ConnectionAbortedError("no TLS")
    timeouts = {"ssl_handshake_timeout": seconds, "ssl_shutdown_timeout": _SHUTDOWN}
    await loop.connect_accepted_socket(protocol, accepted, ssl=context, **timeouts)


async def _first_byte(accepted: socket.socket) -> bytes:
    """Return the first byte without consuming it; empty if the client disconnects."""
    loop, is_readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(accepted, is_readable.set)
    try:
        await is_readable.wait()
    finally:
        loop.remove_reader(accepted)
    return accepted.recv(1, socket.MSG_PEEK)
