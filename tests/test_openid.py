"""The other endpoints of the authorisation server, and the settings of its tokens (behaviour.md 1.2, 1.3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.forged import made_key
from tests.support import OPENID, REALM, TOKEN_URL, Api, claims, refresh

MakeApi = Callable[..., Api]


@pytest.fixture
def granted(api: Api) -> dict[str, Any]:
    return api.log_in()


def introspect(api: Api, token: str) -> dict[str, Any]:
    return dict(api.client.post(f"{OPENID}/token/introspect", data={"token": token}).json or {})


def userinfo(api: Api, authorization: str, method: str = "GET") -> TestResponse:
    return api.client.open(f"{OPENID}/userinfo", method=method, headers={"Authorization": authorization})


def log_out(api: Api, token: str) -> TestResponse:
    return api.client.post(f"{OPENID}/logout", data={"client_id": "ea-api-edge", "refresh_token": token})


def lifetime(token: str) -> int:
    return int(claims(token)["exp"]) - int(claims(token)["iat"])


# Discovery.


@pytest.mark.parametrize(
    ("member", "path"),
    [
        ("issuer", REALM),
        ("token_endpoint", TOKEN_URL),
        ("introspection_endpoint", f"{OPENID}/token/introspect"),
        ("userinfo_endpoint", f"{OPENID}/userinfo"),
        ("end_session_endpoint", f"{OPENID}/logout"),
        ("jwks_uri", f"{OPENID}/certs"),
    ],
)
def test_discovery_names_the_endpoints(client: FlaskClient, member: str, path: str) -> None:
    found = client.get(f"{REALM}/.well-known/openid-configuration").json or {}

    assert found[member] == f"http://localhost{path}"


def test_discovery_names_both_grants(client: FlaskClient) -> None:
    found = client.get(f"{REALM}/.well-known/openid-configuration").json or {}

    assert found["grant_types_supported"] == ["password", "refresh_token"]


def test_the_key_set_holds_no_private_part(client: FlaskClient) -> None:
    (key,) = (client.get(f"{OPENID}/certs").json or {})["keys"]

    assert {"kty", "kid", "n", "e"} <= set(key)
    assert not {"d", "p", "q"} & set(key)


# Who the user is.


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_userinfo_returns_the_claims_about_the_user(api: Api, method: str) -> None:
    answer = userinfo(api, f"Bearer {api.token}", method)

    assert answer.status_code == 200
    assert answer.json == {
        "sub": claims(api.token)["sub"],
        "email_verified": True,
        "name": "Api Demo",
        "preferred_username": api.username,
        "given_name": "Api",
        "family_name": "Demo",
        "email": api.username,
    }


@pytest.mark.parametrize("authorization", ["", "Basic eDp5", "Bearer", "Bearer x.y.z"])
def test_userinfo_needs_a_valid_bearer_token(api: Api, authorization: str) -> None:
    answer = userinfo(api, authorization)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


# Introspection.


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_introspection_returns_the_claims_of_an_active_token(
    api: Api, granted: dict[str, Any], name: str
) -> None:
    found = introspect(api, granted[name])

    assert found["active"] is True
    assert found["username"] == api.username
    assert found.items() >= claims(granted[name]).items()


@pytest.mark.parametrize("token", ["x.y.z", "nonsense", "é", "a" * 20_000])
def test_introspection_finds_an_unreadable_token_inactive(api: Api, token: str) -> None:
    assert introspect(api, token) == {"active": False}


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_introspection_finds_an_aged_token_inactive(api: Api, granted: dict[str, Any], name: str) -> None:
    api.control("POST", "/clock/advance", {"by": "PT1H", "tokens": True})

    assert introspect(api, granted[name]) == {"active": False}


def test_introspection_without_a_token_is_an_invalid_request(client: FlaskClient) -> None:
    answer = client.post(f"{OPENID}/token/introspect")

    assert answer.status_code == 400
    assert (answer.json or {})["error"] == "invalid_request"


# The end of a session.


def test_a_logout_ends_the_refresh_token(api: Api, granted: dict[str, Any]) -> None:
    assert log_out(api, granted["refresh_token"]).status_code == 204

    answer = refresh(api.client, granted["refresh_token"])

    assert answer.status_code == 400
    assert answer.json == {"error": "invalid_grant", "error_description": "Token is not active"}


def test_a_logout_ends_the_refresh_tokens_that_came_of_the_session(api: Api, granted: dict[str, Any]) -> None:
    renewed = refresh(api.client, granted["refresh_token"]).json or {}

    log_out(api, granted["refresh_token"])

    assert refresh(api.client, renewed["refresh_token"]).status_code == 400


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_after_a_logout_introspection_finds_the_token_inactive(
    api: Api, granted: dict[str, Any], name: str
) -> None:
    log_out(api, granted["refresh_token"])

    assert introspect(api, granted[name]) == {"active": False}


def test_a_logout_leaves_other_sessions_of_the_user_alone(api: Api, granted: dict[str, Any]) -> None:
    other = api.log_in()

    log_out(api, granted["refresh_token"])

    assert refresh(api.client, other["refresh_token"]).status_code == 200


def test_a_logout_with_an_unknown_token_is_rejected(api: Api) -> None:
    answer = log_out(api, "x.y.z")

    assert answer.status_code == 400
    assert (answer.json or {})["error"] == "invalid_grant"


# Settings.


@pytest.mark.parametrize(
    ("base_url", "issuer"),
    [
        ("http://sandbox.test:8080", "http://sandbox.test:8080"),
        ("https://auth.e-attestations.com", "https://auth.e-attestations.com"),
    ],
)
def test_the_issuer_is_the_host_that_was_called(client: FlaskClient, base_url: str, issuer: str) -> None:
    form = {"grant_type": "password", "client_id": "ea-api-edge", "username": "x", "password": "y"}

    granted = client.post(TOKEN_URL, data=form, base_url=base_url).json or {}

    assert claims(granted["access_token"])["iss"] == f"{issuer}{REALM}"


def test_a_token_issued_under_one_host_is_valid_under_another(api: Api) -> None:
    answer = api.send("GET", api.url(""), base_url="http://rs.e-attestations.com")

    assert answer.status_code == 200


def test_a_public_url_is_the_issuer_under_any_host(make_server_api: MakeApi) -> None:
    api = make_server_api(public_url="https://sandbox.example/eat")

    assert claims(api.token)["iss"] == f"https://sandbox.example/eat{REALM}"


def test_a_public_url_is_what_discovery_names(make_server_api: MakeApi) -> None:
    api = make_server_api(public_url="https://sandbox.example/eat")

    found = api.client.get(f"{REALM}/.well-known/openid-configuration").json or {}

    assert found["token_endpoint"] == f"https://sandbox.example/eat{TOKEN_URL}"


@pytest.mark.parametrize(
    ("setting", "member", "token"),
    [
        ("access_token_lifetime", "expires_in", "access_token"),
        ("refresh_token_lifetime", "refresh_expires_in", "refresh_token"),
    ],
    ids=["access", "refresh"],
)
def test_a_lifetime_is_configurable(make_server_api: MakeApi, setting: str, member: str, token: str) -> None:
    granted = make_server_api(**{setting: timedelta(minutes=5)}).log_in()

    assert granted[member] == 300
    assert lifetime(granted[token]) == 300


def test_the_signing_key_that_is_given_signs(make_server_api: MakeApi, tmp_path: Path) -> None:
    key, file = made_key(tmp_path)
    api = make_server_api(signing_key=file)
    options: Any = {"verify_aud": False}

    verified = jwt.decode(api.token, key.public_key(), algorithms=["RS256"], options=options)

    assert verified["preferred_username"] == api.username


def test_a_token_of_a_server_with_another_key_is_rejected(
    api: Api, make_server_api: MakeApi, tmp_path: Path
) -> None:
    stranger = make_server_api(signing_key=made_key(tmp_path)[1])

    answer = api.client.get(api.url(""), headers={"Authorization": f"Bearer {stranger.token}"})

    assert answer.status_code == 401
