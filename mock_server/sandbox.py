"""One isolated world: its store, clock, scenario, variants. What is due is settled before anyone looks.

Nothing leaks between two sandboxes; what they share is immutable. Whoever serves requests finds the one that
a request means (`sandboxes`), and calls `read` or `change`.
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
from mock_server.ratelimit import RateLimit
from mock_server.scenarios import Playing, Progress, Rule, Scenario, Stage
from mock_server.store import Store

Part = Literal["state", "scenario", "rules", "clock", "variants", "rateLimit", "outbox", "journal"]
PARTS: tuple[Part, ...] = get_args(Part)
"""What a sandbox is made of, as `reset` names it."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Start(Struct, frozen=True, kw_only=True):
    """How a sandbox begins: fixture, scenario, clock, variants; how long an import lasts, and the journal."""

    stage: Stage
    invent: Invent
    clock: datetime | None = None
    variants: Mapping[str, str] = field(default_factory=dict)
    import_duration: timedelta = timedelta()
    journal: Limits = field(default_factory=Limits)


class Whole(NamedTuple):
    """A sandbox's content, time and variants, and how far its scenario and rules have got."""

    world: World
    clock: Clock
    variants: Mapping[str, str]
    scenario: Scenario | None
    by_hand: tuple[Rule, ...]
    progress: Progress


