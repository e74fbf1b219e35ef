"""The server and the sandbox of a test: start the server, play a scenario, check and report the journal.

The server in this process starts in a tenth of a second and ends with the run. A test that moves Python's
time also moves the time of tokens. It is the server of `mock-server serve`: faults and delays are real.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from secrets import token_hex

import pytest

from mock_server.client import ControlRefused, NoServer, RecordedRequest, Sandbox, Server
from mock_server.domain.names import nearest
from mock_server.pytest_plugin import options
from mock_server.settings import SETTINGS, Settings

_SCENARIO_SUFFIXES = (".yaml", ".yml")
_MAX_NAME = 40
_MAX_REQUESTS = 50
"""Requests in a report, the latest."""
_MAX_BODY = 300
"""Characters of a body in a report."""
_EXCLUDED = {"host", "port", "tls_cert", "tls_key", "tls_self_signed", "watch", "log_format", "log_level"}
"""Settings that a server in this process does not use: its port is free, and pytest has the log."""
_ROWS = {row.name: row for row in SETTINGS if row.name not in _EXCLUDED}


@contextmanager
def open_server(config: pytest.Config, chosen: Mapping[str, object]) -> Iterator[Server]:
    """Yield the running server; an error fails the tests with one sentence."""
    url = options.value(config, "dossiers_sandbox_url")
    if url:
        yield _server_at(url, options.value(config, "dossiers_control_token") or None)
    else:
        with _own_server(chosen) as server:
            yield server


def _server_at(url: str, token: str | None) -> Server:
    server = Server(url, token)
    try:
        server.health()
        server.sandboxes()  # needs the token
    except (ControlRefused, NoServer, ValueError) as error:
        raise pytest.fail.Exception(f"--dossiers-sandbox-url {url}: {error}", pytrace=False) from None
    return server


@contextmanager
def _own_server(chosen: Mapping[str, object]) -> Iterator[Server]:
    from mock_server import server
    from mock_server.app import create_app
    from mock_server.auth.keys import KeyFileError
    from mock_server.fixtures import FileError

    logging.getLogger("mock_server").setLevel(logging.WARNING)  # otherwise caplog has its lines
    try:
        settings = _settings(chosen)
        app = create_app(settings)
    except (FileError, KeyFileError, ValueError) as error:
        raise pytest.fail.Exception(f"dossiers_settings: {error}", pytrace=False) from None
    bound = server.bind("127.0.0.1", 0)
    url = server.base_url(bound)
    with server.serving(server.Service(wsgi=app.wsgi_app, max_body=settings.max_body), bound):
        yield Server(url, settings.control_token)


def _settings(chosen: Mapping[str, object]) -> Settings:
    """Read the settings; text is read as in the environment.

    Raises:
        ValueError: the name or the value is unknown.
    """
    return Settings(**{name: _read(name, given) for name, given in chosen.items()})  # type: ignore[arg-type]


def _read(name: str, given: object) -> object:
    row = _ROWS.get(name)
    if row is None:
        near = nearest(name, _ROWS)
        raise ValueError(
            f"there is no {name!r}; " + (f"did you mean {near!r}?" if near else ", ".join(_ROWS))
        )
    try:
        return row.read(given) if isinstance(given, str) else given
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def sandbox_name(test: str) -> str:
    """A name that no other test uses, with the name of the test in it."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", test)[:_MAX_NAME].strip("-")
    return f"{plain}-{token_hex(4)}"


class TestSandbox:
    """The sandbox of one test.

    Calls without a token go to the default sandbox. On a server in this process (`is_own`), where one test
    runs after the other, new calls in the default sandbox belong to this test.
    """

    def __init__(self, sandbox: Sandbox, server: Server, *, is_own: bool) -> None:
        self._sandbox = sandbox
        self._default = server.sandbox() if is_own else None
        self._before = 0
        if self._default is not None:
            latest = self._default.call("GET", "/requests", limit=1)["requests"]
            self._before = latest[0]["number"] if latest else 0

    def play(self, mark: pytest.Mark | None, folder: Path) -> None:
        """Start the scenario of the mark: a name that the server knows, or a file relative to the test."""
        if mark is None:
            return
        try:
            [name] = mark.args
            self._sandbox.scenario(folder / name if str(name).endswith(_SCENARIO_SUFFIXES) else name)
        except (ControlRefused, OSError, ValueError) as error:
            named = ", ".join(map(repr, mark.args))
            raise pytest.fail.Exception(f"{mark.name}({named}): {error}", pytrace=False) from None

    def check_unmatched(self, failure: BaseException | None = None) -> None:
        """Fail the test if its client called a path that the API does not have.

        A test that failed already, which is often the result, fails at the same place.

        Raises:
            AssertionError: there was such a path; the message names the probable one.
        """
        unknown = list(dict.fromkeys(_sentence(request) for request in self._unmatched()))
        if unknown and failure is None:
            pytest.fail("\n".join(unknown), pytrace=False)
        if unknown and failure is not None:
            result = f"The test failed with {type(failure).__name__}: {failure}"
            unmatched = AssertionError("\n".join([*unknown, result]))
            raise unmatched.with_traceback(failure.__traceback__) from None

    def section(self) -> tuple[str, str]:
        """The journal of the sandbox as a section of the report: title and text."""
        try:
            text = format_requests(self._requests())
        except (ControlRefused, NoServer) as error:
            text = str(error)
        return f"sandbox {self._sandbox.name}", text

    def drop(self) -> None:
        """Delete the sandbox; one without any call does not exist."""
        try:
            self._sandbox.drop()
        except ControlRefused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    def _requests(self) -> list[RecordedRequest]:
        """The requests of the test, oldest first."""
        requests = [*self._sandbox.requests(), *self._without_token()]
        return sorted(requests, key=lambda request: request["realTime"])

    def _unmatched(self) -> list[RecordedRequest]:
        try:
            without_token = (request for request in self._without_token() if not request["matched"])
            return [*self._sandbox.unmatched(), *without_token]
        except NoServer:  # the test stopped the server
            return []

    def _without_token(self) -> list[RecordedRequest]:
        if self._default is None:
            return []
        return list(self._default.call("GET", "/requests", since=self._before)["requests"])


def _sentence(request: RecordedRequest) -> str:
    return f"{request['method']} {request['path']}: {request['warnings'][0]}"


def format_requests(requests: Sequence[RecordedRequest]) -> str:
    """Format requests and answers, one line each, oldest first."""
    if not requests:
        return "the client made no request"
    left_out = len(requests) - _MAX_REQUESTS
    head = [f"... {left_out} earlier ones"] if left_out > 0 else []
    return "\n".join([*head, *(line for request in requests[-_MAX_REQUESTS:] for line in _lines(request))])


def _lines(request: RecordedRequest) -> Iterator[str]:
    query = "&".join(f"{name}={value}" for name, value in request["query"].items())
    target = f"{request['method']} {request['path']}{'?' if query else ''}{query}"
    words = [request["operation"] or "-", target, "->", str(request.get("fault") or request["status"])]
    rule = [f"(rule: {request['rule']})"] if request["rule"] else []
    yield " ".join([f"{request['number']:>3}", *words, *request["codes"], *rule])
    if request["body"] is not None:
        yield f"      sent      {_short(request['body'])}"
    if request["codes"] or (request["status"] or 0) >= HTTPStatus.BAD_REQUEST:
        yield f"      answered  {_short(request['answer'])}"
    for warning in request["warnings"]:
        yield f"      hint      {warning}"


def _short(body: object) -> str:
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return text if len(text) <= _MAX_BODY else f"{text[:_MAX_NAME]}..."
