"""What a client did, exported as a scenario: played in a new sandbox, it gets the same answers."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlencode

import pytest
import yaml
from click.testing import CliRunner
from flask import Flask
from werkzeug.test import TestResponse

from mock_server.cli import main
from mock_server.cli.scenarios import body_errors
from mock_server.client import Sandbox
from mock_server.client.login import login_form
from mock_server.journal.redaction import FORM
from mock_server.sandbox.commands import AnyCommand
from mock_server.scenario_export import export as writer
from mock_server.scenario_export import given
from mock_server.scenario_export.control_steps import WRITERS
from mock_server.scenario_export.moment import START_OVER_COMMANDS
from mock_server.scenarios.files import check_files, read_scenario
from mock_server.scenarios.report import failure_lines
from mock_server.scenarios.runner import plan_runs, run_scenario
from mock_server.scenarios.target import find_target
from tests.control_calls import a_rule, log_in, play, set_rule
from tests.support import OTHER_SIRET, SEED_DOSSIER, SIRET, TOKEN_URL, Api, content, refresh

PERSONAL = {"thirdpartyEmail": ["jean.dupont@acme.fr"], "userInCharge": ["Marie Curie <marie@"]}


def ask(api: Api, **query: Any) -> TestResponse:
    query = {"sandbox": api.sandbox, "format": "scenario"} | query
    return api.client.get("/__admin/requests", query_string=query)


def export(api: Api, **query: Any) -> str:
    answer = ask(api, **query)
    assert (answer.status_code, answer.content_type) == (200, "application/yaml"), answer.text
    name = yaml.safe_load(answer.text)["scenario"]
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}.yaml"'
    return answer.text


@pytest.fixture
def played(server: str, tmp_path: Path) -> Callable[[str], list[str]]:
    """Check an exported scenario and run it; the names of its steps, all of which have to pass."""

    def run(text: str) -> list[str]:
        path = tmp_path / "exported.yaml"
        path.write_text(text, encoding="utf-8")
        assert check_files([path], body_errors) == []
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
    api.control("POST", f"{path}/documents/ATT_VIGI/evidences", {"content": ""})
    api.dossier(created["dossierId"])
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
    set_rule(api, {"respond": {"status": 200, "body": {}}}, "importDossier", name="accepts numbers")
    api.post("/dossiers", {"companyIdType": "CIT001", "companyIdValue": 99050000100013})
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


def variants_between_calls(api: Api) -> None:
    for refusals in ("result", "http400"):
        api.control("PUT", "/variants", {"refusals": refusals, "emptySearch": "not-found"})
        api.post(f"/dossiers/{SEED_DOSSIER}/stop")
        api.post(f"/dossiers/{SEED_DOSSIER}/stop")
        api.get("/dossiers", dossierReference="NONE")


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


def equal_calls_in_a_row(api: Api) -> None:
    for each in [api.log_in() for _ in range(3)]:
        refresh(api.client, each["refresh_token"])
    launched = [api.launch() for _ in range(3)]
    api.advance("PT1S")
    for process_id in launched:
        api.process(process_id)


def odd_input(api: Api) -> None:
    api.send("POST", api.url("/dossiers"), data=b'{"a', content_type="application/json")
    api.try_import(description="a {word} in braces")
    api.try_import(**PERSONAL)
    for malformed in (f"jean.dupont@{'a' * 300}.fr", "jean.dupont@acm\u00e9.fr"):
        assert api.try_import(userInCharge=[malformed]).status_code == 400
    api.get("/dossiers/x1")
    api.get("/dossiers", pageSize="x", page=["1", "2"], search="é")
    api.try_import(companyIdValue=12)
    for kind in (None, "text/plain", "Application/JSON", "application/x-www-form-urlencoded"):
        api.send("POST", api.url("/dossiers"), data=b'{"companyIdType": "CIT001"}', content_type=kind)


def odd_logins(api: Api) -> None:
    form = {"client_id": "ea-api-edge", "username": api.username}
    refused = form | {"grant_type": "refresh_token", "refresh_token": "hunter2"}
    api.client.post(TOKEN_URL, data=refused)
    for missing in ("username", "password", "client_id"):
        whole = form | {"grant_type": "password", "password": "demo"}
        api.client.post(TOKEN_URL, data={name: text for name, text in whole.items() if name != missing})
    api.client.post(TOKEN_URL, data=form | {"grant_type": "{word}", "password": "hunter2"})
    api.client.post(
        TOKEN_URL, data=form | {"grant_type": "password", "password": "", "username": "Marie Curie"}
    )
    other = Api(api.client, api.sandbox)
    other.username = f"Marie+{api.sandbox}"
    other.get("/dossiers")
    for kind in ("Application/X-WWW-Form-Urlencoded", f"{FORM}; charset=utf-8"):
        body = urlencode(form | {"grant_type": "password", "password": "hunter2"})
        assert api.client.post(TOKEN_URL, data=body, content_type=kind).status_code == 401


def secrets_and_persons_in_rules(api: Api) -> None:
    headers = {"x-token": "hunter2", "x-from": "marie@curie.fr", "authorization": {"$contains": "Bearer"}}
    answer = {"status": 409, "body": {"access_token": "hunter2", "to": "marie@curie.fr"}}
    api.get("")
    rules = [
        {"name": "a", "when": {"operation": "getDossier", "headers": headers}, "then": {"respond": answer}},
        {"name": "b", "when": {"body": {"password": "hunter2"}}, "then": {"respond": {"status": 403}}},
        {"name": "{word}", "when": {"body": {"userInCharge": "Marie"}}, "then": {"respond": {"status": 418}}},
    ]
    api.control("POST", "/rules", {"rules": rules})
    sent = {"X-Token": "hunter2", "X-From": "marie@curie.fr"}
    assert api.send("GET", api.url(f"/dossiers/{SEED_DOSSIER}"), headers=sent).status_code == 409
    assert log_in(api, "hunter2").status_code == 403
    assert api.try_import(userInCharge="Marie", description="{word}").status_code == 418
    api.control(
        "POST", "/thirdparties", {"siret": SIRET, "acronym": "{word}", "name": "ACME", "ceo": "Marie Curie"}
    )


def headers_of_all_kinds(api: Api) -> None:
    rule = a_rule({"respond": {"status": 409}})
    rule["when"]["headers"] = {"x-word": {"$contains": "yes"}}
    api.get("")
    api.control("POST", "/rules", {"rules": [rule]})
    for value in ("yes", "no", "yes {word}", "yes é", "yes \u2028 \N{PARTY POPPER}"):
        sent = {"X-Word": value.encode().decode("latin-1")}
        api.send("GET", api.url(f"/dossiers/{SEED_DOSSIER}"), headers=sent)


def calls_of_both_dialects(api: Api) -> None:
    other = Api(api.client, api.sandbox, dialect="edge" if api.dialect == "rest" else "rest")
    api.launch()
    api.advance("PT5S")
    [dossier] = other.hits("/dossiers", dossierReference="PO-1")
    other.post(f"/dossiers/{dossier['dossierId']}/stop")
    assert api.post(f"/dossiers/{dossier['dossierId']}", {"dossierReference": "PO-9"}).status_code == 400


def names_of_another_sandbox(api: Api) -> None:
    """Only strict mode reads them."""
    other, form = {"X-Mock-Sandbox": "hunter2"}, login_form(api.username, "demo")
    for mode, status in (("off", 200), ("warn", 200), ("fail", 400)):
        api.control("PUT", "/strict", {"strict": mode})
        assert api.send("GET", api.url("/dossiers"), headers=other).status_code == status
        assert api.client.post(TOKEN_URL, data=form, headers=other).status_code == status
        assert api.get("/dossiers", sandbox="hunter2").status_code == status


def texts_that_yaml_reads_as_something_else(api: Api) -> None:
    for number, text in enumerate(
        ("yes", "1e3", "null", "{x}", "$any", "- a", "a: b\n", "\u2028\x85", "'\"")
    ):
        api.try_import(dossierReference=f"PO-{number}", description=text)
        api.post(f"/dossiers/{SEED_DOSSIER}", {"dossierReference": text, "description": text})
        api.dossier(SEED_DOSSIER)
        api.control("PATCH", f"/dossiers/{SEED_DOSSIER}", {"description": text})
        api.get("/dossiers", dossierReference=text)


def edges_of_the_calendar(api: Api) -> None:
    for at in ("1000-01-01T00:00:00", "1910-06-01T00:00:00", "8999-12-31T23:59:59"):
        api.control("PUT", "/clock", {"now": at})
        api.__dict__["token"] = api.log_in()["access_token"]
        api.control("POST", "/dossiers", {"siret": SIRET, "dossierReference": at})
        api.get("/dossiers")


def states_of_pact(api: Api) -> None:
    for state in (
        "a dossier with reference A-1 is archived",
        "there are no dossiers",
        f"third party {OTHER_SIRET} is out of business",
        "a dossier with reference A-2 is complete",
    ):
        api.control("POST", "/pact/states", {"state": state, "params": {}, "action": "setup"})
        api.get("/dossiers")
        api.try_import(companyIdValue=OTHER_SIRET)


FLOWS = (
    imports_and_polls,
    acts_of_the_platform,
    rules_between_calls,
    starts_over_between_calls,
    variants_between_calls,
    logins,
    equal_calls_in_a_row,
    odd_input,
    calls_of_both_dialects,
)
INPUTS = (
    names_of_another_sandbox,
    odd_logins,
    secrets_and_persons_in_rules,
    headers_of_all_kinds,
    texts_that_yaml_reads_as_something_else,
    edges_of_the_calendar,
    states_of_pact,
)


@pytest.mark.parametrize("act", FLOWS + INPUTS, ids=lambda act: act.__name__)
def test_an_exported_scenario_gets_the_same_answers(
    api: Api, act: Callable[[Api], None], played: Callable[[str], list[str]]
) -> None:
    api.get("/dossiers")
    act(api)

    text = export(api)

    assert len(played(text)) > 3
    assert [word for word in ("hunter2", "jean.dupont", "marie@", "Marie", api.token) if word in text] == []


@pytest.mark.dialects("edge")  # which answers 403 to an altered token
def test_a_call_without_or_with_a_wrong_token_is_exported_as_one(api: Api) -> None:
    for token in (None, "hunter2", f"{api.token}AAAA", api.token):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        api.client.get(api.url("/dossiers"), headers={"X-Mock-Sandbox": api.sandbox} | headers)

    steps = yaml.safe_load(export(api))["steps"]

    sent = [step.get("token") for step in steps if step.get("call") == "listDossiers"]
    assert sent == ["", "invalid", "{accessToken}AAAA", None]


@pytest.mark.parametrize("act", FLOWS, ids=lambda act: act.__name__)
def test_it_starts_at_a_request_and_at_a_snapshot(
    api: Api, act: Callable[[Api], None], played: Callable[[str], list[str]]
) -> None:
    api.post(f"/dossiers/{SEED_DOSSIER}/stop")
    api.control("POST", "/snapshots/before")
    act(api)
    last = api.control("GET", "/sandboxes")["sandboxes"]
    [count] = [each["latestRequest"] for each in last if each["name"] == api.sandbox]

    for since in ("before", *range(2, count, 1 + count // 6)):
        played(export(api, since=since))


def test_a_short_difference_from_the_fixture_is_written_in_entries(
    api: Api, played: Callable[[str], list[str]]
) -> None:
    api.control(
        "POST", "/dossiers", {"siret": OTHER_SIRET, "dossierReference": "PO-2", "thirdpartyCode": "T2"}
    )
    deposit = f"/dossiers/{SEED_DOSSIER}/documents/I2/evidences"
    api.control("POST", deposit, {"expirationDate": "2090-12-31", "fileSize": 9000, "metadata": {"a": "b"}})
    api.post(f"/dossiers/{SEED_DOSSIER}/stop")
    api.advance("P1D")
    api.get("/dossiers")

    text = export(api, since=2)

    given = yaml.safe_load(text)["given"]
    assert [entry["dossierReference"] for entry in given["dossiers"]] == ["TEST", "PO-2"]
    assert played(text) == ["the time at the start", "request 3: listDossiers"]


def test_a_difference_of_up_to_fifty_entities_is_written_in_entries(api: Api) -> None:
    def start() -> tuple[int, bool]:
        for _ in range(2):
            api.get("/dossiers")
        text = export(api, since=api.control("GET", "/requests")["total"] - 1)
        return len(yaml.safe_load(text)["given"].get("dossiers", [])), "PUT /state" in text

    for number in range(49):  # and their company
        api.control("POST", "/dossiers", {"siret": SIRET, "dossierReference": f"PO-{number}"})
    assert start() == (49, False)

    api.control("POST", "/dossiers", {"siret": SIRET, "dossierReference": "PO-49"})
    assert start() == (0, True)


def test_a_company_of_the_scenario_that_changed_is_written_as_it_is_now(
    api: Api, played: Callable[[str], list[str]]
) -> None:
    companies = [{"thirdpartyId": number, "acronym": "NEW"} for number in (875, 876)]
    play(api, given={"fixture": "samples", "thirdparties": companies})
    api.control("POST", "/thirdparties/875/close")
    api.get("/dossiers")
    api.get("/dossiers")

    text = export(api, since=2)

    unchanged, changed = yaml.safe_load(text)["given"]["thirdparties"]
    assert unchanged == companies[1]
    assert (changed["thirdpartyId"], changed["outOfBusiness"]) == (875, True)
    assert played(text) == ["request 3: listDossiers"]


def test_a_body_with_numbers_that_only_a_rule_accepted_is_a_text(
    api: Api, played: Callable[[str], list[str]]
) -> None:
    api.post("/dossiers", {"companyIdValue": 5})
    set_rule(api, {"respond": {"status": 418}}, "importDossier")
    bodies = [{"companyIdValue": 5}, {"requiredDocuments": ["A", 5]}, {"a": {"b": 1.5}}, {"a": "5"}]
    for body in bodies:
        api.post("/dossiers", body)

    text = export(api)

    sent = [step for step in yaml.safe_load(text)["steps"] if step.get("call") == "importDossier"]
    assert ["text" in step for step in sent] == [False, True, True, True, False]
    played(text)


STORY = """
version: 1
scenario: a-story
title: What a client did in the sandbox {sandbox}
tags: [exported]
given:
  fixture: default
  clock: '2031-03-02T09:15:00+01:00'
  variants: {{refusals: http400}}
