"""REST/JSON v1.1: the default shape (behaviour.md 4, columns v1.1). Messages are French.

A dossier on the wire, its members in this order:

    {"dossierId": 804127, "accountId": 119631, "siren": "503829368", "siret": "50382936800045",
     "tva": "FR69503829368", "thirdpartyId": 875, "companyIdType": "CIT001", …, "monitored": true,
     "dossierReference": "TEST", …, "state": false, "stateLastChangeDate": "2019-01-08T15:31:55.521",
     "indicators": [{"indicatorCode": "I001", …}], "documents": [{"documentId": 511394021, …}]}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha1

from mock_server.dialects import wire
from mock_server.dialects.protocol import Json
from mock_server.domain.completeness import I001
from mock_server.domain.errors import Refusal
from mock_server.domain.evidences import shown_documents
from mock_server.domain.model import (
    Account,
    CompanyIdType,
    Document,
    Dossier,
    Evidence,
    Indicator,
    Requirement,
    StoppingReason,
    Thirdparty,
)
from mock_server.domain.process import ImportProcess
from mock_server.domain.statistics import Figures, Statistics
from mock_server.domain.variants import Variants
from mock_server.domain.world import Relation

_HASH_DIGITS = 40


class Rest:
    """The dialect `rest`."""

    name = "rest"

    def account(self, account: Account) -> Json:
        """behaviour.md 4.1 (documented)."""
        return {
            "id": account.account_id,
            "creation": wire.instant(account.creation),
            "account": account.technical_name,
            "name": account.name,
            "company": account.company,
            "maxDossiers": account.max_dossiers,
            "subscriptionDate": wire.microseconds(account.subscription_date),
            "subscriptionStatus": account.subscription_status,
            "subscriptions": [
                {
                    "accountId": account.account_id,
                    "key": subscription.key,
                    "startSubscriptionDate": wire.microseconds(subscription.start),
                    "endSubscriptionDate": wire.microseconds(subscription.end),
                    "status": subscription.status,
                }
                for subscription in account.subscriptions
            ],
        }

    def statistics(self, account_id: int, figures: Statistics) -> Json:  # EDGE shows the account
        """behaviour.md 4.2 (documented)."""
        return {
            **_figures(figures.by_state),
            "listIndicatorsStatistics": [{"indicatorCode": I001, **_figures(figures.by_vigilance)}],
        }

    def requirement(self, account_id: int, requirement: Requirement) -> Json:
        """behaviour.md 4.8 (documented)."""
        return {
            "documentId": requirement.document_type_id,
            "accountId": account_id,
            "code": requirement.code,
            "name": requirement.name,
            "descriptionCategoryFr": requirement.category_fr,
            "descriptionCategoryEn": requirement.category_en,
            "descriptionFr": requirement.description_fr,
            "descriptionEn": requirement.description_en,
        }

    def dossier_requirement(self, dossier: Dossier, requirement: Requirement) -> Json:
        """behaviour.md 4.8 (example), C25."""
        return {
            "documentId": requirement.document_type_id,
            "accountId": dossier.account_id,
            "code": requirement.code,
            "name": requirement.name,
            "dossierId": dossier.dossier_id,
        }

    def thirdparty_summary(self, thirdparty: Thirdparty, relation: Relation) -> Json:
        """behaviour.md 4.4 (example), C27."""
        return {
            "thirdpartyId": thirdparty.thirdparty_id,
            **_identity(thirdparty, relation),
            **_company(thirdparty),
        }

    def thirdparty(self, account_id: int, thirdparty: Thirdparty, relation: Relation) -> Json:
        """behaviour.md 4.4 (documented)."""
        company = thirdparty.company
        return {
            "thirdpartyId": thirdparty.thirdparty_id,
            "accountId": account_id,
            **_identity(thirdparty, relation),
            **_company(thirdparty),
            "addressStreet": company.address_street,
            "addressCity": company.address_city,
            "addressPostCode": company.address_post_code,
            "addressCountryCode": company.address_country_code,
            "monitored": relation.monitored,
            "subscriptionState": thirdparty.registered,
            "subscriptionDate": wire.plain_date(thirdparty.subscription_date),
            "subscriptionKey": thirdparty.subscription_key,
            "outOfBusiness": thirdparty.out_of_business,
            "thirdpartyGlobalState": relation.state,
            "stateLastChangeDate": wire.plain_date(relation.state_last_change_date),
            "thirdpartyUsers": [
                {
                    "firstname": user.firstname,
                    "lastname": user.lastname,
                    "email": user.email,
                    "phone": user.phone,
                }
                for user in thirdparty.users
            ],
        }

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
            "dossierId": dossier.dossier_id,
            "accountId": dossier.account_id,
            "siren": thirdparty.siren,
            "siret": thirdparty.siret,
            "tva": thirdparty.tva,
            "thirdpartyId": thirdparty.thirdparty_id,
            "companyIdType": thirdparty.company_id.type.value,
            "companyIdValue": _company_id_value(thirdparty),
            "thirdpartyCode": thirdparty_code,
            "companyCountryCode": thirdparty.country_code,
            "monitored": monitored,
            "dossierReference": dossier.reference,
            "description": dossier.description,
            "purchasingCategory": dossier.purchasing_category,
            "startingDate": wire.instant(dossier.starting_date),
            "expirationDate": wire.start_of_day(dossier.expiration_date),
            "stoppingDate": wire.instant(dossier.stopping_date),
            "stoppingReason": _stopping_reason(dossier, variants),
            "state": dossier.complete if monitored else None,
            "stateLastChangeDate": wire.instant(dossier.state_last_change_date) if monitored else None,
            "indicators": [_indicator(indicator) for indicator in dossier.indicators],
            "documents": [
                self.document(document, requirements, variants)
                for document in shown_documents(dossier, variants)
            ],
        }

    def document(
        self, document: Document, requirements: Mapping[str, Requirement], variants: Variants
    ) -> Json:
        """behaviour.md 4.7 (documented; `name` equal to the code: example, C13)."""
        labelled = variants["documentName"] == "label" and document.code in requirements
        return {
            "documentId": document.document_id,
            "documentCode": document.code,
            "name": requirements[document.code].label_fr if labelled else document.code,
            "requestDate": wire.instant(document.request_date),
            "present": document.present,
            "listFileInformation": _files(document),
        }

    def files(self, document: Document, variants: Variants) -> list[Json]:
        """behaviour.md 3.18 (example), C24."""
        items = _files(document)
        if variants["fileItems"] == "file":
            return items
        return [{**item, "documentId": document.document_id, "listFileInformation": [item]} for item in items]

    def launched(self, process: ImportProcess) -> Json:
        """behaviour.md 4.9 (documented)."""
        return {"processId": process.process_id}

    def process(self, process: ImportProcess) -> Json:
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

    def message(self, refusal: Refusal, uri: str) -> Json:  # EDGE names the request
        """behaviour.md 4.11 (documented)."""
        return {"code": refusal.error.code, "message": refusal.error.label_fr}


def _figures(figures: Figures) -> dict[str, int]:
    return {
        "numberOfThirdparties": figures.thirdparties,
        "numberOfSubscribedThirdparties": figures.subscribed_thirdparties,
        "numberOfCompleteThirdparties": figures.complete_thirdparties,
        "numberOfDossiers": figures.dossiers,
        "numberOfCompleteDossiers": figures.complete_dossiers,
    }


def _identity(thirdparty: Thirdparty, relation: Relation) -> dict[str, Json]:
    return {
        "companyIdType": thirdparty.company_id.type.value,
        "companyIdValue": _company_id_value(thirdparty),
        "thirdpartyCode": relation.thirdparty_code,
        "siren": thirdparty.siren,
        "siret": thirdparty.siret,
        "tva": thirdparty.tva,
    }


def _company(thirdparty: Thirdparty) -> dict[str, Json]:
    company = thirdparty.company
    return {
        "name": company.name,
        "datecreation": wire.plain_date(company.date_creation),
        "legalCategoryLabel": company.legal_category_label,
        "legalCategoryCode": company.legal_category_code,
        "acronym": company.acronym,
        "activityLabel": company.activity_label,
        "activityCode": company.activity_code,
        "ceo": company.ceo,
        "capital": company.capital,
        "capitalCurrency": company.capital_currency,
        "turnover": company.turnover,
        "turnoverCurrency": company.turnover_currency,
        "lastBalanceSheetDate": wire.plain_date(company.last_balance_sheet_date),
        "workforce": company.workforce,
    }


def _company_id_value(thirdparty: Thirdparty) -> str | None:
    """A DUNS is taken but never given back. behaviour.md C64 (carried-over)."""
    return None if thirdparty.company_id.type is CompanyIdType.DUNS else thirdparty.company_id.value


def _stopping_reason(dossier: Dossier, variants: Variants) -> str:
    """behaviour.md 6.7, C14."""
    if dossier.stopping_reason is StoppingReason.STOP_REQUEST:
        return variants["stoppingReason"]
    return dossier.stopping_reason.value


def _indicator(indicator: Indicator) -> dict[str, Json]:
    return {
        "indicatorCode": indicator.code,
        "state": indicator.state,
        "lastChangeDate": wire.instant(indicator.last_change_date),
    }


def _files(document: Document) -> list[Json]:
    """The files among the evidences: v1.1 has no shape for a form."""
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


@lru_cache(maxsize=65536)
def _file_hash(file_uuid: str | None) -> str | None:
    """40 hex digits, as v1.1 shows them; an id that has them already is kept. behaviour.md C52 (example)."""
    if file_uuid is None or len(file_uuid) == _HASH_DIGITS:
        return file_uuid
    return sha1(file_uuid.encode(), usedforsecurity=False).hexdigest()
