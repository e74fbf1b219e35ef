"""The pages are true: their links lead somewhere, their commands run, a page that is named is there.

A block that cannot run here has a comment above it, which readers do not see: `<!-- not run: why -->`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import requests
import yaml
from click import Context

from mock_server import pages
from mock_server.cli import main
from mock_server.control.app import CALLS
from tests.support import Api, running_server

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
EXECUTED = [
    ROOT / "docs" / f"{name}.md"
    for name in (
        "start",
        "clients",
        "verify",
        "control",
        "contract",
        "own-data",
        "fidelity",
        "troubleshooting",
    )
]
HERE = "http://127.0.0.1:8080"
BLOCK = re.compile(r"(<!-- not run: [^\n]+ -->\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# `serve` is started on its free port, and ended as soon as it is ready.
PREAMBLE = """set -eu
curl() { command curl --fail-with-body "$@"; echo; }
mock-server() {
  if [ "$1" != serve ]; then "$PYTHON" -m mock_server "$@"; return; fi
  coproc SERVER { exec "$PYTHON" -m mock_server "$@"; }
  read -r line <&"${SERVER[0]}"
  kill "$SERVER_PID"; wait "$SERVER_PID" || true
  case $line in "mock-server ready on "*) ;; *) return 1;; esac
}
"""


@cache
def anchors(path: Path) -> frozenset[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles)


def links(path: Path) -> list[str]:
    text = re.sub(
        r"^```.*?^```$|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]


def is_there(link: str, page: Path) -> bool:
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    return target.exists() and (not anchor or anchor in anchors(target))


def blocks(path: Path, language: str) -> list[str]:
    found = BLOCK.findall(path.read_text(encoding="utf-8"))
    return [text for mark, written_in, text in found if written_in == language and not mark]


def named_pages() -> Iterator[str]:
    for table in (pages.COMMANDS, pages.CONTROL_CALLS):
        yield from table.values()
    yield from (
        pages.ANY_CONTROL_CALL,
        pages.WHO_MAY,
        pages.UNMATCHED,
        pages.NO_SANDBOX,
        pages.CLOCKS,
        pages.PROXY,
    )


@pytest.fixture(scope="module")
def here() -> Iterator[str]:
    with running_server() as (url, _):
        yield url


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_link_is_dead(page: Path) -> None:
    assert [link for link in links(page) if not is_there(link, page)] == []


@pytest.mark.parametrize("page", sorted(set(named_pages())))
def test_a_page_that_a_refusal_names_is_there(page: str) -> None:
    assert is_there(page, ROOT / "README.md")


def test_every_command_has_a_page_for_its_errors() -> None:
    assert set(main.list_commands(Context(main))) == set(pages.COMMANDS)


def test_every_page_for_control_calls_is_about_one() -> None:
    assert set(pages.CONTROL_CALLS) <= {call.path.split("/")[1] for call in CALLS}


@pytest.mark.parametrize(
    ("method", "path", "page"),
    [
        ("PUT", "/clock", "docs/control.md#the-clock"),
        ("PUT", "/scenario", "docs/scenarios.md#run-a-scenario"),
        ("GET", "/nowhere", "docs/control.md"),
        ("GET", "/clock?sandbox=a%20b", "docs/control.md#a-sandbox-per-test"),
    ],
)
def test_a_problem_names_its_page(api: Api, method: str, path: str, page: str) -> None:
    answer = api.client.open(f"/__admin{path}", method=method, json={"wrong": 1})

    assert (answer.json or {})["docs"] == page


def test_a_path_that_the_api_does_not_have_names_its_page(api: Api) -> None:
    assert api.get("/dosiers").headers["X-Mock-Docs"] == pages.UNMATCHED
    assert "X-Mock-Docs" not in api.get("/dossiers/1").headers


@pytest.mark.parametrize("page", EXECUTED, ids=lambda page: page.stem)
def test_the_commands_of_a_page_run(page: Path, here: str, tmp_path: Path) -> None:
    requests.post(f"{here}/__admin/reset", timeout=5)
    script = PREAMBLE + "\n".join(blocks(page, "sh")).replace(HERE, here)

    ran = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"BASE": here, "PYTHON": sys.executable, "MOCK_SERVER_PORT": "0"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr


@pytest.mark.parametrize("page", EXECUTED, ids=lambda page: page.stem)
def test_the_programs_of_a_page_run(page: Path, here: str) -> None:
    requests.post(f"{here}/__admin/reset", timeout=5)
    for program in blocks(page, "python"):
        ran = subprocess.run(
            [sys.executable, "-c", program.replace(HERE, here)], capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_yaml_and_json_of_a_page_can_be_read(page: Path) -> None:
    for text in blocks(page, "yaml"):
        list(yaml.safe_load_all(text))
    for text in blocks(page, "json"):
        json.loads(text)
