"""What happens to a document type itself (behaviour.md 6.6)."""

from __future__ import annotations

from msgspec.structs import replace

from mock_server.domain.errors import NOT_FOUND, NotFound, Refusal
from mock_server.domain.model import Account
from mock_server.domain.world import World, with_portfolio


def withdraw_requirement(world: World, *, code: str, withdrawn: bool, account_id: int | None) -> World:
    """Let the account, or every one that has it, ask for the document type no more, or (not) again.

    A withdrawn one is no default any more, and does not become one when it is taken back. What was asked for
    stays asked for.

    Raises:
        NotFound: NOT_FOUND, no such account, or no such document type.

    behaviour.md 5 (documented, E301).
    """
    holders = world.portfolios.values() if account_id is None else [world.portfolio(account_id)]
    having = [portfolio for portfolio in holders if code in portfolio.account.requirements]
    known = having or (account_id is None and code in world.requirements)
    if not known:
        raise NotFound(Refusal(NOT_FOUND, "code", (code,)))
    for portfolio in having:
        account = _withdrawn(portfolio.account, code, withdrawn=withdrawn)
        world = with_portfolio(world, replace(portfolio, account=account))
    if account_id is not None or code not in world.requirements:
        return world
    row = replace(world.requirements[code], withdrawn=withdrawn)
    return replace(world, requirements={**world.requirements, code: row})


def _withdrawn(account: Account, code: str, *, withdrawn: bool) -> Account:
    row = replace(account.requirements[code], withdrawn=withdrawn)
    defaults = account.default_requirements
    return replace(
        account,
        requirements={**account.requirements, code: row},
        default_requirements=tuple(each for each in defaults if each != code or not withdrawn),
    )
