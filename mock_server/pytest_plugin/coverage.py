"""Coverage of a run: that of each test's sandbox, added up over tests and workers of xdist."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from mock_server.client import ControlRefused, NoServer, Sandbox
from mock_server.client.coverage import SuiteCoverage, from_answer, merge, read_coverage
from mock_server.pytest_plugin import options

_OF_WORKER = "dossiers_coverage"


class CoveragePlugin:
    """Adds up what the tests reached, writes it to a file, and fails the run below the minimum."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._found: SuiteCoverage | None = None
        self._problem = ""
        self._least = int(options.value(config, "dossiers_coverage_min") or 0)

    def add(self, sandbox: Sandbox) -> None:
        """Add what a test reached; nothing if it made no call, or has blocked sockets."""
        with suppress(ControlRefused, NoServer):
            self._add(from_answer(sandbox.coverage()))

    def _add(self, found: SuiteCoverage) -> None:
        self._found = found if self._found is None else merge([self._found, found])

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """Add what a worker of xdist reached, which has set this attribute."""
        output = getattr(node, "workeroutput", {})
        if _OF_WORKER in output:
            self._add(read_coverage(output[_OF_WORKER]))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send the result to the controller of xdist, or write the file and compare it with the minimum."""
        if hasattr(self._config, "workeroutput"):
            if self._found is not None:
                self._config.workeroutput[_OF_WORKER] = self._found.to_json()
            return
        if getattr(self._config.option, "collectonly", False):
            return
        self._found = found = self._without_excluded(self._found or SuiteCoverage({}))
        path = options.value(self._config, "dossiers_coverage")
        if path:
            self._write(Path(path), found.to_json())
        is_too_low = found.percent < self._least
        if (is_too_low or self._problem) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the result below the tests."""
        if self._found is not None:
            minimum = f" The minimum is {self._least} %." if self._least else ""
            text, is_enough = self._found.sentence, self._found.percent >= self._least
            terminalreporter.write_line(
                f"dossiers coverage: {text}{minimum}", green=is_enough, red=not is_enough
            )
        if self._problem:
            terminalreporter.write_line(self._problem, red=True)

    def _write(self, path: Path, text: str) -> None:
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            self._problem = f"--dossiers-coverage: {path}: {error.strerror}"

    def _without_excluded(self, found: SuiteCoverage) -> SuiteCoverage:
        lines = options.value(self._config, "dossiers_coverage_exclude").splitlines()
        if not found.items:
            return found
        try:
            return found.exclude(filter(None, map(str.strip, lines)))
        except ValueError as error:
            self._problem = f"--dossiers-coverage-exclude: {error}"
            return found
