"""What the pytest plugin shows at the end of a run: failures, sections, coverage, and wrong options."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests  # noqa: F401  # before the runs: a run that imports it would be the only one that has it
from syrupy.assertion import SnapshotAssertion

from mock_server.client import Server
from tests.support import running_server
from tests.transcript import NOW

pytest_plugins = ["pytester"]

HOME = str(Path.home())
TESTS = f"""
import warnings
import pytest
import requests

UNKNOWN = "/account/119631/dosiers"

@pytest.fixture
def api(dossiers_sandbox):
    dossiers_sandbox.clock.set("{NOW}")
    session = dossiers_sandbox.session()
    def call(method, path, **options):
        return session.request(method, f"{{dossiers_sandbox.base_url}}{{path}}", **options).status_code
    return call

def test_requests(api, dossiers_sandbox):
    api("GET", "/account/119631/dossiers", params={{"siret": "99050000100013", "pageSize": 5}})
    api("POST", "/account/119631/dossiers", json={{"dossierReference": "é"}})
    api("POST", "/account/119631/dossiers", data="x" * 301)
    api("POST", "/account/119631/dossiers/804127/stop")
    api("POST", "/account/119631/dossiers/804127/stop")
    api("GET", "/account/119631/dossiers/1")
    api("GET", "/account/119631/dossiers", params={{"pagesize": 5}})
    rules = {{"down": {{"respond": {{"status": 503}}}}, "cut": {{"fault": "CONNECTION_RESET_BY_PEER"}}}}
    for name, then in rules.items():
        dossiers_sandbox.rule(name, when={{"operation": "getDossier"}}, then=then, times=1)
    api("GET", "/account/119631/dossiers/804127")
    with pytest.raises(requests.ConnectionError):
        api("GET", "/account/119631/dossiers/804127")
    requests.get(f"{{dossiers_sandbox.base_url}}/account", headers={{"Authorization": "Bearer x"}})
    assert False, "to see the report"

def test_polls(api, dossiers_sandbox):
    wanted = {{"companyIdType": "CIT001", "companyIdValue": "99050000100013", "dossierReference": "PO-1"}}
    api("POST", "/account/119631/dossiers", json=wanted)
    [process] = dossiers_sandbox.processes()
    assert [api("GET", f"/account/119631/dossiers/process/{{process['processId']}}") for _ in range(3)] == []

def test_elsewhere(dossiers_sandbox, dossiers_server):
    dossiers_server.sandbox().token()
    dossiers_server.sandbox().token()
    dossiers_server.sandbox("other").token()
    assert False

def test_no_request(dossiers_sandbox):
    assert False

def test_rejected(dossiers_sandbox):
    dossiers_sandbox.restore("never")

def test_not_verified(dossiers_sandbox):
    dossiers_sandbox.verify("getDossier", count=1)

def test_no_login(dossiers_sandbox):
    dossiers_sandbox.session(password="")

@pytest.mark.parametrize("value", ["x" * 120])
def test_with_a_long_name(dossiers_sandbox, value):
    dossiers_sandbox.token()
    assert False

def test_unknown_path(api):
    api("GET", UNKNOWN)
    api("GET", UNKNOWN)
    api("PUT", "/account")

def test_unknown_path_and_failure(api):
    status = api("GET", UNKNOWN)
    assert status == 200

@pytest.mark.dossiers_unmatched("ignore")
def test_ignored(api):
    api("GET", UNKNOWN)

@pytest.mark.dossiers_unmatched()
def test_wrong_mark(api):
    pass

@pytest.mark.dossiers_scenario("outage-of-three-calls")
def test_without_the_fixture():
    pass

@pytest.mark.dossiers_scenario("outage-of-four-calls")
def test_wrong_scenario(api):
    pass

@pytest.mark.dossiers_scenario("nowhere.yaml")
def test_wrong_file(api):
    pass

@pytest.mark.dossiers_scenario("one", "two")
def test_two_scenarios(api):
    pass
"""
WRONG = (
    "--dossiers-sandbox-url=127.0.0.1",
    "--dossiers-unmatched=pass",
    "--dossiers-strict=loud",
    "--dossiers-coverage=nowhere/found.json",
    "--dossiers-coverage=.",
    "--dossiers-coverage=dead-link.json",
    "--dossiers-coverage=",
    "--dossiers-coverage-exclude=E113: our accounts are active",
    "--dossiers-coverage-min=101",
    "--dossiers-coverage-min=-1",
    "--dossiers-coverage-min=1.5",
    "--dossiers-coverage-min=٣",
    "--dossiers-coverage-min=²",
    "--dossiers-export=test_story.py",
    "--dossiers-keep-failed=maybe",
    "--dossiers-control-token=wrong",
)
EXCLUDED = ("E103", "E1O3: never", "nothing: never", "E103: never", "E103:never\n import.E103 : never")
RIGHT = (
    "--dossiers-coverage-min=0",
    "--dossiers-coverage=found.json",
    "--dossiers-export=.",
    "--dossiers-export=new",
)

LOGS_IN = "def test_story(dossiers_sandbox):\n    dossiers_sandbox.token()\n"


@pytest.fixture(scope="module")
def outside() -> Iterator[str]:
    with running_server("--control-token", "open-sesame") as (url, _):
        yield url


@pytest.fixture
def folder(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder for a run with the plugin alone, whose lines are long."""
    monkeypatch.setenv("HOME", HOME)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return pytester


def run(folder: pytest.Pytester, text: str, *arguments: str) -> pytest.RunResult:
    folder.makepyfile(test_story=text)
    plugins = ("-p", "mock_server.pytest_plugin", "-p", "no:cacheprovider")
    return folder.runpytest(*plugins, "--tb=short", "-q", "--no-header", *arguments)


