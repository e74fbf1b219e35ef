"""What answers a document, as EDGE shows it: a file, a form, or both (behaviour.md 4.7)."""

from __future__ import annotations

from hashlib import sha1
from uuid import UUID

from mock_server.dialects import wire
from mock_server.dialects.protocol import Json
from mock_server.domain.model import Document, Evidence
from mock_server.domain.names import cache_short

_UUID_DIGITS = 32


def evidences(document: Document) -> list[Json]:
    """All of them, oldest first. behaviour.md 4.7 (example), C28."""
    return [_evidence(evidence) for evidence in document.evidences]


def _evidence(evidence: Evidence) -> dict[str, Json]:
    """behaviour.md 4.7 (documented; null without a file: inferred)."""
    return {
        "id": evidence.evidence_id,
        "uploadDate": wire.instant(evidence.upload_date),
        "fileUUID": None if evidence.file_uuid is None else _uuid(evidence.file_uuid),
        "fileCreation": wire.instant(evidence.file_creation),
        "fileSize": evidence.file_size,
        "expirationDate": wire.end_of_day(evidence.expiration_date),
        "metadata": dict(evidence.metadata),
        "formdata": [
            {
                "type": answer.type,
                "key": answer.key,
                "title": answer.title,
                "order": answer.order,
                "value": answer.value,
            }
            for answer in evidence.formdata
        ],
    }


@cache_short(65536)
def _uuid(file_uuid: str) -> str:
    """A UUID of version 4; what is none yet gives one that follows from it. behaviour.md C52 (example)."""
    try:
        return str(UUID(file_uuid))
    except ValueError:
        digits = sha1(file_uuid.encode(), usedforsecurity=False).hexdigest()[:_UUID_DIGITS]
        return str(UUID(digits, version=4))
