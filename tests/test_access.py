"""Who may call what: good tokens and bad, whose account, how long, in which sandbox (behaviour.md 1.4)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import RFC_4122, UUID, uuid4

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from mock_server.app import create_app
from mock_server.auth.tokens import Identity, TokenRejected, TokenService
from mock_server.settings import Settings
from tests.forged import FORGED, made_key, signed_by
from tests.properties import as_json, damaged, example_count
from tests.support import (
    SEED_DOSSIER,
    TOKEN_URL,
    Api,
    assert_protocol_error,
    claims,
    codes,
    content,
    refresh,
)

pytestmark = pytest.mark.dialects("rest", "edge")

MakeApi = Callable[..., Api]


def call(api: Api, authorization: str | None) -> TestResponse:
    """Ask for the account's figures with this header."""
    headers = {} if authorization is None else {"Authorization": authorization}
    return api.client.get(api.url(""), headers=headers)


# Without a good token.


UNREADABLE = {
    "no header": None,
    "an empty header": "",
    "the word alone": "Bearer",
    "an empty token": "Bearer ",
    "another scheme": "Basic YXBpOmRlbW8=",
    "no scheme": "garbage",
    "not a token": "Bearer garbage",
    "a token of three unreadable parts": "Bearer a.b.c",
}


def test_a_call_without_a_readable_bearer_token_is_unauthorized(api: Api) -> None:
    for case, authorization in UNREADABLE.items():
        answer = call(api, authorization)

        assert_protocol_error(answer, 401, case)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer "), case


