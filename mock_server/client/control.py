"""Control calls over HTTP, with what Python itself brings.

So a test that puts something else in place of its own HTTP library does not meet them.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import date
from http.client import HTTPException, HTTPResponse
from ipaddress import ip_address
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

from mock_server.client.mistakes import ControlRefused, NoServer
from mock_server.domain.operations import API_PATH
from mock_server.domain.spelling import camel
from mock_server.settings import CONTROL_PREFIX, SANDBOX_HEADER
from mock_server.settings import url as checked_url

_TIMEOUT = 30.0
_DIALECTS = ("/rest", "/edge")


class Control:
    """The control calls of one sandbox of a server.

    `url` is the server's: `http://127.0.0.1:8080`, or a base URL of the API there. `control_token` is the one
    that the server was given, if it was.
    """

    def __init__(self, url: str, name: str = "default", *, control_token: str | None = None) -> None:
        self.url = server_url(url)
        self.name = name
        self._headers = {SANDBOX_HEADER: name}
        if control_token is not None:
            self._headers["Authorization"] = f"Bearer {control_token}"
        self._opener = opener(self.url)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r}, {self.name!r})"

    def call(self, method: str, path: str, body: object = None, **query: object) -> Any:
        """Make any control call, such as `call("PUT", "/clock", {"frozen": True})`; what it answers.

        A body is sent as JSON, or if it is bytes as the YAML text of a recipe or scenario.

        Raises:
            ControlRefused: it was not done.
            NoServer: nobody answers.
        """
        __tracebackhide__ = True  # pytest shows the line of the test
        asked = f"?{urlencode(query)}" if query else ""
        request = Request(  # noqa: S310  # `server_url` has seen to it that it is HTTP
            f"{self.url}{CONTROL_PREFIX}{path}{asked}",
            data=_encoded(body),
            method=method,
            headers=self._headers,
        )
        if body is not None:
            request.add_header("Content-Type", f"application/{'yaml' if isinstance(body, bytes) else 'json'}")
        try:
            return json.loads(answered(self._opener, request) or b"null")
        except HTTPError as refused:
            raise _refusal(refused, f"{method} {CONTROL_PREFIX}{path}") from None


def server_url(url: str) -> str:
    """The server's own URL, of any base URL of its API.

    Raises:
        ValueError: it is no URL.
    """
    plain = checked_url(url).removesuffix(API_PATH)
    for prefix in _DIALECTS:
        plain = plain.removesuffix(prefix)
    return plain


def opener(url: str) -> OpenerDirector:
    """What opens requests to this URL: on this machine without any proxy."""
    return build_opener(ProxyHandler({})) if _is_local(url) else build_opener()


def answered(opened_by: OpenerDirector, request: Request) -> bytes:
    """The body of the answer.

    Raises:
        HTTPError: a status that refuses.
        NoServer: nobody answers.
    """
    try:
        response: HTTPResponse
        with opened_by.open(request, timeout=_TIMEOUT) as response:
            return response.read()
    except HTTPError:
        raise
    except (OSError, HTTPException) as problem:
        reason = problem.reason if isinstance(problem, URLError) else problem
        raise NoServer(f"{request.full_url} does not answer: {reason}") from None


def wire(members: Mapping[str, object]) -> dict[str, object]:
    """The members as JSON spells them: `dossier_reference` is `dossierReference`."""
    return {camel(name): value for name, value in members.items()}


def in_path(value: object) -> str:
    """A value as a part of a path."""
    return quote(str(value), safe="")


def _encoded(body: object) -> bytes | None:
    if body is None or isinstance(body, bytes):
        return body
    return json.dumps(body, default=_spelled).encode()


def _spelled(value: object) -> str:
    """What JSON has no form for: days and instants, and bytes."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return b64encode(value).decode()
    raise TypeError(f"{value!r} cannot be sent as JSON")


def _refusal(refused: HTTPError, call: str) -> ControlRefused:
    with refused:
        text = refused.read().decode("utf-8", "replace")
    try:
        problem = json.loads(text)
    except ValueError:
        problem = None
    if isinstance(problem, dict) and "detail" in problem:
        return ControlRefused(call, refused.code, str(problem["detail"]), problem)
    return ControlRefused(call, refused.code, text[:200] or refused.reason)


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
