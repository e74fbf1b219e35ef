"""`mock-server compare` of two sandboxes, one changed by a rule: each difference is found, and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from mock_server.cli import main
from mock_server.compare import comparison
from mock_server.compare.comparison import (
    ScenarioComparison,
    StepComparison,
    only_reads,
    select_scenarios,
)
from mock_server.compare.report import Report, as_json, sentences, table
from mock_server.compare.shapes import Divergence, divergences, shape
from mock_server.domain.operations import OPERATIONS, Kind
from mock_server.domain.variants import VARIANTS
from mock_server.fixtures.library import bundled
from mock_server.scenarios import runner
from mock_server.scenarios.file_format import Scenario
from mock_server.scenarios.matching import ABSENT
from mock_server.scenarios.results import Result as ScenarioResult
from tests.sockets import Remote
from tests.support import SEED_DOSSIER, TOKEN_URL, running_server
from tests.test_scenarios_elsewhere import elsewhere

__all__ = ["elsewhere"]

Differences = list[tuple[str, str, str]]

_numbers = count(1)

NOT_FOUND = [("the status", "404", "200"), ("the error code", "NOT_FOUND", "none")]
STATUS = [("the status", "200", "400")]
SHOWN_BY_READS: dict[str, Differences] = {
    "emptySearch=not-found": NOT_FOUND,
    "documentDetail=object": [("$.content", "object", "array")],
    "fileItems=document": [
        ("$.content[].documentId", "number", "missing"),
        ("$.content[].listFileInformation", "array", "missing"),
    ],
    "documentName=label": [("$.content", "[{...", "as expected (...")],
    "stoppingReason=ACTION_VOLONTAIRE": [("$.content", "[{...", "as expected (...")],
    "stoppedDocuments=keep": [("$.content", "[{...", "as expected (...")],
    "rateLimit=on": [("headers.X-RateLimit-Remaining", "'...", "as expected (...")],
}
SHOWN_BY_WRITES: dict[str, Differences] = {
    "refusals=result": STATUS,
    "requirementsUpdate=add": [("$.content", "[{...", "as expected (...")],
    "referenceSpaces=trim": [("$.content.dossierReference", "'...", "as expected (...")],
    "referenceCase=upper": [("$.content.dossierReference", "'...", "as expected (...")],
}
SHOWN_BY_MANY = {"emptySearch=not-found", "rateLimit=on", "refusals=result"}
"""The variants that are compared with all scenarios; for the others, the probes are enough."""
UNSAVED = "processId was not saved: the step that saves it did not pass"
DOSSIER = {"operation": "getDossier", "dossierId": SEED_DOSSIER}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server on which both sides have a sandbox; imports end at once."""
    with running_server("--import-duration", "0") as (found, _):
        yield found


@pytest.fixture
def there(url: str) -> Remote:
    """The sandbox of the other side."""
    return Remote(url, f"there{next(_numbers)}")


def compare(there: Remote, *options: str, dialect: str = "rest") -> Result:
    user = f"api+{there.sandbox}@example.com"
    login = ("--auth-url", there.url, "--username", user, "--password", "demo")
    sides = ("--base-url", f"{there.url}/{dialect}", "--sandbox-url", there.url, "--dialect", dialect)
    return CliRunner().invoke(main, ["compare", *sides, *login, *options])


@pytest.fixture
def compared(there: Remote, tmp_path: Path) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Compare with that sandbox; the exit code, and the report."""

    def run(*options: str, dialect: str = "rest") -> tuple[int, dict[str, Any]]:
        path = tmp_path / "report.json"
        found = compare(there, "--json", str(path), *options, dialect=dialect)
        assert path.exists(), (found.output, found.exception)
        return found.exit_code, json.loads(path.read_text(encoding="utf-8"))

    return run


@pytest.fixture
def probes_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the bundled scenarios: for one changed answer, the probes of every operation are enough."""
    monkeypatch.setattr(comparison, "scenario_files", list)


def steps(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for scenario in report["scenarios"] for step in scenario["steps"]]


