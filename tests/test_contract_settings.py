"""What `make contract` leaves out is said to be so, of operations that there are."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mock_server.contract import document
from mock_server.domain.operations import DIALECTS

TEXT = (Path(__file__).parent.parent / "schemathesis.toml").read_text(encoding="utf-8")
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
