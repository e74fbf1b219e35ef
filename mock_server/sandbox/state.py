"""The state of a sandbox: one immutable value with all that it is, and how it starts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from immutables import Map
from msgspec import Struct, field
from msgspec.structs import replace

from mock_server.clock import Clock
from mock_server.domain.settlement import Event, settle
from mock_server.domain.variants import ChosenVariants
from mock_server.domain.world import World
from mock_server.fixtures.actions import take_action
from mock_server.journal import Limits
from mock_server.sandbox.rate_limit import Buckets
from mock_server.scenarios import ActiveScenario, ScenarioSetup, read_progress

TokenAges = tuple[tuple[datetime, timedelta], ...]
"""When the tokens issued before were aged, in the machine's time, and by how much."""

_NO_AGE = timedelta()
_MAX_AGES = 1000
_MAX_AGE = timedelta(days=200 * 365)
"""Longer than any token is valid."""

_MAX_SESSIONS = 8192
"""Ended sessions that are kept at least; beyond twice as many, the older half is dropped."""


class SandboxConfig(Struct, frozen=True, kw_only=True):
    """How a sandbox starts: fixture, scenario, clock, variants, duration of imports, limits."""

    setup: ScenarioSetup
    clock: datetime | None = None
    variants: Mapping[str, str] = field(default_factory=dict)
    import_duration: timedelta = timedelta()
    journal: Limits = field(default_factory=Limits)
    history: int = 1_000
    strict: str = "off"


class Snapshot(Struct, frozen=True, eq=False):
    """The content and the time of a sandbox under a name."""

    world: World
    now: datetime
    frozen: bool


class EndedSessions(Struct, frozen=True, eq=False):
    """The ids of sessions and tokens that were ended; the oldest ones drop out."""

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
    """All that a sandbox is. `config` is where a reset goes back to, `setup` what plays now.

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
    """Carry out what is due; return the very same state if nothing is."""
    now = state.clock.at(machine)
    if not state.world.is_due(now):
        return state, []
    world, events = settle(state.world, now, take_action)
    return replace(state, world=world), events


def settle_if_possible(state: SandboxState, machine: datetime) -> SandboxState:
    """Return the settled state; the very same one if what is due fails, which is a bug of the domain.

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
    (first_aged_at, first), (_, second), *rest = ages
    return ((first_aged_at, min(first + second, _MAX_AGE)), *rest)
