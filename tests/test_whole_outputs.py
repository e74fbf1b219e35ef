"""Whole outputs of commands: a test runs some, and its snapshot has all that they wrote, as a user reads it.

After a wanted change, `make test ARGS="--snapshot-update tests/test_whole_outputs.py"` writes them again:
read what has changed in them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from rich.console import Console
from rich.text import Text
from syrupy.assertion import SnapshotAssertion

from mock_server.app import create_app
from mock_server.cli import main
from mock_server.cli.serve import read_settings
from mock_server.client import Sandbox
from mock_server.compare import comparison
from mock_server.compare.comparison import Explanation, ScenarioComparison, StepComparison
from mock_server.compare.report import Report, sentences
from mock_server.compare.report import table as comparison_table
from mock_server.compare.shapes import Divergence
from mock_server.documentation import page_names, read_page
from mock_server.domain.names import cut
from mock_server.scenarios import runner
from mock_server.scenarios.file_format import Scenario
from mock_server.scenarios.http_client import HttpResponse, NoResponse
from mock_server.scenarios.matching import Difference
from mock_server.scenarios.report import failure_lines, junit, styled, summary, table
from mock_server.scenarios.results import CallResult, Result, StepResult
from mock_server.settings import Settings
from mock_server.values import text_of
from mock_server.web.services import of
from tests.support import PARIS, Api, running_server
from tests.test_recipe_errors import FORM, MEANING, error_message
from tests.test_scenario_errors import ERRORS, RIGHT
from tests.test_scenarios_elsewhere import elsewhere
from tests.test_settings import BAD, BY_NAME
from tests.transcript import NOW, as_lines
from tests.wire import wire_server

__all__ = ["elsewhere"]

MASKS = {
    r"http://127\.0\.0\.1:\d+": "http://HOST",
    r"\[Errno \d+\] ": "",
    r"\bin \d+ ms": "in … ms",
    r"\b[\d,]{4,} bytes": "… bytes",
    r"\bin \d+\.\d s": "in … s",
    r"\b0\.\d\d\d s": "… s",
    r'time="[\d.]+"': 'time="…"',
    r"\brun-[0-9a-f]{8}\b": "run-…",
    r"mock-server \d+\.\d+\.\d+": "mock-server …",
    r"(?m)^( +clock:) '2[^']+'": r"\1 …",
    r"PT\d+\.\d+S": "PT…S",
    r"doctor-[0-9a-f]{8}\b": "doctor-…",
    r"(?m)^ok    (?:Python|platform|libraries|clock) .*\n": "",
    r'("about": "(?:Python|platform|libraries|clock)",\s+"state": "ok",\s+"found": )"[^"]*"': r"\1…",
    r"version \d+\.\d+\.\d+,": "version …,",
    r"Usage: mock-server .*\nTry '.*\n\n": "",
    r"\b1\d\d checked": "… checked",
    r"( port |PORT=)\d{2,}": r"\1…",
}
"""What differs at each run, as a regular expression, and what the outputs have instead."""


class Terminal:
    """The commands of a story and their outputs, as text; they run in a new folder, shown as FOLDER."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._parts: list[str] = []

    def write(self, name: str, text: str) -> str:
        """Write a file of the folder; return its name."""
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    def run(self, *arguments: object, **environment: str) -> None:
        """Run a command of `mock-server`, with these environment variables in addition."""
        command = [*map(str, arguments)]
        variables = {"COLUMNS": "100"} | environment
        done = CliRunner().invoke(main, command, prog_name="mock-server", env=variables)
        assert isinstance(done.exception, SystemExit | None), done.exc_info
        shown = " ".join([*(f"{name}={value}" for name, value in environment.items()), "$", *command])
        outputs = [
            f"{name}:\n{text}" for name, text in (("stdout", done.stdout), ("stderr", done.stderr)) if text
        ]
        self._parts.append("\n".join([shown, f"exit {done.exit_code}", *outputs]))

    def show(self, name: str) -> None:
        """Add the content of a file that a command has written."""
        path = self.folder / name
        content = path.read_text(encoding="utf-8") if path.exists() else "is not there"
        content = re.sub(
            r"\{[^{}]*\}", lambda found: " ".join(found[0].split()), content.replace("><", ">\n<")
        )
        self._parts.append(f"{name}:\n{content}\n")

    def __str__(self) -> str:
        """Return the story, with the same text in each run."""
        text = "\n".join(self._parts).replace(str(self.folder), "FOLDER")
        for pattern, mask in MASKS.items():
            text = re.sub(pattern, mask, text)
        return text


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal whose current folder is new."""
    for name in os.environ:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return Terminal(tmp_path)


def test_wrong_recipes(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    path = tmp_path / "mine.yaml"
    found: dict[str, Any] = {}
    for case, (text, _) in (FORM | MEANING).items():
        path.write_text(text, encoding="utf-8")
        found[case] = error_message(path)
    assert as_lines(found) == snapshot


NO_YAML = (
    *("a:\tb: c", "a: [b\nc: d", "a: {b: c\nd: e", "a:\n\tb: c", "a: [\n", "- a\nb: c", 'a: "x\n', "a: 'x"),
    *(
        "a: b\n c\n d: e",
        "a\nb: c",
        "a: @x",
        "a: %x",
        "a: b\n  c: d",
        "a: - b",
        'a: "x" y',
        "a:\n  - b\n c: d",
    ),
    *(
        "a: &x\nb: *y",
        "? [a]\n: b",
        "a: !x y",
        "a: `x`",
        "a: |1x\n b",
        "%YAML 3.0\n---\na: b",
        "a: b\n---\nc: d",
    ),
    *(
        "a: 0x_",
        "a: 010",
        "a: 0777",
        "a: -012",
        f"a: {'9' * 1001}",
        "a: b\na: c",
        "1: a",
        "null: a",
        "a: \x07",
    ),
)


def test_wrong_yaml(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    path = tmp_path / "mine.yaml"
    found = {}
    for text in NO_YAML:
        path.write_text(text, encoding="utf-8")
        found[cut(repr(text))] = error_message(path)
    assert as_lines(found) == snapshot


def test_wrong_scenarios(terminal: Terminal, snapshot: SnapshotAssertion) -> None:
    files = []
    for case, (right, wrong, _, _) in ERRORS.items():
        name = re.sub(r"\W+", "-", case.lower())
        text = RIGHT.replace(right, wrong, 1).replace("scenario: mine", f"scenario: {name}")
        files.append(terminal.write(f"{name}.yaml", text))
    terminal.run("scenarios", "check", *files)
    assert str(terminal) == snapshot


# Scenarios

FAILING = """\
version: 1
scenario: failing
title: Each kind of failure
tags: [mine]
given:
  clock: "2031-01-02T10:00:00"
