"""The state of a sandbox as JSON: export it, check it, and build the state again."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from mock_server import __version__
from mock_server.clock import Clock
from mock_server.domain.imports import Invent
from mock_server.domain.variants import ChosenVariants
from mock_server.fixtures.state_file import (
    ClockState,
    StateFile,
    encode_state,
    export_world,
    import_world,
)
from mock_server.fixtures.validate_state import validate_state
from mock_server.sandbox.state import SandboxState
from mock_server.scenarios import ScenarioSetup, export_progress, read_progress


def export_state(state: SandboxState, now: datetime) -> bytes:
    """Write the state at `now` as JSON. Passwords of users and bytes of files are in it."""
    exported = StateFile(
        version=1,
        made_by=__version__,
        fixture=state.setup.fixture.name,
        clock=ClockState(now=now, frozen=state.clock.frozen_at is not None),
        variants=dict(state.variants.chosen),
        playing=export_progress(state.active),
        content=export_world(state.world),
    )
    return encode_state(exported)


def restore_exported(
    state: SandboxState, exported: StateFile, machine: datetime, invent: Invent
) -> SandboxState:
    """Return the state with content, clock, variants, scenario and rules of an exported one.

    A reset still goes back to the fixture of `state`.

    Raises:
        InputError: a value in it is invalid.
    """
    validate_state(exported)
    active = read_progress(exported.playing)
    return replace(
        state,
        setup=ScenarioSetup(state.setup.fixture, active.scenario),
        world=import_world(exported.content, invent),
        clock=Clock().set_to(exported.clock.now, machine, frozen=exported.clock.frozen),
        variants=ChosenVariants(exported.variants),
        active=active,
    )
