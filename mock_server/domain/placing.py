"""Dossiers put in place as they are, or taken away, past the rules of the API (behaviour.md 6.3)."""

from __future__ import annotations

from datetime import date

from immutables import Map
from msgspec.structs import replace

from mock_server.domain.local_time import local_date
from mock_server.domain.model import Dossier
from mock_server.domain.sortedset import EMPTY
from mock_server.domain.world import Portfolio, Relation, World, with_dossier, with_portfolio


def with_placed_dossier(world: World, dossier: Dossier) -> World:
    """The world with this dossier, new or in place of the former one.

    The state of its third party dates from the latest change of an active dossier, as in a world that was
    just made: what changed before the dossier was there, nobody saw.
    """
    former = world.portfolio(dossier.account_id)
    relation = former.relations.get(dossier.thirdparty_id)
    is_new = dossier.dossier_id not in former.dossiers
    world = with_dossier(world, dossier, dossier.state_last_change_date)
    portfolio = world.portfolio(dossier.account_id)
    placed = portfolio.relations[dossier.thirdparty_id]
    if not placed.monitored:
        return world
    if is_new:
        dates = [relation.state_last_change_date] if relation else []
        dates += [_changed(dossier)] if dossier.monitored else []
    else:
        found = (portfolio.dossiers[dossier_id] for dossier_id in placed.dossiers)
        dates = [_changed(each) for each in found if each.monitored]
    return _dated(world, portfolio, placed, max(day for day in dates if day is not None))


def without_dossiers(world: World) -> World:
    """The world in which no account has a dossier, ever had one, or imports any; ids go on."""
    emptied = {number: Portfolio(account=held.account) for number, held in world.portfolios.items()}
    return replace(world, portfolios=Map(emptied), agenda=EMPTY)


def _changed(dossier: Dossier) -> date:
    return local_date(dossier.state_last_change_date)


def _dated(world: World, portfolio: Portfolio, relation: Relation, day: date) -> World:
    dated = replace(relation, state_last_change_date=day)
    relations = portfolio.relations.set(relation.thirdparty_id, dated)
    return with_portfolio(world, replace(portfolio, relations=relations))
