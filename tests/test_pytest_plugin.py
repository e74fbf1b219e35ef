"""The pytest plugin, as a project that uses it sees it: files of tests that pytest runs, and what it says."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from mock_server.cli import main
from mock_server.client import Server
from mock_server.fixtures.library import bundled
from mock_server.pytest_plugin.options import OPTIONS
from tests.support import running_server

pytest_plugins = ["pytester"]

HOME = str(Path.home())
ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "pytest.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
UNMATCHED = (
    "GET /api/v1/account/119631/dosiers: the API has no path *; did you mean GET *dossiers (listDossiers)?"
)

Run = Callable[..., pytest.RunResult]

# A test that imports a reference, waits on the sandbox's clock, and holds the outcome against this one.
IMPORTS = """
def imported(sandbox):
    api, dossiers = sandbox.session(), f"{sandbox.base_url}/account/119631/dossiers"
    order = {"companyIdType": "CIT001", "companyIdValue": "99050000100013", "dossierReference": "PO-1"}
    process_id = api.post(dossiers, json=order).json()["content"]["processId"]
    sandbox.clock.advance(seconds=1)
    return api.get(f"{dossiers}/process/{process_id}").json()["content"]["success"]
"""
SEARCHES = """
def test_search(dossiers_sandbox):
    api = dossiers_sandbox.session()
    assert api.get(f"{dossiers_sandbox.base_url}/account/119631/dossiers").status_code == 200
"""
MEETS_NOTHING = """
def test_path(dossiers_sandbox):
    api = dossiers_sandbox.session()
    answer = api.get(f"{dossiers_sandbox.base_url}/account/119631/dosiers")
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a file of tests with our plugin alone: `run(text, "-k", "search", settings={...})`."""
    monkeypatch.setenv("HOME", HOME)  # where the key of tokens is
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(text: str, *arguments: str, settings: dict[str, object] | None = None) -> pytest.RunResult:
        if settings is not None:
            fixture = f"def dossiers_settings():\n    return {settings!r}\n"
            pytester.makeconftest(f'import pytest\n\n@pytest.fixture(scope="session")\n{fixture}')
        pytester.makepyfile(text)
        return pytester.runpytest("-p", "mock_server.pytest_plugin", *arguments)

    return run


@pytest.fixture(scope="module")
def outside() -> Iterator[str]:
    """A server that runs already, with a control token."""
    with running_server("--control-token", "open-sesame", "--dialect", "edge") as (url, _):
        yield url


def output(result: pytest.RunResult) -> str:
    return result.stdout.str()


def test_the_example_of_the_readme_passes(run: Run) -> None:
    [example] = re.findall(r"```python\n(# test_\w+\.py\n.*?)```", README, re.DOTALL)

    run(example).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "example", [block for block in BLOCKS if block.startswith("# test_")], ids=lambda _: ""
)
def test_the_examples_of_the_page_pass(run: Run, example: str) -> None:
    run(example).assert_outcomes(passed=1)


FAILS = """
import pytest

@pytest.mark.dossiers_scenario("duplicate-reference-on-import")
@pytest.mark.parametrize("reference", ["PO/1"])
def test_import(dossiers_sandbox, reference):
    sandbox = dossiers_sandbox
    sandbox.dossier(siret="99050000100013", dossier_reference=reference)
    api, dossiers = sandbox.session(), f"{sandbox.base_url}/account/119631/dossiers"
    order = {"companyIdType": "CIT001", "companyIdValue": "99050000100013", "dossierReference": reference}
    process_id = api.post(dossiers, json=order).json()["content"]["processId"]
    assert api.get(f"{dossiers}/process/{process_id}").json()["content"]["success"]