rules:
  - name: short
    when: {operation: listAccounts, method: GET}
    then: {respond: {status: 200, headers: {X-Mine: "a"}, body: {content: [{id: 1}], "totalElements": 7}}}
  - {name: garbled, when: {operation: getAccountStatistics}, then: {fault: MALFORMED_BODY}}
  - {name: away, when: {operation: listThirdparties}, then: {fault: EMPTY_RESPONSE}}
  - name: picture
    when: {operation: getProcess}
    then: {respond: {status: 200, headers: {Content-Type: image/png}, body: abc}}
  - {name: hold, when: {operation: importDossier}, then: {process: {hold: true}}}
steps:
  - {name: a long answer, call: getDossier, path: {dossierId: 804127}, expect: {status: [201, 404]}}
  - {name: no success, call: getDossier, path: {dossierId: 1}, save: {id: content.dossierId}}
  - name: a member
    call: listAccounts
    expect: {body: {content: [{id: 2}], messages: [], totalElements: {$atMost: 6}}}
  - {name: headers, call: listAccounts, expect: {headers: {X-Page: 1, X-Mine: {$matches: b}}}}
  - {name: a text, call: listAccounts, query: {page: 2, pageSize: [1, 2]}, expect: {text: ok}}
  - {name: another code, call: listDossiers, query: {pageSize: 2000}, expect: {refused: [E010, E001]}}
  - {name: hits, call: listDossiers, query: {dossierReference: NONE}, expect: {found: 1}}
  - {name: no refusal, call: listDossiers, query: {dossierReference: NONE}, expect: {refused: [E010]}}
  - {name: no fault, call: listAccounts, expect: {fault: MALFORMED_BODY, status: 404}}
  - {name: another fault, call: listThirdparties, expect: {fault: NO_RESPONSE}, timeout: 5s}
  - {name: a fault, call: listThirdparties}
  - {name: too quick, call: listAccounts, expect: {took: {atLeast: 5s}}}
  - {name: too slow, call: listAccounts, expect: {took: {atMost: 0ms}}}
  - {name: nothing to save, call: listAccounts, save: {letter: "content[0].name", other: "content[1]"}}
  - {name: a value that was not saved, call: stopDossier, path: {dossierId: "{id}"}}
  - name: saved values
    call: getDossier
    path: {dossierId: 804127}
    save: {list: content.indicators, nothing: content.stoppingDate}
  - {name: null as an id, call: getDossier, path: {dossierId: "{nothing}"}}
  - {name: a list of objects as a parameter, call: listAccounts, query: {page: "{list}"}}
  - {name: a list in a text, call: listDossiers, query: {dossierReference: "of {list}"}, expect: {found: 1}}
  - {name: no JSON, call: getAccountStatistics, expect: {body: {content: 1}}}
  - {name: a picture, call: getProcess, path: {processId: x}, expect: {status: 404}}
  - {name: no login, call: listAccounts, as: {username: multi@example.com, password: wrong}}
  - {name: a control call, control: PUT /clock, body: {now: soon}}
  - {name: a form, call: getToken, form: {password: wrong}}
  - name: an import
    call: importDossier
    body: {companyIdType: CIT001, companyIdValue: "99050000100013", dossierReference: PO-1}
    expect: {refused: [E201]}
  - name: several calls
    together:
      - {call: listAccounts, name: good}
      - {call: listAccounts, name: bad, headers: {X-Sent: "1"}, expect: {status: 204}}
      - {call: getDossier, path: {dossierId: 1}, repeat: 2}
  - {name: never, call: listAccounts, timeout: 30s, until: {content: 1}}
"""
PASSING = """version: 1
scenario: passing
title: A command with both values of a variant
tags: [mine, other]
rules:
  - {name: slow, when: {operation: [getDossier, listDossiers]}, then: {delay: {type: fixed, milliseconds: 1}}}
  - {name: all, when: {}, then: {delay: {type: fixed, milliseconds: 1}}}
steps:
  - {name: stopped, call: stopDossier, path: {dossierId: 804127}}
  - name: refused
    call: updateDossier
    path: {dossierId: 804127}
    body: {description: x}
    expect: {refused: [E201]}
  - {name: in EDGE, dialect: edge, call: listEvidences, path: {dossierId: 804127, documentId: 1}}
  - {name: later, control: POST /clock/advance, body: {by: PT1M}}
  - {name: both, together: [{call: listAccounts}, {call: listDossiers}]}
"""
UNABLE = """version: 1
scenario: unable
title: Its start data cannot be used
tags: [mine]
given: {fixture: nowhere}
steps:
  - {name: one, call: listAccounts}
