"""Scenarios that come with the server: at its start, with a user, and from a file that changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from mock_server.app import create_app
from mock_server.domain.errors import ERRORS
from mock_server.domain.operations import OPERATIONS
from mock_server.domain.variants import VARIANTS
from mock_server.settings import Settings
from tests.support import Api, content, running_server

DOWN = """
version: 1
scenario: down
title: The API is down
given: {clock: 2026-03-02T09:00:00}
rules:
  - name: it is down
    when: {operation: listAccounts}
    then: {respond: {status: 503}}
"""
USERS = """
version: 1
include: [default]
users:
  - {username: unlucky@example.com, password: demo, accounts: [119631], scenario: SCENARIO}
"""


@pytest.fixture
def down(tmp_path: Path) -> Path:
    path = tmp_path / "down.yaml"
    path.write_text(DOWN, encoding="utf-8")
    return path


def accounts_of(client: FlaskClient, sandbox: str, user: str = "api") -> int:
    """The status of a call in a sandbox; without a name in the default one, or the user's own."""
    api = Api(client, sandbox or "any", user=user)
    api.username = f"{user}+{sandbox}@example.com" if sandbox else f"{user}@example.com"
    return api.send("GET", "/api/v1/account").status_code


def test_the_scenario_of_the_server_is_active_in_every_sandbox(down: Path) -> None:
    client = create_app(Settings(scenario=str(down), log_level="error")).test_client()

    assert [accounts_of(client, "gw1"), accounts_of(client, "gw2")] == [503, 503]


def test_a_reset_activates_the_scenario_of_the_server(
    make_server_api: Callable[..., Api], down: Path
) -> None:
    api = make_server_api(scenario=str(down))
    api.control("DELETE", "/scenario")
    api.set_clock("2031-01-01T00:00:00")

    api.control("POST", "/reset")

    assert api.control("GET", "/clock")["now"] == "2026-03-02T09:00:00.000"
    assert api.send("GET", "/api/v1/account").status_code == 503


def test_a_user_with_a_scenario_has_a_sandbox_with_it(tmp_path: Path, down: Path) -> None:
    recipe = tmp_path / "users.yaml"
    recipe.write_text(USERS.replace("SCENARIO", str(down)), encoding="utf-8")
    client = create_app(Settings(fixture=str(recipe), log_level="error")).test_client()

    statuses = {
        (user, tag): accounts_of(client, tag, user) for user in ("api", "unlucky") for tag in ("", "gw1")
    }

    assert statuses == {
        ("api", ""): 200,
        ("api", "gw1"): 200,
        ("unlucky", ""): 503,
        ("unlucky", "gw1"): 503,
    }
    names = [row["name"] for row in client.get("/__admin/sandboxes").json["sandboxes"]]  # type: ignore[index]
    assert {"down", "gw1.down"} <= set(names)


def test_a_server_does_not_start_with_a_user_whose_scenario_does_not_exist(tmp_path: Path) -> None:
    recipe = tmp_path / "users.yaml"
    recipe.write_text(USERS.replace("SCENARIO", "no-such"), encoding="utf-8")

    with pytest.raises(ValueError, match="unknown scenario 'no-such'"):
        create_app(Settings(fixture=str(recipe), log_level="error"))


def seen(url: str, path: str, wanted: Callable[[Any], bool]) -> bool:
    """Whether a control call answers what is wanted within five seconds: a file system takes its time."""
    ends = time.monotonic() + 5
    while not wanted(requests.get(f"{url}/__admin{path}", timeout=5).json()):
        if time.monotonic() > ends:
            return False
        time.sleep(0.02)
    return True


def test_a_changed_file_is_loaded_at_once_and_a_wrong_one_is_reported(down: Path) -> None:
    with running_server("--watch", "--scenario", str(down)) as (url, process):
        deeper = down.parent / "deeper"
        deeper.mkdir()
        (deeper / "down.yaml").write_text(DOWN, encoding="utf-8")  # folders in the folder are not watched
        down.write_text(DOWN.replace("2026-03-02", "2027-03-02"), encoding="utf-8")
        assert seen(url, "/clock", lambda clock: clock["now"].startswith("2027-03-02"))

        down.write_text(DOWN.replace("listAccounts", "listAcounts"), encoding="utf-8")
        assert process.stderr is not None
        lines = [process.stderr.readline(), process.stderr.readline()]
        rules = requests.get(f"{url}/__admin/rules", timeout=5).json()["rules"]

    assert lines[0] == f"{down}: changed, and loaded again in default\n"
    assert f"{down}:8: $.rules[0].when.operation: there is no operation 'listAcounts'" in lines[1]
    assert rules[0]["when"] == {"operation": "listAccounts"}


def swap_config_map(folder: Path, version: int, text: str) -> None:
    """Write a scenario as Kubernetes mounts a ConfigMap: a link through `..data`, which alone is swapped."""
    data = folder / f"..version{version}"
    data.mkdir()
    (data / "down.yaml").write_text(text, encoding="utf-8")
    (folder / "..new").symlink_to(data.name)
    (folder / "..new").rename(folder / "..data")
    link = folder / "down.yaml"
    if not link.is_symlink():
        link.symlink_to("..data/down.yaml")