steps:
  - name: 'request 1: getToken'
    call: getToken
    expect:
      status: 200
      body: {{token_type: bearer}}
  - name: 'requests 2 to 4: getDossier'
    dialect: rest
    call: getDossier
    path: {{accountId: 119631, dossierId: 999}}
    repeat: 3
    expect:
      status: 404
      refused: [E200]
  - name: 'request 5: getDossier'
    dialect: rest
    call: getDossier
    path: {{accountId: 119631, dossierId: 999}}
    query: {{page: '1'}}
    expect:
      status: 404
      refused: [E200]
  - name: 'request 6: importDossier'
    dialect: rest
    call: importDossier
    path: {{accountId: 119631}}
    body: {{companyIdType: CIT001, companyIdValue: '99050000100013', dossierReference: PO-1}}
    expect: {{status: 200}}
    save: {{processId1: content.processId}}
  - name: 'command 5: advance clock'
    control: POST /clock/advance
    body: {{by: PT1.5S}}
  - name: 'request 7: getProcess'
    dialect: rest
    call: getProcess
    path: {{accountId: 119631, processId: '{{processId1}}'}}
    expect:
      status: 200
      body:
        content: {{processId: '{{processId1}}', complete: true, success: true}}
  # Request 8 is left out, GET
  # /api/v1/account/119631/nowhere/abc-abc-abc-abc-abc-abc-abc-abc-abc-abc-abc-abc-abc-abc-: it is not an
  # operation of the API.
  - name: 'request 9: getToken'
    call: getToken
    as: {{username: multi@example.com}}
    expect:
      status: 200
      body: {{token_type: bearer}}
  # Its secrets are replaced by ***.
  - name: 'request 10: listDossiers'
    dialect: rest
    call: listDossiers
    as: {{username: multi@example.com}}
    path: {{accountId: 119631}}
    query:
      password: '***'
      op: [a, b]
      siret: '1'
    expect:
      status: 200
      body:
        content: {{$length: 0}}
        page: 0
        size: 10
        totalElements: 0
  # Its secrets are replaced by ***.
  - name: 'request 11: stopDossier'
    dialect: rest
    call: stopDossier
    path: {{accountId: 119631, dossierId: 804127}}
    query: {{password: '***'}}
    body: {{password: '***'}}
    expect:
      status: 200
      body:
        content: {{complete: true, success: true}}
