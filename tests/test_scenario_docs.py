"""docs/scenarios.md is true: every key, operator, fault and delay is in it, and its example passes."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from msgspec.structs import FieldInfo

from mock_server.cli import main
from mock_server.fixtures.entries import Overrides
from mock_server.fixtures.library import bundled
from mock_server.fixtures.yaml_files import read_yaml
from mock_server.scenarios import FAULTS, file_format
from mock_server.scenarios.matching import OPERATORS
from mock_server.scenarios.prepare import BUILT_IN as KNOWN
from mock_server.scenarios.validation import BUILT_IN

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "scenarios.md").read_text(encoding="utf-8")
[EXAMPLE] = [text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "version:" in text]
FAILURE, MISTAKES = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)

SECTIONS: dict[type[msgspec.Struct], str] = {
    file_format.Scenario: "The file",
    file_format.ScenarioGiven: "`given`",
    Overrides: "`given`",
    file_format.Rule: "`rules`",
    file_format.RequestPattern: "`when`",
    file_format.When: "`when`",
    file_format.CallNumbers: "`nth`",
    file_format.Then: "`then`",
    file_format.Respond: "`respond`",
    file_format.ProcessEffect: "`process`",
    file_format.FixedDelay: "`delay: {type: fixed}`",
    file_format.UniformDelay: "`delay: {type: uniform}`",
    file_format.LognormalDelay: "`delay: {type: lognormal}`",
    file_format.DribbleDelay: "`delay: {type: dribble}`",
    file_format.Step: "`steps`",
    file_format.ParallelCall: "`together`",
    file_format.RequestSpec: "What is sent",
    file_format.StepLogin: "`as`",
    file_format.Expect: "`expect`",
    file_format.DurationLimits: "`took`",
}


def own_keys() -> list[tuple[str, FieldInfo]]:
    """Each key beside the section whose table has it; inherited keys are in that of the base."""
    return [
        (section, key)
        for struct, section in SECTIONS.items()
        for key in msgspec.structs.fields(struct)
        if key.name in inspect.get_annotations(struct)
    ]


def rows(heading: str) -> list[list[str]]:
    """The cells of the rows under a heading."""
    found = re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, heading
    body = re.sub(r"^\|.*\n\|( --- \|)+$", "", found[1], flags=re.MULTILINE)
    lines = [line for line in body.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def shown_default(key: FieldInfo) -> str:
    """What the column has to say; empty where the default is none, or words tell it."""
    if key.required:
        return "required"
    if key.default in (None, "", (), msgspec.UNSET, msgspec.NODEFAULT) or not isinstance(
        key.default, str | int
    ):
        return ""
    plain = key.default if isinstance(key.default, str) else json.dumps(key.default)
    return f"`{plain}`"


def test_every_type_of_the_format_has_its_section() -> None:
    structs = {found for found in vars(file_format).values() if inspect.isclass(found)}
    written = {found for found in structs if issubclass(found, file_format.StrictStruct | Overrides)}

    assert written - {file_format.StrictStruct} == set(SECTIONS)


@pytest.mark.parametrize(
    ("section", "key"), own_keys(), ids=[f"{section}-{key.encode_name}" for section, key in own_keys()]
)
def test_every_key_has_its_row_with_its_default(section: str, key: FieldInfo) -> None:
    found = [row for row in rows(section) if row[0] == f"`{key.encode_name}`"]

    assert len(found) == 1
    assert shown_default(key) in ("", found[0][2])


@pytest.mark.parametrize("section", sorted(set(SECTIONS.values())))
def test_every_row_is_a_key(section: str) -> None:
    keys = [f"`{key.encode_name}`" for where, key in own_keys() if where == section]

    assert sorted(row[0] for row in rows(section)) == sorted(keys)


def test_every_operator_is_told() -> None:
    told = [row[0] for row in rows("What is expected") if row[0].startswith("`$")]

    assert told == [f"`{name}`" for name in OPERATORS]


def test_every_member_of_an_expectation_is_told() -> None:
    told = [row[0] for row in rows("What is expected") if not row[0].startswith("`$")]

    assert told == [f"`{key.encode_name}`" for key in msgspec.structs.fields(file_format.Expect)]


def test_everything_that_can_happen_to_a_call_is_told() -> None:
    keys = [key.encode_name for key in msgspec.structs.fields(file_format.Then)]

    assert [row[0] for row in rows("Rules")] == [f"`{name}`" for name in keys if name != "carriedOut"]


def test_every_fault_is_told_with_what_is_seen() -> None:
    assert rows("Faults") == [[f"`{fault.name}`", fault.seen] for fault in FAULTS.values()]


def test_every_delay_is_told_by_an_example() -> None:
    delays = [
        msgspec.convert(read_yaml(row[0].strip("`"), "row", dict), file_format.Delay)
        for row in rows("Delays")
    ]

    assert [type(delay) for delay in delays] == list(file_format.Delay.__args__)


def test_what_every_run_knows_is_told() -> None:
    told = re.search(r"Known from the start are (.*?)\. A step", PAGE, re.DOTALL)

    assert told
    assert set(re.findall(r"`\{(\w+)\}`", told[1])) == set(BUILT_IN) == set(KNOWN)


def test_the_example_passes(tmp_path: Path, server: str) -> None:
    path = tmp_path / "slow-import.yaml"
    path.write_text(EXAMPLE, encoding="utf-8")

    found = CliRunner().invoke(main, ["scenarios", "run", str(path), "--base-url", server])

    assert found.exit_code == 0, found.output


def test_what_differs_is_told_as_the_page_shows(tmp_path: Path, server: str) -> None:
    path = tmp_path / "slow-import.yaml"
    path.write_text(EXAMPLE.replace("success: true", "success: false"), encoding="utf-8")

    found = CliRunner().invoke(main, ["scenarios", "run", str(path), "--base-url", server])

    told = found.stdout.split("\n\n")[0].replace(f"{tmp_path}/", "") + "\n"
    accidental = re.compile(r":\d{4,5}/|\d+ ms")
    assert accidental.sub("", told) == accidental.sub("", FAILURE)


def test_the_mistakes_on_the_page_are_told_in_those_words(tmp_path: Path) -> None:
    path = tmp_path / "slow-import.yaml"
    wrong = EXAMPLE.replace("operation: importDossier", "operation: importDosier")
    first, second, third = re.split(r'(?="\{processId\}")', wrong)
    path.write_text(first + second + third.replace("{processId}", "{processID}", 1), encoding="utf-8")

    found = CliRunner().invoke(main, ["scenarios", "check", str(path)])

    assert found.stderr.replace(f"{tmp_path}/", "") == MISTAKES


def test_the_commands_of_the_page_exist() -> None:
    for command in re.findall(r"^mock-server (scenarios \w+)", PAGE, re.MULTILINE):
        assert CliRunner().invoke(main, [*command.split(), "--help"]).exit_code == 0


@pytest.mark.parametrize("path", sorted(bundled("scenarios").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_bundled_scenarios_fit_the_schema(path: Path) -> None:
    schema = json.loads((DOCS / "scenario.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    scenario = read_yaml(path.read_text(encoding="utf-8"), path.name, dict)

    assert [error.message for error in Draft202012Validator(schema).iter_errors(scenario)] == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("steps:", "step:"), ("getProcess", "getProces"), ("after:", "hold: 3, after:"), ("nth: 1", "nth: 0")],
)
def test_the_schema_refuses_what_the_format_does(right: str, wrong: str) -> None:
    schema = json.loads((DOCS / "scenario.schema.json").read_text(encoding="utf-8"))
    scenario = read_yaml(EXAMPLE.replace(right, wrong), "page", dict)

    assert list(Draft202012Validator(schema).iter_errors(scenario)) != []
