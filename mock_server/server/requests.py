"""Read the requests of one connection from its bytes, one at a time, with llhttp (RFC 9112).

No I/O: bytes are appended to `buffer`, and taken from it up to the end of a request and no further. What
follows is the next request, which is read when this one is answered.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from httptools import (
    HttpParserError,
    HttpParserInvalidMethodError,
    HttpParserUpgrade,
    HttpRequestParser,
)

MAX_HEAD = 64 * 1024
"""Bytes of a request line and its header block; more is a 431, or a 414 where the line alone is as long."""
MAX_HEADERS = 200
_MAX_OVERHEAD = 64 * 1024
"""Bytes of a chunked body besides its content and 16 for each byte of that: extensions and trailers."""

_END = b"\r\n\r\n"
_BARE_END = re.compile(rb"\n\r?\n")
"""The end of a head with bare line feeds, which llhttp rejects; without it the rest would be waited for."""
_REQUEST_LINE = re.compile(rb"[!#-'*+.0-9A-Z^-z|~-]+ [!-~\x80-\xff]+ HTTP/([0-9])\.([0-9])\r\n")
_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)

_KEYS: dict[bytes, str] = {}
"""The WSGI key of each header name seen; empty for a name with an underscore."""
_KNOWN_NAMES = 1024


class ProtocolError(Exception):
    """A request that is rejected without asking the app; the connection is closed after the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class RequestReader:
    """The request that is being read. `fields` has its headers under their WSGI keys."""

    def __init__(self) -> None:
        self.buffer = b""
        self._parser = HttpRequestParser(self)
        self.begin()

    def begin(self) -> None:
        """Forget the request that was read."""
        self.method = ""
        self.target = b""
        self.version = "1.1"
        self.fields: dict[str, str] = {}
        self.has_head = False
        self.keeps_alive = False
        self.is_complete = False
        self.content_length: int | None = 0
        self.length = 0
        self._header_count = 0
        self._parts: list[bytes] = []
        self._read = 0

    @property
    def body(self) -> bytes:
        """The body so far, decoded."""
        return b"".join(self._parts)

    def read_head(self) -> bool:
        """Take a request's head from the buffer; False when it has not come as a whole.

        Raises:
            ProtocolError: it is malformed or too large.
        """
        if self.buffer[:1] in b"\r\n":  # empty lines before a request (RFC 9112, 2.2)
            self.buffer = self.buffer.lstrip(b"\r\n")
        end = self.buffer.find(_END) + len(_END)
        if end < len(_END):
            bare = _BARE_END.search(self.buffer)
            end = bare.end() if bare else 0
        if end > MAX_HEAD or (not end and len(self.buffer) > MAX_HEAD):
            raise _head_too_large(self.buffer)
        if not end:
            return False
        head, self.buffer = self.buffer[:end], self.buffer[end:]
        self._parse_head(head)
        return True

    def read_body(self) -> bool:
        """Take what there is of the body from the buffer; whether the request is complete.

        Raises:
            ProtocolError: the body is malformed.
        """
        while not self.is_complete and self.buffer:
            piece = self._next_piece()
            if not piece:
                break
            self.buffer = self.buffer[len(piece) :]
            self._read += len(piece)
            try:
                self._parser.feed_data(piece)
            except HttpParserError as error:
                raise ProtocolError(HTTPStatus.BAD_REQUEST, f"malformed body: {error}") from None
            if self._read > _MAX_OVERHEAD + 17 * self.length and self.content_length is None:
                raise ProtocolError(HTTPStatus.BAD_REQUEST, "too much besides the content of a chunked body")
        return self.is_complete

    # What llhttp calls

    def on_url(self, url: bytes) -> None:
        """Keep the request target."""
        self.target = url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; those behind the body are ignored."""
        if self.has_head:
            return
        self._header_count += 1
        key = _KEYS.get(name)
        if key is None:
            key = _key_of(name)
        text = value.decode("latin-1").rstrip(" \t")
        fields = self.fields
        # Of two with one name, neither is taken for the right one: together they are no host and no token.
        fields[key] = f"{fields[key]}, {text}" if key in fields else text

    def on_headers_complete(self) -> None:
        """What follows is the body. Only now llhttp says whether the client keeps the connection."""
        self.has_head = True
        self.keeps_alive = self._parser.should_keep_alive()

    def on_body(self, part: bytes) -> None:
        """Keep a part of the body."""
        self._parts.append(part)
        self.length += len(part)

    def on_message_complete(self) -> None:
        """The request has come as a whole."""
        self.is_complete = True

    def _parse_head(self, head: bytes) -> None:
        self.begin()
        try:
            self._parser.feed_data(head)
        except HttpParserUpgrade:
            self._refuse_upgrade(head)
        except HttpParserError as error:
            raise _head_error(head, error) from None
        method = self._parser.get_method()
        # llhttp also takes two spaces, HTTP/0.9, HTTP/2.0 and RTSP.
        if not head.startswith(b"%b %b HTTP/1." % (method, self.target)):
            raise _head_error(head, None)
        if self._header_count > MAX_HEADERS:
            raise ProtocolError(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"more than {MAX_HEADERS} headers"
            )
        self.method = method.decode("ascii")
        self.version = self._parser.get_http_version()
        if not self.is_complete:
            self._frame_body()

    def _frame_body(self) -> None:
        """Find out how the end of the body is told (RFC 9112, 6.3)."""
        coding = self.fields.get("HTTP_TRANSFER_ENCODING")
        if coding is None:
            self.content_length = int(self.fields["HTTP_CONTENT_LENGTH"])
        elif self.version == "1.0":
            raise ProtocolError(HTTPStatus.BAD_REQUEST, "HTTP/1.0 has no transfer codings")
        elif coding.lower() != "chunked":
            raise ProtocolError(HTTPStatus.NOT_IMPLEMENTED, f"unknown transfer coding: {coding[:100]}")
        else:
            self.content_length = None

    def _refuse_upgrade(self, head: bytes) -> None:
        """Read the request as one that asks for no other protocol; llhttp would pass over its body."""
        if self._parser.get_method() != b"CONNECT":
            self._parser = HttpRequestParser(self)
            self._parse_head(_UPGRADE.sub(b"\r\nX-Ignored-Upgrade:", head))

    def _next_piece(self) -> bytes:
        """So much of the buffer as cannot reach beyond the end of the body."""
        if self.content_length is not None:
            return self.buffer[: self.content_length - self._read]
        end = self.buffer.find(_END)
        if end >= 0:
            return self.buffer[: end + len(_END)]
        # A part of the end is left until it is there as a whole.
        kept = next(size for size in (3, 2, 1, 0) if self.buffer.endswith(_END[:size]))
        return self.buffer[: len(self.buffer) - kept]


def _key_of(name: bytes) -> str:
    # One with an underscore would pass for the one with a dash: X_Mock_Sandbox for X-Mock-Sandbox.
    key = "" if b"_" in name else f"HTTP_{name.decode('ascii').upper().replace('-', '_')}"
    if len(_KEYS) < _KNOWN_NAMES and len(name) < 100:  # noqa: PLR2004
        _KEYS[name] = key
    return key


def _head_too_large(head: bytes) -> ProtocolError:
    if b"\r\n" not in head[:MAX_HEAD]:
        return ProtocolError(HTTPStatus.REQUEST_URI_TOO_LONG, f"request line above {MAX_HEAD} bytes")
    return ProtocolError(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"request line and headers above {MAX_HEAD} bytes"
    )


def _head_error(head: bytes, error: HttpParserError | None) -> ProtocolError:
    """What is wrong with a head that llhttp rejects, or that is not HTTP/1: version, method or syntax."""
    line = _REQUEST_LINE.match(head)
    if line and line[1] != b"1":
        return ProtocolError(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 and HTTP/1.0 are served")
    if line and isinstance(error, HttpParserInvalidMethodError):
        return ProtocolError(HTTPStatus.NOT_IMPLEMENTED, "unknown method; methods are in capitals")
    return ProtocolError(HTTPStatus.BAD_REQUEST, f"malformed request: {error or 'its first line'}")
