"""The WSGI environ of a request: where it goes, by its target and Host, and what it brings."""

from __future__ import annotations

import re
import sys
from http import HTTPStatus
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from mock_server.server.requests import ProtocolError, RequestReader
from mock_server.settings import is_control_path

Environ = dict[str, Any]

_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::[0-9]{0,5})?")
_ABSOLUTE = re.compile(rb"https?://([^/?#]+)((?:[/?][^#]*)?)", re.IGNORECASE)
_SLASH = re.compile(b"%2f", re.IGNORECASE)


def connection_environ(scheme: str, client: tuple[str, int], port: int) -> Environ:
    """What all requests of a connection have in common."""
    return {
        "SCRIPT_NAME": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": str(port),
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def request_environ(common: Environ, request: RequestReader) -> Environ:
    """The environ of a request whose head was read; its body is empty.

    Raises:
        ProtocolError: the target or the Host is malformed.
    """
    target, fields = request.target, request.fields
    if target[:1] != b"/":
        target = _origin_form(target, fields, request.method)
    path, _, query = target.partition(b"?")
    environ = common | fields
    environ["REQUEST_METHOD"] = request.method
    environ["SERVER_PROTOCOL"] = f"HTTP/{request.version}"
    environ["PATH_INFO"] = _path_info(path)
    environ["QUERY_STRING"] = query.decode("latin-1")
    _check_host(fields.get("HTTP_HOST"), request.version)
    environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
    # The body is read before the app is called, chunked or not.
    environ.pop("HTTP_CONTENT_LENGTH", None)
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ.pop("", None)
    set_body(environ, b"")
    return environ


def set_body(environ: Environ, body: bytes, length: int | None = None) -> None:
    """Give a request its body; `length` is what was announced, where it is not read."""
    environ["wsgi.input"] = BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body) if length is None else length)


def _path_info(path: bytes) -> str:
    """The path as WSGI has it: unquoted, a character for each byte.

    Below the emulated API a quoted slash stays quoted, so that it is an unmapped path (behaviour.md 11).
    """
    if b"%" in path:
        if not is_control_path(path.decode("latin-1")):
            path = _SLASH.sub(b"%252F", path)
        path = unquote_to_bytes(path)
    return path.decode("latin-1")


def _origin_form(target: bytes, fields: dict[str, str], method: str) -> bytes:
    """The target as a path; the host of an absolute one takes the place of the header (RFC 9112, 3.2.2)."""
    if target == b"*" or method == "CONNECT":
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise ProtocolError(HTTPStatus.BAD_REQUEST, "malformed request target")
    fields["HTTP_HOST"] = absolute[1].decode("latin-1")
    return absolute[2] if absolute[2].startswith(b"/") else b"/" + absolute[2]


def _check_host(host: str | None, version: str) -> None:
    """One valid Host is required, HTTP/1.0 excepted (RFC 9112, 3.2)."""
    if host is None:
        if version == "1.0":
            return
        raise ProtocolError(HTTPStatus.BAD_REQUEST, "the Host header is missing")
    if _HOST.fullmatch(host) is None:
        raise ProtocolError(HTTPStatus.BAD_REQUEST, "malformed Host header")
