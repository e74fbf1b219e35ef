"""`mock-server doctor`: what it finds, what it advises, what it hides."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from click.testing import CliRunner

from mock_server import __version__
from mock_server.cli import main
from tests.processes import run
from tests.support import running_server

ABOUT = ["version", "Python", "platform", "libraries", "clock", "proxy"]
START = ["settings", "port", "fixture", "scenarios"]
SERVER = ["server", "token", "search", "control"]


def doctor(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command, on a free port by default."""
    return run("doctor", *arguments, **{"MOCK_SERVER_PORT": "0"} | environment)


def report(*arguments: str, **environment: str) -> dict[str, Any]:
    return dict(json.loads(doctor(*arguments, "--json", **environment).stdout))


def report_here(*arguments: str) -> dict[str, Any]:
    """The report of the command in this process, where a test can change clock and environment."""
    return dict(json.loads(CliRunner().invoke(main, ["doctor", "--json", *arguments]).stdout))


def finding(found_all: dict[str, Any], about: str) -> dict[str, str]:
    """What was found about something, the worst of it."""
    order = {"wrong": 0, "note": 1, "ok": 2}
    found = [each for each in found_all["findings"] if each["about"] == about]
    return dict(min(found, key=lambda each: order[each["state"]]))


@pytest.fixture(scope="module")
def healthy() -> dict[str, Any]:
    return report()


def test_without_problems_it_exits_0_and_prints_a_line_per_check() -> None:
    found = doctor()

    assert (found.returncode, found.stderr) == (0, "")
    *lines, blank, verdict = found.stdout.splitlines()
    assert [line[6:17].strip() for line in lines] == [*ABOUT, *START, *SERVER]
    assert {line[:6].strip() for line in lines} == {"ok"}
    assert (blank, verdict) == ("", "everything is ok")


def test_json_has_the_same_findings(healthy: dict[str, Any]) -> None:
    assert healthy["healthy"] is True
    assert [each["about"] for each in healthy["findings"]] == [*ABOUT, *START, *SERVER]
    assert finding(healthy, "version")["found"] == f"mock-server {__version__}"
    assert finding(healthy, "Python")["found"].endswith(sys.version.split()[0])
    assert finding(healthy, "fixture")["found"] == "default: 4 accounts, 201 dossiers"
    assert finding(healthy, "settings")["found"] == "MOCK_SERVER_PORT=0"
    assert finding(healthy, "port")["found"] == "127.0.0.1, a port picked at the start"
    assert "api@example.com" in finding(healthy, "token")["found"]
    found = finding(healthy, "search")["found"]
    search = re.fullmatch(
        r"GET http://127\.0\.0\.1:\d+/api/v1/account/119631/dossiers\?pageSize=1: 200 in (\d+) ms", found
    )
    assert search, found
    assert int(search[1]) < 1000


def test_a_free_port_and_no_variables_are_reported() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        free = other.getsockname()[1]

    assert finding(report(MOCK_SERVER_PORT=str(free)), "port")["found"] == f"127.0.0.1, port {free}: free"
    unset = finding(report(MOCK_SERVER_PORT=""), "settings")
    assert unset["found"] == "none in the environment: the defaults"


@pytest.mark.parametrize(
    ("environment", "about", "sentence"),
    [
        ({"MOCK_SERVER_PRT": "1"}, "settings", "did you mean MOCK_SERVER_PORT?"),
        (
            {"MOCK_SERVER_AUTH": "none"},
            "settings",
            "MOCK_SERVER_AUTH: 'none' is not one of any, declared, off",
        ),
        ({"MOCK_SERVER_PORT": "5a"}, "settings", "MOCK_SERVER_PORT: '5a' is not a number"),
        ({"MOCK_SERVER_FIXTURE": "nowhere.yaml"}, "fixture", "nowhere.yaml: No such file"),
        ({"MOCK_SERVER_SCENARIO": "nowhere"}, "scenarios", "unknown scenario 'nowhere'"),
        ({"MOCK_SERVER_SIGNING_KEY": "nowhere.pem"}, "server", "nowhere.pem"),
    ],
    ids=["unknown variable", "wrong value", "wrong port", "fixture", "scenario", "key"],
)
def test_a_problem_exits_1_and_has_a_remedy(environment: dict[str, str], about: str, sentence: str) -> None:
    ended = doctor("--json", **environment)

    found_all = json.loads(ended.stdout)
    found = finding(found_all, about)
    assert found_all["healthy"] is False
    assert found["state"] == "wrong"
    assert sentence in found["found"]
    assert found["remedy"]
    assert ended.returncode == 1
    is_port_known = "MOCK_SERVER_PORT" not in environment
    assert any(each["about"] == "port" for each in found_all["findings"]) == is_port_known
    assert not any(each["state"] == "ok" for each in found_all["findings"] if each["about"] == about)


