"""Calls by the user's own web pages (`--cors`, behaviour.md 1.6.12), over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.support import TOKEN_URL, running_server

APP, OTHER = "https://app.example:3000", "https://other.example"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,x-trace",
}
EXPOSED = {
    *("WWW-Authenticate", "X-Mock-Refusal", "X-Mock-Rule", "X-Mock-Contract", "X-Mock-Problem"),
    *("X-Mock-Unmatched", "X-Mock-Docs", "X-Mock-Warning", "Content-Disposition", "Retry-After"),
    *("x-ratelimit-remaining", "x-ratelimit-burst-capacity", "x-ratelimit-replenish-rate"),
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_server("--cors", APP, "--cors", "http://localhost:5173") as (url, _):
        yield url


@pytest.mark.parametrize("path", [TOKEN_URL, "/api/v1/account", "/no/such/path", "/openapi.json"])
@pytest.mark.parametrize("origin", [APP, "http://localhost:5173"])
def test_a_page_of_the_origin_can_read_every_answer(url: str, path: str, origin: str) -> None:
    answer = requests.get(url + path, headers={"Origin": origin}, timeout=5)

    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "Origin" in answer.headers["Vary"]
    assert set(answer.headers["Access-Control-Expose-Headers"].split(", ")) == EXPOSED
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("headers", [{"Origin": OTHER}, {"Origin": "null"}, {"Origin": "*"}, {}])
def test_a_page_of_another_origin_cannot_read_an_answer(url: str, headers: dict[str, str]) -> None:
    for method in ("GET", "OPTIONS"):
        answer = requests.request(method, url + TOKEN_URL, headers=headers | PREFLIGHT, timeout=5)

        assert answer.status_code == 405
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert answer.headers["Vary"] == "Origin"  # a cache must not give this answer to the allowed page


def test_a_preflight_is_answered_and_is_not_in_the_journal(url: str) -> None:
    headers = PREFLIGHT | {"Origin": APP, "Access-Control-Request-Private-Network": "true"}
    before = requests.get(f"{url}/__admin/requests", timeout=5).json()["requests"]

    answer = requests.options(f"{url}/api/v1/account/119631/dossiers", headers=headers, timeout=5)

    assert (answer.status_code, answer.content) == (204, b"")
    allowed = {name: value for name, value in answer.headers.items() if name.startswith("Access-Control")}
    assert allowed == {
        "Access-Control-Allow-Origin": APP,
        "Access-Control-Allow-Methods": "GET, HEAD, POST",
        "Access-Control-Allow-Headers": "authorization,x-trace",
        "Access-Control-Max-Age": "600",
        "Access-Control-Allow-Private-Network": "true",
    }
    assert requests.get(f"{url}/__admin/requests", timeout=5).json()["requests"] == before


def test_a_preflight_allows_no_more_than_it_asks_for(url: str) -> None:
    plain = {"Origin": APP, "Access-Control-Request-Method": "POST"}
    answer = requests.options(f"{url}/api/v1/account", headers=plain, timeout=5)

    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Headers"] == "Authorization"
    assert "Access-Control-Allow-Private-Network" not in answer.headers


@pytest.mark.parametrize(
    ("method", "headers", "status"), [("OPTIONS", {"Origin": APP}, 405), ("GET", PREFLIGHT, 401)]
)
def test_a_request_that_is_not_a_preflight_is_a_call(
    url: str, method: str, headers: dict[str, str], status: int
) -> None:
    answer = requests.request(method, f"{url}/api/v1/account", headers={"Origin": APP} | headers, timeout=5)

    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == APP


def test_all_origins_may_be_allowed() -> None:
    with running_server("--cors", "*") as (url, _):
        answer = requests.get(url + "/api/v1/account", headers={"Origin": OTHER}, timeout=5)

    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_nothing_is_allowed_by_default() -> None:
    with running_server() as (url, _):
        answer = requests.options(url + "/api/v1/account", headers=PREFLIGHT | {"Origin": APP}, timeout=5)

    assert answer.status_code == 405
    assert not any(name.lower().startswith("access-control") for name in answer.headers)
