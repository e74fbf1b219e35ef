"""The state of a sandbox: one immutable value with all that it is, how it starts, and its forms as JSON.

Users export a state. The file or the engine of `--state` keeps all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from immutables import Map
from msgspec import Struct, field
from msgspec.structs import replace

from mock_server import __version__
from mock_server.clock import Clock
from mock_server.domain.imports import Invent
from mock_server.domain.rate_limit import Bucket, Buckets
from mock_server.domain.settlement import Event, settle
from mock_server.domain.variants import ChosenVariants
from mock_server.domain.world import World
from mock_server.fixtures.actions import take_action
from mock_server.fixtures.state_file import (
    ClockState,
    StateFile,
    WorldState,
    encode_state,
    export_world,
    import_world,
)
from mock_server.fixtures.validate_state import validate_state
from mock_server.scenarios.active import ActiveScenario, export_progress, read_progress, restore_progress
from mock_server.scenarios.setup import ScenarioSetup

TokenAges = tuple[tuple[datetime, timedelta], ...]
"""When the tokens issued before were aged, in the machine's time, and by how much."""

_NO_AGE = timedelta()
_MAX_AGES = 1000
"""Entries of `TokenAges` that are kept."""
_MAX_AGE = timedelta(days=200 * 365)
"""Longer than any token is valid."""

_MAX_SESSIONS = 8192
"""Ended sessions that are kept at least; beyond twice as many, the older half is dropped."""


class SandboxConfig(Struct, frozen=True, kw_only=True):
    """How a sandbox starts, also after a reset: fixture, scenario, clock, variants, strict mode."""

    setup: ScenarioSetup
    clock: datetime | None = None
    variants: Mapping[str, str] = field(default_factory=dict)
    strict: str = "off"


class Snapshot(Struct, frozen=True, eq=False):
    """The content and the time of a sandbox under a name."""

    world: World
    now: datetime
    frozen: bool


class EndedSessions(Struct, frozen=True, eq=False):
    """The ids of sessions and tokens that were ended; the oldest ones are dropped."""

    recent: Map[str, None] = Map()
    older: Map[str, None] = Map()

    def add(self, identifier: str) -> EndedSessions:
        """Return these and another one."""
        if len(self.recent) >= _MAX_SESSIONS:
            return EndedSessions(Map({identifier: None}), self.recent)
        return EndedSessions(self.recent.set(identifier, None), self.older)

    def __contains__(self, identifier: str) -> bool:
        return identifier in self.recent or identifier in self.older


class SandboxState(Struct, frozen=True, kw_only=True, eq=False):
    """All of a sandbox.

    `config` is the start, to which a reset returns; `setup` has the active fixture and scenario.
    `pact_states_at` is the number of the last exchange when Pact set its provider states.
    """

    config: SandboxConfig
    setup: ScenarioSetup
    world: World
    clock: Clock
    variants: ChosenVariants
    active: ActiveScenario
    rate_limits: Buckets = Map()
    snapshots: Mapping[str, Snapshot] = field(default_factory=dict)
    token_ages: TokenAges = ()
    ended_sessions: EndedSessions = EndedSessions()
    pact_states_at: int | None = None
    strict: str = "off"

    def token_age(self, issued_at: datetime) -> timedelta:
        """Return by how much a token, issued at that machine's time, was aged since."""
        if not self.token_ages:
            return _NO_AGE
        return sum((by for aged_at, by in self.token_ages if issued_at <= aged_at), _NO_AGE)


def first_state(config: SandboxConfig, machine: datetime) -> SandboxState:
    """Return the state of a sandbox that starts at an instant of the machine's time."""
    clock = first_clock(config, config.setup, machine)
    return SandboxState(
        config=config,
        setup=config.setup,
        world=config.setup.world(clock.at(machine)),
        clock=clock,
        variants=first_variants(config, config.setup),
        active=first_active(config.setup).begin(clock.at(machine)),
        strict=config.strict,
    )


def first_clock(config: SandboxConfig, setup: ScenarioSetup, machine: datetime) -> Clock:
    """Return the clock at the start: as the scenario says, else the server, else a saved state; it runs."""
    at, saved = setup.clock, setup.fixture.saved
    if at is not None:
        return Clock(frozen_at=at)
    if config.clock is not None:
        return Clock.set_to(config.clock, machine, frozen=False)
    if saved is None:
        return Clock()
    return Clock.set_to(saved.clock.now, machine, frozen=saved.clock.frozen)