"""


def test_a_failed_test_without_a_request_or_a_folder_has_no_scenario(
    run: Run, pytester: pytest.Pytester
) -> None:
    (pytester.path / "file").touch()
    without = "def test_one(dossiers_sandbox):\n    assert False\n"
    with_one = "def test_two(dossiers_sandbox):\n    assert not dossiers_sandbox.token()\n"

    result = run(without + with_one, "--dossiers-export", "file/failed")

    result.assert_outcomes(failed=2)
    assert output(result).count("the client made no request") == 1
    assert output(result).count("no scenario was exported") == 1
    assert "no scenario was exported: [Errno 20] Not a directory: 'file/failed'" in output(result)


def test_a_failed_test_has_a_scenario_that_gets_the_same_answers(
    run: Run, pytester: pytest.Pytester, server: str
) -> None:
    result = run(FAILS, "--dossiers-export", "failed/scenarios", settings={"import_duration": "0"})

    result.assert_outcomes(failed=1)
    [path] = (pytester.path / "failed" / "scenarios").iterdir()
    assert f"these requests as a scenario: failed/scenarios/{path.name}" in output(result)
    assert path.name.startswith(
        "test-a-failed-test-has-a-scenario-that-gets-the-same-answers-py-test-import-po"
    )
    played = CliRunner().invoke(main, ["scenarios", "run", str(path), "--base-url", server])
    assert played.exit_code == 0, played.output
    text = path.read_text(encoding="utf-8")
    assert "refused: [E202]" in text
    path.write_text(text.replace("PO/1", "PO/2", 1), encoding="utf-8")
    changed = CliRunner().invoke(main, ["scenarios", "run", str(path), "--base-url", server])
    assert "+ refused: []" in changed.output


def test_a_test_that_passes_is_not_exported(run: Run, pytester: pytest.Pytester) -> None:
    run(SEARCHES, "--dossiers-export", "failed").assert_outcomes(passed=1)

    assert not (pytester.path / "failed").exists()


def test_the_settings_of_the_page_are_taken(run: Run, pytester: pytest.Pytester) -> None:
    [conftest] = [block for block in BLOCKS if block.startswith("# conftest.py")]
    pytester.makeconftest(conftest)

    result = run("""
        import pytest

        def test_only_declared_users_log_in(dossiers_sandbox):
            with pytest.raises(Exception, match="stranger"):
                dossiers_sandbox.token(username="stranger")
    """)

    result.assert_outcomes(passed=1)


def test_the_client_of_the_page_does_without_pytest(server: str) -> None:
    [program] = [block for block in BLOCKS if block.startswith("from mock_server.client ")]
    said = "print(sandbox.clock.now())"

    ran = subprocess.run(
        [sys.executable, "-c", program.replace("http://127.0.0.1:8080", server) + said],
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout == "2030-12-31 23:00:00+00:00\n"


def test_the_options_are_those_of_the_page() -> None:
    rows = re.findall(r"^\| `(--dossiers\S*)` \| `(\S+)` \| `(\S+)` \|", PAGE, re.MULTILINE)

    assert rows == [(option.flag, option.variable, option.name) for option in OPTIONS]


def test_tests_that_import_one_reference_are_apart(run: Run) -> None:
    tests = "".join(
        f"\ndef test_{name}(dossiers_sandbox):\n    assert imported(dossiers_sandbox)\n" for name in "abc"
    )
    twice = "[imported(dossiers_sandbox) for _ in '12']"
    again = f"\ndef test_d(dossiers_sandbox):\n    assert {twice} == [True, False]"

    run(IMPORTS + tests + again).assert_outcomes(passed=4)


def test_the_sandbox_of_a_test_is_gone_after_it(run: Run) -> None:
    result = run("""
        def test_uses_one(dossiers_sandbox, dossiers_server):
            dossiers_sandbox.clock.freeze()
            assert dossiers_sandbox.name in dossiers_server.sandboxes()
            assert dossiers_sandbox.name.startswith("test_uses_one-")

        def test_uses_none(dossiers_sandbox, dossiers_server):
            assert dossiers_server.sandboxes() == ["default"]
    """)

    result.assert_outcomes(passed=2)


def test_a_report_of_many_requests_has_the_last_fifty(run: Run) -> None:
    result = run("""
        def test_many(dossiers_sandbox):
            session = dossiers_sandbox.session()
            for _ in range(52):
                session.get(f"{dossiers_sandbox.base_url}/account")
            assert False

        def test_fifty(dossiers_sandbox):
            session = dossiers_sandbox.session()
            for length in (300, 301):
                session.post(f"{dossiers_sandbox.base_url}/account/119631/dossiers", data="x" * length)
            for _ in range(47):
                session.get(f"{dossiers_sandbox.base_url}/account")
            assert False
    """)

    result.stdout.fnmatch_lines(
        [
            "*- sandbox test_many-*",
            "... 3 earlier ones",
            "  4 listAccounts GET *",
            "*- sandbox test_fifty-*",
            "  1 getToken *",
            f"      sent      {'x' * 300}",
            f"      sent      {'x' * 300}...",
            " 50 listAccounts GET *",
        ]
    )
    assert output(result).count("earlier ones") == 1


def test_a_client_that_does_so_in_a_teardown_fails_its_test_as_well(run: Run) -> None:
    result = run("""
        import pytest

        @pytest.fixture
        def client(dossiers_sandbox):
            yield
            dossiers_sandbox.session().get(f"{dossiers_sandbox.base_url}/account/119631/dosiers")

        def test_teardown(client):
            pass

        @pytest.mark.dossiers_unmatched("ignore")
        def test_ignored(client):
            pass
    """)

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_teardown*", UNMATCHED])


@pytest.mark.parametrize(
    ("head", "arguments", "environment", "ini"),
    [
        ("", ["--dossiers-unmatched=ignore"], None, ""),
        ("", [], "ignore", ""),
        ("", [], None, "ignore"),
        ("", ["--dossiers-unmatched=ignore"], "fail", "fail"),
        ("", [], "ignore", "fail"),
        ('import pytest\npytestmark = pytest.mark.dossiers_unmatched("ignore")\n', [], None, ""),
    ],
    ids=["flag", "environment", "ini", "flag-first", "environment-before-ini", "mark"],
)
def test_such_a_path_can_be_ignored(
    run: Run,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    head: str,
    arguments: list[str],
    environment: str | None,
    ini: str,
) -> None:
    if environment:
        monkeypatch.setenv("DOSSIERS_UNMATCHED", environment)
    if ini:
        pytester.makeini(f"[pytest]\ndossiers_unmatched = {ini}")

    run(head + MEETS_NOTHING, *arguments).assert_outcomes(passed=1)


def test_a_mark_of_a_test_beats_the_option(run: Run) -> None:
    mark = 'import pytest\n\n@pytest.mark.dossiers_unmatched("fail")'

    run(mark + MEETS_NOTHING, "--dossiers-unmatched=ignore").assert_outcomes(failed=1)


@pytest.mark.parametrize("name", ["outage-of-three-calls", "flaky.yaml", "stories/flaky.yaml"])
def test_the_scenario_of_the_mark_plays(run: Run, pytester: pytest.Pytester, name: str) -> None:
    found = bundled("scenarios") / "outage-of-three-calls.yaml"
    for path in (pytester.path / "flaky.yaml", pytester.path / "stories" / "flaky.yaml"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(found.read_bytes())

    result = run(f"""
        import pytest

        @pytest.mark.dossiers_scenario({name!r})
        def test_outage(dossiers_sandbox):
            api, account = dossiers_sandbox.session(), f"{{dossiers_sandbox.base_url}}/account/119631"
            assert [api.get(f"{{account}}/dossiers").status_code for _ in range(4)] == [503, 503, 503, 200]

        def test_none(dossiers_sandbox):
            assert dossiers_sandbox.rules() == []
    """)

    result.assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("mark", "sentence"),
    [
        ('dossiers_scenario("outage-of-four-calls")', "*outage-of-four-calls*"),
        (
            'dossiers_scenario("nowhere.yaml")',
            "*dossiers_scenario('nowhere.yaml'): *No such file*nowhere.yaml*",
        ),
        ("dossiers_scenario()", "*dossiers_scenario(): give the name, or the file, of one scenario"),
        (
            "dossiers_unmatched('pass')",
            "*dossiers_unmatched of test_marked: 'pass' is not one of fail, ignore",
        ),
        ("dossiers_unmatched()", "*dossiers_unmatched of test_marked: 'nothing' is not one of fail, ignore"),
        (
            "dossiers_unmatched('fail', 'ignore')",
            "*dossiers_unmatched of test_marked: 'fail, ignore' is not one of fail, ignore",
        ),
    ],
)
def test_an_error_in_a_mark_is_one_sentence(run: Run, mark: str, sentence: str) -> None:
    result = run(f"import pytest\n\n@pytest.mark.{mark}\ndef test_marked(dossiers_sandbox):\n    pass")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([sentence])
    assert "Traceback" not in output(result)
    assert "pytest_plugin" not in re.sub(r"(?m)^plugins:.*$", "", output(result))


def test_a_mark_on_a_test_without_the_fixture_is_an_error(run: Run) -> None:
    result = run(
        'import pytest\n\n@pytest.mark.dossiers_scenario("outage-of-three-calls")\ndef test_it(): ...'
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["test_it is marked dossiers_scenario, and does not use the fixture dossiers_sandbox"]
    )


def test_the_marks_are_registered(run: Run) -> None:
    result = run("", "--markers")

    result.stdout.fnmatch_lines(
        ["@pytest.mark.dossiers_scenario(name): *", "@pytest.mark.dossiers_unmatched(*): *"]
    )


def test_a_fixture_has_the_settings_of_the_server(run: Run) -> None:
    result = run(
        """
        def test_edge(dossiers_sandbox, dossiers_server):
            assert dossiers_server.health()["dialect"] == "edge"
            assert dossiers_server.control_token == "secret"
            assert dossiers_sandbox.variants()["refusals"] == "result"
        """,
        settings={"dialect": "edge", "variants": "refusals=result", "control_token": "secret"},
    )

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"dialct": "edge"}, "dossiers_settings: there is no 'dialct'; did you mean 'dialect'?"),
        ({"port": "80"}, "dossiers_settings: there is no 'port'; *"),
        ({"import_duration": "soon"}, "dossiers_settings: import_duration: *'soon'*"),
        ({"dialect": "soap"}, "dossiers_settings: dialect: *"),
        ({"fixture": "nowhere"}, "dossiers_settings: *nowhere*"),
    ],
)
def test_an_error_in_the_settings_is_one_sentence(
    run: Run, settings: dict[str, object], sentence: str
) -> None:
    result = run("def test_it(dossiers_sandbox): ...", settings=settings)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([sentence])
    assert "Traceback" not in output(result)


@pytest.mark.parametrize("way", ["flag", "environment", "ini"])
def test_tests_can_use_a_server_that_runs_already(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, outside: str, way: str
) -> None:
    arguments: list[str] = []
    if way == "flag":
        arguments = [f"--dossiers-sandbox-url={outside}", "--dossiers-control-token=open-sesame"]
    elif way == "environment":
        monkeypatch.setenv("DOSSIERS_SANDBOX_URL", f"{outside}/rest/api/v1")
        monkeypatch.setenv("DOSSIERS_CONTROL_TOKEN", "open-sesame")
    else:
        pytester.makeini(f"[pytest]\ndossiers_sandbox_url = {outside}\ndossiers_control_token = open-sesame")

    result = run(
        f"""
        def test_outside(dossiers_sandbox, dossiers_server):
            assert dossiers_sandbox.base_url == "{outside}/api/v1"
            assert dossiers_server.health()["dialect"] == "edge"
            assert dossiers_sandbox.session().get(f"{{dossiers_sandbox.base_url}}/account").status_code == 200
        {MEETS_NOTHING.replace(chr(10), chr(10) + "        ")}
        """,
        *arguments,
    )

    result.assert_outcomes(passed=1, failed=1)
    left = requests.get(
        f"{outside}/__admin/sandboxes", headers={"Authorization": "Bearer open-sesame"}, timeout=5
    ).json()
    assert [sandbox["name"] for sandbox in left["sandboxes"]] == ["default"]


@pytest.mark.parametrize(
    ("url", "token", "sentence"),
    [
        ("http://127.0.0.1:9", "", "--dossiers-sandbox-url http://127.0.0.1:9: *does not answer*"),
        ("OUTSIDE", "", "--dossiers-sandbox-url http*: *401*"),
        ("OUTSIDE", "wrong", "--dossiers-sandbox-url http*: *401*"),
        ("http://127.0.0.1:9", "a\tb", "--dossiers-sandbox-url http*: a control token is *"),
    ],
)
def test_a_wrong_server_or_token_is_one_sentence(
    run: Run, outside: str, url: str, token: str, sentence: str
) -> None:
    url = url.replace("OUTSIDE", outside)

    result = run(
        "def test_it(dossiers_sandbox): ...",
        f"--dossiers-sandbox-url={url}",
        *([f"--dossiers-control-token={token}"] if token else []),
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([sentence])
    assert "Traceback" not in output(result)


def test_workers_share_references_and_nothing_else(run: Run) -> None:
    tests = "\n\n".join(
        f"def test_{number}(dossiers_sandbox):\n    assert imported(dossiers_sandbox)" for number in range(6)
    )

    result = run(f"{IMPORTS}\n\n{tests}", "-p", "xdist.plugin", "-n", "2")

    result.assert_outcomes(passed=6)


def test_a_run_without_the_fixture_imports_nothing(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile("def test_it(): ...")
    pytester.makeconftest("""
        import sys

        def pytest_unconfigure():
            print("imported:", *sorted(name for name in sys.modules if name.startswith("mock_server")))
            print("flask:", "flask" in sys.modules)
    """)

    result = pytester.runpytest_subprocess("-p", "mock_server.pytest_plugin")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["imported: mock_server mock_server.pytest_plugin mock_server.pytest_plugin.options", "flask: False"]
    )


# Ten tests, of which one freezes time, one blocks sockets, one has a fake file system and one fails.
TEN_TESTS = """
import socket
import pytest
from freezegun import freeze_time