"""


def test_scenarios_that_fail(terminal: Terminal, server: str, snapshot: SnapshotAssertion) -> None:
    for name, text in (("failing", FAILING), ("passing", PASSING), ("unable", UNABLE)):
        terminal.write(f"{name}.yaml", text)
    where = ("--scenarios-dir", ".", "--base-url", server)
    terminal.run("scenarios", "run", "failing", *where)
    terminal.run("scenarios", "run", "passing", *where)
    terminal.run(
        "scenarios",
        "run",
        "passing",
        "unable",
        *where,
        "--jobs",
        "1",
        "--variant",
        "refusals=result",
        "--junit",
        "report.xml",
    )
    terminal.show("report.xml")
    terminal.run("scenarios", "show", "passing", *where[:2])
    assert str(terminal) == snapshot


def test_a_report_in_colours(snapshot: SnapshotAssertion) -> None:
    took = timedelta(seconds=1, milliseconds=234)
    steps = {
        "passing": StepResult(name="one", place="$.steps[0]", took=took),
        "skipped": StepResult(name="two", place="$.steps[1]", skipped="the step is for edge only"),
    }
    for name, outcome, found in (
        ("failing", HttpResponse(status=200, headers={}, content=b"[1]", took=took), "x" * 90),
        ("without an answer", NoResponse(fault=None, problem="refused", took=took), "x" * 91),
    ):  # of 120 characters and of 121, with what is before them
        differences = (Difference("status", "404", found), Difference("$.a", "1", 2.5))
        call = CallResult(name="listAccounts", outcome=outcome, differences=differences)
        steps[name] = StepResult(name=name, place="$.steps[2]", took=took, calls=(call,))
    results = []
    for names in (["passing"], ["passing", "skipped"], ["failing"], ["without an answer"]):
        title = "-".join(names).replace(" ", "-")
        scenario = Scenario(version=1, scenario=title, title="Mine")
        results.append(Result(scenario=scenario, steps=tuple(steps[name] for name in names)))
    results.append(Result(scenario=scenario, label="a=b", problem="the scenario could not be activated"))
    lines = [styled(line) for result in results for line in failure_lines(result)]
    verdicts = summary(results, 12.345), summary(results[:1], 1.06)
    document = junit(results).decode().replace("><", ">\n<")
    assert "\n".join([in_colours(*lines, table(results)), *verdicts, document]) == snapshot


def test_a_comparison_in_colours(snapshot: SnapshotAssertion) -> None:
    differing = tuple(Divergence("rule", "$.a", "x" * length, "\x07") for length in (72, 73))
    steps = (
        StepComparison(step="one", operation="getDossier", divergences=differing),
        StepComparison(step="two", operation="getDossier", skipped="there: refused"),
    )
    scenario = Scenario(version=1, scenario="mine", title="Mine")
    compared = ScenarioComparison(scenario=scenario, theirs=Result(scenario=scenario), steps=steps)
    explained = Explanation(variant="refusals", value="result", explains=1)
    report = Report(base_url="http://x", dialect="rest", scenarios=[compared], explanations=[explained])
    assert "\n".join([in_colours(comparison_table(report)), *sentences(report)]) == snapshot


def in_colours(*parts: Any) -> str:
    """Return what a terminal of 170 columns gets, with ESC for the character of that name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm")  # another one may have no colours and 80 columns
        shown = Console(
            force_terminal=True, color_system="standard", no_color=False, width=170, file=StringIO()
        )
        with shown.capture() as captured:
            for part in parts:
                shown.print(part, soft_wrap=isinstance(part, Text))
    return captured.get().replace("\x1b", "ESC")


def test_scenarios_that_cannot_be_run(terminal: Terminal, snapshot: SnapshotAssertion) -> None:
    terminal.write("passing.yaml", PASSING)
    terminal.write("broken.yaml", "version: 1\nscenario: broken\ntitle: Broken\ntags: [wire]\nrules: 7\n")
    own = ("--scenarios-dir", ".")
    terminal.run("scenarios", "list", "--tag", "strict", "--tag", "mine", *own)
    terminal.run("scenarios", "list", "--tag", "minne", *own)
    for name in ("passings", "xyz", "nowhere.yaml", "./"):
        terminal.run("scenarios", "show", name, *own)
    terminal.run("scenarios", "show", "xyz")
    terminal.run("scenarios", "show")
    terminal.run("scenarios", "check", "nowhere.yaml", "passing")
    terminal.run("scenarios", "check", "passing.yaml")
    terminal.run("scenarios", "check", "--fixtures-dir", "nowhere")
    terminal.run("scenarios", "run", "broken", *own)
    terminal.run("scenarios", "run", "passing", "--tag", "none", *own)
    nowhere = ("passing.yaml", "--base-url", "http://127.0.0.1:1")
    for options in (
        (),
        ("--jobs", "0"),
        ("--jobs", "65"),
        ("--dialect", "soap"),
        ("--variant", "refusals"),
        ("--variant", "refusals=maybe"),
        ("--variant", "refusal=result"),
        ("--junit", "nowhere/report.xml"),
        ("--junit", "."),
        ("--base-url", "nonsense"),
        ("--control-token", "ł"),
        ("--auth-url", "nonsense"),
    ):
        terminal.run("scenarios", "run", *nowhere, *options)
    assert str(terminal) == snapshot


ELSEWHERE = """\
version: 1
scenario: elsewhere
title: Steps that need a sandbox, and others
steps:
  - {name: a control call, control: GET /clock, save: {now: now}}
  - {name: without what it saves, call: getDossier, path: {dossierId: "{now}"}}
  - {name: a dossier, call: getDossier, path: {dossierId: 7}, expect: {body: {content: {monitored: false}}}}
  - {name: in EDGE, dialect: edge, call: listEvidences, path: {dossierId: 7, documentId: 1}}
  - {name: a process, call: getProcess, path: {processId: a}, until: {content.complete: true}}
  - {name: an update, call: stopDossier, path: {dossierId: 7}, expect: {refused: [E201]}}
  - {name: another code, call: stopDossier, path: {dossierId: 7}, expect: {refused: [E200]}}
"""