"""


def test_a_file_is_short_and_names_the_calls(api: Api) -> None:
    api.set_clock("2031-03-02T09:15:00")
    api.control("POST", "/reset", {"only": ["state"]})
    for _ in range(3):
        api.get("/dossiers/999")
    api.get("/dossiers/999", page=1)
    process_id = api.launch()
    api.advance("PT1.5S")
    api.process(process_id)
    api.get(f"/nowhere/{'abc-' * 14}")
    multi = Api(api.client, api.sandbox, user="multi")
    multi.send("GET", multi.url("/dossiers?password=hunter2&op=a&op=b&siret=1"))
    api.send("POST", api.url(f"/dossiers/{SEED_DOSSIER}/stop?password=1"), json={"password": "hunter2"})

    first, second, text = export(api, name="a-story").split("\n", 2)

    assert re.fullmatch(
        "# Exported from a sandbox of mock-server .*; secrets and personal data are replaced.", first
    )
    assert second == "# Run it again: mock-server scenarios run a-story.yaml --dialect rest"
    assert text == STORY.lstrip().format(sandbox=api.sandbox)


ANSWERS: dict[str, tuple[Any, Any]] = {
    "few elements": ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5]),
    "many elements": ([1, 2, 3, 4, 5, 6], {"$length": 6}),
    "no element": ([], {"$length": 0}),
    "a text for people in a list": (["a", "two words", None], ["a", {"$any": True}, {"$any": True}]),
    "texts for people alone": (["two words", "three more words"], {"$length": 2}),
    "a text for people": ("two words", None),
    "a long code": ("x" * 64, "x" * 64),
    "a text too long for a code": ("x" * 65, None),
    "a day": ("2031-03-02", "2031-03-02"),
    "an instant": ("2031-03-02T10:00", None),
    "null": (None, None),
    "no members": ({}, None),
    "members of the third level": ({"a": {"b": 1}}, {"a": {"b": 1}}),
    "members of the fourth level": ({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 1}}}),
    "members of the fifth level": ({"a": {"b": {"c": {"d": 1}}}}, None),
    "lists of the fourth level": ([[[1]]], [[[1]]]),
    "lists of the fifth level": ([[[[1]]]], [[[{"$length": 1}]]]),
    "members that are left out": ({"email": "a", "to": "a", "path": "/x", "timestamp": 1, "$x": 1}, None),
    "an id of the start": ({"dossierId": 804127, "processId": None}, {"dossierId": 804127}),
    "an id that is new": ({"dossierId": 99_999_999, "thirdpartyId": 99_999_999}, None),
    "an id that is none": ({"dossierId": "x1"}, {"dossierId": "x1"}),
}


def test_an_answer_is_expected_as_far_as_it_stays_the_same(api: Api) -> None:
    body = {str(number): sent for number, (sent, _) in enumerate(ANSWERS.values())}
    set_rule(api, {"respond": {"status": 418, "body": body}}, "getAccountStatistics")
    api.get("")

    expect = yaml.safe_load(export(api))["steps"][-1]["expect"]

    assert expect["status"] == 418
    for number, (name, (_, expected)) in enumerate(ANSWERS.items()):
        assert expect["body"].get(str(number)) == expected, name


def test_a_step_repeats_at_most_as_often_as_the_format_allows(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_REPEAT", 2)
    assert api.token
    for _ in range(3):
        api.get("/dossiers/999")
    api.dossier(SEED_DOSSIER)

    steps = yaml.safe_load(export(api))["steps"]

    assert [(step["name"], step.get("repeat")) for step in steps[1:]] == [
        ("requests 2 to 3: getDossier", 2),
        ("request 4: getDossier", None),
        ("request 5: getDossier", None),
    ]


def test_an_answer_that_is_later_than_five_seconds_is_not_waited_for(api: Api) -> None:
    delays: list[dict[str, Any]] = [
        {"type": "fixed", "milliseconds": 5000},
        {"type": "fixed", "milliseconds": 5001},
        {"type": "fixed", "milliseconds": 5001},
        {"type": "uniform", "lower": 5000, "upper": 9000},
        {"type": "uniform", "lower": 6500, "upper": 9000},
        {"type": "lognormal", "median": 9000, "sigma": 0.1},
    ]
    for number, delay in enumerate(delays):
        set_rule(api, {"delay": delay}, name=f"rule {number}", times=1)
    for _ in delays:
        api.dossier(SEED_DOSSIER)

    text = export(api)

    calls = [step for step in yaml.safe_load(text)["steps"] if step.get("call") == "getDossier"]
    late = [step["expect"] == {"fault": "NO_RESPONSE"} for step in calls]
    assert late == [False, True, True, False, True, False]
    assert [step.get("timeout") for step in calls] == ["300ms" if each else None for each in late]
    assert re.findall("  # The answer came after (.*); the scenario does not wait for it.\n", text) == [
        "5.001 s",
        "5.001 s",
        "6.5 s",
    ]


@pytest.mark.parametrize(
    ("before", "after", "status"), [("http400", "result", 200), ("result", "http400", 400)]
)
def test_a_refusal_under_a_variant_that_was_changed_has_its_status_and_codes(
    api: Api, before: str, after: str, status: int
) -> None:
    api.control("PUT", "/variants", {"refusals": before})
    api.control("POST", "/snapshots/here")
    assert api.token
    api.control("PUT", "/variants", {"refusals": after})
    for dossier_id in (SEED_DOSSIER, SEED_DOSSIER, 999):
        api.post(f"/dossiers/{dossier_id}/stop")

    steps = yaml.safe_load(export(api, since="here"))["steps"]

    assert [step["expect"] for step in steps if step.get("call") == "stopDossier"] == [
        {"status": 200, "body": {"content": {"complete": True, "success": True}}},
        {
            "status": status,
            "body": {
                "content": {"complete": True, "success": False},
                "messages": {"error": [{"code": "E201"}]},
            },
        },
        {"status": 404, "refused": ["E200"]},
    ]


def test_a_refreshed_token_belongs_to_the_user_who_logged_in(api: Api) -> None:
    multi = Api(api.client, api.sandbox, user="multi")
    for each in (api, multi):
        again = refresh(api.client, each.log_in()["refresh_token"]).json or {}
        refresh(api.client, again["refresh_token"])

    steps = yaml.safe_load(export(api))["steps"]

    assert [step.get("as") for step in steps] == [None] * 3 + [{"username": "multi@example.com"}] * 3
    sent = [step["form"]["refresh_token"] for step in steps if "form" in step]
    assert sent == ["{refreshToken1}", "{refreshToken2}", "{refreshToken3}", "{refreshToken4}"]


def test_a_read_waits_for_another_day_and_not_for_milliseconds(api: Api) -> None:
    def waits() -> list[str]:
        steps = yaml.safe_load(export(api))["steps"]
        found = [step for step in steps if ", until " in step["name"]]
        assert all(step["body"].keys() == {"by"} for step in found)  # the client's tokens stay as old
        return [step["name"] for step in found]

    assert api.token
    api.control("PUT", "/clock", {"now": "2031-03-02T10:00:00", "frozen": False})
    api.get("/dossiers")
    api.get("/dossiers")
    assert waits() == []

    api.control("PUT", "/clock", {"now": "2031-03-02T23:59:59.900", "frozen": False})
    while api.control("GET", "/clock")["now"] < "2031-03-03":
        pass
    api.get("/dossiers")
    api.get("/dossiers")

    *_, last = waits()
    assert "until 2031-03-02T23:00:00" in last  # midnight in Paris


@pytest.mark.parametrize(
    "when",
    [
        {"active": {"after": "1h"}},
        {"probability": {"from": 0, "to": 1, "over": "1h"}},
    ],
    ids=["active later", "a ramp"],
)
def test_a_read_waits_for_milliseconds_where_a_rule_depends_on_time(api: Api, when: dict[str, Any]) -> None:
    assert api.token
    api.control("PUT", "/clock", {"frozen": False})
    set_rule(api, {"respond": {"status": 503}}, "stopDossier", **when)
    api.get("/dossiers")
    at = api.control("GET", "/clock")["now"]
    while api.control("GET", "/clock")["now"] == at:  # a fast machine answers many calls in a millisecond
        pass
    api.get("/dossiers/all")

    steps = yaml.safe_load(export(api))["steps"]

    *_, wait, last = [step["name"] for step in steps]
    assert ", until " in wait
    assert last == "request 3: listAllDossiers"


def test_each_saved_id_has_its_own_name(api: Api, played: Callable[[str], list[str]]) -> None:
    references = ("PO-1", "PO-2")
    launched = [api.launch(dossierReference=reference) for reference in references]
    api.advance("PT1S")
    for process_id in reversed(launched):
        api.process(process_id)
    found = [api.hits("/dossiers", dossierReference=reference)[0]["dossierId"] for reference in references]
    for dossier_id in found:
        api.dossier(dossier_id)

    text = export(api)

    ids = re.findall(r"(?:process|dossier)Id: '?{(\w+)}", text)
    assert list(dict.fromkeys(ids)) == ["processId1", "processId2", "dossierId1", "dossierId2"]
    assert len(played(text)) > 5


def test_a_step_saves_only_new_ids_at_places_with_a_name(
    api: Api, played: Callable[[str], list[str]]
) -> None:
    api.dossier(SEED_DOSSIER)
    answer = {"a[b]": {"dossierId": 99_000_001}, "content": [{"dossierId": 99_000_002}], "processId": None}
    set_rule(api, {"respond": {"status": 418, "body": answer}}, "getAccountStatistics")
    api.get("")
    for dossier_id in (SEED_DOSSIER, 99_000_001, 99_000_002):
        api.get(f"/dossiers/{dossier_id}")
    api.get("/dossiers/process/None")
    api.get("/dossiers", dossierReference="TEST", thirdpartyId=42)

    text = export(api)

    steps = yaml.safe_load(text)["steps"]
    saved = [step["save"] for step in steps if "save" in step]
    assert saved == [{"dossierId1": "content[0].dossierId"}]
    found = [step["path"]["dossierId"] for step in steps if step.get("call") == "getDossier"]
    assert found == [SEED_DOSSIER, SEED_DOSSIER, 99_000_001, "{dossierId1}"]
    assert [step["path"]["processId"] for step in steps if step.get("call") == "getProcess"] == ["None"]
    assert steps[-1]["query"] == {"dossierReference": "TEST", "thirdpartyId": "42"}
    played(text)


def test_a_reset_between_calls_needs_no_list_of_all_entities(
    api: Api, played: Callable[[str], list[str]]
) -> None:
    set_rule(api, {"respond": {"status": 503}}, times=3)
    api.get(f"/dossiers/{SEED_DOSSIER}")
    api.control("POST", "/reset", {"only": ["state", "rules"]})
    api.get(f"/dossiers/{SEED_DOSSIER}")
    play(api, rules=[a_rule({"respond": {"status": 500}}, active={"after": "1s"})])
    api.get(f"/dossiers/{SEED_DOSSIER}")
    api.advance("PT2S")
    api.get(f"/dossiers/{SEED_DOSSIER}")

    text = export(api)

    assert "PUT /state" not in text
    assert len(played(text)) > 6
    assert played(export(api, since=4)) == ["the time at the start", "request 5: getDossier"]


def test_a_snapshot_before_a_reset_starts_with_the_fixture_at_its_beginning(
    api: Api, played: Callable[[str], list[str]]
) -> None:
    for starts_over in (False, True):
        if starts_over:
            api.advance("P1D")
            api.control("POST", "/reset", {"only": ["state"]})
        api.advance("P400D")
        api.control("POST", "/snapshots/here")
        play(api, given={"clock": "2041-03-02T10:00:00"})
        api.get("/dossiers")

        text = export(api, since="here")

        assert "PUT /state" not in text
        first, *_, last = played(text)
        assert (first, last[:7]) == ("the time at the start", "request")


def test_control_calls_before_the_first_request_are_steps_and_those_before_a_later_one_are_not(
    api: Api, played: Callable[[str], list[str]]
) -> None:
    api.control("POST", "/dossiers", {"siret": SIRET, "dossierReference": "PO-9"})
    api.get("/dossiers")
    api.get("/dossiers")

    assert played(export(api))[0] == "command 2: create dossier"
    assert played(export(api, since=2)) == ["request 3: listDossiers"]


OUTAGE = {"name": "rule", "when": {"operation": "getDossier"}, "then": {"respond": {"status": 503}}}
COUNTING: list[dict[str, Any]] = [
    {"when": {"operation": "getDossier", "nth": 2}},
    {"probability": 0.5},
    {"then": {"delay": {"type": "fixed", "milliseconds": 1}}},
]


def test_a_rule_that_has_counted_a_call_continues(api: Api) -> None:
    assert api.token
    for members in COUNTING:
        api.control("DELETE", "/rules")
        api.control("POST", "/rules", {"rules": [OUTAGE | members]})
        api.get(f"/dossiers/{SEED_DOSSIER}")
        before = api.control("GET", "/requests")["total"]
        api.get(f"/dossiers/{SEED_DOSSIER}")
        assert "PUT /state" in export(api, since=before), members


def test_rules_start_with_their_remaining_times(api: Api, played: Callable[[str], list[str]]) -> None:
    rules = [
        a_rule({"respond": {"status": 503}}, times=3),
        a_rule({"respond": {"status": 500}}, "stopDossier", name="over", times=1),
    ]
    play(api, rules=rules)
    for _ in range(4):
        api.get(f"/dossiers/{SEED_DOSSIER}")
    api.post(f"/dossiers/{SEED_DOSSIER}/stop")
    api.post(f"/dossiers/{SEED_DOSSIER}/stop")

    text = export(api, since=3)

    [rule, over] = yaml.safe_load(text)["rules"]
    assert (rule["times"], over["times"]) == (1, 1)
    calls = [name for name in played(text) if name.startswith("request")]
    assert calls[:2] == ["request 4: getDossier", "request 5: getDossier"]


def test_an_own_fixture_is_loaded_as_a_state_without_personal_data(
    recipe_app: Callable[..., Flask], played: Callable[[str], list[str]]
) -> None:
    recipe = """
