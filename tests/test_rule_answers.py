"""What rules do to the answers of calls: patches, refused tokens, the rate limit, faults of the body."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from mock_server.scenarios.file_format import FAULTS
from tests.control_calls import log_in, set_rule
from tests.support import (
    ACCOUNT,
    SECOND_ACCOUNT,
    SEED_DOSSIER,
    TOKEN_URL,
    Api,
    content,
    is_protocol_error,
    refresh,
)

RULE = "X-Mock-Rule"


def dossier(api: Api) -> TestResponse:
    """Ask for the dossier that every sandbox has."""
    return api.get(f"/dossiers/{SEED_DOSSIER}")


def error_of(answer: TestResponse) -> str:
    """What an answer of the authorisation server refuses with."""
    return f"{answer.status_code} {(answer.json or {}).get('error')}"


# A patch of the real answer


PATCHES: dict[str, tuple[Any, dict[str, Any]]] = {
    "a member is replaced": ({"content": {"description": "patched"}}, {"description": "patched"}),
    "a member is added": ({"content": {"extra": [1, {"a": None}]}}, {"extra": [1, {"a": None}]}),
    "an object replaces another value": (
        {"content": {"dossierReference": {"a": {"b": 1, "c": None}}}},
        {"dossierReference": {"a": {"b": 1}}},
    ),
    "a list is replaced as a whole": ({"content": {"documents": []}}, {"documents": []}),
    "nothing is changed by an empty one": ({}, {}),
}


@pytest.mark.parametrize(("patch", "changed"), PATCHES.values(), ids=list(PATCHES))
def test_a_patch_changes_members_of_the_real_answer(api: Api, patch: Any, changed: dict[str, Any]) -> None:
    real = api.dossier(SEED_DOSSIER)
    set_rule(api, {"patch": patch})

    assert api.dossier(SEED_DOSSIER) == real | changed


def test_a_null_in_a_patch_removes_a_member(api: Api) -> None:
    set_rule(api, {"patch": {"content": {"documents": None, "unknown": None}}})

    assert "documents" not in api.dossier(SEED_DOSSIER)


@pytest.mark.parametrize("patch", [["a"], "text", 1, False], ids=["a list", "a text", "a number", "false"])
def test_a_patch_that_is_not_an_object_replaces_the_answer(api: Api, patch: Any) -> None:
    set_rule(api, {"patch": patch})

    answer = dossier(api)

    assert (answer.status_code, answer.json) == (200, patch)


def test_a_patched_call_is_executed(api: Api) -> None:
    set_rule(api, {"patch": {"content": {"success": False}}}, "stopDossier")

    assert content(api.post(f"/dossiers/{SEED_DOSSIER}/stop"))["success"] is False

    assert api.dossier(SEED_DOSSIER)["monitored"] is False


def test_a_patch_changes_a_refusal(api: Api) -> None:
    set_rule(api, {"patch": {"messages": None, "hint": "ask again"}})

    answer = api.get("/dossiers/1")

    assert (answer.status_code, answer.json) == (404, {"hint": "ask again"})


def test_a_patch_changes_an_error_of_the_protocol(api: Api) -> None:
    set_rule(api, {"patch": {"timestamp": None, "message": "no"}})
    api.control("POST", "/clock/advance", {"by": "PT2H", "tokens": True})

    answer = dossier(api)

    path = f"/api/v1/account/{ACCOUNT}/dossiers/{SEED_DOSSIER}"
    assert answer.status_code == 401
    assert answer.json == {"status": 401, "error": "Unauthorized", "message": "no", "path": path}


def test_a_patch_changes_the_whole_list_of_dossiers(api: Api) -> None:
    set_rule(api, {"patch": {"content": [], "size": 0}}, "listAllDossiers")

    answer = api.get("/dossiers/all")

    assert answer.json == {"content": [], "size": 0}
    assert answer.headers["Content-Length"] == str(len(answer.data))


def test_a_patch_changes_a_token_answer(api: Api) -> None:
    set_rule(api, {"patch": {"expires_in": 5, "refresh_token": None}}, "getToken")

    granted = log_in(api).json or {}

    assert (granted["expires_in"], "refresh_token" in granted) == (5, False)


# Tokens


@pytest.mark.parametrize(
    ("token", "words"),
    [
        pytest.param("expired", "The access token has expired", id="expired"),
        pytest.param(
            "refused", "The access token was not issued by this server, or was altered", id="refused"
        ),
    ],
)
def test_a_token_rejected_by_a_rule_is_a_401_with_its_challenge(api: Api, token: str, words: str) -> None:
    set_rule(api, {"token": token}, when={"operation": "getDossier", "nth": 2})

    answers = [dossier(api) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 401, 200]
    assert is_protocol_error(answers[1], 401)
    assert answers[1].headers["WWW-Authenticate"] == (
        f'Bearer realm="eat_realm", error="invalid_token", error_description="{words}"'
    )


@pytest.mark.parametrize("token", ["expired", "refused"])
def test_a_login_rejected_by_a_rule_is_refused_as_with_a_wrong_password(api: Api, token: str) -> None:
    wrong = log_in(api, "wrong")
    set_rule(api, {"token": token}, "getToken")

    refused = log_in(api)

    assert (refused.status_code, refused.json) == (wrong.status_code, wrong.json)
    assert (error_of(refused), refused.headers[RULE]) == ("401 invalid_grant", "rule")


@pytest.mark.parametrize("token", ["expired", "refused"])
def test_a_refresh_rejected_by_a_rule_is_refused_as_an_expired_one(api: Api, token: str) -> None:
    granted = api.log_in()
    set_rule(api, {"token": token}, "getToken", times=1)

    refused, again = (refresh(api.client, granted["refresh_token"]) for _ in range(2))

    assert (error_of(refused), (refused.json or {})["error_description"]) == (
        "400 invalid_grant",
        "Token is not active",
    )
    assert again.status_code == 200


def test_a_malformed_login_is_reported_as_such_despite_the_rule(api: Api) -> None:
    set_rule(api, {"token": "refused"}, "getToken")

    answers = [
        api.client.post(TOKEN_URL, data={"username": api.username} | form)
        for form in ({}, {"grant_type": "password"}, {"grant_type": "magic", "client_id": "ea-api-edge"})
    ]

    assert [error_of(answer) for answer in answers] == [
        "400 invalid_request",
        "401 invalid_client",
        "400 unsupported_grant_type",
    ]


# The rate limit


def limits(answer: TestResponse) -> dict[str, str]:
    return {
        name.lower(): value for name, value in answer.headers.items() if name.lower().startswith("x-rate")
    }


def test_an_exceeded_limit_is_a_429_with_the_documented_headers(api: Api) -> None:
    set_rule(api, {"rateLimit": "exceeded"}, when={"nth": 2})

    answers = [dossier(api) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 429, 200]
    assert is_protocol_error(answers[1], 429)
    assert [limits(answer) for answer in answers] == [
        {},
        {
            "x-ratelimit-remaining": "0",
            "x-ratelimit-burst-capacity": "20",
            "x-ratelimit-replenish-rate": "10",
        },
        {},
    ]


def test_an_enforced_limit_counts_as_documented_on_the_sandbox_s_clock(api: Api) -> None:
    api.set_clock("2031-05-02T10:00:00")
    set_rule(api, {"rateLimit": "enforced"}, when={})

    statuses = [dossier(api).status_code for _ in range(21)]
    api.advance("PT1S")
    after = dossier(api)

    assert statuses == [200] * 20 + [429]
    assert (after.status_code, limits(after)["x-ratelimit-remaining"]) == (200, "9")


def test_an_enforced_limit_counts_only_the_calls_that_the_rule_matches(api: Api) -> None:
    api.set_clock("2031-05-02T10:00:00")
    set_rule(api, {"rateLimit": "enforced"})

    assert limits(api.get("/dossiers")) == {}
    assert limits(dossier(api))["x-ratelimit-remaining"] == "19"


def test_a_forbidden_account_does_not_count_for_the_limit(api: Api) -> None:
    set_rule(api, {"rateLimit": "exceeded"})

    foreign = api.send("GET", f"/api/v1/account/{SECOND_ACCOUNT}/dossiers/1")

    assert (foreign.status_code, limits(foreign)) == (403, {})


# Faults, as far as they are seen in process


@pytest.mark.parametrize("fault", [name for name, fault in FAULTS.items() if not fault.needs_answer])
def test_without_the_real_server_a_fault_is_a_502_and_the_call_is_not_executed(api: Api, fault: str) -> None:
    set_rule(api, {"fault": fault}, "stopDossier")

    answer = api.post(f"/dossiers/{SEED_DOSSIER}/stop")

    assert (answer.status_code, answer.text) == (502, f"{fault}: seen under the real server only")
    assert api.dossier(SEED_DOSSIER)["monitored"] is True


@pytest.mark.parametrize("fault", FAULTS)
def test_a_call_that_is_carried_out_is_executed_before_the_fault(api: Api, fault: str) -> None:
    set_rule(api, {"fault": fault, "carriedOut": True}, "stopDossier", times=1)

    api.post(f"/dossiers/{SEED_DOSSIER}/stop")

    assert api.dossier(SEED_DOSSIER)["monitored"] is False


def test_an_empty_body_is_the_real_answer_without_it(api: Api) -> None:
    set_rule(api, {"fault": "EMPTY_BODY"})

    answer = dossier(api)

    assert (answer.status_code, answer.data, answer.headers["Content-Length"]) == (200, b"", "0")


@pytest.mark.parametrize("operation", ["getDossier", "getProcess"])
def test_a_malformed_body_is_not_json(api: Api, operation: str) -> None:
    set_rule(api, {"fault": "MALFORMED_BODY"}, operation)
    process_id = api.launch()

    bodies = {"getDossier": dossier(api), "getProcess": api.get(f"/dossiers/process/{process_id}")}

    assert bodies[operation].status_code == 200
    assert bodies[operation].is_json
    assert bodies[operation].get_json(silent=True) is None
