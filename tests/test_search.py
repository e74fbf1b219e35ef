"""Searching dossiers: every filter, together and alone, and what is refused (behaviour.md 3.7, 3.8)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support import OTHER_SIRET, SEED_DOSSIER, SIRET, Api, codes, content

pytestmark = pytest.mark.dialects("rest", "edge")

MakeApi = Callable[..., Api]
Test = Callable[[dict[str, Any]], bool]

NEIGHBOUR = "99050000100021"
"""Another establishment of the company of SIRET."""

IMPORTED = {
    "companyIdValue": SIRET,
    "dossierReference": "PO-1",
    "thirdpartyCode": "CODE-1",
}


def ids(dossiers: list[dict[str, Any]]) -> list[int]:
    return [dossier["dossierId"] for dossier in dossiers]


def found(api: Api, **query: str | int) -> list[int]:
    """The ids of all dossiers that pass."""
    return ids(api.hits("/dossiers", pageSize=1000, **query))


def those(api: Api, test: Test) -> list[int]:
    """The ids of the dossiers that pass a test."""
    return ids([dossier for dossier in content(api.get("/dossiers/all")) if test(dossier)])


def today(api: Api, days: int = 0) -> str:
    now = datetime.fromisoformat(api.control("GET", "/clock")["now"])
    return (now + timedelta(days=days)).date().isoformat()


# Filters (tests/test_filters.py has one row for each).


def test_the_state_change_filter_keeps_active_dossiers_changed_on_or_after_the_date(api: Api) -> None:
    api.new_dossier()
    active = [dossier for dossier in content(api.get("/dossiers/all")) if dossier["monitored"]]

    for days in (-365, -30, -1, 0):
        since = today(api, days)
        expected = ids([dossier for dossier in active if dossier["stateLastChangeDate"][:10] >= since])
        assert found(api, stateLastChangeDate=since) == expected, days


def test_of_a_date_time_the_day_in_paris_counts(api: Api) -> None:
    expected = {
        "2019-01-08T00:00:00": [SEED_DOSSIER],
        "2019-01-08T23:59:59": [SEED_DOSSIER],
        "2019-01-08T22:59:59Z": [SEED_DOSSIER],
        "2019-01-08T23:00:00Z": [],
        "2019-01-09T00:00:00": [],
    }

    assert {at: found(api, siren="503829368", stateLastChangeDate=at) for at in expected} == expected


# Which dossiers.


def test_active_and_stopped_dossiers_both_appear(api: Api) -> None:
    assert {api.dossier(dossier_id)["monitored"] for dossier_id in found(api)} == {True, False}


def test_the_hits_are_in_ascending_order(api: Api) -> None:
    hits = found(api)

    assert hits == sorted(hits)


def test_a_stopped_dossier_is_found_by_its_reference(api: Api) -> None:
    stopped = api.stopped_dossier(**IMPORTED)

    assert found(api, dossierReference="PO-1") == [stopped["dossierId"]]


def test_an_imported_dossier_comes_last(api: Api) -> None:
    dossier = api.new_dossier(**IMPORTED)

    assert found(api)[-1] == dossier["dossierId"]


def test_a_dossier_in_the_list_is_the_dossier_in_detail(api: Api) -> None:
    dossier = api.new_dossier(**IMPORTED)

    assert dossier == api.dossier(dossier["dossierId"])


def test_a_search_finds_no_dossier_of_another_account(make_api: MakeApi) -> None:
    api = make_api(user="multi", account=119700)

    assert found(api, siren="503829368") == []


# References and codes.


def test_a_reference_is_normalised_before_it_is_compared(api: Api) -> None:
    dossier = api.new_dossier(**IMPORTED)

    for reference in ("PO-1", " PO-1 ", "P O - 1", "PO-1\t", "P\u00a0O-1"):
        assert found(api, dossierReference=reference) == [dossier["dossierId"]], reference


@pytest.mark.parametrize(
    ("variants", "reference", "hits"),
    [
        ({"referenceSpaces": "trim"}, " PO-1 ", 1),
        ({"referenceSpaces": "trim"}, "P O-1", 0),
        ({"referenceCase": "upper"}, "po-1", 1),
    ],
    ids=["ends trimmed", "blanks inside kept", "put in capitals"],
)
def test_a_reference_is_normalised_as_the_variants_say(
    make_variant_api: MakeApi, variants: dict[str, str], reference: str, hits: int
) -> None:
    api = make_variant_api(**variants)
    api.new_dossier(**IMPORTED)

    assert len(found(api, dossierReference=reference)) == hits


def test_a_reference_that_two_third_parties_have_finds_both(api: Api) -> None:
    one = api.new_dossier(companyIdValue=OTHER_SIRET)
    other = api.new_dossier(companyIdValue=SIRET)

    assert found(api, dossierReference="PO-1") == [one["dossierId"], other["dossierId"]]


def test_a_previous_reference_finds_nothing(api: Api) -> None:
    api.post(f"/dossiers/{SEED_DOSSIER}", {"dossierReference": "NEW"})

    assert found(api, dossierReference="TEST") == []
    assert found(api, dossierReference="NEW") == [SEED_DOSSIER]


def test_a_new_code_finds_all_dossiers_of_the_third_party(api: Api) -> None:
    one = api.new_dossier(**IMPORTED)
    other = api.new_dossier(dossierReference="PO-2")

    api.post(f"/dossiers/{other['dossierId']}", {"thirdpartyCode": "CODE-2"})

    assert found(api, thirdpartyCode="CODE-1") == []
    assert found(api, thirdpartyCode="CODE-2") == [one["dossierId"], other["dossierId"]]


def test_the_siren_finds_the_dossiers_of_all_establishments_in_ascending_order(api: Api) -> None:
    imported = [
        api.new_dossier(companyIdValue=siret, dossierReference=reference)["dossierId"]
        for reference in ("PO-1", "PO-2", "PO-3")
        for siret in (NEIGHBOUR, SIRET)
    ]

    assert found(api, siren=SIRET[:9]) == imported


# A DUNS.


@pytest.mark.parametrize(
    "query",
    [{"companyIdValue": "123456789"}, {"companyIdType": "CIT003", "companyIdValue": "123456789"}],
    ids=str,
)
def test_a_duns_is_searched_but_never_returned(api: Api, query: dict[str, str]) -> None:
    api.new_dossier(companyIdType="CIT003", companyIdValue="123456789")

    (dossier,) = content(api.get("/dossiers", **query))

    assert (dossier["companyIdType"], dossier["companyIdValue"]) == ("CIT003", None)


# All at once.


def test_all_dossiers_are_the_hits_of_the_search_without_filters(api: Api) -> None:
    assert content(api.get("/dossiers/all")) == content(api.get("/dossiers", pageSize=1000))


def test_the_envelope_of_all_dossiers_holds_content_alone(api: Api) -> None:
    assert list(api.get("/dossiers/all").json or {}) == ["content"]


def test_filters_and_pages_do_not_change_the_list_of_all_dossiers(api: Api) -> None:
    answer = api.get("/dossiers/all", siren="503829368", page=5, pageSize=0, monitored="maybe")

    assert content(answer) == content(api.get("/dossiers/all"))


def test_all_dossiers_of_an_account_without_any_are_an_empty_list(make_api: MakeApi) -> None:
    api = make_api(user="inactive", account=119800)

    assert api.get("/dossiers/all").json == {"content": []}


def test_a_reference_of_blanks_is_empty(api: Api) -> None:
    answer = api.get("/dossiers", dossierReference="  ")

    assert answer.status_code == 400
    assert codes(answer) == ["E003"]