@pytest.mark.dialects("rest")
@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_token_that_this_server_did_not_issue_for_access_is_unauthorized(
    api: Api, forge: Callable[[Api], str]
) -> None:
    answer = call(api, f"Bearer {forge(api)}")

    assert_protocol_error(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.fixture(scope="module")
def signing_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_key(tmp_path_factory.mktemp("key"))[1]


MISUSED: dict[str, dict[str, Any]] = {
    "expired": {"exp": 1_600_000_000},
    "of another realm": {"iss": "https://auth.example.com/auth/realms/other_realm"},
    "of no issuer": {"iss": None},
    "of an issuer that is not a text": {"iss": ["/auth/realms/eat_realm"]},
    "of a subject that is not a text": {"sub": {"a": 1}},
    "for another audience": {"aud": "another-api"},
    "for two audiences": {"aud": ["account", "another-api"]},
    "for no audience": {"aud": None},
    "not good yet": {"nbf": 4_000_000_000},
    "an ID token": {"typ": "ID"},
    "with an end beyond all time": {"exp": 10**400},
    "with an invalid beginning": {"iat": "never"},
    "with an account id beyond all numbers": {"account_ids": "9" * 5000},
}


@pytest.mark.dialects("rest")
def test_the_claims_of_a_token_signed_with_the_servers_key_are_checked(
    signing_key: Path, make_server_api: MakeApi
) -> None:
    api = make_server_api(signing_key=signing_key)
    good = claims(api.token)

    for case, changed in MISUSED.items():
        forged = signed_by(signing_key, as_json({"alg": "RS256"}), as_json(good | changed))

        assert_protocol_error(call(api, f"Bearer {forged}"), 401, case)


@pytest.mark.dialects("rest")
def test_a_token_signed_with_the_servers_key_may_have_any_id_and_ages(
    signing_key: Path, make_server_api: MakeApi
) -> None:
    api = make_server_api(signing_key=signing_key)
    good = claims(api.token)
    tokens = [
        signed_by(signing_key, as_json({"alg": "RS256"}), as_json(good | {"jti": token_id}))
        for token_id in ("1", "", str(uuid4()))
    ]

    before = [call(api, f"Bearer {token}").status_code for token in tokens]
    api.control("POST", "/clock/advance", {"by": "P1D", "tokens": True})
    after = [call(api, f"Bearer {token}").status_code for token in tokens]

    assert (before, after) == ([200] * 3, [401] * 3)


def token_service(signing_key: Path) -> TokenService:
    return TokenService(
        key_file=signing_key, access_lifetime=timedelta(hours=1), refresh_lifetime=timedelta(hours=2)
    )


def test_another_replica_reads_in_a_token_the_microsecond_of_its_issue(
    signing_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer, reader = token_service(signing_key), token_service(signing_key)
    identity = Identity(username="api@example.com", account_ids=(119631,))
    for microsecond in (0, 1, 333, 999, 1000, 123_456, 999_999):
        now = datetime(2026, 3, 2, 8, 0, 1, microsecond, UTC)
        monkeypatch.setattr("mock_server.auth.tokens.real_now", lambda now=now: now)
        issued = issuer.issue(identity, base_url="http://localhost")

        access, refreshed = reader.access(issued["access_token"]), reader.refresh(issued["refresh_token"])

        assert (access.issued_at, refreshed.issued_at) == (now, now)
        for token in (access, refreshed):
            assert (UUID(token.identifier).variant, UUID(token.identifier).version) == (RFC_4122, 7)
        for other in ("1", "ffffffff-ffff-7fff-bfff-ffffffffffff"):  # what another issuer may write
            content = as_json(dict(access.claims) | {"jti": other})
            foreign = reader.access(signed_by(signing_key, as_json({"alg": "RS256"}), content))
            assert foreign.issued_at == now.replace(microsecond=0)


def test_a_token_has_at_most_49152_characters_and_is_cached_then(signing_key: Path) -> None:
    tokens = token_service(signing_key)
    good = claims(tokens.issue(Identity(username="a", account_ids=()), base_url="http://x")["access_token"])

    def signed(length: int) -> str:
        return signed_by(signing_key, as_json({"alg": "RS256"}), as_json(good | {"name": "x" * length}))

    nearly = 8_000 + (49_152 - len(signed(8_000))) * 3 // 4
    longest, too_long = signed(nearly), signed(nearly + 1)
    assert (len(longest), len(too_long) > 49_152) == (49_152, True)

    assert tokens.access(longest) is tokens.access(longest)
    issued = tokens.issue(Identity(username="x" * 50_000, account_ids=()), base_url="http://x")
    for encoded in (too_long, issued["access_token"]):
        with pytest.raises(TokenRejected, match="malformed"):
            tokens.access(encoded)


def test_a_user_with_4000_accounts_reads_a_search(make_recipe_api: Callable[..., Api]) -> None:
    numbers = list(range(1_000_000, 1_004_000))
    user = {"username": "api@example.com", "password": "demo", "accounts": numbers}
    accounts = [{"accountId": number, "name": "A"} for number in numbers]

    api = make_recipe_api(json.dumps({"version": 1, "users": [user], "accounts": accounts}))
    api.account = numbers[-1]

    assert api.hits("/thirdparties") == []


@pytest.fixture(scope="module")
def own_client(signing_key: Path) -> FlaskClient:
    return create_app(Settings(log_level="error", signing_key=signing_key)).test_client()


@example_count(20)
@given(data=st.data())
def test_claims_of_any_kind_are_accepted_or_rejected(
    signing_key: Path, own_client: FlaskClient, data: st.DataObject
) -> None:
    good = claims(Api(own_client, "default").token)
    header = data.draw(damaged([{"alg": "RS256", "kid": "a", "typ": "JWT"}]))
    signed = signed_by(signing_key, as_json(header), as_json(data.draw(damaged([good]))))

    answers = [
        own_client.get(f"{prefix}/api/v1/account", headers={"Authorization": f"Bearer {signed}"})
        for prefix in ("/rest", "/edge")
    ]

    assert {answer.status_code for answer in answers} <= {200, 400, 401, 403, 404}


@pytest.mark.dialects("rest")
def test_a_token_in_the_query_does_not_count(api: Api) -> None:
    assert api.client.get(api.url("", access_token=api.token)).status_code == 401


def test_the_word_bearer_is_matched_in_any_case(api: Api) -> None:
    for scheme in ("Bearer", "bearer", "BEARER", "bEaReR"):
        assert call(api, f"{scheme} {api.token}").status_code == 200, scheme


# Whose account.


def test_an_account_that_is_not_in_the_token_is_forbidden(api: Api) -> None:
    api.account = 119700

    answer = api.get("/dossiers")

    assert_protocol_error(answer, 403)


def test_an_account_that_does_not_exist_is_not_found(api: Api) -> None:
    api.account = 1

    answer = api.get("/dossiers")

    assert answer.status_code == 404
    assert codes(answer) == ["NOT_FOUND"]


@pytest.mark.parametrize("account", [119631, 119700])
def test_a_token_opens_each_of_its_accounts(make_api: MakeApi, account: int) -> None:
    api = make_api(user="multi", account=account)

    assert api.get("").status_code == 200


def test_a_dossier_of_another_account_does_not_exist_here(make_api: MakeApi) -> None:
    api = make_api(user="multi", account=119700)

    answer = api.get(f"/dossiers/{SEED_DOSSIER}")

    assert answer.status_code == 404
    assert codes(answer) == [api.absent("E200")]


# How long.


def age_tokens_and_log_in(api: Api) -> dict[str, Any]:
    """Age the existing tokens, log in, and return the new tokens."""
    api.control("POST", "/clock/advance", {"by": "PT1H", "tokens": True})
    return api.log_in()


def test_an_aged_token_is_unauthorized(api: Api) -> None:
    assert call(api, f"Bearer {api.token}").status_code == 200

    api.control("POST", "/clock/advance", {"by": "PT1H", "tokens": True})

    answer = call(api, f"Bearer {api.token}")
    assert_protocol_error(answer, 401)
    assert "invalid_token" in answer.headers["WWW-Authenticate"]


def test_a_token_younger_than_its_lifetime_is_valid(api: Api) -> None:
    assert api.get("").status_code == 200

    api.control("POST", "/clock/advance", {"by": "PT29M", "tokens": True})

    assert api.get("").status_code == 200


def test_a_token_ages_by_several_advances_together(api: Api) -> None:
    assert api.get("").status_code == 200

    api.control("POST", "/clock/advance", {"by": "PT20M", "tokens": True})
    api.control("POST", "/clock/advance", {"by": "PT20M", "tokens": True})

    assert api.get("").status_code == 401


def test_advancing_the_clock_without_its_option_ages_no_token(api: Api) -> None:
    assert api.get("").status_code == 200

    api.control("POST", "/clock/advance", {"by": "P30D"})

    assert api.get("").status_code == 200


def test_tokens_issued_right_after_the_aging_are_valid(make_api: MakeApi) -> None:
    several = [make_api() for _ in range(20)]

    answers = [call(api, f"Bearer {age_tokens_and_log_in(api)['access_token']}") for api in several]

    assert [answer.status_code for answer in answers] == [200] * 20


def test_refresh_tokens_issued_right_after_the_aging_are_valid(make_api: MakeApi) -> None:
    several = [make_api() for _ in range(20)]

    answers = [refresh(api.client, age_tokens_and_log_in(api)["refresh_token"]) for api in several]

    assert [answer.status_code for answer in answers] == [200] * 20


@pytest.mark.parametrize("by", ["PT1S", "PT31M"])
def test_a_rule_about_a_user_also_matches_a_refresh(api: Api, by: str) -> None:
    token = api.log_in()["refresh_token"]
    api.control("POST", "/clock/advance", {"by": by, "tokens": True})
    busy = {"respond": {"status": 503}}
    when = {"operation": "getToken", "user": "api@example.com"}
    api.control("POST", "/rules", {"rules": [{"name": "busy", "when": when, "then": busy}]})

    assert refresh(api.client, token).status_code == 503


def test_tokens_of_another_sandbox_do_not_age(make_api: MakeApi) -> None:
    one, other = make_api(), make_api()
    assert other.get("").status_code == 200

    one.control("POST", "/clock/advance", {"by": "PT1H", "tokens": True})

    assert other.get("").status_code == 200


def test_a_token_in_use_may_be_short_lived(make_server_api: MakeApi) -> None:
    api = make_server_api(access_token_lifetime=timedelta(minutes=1))
    assert api.get("").status_code == 200

    api.control("POST", "/clock/advance", {"by": "PT1M", "tokens": True})

    assert api.get("").status_code == 401


# Who may log in at all.


def log_in(api: Api, username: str, password: str) -> TestResponse:
    form = {"grant_type": "password", "client_id": "ea-api-edge"}
    return api.client.post(TOKEN_URL, data=form | {"username": username, "password": password})


LOGINS: dict[str, list[tuple[str, str, int]]] = {
    "any": [
        ("unknown@example.org", "any-password", 200),
        ("unknown", "any-password", 200),
        ("api@example.com", "any-password", 401),
    ],
    "declared": [
        ("unknown@example.org", "any-password", 401),
        ("api@example.com", "any-password", 401),
        ("api@example.com", "demo", 200),
        ("api+a-tag@example.com", "demo", 200),
        ("api+a-tag@example.com", "any-password", 401),
    ],
}
"""User names and passwords with the status of their login, by the setting `auth`."""


@pytest.mark.parametrize("auth", LOGINS)
def test_the_setting_auth_decides_which_logins_get_a_token(make_server_api: MakeApi, auth: str) -> None:
    api = make_server_api(auth=auth)

    found = [(name, password, log_in(api, name, password).status_code) for name, password, _ in LOGINS[auth]]

    assert found == LOGINS[auth]


def test_with_auth_off_any_token_or_none_opens_every_account(make_server_api: MakeApi) -> None:
    api = make_server_api(auth="off")

    assert call(api, None).status_code == 200
    assert call(api, "Bearer garbage").status_code == 200
    listed = [account["id"] for account in content(api.client.get(f"{api.wire.prefix}/account"))]
    assert listed == [119631, 119700, 119800, 119900]
    for account in listed:
        url = f"{api.wire.prefix}/account/{account}/requirements"
        assert api.client.get(url).status_code == 200, account


def test_with_auth_off_a_header_names_the_sandbox(make_server_api: MakeApi) -> None:
    api = make_server_api(auth="off")
    client, url = api.client, api.url(f"/dossiers/{SEED_DOSSIER}")
    client.post(f"{url}/stop", headers={"X-Mock-Sandbox": "gw1"})

    one = content(client.get(url, headers={"X-Mock-Sandbox": "gw1"}))
    other = content(client.get(url, headers={"X-Mock-Sandbox": "gw2"}))

    assert (one["monitored"], other["monitored"]) == (False, True)


# A tag in the user name opens a sandbox.


def test_a_tag_opens_a_separate_sandbox(make_api: MakeApi) -> None:
    one, other = make_api(), make_api()

    one.post(f"/dossiers/{SEED_DOSSIER}/stop")

    assert one.dossier(SEED_DOSSIER)["monitored"] is False
    assert other.dossier(SEED_DOSSIER)["monitored"] is True


def test_two_users_with_the_same_tag_share_a_sandbox(make_api: MakeApi) -> None:
    one = make_api(sandbox="shared-by-two")
    other = make_api(sandbox="shared-by-two", user="multi")

    one.post(f"/dossiers/{SEED_DOSSIER}/stop")

    assert other.dossier(SEED_DOSSIER)["monitored"] is False


def test_the_token_selects_the_sandbox_even_if_a_header_names_another(make_api: MakeApi) -> None:
    one, other = make_api(), make_api()
    one.post(f"/dossiers/{SEED_DOSSIER}/stop")

    dossier = content(
        one.send("GET", one.url(f"/dossiers/{SEED_DOSSIER}"), headers={"X-Mock-Sandbox": other.sandbox})
    )

    assert dossier["monitored"] is False
