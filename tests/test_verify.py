"""Filters of the journal, expectations of what a client did, and explanations of near misses."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.control_calls import count, expect, reasons, requests_of, set_rule, verdict, verify
from tests.support import ACCOUNT, OPENID, OTHER_SIRET, SECOND_ACCOUNT, SEED_DOSSIER, SIRET, Api

MakeApi = Callable[..., Api]


@pytest.fixture
def busy(api: Api) -> Api:
    """An api whose client searched, imported one reference twice, and stopped a dossier."""
    api.get("/dossiers", pageSize=5, siret=SIRET)
    api.new_dossier(dossierReference="PO-1")
    api.refused_import_codes(dossierReference="PO-1")
    api.post(f"/dossiers/{SEED_DOSSIER}/stop")
    return api


# Filters

QUESTIONS: dict[str, tuple[dict[str, Any], int]] = {
    "nothing asked": ({}, 8),
    "an operation": ({"operation": "importDossier"}, 2),
    "several operations": ({"operation": ["importDossier", "getProcess"]}, 4),
    "an operation never called": ({"operation": "listAccounts"}, 0),
    "a method": ({"method": "post"}, 4),
    "a path": ({"path": {"$contains": "/dossiers/process/"}}, 2),
    "a query": ({"query": {"pageSize": 5}}, 1),
    "a query that is absent": ({"operation": "listDossiers", "query": {"pageSize": {"$absent": True}}}, 1),
    "a header": ({"headers": {"Content-Type": {"$matches": "application/json.*"}}}, 2),
    "members of a body": ({"body": {"dossierReference": "PO-1"}}, 2),
    "a JSONPath": ({"jsonPath": {"$.companyIdType": "CIT001"}}, 2),
    "an account": ({"accountId": ACCOUNT}, 7),
    "a dossier": ({"dossierId": SEED_DOSSIER}, 1),
    "a user": ({"user": "api@example.com"}, 8),
    "a status": ({"status": 200}, 8),
    "a range of statuses": ({"status": {"$atLeast": 400}}, 0),
    "one of several statuses": ({"status": {"$oneOf": [200, 201]}}, 8),
    "a code": ({"code": "E202"}, 1),
    "one of several codes": ({"code": ["E103", "E202"]}, 1),
    "no rule": ({"rule": {"$absent": True}}, 8),
    "all at once": ({"operation": "getProcess", "status": 200, "code": "E202", "accountId": ACCOUNT}, 1),
}


def test_a_filter_finds_exchanges(busy: Api) -> None:
    for case, (question, found) in QUESTIONS.items():
        listed = busy.control("POST", "/requests/find", question)
        counted = busy.control("POST", "/requests/count", question)
        assert counted == {"count": found, "complete": True}, case
        assert (len(listed["requests"]), listed["total"], listed["complete"]) == (found, found, True), case


def test_a_filter_finds_what_the_journal_shows(busy: Api) -> None:
    found = busy.control("POST", "/requests/find", {"code": "E202"})["requests"]

    assert found == [entry for entry in requests_of(busy) if entry["codes"] == ["E202"]]


def test_a_filter_finds_the_third_party_of_a_dossier(api: Api) -> None:
    thirdparty = api.dossier(SEED_DOSSIER)["thirdpartyId"]

    assert count(api, operation="getDossier", thirdpartyId=thirdparty) == 1
    assert count(api, operation="getDossier", thirdpartyId=thirdparty + 1) == 0


def test_a_filter_finds_a_rule_by_name(api: Api) -> None:
    set_rule(api, {"respond": {"status": 503}}, name="outage")
    api.get(f"/dossiers/{SEED_DOSSIER}")

    assert count(api, rule="outage", status=503) == 1
    assert count(api, rule={"$matches": "out.*"}) == 1
    assert count(api, rule="another") == 0


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown operation": (
        {"operation": "importDosier"},
        "$.operation: there is no operation 'importDosier'; did you mean 'importDossier'?",
    ),
    "an unknown code": ({"code": "E2O2"}, "$.code: there is no error code 'E2O2'; did you mean 'E202'?"),
    "a list of statuses": (
        {"status": [500, 503]},
        "$.status: a status is a number from 100 to 599, or operators such as {$oneOf: [404, 503]}, not [",
    ),
    "a status as text": ({"status": "500"}, "or operators such as {$oneOf: [404, 503]}, not '500'"),
    "a list of rules": ({"rule": ["a", "b"]}, "$.rule: a list fits no text: for one of several use {$oneOf"),
    "nothing like a code": ({"code": "oops"}, "$.code: there is no error code 'oops'; there are E001, E002"),
    "an unknown operator": (
        {"status": {"$above": 400}},
        "$.status: there is no operator '$above'; there are $equals",
    ),
    "an unknown operator in a body": ({"body": {"a": {"$like": 1}}}, "$.body: there is no operator"),
    "an invalid regular expression": (
        {"rule": {"$matches": "("}},
        "$.rule: '(' is not a regular",
    ),
    "an unknown member": (
        {"operationId": "getDossier"},
        "unknown key 'operationId'; did you mean 'operation'?",
    ),
}


@pytest.mark.parametrize("path", ["/requests/count", "/requests/find"])
def test_a_wrong_filter_is_rejected_with_a_hint(client: FlaskClient, path: str) -> None:
    for case, (question, sentence) in WRONG.items():
        answer = client.post(f"/__admin{path}", json=question)
        assert (answer.status_code, answer.content_type) == (400, "application/problem+json"), case
        assert sentence in (answer.json or {})["detail"], case


# Verdicts

HELD: dict[str, dict[str, Any]] = {
    "one or more": expect(operation="importDossier"),
    "exactly": expect(2, operation="importDossier"),
    "never": expect(0, operation="reactivateDossier"),
    "at least": expect({"atLeast": 1}, operation="getProcess"),
    "at most": expect({"atMost": 2}, operation="importDossier"),
    "between": expect({"atLeast": 1, "atMost": 3}, operation="importDossier"),
}


def test_a_fulfilled_expectation_holds(busy: Api) -> None:
    for case, expectation in HELD.items():
        answer = verify(busy, expectation)
        assert (answer.status_code, answer.content_type) == (200, "application/json"), case
        body = answer.json or {}
        assert (body["verified"], body["complete"]) == (True, True), case
        assert [row["verdict"] for row in body["expectations"]] == ["held"], case


FAILED: dict[str, tuple[dict[str, Any], str]] = {
    "too few": (expect(3, operation="importDossier"), "expected exactly 3, found 2 (requests 3, 6)"),
    "none": (expect(operation="listAccounts"), "expected at least 1, found none"),
    "too many": (expect(1, operation="importDossier"), "expected exactly 1, found 2 (requests 3, 6)"),
    "one too many": (
        expect({"atMost": 0}, operation="stopDossier"),
        "expected exactly 0, found 1 (request 8)",
    ),
    "outside": (
        expect({"atLeast": 3, "atMost": 4}, operation="importDossier"),
        "expected at least 3 and at most 4, found 2 (requests 3, 6)",
    ),
}


def test_a_failed_expectation_says_what_was_found(busy: Api) -> None:
    for expectation, why in FAILED.values():
        found = verdict(busy, expectation)
        assert (found["verdict"], found["why"]) == ("failed", why)


def test_a_failed_verdict_is_a_problem_with_all_in_its_detail(busy: Api) -> None:
    answer = verify(busy, expect(operation="importDossier"), expect(1, operation="getProcess", code="E103"))

    body = answer.json or {}
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    assert (body["status"], body["verified"], body["complete"]) == (422, False, True)
    assert [row["verdict"] for row in body["expectations"]] == ["held", "failed"]
    assert body["detail"] == (
        "getProcess: expected exactly 1, found none."
        " Nearest is request 7: it was answered 200 with E202, expected E103."
    )


def test_a_verdict_repeats_its_expectation(busy: Api) -> None:
    question = {"operation": ["getProcess"], "accountId": {"$not": 1}, "body": None, "code": "E202"}

    assert verdict(busy, {"request": question})["request"] == question


def test_one_exchange_may_fulfil_several_expectations(busy: Api) -> None:
    answer = verify(busy, expect(1, code="E202"), expect(2, operation="getProcess"))

    assert answer.status_code == 200


ORDERS: dict[str, tuple[list[dict[str, Any]], str | None]] = {
    "as it was": (
        [expect(operation="listDossiers"), expect(2, operation="importDossier"), expect(code="E202")],
        None,
    ),
    "the other way round": (
        [expect(operation="stopDossier"), expect(operation="importDossier")],
        "found 2 (requests 3, 6), but none after request 8, which completes the previous expectation",
    ),
    "all of one before the next": (
        [expect(2, operation="importDossier"), expect({"atLeast": 2}, operation="getProcess")],
        "found 2 (requests 4, 7), but 1 after request 6, which completes the previous expectation",
    ),
    "one exchange for two": (
        [expect(operation="stopDossier"), expect(operation="stopDossier")],
        "found 1 (request 8), but none after request 8, which completes the previous expectation",
    ),
    "what is never to happen has no place": (
        [expect(operation="stopDossier"), expect(0, operation="listAccounts")],
        None,
    ),
}


def test_expectations_may_have_an_order(busy: Api) -> None:
    for case, (expectations, why) in ORDERS.items():
        found = verdict(busy, *expectations, inOrder=True)
        assert (found["verdict"], found["why"]) == ("failed" if why else "held", why), case


def test_without_an_order_any_order_holds(busy: Api) -> None:
    answer = verify(busy, expect(operation="stopDossier"), expect(operation="importDossier"))

    assert answer.status_code == 200


INVALID_EXPECTATIONS: dict[str, tuple[Any, str]] = {
    "no expectation": ({"expectations": []}, "$.expectations: [] does not fit: at least 1 entry"),
    "no request": ({"expectations": [{"count": 1}]}, "the key 'request' is missing"),
    "a negative count": ({"expectations": [expect(-1)]}, "-1 is out of range: at least 0"),
    "a count without bounds": (
        {"expectations": [expect(1), expect({})]},
        "$.expectations[1].count: say a number, atLeast or atMost",
    ),
    "bounds that cross": (
        {"expectations": [expect({"atLeast": 3, "atMost": 2})]},
        "$.expectations[0].count: atLeast is more than atMost",
    ),
    "an unknown operation": (
        {"expectations": [expect(operation="stopDosier")]},
        "$.expectations[0].request.operation: there is no operation 'stopDosier'",
    ),
}


def test_invalid_expectations_are_rejected(client: FlaskClient) -> None:
    for case, (body, sentence) in INVALID_EXPECTATIONS.items():
        answer = client.post("/__admin/verify", json=body)
        assert answer.status_code == 400, case
        assert sentence in (answer.json or {})["detail"], case


# Near misses


def test_a_near_miss_names_the_dossier_of_a_reference_with_spaces(api: Api) -> None:
    dossier = api.new_dossier(dossierReference=" PO-1 ")

    assert reasons(api, operation="importDossier", body={"dossierReference": "PO-1"}) == [
        (
            "reference ' PO-1 ' is the same as 'PO-1' for the platform: only white space differs;"
            f" dossier {dossier['dossierId']} has 'PO-1'"
        )
    ]


def test_capitals_matter_in_a_reference_by_default(api: Api) -> None:
    api.launch(dossierReference="po-1")

    assert reasons(api, operation="importDossier", body={"dossierReference": "PO-1"}) == [
        "reference 'po-1' is not 'PO-1': only capitals differ, which matters (variant referenceCase)"
    ]


def test_capitals_do_not_matter_in_a_reference_under_the_variant(make_variant_api: MakeApi) -> None:
    api = make_variant_api(referenceCase="upper")
    api.launch(dossierReference="po-1")

    assert reasons(api, operation="importDossier", body={"dossierReference": "PO-1"}) == [
        "reference 'po-1' is the same as 'PO-1' for the platform: only capitals differ"
    ]


def test_a_near_miss_names_the_dossier_of_another_reference(api: Api) -> None:
    dossier = api.new_dossier(dossierReference="PO-2")
    api.get("/dossiers", dossierReference="PO-2")

    assert reasons(api, operation="listDossiers", query={"dossierReference": "PO-1"}) == [
        f"reference 'PO-2' is not 'PO-1'; dossier {dossier['dossierId']} has 'PO-2'"
    ]


COMPANIES: dict[str, tuple[str, str, str]] = {
    "spaces": (
        "990 500 001 00013",
        SIRET,
        "is not '{}': only white space differs; the API accepts only the plain number",
    ),
    "a digit off": (
        "99050000100014",
        SIRET,
        "is not '{}': only the 14th character differs; it fails the Luhn check",
    ),
    "two digits swapped": (
        "99050000100031",
        SIRET,
        "is not '{}': the 13th and 14th characters are swapped; it fails the Luhn check",
    ),
    "the expectation is a digit off": (
        SIRET,
        "99050000100014",
        "is not '{}': only the 14th character differs; the expected one fails the Luhn check",
    ),
    "a SIREN a digit off": ("990500002", "990500001", "is not '{}': only the 9th character differs"),
    "another establishment": (
        "99050000100013",
        "99050000100021",
        "is another establishment of the company of '{}'",
    ),
    "the SIREN": ("990500001", SIRET, "is the SIREN of the company whose SIRET is '{}'"),
    "the VAT number": (
        "FR69503829368",
        "50382936800045",
        "is the VAT number of the company whose SIRET is '{}'",
    ),
}


def import_reasons(api: Api, sent: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """Why an import with these members is not one with others."""
    api.try_import(**sent)
    return reasons(api, operation="importDossier", body=wanted)


def test_a_near_miss_says_what_is_wrong_with_a_company_number(make_api: MakeApi) -> None:
    for case, (sent, wanted, said) in COMPANIES.items():
        found = import_reasons(make_api(), {"companyIdValue": sent}, {"companyIdValue": wanted})
        assert found == [f"companyIdValue '{sent}' {said.format(wanted)}"], case


def test_another_company_has_a_plain_difference(api: Api) -> None:
    api.try_import(companyIdValue=OTHER_SIRET)

    assert reasons(api, operation="importDossier", body={"companyIdValue": SIRET}) == [
        f"body.companyIdValue: expected '{SIRET}', found '{OTHER_SIRET}'"
    ]


DATES: dict[str, str] = {
    "31/12/2031": "is probably 2031-12-31, but the API accepts only ISO 8601",
    "31.12.2031": "is probably 2031-12-31, but the API accepts only ISO 8601",
    "20311231": "is probably 2031-12-31, but the API accepts only ISO 8601",
    "2031-12-31T00:00:00": "is the same day as '2031-12-31', but not the same text",
    "2031-12-30T23:30:00Z": "is the same day as '2031-12-31', but not the same text",
}


def test_the_same_day_in_another_notation_is_recognised(make_api: MakeApi) -> None:
    for sent, said in DATES.items():
        found = import_reasons(make_api(), {"expirationDate": sent}, {"expirationDate": "2031-12-31"})
        assert found == [f"expirationDate '{sent}' {said}"]


def test_another_day_has_a_plain_difference(make_api: MakeApi) -> None:
    for sent in ("2031-12-30", "32/12/2031", "soon", ""):
        found = import_reasons(make_api(), {"expirationDate": sent}, {"expirationDate": "2031-12-31"})
        assert found == [f"body.expirationDate: expected '2031-12-31', found '{sent}'"]


TYPES: dict[str, tuple[Any, Any, str]] = {
    "a text for a number": ("10", 10, "description is the text '10', expected the number 10"),
    "a number for a text": (10, "10", "description is the number 10, expected the text '10'"),
    "a text for a boolean": ("true", True, "description is the text 'true', expected the boolean true"),
    "another text": ("a", "b", "body.description: expected 'b', found 'a'"),
    "a list": (["10"], "10", "body.description: expected '10', found ['10']"),
    "nothing": (None, "10", "body.description: expected '10', found null"),
    "blanks": ("a  b", "a b ", "description 'a  b' is not 'a b ': only white space differs"),
    "capitals": ("Urgent", "urgent", "description 'Urgent' is not 'urgent': only capitals differ"),
}


def test_a_near_miss_names_another_type_or_spelling(make_api: MakeApi) -> None:
    for case, (sent, wanted, said) in TYPES.items():
        found = import_reasons(make_api(), {"description": sent}, {"description": wanted})
        assert found == [said], case


NAMES: dict[str, tuple[dict[str, Any], str, str]] = {
    "the client misspelt it": (
        {"dossierReference": ..., "dossier_reference": "PO-1"},
        "dossierReference",
        "the call sends 'dossier_reference' and no 'dossierReference'",
    ),
    "the expectation misspelt it": (
        {"dossierReference": ...},
        "dosierReference",
        "the call sends no 'dosierReference'; did you mean 'dossierReference', which importDossier reads?",
    ),
    "neither misspelt it": ({}, "description", "the call sends no 'description'"),
    "its name has a dot": ({}, "lines.text", "the call sends no 'text'"),
}


def test_a_near_miss_names_a_missing_member(make_api: MakeApi) -> None:
    for case, (sent, name, said) in NAMES.items():
        assert import_reasons(make_api(), sent, {name: "x"}) == [said], case


def test_a_near_miss_names_a_misspelt_parameter(api: Api) -> None:
    api.get("/dossiers", pagesize=5)

    assert reasons(api, operation="listDossiers", query={"pageSize": 5}) == [
        "the call sends 'pagesize' and no 'pageSize'"
    ]


def test_a_near_miss_names_a_missing_header(api: Api) -> None:
    api.get("/dossiers")

    assert reasons(api, operation="listDossiers", headers={"X-Trace": "1"}) == ["the call sends no 'X-Trace'"]


def test_a_near_miss_names_a_nested_member(api: Api) -> None:
    api.try_import(description={"lines": [{"txt": "a"}]})

    assert reasons(api, operation="importDossier", body={"description": {"lines": [{"text": "a"}]}}) == [
        "the call sends 'txt' and no 'text'"
    ]


@pytest.mark.parametrize(
    ("body", "said"), [(None, "the call has no body"), (b"\xff", "its body is not text, 1 byte, not shown")]
)
def test_a_near_miss_names_an_unreadable_body(api: Api, body: bytes | None, said: str) -> None:
    api.send("POST", api.url("/dossiers"), data=body, content_type="application/json")

    assert reasons(api, operation="importDossier", body={"dossierReference": "PO-1"}) == [said]


def test_the_right_call_on_another_account_is_a_near_miss(make_api: MakeApi) -> None:
    api = make_api(user="multi", account=SECOND_ACCOUNT)
    api.get("/dossiers")

    assert reasons(api, operation="listDossiers", accountId=ACCOUNT) == [
        f"it was the right call, but on account {SECOND_ACCOUNT}, expected {ACCOUNT}"
    ]


def test_a_near_miss_names_another_dossier_with_its_reference(api: Api) -> None:
    dossier = api.new_dossier(dossierReference="PO-7")
    api.post(f"/dossiers/{dossier['dossierId']}/stop")
    api.post("/dossiers/1/stop")

    rows = verdict(api, expect(operation="stopDossier", dossierId=SEED_DOSSIER))["nearMisses"]

    assert [row["differences"] for row in rows] == [
        [f"it was about dossier 1, which the account does not have, expected {SEED_DOSSIER}"],
        [(f"it was about dossier {dossier['dossierId']} with reference 'PO-7', expected {SEED_DOSSIER}")],
    ]


OUTCOMES: dict[str, tuple[dict[str, Any], str]] = {
    "made a dossier": ({"dossierReference": "PO-2"}, r"created dossier \d+"),
    "ended with a code": ({"dossierReference": "PO-1"}, "ended with E202"),
    "is still running": ({"companyIdValue": "99000201600014"}, "is still running"),
}


@pytest.mark.parametrize(("members", "said"), OUTCOMES.values(), ids=list(OUTCOMES))
def test_a_near_miss_says_how_the_import_ended(api: Api, members: dict[str, Any], said: str) -> None:
    api.new_dossier(dossierReference="PO-1")
    api.control("DELETE", "/requests")
    api.launch(**members)
    api.advance("PT1S")

    accepted = "it was answered 200: the import was accepted, and its process [0-9a-f]{32}"
    for asked in ({"code": "E103"}, {"status": 400}):
        [reason] = reasons(api, operation="importDossier", **asked)
        assert re.fullmatch(rf"{accepted} {said} \(see getProcess\)", reason), (asked, reason)


def test_a_near_miss_of_an_import_that_was_reset_has_only_its_answer(api: Api) -> None:
    api.launch()
    api.control("POST", "/reset", {"only": ["state"]})

    assert reasons(api, operation="importDossier", code="E202") == ["it was answered 200, expected E202"]


def test_a_near_miss_of_an_import_that_was_to_succeed_has_only_its_answer(api: Api) -> None:
    api.launch()

    for wanted, said in ((201, "201"), (399, "399"), ({"$atLeast": 400}, "at least 400")):
        assert reasons(api, operation="importDossier", status=wanted) == [
            f"it was answered 200, expected {said}"
        ]


def test_a_near_miss_names_another_call_of_the_authorisation_server(api: Api) -> None:
    api.client.get(f"{OPENID}/userinfo", headers={"X-Mock-Sandbox": api.sandbox})

    assert reasons(api, operation="getToken") == [f"it was GET {OPENID}/userinfo"]


def test_without_an_operation_any_call_may_be_near(api: Api) -> None:
    api.get("/dossiers")
    api.send("GET", "/nowhere")

    rows = verdict(api, expect(path="/elsewhere"))["nearMisses"]

    assert [row["number"] for row in rows] == [3, 2, 1]


def test_long_lists_of_numbers_are_cut_off(api: Api) -> None:
    for page in range(10):
        api.get("/dossiers", page=page)

    for found, end in ((10, ""), (11, " ...")):
        assert verdict(api, expect(0, operation="listDossiers"))["why"] == (
            f"expected exactly 0, found {found} (requests 2, 3, 4, 5, 6, 7, 8, 9, 10, 11{end})"
        )
        api.get("/dossiers")


def test_a_near_miss_names_another_status_with_its_codes(api: Api) -> None:
    api.post("/dossiers/1/stop")

    assert reasons(api, operation="stopDossier", status=200) == [
        "it was answered 404 with E200, expected 200"
    ]


def test_a_near_miss_names_the_fault_instead_of_the_status(api: Api) -> None:
    set_rule(api, {"fault": "NO_RESPONSE"})
    api.get(f"/dossiers/{SEED_DOSSIER}")

    assert reasons(api, operation="getDossier", status=200) == ["it was answered NO_RESPONSE, expected 200"]


def test_a_near_miss_names_another_user(api: Api) -> None:
    api.get("/dossiers")

    assert reasons(api, operation="listDossiers", user="multi@example.com") == [
        "it was made by api@example.com, expected multi@example.com"
    ]
    assert verdict(api, expect(user="api@example.com", operation="listAccounts"))["nearMisses"] == []


def test_a_similar_path_is_a_near_miss(api: Api) -> None:
    api.send("GET", "/api/v1/accounts/119631/dossiers")

    assert reasons(api, operation="listDossiers") == [
        (
            "the API has no path /api/v1/accounts/119631/dossiers;"
            " did you mean GET /api/v1/account/{accountId}/dossiers (listDossiers)?"
        )
    ]


def test_the_right_body_or_query_of_another_operation_is_a_near_miss(api: Api) -> None:
    api.post(f"/dossiers/{SEED_DOSSIER}", {"dossierReference": "PO-1"})
    api.get("/dossiers", pageSize=5)

    rows: list[tuple[str, dict[str, Any], str]] = [
        ("importDossier", {"body": {"dossierReference": "PO-1"}}, "updateDossier"),
        ("importDossier", {"body": {"dossierReference": "PO-1", "description": "x"}}, "updateDossier"),
        ("importDossier", {"body": {"dossierReference": {"$matches": "PO-."}}}, "updateDossier"),
        ("importDossier", {"jsonPath": {"$.dossierReference": "PO-1"}}, "updateDossier"),
        ("importDossier", {"jsonPath": {"$.dossierReference": "PO-1", "$.x": 1}}, "updateDossier"),
        ("listThirdparties", {"query": {"pageSize": 5}}, "listDossiers"),
        ("listThirdparties", {"query": {"pageSize": 5, "page": 2}}, "listDossiers"),
    ]
    for operation, shared, near in rows:
        assert reasons(api, operation=operation, **shared)[0] == f"it was {near}", shared


def test_a_call_without_a_common_part_is_not_a_near_miss(api: Api) -> None:
    api.get("/dossiers")

    for body in ({"dossierReference": "PO-1"}, {"dossierReference": "PO-1", "companyIdValue": SIRET}):
        assert verdict(api, expect(operation="importDossier", body=body))["nearMisses"] == []


def test_the_nearest_misses_come_first_and_are_few(api: Api) -> None:
    for reference, value in (
        ("PO-9", OTHER_SIRET),
        ("PO-1", OTHER_SIRET),
        ("PO-8", SIRET),
        ("PO-7", OTHER_SIRET),
    ):
        api.try_import(dossierReference=reference, companyIdValue=value)

    rows = verdict(
        api, expect(operation="importDossier", body={"dossierReference": "PO-1", "companyIdValue": SIRET})
    )["nearMisses"]

    assert [(row["number"], len(row["differences"])) for row in rows] == [(4, 1), (3, 1), (5, 2)]
    assert {row["request"] for row in rows} == {f"importDossier: POST /api/v1/account/{ACCOUNT}/dossiers"}