def test_scenarios_on_another_server(
    terminal: Terminal,
    elsewhere: tuple[str, list[Any]],
    monkeypatch: pytest.MonkeyPatch,
    snapshot: SnapshotAssertion,
) -> None:
    monkeypatch.setattr(runner, "_MAX_PAUSE", 0.01)
    terminal.write("elsewhere.yaml", ELSEWHERE)
    terminal.write("passing.yaml", PASSING)
    where = ("--base-url", elsewhere[0])
    terminal.run("scenarios", "run", "elsewhere.yaml", "passing.yaml", *where)
    terminal.run("scenarios", "run", "elsewhere.yaml", *where, "--variant", "refusals=result")
    assert str(terminal) == snapshot


def test_start_data_that_cannot_be_sent(terminal: Terminal, server: str, snapshot: SnapshotAssertion) -> None:
    terminal.write("own.yaml", "version: 1\naccounts: [{accountId: 119631, name: Own}]\n")
    terminal.write("broken.json", "{")
    terminal.write("generated.json", "{}")
    fixtures = ("own.yaml", "broken.json", "generated.json", "nowhere.yaml", "nowhere")
    for at, fixture in enumerate(fixtures):
        terminal.write(
            f"case{at}.yaml",
            f"version: 1\nscenario: case{at}\ntitle: {fixture}\ngiven: {{fixture: {fixture}}}\nsteps:\n"
            "  - {name: own, call: listAccounts, expect: {body: {content: [{name: Own}]}}}\n",
        )
    files = [f"case{at}.yaml" for at in range(len(fixtures))]
    terminal.run("scenarios", "run", *files, "--base-url", server)
    terminal.run("scenarios", "check", *files)
    assert str(terminal) == snapshot


RECIPE = """\
version: 1
title: Mine
accounts:
  - {accountId: 7, population: {dossiers: 3, thirdparties: 2}}
  - {accountId: 8}
requirements:
  - {documentId: 1, code: ATT_VIGI, labelFr: Attestation}
"""


WRONG_KEYS = """\
version: 1
accounts:
  - {accountid: 7, name: 5, population: {dossiers: 3, stopped: 20%, shopped: 1}}
  - [8]
  - {accountId: 9, subscriptions: [{key: 1, endSubscriptionDate: 2}]}
dossiers:
  - {siret: 99050000100013, documents: [{files: [{fileSize: big}]}, {documentCode: ATT_VIGI, files: x}]}
  - {dossierReference: PO-1, metadata: {}, stoppingReason: gone}
users: none
"""
WRONG_VALUES = """\
version: 1
include: [mine, suppliers.yaml]
users:
  - {username: "me+x@example.com", password: "1", accounts: [7]}
  - {username: "me@example.com", password: "1", accounts: [7, 9]}
  - {username: "you@example.com", password: "1", accounts: [7]}
dossiers:
  - {dossierId: 1, siret: "99050000100013", dossierReference: A, startingDate: 01/02/2031}
  - {dossierId: 2, siret: "99050000100013", dossierReference: B}
  - {dossierReference: C}
  - {dossierId: 2, siret: "99050000100013", dossierReference: D}
  - {siret: "99050000100013", dossierReference: B, documents: [{documentCode: RIB}]}
  - {siret: "99050000100013", dossierReference: B}
  - {thirdpartyId: 5, dossierReference: E}
timeline:
  - {after: P1D, control: POST /dossiers/1/documents/ATT_VIGI/evidences}
"""
SUPPLIERS = """\
version: 1
establishments:
  - {siret: "99050000100013", condition: transferred}
  - {siret: "99050000100014"}
"""
WRONG_STEPS = """\
version: 1
scenario: wrong-steps
given: {clock: soon, accounts: [{accountId: x}], variants: {refusals: 404, emptySearch: 1}}
rules:
  - {name: 1, when: {nth: 0, operation: importDosier}, then: {delay: {type: fixed, milliseconds: 5s}}}
  - {name: two, when: {nth: {first: 0}}, then: {respond: {status: 99}, process: {fail: E202}}, times: 0}
steps:
  - {call: getDossier, expect: 200}
  - {name: three, call: getDossier, dossierId: 1, expect: {status: [ok], refused: E201}}
  - {name: four, together: [{name: x}, {call: listDossiers, query: 5}]}
"""
WRONG_CALLS = """\
version: 1
scenario: wrong-calls
title: Control calls that are rejected, and others that may be right
steps:
  - {name: unknown, control: POST /clock/advances, body: {by: P1D}}
  - {name: wrong, control: POST /clock/advance, body: {buy: P1D, tokens: 1}}
  - {name: rejected on purpose, control: POST /clock/advance, body: {buy: P1D}, expect: {status: 400}}
  - {name: id, control: POST /dossiers, body: {siret: "99050000100013", dossierReference: A}, save: {id: id}}
  - {name: with a saved value, control: POST /rewind, body: {before: "{id}"}}
  - {name: without a body, control: POST /reset}
  - {name: in a list, control: POST /rules, body: {rules: [{name: a, when: {nth: 0}, then: {status: 503}}]}}
"""


def test_every_error_of_a_file_is_reported(terminal: Terminal, snapshot: SnapshotAssertion) -> None:
    terminal.write("mine.yaml", RECIPE)
    terminal.write("suppliers.yaml", SUPPLIERS)
    terminal.write("keys.yaml", WRONG_KEYS)
    terminal.write("values.yaml", WRONG_VALUES)
    many = "".join(f"  - {{dossierReference: PO-{number}}}\n" for number in range(21))
    terminal.write("many.yaml", f"version: 1\naccounts: [{{accountId: 7}}]\ndossiers:\n{many}")
    terminal.write("part.yaml", "version: 1\nthirdparties: [{siret: '99050000100013'}]\n")
    terminal.write("wrong-steps.yaml", WRONG_STEPS)
    terminal.run("fixtures", "check", "keys.yaml", "values.yaml", "many.yaml", "part.yaml")
    terminal.write("wrong-calls.yaml", WRONG_CALLS)
    terminal.run("scenarios", "check", "wrong-steps.yaml", "wrong-calls.yaml")
    terminal.run("serve", "--port", "0", "--fixture", "keys.yaml")
    assert str(terminal) == snapshot


