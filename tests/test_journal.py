"""The journal of a sandbox: each exchange as sent, readable, without secrets, in its own sandbox only."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Thread
from typing import Any

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from mock_server.dialects import wire
from mock_server.web.services import of
from tests.control_calls import latest, listing, log_in, requests_of, set_rule
from tests.support import (
    ACCOUNT,
    OPENID,
    SECOND_ACCOUNT,
    SEED_DOSSIER,
    SIRET,
    TOKEN_URL,
    Api,
    content,
    refresh,
)

MakeApi = Callable[..., Api]


def operations(api: Api) -> list[str | None]:
    return [entry["operation"] for entry in requests_of(api)]


# The members of an exchange


def test_every_call_is_listed_newest_last(api: Api) -> None:
    api.get("/dossiers")
    api.get(f"/dossiers/{SEED_DOSSIER}")

    assert operations(api) == ["getToken", "listDossiers", "getDossier"]
    assert [entry["number"] for entry in requests_of(api)] == [1, 2, 3]


def test_an_exchange_has_the_call_and_its_answer(api: Api) -> None:
    api.set_clock("2031-03-02T09:00:00")
    answer = api.send("GET", api.url("/dossiers", pageSize=1), headers={"X-Request-Id": "abc"})

    entry = latest(api)

    assert entry["answer"] == answer.json
    assert entry["answerHeaders"]["content-type"] == "application/json;charset=UTF-8"
    assert entry["headers"]["x-request-id"] == "abc"
    assert entry["milliseconds"] > 0
    assert entry["realTime"].endswith("+00:00")
    expected = {
        "at": "2031-03-02T09:00:00.000",
        "operation": "listDossiers",
        "user": "api@example.com",
        "method": "GET",
        "path": f"/api/v1/account/{ACCOUNT}/dossiers",
        "accountId": ACCOUNT,
        "query": {"pageSize": "1"},
        "body": None,
        "status": 200,
        "codes": [],
        "rule": None,
        "matched": True,
        "warnings": [],
    }
    assert {name: entry[name] for name in expected} == expected


def test_the_ids_of_the_path_come_with_the_third_party_of_the_dossier(api: Api) -> None:
    dossier = api.dossier(SEED_DOSSIER)
    document = dossier["documents"][0]["documentId"]
    api.get(f"/dossiers/{SEED_DOSSIER}/documents/{document}")

    entry = latest(api)

    ids = {name: value for name, value in entry.items() if name.endswith("Id")}
    assert ids == {
        "accountId": ACCOUNT,
        "dossierId": SEED_DOSSIER,
        "documentId": document,
        "thirdpartyId": dossier["thirdpartyId"],
    }


def test_a_refusal_is_recorded_with_its_codes(api: Api) -> None:
    api.post("/dossiers", {"companyIdType": "CIT009", "dossierReference": ""})

    assert (latest(api)["status"], latest(api)["codes"]) == (400, ["E001", "E002", "E003"])


def test_a_refusal_as_a_result_has_its_codes_too(make_variant_api: MakeApi) -> None:
    api = make_variant_api(refusals="result")
    api.post(f"/dossiers/{SEED_DOSSIER}/reactivate")

    assert (latest(api)["status"], latest(api)["codes"]) == (200, ["E204"])


def test_the_answer_about_a_process_has_the_codes_of_its_import(api: Api) -> None:
    api.new_dossier()

    assert api.refused_import_codes() == ["E202"]
    assert (latest(api)["operation"], latest(api)["codes"]) == ("getProcess", ["E202"])


def test_a_rule_that_changes_an_answer_is_named(api: Api) -> None:
    set_rule(api, {"patch": {"content": {"description": "changed"}}}, name="ad hoc")
    api.dossier(SEED_DOSSIER)

    entry = latest(api)

    assert (entry["rule"], entry["answer"]["content"]["description"]) == ("ad hoc", "changed")


def test_a_fault_of_the_connection_leaves_no_status(api: Api) -> None:
    set_rule(api, {"fault": "EMPTY_RESPONSE"})
    api.get(f"/dossiers/{SEED_DOSSIER}")

    entry = latest(api)

    assert (entry["fault"], entry["status"], entry["answer"]) == ("EMPTY_RESPONSE", None, None)


def test_a_fault_of_the_body_is_recorded_as_sent(api: Api) -> None:
    set_rule(api, {"fault": "MALFORMED_BODY"})
    answer = api.get(f"/dossiers/{SEED_DOSSIER}")

    entry = latest(api)

    assert (entry["status"], entry["answer"]) == (200, answer.text)
    assert "fault" not in entry


def test_a_rule_about_the_token_call_applies_to_a_refresh_as_well(api: Api) -> None:
    tokens = api.log_in()
    set_rule(api, {"patch": {"scope": "none"}}, "getToken")

    answer = refresh(api.client, tokens["refresh_token"])

    assert (answer.headers["X-Mock-Rule"], (answer.json or {})["scope"]) == ("rule", "none")
    assert (latest(api)["rule"], latest(api)["user"]) == ("rule", "api@example.com")


# Calls without a valid token


def test_a_call_without_a_token_is_recorded(client: FlaskClient, api: Api) -> None:
    answer = client.get(api.url("/dossiers"), headers={"X-Mock-Sandbox": api.sandbox})

    entry = latest(api)

    assert answer.status_code == 401
    assert (entry["status"], entry["operation"], entry["user"]) == (401, "listDossiers", None)


def test_a_call_with_an_expired_token_is_in_the_sandbox_of_the_token(api: Api) -> None:
    assert api.token
    api.control("POST", "/clock/advance", {"by": "P1D", "tokens": True})
    api.get("/dossiers")

    assert (latest(api)["status"], latest(api)["user"]) == (401, "api@example.com")


@pytest.mark.parametrize(
    ("method", "path", "status", "sentence"),
    [
        (
            "GET",
            "/api/v1/accounts/119631/dossiers",
            404,
            (
                "the API has no path /api/v1/accounts/119631/dossiers;"
                " did you mean GET /api/v1/account/{accountId}/dossiers (listDossiers)?"
            ),
        ),
        (
            "POST",
            "/rest/api/v1/account/119631/dossier/804127/stop",
            404,
            (
                "the API has no path /rest/api/v1/account/119631/dossier/804127/stop;"
                " did you mean POST /api/v1/account/{accountId}/dossiers/{dossierId}/stop (stopDossier)?"
            ),
        ),
        (
            "POST",
            "/auth/realms/master/protocol/openid-connect/token",
            404,
            (
                "the API has no path /auth/realms/master/protocol/openid-connect/token;"
                " did you mean POST /auth/realms/eat_realm/protocol/openid-connect/token (getToken)?"
            ),
        ),
        (
            "PUT",
            "/api/v1/account/119631/dossiers/804127",
            405,
            "/api/v1/account/119631/dossiers/804127 takes GET and POST, not PUT",
        ),
        ("GET", "/favicon.ico", 404, "the API has no path /favicon.ico"),
    ],
    ids=["an extra letter", "another number", "another realm", "another method", "nothing like it"],
)
def test_an_unmatched_call_has_a_hint_to_a_similar_operation(
    api: Api, method: str, path: str, status: int, sentence: str
) -> None:
    api.get("/dossiers")
    api.send(method, path)

    unmatched = api.control("GET", "/requests/unmatched")

    [entry] = unmatched["requests"]
    assert (unmatched["total"], unmatched["complete"]) == (1, True)
    assert (entry["status"], entry["matched"], entry["operation"]) == (status, False, None)
    assert entry["warnings"] == [sentence]


LIST_ACCOUNTS = "GET /api/v1/account (listAccounts)"
STATISTICS = "GET /api/v1/account/{accountId} (getAccountStatistics)"
LOGIN = "POST /auth/realms/eat_realm/protocol/openid-connect/token (getToken)"
DOSSIERS = "/api/v1/account/{accountId}/dossiers"
A_LONG_ID = "1" * 260

SIMILAR = {
    "6 of 10 characters in common": ("PUT /api/v1/azzzzzz", LIST_ACCOUNTS),
    "less": ("PUT /api/v1/azzzzzzz", None),
    "less, with the right method": ("GET /api/v1/azzzzzzz", None),
    "a method that decides": ("POST /api/v1/account/1/dossier", f"POST {DOSSIERS} (importDossier)"),
    "another method that decides": ("GET /api/v1/account/1/dossier", f"GET {DOSSIERS} (listDossiers)"),
    "300 characters that are compared": (f"PUT /api/v1/account/{A_LONG_ID}/{'z' * 24}", STATISTICS),
    "a login to the URL of the server": ("POST /", LOGIN),
    "a login as of another server": ("POST /oauth/Token", LOGIN),
    "no login by its method": ("GET /oauth/Token", None),
    "no login by its path": ("POST /dossiers", None),
    "300 with one more in front": (f"PUT /api/v1/account/{A_LONG_ID[1:]}/{'z' * 24}", None),
}


def test_an_operation_is_similar_if_most_of_its_path_is(api: Api) -> None:
    for case, (call, similar) in SIMILAR.items():
        method, path = call.split(" ")
        api.send(method, path)

        [warning] = latest(api)["warnings"]

        assert warning == f"the API has no path {path}" + (f"; did you mean {similar}?" if similar else ""), (
            case
        )


def test_an_invalid_id_does_not_make_a_call_unmatched(api: Api) -> None:
    api.get("/dossiers/abc")

    assert (latest(api)["status"], latest(api)["matched"], latest(api)["warnings"]) == (400, True, [])


def test_control_calls_are_never_recorded(api: Api) -> None:
    api.control("GET", "/requests")
    for path in ("/__admin", "/__admin/", "/__admin/nothing/at/all", "/__admin/requests?sandbox=default"):
        api.client.get(path, headers={"X-Mock-Sandbox": api.sandbox})

    assert requests_of(api) == []


def test_a_path_that_only_begins_like_a_control_call_is_recorded(api: Api) -> None:
    api.send("GET", "/__administration")

    assert latest(api)["path"] == "/__administration"


# Secrets


def test_the_journal_hides_the_secrets_of_a_login(api: Api) -> None:
    tokens = api.log_in()
    api.client.post(
        TOKEN_URL,
        data={
            "grant_type": "refresh_token",
            "client_id": "ea-api-edge",
            "client_secret": "s3cret",
            "refresh_token": tokens["refresh_token"],
        },
    )

    first, second = requests_of(api)

    assert first["body"]["password"] == "***"
    assert (first["answer"]["access_token"], first["answer"]["refresh_token"]) == ("***", "***")
    assert first["answer"]["expires_in"] == tokens["expires_in"]
    assert (second["body"]["refresh_token"], second["body"]["client_secret"]) == ("***", "***")
    assert (second["operation"], second["user"]) == ("getToken", "api@example.com")


@pytest.mark.parametrize("name", ["Authorization", "Proxy-Authorization"])
def test_the_journal_hides_credentials_in_headers(api: Api, name: str) -> None:
    secret = f"Bearer {api.token}" if name == "Authorization" else "Basic c2VjcmV0OnNlY3JldA=="
    api.send("GET", api.url("/dossiers"), headers={name: secret})

    shown = json.dumps(requests_of(api))

    assert secret.partition(" ")[2] not in shown
    assert latest(api)["headers"][name.lower()] == secret.partition(" ")[0] + " ***"


def test_the_credentials_of_a_call_are_not_even_kept(app: Flask, api: Api) -> None:
    api.get("/dossiers")

    kept = of(app).sandboxes.get(api.sandbox).journal.read().packed[-1]
    assert api.token.encode() not in kept.exchange
    assert b"Bearer ***" in kept.exchange


def test_no_cookie_is_shown(api: Api) -> None:
    api.client.set_cookie("SID", "tops3cret")
    api.get("/dossiers")

    assert latest(api)["headers"]["cookie"] == "***"


SECRET_BODIES: dict[str, tuple[str, str]] = {
    "a form": ("application/x-www-form-urlencoded", "grant_type=password&password=tops3cret"),
    "a form that says it is JSON": ("application/json", "grant_type=password&password=tops3cret"),
    "JSON": ("application/json", '{"password": "tops3cret"}'),
    "JSON, nested and in capitals": ("application/json", '{"a": [{"Password": "tops3cret"}]}'),
    "JSON that breaks off": ("application/json", '{"username": "a", "password": "tops3cret'),
    "several parts": (
        "multipart/form-data; boundary=x",
        '--x\r\nContent-Disposition: form-data; name="password"\r\n\r\ntops3cret\r\n--x--\r\n',
    ),
}


@pytest.mark.parametrize(("content_type", "body"), SECRET_BODIES.values(), ids=list(SECRET_BODIES))
@pytest.mark.parametrize("path", [TOKEN_URL, "/oauth/token"], ids=["where it belongs", "elsewhere"])
def test_no_password_is_shown_however_it_is_sent(api: Api, path: str, content_type: str, body: str) -> None:
    api.client.post(path, data=body, content_type=content_type, headers={"X-Mock-Sandbox": api.sandbox})

    shown = json.dumps(requests_of(api)) + json.dumps(requests_of(Api(api.client, "default")))

    assert "tops3cret" not in shown


def test_the_journal_hides_a_token_in_a_query(api: Api) -> None:
    api.send("GET", f"{api.url('/dossiers')}?access_token=tops3cret&page=0")

    assert latest(api)["query"] == {"access_token": "***", "page": "0"}


# Bodies


def test_a_body_of_json_is_shown_as_json(api: Api) -> None:
    api.launch(dossierReference="PO-9")

    assert latest(api)["body"] == {
        "companyIdType": "CIT001",
        "companyIdValue": SIRET,
        "dossierReference": "PO-9",
    }


@pytest.mark.parametrize(
    ("body", "shown", "note"),
    [
        (b"{not json", "{not json", None),
        (b"", None, None),
        ("é".encode(), "é", None),
        (b"\xff\xfe\x00", None, "not text, 3 bytes, not shown"),
        (b"x" * 20_000, "x" * 16_384, "cut off after 16384 of 20000 characters"),
    ],
    ids=["no JSON", "nothing", "accents", "bytes", "a long text"],
)
def test_a_body_that_is_not_json_is_shown_as_far_as_possible(
    api: Api, body: bytes, shown: str | None, note: str | None
) -> None:
    api.send("POST", api.url("/dossiers"), data=body, content_type="application/json")

    assert (latest(api)["body"], latest(api).get("bodyNote")) == (shown, note)


def test_json_that_is_nested_too_deep_is_shown_as_far_as_possible(api: Api) -> None:
    api.send("POST", api.url("/dossiers"), data="[" * 900 + "]" * 900, content_type="application/json")

    assert json.dumps(latest(api)["body"]) == "[" * 64 + '"..."' + "]" * 64


def test_a_body_is_recorded_even_if_no_code_read_it(api: Api) -> None:
    api.send("POST", api.url(f"/dossiers/{SEED_DOSSIER}/stop"), json={"reason": "none"})

    assert latest(api)["body"] == {"reason": "none"}


def test_a_streamed_answer_is_marked_as_such(api: Api) -> None:
    api.get("/dossiers/all")

    assert (latest(api)["answer"], latest(api)["answerNote"]) == (None, "streamed, and not kept")


def test_a_file_is_not_shown(api: Api) -> None:
    dossier = next(row for row in content(api.get("/dossiers", pageSize=100)) if files_of(row))
    document, file = files_of(dossier)[0]
    answer = api.get(f"/dossiers/{dossier['dossierId']}/documents/{document}/files/{file}")

    entry = latest(api)

    assert (answer.status_code, entry["status"], entry["answer"]) == (200, 200, None)
    assert entry["answerNote"] == f"not kept, size in bytes: {len(answer.data)}"


def files_of(dossier: dict[str, Any]) -> list[tuple[int, int]]:
    return [
        (document["documentId"], file["fileId"])
        for document in dossier["documents"]
        for file in document["listFileInformation"]
    ]


def test_an_answer_to_head_has_no_body(api: Api) -> None:
    api.send("HEAD", api.url("/dossiers"))

    assert (latest(api)["method"], latest(api)["status"], latest(api)["answer"]) == ("HEAD", 200, None)


def test_a_body_that_is_too_large_for_the_api_is_recorded(make_server_api: MakeApi) -> None:
    api = make_server_api(max_body=1024)
    api.send("POST", api.url("/dossiers"), data=b"x" * 2000, content_type="application/json")

    assert (latest(api)["status"], latest(api)["operation"]) == (413, "importDossier")


def test_under_another_server_bodies_are_recorded_as_well(make_server_api: MakeApi) -> None:
    api = make_server_api(max_body=1024)
    other = make_server("127.0.0.1", 0, api.client.application, threaded=True)
    Thread(target=other.serve_forever).start()
    base = f"http://127.0.0.1:{other.port}"
    form = {"grant_type": "password", "client_id": "ea-api-edge", "username": "api", "password": "tops3cret"}

    requests.post(base + TOKEN_URL, data=form, timeout=5)
    requests.post(f"{base}/api/v1/account", json={"a": 1}, timeout=5)
    requests.post(base + TOKEN_URL, data=form | {"username": "x" * 2000}, timeout=5)
    other.shutdown()
    other.server_close()

    rows = [(entry["status"], entry["body"]) for entry in requests_of(api)]
    assert rows == [(200, form | {"password": "***"}), (405, {"a": 1}), (413, None)]


# What the API ignored

IGNORED: dict[str, tuple[str, str, Any, list[str]]] = {
    "another spelling of a parameter": (
        "GET",
        "/dossiers?pagesize=3",
        None,
        ["query parameter 'pagesize' is not known to listDossiers and was ignored; did you mean 'pageSize'?"],
    ),
    "a parameter of another operation": (
        "GET",
        "/dossiers?name=ACME",
        None,
        ["query parameter 'name' is not known to listDossiers and was ignored"],
    ),
    "any parameter where none is read": (
        "GET",
        f"/dossiers/{SEED_DOSSIER}?verbose=1",
        None,
        ["query parameter 'verbose' is not known to getDossier and was ignored"],
    ),
    "a parameter given twice": (
        "GET",
        "/dossiers?page=0&page=1",
        None,
        ["query parameter 'page' is given 2 times: the first one counts"],
    ),
    "a member that is misspelt": (
        "POST",
        "/dossiers",
        {"dossier_reference": "PO-1"},
        [
            (
                "member 'dossier_reference' is not known to importDossier and was ignored;"
                " did you mean 'dossierReference'?"
            )
        ],
    ),
    "the time of a filter by day": (
        "GET",
        "/dossiers?stateLastChangeDate=2026-01-01T23:30:00Z",
        None,
        ["of query parameter 'stateLastChangeDate' only the day counts, which is 2026-01-02 in France"],
    ),
    "the time of a day, of third parties": (
        "GET",
        "/thirdparties?stateLastChangeDate=2026-01-01T00:00:00",
        None,
        ["of query parameter 'stateLastChangeDate' only the day counts, which is 2026-01-01 in France"],
    ),
    "the time of a day, of imports": (
        "GET",
        "/dossiers/processes?fromDate=2026-01-01T10:00:00",
        None,
        ["of query parameter 'fromDate' only the day counts, which is 2026-01-01 in France"],
    ),
    "no time of a filter that is not a date": (
        "GET",
        "/dossiers?stateLastChangeDate=2026-13-01T10:00",
        None,
        [],
    ),
    "nothing that is known": ("GET", "/dossiers/processes?fromDate=2026-01-01", None, []),
}


@pytest.mark.parametrize(("method", "path", "body", "warnings"), IGNORED.values(), ids=list(IGNORED))
def test_the_journal_warns_of_what_the_api_ignored(
    api: Api, method: str, path: str, body: Any, warnings: list[str]
) -> None:
    api.send(method, api.url(path), **({} if body is None else {"json": body}))

    assert latest(api)["warnings"] == warnings


# Listing and deleting


def test_a_limit_returns_the_latest_exchanges(api: Api) -> None:
    for page in range(4):
        api.get("/dossiers", page=page)

    found = listing(api, limit=2)

    assert [entry["query"]["page"] for entry in found["requests"]] == ["2", "3"]
    assert (found["total"], found["complete"]) == (5, True)


def test_since_continues_from_a_number(api: Api) -> None:
    for page in range(4):
        api.get("/dossiers", page=page)

    assert [entry["number"] for entry in requests_of(api, since=3)] == [4, 5]
    assert [entry["number"] for entry in requests_of(api, since=2, limit=1)] == [3]
    assert requests_of(api, since=5) == []
    assert requests_of(api, since=99) == []
    assert requests_of(api, limit=0) == []


@pytest.mark.parametrize("query", ["limit=-1", "limit=ten", "since=", "since=1.5", "limit=%D9%A1"])
def test_a_limit_that_is_not_a_number_is_rejected(api: Api, query: str) -> None:
    answer = api.client.get(f"/__admin/requests?{query}")

    assert answer.status_code == 400
    assert "is a number such as 10, not '" in (answer.json or {})["detail"]


def test_deleting_removes_the_requests_and_numbers_continue(api: Api) -> None:
    api.get("/dossiers")

    removed = api.control("DELETE", "/requests")

    assert removed == {"sandbox": api.sandbox, "removed": 2}
    assert listing(api) == {"total": 0, "complete": True, "requests": []}
    api.get("/dossiers")
    assert [entry["number"] for entry in requests_of(api)] == [3]


@pytest.mark.parametrize(
    ("parts", "left"), [(None, 0), (["journal"], 0), (["state", "clock", "variants"], 2)]
)
def test_a_reset_of_the_journal_deletes_the_requests(api: Api, parts: list[str] | None, left: int) -> None:
    api.get("/dossiers")

    api.control("POST", "/reset", {} if parts is None else {"only": parts})

    assert listing(api)["total"] == left


def test_a_dropped_sandbox_begins_with_an_empty_journal(api: Api) -> None:
    api.get("/dossiers")

    api.client.delete(f"/__admin/sandboxes/{api.sandbox}")

    assert requests_of(api) == []


# Sandboxes


def test_the_journal_has_only_the_calls_of_its_sandbox(make_api: MakeApi) -> None:
    one, other = make_api(), make_api(user="multi", account=SECOND_ACCOUNT)
    one.get("/dossiers")
    other.get("/thirdparties")

    assert operations(one) == ["getToken", "listDossiers"]
    assert operations(other) == ["getToken", "listThirdparties"]


def test_a_login_that_fails_is_in_the_sandbox_of_its_user(api: Api) -> None:
    assert log_in(api, "wrong").status_code == 401

    entry = latest(api)

    assert (entry["operation"], entry["status"], entry["user"]) == ("getToken", 401, "api@example.com")


def test_the_other_calls_of_the_authorisation_server_are_in_the_sandbox_of_the_token(api: Api) -> None:
    tokens = api.log_in()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    api.client.get(f"{OPENID}/userinfo", headers=bearer)
    api.client.post(f"{OPENID}/token/introspect", data={"token": tokens["access_token"]})
    api.client.post(f"{OPENID}/logout", data={"refresh_token": tokens["refresh_token"]})

    rows = [
        (entry["path"].removeprefix(OPENID), entry["status"], entry["user"]) for entry in requests_of(api)
    ]

    assert rows == [
        ("/token", 200, "api@example.com"),
        ("/userinfo", 200, "api@example.com"),
        ("/token/introspect", 200, "api@example.com"),
        ("/logout", 204, "api@example.com"),
    ]
    assert tokens["access_token"] not in json.dumps(requests_of(api))


def test_without_tokens_the_header_names_the_sandbox(make_server_api: MakeApi) -> None:
    api = make_server_api(auth="off")
    api.client.get("/api/v1/account", headers={"X-Mock-Sandbox": "elsewhere"})

    assert requests_of(api) == []
    assert operations(Api(api.client, "elsewhere")) == ["listAccounts"]


def test_a_call_for_a_sandbox_that_cannot_be_created_is_in_the_default_one(make_server_api: MakeApi) -> None:
    api = make_server_api(max_sandboxes=1)
    answer = api.client.get("/api/v1/account", headers={"X-Mock-Sandbox": "one-too-many"})

    assert (answer.status_code, latest(api)["status"]) == (401, 401)


# Times


def test_an_exchange_takes_no_longer_than_its_caller_measured(api: Api) -> None:
    assert api.token
    began, clock = datetime.now(UTC), time.perf_counter()
    api.get("/dossiers")
    measured, ended = time.perf_counter() - clock, datetime.now(UTC)

    entry = latest(api)

    assert 0 < entry["milliseconds"] <= measured * 1000
    real_time = datetime.fromisoformat(entry["realTime"])
    assert began.replace(microsecond=began.microsecond // 1000 * 1000) <= real_time <= ended


# Limits


LONG_HEADER: dict[str, tuple[str, str]] = {
    "as long as it may be": ("x" * 1000, "x" * 1000),
    "a character too long": ("x" * 1001, "x" * 1000),
    "beyond ASCII, cut before it is escaped": ("é" * 1001, r"\xe9" * 1000),
}


@pytest.mark.parametrize(("text", "shown"), LONG_HEADER.values(), ids=list(LONG_HEADER))
def test_a_text_in_a_header_is_cut_off_after_1000_characters(text: str, shown: str) -> None:
    assert wire.header_text(text) == shown


def test_an_unmatched_path_is_cut_off_in_its_header(api: Api) -> None:
    answer = api.send("GET", "/" + "x" * 2000)

    assert answer.headers["X-Mock-Unmatched"] == f"GET /{'x' * 995}"


def test_a_text_body_of_the_most_characters_is_shown_in_full(api: Api) -> None:
    for length in (16_384, 16_385):
        api.send("POST", api.url("/dossiers"), data="x" * length, content_type="text/plain")

    bodies = [(len(entry["body"]), entry.get("bodyNote")) for entry in requests_of(api)[-2:]]

    assert bodies == [(16_384, None), (16_384, "cut off after 16384 of 16385 characters")]
