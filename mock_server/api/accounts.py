"""Accounts and their document types (behaviour.md 3.1 to 3.3)."""

from __future__ import annotations

from flask import Response

from mock_server.domain.errors import NOT_FOUND, NotFound, Refusal
from mock_server.domain.overview import statistics
from mock_server.web import responses
from mock_server.web.context import Call


def list_accounts(call: Call) -> Response:
    """behaviour.md 3.1."""
    world = call.world
    account_ids = sorted(world.portfolios) if call.accounts is None else call.accounts
    accounts = [
        world.portfolios[account_id].account for account_id in account_ids if account_id in world.portfolios
    ]
    if not accounts:
        raise NotFound(Refusal(NOT_FOUND, "account_ids", tuple(map(str, account_ids))))
    return responses.content([call.dialect.account(account) for account in accounts])


def get_account_statistics(call: Call, account_id: int) -> Response:
    """behaviour.md 3.2."""
    return responses.content(
        call.dialect.statistics(account_id, statistics(call.world, account_id=account_id))
    )


def list_requirements(call: Call, account_id: int) -> Response:
    """behaviour.md 3.3."""
    requirements = call.world.portfolio(account_id).account.requirements.values()
    allowed = [requirement for requirement in requirements if not requirement.withdrawn]
    return responses.content([call.dialect.requirement(account_id, requirement) for requirement in allowed])
