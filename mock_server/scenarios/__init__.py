"""Scenarios: what a file says, how far a playing one has got, which calls a rule means, and the runner.

The runner is given a base URL and knows nothing of servers. What plays is named here; what reads and checks
files (`reading`, `checking`), and the runner, are imported by their own names, by those who have such a file.
"""

from __future__ import annotations

from mock_server.scenarios.asking import Asked, means, untagged
from mock_server.scenarios.courses import course_of
from mock_server.scenarios.faults import FAULTS, Fault
from mock_server.scenarios.playing import Application, NameTaken, Playing, Progress
from mock_server.scenarios.script import AS_IT_IS, EFFECTS, STARTED, Request, Rule, Scenario, Then
from mock_server.scenarios.setup import (
    FixtureFinder,
    ScenarioSetup,
    build_scenario_setup,
    load_scenario_setup,
)

__all__ = [
    "AS_IT_IS",
    "EFFECTS",
    "FAULTS",
    "STARTED",
    "Application",
    "Asked",
    "Fault",
    "FixtureFinder",
    "NameTaken",
    "Playing",
    "Progress",
    "Request",
    "Rule",
    "Scenario",
    "ScenarioSetup",
    "Then",
    "build_scenario_setup",
    "course_of",
    "load_scenario_setup",
    "means",
    "untagged",
]
