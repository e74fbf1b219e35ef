"""Two values that are nearly the same, as somebody who knows the business would put it.

Each function gives a phrase to follow the name of the value found, or None where it has nothing to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date

from mock_server.domain.checks import normalised
from mock_server.domain.identifiers import french_vat_of, is_well_formed, siren_of
from mock_server.domain.local_time import from_local, local_date
from mock_server.domain.model import CompanyId, CompanyIdType
from mock_server.domain.variants import Variants

_SEPARATORS = re.compile(r"[\s.\-/_\u00a0]+")
_DAY_FIRST = re.compile(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})[/.]?(\d{1,2})[/.]?(\d{1,2})", re.ASCII)
_SIRET_DIGITS = 14
_SIREN_DIGITS = 9


def same_reference(found: str, wanted: str, variants: Variants) -> str | None:
    """`PO-1` and `po-1` with blanks around it, as the platform compares references. behaviour.md 6.1."""
    if normalised(found, variants) == normalised(wanted, variants):
        loose = "".join(found.split()) == "".join(wanted.split())
        how = "removing spaces" if loose else "removing spaces and putting it in capitals"
        return f"equals {wanted!r} after {how}"
    if _bare(found).casefold() == _bare(wanted).casefold():
        return f"is {wanted!r} but for capitals, which count (variant referenceCase)"
    return None


def same_company(found: str, wanted: str) -> str | None:
    """Company numbers written with spaces, mistyped by a digit, or another number of the same company."""
    if _bare(found) == _bare(wanted):
        return f"is {wanted!r} with other signs between the digits; the API takes none"
    return _mistyped(found, wanted) or _of_same_company(found, wanted)


def same_day(found: str, wanted: str) -> str | None:
    """One day written in two ways; the API reads ISO 8601 alone."""
    day = _day(found)
    if day is None or day != _day(wanted):
        return None
    if _iso_day(found) is None:
        return f"is the day {day.isoformat()}, but no date that the API reads: it takes ISO 8601"
    return f"is the same day as {wanted!r}, written otherwise"


def same_text(found: str, wanted: str) -> str | None:
    """Texts that differ in blanks or in capitals alone."""
    if " ".join(found.split()) == " ".join(wanted.split()):
        return f"is {wanted!r} but for spaces"
    if found.casefold() == wanted.casefold():
        return f"is {wanted!r} but for capitals"
    return None


def same_but_for_type(found: object, wanted: object) -> str | None:
    """The text "10" and the number 10, "true" and true, null and nothing."""
    if type(found) is type(wanted) or isinstance(found, Mapping | list):
        return None
    if _as_json(found) != _as_json(wanted):
        return None
    return f"is {_kind(found)} {found!r}, expected is {_kind(wanted)} {wanted!r}"


def _mistyped(found: str, wanted: str) -> str | None:
    if len(found) != len(wanted):
        return None
    places = [at for at, (one, other) in enumerate(zip(found, wanted, strict=True), 1) if one != other]
    swapped = len(places) == 2 and sorted(found) == sorted(wanted)  # noqa: PLR2004  # two signs, in each other's place
    if len(places) != 1 and not swapped:
        return None
    how = "has two digits swapped" if swapped else f"is one digit off (the {places[0]}th)"
    return f"is not {wanted!r}: it {how}{_luhn(found, wanted)}"


def _luhn(found: str, wanted: str) -> str:
    """Which of two SIRETs fails the check that would have told the slip."""
    if not (len(found) == _SIRET_DIGITS and found.isdecimal() and wanted.isdecimal()):
        return ""
    if not _is_siret(found):
        return " and fails the Luhn check"
    return "" if _is_siret(wanted) else "; the expected one fails the Luhn check"


def _of_same_company(found: str, wanted: str) -> str | None:
    siren = _siren(found)
    if siren is None or siren != _siren(wanted):
        return None
    if len(found) == len(wanted) == _SIRET_DIGITS:
        return f"is another establishment of the company of {wanted!r}"
    return f"is the {_number(found)} of the company whose {_number(wanted)} is {wanted!r}"


def _siren(number: str) -> str | None:
    """The SIREN behind a SIREN, a SIRET or a French VAT number."""
    if re.fullmatch(r"[0-9]{9}|[0-9]{14}", number, re.ASCII):
        return siren_of(number)
    siren = number[-_SIREN_DIGITS:]
    return siren if siren.isdecimal() and siren.isascii() and number == french_vat_of(siren) else None


def _number(number: str) -> str:
    return {_SIREN_DIGITS: "SIREN", _SIRET_DIGITS: "SIRET"}.get(len(number), "VAT number")


def _is_siret(value: str) -> bool:
    return is_well_formed(CompanyId(CompanyIdType.SIRET, value))


def _bare(value: str) -> str:
    return _SEPARATORS.sub("", value)


def _day(text: str) -> date | None:
    return _iso_day(text) or _other_day(text)


def _iso_day(text: str) -> date | None:
    with suppress(ValueError):
        return local_date(from_local(text))
    return None


def _other_day(text: str) -> date | None:
    """A day as people write it, the day or the year first."""
    plain = text.strip()
    if found := _DAY_FIRST.fullmatch(plain):
        day, month, year = map(int, found.groups())
    elif found := _YEAR_FIRST.fullmatch(plain):
        year, month, day = map(int, found.groups())
    else:
        return None
    with suppress(ValueError):
        return date(year, month, day)
    return None


def _as_json(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "the boolean"
    return "the text" if isinstance(value, str) else "the number"
