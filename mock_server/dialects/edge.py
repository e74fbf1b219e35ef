"""EDGE v1.3: every boolean with a twin of text, evidences with their data (behaviour.md 4, columns edge).

Messages are English, and tell the request and the values concerned. A document of a dossier on the wire:

    {"documentId": 511394021, "documentCode": "I2", "documentName": "…", "documentNameEn": "…",
     "requestDate": "2019-01-08T15:31:55.486", "present": true, "isPresent": "true",
     "evidences": [{"id": 4575539, …, "metadata": {"verified": "true"}, "formdata": []}]}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mock_server.dialects import members, wire
from mock_server.dialects.evidences import evidences
from mock_server.dialects.protocol import Json
from mock_server.dialects.searched import SEARCHED
from mock_server.domain.errors import E100, E200, NOT_FOUND, ErrorCode, Refusal
from mock_server.domain.evidences import visible_documents
from mock_server.domain.model import (
    Account,
    Document,
    Dossier,
    ImportProcess,
    Indicator,
    NewDossier,
    Requirement,
    Thirdparty,
)
from mock_server.domain.names import camel
from mock_server.domain.overview import Statistics
from mock_server.domain.query import Field
from mock_server.domain.variants import Variants
from mock_server.domain.world import Relation

_ABSENT = {E100, E200, NOT_FOUND}
_CREATION = "dateCreation"


class Edge:
    """The dialect `edge`."""

    name = "edge"
    host = "edge"
    ignored_parameters: frozenset[str] = frozenset()
    searched: Mapping[str, Field] = SEARCHED
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
            "thirdpartyId": thirdparty.thirdparty_id,
            "accountId": account_id,
            **members.identity(thirdparty, relation),
            **members.company(thirdparty.company, creation=_CREATION),
            "addressStreet": thirdparty.company.address_street,
            **members.address(thirdparty.company),
            **members.standing(thirdparty, relation),
            "active": not thirdparty.out_of_business,
            "isMonitored": wire.twin(relation.monitored),
            "isOutOfBusiness": wire.twin(thirdparty.out_of_business),
            "isRegistered": wire.twin(thirdparty.registered),
            "isActive": wire.twin(not thirdparty.out_of_business),
            "isComplete": wire.twin(relation.state),
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
            **members.concerned(dossier, thirdparty, thirdparty_code),
            "monitored": monitored,
            "isMonitored": wire.twin(monitored),
            **members.terms(dossier, variants),
            "state": dossier.complete if monitored else None,
            "isComplete": wire.twin(dossier.complete),
            "stateLastChangeDate": wire.instant(dossier.state_last_change_date) if monitored else None,
            "indicators": [_indicator(indicator) for indicator in dossier.indicators],
            "documents": [
                self.document(document, requirements, variants)
                for document in visible_documents(dossier, variants)
            ],
        }

    def document(
        self, document: Document, requirements: Mapping[str, Requirement], variants: Variants
    ) -> Json:
        """behaviour.md 4.7 (documented), C53. A type taken from the account, by control, shows its code."""
        requirement = requirements.get(document.code)
        label = requirement.label_fr if requirement else document.code
        return {
            "documentId": document.document_id,
            "documentCode": document.code,
            "documentName": label,
            "documentNameEn": (requirement and requirement.label_en) or label,
            "requestDate": wire.instant(document.request_date),
            "present": document.present,
            "isPresent": wire.twin(document.present),
            "evidences": evidences(document),
        }

    def files(self, document: Document, variants: Variants) -> list[Json]:
        """behaviour.md 3.19 (documented), C24."""
        return members.file_items(evidences(document), document, variants)

    def launched(self, process: ImportProcess) -> Json:
        """behaviour.md 4.9 (documented)."""
        return {"processId": process.process_id}

    def process(self, process: ImportProcess) -> Json:
        """behaviour.md 4.10 (documented; errors name the path of the import: inferred)."""
        uri = f"/api/v1/account/{process.account_id}/dossiers"
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
            "message": error.label_en,
            "request": f"ServletWebRequest: uri={uri}",
            "reason": _absence(refusal) if error is NOT_FOUND else wire.reason(refusal),
        }

    def error(self, refusal: Refusal) -> ErrorCode:
        """One code for whatever is not there. behaviour.md 3.0 (documented)."""
        return NOT_FOUND if refusal.error in _ABSENT else refusal.error


def _indicator(indicator: Indicator) -> dict[str, Json]:
    return {
        "indicatorCode": indicator.code,
        "state": indicator.state,
        "isComplete": wire.twin(indicator.state),
        "lastChangeDate": wire.instant(indicator.last_change_date),
    }


def _outcome(*, complete: bool, success: bool) -> dict[str, Json]:
    return {
        "complete": complete,
        "success": success,
        "isComplete": wire.twin(complete),
        "isSuccessful": wire.twin(success),
    }


def _params(wanted: NewDossier) -> dict[str, str]:
    """What an import asked for, in the words of the older service. behaviour.md 4.10 (documented)."""
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
    """What was looked for: `dossierId=1`. behaviour.md 11.1 (example)."""
    values = ",".join(refusal.values)
    return f"{camel(refusal.parameter)}={values}" if refusal.parameter else values
