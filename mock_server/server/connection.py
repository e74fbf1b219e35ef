"""One client's connection: requests are read and answered one at a time, in order, within its limits."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from math import inf
from threading import Thread
from typing import Any

from mock_server.delivery import KEY, Delivery
from mock_server.server.answers import Answer, Headers, has_body, head, own_answer
from mock_server.server.delivery import FAULTS, deliver, send_parts
from mock_server.server.environ import Environ, connection_environ, request_environ, set_body
from mock_server.server.requests import ProtocolError, RequestReader
from mock_server.settings import CONTROL_MAX_BODY, SLOW_CALLS, is_control_path

Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
ReadsBody = Callable[[Environ], bool]
Log = Callable[[Environ, str, Headers], None]

HEAD_TIMEOUT = 10.0
"""Seconds from the first byte of a request to the end of its head; also those for the TLS handshake."""
IDLE_TIMEOUT = 75.0
"""Seconds that a connection is kept without a request."""
_LINGER = 1.0
"""Seconds without a byte after which a connection is closed whose client still sends what nobody reads."""
_LINGER_TOTAL = 5.0
_HALF_CLOSED = 2.0
"""Seconds that are left of a delay, of pieces or of a stream when the client has closed its side."""
_MAX_WAITING = 64 * 1024
"""Bytes of further requests that are read while one is being answered."""

_NO_LINGER = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing resets the connection."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CLOSE = "Connection: close"

_logger = logging.getLogger("mock_server")


class Service:
    """What connections serve, and which ones there are, the one that was used last at the end.

    `reads_body` says of a head whether the app would read the body behind it; `log` gets each answer.
    """

    def __init__(
        self,
        wsgi: Wsgi,
        *,
        max_body: int,
        body_timeout: float = 30.0,
        reads_body: ReadsBody | None = None,
        log: Log | None = None,
    ) -> None:
        self.wsgi = wsgi
        self.max_body = max_body
        self.body_timeout = body_timeout
        self.reads_body: ReadsBody = reads_body or (lambda _: True)
        self.log: Log = log or (lambda *_: None)
        self.connections: dict[Connection, None] = {}
        self.slow_call = asyncio.Lock()


class Connection(asyncio.Protocol):
    """A client's connection, plain or within TLS. `deadline` is when it is timed out, in the loop's time."""

    deadline = inf

    def __init__(self, service: Service, accepted: socket.socket, scheme: str) -> None:
        self._service = service
        self._socket = accepted
        self._scheme = scheme
        self._loop = asyncio.get_running_loop()
        self._reader = RequestReader()
        self._environ: Environ | None = None
        self._delivery: asyncio.Task[None] | None = None
        self._plan: Delivery | None = None
        self._hurried = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._is_last = False
        self._is_over = False
        self._is_head_due = True
        self._input_ended = False
        self._has_begun = False
        self._is_chunked = False

    # What the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        client, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self._common = connection_environ(self._scheme, client or ("", 0), own[1])
        self.deadline = self._loop.time() + HEAD_TIMEOUT
        self._service.connections[self] = None

    def data_received(self, data: bytes) -> None:
        """Answer what is complete by now; what comes during an answer waits."""
        if self._is_over:
            self.deadline = min(self._loop.time() + _LINGER, self._over_at)
            return
        reader = self._reader
        reader.buffer = reader.buffer + data if reader.buffer else data
        if self._delivery is None and self._writable.is_set():
            self._proceed()
        elif len(reader.buffer) > _MAX_WAITING:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Answer what has come: a client that closes its side may still read (RFC 9112, 9.6)."""
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

    def resume_writing(self) -> None:
        """Go on."""
        self._writable.set()
        if self._delivery is None and not self._is_over:
            self._proceed()

    def connection_lost(self, _: Exception | None) -> None:
        """End."""
        self._is_over = True
        if self._delivery is not None:
            self._delivery.cancel()
        self._service.connections.pop(self, None)

    # What the server calls

    @property
    def is_idle(self) -> bool:
        """Whether it is kept alive between two requests."""
        return not (self._is_over or self._is_head_due or self._environ or self._delivery)

    @property
    def is_stalled(self) -> bool:
        """Whether it waits for its client, to read or to close."""
        return self._delivery is None or not self._writable.is_set()

    def close(self) -> None:
        """Close it once all is sent."""
        self._is_over = True
        self._transport.close()

    def abort(self) -> None:
        """Close it at once."""
        self._transport.abort()

    def time_out(self) -> None:
        """The deadline has passed: of a head, of a body, of an idle connection, or of one that is over."""
        if self._is_over and self._transport.is_closing():
            self._transport.abort()
        elif self._is_over or not (self._environ or self._reader.buffer):
            self.close()
            self.deadline = self._loop.time() + _LINGER
        else:
            part = "body" if self._environ else "head"
            self._reject(ProtocolError(HTTPStatus.REQUEST_TIMEOUT, f"the {part} of the request is too slow"))

    def end(self) -> asyncio.Task[None] | None:
        """The server ends: send what is answered, and cut what waits; the delivery that is still running."""
        self._is_last = True
        delivery, plan = self._delivery, self._plan
        if delivery is None:
            self.close()
        elif plan is not None:
            delivery.cancel()
            if not self._has_begun and plan.fault not in FAULTS:
                self._transport.write(own_answer(HTTPStatus.SERVICE_UNAVAILABLE, "the server ends"))
            self.close()
        return delivery

    # Requests

    def _proceed(self) -> None:
        """Read and answer what there is."""
        try:
            while self._delivery is None and self._writable.is_set() and not self._is_over and self._read():
                self._answer()
            if self._input_ended and self._delivery is None and self._writable.is_set():
                self._end_input()
        except ProtocolError as error:
            self._reject(error)
        if not self._is_over:
            self._set_deadline()

    def _read(self) -> bool:
        """Read a request; whether it can be answered: it is complete, or its body is not wanted."""
        reader = self._reader
        if self._environ is None:
            if not reader.buffer or not reader.read_head():
                return False
            self._environ = request_environ(self._common, reader)
            self._limit = (
                CONTROL_MAX_BODY if is_control_path(self._environ["PATH_INFO"]) else self._service.max_body
            )
            if "HTTP_EXPECT" in self._environ and not self._meet_expectation(self._environ):
                return True
        if reader.is_complete:
            return True
        if (reader.content_length or 0) > self._limit:
            return True
        return reader.read_body() or reader.length > self._limit

    def _meet_expectation(self, environ: Environ) -> bool:
        """Let the client send the body; False when it will not be read (RFC 9110, 10.1.1)."""
        reader = self._reader
        if reader.version == "1.0":
            return True
        if environ["HTTP_EXPECT"].lower() != "100-continue":
            raise ProtocolError(HTTPStatus.EXPECTATION_FAILED, "only 100-continue can be expected")
        if reader.is_complete:
            return True
        if (reader.content_length or 0) > self._limit or not self._service.reads_body(environ):
            return False
        if not reader.buffer:
            self._transport.write(_CONTINUE)
        return True

    def _answer(self) -> None:
        """Call the app, and send what it answers, now or by and by."""
        reader, environ, service = self._reader, self._environ or {}, self._service
        if reader.is_complete:
            set_body(environ, reader.body)
        else:
            set_body(environ, b"", reader.content_length or reader.length)
        if not (reader.is_complete and reader.keeps_alive) or reader.method == "CONNECT":
            self._is_last = True
        service.connections[self] = service.connections.pop(self)
        self._has_begun = False
        if (environ["REQUEST_METHOD"], environ["PATH_INFO"]) in SLOW_CALLS:
            self._delivery = self._loop.create_task(self._answer_in_thread(environ))
        else:
            self._answer_at_once(environ)

    def _answer_at_once(self, environ: Environ) -> None:
        service = self._service
        try:
            parts = service.wsgi(environ, self._start_response)
            answer = Answer(self._status, self._headers, parts)
            service.log(environ, self._status, self._headers)
            self._plan = environ.get(KEY)
            if self._plan is not None or not answer.has_length:
                self._delivery = self._loop.create_task(self._deliver(answer))
            else:
                self._send_whole(answer)
        except Exception as error:  # noqa: BLE001
            self._fail(error)

    async def _answer_in_thread(self, environ: Environ) -> None:
        """Call the app in a thread, one slow call at a time, while other requests are answered."""
        self._plan = Delivery()  # so the server's end cuts it
        try:
            async with self._service.slow_call:
                parts = await _in_thread(partial(self._service.wsgi, environ, self._start_response))
            self._plan = environ.get(KEY)
        except Exception as error:  # noqa: BLE001
            self._delivery = self._plan = None
            self._fail(error)
            return
        await self._deliver(Answer(self._status, self._headers, parts))

    def _start_response(self, status: str, headers: Headers, _: Any = None) -> None:
        self._status, self._headers = status, headers

    def _send_whole(self, answer: Answer) -> None:
        body = b"".join(answer.parts)
        answer.close()
        if not has_body(self._reader.method, answer.status):
            body = b""
        self._transport.write(head(answer.status, answer.headers, *self._connection_lines()) + body)
        self._finish()

    def _connection_lines(self) -> tuple[str, ...]:
        if self._is_last:
            return ("Connection: close",)
        return ("Connection: keep-alive",) if self._reader.version == "1.0" else ()

    async def _deliver(self, answer: Answer) -> None:
        """Answer in another way than at once, and go on with the next request."""
        try:
            if self._plan is None:
                await send_parts(self, answer)
            else:
                await deliver(self, answer, self._plan)
        except Exception as error:  # noqa: BLE001
            self._delivery = None
            self._fail(error)
            return
        finally:
            answer.close()
        self._delivery = self._plan = None
        if not self._is_over:
            self._finish()
        if not self._is_over:
            self._transport.resume_reading()
            self._proceed()

    def _finish(self) -> None:
        """Forget the request that was answered; after the last one, close."""
        is_read = self._reader.is_complete and not self._reader.buffer
        self._environ = None
        self._reader.begin()
        self._is_head_due = False
        if self._is_last:
            self._close_last(is_read=is_read)

    def _fail(self, error: Exception) -> None:
        """The app raised an exception: say so in the log, and to the client where nothing was sent."""
        reader = self._reader
        _logger.error("unexpected error at %s %a", reader.method, reader.target, exc_info=error)
        if self._has_begun:
            self.abort()
        else:
            self._reject(ProtocolError(HTTPStatus.INTERNAL_SERVER_ERROR, "the sandbox failed; see its log"))

    def _reject(self, error: ProtocolError) -> None:
        """Answer without the app, and close."""
        self._transport.write(own_answer(error.status, str(error)))
        self._close_last(is_read=False)

    def _close_last(self, *, is_read: bool) -> None:
        """Close, but read for a while what still comes: else the client sees a reset, and no answer."""
        self._is_over = True
        if is_read or self._input_ended:
            self._transport.close()
            return
        self._over_at = self._loop.time() + _LINGER_TOTAL
        self.deadline = self._loop.time() + _LINGER
        self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def _end_input(self) -> None:
        """The client sends no more: close, or reject a request of which the end is missing."""
        if self._environ or self._reader.buffer:
            raise ProtocolError(HTTPStatus.BAD_REQUEST, "the request is cut off")
        self.close()

    def _set_deadline(self) -> None:
        now = self._loop.time()
        if self._delivery is not None or not self._writable.is_set():
            self.deadline = inf
        elif self._environ is not None:
            self.deadline = now + self._service.body_timeout
        elif not self._reader.buffer:
            self.deadline = now + (HEAD_TIMEOUT if self._is_head_due else IDLE_TIMEOUT)
        elif not self._is_head_due:
            self._is_head_due = True
            self.deadline = now + HEAD_TIMEOUT

    def _hurry(self) -> None:
        """The client closed its side a while ago, and may be gone."""
        self._hurried.set()
        if self._delivery is not None and self._plan is not None and self._plan.stream is not None:
            self._delivery.cancel()
            self.close()

    # What a delivery calls

    async def pause(self, seconds: float | None) -> None:
        """Wait so long, without end for None; less where the client has closed its side."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurried.wait()

    def begin(self, answer: Answer) -> None:
        """Send the head of an answer."""
        lines = list(self._connection_lines())
        self._has_begun = True
        self._sends_body = has_body(self._reader.method, answer.status)
        self._is_chunked = self._sends_body and not answer.has_length and self._reader.version == "1.1"
        if self._is_chunked:
            lines.append("Transfer-Encoding: chunked")
        elif self._sends_body and not answer.has_length:
            self._is_last = True
        if answer.closes:
            self._is_last = True
        self._transport.write(head(answer.status, answer.headers, *lines))

    async def send(self, part: bytes) -> None:
        """Send a part of the body, and wait until the client has taken most of what was sent."""
        if self._sends_body and part:
            self._transport.write(b"%x\r\n%b\r\n" % (len(part), part) if self._is_chunked else part)
            await self._writable.wait()

    def complete(self) -> None:
        """Send the end of the body."""
        if self._is_chunked:
            self._transport.write(b"0\r\n\r\n")

    async def send_and_close(self, raw: bytes) -> None:
        """Send bytes as they are, and close the connection."""
        self._transport.write(raw)
        self._close_last(is_read=False)

    async def reset(self) -> None:
        """Reset the connection (TCP RST), once what was sent before is out."""
        while self._transport.get_write_buffer_size():  # noqa: ASYNC110  # no event tells of the last byte
            await asyncio.sleep(0.005)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._is_over = True
        self._transport.abort()


async def _in_thread(function: Callable[[], Iterable[bytes]]) -> Iterable[bytes]:
    """Return the result of a function that runs in a daemon thread, which does not delay the server's end."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Iterable[bytes]] = loop.create_future()

    def set_result(result: Iterable[bytes] | None, error: Exception | None) -> None:
        if future.cancelled():
            return
        if error is None:
            future.set_result(result or ())
        else:
            future.set_exception(error)

    def run() -> None:
        result, raised = None, None
        try:
            result = function()
        except Exception as error:  # noqa: BLE001
            raised = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(set_result, result, raised)

    Thread(target=run, name="mock-server slow call", daemon=True).start()
    return await future
