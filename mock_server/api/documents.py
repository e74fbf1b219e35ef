"""Documents of a dossier, their files, and the bytes of a file (behaviour.md 3.16 to 3.20).

Where no bytes were deposited, a file is a PDF of one page about itself, exactly as long as the file says. It
depends on its dossier and evidence alone: a second download gives the same bytes.
"""

from __future__ import annotations

from io import BytesIO

from flask import Response

from mock_server.dialects import wire
from mock_server.domain.evidences import file_of, visible_document, visible_documents
from mock_server.domain.model import Document, Dossier, Evidence, Requirement
from mock_server.web import responses
from mock_server.web.context import Call

_FONT_SIZE = 12
_LINE_HEIGHT = 20
_TOP = 760
_LINE_LENGTH = 80  # characters; seven such lines fit on the page, and in the smallest file
_COMMENT = b"%" + b" " * 3998 + b"\n"


def list_documents(call: Call, account_id: int, dossier_id: int) -> Response:
    """behaviour.md 3.16."""
    portfolio = call.world.portfolio(account_id)
    documents = visible_documents(portfolio.dossier(dossier_id), call.variants)
    requirements = portfolio.account.requirements
    return responses.content(
        [call.dialect.document(document, requirements, call.variants) for document in documents]
    )


def get_document(call: Call, account_id: int, dossier_id: int, document_id: int) -> Response:
    """behaviour.md 3.17."""
    portfolio = call.world.portfolio(account_id)
    document = visible_document(portfolio.dossier(dossier_id), document_id, call.variants)
    rendered = call.dialect.document(document, portfolio.account.requirements, call.variants)
    return responses.content([rendered] if call.variants["documentDetail"] == "array" else rendered)


def list_files(call: Call, account_id: int, dossier_id: int, document_id: int) -> Response:
    """behaviour.md 3.18."""
    dossier = call.world.portfolio(account_id).dossier(dossier_id)
    document = visible_document(dossier, document_id, call.variants)
    return responses.content(call.dialect.files(document, call.variants))


def list_evidences(call: Call, account_id: int, dossier_id: int, document_id: int) -> Response:
    """behaviour.md 3.19."""
    return list_files(call, account_id, dossier_id, document_id)


def download_file(call: Call, account_id: int, dossier_id: int, document_id: int, file_id: int) -> Response:
    """behaviour.md 3.20."""
    dossier = call.world.portfolio(account_id).dossier(dossier_id)
    document = visible_document(dossier, document_id, call.variants)
    requirement = call.world.requirement(account_id, document.code)
    content = _file_bytes(dossier, document, file_of(document, file_id), requirement)
    return Response(content, content_type="application/octet-stream")


def _file_bytes(dossier: Dossier, document: Document, evidence: Evidence, requirement: Requirement) -> bytes:
    """Return exactly `evidence.file_size` bytes. behaviour.md 3.20 (documented)."""
    if evidence.content is not None:
        return evidence.content
    lines = (
        requirement.label_fr,
        f"Document {document.code}, {document.document_id}",
        f"Dossier {dossier.dossier_id}, reference {dossier.reference}",
        f"Compte {dossier.account_id}, tiers {dossier.thirdparty_id}",
        f"Fichier {evidence.evidence_id}, déposé le {wire.instant(evidence.upload_date)}",
        f"Valable jusqu'au {wire.end_of_day(evidence.expiration_date)}",
        "Made by a sandbox: this file proves nothing.",
    )
    return _pad(_one_page(lines), evidence.file_size)


def _one_page(lines: tuple[str, ...]) -> bytes:
    """Return a PDF of one page with these lines."""
    import pydyf  # only a download needs it

    pdf = pydyf.PDF()
    font = pydyf.Dictionary(
        {"Type": "/Font", "Subtype": "/Type1", "BaseFont": "/Helvetica", "Encoding": "/WinAnsiEncoding"}
    )
    pdf.add_object(font)
    text = pydyf.Stream()
    for at, line in enumerate(lines):
        text.begin_text()
        text.set_font_size("F1", _FONT_SIZE)
        text.set_text_matrix(1, 0, 0, 1, 60, _TOP - at * _LINE_HEIGHT)
        text.stream.append(b"<" + line[:_LINE_LENGTH].encode("cp1252", "replace").hex().encode() + b"> Tj")
        text.end_text()
    pdf.add_object(text)
    pdf.add_page(
        pydyf.Dictionary(
            {
                "Type": "/Page",
                "Parent": pdf.pages.reference,
                "MediaBox": pydyf.Array([0, 0, 595, 842]),
                "Contents": text.reference,
                "Resources": pydyf.Dictionary({"Font": pydyf.Dictionary({"F1": font.reference})}),
            }
        )
    )
    output = BytesIO()
    pdf.write(output)
    return output.getvalue()


def _pad(pdf: bytes, size: int) -> bytes:
    """Pad the PDF to `size` bytes by blanks and comments before its end, which readers skip."""
    before, mark, after = pdf.rpartition(b"startxref")
    lines, remaining = divmod(size - len(pdf), len(_COMMENT))
    return before + _COMMENT[len(_COMMENT) - remaining :] + _COMMENT * lines + mark + after
