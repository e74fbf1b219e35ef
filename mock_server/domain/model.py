"""The vendor's nouns as frozen values (behaviour.md 4).

Instants are aware datetimes in UTC, days are dates. `Dossier`, `Thirdparty` and their parts compare by
identity: a value that did not change is the same object, and its rendering is cached by that object.

The garbage collector does not track structs of which a state has millions (`gc=False`): they form no cycles.

Without `from __future__ import annotations`: msgspec would compile each annotation at every start.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from mock_server.domain.errors import Refusal

Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""A number as each JSON parser can read it: decoding rejects all others."""

EntityId = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""How many; never negative."""
SubscriptionStatus = Literal["ACTIVE", "INACTIVE"]
"""Wider than the ids of recipes: the ids that follow those must fit as well."""

VIGILANCE_CODES = ("ATT_VIGI", "JUSTIF_IMM", "LST_SAL_ETR")
"""The duty-of-vigilance set: an account's standard default and what I001 looks at (behaviour.md 6.6, 6.8)."""

NO_REFERENCE = "-"
"""The reference of a dossier that was created without one; never a duplicate (behaviour.md 6.1)."""


class CompanyIdType(StrEnum):
    """How a company is identified (behaviour.md 7)."""

    SIRET = "CIT001"
    VAT = "CIT002"
    DUNS = "CIT003"


class StoppingReason(StrEnum):
    """Why a dossier is no longer monitored (behaviour.md 6.7)."""

    NOT_STOPPED = "NA"
    OUT_OF_BUSINESS = "OUTOFBUSINESS"
    EXPIRATION = "EXPIRATION"
    STOP_REQUEST = "STOPREQUEST"
    UNKNOWN = "UNKNOWN"


class Condition(StrEnum):
    """What the data provider reports about an establishment (behaviour.md 6.4)."""

    OPEN = "open"
    CLOSED = "closed"
    TRANSFERRED = "transferred"
    UNKNOWN = "unknown"
    FAILING = "failing"
    AMBIGUOUS = "ambiguous"


class CompanyId(Struct, frozen=True, gc=False):
    """One identifier of one third party: a type and its value."""

    type: CompanyIdType
    value: str


class Company(Struct, frozen=True, kw_only=True, gc=False):
    """What the data provider knows of a company; amounts in whole units of their currency."""

    name: str
    date_creation: date | None = None
    legal_category_label: str | None = None
    legal_category_code: str | None = None
    acronym: str | None = None
    activity_label: str | None = None
    activity_code: str | None = None
    ceo: str | None = None
    capital: Int64 | None = None
    capital_currency: str | None = None
    turnover: float | None = None
    turnover_currency: str | None = None
    last_balance_sheet_date: date | None = None
    workforce: Int64 | None = None
    address_street: str | None = None
    address_city: str | None = None
    address_post_code: str | None = None
    address_country_code: str | None = None


class Establishment(Struct, frozen=True, kw_only=True):
    """A row of the registry, which imports of this identifier find; with `never_ends` they never end."""

    company_id: CompanyId
    condition: Condition = Condition.OPEN
    transferred_to: CompanyId | None = None
    import_duration: timedelta | None = None
    never_ends: bool = False
    company: Company | None = None
    about: str = ""


class User(Struct, frozen=True, kw_only=True, gc=False):
    """A person at a third party, as the platform shows one."""

    firstname: str
    lastname: str
    email: str
    phone: str


class Thirdparty(Struct, frozen=True, kw_only=True, eq=False, gc=False):
    """An establishment on the platform, the same for every account. Registered when it has a date for it."""

    thirdparty_id: EntityId
    company_id: CompanyId
    siren: str | None
    siret: str | None
    tva: str | None
    country_code: str
    company: Company
    subscription_date: date | None
    subscription_key: str
    out_of_business: bool = False
    users: tuple[User, ...] = ()

    @property
    def registered(self) -> bool:
        """Whether it has users on the platform (behaviour.md 6.3)."""
        return self.subscription_date is not None


class Requirement(Struct, frozen=True, kw_only=True):
    """A document type that an account may ask for; `withdrawn` ones are known and refused."""

    document_type_id: EntityId
    code: str
    name: str
    label_fr: str
    label_en: str | None
    category_fr: str
    category_en: str
    description_fr: str
    description_en: str
    withdrawn: bool = False


class Subscription(Struct, frozen=True, kw_only=True):
    """A product that an account has taken."""

    key: str
    start: datetime
    end: datetime | None
    status: str


class Account(Struct, frozen=True, kw_only=True, eq=False):
    """The client who asks for documents. Requirements in the order in which they are listed."""

    account_id: EntityId
    technical_name: str
    name: str
    company: str
    creation: datetime
    max_dossiers: Number
    subscription_date: datetime
    subscription_status: SubscriptionStatus
    subscriptions: tuple[Subscription, ...]
    international: bool
    requirements: Mapping[str, Requirement]
    default_requirements: tuple[str, ...]

    @property
    def active(self) -> bool:
        """Whether it may import (behaviour.md 5, E113)."""
        return self.subscription_status == "ACTIVE"


