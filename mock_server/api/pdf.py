"""The bytes of a file: those deposited, or a PDF of what the file is about, exactly as long as it claims.

The PDF has one page in a standard font. It follows from its dossier and evidence alone, so a second download
gives the same bytes. Padding is a comment before the end of the file, which readers skip.
"""

from __future__ import annotations

from io import BytesIO

from mock_server.dialects import wire
from mock_server.domain.model import Document, Dossier, Evidence, Requirement

_FONT_SIZE = 12
_LINE_HEIGHT = 20
_TOP = 760
_LONGEST_COMMENT = 4000


def file_bytes(dossier: Dossier, document: Document, evidence: Evidence, requirement: Requirement) -> bytes:
    """Exactly `evidence.file_size` bytes. behaviour.md 3.20 (documented)."""
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
    return _padded(_one_page(lines), evidence.file_size)


def _one_page(lines: tuple[str, ...]) -> bytes:
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
        text.stream.append(b"<" + line.encode("cp1252", "replace").hex().encode() + b"> Tj")
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


def _padded(pdf: bytes, size: int) -> bytes:
    """The same PDF of `size` bytes: comment lines stand between cross references and `startxref`."""
    before, mark, after = pdf.rpartition(b"startxref")
    missing = size - len(pdf)
    if missing == 1:
        return before + b"\n" + mark + after
    lines = []
    while missing > 0:
        length = min(missing, _LONGEST_COMMENT)
        if missing - length == 1:
            length -= 1
        lines.append(b"%" + b" " * (length - 2) + b"\n")
        missing -= length
    return before + b"".join(lines) + mark + after
