"""A whole sandbox out and in, as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from flask import Blueprint, Response
from immutables import Map
from msgspec import Struct

from mock_server import __version__
from mock_server.clock import Clock
from mock_server.control.calls import serves
from mock_server.control.problems import json_answer
from mock_server.dialects import wire
from mock_server.domain.local_time import is_reckonable
from mock_server.domain.variants import checked
from mock_server.fixtures.errors import InputError
from mock_server.fixtures.fixture import gc_paused
from mock_server.fixtures.state_file import (
    WorldState,
    convert_struct,
    export_world,
    import_world,
    json_struct,
)
from mock_server.fixtures.validate_state import validate_state
from mock_server.sandbox import SandboxState
from mock_server.scenarios import STARTED, Progress, Rule, Scenario
from mock_server.scenarios.validation import check_rules, check_scenario
from mock_server.web.services import named_sandbox

state = Blueprint("state", __name__)


class Time(Struct, frozen=True, kw_only=True):
    """The sandbox's present instant; a clock that is not frozen runs on from there."""

    now: datetime
    frozen: bool


class Played(Struct, forbid_unknown_fields=True, rename="camel"):
    """What bends a sandbox, and how far it has got: by the name of a rule, calls met and times applied."""

    scenario: Scenario | None = None
    state: str = STARTED
    rules: tuple[Rule, ...] = ()
    matched: dict[str, int] = {}
    applied: dict[str, int] = {}


class State(Struct, frozen=True, kw_only=True):
    """A whole sandbox. `madeBy` and `fixture` say where it comes from, and are for the reader.

    Snapshots and the rate limit's buckets are not part of it.
    """

    version: Literal[1]
    made_by: str = ""
    fixture: str = ""
    clock: Time
    variants: dict[str, str]
    playing: Any = None
    content: WorldState


@serves(state, "GET /state")
def get_state() -> Response:
    """The whole sandbox, for `PUT /state` of any server: content, time, variants, scenario and rules.

    Passwords of users and bytes of files are in it.
    """
    found = named_sandbox()
    whole = found.state
    written = State(
        version=1,
        made_by=__version__,
        fixture=found.setup.fixture.name,
        clock=Time(now=whole.clock.now(), frozen=whole.clock.frozen_at is not None),
        variants=dict(whole.variants),
        playing=msgspec.to_builtins(_played(whole)),
        content=export_world(whole.world),
    )
    encoded = msgspec.json.encode(convert_struct(written, json_struct(State)))
    return Response(encoded, content_type="application/json")


@serves(state, "PUT /state", body=json_struct(State))
def put_state(wanted: Any) -> Response:
    """Be the sandbox that was written down, here or on another server.

    A reset still goes back to the fixture that this sandbox stands on.
    """
    found = named_sandbox()
    with gc_paused():
        whole = _whole(convert_struct(wanted, State))
    found.restore_state(whole)
    return json_answer({"sandbox": found.name, "now": wire.instant(found.clock.now())})


def _whole(written: State) -> SandboxState:
    """The sandbox that was written down.

    Raises:
        InputError: it cannot be; nothing was changed.
    """
    try:
        validate_state(written.content)
    except InputError as mistake:
        raise InputError(f"$.content{mistake.path.removeprefix('$')}", str(mistake)) from None
    try:
        variants = checked(written.variants)
    except ValueError as mistake:
        raise InputError("$.variants", str(mistake)) from None
    if not is_reckonable(written.clock.now.date()):
        raise InputError("$.clock.now", "not of the years 1000 to 8999")
    clock = Clock().freeze(written.clock.now) if written.clock.frozen else Clock().run(written.clock.now)
    played = _play(written.playing)
    progress = Progress(played.state, Map(played.matched), Map(played.applied))
    return SandboxState(
        import_world(written.content), clock, variants, played.scenario, played.rules, progress
    )


def _played(whole: SandboxState) -> Played:
    progress = whole.progress
    return Played(
        scenario=whole.scenario,
        state=progress.state,
        rules=whole.ad_hoc_rules,
        matched=dict(progress.matched),
        applied=dict(progress.applied),
    )


def _play(written: Any) -> Played:
    """The scenario and rules that were written down.

    Raises:
        InputError: they cannot be.
    """
    try:
        played = msgspec.convert({} if written is None else written, Played)
    except msgspec.ValidationError as mistake:
        raise InputError("$.playing", str(mistake)) from None
    check_rules(played.rules, "$.playing.rules")
    if played.scenario is not None:
        check_scenario(played.scenario, "$.playing.scenario")
    return played
