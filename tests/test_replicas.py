"""`--state redis://...`: several servers share one set of sandboxes. With a real engine and real servers."""

from __future__ import annotations

import asyncio
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count, cycle
from pathlib import Path
from statistics import quantiles
from threading import Thread, Timer
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis.stateful import run_state_machine_as_test

from mock_server.delivery import WIRE_FAULTS
from mock_server.fixtures.library import bundled
from mock_server.input_errors import StateFileError
from mock_server.sandbox import replicas
from mock_server.sandbox.engine import check_client_library
from mock_server.sandbox.transactions import Turns
from mock_server.scenarios.files import read_scenario
from mock_server.scenarios.report import failure_lines
from mock_server.scenarios.runner import plan_runs, run_scenario
from mock_server.scenarios.target import find_target
from tests.engine import NEEDS_ENGINE, LocalReplica, Proxy, RedisServer, running_engine
from tests.naive_api import BEGINNING, write_recipe
from tests.processes import Process
from tests.properties import example_count
from tests.sockets import DOSSIER, Remote, connect, free_port, request, statuses
from tests.support import SIRET, TOKEN_URL, run_at_once, running_server
from tests.test_against_the_naive_api import AnyCalls
from tests.test_serial_orders import Step, at_random, check_serial_order, login, plans
from tests.wire_api import Send

pytestmark = NEEDS_ENGINE

REPLICAS = 3
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
IMPORT = {"companyIdType": "CIT001", "companyIdValue": SIRET}
ENTRIES_PER_CHECKPOINT = 1_000

SENSITIVE = {"token-lives-thirty-minutes", "strict-mode-warnings"}
"""The scenarios that need more of what replicas share than commands: when a token was issued, polls."""

_names = (f"shared{number}" for number in count(1))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """An engine that always answers."""
    with running_engine(tmp_path_factory.mktemp("engine")) as running:
        yield running


@contextmanager
def running_replicas(url: str, number: int = REPLICAS, *options: str) -> Iterator[list[str]]:
    with ExitStack() as stack:
        first, *others = [running_server("--state", url, *options) for _ in range(number)]
        started = [stack.enter_context(first)]  # alone: it may start the fork server
        with ThreadPoolExecutor() as pool:
            started += pool.map(stack.enter_context, others)
        yield [url for url, _ in started]


@pytest.fixture(scope="module")
def urls(engine: RedisServer) -> Iterator[list[str]]:
    """The base URLs of the replicas."""
    with running_replicas(engine.url) as started:
        yield started


class Clients:
    """One user of one sandbox, with a client at each replica. The token is that of the first one."""

    def __init__(self, urls: list[str], sandbox: str | None = None) -> None:
        self.sandbox = sandbox or next(_names)
        self.remotes = [Remote(url, self.sandbox) for url in urls]
        for remote in self.remotes[1:]:
            remote.headers = self.remotes[0].headers

    def all(self, call: Callable[[Remote], Any]) -> list[Any]:
        """What each replica answers, one after the other."""
        return [call(remote) for remote in self.remotes]


@pytest.fixture
def clients(urls: list[str]) -> Clients:
    return Clients(urls)


def same(answers: list[Any]) -> Any:
    """The answer of all replicas, which is the same."""
    assert answers == [answers[0]] * len(answers)
    return answers[0]


def launch(remote: Remote, reference: str) -> str:
    answer = remote.send("POST", "/dossiers", IMPORT | {"dossierReference": reference})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["content"]["processId"])


def references(remote: Remote) -> list[str]:
    found = remote.get(f"/dossiers?siret={SIRET}&pageSize=100")
    return sorted(each["dossierReference"] for each in found)


def test_a_turn_passes_to_the_first_that_still_waits() -> None:
    turns, order = Turns(), list[str]()

    async def use(name: str) -> None:
        await turns.take("sandbox")
        order.append(name)

    async def run() -> list[bool]:
        await use("first")
        waiting = [asyncio.create_task(use(name)) for name in ("second", "third", "fourth", "fifth")]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        turns.give("sandbox")
        waiting[1].cancel()  # it has the turn, and does not know it yet
        await asyncio.wait(waiting, return_when="FIRST_COMPLETED")
        await asyncio.sleep(0)
        assert (order, turns.is_taken("sandbox")) == (["first", "fourth"], True)
        turns.give("sandbox")
        await asyncio.wait(waiting)
        turns.give("sandbox")
        return [each.cancelled() for each in waiting]

    assert asyncio.run(run()) == [True, True, False, False]
    assert (order, turns.is_taken("sandbox")) == (["first", "fourth", "fifth"], False)


# What one replica answered, the others know


