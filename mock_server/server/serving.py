"""Granian on our socket, from the first request to the signal that ends it."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from ssl import SSLContext
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
    run = asyncio.run if sys.platform == "win32" else _uvloop_run()
    if tls is None:
        run(_serve(Bridge(wsgi, max_body), bound, announce, beside))
    else:
        front = Front(bound, tls)
        bridge = Bridge(wsgi, max_body, front.clients)
        run(_serve(bridge, front.behind, announce, _together(front.run, beside)))


def _together(one: Beside, other: Beside | None) -> Beside:
    async def both(stop: asyncio.Event) -> None:
        await asyncio.gather(one(stop), *([other(stop)] if other else []))

    return both


def _uvloop_run() -> Callable[[Any], None]:
    import uvloop  # there is none for Windows

    return uvloop.run


async def _serve(
    target: Bridge, bound: socket.socket, announce: Callable[[], None], beside: Beside | None
) -> None:
    server = _Server(target, bound)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.end)
    stop = asyncio.Event()
    # Begun ahead of the announcement: whoever hears that may count upon it.
    task = None if beside is None else asyncio.ensure_future(beside(stop))
    loop.call_soon(announce)
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
        # granian declares neither the attribute's type nor the arguments of the class.
        self._shd = SocketHolder(self._bound.fileno(), False, BACKLOG)  # type: ignore[assignment,call-arg]  # noqa: FBT003
