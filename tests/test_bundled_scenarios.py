"""Every bundled scenario runs against a real server in both dialects."""

from __future__ import annotations

from pathlib import Path

import pytest

from mock_server.domain.operations import DIALECTS
from mock_server.fixtures.library import bundled
from mock_server.scenarios.files import read_scenario
from mock_server.scenarios.report import failure_lines
from mock_server.scenarios.runner import plan_runs, run_scenario
from mock_server.scenarios.target import Target, find_target

FILES = sorted(bundled("scenarios").glob("*.yaml"))


@pytest.fixture(scope="module", params=["", "/edge"], ids=DIALECTS)
def target(request: pytest.FixtureRequest, server: str) -> Target:
    return find_target(f"{server}{request.param}")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_bundled_scenario_passes(path: Path, target: Target) -> None:
    scenario = read_scenario(path)

    results = [run_scenario(performance, target) for performance in plan_runs(scenario, {}, on_sandbox=True)]

    assert [line for result in results for line in failure_lines(result)] == []
    foreign = {step.name for step in scenario.steps if target.dialect not in step.dialects}
    assert all({step.name for step in result.steps if step.skipped} == foreign for result in results)
    assert len(foreign) < len(scenario.steps)


def test_steps_for_one_dialect_have_a_counterpart_in_the_other() -> None:
    for path in FILES:
        steps = read_scenario(path).steps
        single = {dialect for step in steps for dialect in step.dialects if len(step.dialects) == 1}
        assert single in (set(), set(DIALECTS)), path.name
