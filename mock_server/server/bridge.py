"""Calls the WSGI app for each RSGI request; a streamed answer lets others in between its parts."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import Any, Protocol

from mock_server.delivery import KEY, Delivery
from mock_server.server.delivering import Answer, Client, Headers, deliver
from mock_server.settings import CONTROL_MAX_BODY, is_control_path

_BODILESS = {"GET", "HEAD"}

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Scope(Protocol):
    """What the server says of a request."""

    method: str
    path: str
    query_string: str
    scheme: str
    client: str
    http_version: str
    headers: Any


class Bridge:
    """What granian calls. `running` counts the requests that an end of the server has to wait for.

    `ending` is set when the server is told to end: what only waits, waits no longer. Behind a front that
    speaks HTTPS, `clients` has the address of each client by that of its connection; others are not answered.
    """

    def __init__(self, wsgi: Wsgi, max_body: int, clients: Mapping[str, str] | None = None) -> None:
        self._wsgi = wsgi
        self._max_body = max_body
        self._clients = clients
        self.running = 0
        self.ending = asyncio.Event()

    async def __rsgi__(self, scope: Scope, protocol: Any) -> None:
        """Answer one request."""
        if self._clients is not None and scope.client not in self._clients:
            protocol.response_empty(400, [])
            return
        limit = CONTROL_MAX_BODY if is_control_path(scope.path) else self._max_body
        body = b"" if scope.method in _BODILESS else await _body(protocol, limit)
        if _is_cut_off(scope, body, limit):
            # The client went away in the middle: what it meant to say is not known, so nothing is done.
            protocol.response_empty(400, [])
            return
        await self._answer(scope, protocol, body)

    async def _answer(self, scope: Scope, protocol: Any, body: bytes) -> None:
        started: list[Any] = []

        def start_response(status: str, headers: Headers, _: Any = None) -> None:
            started[:] = [int(status[:3]), headers]

        environ = _environ(scope, body)
        if self._clients is not None:
            environ |= _peer(self._clients[scope.client]) | {"wsgi.url_scheme": "https"}
        parts = self._wsgi(environ, start_response)
        plan: Delivery | None = environ.get(KEY)
        is_waited_for = plan is None or (plan.stream is None and plan.fault is None)
        self.running += is_waited_for
        try:
            status, headers = started
            if plan is not None:
                client = Client(scope.client, protocol, self.ending)
                await deliver(plan, client, Answer(status, headers, b"".join(parts)))
            elif _has_length(headers):
                protocol.response_bytes(status, headers, b"".join(parts))
            else:
                await _stream(protocol.response_stream(status, headers), parts)
        finally:
            self.running -= is_waited_for
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


def _peer(client: str) -> Environ:
    address, _, port = client.rpartition(":")
    return {"REMOTE_ADDR": address, "REMOTE_PORT": port}


def _environ(scope: Scope, body: bytes) -> Environ:
    environ: Environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": _latin(scope.path),
        "QUERY_STRING": _latin(scope.query_string),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        **_peer(scope.client),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        if "_" in name:
            continue  # it would pass for the one with a dash: X_Mock_Sandbox for X-Mock-Sandbox
        key = f"HTTP_{name.upper().replace('-', '_')}"
        # Of two, none is taken for the right one: together they are no host, no token, no name of a sandbox.
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
    # The body has been read, whatever way it came.
    environ.pop("HTTP_CONTENT_LENGTH", None)
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ


def _latin(text: str) -> str:
    """The text as WSGI has it: a character for each byte."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")
