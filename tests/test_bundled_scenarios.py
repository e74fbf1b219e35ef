"""Every bundled scenario, and its export, runs against a real server in both dialects, in strict mode."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from msgspec.structs import replace

from mock_server.client import Sandbox
from mock_server.clock import Clock, monotonic_now
from mock_server.domain.operations import DIALECTS
from mock_server.fixtures.fixture import decode_fixture, load_fixture
from mock_server.fixtures.library import bundled, recipe_names
from mock_server.input_errors import InputError
from mock_server.sandbox.state import SandboxConfig, export_state, first_state
from mock_server.scenarios.files import read_scenario, read_scenario_cached
from mock_server.scenarios.report import failure_lines
from mock_server.scenarios.runner import plan_runs, run_scenario
from mock_server.scenarios.setup import ScenarioSetup, check_saved_rules
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
def used(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Sandbox]]:
    """The sandboxes of the runs, in their order. They are dropped after the test, which looks at them."""
    sandboxes: list[Sandbox] = []

    def keep(sandbox: Sandbox) -> None:
        sandboxes.append(sandbox)

    with monkeypatch.context() as patch:
        patch.setattr(Sandbox, "drop", keep)
        yield sandboxes
    for sandbox in sandboxes:
        sandbox.drop()


def started_from(saved: bytes) -> bytes:
    """Export the state of a sandbox that starts from this exported one."""
    fixture = decode_fixture(saved, "the saved state")
    check_saved_rules(fixture, "the saved state")
    machine = monotonic_now()
    state = first_state(SandboxConfig(setup=ScenarioSetup(fixture)), machine)
    return export_state(state, state.clock.at(machine))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_bundled_scenario_passes_and_so_does_its_export(
    path: Path, target: Target, used: list[Sandbox], tmp_path: Path
) -> None:
    scenario = read_scenario_cached(path)

    results = [run_scenario(performance, target) for performance in plan_runs(scenario, {}, on_sandbox=True)]

    assert [line for result in results for line in failure_lines(result)] == []
    foreign = {step.name for step in scenario.steps if target.dialect not in step.dialects}
    assert all({step.name for step in result.steps if step.skipped} == foreign for result in results)
    assert len(foreign) < len(scenario.steps)
    warned = {code for sandbox in used for request in sandbox.requests() for code in request["warningCodes"]}
    assert not warned or path.stem in SEND_IGNORED_INPUT
    last = used[-1]
    text = last.export_scenario()
    if target.dialect == DIALECTS[0]:  # a state has no dialect
        last.clock.freeze()
        state = last.text("/state").encode()
        assert started_from(state) == state
    exported = tmp_path / "exported.yaml"
    exported.write_text(text, encoding="utf-8")
    [again] = plan_runs(read_scenario(exported), {}, on_sandbox=True)
    result = run_scenario(again, target)
    assert list(failure_lines(result)) == [], text
    assert result.count("passed") == len(again.scenario.steps) > 0


def test_steps_for_one_dialect_have_a_counterpart_in_the_other() -> None:
    for path in FILES:
        steps = read_scenario_cached(path).steps
        single = {dialect for step in steps for dialect in step.dialects if len(step.dialects) == 1}
        assert single in (set(), set(DIALECTS)), path.name


def test_the_state_of_every_fixture_with_every_scenario_starts_again() -> None:
    machine = monotonic_now()
    names = [name for name in recipe_names() if name not in {"catalogue", "large"}]
    pairs = [(name, path) for path in FILES for name in names]
    step = max(1, 2_000 // settings().max_examples)  # all of them with --hypothesis-profile=soak
    started = 0
    for name, path in pairs[::step]:
        scenario = read_scenario_cached(path)
        fixture = load_fixture(scenario.given.fixture or name, machine.date())
        try:
            setup = ScenarioSetup(fixture, scenario)
            state = first_state(SandboxConfig(setup=setup), machine)
        except InputError:
            continue  # its start data are about entities of another fixture
        saved = export_state(replace(state, clock=Clock(frozen_at=machine)), machine)
        assert started_from(saved) == saved, (name, path.stem)
        started += 1
    assert started >= len(pairs[::step]) // 2
