"""Control calls in general: health, the fixture, and how a call is rejected."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from mock_server import __version__
from tests.support import Api


def test_health_returns_what_is_served(client: FlaskClient) -> None:
    health = client.get("/__admin/health").json

    assert health is not None
    assert health | {"uptime": 0, "counts": {}} == {
        "status": "UP",
        "version": __version__,
        "uptime": 0,
        "fixture": "default",
        "dialect": "rest",
        "counts": {},
        "stateFile": None,
    }
    assert health["counts"] == {"accounts": 4, "thirdparties": 89, "dossiers": 201, "processes": 0}
    assert 0 < health["uptime"] < 3600


def test_the_fixture_has_users_without_passwords_and_accounts(api: Api) -> None:
    fixture = api.control("GET", "/fixture")

    del fixture["magicIdentifiers"]
    assert fixture == {
        "name": "default",
        "title": "Four accounts, a documented dossier and a generated population",
        "seed": 119631,
        "defaultAccount": 119631,
        "users": [
            {"username": "api@example.com", "accounts": [119631]},
            {"username": "multi@example.com", "accounts": [119631, 119700]},
            {"username": "inactive@example.com", "accounts": [119800]},
            {"username": "domestic@example.com", "accounts": [119900]},
        ],
        "accounts": [
            {
                "accountId": account,
                "name": f"Compte {name}",
                "subscriptionStatus": "INACTIVE" if name == "Inactif" else "ACTIVE",
                "international": name != "National",
            }
            for account, name in {
                119631: "Test",
                119700: "Travaux",
                119800: "Inactif",
                119900: "National",
            }.items()
        ],
    }


def test_the_fixture_lists_the_magic_identifiers(api: Api) -> None:
    rows = api.control("GET", "/fixture")["magicIdentifiers"]
    identifiers = {row["companyIdValue"]: row for row in rows}

    assert rows == sorted(rows, key=lambda row: (row["companyIdType"], row["companyIdValue"]))
    assert identifiers["99000105900015"] == {
        "companyIdType": "CIT001",
        "companyIdValue": "99000105900015",
        "condition": "transferred",
        "transferredTo": "99000115800015",
        "about": "The establishment has moved to 99000115800015: the import ends with E105.",
    }
    lasting = {value: row["importDuration"] for value, row in identifiers.items() if "importDuration" in row}
    assert lasting == {"99000200800011": 120, "99000201600014": "never ends"}
    assert "importDuration" not in identifiers["99000103400018"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "detail"),
    [
        pytest.param("GET", "/timelines", None, 404, "did you mean 'GET /timeline'?", id="an unknown call"),
        pytest.param("DELETE", "/clock", None, 405, "did you mean 'GET /clock'?", id="another method"),
        pytest.param("POST", "/health", None, 405, "mean 'GET /health'?", id="another method of the check"),
        pytest.param("OPTIONS", "/clock", None, 405, "did you mean ", id="the options of a call"),
        pytest.param("POST", "/reset", b'{"all": true}', 400, "all", id="an unknown member"),
        pytest.param("POST", "/reset", b'{"only": ["dossiers"]}', 400, "dossiers", id="an unknown part"),
        pytest.param("POST", "/reset", b"{", 400, "the body is not JSON: ", id="no JSON"),
        pytest.param("PUT", "/clock", b"[]", 400, "a list is not an object", id="not an object"),
    ],
)
def test_a_rejected_call_is_a_problem_with_a_sentence(
    client: FlaskClient, method: str, path: str, body: bytes | None, status: int, detail: str
) -> None:
    answer = client.open(f"/__admin{path}", method=method, data=body)

    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert detail in (answer.json or {})["detail"]


def test_a_control_call_needs_no_token_and_counts_for_no_account(client: FlaskClient) -> None:
    assert client.get("/__admin/clock").status_code == 200


def test_a_control_call_may_be_larger_than_a_request_of_the_api(make_server_api: Callable[..., Api]) -> None:
    api = make_server_api(max_body=100)

    answer = api.client.post("/__admin/reset", data=b" " * 200 + b"{}")

    assert answer.status_code == 200
    assert api.post("/dossiers", {"description": "x" * 200}).status_code == 413


def test_a_very_long_path_is_cut_off(client: FlaskClient) -> None:
    detail = client.get("/__admin/" + 20_000 * "a").json["detail"]  # type: ignore[index]

    assert len(detail) < 200
