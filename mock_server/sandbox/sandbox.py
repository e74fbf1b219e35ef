"""One sandbox: its state, the commands that change it, its journal. What is due is settled before each read.

Two sandboxes share only immutable values. A caller finds the sandbox of a request in `sandboxes`, then reads
its content or executes a command on it.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from mock_server.clock import monotonic_now
from mock_server.domain.imports import Invent
from mock_server.domain.model import Company, CompanyId
from mock_server.domain.settlement import Event
from mock_server.domain.variants import Variants
from mock_server.domain.world import World
from mock_server.fixtures.generate import generate_company
from mock_server.journal.journal import Journal, Limits
from mock_server.sandbox.commands import (
    PARTS,
    ApplyRule,
    Command,
    CommandContext,
    Part,
    PastState,
    Reset,
    Rewind,
)
from mock_server.sandbox.history import History, HistoryEntry, NotKept, Record, replay
from mock_server.sandbox.state import (
    EndedSessions,
    SandboxState,
    restore_state,
    settle_state,
)
from mock_server.scenarios.active import ActiveScenario, AppliedRule
from mock_server.scenarios.matching import ReceivedRequest

if TYPE_CHECKING:
    from mock_server.sandbox.state_database import StateDatabase

Result = TypeVar("Result")


class _SettledState(NamedTuple):
    """A state, the same state with all that is due settled, and the events of that."""

    state: SandboxState
    settled: SandboxState
    events: list[Event]


class SandboxOptions(Struct, frozen=True, kw_only=True):
    """The options that all sandboxes of a server share; `SandboxConfig` is how they start.

    `invent` generates a company. `history` is how many commands are kept. There are at most `limit`
    sandboxes; one that no call used during `idle` is dropped. `database` is the file of `--state`, if any.
    """

    invent: Invent = generate_company
    import_duration: timedelta = timedelta()
    journal: Limits = Limits()
    history: int = 1_000
    limit: int = 1
    idle: timedelta = timedelta.max
    database: StateDatabase | None = None


class ServerSandbox:
    """One state. Commands are executed one at a time; reading locks only if something is due.

    With a database, each command is written to it before it has an effect.
    """

    def __init__(self, name: str, state: SandboxState, options: SandboxOptions) -> None:
        self.name = name
        self.options = options
        self.last_used = monotonic()
        self.journal = Journal(options.journal, name=name, store=options.database)
        self.history = History(options.history)
        self._lock = RLock()
        self._state = state
        self._settled: _SettledState | None = None

    @classmethod
    def restore(cls, name: str, options: SandboxOptions, database: StateDatabase) -> ServerSandbox:
        """Return the sandbox as it is in the file.

        Raises:
            StateFileError: it is damaged in the file.
        """
        stored = database.load(name)
        with database.restoring(name):
            state = restore_state(stored.checkpoint, options.invent)
        sandbox = cls(name, state, options)
        latest = stored.latest_request
        sandbox.journal = Journal(options.journal, latest, name=name, kept=stored.exchanges, store=database)
        first = stored.records[0].position if stored.records else latest
        sandbox.history = History(options.history, stored.number, first if stored.number else 0)

        def add(entry: HistoryEntry) -> None:
            if entry.record.position > latest:  # its request was not answered, so its number is free
                record = replace(entry.record, request=None, latest_request=latest)
                entry = replace(entry, record=record)
            sandbox.history.add(entry)

        with database.restoring(name):
            sandbox._state = replay(sandbox._state, stored.records, add)  # its own
        return sandbox

    @property
    def state(self) -> SandboxState:
        """The state in which nothing is due, consistent in all its parts."""
        with self._lock:
            self.settle()
            return self._state

    @property
    def active_scenario(self) -> ActiveScenario:
        """The active rules and their progress. Time changes neither, so nothing is settled."""
        return self._state.active

    @property
    def is_frozen(self) -> bool:
        """Whether the clock is frozen."""
        return self._state.clock.frozen_at is not None

    @property
    def strict(self) -> str:
        """What happens to a call with input that the API ignores: `off`, `warn` or `fail`."""
        return self._state.strict

    @property
    def ended_sessions(self) -> EndedSessions:
        """The sessions and tokens that were ended."""
        return self._state.ended_sessions

    def now(self) -> datetime:
        """Return the sandbox's time."""
        return self._state.clock.now()

    def current(self) -> tuple[World, datetime]:
        """Return the present content, settled, and its instant."""
        state = self._state
        now = state.clock.now()
        if state.world.is_due(now):
            self.settle()
            state = self._state
        return state.world, now

    def read(self) -> World:
        """Return the present content, settled."""
        return self.current()[0]

    def read_if_possible(self) -> World:
        """Return the present content; if it cannot be settled, which is a bug, the unsettled one."""
        with suppress(Exception):
            return self.read()
        return self._state.world

    def execute(self, command: Command[Result], *, in_request: bool = False) -> Result:
        """Execute a command and return its result. If it raises, the state stays the same object.

        The next state is settled before it is kept: if that fails, so does the command. If the present state
        cannot be settled, which is a bug, the command is executed all the same: it may repair the state.

        With `in_request`, the history links the command with the request of the API that is being answered.

        Raises:
            NotWritten: the file of `--state` cannot be written.
        """
        with self._lock:
            machine = monotonic_now()
            self._settle_if_possible(machine)
            before = self._state
            companies: dict[CompanyId, Company] = {}
            context = self._context(machine, companies)
            after, result = command.apply(before, context)
            if after is not before:
                # This costs nothing if nothing is due.
                settled = _SettledState(after, *settle_state(after, machine))
                latest = self.journal.last
                record = Record(
                    number=self._next_number,
                    machine=machine,
                    request=latest + 1 if in_request else None,
                    latest_request=latest,
                    command=command,
                    companies=tuple(companies.items()),
                )
                self._keep(HistoryEntry(before, context.now, record), after)
                self._settled = settled
        return result

    @property
    def _next_number(self) -> int:
        """The number of the next command."""
        return self.history.last + 1

    def _keep(self, entry: HistoryEntry, after: SandboxState) -> None:
        """Write an executed command, and make `after` the state.

        Raises:
            NotWritten: the file cannot be written; nothing was changed.
        """
        if self.options.database is not None:
            self.options.database.append(self.name, entry.record, after)
        self._state = after
        self.history.add(entry)

    def preview(self, command: Command[Any]) -> SandboxState:
        """Return the state as it would be after a command, which is not executed."""
        with self._lock:
            machine = monotonic_now()
            self._settle_if_possible(machine)
            return command.apply(self._state, self._context(machine, {}))[0]

    def _context(self, machine: datetime, companies: dict[CompanyId, Company]) -> CommandContext:
        """Return the context of a command that is executed now; it adds the companies that it generates."""

        def invent(company_id: CompanyId) -> Company:
            company = companies[company_id] = self.options.invent(company_id)
            return company

        return CommandContext(self._state.clock.at(machine), invent, machine, self._state_before)

    def _state_before(self, number: int) -> PastState:
        return self.history.before_command(number)

    def rewind(self, *, before_request: int | None = None, before_command: int | None = None) -> int:
        """Go back to the state before a request or a command; return how many commands are undone.

        Raises:
            NotKept: that state is not kept.
        """
        with self._lock:
            entry = self._first_undone(before_request, before_command)
            if entry is None:
                return 0
            number = entry.record.number
            undone = self.history.last - number + 1
            self.execute(Rewind(number))
            return undone

    def past_state(
        self, *, before_request: int | None = None, before_command: int | None = None
    ) -> PastState:
        """Return the state before a request or a command, by default the present one.

        Raises:
            NotKept: that state is not kept.
        """
        with self._lock:
            entry = self._first_undone(before_request, before_command)
            return PastState(self.state, self.now()) if entry is None else entry

    def _first_undone(self, request: int | None, command: int | None) -> HistoryEntry | None:
        """Return the first command that is undone by going back to before this request or command.

        None if nothing is undone, or neither is given.

        Raises:
            NotKept: its state is not kept, or there is no such request.
        """
        if command is not None:
            return self.history.before_command(command)
        if request is None:
            return None
        if not 1 <= request <= self.journal.last + 1:
            raise NotKept(f"there is no request {request}; the last one is {self.journal.last}")
        return self.history.before_request(request)

    def apply_rule(self, request: ReceivedRequest) -> AppliedRule | None:
        """Return the rule that applies to this call, or None; count it and change the scenario's state."""
        operations = self._state.active.operations
        if request.operation not in operations and None not in operations:
            return None
        with self._lock:
            names, applied = self._state.active.match(request, self.now())
            if names:
                rule = None if applied is None else applied.rule.name
                self.execute(ApplyRule(names, rule), in_request=True)
            return applied

    def reset(self, parts: Collection[Part] = PARTS) -> None:
        """Set these parts back to the start, the journal included."""
        with self._lock:
            self.execute(Reset(tuple(parts)))
            if "journal" in parts:
                self.journal.reset()

    def settle(self) -> list[Event]:
        """Carry out what is due; return the events in the order of time."""
        with self._lock:
            return self._settle(monotonic_now())

    def _settle_if_possible(self, machine: datetime) -> None:
        with suppress(Exception):
            self._settle(machine)

    def _settle(self, machine: datetime) -> list[Event]:
        """Carry out what is due at an instant of the machine's time; return the events."""
        settled, self._settled = self._settled, None
        state, events = self._state, list[Event]()
        if settled is not None and settled.state is state:
            state, events = settled.settled, settled.events
        self._state, later = settle_state(state, machine)
        events = [*events, *later]
        if events:
            self.journal.count_imports(event.outcome for event in events if event.outcome)
        return events

    def token_age(self, issued_at: datetime) -> timedelta:
        """Return by how much a token, issued at that machine's time, was aged since."""
        return self._state.token_age(issued_at)

    def variants_for(self, dialect: str) -> Variants:
        """Return the active variants of a dialect."""
        return self._state.variants.of(dialect)
