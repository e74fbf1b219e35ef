"""Dossiers: search, detail, the import, and the four commands (behaviour.md 3.7 to 3.15)."""

from __future__ import annotations

from flask import Response

from mock_server.api.rendering import dossier_rendering
from mock_server.domain import dossiers as commands
from mock_server.domain import search
from mock_server.domain.imports import ImportRequest, launch_import
from mock_server.web import responses
from mock_server.web.context import Call, body, members, query, required_body

_IMPORT_MEMBERS = ImportRequest.__struct_fields__
_UPDATE_MEMBERS = commands.DossierUpdate.__struct_fields__


def list_dossiers(call: Call, account_id: int) -> Response:
    """behaviour.md 3.7."""
    world = call.world
    found = search.list_dossiers(
        world, call.now, account_id=account_id, query=query(call), variants=call.variants
    )
    row = dossier_rendering(call, world.portfolio(account_id))
    return responses.page(call, found, [row(dossier) for dossier in found.content])


def list_all_dossiers(call: Call, account_id: int) -> Response:
    """behaviour.md 3.8."""
    world = call.world
    row = dossier_rendering(call, world.portfolio(account_id))
    return responses.stream(map(row, search.list_all_dossiers(world, account_id=account_id)))


def import_dossier(call: Call, account_id: int) -> Response:
    """behaviour.md 3.9."""
    request = ImportRequest(**members(required_body(call), _IMPORT_MEMBERS))
    process = call.sandbox.execute(
        launch_import,
        account_id=account_id,
        request=request,
        variants=call.variants,
        duration=call.sandbox.config.import_duration,
        plan=call.plan,
    )
    return responses.content(call.dialect.launched(process))


def get_dossier(call: Call, account_id: int, dossier_id: int) -> Response:
    """behaviour.md 3.10."""
    world = call.world
    portfolio = world.portfolio(account_id)
    return responses.content(dossier_rendering(call, portfolio)(portfolio.dossier(dossier_id)))


def update_dossier(call: Call, account_id: int, dossier_id: int) -> Response:
    """behaviour.md 3.11."""
    given = body(call)
    wanted = commands.DossierUpdate(**members(given, _UPDATE_MEMBERS) | _expiration(given))
    call.sandbox.change(
        commands.update_dossier,
        account_id=account_id,
        dossier_id=dossier_id,
        wanted=wanted,
        variants=call.variants,
    )
    return responses.accepted(call)


def stop_dossier(call: Call, account_id: int, dossier_id: int) -> Response:
    """behaviour.md 3.12."""
    call.sandbox.change(commands.stop_dossier, account_id=account_id, dossier_id=dossier_id)
    return responses.accepted(call)


def reactivate_dossier(call: Call, account_id: int, dossier_id: int) -> Response:
    """behaviour.md 3.13."""
    until = _expiration(body(call)).get("expiration_date", commands.ABSENT)
    call.sandbox.change(
        commands.reactivate_dossier, account_id=account_id, dossier_id=dossier_id, expiration_date=until
    )
    return responses.accepted(call)


def list_dossier_requirements(call: Call, account_id: int, dossier_id: int) -> Response:
    """behaviour.md 3.14."""
    world = call.world
    dossier = world.portfolio(account_id).dossier(dossier_id)
    asked = [document.code for document in dossier.documents] if dossier.monitored else []
    requirements = [world.requirement(account_id, code) for code in asked]
    return responses.content([call.dialect.dossier_requirement(dossier, row) for row in requirements])


def update_dossier_requirements(call: Call, account_id: int, dossier_id: int) -> Response:
    """behaviour.md 3.15."""
    given = body(call)
    codes = given.get("newRequiredDocuments") if isinstance(given, dict) else given
    call.sandbox.change(
        commands.update_requirements,
        account_id=account_id,
        dossier_id=dossier_id,
        codes=codes or (),
        add=call.variants["requirementsUpdate"] == "add",
    )
    return responses.accepted(call)


def _expiration(given: dict[str, str | None] | None) -> dict[str, str | None]:
    """The expiration date if the body has one, null included: null clears it. behaviour.md C71 (inferred)."""
    return {"expiration_date": given["expirationDate"]} if given and "expirationDate" in given else {}