def test_fixtures(terminal: Terminal, snapshot: SnapshotAssertion) -> None:
    terminal.write("mine.yaml", RECIPE)
    terminal.write("broken.yaml", "version: 2\n")
    terminal.write("state.json", '{"content": 1}')
    terminal.write("deep.yaml", "version: 1\ninclude: [mine, broken]\n")
    own = ("--fixtures-dir", ".")
    terminal.run("fixtures", "list", *own)
    terminal.run("fixtures", "show", "mine", *own)
    terminal.run("fixtures", "show", "mien", *own)
    terminal.run("fixtures", "show", "state", *own)
    terminal.run("fixtures", "show", "nowhere.yaml")
    terminal.run(
        "fixtures", "check", "default", "mine", "broken", "state", "deep", "nowhere", "catalogue", *own
    )
    terminal.run("fixtures", "check")
    made = "made.json"
    terminal.run(
        "fixtures",
        "generate",
        "mine",
        *own,
        "--out",
        made,
        "--day",
        "2031-01-02",
        "--dossiers",
        "4",
        "--seed",
        "5",
    )
    terminal.run("fixtures", "check", "made", "made.json", *own)
    for options in (
        ("nowhere",),
        ("mine", "--out", "made.yaml"),
        ("mine", "--out", "nowhere/made.json"),
        ("mine", "--day", "soon"),
        ("mine", "--day", "1899-12-31"),
        ("mine", "--day", "2201-01-01"),
        ("mine", "--dossiers", "0"),
        ("mine", "--dossiers", "many"),
        ("mine", "--seed", "one"),
        ("mine", "--seed", str(2**63)),
        ("empty", "--dossiers", "1"),
        ("state",),
        (),
    ):
        terminal.run("fixtures", "generate", *own, "--out", made, *options)
    assert str(terminal) == snapshot


TOPICS = (
    *("E103", "nowhere", "6.1.3", "C15", "refusals", "control#tokens", "control.md#the-clok", "control#xyz"),
    *("contr", "7.99", "x" * 100, "-", "6.9", "getDossier", "pytest#a-scenario"),
)


def test_explanations(terminal: Terminal, snapshot: SnapshotAssertion) -> None:
    terminal.run("explain")
    for topic in TOPICS:
        terminal.run("explain", topic)
    assert [name for name in page_names() if "<!--" in (read_page(name) or "")] == []
    assert str(terminal) == snapshot


KINDS = {
    "operations": {"getToken": 2, "getDossier": 0, "stopDossier": 1},
    "codes": {"E202": 0, "E101": 0},
    "pages": {"listDossiers.empty": 1, "listDossiers.lastFull": 0},
    "processes": {"import.succeeded": 1},
    "variants": {"refusals=http400": 3, "refusals=result": 0},
}


def test_coverage(terminal: Terminal, snapshot: SnapshotAssertion) -> None:
    more = KINDS | {"operations": {"getToken": 1, "getDossier": 4, "stopDossier": 0}}
    terminal.write("one.json", json.dumps({"version": 1, "kinds": KINDS}))
    terminal.write(
        "two.json", json.dumps({"version": 1, "kinds": more, "excluded": {"E101": "a < b | c & d"}})
    )
    terminal.write("wrong.json", "{")
    terminal.write("other.json", "{}")
    terminal.run("coverage", "merge", "one.json", "two.json", "--out", "all.json")
    terminal.show("all.json")
    exclusions = ("--exclude", "E202: another team tests it", "--exclude", "refusals=result:x")
    for kind in ("text", "markdown", "html"):
        terminal.run("coverage", "report", "two.json", *exclusions, "--format", kind)
    terminal.run("coverage", "report", "all.json", "--min", "70")
    terminal.run("coverage", "report", "all.json", "--min", "71", "--out", "report.txt")
    for kind in ("text", "json"):
        terminal.run("coverage", "diff", "one.json", "two.json", "--format", kind)
    terminal.run("coverage", "diff", "two.json", "all.json")
    for arguments in (
        ("report", "nowhere.json"),
        ("report", "wrong.json"),
        ("report", "other.json"),
        ("report", "one.json", "--min", "101"),
        ("report", "one.json", "--min", "-1"),
        ("report", "one.json", "--format", "xml"),
        ("report", "one.json", "--exclude", "E202"),
        ("report", "one.json", "--exclude", "getDosier: x"),
        ("report", "one.json", "--exclude", "abcdefgh: x"),
        ("report", "one.json", "--out", "nowhere/report.txt"),
        ("report", "one.json", "--out", "."),
        ("merge",),
        ("diff", "one.json"),
    ):
        terminal.run("coverage", *arguments)
    assert str(terminal) == snapshot


def test_state_files(terminal: Terminal, snapshot: SnapshotAssertion) -> None:
    app = create_app(Settings(state=Path("state.db"), fixture="empty", log_level="error"))
    api = Api(app.test_client(), "one")
    api.launch()
    terminal.run("state", "info", "state.db")
    of(app).sandboxes.close()
    terminal.run("state", "info", "state.db")
    terminal.run("state", "compact", "state.db")
    terminal.run("state", "info", "state.db")
    terminal.run("state", "export", "state.db", "--sandbox", "two")
    terminal.write("other.db", "nothing")
    for command in ("info", "export", "compact"):
        terminal.run("state", command, "nowhere.db")
        terminal.run("state", command, "other.db")
    terminal.run("state", "info", ".")
    assert str(terminal) == snapshot


