"""Measure what replicas cost: one process in memory against one, two and three with an engine.

Each row: searches of one page, by clients that use sandboxes in turn. The last two columns are the CPU time of
a request, which other programs on the machine change little. Needs wrk and redis-server; takes a minute. The load
generator shares the machine: with two cores, more replicas do not give more requests.
"""

from __future__ import annotations

import argparse
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests
from calls import DOSSIERS
from servers import HOST, Server, running, sandbox_command

PAGE = f"{DOSSIERS}?pageSize=10"
SCRIPT = """
local at = 0
request = function()
  at = at %% #tokens + 1
  return wrk.format("GET", "%s", {Authorization = tokens[at]})
end
"""
_QUIET = ("--log-level", "warning")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    programs = [shutil.which("wrk"), shutil.which("valkey-server") or shutil.which("redis-server")]
    if None in programs:
        raise SystemExit("wrk and redis-server are needed: apt-get install wrk redis-server")
    print("| | connections | requests/s | p50 ms | p99 ms | servers, ms | engine, ms |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        engine = stack.enter_context(_engine(str(programs[1]), folder))
        memory = stack.enter_context(running("in memory", sandbox_command(*_QUIET), 18093))
        shared = sandbox_command(*_QUIET, "--state", f"redis://{HOST}:{engine.port}")
        replicas = [
            stack.enter_context(running(f"replica {number}", shared, 18094 + number)) for number in range(3)
        ]
        for label, servers, sandboxes, connections in (
            ("in memory", [memory], 1, 1),
            ("1 replica", replicas[:1], 1, 1),
            ("in memory, 16 sandboxes", [memory], 16, options.connections),
            ("1 replica, 16 sandboxes", replicas[:1], 16, options.connections),
            ("1 replica, 1 sandbox", replicas[:1], 1, options.connections),
            ("2 replicas, 16 sandboxes each", replicas[:2], 16, options.connections),
            ("3 replicas, 16 sandboxes each", replicas, 16, options.connections),
            ("3 replicas, the same 16 sandboxes", replicas, -16, options.connections),
            ("3 replicas, the same sandbox", replicas, -1, options.connections),
        ):
            _row(label, servers, sandboxes, connections, options.seconds, engine, folder)
        _in_turn(replicas)


def _row(
    label: str,
    servers: Sequence[Server],
    sandboxes: int,
    connections: int,
    seconds: int,
    engine: Server,
    folder: Path,
) -> None:
    """Print a row; with a negative number of sandboxes, all replicas use the same ones."""
    runs = []
    for number, server in enumerate(servers):
        prefix = "same" if sandboxes < 0 else f"own{number}"
        tokens = [_token(servers[0], f"{prefix}-{each}") for each in range(abs(sandboxes))]
        script = folder / f"{number}.lua"
        quoted = ",".join(f'"{token}"' for token in tokens)
        script.write_text(f"local tokens = {{{quoted}}}\n" + SCRIPT % PAGE, encoding="utf-8")
        runs.append(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency", "-s", str(script), server.url]
        )
    before = engine.cpu_seconds, sum(server.cpu_seconds for server in servers)
    started = [subprocess.Popen(run, stdout=subprocess.PIPE, text=True) for run in runs]
    reports = [process.communicate()[0] for process in started]
    engine_cpu = engine.cpu_seconds - before[0]
    servers_cpu = sum(server.cpu_seconds for server in servers) - before[1]
    rate = sum(float(re.search(r"Requests/sec:\s+([\d.]+)", report)[1]) for report in reports)  # type: ignore[index]
    p50, p99 = (max(_latency(report, percent) for report in reports) for percent in (50, 99))
    assert not any("Non-2xx" in report for report in reports), reports
    print(
        f"| {label} | {connections} | {rate:,.0f} | {p50:.2f} | {p99:.2f} | {servers_cpu / rate / seconds * 1000:.2f} | {engine_cpu / rate / seconds * 1000:.2f} |",
        flush=True,
    )


def _in_turn(replicas: Sequence[Server]) -> None:
    """Print the time of a call of one client whose calls go to each replica in turn."""
    session, times = requests.Session(), []
    session.headers["Authorization"] = _token(replicas[0], "turn")
    for number in range(900):
        began = time.perf_counter()
        session.get(replicas[number % len(replicas)].url + PAGE, timeout=10).raise_for_status()
        times.append(time.perf_counter() - began)
    times.sort()
    same = []
    for _ in range(900):
        began = time.perf_counter()
        session.get(replicas[0].url + PAGE, timeout=10).raise_for_status()
        same.append(time.perf_counter() - began)
    same.sort()
    print(
        f"\none client in Python, 3 replicas in turn: p50 {times[450] * 1000:.2f} ms, p99 {times[891] * 1000:.2f} ms;"
    )
    print(f"always the same replica: p50 {same[450] * 1000:.2f} ms, p99 {same[891] * 1000:.2f} ms")


def _latency(report: str, percent: int) -> float:
    """Milliseconds."""
    found = re.search(rf"\s{percent}%\s+([\d.]+)(us|ms|s)", report)
    assert found is not None, report
    return float(found[1]) * {"us": 0.001, "ms": 1, "s": 1000}[found[2]]


def _token(server: Server, sandbox: str) -> str:
    """The value of the header `Authorization` of a user with this sandbox."""
    server.log_in(f"api%2B{sandbox}@example.com")
    return server.authorization


@contextmanager
def _engine(program: str, folder: Path) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ("--port", str(port), "--dir", str(folder), "--appendonly", "yes", "--save", "")
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    try:
        yield Server("engine", port, process)
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
