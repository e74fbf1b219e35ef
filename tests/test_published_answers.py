"""Errors that any request can get before its operation runs: each documented status of each operation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from mock_server.app import create_app
from mock_server.contract import document
from mock_server.contract.requests import BODIES
from mock_server.domain.operations import DIALECTS, OPERATIONS, TOKEN_PATH
from mock_server.settings import Settings
from tests.support import TOKEN_URL

IDS = {"accountId": 119631, "dossierId": 804127, "thirdpartyId": 875, "documentId": 511394021, "fileId": 1}


def _is_of_account(_: str, name: str) -> bool:
    return "{accountId}" in OPERATIONS[name].paths[0]


def _needs_token(_: str, name: str) -> bool:
    return name != "getToken"


OF_ANY_REQUEST: dict[int, Callable[[str, str], bool]] = {
    400: lambda *_: True,
    401: _needs_token,
    403: lambda dialect, name: _is_of_account(dialect, name) or (dialect == "edge" and name != "getToken"),
    413: lambda _, name: name in BODIES,
    415: lambda _, name: name in BODIES,
    429: _is_of_account,
    503: lambda *_: True,
}
"""The statuses that a request meets before its operation is asked, and whether in a dialect and operation."""

SERVED = [
    (dialect, row.name) for dialect in DIALECTS for row in OPERATIONS.values() if dialect in row.dialects
]


@cache
def app_with(**settings: Any) -> Flask:
    return create_app(Settings(log_level="error", **settings))


def token_of(app: Flask, username: str) -> str:
    form = {"grant_type": "password", "client_id": "ea-api-edge", "username": username, "password": "demo"}
    return str((app.test_client().post(TOKEN_URL, data=form).json or {})["access_token"])


def url_of(dialect: str, name: str, **ids: object) -> str:
    path = OPERATIONS[name].paths[0].format(**IDS | {"processId": "0" * 32} | ids)
    return path if path == TOKEN_PATH else f"/{dialect}/api/v1{path}"


def ask(app: Flask, dialect: str, name: str, *, token: str = "", **options: Any) -> TestResponse:
    headers = options.pop("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
    url = url_of(dialect, name, **options.pop("ids", {}))
    return app.test_client().open(url, method=OPERATIONS[name].method, headers=headers, **options)


_A_BLANK = {"client_id": "ea-api-edge", "username": "api+a b@example.com"}


def invalid_sandbox_name(dialect: str, name: str) -> TestResponse:
    """Call for a sandbox whose name is invalid."""
    if name == "getToken":
        return ask(app_with(), dialect, name, data={"grant_type": "password", **_A_BLANK})
    return ask(app_with(auth="off"), dialect, name, headers={"X-Mock-Sandbox": "a b"})


def without_token(dialect: str, name: str) -> TestResponse:
    return ask(app_with(), dialect, name)


def forbidden(dialect: str, name: str) -> TestResponse:
    """Call with an account of another user; if the path has no account, with an altered token."""
    app = app_with()
    token = token_of(app, "api@example.com")
    if _is_of_account(dialect, name):
        return ask(app, dialect, name, token=token, ids={"accountId": 119700})
    head, _, signature = token.split(".")
    return ask(app, dialect, name, token=f"{head}.e30.{signature}")


def too_large(dialect: str, name: str) -> TestResponse:
    app = app_with(max_body=1024)
    options = {
        "content_type": "application/x-www-form-urlencoded" if name == "getToken" else "application/json"
    }
    return ask(app, dialect, name, token=token_of(app, "api@example.com"), data=b"x" * 1025, **options)


def not_json(dialect: str, name: str) -> TestResponse:
    app = app_with()
    token = token_of(app, "api+text@example.com")
    return ask(app, dialect, name, token=token, data=b"text", content_type="text/plain")


def too_many(dialect: str, name: str) -> TestResponse:
    """The account's bucket was emptied, and the clock stands still."""
    return ask(_exhausted(), dialect, name, token=token_of(_exhausted(), "api@example.com"))


@cache
def _exhausted() -> Flask:
    app = create_app(Settings(log_level="error", variants={"rateLimit": "on"}))
    app.test_client().put("/__admin/clock", json={"frozen": True})
    token = token_of(app, "api@example.com")
    for _ in range(20):
        ask(app, "rest", "getDossier", token=token)
    return app


def too_many_sandboxes(dialect: str, name: str) -> TestResponse:
    """Call for another sandbox when the limit is reached."""
    if name == "getToken":
        form = {"client_id": "ea-api-edge", "grant_type": "password", "password": "demo"}
        form |= {"username": "api+more@example.com"}
        return ask(app_with(max_sandboxes=1), dialect, name, data=form)
    return ask(app_with(max_sandboxes=1, auth="off"), dialect, name, headers={"X-Mock-Sandbox": "more"})


PROVOKED: dict[int, Callable[[str, str], TestResponse]] = {
    400: invalid_sandbox_name,
    401: without_token,
    403: forbidden,
    413: too_large,
    415: not_json,
    429: too_many,
    503: too_many_sandboxes,
}


def extra_headers(answer: TestResponse) -> Iterator[str]:
    for name in answer.headers.keys():  # noqa: SIM118  # of a Headers, the items are what is iterated
        if re.match("x-mock-|x-ratelimit-|www-authenticate", name.lower()):
            yield name.lower()


@pytest.mark.parametrize("status", OF_ANY_REQUEST)
def test_the_status_is_answered_and_its_headers_are_documented(status: int) -> None:
    for dialect, name in SERVED:
        if OF_ANY_REQUEST[status](dialect, name):
            answer = PROVOKED[status](dialect, name)
            case = f"{dialect} {name}: {answer.text}"
            assert answer.status_code == status, case
            assert answer.json, case
            assert name == "getToken" or answer.json["status"] == status, case
            assert set(extra_headers(answer)) <= documented_headers(dialect, name, status), case


def documented_headers(dialect: str, name: str, status: int) -> set[str]:
    api = document(dialect)
    item = api["paths"][OPERATIONS[name].paths[0]][OPERATIONS[name].method.lower()]
    given = item["responses"][str(status)]
    if "$ref" in given:
        given = api["components"]["responses"][given["$ref"].rpartition("/")[2]]
    return {header.lower() for header in given["headers"]}


def test_every_status_is_provoked() -> None:
    assert PROVOKED.keys() == OF_ANY_REQUEST.keys()