def of_server(url: str) -> tuple[str, str]:
    """The options of a run with the server that runs already."""
    return f"--dossiers-sandbox-url={url}", "--dossiers-control-token=open-sesame"


def shown(result: pytest.RunResult) -> str:
    """The output with what differs at each run replaced, and without pytest's own lines of a summary."""
    text = re.sub(r"\b(test_[\w-]+?)-[0-9a-f]{8}\b(?!\.yaml)", r"\1-…", result.stdout.str())
    text = re.sub(r"\b\d+\.\d\ds\b", "…s", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "SERVER", text.replace(str(Path.cwd()), "FOLDER"))
    text = re.sub(r'("timestamp": )"[^"]+"', r"\1…", text)
    text = re.sub(r"^ +\^+\n", "", text, flags=re.MULTILINE)  # not all versions have them
    text = re.sub(r"\n=+ short test summary info =+\n.*?(?=\n\d+ |\Z)", "", text, flags=re.DOTALL)
    return re.sub(r"-{3,}|={3,}|_{3,}", lambda line: line[0][:3], text)


def test_a_run_with_its_own_server(folder: pytest.Pytester, snapshot: SnapshotAssertion) -> None:
    options = ("--dossiers-strict=fail", "--dossiers-export=failed", "--dossiers-coverage-min=100")

    result = run(folder, TESTS, *options, "--dossiers-coverage-exclude=E113: our accounts are active")

    assert shown(result) == snapshot
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert len(list(Path("failed").iterdir())) == 6


def test_a_run_with_a_server_that_runs_already(
    folder: pytest.Pytester, snapshot: SnapshotAssertion, outside: str
) -> None:
    options = ("--dossiers-strict=warn", "--dossiers-unmatched=ignore", "--dossiers-keep-failed=yes")

    result = run(folder, TESTS, *of_server(outside), *options, "-W", "ignore::pytest.PytestWarning")

    assert shown(result) == snapshot
    for name in Server(outside, "open-sesame").sandboxes():
        if name != "default":
            Server(outside, "open-sesame").sandbox(name).drop()


def test_a_rejected_login_of_the_test_is_reported_as_its_own(folder: pytest.Pytester, outside: str) -> None:
    test = "def test_story(dossiers_sandbox):\n    dossiers_sandbox.session(password='wrong')\n"
    for server in ((), of_server(outside)):
        found = run(folder, test, *server).stdout.str()

        assert "The fixture declares 'api@example.com' with another password." in found
        assert "went to the sandbox" not in found


def test_wrong_options(folder: pytest.Pytester, snapshot: SnapshotAssertion, outside: str) -> None:
    server = of_server(outside)
    Path("dead-link.json").symlink_to("nowhere/found.json")
    lines = []
    options = [*([each] for each in (*RIGHT, *WRONG))]
    options += [[f"--dossiers-coverage-exclude={each}", "--dossiers-coverage-min=1"] for each in EXCLUDED]
    for some in options:
        result = run(folder, LOGS_IN, *server, *some)
        said = [line for line in (*result.outlines, *result.errlines) if "dossiers" in line]
        lines.append("\n".join([*some, pytest.ExitCode(result.ret).name, *said]))
    assert "\n\n".join(lines).replace(outside, "http://SERVER") == snapshot


def test_a_wrong_value_is_reported_with_its_place(
    folder: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOSSIERS_STRICT", "loud")
    wrong = run(folder, LOGS_IN).stderr.str()
    assert "ERROR: DOSSIERS_STRICT: 'loud' is not one of off, warn, fail" in wrong
    monkeypatch.delenv("DOSSIERS_STRICT")
    monkeypatch.setenv("DOSSIERS_SANDBOX_URL", "http://127.0.0.1:1")
    assert "DOSSIERS_SANDBOX_URL http://127.0.0.1:1: " in run(folder, LOGS_IN).stdout.str()
    folder.makeini("[pytest]\ndossiers_unmatched = pass\n")
    assert "ERROR: dossiers_unmatched: 'pass' is not one of fail, ignore" in run(folder, LOGS_IN).stderr.str()


def test_the_minimum_of_coverage_is_reached_by_as_much(folder: pytest.Pytester, outside: str) -> None:
    server = of_server(outside)
    run(folder, LOGS_IN, *server, "--dossiers-coverage=found.json")
    found = json.loads(Path("found.json").read_text(encoding="utf-8"))
    percent = found["percent"]

    assert percent > 0
    assert {**found, "kinds": [*found["kinds"]]} == {
        "version": 1,
        "percent": percent,
        "kinds": ["operations", "codes", "pages", "processes", "variants"],
        "excluded": {},
    }
    assert run(folder, LOGS_IN, *server, f"--dossiers-coverage-min={percent}").ret == pytest.ExitCode.OK
    failed = run(folder, LOGS_IN, *server, f"--dossiers-coverage-min={percent + 1}")
    assert failed.ret == pytest.ExitCode.TESTS_FAILED
    run(folder, LOGS_IN, *server, "--dossiers-coverage=listed.json", "--collect-only")
    assert not Path("listed.json").exists()
    none = run(folder, "def test_story(): ...", "--dossiers-coverage-min=1")
    assert none.ret == pytest.ExitCode.TESTS_FAILED
    none.stdout.fnmatch_lines(["dossiers coverage: 0 of 0 items were reached: 0 %. The minimum is 1 %."])
    assert run(folder, "", "--dossiers-coverage-min=1").ret == pytest.ExitCode.NO_TESTS_COLLECTED