class Sandbox:
    """One world and its time. Commands run one by one; readers take no lock unless something is due."""

    def __init__(self, name: str, start: Start) -> None:
        self.name = name
        self.start = start
        self.stage = start.stage
        self.clock = self._first_clock()
        self.playing = Playing(self.stage.scenario)
        self.choose(self._first_variants())
        self.rate_limit = RateLimit()
        self.journal = Journal(start.journal)
        self.set_up_at: int | None = None  # the journal's last number when Pact's states were put in place
        self._token_ages: tuple[tuple[datetime, timedelta], ...] = ()
        self._moments: dict[str, tuple[datetime, bool]] = {}
        self._lock = RLock()
        self._store = Store(self.stage.world(self.clock.now()))

    def reset(self, parts: Collection[Part] = PARTS) -> None:
        """Be as after the start, in these parts. A world that is reset begins on the clock's day."""
        with self._lock:
            if "scenario" in parts:
                self.stage = self.start.stage
                self._play_from_the_start()
            if "rules" in parts:
                self.playing.remove()
            if "clock" in parts:
                self.clock = self._first_clock()
                self._token_ages = ()
            self._reset_ways(parts)
            if "state" in parts:
                self._store.reset(self.stage.world(self.clock.now()))

    def _reset_ways(self, parts: Collection[Part]) -> None:
        if "variants" in parts:
            self.choose(self._first_variants())
        if "rateLimit" in parts:
            self.rate_limit = RateLimit()
        if "outbox" in parts:
            self._store.change(lambda world: (without_mails(world), None))
        if "journal" in parts:
            self.journal.reset()

    def play(self, stage: Stage) -> None:
        """Begin anew on another stage: its content, clock, variants and rules; rules made by hand stay.

        Raises:
            InputError: what its scenario gives does not go with its fixture; the sandbox stays as it is.
            NameTaken: one of its rules has the name of a rule made by hand.
        """
        with self._lock:
            self.playing.refuse_names_of(stage.scenario)
            world = stage.world(stage.clock or Clock.starting_at(self.start.clock).now())
            self.stage = stage
            self.clock = self._first_clock()
            self._token_ages = ()
            self._play_from_the_start()
            self.choose(self._first_variants())
            self.rate_limit = RateLimit()
            self._store.reset(world)

    def stand_on(self, fixture: Fixture) -> None:
        """Begin anew with the content of another fixture; a scenario ends, and all else stays."""
        with self._lock:
            world = fixture.world(self.clock.now())
            self.stage = Stage(fixture)
            self.start = replace(self.start, stage=self.stage)
            self.leave()
            self._store.reset(world)

    @property
    def whole(self) -> Whole:
        """All of it, as it is together."""
        with self._lock:
            self.settle()
            playing = self.playing
            return Whole(
                self._store.get(),
                self.clock,
                self.variants,
                playing.scenario,
                playing.by_hand,
                playing.progress,
            )

    def become(self, whole: Whole) -> None:
        """Be this from now on; a reset still goes back to the fixture."""
        with self._lock:
            self.stage = Stage(self.stage.fixture, whole.scenario)
            self.playing = Playing(whole.scenario, whole.by_hand, whole.progress)
            self.clock = whole.clock
            self.choose(whole.variants)
            self._store.change(lambda _: (whole.world, None))

    def restage(self, stage: Stage) -> bool:
        """Take the changed stage where the former one of its file is; whether the sandbox plays it."""
        with self._lock:
            if self.start.stage.path == stage.path:
                self.start = replace(self.start, stage=stage)
            if self.stage.path != stage.path:
                return False
            self.play(stage)
            return True

    def leave(self) -> None:
        """Let the scenario's rules end; content, clock and variants stay as they are."""
        with self._lock:
            self.stage = Stage(self.stage.fixture)
            self._play_from_the_start()

    def _play_from_the_start(self) -> None:
        """Begin the scenario anew; a call in between meets the former rules or these, no part of them."""
        self.playing = Playing(self.stage.scenario, self.playing.by_hand)

    def _first_clock(self) -> Clock:
        """Running from the start, or frozen where the scenario says."""
        at = self.stage.clock
        return Clock.starting_at(self.start.clock) if at is None else Clock().frozen(at)

    def _first_variants(self) -> Mapping[str, str]:
        """Those of the start, and over them those of the scenario."""
        scenario = self.stage.scenario
        return {**self.start.variants, **(scenario.given.variants if scenario else {})}

    def look(self) -> tuple[World, datetime]:
        """The world as it is now, and now."""
        now = self.clock.now()
        world = self._store.get()
        if world.is_due(now):
            self.settle()
            world = self._store.get()
        return world, now

    def read(self) -> World:
        """The world as it is now."""
        return self.look()[0]

    def change(
        self,
        command: Callable[Concatenate[World, datetime, Arguments], World],
        *arguments: Arguments.args,
        **options: Arguments.kwargs,
    ) -> None:
        """Carry out a command on the world as it is now. If it raises, the world stays the same object."""

        def carry_out(world: World, now: datetime) -> tuple[World, None]:
            return command(world, now, *arguments, **options), None

        self.ask(carry_out)

    def ask(
        self,
        command: Callable[Concatenate[World, datetime, Arguments], tuple[World, Result]],
        *arguments: Arguments.args,
        **options: Arguments.kwargs,
    ) -> Result:
        """As `change`, for a command that also gives a result."""
        with self._lock:
            self.settle()
            now = self.clock.now()
            return self._store.change(lambda world: command(world, now, *arguments, **options))

    def settle(self) -> list[Event]:
        """Let everything happen that is due; what it was, in the order of time."""
        with self._lock:
            events = self._store.change(lambda world: settle(world, self.clock.now(), self.start.invent))
            if events:
                self.journal.count_imports(event.outcome for event in events if event.outcome)
            return events

    def snapshot(self, name: str) -> None:
        """Keep the content and the time of now under `name`."""
        with self._lock:
            self.settle()
            self._store.snapshot(name)
            self._moments[name] = (self.clock.now(), self.clock.frozen_at is not None)

    def restore(self, name: str) -> None:
        """Come back to the content and the time kept under `name`; a clock that ran runs on from there.

        Raises:
            KeyError: nothing was kept under it.
        """
        with self._lock:
            moment, frozen = self._moments[name]
            self._store.restore(name)
            self.clock = self.clock.frozen(moment) if frozen else self.clock.running(moment)

    @property
    def snapshots(self) -> dict[str, datetime]:
        """The names kept and the sandbox's time at each, oldest first."""
        return {name: moment for name, (moment, _) in self._moments.items()}

    def turn(self, turned: Callable[[Clock], Clock], *, age_tokens: bool = False) -> list[Event]:
        """Set the clock; what that brought about. With `age_tokens`, tokens issued so far age as much."""
        with self._lock:
            clock = turned(self.clock)
            if age_tokens:
                by = clock.now() - self.clock.now()
                self._token_ages = (*self._token_ages, (real_now(), by))
            self.clock = clock
            return self.settle()

    def token_age(self, issued_at: datetime) -> timedelta:
        """By how much a token issued at that machine's time was aged since."""
        if not self._token_ages:
            return timedelta()
        return sum((by for aged_at, by in self._token_ages if issued_at <= aged_at), timedelta())

    def choose(self, variants: Mapping[str, str]) -> None:
        """Let these variants be in force, and every other one at its default."""
        self.variants = variants
        self._resolved: dict[str, Variants] = {}

    def variants_in(self, dialect: str) -> Variants:
        """The variants in force for a dialect."""
        found = self._resolved.get(dialect)
        return found or self._resolved.setdefault(dialect, resolve(self.variants, dialect))
