"""How a sandbox behaves: its scenario, rules, variants and strict mode."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from flask import Response, request
from msgspec import Meta, Struct

from mock_server.clock import real_now
from mock_server.control.calls import YamlText, route
from mock_server.control.problems import Problem, announce_renamed_member, json_answer
from mock_server.control.sandboxes import active_members
from mock_server.domain.names import cut, shown
from mock_server.domain.variants import VARIANTS, check_variants
from mock_server.fixtures.fixture import Fixture
from mock_server.fixtures.library import is_path
from mock_server.input_errors import FileError
from mock_server.sandbox import commands
from mock_server.sandbox.sandbox import ServerSandbox
from mock_server.scenarios.file_format import STARTED, Rule, Scenario
from mock_server.scenarios.files import find_scenario, parse_scenario, read_scenario_cached, scenario_files
from mock_server.scenarios.rule_validation import limit_reading, raise_first, rules_errors
from mock_server.scenarios.setup import ScenarioSetup, build_scenario_setup, load_scenario_setup
from mock_server.scenarios.validation import scenario_errors
from mock_server.web.services import named_sandbox, services


class NewScenario(Struct, forbid_unknown_fields=True):
    """The `name` of a scenario, or a `scenario` itself, as in a file."""

    name: str | None = None
    scenario: Scenario | None = None


class NewState(Struct, forbid_unknown_fields=True):
    """The new state of the scenario's state machine."""

    state: Annotated[str, Meta(min_length=1)]


MAX_RULES = 1000
"""Ad hoc rules of a sandbox: each request is compared with all of them."""


class NewRules(Struct, forbid_unknown_fields=True):
    """Rules as in a scenario file."""

    rules: tuple[Rule, ...]


class StrictMode(Struct, frozen=True, forbid_unknown_fields=True):
    """`off`: the input is ignored. `warn`: the answer has a header too. `fail`: the answer is 400."""

    strict: Literal["off", "warn", "fail"]


@route("GET /scenarios")
def list_scenarios() -> Response:
    """Return the scenarios that the server has, and the active one."""
    files = scenario_files(services().settings.scenarios_dir)
    members = _active(named_sandbox()) | {"scenarios": [_scenario(path) for path in files]}
    return announce_renamed_member(json_answer(members), "mistake", "error")


@route("PUT /scenario", body=NewScenario, yaml=Scenario)
def put_scenario(body: NewScenario | YamlText) -> Response:
    """Activate a scenario: the sandbox gets its content, clock, variants and rules.

    By name, `{"name": "outage-of-three-calls"}`, or the scenario itself: `{"scenario": {...}}`, or the
    YAML of its file.
    """
    sandbox = named_sandbox()
    sandbox.execute(commands.PlayScenario(_setup(sandbox, body)))
    return json_answer(_active(sandbox))


@route("DELETE /scenario")
def delete_scenario() -> Response:
    """Stop the scenario: its rules end; content, clock and variants stay until the next reset."""
    sandbox = named_sandbox()
    sandbox.execute(commands.StopScenario())
    return json_answer(_active(sandbox))


@route("PUT /scenarios/<name>/state", body=NewState)
def put_scenario_state(body: NewState, name: str) -> Response:
    """Set the state of the active scenario's state machine."""
    sandbox = named_sandbox()
    scenario = sandbox.active_scenario.scenario
    if scenario is None or scenario.scenario != name:
        active = "none" if scenario is None else repr(scenario.scenario)
        raise Problem(
            f"the scenario {shown(name)} is not active, {active} is; PUT /__admin/scenario activates it", 409
        )
    states = [STARTED]
    states += [state for rule in scenario.rules for state in (rule.state, rule.new_state) if state]
    if body.state not in states:
        raise Problem(
            f"{cut(name)} has no state {shown(body.state)}; it has {', '.join(dict.fromkeys(states))}"
        )
    sandbox.execute(commands.SetScenarioState(body.state))
    return json_answer(_active(sandbox))


@route("GET /rules")
def get_rules() -> Response:
    """Return the active rules; the first that matches wins: ad hoc rules, then the scenario's."""
    return _rules(named_sandbox())


@route("POST /rules", body=NewRules, status=201)
def post_rules(body: NewRules) -> Response:
    """Add ad hoc rules; they come before those of the scenario."""
    sandbox = named_sandbox()
    present = len(sandbox.active_scenario.ad_hoc_rules)
    if present + len(body.rules) > MAX_RULES:
        counts = f"there are {present}, and {len(body.rules)} more"
        raise Problem(
            f"a sandbox has at most {MAX_RULES} ad hoc rules: {counts}; DELETE /__admin/rules first"
        )
    with limit_reading("$.rules"):
        raise_first(rules_errors(body.rules, "$.rules"))
    sandbox.execute(commands.AddRules(body.rules))
    return _rules(sandbox, 201)