def test_each_replica_continues_what_another_one_did(clients: Clients) -> None:
    first, second, third = clients.remotes
    first.control("PUT", "/clock", {"now": "2031-01-01T10:00:00"})
    process_id = launch(second, "SHARED")
    third.control("POST", "/clock/advance", {"by": "PT1S"})

    assert same(clients.all(lambda each: each.get(f"/dossiers/process/{process_id}")["success"])) is True
    [dossier_id] = [each["dossierId"] for each in first.get(f"/dossiers?siret={SIRET}&reference=SHARED")]
    assert third.send("POST", f"/dossiers/{dossier_id}/stop").status_code == 200
    stopped = clients.all(lambda each: each.send("POST", f"/dossiers/{dossier_id}/stop").status_code)
    assert same(stopped) == 400


def test_each_replica_lists_the_sandboxes_of_all(clients: Clients) -> None:
    first, *others = clients.remotes
    launch(first, "LISTED")

    for remote in others:
        listed = remote.control("GET", "/sandboxes")["sandboxes"]
        [latest] = [each["latestRequest"] for each in listed if each["name"] == clients.sandbox]
        assert latest == 2


def test_journal_history_coverage_verification_and_clock_are_shared(clients: Clients) -> None:
    for remote in clients.remotes:
        remote.control("PUT", "/clock", {"now": "2031-01-01T10:00:00"})
        launch(remote, "ONE")
        remote.send("GET", "/nothing")

    journal = same(clients.all(lambda each: each.control("GET", "/requests")))
    assert [row["number"] for row in journal["requests"]] == [*range(1, journal["total"] + 1)]
    assert journal["total"] == 1 + 2 * REPLICAS  # with the login
    history = same(clients.all(lambda each: each.control("GET", "/history")))
    assert [row["command"] for row in history["commands"]] == ["SetClock", "ImportDossier"] * REPLICAS
    assert same(clients.all(lambda each: each.control("GET", "/coverage")))["unmatched"] == REPLICAS
    expected = {"expectations": [{"request": {"operation": "importDossier"}, "count": REPLICAS}]}
    assert same(clients.all(lambda each: each.control("POST", "/verify", expected)["verified"]))
    same(clients.all(lambda each: each.control("GET", "/clock")))
    same(clients.all(lambda each: each.control("GET", "/state")))

    def kept() -> tuple[list[int], int]:
        found = same(clients.all(lambda each: each.control("GET", "/requests")))
        coverage = same(clients.all(lambda each: each.control("GET", "/coverage")))
        return [row["number"] for row in found["requests"]], coverage["unmatched"]

    first, second, _ = clients.remotes
    assert second.control("DELETE", "/requests")["removed"] == journal["total"]
    assert kept() == ([], REPLICAS)
    first.send("GET", "/nothing")
    assert kept() == ([journal["total"] + 1], REPLICAS + 1)
    first.control("POST", "/reset", {"only": ["journal"]})
    assert kept() == ([], 0)


def test_metrics_count_the_imports_of_all_replicas(clients: Clients) -> None:
    def ended() -> dict[str, float]:
        pages = [requests.get(f"{each.url}/__admin/metrics", timeout=10).text for each in clients.remotes]
        found = same([re.findall(r'imports_total{outcome="(\w+)"} ([\d.]+)', page) for page in pages])
        return {outcome: float(number) for outcome, number in found}

    first, second, third = clients.remotes
    first.control("PUT", "/clock", {"now": "2031-01-01T10:00:00"})
    ended()  # with those of the other sandboxes that are due
    before = ended()
    for remote in clients.remotes:
        launch(remote, "ONE")
    second.control("POST", "/clock/advance", {"by": "PT1S"})
    third.get("/dossiers/processes")

    after = ended()
    more = {outcome: after[outcome] - before.get(outcome, 0) for outcome in after}
    assert (more["succeeded"], more["E202"]) == (1, 2)


def test_rules_rate_limits_and_sessions_count_over_all_replicas(clients: Clients) -> None:
    first, second, third = clients.remotes
    first.set_rule({"respond": {"status": 503}}, times=2)
    assert [each.send("GET", DOSSIER).status_code for each in (second, third, first)] == [503, 503, 200]

    second.control("PUT", "/clock", {"now": "2031-01-01T10:00:00"})
    second.control("PUT", "/variants", {"rateLimit": "on"})
    asked = [
        remote.send("GET", "/dossiers?pageSize=1").status_code
        for remote, _ in zip(clients.remotes * 7, range(21), strict=True)
    ]
    assert asked == [200] * 20 + [429]

    form = {"grant_type": "password", "client_id": "ea-api-edge", "password": "demo"}
    form["username"] = f"api+{clients.sandbox}@example.com"
    token = requests.post(first.url + TOKEN_URL, data=form, timeout=10).json()["refresh_token"]
    given = {"client_id": "ea-api-edge", "refresh_token": token}
    logout = TOKEN_URL.removesuffix("token") + "logout"
    assert requests.post(second.url + logout, data=given, timeout=10).status_code == 204
    again = given | {"grant_type": "refresh_token"}
    assert requests.post(third.url + TOKEN_URL, data=again, timeout=10).status_code == 400


