"""`--check-responses`: the server reports its own answers that break the contract."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.support import SEED_DOSSIER, Api, content, running_server

MakeApi = Callable[..., Api]

# What a recipe lets a person write, and the contract does not have.
FOREIGN = """
version: 1
accounts:
  - {accountId: 119631}
defaultAccount: 119631
thirdparties:
  - {thirdpartyId: 7, siret: "50382936800045", name: "ODD", addressCountryCode: "France"}
dossiers:
  - {accountId: 119631, thirdpartyId: 7, dossierReference: "A", documents: []}
"""
PATH = "/thirdparties/7"


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that do not look at answers themselves."""
    from flask import Flask

    monkeypatch.setattr(Flask, "test_client_class", None)


@pytest.mark.usefixtures("unchecked")
def test_an_error_is_named_in_a_header_and_logged(
    make_server_api: MakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    api = make_server_api(FOREIGN, check_responses=True)

    with caplog.at_level(logging.ERROR, "mock_server.contract"):
        answer = api.get(PATH)

    reported = answer.headers["X-Mock-Contract"]
    assert reported.startswith("getThirdparty 200: $.content.addressCountryCode: 'France' ")
    assert caplog.messages == [f"not as the contract says: GET /api/v1/account/119631{PATH}: {reported}"]
    assert content(answer)["addressCountryCode"] == "France"


@pytest.mark.usefixtures("unchecked")
def test_answers_are_checked_only_with_the_option(make_server_api: MakeApi) -> None:
    answer = make_server_api(FOREIGN).get(PATH)

    assert answer.status_code == 200
    assert "X-Mock-Contract" not in answer.headers


def test_the_client_of_the_tests_raises_on_a_contract_error(make_server_api: MakeApi) -> None:
    api = make_server_api(FOREIGN)

    with pytest.raises(AssertionError, match=r"addressCountryCode: 'France'"):
        api.get(PATH)


def test_a_real_server_of_the_tests_raises_on_a_contract_error(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(FOREIGN, encoding="utf-8")

    with (
        pytest.raises(AssertionError, match="not as the contract says"),
        running_server("--fixture", str(tmp_path / "recipe.yaml"), "--auth", "off") as (url, _),
    ):
        requests.get(f"{url}/api/v1/account/119631{PATH}", timeout=5)


@pytest.mark.parametrize(
    "path",
    [f"/dossiers/{SEED_DOSSIER}", "/dossiers/all", "/dossiers/1", "/nothing", "/dossiers/x"],
    ids=[
        "an object",
        "a streamed list",
        "what is not there",
        "an unmapped path",
        "an id that is not a number",
    ],
)
def test_a_valid_answer_has_no_contract_header(make_server_api: MakeApi, path: str) -> None:
    api = make_server_api(check_responses=True)

    assert "X-Mock-Contract" not in api.get(path).headers


@pytest.mark.parametrize(
    "then",
    [{"respond": {"status": 418, "body": {"short": "stout"}}}, {"patch": {"content": {"dossierId": "x"}}}],
    ids=["respond", "patch"],
)
def test_an_answer_of_a_rule_is_not_checked_against_the_contract(
    make_server_api: MakeApi, then: dict[str, object]
) -> None:
    api = make_server_api(check_responses=True)
    rule = {"name": "changed", "when": {"operation": "getDossier"}, "then": then}
    api.control("POST", "/rules", {"rules": [rule]})

    answer = api.get(f"/dossiers/{SEED_DOSSIER}")

    assert answer.headers["X-Mock-Rule"] == "changed"
    assert "X-Mock-Contract" not in answer.headers


@pytest.mark.parametrize("path", ["/__admin/health", "/__admin/nothing", "/docs", "/openapi.json"])
def test_answers_outside_the_api_are_not_checked(make_server_api: MakeApi, path: str) -> None:
    api = make_server_api(check_responses=True)

    assert "X-Mock-Contract" not in api.client.get(path).headers
