"""The timeline: what third parties and the platform do later, in time order, kept as all of a sandbox is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mock_server.control.app import CALLS
from mock_server.fixtures.actions import ACTIONS
from tests.support import OTHER_SIRET, SEED_DOSSIER, SIRET, Api, content
from tests.test_recipe_errors import error_message

DEPOSIT = f"POST /dossiers/{SEED_DOSSIER}/documents/I2/evidences"
CREATE: dict[str, Any] = {
    "after": "P2D",
    "control": "POST /dossiers",
    "body": {"dossierId": 990001, "siret": OTHER_SIRET, "dossierReference": "LATER", "expirationDate": "P5D"},
}


def planned(api: Api) -> list[str]:
    return [entry["control"] for entry in api.control("GET", "/timeline")["timeline"]]


def add(api: Api, *entries: Any) -> Any:
    answer = api.client.post(
        "/__admin/timeline", json={"timeline": entries}, headers={"X-Mock-Sandbox": api.sandbox}
    )
    assert answer.json is not None
    return answer.json if answer.status_code == 201 else answer.json["detail"]


def load(api: Api, recipe: str) -> None:
    answer = api.client.put(
        "/__admin/fixture",
        data=recipe,
        content_type="application/yaml",
        headers={"X-Mock-Sandbox": api.sandbox},
    )
    assert answer.status_code == 200, answer.json


def effects(api: Api, by: str) -> list[tuple[str, str]]:
    changed = api.control("POST", "/clock/advance", {"by": by})["effects"]
    return [(each["what"], each.get("control", "")) for each in changed]


def test_actions_take_place_in_the_order_of_time_and_may_name_what_earlier_ones_create(api: Api) -> None:
    api.control("PUT", "/fixture", {"name": "empty"})
    deposit = {"after": "P3D", "control": "POST /dossiers/990001/documents/ATT_VIGI/evidences"}
    add(api, deposit, CREATE)

    assert planned(api) == [CREATE["control"], deposit["control"]]
    assert effects(api, "P30D") == [
        ("action taken", CREATE["control"]),
        ("action taken", deposit["control"]),
        ("dossier expired", ""),
    ]
    found = api.control("GET", "/dossiers/990001")
    assert (found["standing"], found["stoppingReason"]) == ("stopped", "EXPIRATION")
    assert [entry["control"] for entry in api.control("GET", "/timeline")["past"]] == [
        CREATE["control"],
        deposit["control"],
    ]


def test_the_timeline_is_copied_and_restored_with_the_sandbox(api: Api) -> None:
    add(api, CREATE)
    created = [("action taken", CREATE["control"])]
    exported = api.control("GET", "/state")
    api.control("POST", "/snapshots/before", {})
    api.control("POST", f"/sandboxes/{api.sandbox}/fork", {"as": f"{api.sandbox}-fork"})
    command = api.control("GET", "/history")["last"] + 1
    copies = [Api(api.client, f"{api.sandbox}-fork"), Api(api.client, f"{api.sandbox}-copy")]
    copies[1].control("PUT", "/state", exported)
    company = None

    for copy in [api, *copies]:
        assert [each for each in effects(copy, "P2D") if each[1]] == created
        found = copy.control("GET", "/dossiers/990001")
        company = company or found["name"]
        assert found["name"] == company
    api.control("POST", "/rewind", {"beforeCommand": command})
    assert planned(api) == [CREATE["control"]]
    assert [each for each in effects(api, "P2D") if each[1]] == created
    api.control("POST", "/snapshots/before/restore", {})
    assert [each for each in effects(api, "P2D") if each[1]] == created
    api.control("POST", "/reset", {})
    assert planned(api) == []


def test_an_exported_action_has_the_company_that_was_generated_for_it_until_it_is_past(api: Api) -> None:
    add(api, CREATE)
    exported = api.control("GET", "/state")
    [action] = exported["content"]["timeline"]
    [[_, company]] = action["companies"]
    company["name"] = "GENERATED ELSEWHERE"
    api.control("PUT", "/state", exported)

    effects(api, "P2D")

    assert api.control("GET", "/dossiers/990001")["name"] == "GENERATED ELSEWHERE"
    [past] = api.control("GET", "/state")["content"]["pastActions"]
    assert past == action | {"companies": []}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"control": "POST /thirdparty/1/close"}, ".control: 'POST /thirdparty/1/close' is not an action"),
        (
            {"control": f"POST /thirdparties/{2**62 - 1}/close"},
            f".control: There is no third party for this criteria ({2**62 - 1})",
        ),
        ({"control": f"POST /thirdparties/{'9' * 5000}/close"}, ".control: 'POST /thirdparties/9999"),
        ({"control": "POST /reset"}, "use one of POST /dossiers/{dossier_id}/documents/"),
        (
            {"control": "POST /dossiers/1/documents/I2/evidences"},
            ".control: There is no dossier for this criteria",
        ),
        ({"control": f"POST /dossiers/{SEED_DOSSIER}/documents/X/evidences"}, ".control: "),
        ({"control": DEPOSIT, "after": "-P3D"}, ".after: '-P3D' is before the start"),
        ({"control": DEPOSIT, "after": "in a week"}, ".after: 'in a week' is not a duration; write 200ms"),
        ({"control": DEPOSIT, "after": "P99999D"}, ".after: 'P99999D' is longer than a century"),
        ({"control": DEPOSIT, "body": {"fileSise": 3000}}, ".body: unknown key 'fileSise'; did you mean"),
        (
            {"control": DEPOSIT, "body": {"expirationDate": "P3X"}},
            ".body.expirationDate: 'P3X' is not a date",
        ),
        ({"control": "POST /dossiers", "body": {"siret": "1", "dossierReference": "A"}}, ".body.siret: "),
    ],
)
def test_an_entry_that_cannot_take_place_is_rejected_with_its_place(
    api: Api, entry: dict[str, Any], expected: str
) -> None:
    problem = add(api, CREATE, {"after": "P1D"} | entry)

    assert f"$.timeline[1]{expected}" in problem or expected in problem, problem
    assert planned(api) == []


def test_an_action_that_the_clock_never_reaches_is_rejected(api: Api) -> None:
    api.set_clock("8999-12-31T00:00:00")

    problem = add(api, {"after": "P1D", "control": DEPOSIT})

    assert problem == (
        "$.timeline[0].after: 9000-01-01 is never reached: the clock does not go beyond the year 8999;"
        " choose an earlier time"
    )
    assert planned(api) == []
    assert "timeline" in add(api, {"after": "PT23H", "control": DEPOSIT})


def test_a_timeline_has_a_limited_number_of_actions(api: Api) -> None:
    entry = {"after": "P1D", "control": DEPOSIT}

    assert len(add(api, *[entry] * 1000)["timeline"]) == 1000
    assert "at most 1000 entries: there are 1000, and 1 more" in add(api, entry)
    assert api.control("DELETE", "/timeline")["removed"] == 1000


def test_an_action_that_fails_at_its_time_is_reported_and_stops_nothing(api: Api) -> None:
    api.control("PUT", "/fixture", {"name": "empty"})
    add(api, CREATE, CREATE | {"after": "P4D", "body": {"siret": SIRET, "dossierReference": "B"}})
    api.control("POST", "/dossiers", CREATE["body"])
    deposit = "POST /dossiers/990001/documents/ATT_VIGI/evidences"
    add(api, {"after": "P3D", "control": deposit})
    api.control("PATCH", "/dossiers/990001", {"documents": []})

    assert effects(api, "P4D") == [
        ("action failed", "POST /dossiers"),
        ("action failed", deposit),
        ("action taken", "POST /dossiers"),
    ]
    errors = [entry.get("error") for entry in api.control("GET", "/timeline")["past"]]
    assert errors[0].startswith("there is a dossier 990001: PATCH /__admin/dossiers/990001")
    assert errors[1].endswith(" (ATT_VIGI)")
    assert errors[2] is None
    assert {row["dossierReference"] for row in content(api.get("/dossiers"))} == {"LATER", "B"}


def test_every_action_takes_place_and_has_the_effect_of_its_call(api: Api) -> None:
    dossier = f"/dossiers/{SEED_DOSSIER}"
    actions: dict[str, dict[str, Any]] = {
        f"POST {dossier}/documents/I2/evidences": {"content": "JVBERi0=", "expirationDate": "P1D"},
        f"PATCH {dossier}": {"dossierReference": "CHANGED"},
        "POST /dossiers": CREATE["body"],
        "POST /thirdparties": {"siret": SIRET},
        "POST /thirdparties/875/close": {},
        "POST /accounts": {"accountId": 7, "users": ["api@example.com"]},
        "PATCH /accounts/7": {"subscriptionStatus": "INACTIVE"},
        "PATCH /requirements/RIB_IBAN": {"withdrawn": True, "accountId": 7},
        "PATCH /requirements/I2": {"withdrawn": False, "accountId": 7},
    }
    other = Api(api.client, f"{api.sandbox}-called")
    for each in (api, other):
        each.control("PUT", "/clock", {"now": "2031-05-03T10:00:00"})
    add(api, *({"after": "PT1H", "control": call, "body": body} for call, body in actions.items()))

    found = effects(api, "PT1H")
    other.control("POST", "/clock/advance", {"by": "PT1H"})
    for call, body in actions.items():
        method, _, path = call.partition(" ")
        other.control(method, path, body)

    assert found == [("action taken", call) for call in actions]
    contents = [each.control("GET", "/state")["content"] for each in (api, other)]
    assert contents[0] | {"pastActions": []} == contents[1]


AGAIN = """version: 1
include: [catalogue]
accounts: [{accountId: 1}]
users: [{username: "a@example.com", password: a, accounts: [1]}]
dossiers:
  - {dossierId: 5, siret: "99050000100013", dossierReference: A, expirationDate: "9990-01-01"}
