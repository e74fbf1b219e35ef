"""The server and the sandbox of a test: start the server, play a scenario, check and report the journal.

The server is that of `mock-server serve`, in a child process: faults and delays are real, and nothing that a
test does to its own process reaches it. It starts once per run and worker, and ends with it.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple
from zlib import crc32

import pytest
import requests as _requests  # noqa: F401  # imported first under pyfakefs, it would be two modules for later tests

from mock_server.client import ControlRefused, NoServer, RecordedRequest, Sandbox, Server, SocketsBlocked
from mock_server.domain.names import counted, nearest
from mock_server.pytest_plugin import options
from mock_server.scenarios.file_format import scenario_name
from mock_server.server_process import NotStarted, environment_without, start_server
from mock_server.settings import CONTROL_PREFIX, SETTINGS
from mock_server.values import text_of

_SCENARIO_SUFFIXES = (".yaml", ".yml")
_MAX_NAME = 40
"""Characters of the test's name in the name of its sandbox."""
_MAX_FILE_NAME = 100
"""Characters of the name of an exported scenario."""
_MAX_REQUESTS = 50
"""Requests in a report, the latest."""
_MAX_BODY = 300
"""Characters of a body in a report."""
_DEFAULT = "default"
_DASHBOARD = f"{CONTROL_PREFIX}/ui#/requests"
_EXCLUDED = {"host", "port", "tls_cert", "tls_key", "tls_self_signed", "watch", "log_format", "log_level"}
"""Settings that the server of a run does not use: its port is free, and pytest captures the log."""
_ROWS = {row.name: row for row in SETTINGS if row.name not in _EXCLUDED}
_NOT_INHERITED = ("MOCK_SERVER_", "COVERAGE_PROCESS_", "COV_CORE_")
"""Prefixes of variables that are not for this server: settings of another one, measuring of coverage."""
_UNREACHABLE = (ControlRefused, NoServer, pytest.fail.Exception)
"""What a control call raises where the test has stopped the server or blocked sockets."""


@contextmanager
def open_server(config: pytest.Config, chosen: Mapping[str, object]) -> Iterator[Server]:
    """Yield the running server; an error fails the tests with one sentence."""
    url = options.value(config, "dossiers_sandbox_url")
    if url:
        place = options.place(config, "dossiers_sandbox_url")
        yield _server_at(url, options.value(config, "dossiers_control_token") or None, place)
    else:
        with _own_server(chosen) as server:
            yield server


def _server_at(url: str, token: str | None, place: str) -> Server:
    try:
        server = Server(url, token)
        with suppress(SocketsBlocked):  # the first test has blocked them; others may not
            server.health()
            server.sandboxes()  # needs the token
    except (ControlRefused, NoServer, ValueError) as error:
        is_unauthorized = isinstance(error, ControlRefused) and error.status == HTTPStatus.UNAUTHORIZED
        remedy = "; give it with --dossiers-control-token TOKEN" if is_unauthorized else ""
        raise pytest.fail.Exception(f"{place} {url}: {error}{remedy}", pytrace=False) from None
    return server


@contextmanager
def _own_server(chosen: Mapping[str, object]) -> Iterator[Server]:
    try:
        values = {
            name: _setting_text(name, setting) for name, setting in chosen.items() if setting is not None
        }
        variables = {_ROWS[name].variable: text for name, text in values.items()}
        with start_server(environment=environment_without(*_NOT_INHERITED) | variables) as url:
            yield Server(url, values.get("control_token"))
    except (NotStarted, ValueError) as error:
        reason = str(error).partition("Error: ")[2].partition("\nSee ")[0] or str(error)
        raise pytest.fail.Exception(f"dossiers_settings: {reason}", pytrace=False) from None