def test_snapshots_rewinds_forks_resets_and_deletions_reach_all_replicas(clients: Clients) -> None:
    first, second, third = clients.remotes
    first.control("POST", "/snapshots/before")
    first.control("PUT", "/clock", {"now": "2031-01-01T10:00:00"})
    launch(first, "A")
    first.control("POST", "/clock/advance", {"by": "PT1S"})
    before = same(clients.all(references))

    second.control("POST", "/snapshots/before/restore")
    assert "A" not in same(clients.all(references))
    command = third.control("GET", "/history")["last"]
    third.control("POST", "/rewind", {"beforeCommand": command})
    assert same(clients.all(references)) == before

    name = f"{clients.sandbox}-fork"
    first.control("POST", f"/sandboxes/{clients.sandbox}/fork", {"as": name})
    forked = Clients([remote.url for remote in clients.remotes], name)
    assert same(forked.all(references)) == before
    second.control("POST", "/reset", {})
    assert "A" not in same(clients.all(references))
    assert same(forked.all(references)) == before

    url = f"{third.url}/__admin/sandboxes/{forked.sandbox}"
    counted = logins(third.url)
    assert requests.delete(url, timeout=10).status_code == 204
    assert logins(third.url) == counted
    assert "A" not in same(forked.all(references))
    names = same(
        clients.all(lambda each: [row["name"] for row in each.control("GET", "/sandboxes")["sandboxes"]])
    )
    assert {clients.sandbox, forked.sandbox} <= set(names)


def logins(url: str) -> list[str]:
    """The lines of the metrics that count logins."""
    found = requests.get(f"{url}/__admin/metrics", timeout=10).text.splitlines()
    return [line for line in found if "requests_total{" in line and "getToken" in line]


RECIPE = {
    "version": 1,
    "title": "Two dossiers",
    "include": ["catalogue"],
    "accounts": [{"accountId": 119631, "requirements": ["ATT_VIGI"]}],
    "dossiers": [
        {"dossierId": number, "siret": SIRET, "dossierReference": f"OWN-{number}"} for number in (1, 2)
    ],
}


def test_fixtures_scenarios_and_states_that_one_replica_loads_are_used_by_all(clients: Clients) -> None:
    first, second, third = clients.remotes
    exported = first.control("GET", "/state")
    second.control("PUT", "/fixture", {"recipe": RECIPE})
    assert same(clients.all(references)) == ["OWN-1", "OWN-2"]
    third.control("PUT", "/scenario", {"name": "outage-that-flaps"})
    assert same(clients.all(lambda each: each.control("GET", "/rules")["rules"]))
    first.control("POST", "/reset", {})
    assert same(clients.all(references)) == ["OWN-1", "OWN-2"]
    third.control("PUT", "/state", exported)
    same(clients.all(references))
    assert len(same(clients.all(lambda each: each.control("GET", "/history")))["commands"]) == 4
    for number in range(40):  # more than a replica keeps
        first.control("PUT", "/fixture", {"recipe": RECIPE | {"title": f"Number {number}"}})
    assert same(clients.all(references)) == ["OWN-1", "OWN-2"]


def test_events_and_verifications_that_wait_see_the_requests_of_the_other_replicas(clients: Clients) -> None:
    first, second, third = clients.remotes
    first.send("GET", "/dossiers?pageSize=1")
    stream = requests.get(
        f"{first.url}/__admin/events?sandbox={clients.sandbox}",
        headers={"Last-Event-ID": "1"},
        stream=True,
        timeout=10,
    )
    expected = {"expectations": [{"request": {"operation": "stopDossier"}}], "timeout": "PT5S"}
    waiting: list[Any] = []
    thread = Thread(target=lambda: waiting.append(second.control("POST", "/verify", expected)))
    thread.start()
    lines = stream.iter_lines(decode_unicode=True)
    assert "listDossiers" in next(filter(is_operation, lines))
    third.send("POST", "/dossiers/1/stop")
    assert any("stopDossier" in line for line in lines)
    thread.join()
    assert waiting[0]["verified"] is True
    third.send("GET", "/dossiers/1")  # and so for each of them, while the first replica has its turns
    assert any("getDossier" in line for line in lines)
    assert first.send("GET", DOSSIER).status_code == 200
    stream.close()


def is_operation(line: str) -> bool:
    return line.startswith("data:") and '"operation"' in line


