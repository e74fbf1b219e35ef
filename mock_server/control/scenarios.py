"""Scenarios and rules of a sandbox: what there is, what plays, and how far it has got."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
from flask import Blueprint, Response, request
from msgspec import Meta, Struct

from mock_server.clock import real_now
from mock_server.control.calls import YamlText, serves
from mock_server.control.problems import Problem, json_answer
from mock_server.fixtures import FileError, Fixture
from mock_server.fixtures.library import is_path
from mock_server.sandbox import Sandbox
from mock_server.scenarios import (
    STARTED,
    NameTaken,
    Rule,
    Scenario,
    ScenarioSetup,
    build_scenario_setup,
    load_scenario_setup,
)
from mock_server.scenarios.files import find_scenario, parse_scenario, read_scenario_cached, scenario_files
from mock_server.scenarios.validation import check_rules, check_scenario
from mock_server.web.services import named_sandbox, services

scenarios = Blueprint("scenarios", __name__)


class NewScenario(Struct, forbid_unknown_fields=True):
    """A scenario by `name`, or a whole one as a file writes it."""

    name: str | None = None
    scenario: Scenario | None = None


class NewState(Struct, forbid_unknown_fields=True):
    """The state that a scenario is to be in."""

    state: Annotated[str, Meta(min_length=1)]


class NewRules(Struct, forbid_unknown_fields=True):
    """Rules as in a scenario file."""

    rules: tuple[Rule, ...]


@serves(scenarios, "GET /scenarios")
def list_scenarios() -> Response:
    """The scenarios there are, and the one that plays."""
    files = scenario_files(services().settings.scenarios_dir)
    return json_answer(_played(named_sandbox()) | {"scenarios": [_listed(path) for path in files]})


@serves(scenarios, "PUT /scenario", body=NewScenario, yaml=Scenario)
def put_scenario(wanted: NewScenario | YamlText) -> Response:
    """Play a scenario: begin anew with what it gives, its clock and variants, and let its rules hold.

    By name, `{"name": "outage"}`, or one that is sent: `{"scenario": {...}}`, or as the YAML of its file.
    """
    found = named_sandbox()
    try:
        found.play(_stage(found, wanted))
    except NameTaken as taken:
        raise Problem(str(taken), 409) from None
    return json_answer(_played(found))


@serves(scenarios, "DELETE /scenario")
def delete_scenario() -> Response:
    """Leave the scenario: its rules end; content, clock and variants stay until the next reset."""
    found = named_sandbox()
    found.stop_scenario()
    return json_answer(_played(found))


@serves(scenarios, "PUT /scenarios/<name>/state", body=NewState)
def put_scenario_state(wanted: NewState, name: str) -> Response:
    """Jump to a state of the scenario that plays."""
    found = named_sandbox()
    playing = found.active_scenario.scenario
    if playing is None or playing.scenario != name:
        now = "none" if playing is None else repr(playing.scenario)
        raise Problem(f"the scenario {name!r} does not play, {now} does; PUT /__admin/scenario lets it", 409)
    states = [STARTED, *(state for rule in playing.rules for state in (rule.state, rule.new_state) if state)]
    if wanted.state not in states:
        raise Problem(f"{name} has no state {wanted.state!r}; it has {', '.join(dict.fromkeys(states))}")
    found.active_scenario.set_state(wanted.state)
    return json_answer(_played(found))


@serves(scenarios, "GET /rules")
def get_rules() -> Response:
    """The rules in force, the first that matches wins: those made by hand, then the scenario's."""
    return json_answer(_rules(named_sandbox()))


@serves(scenarios, "POST /rules", body=NewRules, status=201)
def post_rules(wanted: NewRules) -> Response:
    """Put rules in force, ahead of the scenario's."""
    found = named_sandbox()
    check_rules(wanted.rules, "$.rules")
    try:
        found.active_scenario.add(wanted.rules)
    except NameTaken as taken:
        raise Problem(str(taken), 409) from None
    return json_answer(_rules(found), 201)


@serves(scenarios, "DELETE /rules")
def delete_rules() -> Response:
    """Take back the rules made by hand; with `?name=` one of them."""
    found, name = named_sandbox(), request.args.get("name")
    if not found.active_scenario.remove(name) and name is not None:
        names = ", ".join(rule.name for rule in found.active_scenario.ad_hoc_rules) or "none"
        raise Problem(f"no rule made by hand is named {name!r}; there are: {names}", 404)
    return json_answer(_rules(found))


def _stage(found: Sandbox, wanted: NewScenario | YamlText) -> ScenarioSetup:
    shared, now = services(), real_now()
    fixture = found.config.setup.fixture
    if isinstance(wanted, YamlText):
        return build_scenario_setup(parse_scenario(wanted.text), fixture, _find_fixture, now)
    if wanted.scenario is not None and wanted.name is None:
        check_scenario(wanted.scenario, "$.scenario")
        return build_scenario_setup(wanted.scenario, fixture, _find_fixture, now)
    if wanted.scenario is None and wanted.name is not None:
        path = find_scenario(wanted.name, shared.settings.scenarios_dir, paths=False)
        return load_scenario_setup(path, fixture, shared.find_fixture, now)
    raise Problem('say {"name": "..."} or {"scenario": {...}}')


def _find_fixture(name: str) -> Fixture:
    """The fixture of that name; a scenario that is sent does not reach for files of this machine.

    Raises:
        FileError: there is none, or it is a path.
    """
    if is_path(name):
        raise FileError(f"a scenario that is sent names its fixture, and {name!r} is a path")
    return services().find_fixture(name)


def _played(found: Sandbox) -> dict[str, Any]:
    playing = found.active_scenario.scenario
    return {
        "sandbox": found.name,
        "playing": None if playing is None else playing.scenario,
        "state": None if playing is None else found.active_scenario.progress.state,
    }


def _listed(path: Path) -> dict[str, Any]:
    try:
        scenario = read_scenario_cached(path)
    except FileError as mistake:
        return {"name": path.stem, "mistake": str(mistake)}
    return {
        "name": scenario.scenario,
        "title": scenario.title,
        "tags": list(scenario.tags),
        "rules": len(scenario.rules),
        "steps": len(scenario.steps),
    }


def _rules(found: Sandbox) -> dict[str, Any]:
    progress = found.active_scenario.progress
    ad_hoc = {rule.name for rule in found.active_scenario.ad_hoc_rules}
    return {
        "rules": [
            _written(rule)
            | {
                "byHand": rule.name in ad_hoc,
                "matched": progress.matched.get(rule.name, 0),
                "applied": progress.applied.get(rule.name, 0),
            }
            for rule in found.active_scenario.rules
        ]
    }


def _written(rule: Rule) -> dict[str, Any]:
    """The rule as it was written, what was left out left out."""
    written: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(rule))
    return written
