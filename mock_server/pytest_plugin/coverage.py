"""Coverage of a run: that of each test's sandbox, added up over tests and workers of xdist."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mock_server.client import ControlRefused, NoServer, Sandbox
from mock_server.client.coverage import SuiteCoverage, from_answer, merge, read_coverage
from mock_server.pytest_plugin import options

_KEY: pytest.StashKey[SuiteCoverage] = pytest.StashKey()
_OF_WORKER = "dossiers_coverage"


def add(config: pytest.Config, sandbox: Sandbox) -> None:
    """Add what a test reached; nothing if it made no call, or has blocked sockets."""
    try:
        _add(config, from_answer(sandbox.coverage()))
    except (ControlRefused, NoServer):
        return


def add_worker(config: pytest.Config, output: dict[str, Any]) -> None:
    """Add what a worker of xdist reached."""
    if _OF_WORKER in output:
        _add(config, read_coverage(output[_OF_WORKER]))


def finish(session: pytest.Session) -> None:
    """Send the result to the controller of xdist, or write the file and fail the run below the minimum."""
    config = session.config
    found = config.stash.get(_KEY, None)
    if found is not None and hasattr(config, "workeroutput"):
        config.workeroutput[_OF_WORKER] = found.to_json()
        return
    if hasattr(config, "workeroutput") or getattr(config.option, "collectonly", False):
        return
    found = _without_excluded(config, found or SuiteCoverage({}))
    config.stash[_KEY] = found
    path = options.value(config, "dossiers_coverage")
    if path:
        Path(path).write_text(found.to_json(), encoding="utf-8")
    if found.percent < _least(config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def summary(config: pytest.Config) -> tuple[str, bool] | None:
    """Return the line below the tests, and whether the minimum was reached."""
    found = config.stash.get(_KEY, None)
    if found is None:
        return None
    least = _least(config)
    minimum = f" The minimum is {least} %." if least else ""
    return f"dossiers coverage: {found.sentence}{minimum}", found.percent >= least


def _add(config: pytest.Config, found: SuiteCoverage) -> None:
    config.stash[_KEY] = merge([config.stash.get(_KEY, SuiteCoverage({})), found])


def _least(config: pytest.Config) -> int:
    return int(options.value(config, "dossiers_coverage_min") or 0)


def _without_excluded(config: pytest.Config, found: SuiteCoverage) -> SuiteCoverage:
    lines = options.value(config, "dossiers_coverage_exclude").splitlines()
    if not found.items:
        return found
    try:
        return found.exclude(filter(None, map(str.strip, lines)))
    except ValueError as error:
        raise pytest.UsageError(f"--dossiers-coverage-exclude: {error}") from None
