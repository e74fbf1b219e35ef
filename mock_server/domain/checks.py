"""Checks of single values as clients write them; all errors of a request are collected and reported together.

A check returns the value that it read, and adds the errors that its docstring names to the collector.
`parameter` is the Python name of the parameter or member; the dialect translates it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime

from mock_server.domain.errors import (
    E001,
    E002,
    E003,
    E010,
    E011,
    E022,
    E030,
    E112,
    E301,
    E302,
    ErrorCode,
    Refusal,
    Rejected,
)
from mock_server.domain.identifiers import is_well_formed
from mock_server.domain.local_time import local_date, local_day
from mock_server.domain.model import Account, CompanyId, CompanyIdType
from mock_server.domain.variants import Variants
from mock_server.domain.world import Portfolio, World

SHORT_TEXT = 255
LONG_TEXT = 4000
"""Longest texts in characters; no limit is documented (behaviour.md C68, inferred)."""

INT64 = 2**63

_WHITE_SPACE = re.compile(r"\s+")
_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_EMAIL = re.compile(r"[^\s@<>\"(),:;\[\]\\]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)+")


class ErrorCollector:
    """The errors found so far in one request."""

    def __init__(self) -> None:
        self._refusals: list[Refusal] = []

    def add(self, error: ErrorCode, parameter: str | None, *values: str) -> None:
        """Add the error of a parameter."""
        self._refusals.append(Refusal(error, parameter, values))

    def extend(self, refusals: Sequence[Refusal]) -> None:
        """Add refusals found elsewhere."""
        self._refusals.extend(refusals)

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """The errors, in the order in which they were added."""
        return tuple(self._refusals)

    def raise_any(self) -> None:
        """Reject the request if an error was added.

        Raises:
            Rejected: with all errors, in the order in which they were added.
        """
        if self._refusals:
            raise Rejected(*self._refusals)


def normalize_reference(reference: str, variants: Variants) -> str:
    """A dossier reference as it is stored and compared. behaviour.md 6.1 (documented), C15."""
    if variants["referenceSpaces"] == "remove":
        reference = _WHITE_SPACE.sub("", reference)
    reference = reference.strip()
    return reference.upper() if variants["referenceCase"] == "upper" else reference


def required(collector: ErrorCollector, parameter: str, value: str | None) -> str | None:
    """A required member that is not empty: else E001 if it is missing, E003 if it is empty."""
    if value is None:
        collector.add(E001, parameter)
        return None
    if not value.strip():
        collector.add(E003, parameter)
        return None
    return value


def text(collector: ErrorCollector, parameter: str, value: str | None, limit: int = SHORT_TEXT) -> str | None:
    """A free text of at most `limit` characters: else E011."""
    if value is not None and len(value) > limit:
        collector.add(E011, parameter, str(limit))
    return value


def code(collector: ErrorCollector, parameter: str, value: str | None) -> str | None:
    """A third-party code without the blanks around it: else E011 if it is too long."""
    return normalize_code(text(collector, parameter, value))


def normalize_code(value: str | None) -> str | None:
    """A third-party code without the blanks around it; a blank one counts as not given. behaviour.md 6.2."""
    return (value or "").strip() or None


def reference(collector: ErrorCollector, parameter: str, value: str, variants: Variants) -> str:
    """A dossier reference, normalised: E003 if that is empty, E011 if it was too long. behaviour.md 5."""
    stored = normalize_reference(value, variants)
    if not stored:
        collector.add(E003, parameter)
    text(collector, parameter, value)
    return stored


def company_id(collector: ErrorCollector, type_name: str | None, value: str | None) -> CompanyId | None:
    """The identifier of an import: E001, E003, E002 for an unknown type, E010 for a malformed value."""
    type_text = required(collector, "company_id_type", type_name)
    value_text = required(collector, "company_id_value", value)
    kind = company_id_type(collector, "company_id_type", type_text) if type_text else None
    if kind is None or value_text is None:
        return None
    company_id = CompanyId(kind, value_text.strip())
    if not is_well_formed(company_id):
        collector.add(E010, "company_id_value", value_text)
    return company_id


def company_id_type(collector: ErrorCollector, parameter: str, value: str) -> CompanyIdType | None:
    """One of CIT001, CIT002, CIT003: else E002."""
    try:
        return CompanyIdType(value)
    except ValueError:
        collector.add(E002, parameter, value)
        return None


def emails(collector: ErrorCollector, parameter: str, values: Sequence[str] | None) -> tuple[str, ...]:
    """Well-formed addresses: else E010."""
    for value in values or ():
        if not is_email(value):
            collector.add(E010, parameter, value)
    return tuple(values or ())


def is_email(value: str) -> bool:
    """Whether it has the form of an e-mail address, and is not too long."""
    return len(value) <= SHORT_TEXT and _EMAIL.fullmatch(value) is not None


def day(collector: ErrorCollector, parameter: str, value: str | None) -> date | None:
    """A plain date, or a date-time of which the French day counts: else E010. None stays None."""
    if value is None:
        return None
    try:
        return local_day(value)
    except ValueError:
        collector.add(E010, parameter, value)
        return None


def integer(collector: ErrorCollector, parameter: str, value: str) -> int | None:
    """A decimal number of 64 bits: else E010."""
    number = as_int64(value)
    if number is None:
        collector.add(E010, parameter, value)
    return number


def as_int64(value: str) -> int | None:
    """The decimal number in the text; None if it is not a number, or has more than 64 bits."""
    number = int(value) if _INTEGER.fullmatch(value) else None
    return number if number is not None and -INT64 <= number < INT64 else None


def boolean(collector: ErrorCollector, parameter: str, value: str) -> bool | None:
    """`true` or `false`: else E010. behaviour.md 3.0 (inferred)."""
    if value not in {"true", "false"}:
        collector.add(E010, parameter, value)
    return value == "true"


def past_day(now: datetime) -> Callable[[ErrorCollector, str, str], date | None]:
    """Return the check of a day that is not later than today: else E010 for the format, E022 if later."""

    def check(collector: ErrorCollector, parameter: str, value: str) -> date | None:
        value_day = day(collector, parameter, value)
        if value_day is not None and value_day > local_date(now):
            collector.add(E022, parameter)
        return value_day

    return check


def check_requirement_codes(account: Account, codes: Iterable[str]) -> list[Refusal]:
    """E302 for a code the account may not ask for, E301 for a withdrawn one. behaviour.md 5 (documented)."""
    refusals = []
    for code in dict.fromkeys(codes):
        requirement = account.requirements.get(code)
        if requirement is None:
            refusals.append(Refusal(E302, None, (code,)))
        elif requirement.withdrawn:
            refusals.append(Refusal(E301, None, (code,)))
    return sorted(refusals, key=lambda refusal: refusal.error.code)


def check_email_domains(addresses: Iterable[str], invalid_domains: frozenset[str]) -> list[Refusal]:
    """E030 for an address of a domain that takes no mail. behaviour.md 5 (list of domains: inferred)."""
    return [
        Refusal(E030, None, (address,))
        for address in dict.fromkeys(addresses)
        if address.rpartition("@")[2].lower() in invalid_domains
    ]


def check_code_is_free(
    world: World, portfolio: Portfolio, code: str | None, thirdparty_id: int | None
) -> list[Refusal]:
    """E112 when another third party of the account has the code. behaviour.md 6.2 (documented)."""
    holders = list(portfolio.thirdparties_with_code(code)) if code else []
    # A recipe may give one code to several third parties; each of them then keeps it.
    if not holders or thirdparty_id in holders:
        return []
    company_id = world.thirdparties[holders[0]].company_id
    return [Refusal(E112, None, (company_id.type.value, company_id.value))]
