"""Each kind of error in a scenario file: file, line, what was expected, exit code 1."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mock_server.cli import main

RIGHT = """\
version: 1
scenario: mine
title: A story
given:
  fixture: default
  clock: "2026-03-02T09:00:00"
  variants: {referenceCase: keep}
  dossiers:
    - {dossierId: 900001, siret: "99050000100013", dossierReference: PO-1}
rules:
  - name: slow
    when: {operation: importDossier, query: {page: 1}}
    then: {process: {after: 1m}}
  - name: again
    state: Started
    when: {operation: getProcess}
    then: {respond: {status: 503}}
steps:
  - name: first
    call: importDossier
    body: {companyIdType: CIT001, companyIdValue: "99050000100013", dossierReference: PO-2}
    save: {processId: content.processId}
  - name: second
    call: getProcess
    path: {processId: "{processId}"}
    until: {content.complete: true}
    expect: {body: {content: {success: true}}, took: {atMost: 2s}}
  - name: third
    call: updateDossier
    path: {dossierId: 900001}
    body: {dossierReference: PO-2}
    expect: {refused: [E202]}
  - name: fourth
    control: POST /clock/advance
    body: {by: PT1M}
"""

ERRORS: dict[str, tuple[str, str, int, str]] = {
    "a tab": ("title: A story", "title:\tA: story", 3, "no key can be here: correct the indentation"),
    "bad YAML": ("title: A story", "title: [A story", 4, "a comma is missing here, or the ']' of the list"),
    "a key twice": ("title: A story", "title: A\ntitle: B", 4, "key 'title' is given twice"),
    "a bare on": ("title: A story", "on: x", 3, "a key is text, and YAML reads on as something else"),
    "an unknown key": ("title:", "titles:", 3, "unknown key 'titles'; did you mean 'title'?"),
    "an unknown key of a rule": ("    state:", "    stat:", 15, "unknown key 'stat'; did you mean 'state'?"),
    "an unknown key of a step": ("    until:", "    untilled:", 26, "unknown key 'untilled'; did you mean"),
    "an id of the path next to it": (
        '    path: {processId: "{processId}"}',
        '    processId: "{processId}"',
        25,
        "unknown key 'processId'; an id of the path goes into path: {processId: ...}",
    ),
    "an unknown key of given": ("  dossiers:", "  dosiers:", 8, "unknown key 'dosiers'; did you mean"),
    "a missing title": ("title: A story\n", "", 1, "the key 'title' is missing"),
    "another version": ("version: 1", "version: 2", 1, "2 is not allowed: use 1"),
    "a wrong type": ("title: A story", "title: 7", 3, "7 is not a text: quote it"),
    "a name with blanks": ("scenario: mine", "scenario: My Story", 2, "'My Story' does not fit: lower case, digits and dashes"),
    "another name than the file's": ("scenario: mine", "scenario: yours", 2, "write 'mine', or rename the file to yours"),
    "a missing fixture": ("fixture: default", "fixture: nowhere", 5, "there is no recipe 'nowhere'; there are"),
    "an invalid time": ("2026-03-02T09", "2026-03-32T09", 6, "is not an ISO date-time"),
    "an unknown variant": ("referenceCase", "referenceCases", 7, "there is no variant 'referenceCases'"),
    "an unknown value of a variant": (": keep", ": kept", 7, "variant referenceCase is keep or upper, not 'kept'"),
    "a wrong check digit": ('00013", dossierReference: PO-1', '00014", dossierReference: PO-1', 9, "99050000100014"),
    "two rules of one name": ("- name: again", "- name: slow", 14, "there is another rule named 'slow'"),
    "an unknown operation of a rule": ("getProcess}", "getProces}", 16, "did you mean 'getProcess'?"),
    "an unknown operator": ("{page: 1}", "{page: {$like: 1}}", 12, "there is no operator '$like'; there are $equals"),
    "an empty process": ("{after: 1m}", "{}", 13, "give hold, after or fail"),
    "an invalid duration": ("1m}", "soon}", 13, "'soon' is not a duration"),
    "a code that is not the provider's": ("{after: 1m}", "{fail: E202}", 13, "'E202' is not a code of the provider"),
    "two effects": ("{respond:", "{fault: EMPTY_BODY, respond:", 17, "a rule has one effect, and this one has respond and fault"),
    "no effect": ("{respond: {status: 503}}", "{}", 17, "the rule has no effect: give"),
    "an unknown fault": ("{respond: {status: 503}}", "{fault: CRASH}", 17, "'CRASH' is not allowed: use "),
    "an unreachable state": ("state: Started", "state: Ended", 15, "there is no newState of a rule 'Ended'"),
    "two steps of one name": ("name: second", "name: first", 23, "there is another step named 'first'"),
    "a bad operation": ("call: importDossier", "call: importDosier", 20, "there is no operation 'importDosier'; did you mean 'importDossier'?"),
    "a step with two calls": ("    control:", "    call: listAccounts\n    control:", 33, "a step has one of call, control and together; this has 2"),
    "a step without a call": ("    control: POST /clock/advance\n", "", 33, "this has 0"),
    "an invalid control call": ("POST /clock", "SEND /clock", 34, "does not fit: a method and a path, such as POST /clock/advance"),
    "a body and a text": ("    save:", "    text: x\n    save:", 19, "a request has one body, and this one has body and text"),
    "a control call with a user": ("    body: {by", "    as: {username: a@b.fr}\n    body: {by", 33, "a control call has no as"),
    "a missing id": ("    path: {dossierId: 900001}\n", "", 28, "updateDossier needs path: {dossierId: ...}"),
    "an unknown id": ("{dossierId: 900001}", "{dossierId: 1, fileId: 2}", 30, "updateDossier has accountId, dossierId"),
    "a name that was not saved": ('"{processId}"', '"{processID}"', 25, "no earlier step saves {processID}; did you mean 'processId'?"),
    "an unknown name in expect": ("success: true", 'success: "{succeeded}"', 27, "no earlier step saves {succeeded}"),
    "an invalid place": ("content.processId}", "$.content}", 22, "'$.content' is not a place in a body, such as"),
    "a SIRET without quotes": ("{dossierReference: PO-2}\n    expect: {refused: [E202]}", "{dossierReference: 99050000100013}", 31, "$.steps[2].body.dossierReference: 99050000100013 is not a text, and the API rejects it: quote it; to send it on purpose, expect the status 400"),
    "a text that YAML reads as a boolean": ("CIT001, ", "CIT001, thirdpartyCode: NO, ", 21, "$.steps[0].body.thirdpartyCode: false is not a text, and the API rejects it"),
    "a number with leading zeros": ("{page: 1}", "{siret: 01050000100013}", 12, "YAML reads 01050000100013 as the octal number 74088218635: quote it"),
    "a number in a list of texts": ("call: updateDossier\n    path: {dossierId: 900001}\n    body: {dossierReference: PO-2}\n    expect: {refused: [E202]}", "together:\n      - {call: updateDossierRequirements, path: {dossierId: 1}, body: [ATT_VIGI, 2]}", 30, "$.steps[2].together[0].body[1]: 2 is not a text"),
    "a place beyond all lists": ("content.processId}", f"'content[{'1' * 5000}]'}}", 22, "is not a place in a body, such as"),
    "a number of many digits": ("success: true", f"success: {'1' * 5000}", 27, "a number of 5,000 characters; at most 1,000 are read: quote it if it is a text"),
    "a list as an expected header": ("{refused: [E202]}", "{headers: {X: [a]}}", 32, "$.steps[2].expect.headers.X: a list fits no text"),
    "a wrong code": ("[E202]", "[E2O2]", 32, "there is no error code 'E2O2'; did you mean 'E202'?"),
    "no code": ("[E202]", "[]", 32, "list the codes, or leave it out"),
    "an unknown dialect": ("    control:", "    dialect: EDGE\n    control:", 34, "'EDGE' is not allowed: use edge or rest"),
    "an operation of the other dialect": ("getProcess\n    path: {processId:", "listEvidences\n    dialect: rest\n    path: {dossierId: 1, documentId:", 25, "listEvidences exists in edge only"),
    "a name that is saved in the other dialect": ("call: importDossier", "dialect: edge\n    call: importDossier", 26, "no earlier step saves {processId} in rest"),
    "an operation that is not a search": ("{refused: [E202]}", "{found: 0}", 32, "found requires a search: listThirdparties, searchThirdparties, listDossiers"),
    "a control call that finds": ("{by: PT1M}", "{by: PT1M}\n    expect: {found: 1}", 36, "found requires a search"),
    "a search that finds and is refused": ('getProcess\n    path: {processId: "{processId}"}\n    until: {content.complete: true}\n    expect: {', "listDossiers\n    expect: {found: 0, refused: [E010], ", 25, "leave out found or refused"),
    "a negative number of hits": ("{refused: [E202]}", "{found: -1}", 32, "-1 is out of range: at least 0"),
    "a status that a variant decides": ("{refused: [E202]}", "{status: 400, refused: [E202]}", 32, "leave it out: the variant refusals decides"),
    "no timeout for no answer": ("body: {content: {success: true}}, took: {", "fault: NO_RESPONSE, took: {", 27, "give the time that the client waits"),
    "a time limit of no length": ("    until:", "    timeout: 0s\n    until:", 26, "timeout: '0s' is not longer than 0"),
    "no time limit": ("{atMost: 2s}", "{}", 27, "took: give atLeast, atMost or both"),
    "swapped time limits": ("{atMost: 2s}", "{atLeast: 3s, atMost: 2s}", 27, "took: atLeast is more than atMost"),
    "a body after a fault": ("took: {", "fault: EMPTY_BODY, took: {", 27, "expect.body: leave it out: it is not compared after EMPTY_BODY"),
    "a status after a fault": ("{refused: [E202]}", "{fault: EMPTY_RESPONSE, status: 404}", 32, "expect.status: leave it out: it is not compared"),
    "no status": ("{refused: [E202]}", "{status: []}", 32, "list the statuses, or leave it out"),
    "an object as an id": ("{dossierId: 900001}", "{dossierId: {a: 1}}", 30, "path.dossierId: an id is a number, or a text other than '', '.' and '..', not {'a': 1}"),
    "an empty id": ("{dossierId: 900001}", "{dossierId: ''}", 30, "path.dossierId: an id is a number, or a text"),
    "a boolean as an id": ("{dossierId: 900001}", "{dossierId: true}", 30, "a text other than '', '.' and '..', not true"),
    "an object as a parameter": ("    until:", "    query: {a: [{b: c}]}\n    until:", 26, "query.a: a parameter is a text, a number or a list of them, not [{'b': 'c'}]"),
    "a header without a name": ("    until:", "    headers: {'': x}\n    until:", 26, "'' is not the name of a header"),
    "a header of two lines": ("    until:", '    headers: {X: "a\\nb"}\n    until:', 26, "headers.X: a header is one line of text"),
    "a header of the client": ("    until:", "    headers: {content-length: '5'}\n    until:", 26, "the client writes this header: leave it out"),
    "a token of two lines": ("    until:", '    token: "a\\nb"\n    until:', 26, "token: a header is one line of text"),
    "no value to be one of": ("success: true", "success: {$oneOf: []}", 27, "$oneOf takes a list of at least one value, not []"),
    "a negative length": ("success: true", "success: {$length: -1}", 27, "$length takes a whole number that is not negative, not -1"),
    "an unknown method": ("{operation: getProcess}", "{method: GTE}", 16, "there is no HTTP method 'GTE'; did you mean 'GET'?"),
    "no operation": ("{operation: getProcess}", "{operation: []}", 16, "when.operation: an empty list matches nothing: name one, or leave it out"),
    "no number of a call": ("{operation: getProcess}", "{nth: {}}", 16, "when.nth: give first, from or every"),
    "an invalid time limit": ("atMost: 2s", "atMost: 2 weeks", 27, "'2 weeks' is not a duration"),
    "a user name with a tag": ("    until:", "    as: {username: api+x@example.com}\n    until:", 26, "leave out the tag"),
    "a member next to calls made together": ("call: updateDossier\n    path: {dossierId: 900001}\n    body", "together: [{call: listAccounts}]\n    body", 28, "body belongs to each of the calls made together"),
    "a control call with a token": ("    body: {by", "    token: x\n    body: {by", 33, "a control call has no token: that belongs to calls of the API"),
    "a control call with a form": ("    body: {by", "    form: {by", 33, "a control call has no form: that belongs to calls of the API"),
    "an id of an operation without ids": ('getProcess\n    path: {processId: "{processId}"}\n    until', "listAccounts\n    path: {accountId: 1}\n    until", 25, "listAccounts has no ids"),
    "an invalid least time": ("atMost: 2s", "atLeast: 2 weeks", 27, "'2 weeks' is not a duration"),
    "an unknown name in until": ("{content.complete: true}", "{content.complete: '{gone}'}", 26, "no earlier step saves {gone}"),
    "an unknown name in a token": ("    until:", "    token: '{gone}'\n    until:", 26, "no earlier step saves {gone}"),
    "an unknown name in a text": ("took: {atMost: 2s}", "text: '{gone}'", 27, "no earlier step saves {gone}"),
    "an unknown name in a header": ("{refused: [E202]}", "{headers: {X: '{gone}'}}", 32, "no earlier step saves {gone}"),
    "an unknown name in a password": ("    until:", "    as: {username: a@b.fr, password: '{gone}'}\n    until:", 26, "no earlier step saves {gone}"),
    "a refusal in a patch": ("{respond: {status: 503}}", "{patch: {messages: {error: [{code: E202}]}}}", 17, "a rule cannot answer the refusal E202; give start data"),
    "an import on hold that fails": ("{after: 1m}", "{hold: true, fail: E101}", 13, "an import on hold neither ends nor fails"),
    "an import on hold that ends": ("{after: 1m}", "{hold: true, after: 1m}", 13, "an import on hold neither ends nor fails"),
    "a number of 65 bits": ("{respond: {status: 503}}", f"{{patch: {{a: {2**64}}}}}", 17, "has more than 64 bits"),
    "a negative number of 65 bits": ("{respond: {status: 503}}", f"{{patch: {{a: {-2**63 - 1}}}}}", 17, "has more than 64 bits"),
    "a dossier of an unknown third party": ('siret: "99050000100013", dossierReference: PO-1', "dossierReference: PO-1", 9, "siret"),
}  # fmt: skip


def check(*files: Path) -> Result:
    return CliRunner().invoke(main, ["scenarios", "check", *map(str, files)])


PAGE = "See: mock-server explain scenarios#errors-in-a-file"


def written(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_an_error_is_reported_with_file_and_line_and_what_would_be_right(tmp_path: Path) -> None:
    for case, (right, wrong, line, sentence) in ERRORS.items():
        assert right in RIGHT, case
        path = written(tmp_path, RIGHT.replace(right, wrong, 1))
        found = check(path)
        assert found.exit_code == 1, case
        assert found.stderr.startswith(f"{path}:{line}: "), (case, found.stderr)
        assert sentence in found.stderr, case
        assert found.stderr.splitlines()[1:] == [PAGE], case


UNKNOWN_CALLS = {
    "POST /clock/advanced": "did you mean 'POST /clock/advance'?",
    "GET /__admin/clock": "did you mean 'GET /clock'?",
    "GET /clock/advance": "did you mean 'POST /clock/advance'?",
    "POST /__admin/clock/advance": "did you mean 'POST /clock/advance'?",
    "POST /process/{processId}": "did you mean 'POST /processes/{processId}'?",
    "PATCH /dossier/900001": "did you mean 'PATCH /dossiers/900001'?",
    "GET /dossiers/abc": "did you mean 'GET /dossiers/{dossier_id}'?",
    "GET /xyzzy": "`mock-server explain control` and GET /__admin/openapi.json list them",
}


def test_a_control_call_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    calls = [*UNKNOWN_CALLS, "PUT /clock", "DELETE /snapshots/a/b", "GET /requests?limit=1"]
    steps = "".join(f"  - {{name: s{at}, control: '{call}'}}\n" for at, call in enumerate(calls))

    found = check(written(tmp_path, RIGHT + steps))

    assert [line.partition("there is no ")[2] for line in found.stderr.splitlines()[:-1]] == [
        f"control call {call!r}; {hint}" for call, hint in UNKNOWN_CALLS.items()
    ]


def test_a_file_without_an_error_passes(tmp_path: Path) -> None:
    right = "{respond: {status: 503}}"
    for then in (
        right,
        f"{{patch: {{a: [{2**64 - 1}, {-(2**63)}]}}}}",
        "{delay: {type: uniform, lower: 5, upper: 5}}",
        "{respond: {status: 503}}\n    active: {after: 0s, for: 1s, every: 2s}",
    ):
        found = check(written(tmp_path, RIGHT.replace(right, then)))
        assert (found.exit_code, found.output) == (0, "1 checked, errors: none\n"), then


def test_a_step_that_expects_a_status_from_400_may_send_a_number(tmp_path: Path) -> None:
    found = check(
        written(
            tmp_path, RIGHT.replace("PO-2}\n    expect: {refused: [E202]}", "12}\n    expect: {status: 400}")
        )
    )

    assert (found.exit_code, found.output) == (0, "1 checked, errors: none\n")


def test_all_errors_of_a_file_are_reported_from_top_to_bottom(tmp_path: Path) -> None:
    several = RIGHT.replace("1m}", "soon}").replace("[E202]", "[E000]").replace("name: again", "name: slow")
    path = written(tmp_path, several)

    found = check(path)

    lines = [line.removeprefix(f"{path}:").split(":")[0] for line in found.stderr.splitlines()[:-1]]
    assert lines == ["13", "14", "32"]
    assert found.stdout == "1 checked, errors: 3\n"


def test_two_files_of_one_name_are_an_error(tmp_path: Path) -> None:
    first = written(tmp_path / "a", RIGHT)
    second = written(tmp_path / "b", RIGHT)

    found = check(first, second)

    assert found.exit_code == 1
    assert found.stderr == f"{second}:2: $.scenario: {first} also has the name 'mine'\n{PAGE}\n"


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    found = check(tmp_path / "nowhere.yaml")

    assert found.exit_code == 1
    assert found.stderr == f"{tmp_path}/nowhere.yaml: No such file or directory\n{PAGE}\n"


def test_an_own_fixture_is_found_in_its_folder(tmp_path: Path) -> None:
    recipe = "version: 1\ntitle: Mine\ninclude: [default]\n"
    written(tmp_path / "fixtures", recipe, "my-world.yaml")
    path = written(tmp_path, RIGHT.replace("fixture: default", "fixture: my-world"))

    command = ["scenarios", "check", str(path), "--fixtures-dir", str(tmp_path / "fixtures")]
    found = CliRunner().invoke(main, command)

    assert (found.exit_code, found.output) == (0, "1 checked, errors: none\n")


def test_every_bundled_scenario_passes() -> None:
    found = check()

    assert found.exit_code == 0, found.output


@pytest.mark.parametrize("options", [(), ("--base-url", "http://127.0.0.1:9")], ids=["own server", "another"])
def test_a_wrong_scenario_is_not_run(tmp_path: Path, options: tuple[str, ...]) -> None:
    for right, wrong, line in (("[E202]", "[E000]", 32), ("PO-2}\n    save", "7}\n    save", 21)):
        path = written(tmp_path, RIGHT.replace(right, wrong))

        found = CliRunner().invoke(main, ["scenarios", "run", str(path), *options])

        assert found.exit_code == 1
        assert f"{path}:{line}: " in found.stderr


def test_a_wrong_scenario_of_a_folder_is_listed_with_the_others(tmp_path: Path) -> None:
    written(tmp_path, RIGHT.replace("[E202]", "[E000]"))

    found = CliRunner().invoke(main, ["scenarios", "list", "--scenarios-dir", str(tmp_path)])

    assert "archived-dossier-update" in found.output
    assert "there is no error code 'E000'" in " ".join(found.output.split())
