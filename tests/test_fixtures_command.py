"""`mock-server fixtures`, the bundled state files, and a folder of the user's own recipes."""

from __future__ import annotations

import json
import os
import re
from errno import ENOSPC
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mock_server.app import create_app
from mock_server.cli import main
from mock_server.fixtures.fixture import generate_state, load_fixture, load_state
from mock_server.fixtures.library import bundled, recipe_path
from mock_server.fixtures.recipes import read_recipe
from mock_server.input_errors import FileError
from mock_server.settings import Settings
from tests.support import DAY, Api, content

BUNDLED = sorted(path.stem for path in bundled("fixtures").glob("*.yaml"))
READY = sorted(path.stem for path in (bundled("fixtures") / "states").glob("*.json"))

OWN = """\
version: 1
title: Mine
accounts:
  - {accountId: 7, population: {dossiers: 30, thirdparties: 10}}
  - {accountId: 8, population: {dossiers: 10}}
requirements:
  - {documentId: 1, code: ATT_VIGI, labelFr: Attestation}
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["fixtures", *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that holds the recipe `mine`."""
    (tmp_path / "mine.yaml").write_text(OWN, encoding="utf-8")
    return tmp_path


def test_list_names_every_bundled_recipe() -> None:
    printed = run("list").output

    assert [name for name in BUNDLED if name not in printed] == ["catalogue"]
    assert re.search(r"^ *name +accounts +dossiers +title *$", printed, re.MULTILINE)
    assert re.search(
        r"^ *pages +7 +72 +Accounts of 0, 1, 9, 10, 11, 20 and 21 dossiers *$", printed, re.MULTILINE
    )


def test_list_and_generate_find_recipes_in_the_fixtures_dir(folder: Path) -> None:
    assert "Mine" in run("list", "--fixtures-dir", str(folder)).output

    made = run("generate", "mine", "--fixtures-dir", str(folder), "--out", str(folder / "mine.json"))

    assert (made.exit_code, made.stderr) == (0, "")
    assert made.stdout == f"{folder / 'mine.json'}: 40 dossiers\n"


def test_a_server_finds_a_recipe_of_that_folder_by_name(folder: Path) -> None:
    app = create_app(Settings(fixture="mine", fixtures_dir=folder))

    assert app.test_client().get("/__admin/health").json["counts"]["dossiers"] == 40  # type: ignore[index]


def test_show_prints_the_recipe_as_it_was_written() -> None:
    assert run("show", "empty").output == (bundled("fixtures") / "empty.yaml").read_text(encoding="utf-8")


def test_check_says_ok_or_the_place_of_the_error(folder: Path) -> None:
    wrong = folder / "wrong.yaml"
    wrong.write_text(OWN.replace("dossiers: 10", "dossiers: many"), encoding="utf-8")

    printed = run("check", "default", str(wrong), "nowhere", "pages")

    assert (printed.exit_code, printed.stdout) == (1, "default: ok\npages: ok\n")
    first, second, see = printed.stderr.splitlines()
    assert first.startswith(f"{wrong}:5")
    assert second.startswith("there is no recipe 'nowhere'; there are ")
    assert see == "See: mock-server explain recipes#errors"


@pytest.mark.parametrize("total", [1, 7, 40, 100])
def test_generate_makes_the_requested_number_of_dossiers_in_the_recipes_proportions(
    folder: Path, total: int
) -> None:
    out = folder / "out.json"

    run("generate", str(folder / "mine.yaml"), "--dossiers", str(total), "--out", str(out))

    accounts = [dossier.account_id for dossier in load_state(out).generated.dossiers]
    assert len(accounts) == total
    assert accounts.count(8) == pytest.approx(total / 4, abs=1)


