"""Company identifiers: what is well formed, and what follows from what (behaviour.md 7)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.fr import tva

from mock_server.domain.identifiers import country_of, french_vat_of, is_french, is_well_formed, siren_of
from mock_server.domain.imports import new_thirdparty
from mock_server.domain.model import Company, CompanyId, CompanyIdType

SIRET, VAT, DUNS = CompanyIdType.SIRET, CompanyIdType.VAT, CompanyIdType.DUNS

DOCUMENTED = [
    ("503829368", "FR69503829368", "50382936800045"),
    ("493841803", "FR92493841803", "49384180300056"),
    ("432583359", "FR87432583359", "43258335900109"),
    ("811386366", "FR79811386366", "81138636600017"),
    ("339542359", "FR19339542359", "33954235900056"),
    ("380716696", "FR29380716696", "38071669600063"),
]

WELL_FORMED = {
    "a SIRET": (SIRET, "50382936800045"),
    "the head office of La Poste": (SIRET, "35600000000048"),
    "an establishment of La Poste, digits summing to 15": (SIRET, "35600000000001"),
    "a German VAT number": (VAT, "DE136695976"),
    "a German VAT number with made-up check digits": (VAT, "DE123456789"),
    "an Italian VAT number": (VAT, "IT00743110157"),
    "a Belgian VAT number": (VAT, "BE0776091951"),
    "a Dutch VAT number": (VAT, "NL004495445B01"),
    "a Greek VAT number": (VAT, "EL094259216"),
    "an Austrian VAT number": (VAT, "ATU13585627"),
    "a Spanish VAT number": (VAT, "ESX1234567X"),
    "a Swedish VAT number": (VAT, "SE123456789001"),
    "a French VAT number": (VAT, "FR69503829368"),
    "a DUNS": (DUNS, "150483782"),
    "a DUNS of zeros": (DUNS, "000000000"),
}

MALFORMED = {
    "an empty SIRET": (SIRET, ""),
    "a SIRET with a wrong check digit": (SIRET, "50382936800046"),
    "a SIRET with two digits swapped": (SIRET, "50382936800054"),
    "a SIRET of 13 digits": (SIRET, "5038293680004"),
    "a SIRET of 15 digits": (SIRET, "503829368000455"),
    "a SIREN for a SIRET": (SIRET, "503829368"),
    "a SIRET with blanks": (SIRET, "503 829 368 00045"),
    "a SIRET with a line feed": (SIRET, "50382936800045\n"),
    "a SIRET with a letter": (SIRET, "5038293680004O"),
    "a SIRET with full-width digits": (SIRET, "5038293680004\uff15"),
    "an establishment of La Poste, digits summing to 16": (SIRET, "35600000000002"),
    "an empty VAT number": (VAT, ""),
    "a VAT number without its number": (VAT, "DE"),
    "a VAT number without its country": (VAT, "136695976"),
    "a German VAT number too short": (VAT, "DE12345"),
    "a German VAT number too long": (VAT, "DE1366959760"),
    "a German VAT number with a letter": (VAT, "DE13669597A"),
    "a VAT number in small letters": (VAT, "de136695976"),
    "a VAT number with blanks": (VAT, "DE 136695976"),
    "a VAT number with a line feed": (VAT, "DE136695976\n"),
    "a French VAT number too short": (VAT, "FR1234"),
    "a French VAT prefix before a SIRET": (VAT, "FR50382936800045"),
    "a VAT number of no country": (VAT, "XX123456789"),
    "a VAT number of a country outside the Union": (VAT, "US123456789"),
    "an empty DUNS": (DUNS, ""),
    "a DUNS of 8 digits": (DUNS, "15048378"),
    "a DUNS of 10 digits": (DUNS, "1504837821"),
    "a DUNS with hyphens": (DUNS, "15-048-3782"),
    "a DUNS with a letter": (DUNS, "15048378X"),
    "a DUNS with Arabic digits": (DUNS, "١٢٣٤٥٦٧٨٩"),
}

COUNTRIES = {
    "a SIRET is French": (SIRET, "50382936800045", "FR"),
    "a VAT number has its prefix's": (VAT, "DE136695976", "DE"),
    "EL is Greece": (VAT, "EL094259216", "GR"),
    "a French VAT number is French": (VAT, "FR69503829368", "FR"),
    "a DUNS has the one that is given": (DUNS, "150483782", "CA"),
}


@pytest.mark.parametrize(("siren", "vat", "siret"), DOCUMENTED, ids=[row[0] for row in DOCUMENTED])
def test_siren_and_vat_number_follow_from_a_documented_siret(siren: str, vat: str, siret: str) -> None:
    assert siren_of(siret) == siren
    assert french_vat_of(siren) == vat
    assert is_well_formed(CompanyId(SIRET, siret))


@pytest.mark.parametrize(("kind", "value"), WELL_FORMED.values(), ids=WELL_FORMED)
def test_an_identifier_is_well_formed(kind: CompanyIdType, value: str) -> None:
    assert is_well_formed(CompanyId(kind, value))


@pytest.mark.parametrize(("kind", "value"), MALFORMED.values(), ids=MALFORMED)
def test_an_identifier_is_malformed(kind: CompanyIdType, value: str) -> None:
    assert not is_well_formed(CompanyId(kind, value))


@pytest.mark.parametrize(("kind", "value", "country"), COUNTRIES.values(), ids=COUNTRIES)
def test_the_country_of_an_identifier(kind: CompanyIdType, value: str, country: str) -> None:
    assert country_of(CompanyId(kind, value), otherwise="CA") == country


@pytest.mark.parametrize(
    ("kind", "value", "french"),
    [(SIRET, "50382936800045", True), (VAT, "FR69503829368", True), (VAT, "DE136695976", False)],
    ids=["a SIRET", "a French VAT number", "a German VAT number"],
)
def test_whether_a_company_is_french(kind: CompanyIdType, value: str, french: bool) -> None:  # noqa: FBT001
    assert is_french(CompanyId(kind, value)) is french


def test_a_duns_number_is_not_french() -> None:
    assert not is_french(CompanyId(DUNS, "150483782"))


@given(number=st.integers(0, 10**8 - 1), establishment=st.integers(0, 9999))
def test_any_siret_gives_a_siren_and_the_vat_number_that_others_compute_too(
    number: int, establishment: int
) -> None:
    siren = luhn_completed(f"{number:08d}")
    siret = luhn_completed(f"{siren}{establishment:04d}")

    made = new_thirdparty(1, CompanyId(SIRET, siret), Company(name="ANY"))

    assert (made.siret, made.siren, made.tva) == (siret, siren, french_vat_of(siren))
    assert made.country_code == "FR"
    assert tva.is_valid(french_vat_of(siren))


@given(number=st.integers(0, 10**8 - 1), establishment=st.integers(0, 9999), at=st.integers(0, 13))
def test_one_wrong_digit_makes_any_siret_malformed(number: int, establishment: int, at: int) -> None:
    siret = luhn_completed(f"{luhn_completed(f'{number:08d}')}{establishment:04d}")
    wrong = f"{siret[:at]}{(int(siret[at]) + 1) % 10}{siret[at + 1 :]}"

    assert not is_well_formed(CompanyId(SIRET, wrong))


@pytest.mark.parametrize(("kind", "value"), [(VAT, "DE136695976"), (DUNS, "150483782")], ids=["VAT", "DUNS"])
def test_a_foreign_company_has_neither_siren_nor_siret(kind: CompanyIdType, value: str) -> None:
    made = new_thirdparty(1, CompanyId(kind, value), Company(name="ANY"))

    assert (made.siren, made.siret) == (None, None)


def luhn_completed(digits: str) -> str:
    return digits + str(luhn.calc_check_digit(digits))