def first_variants(config: SandboxConfig, setup: ScenarioSetup) -> ChosenVariants:
    """Return the variants at the start: those of a saved state, of the server, of the scenario; these win."""
    saved, scenario = setup.fixture.saved, setup.scenario
    return ChosenVariants(
        {
            **(saved.variants if saved else {}),
            **config.variants,
            **(scenario.given.variants if scenario else {}),
        }
    )


def first_active(setup: ScenarioSetup) -> ActiveScenario:
    """Return the rules at the start: those of the scenario, else those of a saved state as they were."""
    saved = setup.fixture.saved
    if setup.scenario is not None or saved is None:
        return ActiveScenario.start(setup.scenario)
    return read_progress(saved.playing)


def settle_state(state: SandboxState, machine: datetime) -> tuple[SandboxState, list[Event]]:
    """Carry out what is due; return the same object and no events if nothing is."""
    now = state.clock.at(machine)
    if not state.world.is_due(now):
        return state, []
    world, events = settle(state.world, now, take_action)
    return replace(state, world=world), events


def settle_if_possible(state: SandboxState, machine: datetime) -> SandboxState:
    """Return the settled state; the same object if it cannot be settled, which is a bug of the domain.

    So a command that repairs such a state, such as a reset, can still be executed, and replayed.
    """
    try:
        return settle_state(state, machine)[0]
    except Exception:  # noqa: BLE001  # a caller that needs the settled state gets the error from `settle_state`
        return state


def with_age(ages: TokenAges, aged_at: datetime, by: timedelta) -> TokenAges:
    """Add an ageing. Beyond `_MAX_AGES` the oldest two become one, of at most `_MAX_AGE`."""
    ages = (*ages, (aged_at, by))
    if len(ages) <= _MAX_AGES:
        return ages
    (first_aged_at, first), (_, second), *newer = ages
    return ((first_aged_at, min(first + second, _MAX_AGE)), *newer)


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


class KeptSnapshot(Struct, frozen=True, kw_only=True):
    """A snapshot as it is kept."""

    name: str
    content: WorldState
    now: datetime
    frozen: bool


class KeptStart(Struct, frozen=True, kw_only=True, tag=True):
    """A sandbox at its start, at that machine's time: some bytes, at any size of its fixture."""

    config: SandboxConfig
    machine: datetime


class KeptState(Struct, frozen=True, kw_only=True, tag=True):
    """A sandbox at any time as it is kept: all of its state."""

    config: SandboxConfig
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
"""The form in which a sandbox is kept, and from which it is restored."""


def keep_state(state: SandboxState) -> KeptState:
    """Return the form of a state in which it is kept."""
    return KeptState(
        config=state.config,
        setup=state.setup,
        content=export_world(state.world),
        clock=state.clock,
        variants=dict(state.variants.chosen),
        playing=export_progress(state.active),
        rate_limits=tuple(sorted(state.rate_limits.items())),
        snapshots=tuple(
            KeptSnapshot(
                name=name, content=export_world(snapshot.world), now=snapshot.now, frozen=snapshot.frozen
            )
            for name, snapshot in state.snapshots.items()
        ),
        token_ages=state.token_ages,
        ended_recent=tuple(sorted(state.ended_sessions.recent)),
        ended_older=tuple(sorted(state.ended_sessions.older)),
        pact_states_at=state.pact_states_at,
        strict=state.strict,
    )


def restore_state(kept: Kept, invent: Invent) -> SandboxState:
    """Return the kept state."""
    if isinstance(kept, KeptStart):
        return first_state(kept.config, kept.machine)
    return SandboxState(
        config=kept.config,
        setup=kept.setup,
        world=import_world(kept.content, invent),
        clock=kept.clock,
        variants=ChosenVariants(kept.variants),
        active=restore_progress(kept.playing),
        rate_limits=Map(kept.rate_limits),
        snapshots={
            snapshot.name: Snapshot(import_world(snapshot.content, invent), snapshot.now, snapshot.frozen)
            for snapshot in kept.snapshots
        },
        token_ages=kept.token_ages,
        ended_sessions=EndedSessions(
            Map(dict.fromkeys(kept.ended_recent)), Map(dict.fromkeys(kept.ended_older))
        ),
        pact_states_at=kept.pact_states_at,
        strict=kept.strict,
    )
