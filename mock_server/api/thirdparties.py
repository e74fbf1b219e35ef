"""Third parties of an account (behaviour.md 3.4 to 3.6)."""

from __future__ import annotations

from flask import Response

from mock_server.api.resource import resource, serves
from mock_server.domain import search
from mock_server.web import responses
from mock_server.web.context import Call, query

thirdparties = resource("thirdparties")


@serves(thirdparties)
def list_thirdparties(call: Call, account_id: int) -> Response:
    """behaviour.md 3.4."""
    found = search.list_thirdparties(call.world, call.now, account_id=account_id, query=query(call))
    return responses.page(call, found, [call.dialect.thirdparty_summary(*row) for row in found.content])


@serves(thirdparties)
def search_thirdparties(call: Call, account_id: int) -> Response:
    """behaviour.md 3.5."""
    found = search.search_thirdparties(
        call.world, account_id=account_id, query=query(call), fields=call.dialect.searched
    )
    return responses.page(call, found, [call.dialect.thirdparty(account_id, *row) for row in found.content])


@serves(thirdparties)
def get_thirdparty(call: Call, account_id: int, thirdparty_id: int) -> Response:
    """behaviour.md 3.6."""
    found, relation = call.world.relation(account_id, thirdparty_id)
    return responses.content(call.dialect.thirdparty(account_id, found, relation))
