"""A world: accounts, third parties, dossiers and processes as one immutable value with its indexes.

Every write uses one of the few `with_…` functions here. They update indexes, counts, third-party states and
the agenda, so no command can forget one of them. Persistent maps share what a write does not touch.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from immutables import Map
from msgspec import Struct, field
from msgspec.structs import replace

from mock_server.domain.completeness import next_due
from mock_server.domain.errors import E100, E200, NOT_FOUND, NotFound, Refusal
from mock_server.domain.index import Index
from mock_server.domain.local_time import local_date
from mock_server.domain.model import (
    NO_LOGINS,
    NO_REFERENCE,
    Account,
    Admission,
    Company,
    CompanyId,
    Dossier,
    Establishment,
    ImportProcess,
    Mail,
    Requirement,
    Thirdparty,
)
from mock_server.domain.sortedset import EMPTY, SortedSet

_MAX_PAST_ACTIONS = 100
"""Actions of the timeline that are kept after they took place, or failed."""


class Due(NamedTuple):
    """An entry of the agenda: a dossier or, if `process_id` is not empty, an import changes at that instant.

    Entries are sorted: at one instant dossiers come first, then imports in the order of their launch
    (`number`).
    """

    at: datetime
    number: int
    account_id: int
    dossier_id: int
    process_id: str


class Relation(Struct, frozen=True, kw_only=True, eq=False, weakref=True):
    """The relation of one account to one third party. `active`, `complete` and `vigilant` count dossiers."""

    thirdparty_id: int
    thirdparty_code: str | None = None
    dossiers: SortedSet[int] = EMPTY
    active: int = 0
    complete: int = 0
    vigilant: int = 0
    state_last_change_date: date | None = None

    @property
    def monitored(self) -> bool:
        """At least one active dossier. behaviour.md 6.3 (documented)."""
        return self.active > 0

    @property
    def state(self) -> bool | None:
        """All active dossiers complete; None when not monitored. behaviour.md 6.3 (documented)."""
        return self.complete == self.active if self.active else None


class Portfolio(Struct, frozen=True, kw_only=True, eq=False):
    """All that one account holds. `index` finds dossiers by reference and third parties by code."""

    account: Account
    relations: Map[int, Relation] = Map()
    relation_ids: SortedSet[int] = EMPTY
    dossiers: Map[int, Dossier] = Map()
    dossier_ids: SortedSet[int] = EMPTY
    monitored_ids: SortedSet[int] = EMPTY
    stopped_ids: SortedSet[int] = EMPTY
    index: Index = Index()
    processes: Map[str, ImportProcess] = Map()
    launched: SortedSet[tuple[datetime, int, str]] = EMPTY

    def dossier(self, dossier_id: int) -> Dossier:
        """The dossier of that id.

        Raises:
            NotFound: E200.
        """
        dossier = self.dossiers.get(dossier_id)
        if dossier is None:
            raise NotFound(Refusal(E200, "dossier_id", (str(dossier_id),)))
        return dossier

    def process(self, process_id: str) -> ImportProcess:
        """The import process of that id.

        Raises:
            NotFound: NOT_FOUND.
        """
        process = self.processes.get(process_id)
        if process is None:
            raise NotFound(Refusal(NOT_FOUND, "process_id", (process_id,)))
        return process

    def thirdparties_with_code(self, code: str) -> SortedSet[int]:
        """Ids of the third parties that have this code in the account."""
        return self.index.find("code", code)

    def has_reference(self, thirdparty_id: int, reference: str, *, except_for: int | None = None) -> bool:
        """Whether a dossier of the third party, monitored or stopped, has the (normalised) reference.

        behaviour.md 6.1 (documented); over stopped dossiers too: carried-over.
        """
        relation = self.relations.get(thirdparty_id)
        if relation is None or reference == NO_REFERENCE:
            return False
        with_reference = self.index.find("reference", reference)
        fewer, other = sorted((with_reference, relation.dossiers), key=len)
        return any(dossier_id in other for dossier_id in fewer if dossier_id != except_for)


class ScheduledAction(Struct, frozen=True, kw_only=True, eq=False):
    """An action of a third party or the platform at a later time, written as a control call.

    `companies` are those that were generated for it. `error` is why it failed, if it is past.
    """

    at: datetime
    control: str
    body: dict[str, Any] = {}
    companies: tuple[tuple[CompanyId, Company], ...] = ()
    error: str | None = None


class NextIds(Struct, frozen=True, kw_only=True, eq=False):
    """The ids that the next new things get; one sequence per kind, over all accounts."""

    dossier: int = 1
    thirdparty: int = 1
    document: int = 1
    evidence: int = 1
    process: int = 1
    mail: int = 1


class World(Struct, frozen=True, kw_only=True, eq=False):
    """All that a sandbox holds. `index` finds third parties by company id, siren, siret, tva and name.

    `requirements` are all document types of the platform, in the order of its catalogue; `mails` is the
    outbox, by number. `timeline` has the actions to come, the next one first, `past_actions` the latest ones.
    """

    admission: Admission = NO_LOGINS
    requirements: Mapping[str, Requirement] = field(default_factory=dict)
    portfolios: Map[int, Portfolio] = Map()
    thirdparties: Map[int, Thirdparty] = Map()
    index: Index = Index()
    establishments: Map[CompanyId, Establishment] = Map()
    invalid_email_domains: frozenset[str] = frozenset()
    agenda: SortedSet[Due] = EMPTY
    mails: Map[int, Mail] = Map()
    timeline: tuple[ScheduledAction, ...] = ()
    past_actions: tuple[ScheduledAction, ...] = ()
    next_ids: NextIds = NextIds()

    @property
    def dossier_count(self) -> int:
        """How many dossiers all accounts have."""
        return sum(len(portfolio.dossiers) for portfolio in self.portfolios.values())

    def portfolio(self, account_id: int) -> Portfolio:
        """What the account of that id holds.

        Raises:
            NotFound: NOT_FOUND.
        """
        portfolio = self.portfolios.get(account_id)
        if portfolio is None:
            raise NotFound(Refusal(NOT_FOUND, "account_id", (str(account_id),)))
        return portfolio

    def thirdparty(self, thirdparty_id: int) -> Thirdparty:
        """The third party of that id, of any account.

        Raises:
            NotFound: E100.
        """
        thirdparty = self.thirdparties.get(thirdparty_id)
        if thirdparty is None:
            raise NotFound(Refusal(E100, "thirdparty_id", (str(thirdparty_id),)))
        return thirdparty

    def relation(self, account_id: int, thirdparty_id: int) -> tuple[Thirdparty, Relation]:
        """The third party and its relation to the account.

        Raises:
            NotFound: NOT_FOUND for the account; E100 when the account never had a dossier of the third party.
        """
        relation = self.portfolio(account_id).relations.get(thirdparty_id)
        if relation is None:
            raise NotFound(Refusal(E100, "thirdparty_id", (str(thirdparty_id),)))
        return self.thirdparties[thirdparty_id], relation

    def requirement(self, account_id: int, code: str) -> Requirement:
        """A document type as the account has it; as the platform has it, if the account has it no longer."""
        account = self.portfolios[account_id].account
        return account.requirements.get(code) or self.requirements[code]

    def thirdparty_with_id(self, company_id: CompanyId) -> Thirdparty | None:
        """The third party stored under this very identifier."""
        thirdparty_id = self.index.find(company_id.type.value, company_id.value).first
        return None if thirdparty_id is None else self.thirdparties[thirdparty_id]

    def thirdparty_of(self, account_id: int, dossier_id: int) -> int | None:
        """The third party of a dossier, None for an unknown dossier."""
        portfolio = self.portfolios.get(account_id)
        dossier = None if portfolio is None else portfolio.dossiers.get(dossier_id)
        return None if dossier is None else dossier.thirdparty_id

    def is_due(self, now: datetime) -> bool:
        """Whether something of the agenda or the timeline has to happen by `now`."""
        first = self.agenda.first
        return (first is not None and first.at <= now) or (bool(self.timeline) and self.timeline[0].at <= now)

    def with_past_action(self, action: ScheduledAction) -> World:
        """The world in which this action has taken place; it keeps the latest ones."""
        return replace(self, past_actions=(*self.past_actions, action)[-_MAX_PAST_ACTIONS:])


def find_portfolio(world: World, dossier_id: int) -> Portfolio:
    """The portfolio that has the dossier; ids are those of the platform, so there is one at most.

    Raises:
        NotFound: E200, no account has it.
    """
    for portfolio in world.portfolios.values():
        if dossier_id in portfolio.dossiers:
            return portfolio
    raise NotFound(Refusal(E200, "dossier_id", (str(dossier_id),)))


def find_process(world: World, process_id: str) -> ImportProcess:
    """The import process of that id, in any account.

    Raises:
        NotFound: NOT_FOUND.
    """
    for portfolio in world.portfolios.values():
        if process_id in portfolio.processes:
            return portfolio.processes[process_id]
    raise NotFound(Refusal(NOT_FOUND, "process_id", (process_id,)))


def with_next_ids(world: World, **ids: int) -> World:
    """The world in which the next new things of these kinds get these ids, such as `mail=7`."""
    return replace(world, next_ids=replace(world.next_ids, **ids))


def with_portfolio(world: World, portfolio: Portfolio) -> World:
    """The world with this portfolio in place of the account's previous one."""
    return replace(world, portfolios=world.portfolios.set(portfolio.account.account_id, portfolio))


