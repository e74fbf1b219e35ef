"""The server on its socket: connections are accepted while there is room, until a signal ends it."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from ssl import SSLContext, SSLError
from threading import Thread
from typing import Any

from mock_server.server.connection import HEAD_TIMEOUT, Connection, Service
from mock_server.server.tls import connect_tls

MAX_CONNECTIONS = 10_000
_GRACE = 0.8
"""Seconds after a signal in which answers that have begun are sent."""
_LONG_GRACE = 5.0
"""The same for a list that its client reads as fast as it is made."""
_SWEEP = 0.5
"""Seconds between two looks at the deadlines of all connections."""
_AT_ONCE = 16
"""Connections that are accepted in one turn of the loop."""
_RETRY = 0.1
"""Seconds until a connection is accepted again where there was no descriptor for one."""
_RESERVE = 64
"""Descriptors that connections leave to files and libraries."""

_logger = logging.getLogger("mock_server")

BackgroundTask = Callable[[asyncio.Event], Awaitable[None]]
"""Something that runs on the server's loop until the event is set."""


class Server:
    """Accepts connections on a bound socket, and ends them."""

    def __init__(
        self, service: Service, listening: socket.socket, tls: SSLContext | None, max_connections: int
    ) -> None:
        self._service = service
        self._listening = listening
        self._tls = tls
        self._max = max(1, min(max_connections, _descriptors() - _RESERVE))
        self._opening: set[asyncio.Task[None]] = set()
        self._has_warned = False

    def begin(self) -> None:
        """Accept connections from now on."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._listening, self._accept)
        self._sweep()

    async def end(self) -> None:
        """Accept no more, end what waits, let be sent what was answered, and close all."""
        self._loop.remove_reader(self._listening)
        self._listening.close()
        self._sweeper.cancel()
        for task in self._opening:
            task.cancel()
        connections = self._service.connections
        deliveries = [connection.end() for connection in list(connections)]
        begun = self._loop.time()
        while connections and (past := self._loop.time() - begun) < _LONG_GRACE:
            for connection in [found for found in connections if past > _GRACE and found.is_stalled]:
                connection.abort()
            await asyncio.sleep(0.01)
        for connection in list(connections):
            connection.abort()
        running = [task for task in deliveries if task is not None]
        await asyncio.gather(*running, *self._opening, return_exceptions=True)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            if not self._has_room():
                self._wait(
                    f"there are {self._max} connections (--max-connections, or the limit of descriptors)"
                )
                return
            try:
                accepted, _ = self._listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as problem:
                self._close_oldest()
                self._wait(f"no connection can be accepted: {problem.strerror or problem}")
                return
            accepted.setblocking(False)  # noqa: FBT003
            task = self._loop.create_task(self._open(accepted))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    def _has_room(self) -> bool:
        return len(self._service.connections) + len(self._opening) < self._max or self._close_oldest()

    def _close_oldest(self) -> bool:
        """Close the connection that has been idle for longest; False when none is."""
        oldest = next((found for found in self._service.connections if found.is_idle), None)
        if oldest is not None:
            oldest.close()
        return oldest is not None

    def _wait(self, why: str) -> None:
        """Let new connections wait; they are accepted when there is room again."""
        self._loop.remove_reader(self._listening)
        self._loop.call_later(_RETRY, self._resume)
        if not self._has_warned:
            self._has_warned = True
            _logger.warning("new connections wait: %s", why)

    def _resume(self) -> None:
        if self._listening.fileno() >= 0:
            self._loop.add_reader(self._listening, self._accept)

    async def _open(self, accepted: socket.socket) -> None:
        try:
            await self._connect(accepted)
        except SSLError as problem:
            _logger.info("no TLS with a client: %s", problem.reason or problem)
        except OSError as problem:
            _logger.debug("a client has gone: %s", problem)
        else:
            return
        accepted.close()

    async def _connect(self, accepted: socket.socket) -> None:
        if self._tls is None:
            connection = partial(Connection, self._service, accepted, "http")
            await self._loop.connect_accepted_socket(connection, accepted)
        else:
            connection = partial(Connection, self._service, accepted, "https")
            await connect_tls(connection, accepted, self._tls, HEAD_TIMEOUT)

    def _sweep(self) -> None:
        """Time out the connections whose deadline has passed."""
        now = self._loop.time()
        for connection in [found for found in self._service.connections if found.deadline < now]:
            connection.time_out()
        self._sweeper = self._loop.call_later(_SWEEP, self._sweep)


def serve(
    service: Service,
    listening: socket.socket,
    *,
    announce: Callable[[], None],
    max_connections: int = MAX_CONNECTIONS,
    background: BackgroundTask | None = None,
    tls: SSLContext | None = None,
) -> None:
    """Serve the app until SIGTERM or SIGINT; `announce` is called once requests are answered.

    With `tls` only HTTPS is served.
    """
    # What was made so far stays as long as the process: the garbage collector need not look at it again.
    gc.freeze()

    def begin(end: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
        loop.call_soon(announce)

    _run(_serve(Server(service, listening, tls, max_connections), begin, background))


@contextmanager
def serving(service: Service, listening: socket.socket) -> Iterator[None]:
    """Serve the app in a thread meanwhile; it ends as with a signal."""
    begun: Future[Callable[[], object]] = Future()

    def begin(end: Callable[[], None]) -> None:
        begun.set_result(partial(asyncio.get_running_loop().call_soon_threadsafe, end))

    def run() -> None:
        try:
            _run(_serve(Server(service, listening, None, MAX_CONNECTIONS), begin))
        except BaseException as problem:
            if begun.done():
                raise
            begun.set_exception(problem)

    thread = Thread(target=run, name="mock-server", daemon=True)
    thread.start()
    end = begun.result()
    try:
        yield
    finally:
        end()
        thread.join()


def _run(main: Coroutine[Any, Any, None]) -> None:
    """Run the server on uvloop, or where there is none on the standard library's loop."""
    loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.SelectorEventLoop
    with suppress(ImportError):
        import uvloop

        loop = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main)


async def _serve(
    server: Server, begin: Callable[[Callable[[], None]], None], background: BackgroundTask | None = None
) -> None:
    """Serve until the function that is passed to `begin` is called, on this loop."""
    stop = asyncio.Event()
    # Begun before the announcement: a client that sees it may rely on it.
    task = None if background is None else asyncio.ensure_future(background(stop))
    server.begin()
    begin(stop.set)
    await stop.wait()
    await server.end()
    if task is not None:
        await task


def _descriptors() -> int:
    """The descriptors that this process may have."""
    try:
        from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit
    except ImportError:
        return sys.maxsize
    limit = getrlimit(RLIMIT_NOFILE)[0]
    return sys.maxsize if limit == RLIM_INFINITY else limit
