"""The members of the objects that control calls take, with Python names: `dossier_reference`.

Objects inside them have JSON names. None is sent as null, which in a change removes a value
(`stopping_reason=None`); a member that is left out is not sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, Required, TypedDict

Day = str | date
Instant = str | datetime
Json = Mapping[str, Any]
Reason = Literal["OUTOFBUSINESS", "EXPIRATION", "STOPREQUEST", "UNKNOWN"]
CompanyIdType = Literal["CIT001", "CIT002", "CIT003"]


class DossierMembers(TypedDict, total=False):
    """The members of a dossier that is created or changed."""

    description: str | None
    purchasing_category: str | None
    thirdparty_code: str | None
    starting_date: Instant | None
    expiration_date: Day | None
    stopping_date: Instant | None
    stopping_reason: Reason | None
    state_last_change_date: Instant
    indicator_last_change_date: Instant
    documents: Sequence[Json]


class NewDossierMembers(DossierMembers, total=False):
    """A new dossier; its third party is named by `siret`, by another identifier or by `thirdparty_id`."""

    dossier_reference: Required[str]
    siret: str
    company_id_type: CompanyIdType
    company_id_value: str
    dossier_id: int
    account_id: int
    thirdparty_id: int


class DossierChangeMembers(DossierMembers, total=False):
    """Changes of a dossier; a null `stopping_date` or `stopping_reason` makes it active again."""

    dossier_reference: str


class EvidenceMembers(TypedDict, total=False):
    """The answer of a third party: a generated PDF of `file_size` bytes, `content`, or a form."""

    expiration_date: Day | None
    file_size: int
    content: bytes
    metadata: Mapping[str, str]
    formdata: Sequence[Json]


class AccountMembers(TypedDict, total=False):
    """Changes of an account."""

    name: str
    company: str
    account: str
    creation: Instant
    max_dossiers: int
    subscription_date: Instant
    subscription_status: Literal["ACTIVE", "INACTIVE"]
    subscriptions: Sequence[Json]
    international: bool
    requirements: Sequence[str]
    withdrawn: Sequence[str]
    default_requirements: Sequence[str]


class NewAccountMembers(AccountMembers, total=False):
    """A new account; its `users`, who are declared, get it in their next tokens."""

    account_id: Required[int]
    users: Sequence[str]
    population: Json


class NewThirdpartyMembers(TypedDict, total=False):
    """A third party, named by an identifier or by `thirdparty_id`."""

    siret: str
    company_id_type: CompanyIdType
    company_id_value: str
    thirdparty_id: int
    name: str
    date_creation: Day
    legal_category_label: str
    legal_category_code: str
    acronym: str
    activity_label: str
    activity_code: str
    ceo: str
    capital: int
    capital_currency: str
    turnover: float
    turnover_currency: str
    last_balance_sheet_date: Day
    workforce: int
    address_street: str
    address_city: str
    address_post_code: str
    address_country_code: str
    subscription_date: Day | None
    subscription_key: str
    out_of_business: bool
    users: Sequence[Json]


class RuleMembers(TypedDict, total=False):
    """A rule, as in a scenario file."""

    when: Required[Json]
    then: Json
    times: int
    active: Json
    probability: float | Json
    state: str
    new_state: str


class RequestFilter(TypedDict, total=False):
    """Filters of recorded requests: the request as in the `when` of a rule, and how it was answered."""

    method: str
    path: Any
    query: Json
    headers: Json
    body: Any
    json_path: Json
    account_id: Any
    dossier_id: Any
    thirdparty_id: Any
    document_id: Any
    process_id: Any
    user: Any
    status: Any
    code: str | Sequence[str]
    rule: Any
    warning: str | Sequence[str]
