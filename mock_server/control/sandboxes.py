"""The sandboxes, and the whole of one: reset, snapshots, and its state as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from flask import Response
from immutables import Map
from msgspec import Struct

from mock_server import __version__
from mock_server.clock import Clock
from mock_server.control.calls import route
from mock_server.control.problems import Problem, json_answer
from mock_server.dialects import wire
from mock_server.domain.variants import check_variants
from mock_server.fixtures.decode_errors import explain_decode_error
from mock_server.fixtures.errors import InputError
from mock_server.fixtures.fixture import gc_paused
from mock_server.fixtures.state_file import (
    WorldState,
    convert_struct,
    export_world,
    import_world,
    json_struct,
)
from mock_server.fixtures.validate_state import CLOCK_YEARS, check_instant, validate_state
from mock_server.sandbox import DEFAULT_SANDBOX, PARTS, Part, SandboxState, ServerSandbox
from mock_server.scenarios import STARTED, Progress, Rule, Scenario
from mock_server.scenarios.validation import check_rules, check_scenario
from mock_server.web.services import named_sandbox, services


class Reset(Struct, forbid_unknown_fields=True):
    """`only` names the parts to reset; left out, all of them."""

    only: list[Part] | None = None


class ClockState(Struct, frozen=True, kw_only=True):
    """The instant of the sandbox; a clock that is not frozen continues from there."""

    now: datetime
    frozen: bool


class ScenarioProgress(Struct, forbid_unknown_fields=True, rename="camel"):
    """The scenario and the rules of a sandbox; per rule name how often it was matched and applied."""

    scenario: Scenario | None = None
    state: str = STARTED
    rules: tuple[Rule, ...] = ()
    matched: dict[str, int] = {}
    applied: dict[str, int] = {}


class StateFile(Struct, frozen=True, kw_only=True):
    """The state of a sandbox. `madeBy` and `fixture` say where it comes from, for the reader only.

    Snapshots and the buckets of the rate limit are not part of it.
    """

    version: Literal[1]
    made_by: str = ""
    fixture: str = ""
    clock: ClockState
    variants: dict[str, str]
    playing: Any = None
    content: WorldState


@route("GET /sandboxes", sandboxed=False)
def list_sandboxes() -> Response:
    """Return the sandboxes: the time in each, its scenario, the number of its last request."""
    return json_answer({"sandboxes": [_sandbox(sandbox) for sandbox in services().sandboxes.existing]})


@route("DELETE /sandboxes/<name>", status=204, sandboxed=False)
def delete_sandbox(name: str) -> Response:
    """Delete a sandbox; when it is used again, it is as after the start."""
    if name == DEFAULT_SANDBOX:
        raise Problem("the default sandbox cannot be deleted; POST /__admin/reset resets it", 409)
    try:
        services().sandboxes.drop(name)
    except KeyError:
        raise Problem(f"there is no sandbox {name!r}", 404) from None
    return Response(status=204)


@route("POST /reset", body=Reset)
def reset(wanted: Reset) -> Response:
    """Reset the sandbox to its start, or only parts of it."""
    sandbox = named_sandbox()
    parts = PARTS if wanted.only is None else wanted.only
    sandbox.reset(parts)
    return json_answer({"sandbox": sandbox.name, "reset": list(parts)})


@route("GET /snapshots")
def list_snapshots() -> Response:
    """Return the snapshots of the sandbox, oldest first."""
    snapshots = named_sandbox().snapshots.items()
    return json_answer({"snapshots": [{"name": name, "now": wire.instant(now)} for name, now in snapshots]})


@route("POST /snapshots/<name>")
def take_snapshot(name: str) -> Response:
    """Save the sandbox's content and time under a name."""
    sandbox = named_sandbox()
    sandbox.snapshot(name)
    return json_answer({"name": name, "now": wire.instant(sandbox.snapshots[name])})


