"""Faults of the machine: a killed server, a full disk, deleted files, a clock that is changed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mock_server import clock
from tests.sockets import HEALTH, Remote, address, connect, free_port, is_up, log_in
from tests.support import ACCOUNT, OPENID, SIRET, Api, content, run_at_once, running_server

resource = pytest.importorskip("resource")
FULL = Path("/dev/full")
limits = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits are set on Linux alone")
full = pytest.mark.skipif(not FULL.exists(), reason="this machine has no /dev/full")

RECIPE = f"version: 1\ninclude: [catalogue]\naccounts: [{{accountId: {ACCOUNT}}}]\n"
SCENARIO = """
version: 1
scenario: down
title: The API is down
rules:
  - {name: it is down, when: {operation: listAccounts}, then: {respond: {status: 503}}}
"""
FIXED = "version: 1\nscenario: down\ntitle: The API is up again\n"


def command(*arguments: str, output: Any = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "mock_server", *arguments]
    return subprocess.run(line, stdout=output, stderr=subprocess.PIPE, text=True, timeout=60, check=False)


def control_call_returns(url: str, path: str, wanted: Callable[[Any], bool]) -> bool:
    """Return whether a control call returns what is wanted within 10 s: changes of a file are seen late."""
    ends = time.monotonic() + 10
    while not wanted(requests.get(f"{url}/__admin{path}", timeout=5).json()):
        if time.monotonic() > ends:
            return False
        time.sleep(0.02)
    return True


# The end of the process


def asked_until_the_end(url: str, client: int, answered: Callable[[int], None]) -> list[str]:
    """The paths that were answered, asked one after the other until the connection ends."""
    connection = HTTPConnection(*address(url), timeout=20)
    paths: list[str] = []
    with suppress(OSError, HTTPException):
        while True:
            path = f"/nothing/{client}-{len(paths)}"
            connection.request("GET", path)
            connection.getresponse().read()
            paths.append(path)
            answered(len(paths))
    return paths


def test_every_request_that_was_taken_is_answered_when_the_server_gets_a_signal(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as errors:
        line = [sys.executable, "-m", "mock_server", "serve", "--port", "0"]
        process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    url = process.stdout.readline().split()[3]

    def one_ends_it(client: int) -> list[str]:
        def answered(number: int) -> None:
            if client == 0 and number == 20:
                process.send_signal(signal.SIGTERM)

        return asked_until_the_end(url, client, answered)

    answered = {path for paths in run_at_once(8, one_ends_it) for path in paths}
    process.stdout.close()

    assert process.wait(timeout=10) == 0
    taken = set(re.findall(r"GET (/nothing/\S+) 404", log.read_text(encoding="utf-8")))
    assert len(taken) > 20
    assert taken == answered


def test_a_server_that_was_killed_under_load_starts_again_on_its_port() -> None:
    with running_server() as (url, process):
        remote = Remote(url, "default")
        before = remote.get("/dossiers/all")
        body = {"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": "LOST"}
        assert remote.send("POST", "/dossiers", body).status_code == 200
        remote.control("POST", "/clock/advance", {"by": "PT1S"})
        assert len(remote.get("/dossiers/all")) == len(before) + 1

        def one_kills_it(client: int) -> list[str]:
            return asked_until_the_end(
                url, client, lambda number: process.kill() if (client, number) == (0, 20) else None
            )

        run_at_once(8, one_kills_it)
        assert process.wait(timeout=10) == -signal.SIGKILL

        with running_server("--port", str(address(url)[1])) as (again, _):
            found = Remote(again, "default").get("/dossiers/all")

    assert again == url
    assert [row["dossierReference"] for row in found] == [row["dossierReference"] for row in before]


# Full disks


@full
@pytest.mark.parametrize(
    "arguments",
    [["--version"], ["--help"], ["openapi"], ["fixtures", "list"], ["fixtures", "show", "default"]],
    ids=" ".join,
)
def test_a_command_whose_output_cannot_be_written_ends_with_an_error_message(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for unbuffered in ("", "1"):
        monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
        with FULL.open("w") as output:
            found = command(*arguments, output=output)

        assert found.returncode == 1
        assert found.stderr == "Error: standard output: No space left on device\n"


@pytest.mark.parametrize(
    ("arguments", "closed"),
    [
        ("explain E202", ">&-"),
        ("scenarios run archived-dossier-update", "2>&-"),
        ("--version", "<&- >&- 2>&-"),
    ],
)
def test_a_command_runs_without_its_standard_streams(arguments: str, closed: str) -> None:
    line = f"{sys.executable} -m mock_server {arguments} {closed}"
    found = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, check=False)

    assert (found.returncode, found.stderr) == (0, "")


@full
def test_a_report_that_cannot_be_written_is_an_error() -> None:
    found = command("scenarios", "run", "archived-dossier-update", "--junit", str(FULL))

    assert found.returncode == 1
    assert "Error: --junit /dev/full: No space left on device\nSee: mock-server explain " in found.stderr


@full
def test_a_server_that_cannot_say_that_it_is_ready_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", "")
    port = free_port()
    line = [sys.executable, "-m", "mock_server", "serve", "--port", str(port)]
    with FULL.open("w") as output:
        process = subprocess.Popen(line, stdout=output, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    logged = [process.stderr.readline(), process.stderr.readline()]
    url = f"http://127.0.0.1:{port}"
    assert is_up(url)
    process.terminate()

    ready = f"mock-server ready on {url} (dashboard: {url}/__admin/ui)"
    assert f"{ready}; standard output: No space left on device\n" in logged
    assert "Traceback" not in process.communicate(timeout=10)[1]
    assert process.returncode == 0


@full
def test_a_server_whose_log_cannot_be_written_serves() -> None:
    line = [sys.executable, "-m", "mock_server", "serve", "--port", "0"]
    with FULL.open("w") as errors:
        process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    url = process.stdout.readline().split()[3]

    served = [is_up(url) for _ in range(5)]
    process.terminate()
    process.stdout.close()

    assert served == [True] * 5
    assert process.wait(timeout=10) == 0


@limits
def test_a_state_file_that_does_not_fit_on_the_disk_leaves_the_previous_one_unchanged(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_bytes(b"{}")
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))\n"
        "from mock_server.cli import main; main()"
    )

    found = subprocess.run(
        [sys.executable, "-c", script, "fixtures", "generate", "default", "--out", str(state)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert found.returncode == 1
    assert found.stderr.startswith(f"Error: {state}: File too large\nSee: mock-server explain ")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("state.json", b"{}")]


@limits
def test_a_server_that_cannot_keep_its_key_issues_tokens_and_leaves_no_partial_file(tmp_path: Path) -> None:
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "from mock_server.cli import main; main()"
    )
    line = [sys.executable, "-c", script, "serve", "--port", "0"]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    with subprocess.Popen(line, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[3]

        granted = log_in(url)

        assert requests.get(f"{url}/api/v1/account", headers=granted, timeout=5).status_code == 200
        process.terminate()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


# Files that go, or cannot be read


def test_a_new_sandbox_still_starts_from_a_deleted_recipe(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(RECIPE, encoding="utf-8")
    with running_server("--fixture", str(recipe)) as (url, _):
        recipe.unlink()

        remote = Remote(url, "later")

        assert remote.get("/dossiers") == []
        assert remote.control("POST", "/reset")


def test_a_deleted_recipe_of_the_folder_is_unknown(
    make_server_api: Callable[..., Api], tmp_path: Path
) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(RECIPE, encoding="utf-8")
    api = make_server_api(fixtures_dir=tmp_path)
    recipe.unlink()

    answer = api.client.put("/__admin/fixture", json={"name": "mine"})

    assert answer.status_code == 400
    assert "there is no recipe 'mine'" in answer.text


def test_a_deleted_folder_has_no_recipes(make_server_api: Callable[..., Api], tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    api = make_server_api(fixtures_dir=folder, scenarios_dir=folder)
    folder.rmdir()

    assert api.client.get("/__admin/scenarios").status_code == 200
    assert api.client.put("/__admin/scenario", json={"name": "mine"}).status_code == 400
    assert api.client.put("/__admin/fixture", json={"name": "mine"}).status_code == 400
    assert api.client.put("/__admin/scenario", json={"name": "wire-connection-reset"}).status_code == 200


def test_a_deleted_signing_key_still_signs(make_server_api: Callable[..., Api], tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    api = make_server_api(signing_key=path)
    path.unlink()

    assert content(api.get("/dossiers"))
    assert api.client.get(f"{OPENID}/certs").status_code == 200


def test_a_scenario_whose_watched_file_is_deleted_stays_active_and_the_file_may_come_back(
    tmp_path: Path,
) -> None:
    path = tmp_path / "down.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    with running_server("--watch", "--scenario", str(path)) as (url, _):
        path.unlink()
        assert requests.get(f"{url}/__admin/rules", timeout=5).json()["rules"] != []

        path.write_text(FIXED, encoding="utf-8")

        assert control_call_returns(url, "/rules", lambda found: found["rules"] == [])


def test_a_scenario_whose_file_becomes_unreadable_is_reported_and_stays_active(tmp_path: Path) -> None:
    path = tmp_path / "down.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    with running_server("--watch", "--scenario", str(path)) as (url, process):
        path.write_bytes(b"\xff\xfe")
        assert process.stderr is not None
        logged = process.stderr.readline()

        rules = requests.get(f"{url}/__admin/rules", timeout=5).json()["rules"]

    assert str(path) in logged
    assert "the version before it stays in use" in logged
    assert rules != []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_the_error_of_a_recipe_that_may_not_be_read_names_its_path(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(RECIPE, encoding="utf-8")
    recipe.chmod(0)

    found = command("serve", "--port", "0", "--fixture", str(recipe))

    assert (found.returncode, found.stderr) == (1, f"Error: {recipe}: Permission denied\n")


# No file descriptors left


@limits
def test_a_server_without_file_descriptors_left_serves_when_some_are_free_again() -> None:
    with running_server() as (url, process):
        assert is_up(url)
        used = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (used + 5, used + 5))
        clients = [connect(url) for _ in range(20)]
        with pytest.raises(requests.ReadTimeout):
            requests.get(f"{url}{HEALTH}", timeout=0.3)

        for client in clients:
            client.close()

        assert is_up(url)


# The machine's clock


class Time:
    """The machine's time and what has really passed, as a test sets them."""

    def __init__(self) -> None:
        self.shown = datetime(2031, 5, 2, 10, tzinfo=UTC).timestamp()
        self.passed = 1000.0

    def passes(self, seconds: float) -> None:
        self.shown += seconds
        self.passed += seconds

    def jumps(self, seconds: float) -> None:
        self.shown += seconds


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The machine's time, to be turned; sandboxes made from now on go by it."""
    found = Time()
    monkeypatch.setattr(clock, "time", lambda: found.shown)
    monkeypatch.setattr(clock, "monotonic", lambda: found.passed)
    monkeypatch.setattr(clock, "_monotonic_clock", clock.MonotonicClock())
    return found


