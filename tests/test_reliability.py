"""docs/reliability.md names tests; each of them exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "---" not in line]
NAMED = sorted(set(re.findall(r"`(test_\w+\.py)::(\w+)`", PAGE)))


def test_every_test_that_is_named_exists() -> None:
    texts = {file: (ROOT / "tests" / file).read_text(encoding="utf-8") for file, _ in NAMED}

    missing = [
        f"{file}::{name}"
        for file, name in NAMED
        if not re.search(rf"^(?:def {name}\(|{name} = )", texts[file], re.MULTILINE)
    ]

    assert len(NAMED) > 50
    assert missing == []


def test_every_row_names_a_test() -> None:
    without = [row for row in ROWS if "`test_" not in row and not row.endswith("| test |")]

    assert len(ROWS) > 50
    assert without == []
