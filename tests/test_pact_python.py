"""Pact end to end: a consumer writes a pact with pact-python, and its verifier checks this provider."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests

from mock_server.control.pact import STATES as PROVIDER_STATES
from mock_server.control.pact import find_state
from tests.support import SIRET, TOKEN_URL, running_server

pact_python = pytest.importorskip("pact", reason="pact-python does not install here")
pact_ffi = pytest.importorskip("pact_ffi", reason="pact-python does not install here")
pact_ffi.log_to_buffer(pact_ffi.LevelFilter.DEBUG)  # before anything is made, or not at all

ACCOUNT = "/api/v1/account/119631"
STATES: list[tuple[str, dict[str, Any], str, dict[str, str], int, Any]] = [
    ("a dossier with reference {reference} exists", {"reference": "P-1"}, "P-1", {}, 200, 1),
    ("a dossier with reference P-2 is archived", {"reason": "EXPIRATION"}, "P-2", {}, 200, 1),
    ("a dossier with reference {reference} is complete", {"reference": "P-3"}, "P-3", {}, 200, 1),
    ("a document ATT_VIGI of dossier P-4 is answered until 2088-05-04", {}, "P-4", {}, 200, 1),
    ("there are no dossiers", {}, "P-1", {}, 200, 0),
    ("document type {code} is withdrawn", {"code": "I2"}, "NONE", {}, 200, 0),
    ("third party {siret} is registered", {"siret": SIRET}, "NONE", {}, 200, 0),
    ("third party {siret} is out of business", {"siret": SIRET}, "NONE", {}, 200, 0),
    ("the API is down", {}, "P-1", {}, 503, None),
    ("the access token is expired", {}, "P-1", {}, 401, None),
    ("the rate limit is exceeded", {}, "P-1", {}, 429, None),
]
"""A state, its parameters, the reference that is searched, and the status and number of hits to come."""

_numbers = count(1)


def contract() -> Any:
    """What the consumer expects in each state."""
    pact = pact_python.Pact("buyer", "dossiers").with_specification("V4")
    for state, params, reference, query, status, total in STATES:
        asked = (
            pact.upon_receiving(f"a search where {state}")
            .given(state, params)
            .with_request("GET", f"{ACCOUNT}/dossiers")
            .with_query_parameters({"dossierReference": reference, **query})
            .will_respond_with(status)
        )
        if total is not None:
            asked.with_body({"totalElements": total}, "application/json")
    for state in (f"the import of {SIRET} fails with E103", f"the import of {SIRET} never ends"):
        (
            pact.upon_receiving(f"an import where {state}")
            .given("there are no dossiers")
            .given(state)
            .with_request("POST", f"{ACCOUNT}/dossiers")
            .with_body({"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": "P-9"})
            .will_respond_with(200)
            .with_body({"content": {"processId": pact_python.match.string("1f")}}, "application/json")
        )
    (
        pact.upon_receiving("a look at an account that is inactive")
        .given("account {accountId} is inactive", {"accountId": 119631})
        .with_request("GET", "/api/v1/account")
        .will_respond_with(200)
        .with_body({"content": [{"id": 119631, "subscriptionStatus": "INACTIVE"}]}, "application/json")
    )
    return pact


def with_injection(pact: Any) -> Any:
    """Add an interaction: a dossier by the id that the provider returns."""
    path = pact_python.match.like(
        f"{ACCOUNT}/dossiers/1",
        generator=pact_python.generate.provider_state(f"{ACCOUNT}/dossiers/${{dossierId}}"),
    )
    (
        pact.upon_receiving("a look at the dossier that was made")
        .given("a dossier with reference P-10 exists")
        .with_request("GET", path)
        .will_respond_with(200)
        .with_body({"content": {"dossierReference": "P-10"}}, "application/json")
    )
    return pact


class Buyer:
    """The consumer: the few calls that its contract is about."""

    def __init__(self, base: str) -> None:
        self.base = base

    def hits(self, reference: str) -> int | None:
        """How many dossiers have the reference; None where the API does not say."""
        query = {"dossierReference": reference}
        answer = requests.get(f"{self.base}{ACCOUNT}/dossiers", params=query, timeout=5)
        return int(answer.json()["totalElements"]) if answer.ok else None


@pytest.fixture
def sandbox() -> str:
    return f"pact{next(_numbers)}"


@pytest.fixture(autouse=True)
def _send_no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep Pact from reporting each verification to its makers."""
    monkeypatch.setenv("PACT_DO_NOT_TRACK", "true")


def verifier(server: str, sandbox: str, pacts: Path, *, body: bool = True) -> Any:
    form = {"grant_type": "password", "client_id": "ea-api-edge", "password": "demo"}
    form["username"] = f"api+{sandbox}@example.com"
    token = requests.post(server + TOKEN_URL, data=form, timeout=5).json()["access_token"]
    return (
        pact_python.Verifier("dossiers", host="127.0.0.1")
        .add_transport(url=server)
        .add_custom_header("Authorization", f"Bearer {token}")
        .state_handler(f"{server}/__admin/pact/states?sandbox={sandbox}", body=body, teardown=True)
        .add_source(pacts)
    )


def test_the_consumer_works_with_its_contract(tmp_path: Path) -> None:
    pact = pact_python.Pact("buyer", "dossiers").with_specification("V4")
    (
        pact.upon_receiving("a search")
        .given("a dossier with reference {reference} exists", {"reference": "P-1"})
        .with_request("GET", f"{ACCOUNT}/dossiers")
        .with_query_parameter("dossierReference", "P-1")
        .will_respond_with(200)
        .with_body({"totalElements": 1}, "application/json")
    )

    with pact.serve() as mock:
        assert Buyer(str(mock.url).rstrip("/")).hits("P-1") == 1
    pact.write_file(tmp_path)

    assert "a dossier with reference {reference} exists" in (tmp_path / "buyer-dossiers.json").read_text(
        "utf-8"
    )


@pytest.mark.parametrize("body", [True, False], ids=["by body", "by query"])
def test_this_server_fulfils_the_contract(server: str, sandbox: str, tmp_path: Path, *, body: bool) -> None:
    with_injection(contract()).write_file(tmp_path)
    judge = verifier(server, sandbox, tmp_path, body=body)

    judge.verify()

    assert judge.results["result"] is True
    results = judge.results["interactionResults"]
    assert {result["result"] for result in results} == {"OK"}
    verified = {find_state(name, {})[0] for result in results for name in result["providerStates"]}
    assert verified == set(PROVIDER_STATES)


def test_an_unknown_state_fails_with_the_reason_in_the_log(sandbox: str, tmp_path: Path) -> None:
    pact = pact_python.Pact("buyer", "dossiers").with_specification("V4")
    (
        pact.upon_receiving("a search")
        .given("a dossier with reference P-1 exits")
        .with_request("GET", f"{ACCOUNT}/dossiers")
        .will_respond_with(200)
    )
    pact.write_file(tmp_path)

    with running_server() as (url, process):
        judge = verifier(url, sandbox, tmp_path)
        with pytest.raises(RuntimeError):
            judge.verify()
        assert process.stderr is not None
        logged = process.stderr.readline()

    output = judge.output(strip_ansi=True)
    assert "Given a dossier with reference P-1 exits" in output
    assert "setup state change handlers has failed" in output
    assert "no state 'a dossier with reference P-1 exits'; did you mean 'a dossier with" in logged
    assert "? There are: a dossier with reference {reference} exists; " in logged
    assert (
        '"x-mock-problem": "there is no state \'a dossier with reference P-1 exits\'; did you mean'
        in judge.logs
    )