@pytest.fixture
def running(make_server_api: Callable[..., Api], machine: Time) -> Api:
    """An api in a sandbox whose clock runs with the machine's."""
    assert machine.passed
    api = make_server_api()
    api.control("PUT", "/clock", {"frozen": False})
    return api


def now(api: Api) -> datetime:
    return datetime.fromisoformat(api.control("GET", "/clock")["now"])


def test_time_continues_from_that_of_another_server_if_it_is_later(machine: Time) -> None:
    start = clock.monotonic_now()

    def passed() -> float:
        return round((clock.monotonic_now() - start).total_seconds(), 3)

    for ahead, expected in ((0.01, 0.01), (5, 5), (5, 5), (-5, 5), (7, 7)):
        clock.continue_from(start + timedelta(seconds=ahead))
        assert passed() == expected
    machine.passes(1)
    assert passed() == 8
    machine.jumps(-60)
    machine.passes(1)
    assert passed() == 9


@pytest.mark.parametrize("back", [1, 3600, 400 * 86400], ids=["a second", "an hour", "a year"])
def test_an_import_ends_though_the_machine_s_clock_was_set_back(
    running: Api, machine: Time, back: int
) -> None:
    process = running.launch()

    machine.jumps(-back)
    machine.passes(1)

    assert running.process(process)["complete"]


