"""Why a rule of the business refused, in a sentence that knows what the sandbox holds of what is concerned.

A row of the table knows one code; where it has nothing to say, the code's own label speaks.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from mock_server.domain.errors import ERRORS
from mock_server.domain.local_time import ZONE, local_date
from mock_server.domain.model import CompanyId, CompanyIdType, Dossier, Thirdparty
from mock_server.domain.paging import MAX_PAGE_SIZE
from mock_server.domain.sortedset import EMPTY
from mock_server.domain.world import Portfolio, World
from mock_server.journal.told import Told

_COMPANY = 2
"""Values that name a company: the type of its identifier, and the identifier."""


class Refused(Struct, frozen=True, kw_only=True):
    """One refusal, and where: the account and dossier of the call, the company of the import, and when."""

    told: Told
    world: World
    at: datetime
    account_id: int | None = None
    dossier_id: int | None = None
    company_id: CompanyId | None = None

    @property
    def value(self) -> str:
        """The value refused."""
        return self.told.value

    @property
    def portfolio(self) -> Portfolio | None:
        """What the account holds now."""
        return None if self.account_id is None else self.world.portfolios.get(self.account_id)

    @property
    def dossier(self) -> Dossier | None:
        """The dossier of the call as it is now."""
        if self.portfolio is None or self.dossier_id is None:
            return None
        return self.portfolio.dossiers.get(self.dossier_id)

    @property
    def today(self) -> str:
        """The day of the call on the sandbox's clock."""
        return f"{local_date(self.at).isoformat()} on the sandbox's clock"


def sentence(refused: Refused) -> str:
    """Why it was refused."""
    code = refused.told.code
    if code in _PLAIN:
        return _plain(refused, code)
    explain = _SENTENCES.get(code)
    return (explain and explain(refused)) or _label(refused)


def holder(refused: Refused) -> Dossier | None:
    """The dossier that stands in the way: the one concerned, or the one that has the reference already."""
    if refused.told.code != "E202" or refused.portfolio is None:
        return refused.dossier
    thirdparty = _thirdparty(refused)
    named = refused.portfolio.index.get(("reference", refused.value), EMPTY)
    others = (refused.portfolio.dossiers[found] for found in named if found != refused.dossier_id)
    return next((found for found in others if thirdparty in {None, found.thirdparty_id}), None)


_PLAIN = {
    "E001": "The call gives no {parameter}, and it has to.",
    "E010": "{parameter} {value!r} is not of its format.",
    "E021": "The expirationDate is not later than the day of the call, {today}.",
    "E022": "{parameter} is later than the call, which was made on {today}.",
    "E030": "The domain of {value!r} takes no mail here: it is among the recipe's invalidEmailDomains.",
    "E100": "Account {account} never had a dossier of the third party {value}.",
    "E111": "The third party has the code {value!r} in this account, and the import gives another.",
    "E205": "The dossier would expire on {value}, which is not later than {today}.",
    "E301": "The document type {value!r} was withdrawn: account {account} may not ask for it.",
    "E302": "The document type {value!r} is none of those that account {account} may ask for.",
}
"""The codes that the refusal alone explains."""


def _plain(refused: Refused, code: str) -> str:
    return _PLAIN[code].format(
        parameter=refused.told.parameter, value=refused.value, account=refused.account_id, today=refused.today
    )


def _label(refused: Refused) -> str:
    about = " ".join(filter(None, (refused.told.parameter, refused.value and repr(refused.value))))
    label = ERRORS[refused.told.code].label_en.rstrip(".")
    return f"{label}: {about}." if about else f"{label}."


def _unknown_value(refused: Refused) -> str:
    if refused.told.parameter == "companyIdType":
        kinds = ", ".join(f"{kind.value} ({kind.name})" for kind in CompanyIdType)
        return f"companyIdType {refused.value!r} is none of those there are: {kinds}."
    return f"{refused.told.parameter} {refused.value!r} is none of the values there are."


def _empty(refused: Refused) -> str:
    if refused.told.parameter == "dataToUpdate":
        return "The call has nothing to update: its body gives none of the members that an update reads."
    return f"{refused.told.parameter} is there, but empty."