def test_a_sandbox_that_has_expired_in_the_engine_begins_again(clients: Clients, engine: RedisServer) -> None:
    for remote in clients.remotes:
        launch(remote, "EXPIRED")
    keys = [f"mock-server:{{{clients.sandbox}}}:{part}" for part in ("head", "log")]
    hour = 3_600_000
    for key in keys:
        assert hour - 60_000 < int(engine.command("PTTL", key)[1:]) <= hour
    assert engine.command("PTTL", "mock-server:{default}:head") == b":-1\r\n"
    engine.command("PEXPIRE", keys[0], "60000")
    for call in ("metrics", "sandboxes"):  # not a use, else a monitoring system keeps all sandboxes
        requests.get(f"{clients.remotes[0].url}/__admin/{call}", timeout=10)
        assert int(engine.command("PTTL", keys[0])[1:]) <= 60_000
    url = f"{clients.remotes[0].url}/__admin/events?sandbox={clients.sandbox}"
    with requests.get(url, stream=True, timeout=10) as stream:
        engine.command("DEL", *keys)
        assert b"listening" in stream.content  # it ends

    assert same(clients.all(lambda each: each.control("GET", "/requests")["total"])) == 0
    launch(clients.remotes[1], "EXPIRED")
    assert len(same(clients.all(lambda each: each.get("/dossiers/processes")))) == 1

    engine.command("DEL", keys[1])  # an engine that evicts keys may do so
    assert same(clients.all(lambda each: each.control("GET", "/requests")["total"])) == 0


# One order of all calls