timeline:
  - {after: P1D, control: PATCH /dossiers/5, body: {stoppingReason: STOPREQUEST}}
  - {after: P2D, control: PATCH /dossiers/5, body: {stoppingReason: null, expirationDate: "2900-01-01"}}
  - {after: P3D, control: POST /accounts, body: {accountId: 2, users: ["a@example.com"]}}
"""


def test_an_action_that_a_later_start_makes_impossible_fails_at_its_time(api: Api) -> None:
    load(api, AGAIN)
    api.control("PUT", "/clock", {"now": "2950-05-03T10:00:00"})
    api.control("POST", "/reset", {"only": ["state"]})

    assert [what for what, _ in effects(api, "P4D")] == ["action taken", "action failed", "action taken"]
    error = api.control("GET", "/timeline")["past"][1]["error"]
    assert error.startswith("$.expirationDate: the dossier expired on 2900-01-01")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"control": "POST /reset"}, "$.content.timeline[0].control: 'POST /reset' is not an action"),
        ({"body": {"colour": 1}}, "$.content.timeline[0].body: unknown key 'colour'"),
        ({"at": "9500-12-31T00:00:00Z"}, "$.content.timeline[0].at: 9500-12-31 is never reached"),
        ({"at": "9999-12-31T00:00:00Z"}, "$.content.timeline[0].at: 9999-12-31 00:00:00+00:00 is not in"),
    ],
)
def test_a_state_with_an_invalid_timeline_is_rejected(
    api: Api, change: dict[str, Any], expected: str
) -> None:
    add(api, {"after": "P1D", "control": DEPOSIT})
    exported = api.control("GET", "/state")
    [action] = exported["content"]["timeline"]
    for wanted, reason in (
        ([action | change], expected),
        ([action] * 1001, "$.content.timeline: a timeline"),
    ):
        exported["content"]["timeline"] = wanted
        answer = api.client.put(
            "/__admin/state", json=exported, headers={"X-Mock-Sandbox": f"{api.sandbox}-invalid"}
        )
        assert answer.status_code == 400
        assert answer.json is not None
        assert answer.json["detail"].startswith(reason)


def test_the_actions_are_control_calls_with_their_bodies_and_all_documented() -> None:
    calls = {f"{call.method} {call.path}": call.body for call in CALLS}
    page = (Path(__file__).parent.parent / "docs" / "control.md").read_text(encoding="utf-8")

    for action in ACTIONS:
        assert calls[action.call] in {action.body, None}, action.call
    assert re.findall(r"^- `((?:POST|PATCH) /.*)`$", page, re.MULTILINE) == [each.call for each in ACTIONS]


RECIPE = """version: 1
include: [catalogue]
accounts: [{accountId: 1}]
dossiers:
  - {dossierId: 5, siret: "99050000100013", dossierReference: A, startingDate: -P40D, expirationDate: P9D}