version: 1
include: [catalogue]
accounts: [{accountId: 119631}]
users: [{username: jean.dupont@acme.fr, password: hunter2, accounts: [119631]}]
thirdparties:
  - {thirdpartyId: 7, siret: "99050000100013", name: ACME, subscriptionDate: 2026-01-01,
     users: [{firstname: Marie, lastname: Curie, email: marie@curie.fr}]}
dossiers: [{dossierId: 9, thirdpartyId: 7, dossierReference: PO-1}]
"""
    api = Api(recipe_app(recipe).test_client(), "own")
    api.username = "jean.dupont+own@acme.fr"
    form = {"grant_type": "password", "client_id": "ea-api-edge", "username": api.username}
    api.client.post(TOKEN_URL, data=form | {"password": "wrong-one"})
    api.__dict__["token"] = api.log_in(password="hunter2")["access_token"]
    content(api.get("/dossiers/9"))

    text = export(api)

    assert [
        word for word in ("hunter2", "wrong-one", "Marie", "Curie", "dupont", "acme.fr") if word in text
    ] == []
    assert "# The state at the start is not near a bundled fixture: the first step loads all of it.\n" in text
    assert ("seed:" in text, "PUT /strict" in text) == (False, False)
    assert len(played(text)) == 4


@pytest.mark.parametrize("seconds", [0, 3])
def test_imports_take_as_long_as_on_the_server(
    make_server_api: Callable[..., Api], played: Callable[[str], list[str]], seconds: int
) -> None:
    api = make_server_api(import_duration=timedelta(seconds=seconds))
    for value in (SIRET, "99000200800011"):
        process_id = api.launch(companyIdValue=value)
        api.advance("PT2S")
        assert api.process(process_id)["complete"] == (seconds == 0 and value == SIRET)
        api.control("POST", "/snapshots/before")
        api.advance("PT2S")
        assert api.process(process_id)["complete"] == (value == SIRET)
        api.control("POST", "/snapshots/before/restore")
        api.process(process_id)

    assert len(played(export(api))) > 14


def test_an_import_that_ends_on_another_day_fails_as_on_the_server(
    make_server_api: Callable[..., Api], played: Callable[[str], list[str]]
) -> None:
    api = make_server_api(import_duration=timedelta(minutes=2))
    api.set_clock("2031-03-02T23:59:00")
    process_id = api.launch(expirationDate="2031-03-03")
    api.advance("PT10M")
    assert api.process(process_id)["errors"][0]["code"] == "E021"

    text = export(api)

    assert "tokens" not in text
    assert len(played(text)) > 4


def test_a_comment_names_the_replacement_of_a_user_or_a_token(
    make_server_api: Callable[..., Api], played: Callable[[str], list[str]]
) -> None:
    api = make_server_api(auth="declared")
    earlier = api.log_in()["refresh_token"]
    api.control("DELETE", "/requests")
    refresh(api.client, earlier)
    form = {"grant_type": "password", "client_id": "ea-api-edge", "username": "a@b.fr", "password": "c"}
    api.client.post(TOKEN_URL, data=form)

    text = export(api)

    assert "Its refresh token is older than this scenario: that of the user stands for it." in text
    assert "api@example.com stands for a user who is not declared." in text
    assert played(text)[-2:] == ["request 2: getToken", "request 3: getToken"]


def test_requests_that_were_deleted_after_a_snapshot_are_in_the_start(
    api: Api, played: Callable[[str], list[str]]
) -> None:
    api.control("POST", "/snapshots/prepared")
    api.post(f"/dossiers/{SEED_DOSSIER}/stop")
    api.control("DELETE", "/requests")
    api.dossier(SEED_DOSSIER)

    text = export(api, since="prepared")

    assert "# Requests 1 to 2 are left out" in text
    assert played(text)[-1] == "request 3: getDossier"


def test_a_login_from_before_the_start_is_not_changed_by_a_rule(
    api: Api, played: Callable[[str], list[str]]
) -> None:
    set_rule(api, {"respond": {"status": 503}}, "getToken")
    log_in(api)
    api.get("/dossiers")

    assert played(export(api, since=1))[0] == "a login before"


def test_a_comment_marks_each_request_that_a_scenario_cannot_have(
    make_server_api: Callable[..., Api], played: Callable[[str], list[str]]
) -> None:
    api = make_server_api(journal_bytes=20_000)
    api.get("/nowhere")
    api.send("HEAD", api.url("/dossiers"))
    api.get("/dossiers", dossierReference="{word}")
    api.send("POST", api.url("/dossiers"), data=b"\xff\x00", content_type="application/pdf")
    api.try_import(description="x" * 5000)
    api.get("/dossiers", password="hunter2", pageSize=1)

    text = export(api)

    for sentence in (
        "Request 2 is left out, GET /api/v1/account/119631/nowhere: it is not an operation of the API.",
        "HEAD /api/v1/account/119631/dossiers: a step sends GET, not HEAD.",
        "it has a text in braces, which a scenario would replace",
        "its body is not text, 2 bytes, not shown",
        "the journal did not keep its body (--journal-bytes)",
        "Its secrets are replaced by ***.",
    ):
        assert sentence in " ".join(text.replace("#", " ").split()), sentence
    assert played(text)[-1] == "request 7: listDossiers"


def test_the_changes_of_a_request_that_is_left_out_are_loaded(
    make_server_api: Callable[..., Api], played: Callable[[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    api = make_server_api(journal_bytes=20_000)
    api.control("PUT", "/clock", {"frozen": False})
    process_id = api.launch(requiredDocuments=["ATT_VIGI"] * 1000)
    api.advance("PT1S")
    assert api.process(process_id)["success"]

    text = export(api)

    assert "Request 2 is left out" in text
    names = played(text)
    assert names[names.index("what request 2 changed") - 1].startswith("advance the clock by ")
    monkeypatch.setattr(given, "MAX_DOSSIERS", 10)
    assert "# What it changed is missing from here on." in export(api)


def test_a_comment_names_the_requests_that_were_dropped(
    make_server_api: Callable[..., Api], played: Callable[[str], list[str]]
) -> None:
    for settings, requests in (
        ({"history_entries": 2}, "Requests 1 to 3 are"),
        ({"journal_entries": 4}, "Requests 1 to 2 are"),
        ({"journal_entries": 5}, "Request 1 is"),
    ):
        api = make_server_api(**settings)
        for number in range(4):
            api.post(f"/dossiers/{SEED_DOSSIER}", {"dossierReference": f"PO-{number}"})
        api.get(f"/dossiers/{SEED_DOSSIER}")

        text = export(api)

        assert f"\n# {requests} left out: the journal or the history begins later (" in text, settings
        assert played(text)[-1] == "request 6: getDossier"


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ({"since": "nowhere"}, 404, "since is a request's number, start, or a snapshot that the history has"),
        ({"limit": 1}, 400, "limit does not go with the format scenario"),
        ({"since": "9" * 40}, 400, "since is a number of at most 18 digits, such as 10, not '999"),
        ({"format": "har", "name": "mine"}, 400, "name is that of a scenario: give it with format=scenario"),
    ],
    ids=["an unknown snapshot", "a limit", "a long number", "another format"],
)
def test_an_invalid_name_or_start_is_rejected(
    api: Api, query: dict[str, Any], status: int, sentence: str
) -> None:
    answer = ask(api, **query)

    assert answer.status_code == status
    assert sentence in (answer.json or {})["detail"]


def test_a_state_that_is_too_large_is_rejected(
    make_server_api: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(given, "MAX_DOSSIERS", 10)
    api = make_server_api()
    api.import_and_wait()

    answer = ask(api, since=2)

    assert answer.status_code == 409
    found = re.search(r"has (\d+) dossiers .* too many for a scenario file", (answer.json or {})["detail"])
    assert found
    monkeypatch.setattr(given, "MAX_DOSSIERS", int(found[1]))
    assert ask(api, since=2).status_code == 200


def test_a_comment_names_the_replacement_of_an_expired_token(
    api: Api, played: Callable[[str], list[str]]
) -> None:
    assert api.get("/dossiers").status_code == 200
    api.control("POST", "/clock/advance", {"by": "PT12H", "tokens": True})
    assert api.get("/dossiers").status_code == 401

    text = export(api, name="exported")

    assert "# The token had expired or was ended; an invalid one stands for it." in text
    assert text.count("token: invalid") == 1
    assert len(played(text)) > 1


def test_an_empty_journal_is_a_scenario_without_steps(api: Api, played: Callable[[str], list[str]]) -> None:
    assert played(export(api, name="Test [1]").replace("test-1", "exported")) == []


EVIDENCES = f"/dossiers/{SEED_DOSSIER}/documents/I2/evidences"
A_FILE = base64.b64encode(b"%PDF-1.7").decode()
A_LARGE_FILE = base64.b64encode(b"%PDF-1.7".ljust(3000)).decode()

CONTROL_STEPS: dict[str, tuple[str, Any, Any, str]] = {
    "days and hours": ("POST /clock/advance", {"by": "P2DT1H"}, {"by": "P2DT3600S"}, ""),
    "days": ("POST /clock/advance", {"by": "P2D"}, {"by": "P2D"}, ""),
    "no time": ("POST /clock/advance", {"by": "PT0S"}, {"by": "PT0S"}, ""),
    "a part of a second": ("POST /clock/advance", {"by": "PT0.250S"}, {"by": "PT0.25S"}, ""),
    "tokens that get older": ("POST /clock/advance", {"by": "PT90S", "tokens": True}, ..., ""),
    "an instant of the summer": (
        "PUT /clock",
        {"now": "2031-07-02T09:15:00.5Z"},
        {"now": "2031-07-02T11:15:00.500+02:00"},
        "",
    ),
    "the first year with minutes alone": (
        "PUT /clock",
        {"now": "1912-01-01T00:00:00"},
        {"now": "1912-01-01T00:00:00+00:00"},
        "",
    ),
    "a year with seconds in the offset": ("PUT /clock", {"now": "1910-06-01T00:00:00"}, ..., ""),
    "strict mode": ("PUT /strict", {"strict": "warn"}, ..., ""),
    "a variant": ("PUT /variants", {"emptySearch": "not-found"}, ..., ""),
    "a file": (
        f"POST {EVIDENCES}",
        {"content": A_FILE, "metadata": {"a": "b"}},
        {"fileSize": 2048, "metadata": {"a": "b"}},
        "The file of 8 bytes is not in this scenario: a generated one stands for it.",
    ),
    "a large file": (
        f"POST {EVIDENCES}",
        {"content": A_LARGE_FILE},
        {"fileSize": 3000},
        "The file of 3,000 bytes is not in this scenario: a generated one stands for it.",
    ),
    "a generated file": (f"POST {EVIDENCES}", {"fileSize": 9000, "expirationDate": "2090-12-31"}, ..., ""),
    "a withdrawal": ("PATCH /requirements/ATT_VIGI", {"withdrawn": True}, ..., ""),
    "a withdrawal of one account": (
        "PATCH /requirements/ATT_VIGI",
        {"withdrawn": True, "accountId": 119631},
        ...,
        "",
    ),
    "an account": ("POST /accounts", {"accountId": 7}, ..., ""),
    "an account with a user": ("POST /accounts", {"accountId": 7, "users": ["api@example.com"]}, ..., ""),
    "rules": ("POST /rules", {"rules": [a_rule({"respond": {"status": 503}}, times=2)]}, ..., ""),
    "a timeline": (
        "POST /timeline",
        {"timeline": [{"after": "1h", "control": "POST /thirdparties/875/close"}]},
        ...,
        "",
    ),
    "a snapshot": ("POST /snapshots/a.b", None, ..., ""),
    "a closed company": ("POST /thirdparties/875/close", None, ..., ""),
}


def test_a_control_call_is_written_as_it_was_made(api: Api) -> None:
    for name, (call, sent, written, comment) in CONTROL_STEPS.items():
        own = Api(api.client, f"{api.sandbox}-{name.replace(' ', '-')}")
        assert own.token
        method, path = call.split(" ")
        own.control(method, path, sent)
        own.get("")

        text = export(own)

        [step] = [step for step in yaml.safe_load(text)["steps"] if "control" in step]
        expected = {"control": call, "body": sent if written is ... else written}
        assert {"body": None} | step == expected | {"name": step["name"]}, name
        comments = [line[4:] for line in text.splitlines() if line.startswith("  # The file")]
        assert comments == ([comment] if comment else []), name


def test_the_state_of_the_exported_scenario_is_set(api: Api, played: Callable[[str], list[str]]) -> None:
    rules = [
        a_rule({"respond": {"status": 503}}, name=f"is {state}", state=state, newState=then)
        for state, then in (("down", "up"), ("Started", "down"))
    ]

    def set_state(name: str, state: str = "down") -> None:
        api.control("PUT", f"/scenarios/{name}/state", {"state": state})
        api.get(f"/dossiers/{SEED_DOSSIER}")

    assert api.token
    play(api, "a", rules=rules)
    set_state("a")
    play(api, "b", rules=rules)
    set_state("b")
    set_state("b", "up")
    own = {"version": 1, "include": ["default"], "accounts": [{"accountId": 7}]}
    api.control("PUT", "/fixture", {"recipe": own})
    play(api, "c", rules=rules)
    for state in ("down", "up", "down"):
        set_state("c", state)

    def changed(text: str) -> list[str]:
        calls = [step.get("control", "") for step in yaml.safe_load(text)["steps"]]
        return [call for call in calls if call.endswith("/state")]

    text = export(api)
    expected = [*["PUT /scenarios/exported/state"] * 3, *["PUT /state"] * 2, *["PUT /scenarios/c/state"] * 3]
    assert changed(text) == expected
    assert changed(export(api, since=2)) == expected[1:]
    assert changed(export(api, since=5)) == ["PUT /state", "PUT /scenarios/c/state"]
    played(text)


def test_rules_that_are_removed_are_named(api: Api) -> None:
    assert api.token
    for query in ("?name=a%20b%26", ""):
        rules = [a_rule({"respond": {"status": 503}}, name=name) for name in ("a b&", "c")]
        api.control("POST", "/rules", {"rules": rules})
        api.control("DELETE", f"/rules{query}")
        api.control("DELETE", "/rules")
    api.get("")

    steps = yaml.safe_load(export(api))["steps"]

    removed = [step["control"] for step in steps if step.get("control", "").startswith("DELETE")]
    assert removed == ["DELETE /rules?name=a+b%26", "DELETE /rules", "DELETE /rules"]


def test_a_start_has_the_strict_mode_and_no_file_contents(
    api: Api, played: Callable[[str], list[str]]
) -> None:
    api.control("PUT", "/strict", {"strict": "warn"})
    api.get("/dossiers")
    api.get("/dossiers")
    small = export(api, since=2)
    api.control("POST", EVIDENCES, {"content": A_LARGE_FILE})
    api.control("PATCH", "/requirements/ATT_VIGI", {"withdrawn": True})
    api.get("/dossiers")
    api.get("/dossiers")
    large = export(api, since=4)

    assert ("PUT /state" in small, "PUT /state" in large) == (False, True)
    assert A_LARGE_FILE[:40] not in large
    for text in (small, large):
        [strict] = [step for step in yaml.safe_load(text)["steps"] if step.get("control") == "PUT /strict"]
        assert strict == {"name": "strict mode", "control": "PUT /strict", "body": {"strict": "warn"}}
        assert "strict mode" in played(text)


def test_every_command_has_its_step_or_starts_over() -> None:
    of_requests = {
        *("ImportDossier", "UpdateDossier", "StopDossier", "ReactivateDossier", "UpdateRequirements"),
        *("TakeRequest", "EndSession", "ApplyRule"),
    }
    of_pact = {"ClearDossiers", "MarkPactStates", "Together", "SetScenarioState"}
    known = (
        {each.__name__ for each in (*WRITERS, *START_OVER_COMMANDS)}
        | of_requests
        | of_pact
        | {"DeleteSnapshot"}
    )

    assert {each.__name__ for each in get_args(AnyCommand)} == known


def test_the_command_and_the_client_write_the_file(server: str, tmp_path: Path) -> None:
    sandbox = Sandbox(server, "shared")
    sandbox.session().get(f"{sandbox.base_url}/account")
    sandbox.snapshot("later")
    command = ["journal", "export", "--base-url", server, "--sandbox", "shared", "--format", "scenario"]

    written = CliRunner().invoke(main, [*command, "--out", str(tmp_path / "a-story.yaml")])
    printed = CliRunner().invoke(main, [*command, "--since", "later"])
    wrong = CliRunner().invoke(main, [*command, "--out", str(tmp_path / "A story.txt")])

    assert written.exit_code == 0, written.output
    assert read_scenario(tmp_path / "a-story.yaml").scenario == "a-story"
    assert "steps: []" in printed.output
    assert "a-story.yaml" in wrong.output
    assert wrong.exit_code == 2
    assert sandbox.export_scenario(since=1).count("call: ") == 1
    sandbox.drop()