@pytest.fixture(scope="module")
def naive_urls(engine: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Replicas with the recipe of the naive API, in another database of the engine."""
    recipe = write_recipe(tmp_path_factory.mktemp("naive"))
    options = ("--fixture", str(recipe), "--clock", BEGINNING.isoformat())
    with running_replicas(f"{engine.url}/1", REPLICAS, *options) as urls:
        yield urls


def in_turn(urls: list[str], headers: dict[str, str], first: int = 0) -> Send:
    """A client whose calls go to each replica in turn."""
    session = requests.Session()
    session.headers.update(headers)
    turns = cycle([*urls[first:], *urls[:first]])

    def send(method: str, path: str, body: Any) -> tuple[int, Any]:
        answer = session.request(method, next(turns) + path, json=body, timeout=10)
        return answer.status_code, answer.json() if answer.content else None

    return send


@pytest.fixture(scope="module")
def open_sandbox(naive_urls: list[str]) -> Callable[[str], Callable[[], Send]]:
    """Clients of a sandbox, each of which begins at another replica."""

    def open_one(name: str) -> Callable[[], Send]:
        token = requests.post(naive_urls[0] + TOKEN_URL, data=login(name), timeout=10).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "X-Mock-Sandbox": name}
        starts = cycle(range(REPLICAS))
        return lambda: in_turn(naive_urls, headers, next(starts))

    return open_one


def test_any_calls_over_replicas_are_answered_as_the_naive_api_does(naive_urls: list[str]) -> None:
    class AnyCallsInTurn(AnyCalls):
        """A user whose calls go to each replica in turn."""

        def log_in(self, form: dict[str, str]) -> str:
            return str(requests.post(naive_urls[0] + TOKEN_URL, data=form, timeout=10).json()["access_token"])

        def send(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
            if not hasattr(self, "client_in_turn"):
                self.client_in_turn = in_turn(naive_urls, self.headers)
            return self.client_in_turn(method, path, body)

    run_state_machine_as_test(AnyCallsInTurn, settings=example_count(3, steps=20))


@at_random
@given(plan=plans)
def test_a_serial_order_explains_what_clients_of_replicas_see(
    open_sandbox: Callable[[str], Callable[[], Send]], plan: list[list[Step]]
) -> None:
    check_serial_order(open_sandbox, plan)


def test_of_imports_of_one_reference_at_the_same_time_one_wins(clients: Clients) -> None:
    rounds = int(os.environ.get("IMPORT_ROUNDS", "2"))
    clients.remotes[0].control("PUT", "/clock", {"now": "2031-01-01T10:00:00"})
    for number in range(rounds):
        reference = f"RACE-{number}"
        ids = run_at_once(64, lambda client, of=reference: launch(clients.remotes[client % REPLICAS], of))  # type: ignore[misc]  # bound now
        clients.remotes[1].control("POST", "/clock/advance", {"by": "PT1S"})
        found = {each["processId"]: each for each in clients.remotes[2].get("/dossiers/processes")}
        assert [found[each]["success"] for each in ids].count(True) == 1


def test_bundled_scenarios_pass_over_replicas_in_turn(urls: list[str], tmp_path: Path) -> None:
    if NGINX is None:
        pytest.skip("nginx is not installed")
    # nginx answers a broken connection with a 502.
    files = [
        path
        for path in sorted(bundled("scenarios").glob("*.yaml"))
        if not any(fault in path.read_text(encoding="utf-8") for fault in WIRE_FAULTS)
    ]
    with running_nginx(NGINX, urls, tmp_path) as url:
        target = find_target(url)
        failed = [
            line
            for path in files
            if os.environ.get("ALL_SCENARIOS") or path.stem in SENSITIVE or files.index(path) % 12 == 0
            for run in plan_runs(read_scenario(path), {}, on_sandbox=True)
            for line in failure_lines(run_scenario(run, target))
        ]
    assert failed == []


@contextmanager
def running_nginx(program: str, urls: list[str], folder: Path) -> Iterator[str]:
    """A proxy that sends each request to the next replica; its base URL."""
    port = free_port()
    servers = "".join(f"server {url.removeprefix('http://')};" for url in urls)
    file = folder / "nginx.conf"
    file.write_text(
        "pid nginx.pid; error_log error.log; events {}\n"
        "http { access_log off; client_body_temp_path body; proxy_temp_path proxy;\n"
        "fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;\n"
        f"upstream replicas {{ {servers} keepalive 16; }}\n"
        f"server {{ listen 127.0.0.1:{port}; client_max_body_size 0; location / {{\n"
        "proxy_pass http://replicas; proxy_http_version 1.1; proxy_set_header Connection '';\n"
        "proxy_set_header Host $http_host; proxy_next_upstream off; proxy_buffering off; } } }\n",
        encoding="utf-8",
    )
    process = subprocess.Popen([program, "-p", folder, "-e", "start.log", "-c", file, "-g", "daemon off;"])
    try:
        for _ in range(500):
            with suppress(requests.ConnectionError):
                requests.get(f"http://127.0.0.1:{port}/__admin/health", timeout=5)
                break
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


# A replica that comes later


def test_a_replica_that_starts_later_has_what_the_others_have(urls: list[str], engine: RedisServer) -> None:
    old = Clients(urls[:1])
    [remote] = old.remotes
    remote.control("PUT", "/clock", {"now": "2031-01-01T10:00:00"})
    for number in range(10):
        launch(remote, f"R{number}")
    send_many(remote, ENTRIES_PER_CHECKPOINT)
    head = f"mock-server:{{{old.sandbox}}}:head"
    until(lambda: engine.command("HGET", head, "counted") != b"$1\r\n0\r\n")
    remote.control("POST", "/clock/advance", {"by": "PT1S"})

    with running_replicas(engine.url, 1) as later:
        both = Clients([remote.url, *later], old.sandbox)
        for call in ("/state", "/history", "/coverage", "/requests", "/snapshots", "/clock"):
            same(both.all(lambda each, call=call: each.control("GET", call)))  # type: ignore[misc]  # bound now
        both.remotes[1].control("POST", "/rewind", {"beforeCommand": 2})
        assert "R0" not in same(both.all(references))


def test_a_replica_with_another_fixture_uses_that_of_the_first_one(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("version: 1\ninclude: [catalogue]\naccounts: [{accountId: 7}]\n", encoding="utf-8")
    with (
        running_engine(tmp_path) as engine,
        running_server("--state", engine.url, "--fixture", str(recipe)) as (first, _),
        running_server("--state", engine.url, "--log-level", "info") as (second, process),
    ):
        for sandbox in ("default", "new"):
            found = [
                requests.get(f"{url}/__admin/fixture?sandbox={sandbox}", timeout=10).json()
                for url in (second, first)
            ]
            assert [each["accountId"] for each in same(found)["accounts"]] == [7]
        process.terminate()
        log = process.communicate(timeout=10)[1]
        assert f"{engine.url} is in use; its fixture mine wins over --fixture" in log
        assert "lost its data" not in log


def send_many(remote: Remote, times: int) -> None:
    """Send so many requests on one connection, without waiting for the answers between them."""
    one = remote.request_bytes("GET", "/dossiers?pageSize=1")
    last = remote.request_bytes("GET", "/dossiers?pageSize=1", "Connection: close")
    with connect(remote.url, timeout=30) as client:
        sender = Thread(target=client.sendall, args=(one * (times - 1) + last,))
        sender.start()
        answers = b"".join(iter(lambda: client.recv(65536), b""))
        sender.join()
    assert statuses(answers) == [200] * times


def until(is_so: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def append(engine: RedisServer, sandbox: str, entry: dict[str, Any]) -> int:
    """Append an entry to the log of a sandbox, as another replica does; its version."""
    key = f"mock-server:{{{sandbox}}}"
    version = int(engine.command("HINCRBY", f"{key}:head", "version", "1").strip(b":\r\n"))
    quoted = json.dumps(entry).replace(" ", "").replace('"', '\\"')
    last = engine.command("HGET", f"{key}:head", "last").split()[1].decode()
    engine.command(
        "XADD", f"{key}:log", f"{version}-0", "after", last, "id", "another", "entry", f'"{quoted}"'
    )
    engine.command("HSET", f"{key}:head", "last", "another")
    return version


def test_time_does_not_go_back_where_the_clock_of_another_machine_is_ahead(
    clients: Clients, engine: RedisServer
) -> None:
    def now() -> list[datetime]:
        return [datetime.fromisoformat(each.control("GET", "/clock")["now"]) for each in clients.remotes]

    clients.remotes[0].control("PUT", "/clock", {"frozen": False})
    before = max(now())
    ahead = datetime.now(UTC) + timedelta(seconds=20)
    append(engine, clients.sandbox, {"format": 1, "machine": ahead.isoformat()})

    assert before + timedelta(seconds=15) < min(now()) < before + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ({"command": "Teleport"}, "Teleport"),
        ({"command": "RestoreSnapshot", "name": "unknown"}, ""),
        ({"command": "LoadFixture", "fixture": "unknown"}, "there is no fixture unknown"),
    ],
    ids=["unknown", "fails here", "without its fixture"],
)
def test_an_entry_of_a_newer_version_is_rejected_and_stays_in_the_log(
    clients: Clients, engine: RedisServer, command: dict[str, str], why: str
) -> None:
    clients.all(references)
    entry = {"format": 1, "machine": datetime.now(UTC).isoformat()}
    record = {"version": 1, "number": 1, "machine": entry["machine"], "request": None, "latest_request": 1}
    version = append(engine, clients.sandbox, entry | {"records": [record | {"command": command}]})

    for remote in clients.remotes:
        answer = remote.send("GET", "/dossiers?pageSize=1")
        assert answer.status_code == 503
        assert "a newer version of mock-server has changed the sandbox" in answer.json()["message"]
        assert why in answer.json()["message"]
    head = f"mock-server:{{{clients.sandbox}}}:head"
    assert engine.command("HGET", head, "version").endswith(b"\r\n%d\r\n" % version)
    assert Clients([remote.url for remote in clients.remotes]).all(references)


# Faults of the engine


def test_while_the_engine_is_down_nothing_is_done_and_then_all_continues(tmp_path: Path) -> None:
    with running_engine(tmp_path) as engine, running_replicas(engine.url, 2) as urls:
        clients = Clients(urls)
        launch(clients.remotes[0], "BEFORE")
        check_full(engine, clients)
        engine.stop()
        for remote in clients.remotes:
            for method, path in (("GET", "/dossiers?pageSize=1"), ("POST", "/dossiers")):
                answer = remote.send(method, path, IMPORT | {"dossierReference": "DOWN"})
                assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
                assert "the engine redis://127.0.0.1" in answer.json()["message"]
                assert answer.json()["message"].endswith("; nothing was changed")
            control = requests.get(f"{remote.url}/__admin/requests", timeout=10)
            assert (control.status_code, control.headers["Retry-After"]) == (503, "1")
            assert control.headers["Content-Type"] == "application/problem+json"
            account = f"{remote.url}/api/v1/account"
            for url, status in (
                (account, 401),
                (f"{remote.url}/nothing", 404),
                (remote.url + TOKEN_URL, 405),
            ):
                assert requests.get(url, timeout=10).status_code == status
            assert requests.post(remote.url + TOKEN_URL, data=login("x"), timeout=10).status_code == 503
            health = requests.get(f"{remote.url}/__admin/health", timeout=10)
            assert health.status_code == 200
            assert "cannot be used" in health.json()["stateFile"]["error"]
        Timer(0.4, engine.start).start()
        with running_server("--state", engine.url):  # it waits for the engine
            pass
        launch(clients.remotes[1], "AFTER")
        journal = same(clients.all(lambda each: each.control("GET", "/requests")))
        assert [row["operation"] for row in journal["requests"]] == ["getToken"] + ["importDossier"] * 2
        until(lambda: all(health_of(url)["stateFile"]["error"] is None for url in urls))


def check_full(engine: RedisServer, clients: Clients) -> None:
    """Let the engine be full for a while: health knows it before a request does."""
    engine.command("CONFIG", "SET", "maxmemory", "1")
    until(lambda: "maxmemory" in (health_of(clients.remotes[1].url)["stateFile"]["error"] or ""))
    for remote in clients.remotes:
        answer = remote.send("POST", "/dossiers", IMPORT | {"dossierReference": "FULL"})
        assert answer.status_code == 503
        assert answer.json()["message"].endswith("'maxmemory'; nothing was changed")
    engine.command("CONFIG", "SET", "maxmemory", "0")


def test_after_an_engine_has_lost_entries_or_all_data_its_state_counts(tmp_path: Path) -> None:
    with (
        running_engine(tmp_path, "--appendonly", "no") as engine,
        running_server("--state", engine.url) as (one, *processes),
        running_server("--state", engine.url) as (two, process),
    ):
        clients = Clients([one, two])
        first, second = clients.remotes
        launch(first, "BEFORE")
        assert engine.command("SAVE") == b"+OK\r\n"
        launch(first, "LOST")
        engine.stop()
        engine.start()
        launch(second, "OTHER")
        launch(first, "LAST")
        history = same(clients.all(lambda each: each.control("GET", "/history")))
        assert len(history["commands"]) == 3
        # Their imports may end while the replicas are asked.
        imports = clients.all(lambda each: [row["processId"] for row in each.get("/dossiers/processes")])
        assert len(same(imports)) == 3

        engine.command("FLUSHALL")
        until(lambda: engine.command("HEXISTS", "mock-server:server", "key") == b":1\r\n")
        launch(second, "AGAIN")
        assert len(same(clients.all(lambda each: each.get("/dossiers/processes")))) == 1
        log = ""
        for each in (*processes, process):
            each.terminate()
            log += each.communicate(timeout=10)[1]
    assert f"the engine {engine.url} has lost its data: all sandboxes start again\n" in log


def test_a_request_that_other_replicas_overtake_for_too_long_is_rejected(
    monkeypatch: pytest.MonkeyPatch, clients: Clients, engine: RedisServer
) -> None:
    monkeypatch.setattr(replicas, "_MAX_RETRY_SECONDS", -1)
    local = LocalReplica(engine.url, clients.sandbox)

    async def run() -> None:
        assert "now" in await local.call("GET", "/clock")
        launch(clients.remotes[0], "OTHER")
        overtaken = await local.call("GET", "/clock")
        assert (
            "other calls change this sandbox all the time: repeat the call; nothing was changed" in overtaken
        )
        assert local.closed == 1
        assert "now" in await local.call("GET", "/clock")
        await local.sandboxes.engine.close()

    asyncio.run(run())


def test_copies_that_no_call_uses_are_dropped(
    monkeypatch: pytest.MonkeyPatch, clients: Clients, engine: RedisServer
) -> None:
    local = LocalReplica(engine.url, clients.sandbox)

    async def run() -> None:
        await local.call("GET", "/clock")
        local.sandbox = next(_names)
        await local.call("GET", "/clock")
        used = {each.name for each in local.sandboxes.existing}
        assert used == {"default", clients.sandbox, local.sandbox}
        monkeypatch.setattr(replicas, "monotonic", lambda: time.monotonic() + 3601)
        local.sandbox = next(_names)
        await local.call("GET", "/clock")
        await local.sandboxes.engine.close()

    asyncio.run(run())
    assert [each.name for each in local.sandboxes.existing] == ["default", local.sandbox]


def test_a_request_whose_client_goes_is_completed_before_the_server_ends(
    clients: Clients, engine: RedisServer
) -> None:
    local = LocalReplica(engine.url, clients.sandbox)

    async def run() -> None:
        dossier = {"siret": SIRET, "dossierReference": "GONE"}
        call = asyncio.create_task(local.call("POST", "/dossiers", dossier))
        await asyncio.sleep(0)
        call.cancel()
        ended = asyncio.Event()
        ended.set()
        await local.sandboxes.run(ended)

    asyncio.run(run())
    assert references(clients.remotes[0]) == ["GONE"]


def health_of(url: str) -> Any:
    return requests.get(f"{url}/__admin/health", timeout=10).json()


@pytest.fixture
def proxy(engine: RedisServer) -> Iterator[Proxy]:
    found = Proxy(engine.port)
    yield found
    found.close()


def test_an_append_whose_answer_is_lost_is_done_once(proxy: Proxy) -> None:
    with running_replicas(f"{proxy.url}/2", 1) as urls:
        [remote] = Clients(urls).remotes
        remote.control("PUT", "/clock", {"now": "2031-01-01T10:00:00"})
        for number in range(5):
            proxy.cut_answers = 1
            launch(remote, f"CUT-{number}")
        operations = [row["operation"] for row in remote.control("GET", "/requests")["requests"]]
        assert operations == ["getToken"] + ["importDossier"] * 5
        assert len(remote.get("/dossiers/processes")) == 5
        proxy.cut_answers = 1
        deleted = requests.delete(f"{remote.url}/__admin/sandboxes/{remote.sandbox}", timeout=10)
        assert "it is not known whether the call had an effect: look before you repeat it" in deleted.text


def test_after_a_failover_the_replica_connects_to_the_new_primary(tmp_path: Path, proxy: Proxy) -> None:
    folders = [tmp_path / "old", tmp_path / "new"]
    for folder in folders:
        folder.mkdir()
    with (
        running_engine(folders[0], "--repl-diskless-sync-delay", "0") as old,
        running_engine(folders[1], "--replicaof", "127.0.0.1", str(old.port)) as new,
    ):
        proxy.target = old.port
        with running_replicas(proxy.url, 1) as urls:
            clients = Clients(urls)
            [remote] = clients.remotes
            launch(remote, "BEFORE")
            last = ("HGET", f"mock-server:{{{clients.sandbox}}}:head", "last")
            until(lambda: new.command(*last) == old.command(*last))
            new.command("REPLICAOF", "NO", "ONE")
            old.command("REPLICAOF", "127.0.0.1", str(new.port))
            proxy.target = new.port
            after = IMPORT | {"dossierReference": "AFTER"}
            until(lambda: remote.send("POST", "/dossiers", after).status_code == 200)
            assert len(remote.get("/dossiers/processes")) == 2


def test_health_is_fast_while_the_engine_is_slow(proxy: Proxy) -> None:
    with running_replicas(f"{proxy.url}/3", 1) as urls, ExitStack() as stack:
        names = [f"slow{number % 20}" for number in range(100)]
        for name in names[:20]:
            Remote(urls[0], name).control("GET", "/clock")
        session, times = requests.Session(), list[float]()
        session.get(f"{urls[0]}/__admin/health", timeout=10)
        proxy.delay = 0.2
        waiting = [stack.enter_context(connect(urls[0])) for _ in names]
        for client, name in zip(waiting, names, strict=True):
            client.sendall(request("GET /__admin/clock HTTP/1.1", f"X-Mock-Sandbox: {name}"))
        while len(times) < 200 and not select.select(waiting, [], [], 0)[0]:
            began = time.perf_counter()
            assert session.get(f"{urls[0]}/__admin/health", timeout=10).status_code == 200
            times.append(time.perf_counter() - began)
        assert len(times) >= 10
        # The proxy shares this process, and others the machine: the quantile of 99 is for a quiet one.
        assert quantiles(times, n=100)[98 if os.environ.get("QUIET_MACHINE") else 49] < 0.05
        for client in waiting:
            client.settimeout(10)
            assert client.recv(12) == b"HTTP/1.1 200"


def test_a_replica_killed_in_a_write_leaves_the_command_whole_or_not_at_all(engine: RedisServer) -> None:
    rounds = int(os.environ.get("KILL_ROUNDS", "3"))
    url = f"{engine.url}/4"
    with running_replicas(url, 1) as urls:
        survivor = Clients(urls)
        survivor.remotes[0].control("PUT", "/clock", {"now": "2031-01-01T10:00:00"})
        answered: list[str] = []
        sent = 0
        for number in range(rounds):
            with suppress(AssertionError), running_server("--state", url) as (other, process):
                sent += kill_while_importing(other, process, survivor, number, answered)
        known = [each["processId"] for each in survivor.remotes[0].get("/dossiers/processes")]
        assert set(answered) <= set(known)
        assert len(known) <= sent
        journal = survivor.remotes[0].control("GET", "/requests?limit=1000")["requests"]
        launched = [row for row in journal if row["operation"] == "importDossier"]
        assert len(launched) == len(known)


def kill_while_importing(
    url: str, process: Process, survivor: Clients, number: int, answered: list[str]
) -> int:
    """Import until the replica is killed; return how many imports were sent."""
    remote = Remote(url, survivor.sandbox)
    remote.headers = survivor.remotes[0].headers
    remote.get("/dossiers?pageSize=1")
    sent: list[int] = []

    def run() -> None:
        with suppress(requests.ConnectionError):
            for each in count():
                sent.append(each)
                answered.append(launch(remote, f"KILL-{number}-{each}"))

    thread = Thread(target=run)
    thread.start()
    time.sleep(0.05 + 0.013 * (number % 7))
    os.kill(process.pid, signal.SIGKILL)
    thread.join()
    return len(sent)


# The start


def test_a_url_needs_the_client_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)

    with pytest.raises(StateFileError, match=r"pip install 'dossiers-mock-server\[replicas\]'"):
        check_client_library()


def test_errors_at_the_start_are_reported(tmp_path: Path) -> None:
    secret = "s3cret"
    with running_engine(tmp_path, "--requirepass", secret) as engine:
        address = engine.url.removeprefix("redis://")
        for url, environment, says in (
            (engine.url, {}, "Authentication required"),
            (f"redis://:wr0ng@{address}", {}, "invalid username-password pair"),
            (engine.url, {"MOCK_SERVER_STATE_PASSWORD": "wr0ng"}, "invalid username-password pair"),
            (f"redis://{address}/x", {}, "a URL in --state is redis://HOST:PORT/DATABASE"),
            ("postgres://localhost", {}, "a URL in --state is redis://HOST:PORT/DATABASE"),
            (f"redis://:{secret}@{address}", {"MOCK_SERVER_WATCH": "yes"}, "--watch"),
        ):
            with pytest.raises(AssertionError) as raised, running_server("--state", url, **environment):
                pass
            assert says in str(raised.value)
            assert "wr0ng" not in str(raised.value)
        engine.command(f"AUTH {secret}\r\nHSET", "mock-server:server", "format", "2")
        with (
            pytest.raises(AssertionError, match="used by a newer version of mock-server, in format 2"),
            running_server("--state", f"redis://:{secret}@{address}"),
        ):
            pass
        engine.command(f"AUTH {secret}\r\nDEL", "mock-server:server")
        for url, environment in (
            (f"redis://:{secret}@{address}", {}),
            (f"valkey://{address}", {"MOCK_SERVER_STATE_PASSWORD": secret}),
        ):
            with running_server("--state", url, **environment) as (server, _):
                assert secret not in json.dumps(health_of(server))
