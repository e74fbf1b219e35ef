"""Every change of a sandbox as a small value, and the pure function that applies it.

`apply` returns the next state and a result; if it raises, nothing was changed. Changes at a given time, such
as expiry, need no command: they are computed from state and clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, get_args

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from mock_server.clock import Clock
from mock_server.domain import dossiers, evidences, platform
from mock_server.domain.errors import ERRORS, Refusal
from mock_server.domain.imports import (
    ImportPlatform,
    ImportRequest,
    end_import,
    fail_import,
    hold_import,
    launch_import,
)
from mock_server.domain.local_time import CLOCK_END, LAST_YEAR, add_days
from mock_server.domain.model import DEFAULT_OUTCOME, ImportPlan, ImportProcess, Thirdparty
from mock_server.domain.outbox import without_mails
from mock_server.domain.rate_limit import take_request
from mock_server.domain.variants import ChosenVariants
from mock_server.domain.world import World, find_process
from mock_server.fixtures import actions, upsert, upsert_dossiers
from mock_server.fixtures.actions import add_to_timeline
from mock_server.fixtures.entries import (
    AccountChange,
    AccountPatch,
    DossierEntry,
    DossierPatch,
    ThirdpartyPatch,
    TimelineEntry,
)
from mock_server.fixtures.fixture import Fixture
from mock_server.fixtures.state_file import StateFile
from mock_server.input_errors import Conflict, InputError
from mock_server.sandbox.state import (
    SandboxState,
    Snapshot,
    first_active,
    first_clock,
    first_variants,
    restore_exported,
    with_age,
)
from mock_server.scenarios.active import ActiveScenario
from mock_server.scenarios.file_format import Rule
from mock_server.scenarios.setup import ScenarioSetup

Result = TypeVar("Result")

Part = Literal["state", "scenario", "rules", "clock", "variants", "rateLimit", "strict", "outbox", "journal"]
PARTS: tuple[Part, ...] = get_args(Part)
"""The parts of a sandbox, as `reset` names them."""


class PastState(Struct, frozen=True):
    """A previous state, and the sandbox's time when the next command was executed on it."""

    state: SandboxState
    now: datetime


class CommandContext(actions.ActionContext, frozen=True):
    """The input of a command besides its members and the state: the time, also by the `machine`'s clock.

    `state_before` returns the state before the command of a number, or raises NotKept.
    """

    machine: datetime
    state_before: Callable[[int], PastState]


class Command(Struct, Generic[Result], frozen=True, tag_field="command", tag=True, omit_defaults=True):
    """A change of a sandbox, with the type of its result."""

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, Result]:
        """Return the next state and the result; the same state object if nothing changes."""
        raise NotImplementedError


def _with_world(state: SandboxState, world: World) -> SandboxState:
    return state if world is state.world else replace(state, world=world)


# The operations of the API


class ImportDossier(Command[ImportProcess], frozen=True):
    """Launch an import; `duration` is how long it lasts where nothing else says it."""

    account_id: int
    request: ImportRequest
    dialect: str
    duration: timedelta
    plan: ImportPlan = DEFAULT_OUTCOME

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, ImportProcess]:
        world, process = launch_import(
            state.world,
            context.now,
            account_id=self.account_id,
            request=self.request,
            platform=ImportPlatform(state.variants.of(self.dialect), self.duration, context.invent),
            plan=self.plan,
        )
        return _with_world(state, world), process


class UpdateDossier(Command[None], frozen=True):
    """Change a monitored dossier by the API's rules."""

    account_id: int
    dossier_id: int
    wanted: dossiers.DossierUpdate
    dialect: str

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        world = dossiers.update_dossier(
            state.world,
            context.now,
            account_id=self.account_id,
            dossier_id=self.dossier_id,
            update=self.wanted,
            variants=state.variants.of(self.dialect),
        )
        return _with_world(state, world), None


class StopDossier(Command[None], frozen=True):
    """End the monitoring of a dossier."""

    account_id: int
    dossier_id: int

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        world = dossiers.stop_dossier(
            state.world, context.now, account_id=self.account_id, dossier_id=self.dossier_id
        )
        return _with_world(state, world), None


class ReactivateDossier(Command[None], frozen=True):
    """Monitor a stopped dossier again; without an expiration date, until the stored one."""

    account_id: int
    dossier_id: int
    expiration_date: str | UnsetType | None = UNSET

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        world = dossiers.reactivate_dossier(
            state.world,
            context.now,
            account_id=self.account_id,
            dossier_id=self.dossier_id,
            expiration_date=self.expiration_date,
        )
        return _with_world(state, world), None