def test_an_error_in_an_own_scenario_is_reported_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("version: 1\nscenario: mine\ntitle: x\nrules: 7\n", encoding="utf-8")

    found = finding(report(MOCK_SERVER_SCENARIOS_DIR=str(tmp_path)), "scenarios")

    assert found["state"] == "wrong"
    assert f"{tmp_path}/mine.yaml:4: " in found["found"]
    assert found["remedy"] == "correct the file; see `mock-server explain scenarios#errors-in-a-file`"


def test_a_port_in_use_is_wrong_unless_a_mock_server_uses_it(server: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        taken = finding(report(MOCK_SERVER_PORT=str(other.getsockname()[1])), "port")

    found_all = report(MOCK_SERVER_PORT=str(urlsplit(server).port))

    assert taken["state"] == "wrong"
    assert "--port 0" in taken["remedy"]
    assert found_all["healthy"] is True
    assert finding(found_all, "port")["remedy"] == f"check it with mock-server doctor --base-url {server}"


def test_a_proxy_for_local_addresses_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    proxies = {name for name in os.environ if name.lower().endswith("_proxy")}
    for environment, state, found in (
        ({}, "ok", "none in the environment"),
        ({"https_proxy": "http://p"}, "ok", "none in the environment"),
        ({"HTTP_PROXY": "http://p:3128", "NO_PROXY": "intranet"}, "note", "HTTP_PROXY=http://p:3128"),
        ({"all_proxy": "http://p", "no_proxy": "localhost"}, "note", "all_proxy=http://p"),
        (
            {"ALL_PROXY": "a", "http_proxy": "b", "NO_PROXY": "localhost, 127.0.0.1,x"},
            "ok",
            "http_proxy=b, ALL_PROXY=a; not used for this machine",
        ),
        (
            {"HTTP_PROXY": "a", "NO_PROXY": "localhost", "no_proxy": "127.0.0.1"},
            "ok",
            "HTTP_PROXY=a; not used for this machine",
        ),
        ({"HTTP_PROXY": "a", "NO_PROXY": "*"}, "ok", "HTTP_PROXY=a; not used for this machine"),
    ):
        with monkeypatch.context() as patch:
            for name in proxies:
                patch.delenv(name)
            for name, value in environment.items():
                patch.setenv(name, value)
            proxy = finding(report_here("--base-url", "http://127.0.0.1:1"), "proxy")
        assert (proxy["state"], proxy["found"]) == (state, found)
        remedy = "set NO_PROXY=127.0.0.1,localhost, or the client sends its calls to the proxy; see `"
        assert proxy["remedy"].startswith(remedy if state == "note" else "")
        assert bool(proxy["remedy"]) == (state == "note")


def test_a_clock_of_an_earlier_year_than_the_program_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    for now, state in (
        (datetime(2025, 12, 31, 23, tzinfo=UTC), "wrong"),
        (datetime(2026, 1, 1, tzinfo=UTC), "ok"),
    ):
        monkeypatch.setattr("mock_server.cli.doctor.real_now", lambda now=now: now)

        clock = finding(report_here("--base-url", "http://127.0.0.1:1"), "clock")

        assert (clock["state"], clock["found"]) == (state, now.isoformat())
        assert clock["remedy"].startswith("set this machine's clock" if state == "wrong" else "")


def test_clocks_that_differ_by_more_than_30_seconds_are_wrong(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def token(seconds: int) -> tuple[str, str]:
        monkeypatch.setattr("mock_server.cli.doctor.real_seconds", lambda: int(time.time()) + seconds)
        found = finding(report_here("--base-url", server), "token")
        return found["state"], found["found"].partition(" by ")[0]

    assert ("ok", "issued") in (token(30) for _ in range(5))  # one more if a second ends meanwhile
    late, early = token(31), token(-40)

    assert late in {("wrong", f"the server's clock is {seconds} s slow") for seconds in (31, 32)}
    assert early in {("wrong", f"the server's clock is {seconds} s fast") for seconds in (40, 39)}


def test_a_running_server_is_checked_and_unchanged(server: str) -> None:
    before = requests.get(f"{server}/__admin/sandboxes", timeout=5).json()

    found_all = report("--base-url", server)

    assert found_all["healthy"] is True
    assert [each["about"] for each in found_all["findings"]] == [*ABOUT, *SERVER]
    after = requests.get(f"{server}/__admin/sandboxes", timeout=5).json()
    assert [each["name"] for each in after["sandboxes"]] == [each["name"] for each in before["sandboxes"]]


def test_a_server_with_declared_users_needs_one_of_them(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(
        "version: 1\ninclude: [catalogue]\naccounts: [{accountId: 7}]\n"
        "users: [{username: me@example.com, password: hushhush, accounts: [7]}]\n",
        encoding="utf-8",
    )
    settings = ("--fixture", str(recipe), "--auth", "declared")

    with running_server(*settings) as (url, _):
        unknown = doctor("--base-url", url)
        user = doctor("--base-url", url, "--username", "me@example.com", "--password", "hushhush")
    own = doctor(MOCK_SERVER_FIXTURE=str(recipe), MOCK_SERVER_AUTH="declared")

    assert unknown.returncode == 1
    assert "--username and --password" in unknown.stdout
    assert user.returncode == 0, user.stdout
    assert own.returncode == 0, own.stdout


def test_no_server_at_the_url_is_wrong() -> None:
    found = finding(report("--base-url", "http://127.0.0.1:1"), "server")

    assert found["state"] == "wrong"
    assert "does not answer" in found["found"]


class _Other(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def other_server() -> Iterator[str]:
    """The URL of a server that is not a mock-server."""
    with HTTPServer(("127.0.0.1", 0), _Other) as other:
        thread = Thread(target=other.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{other.server_port}"
        other.shutdown()
        thread.join()


def test_another_kind_of_server_is_wrong(other_server: str) -> None:
    found = finding(report("--base-url", other_server), "server")

    assert found["state"] == "wrong"
    assert found["found"].endswith("is not a mock-server")


def test_a_rule_that_changes_the_search_is_named(tmp_path: Path) -> None:
    path = tmp_path / "down.yaml"
    for then, found, remedy in (
        (
            "{fault: EMPTY_RESPONSE}",
            "Remote end closed connection",
            "look for the reason in the server's log",
        ),
        (
            f"{{respond: {{status: 503, body: {'x' * 300}}}}}",
            f": 503, {'x' * 200}",
            "the rule 'gone' changes the answer",
        ),
    ):
        rule = f"{{name: gone, when: {{operation: listDossiers}}, then: {then}}}"
        path.write_text(f"version: 1\nscenario: down\ntitle: Down\nrules: [{rule}]\n", encoding="utf-8")
        with running_server("--scenario", str(path)) as (url, _):
            search = finding(report("--base-url", url), "search")
        assert search["state"] == "wrong"
        assert found in search["found"]
        assert "x" * 201 not in search["found"]
        assert remedy in search["remedy"]
    own = report(MOCK_SERVER_SCENARIO=str(path))

    assert own["healthy"] is True
    assert finding(own, "scenarios")["found"].endswith(f"every sandbox starts with {path}")


def test_no_secret_is_printed() -> None:
    environment = {
        "MOCK_SERVER_CONTROL_TOKEN": "control-s3cret",
        "MOCK_SERVER_PUBLIC_URL": "http://me:url-s3cret@sandbox:8080",
        "HTTPS_PROXY": "http://me:proxy-s3cret@proxy:3128",
        "http_proxy": "http://me:proxy-s3cret@proxy:3128",
    }

    text, as_json = doctor(**environment), doctor("--json", **environment)

    assert "s3cret" not in text.stdout + text.stderr + as_json.stdout + as_json.stderr
    assert "MOCK_SERVER_CONTROL_TOKEN=***" in text.stdout
    assert text.returncode == 0, text.stdout


def test_the_password_is_hidden_unless_it_is_the_default() -> None:
    for password, shown in (("own-s3cret", "/***"), ("demo", "/demo")):
        found = doctor("--base-url", f"http://127.0.0.1:1/{password}", "--password", password)

        assert f"http://127.0.0.1:1{shown}" in found.stdout
        assert found.stdout.endswith("\n1 wrong: see above\n"), found.stdout


def test_a_missing_control_token_is_noted_and_the_other_checks_continue() -> None:
    with running_server("--control-token", "hushhush") as (url, _):
        without = report("--base-url", url)
        with_it = report("--base-url", url, "--control-token", "hushhush")

    assert finding(without, "control")["state"] == "note"
    assert "--control-token" in finding(without, "control")["remedy"]
    assert without["healthy"] is True
    assert finding(with_it, "control")["state"] == "ok"
