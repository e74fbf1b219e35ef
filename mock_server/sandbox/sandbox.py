"""One sandbox: content, clock, scenario, variants, journal. It settles what is due before each read.

Two sandboxes share only immutable values. A caller finds the sandbox of a request in `sandboxes`, then reads
its content or executes a command on it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from threading import RLock
from typing import Concatenate, Literal, NamedTuple, ParamSpec, TypeVar, get_args

from msgspec import Struct, field
from msgspec.structs import replace

from mock_server.clock import Clock, real_now
from mock_server.domain.imports import Invent
from mock_server.domain.outbox import without_mails
from mock_server.domain.settlement import Event, settle
from mock_server.domain.variants import Variants, resolve
from mock_server.domain.world import World
from mock_server.fixtures import Fixture
from mock_server.journal import Journal, Limits
from mock_server.sandbox.rate_limit import RateLimit
from mock_server.scenarios import ActiveScenario, Progress, Rule, Scenario, ScenarioSetup
from mock_server.store import Store

Part = Literal["state", "scenario", "rules", "clock", "variants", "rateLimit", "strict", "outbox", "journal"]
PARTS: tuple[Part, ...] = get_args(Part)
"""The parts of a sandbox, as `reset` names them."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


TokenAges = tuple[tuple[datetime, timedelta], ...]
"""When the tokens issued before were aged, in the machine's time, and by how much."""

_MAX_AGES = 1000
_MAX_AGE = timedelta(days=200 * 365)
"""Longer than any token is valid."""


class SandboxConfig(Struct, frozen=True, kw_only=True):
    """How a sandbox starts: fixture, scenario, clock, variants, duration of imports, journal limits."""

    setup: ScenarioSetup
    invent: Invent
    clock: datetime | None = None
    variants: Mapping[str, str] = field(default_factory=dict)
    import_duration: timedelta = timedelta()
    journal: Limits = field(default_factory=Limits)
    strict: str = "off"


class SandboxState(NamedTuple):
    """A sandbox's content, clock and variants, and the progress of its scenario and rules."""

    world: World
    clock: Clock
    variants: Mapping[str, str]
    scenario: Scenario | None
    ad_hoc_rules: tuple[Rule, ...]
    progress: Progress


