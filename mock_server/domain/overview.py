"""All dossiers of a sandbox at once, whatever their account: what no call of the API tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mock_server.domain.model import Dossier, Thirdparty
from mock_server.domain.world import Portfolio, World


class Standing(StrEnum):
    """How a dossier stands; what the API calls its state is none once it is stopped."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A dossier, whose it is, and whom it is on."""

    portfolio: Portfolio
    dossier: Dossier
    thirdparty: Thirdparty

    @property
    def thirdparty_code(self) -> str | None:
        """What the account calls the third party."""
        return self.portfolio.relations[self.thirdparty.thirdparty_id].thirdparty_code

    @property
    def standing(self) -> Standing:
        """How it stands."""
        if not self.dossier.monitored:
            return Standing.STOPPED
        return Standing.COMPLETE if self.dossier.complete else Standing.INCOMPLETE

    def says(self, text: str) -> bool:
        """Whether one of its names has the text in it, in capitals or not."""
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


@dataclass(frozen=True, slots=True)
class Overview:
    """The dossiers found, newest first; and of all that say the text, how many stand how."""

    rows: Sequence[Row]
    counts: Mapping[Standing, int]


def overview(world: World, *, text: str, standing: Standing | None) -> Overview:
    """The dossiers of which a name has `text` in it, an empty one being in all, and that stand so."""
    wanted = text.strip().casefold()
    said = [row for row in _rows(world) if not wanted or row.says(wanted)]
    counts = dict.fromkeys(Standing, 0)
    for row in said:
        counts[row.standing] += 1
    rows = [row for row in said if standing in {None, row.standing}]
    return Overview(sorted(rows, key=lambda row: row.dossier.dossier_id, reverse=True), counts)


def row_of(world: World, portfolio: Portfolio, dossier_id: int) -> Row:
    """The row of a dossier that the portfolio has."""
    dossier = portfolio.dossiers[dossier_id]
    return Row(portfolio, dossier, world.thirdparties[dossier.thirdparty_id])


def _rows(world: World) -> Iterator[Row]:
    for portfolio in world.portfolios.values():
        for dossier_id in portfolio.dossier_ids:
            yield row_of(world, portfolio, dossier_id)
