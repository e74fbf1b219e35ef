"""Which calls a rule matches, its scripted answers, and the list of rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.control_calls import counted, log_in, set_rule
from tests.support import (
    ACCOUNT,
    SEED_DOSSIER,
    SIRET,
    Api,
)

RULE = "X-Mock-Rule"
THIRDPARTY = 875
NEVER_ENDS = "99000201600014"


def dossier(api: Api) -> TestResponse:
    """Ask for the dossier that every sandbox has."""
    return api.get(f"/dossiers/{SEED_DOSSIER}")


# An answer of the rule's own


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        pytest.param({"a": [1, None, "é"]}, '{"a":[1,null,"é"]}', id="JSON"),
        pytest.param([], "[]", id="an empty list"),
        pytest.param(None, "null", id="null"),
        pytest.param(0, "0", id="a number"),
        pytest.param("<h1>Bad Gateway</h1>", "<h1>Bad Gateway</h1>", id="text is sent as it is"),
        pytest.param("", "", id="an empty text"),
    ],
)
def test_a_rule_answers_with_its_body(api: Api, body: Any, sent: str) -> None:
    set_rule(api, {"respond": {"status": 200, "body": body}})

    answer = dossier(api)

    assert (answer.status_code, answer.text) == (200, sent)
    assert answer.content_type == "application/json;charset=UTF-8"


def test_a_rule_without_a_body_answers_without_one(api: Api) -> None:
    set_rule(api, {"respond": {"status": 503, "headers": {"Retry-After": "30", "content-type": "text/html"}}})

    answer = dossier(api)

    assert (answer.status_code, answer.data) == (503, b"")
    assert (answer.headers["Retry-After"], answer.headers.getlist("Content-Type")) == ("30", ["text/html"])


def test_a_call_that_a_rule_answers_is_not_executed(api: Api) -> None:
    set_rule(api, {"respond": {"status": 200}}, "stopDossier")

    assert api.post(f"/dossiers/{SEED_DOSSIER}/stop").status_code == 200

    assert api.dossier(SEED_DOSSIER)["monitored"] is True


def test_an_answer_names_the_rule_that_changed_it(api: Api) -> None:
    set_rule(api, {"respond": {"status": 503}}, name="the provider is down – again")

    assert dossier(api).headers[RULE] == "the provider is down \\u2013 again"
    assert RULE not in api.get("/dossiers").headers


def test_a_rule_also_answers_calls_with_a_bad_token_or_an_unknown_account(api: Api) -> None:
    set_rule(api, {"respond": {"status": 503}})
    api.advance("PT2H")
    api.control("POST", "/clock/advance", {"by": "PT2H", "tokens": True})

    expired = dossier(api)
    elsewhere = api.send("GET", f"/api/v1/account/1/dossiers/{SEED_DOSSIER}")

    assert (expired.status_code, elsewhere.status_code) == (503, 503)


@pytest.mark.parametrize("prefix", ["/api/v1", "/rest/api/v1"])
def test_a_rule_applies_with_each_prefix(api: Api, prefix: str) -> None:
    set_rule(api, {"respond": {"status": 503}})

    answer = api.send("GET", f"{prefix}/account/{ACCOUNT}/dossiers/{SEED_DOSSIER}")

    assert answer.status_code == 503


# Which calls


MATCHING: dict[str, dict[str, Any]] = {
    "its third party": {"thirdpartyId": THIRDPARTY},
    "its number": {"dossierId": SEED_DOSSIER},
    "its account": {"accountId": str(ACCOUNT)},
    "the user without the tag": {"user": "api@example.com"},
    "the path": {"path": f"/api/v1/account/{ACCOUNT}/dossiers/{SEED_DOSSIER}"},
    "a header in another case": {"headers": {"ACCEPT": {"$contains": "json"}}},
    "a query parameter as a number": {"query": {"page": 3}},
    "the method": {"method": "GET"},
}


@pytest.mark.parametrize("when", MATCHING.values(), ids=list(MATCHING))
def test_a_rule_matches_a_call_by(api: Api, when: dict[str, Any]) -> None:
    set_rule(api, {"respond": {"status": 503}}, when=when)

    url = api.url(f"/dossiers/{SEED_DOSSIER}", page=3)
    answer = api.send("GET", url, headers={"Accept": "application/json"})

    assert answer.status_code == 503


NOT_MATCHING: dict[str, dict[str, Any]] = {
    "another third party": {"thirdpartyId": THIRDPARTY + 1},
    "another dossier": {"dossierId": SEED_DOSSIER + 1},
    "a document": {"documentId": {"$any": True}},
    "the user with the tag": {"user": {"$contains": "+"}},
    "another method": {"method": "POST"},
    "a body": {"body": {}},
}


@pytest.mark.parametrize("when", NOT_MATCHING.values(), ids=list(NOT_MATCHING))
def test_a_rule_does_not_match_a_call_by(api: Api, when: dict[str, Any]) -> None:
    set_rule(api, {"respond": {"status": 503}}, when=when)

    assert dossier(api).status_code == 200


def test_a_rule_matches_an_import_by_its_body(api: Api) -> None:
    when = {
        "operation": "importDossier",
        "body": {"dossierReference": "PO-2"},
        "jsonPath": {"$.companyIdValue": SIRET},
    }
    set_rule(api, {"respond": {"status": 503}}, when=when)

    answers = [api.try_import(dossierReference=reference).status_code for reference in ("PO-1", "PO-2")]

    assert answers == [200, 503]


def test_a_rule_matches_a_process_by_its_id(api: Api) -> None:
    one, other = api.launch(dossierReference="PO-1"), api.launch(dossierReference="PO-2")
    set_rule(api, {"respond": {"status": 503}}, when={"processId": other})

    answers = [api.get(f"/dossiers/process/{process_id}").status_code for process_id in (one, other)]

    assert answers == [200, 503]


def test_a_rule_matches_a_login_by_its_form_and_user(api: Api) -> None:
    when = {"operation": "getToken", "body": {"password": "wrong"}, "user": "api@example.com"}
    set_rule(api, {"respond": {"status": 503}}, when=when)

    assert [log_in(api, password).status_code for password in ("demo", "wrong")] == [200, 503]


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        pytest.param("{broken", "application/json", 400, id="broken JSON"),
        pytest.param("dossierReference=PO-1", "application/x-www-form-urlencoded", 415, id="a form"),
        pytest.param("dossierReference=PO-1", "text/plain", 415, id="text"),
        pytest.param("", "application/json", 400, id="nothing"),
    ],
)
def test_a_rule_that_reads_the_body_does_not_consume_it(api: Api, data: str, kind: str, status: int) -> None:
    set_rule(api, {"delay": {"type": "fixed", "milliseconds": 1}}, "importDossier", name="late")

    answer = api.send("POST", api.url("/dossiers"), data=data, content_type=kind)

    assert (answer.status_code, answer.headers[RULE]) == (status, "late")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_no_rule_applies_to_a_control_call(api: Api, method: str) -> None:
    set_rule(api, {"respond": {"status": 503}}, when={})

    answer = api.client.open(
        "/__admin/rules",
        method=method,
        json={"rules": []} if method == "POST" else {},
        headers={"X-Mock-Sandbox": api.sandbox},
    )

    assert answer.status_code in {200, 201}
    assert RULE not in answer.headers


def test_no_rule_applies_to_an_unknown_path(api: Api) -> None:
    set_rule(api, {"respond": {"status": 503}}, when={})

    statuses = [
        api.send("GET", "/nothing").status_code,
        api.send("DELETE", api.url("/dossiers")).status_code,
        api.send("GET", "/auth/realms/eat_realm/.well-known/openid-configuration").status_code,
    ]

    assert statuses == [404, 405, 200]


def test_no_rule_applies_to_a_call_in_another_sandbox(make_api: Callable[..., Api]) -> None:
    changed, other = make_api(), make_api()

    set_rule(changed, {"respond": {"status": 503}}, when={})

    statuses = [(dossier(api).status_code, log_in(api).status_code) for api in (changed, other)]
    assert statuses == [(503, 503), (200, 200)]


def test_without_tokens_a_rule_applies_in_the_sandbox_that_the_call_names(
    make_server_api: Callable[..., Api],
) -> None:
    api = make_server_api(auth="off")
    set_rule(api, {"respond": {"status": 503}}, when={"operation": "getDossier", "user": {"$absent": True}})
    url = api.url(f"/dossiers/{SEED_DOSSIER}")

    answers = [
        api.client.get(url, headers=headers).status_code for headers in ({}, {"X-Mock-Sandbox": "other"})
    ]

    assert answers == [503, 200]


# The list of rules


def test_the_active_rules_are_listed_as_written_with_their_counts(api: Api) -> None:
    when = {"operation": ["getDossier", "stopDossier"], "nth": {"from": 2}}
    set_rule(api, {"respond": {"status": 503}}, when=when, times=1)
    set_rule(api, {"delay": {"type": "fixed", "milliseconds": 0.0}}, name="late")
    statuses = [dossier(api).status_code for _ in range(3)]

    assert statuses == [200, 503, 200]
    assert api.control("GET", "/rules")["rules"] == [
        {
            "name": "rule",
            "when": when,
            "then": {"respond": {"status": 503}},
            "times": 1,
            "adHoc": True,
            "byHand": True,  # the old name
            "matched": 3,
            "applied": 1,
        },
        {
            "name": "late",
            "when": {"operation": "getDossier"},
            "then": {"delay": {"type": "fixed", "milliseconds": 0.0}},
            "adHoc": True,
            "byHand": True,  # the old name
            "matched": 3,
            "applied": 2,
        },
    ]


def test_rules_are_deleted_by_name_or_all(api: Api) -> None:
    set_rule(api, {"respond": {"status": 503}}, name="a")
    set_rule(api, {"respond": {"status": 504}}, name="b")
    set_rule(api, {"respond": {"status": 505}}, name="c")

    api.control("DELETE", "/rules?name=a")
    after_one = dossier(api).status_code
    api.control("DELETE", "/rules")

    assert (after_one, dossier(api).status_code, counted(api)) == (504, 200, {})


def test_a_rule_applies_to_calls_of_threads_exactly_as_often_as_times(app: Flask, api: Api) -> None:
    from tests.support import run_at_once

    set_rule(api, {"respond": {"status": 503}}, times=7)
    url, headers = api.url(f"/dossiers/{SEED_DOSSIER}"), {"Authorization": f"Bearer {api.token}"}

    statuses = run_at_once(32, lambda _: app.test_client().get(url, headers=headers).status_code)

    assert statuses.count(503) == 7
    assert counted(api) == {"rule": (32, 7)}
