"""Third parties of an account (behaviour.md 3.4 to 3.6)."""

from __future__ import annotations

from flask import Response

from mock_server.api.rendering import remember
from mock_server.domain import search
from mock_server.web import responses
from mock_server.web.context import Call, query


def list_thirdparties(call: Call, account_id: int) -> Response:
    """behaviour.md 3.4."""
    found = search.list_thirdparties(call.world, call.now, account_id=account_id, query=query(call))
    render = remember(call.dialect.thirdparty_summary)
    return responses.page(call, found, render([(relation, (row,)) for row, relation in found.content]))


def search_thirdparties(call: Call, account_id: int) -> Response:
    """behaviour.md 3.5."""
    found = search.search_thirdparties(
        call.world, account_id=account_id, query=query(call), fields=call.dialect.searched
    )
    render = remember(call.dialect.thirdparty)
    rows = [(relation, (row, account_id)) for row, relation in found.content]
    return responses.page(call, found, render(rows))


def get_thirdparty(call: Call, account_id: int, thirdparty_id: int) -> Response:
    """behaviour.md 3.6."""
    found, relation = call.world.relation(account_id, thirdparty_id)
    (row,) = remember(call.dialect.thirdparty)([(relation, (found, account_id))])
    return responses.content(row)
