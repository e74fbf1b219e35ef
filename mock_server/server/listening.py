"""The socket of the server, bound by us: so a port in use is found out, and a free one that was picked."""

from __future__ import annotations

import socket

from mock_server.settings import local_url

BACKLOG = 1024


class PortMistake(OSError):
    """The address cannot be listened on; the message says which and why."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        PortMistake: the port is in use, or the address is not this machine's.
    """
    bound = None
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, proto)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Its connections have it from here; without it, each part of a streamed answer but the first waits
        # 40 ms for the client's acknowledgement.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bound.bind(address)
        bound.listen(BACKLOG)
    except OSError as problem:
        if bound is not None:
            bound.close()
        raise PortMistake(f"cannot listen on {host} port {port}: {problem.strerror or problem}") from None
    bound.setblocking(False)  # noqa: FBT003
    return bound


def base_url(bound: socket.socket, scheme: str = "http") -> str:
    """The URL at which a client on this machine reaches the socket."""
    host, port = bound.getsockname()[:2]
    return local_url(host, port, scheme)
