"""Scenarios: the file format, matching, the active scenario of a sandbox, and the runner.

This package exports what the server needs. The modules that read and validate files, and the runner, are
imported by their own names where they are used.
"""

from __future__ import annotations

from mock_server.scenarios.active import (
    ActiveScenario,
    AppliedRule,
    Matches,
    NameTaken,
    Progress,
    import_plan,
)
from mock_server.scenarios.file_format import (
    EFFECTS,
    FAULTS,
    NO_EFFECT,
    STARTED,
    Fault,
    RequestPattern,
    Rule,
    Scenario,
    Then,
)
from mock_server.scenarios.matching import ReceivedRequest, matches_request, without_tag
from mock_server.scenarios.setup import (
    FixtureFinder,
    ScenarioSetup,
    build_scenario_setup,
    load_scenario_setup,
)

__all__ = [
    "EFFECTS",
    "FAULTS",
    "NO_EFFECT",
    "STARTED",
    "ActiveScenario",
    "AppliedRule",
    "Fault",
    "FixtureFinder",
    "Matches",
    "NameTaken",
    "Progress",
    "ReceivedRequest",
    "RequestPattern",
    "Rule",
    "Scenario",
    "ScenarioSetup",
    "Then",
    "build_scenario_setup",
    "import_plan",
    "load_scenario_setup",
    "matches_request",
    "without_tag",
]