class UpdateRequirements(Command[None], frozen=True):
    """Ask for these documents instead of the previous ones, or in addition, as the variant says."""

    account_id: int
    dossier_id: int
    codes: Sequence[str]
    dialect: str

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        world = dossiers.update_requirements(
            state.world,
            context.now,
            account_id=self.account_id,
            dossier_id=self.dossier_id,
            codes=self.codes,
            add=state.variants.of(self.dialect)["requirementsUpdate"] == "add",
        )
        return _with_world(state, world), None


class TakeRequest(Command[int | None], frozen=True):
    """Use one request of the account's rate limit; the result is how many are left, None if none was."""

    account_id: int

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, int | None]:
        buckets, requests_left = take_request(state.rate_limits, self.account_id, context.now)
        return (state if requests_left is None else replace(state, rate_limits=buckets)), requests_left


class EndSession(Command[None], frozen=True):
    """End a session, or one token alone, by its id."""

    identifier: str

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        return replace(state, ended_sessions=state.ended_sessions.add(self.identifier)), None


class ApplyRule(Command[None], frozen=True):
    """Count a call for the rules that match it and for the one that applies; this one may set a new state."""

    matched: tuple[str, ...]
    applied: str | None = None

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        return replace(state, active=state.active.count(self.matched, self.applied)), None


# Control calls: entities. The API's rules are not checked.


class CreateAccount(Command[None], frozen=True):
    """Create an account; declared users of these names get it in their next tokens."""

    account: AccountPatch
    users: tuple[str, ...] = ()

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        return _with_world(state, actions.create_account(state.world, self.account, self.users)), None


class ChangeAccount(Command[None], frozen=True):
    """Change an account in the given fields."""

    account_id: int
    change: AccountChange

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        return _with_world(state, upsert.change_account(state.world, self.account_id, self.change, "$")), None


class ChangeRequirement(Command[None], frozen=True):
    """Withdraw a document type, or make it available again, for one account or for all."""

    code: str
    withdrawn: bool
    account_id: int | None = None

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        world = platform.withdraw_requirement(
            state.world, code=self.code, withdrawn=self.withdrawn, account_id=self.account_id
        )
        return _with_world(state, world), None


class RegisterThirdparty(Command[Thirdparty], frozen=True):
    """Create or change a third party; if it is registered, it has a user afterwards.

    With `dated`, it is registered afterwards: on the given day, else the known one, else today.
    """

    thirdparty: ThirdpartyPatch
    dated: bool = True

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, Thirdparty]:
        world, thirdparty = actions.register_thirdparty(
            state.world, context, self.thirdparty, dated=self.dated
        )
        return _with_world(state, world), thirdparty


class CloseThirdparty(Command[None], frozen=True):
    """Close a company: its dossiers stop, in every account."""

    thirdparty_id: int

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        world = platform.close_thirdparty(state.world, context.now, thirdparty_id=self.thirdparty_id)
        return _with_world(state, world), None


class CreateDossier(Command[int], frozen=True):
    """Create a dossier, with the fields of a recipe; the result is its id."""

    dossier: DossierEntry

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, int]:
        world, dossier_id = actions.create_dossier(state.world, context, self.dossier)
        return _with_world(state, world), dossier_id


class ChangeDossier(Command[None], frozen=True):
    """Change a dossier, stopped or not."""

    dossier_id: int
    patch: DossierPatch

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        world = upsert_dossiers.change_dossier(
            state.world, context.now, dossier_id=self.dossier_id, patch=self.patch
        )
        return _with_world(state, world), None


class AddToTimeline(Command[None], frozen=True):
    """Add actions that take place later."""

    entries: tuple[TimelineEntry, ...]

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        world = add_to_timeline(state.world, context.now, self.entries, invent=context.invent)
        return _with_world(state, world), None


class ClearTimeline(Command[int], frozen=True):
    """Remove the actions that have not taken place; the result is how many."""

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, int]:
        world = state.world
        after = replace(world, timeline=()) if world.timeline else world
        return _with_world(state, after), len(world.timeline)


class ClearDossiers(Command[None], frozen=True):
    """Remove the dossiers, relations and imports of all accounts."""

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        return _with_world(state, platform.clear_dossiers(state.world)), None


class DepositEvidence(Command[int], frozen=True):
    """Answer the request for a document as the third party; the result is the id of the evidence."""

    dossier_id: int
    code: str
    given: evidences.Deposit

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, int]:
        world = state.world
        after = actions.deposit_evidence(world, context.now, self.dossier_id, self.code, self.given)
        return _with_world(state, after), world.next_ids.evidence


