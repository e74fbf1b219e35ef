"""The figures of an account (behaviour.md 4.2), and all dossiers of a sandbox."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from heapq import merge
from itertools import islice, repeat

from msgspec import Struct

from mock_server.domain.model import Dossier, Thirdparty
from mock_server.domain.sortedset import SortedSet
from mock_server.domain.world import Portfolio, World


class Figures(Struct, frozen=True, kw_only=True):
    """Counts of third parties and dossiers; `complete` in the sense of the state, or of an indicator."""

    thirdparties: int
    subscribed_thirdparties: int
    complete_thirdparties: int
    dossiers: int
    complete_dossiers: int


class Statistics(Struct, frozen=True, kw_only=True):
    """The figures of an account, once by state and once by I001, which every dossier carries."""

    by_state: Figures
    by_vigilance: Figures


def statistics(world: World, *, account_id: int) -> Statistics:
    """Count the third parties and dossiers that the account monitors.

    Raises:
        NotFound: NOT_FOUND, no such account.

    behaviour.md 4.2 (documented; counts per indicator: carried-over).
    """
    monitored = [
        relation for relation in world.portfolio(account_id).relations.values() if relation.monitored
    ]
    subscribed = sum(world.thirdparties[relation.thirdparty_id].registered for relation in monitored)
    active = sum(relation.active for relation in monitored)

    def figures(complete: list[tuple[int, int]]) -> Figures:
        return Figures(
            thirdparties=len(monitored),
            subscribed_thirdparties=subscribed,
            complete_thirdparties=sum(done == of for done, of in complete),
            dossiers=active,
            complete_dossiers=sum(done for done, _ in complete),
        )

    return Statistics(
        by_state=figures([(relation.complete, relation.active) for relation in monitored]),
        by_vigilance=figures([(relation.vigilant, relation.active) for relation in monitored]),
    )


class DossierStatus(StrEnum):
    """The status of a dossier; the API shows no state for a stopped one."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    STOPPED = "stopped"


class Row(Struct, frozen=True, eq=False):
    """A dossier with the portfolio that has it and its third party."""

    portfolio: Portfolio
    dossier: Dossier
    thirdparty: Thirdparty

    @property
    def thirdparty_code(self) -> str | None:
        """The code of the third party in the account."""
        return self.portfolio.relations[self.thirdparty.thirdparty_id].thirdparty_code

    @property
    def status(self) -> DossierStatus:
        """The status of the dossier."""
        if not self.dossier.monitored:
            return DossierStatus.STOPPED
        return DossierStatus.COMPLETE if self.dossier.complete else DossierStatus.INCOMPLETE

    def contains_text(self, text: str) -> bool:
        """Whether an id, reference, name or code contains the text, which is casefolded."""
        names = (
            self.dossier.dossier_id,
            self.dossier.reference,
            self.dossier.account_id,
            self.thirdparty.thirdparty_id,
            self.thirdparty.company.name,
            self.thirdparty.company_id.value,
            self.thirdparty.siren,
            self.thirdparty.tva,
            self.thirdparty_code,
        )
        return any(text in str(name).casefold() for name in names if name is not None)


class Overview(Struct, frozen=True):
    """A page of rows, newest first; the number of dossiers with the text by status, and of all rows."""

    rows: Sequence[Row]
    counts: Mapping[DossierStatus, int]
    total: int


def overview(world: World, *, text: str, status: DossierStatus | None, offset: int, limit: int) -> Overview:
    """Return a page of the dossiers with `text` in a name and with this status, or any if it is None.

    An empty text is in all of them; then only the rows of the page are read, however many there are.
    """
    part = text.strip().casefold()
    counts = _count_matches(world, part) if part else _counts(world)
    rows = _newest(world, part, status)
    total = sum(counts.values()) if status is None else counts[status]
    return Overview(list(islice(rows, offset, offset + limit)), counts, total)


def row_of(world: World, portfolio: Portfolio, dossier_id: int) -> Row:
    """The row of a dossier that the portfolio has."""
    dossier = portfolio.dossiers[dossier_id]
    return Row(portfolio, dossier, world.thirdparties[dossier.thirdparty_id])


def _newest(world: World, part: str, status: DossierStatus | None = None) -> Iterator[Row]:
    for dossier_id, account_id in _newest_ids(world, status):
        row = row_of(world, world.portfolios[account_id], dossier_id)
        if status in {None, row.status} and (not part or row.contains_text(part)):
            yield row


def _newest_ids(world: World, status: DossierStatus | None) -> Iterator[tuple[int, int]]:
    """Ids of dossiers and their accounts, newest first: at least those with this status."""
    ids_by_account = [
        zip(reversed(_ids(portfolio, status)), repeat(account_id))
        for account_id, portfolio in world.portfolios.items()
    ]
    return merge(*ids_by_account, reverse=True)


def _ids(portfolio: Portfolio, status: DossierStatus | None) -> SortedSet[int]:
    if status is None:
        return portfolio.dossier_ids
    return portfolio.stopped_ids if status is DossierStatus.STOPPED else portfolio.monitored_ids


def _count_matches(world: World, part: str) -> Mapping[DossierStatus, int]:
    counter = Counter(row.status for row in _newest(world, part))
    return {status: counter[status] for status in DossierStatus}


def _counts(world: World) -> Mapping[DossierStatus, int]:
    portfolios = world.portfolios.values()
    complete = sum(relation.complete for portfolio in portfolios for relation in portfolio.relations.values())
    monitored = sum(len(portfolio.monitored_ids) for portfolio in portfolios)
    stopped = sum(len(portfolio.stopped_ids) for portfolio in portfolios)
    return {
        DossierStatus.COMPLETE: complete,
        DossierStatus.INCOMPLETE: monitored - complete,
        DossierStatus.STOPPED: stopped,
    }
