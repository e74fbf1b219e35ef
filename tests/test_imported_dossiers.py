"""What an import makes, when it is judged, and the process list (behaviour.md 3.22, 6.2 to 6.4, 6.10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support import OTHER_SIRET, SIRET, Api, codes, content
from tests.test_imports import DUNS, GERMAN_VAT, GREEK_VAT, SLOW_SIRET

pytestmark = pytest.mark.dialects("rest", "edge")

DEFAULT_SET = ["ATT_VIGI", "JUSTIF_IMM", "LST_SAL_ETR"]
REQUEST_DATES = [f"2031-05-02T10:00:00.{milliseconds}" for milliseconds in (190, 195, 200)]
"""Of the documents of an import that ended at the last of them."""


def asked(dossier: dict[str, Any]) -> list[str]:
    """The codes of the documents of a dossier."""
    return [document["documentCode"] for document in dossier["documents"]]


def thirdparty(api: Api, dossier: dict[str, Any]) -> dict[str, Any]:
    """The details of a dossier's third party."""
    return dict(content(api.get(f"/thirdparties/{dossier['thirdpartyId']}")))


@pytest.mark.dialects("rest")
def test_a_new_dossier_is_dated_when_its_process_ended(api: Api) -> None:
    api.set_clock("2031-05-02T10:00:00")

    dossier = api.new_dossier(expirationDate="2031-06-01", description="Sites", purchasingCategory="BTP")

    at = "2031-05-02T10:00:00.200"
    assert dossier == {
        **{name: dossier[name] for name in ("dossierId", "thirdpartyId")},
        "accountId": 119631,
        "siren": "990500001",
        "siret": SIRET,
        "tva": "FR75990500001",
        "companyIdType": "CIT001",
        "companyIdValue": SIRET,
        "thirdpartyCode": None,
        "companyCountryCode": "FR",
        "monitored": True,
        "dossierReference": "PO-1",
        "description": "Sites",
        "purchasingCategory": "BTP",
        "startingDate": at,
        "expirationDate": "2031-06-01T00:00:00.000",
        "stoppingDate": None,
        "stoppingReason": "NA",
        "state": False,
        "stateLastChangeDate": at,
        "indicators": [{"indicatorCode": "I001", "state": False, "lastChangeDate": at}],
        "documents": [
            {
                "documentId": document["documentId"],
                "documentCode": code,
                "name": code,
                "requestDate": requested,
                "present": False,
                "listFileInformation": [],
            }
            for document, code, requested in zip(
                dossier["documents"], DEFAULT_SET, REQUEST_DATES, strict=True
            )
        ],
    }


def test_new_dossiers_and_documents_have_separate_ids(api: Api) -> None:
    before = content(api.get("/dossiers/all"))

    dossier = api.new_dossier()

    used = {document["documentId"] for known in before for document in known["documents"]}
    assert dossier["dossierId"] not in {known["dossierId"] for known in before}
    assert len({document["documentId"] for document in dossier["documents"]} - used) == 3


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param(..., DEFAULT_SET, id="none named"),
        pytest.param(None, DEFAULT_SET, id="null"),
        pytest.param([], DEFAULT_SET, id="an empty list"),
        pytest.param(["I2", "AS(DSS", "LNDSÉSÀADT-U"], ["I2", "AS(DSS", "LNDSÉSÀADT-U"], id="some named"),
        pytest.param(["I2", "ATT_VIGI", "I2"], ["I2", "ATT_VIGI"], id="one named twice"),
    ],
)
def test_a_dossier_asks_for_the_documents_named_else_for_the_default_set(
    api: Api, wanted: object, expected: list[str]
) -> None:
    assert asked(api.new_dossier(requiredDocuments=wanted)) == expected


def test_the_default_set_is_that_of_the_account(make_api: Callable[..., Api]) -> None:
    api = make_api(user="multi", account=119700)

    assert asked(api.new_dossier()) == [*DEFAULT_SET, "ASSUR_DECENNALE"]


def test_a_dossier_that_asks_for_no_vigilance_document_is_vigilant_from_the_start(api: Api) -> None:
    dossier = api.new_dossier(requiredDocuments=["I2"])

    assert [indicator["state"] for indicator in dossier["indicators"]] == [True]
    assert dossier["state"] is False


def test_a_company_not_known_yet_becomes_a_third_party(api: Api) -> None:
    assert api.hits("/thirdparties", siret=SIRET) == []

    dossier = api.new_dossier()

    assert [found["thirdpartyId"] for found in content(api.get("/thirdparties", siret=SIRET))] == [
        dossier["thirdpartyId"]
    ]


