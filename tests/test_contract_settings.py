"""What `make contract` and `make clients` leave out has a reason, and nothing is left out without a word."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mock_server.contract import document
from mock_server.domain.operations import DIALECTS

TEXT = (Path(__file__).parent.parent / "schemathesis.toml").read_text(encoding="utf-8")
CLIENTS = Path(__file__).parent.parent / "tools" / "clients"
EXCEPTIONS: list[dict[str, Any]] = tomllib.loads(TEXT)["operations"]


def test_every_exception_has_its_reason_above_it() -> None:
    explained = re.findall(r"^#.*\n\[\[operations\]\]$", TEXT, re.MULTILINE)

    assert len(explained) == len(EXCEPTIONS)


@pytest.mark.parametrize("name", [name for row in EXCEPTIONS for name in row["include-name"]])
def test_every_exception_is_of_an_operation_that_there_is(name: str) -> None:
    method, path = name.split()

    assert any(method.lower() in document(dialect)["paths"].get(path, {}) for dialect in DIALECTS)


def test_no_check_is_off_for_all_operations() -> None:
    checks = tomllib.loads(TEXT)["checks"]

    assert not [name for name, row in checks.items() if row.get("enabled") is False]


def test_every_exception_of_redocly_has_its_reason_above_it() -> None:
    lines = (CLIENTS / "redocly.yaml").read_text(encoding="utf-8").splitlines()
    exceptions = [number for number, line in enumerate(lines) if not line.endswith(("error", ":", "strict]"))]
    exceptions = [number for number in exceptions if not lines[number].lstrip().startswith("#")]

    assert exceptions
    assert [lines[number] for number in exceptions if not lines[number - 1].startswith("  #")] == []


def test_a_generator_whose_program_is_missing_fails_and_is_named(tmp_path: Path) -> None:
    command = [sys.executable, str(CLIENTS.parent / "clients.py"), "--tool", "java", "--document", "rest"]

    done = subprocess.run(
        command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 1
    assert "| java | rest | MISSING: java, javac" in done.stdout, done.stderr
