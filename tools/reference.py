"""Writes docs/reference.md, limits.md and the schemas of files from the code; `--check` only compares.

A row needs a test that shows it: the first test whose source, or a table it reads, names the thing. Whatever
has none stops the writing with a sentence.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import msgspec

from mock_server.control.app import CALLS
from mock_server.domain.errors import ERRORS
from mock_server.domain.operations import OPERATIONS
from mock_server.domain.variants import VARIANTS
from mock_server.fixtures.entries import Recipe
from mock_server.fixtures.library import recipe_path
from mock_server.fixtures.recipes import read_recipe
from mock_server.scenarios import Scenario
from mock_server.settings import CONTROL_PREFIX, SETTINGS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
NEVER_SHOWN = {"E203": "never emitted"}
_PLACES = {"S": "search", "I": "import, at once", "P": "import process", "C": "command"}
_WRITTEN = "<!-- Written by `make docs` from the code. -->\n"


def main() -> int:
    """Write the pages, or with `--check` say which are not what the code says."""
    pages = {
        DOCS / "reference.md": reference(),
        DOCS / "limits.md": limits(),
        DOCS / "recipe.schema.json": schema("Recipe", Recipe),
        DOCS / "scenario.schema.json": schema("Scenario", Scenario),
    }
    if "--check" not in sys.argv:
        for path, text in pages.items():
            path.write_text(text, encoding="utf-8")
        return 0
    stale = [
        path.name for path, text in pages.items() if not path.is_file() or path.read_text("utf-8") != text
    ]
    if stale:
        sys.stderr.write(f"not what the code says: {', '.join(stale)}; run `make docs`\n")
    return 1 if stale else 0


def reference() -> str:
    """Every operation, code, variant, option, control call and magic identifier, a row each."""
    sections = (
        ("Operations", ("operation", "request", "dialects", "behaviour", "provenance", "test"), operations()),
        ("Error codes", ("code", "French", "English", "where", "when", "provenance", "test"), errors()),
        ("Variants", ("variant", "values, default first", "effect", "decision", "test"), variants()),
        ("Options", ("option", "environment", "default", "meaning", "test"), options()),
        ("Control calls", ("call", "meaning", "test"), control_calls()),
        ("Magic identifiers", ("type", "value", "meaning", "test"), identifiers()),
    )
    intro = (
        "What there is, a row each. The rules are in [behaviour.md](behaviour.md),"
        " the guesses among them in [limits.md](limits.md).\n"
    )
    return "\n".join(["# Reference\n", _WRITTEN, intro, *(_table(*section) for section in sections)])


def limits() -> str:
    """All rules of behaviour.md that are inferred, by section."""
    lines = ["# Limits\n", _WRITTEN]
    lines.append(
        "What nothing in the sources says, and the sandbox had to decide. Where your code depends on one of these,\n"
        "ask the vendor's own test environment. The rules are those of [behaviour.md](behaviour.md).\n"
    )
    for title, rules in _inferred_rules():
        lines += [f"## {title}\n", *(f"- {rule}" for rule in rules), ""]
    lines += ["## Codes\n"]
    lines += [
        f"- `{e.code}`: that it is given here. {e.when}"
        for e in ERRORS.values()
        if e.provenance == "inferred"
    ]
    return "\n".join(lines) + "\n"


def schema(title: str, kind: type) -> str:
    """The JSON Schema of a file, from the types that read one."""
    found = msgspec.json.schema(kind)
    for part in found["$defs"].values():
        if "description" in part:  # Python 3.13 cleans it, older ones do not
            part["description"] = inspect.cleandoc(part["description"])
    named = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **found}
    return json.dumps(named, indent=2, ensure_ascii=False) + "\n"


def operations() -> Iterator[tuple[str, ...]]:
    """A row per operation."""
    for row in OPERATIONS.values():
        requests = "<br>".join(f"`{row.method} {path}`" for path in row.paths)
        anchor = f"[{row.section}](behaviour.md)"
        yield f"`{row.name}`", requests, ", ".join(row.dialects), anchor, row.provenance, shown_by(row.name)


def errors() -> Iterator[tuple[str, ...]]:
    """A row per code."""
    for row in ERRORS.values():
        places = ", ".join(
            _PLACES.get(place, place) for place in ([row.places] if row.places == "404" else row.places)
        )
        test = NEVER_SHOWN.get(row.code) or shown_by(row.code)
        yield f"`{row.code}`", row.label_fr, row.label_en, places, row.when, row.provenance, test


def variants() -> Iterator[tuple[str, ...]]:
    """A row per variant."""
    for row in VARIANTS.values():
        values = ", ".join(f"`{value}`" for value in row.values)
        values += f" (`edge`: `{row.edge}`)" if row.edge else ""
        decision = f"[{row.decision}](behaviour.md#12-where-the-sources-disagree)"
        yield f"`{row.name}`", values, row.effect, decision, shown_by(row.name)


def options() -> Iterator[tuple[str, ...]]:
    """A row per option of `mock-server serve`."""
    for row in SETTINGS:
        yield (
            f"`{row.flag} {row.metavar}`".replace("|", "\\|"),
            f"`{row.variable}`",
            row.default,
            row.help,
            shown_by(row.flag, row.name, row.variable),
        )


def control_calls() -> Iterator[tuple[str, ...]]:
    """A row per control call."""
    for call in sorted(CALLS, key=lambda call: call.path):
        plain = re.sub(r"\{\w+\}", "{}", call.path)
        made = f"control {call.method} {plain}"
        shown = _first(made) or shown_by(f"{CONTROL_PREFIX}{plain}", plain)
        yield f"`{call.method} {CONTROL_PREFIX}{call.path}`", call.summary, shown


def identifiers() -> Iterator[tuple[str, ...]]:
    """A row per establishment of the catalogue."""
    recipe = read_recipe(recipe_path("catalogue")).recipe
    for row in recipe.establishments:
        value = row.siret or row.company_id_value or ""
        yield row.company_id_type or "CIT001", f"`{value}`", row.about, shown_by(value)


def shown_by(*names: str) -> str:
    """The first test that names it by one of its names, as a link.

    Raises:
        SystemExit: there is none.
    """
    found = _first(*names)
    if found is None:
        raise SystemExit(f"no test names {names[0]!r}: write one that shows it")
    return found


def _first(*names: str) -> str | None:
    for path, test, words in _tests():
        if words.intersection(names):
            return f"[{test}](../tests/{path.name})"
    return None


@cache
def _tests() -> tuple[tuple[Path, str, frozenset[str]], ...]:
    """Every test with the texts in it, and in the tables and functions of its module that it uses."""
    found = []
    for path in sorted((ROOT / "tests").glob("test_*.py")):
        if path.stem == "test_client":  # which names much of the API, and is about something else
            continue
        module = ast.parse(path.read_text(encoding="utf-8"))
        tables = {
            target.id: _texts(node)
            for node in module.body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        tables |= {node.name: _texts(node) for node in module.body if isinstance(node, ast.FunctionDef)}
        for node in module.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
                read = (tables[name] for name in names & tables.keys())
                found.append((path, node.name, frozenset(_texts(node).union(*read))))
    return tuple(found)


def _texts(node: ast.AST) -> set[str]:
    """The strings in a piece of code, whole, and those of its words that look like a name."""
    texts = {
        part.value
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }
    texts |= {_pattern(part) for part in ast.walk(node) if isinstance(part, ast.JoinedStr)}
    keywords = {part.arg for part in ast.walk(node) if isinstance(part, ast.keyword) and part.arg}
    return texts | keywords | set(_control_calls(node))


def _control_calls(node: ast.AST) -> Iterator[str]:
    """The control calls made in a piece of code, such as `control PUT /clock`."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and "control" in {
            getattr(part.func, "attr", ""),
            getattr(part.func, "id", ""),
        }:
            written = [
                _pattern(each) if isinstance(each, ast.JoinedStr) else str(getattr(each, "value", ""))
                for each in part.args
                if isinstance(each, ast.JoinedStr | ast.Constant)
            ]
            yield " ".join(["control", *written[:2]])


def _pattern(text: ast.JoinedStr) -> str:
    """An f-string with `{}` for each value in it."""
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in text.values)


def _inferred_rules() -> Iterator[tuple[str, list[str]]]:
    text = (DOCS / "behaviour.md").read_text(encoding="utf-8").split("\n## 12")[0]
    for section in re.split(r"\n(?=##+ )", text)[1:]:
        title = section.split("\n")[0].lstrip("# ")
        items = re.findall(r"^- (.*?)(?=\n(?:- |\n|\||#)|\Z)", section, re.MULTILINE | re.DOTALL)
        rules = [" ".join(item.split()) for item in items if "inferred" in item]
        if rules:
            yield title, rules


def _table(title: str, head: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    columns = list(head)
    lines = [f"## {title}\n", f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
