"""HTTP/1.1 messages without I/O: read requests with llhttp, as WSGI environs, and write heads (RFC 9112).

Bytes are appended to a buffer, and taken from it up to the end of a request and no further.
"""

from __future__ import annotations

import re
import sys
from email.utils import formatdate
from functools import lru_cache, partial
from http import HTTPStatus
from http.client import responses
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from httptools import HttpParserError, HttpParserInvalidMethodError, HttpParserUpgrade, HttpRequestParser

from mock_server.clock import real_seconds
from mock_server.settings import is_control_path

Environ = dict[str, Any]
Headers = list[tuple[str, str]]

MAX_HEAD = 64 * 1024  # bytes of request line and headers; more is a 431, or a 414 for the line alone
MAX_HEADERS = 200
_MAX_OVERHEAD = 64 * 1024  # bytes of a chunked body besides its content and 16 for each byte of that

_END = b"\r\n\r\n"
_BARE_END = re.compile(rb"\n\r?\n")  # of a head with bare line feeds, which llhttp rejects
_METHOD_BYTES = rb"!#-'*+.0-9A-Z^-z|~-"  # those of a token (RFC 9110, 5.6.2)
_NO_METHOD = re.compile(rb"[^%s]" % _METHOD_BYTES)  # a byte with which no request begins
_TLS_HANDSHAKE = b"\x16"
_REQUEST_LINE = re.compile(rb"[%s]+ [!-~\x80-\xff]+ HTTP/([0-9])\.[0-9]\r\n" % _METHOD_BYTES)
_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_ABSOLUTE = re.compile(rb"https?://([^/?#]+)((?:[/?][^#]*)?)", re.IGNORECASE)
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::[0-9]{0,5})?")
_SLASH = re.compile(b"%2f", re.IGNORECASE)


