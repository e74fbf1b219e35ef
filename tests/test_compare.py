"""`mock-server compare` against sandboxes that were bent: every bend is found, and nothing else."""

from __future__ import annotations

import json
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mock_server.cli import main
from mock_server.comparing.shapes import divergences, shape
from tests.support import TOKEN_URL, running_server
from tests.test_scenarios_elsewhere import Elsewhere

FOUND_NONE = ["the status is 404 there, 200 here", "the error code is NOT_FOUND there, none here"]
BENT_BY_VARIANTS = {
    "documentDetail=object": {"a document": ["$.content is object there, array here"]},
    "fileItems=document": {
        "the files of a document": [
            "$.content[].documentId is number there, and missing here",
            "$.content[].listFileInformation is array there, and missing here",
        ]
    },
    "emptySearch=not-found": {
        "dossiers, none found": FOUND_NONE,
        "third parties, none found": FOUND_NONE,
    },
    "documentName=label": {},
    "refusals=result": {},
}
BENT_BY_PATCHES: list[tuple[Any, str]] = [
    ({"riskScore": 7}, "$.content.riskScore is number there, and missing here"),
    ({"monitored": None}, "$.content.monitored is missing there, and boolean here"),
    ({"monitored": "true"}, "$.content.monitored is string there, boolean here"),
]


def compare(url: str, *options: str) -> Result:
    login = ("--username", "api@example.com", "--password", "demo")
    return CliRunner().invoke(main, ["compare", "--base-url", url, *login, *options])


def told(result: Result) -> dict[str, list[str]]:
    """What differed, by probe."""
    found: dict[str, list[str]] = {}
    for line in result.stdout.splitlines()[:-1]:
        if line.startswith("  "):
            found[list(found)[-1]].append(line.strip())
        else:
            found[line.rpartition(" (")[0]] = []
    return found


def bent_by(folder: Path, then: Any) -> str:
    """A scenario of which the first reading of a dossier is answered so."""
    rule = {"name": "bent", "when": {"operation": "getDossier", "nth": 1}, "then": then}
    path = folder / "bent.yaml"
    content = {"version": 1, "scenario": "bent", "title": "Bent", "rules": [rule]}
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("dialect", ["rest", "edge"])
def test_between_equals_nothing_differs(dialect: str) -> None:
    with running_server("--dialect", dialect) as (url, _):
        found = compare(url, "--dialect", dialect, "--allow-writes")

    assert (found.exit_code, told(found)) == (0, {}), found.output
    assert "nothing differs" in found.stdout


@pytest.mark.parametrize("variant", BENT_BY_VARIANTS)
def test_another_variant_is_found_and_nothing_else(variant: str) -> None:
    with running_server("--variant", variant) as (url, _):
        found = compare(url)

    assert told(found) == BENT_BY_VARIANTS[variant]
    assert found.exit_code == bool(BENT_BY_VARIANTS[variant])


def test_refusals_are_found_by_writing() -> None:
    with running_server("--variant", "refusals=result") as (url, _):
        found = compare(url, "--allow-writes")

    assert found.exit_code == 1
    assert {line for lines in told(found).values() for line in lines} == {"the status is 200 there, 400 here"}


@pytest.mark.parametrize(("patch", "expected"), BENT_BY_PATCHES, ids=["more", "less", "another type"])
def test_a_patched_member_is_found_and_nothing_else(tmp_path: Path, patch: Any, expected: str) -> None:
    scenario = bent_by(tmp_path, {"patch": {"content": patch}})
    with running_server("--scenario", scenario) as (url, _):
        found = compare(url)

    assert (found.exit_code, told(found)) == (1, {"a dossier": [expected]})


def test_null_is_found_where_the_contract_has_none() -> None:
    there, here = shape({"name": None}), shape({"name": "x"})

    assert [str(one) for one in divergences(there, here, lambda _: False)] == [
        "$.name is null there, string, and never null, here"
    ]
    assert list(divergences(there, here, lambda _: True)) == []


def test_nothing_is_written_unless_allowed() -> None:
    seen: list[Any] = []
    handler = type("Handler", (Elsewhere,), {"seen": seen})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        found = compare(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()

    assert found.exit_code == 1
    assert {(method, path) for method, path, *_ in seen if method != "GET"} == {("POST", TOKEN_URL)}


def test_called_wrongly_it_ends_with_2(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["compare"]).exit_code == 2
    assert compare("http://127.0.0.1:9", "--json", str(tmp_path / "no" / "x.json")).exit_code == 2


def test_nobody_there_is_told() -> None:
    found = compare("http://127.0.0.1:9")

    assert found.exit_code == 1
    assert "could not log in" in found.stderr