def differences_in(report: dict[str, Any]) -> Differences:
    """What differs, each thing once; of a value no more than how it begins."""
    found = [one for step in steps(report) for one in step["divergences"]]
    words = [(one["at"], brief(one["theirs"]), brief(one["ours"])) for one in found]
    return list(dict.fromkeys(words))


def brief(words: str) -> str:
    return re.sub(r"^(\[\{|'|as expected \().*", r"\1...", words, flags=re.DOTALL)


def explained(report: dict[str, Any]) -> dict[str, str]:
    return {one["variant"]: one["value"] for one in report["explanations"]}


# Nothing differs


@pytest.mark.parametrize("dialect", ["rest", "edge"])
def test_two_equal_sandboxes_do_not_differ_and_only_writing_changes_the_other(
    there: Remote, compared: Callable[..., Any], dialect: str
) -> None:
    before = there.control("GET", "/state")
    compared(dialect=dialect)
    read = there.control("GET", "/state")
    code, report = compared("--allow-writes", dialect=dialect)
    written = there.control("GET", "/state")

    assert (code, differences_in(report), report["differs"]) == (0, [], False)
    assert [step["step"] for step in steps(report) if step["skipped"]] == ["a process"]
    assert read["content"] == before["content"]
    assert written["content"] != before["content"]


def test_without_a_sandbox_url_a_server_is_started(there: Remote) -> None:
    login = ("--username", "api+own@example.com", "--password", "demo")

    found = CliRunner().invoke(main, ["compare", "--base-url", there.url, *login])

    assert found.exit_code == 0, found.output
    assert found.stdout.endswith("steps compared: nothing differs, 1 skipped\n")


@pytest.mark.parametrize("dialect", ["rest", "edge"])
def test_every_operation_is_compared(dialect: str) -> None:
    operations = {name for name, row in OPERATIONS.items() if dialect in row.dialects}
    reading = {name for name in operations if OPERATIONS[name].method == "GET"} | {"getToken"}

    assert called(dialect, allow_writes=False) == reading
    assert called(dialect, allow_writes=True) == operations


def called(dialect: str, *, allow_writes: bool) -> set[str]:
    return {
        name
        for scenario in select_scenarios(dialect, allow_writes=allow_writes)
        for step in scenario.steps
        for name in (step.call, *(call.call for call in step.together))
        if name is not None
    }


# Variants


def test_every_variant_causes_a_difference_in_reads_or_in_writes() -> None:
    named = [choice.partition("=")[0] for choice in (*SHOWN_BY_READS, *SHOWN_BY_WRITES)]

    assert sorted(named) == sorted(VARIANTS)


