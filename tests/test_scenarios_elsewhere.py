"""Scenarios against an environment without sandboxes, such as the vendor's own."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import pytest
from click.testing import CliRunner, Result

from mock_server.cli import main
from mock_server.scenarios.target import find_target
from tests.support import TOKEN_URL

CLAIMS = urlsafe_b64encode(json.dumps({"account_ids": [42, 43]}).encode()).decode().rstrip("=")
REFUSED = {"content": {"complete": True, "success": False, "errors": [{"code": "E201"}]}}


class Elsewhere(BaseHTTPRequestHandler):
    """Knows a token, two dossiers that are stopped, and an import that ends with the third question."""

    seen: list[tuple[str, str, dict[str, str], Any]]
    questions = 0
    busy = 0
    """How many questions are answered with 429 first."""

    def do_GET(self) -> None:
        if self.busy and self.path.endswith("/dossiers/7"):
            type(self).busy -= 1
            self._answer(429, {"status": 429})
        elif self.path.endswith(("/dossiers/7", "/dossiers/17")):
            self._answer(200, {"content": {"dossierId": 7, "monitored": False}})
        elif "/process/" in self.path:
            type(self).questions += 1
            self._answer(200, {"content": {"complete": type(self).questions >= 3, "success": True}})
        else:
            self._answer(404, {"status": 404})

    def do_POST(self) -> None:
        if self.path == TOKEN_URL:
            self._answer(200, {"access_token": f"x.{CLAIMS}.x", "refresh_token": "r"})
        else:
            self._answer(200, REFUSED)

    def _answer(self, status: int, body: Any) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.seen.append((self.command, self.path, dict(self.headers), sent.decode()))
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[Any]]]:
    """Its base URL, and what it was asked."""
    seen: list[Any] = []
    handler = type("Handler", (Elsewhere,), {"seen": seen})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()
        thread.join()


def run(folder: Path, url: str, steps: str, *options: str, given: str = "") -> Result:
    path = folder / "mine.yaml"
    path.write_text(f"version: 1\nscenario: mine\ntitle: Mine\n{given}steps:\n{steps}", encoding="utf-8")
    return CliRunner().invoke(main, ["scenarios", "run", str(path), "--base-url", url, *options])


def row(result: Result) -> str:
    """The scenario's row of the table."""
    [found] = re.findall(r"^mine +(\d.*)$", result.stdout, re.MULTILINE)
    return " ".join(str(found).split())


def test_a_scenario_without_start_data_and_rules_runs(
    tmp_path: Path, elsewhere: tuple[str, list[Any]]
) -> None:
    url, seen = elsewhere

    found = run(tmp_path, url, "  - {name: a, call: getDossier, path: {dossierId: 7}}\n")

    assert (found.exit_code, row(found)) == (0, "1 1 - -")
    method, path, headers, _ = seen[-1]
    assert (method, path) == ("GET", "/api/v1/account/42/dossiers/7")
    assert headers["Authorization"] == f"Bearer x.{CLAIMS}.x"
    assert "X-Mock-Sandbox" not in headers


def test_the_user_of_the_options_logs_in(tmp_path: Path, elsewhere: tuple[str, list[Any]]) -> None:
    url, seen = elsewhere
    login = ("--username", "me@example.com", "--password", "secret")

    run(tmp_path, url, "  - {name: a, call: getDossier, path: {dossierId: 7}}\n", *login)

    [sent] = [sent for _, path, _, sent in seen if path == TOKEN_URL]
    assert parse_qs(sent) == {
        "grant_type": ["password"],
        "client_id": ["ea-api-edge"],
        "username": ["me@example.com"],
        "password": ["secret"],
    }


def test_control_calls_are_skipped_and_reported(tmp_path: Path, elsewhere: tuple[str, list[Any]]) -> None:
    url, seen = elsewhere

    found = run(
        tmp_path,
        url,
        "  - {name: a, control: GET /clock, save: {now: now}}\n"
        '  - {name: b, call: getDossier, path: {dossierId: "{now}"}}\n'
        "  - {name: c, call: getDossier, path: {dossierId: 7}}\n",
    )

    assert found.exit_code == 0
    assert row(found) == "3 1 - 2 only a sandbox has control calls"
    assert [path for _, path, _, _ in seen if path.startswith("/__admin") and "health" not in path] == []


@pytest.mark.parametrize(
    "given",
    [
        'given: {clock: "2026-03-02T09:00:00"}\n',
        "given: {fixture: empty}\n",
        "rules: [{name: bad, when: {}, then: {fault: EMPTY_BODY}}]\n",
    ],
    ids=["a clock", "a fixture", "rules"],
)
def test_a_scenario_that_needs_a_sandbox_is_skipped(
    tmp_path: Path, elsewhere: tuple[str, list[Any]], given: str
) -> None:
    url, seen = elsewhere

    found = run(tmp_path, url, "  - {name: a, call: getDossier, path: {dossierId: 7}}\n", given=given)

    assert found.exit_code == 0
    assert row(found) == "1 - - 1 its start data and rules need a sandbox"
    assert {path for _, path, _, _ in seen} == {"/__admin/health"}


