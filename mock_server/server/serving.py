"""Granian on our socket, from the first request to the signal that ends it."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from ssl import SSLContext
from threading import Thread
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.net import SocketHolder  # type: ignore[attr-defined]  # re-exported without saying so
from granian.server.embed import Server as EmbeddedServer

from mock_server.server.bridge import Bridge, Wsgi
from mock_server.server.front import Front
from mock_server.server.listening import BACKLOG

_GRACE = 0.8
"""Seconds after a signal in which connections have to end on which nothing runs."""
_LONG_GRACE = 5.0
"""The same where requests run: a long list on a slow machine is sent to its end."""

_NO_LOGGING = {"incremental": True, "formatters": {}, "handlers": {}}
"""Granian's own configuration would close the handlers of every logger of the process."""

Beside = Callable[[asyncio.Event], Awaitable[None]]
"""Something that runs on the server's loop until the event is set."""


def serve(
    wsgi: Wsgi,
    bound: socket.socket,
    *,
    max_body: int,
    announce: Callable[[], None],
    beside: Beside | None = None,
    tls: SSLContext | None = None,
) -> None:
    """Serve the app until SIGTERM or SIGINT; `announce` is called once requests are answered.

    With `tls` it speaks HTTPS, and nothing else.
    """
    # What was made so far lives as long as the process: the garbage collector need not look at it again.
    gc.freeze()

    def begin(end: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
        loop.call_soon(announce)

    if tls is None:
        _run(_serve(Bridge(wsgi, max_body), bound, begin, beside))
    else:
        front = Front(bound, tls)
        bridge = Bridge(wsgi, max_body, front.clients)
        _run(_serve(bridge, front.behind, begin, _together(front.run, beside)))


def _together(one: Beside, other: Beside | None) -> Beside:
    async def both(stop: asyncio.Event) -> None:
        await asyncio.gather(one(stop), *([other(stop)] if other else []))

    return both


@contextmanager
def serving(wsgi: Wsgi, bound: socket.socket, *, max_body: int) -> Iterator[None]:
    """The app is served by a thread meanwhile; requests that still run in the end are answered."""
    begun: Future[Callable[[], object]] = Future()
    bridge = Bridge(wsgi, max_body)
    thread = Thread(target=lambda: _run_beside(bridge, bound, begun), name="mock-server", daemon=True)
    thread.start()
    end = begun.result()
    try:
        yield
    finally:
        end()
        thread.join()


def _run_beside(bridge: Bridge, bound: socket.socket, begun: Future[Callable[[], object]]) -> None:
    """Serve; `begun` gets what ends that from any thread, or why it could not begin."""

    def begin(end: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        begun.set_result(partial(loop.call_soon_threadsafe, end))

    try:
        _run(_serve(bridge, bound, begin))
    except BaseException as problem:
        if begun.done():
            raise
        begun.set_exception(problem)


def _run(main: Coroutine[Any, Any, None]) -> None:
    if sys.platform == "win32":
        asyncio.run(main)
    else:
        import uvloop  # there is none for Windows

        uvloop.run(main)


async def _serve(
    target: Bridge,
    bound: socket.socket,
    begin: Callable[[Callable[[], None]], None],
    beside: Beside | None = None,
) -> None:
    """Serve until the function that `begin` is given is called, on this loop."""
    server = _Server(target, bound)
    stop = asyncio.Event()
    # Begun ahead of the announcement: whoever hears that may count upon it.
    task = None if beside is None else asyncio.ensure_future(beside(stop))
    begin(server.end)
    # A client that never ends its request is not waited for.
    with suppress(TimeoutError):
        await server.serve()
    stop.set()
    if task is not None:
        await task


class _Server(EmbeddedServer):
    """Granian on a socket that is bound already. By itself it binds one that others can share."""

    def __init__(self, target: Bridge, bound: socket.socket) -> None:
        super().__init__(
            target,
            interface=Interfaces.RSGI,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=30_000),
            backpressure=BACKLOG,
            websockets=False,
            log_enabled=False,
            log_dictconfig=_NO_LOGGING,
        )
        self.workers_kill_timeout = _GRACE  # type: ignore[assignment]  # a fraction is waited for as well
        self._bound = bound
        self._bridge = target

    def end(self) -> None:
        """Take no more requests, let those that run be answered, those delayed at once, and stop."""
        self._bridge.ending.set()
        if self._bridge.running:
            self.workers_kill_timeout = _LONG_GRACE  # type: ignore[assignment]
        self.stop()  # type: ignore[no-untyped-call]

    def _init_shared_socket(self) -> None:
        self._ssp = None
        # The holder closes the socket. Granian declares neither the attribute nor the class as they are.
        self._shd = SocketHolder(self._bound.detach(), False, BACKLOG)  # type: ignore[assignment,call-arg]  # noqa: FBT003
