"""`mock-server scenarios run` against a real server: what steps can do, and the report when they differ."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import requests
from click.testing import CliRunner, Result

from mock_server import server_process
from mock_server.cli import main
from mock_server.cli.own_server import NotStarted, own_server
from mock_server.cli.scenarios import in_parallel
from mock_server.fixtures.library import bundled
from mock_server.scenarios.file_format import FAULTS
from mock_server.scenarios.http_client import HttpRequest, NoResponse, new_session, send
from tests import processes
from tests.support import SIRET, running_server

Run = Callable[..., Result]

IMPORT = '{companyIdType: CIT001, companyIdValue: "99050000100013", dossierReference: PO-1}'
IMPORTED = f"""\
  - name: it is imported
    call: importDossier
    body: {IMPORT}
    save: {{processId: content.processId}}
"""
FROZEN = 'given: {clock: "2026-03-02T09:00:00"}\n'
REFUSED_UPDATE = """\
  - {name: stopped, call: stopDossier, path: {dossierId: 804127}}
  - name: refused
    call: updateDossier
    path: {dossierId: 804127}
    body: {dossierReference: PO-2}
    expect: {refused: [E201]}
"""


@pytest.fixture
def run(tmp_path: Path, server: str) -> Run:
    """Plays the steps of a scenario named `mine` against the session's server."""

    def played(steps: str, *options: str, given: str = "") -> Result:
        path = tmp_path / "mine.yaml"
        text = f"version: 1\nscenario: mine\ntitle: Mine\n{given}steps:\n{steps}"
        path.write_text(text, encoding="utf-8")
        return CliRunner().invoke(main, ["scenarios", "run", str(path), "--base-url", server, *options])

    return played


def rows(result: Result) -> dict[str, list[str]]:
    """By name of what was played: steps, passed, failed, skipped."""
    found = re.findall(r"^(\w+(?: \[\S+\])?) +(\d+) +(\S+) +(\S+) +(\S+)", result.stdout, re.MULTILINE)
    return {name: counts for name, *counts in found}


