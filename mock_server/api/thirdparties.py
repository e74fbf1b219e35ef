"""Third parties of an account (behaviour.md 3.4 to 3.6)."""

from __future__ import annotations

from flask import Response

from mock_server.api.rendering import cached_renderer
from mock_server.domain import search
from mock_server.web import responses
from mock_server.web.context import Call, query


def list_thirdparties(call: Call, account_id: int) -> Response:
    """behaviour.md 3.4."""
    hits = search.list_thirdparties(call.world, call.now, account_id=account_id, query=query(call))
    render = cached_renderer(call.dialect.thirdparty_summary)
    return responses.page(call, hits, render([(relation, (row,)) for row, relation in hits.content]))


def search_thirdparties(call: Call, account_id: int) -> Response:
    """behaviour.md 3.5."""
    hits = search.search_thirdparties(
        call.world, account_id=account_id, query=query(call), fields=call.dialect.search_fields
    )
    render = cached_renderer(call.dialect.thirdparty)
    rows = [(relation, (row, account_id)) for row, relation in hits.content]
    return responses.page(call, hits, render(rows))


def get_thirdparty(call: Call, account_id: int, thirdparty_id: int) -> Response:
    """behaviour.md 3.6."""
    thirdparty, relation = call.world.relation(account_id, thirdparty_id)
    (row,) = cached_renderer(call.dialect.thirdparty)([(relation, (thirdparty, account_id))])
    return responses.content(row)
