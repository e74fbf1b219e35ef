"""The report of what a client did, and the guide for assistants: generated, complete, and short."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mock_server.app import create_app
from mock_server.control.calls import CALLS
from mock_server.domain.operations import OPERATIONS
from mock_server.settings import Settings
from tests.control_calls import a_rule, set_rule
from tests.support import SEED_DOSSIER, Api

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent
SKILL = (ROOT / "examples" / "assistant" / "SKILL.md").read_text(encoding="utf-8")


def report(api: Api, **query: Any) -> str:
    answer = api.client.get("/__admin/report", query_string={"sandbox": api.sandbox} | query)
    assert answer.status_code == 200, answer.text
    return answer.text


def row(text: str, first: str) -> list[str]:
    """The other cells of the first row that begins so."""
    line, *_ = re.findall(rf"^\| {re.escape(first)} \| (.*) \|$", text, re.MULTILINE)
    return str(line).split(" | ")


def test_the_report_has_the_calls_of_the_client(api: Api) -> None:
    api.get("/dossiers", pagesize=5)
    set_rule(api, {"respond": {"status": 503}}, times=2)
    for _ in range(3):
        api.get(f"/dossiers/{SEED_DOSSIER}")
    api.new_dossier(dossierReference="PO-1")
    api.refused_import_codes(dossierReference="PO-1")
    api.get("/dosiers")
    text = report(api)

    assert text.startswith(f"# Requests of the sandbox {api.sandbox}\n")
    assert row(text, "getDossier") == ["3", "2", "200: 1, 503: 2"]
    assert row(text, "E202")[0] == "1"
    assert row(text, "wrongCase")[0] == "1"
    assert row(text, "2") == ["1", "1"]  # two imports, one request each
    assert "## Retries\n\n| operation | retries |\n| --- | --- |\n| getDossier | 2 |" in text
    assert "1 had an unknown path or method." in text
    assert re.search(r"^\| [\d.]+ \| (GET|POST) /api/v1/", text, re.MULTILINE)
    assert re.search(r"\d+ of \d+ items were reached: \d+ %\.", text)


REPORT = """
## Calls

14 requests. 1 had an unknown path or method.

| operation | calls | without success | statuses |
| --- | --- | --- | --- |
| listDossiers | 3 | 0 | 200: 3 |
| getDossier | 3 | 2 | 200: 1, 503: 2 |
| getProcess | 3 | 0 | 200: 3 |
| importDossier | 2 | 0 | 200: 2 |
| getToken | 1 | 0 | 200: 1 |
| listAccounts | 1 | 1 | EMPTY_RESPONSE: 1 |

## Error codes

| code | answers | meaning |
| --- | --- | --- |
| E103 | 1 | The establishment is closed |

## Warnings

| warning | requests | given for |
| --- | --- | --- |
| unknownParameter | 2 | A query parameter that the operation does not read. |
| wrongCase | 1 | A name of the API in another case, or with other dashes or underscores. |
| unknownPath | 1 | A path or method that the API does not have: 404 or 405. |

## Requests per import

| imports | median | most |
| --- | --- | --- |
| 2 | 1.5 | 2 |

## Retries

| operation | retries |
| --- | --- |
| getDossier | 2 |

## Slowest requests

Without the delays of rules.

