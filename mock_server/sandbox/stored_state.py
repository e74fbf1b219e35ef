"""The state of a sandbox as JSON: exported for users, or kept in full in the file or engine of `--state`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from immutables import Map
from msgspec import Struct
from msgspec.structs import replace

from mock_server import __version__
from mock_server.clock import Clock
from mock_server.domain.imports import Invent
from mock_server.domain.variants import ChosenVariants
from mock_server.fixtures.state_file import (
    ClockState,
    StateFile,
    WorldState,
    encode_state,
    export_world,
    import_world,
)
from mock_server.fixtures.validate_state import validate_state
from mock_server.sandbox.rate_limit import Bucket
from mock_server.sandbox.state import EndedSessions, SandboxConfig, SandboxState, Snapshot, first_state
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
        clock=Clock.set_to(exported.clock.now, machine, frozen=exported.clock.frozen),
        variants=ChosenVariants(exported.variants),
        active=active,
    )


class KeptConfig(Struct, frozen=True, kw_only=True):
    """Where a reset goes back to. Limits and the duration of imports are always those of the server."""

    setup: ScenarioSetup
    clock: datetime | None
    variants: dict[str, str]
    strict: str


class KeptSnapshot(Struct, frozen=True, kw_only=True):
    """A snapshot."""

    name: str
    content: WorldState
    now: datetime
    frozen: bool


class KeptStart(Struct, frozen=True, kw_only=True, tag=True):
    """A sandbox at its start, at that machine's time."""

    config: KeptConfig
    machine: datetime


class KeptState(Struct, frozen=True, kw_only=True, tag=True):
    """A sandbox at any time."""

    config: KeptConfig
    setup: ScenarioSetup
    content: WorldState
    clock: Clock
    variants: dict[str, str]
    playing: Any
    rate_limits: tuple[tuple[int, Bucket], ...]
    snapshots: tuple[KeptSnapshot, ...]
    token_ages: tuple[tuple[datetime, timedelta], ...]
    ended_recent: tuple[str, ...]
    ended_older: tuple[str, ...]
    pact_states_at: int | None
    strict: str


Kept = KeptStart | KeptState
"""What a sandbox is restored from."""


def keep_start(config: SandboxConfig, machine: datetime) -> KeptStart:
    """Return a sandbox at its start as it is kept: some bytes, at any size of its fixture."""
    return KeptStart(config=_keep_config(config), machine=machine)


def keep_state(state: SandboxState) -> KeptState:
    """Return a state as it is kept."""
    return KeptState(
        config=_keep_config(state.config),
        setup=state.setup,
        content=export_world(state.world),
        clock=state.clock,
        variants=dict(state.variants.chosen),
        playing=export_progress(state.active),
        rate_limits=tuple(sorted(state.rate_limits.items())),
        snapshots=tuple(
            KeptSnapshot(name=name, content=export_world(each.world), now=each.now, frozen=each.frozen)
            for name, each in state.snapshots.items()
        ),
        token_ages=state.token_ages,
        ended_recent=tuple(sorted(state.ended_sessions.recent)),
        ended_older=tuple(sorted(state.ended_sessions.older)),
        pact_states_at=state.pact_states_at,
        strict=state.strict,
    )


def restore_config(kept: KeptConfig, server: SandboxConfig) -> SandboxConfig:
    """Return the kept start of a sandbox, with the limits of the server."""
    return replace(server, setup=kept.setup, clock=kept.clock, variants=kept.variants, strict=kept.strict)


def restore_state(kept: Kept, server: SandboxConfig, invent: Invent) -> SandboxState:
    """Return the kept state, with the limits of the server."""
    config = restore_config(kept.config, server)
    if isinstance(kept, KeptStart):
        return first_state(config, kept.machine)
    return SandboxState(
        config=config,
        setup=kept.setup,
        world=import_world(kept.content, invent),
        clock=kept.clock,
        variants=ChosenVariants(kept.variants),
        active=read_progress(kept.playing),
        rate_limits=Map(kept.rate_limits),
        snapshots={
            each.name: Snapshot(import_world(each.content, invent), each.now, each.frozen)
            for each in kept.snapshots
        },
        token_ages=kept.token_ages,
        ended_sessions=EndedSessions(
            Map(dict.fromkeys(kept.ended_recent)), Map(dict.fromkeys(kept.ended_older))
        ),
        pact_states_at=kept.pact_states_at,
        strict=kept.strict,
    )


def _keep_config(config: SandboxConfig) -> KeptConfig:
    return KeptConfig(
        setup=config.setup, clock=config.clock, variants=dict(config.variants), strict=config.strict
    )
