"""The dossiers of a sandbox, of all its accounts: found, and shown with all that hangs on them."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, request

from mock_server.control.answered import answered_dossier
from mock_server.control.calls import serves
from mock_server.control.problems import Problem, json_answer
from mock_server.control.query import number
from mock_server.dialects import wire
from mock_server.domain.local_time import local_date
from mock_server.domain.model import Document, Evidence
from mock_server.domain.overview import Row, Standing, overview, row_of
from mock_server.domain.world import World, holder_of
from mock_server.web.services import named_sandbox

dossiers = Blueprint("dossiers", __name__)

_AT_ONCE = 50
_QUERY = {
    "search": {
        "type": "string",
        "description": "A part of the reference, of an id, of the company's name or number, or of its code.",
    },
    "standing": {"enum": [standing.value for standing in Standing]},
    "offset": {"type": "integer", "minimum": 0, "default": 0},
    "limit": {"type": "integer", "minimum": 0, "default": _AT_ONCE},
}


@serves(dossiers, "GET /dossiers", query=_QUERY)
def find_dossiers() -> Response:
    """The dossiers of all accounts, newest first, and how many there are complete, incomplete and stopped."""
    offset, limit = number("offset"), number("limit")
    found = overview(
        named_sandbox().read(),
        text=request.args.get("search", ""),
        standing=_standing(),
        offset=offset or 0,
        limit=_AT_ONCE if limit is None else limit,
    )
    counts = {standing.value: count for standing, count in found.counts.items()}
    shown = [_shown(row) for row in found.rows]
    return json_answer({"total": found.total, "counts": counts, "dossiers": shown})


@serves(dossiers, "GET /dossiers/<int:dossier_id>")
def show_dossier(dossier_id: int) -> Response:
    """A dossier with its documents, stopped or not, and its import; `answer` is how the API shows it now."""
    found = named_sandbox()
    world, now = found.current()
    row = row_of(world, holder_of(world, dossier_id), dossier_id)
    today = local_date(now)
    return json_answer(
        _shown(row)
        | {
            "description": row.dossier.description,
            "purchasingCategory": row.dossier.purchasing_category,
            "startingDate": wire.instant(row.dossier.starting_date),
            "outOfBusiness": row.thirdparty.out_of_business,
            "processId": _process_id(row),
            "documents": [_document(world, row, document, today) for document in row.dossier.documents],
            "answer": answered_dossier(found, dossier_id),
        }
    )


def _standing() -> Standing | None:
    given = request.args.get("standing")
    try:
        return None if given is None else Standing(given)
    except ValueError:
        names = ", ".join(standing.value for standing in Standing)
        raise Problem(f"standing is one of {names}, not {given!r}") from None


def _shown(row: Row) -> dict[str, Any]:
    dossier, thirdparty = row.dossier, row.thirdparty
    return {
        "dossierId": dossier.dossier_id,
        "accountId": dossier.account_id,
        "dossierReference": dossier.reference,
        "standing": row.standing.value,
        "stoppingReason": None if dossier.monitored else dossier.stopping_reason.value,
        "stoppingDate": wire.instant(dossier.stopping_date),
        "expirationDate": wire.plain_date(dossier.expiration_date),
        "stateLastChangeDate": wire.instant(dossier.state_last_change_date),
        "thirdpartyId": thirdparty.thirdparty_id,
        "thirdpartyCode": row.thirdparty_code,
        "companyIdType": thirdparty.company_id.type.value,
        "companyIdValue": thirdparty.company_id.value,
        "name": thirdparty.company.name,
        "documentsPresent": sum(document.present for document in dossier.documents),
        "documentsAsked": len(dossier.documents),
    }


def _document(world: World, row: Row, document: Document, today: date) -> dict[str, Any]:
    requirement = world.requirement(row.dossier.account_id, document.code)
    return {
        "documentId": document.document_id,
        "documentCode": document.code,
        "label": requirement.label_en or requirement.label_fr,
        "requestDate": wire.instant(document.request_date),
        "present": document.present,
        "evidences": [_evidence(evidence, today) for evidence in document.evidences],
    }


def _evidence(evidence: Evidence, today: date) -> dict[str, Any]:
    return {
        "evidenceId": evidence.evidence_id,
        "uploadDate": wire.instant(evidence.upload_date),
        "fileSize": evidence.file_size,
        "expirationDate": wire.plain_date(evidence.expiration_date),
        "valid": evidence.valid_on(today),
        "formdata": len(evidence.formdata),
    }


def _process_id(row: Row) -> str | None:
    processes = row.portfolio.processes.values()
    made = (process.process_id for process in processes if process.dossier_id == row.dossier.dossier_id)
    return next(made, None)
