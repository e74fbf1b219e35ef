"""The server on its socket: it accepts connections up to a limit, until a signal ends it."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit
from ssl import SSLError
from threading import current_thread, main_thread

from mock_server.server.connection import HEAD_TIMEOUT, Connection, Service
from mock_server.server.sockets import connect_tls

try:
    from uvloop import new_event_loop
except ImportError:
    from asyncio import new_event_loop  # type: ignore[assignment]

_GRACE, _LONG_GRACE = 0.8, 5.0  # seconds after a signal to send answers: to slow clients, and to others
_SWEEP = 0.5  # seconds between two checks of the deadlines of all connections
_AT_ONCE = 16  # connections that are accepted in one iteration of the loop
_RETRY = 0.1  # seconds until the next attempt to accept a connection
_RESERVE = 64  # descriptors that are reserved for files and libraries

_logger = logging.getLogger("mock_server")

Background = Callable[[asyncio.Event], Awaitable[None]] | None  # runs on the loop until the event is set


def serve(
    service: Service,
    listening: socket.socket,
    announce: Callable[[Callable[[], None]], None],
    background: Background = None,
) -> None:
    """Serve the app; `announce` is called once requests are answered, with a function that ends the server.

    In the main thread, SIGTERM and SIGINT end it too.
    """

    async def run() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        if current_thread() is main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, stop.set)
        # Started before the announcement: a client that sees it may rely on the task.
        tasks = [] if background is None else [asyncio.ensure_future(background(stop))]
        server = Acceptor(service, listening)
        server.begin()
        loop.call_soon(announce, stop.set)
        await stop.wait()
        await server.end()
        await asyncio.gather(*tasks)

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(run())


class Acceptor:
    """Accepts connections on a bound socket, and ends them."""

    def __init__(self, service: Service, listening: socket.socket) -> None:
        self._service = service
        self._connections = service.connections
        self._listening = listening
        self._opening: set[asyncio.Task[None]] = set()
        self._has_warned = False
        descriptors = getrlimit(RLIMIT_NOFILE)[0]
        allowed = service.max_connections if descriptors == RLIM_INFINITY else descriptors - _RESERVE
        self._max = max(1, min(service.max_connections, allowed))

    def begin(self) -> None:
        """Accept connections from now on."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._listening, self._accept)
        self._sweep()

    async def end(self) -> None:
        """Accept no connections any more, cut answers that wait, complete started ones, and close all."""
        self._loop.remove_reader(self._listening)
        self._listening.close()
        self._sweeper.cancel()
        await asyncio.sleep(0.01)  # connections that were just accepted are open then, and closed like others
        for task in self._opening:
            task.cancel()
        deliveries = [connection.end() for connection in list(self._connections)]
        started = self._loop.time()
        while self._connections:
            past = self._loop.time() - started
            for connection in list(self._connections):
                if past > (_GRACE if connection.is_stalled else _LONG_GRACE):
                    connection.abort()
                    self._connections.pop(connection, None)  # uvloop may not report the loss of a new one
            await asyncio.sleep(0.01)
        await asyncio.gather(*filter(None, deliveries), *self._opening, return_exceptions=True)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            if len(self._connections) + len(self._opening) >= self._max and not self._close_oldest():
                self._pause(f"there are {self._max} (--max-connections, or the limit of descriptors)")
                return
            try:
                accepted, _ = self._listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as problem:
                self._close_oldest()
                self._pause(str(problem.strerror))
                return
            accepted.setblocking(False)  # noqa: FBT003
            task = self._loop.create_task(self._open(accepted))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    def _close_oldest(self) -> bool:
        """Close the connection that has been idle longest; return False if none is idle."""
        oldest = next((connection for connection in self._connections if connection.is_idle), None)
        if oldest is not None:
            oldest.close()
        return oldest is not None

    def _pause(self, reason: str) -> None:
        """Let new connections wait for a while."""
        self._loop.remove_reader(self._listening)
        self._loop.call_later(_RETRY, self._resume)
        if not self._has_warned:
            self._has_warned = True
            _logger.warning("new connections wait: %s", reason)

    def _resume(self) -> None:
        if self._listening.fileno() >= 0:
            self._loop.add_reader(self._listening, self._accept)

    async def _open(self, accepted: socket.socket) -> None:
        context = self._service.tls
        protocol = partial(Connection, self._service, accepted, "https" if context else "http")
        try:
            if context is None:
                await self._loop.connect_accepted_socket(protocol, accepted)
            else:
                await connect_tls(protocol, accepted, context, HEAD_TIMEOUT)
        except OSError as problem:
            if isinstance(problem, SSLError):
                _logger.info("no TLS with a client: %s", problem.reason or problem)
            accepted.close()

    def _sweep(self) -> None:
        """Time out the connections whose deadline has passed."""
        now = self._loop.time()
        for connection in [late for late in self._connections if late.deadline < now]:
            connection.time_out()
        self._sweeper = self._loop.call_later(_SWEEP, self._sweep)
