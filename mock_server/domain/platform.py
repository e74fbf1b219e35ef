"""Changes that no call of the API makes: close a company, withdraw a document type, set or remove dossiers.

Only the control API and fixtures make them (behaviour.md 6.3, 6.6, 6.7).
"""

from __future__ import annotations

from datetime import date, datetime

from immutables import Map
from msgspec.structs import replace

from mock_server.domain.dossiers import mark_stopped
from mock_server.domain.errors import NOT_FOUND, NotFound, Refusal
from mock_server.domain.local_time import local_date
from mock_server.domain.model import Account, Dossier, StoppingReason
from mock_server.domain.sortedset import EMPTY
from mock_server.domain.world import Portfolio, Relation, World, with_dossier, with_portfolio, with_thirdparty


def close_thirdparty(world: World, now: datetime, *, thirdparty_id: int) -> World:
    """Close a company: its monitored dossiers stop, in every account.

    Raises:
        NotFound: E100, no such third party on the platform.

    behaviour.md 6.7 (documented).
    """
    world = with_thirdparty(world, replace(world.thirdparty(thirdparty_id), out_of_business=True))
    for portfolio in world.portfolios.values():
        relation = portfolio.relations.get(thirdparty_id)
        for dossier_id in relation.dossiers if relation else ():
            dossier = portfolio.dossiers[dossier_id]
            if dossier.monitored:
                world = with_dossier(world, mark_stopped(dossier, now, StoppingReason.OUT_OF_BUSINESS), now)
    return world


def withdraw_requirement(world: World, *, code: str, withdrawn: bool, account_id: int | None) -> World:
    """Withdraw a document type from the account, or from every account that has it; or restore it.

    A withdrawn type is removed from the defaults; restoring it does not add it again. Documents that were
    requested stay requested.

    Raises:
        NotFound: NOT_FOUND, no such account, or no such document type.

    behaviour.md 5 (documented, E301).
    """
    portfolios = world.portfolios.values() if account_id is None else [world.portfolio(account_id)]
    affected = [portfolio for portfolio in portfolios if code in portfolio.account.requirements]
    exists = affected or (account_id is None and code in world.requirements)
    if not exists:
        raise NotFound(Refusal(NOT_FOUND, "code", (code,)))
    for portfolio in affected:
        account = _with_withdrawn(portfolio.account, code, withdrawn=withdrawn)
        world = with_portfolio(world, replace(portfolio, account=account))
    if account_id is not None or code not in world.requirements:
        return world
    row = replace(world.requirements[code], withdrawn=withdrawn)
    return replace(world, requirements={**world.requirements, code: row})


def _with_withdrawn(account: Account, code: str, *, withdrawn: bool) -> Account:
    row = replace(account.requirements[code], withdrawn=withdrawn)
    defaults = account.default_requirements
    return replace(
        account,
        requirements={**account.requirements, code: row},
        default_requirements=tuple(default for default in defaults if default != code or not withdrawn),
    )


def set_dossier(world: World, dossier: Dossier) -> World:
    """The world with this dossier, new or changed.

    The state of its third party dates from the latest change of an active dossier, as in a world that was
    just generated: a change before the dossier existed does not count.
    """
    previous = world.portfolio(dossier.account_id)
    relation = previous.relations.get(dossier.thirdparty_id)
    is_new = dossier.dossier_id not in previous.dossiers
    world = with_dossier(world, dossier, dossier.state_last_change_date)
    portfolio = world.portfolio(dossier.account_id)
    updated = portfolio.relations[dossier.thirdparty_id]
    if not updated.monitored:
        return world
    if is_new:
        dates = [relation.state_last_change_date] if relation else []
        dates += [_change_day(dossier)] if dossier.monitored else []
    else:
        dossiers = (portfolio.dossiers[dossier_id] for dossier_id in updated.dossiers)
        dates = [_change_day(sibling) for sibling in dossiers if sibling.monitored]
    return _with_state_date(world, portfolio, updated, max(day for day in dates if day is not None))


def clear_dossiers(world: World) -> World:
    """The world without dossiers, relations and imports; ids continue."""
    portfolios = {
        number: Portfolio(account=portfolio.account) for number, portfolio in world.portfolios.items()
    }
    return replace(world, portfolios=Map(portfolios), agenda=EMPTY)


def _change_day(dossier: Dossier) -> date:
    return local_date(dossier.state_last_change_date)


def _with_state_date(world: World, portfolio: Portfolio, relation: Relation, day: date) -> World:
    updated = replace(relation, state_last_change_date=day)
    relations = portfolio.relations.set(relation.thirdparty_id, updated)
    return with_portfolio(world, replace(portfolio, relations=relations))
