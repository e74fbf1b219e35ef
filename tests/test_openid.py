"""The other endpoints of the authorisation server, and the settings of its tokens (behaviour.md 1.2, 1.3)."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
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


def test_discovery_names_the_endpoints(client: FlaskClient) -> None:
    found = client.get(f"{REALM}/.well-known/openid-configuration").json or {}

    paths = {
        "issuer": REALM,
        "token_endpoint": TOKEN_URL,
        "introspection_endpoint": f"{OPENID}/token/introspect",
        "userinfo_endpoint": f"{OPENID}/userinfo",
        "end_session_endpoint": f"{OPENID}/logout",
        "jwks_uri": f"{OPENID}/certs",
        "authorization_endpoint": f"{OPENID}/auth",
        "revocation_endpoint": f"{OPENID}/revoke",
    }
    assert {member: found[member] for member in paths} == {
        member: f"http://localhost{path}" for member, path in paths.items()
    }


REQUIRED = {
    *("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported"),
    *("subject_types_supported", "id_token_signing_alg_values_supported"),
}
"""By OpenID Connect Discovery 1.0, section 3."""
AUTHENTICATED = ("token", "introspection", "revocation")
"""The endpoints to which a client says who it is."""


def test_discovery_has_all_that_the_standard_requires(client: FlaskClient) -> None:
    found = client.get(f"{REALM}/.well-known/openid-configuration").json or {}

    assert found.keys() >= REQUIRED
    methods = ["client_secret_basic", "client_secret_post", "none"]
    assert {name: value for name, value in found.items() if not str(value).startswith("http")} == {
        "grant_types_supported": ["password", "refresh_token"],
        "response_types_supported": ["none"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        **{f"{name}_endpoint_auth_methods_supported": methods for name in AUTHENTICATED},
        "scopes_supported": ["openid", "profile", "email"],
        "claims_supported": ["sub", "iss", "name", "given_name", "family_name", "email", "account_ids"],
        # Of request_uri, the default is true.
        **{f"{name}_parameter_supported": False for name in ("claims", "request", "request_uri")},
    }


def test_every_endpoint_of_discovery_exists(client: FlaskClient) -> None:
    found = client.get(f"{REALM}/.well-known/openid-configuration").json or {}

    for name, url in found.items():
        if name.endswith(("_endpoint", "_uri")):
            path = url.removeprefix("http://localhost")
            assert client.post(path).status_code != 404, name
            assert name == "jwks_uri" or client.post(path).status_code != 405, name


@pytest.mark.parametrize(
    "path",
    [
        f"/.well-known/oauth-authorization-server{REALM}",
        f"{REALM}/.well-known/oauth-authorization-server",
    ],
)
def test_rfc_8414_has_the_same_document(client: FlaskClient, path: str) -> None:
    assert client.get(path).json == client.get(f"{REALM}/.well-known/openid-configuration").json


@pytest.mark.parametrize(("query", "status"), [("", 200), ("?response_type=code&client_id=x", 400)])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_authorization_endpoint_says_what_is_offered(
    client: FlaskClient, query: str, status: int, method: str
) -> None:
    page = client.open(f"{OPENID}/auth{query}", method=method)

    assert (page.status_code, page.mimetype) == (status, "text/html")
    assert "no authorisation code" in page.text
    assert "refresh_token" in page.text
    assert page.text.count("No login page") == 2  # the title and the heading
    assert page.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_the_realm_names_its_key(client: FlaskClient, granted: dict[str, Any]) -> None:
    found = client.get(REALM).json or {}
    pem = f"-----BEGIN PUBLIC KEY-----\n{found['public_key']}\n-----END PUBLIC KEY-----"

    verified = jwt.decode(granted["access_token"], pem, algorithms=["RS256"], audience="account")

    assert verified["iss"] == f"http://localhost{REALM}"
    assert found == {
        "realm": "eat_realm",
        "public_key": found["public_key"],
        "token-service": f"http://localhost{OPENID}",
        "account-service": f"http://localhost{REALM}/account",
        "tokens-not-before": granted["not-before-policy"],
    }


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


def test_userinfo_needs_a_valid_bearer_token(api: Api) -> None:
    for authorization in ("", "Basic eDp5", "Bearer", "Bearer x.y.z"):
        answer = userinfo(api, authorization)
        assert answer.status_code == 401, authorization
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="eat_realm", error="invalid_token"'
        assert answer.json == {"error": "invalid_token", "error_description": "Token verification failed"}


@pytest.mark.parametrize("content_type", ["", "; charset=UTF-8"])
def test_userinfo_takes_the_token_in_the_form(api: Api, content_type: str) -> None:
    typed = f"application/x-www-form-urlencoded{content_type}"

    answer = api.client.post(f"{OPENID}/userinfo", data=f"access_token={api.token}", content_type=typed)
    rejected = api.client.post(f"{OPENID}/userinfo", data="access_token=x.y.z", content_type=typed)

    assert (answer.json or {})["email"] == api.username
    assert rejected.status_code == 401


# The ID token (1.6.5).


def log_in_for(api: Api, scope: str) -> dict[str, Any]:
    form = {
        "grant_type": "password",
        "client_id": "ea-api-edge",
        "username": api.username,
        "password": "demo",
    }
    return dict(api.client.post(TOKEN_URL, data=form | {"scope": scope}).json or {})


@pytest.mark.parametrize("scope", ["openid", "openid profile email", "email openid"])
def test_the_scope_openid_gives_an_id_token(api: Api, scope: str) -> None:
    granted = log_in_for(api, scope)
    keys = jwt.PyJWKSet.from_dict(dict(api.client.get(f"{OPENID}/certs").json or {}))
    kid = jwt.get_unverified_header(granted["id_token"])["kid"]

    verified = jwt.decode(granted["id_token"], keys[kid].key, algorithms=["RS256"], audience="ea-api-edge")

    assert granted["scope"] == claims(granted["access_token"])["scope"] == "openid profile email"
    assert verified["sub"] == claims(granted["access_token"])["sub"]
    assert (verified["typ"], verified["email"]) == ("ID", api.username)
    digest = sha256(granted["access_token"].encode()).digest()[:16]
    assert verified["at_hash"] == urlsafe_b64encode(digest).decode().rstrip("=")


def test_another_scope_gives_none(api: Api) -> None:
    for scope in ("", "profile email", "openidx", "unknown"):
        granted = log_in_for(api, scope)
        assert granted["scope"] == "profile email", scope
        assert "id_token" not in granted, scope


@pytest.mark.parametrize("scope", ["openid", ""])
def test_a_refresh_keeps_the_scope(api: Api, scope: str) -> None:
    granted = log_in_for(api, scope)

    renewed = refresh(api.client, granted["refresh_token"]).json or {}

    assert renewed["scope"] == granted["scope"]
    assert ("id_token" in renewed) == (scope == "openid")


def test_an_id_token_is_not_accepted_as_an_access_token(api: Api) -> None:
    token = log_in_for(api, "openid")["id_token"]

    assert introspect(api, token) == {"active": False}
    assert userinfo(api, f"Bearer {token}").status_code == 401
    assert api.client.get(api.url(""), headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert refresh(api.client, token).status_code == 400


# Revocation (1.6.9).


def revoke(api: Api, **form: str) -> TestResponse:
    return api.client.post(f"{OPENID}/revoke", data={"client_id": "ea-api-edge"} | form)


@pytest.mark.parametrize(
    ("revoked", "left"), [("access_token", "refresh_token"), ("refresh_token", "")], ids=["access", "refresh"]
)
def test_a_revoked_token_is_not_active(api: Api, granted: dict[str, Any], revoked: str, left: str) -> None:
    answer = revoke(api, token=granted[revoked])

    assert (answer.status_code, answer.data) == (200, b"")
    active = {name for name in ("access_token", "refresh_token") if introspect(api, granted[name])["active"]}
    assert active == ({left} if left else set())
    assert revoke(api, token=granted[revoked]).status_code == 200  # again


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"token": "x.y.z"}, 200, None),
        ({}, 400, ("invalid_request", "Missing form parameter: token")),
        ({"token": "x.y.z", "client_id": "another"}, 401, ("invalid_client", "Invalid client credentials")),
    ],
)
def test_an_invalid_revocation_is_rejected(
    api: Api, form: dict[str, str], status: int, error: tuple[str, str] | None
) -> None:
    answer = revoke(api, **form)

    assert answer.status_code == status
    assert answer.mimetype == "application/json"
    assert error is None or tuple((answer.json or {}).values()) == error


def test_a_revocation_is_a_form(api: Api) -> None:
    answer = api.client.post(f"{OPENID}/revoke", json={"client_id": "ea-api-edge", "token": "x.y.z"})

    assert (answer.status_code, "send a form" in answer.text) == (415, True)


# Introspection.


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_introspection_returns_the_claims_of_an_active_token(
    api: Api, granted: dict[str, Any], name: str
) -> None:
    found = introspect(api, granted[name])

    own = {"client_id": "ea-api-edge", "username": api.username, "active": True}
    assert found == claims(granted[name]) | own


def test_introspection_finds_an_unreadable_token_inactive(api: Api) -> None:
    for token in ("x.y.z", "nonsense", "é", "a" * 20_000):
        assert introspect(api, token) == {"active": False}, token[:9]


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_introspection_finds_an_aged_token_inactive(api: Api, granted: dict[str, Any], name: str) -> None:
    api.control("POST", "/clock/advance", {"by": "PT1H", "tokens": True})

    assert introspect(api, granted[name]) == {"active": False}


def test_introspection_without_a_token_is_an_invalid_request(client: FlaskClient) -> None:
    answer = client.post(f"{OPENID}/token/introspect")

    assert answer.status_code == 400
    assert answer.json == {"error": "invalid_request", "error_description": "Missing form parameter: token"}


# The end of a session.


def test_a_logout_ends_the_refresh_token(api: Api, granted: dict[str, Any]) -> None:
    assert log_out(api, granted["refresh_token"]).status_code == 204

    answer = refresh(api.client, granted["refresh_token"])

    assert answer.status_code == 400
    assert answer.json == {"error": "invalid_grant", "error_description": "Token is not active"}


def test_a_logout_ends_all_refresh_tokens_of_the_session(api: Api, granted: dict[str, Any]) -> None:
    renewed = refresh(api.client, granted["refresh_token"]).json or {}

    log_out(api, granted["refresh_token"])

    assert refresh(api.client, renewed["refresh_token"]).status_code == 400


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_after_a_logout_introspection_finds_the_token_inactive(
    api: Api, granted: dict[str, Any], name: str
) -> None:
    log_out(api, granted["refresh_token"])

    assert introspect(api, granted[name]) == {"active": False}


def test_a_logout_does_not_end_other_sessions_of_the_user(api: Api, granted: dict[str, Any]) -> None:
    other = api.log_in()

    log_out(api, granted["refresh_token"])

    assert refresh(api.client, other["refresh_token"]).status_code == 200


def test_a_logout_with_an_unknown_token_is_rejected(api: Api) -> None:
    answer = log_out(api, "x.y.z")

    assert answer.status_code == 400
    assert answer.json == {"error": "invalid_grant", "error_description": "Invalid refresh token"}


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


# Logout by page (1.6.10).


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_id_token_logs_out_by_page_and_never_redirects(api: Api, method: str) -> None:
    granted = log_in_for(api, "openid")
    fields = {"id_token_hint": granted["id_token"], "post_logout_redirect_uri": "https://evil.example"}
    given: dict[str, Any] = {"query_string": fields} if method == "GET" else {"data": fields}

    page = api.client.open(f"{OPENID}/logout", method=method, **given)

    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "<h1>Logged out</h1>\n<p>The session has ended.</p>" in page.text
    assert "Location" not in page.headers
    assert introspect(api, granted["refresh_token"]) == {"active": False}


@pytest.mark.parametrize("hint", ["", "x.y.z", "access"])
def test_a_page_says_that_no_session_has_ended(api: Api, granted: dict[str, Any], hint: str) -> None:
    token = granted["access_token"] if hint == "access" else hint

    page = api.client.get(f"{OPENID}/logout", query_string={"id_token_hint": token})

    assert page.status_code == 400
    assert "<h1>Not logged out</h1>\n<p>The request has no valid id_token_hint.</p>" in page.text
    assert introspect(api, granted["refresh_token"])["active"] is True
