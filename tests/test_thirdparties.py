"""Third parties, listed and in detail (behaviour.md 3.4, 3.6, 4.4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from mock_server.domain.names import camel
from mock_server.domain.search import THIRDPARTY_FILTERS
from tests.support import SEED_DOSSIER, SIRET, Api, codes, content

pytestmark = pytest.mark.dialects("rest", "edge")

MakeApi = Callable[..., Api]

SEED_THIRDPARTY = 875

IDENTITY = [
    ("companyIdType", "CIT001"),
    ("companyIdValue", "50382936800045"),
    ("thirdpartyCode", "123"),
    ("siren", "503829368"),
    ("siret", "50382936800045"),
    ("tva", "FR69503829368"),
]

COMPANY = [
    ("name", "E-ATTESTATIONS.COM"),
    ("datecreation", "2010-11-24"),
    ("legalCategoryLabel", "Société par actions simplifiée"),
    ("legalCategoryCode", "5710"),
    ("acronym", None),
    ("activityLabel", "Edition de logiciels applicatifs"),
    ("activityCode", "5829C"),
    ("ceo", "DUPONT Jeanne"),
    ("capital", 3642000),
    ("capitalCurrency", "EUR"),
    ("turnover", 2771996.0),
    ("turnoverCurrency", "EUR"),
    ("lastBalanceSheetDate", "2017-12-31"),
    ("workforce", 13),
]

REST_OF_DETAILS = [
    ("addressStreet", "1 rue de l'Exemple"),
    ("addressCity", "MASSY"),
    ("addressPostCode", "91300"),
    ("addressCountryCode", "FR"),
    ("monitored", True),
    ("subscriptionState", True),
    ("subscriptionDate", "2010-11-24"),
    ("subscriptionKey", "7K2M9QX4TB1Z"),
    ("outOfBusiness", False),
    ("thirdpartyGlobalState", False),
    ("stateLastChangeDate", "2019-01-08"),
    (
        "thirdpartyUsers",
        [
            {
                "firstname": "Jeanne",
                "lastname": "Dupont",
                "email": "jeanne.dupont@example.com",
                "phone": "+33 1 99 00 12 34",
            },
            {
                "firstname": "Paul",
                "lastname": "Martin",
                "email": "paul.martin@example.com",
                "phone": "+33 1 99 00 56 78",
            },
        ],
    ),
]


def found(api: Api, **query: str | int) -> list[int]:
    """The ids of all third parties that pass."""
    return [row["thirdpartyId"] for row in api.hits("/thirdparties", pageSize=1000, **query)]


def details(api: Api) -> list[dict[str, Any]]:
    """The details of every third party of the account."""
    return [content(api.get(f"/thirdparties/{thirdparty_id}")) for thirdparty_id in found(api)]


def new_thirdparty(api: Api, **members: str) -> int:
    return int(api.new_dossier(**members)["thirdpartyId"])


def today(api: Api, days: int = 0) -> str:
    now = datetime.fromisoformat(api.control("GET", "/clock")["now"])
    return (now + timedelta(days=days)).date().isoformat()


# What a third party shows.


@pytest.mark.dialects("rest")
def test_a_third_party_in_the_list_has_the_documented_members_in_their_order(api: Api) -> None:
    (row,) = content(api.get("/thirdparties", siren="503829368"))

    assert list(row.items()) == [("thirdpartyId", 875), *IDENTITY, *COMPANY]


@pytest.mark.dialects("rest")
def test_a_third_party_in_detail_has_the_documented_members(api: Api) -> None:
    detail = content(api.get(f"/thirdparties/{SEED_THIRDPARTY}"))

    expected = [("thirdpartyId", 875), ("accountId", 119631), *IDENTITY, *COMPANY, *REST_OF_DETAILS]
    assert list(detail.items()) == expected


def test_the_detail_of_a_third_party_that_the_account_never_had_is_not_found(api: Api) -> None:
    answer = api.get("/thirdparties/1060")

    assert answer.status_code == 404
    assert codes(answer) == [api.absent("E100")]


def test_the_code_and_state_of_a_third_party_are_those_of_the_account(make_api: MakeApi) -> None:
    api = make_api(user="multi", account=119700)
    dossier = api.new_dossier(companyIdValue="50382936800045", thirdpartyCode="OURS")

    detail = content(api.get(f"/thirdparties/{dossier['thirdpartyId']}"))

    assert detail["thirdpartyId"] == SEED_THIRDPARTY
    assert (detail["accountId"], detail["thirdpartyCode"]) == (119700, "OURS")


def test_a_new_third_party_is_monitored_and_not_registered(api: Api) -> None:
    detail = content(api.get(f"/thirdparties/{new_thirdparty(api)}"))

    assert detail["monitored"] is True
    assert detail["subscriptionState"] is False
    assert detail["subscriptionDate"] is None
    assert detail["thirdpartyUsers"] == []


def test_a_third_party_that_is_not_monitored_has_no_state(api: Api) -> None:
    api.post(f"/dossiers/{SEED_DOSSIER}/stop")

    detail = content(api.get(f"/thirdparties/{SEED_THIRDPARTY}"))

    assert detail["monitored"] is False
    assert (detail["thirdpartyGlobalState"], detail["stateLastChangeDate"]) == (None, None)


def test_a_third_party_is_monitored_as_long_as_one_dossier_is_active(api: Api) -> None:
    api.new_dossier(companyIdValue="50382936800045", thirdpartyCode="")
    api.post(f"/dossiers/{SEED_DOSSIER}/stop")

    assert content(api.get(f"/thirdparties/{SEED_THIRDPARTY}"))["monitored"] is True


def test_every_subscription_key_has_twelve_capitals_or_digits(api: Api) -> None:
    keys = [detail["subscriptionKey"] for detail in details(api)]

    assert [key for key in keys if not re.fullmatch(r"[A-Z0-9]{12}", key)] == []


# The list.


def test_the_list_is_in_ascending_order(api: Api) -> None:
    ids = found(api)

    assert ids == sorted(ids)


def test_the_list_has_the_third_parties_of_the_dossiers_of_the_account(api: Api) -> None:
    dossiers = content(api.get("/dossiers/all"))

    assert found(api) == sorted({dossier["thirdpartyId"] for dossier in dossiers})


def test_the_list_keeps_a_third_party_whose_dossiers_are_stopped(api: Api) -> None:
    api.post(f"/dossiers/{SEED_DOSSIER}/stop")

    assert SEED_THIRDPARTY in found(api)


def test_an_import_adds_its_third_party_to_the_list(api: Api) -> None:
    assert found(api, siret=SIRET) == []

    thirdparty_id = new_thirdparty(api)

    assert found(api, siret=SIRET) == [thirdparty_id]


# Filters (tests/test_filters.py has one row for each).


def test_the_state_change_filter_keeps_what_changed_on_or_after_the_date(api: Api) -> None:
    new_thirdparty(api)
    changes = {detail["thirdpartyId"]: detail["stateLastChangeDate"] or "" for detail in details(api)}

    for days in (-365, -30, -1, 0):
        since = today(api, days)
        expected = [thirdparty_id for thirdparty_id, changed in changes.items() if changed >= since]
        assert found(api, stateLastChangeDate=since) == expected, days


def test_a_duns_finds_the_third_party_that_does_not_show_it(api: Api) -> None:
    thirdparty_id = new_thirdparty(api, companyIdType="CIT003", companyIdValue="123456789")

    (row,) = content(api.get("/thirdparties", companyIdType="CIT003", companyIdValue="123456789"))

    assert (row["thirdpartyId"], row["companyIdValue"]) == (thirdparty_id, None)


def test_an_unknown_parameter_is_ignored(api: Api) -> None:
    everything = found(api)

    for name in ("q", "thirdpartyCode", "thirdpartyId", "sort", "Name", "state_last_change_date"):
        assert found(api, **{name: "nothing-has-this"}) == everything, name


# Values that are refused.

REFUSED = [
    *((camel(name), "", "E003") for name in THIRDPARTY_FILTERS),
    *((name, "maybe", "E010") for name in ("monitored", "thirdpartyGlobalState", "subscriptionState")),
    *(("monitored", value, "E010") for value in ("True", "1")),
    *(("companyIdType", value, "E002") for value in ("CIT004", "cit001")),
    *(("stateLastChangeDate", value, "E010") for value in ("yesterday", "2026-02-30", "08/01/2019")),
    ("stateLastChangeDate", "8999-12-31", "E022"),
]


def test_a_bad_value_of_a_filter_is_refused(api: Api) -> None:
    for parameter, value, code in REFUSED:
        answer = api.get("/thirdparties", **{parameter: value})
        assert answer.status_code == 400, (parameter, value)
        assert codes(answer) == [code], (parameter, value)


def test_a_state_change_tomorrow_is_in_the_future(api: Api) -> None:
    assert codes(api.get("/thirdparties", stateLastChangeDate=today(api, 1))) == ["E022"]


def test_all_bad_values_are_reported_together(api: Api) -> None:
    answer = api.get("/thirdparties", siren="", companyIdType="CIT009", monitored="maybe")

    assert sorted(codes(answer)) == ["E002", "E003", "E010"]


def test_the_present_day_in_paris_is_not_in_the_future(api: Api) -> None:
    api.control("PUT", "/clock", {"now": "2031-03-01T00:30:00"})

    assert found(api, stateLastChangeDate="2031-03-01") == []
