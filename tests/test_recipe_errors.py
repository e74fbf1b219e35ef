"""Errors in a recipe: each message names file, line, what was found and what is allowed."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Thread

import pytest

from mock_server.fixtures.fixture import decode_fixture, load_fixture
from mock_server.fixtures.library import bundled, view_file
from mock_server.fixtures.yaml_files import read_text
from mock_server.input_errors import FileError

TODAY = date(2026, 3, 2)

BASE = """\
version: 1
include: [catalogue]
accounts:
  - accountId: 1
"""
SIRET = "siret: '99050000100013'"
OTHER_SIRET = "siret: '99050001900015'"
DOSSIER = f"""\
{BASE}dossiers:
  - {SIRET}
    dossierReference: A
"""
FILE = f"""\
{DOSSIER}    documents:
      - documentCode: I2
        files:
"""
TWO_DOCUMENTS = f"""\
{DOSSIER}    documents:
      - {{documentId: 5, documentCode: I2}}
      - {{documentId: 5, documentCode: ATT_VIGI}}
"""
KIND = "{documentId: 90, code: X, labelFr: X}"
USER = "{username: a, password: b, accounts: [1]}"

FORM = {
    "a number of many digits": (
        f"{BASE}seed: {'1' * 5000}\n",
        "5: a number of 5,000 characters; at most 1,000 are read: quote it if it is a text",
    ),
    "a hexadecimal number of many digits": (
        f"{BASE}seed: 0x{'f' * 5000}\n",
        "5: a number of 5,002 characters;",
    ),
    "a number with leading zeros": (
        f"{BASE}seed: 010\n",
        "5: YAML reads 010 as the octal number 8: quote it",
    ),
    "a number without digits": (f"{BASE}seed: 0x_\n", "5: 0x_ is not a number: quote it if it is a text"),
    "an unknown key at the top": (
        f"{BASE}dossers: []\n",
        "5: $: unknown key 'dossers'; did you mean 'dossiers'?",
    ),
    "an unknown key in an account": (
        f"{BASE}    internationals: true\n",
        "5: $.accounts[0]: unknown key 'internationals'; did you mean 'international'?",
    ),
    "an unknown key like no other": (f"{BASE}    zzzzz: true\n", "5: $.accounts[0]: unknown key 'zzzzz'"),
    "a text for a number": (
        f"{BASE}    maxDossiers: many\n",
        "5: $.accounts[0].maxDossiers: 'many' is not an integer",
    ),
    "a number for a SIRET": (
        f"{BASE}thirdparties:\n  - siret: 99050000100013\n",
        "6: $.thirdparties[0].siret: 99050000100013 is not a text: a SIRET has 14 digits; quote it in YAML",
    ),
    "a missing member": (
        "version: 1\naccounts:\n  - name: X\n",
        "3: $.accounts[0]: the key 'accountId' is missing",
    ),
    "an empty reference": (
        f"{BASE}dossiers:\n  - {{{SIRET}, dossierReference: ''}}\n",
        "6: $.dossiers[0].dossierReference: '' does not fit: at least 1 character",
    ),
    "a share above one": (
        f"{BASE}    population: {{dossiers: 5, stopped: 1.5}}\n",
        "5: $.accounts[0].population.stopped: 1.5 is out of range: at most 1",
    ),
    "a negative count": (
        f"{BASE}    population: {{dossiers: -1}}\n",
        "5: $.accounts[0].population.dossiers: -1 is out of range: at least 0",
    ),
    "a file too small for a PDF": (
        f"{FILE}          - fileSize: 10\n",
        "11: $.dossiers[0].documents[0].files[0].fileSize: 10 is out of range: at least 2048",
    ),
    "a date of another form": (
        f"{DOSSIER}    expirationDate: '31/12/2026'\n",
        "8: $.dossiers[0].expirationDate: '31/12/2026' does not fit: a date such as 2031-06-30",
    ),
    "an unknown condition": (
        f"{BASE}establishments:\n  - {SIRET}\n    condition: shut\n",
        "7: $.establishments[0].condition: 'shut' is not allowed: use ",
    ),
    "another version": ("version: 2\n", "1: $.version: 2 is not allowed: use 1"),
    "no version": ("accounts: []\n", "1: $: the key 'version' is missing"),
    "a list": ("- version: 1\n", "1: $: a list is not an object"),
    "a text": ("hello\n", "1: $: 'hello' is not an object"),
    "an empty file": ("", "1: there is nothing in it, except blanks and comments"),
    "comments only": ("# nothing\n", "1: there is nothing in it, except blanks and comments"),
    "YAML that does not close": (
        f"{BASE}dossiers: [\n",
        "6: a value is missing here, or a bracket is not closed",
    ),
    "a tab": (f"{BASE}\tdossiers: []\n", "5: a tab: indent with blanks"),
    "two documents": ("version: 1\n---\nversion: 1\n", "2: another document begins here: a file has one"),
    "a tag of Python": (
        "version: !!python/object:os.system 1\n",
        "1: the tag 'tag:yaml.org,2002:python/object:os.system' is not supported",
    ),
    "an alias": (
        "version: 1\ntitle: &a x\naccounts:\n  - accountId: 1\n    name: *a\n",
        "5: aliases (*name) are not supported",
    ),
    "a control character": (
        'version: 1\ntitle: "a\x07b"\n',
        " unacceptable character #x0007: control characters are not allowed",
    ),
    "nested too deeply": (f"version: 1\ntitle: {'[' * 100}{']' * 100}\n", "2: nested deeper than 100 levels"),
    "a key that is a number": ("version: 1\n7: 1\n", "2: a key is text"),
    "a key that is a boolean": ("version: 1\nyes: 1\n", "2: a key is text"),
    "a key twice": (f"{BASE}title: a\ntitle: b\n", "6: "),
}

MEANING = {
    "a reference with a blank in it": (
        f"{BASE}dossiers:\n  - {{{SIRET}, dossierReference: 'PO 1'}}\n",
        "6: $.dossiers[0].dossierReference: the platform removes white space",
    ),
    "a reference of blanks": (
        f"{BASE}dossiers:\n  - {{{SIRET}, dossierReference: '  '}}\n",
        "6: $.dossiers[0].dossierReference: the platform removes white space",
    ),
    "an account twice": (f"{BASE}  - accountId: 1\n", "5: $.accounts[1]: 1 is used twice"),
    "a third party twice": (
        f"{BASE}thirdparties:\n  - {SIRET}\n  - {SIRET}\n",
        "7: $.thirdparties[1]: 99050000100013 is used twice",
    ),
    "a third party's id twice": (
        f"{BASE}thirdparties:\n  - {{thirdpartyId: 5, {SIRET}}}\n  - {{thirdpartyId: 5, {OTHER_SIRET}}}\n",
        "7: $.thirdparties[1]: 5 is used twice",
    ),
    "a dossier's id twice": (
        f"{DOSSIER}    dossierId: 7\n  - {{dossierId: 7, {SIRET}, dossierReference: B}}\n",
        "9: $.dossiers[1]: 7 is used twice",
    ),
    "a document's id twice": (
        TWO_DOCUMENTS,
        "10: $.dossiers[0]",
    ),
    "a file's id twice": (f"{FILE}          - fileId: 5\n          - fileId: 5\n", "12: $.dossiers[0]"),
    "a reference twice": (
        f"{DOSSIER}  - {SIRET}\n    dossierReference: A\n",
        "9: $.dossiers[1].dossierReference: the third party has another dossier with the reference 'A'",
    ),
    "an unknown requirement": (
        f"{BASE}    requirements: [ATT_VIGI, NOPE]\n",
        "5: $.accounts[0].requirements[1]: there is no requirement 'NOPE'",
    ),
    "a requirement with a wrong letter": (
        f"{BASE}    requirements: [ATT_VIGY]\n",
        "5: $.accounts[0].requirements[0]: there is no requirement 'ATT_VIGY'; did you mean 'ATT_VIGI'?",
    ),
    "an unknown default requirement": (
        f"{BASE}    defaultRequirements: [ATT_VIGI, NOPE]\n",
        "5: $.accounts[0].defaultRequirements[1]: 'NOPE' is not among the account's requirements",
    ),
    "an unknown document": (
        f"{DOSSIER}    documents:\n      - documentCode: NOPE\n",
        "9: $.dossiers[0].documents[0].documentCode: the account has no requirement 'NOPE'",
    ),
    "an unknown account of a dossier": (
        f"{DOSSIER}    accountId: 2\n",
        "6: $.dossiers[0]: there is no account 2",
    ),
    "an unknown account of a user": (
        f"{BASE}users:\n  - {{username: a, password: b, accounts: [1, 9]}}\n",
        "6: $.users[0].accounts[1]: there is no account 9",
    ),
    "an unknown default account": (
        f"{BASE}defaultAccount: 9\n",
        "5: $.defaultAccount: there is no account 9",
    ),
    "an unknown third party": (
        f"{BASE}dossiers:\n  - dossierReference: A\n    thirdpartyId: 9\n",
        "7: $.dossiers[0].thirdpartyId: there is no third party 9",
    ),
    "a dossier of no company": (
        f"{BASE}dossiers:\n  - dossierReference: A\n",
        "6: $.dossiers[0]: a company needs a siret, or companyIdType and companyIdValue",
    ),
    "half an identifier": (
        f"{BASE}thirdparties:\n  - companyIdType: CIT002\n",
        "6: $.thirdparties[0]: a company needs a siret, or companyIdType and companyIdValue",
    ),
    "a SIRET with a wrong check digit": (
        f"{BASE}thirdparties:\n  - siret: '99050000100014'\n",
        "6: $.thirdparties[0].siret: '99050000100014' is not a well-formed SIRET (check digits?)",
    ),
    "a malformed VAT number": (
        f"{BASE}thirdparties:\n  - companyIdType: CIT002\n    companyIdValue: DE12\n",
        "7: $.thirdparties[0].companyIdValue: 'DE12' is not a well-formed VAT (check digits?)",
    ),
    "an instant of another form": (
        f"{BASE}    creation: yesterday\n",
        "5: $.accounts[0].creation: 'yesterday' is not an ISO date-time",
    ),
    "an instant beyond the calendar": (
        f"{BASE}    creation: '9999-12-31T23:59:59-14:00'\n",
        "5: $.accounts[0].creation: '9999-12-31T23:59:59-14:00' is not in the years 1000 to 8999 of France",
    ),
    "a day before the calendar begins in France": (
        f"{DOSSIER}    expirationDate: '0001-01-01'\n",
        "8: $.dossiers[0].expirationDate: 0001-01-01 is not in the years 1000 to 9999",
    ),
    "a duration of another form": (
        f"{BASE}establishments:\n  - {SIRET}\n    importDuration: PXX\n",
        "7: $.establishments[0].importDuration: 'PXX' is not an ISO duration such as PT2M, or never",
    ),
    "an import that takes more than a century": (
        f"{BASE}establishments:\n  - {SIRET}\n    importDuration: P36500DT1S\n",
        "7: $.establishments[0].importDuration: 'P36500DT1S' is longer than a century: write never",
    ),
    "a document type's code twice": (
        f"{BASE}requirements:\n  - {KIND}\n  - {KIND}\n",
        "7: $.requirements[1]: X is used twice",
    ),
    "a document type's id twice": (
        f"{BASE}requirements:\n  - {KIND}\n  - {KIND.replace('code: X', 'code: Y')}\n",
        "7: $.requirements[1]: 90 is used twice",
    ),
    "a row of the registry twice": (
        f"{BASE}establishments:\n  - {SIRET}\n  - {SIRET}\n",
        "7: $.establishments[1]: CIT001 99050000100013 is used twice",
    ),
    "a user twice": (f"{BASE}users:\n  - {USER}\n  - {USER}\n", "7: $.users[1]: a is used twice"),
    "a user with a tag": (
        f"{BASE}users:\n  - {USER.replace('username: a', 'username: a+b@c.d')}\n",
        "6: $.users[0].username: the part after a plus names a sandbox; declare the name without it",
    ),
    "a company without a name": (
        f"{BASE}thirdparties:\n  - {{{SIRET}, ceo: A}}\n",
        "6: $.thirdparties[0]: company data needs a name as well",
    ),
    "a transfer to no other": (
        f"{BASE}establishments:\n  - {{{SIRET}, condition: transferred}}\n",
        "6: $.establishments[0]: condition transferred and transferredTo go together",
    ),
    "a transfer of an open one": (
        f"{BASE}establishments:\n  - {{{SIRET}, transferredTo: '99050001900015'}}\n",
        "6: $.establishments[0]: condition transferred and transferredTo go together",
    ),
    "a transfer to a malformed SIRET": (
        f"{BASE}establishments:\n  - {{{SIRET}, condition: transferred, transferredTo: '99050001900016'}}\n",
        "6: $.establishments[0].transferredTo: '99050001900016' is not a well-formed SIRET (check digits?)",
    ),
    "a dossier where no account is": (
        f"version: 1\ninclude: [catalogue]\ndossiers:\n  - {{{SIRET}, dossierReference: A}}\n",
        "4: $.dossiers[0]: there is no account: list one in accounts",
    ),
    "an instant that is not a time from the start": (
        f"{DOSSIER}    startingDate: P3X\n",
        "8: $.dossiers[0].startingDate: 'P3X' is not an ISO date-time such as 2026-03-02T09:00:00, or a time",
    ),
    "a day that is not a time from the start": (
        f"{DOSSIER}    expirationDate: P3X\n",
        "8: $.dossiers[0].expirationDate: 'P3X' is not a date such as 2031-06-30, or a time from the start",
    ),
    "an account that counts from the start": (
        f"{BASE}    creation: P3D\n",
        "5: $.accounts[0].creation: 'P3D' is not an ISO date-time",
    ),
    "a subscription of another form": (
        f"{BASE}    subscriptions: [{{key: A, startSubscriptionDate: x}}]\n",
        "5: $.accounts[0].subscriptions[0].startSubscriptionDate: 'x' is not an ISO date-time",
    ),
    "an unknown withdrawn type": (
        f"{BASE}    withdrawn: [NOPE]\n",
        "5: $.accounts[0].withdrawn[0]: there is no requirement 'NOPE'",
    ),
    "a default type that is withdrawn": (
        f"{BASE}    withdrawn: [I2]\n    defaultRequirements: [ATT_VIGI, I2]\n",
        "6: $.accounts[0].defaultRequirements[1]: 'I2' is not among the account's requirements",
    ),
    "an answer of a form without its members": (
        f"{FILE}          - formdata: [{{}}]\n",
        "11: $.dossiers[0].documents[0].files[0].formdata[0]: the key 'type' is missing",
    ),
    "dossiers without third parties": (
        f"{BASE}    population: {{dossiers: 5, thirdparties: 0}}\n",
        "5: $.accounts[0].population",
    ),
    "dossiers older than the calendar": (
        f"{BASE}    population: {{dossiers: 5, startedDaysAgo: [2000000, 2000000]}}\n",
        "5: $.accounts[0].population",
    ),
}


def error_message(path: Path) -> str:
    """The sentence with which the recipe is refused, without the folder it is in."""
    with pytest.raises(FileError) as rejected:
        load_fixture(str(path), TODAY)
    return str(rejected.value).replace(f"{path.parent}/", "")


def test_an_error_of_form_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    for case, (text, expected) in FORM.items():
        path.write_text(text, encoding="utf-8")
        assert error_message(path).startswith(f"mine.yaml:{expected}"), case


def test_an_invalid_value_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    for case, (text, expected) in MEANING.items():
        path.write_text(text, encoding="utf-8")
        assert error_message(path).startswith(f"mine.yaml:{expected}"), case


@pytest.mark.parametrize("day", ["9999-12-31", "9999-01-01"], ids=["the last day", "the last year"])
def test_a_file_and_a_dossier_may_be_valid_until_the_calendar_ends(tmp_path: Path, day: str) -> None:
    path = tmp_path / "mine.yaml"
    text = FILE.replace("dossierReference: A", f"dossierReference: A\n    expirationDate: '{day}'")
    path.write_text(f"{text}          - expirationDate: '{day}'\n", encoding="utf-8")

    world = load_fixture(str(path), TODAY).world(datetime(2026, 3, 2, 9, tzinfo=UTC))

    assert [dossier.documents[0].present for dossier in world.portfolio(1).dossiers.values()] == [True]


def test_a_recipe_may_be_nested_100_levels(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"version: 1\ntitle: {'[' * 99}{']' * 99}\n", encoding="utf-8")

    assert error_message(path) == "mine.yaml:2: $.title: a list is not a text"


def test_a_file_that_is_not_text_is_named_as_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    for raw, expected in (
        (gzip.compress(BASE.encode()), "a gzip file, not plain UTF-8 text"),
        (BASE.encode("utf-16"), "UTF-16 text, not plain UTF-8 text"),
        (b"\xfe\xff" + BASE.encode("utf-16-be"), "UTF-16 text, not plain UTF-8 text"),
        (b"PK\x03\x04", "a zip file, not plain UTF-8 text"),
        (b"version: 1\ntitle: \x81\n", "not UTF-8 at byte 18"),  # no letter of Latin-1 either
    ):
        path.write_bytes(raw)
        assert error_message(path) == f"mine.yaml: {expected}"


def test_a_recipe_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(DOSSIER, encoding="utf-8-sig")

    assert len(load_fixture(str(path), TODAY).source.recipe.dossiers) == 1
    assert read_text(path) == DOSSIER


def test_the_path_of_a_missing_recipe_is_named(tmp_path: Path) -> None:
    assert error_message(tmp_path / "mine.yaml") == "mine.yaml: No such file or directory"


def test_an_unknown_name_lists_the_known_names() -> None:
    with pytest.raises(
        FileError,
        match=r"no recipe 'defaults'; .*catalogue, default, empty, .*; or give the path of a \.yaml file$",
    ):
        load_fixture("defaults", TODAY)


def test_a_folder_is_not_a_recipe(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.mkdir()

    assert error_message(path) == "mine.yaml: Is a directory"


def test_the_first_byte_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes("version: 1\ntitle: déjà\n".encode("latin-1"))

    assert (
        error_message(path) == "mine.yaml: not UTF-8 at byte 19; in Latin-1 it is 'é': save the file as UTF-8"
    )


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mock_server.fixtures.yaml_files.MAX_BYTES", 10)
    path = tmp_path / "mine.yaml"
    path.write_text("version: 1\n", encoding="utf-8")

    assert error_message(path) == "mine.yaml: larger than 10 bytes"


def test_a_missing_include_names_the_including_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("version: 1\ninclude: [nowhere]\n", encoding="utf-8")

    found = error_message(path)

    assert found.startswith("mine.yaml:2:")
    assert "there is no recipe 'nowhere'" in found


def test_an_include_that_cannot_be_read_names_the_including_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    for included, reason in (
        ("./", "Is a directory"),
        ("./missing.yaml", "No such file or directory"),
        (r'"a\0.yaml"', r"a\0.yaml: a path cannot contain a NUL character"),
    ):
        path.write_text(f"version: 1\ninclude: [{included}]\n", encoding="utf-8")

        message = error_message(path)

        assert message.startswith("mine.yaml:2: ")
        assert message.endswith(reason)


def test_a_recipe_that_includes_itself_names_the_file_between(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("version: 1\ninclude: [other]\n", encoding="utf-8")
    (tmp_path / "other.yaml").write_text("version: 1\ninclude: [mine]\n", encoding="utf-8")

    assert error_message(path) == "mine.yaml: includes itself, by way of other.yaml"
    path.write_text("version: 1\ninclude: [mine]\n", encoding="utf-8")
    assert error_message(path) == "mine.yaml: includes itself"


def test_recipes_include_each_other_over_20_levels(tmp_path: Path) -> None:
    for level in range(21):
        (tmp_path / f"level{level}.yaml").write_text(f"version: 1\ninclude: [level{level + 1}]\n", "utf-8")
    (tmp_path / "level21.yaml").write_text("version: 1\naccounts: [{accountId: 7}]\n", "utf-8")

    assert error_message(tmp_path / "level0.yaml") == (
        "level21.yaml: recipes include each other over more than 20 levels"
    )
    assert load_fixture(str(tmp_path / "level1.yaml"), TODAY).default_account == 7


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{BASE}dossers: []\n", "other.yaml:5: $: unknown key 'dossers'"),
        (
            f"{BASE}thirdparties:\n  - siret: '99050000100014'\n",
            "other.yaml:6: $.thirdparties[0].siret: '99050000100014' is not a well-formed SIRET",
        ),
    ],
    ids=["in the form", "in the meaning"],
)
def test_an_error_in_an_included_recipe_names_its_own_file_and_line(
    tmp_path: Path, text: str, expected: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("version: 1\ninclude: [other]\n", encoding="utf-8")
    (tmp_path / "other.yaml").write_text(text, encoding="utf-8")

    assert error_message(path).startswith(expected)


def test_an_error_after_an_include_names_the_line_in_the_including_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"version: 1\ninclude: [other]\ndossiers:\n  - {SIRET}\n    dossierReference: A\n")
    (tmp_path / "other.yaml").write_text(DOSSIER, encoding="utf-8")

    assert error_message(path).startswith("mine.yaml:5: $.dossiers[0].dossierReference: ")


def test_a_json_file_that_was_not_generated_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    for content in (b"", b"{}", b"[1", b'{"origin": 7}', b"\xff", b'{"content": ' + b"[" * 10_000):
        path.write_bytes(content)
        assert error_message(path).startswith("mine.json: not a state file: "), content[:20]


def test_a_state_file_may_begin_with_a_byte_order_mark_and_a_compressed_one_is_named(tmp_path: Path) -> None:
    text = (bundled("fixtures") / "states" / "empty.json").read_bytes()
    path, packed = tmp_path / "mine.json", tmp_path / "packed.json"
    path.write_bytes(b"\xef\xbb\xbf" + text)
    packed.write_bytes(gzip.compress(text))

    assert load_fixture(str(path), TODAY).name == "empty"
    assert error_message(packed) == "packed.json: a gzip file, not plain UTF-8 text"


def test_an_error_in_the_recipe_of_a_generated_state_names_its_place(tmp_path: Path) -> None:
    state = json.loads((bundled("fixtures") / "states" / "empty.json").read_bytes())
    state["recipe"]["accounts"][0]["requirements"] = ["NOWHERE"]
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(state), encoding="utf-8")

    place = "$.recipe.accounts[0].requirements[0]"
    assert error_message(path) == f"mine.json: {place}: there is no requirement 'NOWHERE'"


@pytest.mark.parametrize(
    ("member", "value", "sentence"),
    [
        ("thirdparty_id", 7, "there is no third party 7 in the file"),
        (
            "state_last_change_date",
            "2026-01-15T10:00:00",
            "an instant needs a zone, such as Z in 2026-01-15T10:00:00Z",
        ),
    ],
)
def test_a_generated_dossier_that_cannot_be_served_is_named(
    tmp_path: Path, member: str, value: object, sentence: str
) -> None:
    state = json.loads((bundled("fixtures") / "states" / "default.json").read_bytes())
    state["generated"]["dossiers"][2][member] = value
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(state), encoding="utf-8")

    assert error_message(path) == f"mine.json: $.generated.dossiers[2].{member}: {sentence}"


def test_a_state_file_may_be_shortened_in_place_while_it_is_decoded(tmp_path: Path) -> None:
    text = (bundled("fixtures") / "states" / "default.json").read_bytes()
    path = tmp_path / "mine.json"
    path.write_bytes(text)

    content = view_file(path)
    os.truncate(path, 0)

    assert decode_fixture(content, "mine.json").name == "default"


def test_a_state_may_come_from_a_pipe(tmp_path: Path) -> None:
    text = (bundled("fixtures") / "states" / "empty.json").read_bytes()
    path = tmp_path / "pipe.json"
    os.mkfifo(path)
    writer = Thread(target=path.write_bytes, args=(text,))
    writer.start()

    assert load_fixture(str(path), TODAY).name == "empty"
    writer.join()


@pytest.mark.parametrize(
    ("list_name", "member", "place"),
    [
        ("dossiers", "documents", "$.generated.dossiers[2].documents"),
        ("thirdparties", "company", "$.generated.thirdparties[2].company"),
        ("codes", "code", "$.generated.codes[2].code"),
        ("dossiers", None, "$.generated.dossiers[2]"),
    ],
)
def test_an_error_in_a_generated_state_names_its_place(
    tmp_path: Path, list_name: str, member: str | None, place: str
) -> None:
    state = json.loads((bundled("fixtures") / "states" / "default.json").read_bytes())
    entities = state["generated"][list_name]
    entities[2] = {} if member is None else entities[2] | {member: 7}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(state), encoding="utf-8")

    message = error_message(path)

    assert message.startswith(f"mine.json: not a state file: {place}: ")
