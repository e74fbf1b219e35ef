"""docs/scenarios.md has every key of the format; its example runs; the schema fits the bundled scenarios."""

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
from mock_server.scenarios import file_format
from mock_server.scenarios.file_format import FAULTS
from mock_server.scenarios.matching import OPERATORS
from mock_server.scenarios.prepare import BUILT_IN as PREPARED_NAMES
from mock_server.scenarios.validation import BUILT_IN

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "scenarios.md").read_text(encoding="utf-8")
[EXAMPLE] = [text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "version:" in text]
FAILURE, _SEVERAL, ERRORS = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
SCHEMA = json.loads((DOCS / "scenario.schema.json").read_text(encoding="utf-8"))

SECTIONS: dict[type[msgspec.Struct], str] = {
    file_format.Scenario: "The file",
    file_format.ScenarioGiven: "`given`",
    Overrides: "`given`",
    file_format.Rule: "`rules`",
    file_format.ActiveTime: "`active`",
    file_format.Ramp: "`probability`",
    file_format.RequestPattern: "`when`",
    file_format.When: "`when`",
    file_format.CallNumbers: "`nth`",
    file_format.Then: "`then`",
    file_format.Respond: "`respond`",
    file_format.ProcessEffect: "`process`",
    file_format.Step: "`steps`",
    file_format.ParallelCall: "`together`",
    file_format.RequestSpec: "The request",
    file_format.StepLogin: "`as`",
    file_format.Expect: "`expect`",
    file_format.DurationLimits: "`took`",
}
DELAYS = file_format.Delay.__args__


def keys_of(section: str) -> list[FieldInfo]:
    """The keys that a section must list; inherited keys are in the section of the base."""
    return [
        key
        for struct, its_section in SECTIONS.items()
        for key in msgspec.structs.fields(struct)
        if its_section == section and key.name in inspect.get_annotations(struct)
    ]


def rows(heading: str) -> list[list[str]]:
    """The cells of the rows under a heading."""
    found = re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, heading
    body = re.sub(r"^\|.*\n\|( --- \|)+$", "", found[1], flags=re.MULTILINE)
    lines = [line for line in body.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def default_cell(key: FieldInfo) -> str:
    """The expected text of the column; empty if the default is none or described in words."""
    if key.required:
        return "required"
    if key.default in (None, "", (), msgspec.UNSET, msgspec.NODEFAULT) or not isinstance(
        key.default, str | int
    ):
        return ""
    plain = key.default if isinstance(key.default, str) else json.dumps(key.default)
    return f"`{plain}`"


def test_every_type_of_the_format_has_a_section() -> None:
    structs = {found for found in vars(file_format).values() if inspect.isclass(found)}
    written = {found for found in structs if issubclass(found, file_format.StrictStruct | Overrides)}

    assert written - {file_format.StrictStruct} == {*SECTIONS, *DELAYS}


@pytest.mark.parametrize("section", sorted(set(SECTIONS.values())))
def test_a_section_lists_every_key_with_its_default_and_no_other(section: str) -> None:
    keys, found = keys_of(section), rows(section)

    assert sorted(row[0] for row in found) == sorted(f"`{key.encode_name}`" for key in keys)
    defaults = {row[0]: row[2] for row in found}
    for key in keys:
        assert default_cell(key) in ("", defaults[f"`{key.encode_name}`"]), key.name


def test_every_operator_is_listed() -> None:
    assert [row[0] for row in rows("Operators")] == [f"`{name}`" for name in OPERATORS]


def test_every_fault_is_listed_with_what_the_client_sees() -> None:
    assert rows("Faults") == [[f"`{fault.name}`", fault.description] for fault in FAULTS.values()]


def test_every_delay_has_an_example() -> None:
    delays = [
        msgspec.convert(read_yaml(row[0].strip("`"), "row", dict), file_format.Delay)
        for row in rows("Delays")
    ]

    assert tuple(type(delay) for delay in delays) == DELAYS


def test_the_names_of_every_run_are_listed() -> None:
    listed = re.search(r"Every run has (.*?)\. A step", PAGE, re.DOTALL)

    assert listed
    assert set(re.findall(r"`\{(\w+)\}`", listed[1])) == set(BUILT_IN) == set(PREPARED_NAMES)


def test_the_example_passes(tmp_path: Path, server: str) -> None:
    path = tmp_path / "slow-import.yaml"
    path.write_text(EXAMPLE, encoding="utf-8")

    found = CliRunner().invoke(main, ["scenarios", "run", str(path), "--base-url", server])

    assert found.exit_code == 0, found.output


def test_a_failure_is_reported_as_the_page_shows(tmp_path: Path, server: str) -> None:
    path = tmp_path / "slow-import.yaml"
    path.write_text(EXAMPLE.replace("success: true", "success: false"), encoding="utf-8")

    found = CliRunner().invoke(main, ["scenarios", "run", str(path), "--base-url", server])

    report = found.stdout.split("\n\n")[0].replace(f"{tmp_path}/", "") + "\n"
    accidental = re.compile(r":\d{4,5}/|\d+ ms")
    assert accidental.sub("", report) == accidental.sub("", FAILURE)


def test_errors_are_reported_as_the_page_shows(tmp_path: Path) -> None:
    path = tmp_path / "slow-import.yaml"
    wrong = EXAMPLE.replace("operation: importDossier", "operation: importDosier")
    first, second, third = re.split(r'(?="\{processId\}")', wrong)
    path.write_text(first + second + third.replace("{processId}", "{processID}", 1), encoding="utf-8")

    found = CliRunner().invoke(main, ["scenarios", "check", str(path)])

    assert found.stderr.replace(f"{tmp_path}/", "") == ERRORS


def test_the_commands_of_the_page_exist() -> None:
    for command in re.findall(r"^mock-server (scenarios \w+)", PAGE, re.MULTILINE):
        assert CliRunner().invoke(main, [*command.split(), "--help"]).exit_code == 0


def test_every_bundled_scenario_fits_the_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    validator = Draft202012Validator(SCHEMA)

    for path in sorted(bundled("scenarios").glob("*.yaml")):
        scenario = read_yaml(path.read_text(encoding="utf-8"), path.name, dict)
        assert [error.message for error in validator.iter_errors(scenario)] == [], path.name


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("steps:", "step:"), ("getProcess", "getProces"), ("after:", "hold: 3, after:"), ("nth: 1", "nth: 0")],
)
def test_the_schema_rejects_what_the_format_rejects(right: str, wrong: str) -> None:
    scenario = read_yaml(EXAMPLE.replace(right, wrong), "page", dict)

    assert list(Draft202012Validator(SCHEMA).iter_errors(scenario)) != []
