"""REST/JSON v1.1: the default shape (behaviour.md 4, columns rest). Messages are French.

A dossier on the wire, its members in this order:

    {"dossierId": 804127, "accountId": 119631, "siren": "503829368", "siret": "50382936800045",
     "tva": "FR69503829368", "thirdpartyId": 875, "companyIdType": "CIT001", …, "monitored": true,
     "dossierReference": "TEST", …, "state": false, "stateLastChangeDate": "2019-01-08T15:31:55.521",
     "indicators": [{"indicatorCode": "I001", …}], "documents": [{"documentId": 511394021, …}]}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha1

from mock_server.dialects import members, wire
from mock_server.dialects.protocol import Json
from mock_server.domain.errors import ErrorCode, Refusal
from mock_server.domain.evidences import visible_documents
from mock_server.domain.model import (
    Account,
    Document,
    Dossier,
    Evidence,
    ImportProcess,
    Indicator,
    Requirement,
    Thirdparty,
)
from mock_server.domain.operations import DIALECT_HOSTS
from mock_server.domain.overview import Statistics
from mock_server.domain.query import Field
from mock_server.domain.search import IGNORED_PARAMETERS
from mock_server.domain.variants import Variants
from mock_server.domain.world import Relation

_CREATION = "datecreation"
_HASH_DIGITS = 40
"""Hexadecimal digits of a SHA-1 hash."""


class Rest:
    """The dialect `rest`."""

    name = "rest"
    host = DIALECT_HOSTS["rest"]
    title = "Dossiers API, REST/JSON v1.1"
    version = "1.1.0"
    file_id = "fileId"
    file_schema = "FileInformation"
    file_label = "files"
    ignored_parameters = IGNORED_PARAMETERS["rest"]
    search_fields: Mapping[str, Field] = {}
    forbids_altered_tokens = False

    def account(self, account: Account) -> Json:
        """behaviour.md 4.1 (documented)."""
        return members.account(account)

    def statistics(self, account_id: int, figures: Statistics) -> Json:
        """behaviour.md 4.2 (documented)."""
        return members.statistics(figures)

    def requirement(self, account_id: int, requirement: Requirement) -> Json:
        """behaviour.md 4.8 (documented)."""
        return members.requirement(account_id, requirement)

    def dossier_requirement(self, dossier: Dossier, requirement: Requirement) -> Json:
        """behaviour.md 4.8 (example), C25."""
        return {
            "documentId": requirement.document_type_id,
            "accountId": dossier.account_id,
            "code": requirement.code,
            "name": requirement.name,
            "dossierId": dossier.dossier_id,
        }

    def thirdparty_summary(self, relation: Relation, thirdparty: Thirdparty) -> Json:
        """behaviour.md 4.4 (example), C27."""
        return {
            "thirdpartyId": thirdparty.thirdparty_id,
            **members.identity(thirdparty, relation),
            **members.company(thirdparty.company, creation=_CREATION),
        }

    def thirdparty(self, relation: Relation, thirdparty: Thirdparty, account_id: int) -> Json:
        """behaviour.md 4.4 (documented)."""
        return members.thirdparty(relation, thirdparty, account_id, creation=_CREATION)

    def dossier(
        self,
        dossier: Dossier,
        thirdparty: Thirdparty,
        thirdparty_code: str | None,
        requirements: Mapping[str, Requirement],
        variants: Variants,
    ) -> Json:
        """behaviour.md 4.5 (documented; siren, siret, tva: example)."""
        monitored = dossier.monitored
        return {
            **members.dossier_ids(dossier, thirdparty, thirdparty_code),
            "monitored": monitored,
            **members.texts_and_dates(dossier, variants),
            "state": dossier.complete if monitored else None,
            "stateLastChangeDate": wire.repeated_instant(dossier.state_last_change_date)
            if monitored
            else None,
            "indicators": [_indicator(indicator) for indicator in dossier.indicators],
            "documents": [
                self.document(document, requirements, variants)
                for document in visible_documents(dossier, variants)
            ],
        }

    def document(
        self, document: Document, requirements: Mapping[str, Requirement], variants: Variants
    ) -> Json:
        """behaviour.md 4.7 (documented; `name` equal to the code: example, C13)."""
        has_label = variants["documentName"] == "label" and document.code in requirements
        return {
            "documentId": document.document_id,
            "documentCode": document.code,
            "name": requirements[document.code].label_fr if has_label else document.code,
            "requestDate": wire.repeated_instant(document.request_date),
            "present": document.present,
            "listFileInformation": _files(document),
        }

    def files(self, document: Document, variants: Variants) -> list[Json]:
        """behaviour.md 3.18 (example), C24."""
        return members.file_items(_files(document), document, variants)

    def import_answer(self, process: ImportProcess) -> Json:
        """behaviour.md 4.9 (documented)."""
        return {"processId": process.process_id}

    def process(self, process: ImportProcess, uri: str) -> Json:  # `uri` is in EDGE only
        """behaviour.md 4.10 (documented)."""
        return {
            "processId": process.process_id,
            "complete": process.complete,
            "success": process.success,
            "errors": [self.message(refusal, "") for refusal in process.refusals],
        }

    def result(self, refusals: Iterable[Refusal], uri: str) -> Json:
        """behaviour.md 3.0 (carried-over), C33."""
        errors = [self.message(refusal, uri) for refusal in refusals]
        return {"complete": True, "success": not errors, "errors": errors}

    def message(self, refusal: Refusal, uri: str) -> Json:
        """behaviour.md 4.11 (documented)."""
        return {"code": refusal.error.code, "message": self.label(refusal.error)}

    def label(self, error: ErrorCode) -> str:
        """Return the French message."""
        return error.label_fr

    def error(self, refusal: Refusal) -> ErrorCode:
        """behaviour.md 3.0 (inferred)."""
        return refusal.error


def _indicator(indicator: Indicator) -> dict[str, Json]:
    return {
        "indicatorCode": indicator.code,
        "state": indicator.state,
        "lastChangeDate": wire.repeated_instant(indicator.last_change_date),
    }


def _files(document: Document) -> list[Json]:
    """Return the files among the evidences: v1.1 has no shape for a form."""
    return [_file(evidence) for evidence in document.evidences if evidence.file_uuid is not None]


def _file(evidence: Evidence) -> dict[str, Json]:
    return {
        "fileId": evidence.evidence_id,
        "uploadDate": wire.instant(evidence.upload_date),
        "fileUUID": _file_hash(evidence.file_uuid),
        "fileCreation": wire.instant(evidence.file_creation),
        "fileSize": evidence.file_size,
        "expirationDate": wire.end_of_day(evidence.expiration_date),
    }


def _file_hash(file_uuid: str | None) -> str | None:
    """Return an id of 40 hex digits, as in v1.1; one that has 40 is unchanged. behaviour.md C52 (example)."""
    if file_uuid is None or len(file_uuid) == _HASH_DIGITS:
        return file_uuid
    return sha1(file_uuid.encode(), usedforsecurity=False).hexdigest()