def test_journal(terminal: Terminal, server: str, snapshot: SnapshotAssertion) -> None:
    sandbox = Sandbox(server, "whole-outputs")
    sandbox.clock.set(NOW)
    session = sandbox.session()
    session.get(f"{sandbox.base_url}/account", params={"x": 1})
    session.get(f"{sandbox.base_url}/account/119631/dossiers/1")
    where = ("--base-url", server, "--sandbox", "whole-outputs")
    terminal.run("journal", "export", *where, "--format", "scenario")
    terminal.run("journal", "export", *where, "--format", "scenario", "--out", "mine-2.yaml", "--since", "2")
    terminal.show("mine-2.yaml")
    terminal.run("journal", "export", *where, "--out", "run.har", "--since", "2")
    for options in (
        ("--sandbox", "whole-output"),
        ("--sandbox", "a b"),
        ("--since", "x"),
        ("--since", "-1"),
        ("--format", "xml"),
        ("--format", "scenario", "--out", "Mine.yaml"),
        ("--format", "scenario", "--since", "nowhere"),
        ("--out", "nowhere/run.har"),
        ("--base-url", "sandbox"),
        ("--base-url", "http://127.0.0.1:1"),
    ):
        terminal.run("journal", "export", *where, *options)
    sandbox.drop()
    assert str(terminal) == snapshot


AWAY = """\
version: 1
scenario: away
title: The search is closed
rules: [{name: away, when: {operation: listDossiers}, then: {respond: {status: 503, body: closed}}}]
"""


def test_doctor(
    terminal: Terminal, server: str, monkeypatch: pytest.MonkeyPatch, snapshot: SnapshotAssertion
) -> None:
    terminal.write("mine.yaml", "version: 1\nscenario: mine\ntitle: x\nrules: 7\n")
    terminal.write(
        "empty.yaml",
        "version: 1\naccounts: [{accountId: 7}]\nusers: [{username: me, password: hush, accounts: [7]}]\n",
    )
    for options in (
        (),
        ("--json",),
        ("--username", "multi@example.com", "--password", "wrong"),
    ):
        terminal.run("doctor", "--base-url", server, *options)
    terminal.run("doctor", "--base-url", "http://127.0.0.1:1")
    terminal.run("doctor", "--base-url", "nonsense", http_proxy="http://me:secret@proxy:3128")
    with monkeypatch.context() as patch:
        patch.setattr("mock_server.cli.doctor.__version__", "9.9.9")
        terminal.run("doctor", "--base-url", server)
    away = terminal.write("away.yaml", AWAY)
    with running_server("--control-token", "s3cret", "--scenario", away) as (url, _):
        terminal.run("doctor", "--base-url", url)
        terminal.run("doctor", "--base-url", url, MOCK_SERVER_CONTROL_TOKEN="s3cret")
    terminal.run(
        "doctor",
        MOCK_SERVER_PORT="0",
        MOCK_SERVER_FIXTURE="empty.yaml",
        MOCK_SERVER_AUTH="declared",
        MOCK_SERVER_SCENARIO="outage-that-flaps",
    )
    terminal.run(
        "doctor",
        MOCK_SERVER_PORT=server.rpartition(":")[2],
        MOCK_SERVER_PRT="1",
        MOCK_SERVER_AUTH="none",
        MOCK_SERVER_STATE_PASSWORD="s3cret",
        MOCK_SERVER_FIXTURE="nowhere.yaml",
        MOCK_SERVER_SCENARIOS_DIR=".",
        MOCK_SERVER_SCENARIO="nowhere",
    )
    assert str(terminal) == snapshot


ENDS = {
    "port": (0, 65_535),
    "trust_proxy": (0, 10),
    "max_sandboxes": (1, 1_000_000),
    "max_body": (1024, 1024**3),
    "max_connections": (1, 1_000_000),
    "journal_entries": (0, 1_000_000),
    "journal_bytes": (0, 64 * 1024**3),
    "history_entries": (0, 1_000_000),
}
"""The least and the most of each number."""
OTHER_VALUES = {
    "host": ["[::1]", "localhost", "münchen.example"],
    "watch": ["yes", "TRUE", "on", "1", "no", "false", "Off", "0"],
    "clock": ["2031-01-02", "2031-07-02T10:00:00+05:30", "1000-01-01T00:00:00", "8999-12-31T23:59:59"],
    "variants": ["refusals = result , rateLimit=on,"],
    "import_duration": ["0", "1500ms", "90", "1.5h", "P36500D", "PT0.5S"],
    "access_token_lifetime": ["1s", "PT1S", "60s", "3600", "P30D"],
    "public_url": ["https://sandbox.example/base/", "http://[::1]:1", "http://x:65535"],
    "cors": ["*", "HTTPS://App.example, http://localhost:3000"],
    "control_host": ["A.example,b_c,"],
    "control_token": ["s", "é~"],
    "state": ["a b.db", "redis://me:secret@host:6379/0", "valkeys://host", "rediss://host/99999"],
}


def test_values_of_settings(snapshot: SnapshotAssertion) -> None:
    found = {}
    ends = {name: [str(least), str(most)] for name, (least, most) in ENDS.items()}
    for name, texts in (ends | OTHER_VALUES).items():
        for text in texts:
            read = BY_NAME[name].read(text)
            found[f"{BY_NAME[name].variable}={text!r}"] = f"{text_of(read)} ({type(read).__name__})"
    for name, (least, most) in ENDS.items():
        for number in (least - 1, most + 1):
            with pytest.raises(ValueError, match="is not a number from") as error:
                BY_NAME[name].read(str(number))
            found[f"{BY_NAME[name].variable}={number}"] = str(error.value)
    assert as_lines(found) == snapshot


def test_wrong_settings(monkeypatch: pytest.MonkeyPatch, snapshot: SnapshotAssertion) -> None:
    found = {}
    for name, text, _ in BAD:
        setting = BY_NAME[name]
        if "\ud800" in text:
            continue  # no variable has it
        with monkeypatch.context() as patch:
            patch.setenv(setting.variable, text)
            found[f"{setting.variable}={text!r}"] = ", ".join(read_settings({})[1]) or "as if unset"
    assert as_lines(found) == snapshot