def search(sandbox):
    answer = sandbox.session().get(f"{sandbox.base_url}/account/119631/dossiers")
    assert answer.status_code == 200, answer.text

@freeze_time("2026-03-02 09:00:00")
def test_frozen(dossiers_sandbox):
    assert imported(dossiers_sandbox)

def test_blocked(dossiers_sandbox):
    import pytest_socket
    pytest_socket.disable_socket()
    dossiers_sandbox.clock.now()

def test_fake_files(dossiers_sandbox, fs):
    assert imported(dossiers_sandbox)
    search(dossiers_sandbox)

def test_wrong(dossiers_sandbox):
    assert not imported(dossiers_sandbox)

@pytest.mark.parametrize("number", range(5))
def test_plain(dossiers_sandbox, number):
    assert imported(dossiers_sandbox)
    search(dossiers_sandbox)

def test_of_today(dossiers_sandbox):
    import time
    assert abs(dossiers_sandbox.clock.now().timestamp() - time.time()) < 600
"""
REVERSED = "def pytest_collection_modifyitems(items):\n    items.reverse()\n"


@pytest.mark.parametrize(
    ("conftest", "workers"),
    [("", []), (REVERSED, []), ("", ["-p", "xdist.plugin", "-n", "2"])],
    ids=["in order", "reversed", "xdist"],
)
def test_a_test_that_changes_its_process_changes_no_other_test(
    monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester, conftest: str, workers: list[str]
) -> None:
    plugins = {"pytest_socket": "pytest_socket", "pyfakefs": "pyfakefs.pytest_plugin", "freezegun": ""}
    for module in plugins:
        pytest.importorskip(module)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(conftest)
    pytester.makepyfile(IMPORTS + TEN_TESTS)
    loaded = [part for plugin in plugins.values() if plugin for part in ("-p", plugin)]

    result = pytester.runpytest_subprocess("-p", "mock_server.pytest_plugin", *loaded, *workers)

    result.assert_outcomes(passed=8, failed=2)
    result.stdout.fnmatch_lines_random(
        [
            "*could not be reached: sockets are blocked in this test (SocketBlockedError: *",
            "FAILED *::test_blocked*",
            "FAILED *::test_wrong*",
        ]
    )
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


def test_a_test_without_a_call_after_it_blocked_sockets_passes(run: Run) -> None:
    blocked = """