class ProtocolError(Exception):
    """A request that is rejected without the app; the connection closes after the answer."""

    def __init__(self, message: str, status: int = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.status = status


def common_environ(scheme: str, client: tuple[str, int], server: tuple[str, int]) -> Environ:
    """Return the part of the environ that is the same for all requests of a connection."""
    return {
        "SCRIPT_NAME": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.errors": sys.stderr,
        **dict.fromkeys(("wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once"), False),
    }


class RequestReader:
    """Reads one request after the other from `buffer`; a malformed one is a ProtocolError.

    `environ` is set once the head was read. `length` is the number of bytes of the body so far,
    `content_length` the announced one, None for chunks.
    """

    def __init__(self, common: Environ) -> None:
        self.buffer = b""
        self._common = common
        self._parser = HttpRequestParser(self)
        self.begin()

    def begin(self) -> None:
        """Forget the request that was read."""
        self.environ: Environ | None = None
        self.method, self.version, self._target = "", "1.1", b""
        self.keeps_alive = self.is_complete = self._has_head = False
        self.content_length: int | None = 0
        self.length = self._read = self._header_count = 0
        self._fields: dict[str, str] = {}
        self._parts: list[bytes] = []

    def read_head(self) -> Environ | None:
        """Take a request's head from the buffer; return None if it is not complete."""
        if self.buffer[:1] in b"\r\n":  # empty lines before a request (RFC 9112, 2.2)
            self.buffer = self.buffer.lstrip(b"\r\n")
        end = self.buffer.find(_END) + len(_END)
        if end < len(_END):
            bare = _BARE_END.search(self.buffer)
            end = bare.end() if bare else 0
        self._check_begun(end or len(self.buffer))
        if end:
            head, self.buffer = self.buffer[:end], self.buffer[end:]
            self._parse_head(head)
            self.environ = self._build_environ()
        return self.environ

    def _check_begun(self, length: int) -> None:
        """Reject what cannot become a head: its client would wait for an answer until the head is due."""
        if _NO_METHOD.match(self.buffer):
            is_tls = self.buffer.startswith(_TLS_HANDSHAKE)
            raise ProtocolError(
                "HTTPS on a port of HTTP: the URL begins with http://"
                if is_tls
                else "malformed request: its first byte"
            )
        if length > MAX_HEAD:
            if b"\r\n" in self.buffer[:MAX_HEAD]:
                raise ProtocolError("headers too large", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            raise ProtocolError("request line too long", HTTPStatus.REQUEST_URI_TOO_LONG)

    def read_body(self) -> bool:
        """Take bytes of the body from the buffer; return whether the request is complete."""
        at, view = 0, memoryview(self.buffer)
        while not self.is_complete and (end := self._end_of_piece(at)) > at:
            try:
                self._parser.feed_data(view[at:end])
            except HttpParserError as error:
                raise ProtocolError(f"malformed body: {error}") from None
            self._read += end - at
            at = end
        self.buffer = self.buffer[at:]
        if self.content_length is None and self._read > _MAX_OVERHEAD + 17 * self.length:
            raise ProtocolError("too much besides the content of a chunked body")
        return self.is_complete

    def pass_body(self, environ: Environ, limit: int) -> None:
        """Set the body of the environ; if it is beyond the limit, or not read, only its length."""
        is_passed = self.is_complete and self.length <= limit
        length = self.length if self.is_complete else self.content_length or self.length
        environ["wsgi.input"] = BytesIO(b"".join(self._parts) if is_passed else b"")
        environ["CONTENT_LENGTH"] = str(length)

    def on_url(self, url: bytes) -> None:
        """Keep the request target."""
        self._target = url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; those after the body are ignored."""
        if not self._has_head:
            self._header_count += 1
            key, text, fields = _key_of(name), value.decode("latin-1").rstrip(" \t"), self._fields
            # Two headers of one name are joined: the result is neither a host nor a token.
            fields[key] = f"{fields[key]}, {text}" if key in fields else text

    def on_headers_complete(self) -> None:
        """Note whether the connection stays open: llhttp knows it only now."""
        self._has_head = True
        self.keeps_alive = self._parser.should_keep_alive()

    def on_body(self, part: bytes) -> None:
        """Keep a part of the body."""
        self._parts.append(part)
        self.length += len(part)

    def on_message_complete(self) -> None:
        """Note that the request is complete."""
        self.is_complete = True

    def _parse_head(self, head: bytes) -> None:
        """Parse a complete head.

        Raises:
            ProtocolError: it is malformed, or not HTTP/1.
        """
        error: Exception | None = None
        try:
            self._parser.feed_data(head)
        except (HttpParserError, HttpParserUpgrade) as found:
            error = found
        method = self._parser.get_method()
        is_upgrade = isinstance(error, HttpParserUpgrade)
        if is_upgrade and method != b"CONNECT":
            # Read the head again without its `Upgrade`: else llhttp skips the body.
            self._parser = HttpRequestParser(self)
            self.begin()
            self._parse_head(_UPGRADE.sub(b"\r\nX-Ignored-Upgrade:", head))
            return
        # llhttp also takes two spaces, HTTP/0.9, HTTP/2.0 and RTSP.
        if (error and not is_upgrade) or not head.startswith(method + b" " + self._target + b" HTTP/1."):
            raise _head_error(head, error)
        self.keeps_alive = self.keeps_alive and not is_upgrade
        self.method, self.version = method.decode("ascii"), self._parser.get_http_version()
        self._frame_body()

    def _frame_body(self) -> None:
        """Find the length of the body: a number of bytes, or chunks (RFC 9112, 6.3)."""
        coding = self._fields.get("HTTP_TRANSFER_ENCODING")
        if self._header_count > MAX_HEADERS:
            raise ProtocolError("too many headers", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if coding is None:
            self.content_length = int(self._fields.get("HTTP_CONTENT_LENGTH", 0))
        elif self.version == "1.0":
            raise ProtocolError("HTTP/1.0 has no transfer codings")
        elif coding.lower() != "chunked":
            raise ProtocolError(f"unknown transfer coding: {coding[:100]}", HTTPStatus.NOT_IMPLEMENTED)
        else:
            self.content_length = None

    def _end_of_piece(self, at: int) -> int:
        """Return how much of the buffer can be parsed without reaching beyond the end of the body."""
        if self.content_length is not None:
            return min(len(self.buffer), at + self.content_length - self._read)
        end = self.buffer.find(_END, at)
        if end >= 0:
            return end + len(_END)
        # A part of the end stays in the buffer until the end is complete.
        partial_end = next(size for size in (3, 2, 1, 0) if self.buffer.endswith(_END[:size]))
        return len(self.buffer) - partial_end

    def _build_environ(self) -> Environ:
        """Return the environ of the head that was parsed.

        Raises:
            ProtocolError: the target or the Host header is malformed.
        """
        target = self._origin_form()
        environ = self._common | self._fields
        host = environ.get("HTTP_HOST")
        if (host is None and self.version != "1.0") or (host is not None and not _match_host(host)):
            raise ProtocolError("one valid Host header is required")  # RFC 9112, 3.2
        environ["REQUEST_METHOD"], environ["SERVER_PROTOCOL"] = self.method, f"HTTP/{self.version}"
        environ["PATH_INFO"], environ["QUERY_STRING"] = _split(target)
        environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
        # The body is read before the app is called, chunked or not.
        for key in ("HTTP_CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING", ""):
            environ.pop(key, None)
        return environ

    def _origin_form(self) -> bytes:
        """The target as a path; the host of an absolute one replaces the header (RFC 9112, 3.2.2)."""
        target = self._target
        if (target[:1] == b"/" and b"#" not in target) or target == b"*" or self.method == "CONNECT":
            return target
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None:
            raise ProtocolError("malformed request target")
        self._fields["HTTP_HOST"] = absolute[1].decode("latin-1")
        return absolute[2] if absolute[2][:1] == b"/" else b"/" + absolute[2]


@lru_cache(256)
def _key_of(name: bytes) -> str:
    """Return the WSGI key of a header; empty for an underscore, which would equal a dash."""
    return "" if b"_" in name else f"HTTP_{name.decode('ascii').upper().replace('-', '_')}"


@lru_cache(64)
def _split(target: bytes) -> tuple[str, str]:
    """Path and query as WSGI has them. In the emulated API a quoted slash stays quoted (behaviour.md 11)."""
    path, _, query = target.partition(b"?")
    if b"%" in path:
        is_control = is_control_path(path.decode("latin-1"))
        path = unquote_to_bytes(path if is_control else _SLASH.sub(b"%252F", path))
    return path.decode("latin-1"), query.decode("latin-1")


def _head_error(head: bytes, error: Exception | None) -> ProtocolError:
    """Return the error of a head that llhttp rejects, or that is not HTTP/1: version, method or syntax."""
    line = _REQUEST_LINE.match(head)
    if line and line[1] != b"1":
        return ProtocolError("HTTP/1.1 and HTTP/1.0 are served", HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
    if line and isinstance(error, HttpParserInvalidMethodError):
        return ProtocolError("unknown method; methods are in capitals", HTTPStatus.NOT_IMPLEMENTED)
    return ProtocolError(f"malformed request: {error or 'its first line'}")


def head(status: str, headers: Headers, *extra: str) -> bytes:
    """Status line with the usual phrase, headers, with the date if there is none; `extra` are lines."""
    lines = [_status_line(status[:3]), *map(": ".join, headers), *extra]
    if "Date" not in dict(headers):
        lines.append(f"Date: {_date(int(real_seconds()))}")
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1")


def own_answer(status: int, message: str) -> bytes:
    """An answer of the server itself, after which it closes the connection."""
    body = f"{message}\n".encode("ascii", "replace")
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    return head(str(status), headers, "Connection: close") + body


_match_host = lru_cache(64)(_HOST.fullmatch)
_status_line = lru_cache(1_000)(lambda code: f"HTTP/1.1 {code} {responses.get(int(code), 'Unknown')}")
_date = lru_cache(2)(partial(formatdate, usegmt=True))
