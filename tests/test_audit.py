"""`make audit`: it fails for a vulnerability, and never looks as if it had checked what it had not."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FLASK = {"name": "flask", "version": "3.1.0", "vulns": []}
OLD = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1", "2.0"]}]}
UNKNOWN = {"name": "ours", "skip_reason": "not found"}


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    path = Path(__file__).parent.parent / "tools" / "audit.py"
    spec = importlib.util.spec_from_file_location("audit", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("dependencies", "status", "said"),
    [
        pytest.param([FLASK], 0, ["audit: 1 packages checked, 0 vulnerable"], id="none"),
        pytest.param(
            [FLASK, OLD],
            1,
            ["audit: old 1.0: PYSEC-1, repaired in 1.1, 2.0", "audit: 2 packages checked, 1 vulnerable"],
            id="one",
        ),
        pytest.param(
            [FLASK, UNKNOWN], 0, ["audit: 1 packages checked, 0 vulnerable, not checked: ours"], id="unknown"
        ),
        pytest.param(
            [UNKNOWN], 0, ["audit: 0 packages checked, 0 vulnerable, not checked: ours"], id="nothing known"
        ),
    ],
)
def test_what_was_found_is_said(
    audit: ModuleType,
    capsys: pytest.CaptureFixture[str],
    dependencies: list[dict[str, object]],
    status: int,
    said: list[str],
) -> None:
    assert audit.report(dependencies) == status
    assert capsys.readouterr().out.splitlines() == said


def test_a_database_that_cannot_be_reached_is_said_and_is_no_failure(
    audit: ModuleType, capsys: pytest.CaptureFixture[str], server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "DATABASE", f"{server}/pypi/{{}}/{{}}/json")

    assert audit.main() == 0
    assert capsys.readouterr().out.startswith("audit: SKIPPED, nothing was checked: the database")
