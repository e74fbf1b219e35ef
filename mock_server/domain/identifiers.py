"""Company identifiers: SIRET, SIREN, French VAT, foreign VAT and DUNS (behaviour.md 7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from mock_server.domain.model import CompanyId, CompanyIdType

MAX_LENGTH = 15
"""Characters of the longest identifier, a VAT number."""

_DUNS = re.compile(r"[0-9]{9}", re.ASCII)
_VAT = re.compile(r"[A-Z]{2}[0-9A-Z+*]{2,13}", re.ASCII)
_GREECE = {"EL": "GR"}


def is_well_formed(company_id: CompanyId) -> bool:
    """Whether the value has the format of its type: Luhn for a SIRET, 9 digits for a DUNS, a VAT number.

    behaviour.md 7 (documented); refusing the others with E010 is inferred.
    """
    return len(company_id.value) <= MAX_LENGTH and _has_format(company_id)


@lru_cache(maxsize=4096)
def _has_format(company_id: CompanyId) -> bool:
    return _FORMATS[company_id.type](company_id.value)


def siren_of(siret: str) -> str:
    """The company's 9 digits of an establishment's 14. behaviour.md 7 (documented)."""
    return siret[:9]


def french_vat_of(siren: str) -> str:
    """`FR`, the two-digit key and the SIREN. behaviour.md 7 (documented)."""
    return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02d}{siren}"


def is_french(company_id: CompanyId) -> bool:
    """A SIRET, or a VAT number that begins with FR. behaviour.md 6.10 (documented)."""
    return company_id.type is CompanyIdType.SIRET or (
        company_id.type is CompanyIdType.VAT and company_id.value.startswith("FR")
    )


def country_of(company_id: CompanyId, otherwise: str) -> str:
    """ISO alpha-2 country of the identifier, `otherwise` for a DUNS. behaviour.md 6.10 (inferred)."""
    if company_id.type is CompanyIdType.DUNS:
        return otherwise
    if company_id.type is CompanyIdType.SIRET:
        return "FR"
    prefix = company_id.value[:2]
    return _GREECE.get(prefix, prefix)


def _is_siret(value: str) -> bool:
    # Imported here: stdnum reads package metadata on import, which a start need not wait for.
    from stdnum.fr import siret

    return re.fullmatch(r"[0-9]{14}", value, re.ASCII) is not None and bool(siret.is_valid(value))


def _is_vat(value: str) -> bool:
    """The format of the country's VAT numbers; check digits do not count, since tests make numbers up."""
    from stdnum.eu import vat
    from stdnum.exceptions import InvalidChecksum, InvalidComponent, ValidationError

    if _VAT.fullmatch(value) is None or value[:2].lower() not in {*vat.MEMBER_STATES, "el"}:
        return False
    try:
        vat.validate(value)
    except (InvalidChecksum, InvalidComponent):
        return True
    except ValidationError:
        return False
    return True


_FORMATS: dict[CompanyIdType, Callable[[str], bool]] = {
    CompanyIdType.SIRET: _is_siret,
    CompanyIdType.VAT: _is_vat,
    CompanyIdType.DUNS: lambda value: _DUNS.fullmatch(value) is not None,
}