def test_blocked(dossiers_sandbox, monkeypatch):
    import socket
    def fail(*_):
        raise RuntimeError("blocked")
    monkeypatch.setattr(socket, "getaddrinfo", fail)
"""

    run(blocked + SEARCHES).assert_outcomes(passed=2)


def test_an_unknown_path_before_sockets_were_blocked_is_reported(run: Run) -> None:
    blocks = """
    import socket
    def fail(*_):
        raise RuntimeError("blocked")
    monkeypatch.setattr(socket, "getaddrinfo", fail)
"""
    text = MEETS_NOTHING.replace("(dossiers_sandbox)", "(dossiers_sandbox, monkeypatch)") + blocks

    result = run(text)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([UNMATCHED])


def test_a_test_whose_sandbox_cannot_be_reached_fails_with_one_sentence(run: Run) -> None:
    result = run("""
        import pytest, socket

        @pytest.fixture(autouse=True)
        def blocked(dossiers_server, monkeypatch):
            def fail(*_):
                raise RuntimeError("blocked")
            monkeypatch.setattr(socket, "socket", fail)

        def test_it(blocked, dossiers_sandbox): ...
    """)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["the sandbox at http* could not be reached: sockets are blocked in this test *"]
    )
    assert "sandbox.py" not in output(result)


def test_gevent_works(monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester) -> None:
    pytest.importorskip("gevent")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest("from gevent import monkey\nmonkey.patch_all()\n")
    pytester.makepyfile(SEARCHES)

    result = pytester.runpytest_subprocess("-p", "mock_server.pytest_plugin", "-W", "ignore", timeout=60)

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("choice", ["yes", "no"])
def test_the_sandbox_of_a_failed_test_stays_on_a_running_server(run: Run, outside: str, choice: str) -> None:
    shared = [f"--dossiers-sandbox-url={outside}", "--dossiers-control-token=open-sesame"]

    result = run(
        IMPORTS
        + f"\ndef test_{choice}(dossiers_sandbox):\n    assert not imported(dossiers_sandbox)"
        + SEARCHES,
        *shared,
        f"--dossiers-keep-failed={choice}",
    )

    result.assert_outcomes(failed=1, passed=1)
    line = f"this sandbox is kept: {outside}/__admin/ui#/requests[?]sandbox=test_{choice}-*"
    result.stdout.fnmatch_lines(
        [line if choice == "yes" else "this sandbox is deleted; --dossiers-keep-failed=yes keeps it *"]
    )
    server = Server(outside, "open-sesame")
    kept = [name for name in server.sandboxes() if name.startswith(f"test_{choice}-")]
    assert len(kept) == (1 if choice == "yes" else 0)
    for name in kept:
        server.sandbox(name).drop()


PRINTS_URL = """
def test_prints(dossiers_server):
    import pathlib
    pathlib.Path("url").write_text(dossiers_server.url)
