"""Every bundled scenario runs against a real server in both dialects, in strict mode."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mock_server.client import Sandbox
from mock_server.domain.operations import DIALECTS
from mock_server.fixtures.library import bundled
from mock_server.scenarios.files import read_scenario
from mock_server.scenarios.report import failure_lines
from mock_server.scenarios.runner import plan_runs, run_scenario
from mock_server.scenarios.target import Target, find_target
from tests.support import running_server

FILES = sorted(bundled("scenarios").glob("*.yaml"))


SEND_IGNORED_INPUT = {
    "pagination-all-at-once",
    "search-dossiers-by-reference",
    "search-unknown-parameter",
    "strict-mode-rejects",
    "strict-mode-warnings",
    "token-request-malformed",
    "update-nothing",
}
"""The scenarios that send on purpose what the API ignores. No other has a warning."""


@pytest.fixture(scope="module")
def strict_server() -> Iterator[str]:
    with running_server("--strict", "warn") as (url, _):
        yield url


@pytest.fixture(scope="module", params=["", "/edge"], ids=DIALECTS)
def target(request: pytest.FixtureRequest, strict_server: str) -> Target:
    return find_target(f"{strict_server}{request.param}")


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The codes of the warnings in each sandbox when it is dropped."""
    codes: set[str] = set()
    drop = Sandbox.drop

    def look_and_drop(sandbox: Sandbox) -> None:
        codes.update(code for request in sandbox.requests() for code in request["warningCodes"])
        drop(sandbox)

    monkeypatch.setattr(Sandbox, "drop", look_and_drop)
    return codes


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_bundled_scenario_passes(path: Path, target: Target, warned: set[str]) -> None:
    scenario = read_scenario(path)

    results = [run_scenario(performance, target) for performance in plan_runs(scenario, {}, on_sandbox=True)]

    assert [line for result in results for line in failure_lines(result)] == []
    foreign = {step.name for step in scenario.steps if target.dialect not in step.dialects}
    assert all({step.name for step in result.steps if step.skipped} == foreign for result in results)
    assert len(foreign) < len(scenario.steps)
    assert not warned or path.stem in SEND_IGNORED_INPUT


def test_steps_for_one_dialect_have_a_counterpart_in_the_other() -> None:
    for path in FILES:
        steps = read_scenario(path).steps
        single = {dialect for step in steps for dialect in step.dialects if len(step.dialects) == 1}
        assert single in (set(), set(DIALECTS)), path.name
