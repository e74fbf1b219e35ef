"""The pages are true: their links lead somewhere, their commands run, a page that is named is there.

A block that cannot run here has a comment above it, which readers do not see: `<!-- not run: why -->`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from click import Context
from click.testing import CliRunner, Result

from mock_server import cli, pages
from mock_server.cli import main
from mock_server.control.app import CALLS
from mock_server.documentation import headings, page_names, read_page, section_of
from tests.processes import run, shell_command, show_on_terminal
from tests.support import Api, running_server

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    path for place in ("*.md", "docs/*.md", "examples/**/*.md", "scenarios/*.md") for path in ROOT.glob(place)
)
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
  if [ "$1" != serve ]; then $MOCK_SERVER "$@"; return; fi
  coproc SERVER { exec $MOCK_SERVER "$@"; }
  read -r line <&"${SERVER[0]}"
  kill "$SERVER_PID"; wait "$SERVER_PID" || true
  case $line in "mock-server ready on "*) ;; *) return 1;; esac
}
"""


@cache
def anchors(path: Path) -> frozenset[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    return frozenset(headings(path.read_text(encoding="utf-8")))


def links(path: Path) -> list[str]:
    text = re.sub(
        r"^```.*?^```$|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]


def is_there(link: str, page: Path) -> bool:
    """Whether a relative link of a page leads to a file, and to an anchor in it."""
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


def explain(topic: str) -> Result:
    """What `mock-server explain` prints about a topic."""
    return CliRunner().invoke(main, ["explain", topic])


def test_no_link_is_dead() -> None:
    assert [(page, link) for page in PAGES for link in links(page) if not is_there(link, page)] == []


def test_a_page_that_an_error_names_can_be_printed_and_is_served(here: str) -> None:
    named = {page.partition("#")[0] for page in named_pages()}
    served = {name: requests.get(f"{here}/__admin/docs/{name}", timeout=5) for name in named}

    for page in sorted(set(named_pages())):
        name, _, anchor = page.partition("#")
        printed, shown = explain(page), served[name]
        assert printed.exit_code == 0, printed.stderr
        assert not anchor or f'id="{anchor}"' in shown.text, page
        title, heading = re.findall("<title>(.*?) - mock-server</title>|<h1[^>]*>(.*?)</h1>", shown.text)[:2]
        assert title[0] == heading[1] != "", page
        assert shown.status_code == 200, page


def test_every_command_has_a_page_for_its_errors() -> None:
    modules = {path.stem: path.read_text(encoding="utf-8") for path in Path(cli.__file__).parent.glob("*.py")}
    commands = {name for name, code in modules.items() if "@click" in code and f"def {name}(" in code}

    assert commands == set(main.list_commands(Context(main))) == set(pages.COMMANDS)


def test_every_page_for_control_calls_is_about_one() -> None:
    assert set(pages.CONTROL_CALLS) <= {call.path.split("/")[1] for call in CALLS}


@pytest.mark.parametrize(
    ("method", "path", "page"),
    [
        ("PUT", "/clock", "control#the-clock"),
        ("PUT", "/scenario", "scenarios#run-a-scenario"),
        ("GET", "/nowhere", "control"),
        ("GET", "/clock?sandbox=a%20b", "control#a-sandbox-per-test"),
    ],
)
def test_a_problem_names_its_page(api: Api, method: str, path: str, page: str) -> None:
    answer = api.client.open(f"/__admin{path}", method=method, json={"wrong": 1} if method == "PUT" else {})

    assert (answer.json or {})["docs"].endswith(f"/__admin/docs/{page}")
    assert (answer.json or {})["docs"].startswith("http://")


def test_a_path_that_the_api_does_not_have_names_its_page(api: Api) -> None:
    assert api.get("/dosiers").headers["X-Mock-Docs"].endswith(f"/__admin/docs/{pages.UNMATCHED}")
    assert "X-Mock-Docs" not in api.get("/dossiers/1").headers


def test_no_message_names_a_file_of_the_repository() -> None:
    named = {
        f"{path.relative_to(ROOT)}: {found}"
        for path in (ROOT / "mock_server").rglob("*")
        if path.suffix in {".py", ".js", ".html"} and "_data" not in path.parts
        for found in re.findall(r"docs/[\w-]+\.\w+|[\w-]+/README\.md", path.read_text(encoding="utf-8"))
    }

    assert named == set()


def test_a_served_page_links_only_to_what_is_served(here: str) -> None:
    folder = f"{here}/__admin/docs/"
    pages_of_server = {name: requests.get(folder + name, timeout=5).text for name in page_names()}
    ids = {name: set(re.findall(r'id="([^"]+)"', text)) for name, text in pages_of_server.items()}
    for name, text in pages_of_server.items():
        for link in re.findall(r'href="([^"]+)"', text):
            if "://" in link or link == "../ui":
                continue
            target, _, anchor = link.partition("#")
            is_schema = target.endswith(".schema.json") and requests.get(folder + target, timeout=5).ok
            assert is_schema or target in ids or not target, (name, link)
            assert not anchor or anchor in ids[target or name], (name, link)
        assert "<!--" not in text


TOPICS = {
    "E202": "# E202",
    "6.1.2": "- **6.1.2** Stopped dossiers count",
    "6.1": "### 6.1 Dossier reference",
    "stopdossier": "### 3.12 stopDossier - POST",
    "C15": "# C15\n\n- question: normalising a reference\n",
    "refusals": "# `refusals`\n\n- values: `http400`, `result`\n",
    "control#imports": "### Imports",
}


def test_a_topic_is_printed() -> None:
    assert {topic: explain(topic).stdout[: len(begin)] for topic, begin in TOPICS.items()} == TOPICS


def test_a_section_ends_where_the_next_of_its_level_begins() -> None:
    deeper = "### Two\n\n```sh\n## no heading\n```\n"
    one, other = f"## One\n\ntext\n\n{deeper}", "## Another, longer\n\nend\n"
    page = f"# Title\n\n{one}\n{other}"

    assert headings(page) == {
        "title": "Title",
        "one": "One",
        "two": "Two",
        "another-longer": "Another, longer",
    }
    for anchor, section in (
        ("title", page),
        ("one", one),
        ("two", deeper),
        ("another-longer", other),
        ("no-heading", None),
    ):
        assert section_of(page, anchor) == section


def test_a_rule_and_a_row_are_printed_alone() -> None:
    rule, decision, code = (run("explain", topic).stdout for topic in ("6.1.2", "C15", "E202"))

    assert re.findall(r"^- \*\*[\d.]+\*\*|^#.*", rule, re.MULTILINE) == ["- **6.1.2**"]
    labels = [line.partition(":")[0] for line in decision.splitlines()[2:]]
    assert labels == ["- question", "- what the sandbox does", "- why", "- variant"]
    labels = [line.partition(":")[0] for line in code.splitlines()[2:]]
    assert labels == ["- English", "- French", "- when", "- how sure it is", "- rules"]


def test_on_a_terminal_a_topic_has_a_layout() -> None:
    shown = show_on_terminal("explain", "E202")

    assert re.search(r"^ +\x1b\S+mE202\x1b", shown)


def test_without_a_topic_the_pages_are_listed_with_their_titles() -> None:
    lines = run("explain").stdout.splitlines()

    listed = dict(line.split(maxsplit=1) for line in lines)
    assert [*listed] == [*page_names()]
    for name, title in listed.items():
        assert (read_page(name) or "").startswith(f"# {title}\n"), name


UNKNOWN_TOPICS = {
    "recipe": "there is no topic 'recipe'; did you mean recipes?",
    "control#clock": "the page control has, for example, control#the-clock",
    # three sections at most
    "control#zzzz": "for example, control#all-control-calls, control#server-and-sandboxes, control#time\n",
    "E000": "there is no topic 'E000'; `mock-server explain` lists the pages",
    "zzz": "`mock-server explain` lists the pages",
}


def test_an_unknown_topic_is_an_error_with_similar_ones() -> None:
    for topic, advice in UNKNOWN_TOPICS.items():
        answer = explain(topic)
        assert answer.exit_code == 1, topic
        assert advice in answer.stderr


def test_an_unknown_page_is_a_404_that_lists_the_pages(here: str) -> None:
    answer = requests.get(f"{here}/__admin/docs/nowhere", timeout=5)

    assert answer.status_code == 404
    assert "there is no page 'nowhere'; there are architecture, behaviour" in answer.json()["detail"]


@pytest.mark.parametrize("page", EXECUTED, ids=lambda page: page.stem)
def test_the_commands_of_a_page_run(page: Path, here: str, tmp_path: Path) -> None:
    requests.post(f"{here}/__admin/reset", timeout=5)
    script = PREAMBLE + "\n".join(blocks(page, "sh")).replace(HERE, here)

    ran = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"BASE": here, "MOCK_SERVER": shell_command(), "MOCK_SERVER_PORT": "0"},
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


def test_yaml_and_json_of_a_page_can_be_read() -> None:
    for page in PAGES:
        for text in blocks(page, "yaml"):
            assert is_read(all_documents, text), (page, text)
        for text in blocks(page, "json"):
            assert is_read(json.loads, text), (page, text)


def all_documents(text: str) -> list[Any]:
    return list(yaml.safe_load_all(text))


def is_read(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except (ValueError, yaml.YAMLError):
        return False
    return True
