"""Errors in the rules of a scenario file, with file, line and what would be right; no server starts."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from mock_server.fixtures.fixture import Fixture, load_fixture
from mock_server.input_errors import FileError
from mock_server.scenarios.files import read_scenario
from mock_server.scenarios.setup import load_scenario_setup
from tests.processes import run
from tests.transcript import as_lines

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)

RIGHT = """\
version: 1
scenario: mine
title: A story
rules:
  - name: one
    when:
      operation: getDossier
    then:
      respond: {status: 503}
"""

TAKEN = "$.given.dossiers[0].dossierReference: the third party has another dossier with the reference 'TEST'"
NO_OPERATION = "there is no operation 'getDosier'; did you mean 'getDossier'?"

WHEN = "      operation: getDossier\n"
THEN = "      respond: {status: 503}\n"
IMPORT = RIGHT.replace("getDossier", "importDossier")


def when(text: str) -> str:
    """The file with something else in `when`, from line 7 on."""
    return RIGHT.replace(WHEN, f"      {text}\n")


def then(text: str, right: str = RIGHT) -> str:
    """The file with something else in `then`, from line 9 on."""
    return right.replace(THEN, f"      {text}\n")


ERRORS: dict[str, tuple[str, str]] = {
    # The form
    "an unknown key of a rule": (
        f"{RIGHT}    time: 1\n",
        "10: $.rules[0]: unknown key 'time'; did you mean 'times'?",
    ),
    "an unknown key in when": (
        when("operations: getDossier"),
        "7: $.rules[0].when: unknown key 'operations'; did you mean 'operation'?",
    ),
    "an unknown key in then": (
        then("response: {status: 503}"),
        "9: $.rules[0].then: unknown key 'response'; did you mean 'respond'?",
    ),
    "a key twice": (f"{RIGHT}    name: two\n", "10: key 'name' is given twice"),
    "an alias": (
        RIGHT.replace("{status: 503}", "&down {status: 503}") + "  - {name: two, when: {}, then: *down}\n",
        "10: aliases (*name) are not supported",
    ),
    "YAML that does not close": (
        then("respond: {status: 503"),
        "10: a comma is missing here, or the '}' of the mapping",
    ),
    "invalid YAML": (
        RIGHT.replace("    when:", "  when:"),
        "6: the list continues here: begin the line with a dash",
    ),
    "two documents": (f"{RIGHT}---\n{RIGHT}", "10: another document begins here"),
    "a tag of Python": (
        RIGHT.replace("A story", "!!python/name:os.system x"),
        "3: the tag 'tag:yaml.org,2002:python/name:os.system' is not supported",
    ),
    "a status below all": (
        then("respond: {status: 100}"),
        "9: $.rules[0].then.respond.status: 100 is out of range: at least 200",
    ),
    "a status in quotes": (
        then('respond: {status: "503"}'),
        "9: $.rules[0].then.respond.status: '503' is not an integer",
    ),
    "no name": (
        RIGHT.replace("name: one", "times: 1"),
        "5: $.rules[0]: the key 'name' is missing",
    ),
    "no when": (
        "version: 1\nscenario: mine\ntitle: A story\nrules:\n  - name: one\n",
        "5: $.rules[0]: the key 'when' is missing",
    ),
    "no times at all": (f"{RIGHT}    times: 0\n", "10: $.rules[0].times: 0 is out of range: at least 1"),
    "an active time that says nothing": (
        f"{RIGHT}    active: {{}}\n",
        "10: $.rules[0].active: give after, for, or every with for",
    ),
    "an active time that is not a duration": (
        f"{RIGHT}    active: {{after: soon}}\n",
        "10: $.rules[0].active.after: 'soon' is not a duration",
    ),
    "an active time of no length": (
        f"{RIGHT}    active: {{for: 0s}}\n",
        "10: $.rules[0].active.for: '0s' is not longer than 0: give a longer one",
    ),
    "periods without a pause": (
        f"{RIGHT}    active: {{for: 10m, every: 10m}}\n",
        "10: $.rules[0].active.every: give a shorter `for`",
    ),
    "periods without an end": (
        f"{RIGHT}    active: {{every: 10m}}\n",
        "10: $.rules[0].active.every: give a shorter `for`",
    ),
    "a ramp without an end": (
        f"{RIGHT}    probability: {{over: 5m}}\n",
        "10: $.rules[0].probability: ",
    ),
    "a ramp of no length": (
        f"{RIGHT}    probability: {{to: 1, over: 0s}}\n",
        "10: $.rules[0].probability.over: '0s' is not longer than 0",
    ),
    "a probability beyond one": (
        f"{RIGHT}    probability: 1.5\n",
        "10: $.rules[0].probability: 1.5 is out of range: at most 1",
    ),
    "the number 0 of a call": (when("nth: 0"), "7: $.rules[0].when.nth: 0 is out of range: at least 1"),
    "an unknown kind of delay": (
        then("delay: {type: random, milliseconds: 5}"),
        "9: $.rules[0].then.delay.type: 'random' is not allowed: use ",
    ),
    "a delay of a day": (
        then("delay: {type: fixed, milliseconds: 86400000}"),
        "9: $.rules[0].then.delay.milliseconds: 86400000 is out of range: at most 3600000",
    ),
    # Which calls
    "an unknown operation": (
        RIGHT.replace("getDossier", "getDosier"),
        "7: $.rules[0].when.operation: there is no operation 'getDosier'; did you mean 'getDossier'?",
    ),
    "an operation in Python's spelling": (
        RIGHT.replace("getDossier", "get_dossier"),
        "7: $.rules[0].when.operation: there is no operation 'get_dossier'; did you mean 'getDossier'?",
    ),
    "an unknown operation in a list": (
        RIGHT.replace("getDossier", "[getDossier, stop]"),
        "7: $.rules[0].when.operation: there is no operation 'stop'; there are getToken, listAccounts, ",
    ),
    "an unknown operator": (
        when("body: {a: {$regex: x}}"),
        "7: $.rules[0].when.body: there is no operator '$regex'; there are $equals, $not, ",
    ),
    "an unknown operator of a header": (
        when("headers: {Accept: {$like: x}}"),
        "7: $.rules[0].when.headers.Accept: there is no operator '$like'",
    ),
    "a list where a text is compared": (
        when("dossierId: [1, 2]"),
        "7: $.rules[0].when.dossierId: a list fits no text: for one of several use {$oneOf: [...]}",
    ),
    "null where a text is compared": (
        when("query: {page: null}"),
        "7: $.rules[0].when.query.page: null fits no text: for a missing one use {$absent: true}",
    ),
    "an operator without its dollar": (
        when("user: {contains: api}"),
        "7: $.rules[0].when.user: an object that compares a text has operators; did you mean $contains?",
    ),
    "an object where a text is compared": (
        when("path: {}"),
        "7: $.rules[0].when.path: an object that compares a text has operators, such as {$contains: PO}",
    ),
    "an operator wrongly used": (
        when("query: {page: {$atLeast: [1]}}"),
        "7: $.rules[0].when.query.page: $atLeast takes a number or a text, not [1]",
    ),
    "a wrong regular expression": (
        when("path: {$matches: '('}"),
        "7: $.rules[0].when.path: '(' is not a regular expression: missing ): (",
    ),
    "a wrong JSONPath": (
        when("jsonPath: {'$.a[': 1}"),
        "7: $.rules[0].when.jsonPath: '$.a[' is not a JSONPath: ",
    ),
    "a number beyond 64 bits": (
        when("body: {a: 99999999999999999999}"),
        "7: $.rules[0].when.body.a: 99999999999999999999 has more than 64 bits",
    ),
    # What happens
    "no effect": (
        RIGHT.replace(THEN, "      {}\n"),
        "9: $.rules[0].then: the rule has no effect: give respond, fault, process, patch, token, rateLimit",
    ),
    "then is left out": (
        RIGHT.replace(f"    then:\n{THEN}", ""),
        "5: $.rules[0].then: the rule has no effect: give respond, ",
    ),
    "two effects": (
        then("respond: {status: 503}\n      rateLimit: exceeded"),
        "9: $.rules[0].then: a rule has one effect, and this one has respond and rateLimit; make it two",
    ),
    "an unknown fault": (then("fault: CRASH"), "9: $.rules[0].then.fault: 'CRASH' is not allowed: use "),
    "carried out without a fault": (
        then("patch: {}\n      carriedOut: true"),
        "10: $.rules[0].then.carriedOut: carriedOut requires a fault",
    ),
    "a damaged answer of a call that is not carried out": (
        then("fault: EMPTY_BODY\n      carriedOut: false"),
        "10: $.rules[0].then.carriedOut: EMPTY_BODY changes the answer, so the call is executed",
    ),
    "a dribble of no body": (
        then("fault: NO_RESPONSE\n      delay: {type: dribble, chunks: 2, milliseconds: 5}"),
        "10: $.rules[0].then.delay: NO_RESPONSE sends no body to dribble; use another delay",
    ),
    "swapped limits": (
        then("delay: {type: uniform, lower: 5, upper: 4}"),
        "9: $.rules[0].then.delay: lower is more than upper",
    ),
    "a header of two lines": (
        then('respond: {status: 200, headers: {X-A: "a\\nb"}}'),
        "9: $.rules[0].then.respond.headers.X-A: a header is one line of text",
    ),
    "a header of other characters than latin-1": (
        then('respond: {status: 200, headers: {X-A: "10 €"}}'),
        "9: $.rules[0].then.respond.headers.X-A: '€' cannot be in a header: use characters of ISO 8859-1",
    ),
    "an invalid header name": (
        then("respond: {status: 200, headers: {'Retry After': '5'}}"),
        "9: $.rules[0].then.respond.headers.Retry After: 'Retry After' is not the name of a header",
    ),
    "a Content-Length header": (
        then("respond: {status: 200, headers: {Content-Length: '5'}}"),
        "9: $.rules[0].then.respond.headers.Content-Length: the server writes this header; ",
    ),
    "not a number": (
        then("respond: {status: 200, body: {a: [1, .inf]}}"),
        "9: $.rules[0].then.respond.body.a[1]: inf is not a number of JSON",
    ),
    "a scripted refusal": (
        then("respond: {status: 400, body: {messages: {error: [{code: E202}]}}}"),
        "9: $.rules[0].then.respond.body.messages.error[0]: a rule cannot answer the refusal E202; ",
    ),
    "a rate limit of what has no account": (
        then("rateLimit: exceeded", RIGHT.replace("getDossier", "getToken")),
        "9: $.rules[0].then.rateLimit: rate limits are per account, and getToken has none",
    ),
    # The process of an import
    "process with another operation": (
        then("process: {hold: true}"),
        "7: $.rules[0].when.operation: process requires operation: importDossier",
    ),
    "process with all operations": (
        IMPORT.replace("      operation: importDossier\n", "      method: POST\n").replace(
            THEN, "      process: {hold: true}\n"
        ),
        "7: $.rules[0].when.operation: process requires operation: importDossier",
    ),
    "an empty process": (
        then("process: {}", IMPORT),
        "9: $.rules[0].then.process: give hold, after or fail",
    ),
    "a process that is on hold and ends": (
        then("process: {hold: true, after: 5s}", IMPORT),
        "9: $.rules[0].then.process: an import on hold neither ends nor fails",
    ),
    "a code that is not the provider's": (
        then("process: {fail: E202}", IMPORT),
        "9: $.rules[0].then.process.fail: 'E202' is not a code of the provider: use E101, ",
    ),
    "an unknown code": (
        then("process: {fail: E106}", IMPORT),
        "9: $.rules[0].then.process.fail: 'E106' is not a code of the provider",
    ),
    "an invalid duration": (
        then("process: {after: soon}", IMPORT),
        "9: $.rules[0].then.process.after: 'soon' is not a duration; write 200ms, 2s, ",
    ),
    # Several rules
    "two rules of one name": (
        f"{RIGHT}  - {{name: one, when: {{}}, then: {{fault: EMPTY_BODY}}}}\n",
        "10: $.rules[1].name: there is another rule named 'one'",
    ),
    "an unreachable state": (
        f"{RIGHT}    state: Down\n    newState: down\n",
        "10: $.rules[0].state: there is no newState of a rule 'Down'; did you mean 'down'?",
    ),
    # What is given
    "another name than the file's": (
        RIGHT.replace("mine", "other"),
        "2: $.scenario: the name must be that of the file: write 'mine', or rename the file to other.yaml",
    ),
    "a missing fixture": (
        RIGHT + "given: {fixture: nowhere}\n",
        "10: $.given.fixture: there is no recipe 'nowhere'; there are catalogue, default, empty, ",
    ),
    "an unknown variant": (
        RIGHT + "given: {variants: {refusal: result}}\n",
        "10: $.given.variants: there is no variant 'refusal'; the variants are refusals, ",
    ),
    "a wrong value of a variant": (
        RIGHT + "given: {variants: {refusals: http500}}\n",
        "10: $.given.variants: variant refusals is http400 or result, not 'http500'",
    ),
    "an invalid clock": (RIGHT + "given: {clock: '2026-02-30'}\n", "10: $.given.clock: "),
    "start data that does not fit the fixture": (
        RIGHT + "given:\n  dossiers:\n    - {siret: '50382936800045', dossierReference: TEST}\n",
        f"12: {TAKEN}",
    ),
    "an impossible third party": (
        RIGHT + "given:\n  thirdparties:\n    - {siret: '50382936800046'}\n",
        "12: $.given.thirdparties[0]",
    ),
}


@pytest.fixture(scope="module")
def fixture() -> Fixture:
    return load_fixture("default", NOW.date(), None)


def written(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def staged(path: Path, fixture: Fixture) -> None:
    """Put a scenario on its fixture, as a server does at its start."""
    load_scenario_setup(path, fixture, lambda name: load_fixture(name, NOW.date(), None), NOW)


def test_an_error_is_reported_with_file_and_line_and_what_would_be_right(
    tmp_path: Path, fixture: Fixture, snapshot: SnapshotAssertion
) -> None:
    found = {}
    for case, (text, words) in ERRORS.items():
        path = written(tmp_path, text)
        with pytest.raises(FileError) as raised:
            staged(path, fixture)
        assert str(raised.value).startswith(f"{path}:{words}"), case
        if case not in {"a wrong regular expression", "a wrong JSONPath"}:  # in the words of a library
            found[case] = str(raised.value).removeprefix(f"{path}:")
    assert as_lines(found) == snapshot


@pytest.mark.parametrize(
    "text", [RIGHT, then("process: {fail: E103, after: 5s}", IMPORT)], ids=["a rule", "a process"]
)
def test_a_valid_file_is_read(tmp_path: Path, fixture: Fixture, text: str) -> None:
    path = written(tmp_path, text)

    staged(path, fixture)

    assert read_scenario(path).rules[0].name == "one"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        pytest.param("mine.yaml", b"title: \xe9t\xe9\n", "not UTF-8 at byte 7", id="another encoding"),
        pytest.param("mine.json", b"{}", "a generated state file; a recipe is a .yaml file", id="JSON"),
    ],
)
def test_a_file_that_is_not_a_scenario_is_rejected(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(FileError, match=re.escape(f"{path}: {words}")):
        read_scenario(path)


# A server that is to start with it


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(
            RIGHT.replace("getDossier", "getDosier"),
            f"PATH:7: $.rules[0].when.operation: {NO_OPERATION}",
            id="a wrong rule",
        ),
        pytest.param(
            RIGHT + "given:\n  dossiers:\n    - {siret: '50382936800045', dossierReference: TEST}\n",
            f"PATH:12: {TAKEN}",
            id="start data that does not fit the fixture",
        ),
        pytest.param(None, "PATH: No such file or directory", id="a missing file"),
    ],
)
def test_a_server_does_not_start_with_a_wrong_scenario(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "mine.yaml" if text is None else written(tmp_path, text)

    ended = run("serve", "--port", "0", "--scenario", str(path))

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines()[0] == f"Error: {words.replace('PATH', str(path))}"
