"""Scenarios by the control API: activate, stop, set the state; a wrong one changes nothing; resets."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mock_server.domain.variants import VARIANTS
from tests.control_calls import a_rule, counted, play, scenario, set_rule
from tests.support import SEED_DOSSIER, SIRET, Api, content

DOSSIER = {"dossierId": 900001, "siret": SIRET, "dossierReference": "GIVEN"}
GIVEN = {
    "clock": "2031-05-02T10:00:00",
    "variants": {"stoppingReason": "ACTION_VOLONTAIRE"},
    "dossiers": [DOSSIER],
}
DOWN = {"respond": {"status": 503}}
OUTAGE = [
    a_rule(DOWN, name="goes down", state="Started", newState="down"),
    a_rule(DOWN, name="comes back", state="down", newState="up"),
]

STORY = """\
version: 1
scenario: story
title: A story
given:
  clock: "2031-05-02T10:00:00"
  variants: {stoppingReason: ACTION_VOLONTAIRE}
  dossiers:
    - {dossierId: 900001, siret: "99050000100013", dossierReference: GIVEN}
rules:
  - name: goes down
    when: {operation: getDossier}
    then: {respond: {status: 503}}
"""


def control_answer(api: Api, method: str, path: str, body: Any = None) -> TestResponse:
    """The answer of any control call."""
    headers = {"X-Mock-Sandbox": api.sandbox}
    return api.client.open(f"/__admin{path}", method=method, json=body, headers=headers)


def sent_as_yaml(api: Api, text: str, kind: str = "application/yaml") -> TestResponse:
    headers = {"X-Mock-Sandbox": api.sandbox}
    return api.client.put("/__admin/scenario", data=text.encode(), content_type=kind, headers=headers)


def detail(answer: TestResponse, status: int) -> str:
    """What a problem says, its form looked at."""
    problem = answer.json or {}
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert (list(problem), problem["status"]) == (["type", "title", "status", "detail", "docs"], status)
    return str(problem["detail"])


def playing(api: Api) -> tuple[str | None, str | None]:
    """The scenario that plays, and its state."""
    listed = api.control("GET", "/scenarios")
    return listed["playing"], listed["state"]


def references(api: Api) -> list[str]:
    """Those of the third party whose dossier the story gives."""
    return sorted(dossier["dossierReference"] for dossier in content(api.get("/dossiers", siret=SIRET)))


def chosen(api: Api) -> dict[str, str]:
    """The variants that are not at their defaults."""
    return {
        name: value
        for name, value in api.control("GET", "/variants").items()
        if value != VARIANTS[name].values[0]
    }


def circumstances(api: Api) -> dict[str, Any]:
    """What a sandbox is made of, as clients find it."""
    return {
        "scenario": playing(api)[0],
        "rules": [row["name"] for row in api.control("GET", "/rules")["rules"] if row["adHoc"]],
        "state": references(api),
        "clock": api.control("GET", "/clock")["now"][:10],
        "variants": chosen(api),
    }


# Playing


def test_activating_a_scenario_starts_again_with_its_start_data(api: Api) -> None:
    api.new_dossier(dossierReference="BEFORE")

    answer = play(api, given=GIVEN)

    assert answer == {"sandbox": api.sandbox, "playing": "story", "state": "Started"}
    assert api.control("GET", "/clock") == {
        "sandbox": api.sandbox,
        "now": "2031-05-02T10:00:00.000",
        "frozen": True,
    }
    assert references(api) == ["GIVEN"]
    assert api.post(f"/dossiers/{SEED_DOSSIER}/stop").status_code == 200
    assert api.dossier(SEED_DOSSIER)["stoppingReason"] == "ACTION_VOLONTAIRE"


def test_the_rules_of_a_scenario_apply_only_in_its_sandbox(make_api: Callable[..., Api]) -> None:
    changed, other = make_api(), make_api()

    play(changed, rules=OUTAGE)

    statuses = [
        api.get(f"/dossiers/{SEED_DOSSIER}").status_code for api in (changed, changed, changed, other)
    ]
    assert statuses == [503, 503, 200, 200]
    assert (playing(changed), playing(other)) == (("story", "up"), (None, None))


@pytest.mark.parametrize(
    "kind",
    ["application/yaml", "application/x-yaml", "text/yaml; charset=utf-8", "application/yaml;charset=utf-8"],
)
def test_a_scenario_is_sent_as_the_text_of_its_file(api: Api, kind: str) -> None:
    answer = sent_as_yaml(api, STORY, kind)

    assert answer.json == {"sandbox": api.sandbox, "playing": "story", "state": "Started"}
    assert references(api) == ["GIVEN"]


def test_a_bundled_scenario_is_activated_by_its_name(api: Api) -> None:
    answer = control_answer(api, "PUT", "/scenario", {"name": "duplicate-reference-on-import"})

    assert (answer.json or {})["playing"] == "duplicate-reference-on-import"
    assert references(api) == ["PO-1"]


def test_a_scenario_of_the_scenarios_folder_is_activated_by_its_name(
    make_server_api: Callable[..., Api], tmp_path: Path
) -> None:
    (tmp_path / "story.yaml").write_text(STORY, encoding="utf-8")
    api = make_server_api(scenarios_dir=tmp_path)

    api.control("PUT", "/scenario", {"name": "story"})

    listed = {row["name"]: row for row in api.control("GET", "/scenarios")["scenarios"]}
    assert playing(api) == ("story", "Started")
    assert listed["story"] == {"name": "story", "title": "A story", "tags": [], "rules": 1, "steps": 0}
    assert "duplicate-reference-on-import" in listed


def test_a_scenario_file_that_changes_is_read_again(
    make_server_api: Callable[..., Api], tmp_path: Path
) -> None:
    path = tmp_path / "story.yaml"
    api = make_server_api(scenarios_dir=tmp_path)
    titles = []
    # Another size at the same time, and another time with the same size.
    for title, changed in (("A story", 1), ("Another story", 1), ("Another scene", 2)):
        path.write_text(STORY.replace("A story", title), encoding="utf-8")
        os.utime(path, (changed, changed))
        rows = api.control("GET", "/scenarios")["scenarios"]
        titles += [row["title"] for row in rows if row["name"] == "story"]

    assert titles == ["A story", "Another story", "Another scene"]


def test_a_scenario_of_the_folder_hides_a_bundled_one_of_the_same_name(
    make_server_api: Callable[..., Api], tmp_path: Path
) -> None:
    text = STORY.replace("scenario: story", "scenario: duplicate-reference-on-import").replace(
        "A story", "Mine"
    )
    (tmp_path / "duplicate-reference-on-import.yaml").write_text(text, encoding="utf-8")
    api = make_server_api(scenarios_dir=tmp_path)

    rows = api.control("GET", "/scenarios")["scenarios"]

    assert [row["title"] for row in rows if row["name"] == "duplicate-reference-on-import"] == ["Mine"]


def test_activating_a_scenario_again_starts_it_again(api: Api) -> None:
    play(api, given=GIVEN, rules=OUTAGE)
    api.get(f"/dossiers/{SEED_DOSSIER}")
    api.advance("P1D")

    play(api, given=GIVEN, rules=OUTAGE)

    assert playing(api) == ("story", "Started")
    assert counted(api) == {"goes down": (0, 0), "comes back": (0, 0)}
    assert circumstances(api)["clock"] == "2031-05-02"


def test_ad_hoc_rules_stay_when_the_scenario_changes_and_come_first(api: Api) -> None:
    set_rule(api, {"respond": {"status": 504}}, name="ad hoc", times=1)

    play(api, rules=OUTAGE)

    statuses = [api.get(f"/dossiers/{SEED_DOSSIER}").status_code for _ in range(2)]
    assert statuses == [504, 503]
    assert [row["adHoc"] for row in api.control("GET", "/rules")["rules"]] == [True, False, False]


def test_ad_hoc_rules_can_use_the_states_of_the_scenario(api: Api) -> None:
    play(api, rules=OUTAGE)
    set_rule(api, {"respond": {"status": 504}}, state="down", newState="up")

    statuses = [api.get(f"/dossiers/{SEED_DOSSIER}").status_code for _ in range(3)]

    assert statuses == [503, 504, 200]


def test_stopping_a_scenario_keeps_content_clock_and_variants(api: Api) -> None:
    play(api, given=GIVEN, rules=OUTAGE)
    set_rule(api, {"respond": {"status": 504}}, "stopDossier", name="ad hoc")
    before = circumstances(api)

    answer = api.control("DELETE", "/scenario")

    assert answer == {"sandbox": api.sandbox, "playing": None, "state": None}
    assert counted(api) == {"ad hoc": (0, 0)}
    assert circumstances(api) == before | {"scenario": None}


def test_after_stopping_a_scenario_a_reset_restores_the_start(api: Api) -> None:
    today = circumstances(api)
    play(api, given=GIVEN)
    api.control("DELETE", "/scenario")

    api.control("POST", "/reset", {})

    assert circumstances(api) == today


# States


def test_the_state_of_a_scenario_can_be_set(api: Api) -> None:
    play(api, rules=OUTAGE)

    answers = [
        api.control("PUT", "/scenarios/story/state", {"state": state})["state"] for state in ("up", "down")
    ]
    status = api.get(f"/dossiers/{SEED_DOSSIER}").status_code

    assert (answers, status, playing(api)) == (["up", "down"], 503, ("story", "up"))


def test_a_scenario_with_the_name_of_an_ad_hoc_rule_is_rejected(api: Api) -> None:
    set_rule(api, DOWN, name="goes down")

    answer = control_answer(api, "PUT", "/scenario", {"scenario": scenario(rules=OUTAGE)})

    sentence = "there is an ad hoc rule named 'goes down': DELETE /__admin/rules first"
    assert detail(answer, 409) == sentence


@pytest.mark.parametrize(
    ("name", "state", "status", "words"),
    [
        pytest.param(
            "story", "gone", 400, "story has no state 'gone'; it has Started, down, up", id="no such state"
        ),
        pytest.param(
            "other",
            "up",
            409,
            "the scenario 'other' is not active, 'story' is; PUT /__admin/scenario activates it",
            id="another scenario",
        ),
        pytest.param(
            "story",
            "",
            400,
            "the body is invalid: $.state: '' does not fit: at least 1 character",
            id="none",
        ),
    ],
)
def test_an_unknown_state_is_rejected(api: Api, name: str, state: str, status: int, words: str) -> None:
    play(api, rules=OUTAGE)

    answer = control_answer(api, "PUT", f"/scenarios/{name}/state", {"state": state})

    assert detail(answer, status) == words
    assert playing(api) == ("story", "Started")


def test_without_a_scenario_no_state_can_be_set(api: Api) -> None:
    answer = control_answer(api, "PUT", "/scenarios/story/state", {"state": "up"})

    assert detail(answer, 409).startswith("the scenario 'story' is not active, none is; ")


# Errors


WRONG_SCENARIOS: dict[str, tuple[Any, str]] = {
    "neither name nor scenario": ({}, 'send {"name": "..."} or {"scenario": {...}}'),
    "both": ({"name": "story", "scenario": scenario()}, 'send {"name": "..."} or {"scenario": {...}}'),
    "an unknown name": (
        {"name": "storm"},
        "unknown scenario 'storm'; `mock-server scenarios list` lists them; --scenarios-dir DIR adds",
    ),
    "a path": ({"name": "/etc/passwd.yaml"}, "unknown scenario '/etc/passwd.yaml'; `mock-server"),
    "an invalid name": (
        {"name": 5},
        "the body is invalid: $.name: 5 is not a text: quote it",
    ),
    "an unknown member": (
        {"scenari": 1},
        "the body is invalid: $: unknown key 'scenari'; did you mean 'scenario'?",
    ),
    "an unknown key": (
        {"scenario": scenario(rule=[])},
        "the body is invalid: $.scenario: unknown key 'rule'; did you mean 'rules'?",
    ),
    "an unknown operation": (
        {"scenario": scenario(rules=[a_rule(DOWN, "getDossiers")])},
        "$.scenario.rules[0].when.operation: there is no operation 'getDossiers'; did you mean 'getDossier'?",
    ),
    "an unknown fixture": (
        {"scenario": scenario(given={"fixture": "nothing"})},
        "given.fixture: there is no recipe 'nothing'; there are ",
    ),
    "start data that does not fit the fixture": (
        {"scenario": scenario(given={"dossiers": [DOSSIER, DOSSIER | {"dossierId": 900002}]})},
        "given.dossiers[1].dossierReference: the third party has another dossier with the reference 'GIVEN'",
    ),
    "no JSON object": ([], "the body is invalid: $: a list is not an object"),
}


def test_an_invalid_scenario_is_rejected_and_changes_nothing(api: Api) -> None:
    play(api, given=GIVEN, rules=OUTAGE)
    set_rule(api, DOWN, "stopDossier", name="ad hoc")
    api.advance("P1D")
    api.new_dossier()
    before = circumstances(api)

    for case, (body, words) in WRONG_SCENARIOS.items():
        answer = control_answer(api, "PUT", "/scenario", body)
        assert words in detail(answer, 400), case
        assert circumstances(api) == before, case


def test_a_control_call_does_not_advise_the_path_of_a_file(api: Api) -> None:
    answer = control_answer(api, "PUT", "/scenario", {"name": "storm"})

    assert detail(answer, 400).endswith("; --scenarios-dir DIR adds your own")


WRONG_TEXTS: dict[str, tuple[str, str]] = {
    "an unknown key": (
        STORY.replace("rules:", "rulez:"),
        "the scenario sent:9: $: unknown key 'rulez'; did you mean 'rules'?",
    ),
    "bad YAML": (
        f"{STORY}  - name: [",
        "the scenario sent:14: a value is missing here, or a bracket is not closed",
    ),
    "an unknown operation": (
        STORY.replace("getDossier", "getDosier"),
        "the scenario sent:11: $.rules[0].when.operation: there is no operation 'getDosier'; did you",
    ),
    "no text at all": ("", "the scenario sent:1: there is nothing in it, except blanks and comments"),
    "start data that does not fit the fixture": (
        STORY.replace("dossierReference: GIVEN", "dossierReference: 'A B'"),
        "$.given.dossiers[0].dossierReference: the platform removes white space",
    ),
}


def test_an_error_in_yaml_is_reported_with_its_line_and_changes_nothing(api: Api) -> None:
    before = circumstances(api)

    for case, (text, words) in WRONG_TEXTS.items():
        answer = sent_as_yaml(api, text)
        assert words in detail(answer, 400), case
        assert circumstances(api) == before, case


def test_bytes_that_are_not_text_are_rejected(client: FlaskClient) -> None:
    answer = client.put("/__admin/scenario", data=b"\xff\xfe", content_type="application/yaml")

    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"


WRONG_RULES: dict[str, tuple[Any, int, str]] = {
    "no rules": ({}, 400, "the body is invalid: $: the key 'rules' is missing"),
    "no name": (
        {"rules": [{"when": {}, "then": DOWN}]},
        400,
        "the body is invalid: $.rules[0]: the key 'name' is missing",
    ),
    "an unknown key": (
        {"rules": [a_rule(DOWN, time=1)]},
        400,
        "the body is invalid: $.rules[0]: unknown key 'time'; did you mean 'times'?",
    ),
    "an unknown fault": (
        {"rules": [a_rule({"fault": "BOOM"})]},
        400,
        "the body is invalid: $.rules[0].then.fault: 'BOOM' is not allowed: use ",
    ),
    "an unknown operation in the second rule": (
        {"rules": [a_rule(DOWN), a_rule(DOWN, "getDocuments", name="other")]},
        400,
        "$.rules[1].when.operation: there is no operation 'getDocuments'; did you mean 'getDocument'?",
    ),
    "an unknown operator": (
        {"rules": [a_rule(DOWN, when={"body": {"a": {"$like": 1}}})]},
        400,
        "$.rules[0].when.body: there is no operator '$like'; there are $equals, ",
    ),
    "two effects": (
        {"rules": [a_rule(DOWN | {"token": "expired"})]},
        400,
        "$.rules[0].then: a rule has one effect, and this one has respond and token; make it two rules",
    ),
    "a code that is not the provider's": (
        {"rules": [a_rule({"process": {"fail": "E202"}}, "importDossier")]},
        400,
        "$.rules[0].then.process.fail: 'E202' is not a code of the provider: use E101, ",
    ),
    "a name twice": (
        {"rules": [a_rule(DOWN), a_rule(DOWN)]},
        400,
        "$.rules[1].name: there is another rule named 'rule'",
    ),
    "a name that a rule has": (
        {"rules": [a_rule(DOWN), a_rule(DOWN, name="ad hoc")]},
        409,
        "there is already a rule named 'ad hoc'",
    ),
    "a name that a rule of the scenario has": (
        {"rules": [a_rule(DOWN, name="goes down")]},
        409,
        "there is already a rule named 'goes down'",
    ),
    "a number beyond 64 bits in an answer": (
        {"rules": [a_rule({"respond": {"status": 200, "body": [2**64]}})]},
        400,
        "$.rules[0].then.respond.body[0]: 18446744073709551616 has more than 64 bits; ",
    ),
    "a number beyond 64 bits in a patch": (
        {"rules": [a_rule({"patch": {"a": 2**64}})]},
        400,
        "$.rules[0].then.patch.a: 18446744073709551616 has more than 64 bits; ",
    ),
    "a number beyond 64 bits that is expected": (
        {"rules": [a_rule(DOWN, when={"body": {"a": 2**64}})]},
        400,
        "$.rules[0].when.body.a: 18446744073709551616 has more than 64 bits; ",
    ),
    "a header of two lines": (
        {"rules": [a_rule({"respond": {"status": 200, "headers": {"X-A": "a\r\nX-B: b"}}})]},
        400,
        "$.rules[0].then.respond.headers.X-A: a header is one line of text",
    ),
    "a header of other characters than latin-1": (
        {"rules": [a_rule({"respond": {"status": 200, "headers": {"x": "€"}}})]},
        400,
        "$.rules[0].then.respond.headers.x: '€' cannot be in a header: use characters of ISO 8859-1",
    ),
    "a header with a blank in its name": (
        {"rules": [a_rule({"respond": {"status": 200, "headers": {"X A": "a"}}})]},
        400,
        "$.rules[0].then.respond.headers.X A: 'X A' is not the name of a header, such as Retry-After",
    ),
    "a header that frames the answer": (
        {"rules": [a_rule({"respond": {"status": 200, "headers": {"transfer-encoding": "chunked"}}})]},
        400,
        "$.rules[0].then.respond.headers.transfer-encoding: the server writes this header; ",
    ),
}


def test_an_invalid_rule_is_rejected_and_no_rule_is_added(api: Api) -> None:
    play(api, rules=OUTAGE)
    set_rule(api, DOWN, "stopDossier", name="ad hoc")

    for case, (body, status, words) in WRONG_RULES.items():
        answer = control_answer(api, "POST", "/rules", body)
        assert detail(answer, status).startswith(words), case
        assert list(counted(api)) == ["ad hoc", "goes down", "comes back"], case


def test_only_ad_hoc_rules_can_be_deleted(api: Api) -> None:
    play(api, rules=OUTAGE)
    set_rule(api, DOWN, "stopDossier", name="ad hoc")

    answer = control_answer(api, "DELETE", "/rules?name=goes down")

    assert detail(answer, 404) == "there is no ad hoc rule 'goes down'; there are: ad hoc"
    assert list(counted(api)) == ["ad hoc", "goes down", "comes back"]


# Reset


@pytest.fixture
def elsewhere(make_server_api: Callable[..., Api], tmp_path: Path) -> Api:
    """The sandbox of a server that starts with the story, after it was led away from it in every respect."""
    path = tmp_path / "story.yaml"
    path.write_text(STORY, encoding="utf-8")
    api = make_server_api(scenario=str(path), variants={"refusals": "result"})
    play(api, "other", given={"clock": "2031-06-01T10:00:00"}, rules=OUTAGE)
    set_rule(api, DOWN, "stopDossier", name="ad hoc")
    api.new_dossier(dossierReference="NEW")
    api.control("PUT", "/variants", {"referenceCase": "upper"})
    api.advance("P1D")
    return api


AT_START = {
    "scenario": "story",
    "rules": [],
    "state": ["GIVEN"],
    "clock": "2031-05-02",
    "variants": {"refusals": "result", "stoppingReason": "ACTION_VOLONTAIRE"},
}
LED_AWAY = {
    "scenario": "other",
    "rules": ["ad hoc"],
    "state": ["NEW"],
    "clock": "2031-06-02",
    "variants": {"referenceCase": "upper"},
}


def test_a_server_starts_with_its_scenario(make_server_api: Callable[..., Api], tmp_path: Path) -> None:
    path = tmp_path / "story.yaml"
    path.write_text(STORY, encoding="utf-8")

    api = make_server_api(scenario=str(path), variants={"refusals": "result"})

    assert circumstances(api) == AT_START
    assert api.get(f"/dossiers/{SEED_DOSSIER}").status_code == 503


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        pytest.param(None, AT_START, id="all"),
        pytest.param([], LED_AWAY, id="nothing"),
        pytest.param(["rules"], LED_AWAY | {"rules": []}, id="ad hoc rules"),
        pytest.param(["scenario"], LED_AWAY | {"scenario": "story"}, id="the scenario"),
        pytest.param(["variants"], LED_AWAY | {"variants": {"refusals": "result"}}, id="variants"),
        pytest.param(
            ["clock"], LED_AWAY | {"clock": "2031-06-01"}, id="the clock goes where the scenario has it"
        ),
        pytest.param(["state"], LED_AWAY | {"state": []}, id="the content is what the scenario gives"),
        pytest.param(
            ["scenario", "clock"],
            LED_AWAY | {"scenario": "story", "clock": "2031-05-02"},
            id="scenario and clock",
        ),
        pytest.param(
            ["state", "scenario"],
            LED_AWAY | {"scenario": "story", "state": ["GIVEN"]},
            id="scenario and content",
        ),
    ],
)
def test_a_reset_restores_the_parts_it_names(
    elsewhere: Api, only: list[str] | None, expected: dict[str, Any]
) -> None:
    assert circumstances(elsewhere) == LED_AWAY

    elsewhere.control("POST", "/reset", {"only": only})

    assert circumstances(elsewhere) == expected


def test_a_reset_scenario_is_in_its_first_state_with_empty_counts(api: Api) -> None:
    play(api, rules=OUTAGE)
    set_rule(api, DOWN, "stopDossier", name="ad hoc")
    api.get(f"/dossiers/{SEED_DOSSIER}")

    api.control("POST", "/reset", {"only": ["scenario"]})

    assert playing(api) == (None, None)
    assert counted(api) == {"ad hoc": (0, 0)}


def test_a_reset_ends_the_variants_of_a_scenario(api: Api) -> None:
    play(api, given={"variants": {"stoppingReason": "ACTION_VOLONTAIRE"}})

    api.control("POST", "/reset", {})
    api.post(f"/dossiers/{SEED_DOSSIER}/stop")

    assert api.dossier(SEED_DOSSIER)["stoppingReason"] == "STOPREQUEST"


def test_a_sent_scenario_cannot_read_files_of_the_server(api: Api) -> None:
    sent = scenario() | {"given": {"fixture": "/etc/hosts.yaml"}}

    answer = api.client.put("/__admin/scenario", json={"scenario": sent})

    assert answer.status_code == 400
    assert (answer.json or {})["detail"].endswith(
        "a scenario that is sent names its fixture, and '/etc/hosts.yaml' is a path; send the recipe first,"
        " with PUT /__admin/fixture, and leave `fixture` out"
    )