def _setting_text(name: str, setting: object) -> str:
    """Return the value of a setting as text.

    Raises:
        ValueError: the name or the value is unknown.
    """
    row = _ROWS.get(name)
    if row is None:
        near = nearest(name, _ROWS)
        raise ValueError(
            f"there is no {name!r}; " + (f"did you mean {near!r}?" if near else ", ".join(_ROWS))
        )
    text = text_of(setting).strip()
    try:
        row.read(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return text


def sandbox_name(test: str) -> str:
    """Return a name for the sandbox of a test that no other test uses; it begins with that of the test."""
    prefix = re.sub(r"[^A-Za-z0-9_]+", "-", test)[:_MAX_NAME].strip("-")
    return f"{prefix}-{token_hex(4)}"


def _file_name(test: str) -> str:
    """Return the name of a test's scenario, with a number where other tests may have the same one."""
    name = scenario_name(test)
    if name == test.lower() and len(name) <= _MAX_FILE_NAME:
        return name
    return f"{name[:_MAX_FILE_NAME].strip('-')}-{crc32(test.encode()):08x}"


class TestSandbox:
    """The sandbox of one test.

    Calls without a token go to the default sandbox. On the run's own server, where one test runs after the
    other, new calls in the default sandbox belong to this test. On a shared server they may be of others.
    """

    def __init__(
        self, server: Server, test: str, *, is_shared: bool, keep_failed: bool, strict: str = ""
    ) -> None:
        self.sandbox = server.sandbox(sandbox_name(test))
        self.ignores_unmatched = False
        self._strict = strict
        self.has_failed = False
        self._server = server
        self._is_shared = is_shared
        self._keeps_failed = is_shared and keep_failed
        self._is_reported = False
        try:
            self._before = self._latest_requests()
        except NoServer as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None

    def play(self, mark: pytest.Mark | None, folder: Path) -> None:
        """Start the scenario of the mark: a name that the server knows, or a file relative to the test.

        Then set the strict mode of the run.
        """
        if mark is not None:
            arguments = ", ".join(map(repr, mark.args))
            try:
                if len(mark.args) != 1:
                    raise ValueError("give the name, or the file, of one scenario")  # noqa: TRY301
                name = mark.args[0]
                self.sandbox.scenario(folder / name if str(name).endswith(_SCENARIO_SUFFIXES) else name)
            except (ControlRefused, OSError, ValueError) as error:
                raise pytest.fail.Exception(f"{mark.name}({arguments}): {error}", pytrace=False) from None
        if self._strict:
            self.sandbox.call("PUT", "/strict", {"strict": self._strict})

    def check_calls(self, failure: BaseException | None = None) -> None:
        """Fail the test if its client called a path that the API does not have, or strict mode rejects one.

        A test that failed already, which is often the result, fails at the same place. If the test has
        blocked sockets, or calls it while it is torn down, `end` reports this.

        Raises:
            AssertionError: there was such a call; the message names the probable one.
        """
        try:
            unmatched = [] if self.ignores_unmatched else self._unmatched()
            wrong = _sentences([*unmatched, *self._warned()] if self._strict == "fail" else unmatched)
        except _UNREACHABLE:
            return
        self._is_reported = bool(wrong)
        if wrong and failure is None:
            pytest.fail("\n".join(wrong), pytrace=False)
        if wrong and failure is not None:
            result = f"The test failed with {type(failure).__name__}: {failure}"
            error = AssertionError("\n".join([*wrong, result]))
            raise error.with_traceback(failure.__traceback__) from None

    def export(self, folder: Path, test: str) -> str:
        """Write the requests of the test as a scenario; return a sentence with its path, or an error.

        The sentence is empty if the client made no request at all.
        """
        name = _file_name(test)
        path = folder / f"{name}.yaml"
        try:
            if not self.sandbox.requests():
                is_elsewhere = self._calls_elsewhere() or self._requests()
                return "no scenario was exported: this sandbox got no request" if is_elsewhere else ""
            text = self.sandbox.export_scenario(name)
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except (*_UNREACHABLE, OSError) as error:
            return f"no scenario was exported: {error}"
        return f"these requests as a scenario: {path}"

    def section(self, exported: str | None) -> tuple[str, str]:
        """Return the journal of the sandbox as a section of the report: title and text.

        `exported` is a sentence about its scenario file.
        """
        try:
            notes = [*self._notes(), *([exported] if exported else [])]
            text = "\n".join([*notes, _format_requests(self._requests())])
        except _UNREACHABLE as error:
            text = str(error)
        return f"sandbox {self.sandbox.name}", text

    def end(self) -> None:
        """Check the calls again, for those of a teardown; delete the sandbox, unless it failed and is kept.

        If the test still blocks sockets, a shared server deletes the sandbox later, when it is idle.

        Raises:
            AssertionError: as of `check_calls`.
        """
        try:
            if not self._is_reported:
                self.check_calls()
            if self._strict == "warn":
                with suppress(*_UNREACHABLE):
                    for sentence in _sentences(self._warned()):
                        warnings.warn(pytest.PytestWarning(sentence), stacklevel=1)
        finally:
            if not (self._keeps_failed and self.has_failed):
                with suppress(*_UNREACHABLE):
                    self.sandbox.drop()

    def _notes(self) -> Iterator[str]:
        """Yield sentences for the report: calls that went to other sandboxes, the page of the dashboard."""
        prefix = "while the test ran, " if self._is_shared else ""
        for name, count in self._calls_elsewhere().items():
            calls = f"{counted(count, 'call')} went to the sandbox `{name}`"
            yield f"{prefix}{calls}: log in as `{self.sandbox.username}`"
        if self._keeps_failed:
            yield f"this sandbox is kept: {self._server.url}{_DASHBOARD}?sandbox={self.sandbox.name}"
        elif self._is_shared:
            yield "this sandbox is deleted; --dossiers-keep-failed=yes keeps it for the dashboard"

    def _calls_elsewhere(self) -> dict[str, int]:
        """Return the number of calls with a login that each other sandbox got during the test.

        On a shared server, only the default sandbox is counted.
        """
        elsewhere = (
            recorded.request["user"]
            for recorded in self._in_default()
            if not self._is_own_login(recorded.request)
        )
        calls = {_DEFAULT: sum(1 for user in elsewhere if user)}
        for name, latest in self._latest_requests().items():
            if name not in {_DEFAULT, self.sandbox.name}:
                calls[name] = latest - self._before.get(name, 0)
        return {name: count for name, count in calls.items() if count > 0}

    def _requests(self) -> list[_Recorded]:
        """Return the requests of the test, oldest first."""
        own = [_Recorded(self.sandbox, request) for request in self.sandbox.requests()]
        default = self._in_default()
        own += [
            recorded for recorded in default if not self._is_shared or self._is_own_login(recorded.request)
        ]
        return sorted(own, key=lambda recorded: recorded.request["realTime"])

    def _is_own_login(self, request: RecordedRequest) -> bool:
        """Whether it is a login for this sandbox: a rejected one creates none, and is in the default one."""
        body = request["body"]
        return isinstance(body, Mapping) and f"+{self.sandbox.name}@" in str(body.get("username"))

    def _unmatched(self) -> list[RecordedRequest]:
        without_token = [] if self._is_shared else self._in_default()
        unmatched = [recorded.request for recorded in without_token if not recorded.request["matched"]]
        return [*self.sandbox.unmatched(), *unmatched]

    def _warned(self) -> list[RecordedRequest]:
        """Return the requests with input that the API ignores, which strict mode reports."""
        return [request for request in self.sandbox.requests() if request["matched"] and request["warnings"]]

    def _in_default(self) -> list[_Recorded]:
        """Return the requests of the default sandbox since the test began."""
        default = self._server.sandbox()
        requests = default.call("GET", "/requests", since=self._before[_DEFAULT])["requests"]
        return [_Recorded(default, request) for request in requests]

    def _latest_requests(self) -> dict[str, int]:
        """Return the number of the latest request in each sandbox; on a shared server, in the default one."""
        sandboxes = self._server.sandbox().call("GET", "/sandboxes")["sandboxes"]
        latest = {sandbox["name"]: sandbox["latestRequest"] for sandbox in sandboxes}
        return {_DEFAULT: latest.get(_DEFAULT, 0)} if self._is_shared else latest


class _Recorded(NamedTuple):
    """A request in the journal of its sandbox."""

    sandbox: Sandbox
    request: RecordedRequest

    @property
    def is_rejected(self) -> bool:
        """Whether the answer reports an error."""
        return bool(self.request["codes"]) or (self.request["status"] or 0) >= HTTPStatus.BAD_REQUEST

    def why(self) -> list[str]:
        """Why the request was rejected, or why its import does not end, in sentences."""
        try:
            causes = self.sandbox.call("GET", f"/requests/{self.request['number']}")["why"]
        except ControlRefused:  # the journal has dropped it
            return []
        return [cause["sentence"] for cause in causes if cause["sentence"] not in self.request["warnings"]]


def _sentences(requests: Sequence[RecordedRequest]) -> list[str]:
    """Return the first warning of each request, without repetitions."""
    sentences = (f"{request['method']} {request['path']}: {request['warnings'][0]}" for request in requests)
    return list(dict.fromkeys(sentences))


def _format_requests(requests: Sequence[_Recorded]) -> str:
    """Format requests and answers, one line each, oldest first."""
    if not requests:
        return "the client made no request"
    omitted = len(requests) - _MAX_REQUESTS
    head = [f"... {counted(omitted, 'earlier one')}"] if omitted > 0 else []
    latest_requests = requests[-_MAX_REQUESTS:]
    latest = {recorded.request["path"]: recorded for recorded in latest_requests}
    lines = (
        line
        for recorded in latest_requests
        for line in _lines(recorded, is_latest=recorded is latest[recorded.request["path"]])
    )
    return "\n".join([*head, *lines])


def _lines(recorded: _Recorded, *, is_latest: bool) -> Iterator[str]:
    """Format a request; `is_latest` of those of its path: only the last poll of an import is explained."""
    request = recorded.request
    query = "&".join(f"{name}={value}" for name, value in request["query"].items())
    target = f"{request['method']} {request['path']}{'?' if query else ''}{query}"
    words = [request["operation"] or "-", target, "->", str(request.get("fault") or request["status"])]
    rule = [f"(rule: {request['rule']})"] if request["rule"] else []
    yield " ".join([f"{request['number']:>3}", *words, *request["codes"], *rule])
    if request["body"] is not None:
        yield f"      sent      {_short_text(request['body'])}"
    if recorded.is_rejected:
        yield f"      answered  {_short_text(request['answer'])}"
    if recorded.is_rejected or (is_latest and request["operation"] == "getProcess"):
        for sentence in recorded.why():
            yield f"      why       {sentence}"
    for warning in request["warnings"]:
        yield f"      hint      {warning}"


def _short_text(body: object) -> str:
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return text if len(text) <= _MAX_BODY else f"{text[:_MAX_BODY]}..."