def with_thirdparty(world: World, thirdparty: Thirdparty) -> World:
    """The world with this third party, new or changed."""
    index = world.index
    before = world.thirdparties.get(thirdparty.thirdparty_id)
    keys = thirdparty_keys(thirdparty)
    for key in thirdparty_keys(before) if before else ():
        if key not in keys:
            index = index.remove(*key, thirdparty.thirdparty_id)
    for key in keys:
        index = index.add(*key, thirdparty.thirdparty_id)
    thirdparties = world.thirdparties.set(thirdparty.thirdparty_id, thirdparty)
    return replace(world, thirdparties=thirdparties, index=index)


def with_code(portfolio: Portfolio, thirdparty_id: int, code: str | None) -> Portfolio:
    """The portfolio in which the third party has `code`."""
    relation = portfolio.relations.get(thirdparty_id, Relation(thirdparty_id=thirdparty_id))
    index = portfolio.index
    if relation.thirdparty_code is not None:
        index = index.remove("code", relation.thirdparty_code, thirdparty_id)
    if code is not None:
        index = index.add("code", code, thirdparty_id)
    updated = replace(relation, thirdparty_code=code)
    return replace(
        portfolio,
        index=index,
        relations=portfolio.relations.set(thirdparty_id, updated),
        relation_ids=portfolio.relation_ids.add(thirdparty_id),
    )


