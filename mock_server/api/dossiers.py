"""Dossiers: search, detail, the import, and the four commands (behaviour.md 3.7 to 3.15)."""

from __future__ import annotations

from functools import partial

from flask import Response

from mock_server.api.rendering import MAX_CACHED, dossier_rows
from mock_server.domain import search
from mock_server.domain.dossiers import DossierUpdate
from mock_server.domain.imports import ImportRequest
from mock_server.sandbox.commands import (
    ImportDossier,
    ReactivateDossier,
    StopDossier,
    UpdateDossier,
    UpdateRequirements,
)
from mock_server.web import responses
from mock_server.web.context import Call, body, members, query, required_body

_IMPORT_MEMBERS = ImportRequest.__struct_fields__
_UPDATE_MEMBERS = DossierUpdate.__struct_fields__


def list_dossiers(call: Call, account_id: int) -> Response:
    """behaviour.md 3.7."""
    world = call.world
    hits = search.list_dossiers(
        world, call.now, account_id=account_id, query=query(call), variants=call.variants
    )
    return responses.page(call, hits, dossier_rows(call, world.portfolio(account_id), hits.content))


def list_all_dossiers(call: Call, account_id: int) -> Response:
    """behaviour.md 3.8."""
    world = call.world
    portfolio = world.portfolio(account_id)
    rows = partial(dossier_rows, call, portfolio, cached=len(portfolio.dossiers) <= MAX_CACHED)
    return responses.stream(search.list_all_dossiers(world, account_id=account_id), rows)


def import_dossier(call: Call, account_id: int) -> Response:
    """behaviour.md 3.9."""
    request = ImportRequest(**members(required_body(call), _IMPORT_MEMBERS))
    duration = call.sandbox.options.import_duration
    process = call.execute(ImportDossier(account_id, request, call.dialect.name, duration, call.plan))
    return responses.content(call.dialect.import_answer(process))


def get_dossier(call: Call, account_id: int, dossier_id: int) -> Response:
    """behaviour.md 3.10."""
    portfolio = call.world.portfolio(account_id)
    (row,) = dossier_rows(call, portfolio, [portfolio.dossier(dossier_id)])
    return responses.content(row)


def update_dossier(call: Call, account_id: int, dossier_id: int) -> Response:
    """behaviour.md 3.11."""
    request_body = body(call)
    update = DossierUpdate(**members(request_body, _UPDATE_MEMBERS) | _expiration(request_body))
    call.execute(UpdateDossier(account_id, dossier_id, update, call.dialect.name))
    return responses.accepted(call)


def stop_dossier(call: Call, account_id: int, dossier_id: int) -> Response:
    """behaviour.md 3.12."""
    call.execute(StopDossier(account_id, dossier_id))
    return responses.accepted(call)


def reactivate_dossier(call: Call, account_id: int, dossier_id: int) -> Response:
    """behaviour.md 3.13."""
    until = _expiration(body(call))
    call.execute(ReactivateDossier(account_id, dossier_id, **until))
    return responses.accepted(call)


def list_dossier_requirements(call: Call, account_id: int, dossier_id: int) -> Response:
    """behaviour.md 3.14."""
    world = call.world
    dossier = world.portfolio(account_id).dossier(dossier_id)
    codes = [document.code for document in dossier.documents] if dossier.monitored else []
    requirements = [world.requirement(account_id, code) for code in codes]
    return responses.content([call.dialect.dossier_requirement(dossier, row) for row in requirements])


def update_dossier_requirements(call: Call, account_id: int, dossier_id: int) -> Response:
    """behaviour.md 3.15."""
    request_body = body(call)
    codes = request_body.get("newRequiredDocuments") if isinstance(request_body, dict) else request_body
    call.execute(UpdateRequirements(account_id, dossier_id, codes or (), call.dialect.name))
    return responses.accepted(call)


def _expiration(request_body: dict[str, str | None] | None) -> dict[str, str | None]:
    """The expiration date if the body has one, null included: null clears it. behaviour.md C71 (inferred)."""
    return (
        {"expiration_date": request_body["expirationDate"]}
        if request_body and "expirationDate" in request_body
        else {}
    )
