"""The forms of the answers that a pull reads: only the members that it uses, in both dialects."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Scalar = str | int | float | bool | None
"""A member that is replaced, or compared: any plain value."""

_Date = (
    Annotated[
        str,
        Meta(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2}|$)", description="a date such as 2031-06-30, or empty"),
    ]
    | None
)


class AccountAnswer(Struct, rename="camel"):
    """An account in the list of accounts."""

    id: int
    subscription_status: Scalar = None


class RequirementAnswer(Struct, rename="camel"):
    """A document type of an account."""

    code: str


class FormAnswerRow(Struct, rename="camel"):
    """A row of a form."""

    type: Scalar = None
    key: Scalar = None
    title: Scalar = None
    order: int | None = None
    value: Scalar = None


class FileAnswer(Struct, rename="camel"):
    """A file of a document; its id is `id` in one dialect and `fileId` in the other."""

    id: int | None = None
    file_id: int | None = None
    upload_date: _Date = None
    file_creation: _Date = None
    file_size: int | None = None
    expiration_date: _Date = None
    metadata: dict[str, Scalar] | None = None
    formdata: list[FormAnswerRow] | None = None


class DocumentAnswer(Struct, rename="camel"):
    """A document of a dossier; its files have another name in each dialect."""

    document_code: str
    document_id: int
    request_date: _Date = None
    evidences: list[FileAnswer] | None = None
    list_file_information: list[FileAnswer] | None = None


class IndicatorAnswer(Struct, rename="camel"):
    """An indicator of a dossier."""

    state: Scalar = None
    last_change_date: _Date = None


class DossierAnswer(Struct, rename="camel"):
    """A dossier in a page of dossiers."""

    dossier_id: int
    thirdparty_id: int
    company_id_type: str
    company_id_value: str | None = None
    thirdparty_code: str | None = None
    dossier_reference: str | None = None
    description: Scalar = None
    purchasing_category: Scalar = None
    monitored: Scalar = None
    starting_date: _Date = None
    expiration_date: _Date = None
    stopping_date: _Date = None
    stopping_reason: Scalar = None
    state_last_change_date: _Date = None
    indicators: list[IndicatorAnswer] | None = None
    documents: list[DocumentAnswer] | None = None


class UserAnswer(Struct, rename="camel"):
    """A contact person of a third party."""

    firstname: Scalar = None
    lastname: Scalar = None
    email: Scalar = None
    phone: Scalar = None


class ThirdpartyAnswer(Struct, rename="camel"):
    """A third party with its company data."""

    thirdparty_id: int
    company_id_type: str | None = None
    company_id_value: str | None = None
    name: Scalar = None
    date_creation: Scalar = None
    legal_category_label: Scalar = None
    legal_category_code: Scalar = None
    acronym: Scalar = None
    activity_label: Scalar = None
    activity_code: Scalar = None
    ceo: Scalar = None
    capital: Scalar = None
    capital_currency: str | None = None
    turnover: Scalar = None
    turnover_currency: str | None = None
    last_balance_sheet_date: Scalar = None
    workforce: Scalar = None
    address_street: Scalar = None
    address_city: Scalar = None
    address_post_code: Scalar = None
    address_country_code: str | None = None
    subscription_date: _Date = None
    out_of_business: Scalar = None
    thirdparty_users: list[UserAnswer] | None = None
