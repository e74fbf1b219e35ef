"""The words of the project are plain: no retired word in any text, and no class name with two meanings."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from mock_server.domain.names import counted

ROOT = Path(__file__).parent.parent
LIST = Path(__file__).with_name("retired_words.txt")
LINES = [line for line in LIST.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
ALLOWED = [line.removeprefix("ok: ").casefold() for line in LINES if line.startswith("ok: ")]
LATER = {line.removeprefix("later: ") for line in LINES if line.startswith("later: ")}
RETIRED = [line.split(" -> ")[0] for line in LINES if " -> " in line]
WORD = re.compile(r"\b(?:" + "|".join(RETIRED) + r")\b", re.IGNORECASE)
NOT_OURS = re.compile(r"LICENSE$|\.(png|svg|lock)$|^fixtures/states/|^docs/\w+\.schema\.json$")
"""Files without prose of the project; the schemas are generated from docstrings."""


def text_files() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    names = listed.stdout.splitlines()
    return [name for name in names if (ROOT / name).is_file() and not NOT_OURS.search(name)]


def retired_words(text: str) -> list[str]:
    """The retired words of a text, without those in an allowed text."""
    plain = text.replace("_", " ").casefold()
    for allowed in ALLOWED:
        plain = plain.replace(allowed, "")
    return [found[0] for found in WORD.finditer(plain)]


def test_no_file_contains_a_retired_word() -> None:
    found = {
        f"{name}:{number}: {', '.join(words)}"
        for name in text_files()
        if not name.startswith(("tests/retired_words", "tests/test_words")) and name not in LATER
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1)
        if (words := retired_words(line))
    }

    assert sorted(found) == []


def test_no_class_name_exists_twice() -> None:
    public = {"Reset"}  # the command in the history, and the schema in the OpenAPI document
    names = Counter(
        node.name
        for path in (ROOT / "mock_server").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    )

    assert [name for name, number in names.items() if number > 1 and name not in public] == []


def test_a_number_in_a_message_has_the_right_form_of_its_noun() -> None:
    """A number that can be 1 is written by `counted`; sizes of long texts and files are more."""
    number = r"\{(?:len\([^{}]*\)|\w*[cC]ount|(?:[^{}]|\(\))*:,)\}"
    plural = re.compile(number + r" (?:[a-z]+ )?(?!bytes|characters|times|is\b)[a-z]+s\b")

    found = {
        f"{path.relative_to(ROOT)}: {hit[0]}"
        for path in (ROOT / "mock_server").rglob("*.py")
        for hit in plural.finditer(path.read_text(encoding="utf-8"))
    }

    assert found == set()
    assert plural.search('f"{len(others)} other sandboxes"')
    assert [counted(0, "step"), counted(1, "entry", "entries"), counted(1200, "entry", "entries")] == [
        "0 steps",
        "1 entry",
        "1,200 entries",
    ]


def test_a_retired_word_is_found_inside_a_name_and_an_allowed_text_is_not() -> None:
    assert retired_words("def test_it_is_bent_by_a_rule") == ["bent"]
    assert retired_words("The client Tells it") == ["tells"]
    assert retired_words("it tells apart two clocks") == []
    assert retired_words("a bentwood chair") == []
