"""Measure a server under load, and write the section "Under load" of docs/performance.md.

256 connections for ten minutes: a third misbehave, the others read and write. Then a thousand sandboxes at once,
and a thousand imports per second with polling. Expected: no error, and memory does not grow. Needs wrk. A short
run: `--seconds 30 --import-seconds 10 --dry`.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any

import report
import requests
import servers
import steady_imports
from report import Row

ACCOUNT = "/api/v1/account/119631"
BUSY_SANDBOXES = 16
PAUSE = 0.25
"""Seconds between two resets, each of another sandbox: they remove imported dossiers."""
WARM = 60
"""Seconds after which memory must not grow; half of a run of less than two minutes."""
_complaints: list[str] = []
"""What went wrong after the figures were taken; printed after them."""


@dataclass
class Server:
    """The server under load, in a separate process."""

    process: subprocess.Popen[str]
    base: str

    @property
    def port(self) -> int:
        """The port of the server."""
        return int(self.base.rpartition(":")[2])

    @property
    def resident_mb(self) -> float:
        """The present resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]

    def token(self, sandbox: str) -> str:
        """Return an access token of a user in the sandbox."""
        form = {"grant_type": "password", "client_id": "ea-api-edge", "password": "demo"}
        form["username"] = f"api+{sandbox}@example.com"
        url = f"{self.base}/auth/realms/eat_realm/protocol/openid-connect/token"
        answer = requests.post(url, data=form, timeout=60)
        answer.raise_for_status()
        return str(answer.json()["access_token"])


