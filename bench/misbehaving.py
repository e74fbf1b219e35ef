"""Clients that misbehave: a program that keeps so many bad connections open until it is ended.

Arguments: port, number of connections, access token. Each connection plays one part after the other, drawn with
a fixed seed, and opens again when the server closes it.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

DOSSIERS = "/api/v1/account/119631/dossiers"
PATIENCE = 5.0
"""Seconds that a part lasts at most."""

Part = Callable[["Connection"], Awaitable[None]]


class Connection:
    """One bad connection, and the token of a user."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self.reader, self.writer = reader, writer
        self.head = f"Host: localhost\r\nAuthorization: Bearer {token}\r\n"

    async def send(self, text: str | bytes) -> None:
        """Send these bytes."""
        self.writer.write(text.encode("latin-1") if isinstance(text, str) else text)
        await self.writer.drain()


async def stalled_header(client: Connection) -> None:
    """Half a header, and silence."""
    await client.send(f"GET {DOSSIERS} HTTP/1.1\r\nHost: loc")
    await asyncio.sleep(PATIENCE)


async def stalled_body(client: Connection) -> None:
    """A body that never comes whole."""
    await client.send(
        f"POST {DOSSIERS} HTTP/1.1\r\n{client.head}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{"
    )
    await asyncio.sleep(PATIENCE)


async def cut_chunks(client: Connection) -> None:
    """A chunked body that is cut off."""
    await client.send(f"POST {DOSSIERS} HTTP/1.1\r\n{client.head}Transfer-Encoding: chunked\r\n\r\n20\r\n{{")


async def slow_reader(client: Connection) -> None:
    """Many requests for large pages whose answers are hardly read."""
    await client.send(f"GET {DOSSIERS}?page=0&pageSize=50 HTTP/1.1\r\n{client.head}\r\n" * 50)
    for _ in range(5):
        await client.reader.read(1000)
        await asyncio.sleep(PATIENCE / 5)


async def reset(client: Connection) -> None:
    """A request, and a reset before the answer."""
    await client.send(f"GET {DOSSIERS} HTTP/1.1\r\n{client.head}\r\n")
    bound: socket.socket = client.writer.get_extra_info("socket")
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def garbage(client: Connection) -> None:
    """Bytes that are no HTTP."""
    await client.send(random.randbytes(2000))
    await client.reader.read(1000)


async def huge_header(client: Connection) -> None:
    """A header without an end."""
    await client.send("GET / HTTP/1.1\r\nX-Long: " + "x" * 200_000)
    await client.reader.read(1000)


async def bad_framing(client: Connection) -> None:
    """A request with two framings."""
    await client.send(
        f"POST {DOSSIERS} HTTP/1.1\r\n{client.head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    )
    await client.reader.read(1000)


PARTS: tuple[Part, ...] = (
    stalled_header,
    stalled_body,
    cut_chunks,
    slow_reader,
    reset,
    garbage,
    huge_header,
    bad_framing,
)


async def misbehave(port: int, token: str) -> None:
    """Play one part after the other, each on a new connection."""
    while True:
        with suppress(OSError, TimeoutError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                async with asyncio.timeout(PATIENCE + 1):
                    await random.choice(PARTS)(Connection(reader, writer, token))
            finally:
                writer.close()
        await asyncio.sleep(0.05)


async def main(port: int, number: int, token: str) -> None:
    """Run all of them until the program is ended."""
    random.seed(1)
    await asyncio.gather(*(misbehave(port, token) for _ in range(number)))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
