"""What a client did, exported as a scenario: played in a new sandbox, it gets the same answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from mock_server.scenarios.files import check_files, read_scenario
from mock_server.scenarios.report import failure_lines
from mock_server.scenarios.runner import plan_runs, run_scenario
from mock_server.scenarios.target import find_target
from tests.control_calls import play, set_rule
from tests.support import OTHER_SIRET, SEED_DOSSIER, SIRET, Api, refresh

PERSONAL = {"thirdpartyEmail": ["jean.dupont@acme.fr"], "userInCharge": ["Marie Curie <marie@"]}


def ask(api: Api, **query: Any) -> TestResponse:
    query |= {"sandbox": api.sandbox, "format": "scenario"}
    return api.client.get("/__admin/requests", query_string=query)


def export(api: Api, **query: Any) -> str:
    answer = ask(api, **query)
    assert (answer.status_code, answer.content_type) == (200, "application/yaml"), answer.text
    return answer.text


@pytest.fixture
def played(server: str, tmp_path: Path) -> Callable[[str], list[str]]:
    """Check an exported scenario and run it; the names of its steps, all of which have to pass."""

    def run(text: str) -> list[str]:
        path = tmp_path / "exported.yaml"
        path.write_text(text, encoding="utf-8")
        assert check_files([path]) == []
        scenario = read_scenario(path)
        [planned] = plan_runs(scenario, {}, on_sandbox=True)
        result = run_scenario(planned, find_target(server))
        assert list(failure_lines(result)) == [], text
        assert [step.name for step in result.steps if step.skipped] == []
        return [step.name for step in scenario.steps]

    return run


def imports_and_polls(api: Api) -> None:
    api.control("PUT", "/clock", {"frozen": False})
    process_id = api.launch()
    api.process(process_id)
    api.process(process_id)
    api.advance("PT1S")
    assert api.process(process_id)["success"]
    [dossier] = api.hits("/dossiers", dossierReference="PO-1")
    dossier_id = dossier["dossierId"]
    api.post(f"/dossiers/{dossier_id}/stop")
    api.post(f"/dossiers/{dossier_id}", {"dossierReference": "PO-9"})
    api.post("/dossiers", {"companyIdType": "CIT009"})


def acts_of_the_platform(api: Api) -> None:
    created = api.control("POST", "/dossiers", {"siret": OTHER_SIRET, "dossierReference": "PO-2"})
    path = f"/dossiers/{created['dossierId']}"
    api.dossier(created["dossierId"])
    api.control("POST", f"{path}/documents/ATT_VIGI/evidences", {"expirationDate": "2090-12-31"})
    api.control("PATCH", path, {"description": "{accountId}"})
    api.control("PATCH", "/requirements/ATT_VIGI", {"withdrawn": True, "accountId": api.account})
    api.control("POST", "/thirdparties", {"siret": SIRET, "users": []})
    api.control("PUT", "/variants", {"refusals": "result"})
    api.control("PUT", "/strict", {"strict": "warn"})
    process_id = api.launch(companyIdValue=SIRET, requiredDocuments=["ATT_VIGI"])
    api.control("POST", f"/processes/{process_id}", {"outcome": "finish"})
    api.process(process_id)
    api.control("POST", "/accounts", {"accountId": 7, "users": ["api@example.com"]})
    api.control("PATCH", f"/accounts/{api.account}", {"subscriptionStatus": "INACTIVE"})
    api.control("POST", f"/thirdparties/{created['thirdpartyId']}/close")
    assert api.dossier(created["dossierId"])["stoppingReason"] == "OUTOFBUSINESS"


def rules_between_calls(api: Api) -> None:
    set_rule(api, {"respond": {"status": 503, "body": {"error": "away"}}}, times=2)
    api.get(f"/dossiers/{SEED_DOSSIER}")
    api.get(f"/dossiers/{SEED_DOSSIER}")
    api.get(f"/dossiers/{SEED_DOSSIER}")
    api.control("DELETE", "/rules")
    set_rule(api, {"fault": "EMPTY_RESPONSE"}, "stopDossier", name="lost")
    api.post(f"/dossiers/{SEED_DOSSIER}/stop")


def starts_over_between_calls(api: Api) -> None:
    api.launch()
    api.control("POST", "/snapshots/prepared")
    api.post(f"/dossiers/{SEED_DOSSIER}/stop")
    api.control("POST", "/snapshots/prepared/restore")
    api.dossier(SEED_DOSSIER)
    play(api, given={"fixture": "empty", "dossiers": [{"dossierReference": "PO-5", "siret": SIRET}]})
    api.get("/dossiers")
    api.control("POST", "/reset", {"only": ["state", "scenario"]})
    api.get("/dossiers")
    api.control("POST", "/rewind", {"before": 4})
    api.get("/dossiers")


def logins(api: Api) -> None:
    tokens = api.log_in()
    again = refresh(api.client, tokens["refresh_token"]).json or {}
    refresh(api.client, again["refresh_token"])
    refresh(api.client, "nonsense")
    api.log_in(password="hunter2")
    api.client.get(api.url("/dossiers"), headers={"X-Mock-Sandbox": api.sandbox})
    other = Api(api.client, api.sandbox, user="jean.dupont")
    other.username = f"jean.dupont+{api.sandbox}@acme.fr"
    other.get("/dossiers")


def odd_input(api: Api) -> None:
    api.send("POST", api.url("/dossiers"), data=b'{"a', content_type="application/json")
    api.try_import(description="a {word} in braces")
    api.try_import(**PERSONAL)
    api.get("/dossiers/x1")
    api.get("/dossiers", pageSize="x", page=["1", "2"], search="é")
    api.try_import(companyIdValue=12)


FLOWS = (
    imports_and_polls,
    acts_of_the_platform,
    rules_between_calls,
    starts_over_between_calls,
    logins,
    odd_input,
)


@pytest.mark.parametrize("act", FLOWS, ids=lambda act: act.__name__)
def test_an_exported_scenario_gets_the_same_answers(
    api: Api, act: Callable[[Api], None], played: Callable[[str], list[str]]
) -> None:
    api.get("/dossiers")
    act(api)

    text = export(api)

    assert len(played(text)) > 3
    assert [word for word in ("hunter2", "jean.dupont", "marie@", api.token) if word in text] == []


@pytest.mark.parametrize("act", FLOWS, ids=lambda act: act.__name__)
def test_it_starts_at_any_request_and_at_a_snapshot(
    api: Api, act: Callable[[Api], None], played: Callable[[str], list[str]]
) -> None:
    api.post(f"/dossiers/{SEED_DOSSIER}/stop")
    api.control("POST", "/snapshots/before")
    act(api)
    last = api.control("GET", "/sandboxes")["sandboxes"]
    [count] = [each["latestRequest"] for each in last if each["name"] == api.sandbox]

    for since in ("before", *range(2, count)):
        played(export(api, since=since))