def main() -> None:
    """Measure three kinds of load, print the figures and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="of the mixed load")
    parser.add_argument("--connections", type=int, default=256, help="of the mixed load")
    parser.add_argument("--misbehaving", type=float, default=1 / 3, help="share of those connections")
    parser.add_argument("--sandboxes", type=int, default=1000)
    parser.add_argument("--imports", type=int, default=1000, help="a second")
    parser.add_argument("--import-seconds", type=int, default=60)
    parser.add_argument("--dry", action="store_true", help="print the figures alone")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("wrk is missing: apt-get install wrk, or brew install wrk")
    rows = [
        *_mixed(options.connections, round(options.connections * options.misbehaving), options.seconds),
        *_sandboxes(options.sandboxes),
        *_imports(options.imports, options.import_seconds),
    ]
    text = _section(rows)
    if not options.dry:
        report.write_section("Under load", text)
    sys.stdout.write(text)
    if _complaints:
        raise SystemExit("\n".join(_complaints))


@contextmanager
def _running() -> Iterator[Server]:
    command = [sys.executable, "-m", "mock_server", "serve", "--port", "0", "--log-level", "warning"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Server(process, process.stdout.readline().split()[3])
    finally:
        if not servers.end(process):
            _complaints.append(f"the server {process.pid} did not end by SIGTERM and was killed")


def _mixed(connections: int, misbehaving: int, seconds: int) -> list[Row]:
    with _running() as server:
        names = [f"load{number}" for number in range(BUSY_SANDBOXES)]
        tokens = [server.token(name) for name in names]
        with _resetting(server, names) as resident, _bad_clients(server, misbehaving):
            found = _wrk(server.base, connections - misbehaving, seconds, tokens)
    warm = min(WARM, seconds // 2)
    before = max(mb for at, mb in resident if at <= warm)
    after = max(mb for at, mb in resident if at > warm)
    what = f"{connections} connections, {misbehaving} of them misbehave, {seconds:,} s, journal on"
    return [
        Row(
            f"{what}: requests",
            f"{found['requests']:,}, {found['requests'] / found['seconds']:,.0f} a second",
        ),
        Row(f"{what}: errors of the others", f"{found['failed']}", verdict=_held(found["failed"] == 0)),
        Row(
            f"{what}: latency",
            f"median {found['p50']:.1f} ms, p99 {found['p99']:.1f} ms, longest {found['max']:.0f} ms",
        ),
        Row(
            f"{what}: resident memory",
            f"{before:.0f} MB at most in the first {warm} s, {after:.0f} MB after that",
            verdict=_held(after <= before * 1.05),
        ),
    ]


@contextmanager
def _bad_clients(server: Server, number: int) -> Iterator[None]:
    program = str(Path(__file__).with_name("misbehaving.py"))
    command = [sys.executable, program, str(server.port), str(number), server.token("misbehaving")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _wrk(base: str, connections: int, seconds: int, tokens: list[str]) -> dict[str, Any]:
    script = str(Path(__file__).with_name("mixed.lua"))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", script, base]
    done = subprocess.run([*command, "--", *tokens], capture_output=True, text=True, check=True)
    sys.stderr.write(done.stderr)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


@contextmanager
def _resetting(server: Server, names: list[str]) -> Iterator[list[tuple[float, float]]]:
    """Reset one sandbox after the other; yield the list of seconds and resident memory."""
    resident: list[tuple[float, float]] = []
    began = perf_counter()
    over = threading.Event()

    def reset() -> None:
        turns = 0
        while not over.wait(PAUSE):
            turns += 1
            url = f"{server.base}/__admin/reset"
            body = {"only": ["state"]}
            requests.post(
                url, json=body, params={"sandbox": names[turns % len(names)]}, timeout=30
            ).raise_for_status()
            resident.append((perf_counter() - began, server.resident_mb))

    thread = threading.Thread(target=reset)
    thread.start()
    try:
        yield resident
    finally:
        over.set()
        thread.join()


def _sandboxes(number: int) -> list[Row]:
    with _running() as server, ThreadPoolExecutor(32) as pool:
        server.token("first")
        before, began = server.resident_mb, perf_counter()
        results = list(pool.map(lambda one: _finds_its_import(server, f"many{one}"), range(number)))
        took, after = perf_counter() - began, server.resident_mb
        there = len(requests.get(f"{server.base}/__admin/sandboxes", timeout=30).json()["sandboxes"])
    own = results.count(True)
    return [
        Row(
            f"{number:,} sandboxes at once, in each a login, an import, an advance of the clock, a search",
            f"{there - 2:,} exist, {own:,} found their own dossier and no other, {took:.1f} s",
            verdict=_held(own == number == there - 2),
        ),
        Row("resident memory per sandbox", f"{(after - before) * 1024 / number:.0f} KB"),
    ]


def _finds_its_import(server: Server, name: str) -> bool:
    """Return whether a search in the sandbox finds its only import and nothing else."""
    body = {"companyIdType": "CIT001", "companyIdValue": "99050000100013", "dossierReference": name}
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {server.token(name)}"
        url = f"{server.base}{ACCOUNT}/dossiers"
        session.post(url, json=body, timeout=60).raise_for_status()
        session.post(
            f"{server.base}/__admin/clock/advance", json={"by": "PT1S"}, params={"sandbox": name}, timeout=60
        ).raise_for_status()
        found = session.get(url, params={"siret": body["companyIdValue"]}, timeout=60).json()
    return [row["dossierReference"] for row in found["content"]] == [name]


def _imports(rate: int, seconds: int) -> list[Row]:
    with _running() as server:
        token = server.token("importing")
        before = server.resident_mb
        found = steady_imports.run(server.port, token, rate=rate, seconds=seconds)
        after = server.resident_mb
    for failure in found.failures[:10]:
        sys.stderr.write(f"{failure}\n")
    what = f"{rate:,} imports a second for {seconds} s, each polled to its end"
    reached = len(found.launches) / found.seconds
    right = found.succeeded == rate * seconds and not found.failures
    return [
        Row(
            f"{what}: imports",
            f"{found.succeeded:,} succeeded of {rate * seconds:,}, {reached:,.0f} a second;"
            f" {len(found.polls) / found.seconds:,.0f} polls a second",
            verdict=_held(right and reached >= rate * 0.95),
        ),
        Row(
            f"{what}: latency, p99",
            f"{_p99(found.launches):.1f} ms for an import, {_p99(found.polls):.1f} ms for a poll",
        ),
        Row(
            "resident memory per imported dossier, its process and e-mails included",
            f"{(after - before) * 1024 / max(found.succeeded, 1):.1f} KB",
        ),
    ]


def _p99(taken: list[float]) -> float:
    return quantiles(taken, n=100)[98] * 1000


def _held(right: bool) -> str:  # noqa: FBT001
    return "held" if right else "**not held**"


def _section(rows: list[Row]) -> str:
    lines = [
        "<!-- Written by `make load`. -->",
        "",
        "One server process, its clients on the same machine.",
        "",
        *report.table(rows),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
