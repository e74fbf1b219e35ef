"""`mock-server scenarios list` and `show`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mock_server.cli import main
from mock_server.fixtures.library import bundled
from mock_server.scenarios.files import read_scenario

BUNDLED = sorted(bundled("scenarios").glob("*.yaml"), key=lambda path: path.stem)

OWN = """\
version: 1
scenario: outage
title: Mine
tags: [own]
rules:
  - {name: away, when: {operation: [getDossier, listDossiers]}, then: {respond: {status: 503}}}
  - {name: slow, when: {}, then: {delay: {type: fixed, milliseconds: 1}}}
steps:
  - {name: one, call: listDossiers, expect: {status: 503}}
  - {name: two, control: DELETE /scenario}
  - {name: four, dialect: edge, call: listEvidences, path: {dossierId: 1, documentId: 1}}
  - {name: three, together: [{call: listAccounts}, {call: listDossiers}]}
"""


def scenarios(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["scenarios", *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the scenario `outage`."""
    (tmp_path / "outage.yaml").write_text(OWN, encoding="utf-8")
    (tmp_path / "notes.md").write_text("no scenario", encoding="utf-8")
    return tmp_path


def test_list_has_every_bundled_scenario() -> None:
    listed = scenarios("list").output.splitlines()

    assert listed[0].split() == ["name", "title", "tags", "steps"]
    names = [line.split(" ")[0] for line in listed[1:] if not line.startswith(" ")]
    assert names == [path.stem for path in BUNDLED]


def test_list_shows_title_tags_and_steps_of_own_scenarios(folder: Path) -> None:
    listed = scenarios("list", "--scenarios-dir", str(folder)).output

    [row] = [line for line in listed.splitlines() if line.startswith("outage ")]
    assert row.split() == ["outage", "Mine", "own", "4"]


def test_list_selects_scenarios_by_tag(folder: Path) -> None:
    own = ["--scenarios-dir", str(folder)]

    for tags, expected in (
        (["own"], ["outage"]),
        (["own", "pagination"], ["outage", *_with_tag("pagination")]),
    ):
        listed = scenarios("list", *own, *(part for tag in tags for part in ("--tag", tag))).output
        names = [line.split(" ")[0] for line in listed.splitlines()[1:] if not line.startswith(" ")]
        assert sorted(names) == sorted(expected)
    unknown = scenarios("list", *own, "--tag", "x9")
    assert unknown.exit_code == 2
    assert "no scenario has the tag x9; there are " in unknown.output


def _with_tag(tag: str) -> list[str]:
    return [path.stem for path in BUNDLED if tag in read_scenario(path).tags]


@pytest.mark.parametrize("by_path", [True, False], ids=["by path", "by name"])
def test_show_prints_the_file_and_its_rules_and_steps_in_brief(folder: Path, *, by_path: bool) -> None:
    asked = [str(folder / "outage.yaml")] if by_path else ["outage", "--scenarios-dir", str(folder)]

    shown = scenarios("show", *asked)

    assert shown.exit_code == 0
    assert shown.output == OWN + (
        "\noutage: Mine\n"
        "  rule away (getDossier, listDossiers)\n"
        "  rule slow (any call)\n"
        "  step 1 one (listDossiers)\n"
        "  step 2 two (DELETE /scenario)\n"
        "  step 3 four (listEvidences, edge only)\n"
        "  step 4 three (listAccounts, listDossiers)\n"
    )


def test_show_of_an_unknown_scenario_says_how_to_list_them() -> None:
    shown = scenarios("show", "nowhere")

    assert shown.exit_code == 1
    assert (
        "unknown scenario 'nowhere'; `mock-server scenarios list` lists them;"
        " --scenarios-dir DIR adds your own, or give the path of a file" in " ".join(shown.stderr.split())
    )


def test_a_renamed_scenario_is_found_by_its_old_name_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    shown = scenarios("show", "completeness-evidence-lapses")

    assert "scenario: completeness-evidence-expires\n" in shown.output
    [record] = caplog.records
    assert record.getMessage() == (
        "the scenario completeness-evidence-lapses is deprecated and will be removed in version 0.3.0:"
        " use completeness-evidence-expires"
    )


def test_a_similar_name_and_the_option_for_other_folders_are_proposed(tmp_path: Path) -> None:
    near, own = scenarios("show", "wire-garbag"), scenarios("show", "x", "--scenarios-dir", str(tmp_path))

    assert "unknown scenario 'wire-garbag'; did you mean 'wire-garbage'? --scenarios-dir DIR" in near.stderr
    assert f"those in {tmp_path} are included" in " ".join(own.stderr.split())
