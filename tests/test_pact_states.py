"""The provider states of Pact: each is true after its setup, and errors say what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from mock_server.control.pact import STATES
from tests.support import OTHER_SIRET, SECOND_ACCOUNT, SIRET, Api

DOCS = Path(__file__).parent.parent / "docs" / "contract.md"


def set_up(api: Api, state: str, **params: Any) -> dict[str, Any]:
    return dict(api.control("POST", "/pact/states", {"state": state, "params": params, "action": "setup"}))


def rejection(api: Api, body: Any) -> str:
    answer = api.client.post(f"/__admin/pact/states?sandbox={api.sandbox}", json=body)
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    return str((answer.json or {})["detail"])


def dossier(api: Api, dossier_id: int) -> TestResponse:
    return api.get(f"/dossiers/{dossier_id}")


def total(api: Api, **query: Any) -> int:
    return int((api.get("/dossiers", **query).json or {})["totalElements"])


def test_the_page_lists_the_states_of_the_table() -> None:
    page = DOCS.read_text(encoding="utf-8").split("\n### States\n")[1]
    rows = [row for row in page.splitlines() if row.startswith("| `")]

    shown = [[re.findall(r"`([^`]+)`", cell) for cell in row.split("|")[1:4]] for row in rows]

    assert shown == [
        [
            [state.sentence],
            [
                each.name if each.default is None else f"{each.name}: {each.default}"
                for each in state.parameters
            ],
            list(state.returned),
        ]
        for state in STATES
    ]


def test_every_state_works_with_its_defaults_and_returns_its_ids(make_api: Callable[..., Api]) -> None:
    returned = {state.sentence: state.returned for state in STATES}

    assert {sentence: tuple(set_up(make_api(), sentence)) for sentence in returned} == returned


def test_a_dossier_exists(api: Api) -> None:
    made = set_up(api, "a dossier with reference {reference} exists", reference="PO-7", dossierId=55)

    assert made["dossierId"] == 55
    assert (dossier(api, 55).json or {})["content"]["dossierReference"] == "PO-7"


def test_a_sentence_may_hold_the_values(api: Api) -> None:
    made = set_up(api, "a dossier with reference PO-8 is archived", reason="OUTOFBUSINESS")

    shown = (dossier(api, made["dossierId"]).json or {})["content"]
    assert (shown["dossierReference"], shown["monitored"]) == ("PO-8", False)


def test_a_dossier_is_complete(api: Api) -> None:
    made = set_up(api, "a dossier with reference PO-8 is complete")

    assert api.dossier(made["dossierId"])["state"] is True


def test_a_document_is_answered(api: Api) -> None:
    made = set_up(api, "a document ATT_VIGI of dossier PO-1 is answered until 2088-05-04")

    assert "2088-05-04" in dossier(api, made["dossierId"]).text


def test_there_are_no_dossiers(api: Api) -> None:
    set_up(api, "there are no dossiers")

    assert total(api) == 0


def test_states_of_one_dossier_are_about_the_same_dossier(api: Api) -> None:
    states = [f"a dossier with reference PO-1 {state}" for state in ("exists", "is complete", "is archived")]

    made = api.control("POST", "/pact/states", {"states": states})

    assert total(api, dossierReference="PO-1") == 1
    assert api.dossier(made["dossierId"])["monitored"] is False


def test_without_an_account_no_dossier_exists(api: Api) -> None:
    api.control("PUT", "/fixture", {"name": "empty"})
    state = api.control("GET", "/state")
    state["content"] |= {"accounts": [], "users": [], "defaultAccount": None}
    api.control("PUT", "/fixture", {"state": state})

    reason = rejection(api, {"state": "a dossier with reference PO-1 exists"})

    assert reason.endswith("is not possible: there is no default account: name one")


def test_an_account_is_inactive(api: Api) -> None:
    set_up(api, "account {accountId} is inactive")

    assert "INACTIVE" in api.send("GET", "/api/v1/account").text


def test_a_document_type_is_withdrawn(api: Api) -> None:
    set_up(api, "document type {code} is withdrawn", code="ATT_VIGI")

    assert api.refused_import_codes(requiredDocuments=["ATT_VIGI"]) == ["E301"]


def test_an_import_fails_and_another_one_does_not(api: Api) -> None:
    set_up(api, f"the import of {SIRET} fails with E103")

    assert api.refused_import_codes() == ["E103"]
    assert api.import_and_wait(companyIdValue=OTHER_SIRET)["success"] is True


def test_an_import_never_ends(api: Api) -> None:
    set_up(api, f"the import of {SIRET} never ends")

    process = api.launch()
    api.advance("P30D")

    assert api.process(process)["complete"] is False


@pytest.mark.parametrize(
    ("state", "status"),
    [("the API is down", 503), ("the access token is expired", 401), ("the rate limit is exceeded", 429)],
)
def test_every_call_is_rejected(api: Api, state: str, status: int) -> None:
    set_up(api, state)

    assert api.get("/dossiers").status_code == status


def test_a_third_party_is_registered_or_out_of_business(api: Api) -> None:
    body = {"states": [f"third party {SIRET} is registered", f"third party {OTHER_SIRET} is out of business"]}
    api.control("POST", "/pact/states", body)

    kept = {each["siret"]: each for each in api.control("GET", "/state")["content"]["thirdparties"]}

    assert kept[SIRET]["subscriptionDate"] is not None
    assert kept[OTHER_SIRET]["outOfBusiness"] is True


def test_the_states_of_an_interaction_add_up_and_the_next_starts_again(api: Api) -> None:
    set_up(api, "there are no dossiers")
    set_up(api, "a dossier with reference PO-1 exists")
    set_up(api, "a dossier with reference PO-2 exists")
    assert total(api) == 2

    set_up(api, "a dossier with reference PO-3 exists")

    assert total(api, dossierReference="PO-2") == 0
    assert total(api, dossierReference="PO-3") == 1


def test_a_teardown_resets_the_sandbox(api: Api) -> None:
    before = total(api)
    set_up(api, "there are no dossiers")

    assert api.control("POST", "/pact/states", {"state": "any state", "action": "teardown"}) == {}

    assert total(api) == before


def test_a_setup_after_a_teardown_starts_from_the_fixture(api: Api) -> None:
    set_up(api, "there are no dossiers")
    api.control("POST", "/pact/states", {"state": "any state", "action": "teardown"})
    api.control("POST", "/dossiers", {"siret": SIRET, "dossierReference": "PO-5"})

    set_up(api, "a dossier with reference PO-1 exists")

    assert total(api, dossierReference="PO-5") == 0
    assert total(api, dossierReference="PO-1") == 1


def test_a_setup_without_a_state_is_the_fixture(api: Api) -> None:
    before = total(api)
    set_up(api, "there are no dossiers")
    total(api)

    assert set_up(api, "") == {}

    assert total(api) == before


def test_states_in_a_list_have_their_own_parameters(api: Api) -> None:
    body = {
        "consumer": "buyer",
        "states": ["there are no dossiers", {"name": "a dossier with reference A-1 exists", "params": None}],
    }

    assert api.control("POST", "/pact/states", body)["accountId"] == api.account

    assert total(api) == 1


def test_a_verifier_may_use_the_query(api: Api) -> None:
    query = "state=a dossier with reference {reference} exists&action=setup&reference=Q-1&dossierId=77"

    made = api.control("POST", f"/pact/states?sandbox={api.sandbox}&{query}")

    assert made["dossierId"] == 77
    assert total(api, dossierReference="Q-1") == 1


def test_a_pact_verification_has_a_separate_sandbox(make_api: Any) -> None:
    one, other = make_api(), make_api()

    set_up(one, "there are no dossiers")

    assert (total(one), total(other) > 0) == (0, True)


def test_an_unknown_state_is_rejected_with_the_list(api: Api) -> None:
    detail = rejection(api, {"state": "a dossier with reference PO-1 is archive"})

    assert "did you mean 'a dossier with reference {reference} is archived'?" in detail
    assert all(state.sentence in detail for state in STATES)


IMPOSSIBLE: list[tuple[str, dict[str, Any], str]] = [
    ("the API is down", {"statsu": 500}, "has no parameter 'statsu'; did you mean 'status'?"),
    ("there are no dossiers", {"a": 1}, "; there are: none"),
    ("the API is down", {"status": "low"}, "status is an integer, not 'low'"),
    ("the API is down", {"status": 20}, "is not possible: 20 is out of range: at least 200"),
    ("a document I2 of dossier PO-1 is answered until soon", {}, "date is a date such as 2090-12-31"),
    ("a document I2 of dossier PO-1 is answered until 2080-01-01", {}, "the dossier asks for ATT_VIGI"),
    ("the import of 1 fails with E000", {}, "E000"),
    ("third party 12 is registered", {}, "is not possible: '12' does not fit: a SIRET has 14 digits"),
    ("account 4 is inactive", {}, "is not possible: this sandbox has no account 4; GET /__admin/fixture"),
    ("account 4 is inactive", {"accountId": SECOND_ACCOUNT}, "has accountId 4, and the parameter has 119700"),
]


def test_an_impossible_state_is_rejected_with_the_reason(api: Api) -> None:
    for state, params, reason in IMPOSSIBLE:
        assert reason in rejection(api, {"state": state, "params": params}), state


def test_a_rejection_is_logged_as_a_verifier_shows_only_the_status(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    detail = rejection(api, {"state": "the API is down", "params": {"status": "low"}})

    assert [record.getMessage() for record in caplog.records if record.name == "mock_server.pact"] == [
        f"provider state rejected: {detail}"
    ]


def test_the_rules_of_states_are_numbered(api: Api) -> None:
    set_up(api, "the API is down")
    set_up(api, "the rate limit is exceeded")

    names = [rule["name"] for rule in api.control("GET", "/rules")["rules"]]
    assert names == ["provider state 1", "provider state 2"]


def test_an_invalid_query_is_rejected_with_the_reason(api: Api) -> None:
    answer = api.client.post(f"/__admin/pact/states?sandbox={api.sandbox}&action=explode")

    assert answer.status_code == 400
    assert (answer.json or {})["detail"] == (
        "the query is invalid: $.action: 'explode' is not allowed: use setup or teardown"
    )


def test_a_failed_setup_does_not_affect_the_next(api: Api) -> None:
    before = total(api)
    set_up(api, "there are no dossiers")
    rejection(api, {"state": "third party 12 is registered"})

    set_up(api, "the API is down")
    api.control("DELETE", "/rules")

    assert total(api) == before
