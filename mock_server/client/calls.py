"""Control calls over HTTP, with Python's own HTTP client.

A test that replaces its HTTP library, such as `requests`, does not intercept them.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Mapping
from datetime import date
from http.client import HTTPException, HTTPResponse
from ipaddress import ip_address
from ssl import SSLCertVerificationError, create_default_context
from types import MappingProxyType
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import BaseHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

from mock_server.client.errors import ControlRefused, NoServer, SocketsBlocked
from mock_server.domain.names import SANDBOX_NAME_RULE, camel, shown
from mock_server.domain.operations import API_PATH
from mock_server.settings import CONTROL_PREFIX, SANDBOX_HEADER
from mock_server.values import token as checked_token
from mock_server.values import url as checked_url

__tracebackhide__ = True  # pytest shows the line of the test

_TIMEOUT = 30.0
"""Seconds until a call fails."""
_DIALECTS = ("/rest", "/edge")


class ControlClient:
    """The control calls of one sandbox of a server.

    `url` is the server's, `http://127.0.0.1:8080`, or any base URL of its API. `control_token` is the token
    of `--control-token`. `headers` are those of every control call.

    Raises:
        ValueError: the URL is invalid, or no header can carry the name or the token.
    """

    def __init__(self, url: str, name: str = "default", *, control_token: str | None = None) -> None:
        if not (name.isascii() and name.isprintable()):  # no header can carry other names
            raise ValueError(f"a sandbox's name is {SANDBOX_NAME_RULE}, not {shown(name)}")
        self.url = server_url(url)
        self.name = name
        self.headers = {SANDBOX_HEADER: name}
        if control_token:
            header = f"Bearer {checked_token(control_token)}"
            self.headers["Authorization"] = header.encode().decode("latin-1")  # sent as UTF-8
        self._opener = opener(self.url)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r}, {self.name!r})"

    @property
    def control_url(self) -> str:
        """The URL of the control API: `http://127.0.0.1:8080/__admin`."""
        return f"{self.url}{CONTROL_PREFIX}"

    def call(self, method: str, path: str, body: object = None, **query: object) -> Any:
        """Make any control call, such as `call("PUT", "/clock", {"frozen": True})`, and return its answer.

        A body is sent as JSON; bytes are sent as the YAML text of a recipe or scenario.

        Raises:
            ControlRefused: the server rejected it.
            NoServer: no server answers.
        """
        return json.loads(self._send(method, path, body, query) or b"null")

    def text(self, path: str, **query: object) -> str:
        """Return the answer of a control call that is text, such as `text("/requests", format="har")`.

        Raises:
            ControlRefused: the server rejected it.
            NoServer: no server answers.
        """
        return self._send("GET", path, query=query).decode()

    def _send(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, object] = MappingProxyType({}),
        wait: float = 0,
    ) -> bytes:
        """Make a control call and return the body of its answer; `wait` seconds are added to the timeout."""
        query_string = f"?{urlencode(query)}" if query else ""
        request = Request(  # noqa: S310  # `server_url` checked that it is HTTP
            f"{self.control_url}{path}{query_string}",
            data=_encode(body),
            method=method,
            headers=self.headers,
        )
        if body is not None:
            request.add_header("Content-Type", f"application/{'yaml' if isinstance(body, bytes) else 'json'}")
        try:
            return send(self._opener, request, _TIMEOUT + wait)
        except HTTPError as error:
            raise _control_refused(error, f"{method} {CONTROL_PREFIX}{path}") from None


def server_url(url: str) -> str:
    """Return the server's own URL for any base URL of its API.

    Raises:
        ValueError: it is not a URL.
    """
    base_url = checked_url(url).removesuffix(API_PATH)
    for prefix in _DIALECTS:
        base_url = base_url.removesuffix(prefix)
    return base_url


def opener(url: str) -> OpenerDirector:
    """Return an opener for this URL; on this machine it uses no proxy."""
    handlers: list[BaseHandler] = [ProxyHandler({})] if is_local(url) else []
    bundle = os.environ.get("REQUESTS_CA_BUNDLE")
    if bundle is not None and url.startswith("https:"):  # as in `requests`
        handlers.append(HTTPSHandler(context=create_default_context(cafile=bundle)))
    return build_opener(*handlers)


def send(url_opener: OpenerDirector, request: Request, timeout: float = _TIMEOUT) -> bytes:
    """Send a request and return the body of its answer.

    Raises:
        HTTPError: the status is an error.
        NoServer: no server answers.
        SocketsBlocked: a socket raises an exception of another library: a test has blocked or replaced it.
    """
    try:
        response: HTTPResponse
        with url_opener.open(request, timeout=timeout) as response:
            return response.read()
    except HTTPError:
        raise
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise NoServer(f"{request.full_url} does not answer: {reason}{trust_advice(reason)}") from None
    except ValueError:
        raise
    except Exception as error:  # noqa: BLE001  # tools that block sockets raise any exception
        raise SocketsBlocked(
            f"the sandbox at {request.full_url} could not be reached: sockets are blocked in this test "
            f"({type(error).__name__}: {error}); allow 127.0.0.1, or make no call after blocking them"
        ) from None


def trust_advice(reason: object) -> str:
    """Return what to do if the client does not trust the server's certificate; empty for another reason."""
    if not isinstance(reason, SSLCertVerificationError):
        return ""
    return "; set REQUESTS_CA_BUNDLE to the file of the certificate to trust"


def json_members(members: Mapping[str, object]) -> dict[str, object]:
    """Return the members with their JSON names: `dossier_reference` is `dossierReference`."""
    return {camel(name): value for name, value in members.items()}


def path_part(value: object) -> str:
    """Quote a value as one part of a path."""
    return quote(str(value), safe="")


def text_of(error: HTTPError) -> str:
    """Read the body of an error answer."""
    with error:
        return error.read().decode("utf-8", "replace")


def _encode(body: object) -> bytes | None:
    if body is None or isinstance(body, bytes):
        return body
    return json.dumps(body, default=_json_value).encode()


def _json_value(value: object) -> str:
    """Return a date, an instant or bytes as JSON text."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return b64encode(value).decode()
    raise TypeError(f"{value!r} cannot be sent as JSON")


def _control_refused(error: HTTPError, call: str) -> ControlRefused:
    text = text_of(error)
    try:
        problem = json.loads(text)
    except ValueError:
        problem = None
    if isinstance(problem, dict) and "detail" in problem:
        return ControlRefused(call, error.code, str(problem["detail"]), problem)
    return ControlRefused(call, error.code, text[:200] or error.reason)


def is_local(url: str) -> bool:
    """Whether the URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