PASSING = {
    "a call of which nothing is expected": "  - {name: a, call: listAccounts}",
    "an account of the path": "  - {name: a, call: listDossiers, path: {accountId: 119631}}",
    "a text that is sent as it is": "  - {name: a, call: importDossier, text: '{\"a', expect: {status: 400}}",
    "an invalid token": "  - {name: a, call: listAccounts, token: nonsense, expect: {status: 401}}",
    "no token": '  - {name: a, call: listAccounts, token: "", expect: {status: 401}}',
    "a header in place of the token": (
        "  - {name: a, call: listAccounts, headers: {Authorization: Basic x}, expect: {status: 401}}"
    ),
    "headers that are expected": (
        "  - {name: a, call: listAccounts, expect: {headers: {content-type: {$contains: json}}}}"
    ),
    "one of several statuses": "  - {name: a, call: listAccounts, expect: {status: [200, 204]}}",
    "a query of several values": (
        "  - {name: a, call: listDossiers, query: {monitored: true, pageSize: 1, page: 2},"
        " expect: {body: {page: 2, content: {$length: 1}}}}"
    ),
    "another user and their accounts": (
        "  - {name: a, call: listAccounts, as: {username: multi@example.com},"
        " expect: {body: {content: {$length: 2}}}}"
    ),
    "another login": (
        "  - {name: a, call: getToken, save: {mine: access_token}}\n"
        '  - {name: b, call: listAccounts, token: "{mine}"}'
    ),
    "a login as another user": (
        "  - {name: a, call: getToken, as: {username: multi@example.com}, save: {theirs: access_token}}\n"
        '  - {name: b, call: listAccounts, token: "{theirs}", expect: {body: {content: {$length: 2}}}}'
    ),
    "a wrong password": (
        "  - {name: a, call: getToken, form: {password: wrong},"
        " expect: {status: 401, body: {error: invalid_grant}}}"
    ),
    "a form that lacks a field": (
        "  - {name: a, call: getToken, form: {client_id: null}, expect: {status: 401}}"
    ),
    "a form as it is": (
        "  - {name: a, call: getToken, text: grant_type=password,"
        " headers: {Content-Type: application/x-www-form-urlencoded}, expect: {status: 401}}"
    ),
    "a refresh": (
        "  - {name: a, call: getToken,"
        ' form: {grant_type: refresh_token, refresh_token: "{refreshToken}"}, save: {new: access_token}}\n'
        '  - {name: b, call: listAccounts, token: "{new}"}'
    ),
    "a new token, which the steps after it use": (
        "  - {name: a, call: getToken, save: {old: refresh_token}}\n"
        "  - {name: b, control: POST /clock/advance, body: {by: PT31M, tokens: true}}\n"
        "  - {name: c, call: listAccounts, expect: {status: 401}}\n"
        "  - {name: d, call: getToken, save: {new: refresh_token}}\n"
        "  - {name: e, call: listAccounts}\n"
        "  - {name: f, control: POST /clock/advance, body: {by: PT29M, tokens: true}}\n"
        "  - {name: g, call: getToken, form: {grant_type: refresh_token, refresh_token: '{new}'}}\n"
        "  - {name: h, control: POST /clock/advance, body: {by: PT29M, tokens: true}}\n"
        "  - {name: i, call: listAccounts}"
    ),
    "what every run knows": (
        '  - {name: a, call: getAccountStatistics, path: {accountId: "{accountId}"},'
        ' token: "{accessToken}"}\n'
        '  - {name: b, call: getToken, form: {username: "{username}", password: "{password}"}}'
    ),
    "values that keep their type": (
        '  - {name: a, call: getDossier, path: {dossierId: 804127}, save: {id: content.dossierId}}\n'
        '  - {name: b, call: getDossier, path: {dossierId: "{id}"},'
        ' expect: {body: {content: {dossierId: "{id}"}}}}'
    ),
    "names within a text": (
        "  - {name: a, call: getDossier, path: {dossierId: 804127}, save: {ref: content.dossierReference}}\n"
        '  - {name: b, call: updateDossier, path: {dossierId: 804127},'
        ' body: {description: "[{ref}] {ref}"}}\n'
        "  - {name: c, call: getDossier, path: {dossierId: 804127},"
        ' expect: {body: {content: {description: "[TEST] TEST"}}}}'
    ),
    "a refused search": (
        "  - {name: a, call: listDossiers, query: {pageSize: 2000}, expect: {refused: [E011]}}"
    ),
    "what does not exist": (
        "  - {name: a, call: stopDossier, path: {dossierId: 1}, expect: {refused: [E200]}}"
    ),
    "a refused import": IMPORTED + (
        "  - {name: b, call: importDossier, body: {companyIdType: CIT009}, expect: {refused: [E001, E002]}}"
    ),
    "several times": "  - {name: a, call: listAccounts, repeat: 3}",
    "a control call": (
        '  - {name: a, control: PUT /clock, body: {now: "2031-01-01T00:00:00"},'
        " expect: {body: {frozen: true}}, save: {now: now}}\n"
        '  - {name: b, control: GET /clock, expect: {body: {now: "{now}"}}}'
    ),
    "a control call that is wrong": (
        "  - {name: a, control: PUT /clock, body: {now: soon}, expect: {status: 400}}"
    ),
    "the end of an import that is refused": IMPORTED.replace("99050000100013", "99000103400018")
    + '  - {name: b, call: getProcess, path: {processId: "{processId}"}, until: {content.complete: true},'
    " expect: {refused: [E103]}}",
    "the end of an import, with time going on": IMPORTED
    + '  - {name: b, call: getProcess, path: {processId: "{processId}"}, until: {content.complete: true}}',
}  # fmt: skip


@pytest.mark.parametrize("steps", PASSING.values(), ids=list(PASSING))
def test_a_step_can_be(run: Run, steps: str) -> None:
    found = run(steps)

    assert found.exit_code == 0, found.output


