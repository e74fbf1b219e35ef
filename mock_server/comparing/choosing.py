"""What is played on both sides: probes, which only read, and the bundled scenarios that need no sandbox."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from msgspec.structs import replace

from mock_server.domain.operations import OPERATIONS, Kind
from mock_server.scenarios.library import scenario_files
from mock_server.scenarios.reading import read_scenario_once
from mock_server.scenarios.running import is_played_anywhere
from mock_server.scenarios.script import Scenario, Sending, Step

PROBES = Path(str(files(__package__))) / "probes"


def chosen(dialect: str, *, allow_writes: bool) -> list[Scenario]:
    """Those of a dialect; without `allow_writes` those of which all calls are GET or for a token."""
    paths = (*sorted(PROBES.glob("*.yaml")), *scenario_files())
    found = (_spoken(read_scenario_once(path), dialect) for path in paths)
    return [
        scenario
        for scenario in found
        if scenario.steps and is_played_anywhere(scenario) and (allow_writes or only_reads(scenario))
    ]


def only_reads(scenario: Scenario) -> bool:
    """Whether nothing is changed by it."""
    return all(_reads(operation) for step in scenario.steps for operation, _ in calls_of(step))


def calls_of(step: Step) -> list[tuple[str, Sending]]:
    """Its calls of the API, each with the name of the operation."""
    if step.call is not None:
        return [(step.call, step)]
    return [(call.call, call) for call in step.together]


def _reads(operation: str) -> bool:
    return OPERATIONS[operation].method == "GET" or OPERATIONS[operation].kind is Kind.TOKEN


def _spoken(scenario: Scenario, dialect: str) -> Scenario:
    """The scenario without the steps that are about the other dialect alone."""
    return replace(scenario, steps=tuple(step for step in scenario.steps if dialect in step.dialects))
