"""Breaking connections so that the client sees it on its socket.

The server that owns a connection has no way to break it. It is found among this process's own by the client's
port, and the kernel is asked, on a copy of its descriptor.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
from contextlib import suppress
from pathlib import Path

_NO_LINGERING = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing resets the connection."""


def connection_of(client: str) -> socket.socket | None:
    """A copy of the connection whose other end is `client` (`address:port`); None when it is gone."""
    address, _, port = client.rpartition(":")
    for number in [int(entry.name) for entry in Path("/dev/fd").iterdir()]:
        with suppress(OSError):
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                continue
            copy = socket.socket(fileno=os.dup(number))
            if _is_peer(copy, address.strip("[]"), int(port)):
                return copy
            copy.close()
    return None


def reset(connection: socket.socket) -> None:
    """Let its owner, who sees the end of what comes in, close it with a reset."""
    let_close_reset(connection)
    connection.shutdown(socket.SHUT_RD)


def let_close_reset(connection: socket.socket) -> None:
    """Whoever closes it, the client sees a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)


def close(connection: socket.socket) -> None:
    """Send what is on its way, and no more."""
    connection.shutdown(socket.SHUT_RDWR)


def _is_peer(connection: socket.socket, address: str, port: int) -> bool:
    try:
        peer = connection.getpeername()
    except OSError:
        return False
    return isinstance(peer, tuple) and (peer[0], peer[1]) == (address, port)
