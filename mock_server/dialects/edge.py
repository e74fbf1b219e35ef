"""EDGE v1.3: every boolean also as text, evidences with their data (behaviour.md 4, columns edge).

Messages are English, with the request and the values concerned. A document of a dossier on the wire:

    {"documentId": 511394021, "documentCode": "I2", "documentName": "…", "documentNameEn": "…",
     "requestDate": "2019-01-08T15:31:55.486", "present": true, "isPresent": "true",
     "evidences": [{"id": 4575539, …, "metadata": {"verified": "true"}, "formdata": []}]}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha1
from uuid import UUID

from mock_server.dialects import members, wire
from mock_server.dialects.protocol import Json
from mock_server.domain.errors import E100, E200, NOT_FOUND, ErrorCode, Refusal
from mock_server.domain.evidences import visible_documents
from mock_server.domain.model import (
    Account,
    Company,
    Document,
    Dossier,
    Evidence,
    ImportProcess,
    Indicator,
    NewDossier,
    Requirement,
    Thirdparty,
)
from mock_server.domain.names import cache_short, camel
from mock_server.domain.operations import DIALECT_HOSTS
from mock_server.domain.overview import Statistics
from mock_server.domain.query import Field, FieldKind
from mock_server.domain.search import IGNORED_PARAMETERS
from mock_server.domain.variants import Variants
from mock_server.domain.world import Relation

_ABSENT = {E100, E200, NOT_FOUND}
_CREATION = "dateCreation"
_UUID_DIGITS = 32
"""Hexadecimal digits of a UUID."""

_THIRDPARTY_FIELDS = ("thirdparty_id", "siren", "siret", "tva", "subscription_date", "subscription_key")
_RELATION_FIELDS = ("thirdparty_code", "state_last_change_date")
_NUMBERS = {"thirdparty_id", "capital", "turnover", "workforce"}


def _field_kind(name: str) -> FieldKind:
    if name.endswith("_date") or name == "date_creation":
        return FieldKind.DAY
    return FieldKind.NUMBER if name in _NUMBERS else FieldKind.TEXT


def _company_field(name: str) -> Field:
    return Field(_field_kind(name), lambda _account_id, thirdparty, _: getattr(thirdparty.company, name))


def _thirdparty_field(name: str) -> Field:
    return Field(_field_kind(name), lambda _account_id, thirdparty, _: getattr(thirdparty, name))


def _relation_field(name: str) -> Field:
    return Field(_field_kind(name), lambda _account_id, _, relation: getattr(relation, name))


def _bool_field(read: Callable[[Thirdparty, Relation], bool | None]) -> Field:
    return Field(
        FieldKind.TEXT, lambda _account_id, thirdparty, relation: wire.bool_text(read(thirdparty, relation))
    )


_SEARCH_FIELDS: dict[str, Field] = {
    "accountId": Field(FieldKind.NUMBER, lambda account_id, _thirdparty, _relation: account_id),
    "companyIdType": Field(
        FieldKind.TEXT, lambda _account_id, thirdparty, _: thirdparty.company_id.type.value
    ),
    "companyIdValue": Field(
        FieldKind.TEXT, lambda _account_id, thirdparty, _: members.company_id_value(thirdparty)
    ),
    **{camel(name): _thirdparty_field(name) for name in _THIRDPARTY_FIELDS},
    **{camel(name): _relation_field(name) for name in _RELATION_FIELDS},
    **{camel(name): _company_field(name) for name in Company.__struct_fields__},
    "isMonitored": _bool_field(lambda _, relation: relation.monitored),
    "isOutOfBusiness": _bool_field(lambda thirdparty, _: thirdparty.out_of_business),
    "isRegistered": _bool_field(lambda thirdparty, _: thirdparty.registered),
    "isActive": _bool_field(lambda thirdparty, _: not thirdparty.out_of_business),
    "isComplete": _bool_field(lambda _, relation: relation.state),
}
"""The members of a third party that an expression may name: no booleans, no lists (behaviour.md 3.5)."""


class Edge:
    """The dialect `edge`."""

    name = "edge"
    host = DIALECT_HOSTS["edge"]
    title = "Dossiers API, EDGE v1.3"
    version = "1.3.0"
    file_id = "id"
    file_schema = "Evidence"
    file_label = "evidences"
    ignored_parameters = IGNORED_PARAMETERS["edge"]
    search_fields: Mapping[str, Field] = _SEARCH_FIELDS
    forbids_altered_tokens = True

    def account(self, account: Account) -> Json:
        """behaviour.md 4.1 (documented)."""
        return members.account(account)

    def statistics(self, account_id: int, figures: Statistics) -> Json:
        """behaviour.md 4.2 (documented)."""
        return {"accountId": account_id, **members.statistics(figures)}

    def requirement(self, account_id: int, requirement: Requirement) -> Json:
        """behaviour.md 4.8 (documented)."""
        return members.requirement(account_id, requirement)

    def dossier_requirement(self, dossier: Dossier, requirement: Requirement) -> Json:
        """behaviour.md 4.8 (example), C25, C32."""
        return {
            "documentId": requirement.document_type_id,
            "accountId": dossier.account_id,
            "code": requirement.code,
            "name": requirement.label_fr,
            "nameEn": requirement.label_en or requirement.label_fr,
            "dossierId": dossier.dossier_id,
        }

    def thirdparty_summary(self, relation: Relation, thirdparty: Thirdparty) -> Json:
        """behaviour.md 4.4 (documented), C20."""
        return {
            "thirdpartyId": thirdparty.thirdparty_id,
            **members.identity(thirdparty, relation),
            **members.company(thirdparty.company, creation=_CREATION),
            **members.address(thirdparty.company),
        }

    def thirdparty(self, relation: Relation, thirdparty: Thirdparty, account_id: int) -> Json:
        """behaviour.md 4.4 (documented), C20, C21, C51."""
        return {
            **members.thirdparty(relation, thirdparty, account_id, creation=_CREATION),
            "active": not thirdparty.out_of_business,
            "isMonitored": wire.bool_text(relation.monitored),
            "isOutOfBusiness": wire.bool_text(thirdparty.out_of_business),
            "isRegistered": wire.bool_text(thirdparty.registered),
            "isActive": wire.bool_text(not thirdparty.out_of_business),
            "isComplete": wire.bool_text(relation.state),
        }

    def dossier(
        self,
        dossier: Dossier,
        thirdparty: Thirdparty,
        thirdparty_code: str | None,
        requirements: Mapping[str, Requirement],
        variants: Variants,
    ) -> Json:
        """behaviour.md 4.5 (documented; `isComplete` kept after a stop: example)."""
        monitored = dossier.monitored
        return {
            **members.dossier_ids(dossier, thirdparty, thirdparty_code),
            "monitored": monitored,
            "isMonitored": wire.bool_text(monitored),
            **members.texts_and_dates(dossier, variants),
            "state": dossier.complete if monitored else None,
            "isComplete": wire.bool_text(dossier.complete),
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
        """behaviour.md 4.7 (documented), C53. A type that a control call removed shows its code."""
        requirement = requirements.get(document.code)
        label = requirement.label_fr if requirement else document.code
        return {
            "documentId": document.document_id,
            "documentCode": document.code,
            "documentName": label,
            "documentNameEn": (requirement and requirement.label_en) or label,
            "requestDate": wire.repeated_instant(document.request_date),
            "present": document.present,
            "isPresent": wire.bool_text(document.present),
            "evidences": _evidences(document),
        }

    def files(self, document: Document, variants: Variants) -> list[Json]:
        """behaviour.md 3.19 (documented), C24."""
        return members.file_items(_evidences(document), document, variants)

    def import_answer(self, process: ImportProcess) -> Json:
        """behaviour.md 4.9 (documented)."""
        return {"processId": process.process_id}

    def process(self, process: ImportProcess, uri: str) -> Json:
        """behaviour.md 4.10 (documented; errors name the path of the import: inferred)."""
        return {
            "processId": process.process_id,
            "creation": wire.instant(process.creation),
            **_outcome(complete=process.complete, success=process.success),
            "errors": [self.message(refusal, uri) for refusal in process.refusals],
            "params": _params(process.wanted),
        }

    def result(self, refusals: Iterable[Refusal], uri: str) -> Json:
        """behaviour.md 3.0 (documented), C33."""
        errors = [self.message(refusal, uri) for refusal in refusals]
        return {**_outcome(complete=True, success=not errors), "errors": errors}

    def message(self, refusal: Refusal, uri: str) -> Json:
        """behaviour.md 4.11 (documented)."""
        error = self.error(refusal)
        return {
            "code": error.code,
            "message": self.label(error),
            "request": f"ServletWebRequest: uri={uri}",
            "reason": _absence(refusal) if error is NOT_FOUND else wire.reason(refusal),
        }

    def label(self, error: ErrorCode) -> str:
        """Return the English message."""
        return error.label_en

    def error(self, refusal: Refusal) -> ErrorCode:
        """Return one code for everything that does not exist. behaviour.md 3.0 (documented)."""
        return NOT_FOUND if refusal.error in _ABSENT else refusal.error


def _indicator(indicator: Indicator) -> dict[str, Json]:
    return {
        "indicatorCode": indicator.code,
        "state": indicator.state,
        "isComplete": wire.bool_text(indicator.state),
        "lastChangeDate": wire.repeated_instant(indicator.last_change_date),
    }


def _outcome(*, complete: bool, success: bool) -> dict[str, Json]:
    return {
        "complete": complete,
        "success": success,
        "isComplete": wire.bool_text(complete),
        "isSuccessful": wire.bool_text(success),
    }


def _params(wanted: NewDossier) -> dict[str, str]:
    """Return the values of an import under the names of the older service. behaviour.md 4.10 (documented)."""
    return {
        "requiredDocuments": ";".join(wanted.required_documents),
        "companyIDValue": wanted.company_id.value,
        "companyIDType": wanted.company_id.type.value,
        "purchasingCategory": wanted.purchasing_category or "",
        "userInCharge": ";".join(wanted.user_in_charge),
        "supplierCode": wanted.thirdparty_code or "",
        "supplierEmail": ";".join(wanted.thirdparty_email),
        "expirationDate": wire.plain_date(wanted.expiration_date) or "",
        "description": wanted.description or "",
        "dossierReference": wanted.reference,
    }


def _absence(refusal: Refusal) -> str:
    """Return the id that was not found: `dossierId=1`. behaviour.md 11.1 (example)."""
    values = ",".join(refusal.values)
    return f"{camel(refusal.parameter)}={values}" if refusal.parameter else values


def _evidences(document: Document) -> list[Json]:
    """Return all evidences, oldest first. behaviour.md 4.7 (example), C28."""
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
    """Return a UUID of version 4; any other text is hashed to one. behaviour.md C52 (example)."""
    try:
        return str(UUID(file_uuid))
    except ValueError:
        digits = sha1(file_uuid.encode(), usedforsecurity=False).hexdigest()[:_UUID_DIGITS]
        return str(UUID(digits, version=4))