def test_generate_keeps_how_many_dossiers_share_a_third_party(folder: Path) -> None:
    out, recipe = folder / "out.json", folder / "shared.yaml"
    recipe.write_text(
        "version: 1\ninclude: [catalogue]\naccounts:\n"
        "  - {accountId: 7, population: {dossiers: 40, thirdparties: 20}}\n",
        encoding="utf-8",
    )

    run("generate", str(recipe), "--dossiers", "10", "--out", str(out))

    assert len({dossier.thirdparty_id for dossier in load_state(out).generated.dossiers}) <= 5


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(folder: Path) -> None:
    def made(seed: str) -> bytes:
        run(
            "generate",
            str(folder / "mine.yaml"),
            "--seed",
            seed,
            "--day",
            "2026-01-15",
            "--out",
            str(folder / "o.json"),
        )
        return (folder / "o.json").read_bytes()

    assert made("1") == made("1")
    assert made("1") != made("2")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["nowhere", "--out", "x.json"], "there is no recipe 'nowhere'", id="unknown recipe"),
        pytest.param(
            ["default", "--out", "x.yaml"],
            "--out x.yaml: the name of a state file ends in .json",
            id="not a state file",
        ),
        pytest.param(
            ["default", "--out", "/nowhere/x.json"],
            "--out /nowhere/x.json: there is no folder",
            id="no such folder",
        ),
        pytest.param(
            ["default", "--day", "soon", "--out", "x.json"],
            "--day soon: write it as 2026-01-15",
            id="not a day",
        ),
        pytest.param(
            ["empty", "--dossiers", "5", "--out", "x.json"],
            "--dossiers 5: no account of empty has a population",
            id="nothing to resize",
        ),
        pytest.param(
            ["default", "--day", "2201-01-01", "--out", "x.json"],
            "--day 2201-01-01: a year from 1900 to 2200",
            id="too late",
        ),
        pytest.param(
            ["default", "--day", "1899-12-31", "--out", "x.json"],
            "--day 1899-12-31: a year from 1900 to 2200",
            id="too early",
        ),
        pytest.param(
            ["default", "--dossiers", "0", "--out", "x.json"], "0 is not in the range", id="none at all"
        ),
    ],
)
def test_generate_explains_its_errors_in_a_sentence(arguments: list[str], sentence: str) -> None:
    refused = run("generate", *arguments)

    assert refused.exit_code != 0
    assert sentence in refused.output


