"""The HTTP client of a run: what it sends, and what comes back, be it an answer or none.

Imported by the runner alone: `requests` takes a tenth of a second that a server's start does without.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import BadStatusLine, IncompleteRead, RemoteDisconnected
from ipaddress import ip_address
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from mock_server import __version__
from mock_server.scenarios.faults import FaultName
from mock_server.scenarios.matching import ABSENT

_SECRETS = {"password", "access_token", "refresh_token", "token"}
_USER_AGENT = f"mock-server-scenarios/{__version__}"
_IS_NO_JSON = object()
_LONGEST_WORDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request, ready to be sent as often as one likes. `content` is its body, `form` one of a form."""

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
    def shown_body(self) -> str:
        """The body as a person reads it, secrets left out."""
        if self.form is not None:
            shown = {name: "***" if name in _SECRETS else value for name, value in self.form.items()}
            return "&".join(f"{name}={value}" for name, value in shown.items())
        return (self.content or b"").decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Answer:
    """What was answered; the names of the headers in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    took: timedelta

    @property
    def body(self) -> Any:
        """The body as JSON; ABSENT where there is none, its text where it is no JSON."""
        if not self.content:
            return ABSENT
        parsed = _json(self.content)
        return self.text if parsed is _IS_NO_JSON else parsed

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", "replace")

    @property
    def symptom(self) -> FaultName | None:
        """The fault that the answer itself shows."""
        if not self.content:
            return "EMPTY_BODY"
        return "MALFORMED_BODY" if _json(self.content) is _IS_NO_JSON else None

    def shows(self, fault: FaultName | None) -> bool:
        """Whether it is of this fault, or of none."""
        return self.symptom == fault

    def __repr__(self) -> str:
        return f"an answer with status {self.status}"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NoAnswer:
    """That no whole answer came: the fault it shows, if it is one, and the client's words."""

    symptom: FaultName | None
    problem: str
    took: timedelta
    over_tls: bool = False

    def shows(self, fault: FaultName | None) -> bool:
        """Whether it may be of this fault: over TLS, Python often takes a reset for an end without a word."""
        ends = {"CONNECTION_RESET_BY_PEER", "EMPTY_RESPONSE"}
        return self.symptom == fault or (self.over_tls and {self.symptom, fault} == ends)

    def __repr__(self) -> str:
        return f"{self.symptom} ({self.problem})" if self.symptom else self.problem


Outcome = Answer | NoAnswer


def new_session(url: str) -> requests.Session:
    """A session without credentials of its own; on this machine it knows no proxy either."""
    session = requests.Session()
    session.headers["User-Agent"] = _USER_AGENT
    if is_local(url):
        session.trust_env = False
        session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True  # which goes with the proxies otherwise
    session.auth = _as_it_is  # otherwise a .netrc would replace the token
    return session


def is_local(url: str) -> bool:
    """Whether the URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def send(session: requests.Session, sent: Sent, timeout: float) -> Outcome:
    """Send a request; a body of JSON unless its headers say otherwise."""
    headers = dict(sent.headers)
    if sent.content is not None and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"
    begun = monotonic()
    try:
        response = session.request(
            sent.method,
            sent.url,
            params=list(sent.query),
            headers=headers,
            data=sent.content if sent.form is None else dict(sent.form),
            timeout=timeout,
            allow_redirects=False,
        )
    except (requests.RequestException, UnicodeError) as problem:
        return NoAnswer(
            symptom=symptom_of(problem),
            problem=_words(problem),
            took=_since(begun),
            over_tls=sent.url.startswith("https:"),
        )
    return Answer(
        status=response.status_code,
        headers={name.lower(): value for name, value in response.headers.items()},
        content=response.content,
        took=_since(begun),
    )


def symptom_of(problem: BaseException) -> FaultName | None:
    """The fault of which this is what the client sees; None when it is none, such as a refused connection."""
    causes = tuple(_causes(problem))
    if isinstance(problem, requests.exceptions.ChunkedEncodingError):  # the head of an answer has come
        return (
            "MALFORMED_RESPONSE_CHUNK"
            if _has(causes, urllib3.exceptions.InvalidChunkLength)
            else "TRUNCATED_BODY"
        )
    for symptom, kinds in _SYMPTOMS:
        if _has(causes, *kinds):
            return symptom
    return None


# In this order: that the other side closed is for Python a reset and a bad status line as well.
_SYMPTOMS: tuple[tuple[FaultName, tuple[type[BaseException], ...]], ...] = (
    ("NO_RESPONSE", (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError)),
    ("EMPTY_RESPONSE", (RemoteDisconnected,)),
    ("RANDOM_DATA_THEN_CLOSE", (BadStatusLine, requests.exceptions.InvalidHeader)),
    ("CONNECTION_RESET_BY_PEER", (ConnectionResetError, ConnectionAbortedError)),
    ("TRUNCATED_BODY", (IncompleteRead, urllib3.exceptions.IncompleteRead)),
)


def _has(causes: tuple[BaseException, ...], *kinds: type[BaseException]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def _causes(problem: BaseException) -> Iterator[BaseException]:
    """The exception, those in its arguments and those behind it: each library wraps in its own way."""
    waiting: list[BaseException] = [problem]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        further = (*cause.args, cause.__cause__, cause.__context__, getattr(cause, "reason", None))
        waiting += [other for other in further if isinstance(other, BaseException)]


def _words(problem: Exception) -> str:
    """What the innermost exception says, without the wrapping of the others; it may repeat all that came."""
    text = str(list(_causes(problem))[-1]) or str(problem) or type(problem).__name__
    return text if len(text) <= _LONGEST_WORDS else f"{text[:_LONGEST_WORDS]}..."


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return _IS_NO_JSON


def _since(begun: float) -> timedelta:
    return timedelta(seconds=monotonic() - begun)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
