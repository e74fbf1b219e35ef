"""Import processes (behaviour.md 3.21, 3.22)."""

from __future__ import annotations

from flask import Response

from mock_server.domain import search
from mock_server.journal.coverage import process_facts
from mock_server.web import responses
from mock_server.web.context import Call, query


def get_process(call: Call, account_id: int, process_id: str) -> Response:
    """behaviour.md 3.21."""
    process = call.world.portfolio(account_id).process(process_id)
    call.facts.extend(process_facts([process]))
    return responses.content(call.dialect.process(process, _import_path(call, account_id)))


def list_processes(call: Call, account_id: int) -> Response:
    """behaviour.md 3.22."""
    since = query(call).get("from_date")
    processes = search.list_processes(call.world, call.now, account_id=account_id, from_date=since)
    call.facts.extend(process_facts(processes))
    path = _import_path(call, account_id)
    return responses.content([call.dialect.process(process, path) for process in processes])


def _import_path(call: Call, account_id: int) -> str:
    """The path of the account's imports, under the prefix of this call. behaviour.md 4.11 (inferred)."""
    prefix, _, _ = call.request.path.partition("/account/")
    return f"{prefix}/account/{account_id}/dossiers"