def test_a_sandbox_s_clock_never_goes_back(running: Api, machine: Time) -> None:
    seen = [now(running)]
    for jump in (-3600, 60, -1, 7200, -86400):
        machine.jumps(jump)
        machine.passes(0.1)
        seen.append(now(running))

    assert seen == sorted(seen)
    assert (seen[-1] - seen[0]).total_seconds() == pytest.approx(60 + 7200 + 0.5, abs=0.01)


def test_what_is_due_happens_when_the_machine_s_clock_is_set_forward(running: Api, machine: Time) -> None:
    process = running.launch(expirationDate="2031-05-05")
    machine.passes(1)
    assert running.process(process)["success"]

    machine.jumps(10 * 86400)
    running.__dict__.pop("token")  # it has ended by then

    (dossier,) = content(running.get("/dossiers", siret=SIRET))
    assert (dossier["stoppingReason"], dossier["stoppingDate"]) == ("EXPIRATION", "2031-05-05T00:00:00.000")


def test_a_token_expires_by_the_machine_s_clock(running: Api, machine: Time) -> None:
    # Its client holds `exp` against its own clock, which jumps as well.
    assert running.get("/dossiers").status_code == 200

    machine.jumps(-3600)
    assert running.get("/dossiers").status_code == 200

    machine.jumps(3600 + 31 * 60)
    assert running.get("/dossiers").status_code == 401
    running.__dict__.pop("token")
    assert running.get("/dossiers").status_code == 200
