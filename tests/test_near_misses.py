"""Explanations of near misses: no sentence claims a difference that is not there."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.fr import siret as siret_number

from mock_server.domain.identifiers import french_vat_of
from mock_server.domain.variants import resolve
from mock_server.domain.world import World
from mock_server.journal.entries import Entry
from mock_server.journal.journal import Exchange, pack
from mock_server.journal.near_misses import ExplainContext, compare_texts, explain_mismatches
from mock_server.scenarios.matching import differences
from tests.support import SIRET

SAME_EXCEPT: dict[str, Callable[[str], str]] = {
    "white space": lambda text: re.sub(r"\s", "", text),
    "capitals": lambda text: text.lower(),
    "separators": lambda text: text.translate(str.maketrans("", "", "-._/")),
}

NUMBERS = ["99050000100013", "99050000100021", "50382936800045", "990500001", "503829368", "FR69503829368"]
DAYS = ["2031-12-31", "31/12/2031", "31.12.2031", "20311231", "2031-12-31T00:00:00", "2031-12-30T23:30:00Z"]
VARIANTS = [{}, {"referenceCase": "upper"}, {"referenceSpaces": "remove"}, {"referenceSpaces": "keep"}]

signs = st.text(alphabet="Pp1Oo-_ ./\tßİ", max_size=6)


@st.composite
def edited_texts(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """One of these texts with a few signs inserted, deleted, replaced or swapped."""
    text = list(draw(texts))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, max(len(text) - 2, 0)))
        edit = draw(st.sampled_from(["insert", "delete", "replace", "swap", "case"]))
        if edit == "insert" or not text:
            text.insert(at, draw(st.sampled_from(" -_.7P")))
        elif edit == "delete":
            del text[at]
        elif edit == "replace":
            text[at] = draw(st.sampled_from("0123456789P"))
        elif edit == "swap":
            text[at : at + 2] = reversed(text[at : at + 2])
        else:
            text = list("".join(text).swapcase())
    return "".join(text)


VALUES = st.one_of(
    *(edited_texts(st.sampled_from(texts)) for texts in (NUMBERS, DAYS, ["PO-1", "po 1", "PO_1"])),
    signs,
    st.none(),
    st.booleans(),
    st.integers(0, 12),
    st.sampled_from(["true", "null", "None", "10", "1.0", 1.0]),
)


def explain(found: Any, wanted: Any, name: str = "dossierReference", **variants: str) -> list[str]:
    """The sentences on a body in which `name` is `found` and `wanted` is expected."""
    at = datetime(2026, 3, 2, tzinfo=UTC)
    texts = {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "QUERY_STRING": ""}
    exchange = Exchange(
        *("importDossier", "rest", None, at, 0.0, 0.001, texts, b"", {}, None, 200, [], (), None),
        matched=True,
        rule_effect=None,
    )
    context = ExplainContext(world=World(), variants=resolve(variants, "rest"))
    rows = tuple(differences({name: wanted}, {name: found}, "body"))
    return list(explain_mismatches(rows, Entry(1, pack(exchange, b"", 10_000)), context))


def without(kinds: list[str], text: str) -> str:
    for kind in kinds:
        text = SAME_EXCEPT[kind](text)
    return text


def check_kinds(found: str, wanted: str, kinds: list[str]) -> None:
    """These kinds of difference explain all that differs, and each of them is there."""
    assert without(kinds, found) == without(kinds, wanted)
    for kind in kinds:
        others = [other for other in kinds if other != kind]
        assert without(others, found) != without(others, wanted), f"{kind} do not differ"


def check_place(found: str, wanted: str, place: str) -> None:
    """The texts differ at this place alone."""
    places = [at for at, pair in enumerate(zip(found, wanted, strict=True), 1) if pair[0] != pair[1]]
    assert places == [int(place)]


def check_swap(found: str, wanted: str, one: str, other: str) -> None:
    """To swap the characters at these two places makes the texts equal."""
    signs = list(found)
    signs[int(one) - 1], signs[int(other) - 1] = signs[int(other) - 1], signs[int(one) - 1]
    assert found != wanted
    assert "".join(signs) == wanted


def check_company(found: str, wanted: str) -> None:
    """The texts are different numbers of one company."""
    sirens = [re.sub(r"^FR..", "", text)[:9] for text in (found, wanted)]
    assert found != wanted
    assert sirens[0] == sirens[1]
    assert re.fullmatch("[0-9]{9}", sirens[0])
    assert all(re.fullmatch("[0-9]{9}|[0-9]{14}|FR[0-9]{11}", text) for text in (found, wanted))


def check_type(found: Any, wanted: Any, found_shown: str, wanted_shown: str) -> None:
    """The values look the same and are of different types."""
    assert type(found) is not type(wanted)
    assert found_shown.strip("'") == wanted_shown.strip("'")


CLAIMS: dict[str, Callable[..., None]] = {
    r": only ([a-z ,]+?) differs?(?:;|,|$)": lambda found, wanted, kinds: check_kinds(
        found, wanted, re.split(", | and ", kinds)
    ),
    r"only the (\d+)\w\w character differs": check_place,
    r"the (\d+)\w\w and (\d+)\w\w characters are swapped": check_swap,
    r"of the company ": check_company,
    r" is (?:the \w+ )?(null|'.*'|[\w.]+), expected (?:the \w+ )?(null|'.*'|[\w.]+)$": check_type,
}
"""What a sentence may claim, as a pattern, and the check of it."""


def check_claims(sentence: str, found: Any, wanted: Any) -> None:
    """Check all that the sentence claims about the two values."""
    for pattern, check in CLAIMS.items():
        if claim := re.search(pattern, sentence):
            check(found, wanted, *claim.groups())
    failing = [text for text in (found, wanted) if isinstance(text, str) and not siret_number.is_valid(text)]
    if "the expected one fails the Luhn check" in sentence:
        assert failing == [wanted]
    elif "fails the Luhn check" in sentence:
        assert found in failing


@given(signs, signs)
def test_the_kinds_of_difference_explain_the_two_texts(found: str, wanted: str) -> None:
    kinds = list(compare_texts(found, wanted))

    if kinds:
        check_kinds(found, wanted, kinds)
    else:
        assert found == wanted or without(list(SAME_EXCEPT), found) != without(list(SAME_EXCEPT), wanted)


@pytest.mark.parametrize("name", ["dossierReference", "companyIdValue", "expirationDate", "description"])
@given(variants=st.sampled_from(VARIANTS), found=VALUES, wanted=VALUES)
def test_no_sentence_names_a_difference_that_does_not_exist(
    name: str, variants: dict[str, str], found: Any, wanted: Any
) -> None:
    for sentence in explain(found, wanted, name, **variants):
        check_claims(sentence, found, wanted)


@given(value=VALUES)
def test_equal_values_have_no_sentence(value: Any) -> None:
    assert explain(value, value) == []


SENTENCES: dict[str, tuple[Any, Any, str]] = {
    "a separator": ("PO_1", "PO-1", "reference 'PO_1' is not 'PO-1': only separators differ"),
    "capitals and a separator": (
        "po_1",
        "PO-1",
        "reference 'po_1' is not 'PO-1': only capitals and separators differ",
    ),
    "capitals and white space": (
        " po-1",
        "PO-1",
        "reference ' po-1' is not 'PO-1': only white space and capitals differ",
    ),
    "another reference": ("PO-2", "PO-1", "body.dossierReference: expected 'PO-1', found 'PO-2'"),
    "null": (None, "null", "dossierReference is null, expected the text 'null'"),
    "an equal value as an operator": (
        "PO_1",
        {"$equals": "PO-1"},
        "reference 'PO_1' is not 'PO-1': only separators differ",
    ),
    "another operator": (
        "PO_1",
        {"$contains": "PO-1"},
        "body.dossierReference: expected something that contains 'PO-1', found 'PO_1'",
    ),
}


@pytest.mark.parametrize(("found", "wanted", "sentence"), SENTENCES.values(), ids=list(SENTENCES))
def test_a_reference_is_explained_by_what_differs(found: Any, wanted: Any, sentence: str) -> None:
    assert explain(found, wanted) == [sentence]


VAT = french_vat_of(SIRET[:9])

COMPANIES: dict[str, tuple[str, str, str]] = {
    "its SIREN": ("990500001", SIRET, f"990500001' is the SIREN of the company whose SIRET is '{SIRET}'"),
    "its VAT number": (VAT, SIRET, f"{VAT}' is the VAT number of the company whose SIRET is '{SIRET}'"),
    "its SIRET": (SIRET, VAT, f"{SIRET}' is the SIRET of the company whose VAT number is '{VAT}'"),
    "another establishment": (
        "99050000100021",
        SIRET,
        f"99050000100021' is another establishment of the company of '{SIRET}'",
    ),
    "too long a SIREN": ("990500001000", SIRET, f"expected '{SIRET}', found '990500001000'"),
    "the 1st character": ("890500001", "990500001", "only the 1st character differs"),
    "the 2nd character": ("980500001", "990500001", "only the 2nd character differs"),
    "the 3rd character": ("991500001", "990500001", "only the 3rd character differs"),
    **{
        f"the {number}th character": (
            f"{SIRET[: number - 1]}5{SIRET[number:]}",
            SIRET,
            f"only the {number}th character differs; it fails the Luhn check",
        )
        for number in (11, 12, 13)
    },
    "another check of the VAT number": (
        f"FR00{VAT[4:]}",
        SIRET,
        f"expected '{SIRET}', found 'FR00990500001'",
    ),
}


@pytest.mark.parametrize(("found", "wanted", "sentence"), COMPANIES.values(), ids=list(COMPANIES))
def test_a_company_is_explained_by_its_numbers(found: str, wanted: str, sentence: str) -> None:
    assert [said[-len(sentence) :] for said in explain(found, wanted, "companyIdValue")] == [sentence]
