"""Answers as bytes: head, date and body, and those that the server gives by itself."""

from __future__ import annotations

from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from http.client import responses

from msgspec import Struct

from mock_server.clock import real_seconds

Headers = list[tuple[str, str]]

_BODILESS = {"204", "304"}


class Answer(Struct, frozen=True):
    """What the app answered: status line, headers, and the body as WSGI gives it."""

    status: str
    headers: Headers
    parts: Iterable[bytes]

    @property
    def has_length(self) -> bool:
        """Whether a header announces the length of the body."""
        return any(name.lower() == "content-length" for name, _ in self.headers)

    @property
    def closes(self) -> bool:
        """Whether the app asks for the end of the connection."""
        return any(name.lower() == "connection" and value.lower() == "close" for name, value in self.headers)

    def close(self) -> None:
        """Let the app end its work for the answer (PEP 3333)."""
        close = getattr(self.parts, "close", None)
        if close is not None:
            close()


def has_body(method: str, status: str) -> bool:
    """Whether an answer to this method with this status has a body (RFC 9112, 6.3)."""
    return method != "HEAD" and status[:3] not in _BODILESS


def head(status: str, headers: Headers, *extra: str) -> bytes:
    """Status line and headers, with the date if there is none; `extra` are lines."""
    lines = "".join([f"\r\n{name}: {value}" for name, value in headers] + [f"\r\n{line}" for line in extra])
    if "\r\nDate: " not in lines:
        lines += _date(int(real_seconds()))
    return f"HTTP/1.1 {_status(status[:3])}{lines}\r\n\r\n".encode("latin-1")


def own_answer(status: int, message: str) -> bytes:
    """An answer of the server itself, after which it closes the connection."""
    body = f"{message}\n".encode("latin-1", "replace")
    headers = [("Content-Type", "text/plain;charset=ISO-8859-1"), ("Content-Length", str(len(body)))]
    return head(str(status), headers, "Connection: close") + body


@lru_cache(512)
def _status(code: str) -> str:
    """The status with its usual phrase: the app's are in capitals."""
    return f"{code} {responses.get(int(code), 'Unknown')}"


@lru_cache(2)
def _date(second: int) -> str:
    return "\r\nDate: " + formatdate(second, usegmt=True)
