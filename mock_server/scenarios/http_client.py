"""The HTTP client of the runner: requests, responses, and faults that the client sees.

Only the runner imports it: `requests` takes a tenth of a second, which the server's start does not need.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import BadStatusLine, IncompleteRead, RemoteDisconnected
from time import monotonic
from typing import Any

import requests
import urllib3

from mock_server import __version__
from mock_server.client.calls import is_local, trust_advice
from mock_server.scenarios.file_format import FaultName
from mock_server.scenarios.matching import ABSENT

_SECRETS = {"password", "access_token", "refresh_token", "token"}
_USER_AGENT = f"mock-server-scenarios/{__version__}"
_NOT_JSON = object()
_MAX_MESSAGE = 120
"""Characters of an exception's message in a report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request that can be sent several times. `content` is its body, or `form` the fields of a form."""

    method: str
    url: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    form: Mapping[str, str] | None = None

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.query)
        return f"{self.method} {self.url}{'?' if query else ''}{query}"

    @property
    def readable_body(self) -> str:
        """The body as text, without secrets."""
        if self.form is not None:
            fields = {name: "***" if name in _SECRETS else value for name, value in self.form.items()}
            return "&".join(f"{name}={value}" for name, value in fields.items())
        return (self.content or b"").decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class HttpResponse:
    """A response; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    took: timedelta

    @property
    def body(self) -> Any:
        """The body as JSON; ABSENT if it is empty, its text if it is not JSON."""
        if not self.content:
            return ABSENT
        parsed = _parse_json(self.content)
        return self.text if parsed is _NOT_JSON else parsed

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", "replace")

    def shows_fault(self, fault: FaultName | None) -> bool:
        """Whether the body shows this fault; None: whether it shows no fault."""
        if not self.content:
            return fault == "EMPTY_BODY"
        return fault == ("MALFORMED_BODY" if _parse_json(self.content) is _NOT_JSON else None)

    def __repr__(self) -> str:
        return f"an answer with status {self.status}"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NoResponse:
    """No complete response arrived: the client's message, and the fault that it shows, if it is one."""

    fault: FaultName | None
    problem: str
    took: timedelta
    over_tls: bool = False

    def shows_fault(self, fault: FaultName | None) -> bool:
        """Whether it may be this fault: over TLS, Python often reports a reset as a plain close."""
        closed = {"CONNECTION_RESET_BY_PEER", "EMPTY_RESPONSE"}
        return self.fault == fault or (self.over_tls and {self.fault, fault} == closed)

    def __repr__(self) -> str:
        return f"{self.fault} ({self.problem})" if self.fault else self.problem


HttpOutcome = HttpResponse | NoResponse


def new_session(url: str) -> requests.Session:
    """Return a session without credentials; for a URL on this machine also without a proxy."""
    session = requests.Session()
    session.headers["User-Agent"] = _USER_AGENT
    if is_local(url):
        session.trust_env = False
        session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True  # not read without `trust_env`
    session.auth = lambda request: request  # otherwise a .netrc would replace the token
    return session


def send(session: requests.Session, request: HttpRequest, timeout: float) -> HttpOutcome:
    """Send a request; its body is JSON unless the headers have a content type. `timeout` is in seconds."""
    headers = dict(request.headers)
    if request.content is not None and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"
    started = monotonic()
    try:
        response = session.request(
            request.method,
            request.url,
            params=list(request.query),
            headers={name: value.encode() for name, value in headers.items()},  # else in Latin-1
            data=request.content if request.form is None else dict(request.form),
            timeout=timeout,
            allow_redirects=False,
        )
    except (requests.RequestException, UnicodeError) as problem:
        return NoResponse(
            fault=fault_of(problem),
            problem=_short_message(problem),
            took=_elapsed_since(started),
            over_tls=request.url.startswith("https:"),
        )
    return HttpResponse(
        status=response.status_code,
        headers={name.lower(): value for name, value in response.headers.items()},
        content=response.content,
        took=_elapsed_since(started),
    )


def fault_of(problem: BaseException) -> FaultName | None:
    """Return the fault that causes this exception; None for others, such as a refused connection."""
    causes = tuple(_causes(problem))
    if isinstance(problem, requests.exceptions.ChunkedEncodingError):  # the head of a response has arrived
        is_chunk = _has_cause(causes, urllib3.exceptions.InvalidChunkLength)
        return "MALFORMED_RESPONSE_CHUNK" if is_chunk else "TRUNCATED_BODY"
    return next((fault for fault, kinds in _EXCEPTIONS_OF_FAULTS if _has_cause(causes, *kinds)), None)


# The order matters: RemoteDisconnected is also a ConnectionResetError and a BadStatusLine.
_EXCEPTIONS_OF_FAULTS: tuple[tuple[FaultName, tuple[type[BaseException], ...]], ...] = (
    ("NO_RESPONSE", (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError)),
    ("EMPTY_RESPONSE", (RemoteDisconnected,)),
    ("RANDOM_DATA_THEN_CLOSE", (BadStatusLine, requests.exceptions.InvalidHeader)),
    ("CONNECTION_RESET_BY_PEER", (ConnectionResetError, ConnectionAbortedError)),
    ("TRUNCATED_BODY", (IncompleteRead, urllib3.exceptions.IncompleteRead)),
)


def _has_cause(causes: tuple[BaseException, ...], *kinds: type[BaseException]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def _causes(problem: BaseException) -> Iterator[BaseException]:
    """Yield the exception, its causes and the exceptions in its arguments: each library wraps differently."""
    waiting: list[BaseException] = [problem]
    visited: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if id(cause) in visited:
            continue
        visited.add(id(cause))
        yield cause
        related = (*cause.args, cause.__cause__, cause.__context__, getattr(cause, "reason", None))
        waiting += [candidate for candidate in related if isinstance(candidate, BaseException)]


def _short_message(problem: Exception) -> str:
    """Return the message of the innermost exception, cut off: it may contain the whole response."""
    innermost = list(_causes(problem))[-1]
    text = str(innermost) or str(problem) or type(problem).__name__
    text = text if len(text) <= _MAX_MESSAGE else f"{text[:_MAX_MESSAGE]}..."
    return f"{text}{trust_advice(innermost)}"


def _parse_json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return _NOT_JSON


def _elapsed_since(started: float) -> timedelta:
    return timedelta(seconds=monotonic() - started)
