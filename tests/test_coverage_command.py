"""Coverage of suites: merged, shown with a minimum and exclusions, and compared with a baseline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mock_server.cli import main
from tests.support import SEED_DOSSIER, Api


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["coverage", *map(str, arguments)])


@pytest.fixture
def files(api: Api, tmp_path: Path) -> tuple[Path, Path]:
    """Two answers of a server: of a search, and later of a dossier too."""
    paths = tmp_path / "first.json", tmp_path / "second.json"
    for path, call in zip(paths, ("/dossiers?pageSize=1000", f"/dossiers/{SEED_DOSSIER}"), strict=True):
        api.send("GET", api.url(call))
        path.write_text(json.dumps(api.control("GET", "/coverage")))
    return paths


def test_a_report_has_what_was_reached_and_what_never(files: tuple[Path, Path]) -> None:
    text = run("report", files[0])
    found = json.loads(run("report", files[0], "--format", "json").output)

    assert (text.exit_code, "Operations" in text.output, "never" in text.output.lower()) == (0, True, True)
    assert found["kinds"]["operations"]["listDossiers"] == 1
    assert found["kinds"]["operations"]["getDossier"] == 0
    assert found["kinds"]["pages"]["listDossiers.largestSize"] == 1
    assert found["kinds"]["processes"]["import.E103"] == 0
    assert found["kinds"]["variants"]["refusals=http400"] == 2
    reached = sum(bool(times) for items in found["kinds"].values() for times in items.values())
    total = sum(map(len, found["kinds"].values()))
    assert found["percent"] == 100 * reached // total
    assert f"{reached} of {total} items were reached: {found['percent']} %." in text.output


def test_files_are_added(files: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "sum.json"

    assert run("merge", *files, "--out", out).exit_code == 0
    merged = json.loads(out.read_text())
    assert merged["kinds"]["operations"]["listDossiers"] == 2
    assert json.loads(run("merge", out).output) == merged


def test_a_minimum_and_exclusions_decide(files: tuple[Path, Path]) -> None:
    found = run("report", files[0], "--min", 90)
    assert (found.exit_code, "--min is 90 %." in found.output) == (1, True)
    assert run("report", files[0], "--min", 1).exit_code == 0
    excluded = run("report", files[0], "--exclude", "E113: our accounts are active", "--format", "json")
    assert json.loads(excluded.output)["excluded"] == {"E113": "our accounts are active"}


@pytest.mark.parametrize("kind", ["text", "markdown", "html"])
def test_a_report_is_written_in_each_format(files: tuple[Path, Path], tmp_path: Path, kind: str) -> None:
    out = tmp_path / "report"
    reason = "<b>|cannot|</b>"

    result = run("report", files[0], "--format", kind, "--out", out, "--exclude", f"E113:{reason}")

    text = out.read_text()
    assert (result.exit_code, result.output) == (0, "")
    assert "listDossiers.lastFull" in text
    assert ("<p>" in text, " items were reached: " in text) == (kind == "html", True)
    assert ("<b>" in text) == (kind == "text")
    assert text.count("<table>") == text.count("</table>") == (3 if kind == "html" else 0)
    assert (kind != "markdown") or "| E113 | &lt;b>\\|cannot\\|&lt;/b> |" in text


def test_a_baseline_shows_what_is_no_longer_reached(files: tuple[Path, Path]) -> None:
    before, after = files

    better, worse = run("diff", before, after), run("diff", after, before, "--format", "markdown")

    assert (better.exit_code, "newly reached" in better.output, "getDossier" in better.output) == (
        0,
        True,
        True,
    )
    assert "0 no longer reached, 1 newly reached." in better.output
    assert worse.exit_code == 1
    assert "1 no longer reached, 0 newly reached." in worse.output
    assert "| no longer reached | getDossier |" in worse.output
    assert worse.stderr.startswith("Error: this run no longer reaches getDossier\n")
    gained = json.loads(run("diff", before, after, "--format", "json").output)
    assert gained == {"noLongerReached": [], "newlyReached": ["getDossier"]}


@pytest.mark.parametrize(
    ("arguments", "content", "code", "sentence"),
    [
        (("report", "nowhere.json"), None, 1, "No such file or directory"),
        (("report",), "{", 1, "not JSON: "),
        (("report",), "[" * 200_000, 1, "not JSON: maximum recursion depth exceeded"),
        (("report",), "[]", 1, "$: a list is not an object; give a file of pytest --dossiers-coverage=FILE"),
        (("report",), '{"kinds": 1}', 1, "$.kinds: 1 is not an object"),
        (("report",), '{"kinds": {"codes": {"E1": -1}}}', 1, "$.kinds[...][...]: a value is out of range: "),
        (("report",), "{}", 1, "$: the key 'operations' is missing; give "),
        (
            ("report", "--exclude", "E202"),
            "",
            2,
            "'E202' is excluded without a reason: write 'E202: the reason'",
        ),
        (
            ("report", "--exclude", "getDosier: x"),
            "",
            2,
            "nothing named 'getDosier' to exclude; did you mean 'getDossier'?",
        ),
        (("report", "--min", "101"), "", 2, "101 is not in the range 0<=x<=100"),
        (("report", "--out", "/nowhere/x"), "", 2, "there is no folder /nowhere"),
        (("diff", "x.json", "--out", "/nowhere/x"), "{", 2, "there is no folder /nowhere"),
        (("merge", "--out", "/nowhere/x"), "", 2, "there is no folder /nowhere"),
        (("merge",), None, 2, "Missing argument"),
    ],
)
def test_a_wrong_file_or_option_is_one_sentence(
    files: tuple[Path, Path],
    tmp_path: Path,
    arguments: tuple[str, ...],
    content: Any,
    code: int,
    sentence: str,
) -> None:
    path = tmp_path / "given.json"
    path.write_text(content or files[0].read_text())

    result = run(*arguments, *([] if content is None else [path]))

    assert (result.exit_code, sentence in result.output) == (code, True), result.output
    assert "Traceback" not in result.output