DIFFERING = {
    "status": ("getDossier, path: {dossierId: 804127}, expect: {status: 404}", "status: 404", "status: 200"),
    "no success": ("getDossier, path: {dossierId: 1}", "status: 2xx", "status: 404"),
    "body": (
        "getDossier, path: {dossierId: 804127}, expect: {body: {content: {dossierReference: PO-1}}}",
        "$.content.dossierReference: 'PO-1'",
        "$.content.dossierReference: 'TEST'",
    ),
    "a missing member": (
        "listAccounts, expect: {body: {contents: []}}",
        "$.contents: a list",
        "$.contents: nothing",
    ),
    "header": (
        "listAccounts, expect: {headers: {X-Page: 1}}",
        "headers.X-Page: '1'",
        "headers.X-Page: nothing",
    ),
    "text": ("listAccounts, expect: {text: ok}", "text: 'ok'", 'text: \'{"content"'),
    "another code": (
        "listDossiers, query: {pageSize: 2000}, expect: {refused: [E010]}",
        "refused: E010",
        "refused: ['E011']",
    ),
    "another number of hits": (
        "listDossiers, query: {dossierReference: TEST}, expect: {found: 0}",
        "found: 0",
        "found: 1",
    ),
    "no search": ("listDossiers, query: {pageSize: 2000}, expect: {found: 0}", "found: 0", "found: nothing"),
    "no refusal": ("listDossiers, expect: {refused: [E010]}", "refused: E010", "refused: []"),
    "no fault": (
        "listAccounts, expect: {fault: EMPTY_RESPONSE}",
        "fault: EMPTY_RESPONSE",
        "fault: an answer with status 200",
    ),
    "too quick": ("listAccounts, expect: {took: {atLeast: 5s}}", "took: at least 5s", "took: '0."),
    "too slow": ("listAccounts, expect: {took: {atMost: 0ms}}", "took: at most 0ms", "took: '0."),
    "nothing to save": (
        "listAccounts, save: {id: content.id}",
        "content.id: something to save as id",
        "content.id: nothing",
    ),
    "a letter to save": (
        "getDossier, path: {dossierId: 804127}, save: {letter: 'content.siret[0]'}",
        "content.siret[0]: something to save as letter",
        "content.siret[0]: nothing",
    ),
    "nothing that is waited for": (
        "listAccounts, timeout: 100ms, until: {content: 1}",
        "$.content, polled for 0.",
        "$.content, polled for 0.",
    ),
}


@pytest.mark.parametrize(("step", "expected", "seen"), DIFFERING.values(), ids=list(DIFFERING))
def test_a_difference_is_reported_with_request_and_answer(
    run: Run, server: str, step: str, expected: str, seen: str
) -> None:
    found = run(f"  - {{name: one, call: {step}}}")

    assert found.exit_code == 1
    assert "FAILED mine: one\n" in found.stdout
    assert "mine.yaml:5\n" in found.stdout
    assert f"sent      GET {server}/api/v1/account" in found.stdout
    assert f"\n  - {expected}" in found.stdout
    assert f"\n  + {seen}" in found.stdout
    assert rows(found) == {"mine": ["1", "-", "1", "-"]}


def test_a_step_without_its_saved_value_is_skipped_and_the_others_run(run: Run) -> None:
    found = run(
        "  - {name: a, call: getDossier, path: {dossierId: 1}, save: {id: content.dossierId}}\n"
        '  - {name: b, call: stopDossier, path: {dossierId: "{id}"}}\n'
        "  - {name: c, call: listAccounts}\n"
    )

    assert rows(found) == {"mine": ["3", "1", "1", "1"]}
    assert re.search(r"\n1 played, 3 steps: 1 scenario failed, 1 step skipped, in \d+\.\d s\n", found.stdout)


@pytest.mark.parametrize(
    ("numbers", "cut"), [(22, []), (23, ["... and 1 more line"]), (24, ["... and 2 more lines"])]
)
def test_a_long_answer_is_reported_with_its_first_24_lines(run: Run, numbers: int, cut: list[str]) -> None:
    then = f"{{respond: {{status: 200, body: {[123456] * numbers}}}}}"
    rule = f"{{name: long, when: {{operation: listAccounts}}, then: {then}}}"
    found = run(
        f"  - {{name: a, control: POST /rules, body: {{rules: [{rule}]}}}}\n"
        "  - {name: b, call: listAccounts, expect: {status: 404}}\n"
    )

    shown = [line.strip() for line in found.stdout.splitlines()]
    lines = shown[shown.index("[") : shown.index("--- expected")]
    assert [line for line in lines if "more line" in line] == cut
    assert len(lines) == 24 + len(cut)


def scripted(respond: str) -> str:
    """Steps in which a rule answers listAccounts, and which expect another answer."""
    rule = f"{{name: scripted, when: {{operation: listAccounts}}, then: {{respond: {respond}}}}}"
    return (
        f"  - {{name: a, control: POST /rules, body: {{rules: [{rule}]}}}}\n"
        "  - {name: b, call: listAccounts, expect: {status: 404}}\n"
    )


