"""A line per request in the log: method, path, status, duration and the codes of a refusal."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from time import perf_counter
from typing import Any

import orjson

from mock_server.clock import real_now
from mock_server.dialects import wire
from mock_server.journal.redaction import redact_url
from mock_server.settings import SANDBOX_HEADER
from mock_server.web.context import CONTEXT, RequestContext
from mock_server.web.errors import REFUSAL_HEADER
from mock_server.web.journal_entry import BEGAN

_SANDBOX_KEY = f"HTTP_{SANDBOX_HEADER.upper().replace('-', '_')}"
_MAX_CACHED_URL = 300
"""Characters of a URL in the cache."""


class AccessLog:
    """Formats a line for each answered request, and passes it as bytes to `write`."""

    def __init__(self, write: Callable[[bytes], None], *, as_json: bool) -> None:
        self._write = write
        self._line = _json_line if as_json else _text_line

    def add(self, environ: dict[str, Any], status: str, headers: list[tuple[str, str]]) -> None:
        """Log a request that was answered."""
        path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
        url = (
            _cached_url(path, query) if len(path) + len(query) < _MAX_CACHED_URL else _format_url(path, query)
        )
        milliseconds = (perf_counter() - environ[BEGAN]) * 1000 if BEGAN in environ else 0.0
        self._write(self._line(environ, url, status, milliseconds, headers))


def _text_line(
    environ: dict[str, Any], url: str, status: str, milliseconds: float, headers: list[tuple[str, str]]
) -> bytes:
    """Return the line as text: method, URL, status, duration and codes."""
    refusal = ""
    for name, value in headers:
        if name == REFUSAL_HEADER:
            refusal = f" {value}"
    context: RequestContext | None = environ.get(CONTEXT)
    if context is not None and not refusal:
        for code in _codes(context):
            refusal += f" {code}"
    return f"{environ['REQUEST_METHOD']} {url} {status[:3]} {milliseconds:.1f}ms{refusal}\n".encode("ascii")


def _json_line(
    environ: dict[str, Any], url: str, status: str, milliseconds: float, headers: list[tuple[str, str]]
) -> bytes:
    """Return the line as a JSON object, with the text line as its message."""
    line = _text_line(environ, url, status, milliseconds, headers)
    context: RequestContext | None = environ.get(CONTEXT)
    sandbox, operation, codes, rule = environ.get(_SANDBOX_KEY), None, [], None
    if context is not None:
        sandbox, codes = context.sandbox.name, _codes(context)
        operation = None if context.call is None else context.call.operation.name
        rule = None if context.applied is None else context.applied.rule.name
    return orjson.dumps(
        {
            "time": real_now().isoformat(timespec="milliseconds"),
            "level": "info",
            "logger": "mock_server.access",
            "message": line[:-1].decode("ascii"),
            "method": environ["REQUEST_METHOD"],
            "path": url,
            "status": int(status[:3]),
            "duration_ms": round(milliseconds, 3),
            "sandbox": sandbox,
            "operation": operation,
            "codes": codes,
            "rule": rule,
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _codes(context: RequestContext) -> list[str]:
    """The error codes in the answer: of a refusal, or of a failed import."""
    return [] if context.call is None else [fact.name for fact in context.call.facts if fact.about == "code"]


def _format_url(path: str, query: str) -> str:
    """Path and query string as one line of ASCII, without secrets."""
    text = path.encode("latin-1").decode("utf-8", "replace")
    return wire.header_text(redact_url(f"{text}?{query}" if query else text))


_cached_url = lru_cache(1024)(_format_url)