timeline:
  - {after: PT1H, control: PATCH /accounts/1, body: {subscriptionStatus: INACTIVE}}
  - after: P3D
    control: CALL
"""


def test_a_recipe_has_a_timeline_and_dates_that_count_from_the_start(api: Api, tmp_path: Path) -> None:
    api.control("PUT", "/clock", {"now": "2031-05-03T10:00:00"})
    recipe = RECIPE.replace("CALL", "PATCH /dossiers/5\n    body: {expirationDate: P30D}")
    load(api, recipe)

    for _ in range(2):
        assert planned(api) == ["PATCH /accounts/1", "PATCH /dossiers/5"]
        found = api.control("GET", "/dossiers/5")
        assert (found["startingDate"][:10], found["expirationDate"]) == ("2031-03-24", "2031-05-12")
        assert len(effects(api, "P4D")) == 2
        assert api.control("GET", "/dossiers/5")["expirationDate"] == "2031-06-05"
        api.control("POST", "/reset", {})
        api.control("PUT", "/clock", {"now": "2031-05-03T10:00:00"})
        api.control("POST", "/reset", {"only": ["state"]})

    path = tmp_path / "mine.yaml"
    path.write_text(RECIPE.replace("CALL", "PATCH /dossiers/6"))
    assert error_message(path).startswith(
        "mine.yaml:9: $.timeline[1].control: There is no dossier for this criteria"
    )
    path.write_text(RECIPE.replace("CALL", "POST /thirdparties/8/close").replace("-P40D", "-P4X"))
    assert error_message(path).startswith(
        "mine.yaml:5: $.dossiers[0].startingDate: '-P4X' is not an ISO date-time"
    )