@route("POST /snapshots/<name>/restore")
def restore_snapshot(name: str) -> Response:
    """Restore a snapshot; it can be restored again."""
    sandbox = named_sandbox()
    try:
        sandbox.restore(name)
    except KeyError:
        names = ", ".join(sandbox.snapshots) or "none"
        raise Problem(f"there is no snapshot {name!r}; there are: {names}", 404) from None
    return json_answer({"name": name, "now": wire.instant(sandbox.clock.now())})


@route("GET /state")
def get_state() -> Response:
    """Export the state, for `PUT /state` of any server: content, time, variants, scenario and rules.

    Passwords of users and bytes of files are in it.
    """
    sandbox = named_sandbox()
    state = sandbox.state
    exported = StateFile(
        version=1,
        made_by=__version__,
        fixture=sandbox.setup.fixture.name,
        clock=ClockState(now=state.clock.now(), frozen=state.clock.frozen_at is not None),
        variants=dict(state.variants),
        playing=msgspec.to_builtins(_scenario_progress(state)),
        content=export_world(state.world),
    )
    encoded = msgspec.json.encode(convert_struct(exported, json_struct(StateFile)))
    return Response(encoded, content_type="application/json")


@route("PUT /state", body=json_struct(StateFile))
def put_state(wanted: Any) -> Response:
    """Load a state that was exported from this sandbox or any other.

    A reset still returns to the fixture of this sandbox.
    """
    sandbox = named_sandbox()
    with gc_paused():
        state = _build_state(convert_struct(wanted, StateFile))
    sandbox.restore_state(state)
    return json_answer({"sandbox": sandbox.name, "now": wire.instant(sandbox.clock.now())})


def _sandbox(sandbox: ServerSandbox) -> dict[str, Any]:
    scenario = sandbox.active_scenario.scenario
    return {
        "name": sandbox.name,
        "now": wire.instant(sandbox.clock.now()),
        "frozen": sandbox.clock.frozen_at is not None,
        "playing": None if scenario is None else scenario.scenario,
        "state": None if scenario is None else sandbox.active_scenario.progress.state,
        "latestRequest": sandbox.journal.last,
    }


def _build_state(exported: StateFile) -> SandboxState:
    """Build the state of a sandbox from an exported one.

    Raises:
        InputError: a value in it is invalid; nothing was changed.
    """
    try:
        validate_state(exported.content)
    except InputError as error:
        raise InputError(f"$.content{error.path.removeprefix('$')}", str(error)) from None
    try:
        variants = check_variants(exported.variants)
    except ValueError as error:
        raise InputError("$.variants", str(error)) from None
    check_instant(exported.clock.now, "$.clock.now", CLOCK_YEARS)
    now = exported.clock.now
    clock = Clock().freeze(now) if exported.clock.frozen else Clock().run(now)
    active = _read_progress(exported.playing)
    progress = Progress(active.state, Map(active.matched), Map(active.applied))
    return SandboxState(
        import_world(exported.content), clock, variants, active.scenario, active.rules, progress
    )


def _scenario_progress(state: SandboxState) -> ScenarioProgress:
    return ScenarioProgress(
        scenario=state.scenario,
        state=state.progress.state,
        rules=state.ad_hoc_rules,
        matched=dict(state.progress.matched),
        applied=dict(state.progress.applied),
    )


def _read_progress(exported: Any) -> ScenarioProgress:
    """Read the exported scenario and rules.

    Raises:
        InputError: they are invalid.
    """
    try:
        active = msgspec.convert({} if exported is None else exported, ScenarioProgress)
    except msgspec.ValidationError as error:
        path, sentence = explain_decode_error(str(error), exported, ScenarioProgress)
        raise InputError(f"$.playing{path.removeprefix('$')}", sentence) from None
    check_rules(active.rules, "$.playing.rules")
    if active.scenario is not None:
        check_scenario(active.scenario, "$.playing.scenario")
    return active