class ServerSandbox:
    """One content and its clock. Commands run one at a time; reading locks only if something is due."""

    def __init__(self, name: str, config: SandboxConfig) -> None:
        self.name = name
        self.config = config
        self.setup = config.setup
        self.clock = self._first_clock()
        self.active_scenario = ActiveScenario(self.setup.scenario)
        self.set_variants(self._first_variants())
        self.rate_limit = RateLimit()
        self.strict = config.strict
        self.journal = Journal(config.journal)
        self.pact_states_at: int | None = (
            None  # number of the last exchange when Pact set its provider states
        )
        self._token_ages: TokenAges = ()
        self._snapshot_clocks: dict[str, tuple[datetime, bool]] = {}
        self._lock = RLock()
        self._store = Store(self.setup.world(self.clock.now()))

    def reset(self, parts: Collection[Part] = PARTS) -> None:
        """Set these parts back to the start. Content that is reset starts on the clock's day."""
        with self._lock:
            if "scenario" in parts:
                self.setup = self.config.setup
                self._restart_scenario()
            if "rules" in parts:
                self.active_scenario.remove()
            if "clock" in parts:
                self.clock = self._first_clock()
                self._token_ages = ()
            if "variants" in parts:
                self.set_variants(self._first_variants())
            if "strict" in parts:
                self.strict = self.config.strict
            self._reset_content(parts)

    def _reset_content(self, parts: Collection[Part]) -> None:
        if "rateLimit" in parts:
            self.rate_limit = RateLimit()
        if "outbox" in parts:
            self._store.change(lambda world: (without_mails(world), None))
        if "journal" in parts:
            self.journal.reset()
        if "state" in parts:
            self._store.reset(self.setup.world(self.clock.now()))

    def play(self, setup: ScenarioSetup) -> None:
        """Start over with this scenario's content, clock, variants and rules; ad hoc rules stay.

        Raises:
            InputError: the scenario's start data does not fit its fixture; the sandbox is unchanged.
            NameTaken: one of its rules has the name of an ad hoc rule.
        """
        with self._lock:
            self.active_scenario.check_rule_names(setup.scenario)
            world = setup.world(setup.clock or Clock.start_at(self.config.clock).now())
            self.setup = setup
            self.clock = self._first_clock()
            self._token_ages = ()
            self._restart_scenario()
            self.set_variants(self._first_variants())
            self.rate_limit = RateLimit()
            self._store.reset(world)

    def load_fixture(self, fixture: Fixture) -> None:
        """Start over with the content of another fixture. The scenario stops; all else stays."""
        with self._lock:
            world = fixture.world(self.clock.now())
            self.setup = ScenarioSetup(fixture)
            self.config = replace(self.config, setup=self.setup)
            self.stop_scenario()
            self._store.reset(world)

    @property
    def state(self) -> SandboxState:
        """The present state, consistent in all its parts."""
        with self._lock:
            self.settle()
            active = self.active_scenario
            return SandboxState(
                self._store.get(),
                self.clock,
                self.variants,
                active.scenario,
                active.ad_hoc_rules,
                active.progress,
            )

    def restore_state(self, state: SandboxState) -> None:
        """Replace the present state. A reset still goes back to the fixture."""
        with self._lock:
            self.setup = ScenarioSetup(self.setup.fixture, state.scenario)
            self.active_scenario = ActiveScenario(state.scenario, state.ad_hoc_rules, state.progress)
            self.clock = state.clock
            self.set_variants(state.variants)
            self._store.change(lambda _: (state.world, None))

    def replace_setup(self, setup: ScenarioSetup) -> bool:
        """Replace the setup read earlier from the same file; return whether the sandbox plays it."""
        with self._lock:
            if self.config.setup.path == setup.path:
                self.config = replace(self.config, setup=setup)
            if self.setup.path != setup.path:
                return False
            self.play(setup)
            return True

    def stop_scenario(self) -> None:
        """End the scenario's rules; content, clock and variants stay."""
        with self._lock:
            self.setup = ScenarioSetup(self.setup.fixture)
            self._restart_scenario()

    def _restart_scenario(self) -> None:
        """Start the scenario from its first state. A concurrent call sees the old rules or the new ones."""
        self.active_scenario = ActiveScenario(self.setup.scenario, self.active_scenario.ad_hoc_rules)

    def _first_clock(self) -> Clock:
        """The clock at the start: frozen where the scenario says, else running."""
        at = self.setup.clock
        return Clock.start_at(self.config.clock) if at is None else Clock().freeze(at)

    def _first_variants(self) -> Mapping[str, str]:
        """The variants at the start; those of the scenario win."""
        scenario = self.setup.scenario
        return {**self.config.variants, **(scenario.given.variants if scenario else {})}

    def current(self) -> tuple[World, datetime]:
        """Return the content and the instant of now."""
        now = self.clock.now()
        world = self._store.get()
        if world.is_due(now):
            self.settle()
            world = self._store.get()
        return world, now

    def read(self) -> World:
        """Return the content of now."""
        return self.current()[0]

    def change(
        self,
        command: Callable[Concatenate[World, datetime, Arguments], World],
        *arguments: Arguments.args,
        **options: Arguments.kwargs,
    ) -> None:
        """Execute a command that returns new content. If it raises, the content stays the same object."""

        def change_world(world: World, now: datetime) -> tuple[World, None]:
            return command(world, now, *arguments, **options), None

        self.execute(change_world)

    def execute(
        self,
        command: Callable[Concatenate[World, datetime, Arguments], tuple[World, Result]],
        *arguments: Arguments.args,
        **options: Arguments.kwargs,
    ) -> Result:
        """Execute a command that returns new content and a result, and return the result."""
        with self._lock:
            self.settle()
            now = self.clock.now()
            return self._store.change(lambda world: command(world, now, *arguments, **options))

    def settle(self) -> list[Event]:
        """Carry out what is due; return the events in the order of time."""
        with self._lock:
            events = self._store.change(lambda world: settle(world, self.clock.now(), self.config.invent))
            if events:
                self.journal.count_imports(event.outcome for event in events if event.outcome)
            return events

    def snapshot(self, name: str) -> None:
        """Save the present content and time under `name`."""
        with self._lock:
            self.settle()
            self._store.snapshot(name)
            self._snapshot_clocks[name] = (self.clock.now(), self.clock.frozen_at is not None)

    def restore(self, name: str) -> None:
        """Restore the content and time saved under `name`; a clock that ran continues from there.

        Raises:
            KeyError: there is no snapshot of that name.
        """
        with self._lock:
            moment, frozen = self._snapshot_clocks[name]
            self._store.restore(name)
            self.clock = self.clock.freeze(moment) if frozen else self.clock.run(moment)

    @property
    def snapshots(self) -> dict[str, datetime]:
        """The names of the snapshots and the sandbox's time at each, oldest first."""
        return {name: moment for name, (moment, _) in self._snapshot_clocks.items()}

    def set_clock(self, change: Callable[[Clock], Clock], *, age_tokens: bool = False) -> list[Event]:
        """Change the clock; return what happened. With `age_tokens`, tokens issued so far age as much."""
        with self._lock:
            clock = change(self.clock)
            if age_tokens:
                by = clock.now() - self.clock.now()
                self._token_ages = _with_age(self._token_ages, by)
            self.clock = clock
            return self.settle()

    def token_age(self, issued_at: datetime) -> timedelta:
        """Return by how much a token, issued at that machine's time, was aged since."""
        if not self._token_ages:
            return timedelta()
        return sum((by for aged_at, by in self._token_ages if issued_at <= aged_at), timedelta())

    def set_variants(self, variants: Mapping[str, str]) -> None:
        """Use these variants, and the default of each other one."""
        self.variants = variants
        self._resolved: dict[str, Variants] = {}

    def set_strict(self, strict: str) -> None:
        """Set the strict mode: `off`, `warn` or `fail`."""
        self.strict = strict

    def variants_for(self, dialect: str) -> Variants:
        """Return the active variants of a dialect."""
        found = self._resolved.get(dialect)
        return found or self._resolved.setdefault(dialect, resolve(self.variants, dialect))


def _with_age(ages: TokenAges, by: timedelta) -> TokenAges:
    """Add an ageing by `by` now. Beyond `_MAX_AGES` the oldest two become one, of at most `_MAX_AGE`."""
    ages = (*ages, (real_now(), by))
    if len(ages) <= _MAX_AGES:
        return ages
    (aged_at, first), (_, second), *rest = ages
    return ((aged_at, min(first + second, _MAX_AGE)), *rest)
