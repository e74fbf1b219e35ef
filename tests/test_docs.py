"""The documentation agrees with the code; `make docs` writes the generated pages."""

from __future__ import annotations

import json
import re
import runpy
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from mock_server.contract.answers import REFUSED
from mock_server.contract.requests import QUERY
from mock_server.domain.errors import ERRORS, Place
from mock_server.domain.names import camel
from mock_server.domain.operations import OPERATIONS, Kind
from mock_server.domain.search import PARAMETERS
from mock_server.domain.variants import VARIANTS
from mock_server.fixtures.library import bundled
from mock_server.fixtures.yaml_files import read_yaml

ROOT = Path(__file__).parent.parent
BEHAVIOUR = (ROOT / "docs" / "behaviour.md").read_text(encoding="utf-8")
WORDS = {"documented", "example", "carried-over", "observed", "inferred"}


@pytest.mark.parametrize("tool", ["examples.py", "reference.py"])
def test_what_make_docs_writes_is_up_to_date(
    tool: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [tool, "--check"])

    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "tools" / tool), run_name="__main__")

    assert ended.value.code == 0, capsys.readouterr().err


def test_every_rule_has_its_provenance() -> None:
    rules = BEHAVIOUR.split("\n## 12")[0]
    items = re.findall(r"^- \*\*([\d.]+)\*\* (.*?)(?=\n(?:- |\n|\||#)|\Z)", rules, re.MULTILINE | re.DOTALL)

    without = [number for number, text in items if not WORDS.intersection(re.findall(r"[a-z-]+", text[-60:]))]

    assert len(items) > 100
    assert without == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_has_its_section(name: str) -> None:
    row = OPERATIONS[name]

    assert f"### {row.section} {name} - {row.method} {row.paths[0]}" in BEHAVIOUR
    assert row.provenance in WORDS


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_has_its_row(name: str) -> None:
    variants = BEHAVIOUR.split("\n## 13")[1]

    assert f"| `{name}` |" in variants


@pytest.mark.parametrize("code", ERRORS)
def test_every_code_has_its_provenance(code: str) -> None:
    assert ERRORS[code].provenance in WORDS


def test_every_citation_in_the_code_names_a_section() -> None:
    sections = set(re.findall(r"^##+ ([\d.]+)", BEHAVIOUR, re.MULTILINE))
    rows = set(re.findall(r"^\| (C\d+) \|", BEHAVIOUR, re.MULTILINE))
    cited = {
        number.rstrip(".")
        for path in (ROOT / "mock_server").rglob("*.py")
        for citation in re.findall(r"behaviour\.md ([^)\"\n]*)", path.read_text(encoding="utf-8"))
        for number in re.findall(r"C\d+|(?<![A-Z\d])\d+(?:\.\d+)*", citation)
    }

    assert {
        number for number in cited if number not in sections | rows and f"{number}." not in str(sections)
    } == set()


