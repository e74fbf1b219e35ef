"""The answers of a third party: reading evidences, depositing one (behaviour.md 3.16 to 3.20, 6.8)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from hashlib import blake2b

from msgspec import Struct, field
from msgspec.structs import replace

from mock_server.domain.completeness import recompute_completeness
from mock_server.domain.errors import NOT_FOUND, NotFound, Refusal
from mock_server.domain.model import Document, Dossier, Evidence, FormAnswer
from mock_server.domain.variants import Variants
from mock_server.domain.world import World, with_dossier, with_next_ids

DEFAULT_FILE_SIZE = 40_000
"""Bytes of a file whose size is not given."""

_NEVER = date(2099, 12, 31)


def last_day(day: date | None) -> date | None:
    """The last day on which a file is valid; None from 2099-12-31 on, which the API writes for no expiry."""
    return None if day is None or day >= _NEVER else day


class Deposit(Struct, frozen=True, kw_only=True):
    """What a third party sends: a file (its bytes, or the size in bytes of a generated PDF), or a form."""

    content: bytes | None = None
    file_size: int = 0
    expiration_date: date | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    formdata: tuple[FormAnswer, ...] = ()


def visible_documents(dossier: Dossier, variants: Variants) -> tuple[Document, ...]:
    """The documents that the API shows: none of a stopped dossier, unless the variant keeps them.

    behaviour.md 6.7 (example), C50.
    """
    return dossier.documents if dossier.monitored or variants["stoppedDocuments"] == "keep" else ()


def visible_document(dossier: Dossier, document_id: int, variants: Variants) -> Document:
    """The document of that id, if the API shows it.

    Raises:
        NotFound: NOT_FOUND.
    """
    for document in visible_documents(dossier, variants):
        if document.document_id == document_id:
            return document
    raise NotFound(Refusal(NOT_FOUND, "document_id", (str(document_id),)))


def file_of(document: Document, file_id: int) -> Evidence:
    """The evidence of that id, if it is a file.

    Raises:
        NotFound: NOT_FOUND, no such evidence, or it is a form only. behaviour.md 3.20 (documented).
    """
    for evidence in document.evidences:
        if evidence.evidence_id == file_id and evidence.file_uuid is not None:
            return evidence
    raise NotFound(Refusal(NOT_FOUND, "file_id", (str(file_id),)))


def deposit(
    world: World, now: datetime, *, account_id: int, dossier_id: int, code: str, answer: Deposit
) -> World:
    """The third party answers the request for `code`; presence, state and indicator follow.

    Raises:
        NotFound: no such account (NOT_FOUND), dossier (E200), or no request for this code in it (NOT_FOUND).

    behaviour.md 6.8 (carried-over).
    """
    dossier = world.portfolio(account_id).dossier(dossier_id)
    if code not in {document.code for document in dossier.documents}:
        raise NotFound(Refusal(NOT_FOUND, "document_code", (code,)))
    evidence = _evidence(world.next_ids.evidence, now, answer)
    documents = tuple(
        replace(document, evidences=(*document.evidences, evidence)) if document.code == code else document
        for document in dossier.documents
    )
    world = with_next_ids(world, evidence=evidence.evidence_id + 1)
    return with_dossier(world, recompute_completeness(replace(dossier, documents=documents), now), now)


def _evidence(evidence_id: int, now: datetime, answer: Deposit) -> Evidence:
    size = answer.file_size if answer.content is None else len(answer.content)
    return Evidence(
        evidence_id=evidence_id,
        upload_date=now,
        file_uuid=file_uuid(evidence_id) if size else None,
        file_creation=now,
        file_size=size,
        expiration_date=answer.expiration_date,
        metadata=answer.metadata,
        formdata=answer.formdata,
        content=answer.content,
    )


def file_uuid(evidence_id: int) -> str:
    """A UUID of version 4 that follows from the id, so that it is the same in every sandbox."""
    digits = blake2b(f"file/{evidence_id}".encode(), digest_size=16).hexdigest()
    # As `UUID` would write it, in half the time: a generated state has millions.
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