def test_wrong_options(terminal: Terminal, snapshot: SnapshotAssertion) -> None:
    for options in (
        ("--port", "http"),
        ("--host", "--port", "1"),
        ("now",),
        ("--fixture", "defaults"),
        ("--signing-key", "nowhere.pem"),
        ("--tls-key", "nowhere.pem"),
        ("--tls-cert", "nowhere.pem"),
        ("--tls-cert", "nowhere.pem", "--tls-self-signed"),
        ("--state", "nowhere/state.db"),
        ("--scenario", "outag"),
    ):
        terminal.run("serve", "--port", "0", *options)
    terminal.run("serve", MOCK_SERVER_PRT="1", MOCK_SERVER_PORT="-1")
    terminal.run("serve", MOCK_SERVER_WHERE="1")
    for options in (("--port", "1"), ("--url", "nonsense"), ("--port", "65536")):
        terminal.run("healthcheck", *options)
    terminal.run("openapi", "--dialect", "soap")
    assert str(terminal) == snapshot


def test_help(snapshot: SnapshotAssertion) -> None:
    context = click.Context(main)
    names = [name for name in main.list_commands(context) if name != "serve"]  # test_cli.py compares it
    assert "\n".join(line for name in names for line in help_lines(main, name, context)) == snapshot


def help_lines(group: click.Group, name: str, parent: click.Context) -> Iterator[str]:
    """The help of a command or a group of them: a line each for the command and its options."""
    command = group.get_command(parent, name)
    assert command is not None
    context = click.Context(command, parent, info_name=name)
    yield f"{' '.join(context.command_path.split())}: {' '.join((command.help or '').split())}"
    for option in command.params:
        record = isinstance(option, click.Option) and option.get_help_record(context)
        if record:
            yield f"  {': '.join(record)}"
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from help_lines(command, inner, context)


PROBE = """\
version: 1
scenario: probe
title: A call of each difference
steps:
  - name: a dossier
    call: getDossier
    path: {dossierId: 804127}
    expect: {body: {content: {description: description_804127}}}
  - name: an unknown dossier
    call: getDossier
    path: {dossierId: 1}
    expect: {refused: [E200]}
    save: {id: content.dossierId}
  - {name: document types, call: listRequirements}
  - {name: third parties, call: listThirdparties}
  - {name: a document, call: getDocument, path: {dossierId: "{id}", documentId: 1}}
  - name: documents
    call: listDocuments
    path: {dossierId: 804127}
    expect: {headers: {X-Mine: {$absent: true}}}
  - {name: no hit, call: listDossiers, query: {dossierReference: NONE}, expect: {found: 0}}
  - {name: accounts, call: listAccounts}
  - {name: no login, call: listAccounts, as: {username: multi@example.com, password: wrong}}
"""
WRITING_PROBE = """\
version: 1
scenario: writing-probe
title: A command
steps:
  - {name: an update, call: updateDossier, path: {dossierId: 804127}, body: {}, expect: {refused: [E003]}}
"""
CHANGED = {
    "getDossier": {
        "patch": {"content": {"riskScore": 7, "monitored": "true", "tva": None, "description": "x" * 90}}
    },
    "listRequirements": {"respond": {"status": 503, "body": "closed"}},
    "listThirdparties": {"fault": "EMPTY_RESPONSE"},
    "listDocuments": {
        "respond": {"status": 200, "headers": {"X-Mine": "1"}, "body": {"content": [None, {"code": None}]}}
    },
}


def test_comparison(
    terminal: Terminal, server: str, monkeypatch: pytest.MonkeyPatch, snapshot: SnapshotAssertion
) -> None:
    terminal.write("probe.yaml", PROBE)
    terminal.write("writing-probe.yaml", WRITING_PROBE)
    monkeypatch.setattr(comparison, "PROBES", terminal.folder)
    monkeypatch.setattr(comparison, "scenario_files", list)
    there = Sandbox(server, "compared")
    rules = [{"name": name, "when": {"operation": name}, "then": then} for name, then in CHANGED.items()]
    there.call("POST", "/rules", {"rules": rules})
    there.call("PUT", "/variants", {"emptySearch": "not-found", "refusals": "result"})
    url = ("--base-url", f"{server}/rest", "--sandbox-url", server)
    login = ("--auth-url", server, "--username", there.username, "--password", "demo")
    terminal.run("compare", *url, *login)
    terminal.run(
        "compare",
        *url,
        *login,
        "--allow-writes",
        "--variant",
        "emptySearch=not-found",
        "--json",
        "report.json",
        "--junit",
        "report.xml",
    )
    terminal.show("report.json")
    terminal.show("report.xml")
    there.drop()
    for options in (
        ("--base-url", server, "--username", "api@example.com"),
        ("--password", "wrong", "--username", "multi@example.com"),
        ("--base-url", "http://127.0.0.1:1"),
        ("--base-url", "nonsense"),
        ("--sandbox-url", "http://127.0.0.1:1"),
        ("--variant", "refusals"),
        ("--json", "nowhere/report.json"),
        ("--junit", "nowhere/report.xml"),
        ("--dialect", "soap"),
    ):
        terminal.run("compare", *url, *login, *options)
    terminal.run("compare")
    assert str(terminal) == snapshot


