"""The app on a socket: granian's embedded server, one process, the WSGI app called on its event loop.

There is no worker process and no thread that holds state, so nothing is left on the port when this one dies.
The socket is bound here: a port in use is found out at once, and a free one that was picked is known.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from io import BytesIO
from typing import Any, Protocol

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.net import SocketHolder  # type: ignore[attr-defined]  # re-exported without saying so
from granian.server.embed import Server as EmbeddedServer

from mock_server.settings import CONTROL_PREFIX, local_url

BACKLOG = 1024
_GRACE = 0.8
"""Seconds after a signal in which connections have to end on which nothing runs."""
_LONG_GRACE = 5.0
"""The same where requests run: a long list on a slow machine is sent to its end."""

_BODILESS = {"GET", "HEAD"}
_logger = logging.getLogger("mock_server")

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class PortMistake(OSError):
    """The address cannot be listened on; the message says which and why."""


class Scope(Protocol):
    """What the server says of a request."""

    method: str
    path: str
    query_string: str
    scheme: str
    client: str
    http_version: str
    headers: Any


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        PortMistake: the port is in use, or the address is not this machine's.
    """
    bound = socket.socket()
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, proto)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(BACKLOG)
    except OSError as problem:
        bound.close()
        raise PortMistake(f"cannot listen on {host} port {port}: {problem.strerror or problem}") from None
    bound.setblocking(False)  # noqa: FBT003
    return bound


def serve(wsgi: Wsgi, bound: socket.socket, *, max_body: int, announce: Callable[[], None]) -> None:
    """Serve the app until SIGTERM or SIGINT; `announce` is called once requests are answered."""
    # What was made so far lives as long as the process: the garbage collector need not look at it again.
    gc.freeze()
    run = asyncio.run if sys.platform == "win32" else _uvloop_run()
    run(_serve(Bridge(wsgi, max_body), bound, announce))


def base_url(bound: socket.socket) -> str:
    """The URL at which a client on this machine reaches the socket."""
    return local_url(*bound.getsockname()[:2])


def _uvloop_run() -> Callable[[Any], None]:
    import uvloop  # there is none for Windows

    return uvloop.run


async def _serve(target: Bridge, bound: socket.socket, announce: Callable[[], None]) -> None:
    server = _Server(target, bound)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.end)
    loop.call_soon(announce)
    # A client that never ends its request is not waited for.
    with suppress(TimeoutError):
        await server.serve()


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
        """Take no more requests, let those that run be answered, and stop."""
        if self._bridge.running:
            self.workers_kill_timeout = _LONG_GRACE  # type: ignore[assignment]
        self.stop()  # type: ignore[no-untyped-call]

    def _init_shared_socket(self) -> None:
        self._ssp = None
        # granian declares neither the attribute's type nor the arguments of the class.
        self._shd = SocketHolder(self._bound.fileno(), False, BACKLOG)  # type: ignore[assignment,call-arg]  # noqa: FBT003


class Bridge:
    """Calls a WSGI app for each RSGI request. A streamed answer lets others in between its parts."""

    def __init__(self, wsgi: Wsgi, max_body: int) -> None:
        self._wsgi = wsgi
        self._max_body = max_body
        self.running = 0

    async def __rsgi__(self, scope: Scope, protocol: Any) -> None:
        """Answer one request."""
        limit = sys.maxsize if scope.path.startswith(f"{CONTROL_PREFIX}/") else self._max_body
        body = b"" if scope.method in _BODILESS else await _body(protocol, limit)
        if _is_cut_off(scope, body, limit):
            # The client went away in the middle: what it meant to say is not known, so nothing is done.
            protocol.response_empty(400, [])
            return
        self.running += 1
        try:
            await self._answer(scope, protocol, body)
        finally:
            self.running -= 1

    async def _answer(self, scope: Scope, protocol: Any, body: bytes) -> None:
        started: list[Any] = []

        def start_response(status: str, headers: Headers, _: Any = None) -> None:
            started[:] = [int(status[:3]), headers]

        parts = self._wsgi(_environ(scope, body), start_response)
        try:
            status, headers = started
            if _has_length(headers):
                protocol.response_bytes(status, headers, b"".join(parts))
            else:
                await _stream(protocol.response_stream(status, headers), parts)
        finally:
            close = getattr(parts, "close", None)
            if close:
                close()


async def _body(protocol: Any, limit: int) -> bytes:
    """The request's body; of one that is too large only so much that the app can tell."""
    parts, length = [], 0
    async for part in protocol:
        parts.append(part)
        length += len(part)
        if length > limit:
            break
    return b"".join(parts)


def _is_cut_off(scope: Scope, body: bytes, limit: int) -> bool:
    """Whether less came than was announced, and not because the rest was left unread."""
    announced = scope.headers.get("content-length") or "0"
    return (
        len(body) <= limit
        and announced.isdecimal()
        and len(body) < int(announced)
        and scope.method not in _BODILESS
    )


async def _stream(transport: Any, parts: Iterable[bytes]) -> None:
    for part in parts:
        if part:
            await transport.send_bytes(part)
            # Sending seldom waits, and less than this does not let the server's own threads in: while a list
            # of 100,000 dossiers is sent, another client's call takes 2 ms; with sleep(0) it took 350.
            await asyncio.sleep(0.001)


def _has_length(headers: Headers) -> bool:
    return any(name == "Content-Length" for name, _ in headers)


def _environ(scope: Scope, body: bytes) -> Environ:
    environ: Environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0],
        "REMOTE_PORT": scope.client.rpartition(":")[2],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
    # The body has been read, whatever way it came.
    environ.pop("HTTP_CONTENT_LENGTH", None)
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ
