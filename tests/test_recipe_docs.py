"""docs/recipes.md is true: it has every key with its default, its recipes load, its mistakes are real."""

from __future__ import annotations

import inspect
import re
from datetime import date
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import FieldInfo

from mock_server.app import create_app
from mock_server.fixtures import FileError, entries, load_fixture
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
    entries.Identified: "What names a company",
    entries.CompanyEntry: "What is known of a company",
    entries.EstablishmentEntry: "`establishments`",
    entries.ThirdpartyEntry: "`thirdparties`",
    entries.UserInformationEntry: "`users` of a third party",
    entries.DossierEntry: "`dossiers`",
    entries.DocumentEntry: "`documents` of a dossier",
    entries.FileEntry: "`files` of a document",
}


def own_keys() -> list[tuple[str, FieldInfo]]:
    """Each key beside the section whose table has it; inherited keys are in that of the base."""
    return [
        (section, key)
        for struct, section in SECTIONS.items()
        for key in msgspec.structs.fields(struct)
        if key.name in inspect.get_annotations(struct)
    ]


def table(section: str) -> list[list[str]]:
    """The cells of the rows under a heading."""
    found = re.search(rf"^### {re.escape(section)}\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, section
    rows = [line for line in found[1].splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def shown_default(key: FieldInfo) -> str:
    """What the column has to say; empty where the default is none, or derived, and words tell it."""
    if key.required:
        return "required"
    if key.default in (None, "", (), msgspec.UNSET, msgspec.NODEFAULT):
        return ""
    plain = key.default if isinstance(key.default, str) else msgspec.json.encode(key.default).decode()
    return f"`{plain}`"


def written(folder: Path) -> list[Path]:
    """The recipes of the page as files, under the name in their first line if there is one."""
    paths = []
    for number, block in enumerate(RECIPES):
        named = re.match(r"# (\S+\.yaml)\n", block)
        path = folder / (named[1] if named else f"recipe{number}.yaml")
        path.write_text(block, encoding="utf-8")
        paths.append(path)
    return paths


def test_every_entry_type_has_its_section() -> None:
    structs = {found for found in vars(entries).values() if inspect.isclass(found)}
    patches = {
        entries.AccountChange,
        entries.AccountPatch,
        entries.ThirdpartyPatch,
        entries.DossierPatch,
        entries.Given,
    }
    written = {found for found in structs if issubclass(found, entries.Written)} - {entries.Written}

    assert written - patches == set(SECTIONS)


@pytest.mark.parametrize(
    ("section", "key"), own_keys(), ids=[f"{section}-{key.encode_name}" for section, key in own_keys()]
)
def test_every_key_has_its_row_with_its_default(section: str, key: FieldInfo) -> None:
    rows = [row for row in table(section) if row[0] == f"`{key.encode_name}`"]

    assert len(rows) == 1
    assert shown_default(key) in ("", rows[0][2])


@pytest.mark.parametrize("section", SECTIONS.values())
def test_every_row_is_a_key(section: str) -> None:
    keys = [f"`{key.encode_name}`" for where, key in own_keys() if where == section]

    assert sorted(row[0] for row in table(section)) == sorted(keys)


@pytest.mark.parametrize("number", range(len(RECIPES)))
def test_every_recipe_on_the_page_starts_a_server(tmp_path: Path, number: int) -> None:
    path = written(tmp_path)[number]

    try:
        app = create_app(Settings(fixture=str(path)))
    except FileError as mistake:  # good for being included only
        assert "no account in it to serve" in str(mistake)  # noqa: PT017
    else:
        assert app.test_client().get("/__admin/health").status_code == 200


def test_the_first_recipe_has_what_the_text_says(tmp_path: Path) -> None:
    app = create_app(Settings(fixture=str(written(tmp_path)[0]), auth="off"))
    api = Api(app.test_client(), "default", account=1)

    [dossier] = content(api.get("/dossiers", dossierReference="PO-1"))

    assert [document["documentCode"] for document in dossier["documents"]] == [
        "ATT_VIGI",
        "JUSTIF_IMM",
        "LST_SAL_ETR",
    ]
    assert not any(document["present"] for document in dossier["documents"])


def test_the_spelled_dossiers_are_what_their_comments_say(tmp_path: Path) -> None:
    app = create_app(Settings(fixture=str(written(tmp_path)[1]), auth="off"))
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
def test_the_mistakes_on_the_page_are_told_in_those_words(tmp_path: Path, right: str, wrong: str) -> None:
    path = tmp_path / "my-world.yaml"
    path.write_text(RECIPES[0].replace(right, wrong), encoding="utf-8")

    with pytest.raises(FileError) as refused:
        load_fixture(str(path), date(2026, 3, 2))

    assert f"```text\n{str(refused.value).removeprefix(f'{tmp_path}/')}\n```" in PAGE