"""


def does_not_answer(url: str) -> bool:
    """Whether the server of this URL ends within ten seconds."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            requests.get(f"{url}/__admin/health", timeout=5)
        except requests.ConnectionError:
            return True
        time.sleep(0.05)
    return False


def test_the_server_has_ended_after_the_run(run: Run, pytester: pytest.Pytester) -> None:
    run(PRINTS_URL).assert_outcomes(passed=1)

    with pytest.raises(requests.ConnectionError):
        requests.get(f"{(pytester.path / 'url').read_text()}/__admin/health", timeout=5)


def test_the_server_ends_when_pytest_is_killed(
    monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    killed = PRINTS_URL + "    import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    pytester.makepyfile(killed)

    result = pytester.runpytest_subprocess("-p", "mock_server.pytest_plugin")

    assert result.ret == -signal.SIGKILL
    assert does_not_answer((pytester.path / "url").read_text())


IGNORED_INPUT = """
def test_search(dossiers_sandbox):
    api = dossiers_sandbox.session()
    status = api.get(f"{dossiers_sandbox.base_url}/account/119631/dossiers?pagesize=5").status_code
    print("mode:", dossiers_sandbox.strict())
    assert status in (200, 400)
"""
HINT = "GET /api/v1/account/119631/dossiers: query parameter 'pagesize' is not known to listDossiers*"


def test_strict_mode_fails_a_test_or_warns(run: Run) -> None:
    failed = run(IGNORED_INPUT, "--dossiers-strict=fail")
    warned = run(IGNORED_INPUT, "--dossiers-strict=warn", "-W", "default", "-rP")

    failed.assert_outcomes(failed=1)
    failed.stdout.fnmatch_lines([HINT, "mode: fail"])
    warned.assert_outcomes(passed=1, warnings=1)
    warned.stdout.fnmatch_lines([f"*PytestWarning: {HINT}", "mode: warn"])
    run(IGNORED_INPUT).assert_outcomes(passed=1)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_coverage_of_a_run_is_added_up_over_tests_and_workers(
    run: Run, pytester: pytest.Pytester, workers: str
) -> None:
    arguments = ["-p", "xdist.plugin", "-n", workers, "--dossiers-coverage=found.json"]
    two = SEARCHES + IMPORTS + "def test_import(dossiers_sandbox):\n    assert imported(dossiers_sandbox)\n"
    exclude = "--dossiers-coverage-exclude=E113: our accounts are active"

    passed = run(two, *arguments, "--dossiers-coverage-min=1", exclude)

    passed.assert_outcomes(passed=2)
    assert passed.ret == pytest.ExitCode.OK
    passed.stdout.fnmatch_lines(
        ["dossiers coverage: * items were reached: * %; 1 excluded. The minimum is 1 %."]
    )
    found = json.loads((pytester.path / "found.json").read_text(encoding="utf-8"))
    assert [found["kinds"]["operations"][name] for name in ("listDossiers", "importDossier")] == [1, 1]
    assert found["kinds"]["processes"]["import.succeeded"] == 1
    if workers == "0":
        assert run(two, *arguments, "--dossiers-coverage-min=90").ret == pytest.ExitCode.TESTS_FAILED
        assert run("def test_it(): ...", *arguments).ret == pytest.ExitCode.OK
