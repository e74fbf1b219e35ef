"""Select what is sent to both sides: probes, which only read, and bundled scenarios that need no sandbox."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from msgspec.structs import replace

from mock_server.domain.operations import OPERATIONS, Kind
from mock_server.scenarios.file_format import Scenario
from mock_server.scenarios.files import read_scenario_cached, scenario_files

PROBES = Path(str(files(__package__))) / "probes"


def select_scenarios(dialect: str, *, allow_writes: bool) -> list[Scenario]:
    """Return the scenarios for a dialect; without `allow_writes` only those that change nothing."""
    paths = (*sorted(PROBES.glob("*.yaml")), *scenario_files())
    found = (_for_dialect(read_scenario_cached(path), dialect) for path in paths)
    return [
        scenario
        for scenario in found
        if scenario.steps and not scenario.needs_sandbox and (allow_writes or only_reads(scenario))
    ]


def only_reads(scenario: Scenario) -> bool:
    """Whether all its calls are GET or token requests."""
    return all(_reads(operation) for step in scenario.steps for operation, _ in step.calls)


def _reads(operation: str) -> bool:
    return OPERATIONS[operation].method == "GET" or OPERATIONS[operation].kind is Kind.TOKEN


def _for_dialect(scenario: Scenario, dialect: str) -> Scenario:
    """The scenario without the steps for the other dialect only."""
    return replace(scenario, steps=tuple(step for step in scenario.steps if dialect in step.dialects))
