"""Write docs/reference.md, llms.txt, the schemas of files, a section of behaviour.md, and the OpenAPI documents.

`--check` only compares them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from mock_server.contract import document
from mock_server.contract.published import normalized_schemas
from mock_server.control import openapi
from mock_server.control.app import CALLS
from mock_server.control.docs import guide
from mock_server.documentation import anchor_of
from mock_server.domain.errors import ERRORS, Place
from mock_server.domain.operations import DIALECTS, OPERATIONS
from mock_server.domain.variants import VARIANTS
from mock_server.fixtures.entries import Recipe
from mock_server.fixtures.library import recipe_path
from mock_server.fixtures.recipes import read_recipe
from mock_server.scenarios.file_format import Scenario
from mock_server.settings import CONTROL_PREFIX, SETTINGS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
_PLACES = {
    Place.SEARCH: "search",
    Place.IMPORT: "import, at once",
    Place.PROCESS: "import process",
    Place.COMMAND: "command",
    Place.RESOURCE: "404",
}
_WRITTEN = "<!-- Written by `make docs` from the code. -->\n"
_INFERRED = "\n## 14. Inferred rules\n"
_ABOUT_INFERRED = """
<!-- Written by `make docs` from the sections above. -->

No source has these rules: the sandbox decides. If your code depends on one, check it in the vendor's test environment.
"""


def main() -> int:
    """Write the pages, or with `--check` report those that differ from the code."""
    pages = {
        DOCS / "reference.md": reference(),
        DOCS / "behaviour.md": behaviour(),
        DOCS / "llms.txt": guide(),
        DOCS / "recipe.schema.json": schema("Recipe", Recipe),
        DOCS / "scenario.schema.json": schema("Scenario", Scenario),
        **openapi_documents(),
    }
    if "--check" not in sys.argv:
        for path, text in pages.items():
            path.write_text(text, encoding="utf-8")
        return 0
    stale = [
        path.name for path, text in pages.items() if not path.is_file() or path.read_text("utf-8") != text
    ]
    if stale:
        sys.stderr.write(f"out of date: {', '.join(stale)}; run `make docs`\n")
    return 1 if stale else 0


def openapi_documents() -> dict[Path, str]:
    """Return the documents of both dialects and of the control API as YAML, without their examples, by their paths."""
    documents = {dialect: document(dialect) for dialect in DIALECTS}
    documents["control"] = openapi.document(CALLS, "", needs_token=True)
    return {ROOT / "openapi" / f"{name}.yaml": _yaml(found) for name, found in documents.items()}


def _yaml(found: dict[str, Any]) -> str:
    # JSON first: YAML would write an alias where parts share an object, such as a tuple.
    plain = json.loads(json.dumps(_without_examples(found)))
    return yaml.dump(
        plain,
        Dumper=yaml.CSafeDumper,
        allow_unicode=True,
        sort_keys=False,
        default_flow_style=None,
        width=120,
    )


def _without_examples(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_examples(member)
            for name, member in value.items()
            if name not in {"example", "examples"}
        }
    return [_without_examples(one) for one in value] if isinstance(value, list) else value


def reference() -> str:
    """Return the tables of operations, codes, variants, options, control calls and magic identifiers."""
    sections = (
        ("Operations", ("operation", "request", "dialects", "behaviour", "provenance"), operations()),
        ("Error codes", ("code", "French", "English", "where", "when", "provenance"), errors()),
        ("Variants", ("variant", "values, default first", "effect", "decision"), variants()),
        ("Options", ("option", "environment", "default", "meaning"), options()),
        ("Control calls", ("call", "meaning"), control_calls()),
        ("Magic identifiers", ("type", "value", "meaning"), identifiers()),
    )
    intro = (
        "Operations, codes, variants, options, control calls and magic identifiers. [Behaviour](behaviour.md) has the"
        " rules.\n"
    )
    return "\n".join(["# Reference\n", _WRITTEN, intro, *(_table(*section) for section in sections)])


def behaviour() -> str:
    """Return behaviour.md with its last section, which lists the numbers of the inferred rules."""
    written = (DOCS / "behaviour.md").read_text(encoding="utf-8").partition(_INFERRED)[0]
    rows = [f"| [{title}](#{anchor_of(title)}) | {', '.join(rules)} |" for title, rules in _inferred(written)]
    codes = [f"`{row.code}`" for row in ERRORS.values() if row.provenance == "inferred"]
    rows.append(f"| [Error codes](reference.md#error-codes), their use here | {', '.join(codes)} |")
    return (
        "\n".join([written + _INFERRED + _ABOUT_INFERRED, "| section | rules |", "| --- | --- |", *rows])
        + "\n"
    )


def schema(title: str, kind: type) -> str:
    """Return the JSON Schema of a file, made from the types that read it."""
    found = msgspec.json.schema(kind)
    found["$defs"] = normalized_schemas(found["$defs"])
    named = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **found}
    return json.dumps(named, indent=2, ensure_ascii=False) + "\n"


def operations() -> Iterator[tuple[str, ...]]:
    """A row per operation."""
    for row in OPERATIONS.values():
        requests = "<br>".join(f"`{row.method} {path}`" for path in row.paths)
        heading = f"{row.section} {row.name} - {row.method} {row.paths[0]}"
        anchor = f"[{row.section}](behaviour.md#{anchor_of(heading)})"
        yield f"`{row.name}`", requests, ", ".join(row.dialects), anchor, row.provenance


def errors() -> Iterator[tuple[str, ...]]:
    """A row per code."""
    for row in ERRORS.values():
        places = ", ".join(_PLACES[place] for place in Place if place in row.places)
        yield f"`{row.code}`", row.label_fr, row.label_en, places, row.when, row.provenance


def variants() -> Iterator[tuple[str, ...]]:
    """A row per variant."""
    for row in VARIANTS.values():
        values = ", ".join(f"`{value}`" for value in row.values)
        values += "".join(f" (`{dialect}`: `{value}`)" for dialect, value in row.defaults.items())
        decision = f"[{row.decision}](behaviour.md#12-where-the-sources-disagree)"
        yield f"`{row.name}`", values, row.effect, decision


def options() -> Iterator[tuple[str, ...]]:
    """A row per option of `mock-server serve`."""
    for row in SETTINGS:
        yield (
            f"`{row.flag} {row.metavar}`".replace("|", "\\|"),
            f"`{row.variable}`",
            row.default,
            row.help,
        )


def control_calls() -> Iterator[tuple[str, ...]]:
    """A row per control call."""
    for call in sorted(CALLS, key=lambda call: call.path):
        yield f"`{call.method} {CONTROL_PREFIX}{call.path}`", call.summary


def identifiers() -> Iterator[tuple[str, ...]]:
    """A row per establishment of the catalogue."""
    recipe = read_recipe(recipe_path("catalogue")).recipe
    for row in recipe.establishments:
        value = row.siret or row.company_id_value or ""
        yield row.company_id_type or "CIT001", f"`{value}`", row.about


def _inferred(page: str) -> Iterator[tuple[str, list[str]]]:
    """The title of each section that has inferred rules, and the numbers of these rules."""
    for section in re.split(r"\n(?=##+ )", page.partition("\n## 12")[0])[1:]:
        items = re.findall(
            r"^- \*\*([\d.]+)\*\* (.*?)(?=\n(?:- |\n|\||#)|\Z)", section, re.MULTILINE | re.DOTALL
        )
        rules = [number for number, text in items if "inferred" in text]
        if rules:
            yield section.partition("\n")[0].lstrip("# "), rules


def _table(title: str, head: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    columns = list(head)
    lines = [f"## {title}\n", f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