@route("DELETE /rules", query={"name": {"type": "string", "minLength": 1}})
def delete_rules() -> Response:
    """Delete the ad hoc rules; with `?name=` one of them."""
    sandbox, name = named_sandbox(), request.args.get("name")
    if not sandbox.execute(commands.RemoveRules(name)) and name is not None:
        names = ", ".join(rule.name for rule in sandbox.active_scenario.ad_hoc_rules) or "none"
        raise Problem(f"there is no ad hoc rule {shown(name)}; there are: {names}", 404)
    return _rules(sandbox)


@route("GET /variants")
def get_variants() -> Response:
    """Return the variants, as they are in the server's default dialect."""
    return json_answer(_variants(named_sandbox()))


@route("PUT /variants", body=dict[str, str])
def put_variants(body: dict[str, str]) -> Response:
    """Set variants, such as {"refusals": "result"}; all others get their default."""
    sandbox = named_sandbox()
    try:
        sandbox.execute(commands.SetVariants(check_variants(body)))
    except ValueError as error:
        raise Problem(str(error)) from None
    return json_answer(_variants(sandbox))


@route("GET /strict")
def get_strict() -> Response:
    """Return the strict mode of the sandbox."""
    return json_answer({"strict": named_sandbox().strict})


@route("PUT /strict", body=StrictMode)
def put_strict(body: StrictMode) -> Response:
    """Set the strict mode: {"strict": "warn"}; a reset sets it back to that of the server."""
    sandbox = named_sandbox()
    sandbox.execute(commands.SetStrict(body.strict))
    return json_answer({"strict": sandbox.strict})


def _setup(sandbox: ServerSandbox, body: NewScenario | YamlText) -> ScenarioSetup:
    """Return the setup of the scenario that the body names or contains.

    Raises:
        Problem: the body has neither or both.
        FileError: the scenario or its fixture is unknown or invalid.
        InputError: the scenario is invalid.
    """
    fixture, now = sandbox.state.config.setup.fixture, real_now()
    if isinstance(body, YamlText):
        return build_scenario_setup(parse_scenario(body.text), fixture, _find_fixture, now)
    if body.scenario is not None and body.name is None:
        raise_first(scenario_errors(body.scenario, "$.scenario"))
        return build_scenario_setup(body.scenario, fixture, _find_fixture, now)
    if body.scenario is None and body.name is not None:
        path = find_scenario(body.name, services().settings.scenarios_dir, paths=False)
        return load_scenario_setup(path, fixture, services().find_fixture, now)
    raise Problem('send {"name": "..."} or {"scenario": {...}}')


def _find_fixture(name: str) -> Fixture:
    """Find the fixture of a scenario that was sent; it may not name a file of this machine.

    Raises:
        FileError: the name is unknown, or a path.
    """
    if is_path(name):
        raise FileError(
            f"a scenario that is sent names its fixture, and {shown(name)} is a path; send the recipe first,"
            " with PUT /__admin/fixture, and leave `fixture` out"
        )
    return services().find_fixture(name)


def _active(sandbox: ServerSandbox) -> dict[str, Any]:
    return {"sandbox": sandbox.name, **active_members(sandbox)}


def _scenario(path: Path) -> dict[str, Any]:
    try:
        scenario = read_scenario_cached(path)
    except FileError as error:
        return {"name": path.stem, "error": str(error), "mistake": str(error)}
    return {
        "name": scenario.scenario,
        "title": scenario.title,
        "tags": list(scenario.tags),
        "rules": len(scenario.rules),
        "steps": len(scenario.steps),
    }


def _rules(sandbox: ServerSandbox, status: int = 200) -> Response:
    progress = sandbox.active_scenario.progress
    ad_hoc = {rule.name for rule in sandbox.active_scenario.ad_hoc_rules}
    rules = [
        {
            **msgspec.to_builtins(rule),  # as in its file, without members that were left out
            "adHoc": rule.name in ad_hoc,
            "byHand": rule.name in ad_hoc,
            "matched": progress.matched.get(rule.name, 0),
            "applied": progress.applied.get(rule.name, 0),
        }
        for rule in sandbox.active_scenario.rules
    ]
    return announce_renamed_member(json_answer({"rules": rules}, status), "byHand", "adHoc")


def _variants(sandbox: ServerSandbox) -> dict[str, str]:
    variants = sandbox.variants_for(services().settings.dialect)
    return {name: variants[name] for name in VARIANTS}