def test_an_answer_of_100_characters_is_reported_on_one_line(run: Run) -> None:
    for length, is_short in ((96, True), (97, False)):
        text = "a" * length
        found = run(scripted(f"{{status: 200, body: [{text}]}}"))

        lines = [line.strip() for line in found.stdout.splitlines()]
        assert (f'["{text}"]' in lines, f'"{text}"' in lines) == (is_short, not is_short)


def test_an_answer_that_redirects_is_not_followed_and_an_image_is_counted(run: Run) -> None:
    found = run(scripted("{status: 302, headers: {Location: /, Content-Type: image/png}, body: abc}"))

    assert re.search(r"^    answered  302 in \d+ ms$", found.stdout, re.MULTILINE)
    assert "3 bytes of image/png" in found.stdout


def test_a_scenario_with_a_refused_command_runs_with_both_values_of_the_variant(run: Run) -> None:
    found = run(REFUSED_UPDATE)

    assert found.exit_code == 0, found.output
    assert rows(found) == {
        "mine [refusals=http400]": ["2", "2", "-", "-"],
        "mine [refusals=result]": ["2", "2", "-", "-"],
    }


NOTHING_FOUND = "  - {name: a, call: listDossiers, query: {dossierReference: NONE}, expect: {found: 0}}"


@pytest.mark.parametrize("reading", ["page", "not-found"])
def test_a_search_without_a_hit_may_be_a_page_or_a_404(run: Run, reading: str) -> None:
    found = run(NOTHING_FOUND, "--variant", f"emptySearch={reading}")

    assert found.exit_code == 0, found.output


def test_a_404_for_a_wrong_path_is_not_a_search_without_a_hit(run: Run) -> None:
    away = (
        "rules:\n"
        "  - name: away\n"
        "    when: {operation: listDossiers}\n"
        "    then: {respond: {status: 404, body: {error: Not Found}}}\n"
    )

    found = run(NOTHING_FOUND, given=away)

    assert "  - found: 0\n  + found: nothing\n" in found.stdout


ABOUT_ONE = """\
  - {name: a, dialect: rest, call: getDossier, path: {dossierId: 1}, expect: {refused: [E200]}}
  - {name: b, dialect: edge, call: getDossier, path: {dossierId: 1}, expect: {refused: [NOT_FOUND]}}
  - {name: c, call: searchThirdparties, query: {search: "name:NO_LOGINS"}, expect: {found: 0}}
"""


@pytest.mark.parametrize(
    ("suffix", "options", "row"),
    [
        ("", (), "mine 3 1 - 2 the step is for edge only"),
        ("/rest/api/v1", (), "mine 3 1 - 2 the step is for edge only"),
        ("/edge", (), "mine 3 2 - 1 the step is for rest only"),
        ("", ("--dialect", "edge"), "mine 3 2 - 1 the step is for rest only"),
        ("/edge", ("--dialect", "rest"), "mine 3 1 - 2 the step is for edge only"),
    ],
    ids=["of the server", "of a URL", "of another URL", "of an option", "of an option despite the URL"],
)
def test_a_step_for_one_dialect_is_skipped_in_the_other(
    run: Run, server: str, suffix: str, options: tuple[str, ...], row: str
) -> None:
    found = run(ABOUT_ONE, "--base-url", f"{server}{suffix}", *options)

    assert found.exit_code == 0, found.output
    assert row in " ".join(found.stdout.split())


def test_the_default_dialect_of_the_server_is_used(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"version: 1\nscenario: mine\ntitle: Mine\nsteps:\n{ABOUT_ONE}", encoding="utf-8")

    with running_server("--dialect", "edge") as (url, _):
        found = CliRunner().invoke(main, ["scenarios", "run", str(path), "--base-url", url])

    assert "mine 3 2 - 1 the step is for rest only" in " ".join(found.stdout.split())


@pytest.mark.parametrize("given", [True, False], ids=["in the file", "on the command line"])
def test_with_a_given_variant_the_scenario_runs_once(run: Run, *, given: bool) -> None:
    chosen = () if given else ("--variant", "refusals=result")

    found = run(REFUSED_UPDATE, *chosen, given="given: {variants: {refusals: result}}\n" if given else "")

    assert rows(found) == {"mine": ["2", "2", "-", "-"]}


