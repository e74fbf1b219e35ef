"""The dossiers of all accounts of a sandbox: find, show, create, change, and answer their documents.

The API's rules are not checked. The outbox has the e-mails that the platform would have sent.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Response, request

from mock_server.control.calls import query_number, route
from mock_server.control.problems import Problem, json_answer
from mock_server.dialects import DIALECTS, wire
from mock_server.domain.local_time import local_date
from mock_server.domain.model import Document, Evidence, Mail
from mock_server.domain.names import shown
from mock_server.domain.overview import DossierStatus, Row, overview, row_of
from mock_server.domain.world import World, find_portfolio
from mock_server.fixtures.actions import NewEvidence
from mock_server.fixtures.entries import DossierEntry, DossierPatch
from mock_server.sandbox import commands
from mock_server.sandbox.sandbox import ServerSandbox
from mock_server.web.services import named_sandbox, services

_DEFAULT_LIMIT = 50
_QUERY = {
    "search": {
        "type": "string",
        "description": "A part of the reference, of an id, of the company's name or number, or of its code.",
    },
    "standing": {"enum": [status.value for status in DossierStatus]},
    "offset": {"type": "integer", "minimum": 0, "default": 0},
    "limit": {"type": "integer", "minimum": 0, "default": _DEFAULT_LIMIT},
}


@route("GET /dossiers", query=_QUERY)
def find_dossiers() -> Response:
    """Return dossiers of all accounts, newest first, and how many are complete, incomplete and stopped."""
    offset, limit = query_number("offset"), query_number("limit")
    result = overview(
        named_sandbox().read(),
        text=request.args.get("search", ""),
        status=_status(),
        offset=offset or 0,
        limit=_DEFAULT_LIMIT if limit is None else limit,
    )
    counts = {status.value: count for status, count in result.counts.items()}
    rows = [_row(row) for row in result.rows]
    return json_answer({"total": result.total, "counts": counts, "dossiers": rows})


@route("GET /dossiers/<int:dossier_id>")
def show_dossier(dossier_id: int) -> Response:
    """Return a dossier, stopped or not, with its documents and import; `answer` is what the API returns."""
    sandbox = named_sandbox()
    world, now = sandbox.current()
    row = row_of(world, find_portfolio(world, dossier_id), dossier_id)
    today = local_date(now)
    return json_answer(
        _row(row)
        | {
            "description": row.dossier.description,
            "purchasingCategory": row.dossier.purchasing_category,
            "startingDate": wire.instant(row.dossier.starting_date),
            "outOfBusiness": row.thirdparty.out_of_business,
            "processId": _process_id(row),
            "documents": [_document(world, row, document, today) for document in row.dossier.documents],
            "answer": _api_answer(sandbox, dossier_id),
        }
    )


@route("POST /dossiers", body=DossierEntry, status=201)
def create_dossier(body: DossierEntry) -> Response:
    """Create a dossier, with the fields of a recipe; what is left out is computed from the rest."""
    sandbox = named_sandbox()
    dossier_id = sandbox.execute(commands.CreateDossier(body))
    return json_answer(_api_answer(sandbox, dossier_id), 201)


@route("PATCH /dossiers/<int:dossier_id>", body=DossierPatch)
def change_dossier(body: DossierPatch, dossier_id: int) -> Response:
    """Change a dossier, stopped or not.

    A null `stoppingDate` or `stoppingReason` makes it active again. The effects of a change are dated now.
    """
    sandbox = named_sandbox()
    sandbox.execute(commands.ChangeDossier(dossier_id, body))
    return json_answer(_api_answer(sandbox, dossier_id))


@route(
    "POST /dossiers/<int:dossier_id>/documents/<path:code>/evidences",
    body=NewEvidence,
    status=201,
)
def deposit_evidence(body: NewEvidence, dossier_id: int, code: str) -> Response:
    """Answer the request for a document as the third party; presence, state and indicator follow."""
    sandbox = named_sandbox()
    deposit = body.deposit(sandbox.now())
    return json_answer({"fileId": sandbox.execute(commands.DepositEvidence(dossier_id, code, deposit))}, 201)


@route("GET /outbox")
def get_outbox() -> Response:
    """Return the e-mails that would have been sent, oldest first: invitations, requests for documents.

    `POST /reset` with `{"only": ["outbox"]}` empties it.
    """
    mails = named_sandbox().read().mails
    return json_answer({"mails": [_mail(mails[number]) for number in sorted(mails)]})


def _status() -> DossierStatus | None:
    text = request.args.get("standing")
    try:
        return None if text is None else DossierStatus(text)
    except ValueError:
        names = ", ".join(status.value for status in DossierStatus)
        raise Problem(f"standing is one of {names}, not {shown(text)}") from None


def _api_answer(sandbox: ServerSandbox, dossier_id: int) -> dict[str, Any]:
    return api_members(sandbox, sandbox.read(), dossier_id)


def api_members(sandbox: ServerSandbox, world: World, dossier_id: int) -> dict[str, Any]:
    """Return a dossier of any account as the API shows it in the server's default dialect.

    `world` is the present content of the sandbox, or a previous one.

    Raises:
        NotFound: E200, no account has it.
    """
    dialect = DIALECTS[services().settings.dialect]
    portfolio = find_portfolio(world, dossier_id)
    dossier = portfolio.dossiers[dossier_id]
    answer: dict[str, Any] = dialect.dossier(
        dossier,
        world.thirdparties[dossier.thirdparty_id],
        portfolio.relations[dossier.thirdparty_id].thirdparty_code,
        portfolio.account.requirements,
        sandbox.variants_for(dialect.name),
    )
    return answer


def _row(row: Row) -> dict[str, Any]:
    dossier, thirdparty = row.dossier, row.thirdparty
    return {
        "dossierId": dossier.dossier_id,
        "accountId": dossier.account_id,
        "dossierReference": dossier.reference,
        "standing": row.status.value,
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
    ids = (process.process_id for process in processes if process.dossier_id == row.dossier.dossier_id)
    return next(ids, None)


def _mail(mail: Mail) -> dict[str, Any]:
    return {
        "number": mail.number,
        "sentAt": wire.instant(mail.sent_at),
        "kind": mail.kind.value,
        "to": mail.to,
        "accountId": mail.account_id,
        "dossierId": mail.dossier_id,
        "thirdpartyId": mail.thirdparty_id,
        "documentCodes": list(mail.document_codes),
        "subscriptionKey": mail.subscription_key,
    }
