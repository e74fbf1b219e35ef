"""Every bundled scenario, played against a real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from mock_server.fixtures.library import bundled
from mock_server.scenarios.performances import performances
from mock_server.scenarios.reading import read_scenario
from mock_server.scenarios.reporting import failure_lines
from mock_server.scenarios.running import play
from mock_server.scenarios.target import Target, find_target

FILES = sorted(bundled("scenarios").glob("*.yaml"))


@pytest.fixture(scope="module")
def target(server: str) -> Target:
    return find_target(server)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_bundled_scenario_is_as_it_says(path: Path, target: Target) -> None:
    scenario = read_scenario(path)

    results = [play(performance, target) for performance in performances(scenario, {}, on_sandbox=True)]

    assert [line for result in results for line in failure_lines(result)] == []
    assert all(result.steps and not result.count("skipped") for result in results)
