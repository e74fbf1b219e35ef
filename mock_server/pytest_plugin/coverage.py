"""Coverage of a run: the sum of the coverage of all tests' sandboxes, in all workers of xdist."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from mock_server.client import ControlRefused, NoServer, Sandbox
from mock_server.client.coverage import SuiteCoverage, from_answer, merge, read_coverage
from mock_server.pytest_plugin import options

_WORKER_KEY = "dossiers_coverage"


class CoveragePlugin:
    """Adds up the coverage of the tests, writes it to a file, and fails the run below the minimum."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._found: SuiteCoverage | None = None
        self._problem = ""
        self._least = int(options.value(config, "dossiers_coverage_min") or 0)

    def add(self, sandbox: Sandbox) -> None:
        """Add the coverage of a test's sandbox; nothing if it does not exist or cannot be reached."""
        with suppress(ControlRefused, NoServer):
            self._add(from_answer(sandbox.coverage()))

    def _add(self, coverage: SuiteCoverage) -> None:
        self._found = coverage if self._found is None else merge([self._found, coverage])

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """Add the coverage of a worker of xdist, which sends it as `workeroutput`."""
        output = getattr(node, "workeroutput", {})
        if _WORKER_KEY in output:
            self._add(read_coverage(output[_WORKER_KEY]))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send the result to the controller of xdist, or write the file and compare it with the minimum."""
        if hasattr(self._config, "workeroutput"):
            if self._found is not None:
                self._config.workeroutput[_WORKER_KEY] = self._found.to_json()
            return
        if getattr(self._config.option, "collectonly", False):
            return
        self._found = coverage = self._without_excluded(self._found or SuiteCoverage({}))
        path = options.value(self._config, "dossiers_coverage")
        if path:
            self._write(Path(path), coverage.to_json())
        is_too_low = coverage.percent < self._least
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

    def _without_excluded(self, coverage: SuiteCoverage) -> SuiteCoverage:
        lines = options.filled_lines(options.value(self._config, "dossiers_coverage_exclude"))
        if not coverage.items:
            return coverage
        try:
            return coverage.exclude(lines)
        except ValueError as error:
            self._problem = f"--dossiers-coverage-exclude: {error}"
            return coverage
