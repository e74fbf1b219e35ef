"""HTTPS: a front that decrypts what clients send, and passes it on to the server behind it.

The server could speak TLS by itself, but nobody could damage an answer inside of the encryption then: a
client would see TLS gone wrong where it is to see a chunk gone wrong.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Coroutine, Mapping
from contextlib import closing
from ssl import SSLContext, SSLError

from mock_server.server import connections
from mock_server.server.listening import base_url, bind

_logger = logging.getLogger("mock_server")

_PATIENCE = 30.0
"""Seconds in which a client has to begin, and to agree on a key."""
_FAREWELL = 1.0
"""Seconds in which a client has to take the rest of what it is sent, and to say goodbye."""
_GRACE = 5.0
"""Seconds in which answers are passed on that the server gave before it ended."""
_PART = 64 * 1024
_HANDSHAKE = b"\x16"
"""What TLS begins with, and no HTTP."""

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Front:
    """Listens on `bound`; the server has to listen on `behind`, which no other machine can reach.

    `clients` tells who is behind a connection to the server: address and port of each.
    """

    def __init__(self, bound: socket.socket, context: SSLContext) -> None:
        self._bound = bound
        self._context = context
        self._conversations: set[asyncio.Task[None]] = set()
        self._clients: dict[str, str] = {}
        self.behind = bind("127.0.0.1", 0)
        self._address = self.behind.getsockname()  # the server takes the socket away

    @property
    def clients(self) -> Mapping[str, str]:
        """By the `address:port` that the server sees, the client's own."""
        return self._clients

    async def run(self, stop: asyncio.Event) -> None:
        """Take connections until the server has ended, and what it said last was passed on."""
        accepting = asyncio.ensure_future(self._accept())
        await stop.wait()
        accepting.cancel()
        if self._conversations:
            _, slow = await asyncio.wait(self._conversations, timeout=_GRACE)
            for task in slow:
                task.cancel()
        await asyncio.gather(accepting, *self._conversations, return_exceptions=True)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._bound)
            except OSError:
                await asyncio.sleep(0.1)  # no descriptor is left: some will be given back
                continue
            task = asyncio.ensure_future(self._converse(connection))
            self._conversations.add(task)
            task.add_done_callback(self._conversations.discard)

    async def _converse(self, connection: socket.socket) -> None:
        """Until one side ends. That a client goes is its own business; that it has no trust is logged."""
        connection.setblocking(False)  # noqa: FBT003
        with connection:
            try:
                first = await asyncio.wait_for(_first_byte(connection), _PATIENCE)
                if first == _HANDSHAKE:
                    await self._pass_on(connection, await self._decrypted(connection))
                elif first:
                    await self._explain(connection)
            except SSLError as problem:
                _logger.info("no TLS with a client: %s", problem.reason or problem)
            except OSError as problem:
                _logger.debug("a client has gone: %s", problem)

    async def _decrypted(self, connection: socket.socket) -> Stream:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol,
            connection,
            ssl=self._context,
            ssl_handshake_timeout=_PATIENCE,
            ssl_shutdown_timeout=_FAREWELL,
        )
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    async def _pass_on(self, connection: socket.socket, client: Stream) -> None:
        with closing(client[1]):
            server = await asyncio.open_connection(*self._address)
            name = _name(server[1].get_extra_info("sockname"))
            with closing(server[1]):
                self._clients[name] = _name(connection.getpeername())
                try:
                    await _first_of(_copy(client, server), _copy(server, client))
                except ConnectionResetError:
                    connections.let_close_reset(connection)
                    client[1].transport.abort()
                finally:
                    del self._clients[name]
        await client[1].wait_closed()

    async def _explain(self, connection: socket.socket) -> None:
        """To a client that speaks HTTP. What it says is read first: else it sees a reset, and no answer."""
        loop = asyncio.get_running_loop()
        await loop.sock_recv(connection, _PART)
        said = f"HTTP was spoken to a port of HTTPS: the URL is {base_url(self._bound, 'https')}\n".encode()
        head = f"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {len(said)}\r\n"
        await loop.sock_sendall(connection, f"{head}Connection: close\r\n\r\n".encode() + said)
        connections.close(connection)


async def _first_byte(connection: socket.socket) -> bytes:
    """What the client will be heard to say; empty when it goes."""
    loop = asyncio.get_running_loop()
    came = asyncio.Event()
    loop.add_reader(connection, came.set)
    try:
        await came.wait()
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK)


async def _first_of(*copies: Coroutine[None, None, None]) -> None:
    """Until one of them ends, with what it raises; the others are given up."""
    tasks = [asyncio.ensure_future(copy) for copy in copies]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _copy(source: Stream, target: Stream) -> None:
    """All that comes, as it comes."""
    while part := await source[0].read(_PART):
        target[1].write(part)
        await target[1].drain()


def _name(address: tuple[str, int]) -> str:
    """As the server writes it."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