def test_a_state_that_cannot_be_written_leaves_no_part(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def fail(*_: object) -> None:
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    found = run("generate", "empty", "--out", str(folder / "full.json"))

    assert "full.json: No space left on device" in found.output
    assert list(folder.glob("full.*")) == []


@pytest.mark.parametrize("day", ["1900-01-01", "2200-12-31"])
def test_a_state_can_be_generated_for_the_first_and_the_last_day(folder: Path, day: str) -> None:
    out = folder / "out.json"

    made = run("generate", str(folder / "mine.yaml"), "--day", day, "--out", str(out))

    assert made.exit_code == 0, made.output
    assert load_state(out).origin.day.isoformat() == day


@pytest.mark.parametrize("name", READY)
def test_a_bundled_state_file_is_what_its_recipe_generates(name: str) -> None:
    ready = load_state(bundled("fixtures") / "states" / f"{name}.json")

    made = generate_state(read_recipe(recipe_path(name)), day=ready.origin.day)

    assert json.loads(as_json(made)) == json.loads(as_json(ready)), "run `make states`"


@pytest.mark.parametrize("name", [name for name in BUNDLED if name not in {"catalogue", "large"}])
def test_every_bundled_recipe_starts_a_server(name: str) -> None:
    app = create_app(Settings(fixture=name))

    assert app.test_client().get("/__admin/health").status_code == 200


def test_the_fixture_pages_has_accounts_at_the_edges_of_a_page() -> None:
    client = create_app(Settings(fixture="pages", auth="off")).test_client()

    totals = {
        account["id"]: content(client.get(f"/api/v1/account/{account['id']}"))["numberOfDossiers"]
        for account in content(client.get("/api/v1/account"))
    }

    assert sorted(totals.values()) == [0, 1, 9, 10, 11, 20, 21]


def test_the_fixture_large_has_ten_thousand_dossiers() -> None:
    assert "10,000" in run("list").output


def test_a_recipe_without_an_account_can_only_be_included() -> None:
    with pytest.raises(FileError, match="catalogue: there is no account in it to serve"):
        load_fixture("catalogue", DAY)


def test_a_state_file_in_the_folder_is_found_by_name_and_checked(folder: Path) -> None:
    run("generate", str(folder / "mine.yaml"), "--out", str(folder / "ready.json"))

    assert "ready" in run("list", "--fixtures-dir", str(folder)).output
    assert "ready: ok" in run("check", "ready", "--fixtures-dir", str(folder)).output
    assert load_fixture("ready", DAY, folder).name == "mine"


def test_an_exported_state_is_listed_and_checked_as_serve_takes_it(folder: Path, api: Api) -> None:
    (folder / "saved.json").write_text(json.dumps(api.control("GET", "/state")), encoding="utf-8")

    listed = run("list", "--fixtures-dir", str(folder)).output

    assert re.search(r"saved +4 +201\b", listed)
    assert "saved.json: ok" in run("check", str(folder / "saved.json")).output


def test_a_json_file_that_is_no_state_is_an_error(folder: Path) -> None:
    (folder / "other.json").write_text('{"content": 1}', encoding="utf-8")

    assert "other.json: not a state file" in run("check", str(folder / "other.json")).output


def test_a_broken_recipe_does_not_hide_the_others(folder: Path) -> None:
    (folder / "wrong.yaml").write_text("version: 2", encoding="utf-8")

    listed = run("list", "--fixtures-dir", str(folder)).output

    assert "default" in listed
    # The table folds a long path, between two words or within one.
    assert "2isnotallowed:use1" in "".join(listed.split())


def test_a_state_file_gives_the_same_responses_as_its_recipe(folder: Path) -> None:
    out = folder / "mine.json"
    run("generate", str(folder / "mine.yaml"), "--out", str(out))

    def answers(fixture: Path) -> bytes:
        client = create_app(Settings(fixture=str(fixture))).test_client()
        return bytes(Api(client, "default", account=7).get("/dossiers/all").data)

    assert answers(out) == answers(folder / "mine.yaml")


def as_json(world: object) -> bytes:
    import msgspec

    return msgspec.json.encode(world)


def test_a_name_that_is_too_long_for_a_file_is_rejected_with_a_sentence(tmp_path: Path, api: Api) -> None:
    name, recipe = "x" * 5000, tmp_path / "mine.yaml"
    recipe.write_text(f"version: 1\ninclude: [{name}]\n", "utf-8")
    runs = [
        (["fixtures", "check", str(recipe)], f"{recipe}:2: there is no recipe '{'x' * 59}...; there are "),
        (["serve", "--port", "0", "--fixture", name], "there is no recipe 'xxx"),
        (["fixtures", "generate", "empty", "--out", f"{name}.json"], "x.json: File name too long"),
        (["serve", "--fixtures-dir", name], "xxx... is not a folder"),
        (["serve", "--scenarios-dir", name], "xxx... is not a folder"),
        (
            ["fixtures", "pull", "--base-url", "x", "--username", "x", "--out", f"{name}/x.yaml"],
            "no folder xxx",
        ),
    ]
    for arguments, sentence in runs:
        result = CliRunner().invoke(main, arguments)
        assert isinstance(result.exception, SystemExit), arguments
        assert sentence in result.output
    body = {"recipe": {"version": 1, "include": [name]}}
    assert api.client.put("/__admin/fixture", json=body).status_code == 400


def test_a_device_or_a_named_pipe_is_not_read(tmp_path: Path) -> None:
    pipe, endless = tmp_path / "pipe.yaml", tmp_path / "endless.yaml"
    os.mkfifo(pipe)
    endless.symlink_to("/dev/zero")
    commands = (
        ["fixtures", "check"],
        ["fixtures", "show"],
        ["fixtures", "generate", "--out", str(tmp_path / "new.json")],
        ["scenarios", "check"],
        ["scenarios", "show"],
        ["serve", "--fixture"],
    )
    for command in commands:
        for path in (pipe, endless):
            result = CliRunner().invoke(
                main, [*command, str(path), *(["--port", "0"] * ("serve" in command))]
            )
            assert result.exit_code == 1
            assert f"{path}: a device, a named pipe or a socket: give the path of a file" in result.output


def test_a_recipe_from_a_pipe_that_the_shell_opened_is_read() -> None:
    reading, writing = os.pipe()
    os.write(writing, OWN.encode())
    os.close(writing)

    assert run("check", f"/dev/fd/{reading}").output == f"/dev/fd/{reading}: ok\n"

    os.close(reading)