class SetProcessOutcome(Command[ImportProcess], frozen=True):
    """Finish or hold a running import, or let it fail with a code of the provider."""

    process_id: str
    outcome: Literal["finish", "hold", "fail"]
    code: str | None = None

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, ImportProcess]:
        """Set it.

        Raises:
            NotFound: there is no such process.
            Conflict: it has ended.
        """
        process = find_process(state.world, self.process_id)
        if process.complete:
            raise Conflict("the import has ended already")
        if self.outcome == "hold":
            world, process = hold_import(state.world, process)
        elif self.code is None:
            world, process = end_import(state.world, context.now, process)
        else:
            company_id = process.wanted.company_id
            values = (company_id.type.value, company_id.value)
            refusal = Refusal(ERRORS[self.code], None, values)
            world, process = fail_import(state.world, context.now, process, [refusal])
        return _with_world(state, world), process


# Control calls: time, behaviour


class SetClock(Command[datetime], frozen=True):
    """Freeze the clock at an instant, or let it run from there; the result is its previous time.

    Without `at`, the instant is its present time.
    """

    frozen: bool
    at: datetime | None = None

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, datetime]:
        clock = Clock.set_to(self.at or context.now, context.machine, frozen=self.frozen)
        return replace(state, clock=clock), context.now


class AdvanceClock(Command[None], frozen=True):
    """Advance the clock by days of the calendar and an exact time.

    If `tokens_aged_at` is an instant of the machine's time, tokens issued until then age as well.
    """

    days: int
    rest: timedelta
    tokens_aged_at: datetime | None = None

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        """Advance it.

        Raises:
            InputError: beyond the year 8999.
        """
        by = add_days(context.now, self.days) + self.rest - context.now
        if context.now + by >= CLOCK_END:
            raise InputError("$.by", f"the clock does not go beyond the year {LAST_YEAR}")
        ages = state.token_ages
        if self.tokens_aged_at is not None:
            ages = with_age(ages, self.tokens_aged_at, by)
        return replace(state, clock=state.clock.advance(by), token_ages=ages), None


class SetVariants(Command[None], frozen=True):
    """Set these variants; all others get their default."""

    variants: Mapping[str, str]

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        return replace(state, variants=ChosenVariants(self.variants)), None


class SetStrict(Command[None], frozen=True):
    """Set what happens to a call with input that the API ignores."""

    strict: str

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        return replace(state, strict=self.strict), None


class AddRules(Command[None], frozen=True):
    """Add ad hoc rules."""

    rules: tuple[Rule, ...]

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        """Add them.

        Raises:
            NameTaken: an active rule has the name of one of them.
        """
        return replace(state, active=state.active.add(self.rules).begin(context.now)), None


class RemoveRules(Command[int], frozen=True):
    """Remove the ad hoc rules, or the one of that name; the result is how many."""

    name: str | None = None

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, int]:
        active = state.active.remove(self.name)
        removed = len(state.active.ad_hoc_rules) - len(active.ad_hoc_rules)
        return (replace(state, active=active) if removed else state), removed


class SetScenarioState(Command[None], frozen=True):
    """Set the state of the scenario's state machine."""

    state: str

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        return replace(state, active=state.active.set_state(self.state)), None


class MarkPactStates(Command[None], frozen=True):
    """Note the number of the last exchange before Pact set its provider states; None for no states."""

    at: int | None

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        return (state if self.at == state.pact_states_at else replace(state, pact_states_at=self.at)), None


# Control calls: the start of a sandbox, and its previous states


class PlayScenario(Command[None], frozen=True):
    """Start again with this scenario's content, clock, variants and rules; ad hoc rules stay."""

    setup: ScenarioSetup

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        """Play it.

        Raises:
            InputError: the scenario's start data does not fit its fixture.
            NameTaken: one of its rules has the name of an ad hoc rule.
        """
        config, setup = state.config, self.setup
        active = state.active.restart(setup.scenario)
        clock = first_clock(config, setup, context.machine)
        return replace(
            state,
            setup=setup,
            world=setup.world(clock.at(context.machine), context.invent),
            clock=clock,
            variants=first_variants(config, setup),
            active=active.begin(clock.at(context.machine)),
            rate_limits=type(state.rate_limits)(),
            token_ages=(),
        ), None


class ReplaceSetup(Command[bool], frozen=True):
    """Replace the setup read earlier from the same file; the result is whether the sandbox plays it."""

    setup: ScenarioSetup

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, bool]:
        """Replace it, and play it again.

        Raises:
            NameTaken: one of its rules has the name of an ad hoc rule.
        """
        if state.config.setup.path == self.setup.path:
            state = replace(state, config=replace(state.config, setup=self.setup))
        if state.setup.path != self.setup.path:
            return state, False
        return PlayScenario(self.setup).apply(state, context)[0], True


class StopScenario(Command[None], frozen=True):
    """End the scenario's rules; content, clock and variants stay."""

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        return _without_scenario(state, context.now), None


