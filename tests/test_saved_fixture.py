"""A state that was exported from a sandbox is a fixture: of a server, a sandbox, and a scenario."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mock_server.app import create_app
from mock_server.fixtures.library import recipe_names
from mock_server.input_errors import FileError
from mock_server.settings import Settings
from tests.control_calls import a_rule, counted
from tests.support import SIRET, Api


@pytest.fixture
def saved(api: Api) -> dict[str, Any]:
    """A state with a dossier, a frozen time, a variant, an import that runs, and a rule that was applied."""
    api.set_clock("2031-05-03T10:00:00")
    api.control("PUT", "/variants", {"refusals": "result"})
    api.control("POST", "/rules", {"rules": [a_rule({"respond": {"status": 503}}, times=1)]})
    api.control("POST", "/dossiers", {"siret": SIRET, "dossierReference": "KEPT"})
    api.post(
        "/dossiers",
        {"companyIdType": "CIT001", "companyIdValue": "50382936800045", "dossierReference": "RUNS"},
    )
    assert api.get("/dossiers/804127").status_code == 503
    return dict(api.control("GET", "/state"))


def references(api: Api) -> list[str]:
    rows = api.control("GET", "/dossiers?search=KEPT")["dossiers"]
    return [row["dossierReference"] for row in rows]


def test_a_server_starts_from_a_saved_state_and_its_export_is_the_same(
    saved: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "saved.json"
    path.write_text(json.dumps(saved), encoding="utf-8")
    app = create_app(Settings(fixture=str(path), log_level="error"))
    client = app.test_client()

    assert client.get("/__admin/state").json == saved

    api = Api(client, "other")
    api.control("POST", "/reset")
    api.control("POST", "/clock/advance", {"by": "PT1H"})
    assert [row["complete"] for row in api.control("GET", "/processes")["processes"]] == [True]
    assert api.get("/dossiers/804127").status_code == 200
    api.control("POST", "/reset")
    assert api.control("GET", "/state") == saved


@pytest.mark.parametrize("name", [name for name in recipe_names() if name != "catalogue"])
def test_the_export_of_a_bundled_fixture_starts_a_server_whose_export_is_the_same(
    name: str, tmp_path: Path
) -> None:
    first = create_app(Settings(fixture=name, log_level="error")).test_client()
    first.put("/__admin/clock", json={"frozen": True})
    exported = first.get("/__admin/state").data
    path = tmp_path / "saved.json"
    path.write_bytes(exported)

    again = create_app(Settings(fixture=str(path), log_level="error")).test_client()

    assert again.get("/__admin/state").data == exported
    shown = [each.get("/__admin/fixture").get_json() for each in (first, again)]
    members = ("defaultAccount", "users", "accounts", "magicIdentifiers")
    assert {name: shown[0][name] for name in members} == {name: shown[1][name] for name in members}


def test_options_of_the_server_win_over_a_saved_state(saved: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "saved.json"
    path.write_text(json.dumps(saved), encoding="utf-8")
    app = create_app(
        Settings(fixture=str(path), variants={"refusals": "http400", "rateLimit": "on"}, log_level="error")
    )

    variants = app.test_client().get("/__admin/variants").json

    assert variants is not None
    assert (variants["refusals"], variants["rateLimit"]) == ("http400", "on")


def test_a_sandbox_starts_again_from_a_saved_state(
    saved: dict[str, Any], make_api: Callable[..., Api]
) -> None:
    api = make_api()
    api.control(
        "POST", "/rules", {"rules": [a_rule({"respond": {"status": 500}}, "stopDossier", name="own")]}
    )

    fixture = api.control("PUT", "/fixture", {"state": saved})

    assert fixture["name"] == "default"
    assert references(api) == ["KEPT"]
    assert api.control("GET", "/state")["clock"] == saved["clock"]
    assert counted(api) == {"own": (0, 0)}
    assert api.control("GET", "/variants")["refusals"] == "http400"
    api.control("POST", "/reset")
    assert references(api) == ["KEPT"]


def test_a_scenario_starts_from_a_saved_state(saved: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "saved.json").write_text(json.dumps(saved), encoding="utf-8")
    (tmp_path / "story.yaml").write_text(
        "version: 1\nscenario: story\ntitle: A story\ngiven: {fixture: saved.json}\n", encoding="utf-8"
    )
    app = create_app(Settings(scenario=str(tmp_path / "story.yaml"), log_level="error"))

    client = app.test_client()

    assert client.get("/__admin/scenarios").json["playing"] == "story"  # type: ignore[index]
    assert client.get("/__admin/dossiers?search=KEPT").json["total"] == 1  # type: ignore[index]
    assert client.get("/__admin/clock").json["frozen"]  # type: ignore[index]


DAMAGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a newer version": (lambda state: state.update(version=2), "$.version"),
    "an unknown variant": (
        lambda state: state["variants"].update(color="red"),
        "there is no variant 'color'",
    ),
    "an unknown member": (
        lambda state: state["content"].update(color="red"),
        "$.content: unknown key 'color'",
    ),
    "a rule that is invalid": (
        lambda state: state["playing"]["rules"].append({"name": "r"}),
        "$.playing.rules",
    ),
    "a dossier of no account": (
        lambda state: state["content"]["dossiers"][0].update(accountId=5),
        "$.content.dossiers[0]",
    ),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_state_is_rejected_with_the_place(
    saved: dict[str, Any], tmp_path: Path, damage: Callable[[dict[str, Any]], object], message: str
) -> None:
    damage(saved)
    path = tmp_path / "saved.json"
    path.write_text(json.dumps(saved), encoding="utf-8")

    with pytest.raises(FileError) as raised:
        create_app(Settings(fixture=str(path), log_level="error"))

    assert str(raised.value).startswith(f"{path}: ")
    assert message in str(raised.value)


def test_a_file_that_is_cut_off_is_rejected(saved: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "saved.json"
    path.write_text(json.dumps(saved)[:1000], encoding="utf-8")

    with pytest.raises(FileError, match="not a state file"):
        create_app(Settings(fixture=str(path), log_level="error"))
