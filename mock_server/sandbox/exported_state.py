"""The state of a sandbox as JSON: export it, check it, and build the state again."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from immutables import Map
from msgspec import Struct
from msgspec.structs import replace

from mock_server import __version__
from mock_server.clock import Clock
from mock_server.domain.imports import Invent
from mock_server.domain.variants import ChosenVariants, check_variants
from mock_server.domain.world import World, with_process
from mock_server.fixtures.decode_errors import explain_decode_error
from mock_server.fixtures.errors import InputError
from mock_server.fixtures.state_file import (
    WorldState,
    convert_struct,
    export_world,
    import_world,
    json_struct,
)
from mock_server.fixtures.validate_state import CLOCK_YEARS, check_instant, validate_state
from mock_server.sandbox.state import SandboxState
from mock_server.scenarios import STARTED, ActiveScenario, Progress, Rule, Scenario, ScenarioSetup


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


def export_state(state: SandboxState, now: datetime) -> bytes:
    """Write the state at `now` as JSON. Passwords of users and bytes of files are in it."""
    exported = StateFile(
        version=1,
        made_by=__version__,
        fixture=state.setup.fixture.name,
        clock=ClockState(now=now, frozen=state.clock.frozen_at is not None),
        variants=dict(state.variants.chosen),
        playing=msgspec.to_builtins(_scenario_progress(state.active)),
        content=export_world(state.world),
    )
    return msgspec.json.encode(convert_struct(exported, json_struct(StateFile)))


def restore_exported(
    state: SandboxState, exported: StateFile, machine: datetime, invent: Invent
) -> SandboxState:
    """Return the state with content, clock, variants, scenario and rules of an exported one.

    A reset still goes back to the fixture of `state`.

    Raises:
        InputError: a value in it is invalid.
    """
    world = _build_world(exported.content, invent)
    variants = _checked_variants(exported.variants)
    now = exported.clock.now
    check_instant(now, "$.clock.now", CLOCK_YEARS)
    active = _read_progress(exported.playing)
    return replace(
        state,
        setup=ScenarioSetup(state.setup.fixture, active.scenario),
        world=world,
        clock=Clock().freeze(now) if exported.clock.frozen else Clock().run(now, machine),
        variants=ChosenVariants(variants),
        active=active,
    )


def _build_world(content: WorldState, invent: Invent) -> World:
    """Build the world; an import that runs has its company, also in the export of an older version."""
    try:
        validate_state(content)
    except InputError as error:
        raise InputError(f"$.content{error.path.removeprefix('$')}", str(error)) from None
    world = import_world(content)
    for portfolio in world.portfolios.values():
        for process in portfolio.processes.values():
            company_id = process.wanted.company_id
            if process.complete or process.company or world.thirdparty_with_id(company_id):
                continue
            row = world.establishments.get(company_id)
            company = (row.company if row else None) or invent(company_id)
            world = with_process(world, replace(process, company=company))
    return world


def _checked_variants(variants: dict[str, str]) -> dict[str, str]:
    try:
        return check_variants(variants)
    except ValueError as error:
        raise InputError("$.variants", str(error)) from None


def _scenario_progress(active: ActiveScenario) -> ScenarioProgress:
    return ScenarioProgress(
        scenario=active.scenario,
        state=active.progress.state,
        rules=active.ad_hoc_rules,
        matched=dict(active.progress.matched),
        applied=dict(active.progress.applied),
    )


def _read_progress(exported: Any) -> ActiveScenario:
    """Read the exported scenario and rules.

    Raises:
        InputError: they are invalid.
    """
    from mock_server.scenarios.validation import (
        check_rules,
        check_scenario,
    )  # only who loads a state needs it

    try:
        read = msgspec.convert({} if exported is None else exported, ScenarioProgress)
    except msgspec.ValidationError as error:
        path, sentence = explain_decode_error(str(error), exported, ScenarioProgress)
        raise InputError(f"$.playing{path.removeprefix('$')}", sentence) from None
    check_rules(read.rules, "$.playing.rules")
    if read.scenario is not None:
        check_scenario(read.scenario, "$.playing.scenario")
    progress = Progress(read.state, Map(read.matched), Map(read.applied))
    return ActiveScenario.start(read.scenario, read.rules, progress)
