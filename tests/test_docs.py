"""The documentation is what the code says; `make docs` writes what is generated."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from mock_server.domain.errors import ERRORS
from mock_server.domain.operations import OPERATIONS
from mock_server.domain.variants import VARIANTS
from mock_server.fixtures.library import bundled
from mock_server.fixtures.yaml_files import read_yaml

ROOT = Path(__file__).parent.parent
BEHAVIOUR = (ROOT / "docs" / "behaviour.md").read_text(encoding="utf-8")
WORDS = {"documented", "example", "carried-over", "observed", "inferred"}


def test_the_generated_pages_are_what_the_code_says() -> None:
    command = [sys.executable, str(ROOT / "tools" / "reference.py"), "--check"]

    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr


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


def test_every_citation_in_the_code_leads_to_a_section() -> None:
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


def test_the_links_between_the_pages_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    targets = {
        (page.parent / target).resolve()
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    }

    assert {target for target in targets if not target.exists()} == set()
