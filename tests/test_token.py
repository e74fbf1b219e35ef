"""Getting a token, refreshing it, and what else the authorisation server answers (behaviour.md 1.2, 1.3)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mock_server.app import create_app
from mock_server.sandbox.state import TokenAges, with_age
from mock_server.settings import Settings
from tests.support import OPENID, REALM, START, TOKEN_URL, Api, claims, refresh

ANY_AUDIENCE: Any = {"verify_aud": False}

COMMON_CLAIMS = {
    *("jti", "exp", "nbf", "iat", "iss", "aud", "sub", "typ", "azp", "auth_time", "session_state"),
    *("realm_access", "resource_access", "scope"),
}
USER_CLAIMS = {
    *("acr", "account_ids", "email_verified", "name", "preferred_username", "given_name", "family_name"),
    "email",
}

PASSWORD_GRANT = {
    "grant_type": "password",
    "client_id": "ea-api-edge",
    "username": "api@example.com",
    "password": "demo",
}


def ask(client: FlaskClient, **fields: str) -> TestResponse:
    """Ask for a token as the default user, with these form fields changed; an empty one is left out."""
    form = {name: value for name, value in (PASSWORD_GRANT | fields).items() if value}
    return client.post(TOKEN_URL, data=form)


def lifetime(token: str) -> int:
    return int(claims(token)["exp"]) - int(claims(token)["iat"])


@pytest.fixture
def granted(client: FlaskClient) -> dict[str, Any]:
    return dict(ask(client).json or {})


# The place.


@pytest.mark.dialects("rest", "edge")
def test_a_generated_client_gets_a_token_below_the_base_path_and_is_warned(api: Api) -> None:
    path = f"/{api.dialect}/api/v1{TOKEN_URL}"
    login = PASSWORD_GRANT | {"username": f"api+{api.sandbox}@example.com"}

    granted = api.client.post(path, data=login)
    api.client.get(path, headers={"X-Mock-Sandbox": api.sandbox})

    assert claims((granted.json or {})["access_token"])["account_ids"] == "119631"
    entry = next(one for one in api.control("GET", "/requests")["requests"] if one["path"] == path)
    assert (entry["operation"], entry["warningCodes"]) == ("getToken", ["tokenPath"])


# The answer.


def test_the_claims_that_no_login_changes(granted: dict[str, Any]) -> None:
    for name, kind in (("access_token", "Bearer"), ("refresh_token", "Refresh")):
        found = claims(granted[name])
        constant = {"nbf": 0, "auth_time": 0, "azp": "ea-api-edge", "typ": kind, "scope": "profile email"}

        assert {claim: found[claim] for claim in constant} == constant
        assert UUID(found["jti"]).version == 7


def test_the_password_grant_answers_the_documented_members_in_their_order(client: FlaskClient) -> None:
    answer = ask(client)

    assert answer.status_code == 200
    assert list(answer.json or {}) == [
        *("access_token", "expires_in", "refresh_expires_in", "refresh_token", "token_type"),
        *("not-before-policy", "session_state", "scope"),
    ]


def test_members_of_the_answer_have_their_documented_values(granted: dict[str, Any]) -> None:
    expected = {
        "expires_in": 1800,
        "refresh_expires_in": 1800,
        "token_type": "bearer",
        "not-before-policy": 1550670103,
        "scope": "profile email",
    }

    assert {member: granted[member] for member in expected} == expected


def test_the_session_state_is_a_uuid_and_that_of_both_tokens(granted: dict[str, Any]) -> None:
    session = str(UUID(granted["session_state"]))

    assert claims(granted["access_token"])["session_state"] == session
    assert claims(granted["refresh_token"])["session_state"] == session


def test_the_token_answer_is_json_in_utf_8_that_no_cache_keeps(client: FlaskClient) -> None:
    headers = ask(client).headers

    assert headers["Content-Type"] == "application/json;charset=UTF-8"
    assert (headers["Cache-Control"], headers["Pragma"]) == ("no-store", "no-cache")


def test_an_unknown_form_field_is_ignored(client: FlaskClient) -> None:
    answer = client.post(TOKEN_URL, data=PASSWORD_GRANT | {"Content-Type": "application/json"})

    assert answer.status_code == 200


def test_a_form_has_at_most_1000_fields(client: FlaskClient) -> None:
    form = PASSWORD_GRANT | {f"f{at}": "1" for at in range(1000 - len(PASSWORD_GRANT))}

    assert client.post(TOKEN_URL, data=form).status_code == 200
    refused = client.post(TOKEN_URL, data=form | {"more": "1"})
    assert refused.status_code == 400
    assert (refused.json or {})["error_description"] == "A form has at most 1000 fields: send fewer"


def test_two_logins_give_two_tokens(client: FlaskClient) -> None:
    one, other = ask(client).json, ask(client).json

    assert one is not None
    assert other is not None
    assert one["access_token"] != other["access_token"]


# The refresh grant.


def test_the_refresh_grant_answers_the_same_members(client: FlaskClient, granted: dict[str, Any]) -> None:
    answer = refresh(client, granted["refresh_token"])

    assert answer.status_code == 200
    assert list(answer.json or {}) == list(granted)


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_the_refresh_grant_gives_a_new_pair(client: FlaskClient, granted: dict[str, Any], name: str) -> None:
    renewed = refresh(client, granted["refresh_token"]).json or {}

    assert renewed[name] != granted[name]


@pytest.mark.parametrize("claim", ["session_state", "account_ids", "sub", "name"])
def test_the_refreshed_token_is_for_the_same_user_and_session(
    client: FlaskClient, granted: dict[str, Any], claim: str
) -> None:
    renewed = refresh(client, granted["refresh_token"]).json or {}

    assert claims(renewed["access_token"])[claim] == claims(granted["access_token"])[claim]


def test_the_refreshed_token_opens_the_account(api: Api) -> None:
    renewed = refresh(api.client, api.log_in()["refresh_token"]).json or {}

    answer = api.client.get(api.url(""), headers={"Authorization": f"Bearer {renewed['access_token']}"})

    assert answer.status_code == 200


# What both tokens say.


@pytest.mark.parametrize(
    ("name", "algorithm"), [("access_token", "RS256"), ("refresh_token", "HS256")], ids=["access", "refresh"]
)
def test_a_token_is_signed_with_its_algorithm(granted: dict[str, Any], name: str, algorithm: str) -> None:
    header = jwt.get_unverified_header(granted[name])

    assert (header["alg"], header["typ"]) == (algorithm, "JWT")


def test_the_header_of_an_access_token_has_only_alg_typ_and_kid(granted: dict[str, Any]) -> None:
    assert set(jwt.get_unverified_header(granted["access_token"])) == {"alg", "typ", "kid"}


def test_the_access_token_has_the_documented_claims(granted: dict[str, Any]) -> None:
    assert set(claims(granted["access_token"])) == COMMON_CLAIMS | USER_CLAIMS


def test_the_refresh_token_has_the_claims_up_to_scope_except_acr(granted: dict[str, Any]) -> None:
    assert set(claims(granted["refresh_token"])) == COMMON_CLAIMS


def test_the_access_token_names_the_user_and_the_client(granted: dict[str, Any]) -> None:
    expected = {
        "typ": "Bearer",
        "azp": "ea-api-edge",
        "scope": "profile email",
        "email_verified": True,
        "name": "Api Demo",
        "given_name": "Api",
        "family_name": "Demo",
        "preferred_username": "api@example.com",
        "email": "api@example.com",
        "iss": f"http://localhost{REALM}",
    }

    assert {claim: claims(granted["access_token"])[claim] for claim in expected} == expected


@pytest.mark.parametrize(
    ("username", "account_ids"),
    [
        ("api@example.com", "119631"),
        ("multi@example.com", "119631,119700"),
        ("unknown@example.org", "119631"),
        ("inactive@example.com", "119800"),
    ],
    ids=["one account", "several accounts", "the default account", "an inactive account"],
)
def test_account_ids_is_a_text_of_ids_separated_by_commas(
    client: FlaskClient, username: str, account_ids: str
) -> None:
    granted = ask(client, username=username, password="demo").json or {}

    assert claims(granted["access_token"])["account_ids"] == account_ids


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_exp_minus_iat_is_the_announced_lifetime(granted: dict[str, Any], name: str) -> None:
    assert lifetime(granted[name]) == 1800


def test_the_published_keys_verify_an_access_token(client: FlaskClient, granted: dict[str, Any]) -> None:
    keys = jwt.PyJWKSet.from_dict(dict(client.get(f"{OPENID}/certs").json or {}))
    kid = jwt.get_unverified_header(granted["access_token"])["kid"]

    verified = jwt.decode(granted["access_token"], keys[kid].key, algorithms=["RS256"], options=ANY_AUDIENCE)

    assert verified["account_ids"] == "119631"


# Errors (1.2.7).


REJECTED: list[tuple[dict[str, str], int, str, str]] = [
    ({"password": "wrong"}, 401, "invalid_grant", "Invalid user credentials"),
    ({"password": ""}, 401, "invalid_grant", "Invalid user credentials"),
    ({"username": ""}, 401, "invalid_grant", "Invalid user credentials"),
    ({"client_id": "another"}, 401, "invalid_client", "Invalid client credentials"),
    ({"client_id": ""}, 401, "invalid_client", "Invalid client credentials"),
    ({"grant_type": ""}, 400, "invalid_request", "Missing form parameter: grant_type"),
    ({"grant_type": "client_credentials"}, 400, "unsupported_grant_type", "Unsupported grant_type"),
    (
        {"grant_type": "refresh_token", "refresh_token": "x.y.z"},
        *(400, "invalid_grant", "Token is not active"),
    ),
]


def test_a_rejected_grant_is_answered_as_keycloak_does(client: FlaskClient) -> None:
    for fields, status, error, description in REJECTED:
        answer = ask(client, **fields)
        assert answer.status_code == status, fields
        assert answer.json == {"error": error, "error_description": description}, fields


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"json": PASSWORD_GRANT}, "'application/json'"),
        ({"data": PASSWORD_GRANT, "content_type": "multipart/form-data"}, "'multipart/form-data'"),
        ({"data": "grant_type=password&client_id=ea-api-edge&username=x&password=y"}, "no Content-Type"),
        ({"data": "grant_type=password", "content_type": "text/plain"}, "'text/plain'"),
        ({}, "no Content-Type"),
    ],
    ids=["JSON", "multipart", "no type", "text", "no body"],
)
def test_a_body_that_is_not_declared_as_a_form_is_a_415(
    client: FlaskClient, options: dict[str, Any], named: str
) -> None:
    answer = client.post(TOKEN_URL, **options)

    assert answer.status_code == 415
    assert (answer.json or {})["error"] == "HTTP 415 Unsupported Media Type"
    assert named in (answer.json or {})["error_description"]
    assert "application/x-www-form-urlencoded" in (answer.json or {})["error_description"]


@pytest.mark.parametrize("declared", ["; charset=UTF-8", ";charset=iso-8859-1", " "])
def test_a_form_may_declare_a_charset(client: FlaskClient, declared: str) -> None:
    form = "grant_type=password&client_id=ea-api-edge&username=x&password=y"

    answer = client.post(TOKEN_URL, data=form, content_type=f"application/x-www-form-urlencoded{declared}")

    assert answer.status_code == 200


# The client (1.6.1).


def basic(client_id: str, secret: str = "") -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{client_id}:{secret}'.encode()).decode()}"}


CLIENTS = [
    (basic("ea-api-edge"), "", 200),
    (basic("ea-api-edge", "any secret"), "", 200),
    (basic("ea%2Dapi%2Dedge"), "", 200),
    (basic("ea-api-edge"), "ea-api-edge", 200),
    (basic("another"), "ea-api-edge", 401),
    (basic("another"), "", 401),
    ({"Authorization": "Basic a"}, "ea-api-edge", 200),
    ({"Authorization": "Basic a"}, "", 401),
    ({"Authorization": "Bearer x.y.z"}, "ea-api-edge", 200),
]


@pytest.mark.parametrize("grant", ["password", "refresh_token"])
def test_the_client_is_named_by_header_or_form(
    client: FlaskClient, granted: dict[str, Any], grant: str
) -> None:
    form = {"grant_type": grant, "username": "api@example.com", "password": "demo"}
    form |= {"refresh_token": granted["refresh_token"]}
    for headers, client_id, status in CLIENTS:
        answer = client.post(TOKEN_URL, data=form | {"client_id": client_id}, headers=headers)
        assert answer.status_code == status, (headers, client_id)
        assert status == 200 or (answer.json or {})["error"] == "invalid_client", (headers, client_id)


# The user name (1.6.4).


@pytest.mark.parametrize("username", ["api+w7@example.com", "api+w7", " api+w7@example.com"])
def test_a_plus_that_is_not_escaped_is_an_error_that_says_so(client: FlaskClient, username: str) -> None:
    form = f"grant_type=password&client_id=ea-api-edge&username={username}&password=demo"

    answer = client.post(TOKEN_URL, data=form, content_type="application/x-www-form-urlencoded")

    assert answer.status_code == 400
    assert (answer.json or {})["error"] == "invalid_request"
    assert "api%2Bw7" in (answer.json or {})["error_description"]
    names = [row["name"] for row in (client.get("/__admin/sandboxes").json or {})["sandboxes"]]
    assert "w7" not in names


def test_a_blank_around_the_user_name_is_ignored(client: FlaskClient) -> None:
    granted = ask(client, username=" api@example.com ").json or {}

    assert claims(granted["access_token"])["preferred_username"] == "api@example.com"


def test_an_access_token_does_not_refresh(client: FlaskClient, granted: dict[str, Any]) -> None:
    answer = refresh(client, granted["access_token"])

    assert answer.status_code == 400
    assert answer.json == {"error": "invalid_grant", "error_description": "Token is not active"}


def test_an_aged_refresh_token_does_not_refresh(api: Api) -> None:
    granted = api.log_in()
    api.control("POST", "/clock/advance", {"by": "PT1H", "tokens": True})

    answer = refresh(api.client, granted["refresh_token"])

    assert answer.status_code == 400
    assert answer.json == {"error": "invalid_grant", "error_description": "Token is not active"}


def test_a_refresh_token_outlives_its_access_token(make_server_api: Callable[..., Api]) -> None:
    api = make_server_api(refresh_token_lifetime=timedelta(hours=2))
    granted = api.log_in()
    api.control("POST", "/clock/advance", {"by": "PT1H", "tokens": True})

    assert refresh(api.client, granted["refresh_token"]).status_code == 200


def test_tokens_that_aged_more_than_a_thousand_times_keep_their_age() -> None:
    ages: TokenAges = ()
    for number in range(1003):
        ages = with_age(ages, START + timedelta(minutes=number), timedelta(seconds=1))

    assert len(ages) == 1000
    assert ages[0] == (START, timedelta(seconds=4))
    assert sum((by for _, by in ages), timedelta()) == timedelta(seconds=1003)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_than_post_is_a_405_in_the_format_of_the_endpoint(
    client: FlaskClient, method: str
) -> None:
    answer = client.open(TOKEN_URL, method=method)

    assert answer.status_code == 405
    assert (answer.json or {})["error"] == "HTTP 405 Method Not Allowed"
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("settings", "options", "status"),
    [
        ({"max_body": 1024}, {"data": {"password": "x" * 2000}}, 413),
        ({"auth": "off"}, {"headers": {"Origin": "http://evil.example"}}, 403),
        ({"max_sandboxes": 1}, {"data": PASSWORD_GRANT | {"username": "api+second@example.com"}}, 503),
    ],
    ids=["too large", "another site", "too many sandboxes"],
)
def test_every_error_has_the_format_of_the_endpoint(
    settings: dict[str, Any], options: dict[str, Any], status: int
) -> None:
    server = create_app(Settings(log_level="error", check_responses=True, **settings)).test_client()

    answer = server.post(TOKEN_URL, **options)

    assert answer.status_code == status
    assert list(answer.json or {}) == ["error", "error_description"]
    assert (answer.json or {})["error"].startswith(f"HTTP {status} ")
    assert "X-Mock-Contract" not in answer.headers
