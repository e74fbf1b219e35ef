"""The resources have the members that the tables of behaviour.md 4 give each dialect, and no others."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mock_server.dialects import DIALECTS
from tests.support import Api, content

pytestmark = pytest.mark.dialects(*DIALECTS)

BEHAVIOUR = (Path(__file__).parent.parent / "docs" / "behaviour.md").read_text(encoding="utf-8")
Row = dict[str, str]


def tables(section: str) -> list[list[Row]]:
    """The tables of a section, each row by its columns; the first column is always called `member`."""
    (text,) = re.findall(rf"^### {re.escape(section)} .*?\n(.*?)(?=^##)", BEHAVIOUR, re.MULTILINE | re.DOTALL)
    found = []
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        head, _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
        found.append([dict(zip(["member", *head[1:]], row, strict=True)) for row in rows])
    return found


def documented(table: list[Row], column: str) -> set[str]:
    """The members that a column of a table ticks."""
    return {name for row in table for name in ticked(row, column)}


def ticked(row: Row, column: str) -> list[str]:
    names = [name.removesuffix("[]") for name in re.findall(r"`([^`]+)`", row["member"])]
    cell = row[column]
    if cell == "✓":
        return names
    if cell.startswith("✓,"):
        return [name for name, mark in zip(names, cell.split(", "), strict=True) if mark == "✓"]
    other_words = {"the first": names[:1], "the second": names[1:]}
    return other_words.get(cell, re.findall(r"`([^`]+)`", cell))


def in_the_list(table: list[Row], dialect: str) -> set[str]:
    rows = [row for row in table if row["in the list"] in {"✓", f"`{dialect}` only"}]
    return documented(rows, dialect)


def one_document(api: Api) -> dict[str, Any]:
    """A document with a file."""
    return next(
        document
        for dossier in content(api.get("/dossiers", pageSize=200))
        for document in dossier["documents"]
        if api.files(document)
    )


THIRDPARTY, DOSSIER = tables("4.4")[0], tables("4.5")[0]
DOCUMENT, FILE = tables("4.7")
REQUIREMENT, PROCESS, FIGURES = tables("4.8")[0], tables("4.10")[0], tables("4.2")[0]

RESOURCES: dict[str, tuple[Callable[[Api], Any], Callable[[str], set[str]]]] = {
    "figures": (
        lambda api: content(api.get("")),
        lambda dialect: documented(FIGURES, dialect) | {"listIndicatorsStatistics"},
    ),
    "third party in the list": (
        lambda api: content(api.get("/thirdparties"))[0],
        lambda dialect: in_the_list(THIRDPARTY, dialect),
    ),
    "third party": (
        lambda api: content(api.get("/thirdparties/875")),
        lambda dialect: documented(THIRDPARTY, dialect),
    ),
    "dossier": (lambda api: api.dossier(804127), lambda dialect: documented(DOSSIER, dialect)),
    "document": (one_document, lambda dialect: documented(DOCUMENT, dialect)),
    "file": (lambda api: api.files(one_document(api))[0], lambda dialect: documented(FILE, dialect)),
    "requirement of the account": (
        lambda api: content(api.get("/requirements"))[0],
        lambda dialect: documented(REQUIREMENT, f"{dialect} account"),
    ),
    "requirement of a dossier": (
        lambda api: content(api.get("/dossiers/804127/requirements"))[0],
        lambda dialect: documented(REQUIREMENT, f"{dialect} dossier"),
    ),
    "process": (
        lambda api: api.process(api.launch()),
        lambda dialect: documented(PROCESS, dialect),
    ),
}


@pytest.mark.parametrize("name", RESOURCES)
def test_a_resource_has_the_members_that_its_table_gives_the_dialect(
    api: Api, dialect: str, name: str
) -> None:
    shown, members = RESOURCES[name]

    assert set(shown(api)) == members(dialect)


def test_the_dialects_differ_in_every_resource_but_one() -> None:
    alike = {name for name, (_, members) in RESOURCES.items() if members("rest") == members("edge")}

    assert alike == {"requirement of the account"}
