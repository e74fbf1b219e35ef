"""The sandbox that a test holds: what plays in it, what its client met, what its report says."""

from __future__ import annotations

import re
from http import HTTPStatus
from pathlib import Path
from secrets import token_hex

import pytest

from mock_server.client import ControlRefused, NoServer, RecordedRequest, Sandbox, Server
from mock_server.pytest_plugin.telling import told

_FILES = (".yaml", ".yml")
_LONGEST = 40


def sandbox_name(test: str) -> str:
    """A name that no other test has, wherever it runs, and in which the test is recognised."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", test)[:_LONGEST].strip("-")
    return f"{plain}-{token_hex(4)}"


class Held:
    """A sandbox, for as long as its test lasts.

    A client that has no token yet is met by the default sandbox: on a server of our own (`is_own`), where one
    test runs after the other, what is new there is of this test.
    """

    def __init__(self, sandbox: Sandbox, server: Server, *, is_own: bool) -> None:
        self._sandbox = sandbox
        self._default = server.sandbox() if is_own else None
        self._before = 0
        if self._default is not None:
            latest = self._default.call("GET", "/requests", limit=1)["requests"]
            self._before = latest[0]["number"] if latest else 0

    def play(self, mark: pytest.Mark | None, folder: Path) -> None:
        """Play the scenario of the mark: one that the server has, or a file by its path from the test."""
        if mark is None:
            return
        try:
            [name] = mark.args
            self._sandbox.scenario(folder / name if str(name).endswith(_FILES) else name)
        except (ControlRefused, OSError, ValueError) as mistake:
            named = ", ".join(map(repr, mark.args))
            raise pytest.fail.Exception(f"{mark.name}({named}): {mistake}", pytrace=False) from None

    def refuse_unmatched(self, failure: BaseException | None = None) -> None:
        """Fail the test whose client met a path that the API does not have.

        Where the test failed already, which is what comes of such a path, it fails at the same place.

        Raises:
            AssertionError: it did; the message says what was probably meant.
        """
        met = list(dict.fromkeys(_sentence(request) for request in self._unmatched()))
        if met and failure is None:
            pytest.fail("\n".join(met), pytrace=False)
        if met and failure is not None:
            came = f"What came of it: {type(failure).__name__}: {failure}"
            unmatched = AssertionError("\n".join([*met, came]))
            raise unmatched.with_traceback(failure.__traceback__) from None

    def section(self) -> tuple[str, str]:
        """The journal of the sandbox as a section of a report: title and text."""
        try:
            text = told(self._requests())
        except (ControlRefused, NoServer) as problem:
            text = str(problem)
        return f"sandbox {self._sandbox.name}", text

    def drop(self) -> None:
        """Let the sandbox go: one that was never used is not there."""
        try:
            self._sandbox.drop()
        except ControlRefused as refused:
            if refused.status != HTTPStatus.NOT_FOUND:
                raise

    def _requests(self) -> list[RecordedRequest]:
        """Those of the test, in the order of time."""
        requests = [*self._sandbox.requests(), *self._without_token()]
        return sorted(requests, key=lambda request: request["realTime"])

    def _unmatched(self) -> list[RecordedRequest]:
        try:
            without_token = (request for request in self._without_token() if not request["matched"])
            return [*self._sandbox.unmatched(), *without_token]
        except NoServer:  # which is not what the test is about
            return []

    def _without_token(self) -> list[RecordedRequest]:
        if self._default is None:
            return []
        return list(self._default.call("GET", "/requests", since=self._before)["requests"])


def _sentence(request: RecordedRequest) -> str:
    return f"{request['method']} {request['path']}: {request['warnings'][0]}"