def test_a_variant_of_the_command_line_is_active(run: Run) -> None:
    empty = "  - {name: a, call: listDossiers, query: {dossierReference: NONE}, expect: {status: 404}}"

    assert run(empty).exit_code == 1
    assert run(empty, "--variant", "emptySearch=not-found").exit_code == 0


def test_each_of_several_calls_at_the_same_time_is_checked(run: Run) -> None:
    calls = f"""\
  - name: both
    together:
      - {{call: importDossier, name: one, body: {IMPORT}, save: {{one: content.processId}}}}
      - {{call: importDossier, name: other, body: {IMPORT}, save: {{other: content.processId}}}}
  - name: one
    call: getProcess
    path: {{processId: "{{one}}"}}
    until: {{content.complete: true}}
  - name: other
    call: getProcess
    path: {{processId: "{{other}}"}}
    until: {{content.complete: true}}
  - name: only one was taken
    call: listDossiers
    query: {{dossierReference: PO-1}}
    expect: {{body: {{totalElements: 1}}}}
"""
    found = run(calls)

    assert found.exit_code == 0, found.output
    wrong = run(calls.replace("name: other,", "name: other, expect: {status: 404},", 1))
    assert "FAILED mine: both\n" in wrong.stdout
    assert "\n  other\n" in wrong.stdout
    assert "\n  one\n" not in wrong.stdout


def test_the_calls_of_a_step_run_at_the_same_time(run: Run, tmp_path: Path) -> None:
    given = (
        "rules:\n"
        "  - {name: slow, when: {operation: listAccounts}, then: {delay: {type: fixed, milliseconds: 300}}}\n"
    )
    calls = "{call: listAccounts, expect: {took: {atLeast: 290ms}}}"
    report = tmp_path / "report.xml"

    found = run(
        f"  - name: ten\n    together: [{', '.join([calls] * 10)}]\n", "--junit", str(report), given=given
    )

    assert found.exit_code == 0, found.output
    assert float(ET.parse(report).getroot()[0][0].attrib["time"]) < 2


def test_polling_advances_a_frozen_clock(run: Run) -> None:
    slow = IMPORTED.replace("99050000100013", "99000200800011") + (
        '  - {name: b, call: getProcess, path: {processId: "{processId}"}, until: {content.complete: true},'
        " expect: {took: {atMost: 1s}}}\n"
        '  - {name: c, control: GET /clock, expect: {body: {now: "2026-03-02T09:02:00.000"}}}\n'
    )

    found = run(slow, given=FROZEN)

    assert found.exit_code == 0, found.output


def test_polling_on_a_frozen_clock_ends_at_the_timeout(run: Run) -> None:
    never = IMPORTED.replace("99050000100013", "99000201600014") + (
        '  - {name: b, call: getProcess, path: {processId: "{processId}"}, until: {content.complete: true},'
        " timeout: 30s}\n"
    )

    found = run(never, given=FROZEN)

    assert "- $.content.complete, polled for 30 s: true" in found.stdout
    assert "+ $.content.complete, polled for 30 s: false" in found.stdout


def test_a_poll_that_cannot_advance_the_clock_fails_with_the_reason_and_the_next_scenario_runs(
    run: Run, tmp_path: Path
) -> None:
    following = tmp_path / "following.yaml"
    following.write_text(
        "version: 1\nscenario: following\ntitle: The next\nsteps:\n  - {name: a, call: listAccounts}\n",
        encoding="utf-8",
    )

    found = run(
        "  - {name: near the end of time, control: POST /clock/advance, body: {by: PT1H}}\n"
        "  - {name: polls, call: listAccounts, until: {content.x: 1}}\n"
        "  - {name: the step after it, call: listAccounts}\n",
        str(following),
        given='given: {clock: "8999-12-31T22:59:58"}\n',
    )

    assert found.exit_code == 1
    sentence = "POST /__admin/clock/advance: 400, $.by: the clock does not go beyond the year 8999"
    assert "FAILED mine: polls\n" in found.stdout
    assert sentence in found.stdout
    assert rows(found)["mine"][:4] == ["3", "2", "1", "-"]
    assert rows(found)["following"][:3] == ["1", "1", "-"]


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_recognised_and_no_other(run: Run, fault: str) -> None:
    rules = f"rules: [{{name: bad, when: {{operation: listAccounts}}, then: {{fault: {fault}}}}}]\n"
    timeout = "200ms" if fault == "NO_RESPONSE" else "5s"
    steps = [
        f"  - {{name: {name}, call: listAccounts, timeout: {timeout}, expect: {{fault: {name}}}}}\n"
        for name in FAULTS
    ]

    found = run("".join(steps), given=rules)

    assert rows(found) == {"mine": ["8", "1", "7", "-"]}, found.output
    assert f"FAILED mine: {fault}\n" not in found.stdout
    assert f"+ fault: {fault}" in found.stdout or fault.endswith("_BODY"), found.output