def _too_long(refused: Refused) -> str:
    if refused.told.parameter == "pageSize":
        return f"A page has {MAX_PAGE_SIZE} hits at most, and pageSize asks for more."
    return f"{refused.told.parameter} has more than the {refused.value} characters that there may be."


def _of_provider(refused: Refused) -> str | None:
    company_id = refused.company_id
    row = None if company_id is None else refused.world.establishments.get(company_id)
    if company_id is None:
        return None
    label = ERRORS[refused.told.code].label_en.rstrip(".")
    about = f" The fixture says of it: {row.about}" if row is not None and row.about else ""
    return f"The data provider says of {company_id.value}: {label[:1].lower()}{label[1:]}.{about}"


def _code_taken(refused: Refused) -> str | None:
    if len(refused.told.values) != _COMPANY:
        return None
    return f"The thirdpartyCode belongs to another third party of the account, {refused.told.values[1]}."


def _inactive(refused: Refused) -> str | None:
    if refused.portfolio is None:
        return None
    status = refused.portfolio.account.subscription_status
    return f"The subscription of account {refused.account_id} is {status}: it may not import."


def _no_dossier(refused: Refused) -> str:
    said = f"Account {refused.account_id} has no dossier {refused.value}"
    if not refused.value.isdecimal():
        return f"{said}."
    others = (
        portfolio.account.account_id
        for portfolio in refused.world.portfolios.values()
        if int(refused.value) in portfolio.dossiers
    )
    other = next(others, None)
    return f"{said}." if other is None else f"{said}: it is one of account {other}."


def _disabled(refused: Refused) -> str | None:
    dossier = refused.dossier
    if dossier is None:
        return None
    name = f"Dossier {dossier.dossier_id} (reference {dossier.reference!r})"
    if dossier.monitored or dossier.stopping_date is None:
        return f"{name} was not monitored when the call was made; by now it is active again."
    reason = dossier.stopping_reason.value
    return (
        f"{name} is not monitored: it was stopped {_moment(dossier.stopping_date)}, for the reason {reason}."
    )


def _duplicate(refused: Refused) -> str | None:
    found = holder(refused)
    rule = "One reference may be used once per account and third party, stopped dossiers included"
    if found is None:
        return f"The third party has a dossier with the reference {refused.value!r} already. {rule}."
    how = "monitored" if found.monitored else "stopped"
    thirdparty = refused.world.thirdparties[found.thirdparty_id]
    return (
        f"Dossier {found.dossier_id}, which is {how}, has the reference {refused.value!r} already,"
        f" for the same third party, {_named(thirdparty)}. {rule}."
    )


def _active(refused: Refused) -> str | None:
    if refused.dossier is None:
        return None
    return f"Dossier {refused.dossier.dossier_id} was active when the call was made: nothing to reactivate."


def _absent(refused: Refused) -> str | None:
    nouns = {
        "accountId": "account",
        "processId": "import process",
        "documentId": "document",
        "fileId": "file",
    }
    if refused.told.parameter == "dossierId":
        return _no_dossier(refused)
    if refused.told.parameter == "thirdpartyId":
        return _plain(refused, "E100")
    noun = nouns.get(refused.told.parameter or "")
    return None if noun is None else f"There is no {noun} {refused.value} in this sandbox."


_SENTENCES: dict[str, Callable[[Refused], str | None]] = {
    "E002": _unknown_value,
    "E003": _empty,
    "E011": _too_long,
    **dict.fromkeys(("E101", "E102", "E103", "E104", "E105"), _of_provider),
    "E112": _code_taken,
    "E113": _inactive,
    "E200": _no_dossier,
    "E201": _disabled,
    "E202": _duplicate,
    "E204": _active,
    "NOT_FOUND": _absent,
}


def _thirdparty(refused: Refused) -> int | None:
    """The id of the third party that the call is about."""
    if refused.dossier is not None:
        return refused.dossier.thirdparty_id
    found = None if refused.company_id is None else refused.world.thirdparty_identified(refused.company_id)
    return None if found is None else found.thirdparty_id


def _named(thirdparty: Thirdparty) -> str:
    return f"{thirdparty.company.name} ({thirdparty.company_id.value})"


def _moment(at: datetime) -> str:
    return f"on {at.astimezone(ZONE):%Y-%m-%d at %H:%M}"