@pytest.mark.parametrize("path", sorted(bundled("fixtures").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_bundled_recipes_fit_the_schema(path: Path) -> None:
    schema = json.loads((ROOT / "docs" / "recipe.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    recipe = read_yaml(path.read_text(encoding="utf-8"), path.name, dict)

    assert [error.message for error in Draft202012Validator(schema).iter_errors(recipe)] == []


def section(number: str) -> str:
    """The text of a section of behaviour.md."""
    [text] = re.findall(rf"^### {re.escape(number)} .*?\n(.*?)(?=^##)", BEHAVIOUR, re.MULTILINE | re.DOTALL)
    return str(text)


def table(number: str) -> dict[str, str]:
    """The names in the first column of the tables of a section, each with its last column."""
    return {
        name: last
        for first, last in re.findall(r"^\| (`.*?) \|.* (\S+) \|$", section(number), re.MULTILINE)
        for name in re.findall(r"`(\w+)`", first)
    }


@pytest.mark.parametrize(("number", "operation"), [("3.4", "listThirdparties"), ("3.7", "listDossiers")])
def test_the_table_of_a_search_has_its_filters_and_their_provenance(number: str, operation: str) -> None:
    filters = {camel(name) for name in PARAMETERS[operation]} - {"page", "pageSize"}
    published = {row.name: row.provenance for row in QUERY[operation] if row.name in filters}

    assert table(number) == published
    assert published.keys() == filters, "compare QUERY of mock_server/contract/requests.py"


@pytest.mark.parametrize("operation", PARAMETERS)
def test_every_query_parameter_is_documented_with_its_operation(operation: str) -> None:
    text = section(OPERATIONS[operation].section) + BEHAVIOUR.split("\n## 8")[1].split("\n## 9")[0]

    assert [name for name in map(camel, PARAMETERS[operation]) if not re.search(rf"\b{name}\b", text)] == []


@pytest.mark.parametrize(
    ("rule", "place", "elsewhere"),
    [
        ("5.2", Place.SEARCH, ()),
        ("5.3", Place.IMPORT, ()),
        ("5.4", Place.PROCESS, ()),
        ("5.5", Place.COMMAND, ("E103",)),
    ],
    ids=["search", "import", "process", "command"],
)
def test_the_rules_about_codes_name_exactly_those_of_the_code(
    rule: str, place: Place, elsewhere: tuple[str, ...]
) -> None:
    [text] = re.findall(rf"^- \*\*{rule}\*\* (.*?)(?=^- )", BEHAVIOUR, re.MULTILINE | re.DOTALL)
    named: set[str] = set(elsewhere)  # 5.6 has the code of a reactivation
    for first, last in re.findall(r"`E(\d+)`(?: to\s+`E(\d+)`)?", text):
        named |= {f"E{number:03}" for number in range(int(first), int(last or first) + 1)}

    expected = {row.code for row in ERRORS.values() if place in row.places}
    assert named & ERRORS.keys() == expected, f"behaviour.md {rule} names other codes than domain/errors.py"


def test_the_codes_of_a_404_are_those_of_the_code() -> None:
    [text] = re.findall(r"^- \*\*5\.6\*\* (.*?)(?=^- )", BEHAVIOUR, re.MULTILINE | re.DOTALL)
    [named] = re.findall(r"((?:`\w+`(?:, )?)+) accompany a 404", text)

    assert re.findall(r"`(\w+)`", named) == [
        row.code for row in ERRORS.values() if Place.RESOURCE in row.places
    ]


@pytest.mark.parametrize(("number", "body"), [("3.9", "NewDossier"), ("3.11", "DossierUpdate")])
def test_the_table_of_a_body_has_exactly_the_members_of_its_schema(number: str, body: str) -> None:
    schemas = json.loads((ROOT / "mock_server/contract/bodies.json").read_text(encoding="utf-8"))["$defs"]

    assert table(number).keys() == set(schemas[body]["properties"])


def test_the_required_members_of_an_import_are_those_of_its_schema() -> None:
    schemas = json.loads((ROOT / "mock_server/contract/bodies.json").read_text(encoding="utf-8"))["$defs"]
    required = re.findall(r"^\| `(\w+)` \| [^|]+ \| yes \|", section("3.9"), re.MULTILINE)

    assert required == schemas["NewDossier"]["required"]


@pytest.mark.parametrize(
    "operation",
    ["importDossier", *(name for name, row in OPERATIONS.items() if row.kind is Kind.COMMAND)],
)
def test_the_rules_of_a_command_or_import_name_its_codes(operation: str) -> None:
    text = section(OPERATIONS[operation].section)
    for rule in re.findall(r"\b6\.\d+\b", text):
        text += section(rule)

    places = Place.COMMAND | Place.IMPORT
    business = [code for code in REFUSED[operation] if ERRORS[code].places & places]

    assert [code for code in business if code not in text] == []


def test_the_lines_to_copy_are_those_of_their_file() -> None:
    page = (ROOT / "docs" / "changing.md").read_text(encoding="utf-8")
    parts = re.findall(r"^\*\*`(\S+)`\*\*(.*?)(?=^\*\*`|^## |\Z)", page, re.MULTILINE | re.DOTALL)
    shown = {
        (file, line.strip())
        for file, text in parts
        for block in re.findall(r"^```(?:text|python)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    }
    lines = {
        file: {line.strip() for line in (ROOT / file).read_text(encoding="utf-8").splitlines()}
        for file, _ in parts
    }

    assert len(shown) > 20
    assert [(file, line) for file, line in shown if line not in lines[file]] == []
