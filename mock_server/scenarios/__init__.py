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
    export_progress,
    import_plan,
    read_progress,
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
    check_saved_rules,
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
    "check_saved_rules",
    "export_progress",
    "import_plan",
    "load_scenario_setup",
    "matches_request",
    "read_progress",
    "without_tag",
]
