"""One client's connection: requests are read and answered one at a time, in order, within its limits."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from math import inf
from ssl import SSLContext
from typing import Any

from msgspec import Struct, field

from mock_server.delivery import KEY, WIRE_FAULTS, Delivery, SlowCalls, deliver
from mock_server.server import messages
from mock_server.server.messages import Environ, Headers, ProtocolError, RequestReader, own_answer
from mock_server.settings import CONTROL_MAX_BODY, is_control_path, is_slow_call

HEAD_TIMEOUT = 10.0  # seconds from the first byte of a request to the end of its head; also those for TLS
IDLE_TIMEOUT = 75.0  # seconds that a connection stays open without a request
_LINGER, _LINGER_TOTAL = 1.0, 5.0  # seconds to drop further bytes: since the last byte, and in all
_HALF_CLOSED = 2.0  # seconds that a delay or stream may still take when the client has closed its side
_MAX_WAITING = 64 * 1024  # bytes of further requests that are read while one is being answered
_STALLED = 0.3  # seconds without reading after which a client is not waited for at the end

_logger = logging.getLogger("mock_server")


class Service(Struct, kw_only=True, eq=False):
    """The app that is served, and the open connections, the last used one at the end."""

    wsgi: Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
    max_body: int
    body_timeout: float = 30.0
    max_connections: int = 10_000
    tls: SSLContext | None = None
    reads_body: Callable[[Environ], bool] | None = None  # whether the app would read the body after a head
    log: Callable[[Environ, str, Headers], None] | None = None  # gets each answer
    connections: dict[Connection, None] = field(default_factory=dict)
    slow_calls: SlowCalls = field(default_factory=SlowCalls)
    answer: Callable[[Environ, Callable[..., Any]], Awaitable[Iterable[bytes]]] | None = None
    """Calls the app where that takes more than a function: sandboxes that replicas share."""


class Connection(asyncio.Protocol):
    """A client's connection, plain or within TLS: a protocol of asyncio, and the `Wire` of deliveries.

    `_delivery` is the task that sends an answer, `_plan` says how it does. `_has_begun`: a part of the answer
    was sent. `_is_last`: no request is answered after this one. `_is_over`: the connection is being closed,
    further bytes are dropped. `_is_head_due`: a head has begun, or is the first one, so `HEAD_TIMEOUT`
    applies.
    """

    deadline = inf  # when it times out, in the loop's time
    _delivery: asyncio.Task[None] | None = None
    _plan: Delivery | None = None
    _is_last = _is_over = _has_begun = False
    _is_paused = _input_ended = False  # reading is paused; the client has closed its side
    _is_head_due = True

    def __init__(self, service: Service, accepted: socket.socket, scheme: str) -> None:
        self._service, self._socket, self._scheme = service, accepted, scheme
        self._loop = asyncio.get_running_loop()
        self._hurried, self._writable = asyncio.Event(), asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the connection."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        client, own = map(transport.get_extra_info, ("peername", "sockname"))
        self._reader = RequestReader(messages.common_environ(self._scheme, client or ("", 0), own))
        self.deadline = self._loop.time() + HEAD_TIMEOUT
        self._service.connections[self] = None

    def data_received(self, data: bytes) -> None:
        """Answer complete requests; data that arrives during an answer waits."""
        if self._is_over:
            self.deadline = min(self._loop.time() + _LINGER, self._over_at)
            return
        reader = self._reader
        reader.buffer = reader.buffer + data if reader.buffer else data
        self._proceed()
        if len(reader.buffer) > _MAX_WAITING and not self._is_over:
            self._transport.pause_reading()
            self._is_paused = True

    def eof_received(self) -> bool:
        """Answer complete requests: a client that closes its side may still read (RFC 9112, 9.6)."""
        self._input_ended = True
        if self._is_over:
            self._transport.close()
        elif self._delivery is not None:
            self._loop.call_later(_HALF_CLOSED, self._hurry)
        else:
            self._proceed()
        return self._scheme == "http"  # within TLS, the transport closes when all was sent

    def pause_writing(self) -> None:
        """Answer no further request until the client reads."""
        self._writable.clear()
        self._stalled_at = self._loop.time()

    def resume_writing(self) -> None:
        """Answer requests again."""
        self._writable.set()
        self._proceed()

    def connection_lost(self, _: Exception | None) -> None:
        """Remove the connection."""
        self._is_over = True
        if self._delivery is not None:
            self._delivery.cancel()
        self._service.connections.pop(self, None)

    @property
    def is_idle(self) -> bool:
        """Whether it is kept alive between two requests."""
        return not (self._is_over or self._is_head_due or self._reader.environ or self._delivery)

    @property
    def is_stalled(self) -> bool:
        """Whether it waits until its client closes, or reads anything at all."""
        since = inf if self._writable.is_set() else self._stalled_at
        return self._delivery is None or self._loop.time() - since > _STALLED

    def close(self) -> None:
        """Close it once all is sent."""
        self._is_over = True
        self._transport.close()

    def abort(self) -> None:
        """Close it at once."""
        self._transport.abort()

    def time_out(self) -> None:
        """Handle a deadline that has passed: of a head, a body, an idle connection, or a closing one."""
        if self._is_over and self._transport.is_closing():
            self.abort()
        elif self._is_over or not (self._reader.environ or self._reader.buffer):
            self.close()
            self.deadline = self._loop.time() + _LINGER
        else:
            self._reject(ProtocolError("the request comes too slowly", HTTPStatus.REQUEST_TIMEOUT))

    def end(self) -> asyncio.Task[None] | None:
        """End with the server: cut answers that wait; return the delivery that is still running."""
        self._is_last = True
        delivery, plan = self._delivery, self._plan
        if delivery is None:
            self.close()
        elif plan is not None:
            delivery.cancel()
            if not self._has_begun and plan.fault not in WIRE_FAULTS:
                self._transport.write(own_answer(HTTPStatus.SERVICE_UNAVAILABLE, "the server ends"))
            self.close()
        return delivery

    def _proceed(self) -> None:
        """Read and answer a request, if there is one."""
        if self._is_over or self._delivery is not None or not self._writable.is_set():
            return
        try:
            if self._read():
                self._answer()
            elif self._input_ended and (self._reader.environ or self._reader.buffer):
                self._reject(ProtocolError("the request is cut off"))
            elif self._input_ended:
                self.close()
        except ProtocolError as error:
            self._reject(error)
        self._wait()

    def _read(self) -> bool:
        """Read a request; return whether it is complete, or its body is not needed."""
        reader = self._reader
        if reader.environ is None:
            environ = reader.read_head() if reader.buffer else None
            if environ is None:
                return False
            is_control = is_control_path(environ["PATH_INFO"])
            self._limit = CONTROL_MAX_BODY if is_control else self._service.max_body
            if "HTTP_EXPECT" in environ and not self._meet_expectation(environ):
                return True
        if reader.is_complete or (reader.content_length or 0) > self._limit:
            return True
        return reader.read_body() or reader.length > self._limit

    def _meet_expectation(self, environ: Environ) -> bool:
        """Ask the client for the body; return False when it will not be read (RFC 9110, 10.1.1)."""
        reader, reads_body = self._reader, self._service.reads_body
        if reader.version == "1.0":
            return True
        if environ["HTTP_EXPECT"].lower() != "100-continue":
            raise ProtocolError("only 100-continue can be expected", HTTPStatus.EXPECTATION_FAILED)
        if (reader.content_length or 0) > self._limit or (reads_body and not reads_body(environ)):
            return reader.is_complete
        if not reader.buffer and not reader.is_complete:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _answer(self) -> None:
        """Call the app, and send its answer at once or in a task."""
        reader, service, environ = self._reader, self._service, self._reader.environ or {}
        reader.pass_body(environ, self._limit)
        if not (reader.is_complete and reader.keeps_alive) or reader.length > self._limit:
            self._is_last = True
        service.connections[self] = service.connections.pop(self)
        self._has_begun = False
        if service.answer or is_slow_call(reader.method, environ["PATH_INFO"], environ["QUERY_STRING"]):
            # With a plan, the end of the server cuts it; what changes an engine is completed.
            self._plan = None if service.answer else Delivery()
            self._delivery = self._loop.create_task(self._deliver(environ))
            return
        try:
            parts = service.wsgi(environ, self._start_response)
            self._log_answer(environ)
            if self._plan is None and self._has_length:
                self._send_at_once(parts)
                self._finish()
            else:
                self._delivery = self._loop.create_task(self._deliver(environ, parts))
        except Exception as error:  # noqa: BLE001
            self._fail(error)

    def _send_at_once(self, parts: Iterable[bytes]) -> None:
        """Send an answer whose length is known, in one piece."""
        body = b"".join(parts)
        getattr(parts, "close", list)()
        self._transport.write(self._head() + (body if self._sends_body else b""))

    def _start_response(self, status: str, headers: Headers, _: Any = None) -> None:
        self._status, self._headers, self._has_length = status, headers, "Content-Length" in dict(headers)

    def _log_answer(self, environ: Environ) -> None:
        """Log the answer of the app, and keep its delivery plan; a late answer is logged when it is sent."""
        self._plan = environ.get(KEY)
        if self._service.log is not None and (self._plan is None or self._plan.late is None):
            self._service.log(environ, self._status, self._headers)

    async def _deliver(self, environ: Environ, parts: Iterable[bytes] | None = None) -> None:
        """Send an answer in a task; without parts, call the app first."""
        try:
            if parts is None:
                parts = await self._call(environ)
                self._log_answer(environ)
            if self._plan is not None and self._plan.late is not None:
                parts = (await self._plan.late())(environ, self._start_response)
                environ[KEY] = self._plan = Delivery()
                self._log_answer(environ)
            if self._plan is None and self._has_length:
                self._send_at_once(parts)
            else:
                await deliver(self, parts, self._plan)
            if not self._is_over:
                self._finish()
        except Exception as error:  # noqa: BLE001
            self._fail(error)
        finally:
            getattr(parts, "close", list)()  # PEP 3333
            self._delivery = self._plan = None

    async def _call(self, environ: Environ) -> Iterable[bytes]:
        """Call the app as the service says, else in a thread, one call at a time."""
        if self._service.answer is not None:
            return await self._service.answer(environ, self._start_response)
        return await self._service.slow_calls.run(partial(self._service.wsgi, environ, self._start_response))

    def _head(self) -> bytes:
        """Return the head of the answer, and choose how the end of its body is marked."""
        lines, is_http_1_0 = [], self._reader.version == "1.0"
        self._sends_body = self._reader.method != "HEAD" and self._status[:3] not in {"204", "304"}
        self._is_chunked = self._sends_body and not self._has_length and not is_http_1_0
        self._is_last = self._is_last or (is_http_1_0 and not self._has_length)
        if self._is_chunked:
            lines.append("Transfer-Encoding: chunked")
        if self._is_last or is_http_1_0:
            lines.append(f"Connection: {'close' if self._is_last else 'keep-alive'}")
        return messages.head(self._status, self._headers, *lines)

    def _finish(self) -> None:
        """Forget the request that was answered; after the last one, close."""
        if self._is_last:
            self._close_last()
        (self._reader.environ or {}).clear()  # else its objects, which refer to it, wait for the collector
        self._reader.begin()
        self._is_head_due = False
        if self._reader.buffer or self._input_ended or self._delivery is not None:
            self._loop.call_soon(self._proceed)  # other clients come first

    def _fail(self, error: Exception) -> None:
        """Log an exception of the app, and answer with 500 if nothing was sent."""
        path = (self._reader.environ or {}).get("PATH_INFO")
        _logger.error("unexpected error at %s %a", self._reader.method, path, exc_info=error)
        if self._has_begun:
            self.abort()
        else:
            self._reject(ProtocolError("the sandbox failed; see its log", HTTPStatus.INTERNAL_SERVER_ERROR))

    def _reject(self, error: ProtocolError) -> None:
        """Answer without the app, and close."""
        _logger.info("a request was rejected with %d: %s", error.status, error)
        self.send_and_close(own_answer(error.status, str(error)))

    def _close_last(self) -> None:
        """Close, but first read for a while: else the client may see a reset and no answer."""
        if self._input_ended or (self._reader.is_complete and not self._reader.buffer):
            self.close()
            return
        self._is_over, now = True, self._loop.time()
        self.deadline, self._over_at = now + _LINGER, now + _LINGER_TOTAL
        self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _wait(self) -> None:
        """Set the next deadline, and resume reading if it was paused."""
        now, reader = self._loop.time(), self._reader
        if self._is_over or self._delivery is not None or not self._writable.is_set():
            self.deadline = self.deadline if self._is_over else inf
        elif reader.environ is not None:
            self.deadline = now + self._service.body_timeout
        elif not reader.buffer:
            self.deadline = now + (HEAD_TIMEOUT if self._is_head_due else IDLE_TIMEOUT)
        elif not self._is_head_due:
            self._is_head_due = True
            self.deadline = now + HEAD_TIMEOUT
        if self._is_paused and len(reader.buffer) <= _MAX_WAITING:
            self._is_paused = False
            self._transport.resume_reading()

    def _hurry(self) -> None:
        """Shorten the delivery: the client closed its side some time ago."""
        self._hurried.set()
        plan = self._plan
        if self._delivery is not None and plan is not None and (plan.stream or plan.late):
            self._delivery.cancel()
            self.close()

    async def pause(self, seconds: float | None) -> None:
        """Wait for these seconds, or without end; less if the client has closed its side."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurried.wait()

    def begin(self, *, has_length: bool = True) -> None:
        """Send the head of the answer."""
        self._has_begun = True
        if not has_length:
            self._has_length = False
            self._headers = [(name, value) for name, value in self._headers if name != "Content-Length"]
        self._transport.write(self._head())

    async def send(self, part: bytes) -> None:
        """Send a part of the body, and wait until the client has taken most of what was sent."""
        framed = self._frame(part)
        if framed:
            self._transport.write(framed)
            await self._writable.wait()

    def complete(self) -> None:
        """Send the end of the body."""
        if self._is_chunked:
            self._transport.write(b"0\r\n\r\n")

    async def send_all(self, body: bytes) -> None:
        """Send head and body in one write, and wait until the client has taken most of them."""
        self._has_begun = True
        raw = self._head() + self._frame(body) + (b"0\r\n\r\n" if self._is_chunked else b"")
        self._transport.write(raw)
        await self._writable.wait()

    def _frame(self, part: bytes) -> bytes:
        """Return the bytes that send a part of the body: none for HEAD, a chunk if the answer is chunked."""
        if not (self._sends_body and part):
            return b""
        return b"%x\r\n%b\r\n" % (len(part), part) if self._is_chunked else part

    def send_and_close(self, raw: bytes) -> None:
        """Send bytes as they are, and close the connection."""
        self._transport.write(raw)
        self._close_last()

    def truncate(self, length: int, part: bytes) -> None:
        """Send the head of an answer of this length, a part of its body, and close."""
        headers = {"Content-Length": str(length)} | dict(self._headers)
        self.send_and_close(messages.head(self._status, list(headers.items())) + part)

    async def reset(self) -> None:
        """Reset the connection (TCP RST) after all earlier bytes were sent."""
        while self._transport.get_write_buffer_size():  # noqa: ASYNC110  # the last byte has no event
            await asyncio.sleep(0.005)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # no time
        self._is_over = True
        self.abort()