def test_an_unexpected_fault_is_named(run: Run) -> None:
    rules = "rules: [{name: bad, when: {operation: listAccounts}, then: {fault: EMPTY_RESPONSE}}]\n"

    found = run("  - {name: a, call: listAccounts}", given=rules)

    assert "- answer: an answer" in found.stdout
    assert "+ answer: EMPTY_RESPONSE (Remote end closed connection without response)" in found.stdout


@pytest.mark.parametrize("fault", ["RANDOM_DATA_THEN_CLOSE", "MALFORMED_BODY"])
def test_control_characters_are_escaped(run: Run, fault: str) -> None:
    rule = f"rules:\n  - {{name: broken, when: {{operation: getDossier}}, then: {{fault: {fault}}}}}\n"

    step = "  - {name: one, call: getDossier, path: {dossierId: 804127}, expect: {body: {}}}\n"
    report = run(step, given=rule).stdout

    assert r"\x" in report
    assert all(line.isprintable() for line in report.split("\n"))


def test_invalid_start_data_is_reported_and_no_step_runs(run: Run) -> None:
    found = run("  - {name: a, call: listAccounts}", given="given: {fixture: nowhere}\n")

    assert found.exit_code == 1
    assert "PUT /__admin/scenario: 400, " in found.stdout
    assert "there is no recipe 'nowhere'" in found.stdout
    assert rows(found) == {"mine": ["1", "-", "-", "1"]}


def test_a_recipe_next_to_the_scenario_is_sent_with_what_it_includes(run: Run, tmp_path: Path) -> None:
    third = 'version: 1\nthirdparties: [{thirdpartyId: 7, siret: "99050000100013", name: MINE}]\n'
    (tmp_path / "suppliers.yaml").write_text(third, encoding="utf-8")
    (tmp_path / "recipe.yaml").write_text(
        "version: 1\ninclude: [catalogue, suppliers.yaml]\naccounts: [{accountId: 42}]\n"
        "dossiers: [{dossierId: 9, thirdpartyId: 7, dossierReference: PO-1}]\n",
        encoding="utf-8",
    )
    step = (
        "  - {name: a, call: listDossiers, expect: {body: {content: [{dossierId: 9, accountId: 42}]}}}\n"
        "  - {name: b, call: getThirdparty, path: {thirdpartyId: 7},"
        " expect: {body: {content: {name: MINE}}}}\n"
    )

    found = run(step, given="given: {fixture: recipe.yaml, variants: {refusals: result}}\n")

    assert rows(found) == {"mine": ["2", "2", "-", "-"]}, found.stdout


def test_an_exported_state_next_to_the_scenario_is_sent(run: Run, server: str, tmp_path: Path) -> None:
    control = f"{server}/__admin/{{}}?sandbox=exported"
    dossier = {"siret": SIRET, "dossierReference": "PO-1", "dossierId": 9}
    requests.post(control.format("dossiers"), json=dossier, timeout=5).raise_for_status()
    (tmp_path / "state.json").write_bytes(requests.get(control.format("state"), timeout=5).content)

    step = "  - {name: a, call: getDossier, path: {dossierId: 9}}"
    found = run(step, given="given: {fixture: state.json}\n")

    assert rows(found) == {"mine": ["1", "1", "-", "-"]}, found.stdout


def test_a_state_file_next_to_the_scenario_cannot_be_sent(run: Run, tmp_path: Path) -> None:
    state = (bundled("fixtures") / "states" / "empty.json").read_bytes()
    (tmp_path / "state.json").write_bytes(state)

    found = run("  - {name: a, call: listAccounts}", given="given: {fixture: state.json}\n")

    assert found.exit_code == 1
    assert "state.json: a state file cannot be sent: put it into --fixtures-dir" in " ".join(
        found.stdout.split()
    )