def test_a_new_third_party_is_monitored_and_not_registered(api: Api) -> None:
    details = thirdparty(api, api.new_dossier())

    assert details["monitored"] is True
    assert details["subscriptionState"] is False
    assert details["subscriptionDate"] is None
    assert details["thirdpartyGlobalState"] is False
    assert details["thirdpartyUsers"] == []


def test_a_known_third_party_gets_another_dossier(api: Api) -> None:
    one, other = api.new_dossier(dossierReference="PO-1"), api.new_dossier(dossierReference="PO-2")

    assert one["thirdpartyId"] == other["thirdpartyId"]
    assert one["dossierId"] != other["dossierId"]


def test_two_accounts_share_the_third_party_and_not_its_code(make_api: Callable[..., Api]) -> None:
    one = make_api(user="multi", account=119631)
    other = make_api(user="multi", account=119700, sandbox=one.sandbox)

    first, second = one.new_dossier(thirdpartyCode="F-1"), other.new_dossier()

    assert first["thirdpartyId"] == second["thirdpartyId"]
    assert [first["thirdpartyCode"], second["thirdpartyCode"]] == ["F-1", None]


@pytest.mark.parametrize("code", [..., None, "", "F-1"], ids=["absent", "null", "empty", "the same"])
def test_the_code_stays_when_an_import_gives_none(api: Api, code: object) -> None:
    api.new_dossier(thirdpartyCode="F-1")

    assert api.new_dossier(dossierReference="PO-2", thirdpartyCode=code)["thirdpartyCode"] == "F-1"


def test_a_third_party_without_code_takes_the_one_given_for_all_its_dossiers(api: Api) -> None:
    previous = api.new_dossier()

    api.new_dossier(dossierReference="PO-2", thirdpartyCode="F-1")

    assert api.dossier(previous["dossierId"])["thirdpartyCode"] == "F-1"


def test_a_generated_company_is_the_same_in_every_sandbox(make_api: Callable[..., Api]) -> None:
    one, other = make_api(), make_api()
    one.set_clock("2031-05-02T10:00:00")
    other.set_clock("2031-05-02T10:00:00")
    other.new_dossier(companyIdValue=OTHER_SIRET)

    first, second = thirdparty(one, one.new_dossier()), thirdparty(other, other.new_dossier())

    assert first | {"thirdpartyId": 0} == second | {"thirdpartyId": 0}


def test_two_generated_companies_have_different_names(api: Api) -> None:
    one, other = api.new_dossier(), api.new_dossier(companyIdValue=OTHER_SIRET)

    assert thirdparty(api, one)["name"] != thirdparty(api, other)["name"]


@pytest.mark.parametrize(
    ("id_type", "value", "shown", "country"),
    [
        pytest.param("CIT002", GERMAN_VAT, GERMAN_VAT, "DE", id="a German VAT number"),
        pytest.param("CIT002", GREEK_VAT, GREEK_VAT, "GR", id="a Greek VAT number begins with EL"),
        pytest.param("CIT003", DUNS, None, "US", id="a DUNS is never given back"),
    ],
)
def test_foreign_companies_have_neither_siren_nor_siret(
    api: Api, id_type: str, value: str, shown: str | None, country: str
) -> None:
    assert api.import_and_wait(companyIdType=id_type, companyIdValue=value)["success"]

    found = content(api.get("/dossiers", companyIdType=id_type, companyIdValue=value))[0]
    assert [found["siren"], found["siret"]] == [None, None]
    assert [found["companyIdValue"], found["companyCountryCode"]] == [shown, country]
    assert thirdparty(api, found)["companyIdValue"] == shown


def test_a_reference_is_stored_without_its_white_space(api: Api) -> None:
    assert api.new_dossier(dossierReference=" PO\t 1\n/a ")["dossierReference"] == "PO1/a"


def test_references_that_differ_in_case_are_different(api: Api) -> None:
    api.new_dossier(dossierReference="PO-1")

    assert api.import_and_wait(dossierReference="po-1")["success"]


def test_a_stopped_dossier_keeps_its_reference_taken(api: Api) -> None:
    api.stopped_dossier(dossierReference="PO-1")

    assert api.refused_import_codes(dossierReference="PO-1") == ["E202"]