| milliseconds | request |
| --- | --- |
"""


def test_the_tables_are_sorted_by_the_most_frequent_first(api: Api) -> None:
    set_rule(api, {"fault": "EMPTY_RESPONSE"}, "listAccounts", name="cut")
    api.get("/dossiers", pagesize=5)
    api.get("/dossiers", colour=5)
    api.get("/dossiers", colour=6)
    set_rule(api, {"respond": {"status": 503}}, times=2)
    for _ in range(3):
        api.get(f"/dossiers/{SEED_DOSSIER}")
    api.refused_import_codes(companyIdValue="99000103400018")
    process_id = api.launch(dossierReference="PO-1")
    api.process(process_id)
    api.process(process_id)
    api.send("GET", "/nowhere")
    api.send("GET", "/api/v1/account")

    text = report(api)

    assert text.partition("\n")[2].startswith(REPORT)


def test_polls_are_counted_per_import_and_the_slowest_requests_come_first(api: Api) -> None:
    for reference, polls in {"PO-1": 1, "PO-2": 2, "PO-3": 6}.items():
        process_id = api.launch(dossierReference=reference)
        for _ in range(polls):
            api.process(process_id)

    text = report(api)

    assert row(text, "3") == ["2", "6"]
    slowest = [float(time) for time in re.findall(r"^\| ([\d.]+) \| (?:GET|POST) /", text, re.MULTILINE)]
    assert slowest == sorted(slowest, reverse=True)
    assert len(slowest) == 5


def test_only_the_repetition_of_a_call_that_may_pass_is_a_retry(api: Api) -> None:
    repeated = {"listDossiers": 408, "getDossier": 429, "listDocuments": 500, "stopDossier": 409}
    paths = {
        "listDossiers": "",
        "getDossier": f"/{SEED_DOSSIER}",
        "listDocuments": f"/{SEED_DOSSIER}/documents",
    }
    rules = [a_rule({"respond": {"status": status}}, name, name=name) for name, status in repeated.items()]
    assert api.token
    api.control("POST", "/rules", {"rules": rules})
    for path in paths.values():
        api.get(f"/dossiers{path}")
        api.get(f"/dossiers{path}")
    for _ in range(2):
        api.post(f"/dossiers/{SEED_DOSSIER}/stop")
        api.get("/requirements")

    retries = report(api).partition("## Retries\n")[2].partition("\n## ")[0]

    assert {name: row(retries, name) for name in paths} == {name: ["1"] for name in paths}
    assert "stopDossier" not in retries
    assert "listRequirements" not in retries


EMPTY = """
## Calls

0 requests.

## Error codes

None.

## Warnings

None.

## Requests per import

No client asked for the status of an import.

## Retries

None.

## Slowest requests

Without the delays of rules.
"""


def test_an_empty_report_and_a_page(api: Api) -> None:
    text, page = report(api), report(api, format="html")

    assert text.partition("\n")[2].startswith(EMPTY)
    assert page.startswith("<!doctype html>")
    assert page.count("<h2>") == text.count("\n## ")


def test_the_report_of_the_server_counts_all_sandboxes() -> None:
    client = create_app(Settings(journal_entries=2, log_level="error")).test_client()
    for name in ("one", "two"):
        Api(client, name).get("/dossiers")
        Api(client, name).get("/dossiers?<b>|x|")
    text = report(Api(client, "one"), scope="server")

    assert text.startswith("# Requests of all sandboxes\n")
    assert row(text, "getToken") == ["4", "0", "200: 4"]
    assert "The journal keeps 4 of 8 requests; the tables below are about these." in text
    assert "<b>" not in text


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("sandbox=never", 404, "there is no sandbox 'never'"),
        ("scope=all", 400, "scope is sandbox or server, not 'all'"),
        ("format=pdf", 400, "format is markdown or html, not 'pdf'"),
    ],
)
def test_an_invalid_format_of_the_report_is_rejected(
    api: Api, query: str, status: int, sentence: str
) -> None:
    assert api.token
    answer = api.client.get(f"/__admin/report?{query}")

    assert (answer.status_code, sentence in (answer.json or {})["detail"]) == (status, True)


def test_the_guide_for_assistants_names_every_operation_and_call(api: Api) -> None:
    text = api.client.get("/__admin/llms.txt").text

    assert "http://localhost/api/v1" in text
    assert all(name == "getToken" or f"- {name}: `" in text for name in OPERATIONS)
    assert all(f"`{call.method} {call.path}`" in text for call in CALLS if not call.path.startswith("/ui"))
    assert len(text) < 12_000
    assert (ROOT / "docs" / "llms.txt").read_text(encoding="utf-8") == text.replace(
        "http://localhost", "http://127.0.0.1:8080"
    )


def test_the_skill_is_short_and_names_what_exists() -> None:
    calls = {f"{call.method} /__admin{call.path}" for call in CALLS}
    named = re.findall(r"`(GET|PUT|POST) (/__admin/[\w./]+)", SKILL)

    assert len(SKILL.splitlines()) <= 100
    assert {f"{method} {path}".replace("/NUMBER", "/{number}") for method, path in named} <= calls


def test_the_example_of_the_skill_passes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    [example] = re.findall(r"```python\n(.*?)```", SKILL, re.DOTALL)
    pytester.makepyfile(example)

    pytester.runpytest("-p", "mock_server.pytest_plugin").assert_outcomes(passed=1)