def with_dossier(world: World, dossier: Dossier, now: datetime) -> World:
    """The world with this dossier, new or changed; `now` dates a change of its third party's state."""
    portfolio = world.portfolio(dossier.account_id)
    before = portfolio.dossiers.get(dossier.dossier_id)
    index = portfolio.index
    if before is not None and before.reference != dossier.reference:
        index = index.remove("reference", before.reference, dossier.dossier_id)
    index = index.add("reference", dossier.reference, dossier.dossier_id)
    monitored, stopped = portfolio.monitored_ids, portfolio.stopped_ids
    if dossier.monitored:
        monitored, stopped = monitored.add(dossier.dossier_id), stopped.discard(dossier.dossier_id)
    else:
        monitored, stopped = monitored.discard(dossier.dossier_id), stopped.add(dossier.dossier_id)
    changed = replace(
        portfolio,
        dossiers=portfolio.dossiers.set(dossier.dossier_id, dossier),
        dossier_ids=portfolio.dossier_ids.add(dossier.dossier_id),
        monitored_ids=monitored,
        stopped_ids=stopped,
        relations=portfolio.relations.set(dossier.thirdparty_id, _relation(portfolio, before, dossier, now)),
        relation_ids=portfolio.relation_ids.add(dossier.thirdparty_id),
        index=index,
    )
    previous = None if before is None else dossier_due(before)
    agenda = _reschedule(world.agenda, previous, dossier_due(dossier))
    return replace(with_portfolio(world, changed), agenda=agenda)


def with_process(world: World, process: ImportProcess) -> World:
    """The world with this import process, launched, changed or ended."""
    portfolio = world.portfolio(process.account_id)
    before = portfolio.processes.get(process.process_id)
    previous = None if before is None else _process_due(before)
    agenda = _reschedule(world.agenda, previous, _process_due(process))
    changed = replace(
        portfolio,
        processes=portfolio.processes.set(process.process_id, process),
        launched=portfolio.launched.add((process.creation, process.number, process.process_id)),
    )
    return replace(with_portfolio(world, changed), agenda=agenda)


def thirdparty_keys(thirdparty: Thirdparty) -> list[tuple[str, str]]:
    """The keys under which a world's index finds the third party."""
    company_id = thirdparty.company_id
    keys = {
        "siren": thirdparty.siren,
        "siret": thirdparty.siret,
        "tva": thirdparty.tva,
        "name": thirdparty.company.name.casefold(),
        company_id.type.value: company_id.value,
    }
    return [(name, value) for name, value in keys.items() if value is not None]


def dossier_due(dossier: Dossier) -> Due | None:
    """The agenda entry of a dossier: its expiration, or the next expiry of an evidence."""
    at = next_due(dossier)
    return None if at is None else Due(at, 0, dossier.account_id, dossier.dossier_id, "")


def _process_due(process: ImportProcess) -> Due | None:
    if process.complete or process.ends is None:
        return None
    return Due(process.ends, process.number, process.account_id, 0, process.process_id)


def _reschedule(agenda: SortedSet[Due], old: Due | None, new: Due | None) -> SortedSet[Due]:
    if old == new:
        return agenda
    without = agenda if old is None else agenda.discard(old)
    return without if new is None else without.add(new)


def _relation(portfolio: Portfolio, before: Dossier | None, after: Dossier, now: datetime) -> Relation:
    """Return the relation with the new counts; a state that changed is dated `now`."""
    old = portfolio.relations.get(after.thirdparty_id, Relation(thirdparty_id=after.thirdparty_id))
    counts_before = _counts(before)
    counts_after = _counts(after)
    new = replace(
        old,
        dossiers=old.dossiers.add(after.dossier_id),
        active=old.active - counts_before[0] + counts_after[0],
        complete=old.complete - counts_before[1] + counts_after[1],
        vigilant=old.vigilant - counts_before[2] + counts_after[2],
    )
    if new.state == old.state:
        return new
    return replace(new, state_last_change_date=local_date(now) if new.monitored else None)


def _counts(dossier: Dossier | None) -> tuple[int, int, int]:
    if dossier is None or not dossier.monitored:
        return 0, 0, 0
    vigilant = all(indicator.state for indicator in dossier.indicators)
    return 1, int(dossier.complete), int(vigilant)