def test_a_dash_is_not_a_reference_and_can_be_given_twice(api: Api) -> None:
    assert [api.import_and_wait(dossierReference="-")["success"] for _ in range(2)] == [True, True]


def test_of_two_imports_with_one_reference_the_second_to_end_fails(api: Api) -> None:
    first = api.launch()
    api.advance("PT0.1S")
    second = api.launch()

    api.advance("PT1S")

    assert api.process(first)["success"]
    assert [error["code"] for error in api.process(second)["errors"]] == ["E202"]


def test_imports_that_end_at_one_instant_end_in_the_order_of_their_launch(api: Api) -> None:
    launched = [
        [api.launch(dossierReference=f"PO-{n}"), api.launch(dossierReference=f"PO-{n}")] for n in range(6)
    ]

    api.advance("PT1S")

    outcomes = [[api.process(process_id)["success"] for process_id in pair] for pair in launched]
    assert outcomes == [[True, False]] * 6


def test_a_code_is_taken_by_the_import_that_ends_first(api: Api) -> None:
    slow = api.launch(companyIdValue=SLOW_SIRET, thirdpartyCode="F-1")

    assert api.import_and_wait(thirdpartyCode="F-1")["success"]

    api.advance("PT2M")
    assert [error["code"] for error in api.process(slow)["errors"]] == ["E112"]


def test_an_expiration_date_is_checked_when_the_process_ends(api: Api) -> None:
    api.set_clock("2031-05-01T23:59:00")
    slow = api.launch(companyIdValue=SLOW_SIRET, expirationDate="2031-05-02")

    api.advance("PT2M")

    assert [error["code"] for error in api.process(slow)["errors"]] == ["E021"]


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        pytest.param("2031-06-01T12:30:00", "2031-06-01T00:00:00.000", id="a local date-time"),
        pytest.param("2031-06-01T23:30:00Z", "2031-06-02T00:00:00.000", id="a date-time of another zone"),
    ],
)
def test_of_an_expiration_date_time_the_day_in_paris_counts(api: Api, given: str, stored: str) -> None:
    assert api.new_dossier(expirationDate=given)["expirationDate"] == stored


def test_a_process_is_not_found_by_another_account(make_api: Callable[..., Api]) -> None:
    one = make_api(user="multi", account=119631)
    other = make_api(user="multi", account=119700, sandbox=one.sandbox)

    answer = other.get(f"/dossiers/process/{one.launch()}")

    assert [answer.status_code, codes(answer)] == [404, ["NOT_FOUND"]]


def test_no_recent_process_is_an_empty_list(api: Api) -> None:
    api.launch()

    api.advance("PT24H1S")

    assert content(api.get("/dossiers/processes")) == []


def test_the_imports_of_the_last_24_hours_are_listed_newest_first(api: Api) -> None:
    first = api.launch()
    api.advance("PT23H")
    second = api.launch(dossierReference="PO-2")

    listed = content(api.get("/dossiers/processes"))

    assert listed == [api.process(second), api.process(first)]


def test_imports_of_one_instant_are_listed_newest_first(api: Api) -> None:
    launched = [api.launch(dossierReference=f"PO-{n}") for n in range(6)]

    listed = [process["processId"] for process in content(api.get("/dossiers/processes"))]

    assert listed == launched[::-1]


@pytest.mark.parametrize(
    ("from_date", "expected"),
    [
        pytest.param("2031-05-01", 2, id="from the first day"),
        pytest.param("2031-05-02", 1, id="from the second day, which begins at midnight in Paris"),
        pytest.param("2031-05-09", 0, id="from today"),
    ],
)
def test_processes_are_listed_from_the_start_of_a_day(api: Api, from_date: str, expected: int) -> None:
    api.set_clock("2031-05-01T23:59:59.999")
    api.launch()
    api.set_clock("2031-05-02T00:00:00")
    api.launch(dossierReference="PO-2")
    api.set_clock("2031-05-09T12:00:00")

    assert len(content(api.get("/dossiers/processes", fromDate=from_date))) == expected


@pytest.mark.parametrize(
    ("from_date", "code"), [("2031-05-03", "E022"), ("2031-5-3", "E010"), ("soon", "E010"), ("", "E003")]
)
def test_an_impossible_date_is_refused(api: Api, from_date: str, code: str) -> None:
    api.set_clock("2031-05-02T23:59:59")

    answer = api.get("/dossiers/processes", fromDate=from_date)

    assert [answer.status_code, codes(answer)] == [400, [code]]