class FormAnswer(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """One answer of a form that a third party filled in."""

    type: str
    key: str
    title: str
    order: Int64
    value: str


class Evidence(Struct, frozen=True, kw_only=True, eq=False, gc=False):
    """The answer to a document: a file (size in bytes), or a form without one.

    Valid through the end of `expiration_date` in France, without expiry if there is none. Without
    `content` the sandbox makes a PDF of `file_size` bytes.
    """

    evidence_id: EntityId
    upload_date: datetime
    file_uuid: str | None
    file_creation: datetime
    file_size: Int64
    expiration_date: date | None
    metadata: Mapping[str, str] = field(default_factory=dict)
    formdata: tuple[FormAnswer, ...] = ()
    content: bytes | None = None

    def valid_on(self, day: date) -> bool:
        """behaviour.md 6.8 (carried-over)."""
        return self.expiration_date is None or day <= self.expiration_date


class Document(Struct, frozen=True, kw_only=True, eq=False, gc=False):
    """A document that one dossier requests. Evidences oldest first; `present` as of the last settlement."""

    document_id: EntityId
    code: str
    request_date: datetime
    present: bool = False
    evidences: tuple[Evidence, ...] = ()


class Indicator(Struct, frozen=True, kw_only=True, gc=False):
    """I001, the duty of vigilance (behaviour.md 6.8)."""

    code: str
    state: bool
    last_change_date: datetime


class Dossier(Struct, frozen=True, kw_only=True, eq=False, weakref=True):
    """One monitoring file of one account on one third party.

    `complete` is what the API calls state; it keeps its last value after a stop, when the API shows null.
    """

    dossier_id: EntityId
    account_id: EntityId
    thirdparty_id: EntityId
    reference: str
    description: str | None
    purchasing_category: str | None
    monitored: bool
    starting_date: datetime | None
    expiration_date: date | None
    stopping_date: datetime | None
    stopping_reason: StoppingReason
    complete: bool
    state_last_change_date: datetime
    indicators: tuple[Indicator, ...]
    documents: tuple[Document, ...]


class Login(Struct, frozen=True, kw_only=True):
    """A user of the API; the first account is the default one."""

    username: str
    password: str
    account_ids: tuple[int, ...]
    firstname: str
    lastname: str


class Admission(Struct, frozen=True, kw_only=True):
    """Who may log in, by user name; any other user, where allowed, gets the default account."""

    logins: Mapping[str, Login] = field(default_factory=dict)
    default_account: int | None = None


NO_LOGINS = Admission()
"""No user is declared, and there is no account for others."""


class NewDossier(Struct, frozen=True, kw_only=True):
    """The request of an import, checked and normalised; without required documents it is the default set."""

    company_id: CompanyId
    reference: str
    thirdparty_code: str | None = None
    description: str | None = None
    purchasing_category: str | None = None
    expiration_date: date | None = None
    required_documents: tuple[str, ...] = ()
    thirdparty_email: tuple[str, ...] = ()
    user_in_charge: tuple[str, ...] = ()


class ImportPlan(Struct, frozen=True, kw_only=True):
    """How an import ends, if not as its establishment says: it is `held`, `lasts` a time, finds a condition.

    None leaves it to the establishment.
    """

    held: bool = False
    lasts: timedelta | None = None
    condition: Condition | None = None


DEFAULT_OUTCOME = ImportPlan()
"""The plan of an import that no rule changes."""


class ImportProcess(Struct, frozen=True, kw_only=True, eq=False):
    """An import that runs or has ended.

    `number` counts launches; `ends` is when it ends or ended, None while it is on hold.

    `wanted` is the request; `condition`, if there is one, is the answer of the data provider, in place of the
    registry's; `refusals` are filled when it ended without a dossier. As long as it runs, `company` is that
    of its third party, if this is new.
    """

    process_id: str
    number: Int64
    account_id: EntityId
    creation: datetime
    ends: datetime | None
    wanted: NewDossier
    condition: Condition | None = None
    complete: bool = False
    refusals: tuple[Refusal, ...] = ()
    dossier_id: EntityId | None = None
    company: Company | None = None

    @property
    def success(self) -> bool:
        """A dossier was made; false as long as the process runs."""
        return self.dossier_id is not None

    @property
    def outcome(self) -> str:
        """`running`, `succeeded`, or the first of the codes with which it ended."""
        if self.refusals:
            return self.refusals[0].error.code
        return "succeeded" if self.complete else "running"


class MailKind(StrEnum):
    """What an e-mail is for (behaviour.md 6.11)."""

    INVITATION = "invitation"
    REQUEST = "request"
    USER_IN_CHARGE = "userInCharge"


class Mail(Struct, frozen=True, kw_only=True, eq=False):
    """One e-mail to one address, about one dossier; with the key that an invited third party registers by."""

    number: Int64
    sent_at: datetime
    kind: MailKind
    account_id: EntityId
    dossier_id: EntityId
    thirdparty_id: EntityId
    to: str
    document_codes: tuple[str, ...] = ()
    subscription_key: str | None = None