class LoadFixture(Command[None], frozen=True):
    """Start again with the content of another fixture; a saved state also sets the clock.

    The scenario stops; all other parts stay.
    """

    fixture: Fixture

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        setup = ScenarioSetup(self.fixture)
        config = replace(state.config, setup=setup)
        state = _without_scenario(replace(state, config=config, setup=setup), context.now)
        if self.fixture.saved is not None:
            state = replace(state, clock=first_clock(config, setup, context.machine))
        return replace(state, world=self.fixture.world(context.now)), None


class Reset(Command[None], frozen=True):
    """Set these parts back to the start. Content that is reset starts on the clock's day."""

    parts: tuple[Part, ...] = PARTS

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        config, parts = state.config, self.parts
        state = replace(state, active=self._active(state))
        if "scenario" in parts:
            state = replace(state, setup=config.setup)
        if "clock" in parts:
            clock = first_clock(config, state.setup, context.machine)
            state = replace(state, clock=clock, token_ages=())
        if "clock" in parts or "scenario" in parts:
            active = state.active.begin(state.clock.at(context.machine), again=True)
            state = replace(state, active=active)
        if "variants" in parts:
            state = replace(state, variants=first_variants(config, state.setup))
        return self._content(state, context), None

    def _active(self, state: SandboxState) -> ActiveScenario:
        """Return the scenario and the ad hoc rules, each as now or as at the start."""
        now, first = state.active, first_active(state.config.setup)
        without_rules = now.remove() if "rules" in self.parts else now
        scenario = first if "scenario" in self.parts else without_rules
        rules = first if "rules" in self.parts else now
        return ActiveScenario.start(scenario.scenario, rules.ad_hoc_rules, scenario.progress)

    def _content(self, state: SandboxState, context: CommandContext) -> SandboxState:
        if "rateLimit" in self.parts:
            state = replace(state, rate_limits=type(state.rate_limits)())
        if "strict" in self.parts:
            state = replace(state, strict=state.config.strict)
        if "outbox" in self.parts:
            state = replace(state, world=without_mails(state.world))
        if "state" in self.parts:
            state = replace(state, world=state.setup.world(state.clock.at(context.machine), context.invent))
        return state


class TakeSnapshot(Command[datetime], frozen=True):
    """Save the present content and time under a name; the result is the time."""

    name: str

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, datetime]:
        saved = Snapshot(state.world, context.now, state.clock.frozen_at is not None)
        return replace(state, snapshots={**state.snapshots, self.name: saved}), context.now


class RestoreSnapshot(Command[datetime], frozen=True):
    """Restore a snapshot; a clock that ran continues from its time, which is the result."""

    name: str

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, datetime]:
        """Restore it.

        Raises:
            KeyError: there is no snapshot of that name.
        """
        saved = state.snapshots[self.name]
        clock = Clock.set_to(saved.now, context.machine, frozen=saved.frozen)
        return replace(state, world=saved.world, clock=clock), saved.now


class DeleteSnapshot(Command[None], frozen=True):
    """Delete a snapshot."""

    name: str

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        """Delete it.

        Raises:
            KeyError: there is no snapshot of that name.
        """
        snapshots = dict(state.snapshots)
        del snapshots[self.name]
        return replace(state, snapshots=snapshots), None


class RestoreState(Command[None], frozen=True):
    """Replace content, clock, variants, scenario and rules by those of an exported state."""

    exported: StateFile

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        return restore_exported(state, self.exported, context.machine, context.invent), None


class Rewind(Command[datetime], frozen=True):
    """Go back to the state before a command. A clock that ran continues from that time, the result."""

    before: int

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, datetime]:
        """Go back.

        Raises:
            NotKept: the state before that command is not kept.
        """
        past = context.state_before(self.before)
        return continue_state(past, context.machine), past.now


class Together(Command[None], frozen=True):
    """Several commands at once: all of them, or none."""

    commands: tuple[AnyCommand, ...]

    def apply(self, state: SandboxState, context: CommandContext) -> tuple[SandboxState, None]:
        for command in self.commands:
            state, _ = command.apply(state, context)
        return state, None


if TYPE_CHECKING:
    AnyCommand = Command[Any]
else:
    AnyCommand = reduce(or_, Command.__subclasses__())
"""Every command, for its JSON form."""


def continue_state(past: PastState, machine: datetime) -> SandboxState:
    """Return a past state; if its clock was running, it continues from the time of that state."""
    if past.state.clock.frozen_at is not None:
        return past.state
    return replace(past.state, clock=Clock.set_to(past.now, machine, frozen=False))


def _without_scenario(state: SandboxState, now: datetime) -> SandboxState:
    active = ActiveScenario.start(None, state.active.ad_hoc_rules).begin(now)
    return replace(state, setup=ScenarioSetup(state.setup.fixture), active=active)