@pytest.fixture
def few_scenarios(choice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the bundled scenarios where the probes show the variant."""
    if choice not in SHOWN_BY_MANY:
        monkeypatch.setattr(comparison, "scenario_files", list)
    elif choice in SHOWN_BY_WRITES:  # whose comparison plays all of them
        refused = sorted(bundled("scenarios").glob("archived-*.yaml"))
        monkeypatch.setattr(comparison, "scenario_files", lambda: refused)


@pytest.mark.usefixtures("few_scenarios")
@pytest.mark.parametrize("choice", SHOWN_BY_READS)
def test_a_variant_that_reads_show_is_the_only_explanation(
    there: Remote, compared: Callable[..., Any], choice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, _, value = choice.partition("=")
    there.control("PUT", "/variants", {name: value})
    # Where requests are limited, a pause is one of the sandbox's clock.
    pause = {"by": "PT1S"}
    monkeypatch.setattr(runner, "sleep", lambda _: there.control("POST", "/clock/advance", pause))

    code, report = compared()

    assert (code, differences_in(report)) == (1, SHOWN_BY_READS[choice])
    assert explained(report) == {name: value}


@pytest.mark.usefixtures("few_scenarios")
@pytest.mark.parametrize("choice", SHOWN_BY_WRITES)
def test_a_variant_that_writes_show_is_the_only_explanation(
    there: Remote, compared: Callable[..., Any], choice: str
) -> None:
    name, _, value = choice.partition("=")
    there.control("PUT", "/variants", {name: value})

    code, report = compared("--allow-writes")

    assert (code, differences_in(report)) == (1, SHOWN_BY_WRITES[choice])
    assert explained(report) == {name: value}


def test_a_variant_that_only_writes_show_does_not_differ_in_reads(
    there: Remote, compared: Callable[..., Any]
) -> None:
    there.control("PUT", "/variants", dict([choice.split("=") for choice in SHOWN_BY_WRITES]))

    assert compared()[0] == 0


@pytest.mark.usefixtures("probes_only")
def test_with_the_variants_that_explain_it_nothing_differs(
    there: Remote, compared: Callable[..., Any]
) -> None:
    variants = {"documentDetail": "object", "documentName": "label"}
    there.control("PUT", "/variants", variants)
    said = [part for name, value in variants.items() for part in ("--variant", f"{name}={value}")]

    assert explained(compared()[1]) == variants
    assert compared(*said)[0] == 0


# Answers that were patched


@pytest.mark.usefixtures("probes_only")
@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"riskScore": 7}, ("$.content.riskScore", "number", "missing")),
        ({"monitored": None}, ("$.content.monitored", "missing", "boolean")),
        ({"monitored": "true"}, ("$.content.monitored", "string", "boolean")),
        ({"indicators": {}}, ("$.content.indicators", "object", "array")),
    ],
    ids=["an extra member", "a missing member", "another type", "an object for a list"],
)
def test_only_a_patched_member_differs(
    there: Remote, compared: Callable[..., Any], patch: Any, expected: tuple[str, str, str]
) -> None:
    there.set_rule({"patch": {"content": patch}}, when=DOSSIER)

    code, report = compared()

    assert (code, differences_in(report), explained(report)) == (1, [expected], {})


@pytest.mark.usefixtures("probes_only")
@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ("monitored", [("$.content.monitored", "null", "boolean, never null")]),
        ("stateLastChangeDate", []),
    ],
    ids=["not allowed", "allowed"],
)
def test_null_differs_if_the_contract_does_not_allow_it(
    there: Remote, compared: Callable[..., Any], member: str, expected: Differences
) -> None:
    dossier = there.get(f"/dossiers/{SEED_DOSSIER}") | {member: None}
    there.set_rule({"respond": {"status": 200, "body": {"content": dossier}}}, when=DOSSIER)

    code, report = compared()

    assert (code, differences_in(report)) == (bool(expected), expected)


@pytest.mark.usefixtures("probes_only")
def test_a_member_that_only_some_rows_lack_differs(there: Remote, compared: Callable[..., Any]) -> None:
    rows = there.get("/requirements")
    del rows[1]["code"]
    there.set_rule({"respond": {"status": 200, "body": {"content": rows}}}, "listRequirements")

    assert differences_in(compared()[1]) == [("$.content[].code", "string, or missing", "string")]


@pytest.mark.usefixtures("probes_only")
@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ({"respond": {"status": 503}}, [("the status", "503", "200")]),
        ({"fault": "EMPTY_RESPONSE"}, [("the answer", "EMPTY_RESPONSE", "an answer with status 200")]),
        ({"fault": "MALFORMED_BODY"}, [("$", "string", "object")]),
    ],
    ids=["another status", "no answer", "no JSON"],
)
def test_only_the_changed_answer_differs(
    there: Remote, compared: Callable[..., Any], then: Any, expected: Differences
) -> None:
    there.set_rule(then, when=DOSSIER)

    code, report = compared()

    found = [(at, theirs.partition(" (")[0], ours) for at, theirs, ours in differences_in(report)]
    assert (code, found) == (1, expected)


@pytest.mark.usefixtures("probes_only")
def test_only_the_changed_code_differs(there: Remote, compared: Callable[..., Any]) -> None:
    error = {"messages": {"error": [{"code": "E000", "message": "?"}]}}
    when = {"operation": "getDossier", "dossierId": 99999999}
    there.set_rule({"respond": {"status": 404, "body": error}}, when=when)

    assert differences_in(compared()[1]) == [("the error code", "E000", "E200")]


SHAPES: dict[str, tuple[Any, Any, list[str]]] = {
    "another number": ({"a": 1}, {"a": 1.5}, []),
    "another type": ({"a": 1}, {"a": "x"}, ["$.a is number there, string here"]),
    "several types": ([True, 1], [1], ["$[] is boolean or number there, number here"]),
    "a row without a member": (
        [{"a": 1}, {}],
        [{"a": 2}],
        ["$[].a is number, or missing there, number here"],
    ),
    "a row without a member here": (
        [{"a": 1}],
        [{"a": 2}, {}],
        ["$[].a is number there, number, or missing here"],
    ),
    "a member of some rows and of none": ([{"a": 1}, {}], [{}], []),
    "members in the order of their names": (
        {"z": 1, "b": 2},
        {"c": {"d": 1}},
        [
            "$.b is number there, missing here",
            "$.c is missing there, object here",
            "$.z is number there, missing here",
        ],
    ),
    "a member of a member": ({"a": {"b": 1}}, {"a": {"b": []}}, ["$.a.b is number there, array here"]),
    "a list in a list": ([[1]], [["x"]], ["$[][] is number there, string here"]),
    "an empty list": ([], [{"a": 1}], []),
    "members that are data": ({"formdata": {"a": 1}}, {"formdata": {"b": "x"}}, []),
    "null for an object": ({"a": None}, {"a": {"b": 1}}, ["$.a is null there, object, never null here"]),
    "null in some rows": ([None, 1], [1], ["$[] is null there, number, never null here"]),
    "null here": ({"a": {"b": 1}}, {"a": None}, []),
    "null where it is allowed": ({"free": None}, {"free": {"b": 1}}, []),
    "no body": (ABSENT, {}, ["$ is nothing there, object here"]),
}


def test_shapes_diverge_in_types_members_and_null() -> None:
    for name, (theirs, ours, expected) in SHAPES.items():
        found = list(divergences(shape(theirs), shape(ours), lambda at: at == "$.free"))

        assert list(map(str, found)) == expected, name
        kinds = [
            "missing" if one.theirs.endswith("missing") else "extra" if one.ours.endswith("missing") else ""
            for one in found
        ]
        assert [one.kind if one.kind in {"missing", "extra"} else "" for one in found] == kinds, name


# What is written to the other side


def test_nothing_but_get_and_the_token_request_is_sent(
    elsewhere: tuple[str, list[Any]], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, seen = elsewhere
    monkeypatch.setattr(runner, "POLL_ELSEWHERE", 0.1)
    # Variants that may explain a difference are tried in the sandbox alone.
    monkeypatch.setattr(comparison, "explanations", lambda *_: ())
    login = ("--username", "me@example.com", "--password", "secret")

    CliRunner().invoke(main, ["compare", "--base-url", address, "--sandbox-url", url, *login])

    sent = [(method, path) for method, path, *_ in seen]
    assert {one for one in sent if one[0] != "GET"} == {("POST", TOKEN_URL)}
    assert len(sent) > len(OPERATIONS)


def test_only_scenarios_that_read_are_chosen_unless_writes_are_allowed() -> None:
    assert all(only_reads(scenario) for scenario in select_scenarios("rest", allow_writes=False))
    kinds = {OPERATIONS[name].kind for name in called("rest", allow_writes=True)}
    assert {Kind.IMPORT, Kind.COMMAND} <= kinds


# Reports


@pytest.mark.usefixtures("probes_only")
def test_the_output_is_a_table_and_sentences(there: Remote) -> None:
    there.control("PUT", "/variants", {"documentDetail": "object"})

    found = compare(there)

    lines = [" ".join(line.split()) for line in found.stdout.splitlines()]
    assert lines == [
        "step operation what there here",
        "documents: a document getDocument $.content object array",
        "",
        f"skipped processes: a process: there: {UNSAVED}",
        "variant documentDetail=object explains 1",
        f"{number_of_probes() - 1} steps compared: 1 with differences, 1 skipped",
    ]


def number_of_probes() -> int:
    return sum(len(scenario.steps) for scenario in select_scenarios("rest", allow_writes=False))


def test_the_sentences_count_the_steps_and_cells_are_cut_off() -> None:
    wide = Divergence("type", "$.a", "é" * 72, "y" * 73)
    scenario = Scenario(version=1, scenario="story", title="A story")
    differs = StepComparison(step="one", operation="getDossier", divergences=(wide, wide))
    same = StepComparison(step="two", operation="getDossier")
    skipped = StepComparison(step="three", operation="getDossier", skipped="there: why not")
    for steps, said in (
        ((), ["0 steps compared: nothing differs"]),
        ((same, same), ["2 steps compared: nothing differs"]),
        ((differs, same), ["2 steps compared: 1 with differences"]),
        (
            (skipped,),
            ["skipped story: three: there: why not", "0 steps compared: nothing differs, 1 skipped"],
        ),
    ):
        one = ScenarioComparison(scenario=scenario, theirs=ScenarioResult(scenario=scenario), steps=steps)
        report = Report(base_url="", dialect="rest", scenarios=[one], explanations=[])

        assert list(sentences(report)) == said
        assert report.differs == (differs in steps) == ("é" * 72 in as_json(report).decode())
        cells = [list(map(str, column.cells)) for column in table(report).columns]
        row = ["story: one", "getDossier", "$.a", "é" * 72, f"{'y' * 71}…"]
        assert cells == [[cell] * (2 * report.differs) for cell in row]


@pytest.mark.usefixtures("probes_only")
def test_control_characters_of_an_answer_are_escaped(there: Remote) -> None:
    there.set_rule({"patch": {"content": {"\x1b[2J": 1}}}, when=DOSSIER)

    found = compare(there)

    assert r"$.content.\x1b[2J" in found.stdout


@pytest.mark.usefixtures("probes_only")
def test_the_junit_report_has_a_case_for_each_step(there: Remote, tmp_path: Path) -> None:
    there.set_rule({"patch": {"content": {"risk\x1bScore": 7}}}, when=DOSSIER)
    path = tmp_path / "report.xml"

    compare(there, "--junit", str(path))

    root = ET.parse(path).getroot()  # our own
    cases = root.findall("testsuite/testcase")
    [failed] = [case for case in cases if case.find("failure") is not None]
    failure = failed.find("failure")
    assert failure is not None
    assert (failed.get("classname"), failed.get("name")) == ("compare.dossiers", "a dossier")
    assert failure.get("message") == "$.content.risk\ufffdScore is number there, missing here"
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == (str(len(cases)), "1", "1")


# Errors


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--base-url", "http://127.0.0.1:9"), "http://127.0.0.1:9 does not answer"),
        (("--sandbox-url", "http://127.0.0.1:9"), "http://127.0.0.1:9 does not answer"),
        (("--password", "wrong"), "could not log in at"),
        (("--variant", "refusals=never"), "--variant: variant refusals is http400 or result"),
        (("--json", "no/such/x.json"), "--json no/such/x.json: there is no folder no/such"),
        (("--junit", "no/such/x.xml"), "--junit no/such/x.xml: there is no folder no/such"),
        (("--dialect", "soap"), "'soap' is not one of 'rest', 'edge'"),
    ],
    ids=[
        "no server there",
        "no server here",
        "a password",
        "a variant",
        "a folder",
        "another folder",
        "a dialect",
    ],
)
def test_a_failed_comparison_ends_with_2_and_a_sentence(
    there: Remote, options: tuple[str, ...], sentence: str
) -> None:
    found = compare(there, *options)

    assert (found.exit_code, found.stdout) == (2, "")
    assert sentence in " ".join(found.stderr.split())


def test_another_server_is_not_accepted_as_sandbox(there: Remote, elsewhere: tuple[str, list[Any]]) -> None:
    found = compare(there, "--sandbox-url", elsewhere[0])

    assert (found.exit_code, found.stdout) == (2, "")
    assert found.stderr.startswith(
        f"Error: --sandbox-url {elsewhere[0]}: that is not a sandbox\nSee: mock-server explain "
    )


def test_a_missing_option_is_named() -> None:
    found = CliRunner().invoke(main, ["compare", "--base-url", "http://127.0.0.1:9"])

    assert found.exit_code == 2
    assert "Missing option '--username'" in found.stderr