def test_a_refused_command_runs_once_and_may_have_either_status(
    tmp_path: Path, elsewhere: tuple[str, list[Any]]
) -> None:
    url, _ = elsewhere
    step = "  - {name: a, call: stopDossier, path: {dossierId: 7}, expect: {refused: [E201]}}\n"

    found = run(tmp_path, url, step)

    assert (found.exit_code, row(found)) == (0, "1 1 - -")


@pytest.mark.parametrize(
    ("options", "skipped"),
    [((), "the step is for edge only"), (("--dialect", "edge"), "the step is for rest only")],
    ids=["the default", "the option"],
)
def test_the_dialect_is_rest_or_that_of_the_option(
    tmp_path: Path, elsewhere: tuple[str, list[Any]], options: tuple[str, ...], skipped: str
) -> None:
    url, seen = elsewhere
    steps = "".join(
        f"  - {{name: {name}, dialect: {name}, call: getDossier, path: {{dossierId: 7}}}}\n"
        for name in ("rest", "edge")
    )

    found = run(tmp_path, url, steps, *options)

    assert row(found) == f"2 1 - 1 {skipped}"
    assert seen[-1][1] == "/api/v1/account/42/dossiers/7"


@pytest.mark.parametrize(
    ("host", "dialect"),
    [("rs.example.com", "rest"), ("edge.example.com", "edge"), ("api.example.com", "rest")],
)
def test_a_host_name_selects_the_dialect(
    monkeypatch: pytest.MonkeyPatch, elsewhere: tuple[str, list[Any]], host: str, dialect: str
) -> None:
    monkeypatch.setenv("http_proxy", elsewhere[0])
    monkeypatch.setenv("no_proxy", "")

    assert find_target(f"http://{host}").dialect == dialect


def test_a_variant_cannot_be_chosen(tmp_path: Path, elsewhere: tuple[str, list[Any]]) -> None:
    url, _ = elsewhere

    found = run(tmp_path, url, "  - {name: a, call: listAccounts}\n", "--variant", "refusals=result")

    assert found.exit_code == 2
    assert "is not a sandbox and has no variants" in " ".join(found.stderr.split())


def test_a_difference_from_the_sandbox_is_reported(tmp_path: Path, elsewhere: tuple[str, list[Any]]) -> None:
    url, _ = elsewhere
    expected = "expect: {body: {content: {monitored: true}}}"
    step = f"  - {{name: a, call: getDossier, path: {{dossierId: 7}}, {expected}}}\n"

    found = run(tmp_path, url, step)

    assert found.exit_code == 1
    assert "  - $.content.monitored: true\n  + $.content.monitored: false\n" in found.stdout


def test_polling_takes_real_time(tmp_path: Path, elsewhere: tuple[str, list[Any]]) -> None:
    url, seen = elsewhere
    step = '  - {name: a, call: getProcess, path: {processId: "1"}, until: {content.complete: true}}\n'

    found = run(tmp_path, url, step)

    assert (found.exit_code, row(found)) == (0, "1 1 - -")
    assert len([path for _, path, _, _ in seen if "/process/" in path]) == 3


@pytest.mark.parametrize(
    ("busy", "expect", "result", "pauses"),
    [
        (2, "{status: 200}", (0, "1 1 - -"), 2),
        (2, "{status: 429}", (0, "1 1 - -"), 0),
        (2, "{status: [200, 429]}", (0, "1 1 - -"), 0),
        (99, "{status: 200}", (1, "1 - 1 - status: expected 200, found 429"), 30),
    ],
)
def test_a_rate_limit_is_waited_for_unless_it_is_expected(
    tmp_path: Path,
    elsewhere: tuple[str, list[Any]],
    monkeypatch: pytest.MonkeyPatch,
    busy: int,
    expect: str,
    result: tuple[int, str],
    pauses: int,
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("mock_server.scenarios.runner.sleep", waited.append)
    monkeypatch.setattr(Elsewhere, "busy", busy)

    found = run(
        tmp_path,
        elsewhere[0],
        f"  - {{name: a, call: getDossier, path: {{dossierId: 7}}, expect: {expect}}}\n",
    )

    assert (found.exit_code, row(found)) == result
    assert waited == [1] * pauses


def test_tokens_may_come_from_another_server(
    tmp_path: Path, elsewhere: tuple[str, list[Any]], server: str
) -> None:
    url, seen = elsewhere
    step = "  - {name: a, call: getDossier, path: {accountId: 42, dossierId: 7}}\n"

    found = run(tmp_path, url, step, "--auth-url", server)

    assert found.exit_code == 0
    assert TOKEN_URL not in {path for _, path, _, _ in seen}


def test_scenarios_run_one_after_the_other(tmp_path: Path, elsewhere: tuple[str, list[Any]]) -> None:
    url, seen = elsewhere
    for name, dossier in (("first", 7), ("second", 17)):
        step = f"{{name: read, call: getDossier, path: {{dossierId: {dossier}}}, repeat: 30}}"
        text = f"version: 1\nscenario: {name}\ntitle: Mine\nsteps: [{step}]\n"
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")

    paths = [str(tmp_path / f"{name}.yaml") for name in ("first", "second")]
    result = CliRunner().invoke(main, ["scenarios", "run", *paths, "--base-url", url])

    assert result.exit_code == 0, result.output
    read = [path.rpartition("/")[2] for _, path, _, _ in seen if "/dossiers/" in path]
    assert read == ["7"] * 30 + ["17"] * 30