@pytest.mark.parametrize("by_name", [False, True], ids=["by path", "by name"])
def test_a_swapped_config_map_is_loaded(tmp_path: Path, by_name: bool) -> None:  # noqa: FBT001
    swap_config_map(tmp_path, 1, DOWN)
    path = str(tmp_path / "down.yaml")
    options = ("--scenarios-dir", str(tmp_path), "--scenario", "down") if by_name else ("--scenario", path)

    with running_server("--watch", *options) as (url, _):
        swap_config_map(tmp_path, 2, DOWN.replace("2026-03-02", "2027-03-02"))

        assert seen(url, "/clock", lambda clock: clock["now"].startswith("2027-03-02"))


def test_after_its_file_changed_a_reset_and_a_new_sandbox_use_the_changed_scenario(down: Path) -> None:
    with running_server("--watch", "--scenario", str(down)) as (url, _):
        down.write_text(DOWN.replace("listAccounts", "listDossiers"), encoding="utf-8")
        changed = {"operation": "listDossiers"}
        assert seen(url, "/rules", lambda answer: answer["rules"][0]["when"] == changed)

        requests.post(f"{url}/__admin/reset", timeout=5)

        for sandbox in ("default", "new"):
            rules = requests.get(f"{url}/__admin/rules?sandbox={sandbox}", timeout=5).json()["rules"]
            assert [rule["when"] for rule in rules] == [changed], sandbox


def test_after_its_file_was_removed_a_reset_keeps_the_last_scenario(down: Path) -> None:
    with running_server("--watch", "--scenario", str(down)) as (url, _):
        down.unlink()

        requests.post(f"{url}/__admin/reset", timeout=5)

        rules = requests.get(f"{url}/__admin/rules", timeout=5).json()["rules"]
        assert [rule["when"] for rule in rules] == [{"operation": "listAccounts"}]


def test_a_fixture_that_is_a_path_is_relative_to_the_scenario_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    recipe = "version: 1\naccounts:\n  - {accountId: 77, name: Mine, company: ACME}\n"
    (folder / "small.yaml").write_text(recipe, encoding="utf-8")
    (tmp_path / "small.yaml").write_text("not a recipe", encoding="utf-8")
    scenario = folder / "s.yaml"
    scenario.write_text(
        "version: 1\nscenario: s\ntitle: S\ngiven: {fixture: ./small.yaml}\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)

    app = create_app(Settings(scenario=str(scenario), log_level="error"))

    state = app.test_client().get("/__admin/fixture").json
    assert state is not None
    assert [account["accountId"] for account in state["accounts"]] == [77]


def test_a_wrong_file_in_the_folder_is_listed_with_its_error(tmp_path: Path, down: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("version: 1\n", encoding="utf-8")
    client = create_app(Settings(scenarios_dir=tmp_path, log_level="error")).test_client()

    listed = client.get("/__admin/scenarios").json["scenarios"]  # type: ignore[index]
    by_name = {row["name"]: row for row in listed}

    assert by_name[down.stem]["title"] == "The API is down"
    assert "wrong.yaml:1: $: the key 'scenario' is missing" in by_name["wrong"]["error"]


def test_a_file_whose_name_is_not_utf8_is_listed(tmp_path: Path) -> None:
    (tmp_path / "stop\udce9.yaml").write_text("version: 1\n", encoding="utf-8")
    client = create_app(Settings(scenarios_dir=tmp_path, log_level="error")).test_client()

    answer = client.get("/__admin/scenarios")

    assert answer.status_code == 200
    assert b'"stop?"' in answer.data


def test_every_behaviour_has_its_provenance(api: Api) -> None:
    listed = api.control("GET", "/provenance")  # GET /__admin/provenance

    sure = {row["provenance"] for row in [*listed["operations"], *listed["errors"]]}
    assert sure <= {"documented", "example", "carried-over", "observed", "inferred"}
    assert (len(listed["operations"]), len(listed["errors"])) == (len(OPERATIONS), len(ERRORS))
    assert {row["code"]: row for row in listed["errors"]}["E001"] == {
        "code": "E001",
        "label": "Missing parameter",
        "when": "A required parameter or member is absent.",
        "behaviour": "5",
        "provenance": "documented",
    }
    assert {row["name"]: row for row in listed["operations"]}["getToken"]["behaviour"] == "1.2"
    assert listed["variants"] == [
        {"name": row.name, "values": list(row.values), "effect": row.effect, "decision": row.decision}
        for row in VARIANTS.values()
    ]
    assert {row["name"]: row["provenance"] for row in listed["operations"]}["listAllDossiers"] == "observed"


def test_a_scenario_with_another_fixture_has_the_users_of_that_fixture(
    make_server_api: Callable[..., Api],
) -> None:
    api = make_server_api()
    scenario = {"version": 1, "scenario": "s", "title": "t", "given": {"fixture": "pages"}}

    api.control("PUT", "/scenario", {"scenario": scenario})

    ids = [account["id"] for account in content(api.send("GET", "/api/v1/account"))]
    assert ids == [120021]