SOURCE = """\
version: 1
include: [catalogue]
users: [{username: api@example.com, password: demo, accounts: [119631]}]
accounts:
  - {accountId: 119631, requirements: [ATT_VIGI, I2, LOCAL_ACME, LOCAL_PAPER], withdrawn: [ADO], name: Acme}
requirements:
  - {documentId: 90, code: LOCAL_ACME, labelFr: A document of Acme}
  - {documentId: 91, code: LOCAL_PAPER, labelFr: Another document}
thirdparties:
  - siret: "99050000100013"
    thirdpartyId: 875
    name: ACME SAS
    acronym: ACM
    ceo: Jane Doe
    capital: 1000
    capitalCurrency: EUR
    turnover: 5000
    turnoverCurrency: EUR
    workforce: 7
    dateCreation: "2001-02-03"
    lastBalanceSheetDate: "2024-12-31"
    addressStreet: 1 rue Haute
    addressCity: LYON
    addressPostCode: "69001"
    addressCountryCode: FR
    activityCode: 62.01Z
    activityLabel: Software
    legalCategoryCode: "5710"
    legalCategoryLabel: SAS
    subscriptionDate: "2020-03-04"
    users: [{firstname: Jane, lastname: Doe, email: jane@acme.example, phone: "+33 1 22 33 44 55"}]
  - companyIdType: CIT002
    companyIdValue: BE0403170701
    name: Beta NV
    addressCountryCode: BE
    outOfBusiness: true
  - {companyIdType: CIT003, companyIdValue: "150483782", name: Gamma Inc, addressCountryCode: US}
dossiers:
  - siret: "99050000100013"
    dossierId: 804127
    dossierReference: PO-77
    thirdpartyCode: CODE77
    description: Cleaning of Acme
    purchasingCategory: Services
    startingDate: "2030-12-01T09:30:00"
    expirationDate: "2031-06-30"
    documents:
      - documentCode: ATT_VIGI
        requestDate: "2030-12-02T10:00:00"
        files:
          - uploadDate: "2030-12-03T08:00:00"
            fileSize: 30000
            expirationDate: "2031-02-01"
            metadata: {verified: "true", owner: Jane Doe}
      - documentCode: LOCAL_ACME
        files:
          - uploadDate: "2030-12-04T00:00:00"
            formdata: [{type: text, key: city, title: Which city, order: 1, value: Lyon}]
  - companyIdType: CIT002
    companyIdValue: BE0403170701
    dossierReference: PO-78
    startingDate: "2030-12-01T00:00:00"
    stoppingDate: "2030-12-05T00:00:00"
    stoppingReason: STOPREQUEST
    documents: [{documentCode: I2}]
  - companyIdType: CIT003
    companyIdValue: "150483782"
    dossierReference: "-"
    startingDate: "2031-01-02T08:00:00"
    documents: [{documentCode: ADO}]
"""


WRONG_ANSWERS = (
    ("listAccounts", {"respond": {"status": 200, "body": {"content": []}}}),
    ("listRequirements", {"respond": {"status": 404, "body": "no"}}),
    ("listDossiers", {"respond": {"status": 403, "body": "no"}}),
    ("listDossiers", {"respond": {"status": 429, "headers": {"Retry-After": "0"}, "body": "no"}}),
    ("listDossiers", {"respond": {"status": 200, "body": {"content": [{"dossierId": 1}]}}}),
    ("getThirdparty", {"fault": "EMPTY_RESPONSE"}),
    ("getThirdparty", {"respond": {"status": 503, "body": "no"}}),
    ("getThirdparty", {"respond": {"status": 404, "body": "no"}}),  # as if it were deleted meanwhile
)


@pytest.mark.parametrize("dialect", ["rest", "edge"])
def test_pull(
    terminal: Terminal, dialect: str, monkeypatch: pytest.MonkeyPatch, snapshot: SnapshotAssertion
) -> None:
    now = datetime.fromisoformat(NOW).replace(tzinfo=PARIS)
    monkeypatch.setattr("mock_server.pull.replacements.token_bytes", bytes)
    monkeypatch.setattr("mock_server.pull.real_now", lambda: now)
    monkeypatch.setattr("mock_server.pull.source._PAUSES", (0.0,))
    monkeypatch.setattr("mock_server.pull.source._MOST_REJECTIONS", 1)
    # All messages, and every second one.
    monkeypatch.setattr("mock_server.cli.fixtures._LINES_PER_MESSAGE", 1 if dialect == "rest" else 2)
    app = create_app(Settings(fixture=terminal.write("source.yaml", SOURCE), clock=now, log_level="error"))
    with wire_server("plain", terminal.folder, wsgi=app.wsgi_app) as url:
        environment = ("--base-url", f"{url}/{dialect}", "--auth-url", url, "--dialect", dialect)
        pull = ("fixtures", "pull", *environment, "--username", "api@example.com")
        terminal.run(*pull, "--out", "mine.yaml", DOSSIERS_PASSWORD="demo")
        terminal.show("mine.yaml")
        if dialect == "edge":
            terminal.run(*pull, "--out", "less.yaml", "--limit", "1", "--rate", "0", DOSSIERS_PASSWORD="demo")
            for options in (
                ("--out", "mine.json"),
                ("--out", "nowhere/mine.yaml"),
                ("--out", "x.yaml", "--rate", "nan"),
                ("--out", "x.yaml", "--rate", "-1"),
                ("--out", "x.yaml", "--limit", "0"),
                ("--out", "x.yaml", "--accounts", "119631,x"),
                ("--out", "x.yaml", "--accounts", "0"),
                ("--out", "x.yaml", "--accounts", "7"),
                ("--out", "x.yaml", "--base-url", "http://127.0.0.1:1"),
                ("--out", "x.yaml", "--base-url", "nonsense"),
            ):
                terminal.run(*pull, *options, DOSSIERS_PASSWORD="demo")
            for at, (operation, then) in enumerate(WRONG_ANSWERS):
                rule = {"name": "wrong", "when": {"operation": operation}, "then": then}
                Sandbox(url).call("POST", "/rules", {"rules": [rule]})
                terminal.run(*pull, "--out", f"wrong{at}.yaml", "--rate", "0", DOSSIERS_PASSWORD="demo")
                Sandbox(url).call("DELETE", "/rules")
            terminal.run(*pull, "--out", "y.yaml", DOSSIERS_PASSWORD="wrong")
    assert str(terminal) == snapshot