def test_a_failed_login_is_reported(run: Run) -> None:
    found = run("  - {name: a, call: listAccounts}", "--password", "wrong")

    assert found.exit_code == 1
    assert re.search(r"api\+run-\w+@example\.com could not log in at http", found.stdout)
    assert "Invalid user credentials" in found.stdout


def test_neither_passwords_nor_tokens_are_shown(run: Run) -> None:
    found = run("  - {name: a, call: getToken, expect: {status: 500}}")

    assert "password=***" in found.stdout
    assert "demo" not in found.stdout
    assert '"access_token": "***"' in found.stdout
    assert "eyJ" not in found.stdout


def test_a_refresh_has_no_password_and_its_token_is_not_shown(run: Run) -> None:
    form = "{grant_type: refresh_token, refresh_token: '{refreshToken}'}"
    found = run(f"  - {{name: a, call: getToken, form: {form}, expect: {{status: 500}}}}")

    assert (
        "\n              grant_type=refresh_token&client_id=ea-api-edge&refresh_token=***\n" in found.stdout
    )


def test_the_report_shows_the_size_of_a_file_and_not_its_content(run: Run) -> None:
    found = run(
        "  - name: deposited\n"
        "    control: POST /dossiers/804127/documents/I2/evidences\n"
        "    body: {fileSize: 4000}\n"
        "    expect: {status: 201}\n"
        "    save: {fileId: fileId}\n"
        "  - name: downloaded\n"
        "    call: downloadFile\n"
        '    path: {dossierId: 804127, documentId: 511394021, fileId: "{fileId}"}\n'
        "    expect: {status: 404}\n"
    )

    assert "4,000 bytes of application/octet-stream" in found.stdout


def test_a_refused_connection_is_not_a_fault() -> None:
    outcome = send(new_session("http://127.0.0.1:9"), HttpRequest(method="GET", url="http://127.0.0.1:9/"), 1)

    assert isinstance(outcome, NoResponse)
    assert outcome.fault is None
    assert "refused" in outcome.problem


def test_on_a_terminal_there_are_colours(server: str) -> None:
    command = ("scenarios", "run", "archived-dossier-update", "--base-url", server)

    assert "\x1b[32marchived-dossier-update" in processes.show_on_terminal(*command)
    assert re.search(r"\x1b\S+mscenario\x1b", processes.show_on_terminal("scenarios", "show", command[2]))


def test_a_server_that_does_not_start_is_an_error() -> None:
    said = "the server did not start: Error: there is no recipe 'nowhere'"
    with pytest.raises(NotStarted, match=said), own_server("--fixture", "nowhere"):
        pass


