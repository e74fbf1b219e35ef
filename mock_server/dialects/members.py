"""Groups of members that both dialects share (behaviour.md 4); each dialect adds its differences."""

from __future__ import annotations

from mock_server.dialects import wire
from mock_server.dialects.protocol import Json
from mock_server.domain.completeness import I001
from mock_server.domain.model import (
    Account,
    Company,
    CompanyIdType,
    Document,
    Dossier,
    Requirement,
    StoppingReason,
    Thirdparty,
)
from mock_server.domain.overview import Figures, Statistics
from mock_server.domain.variants import Variants
from mock_server.domain.world import Relation


def account(account: Account) -> dict[str, Json]:
    """behaviour.md 4.1 (documented)."""
    return {
        "id": account.account_id,
        "creation": wire.instant(account.creation),
        "account": account.technical_name,
        "name": account.name,
        "company": account.company,
        "maxDossiers": account.max_dossiers,
        "subscriptionDate": wire.precise_instant(account.subscription_date),
        "subscriptionStatus": account.subscription_status,
        "subscriptions": [
            {
                "accountId": account.account_id,
                "key": subscription.key,
                "startSubscriptionDate": wire.precise_instant(subscription.start),
                "endSubscriptionDate": wire.precise_instant(subscription.end),
                "status": subscription.status,
            }
            for subscription in account.subscriptions
        ],
    }


def statistics(figures: Statistics) -> dict[str, Json]:
    """behaviour.md 4.2 (documented)."""
    return {
        **_figures(figures.by_state),
        "listIndicatorsStatistics": [{"indicatorCode": I001, **_figures(figures.by_vigilance)}],
    }


def requirement(account_id: int, requirement: Requirement) -> dict[str, Json]:
    """behaviour.md 4.8 (documented; `name` a slug: example, C32)."""
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


def identity(thirdparty: Thirdparty, relation: Relation) -> dict[str, Json]:
    """Return the identifiers of a third party."""
    return {
        "companyIdType": thirdparty.company_id.type.value,
        "companyIdValue": company_id_value(thirdparty),
        "thirdpartyCode": relation.thirdparty_code,
        "siren": thirdparty.siren,
        "siret": thirdparty.siret,
        "tva": thirdparty.tva,
    }


def company(company: Company, *, creation: str) -> dict[str, Json]:
    """Return the data of a company; `creation` is the dialect's name of `date_creation`. behaviour.md C20."""
    return {
        "name": company.name,
        creation: wire.plain_date(company.date_creation),
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


def address(company: Company) -> dict[str, Json]:
    """Return the address without its street, which only the details have."""
    return {
        "addressCity": company.address_city,
        "addressPostCode": company.address_post_code,
        "addressCountryCode": company.address_country_code,
    }


def thirdparty(
    relation: Relation, thirdparty: Thirdparty, account_id: int, *, creation: str
) -> dict[str, Json]:
    """Return a third party in full, with its status in the account. behaviour.md 4.4 (documented)."""
    return {
        "thirdpartyId": thirdparty.thirdparty_id,
        "accountId": account_id,
        **identity(thirdparty, relation),
        **company(thirdparty.company, creation=creation),
        "addressStreet": thirdparty.company.address_street,
        **address(thirdparty.company),
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


def dossier_ids(dossier: Dossier, thirdparty: Thirdparty, thirdparty_code: str | None) -> dict[str, Json]:
    """Return the ids of a dossier, its account and its third party.

    behaviour.md 4.5 (documented; siren, siret, tva: example).
    """
    return {
        "dossierId": dossier.dossier_id,
        "accountId": dossier.account_id,
        "siren": thirdparty.siren,
        "siret": thirdparty.siret,
        "tva": thirdparty.tva,
        "thirdpartyId": thirdparty.thirdparty_id,
        "companyIdType": thirdparty.company_id.type.value,
        "companyIdValue": company_id_value(thirdparty),
        "thirdpartyCode": thirdparty_code,
        "companyCountryCode": thirdparty.country_code,
    }


def texts_and_dates(dossier: Dossier, variants: Variants) -> dict[str, Json]:
    """Return the reference, the texts and the dates of a dossier. behaviour.md 4.5 (documented)."""
    return {
        "dossierReference": dossier.reference,
        "description": dossier.description,
        "purchasingCategory": dossier.purchasing_category,
        "startingDate": wire.repeated_instant(dossier.starting_date),
        "expirationDate": wire.start_of_day(dossier.expiration_date),
        "stoppingDate": wire.instant(dossier.stopping_date),
        "stoppingReason": stopping_reason(dossier, variants),
    }


def company_id_value(thirdparty: Thirdparty) -> str | None:
    """Return the identifier; a DUNS is accepted but never returned. behaviour.md C64 (carried-over)."""
    return None if thirdparty.company_id.type is CompanyIdType.DUNS else thirdparty.company_id.value


def stopping_reason(dossier: Dossier, variants: Variants) -> str:
    """behaviour.md 6.7, C14."""
    if dossier.stopping_reason is StoppingReason.STOP_REQUEST:
        return variants["stoppingReason"]
    return dossier.stopping_reason.value


def file_items(items: list[Json], document: Document, variants: Variants) -> list[Json]:
    """Return files or evidences as the items of a list. behaviour.md 3.18 (example), C24."""
    if variants["fileItems"] == "file":
        return items
    return [{**item, "documentId": document.document_id, "listFileInformation": [item]} for item in items]


def _figures(figures: Figures) -> dict[str, int]:
    return {
        "numberOfThirdparties": figures.thirdparties,
        "numberOfSubscribedThirdparties": figures.subscribed_thirdparties,
        "numberOfCompleteThirdparties": figures.complete_thirdparties,
        "numberOfDossiers": figures.dossiers,
        "numberOfCompleteDossiers": figures.complete_dossiers,
    }
