"""The journal in other formats: an archive for browsers, a line per request, a file of the command."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mock_server.app import create_app
from mock_server.cli import main
from mock_server.client import Sandbox
from mock_server.settings import Settings
from tests.browser import CHROMIUM, browser
from tests.control_calls import log_in, requests_of, set_rule
from tests.support import ACCOUNT, SEED_DOSSIER, Api

IMPORTER = """
import("devtools://devtools/bundled/models/har/har.js").then(har =>
  har.Importer.Importer.requestsFromHARLog(new har.HARFormat.HARRoot(%s).log).map(request =>
    [request.requestMethod, new URL(request.url()).pathname, request.statusCode].join(" ")))
"""


@pytest.fixture
def busy(api: Api) -> Api:
    """An api with every kind of exchange: a form, JSON, a stream, an error, an unknown path, a fault."""
    api.get("/dossiers", pageSize=2, password="hunter2", q="é")
    api.try_import(dossierReference="PO-1")
    api.get("/dossiers/all")
    api.get("/nö")
    set_rule(api, {"fault": "EMPTY_RESPONSE"})
    api.get(f"/dossiers/{SEED_DOSSIER}")
    log_in(api, password="wrong-hunter2")
    return api


def export(api: Api, kind: str, **query: Any) -> str:
    query |= {"sandbox": api.sandbox, "format": kind}
    answer = api.client.get("/__admin/requests", query_string=query)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_an_archive_has_each_exchange_without_secrets(busy: Api) -> None:
    text = export(busy, "har")
    log = json.loads(text)["log"]
    entries = log["entries"]
    search, order, stream, unknown, cut = entries[1:6]

    assert (log["version"], log["creator"]["name"], "comment" in log) == ("1.2", "mock-server", False)
    assert [entry["_number"] for entry in entries] == [entry["number"] for entry in requests_of(busy)]
    assert search["request"]["url"] == (
        f"http://localhost/api/v1/account/{ACCOUNT}/dossiers?pageSize=2&password=***&q=%C3%A9"
    )
    assert search["request"]["queryString"][2] == {"name": "q", "value": "é"}
    assert json.loads(search["response"]["content"]["text"])["size"] == 2
    assert json.loads(order["request"]["postData"]["text"])["dossierReference"] == "PO-1"
    assert order["comment"] == "importDossier"
    assert stream["response"]["content"]["comment"] == "streamed, and not kept"
    assert (unknown["response"]["status"], "the API has no path" in unknown["_warnings"][0]) == (404, True)
    assert [cut["response"][name] for name in ("status", "statusText", "headers", "bodySize")] == [
        *(0, "EMPTY_RESPONSE", [], 0)
    ]
    assert "password=***" in entries[0]["request"]["postData"]["text"]
    assert "hunter2" not in text
    assert busy.token not in text


def test_an_archive_has_times_and_sizes(api: Api) -> None:
    rule = {"respond": {"status": 599, "body": {"a": 1}, "headers": {"Location": "/x"}}}
    set_rule(api, rule, "listDossiers")
    began = time.time()
    api.get("/dossiers")

    entry = json.loads(export(api, "har"))["log"]["entries"][-1]

    started = datetime.fromisoformat(entry["startedDateTime"]).timestamp()
    assert began - 0.01 <= started <= time.time()
    assert 0 < entry["time"] < 1000 * (time.time() - began)
    assert entry["timings"] == {"send": 0, "wait": entry["time"], "receive": 0}
    assert (entry["comment"], entry["_rule"], "_codes" in entry) == ("listDossiers", "rule", False)
    request, answer = entry["request"], entry["response"]
    assert (request["httpVersion"], request["cookies"], request["headersSize"]) == ("HTTP/1.1", [], -1)
    assert (request["bodySize"], "postData" in request) == (0, False)
    assert {name: answer[name] for name in ("statusText", "redirectURL", "headersSize", "bodySize")} == {
        "statusText": "",
        "redirectURL": "/x",
        "headersSize": -1,
        "bodySize": 7,
    }
    assert answer["content"] == {"size": 7, "mimeType": "application/json;charset=UTF-8", "text": '{"a":1}'}


def test_an_archive_marks_bodies_that_were_not_kept() -> None:
    api = Api(create_app(Settings(journal_bytes=20_000, log_level="error")).test_client(), "sizes")
    api.send("POST", api.url("/dossiers"), data=b"\xff\x00")
    api.try_import(description="x" * 5000)
    api.get("/dossiers/all")

    unreadable, large, stream = json.loads(export(api, "har"))["log"]["entries"][1:]

    not_kept = "too large for the journal, and not kept"
    assert unreadable["request"]["postData"] == {
        "mimeType": "application/octet-stream",
        "text": "",
        "comment": "not text, 2 bytes, not shown",
    }
    assert large["request"]["postData"] == {
        "mimeType": "application/json",
        "text": "",
        "comment": not_kept,
    }
    assert [entry["request"]["bodySize"] for entry in (unreadable, large, stream)] == [2, -1, 0]
    assert [entry["response"]["bodySize"] for entry in (large, stream)] == [-1, -1]
    assert [entry["response"]["content"]["size"] for entry in (large, stream)] == [0, 0]
    assert large["response"]["content"]["comment"] == not_kept
    assert (large["comment"], large["_codes"]) == ("importDossier E011", ["E011"])


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_the_developer_tools_of_a_browser_read_the_archive(busy: Api, tmp_path: Path) -> None:
    archive = export(busy, "har")
    with browser(tmp_path) as page:
        page.open("devtools://devtools/bundled/devtools_app.html")
        read = page.value(IMPORTER % archive)
        with pytest.raises(AssertionError, match="Invalid date"):
            page.value(IMPORTER % archive.replace("startedDateTime", "started"))

    assert read == [
        " ".join([entry["method"], entry["path"].replace("ö", "%C3%B6"), str(entry["status"] or 0)])
        for entry in requests_of(busy)
    ]


def test_ndjson_has_a_line_for_each_request_of_the_journal(busy: Api) -> None:
    assert [json.loads(line) for line in export(busy, "ndjson").splitlines()] == requests_of(busy)
    assert [json.loads(line)["number"] for line in export(busy, "ndjson", since=3, limit=2).splitlines()] == [
        4,
        5,
    ]
    assert export(busy, "ndjson", since=99) == ""


def test_an_archive_of_a_journal_that_dropped_requests_says_so() -> None:
    api = Api(create_app(Settings(journal_entries=2, log_level="error")).test_client(), "short")
    for _ in range(2):
        api.get("/dossiers")

    log = json.loads(export(api, "har"))["log"]

    assert (len(log["entries"]), log["comment"]) == (2, "older requests were dropped from the journal")


def test_an_unknown_format_is_rejected(api: Api) -> None:
    answer = api.client.get("/__admin/requests?format=xml")

    assert (answer.status_code, (answer.json or {})["detail"]) == (
        400,
        "format is json, ndjson, har or scenario, not 'xml'",
    )


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["journal", "export", *arguments])


def test_the_command_writes_a_file_or_the_terminal(server: str, tmp_path: Path) -> None:
    sandbox = Sandbox(server, "exported")
    sandbox.token()
    out = tmp_path / "run.har"
    where = ("--base-url", server, "--sandbox", "exported")

    written, printed = run(*where, "--out", str(out)), run(*where, "--format", "ndjson")

    assert (written.exit_code, written.output) == (0, "")
    assert json.loads(out.read_text())["log"]["entries"][0]["_operation"] == "getToken"
    assert json.loads(printed.output)["operation"] == "getToken"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--sandbox", "a b"), 1, "there is no sandbox 'a b'; the latest is "),
        (("--sandbox", "ł"), 1, "a sandbox's name is up to 64 letters"),
        (("--sandbox", "\udcff"), 1, "a sandbox's name is up to 64 letters"),
        (("--sandbox", "defolt"), 1, "there is no sandbox 'defolt'; did you mean 'default'?"),
        (("--format", "xml"), 2, "'xml' is not one of 'har', 'ndjson', 'json'"),
        (("--out", "/nowhere/run.har"), 2, "--out /nowhere/run.har: there is no folder /nowhere"),
        (("--base-url", "http://127.0.0.1:1"), 1, "does not answer"),
        (("--base-url", "sandbox"), 1, "'sandbox' is not a URL"),
    ],
)
def test_a_wrong_option_of_the_command_is_one_sentence(
    server: str, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    result = run("--base-url", server, *arguments)

    assert (result.exit_code, sentence in result.output) == (code, True), result.output