def test_a_server_that_ignores_the_signal_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'trap "" TERM; echo "mock-server ready on http://$$ (dashboard: none)"; exec sleep 20'
    monkeypatch.setattr(server_process, "subprocess", subprocess)
    monkeypatch.setattr(server_process, "_COMMAND", ("sh", "-c", script))
    monkeypatch.setattr(server_process, "_GRACE_SECONDS", 0.05)

    with own_server() as url:
        pid = int(url.removeprefix("http://"))

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_exception_in_a_thread_is_raised_with_the_results() -> None:
    assert list(in_parallel(str, [1, 2, 3], 2)) == ["1", "2", "3"]
    with pytest.raises(ZeroDivisionError):
        list(in_parallel(lambda number: 1 // number, [1, 0], 2))


def test_the_sandboxes_of_a_run_are_dropped(run: Run, server: str) -> None:
    run(REFUSED_UPDATE)

    present = requests.get(f"{server}/__admin/sandboxes", timeout=5).json()["sandboxes"]
    assert [sandbox for sandbox in present if sandbox["name"].startswith("run-")] == []


def test_a_control_token_is_sent() -> None:
    with running_server("--control-token", "secret") as (url, _):
        command = ["scenarios", "run", "archived-dossier-update", "--base-url", url]
        with_token = CliRunner().invoke(main, [*command, "--control-token", "secret"])
        without = CliRunner().invoke(main, command)

    assert with_token.exit_code == 0, with_token.output
    assert "this server needs its control token" in without.stdout


@pytest.mark.parametrize("suffix", ["", "/", "/api/v1", "/rest", "/rest/api/v1"])
def test_a_base_url_may_be_written_in_several_ways(server: str, suffix: str) -> None:
    command = ["scenarios", "run", "archived-dossier-update", "--base-url", f"{server}{suffix}"]

    found = CliRunner().invoke(main, command)

    assert found.exit_code == 0, found.output


def test_each_run_has_its_sandbox_also_on_a_server_without_tokens() -> None:
    with running_server("--auth", "off") as (url, _):
        found = CliRunner().invoke(main, ["scenarios", "run", "archived-dossier-update", "--base-url", url])

    assert found.exit_code == 0, found.output


def test_junit_has_a_suite_for_each_run_and_a_case_for_each_step(run: Run, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    steps = REFUSED_UPDATE + "  - {name: wrong, call: listAccounts, expect: {text: '\\u0001'}}\n"

    run(steps.replace("'\\u0001'", '"\\u0001"'), "--junit", str(report))

    root = ET.parse(report).getroot()
    assert root.attrib | {"time": ""} == {
        "name": "mock-server scenarios",
        "tests": "6",
        "failures": "2",
        "errors": "0",
        "skipped": "0",
        "time": "",
    }
    first, second = root
    assert [suite.attrib["name"] for suite in root] == ["mine [refusals=http400]", "mine [refusals=result]"]
    assert [case.attrib["name"] for case in first] == ["stopped", "refused", "wrong"]
    assert [len(case) for case in second] == [0, 0, 1]
    failure = second[2][0]
    assert failure.tag == "failure"
    assert "--- expected" in (failure.text or "")


def test_junit_has_an_error_for_a_scenario_that_could_not_run(run: Run, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"

    run(
        "  - {name: a, call: listAccounts}",
        "--junit",
        str(report),
        given="given: {fixture: nowhere}\n",
    )

    [suite] = ET.parse(report).getroot()
    assert [(case.attrib["name"], case[0].tag) for case in suite] == [
        ("setup", "error"),
        ("a", "skipped"),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        pytest.param(
            ["nowhere"],
            2,
            "unknown scenario 'nowhere'; `mock-server scenarios list` lists them; --scenarios-dir",
            id="an unknown name",
        ),
        pytest.param(["--tag", "x9"], 2, "no scenario has the tag x9; there are ", id="an unknown tag"),
        pytest.param(["--variant", "x=1"], 2, "there is no variant 'x'", id="an unknown variant"),
        pytest.param(["--jobs", "0"], 2, "0 is not in the range", id="no jobs"),
        pytest.param(
            ["--base-url", "http://127.0.0.1:9"], 1, "http://127.0.0.1:9 does not answer: ", id="no server"
        ),
        pytest.param(["--junit", "/nowhere/x.xml"], 2, "there is no folder /nowhere", id="no folder"),
    ],
)
def test_a_wrong_command_ends_with_a_sentence(arguments: list[str], code: int, sentence: str) -> None:
    found = CliRunner().invoke(main, ["scenarios", "run", *arguments])

    assert found.exit_code == code
    assert sentence in " ".join(found.stderr.split())


def test_without_a_base_url_a_server_is_started_and_the_environment_is_ignored() -> None:
    environment = {"MOCK_SERVER_FIXTURE": "empty", "MOCK_SERVER_PORT": "1"}

    found = processes.run("scenarios", "run", "archived-dossier-update", **environment)

    assert (found.returncode, found.stderr) == (0, "")
    assert re.fullmatch(
        r"scenario +steps +passed +failed +skipped\n"
        r"archived-dossier-update \[refusals=http400\] +7 +7 +- +-\n"
        r"archived-dossier-update \[refusals=result\] +7 +7 +- +-\n"
        r"\n2 played, 14 steps: all passed, in \d\.\d s\n",
        found.stdout,
    )


def test_a_terminated_run_stops_its_server(tmp_path: Path) -> None:
    path = tmp_path / "waits.yaml"
    path.write_text(
        "version: 1\nscenario: waits\ntitle: Waits\nsteps:\n"
        "  - {name: a, call: listAccounts, timeout: 30s, until: {content: never}}\n"
    )
    command = [sys.executable, "-m", "mock_server", "scenarios", "run", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    child = _eventually(lambda: children.read_text().split())[0]

    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)

    assert process.returncode == 128 + signal.SIGTERM
    assert not Path(f"/proc/{child}").exists()


def _eventually(look: Callable[[], list[str]]) -> list[str]:
    from time import monotonic, sleep

    until = monotonic() + 30
    while not (found := look()) and monotonic() < until:
        sleep(0.05)
    sleep(1)
    return found
