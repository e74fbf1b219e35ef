"""Documents of a dossier, their files, and the bytes (behaviour.md 3.16 to 3.20)."""

from __future__ import annotations

from flask import Response

from mock_server.api.pdf import file_bytes
from mock_server.api.resource import resource, serves
from mock_server.domain.evidences import file_of, shown_document, shown_documents
from mock_server.web import responses
from mock_server.web.context import Call

documents = resource("documents")


@serves(documents)
def list_documents(call: Call, account_id: int, dossier_id: int) -> Response:
    """behaviour.md 3.16."""
    portfolio = call.world.portfolio(account_id)
    shown = shown_documents(portfolio.dossier(dossier_id), call.variants)
    requirements = portfolio.account.requirements
    return responses.content(
        [call.dialect.document(document, requirements, call.variants) for document in shown]
    )


@serves(documents)
def get_document(call: Call, account_id: int, dossier_id: int, document_id: int) -> Response:
    """behaviour.md 3.17."""
    portfolio = call.world.portfolio(account_id)
    document = shown_document(portfolio.dossier(dossier_id), document_id, call.variants)
    rendered = call.dialect.document(document, portfolio.account.requirements, call.variants)
    return responses.content([rendered] if call.variants["documentDetail"] == "array" else rendered)


@serves(documents)
def list_files(call: Call, account_id: int, dossier_id: int, document_id: int) -> Response:
    """behaviour.md 3.18."""
    dossier = call.world.portfolio(account_id).dossier(dossier_id)
    document = shown_document(dossier, document_id, call.variants)
    return responses.content(call.dialect.files(document, call.variants))


@serves(documents)
def list_evidences(call: Call, account_id: int, dossier_id: int, document_id: int) -> Response:
    """behaviour.md 3.19."""
    return list_files(call, account_id, dossier_id, document_id)


@serves(documents)
def download_file(call: Call, account_id: int, dossier_id: int, document_id: int, file_id: int) -> Response:
    """behaviour.md 3.20."""
    dossier = call.world.portfolio(account_id).dossier(dossier_id)
    document = shown_document(dossier, document_id, call.variants)
    requirement = call.world.requirement(account_id, document.code)
    content = file_bytes(dossier, document, file_of(document, file_id), requirement)
    return Response(content, content_type="application/octet-stream")
