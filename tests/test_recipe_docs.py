"""docs/recipes.md is true: it has every key with its default, its recipes load, its messages are real."""

from __future__ import annotations

import inspect
import re
from datetime import date
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import FieldInfo

from mock_server.app import create_app
from mock_server.fixtures import entries
from mock_server.fixtures.fixture import load_fixture
from mock_server.input_errors import FileError
from mock_server.settings import Settings
from tests.support import Api, content

PAGE = (Path(__file__).parent.parent / "docs" / "recipes.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
RECIPES = [block for block in BLOCKS if re.search(r"^version:", block, re.MULTILINE)]

SECTIONS: dict[type[msgspec.Struct], str] = {
    entries.Recipe: "The file",
    entries.UserEntry: "`users`",
    entries.RequirementEntry: "`requirements`",
    entries.AccountEntry: "`accounts`",
    entries.SubscriptionEntry: "`subscriptions` of an account",
    entries.Population: "`population` of an account",
    entries.CompanyRef: "Company identifiers",
    entries.CompanyEntry: "Company data",
    entries.EstablishmentEntry: "`establishments`",
    entries.ThirdpartyEntry: "`thirdparties`",
    entries.UserInformationEntry: "`users` of a third party",
    entries.DossierEntry: "`dossiers`",
    entries.DocumentEntry: "`documents` of a dossier",
    entries.FileEntry: "`files` of a document",
    entries.TimelineEntry: "`timeline`",
}


def own_keys(struct: type[msgspec.Struct]) -> dict[str, FieldInfo]:
    """Return the keys of an entry that no other entry in `SECTIONS` has already for it."""
    base = struct.__base__ if struct.__base__ in SECTIONS else None
    known = {key.name for key in msgspec.structs.fields(base)} if base else set()
    return {f"`{key.encode_name}`": key for key in msgspec.structs.fields(struct) if key.name not in known}


def table(section: str) -> list[list[str]]:
    """The cells of the rows under a heading."""
    found = re.search(rf"^### {re.escape(section)}\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, section
    rows = [line for line in found[1].splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def shown_default(key: FieldInfo) -> str:
    """Return the text of the column; empty where the default is none, or derived and described in words."""
    if key.required:
        return "required"
    if key.default in (None, "", (), msgspec.UNSET, msgspec.NODEFAULT):
        return ""
    plain = key.default if isinstance(key.default, str) else msgspec.json.encode(key.default).decode()
    return f"`{plain}`"


def write_recipes(folder: Path) -> list[Path]:
    """Write the recipes of the page to files, named as their first line says if it does."""
    paths = []
    for number, block in enumerate(RECIPES):
        named = re.match(r"# (\S+\.yaml)\n", block)
        path = folder / (named[1] if named else f"recipe{number}.yaml")
        path.write_text(block, encoding="utf-8")
        paths.append(path)
    return paths


def test_every_entry_type_has_its_section() -> None:
    listed = {found for found in vars(entries).values() if inspect.isclass(found)}
    of_recipes = {
        found for found in listed if found.__name__.endswith(("Entry", "Ref", "Recipe", "Population"))
    }

    assert of_recipes - {entries.RecipeEntry} == set(SECTIONS)


@pytest.mark.parametrize(("struct", "section"), SECTIONS.items(), ids=SECTIONS.values())
def test_every_key_has_one_row_with_its_default(struct: type[msgspec.Struct], section: str) -> None:
    keys, rows = own_keys(struct), table(section)

    assert sorted(row[0] for row in rows) == sorted(keys)
    assert [row for row in rows if shown_default(keys[row[0]]) not in ("", row[2])] == []


@pytest.mark.parametrize("number", range(len(RECIPES)))
def test_every_recipe_on_the_page_starts_a_server(tmp_path: Path, number: int) -> None:
    path = write_recipes(tmp_path)[number]

    try:
        app = create_app(Settings(fixture=str(path)))
    except FileError as error:  # only to be included
        assert "no account in it to serve" in str(error)  # noqa: PT017
    else:
        assert app.test_client().get("/__admin/health").status_code == 200


def test_the_first_recipe_has_what_the_text_says(tmp_path: Path) -> None:
    app = create_app(Settings(fixture=str(write_recipes(tmp_path)[0]), auth="off"))
    api = Api(app.test_client(), "default", account=1)

    [dossier] = content(api.get("/dossiers", dossierReference="PO-1"))

    assert [document["documentCode"] for document in dossier["documents"]] == [
        "ATT_VIGI",
        "JUSTIF_IMM",
        "LST_SAL_ETR",
    ]
    assert not any(document["present"] for document in dossier["documents"])


def test_the_listed_dossiers_match_their_comments(tmp_path: Path) -> None:
    app = create_app(Settings(fixture=str(write_recipes(tmp_path)[1]), auth="off"))
    api = Api(app.test_client(), "default", account=1)

    found = {dossier["dossierReference"]: dossier for dossier in content(api.get("/dossiers/all"))}

    assert {reference for reference, dossier in found.items() if dossier["state"]} == {"DONE", "NOTHING"}
    assert {reference for reference, dossier in found.items() if not dossier["monitored"]} == {
        "STOPPED",
        "EXPIRED",
    }


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("dossierReference", "dossierReferenc"), ("99050000100013", "99050000100014")],
    ids=["an unknown key", "a wrong check digit"],
)
def test_the_error_messages_on_the_page_are_the_real_ones(tmp_path: Path, right: str, wrong: str) -> None:
    path = tmp_path / "my-state.yaml"
    path.write_text(RECIPES[0].replace(right, wrong), encoding="utf-8")

    with pytest.raises(FileError) as rejected:
        load_fixture(str(path), date(2026, 3, 2))

    assert f"```text\n{str(rejected.value).removeprefix(f'{tmp_path}/')}\n```" in PAGE
