"""Compare this server with bare Flask on the same HTTP server, and write docs/performance.md.

Needs wrk, the load generator (Debian, Ubuntu and Homebrew have it). Each server has its default settings, log
included. Every figure is the median of rounds; each round measures every server, so that a busy machine slows
all of them. A short run: `--rounds 2 --seconds 1`. `--other ../checkout` measures another checkout of this
project, with its own .venv, in the same run.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import quote

import control_calls
import report
from calls import CALLS, DOSSIER, DOSSIERS, IMPORT, PAGE, PAGING, Call
from report import Row, bound
from servers import ROOT, Server, compile_package, running, sandbox_command, start_to_search

PYTHON = str(ROOT / ".venv" / "bin" / "python")
SMALL, LARGE = 1_000, 100_000
CONNECTIONS = (1, 32)
SANDBOX, BARE, OTHER, KEPT, SECURE, SECURE_BARE = (
    "this server",
    "bare Flask",
    "the other checkout",
    "this server, --state",
    "this server, TLS",
    "bare Flask, TLS",
)
FILTERS = ("dossierReference", "thirdpartyCode", "siren", "siret", "tva", "thirdpartyId")


@dataclass(frozen=True)
class Starts:
    """Seconds to the first answered search, login included; `login` is the wait for a new key."""

    kept: float
    bare: float
    new: float
    login: float


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--other", type=Path, help="another checkout, with its .venv")
    parser.add_argument(
        "--quick", action="store_true", help="page and dossier only; print the figures, write nothing"
    )
    options = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("wrk is missing: apt-get install wrk, or brew install wrk")
    with tempfile.TemporaryDirectory() as folder:
        text = _measure(Path(folder), options)
    if not options.quick:
        report.write_head(text)
    sys.stdout.write(text)


def _measure(folder: Path, options: argparse.Namespace) -> str:
    compile_package()
    bare = bare_command(folder)
    commands = {SANDBOX: (sandbox_command(), ROOT, False), BARE: (bare, ROOT, False)}
    if options.other is not None:
        compile_package(options.other)
        commands[OTHER] = (sandbox_command(checkout=options.other), options.other, False)
    if not options.quick:
        commands[KEPT] = (sandbox_command("--state", str(folder / "state.db")), ROOT, False)
        commands[SECURE] = (sandbox_command("--tls-self-signed"), ROOT, True)
        commands[SECURE_BARE] = ([*bare, "tls"], ROOT, True)
    write_answers(folder)
    calls = (PAGE, DOSSIER) if options.quick else CALLS
    with ExitStack() as stack:
        servers = [
            stack.enter_context(running(name, command, 18081 + number, tls=tls, folder=checkout))
            for number, (name, (command, checkout, tls)) in enumerate(commands.items())
        ]
        for server in servers:
            server.log_in()
        for _ in range(options.rounds):
            measure_round(servers, calls, options.seconds)
        rows, tables = list(_ratios(servers)), list(_tables(servers, calls))
    if not options.quick:
        starts = _starts(max(20, options.rounds), bare)
        rows = [*_start_rows(starts), *rows, *_scale(folder, options)]
    return _page(rows, tables, options.rounds)


def bare_command(folder: Path) -> list[str]:
    """The command of bare Flask with the answers of that folder."""
    return [PYTHON, str(ROOT / "bench" / "bare.py"), "{port}", str(folder)]


def write_answers(folder: Path) -> None:
    """Write the sandbox's answer to each call into a file of the call's name."""
    with running(SANDBOX, sandbox_command(), 18080) as server:
        for call in CALLS:
            if not call.script:
                server.log_in()
                (folder / call.name).write_bytes(server.request("GET", call.path))
        (folder / "login").write_bytes(
            f'{{"access_token": "{server.authorization.partition(" ")[2]}"}}'.encode()
        )
        body = '{"companyIdType":"CIT001","companyIdValue":"99050000100013","dossierReference":"B-1"}'
        launched = server.request("POST", DOSSIERS, body, **{"Content-Type": "application/json"})
        (folder / IMPORT.name).write_bytes(launched)
        process = launched.decode().partition('"processId":')[2].split('"')[1]
        (folder / "poll").write_bytes(server.request("GET", f"{DOSSIERS}/process/{process}"))


def measure_round(servers: Sequence[Server], calls: Sequence[Call], seconds: float) -> None:
    """Measure each call of each server, with one connection and with many."""
    for call in calls:
        for connections in CONNECTIONS:
            for server in servers:
                server.measure(call, connections, seconds)
                if call is IMPORT and "bare" not in server.name:
                    server.request("POST", "/__admin/reset")


def _starts(times: int, bare: list[str]) -> Starts:
    """Return the median seconds of each kind of start."""
    taken: dict[str, list[tuple[float, float]]] = {"kept": [], "bare": [], "new": []}
    for _ in range(times):
        with tempfile.TemporaryDirectory() as home:
            empty = {"HOME": home, "XDG_CACHE_HOME": home}
            taken["new"].append(start_to_search(SANDBOX, sandbox_command(), 18080, empty))
            taken["kept"].append(start_to_search(SANDBOX, sandbox_command(), 18080, empty))
        taken["bare"].append(start_to_search(BARE, bare, 18080, {}))
    whole = {name: median(total for total, _ in values) for name, values in taken.items()}
    login = median(login for _, login in taken["new"]) - median(login for _, login in taken["kept"])
    return Starts(whole["kept"], whole["bare"], whole["new"], login)


def _start_rows(starts: Starts) -> Iterator[Row]:
    yield Row(
        "process start to the first answered search, login included, with a kept key",
        f"{starts.kept * 1000:.0f} ms; bare Flask {starts.bare * 1000:.0f} ms",
        *bound(starts.kept / starts.bare, 1.4, "× bare"),
    )
    yield Row(
        "the same without a key, as in a new container",
        f"{starts.new * 1000:.0f} ms, of which the first login waits {max(0, starts.login) * 1000:.0f} ms for the key",
    )


def _ratios(servers: Sequence[Server]) -> Iterator[Row]:
    """Yield the promised figures, as ratios of this server to others of the same run."""
    by_name = {server.name: server for server in servers}
    ours = by_name[SANDBOX]
    page, one = ours.result(PAGE, 1), ours.result(DOSSIER, 1)
    bare_page, bare_one = by_name[BARE].result(PAGE, 1), by_name[BARE].result(DOSSIER, 1)
    yield Row(
        f"{PAGE.name}, CPU per request",
        f"{page.cpu_us:.0f} µs; bare Flask {bare_page.cpu_us:.0f} µs",
        *bound(page.cpu_us / bare_page.cpu_us, 1.4, "× bare"),
    )
    yield Row(
        f"{DOSSIER.name} by id, one connection, p50",
        f"{one.latency_us:.0f} µs; bare Flask {bare_one.latency_us:.0f} µs",
        *bound(one.latency_us / bare_one.latency_us, 1.3, "× bare"),
    )
    if KEPT in by_name:
        yield from kept_rows(ours, by_name[KEPT])
    if OTHER in by_name:
        other = by_name[OTHER].result(PAGE, 1)
        yield Row(
            f"{PAGE.name}, one connection, p50, compared with the other checkout",
            f"{page.latency_us:.0f} µs; other {other.latency_us:.0f} µs",
            f"{page.latency_us / other.latency_us:.2f} ×",
        )
        yield Row(
            f"{PAGE.name}, CPU per request, compared with the other checkout",
            f"{page.cpu_us:.0f} µs; other {other.cpu_us:.0f} µs",
            f"{page.cpu_us / other.cpu_us:.2f} ×",
        )


def kept_rows(memory: Server, kept: Server) -> Iterator[Row]:
    """Compare a write and a read of a server with `--state` with those in memory."""
    for call in (IMPORT, DOSSIER):
        ours, others = kept.result(call, 1), memory.result(call, 1)
        yield Row(
            f"{call.name}, CPU per request, with `--state`",
            f"{ours.cpu_us:.0f} µs; in memory {others.cpu_us:.0f} µs",
            f"{ours.cpu_us / others.cpu_us:.2f} ×",
        )


def _tables(servers: Sequence[Server], calls: Sequence[Call]) -> Iterator[str]:
    """Yield a table for each number of connections: p50, requests per second and CPU per request of each server."""
    for connections in CONNECTIONS:
        yield f"\n{connections} connection{'s' if connections > 1 else ''}: p50 in µs · requests/s · CPU per request in µs\n"
        yield f"| | {' | '.join(server.name for server in servers)} |"
        yield f"| --- |{' --- |' * len(servers)}"
        for call in calls:
            found = [server.result(call, connections) for server in servers]
            cells = (f"{each.latency_us:,.0f} · {each.rate:,.0f} · {each.cpu_us:,.0f}" for each in found)
            yield f"| {call.name} | {' | '.join(cells)} |"


def _scale(folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    """Measure the same calls with many more dossiers, and the control calls."""
    generate(folder, SMALL)
    seconds, peak = generate(folder, LARGE)
    commands = [sandbox_command("--fixture", str(folder / f"{size}.json")) for size in (SMALL, LARGE)]
    with running("small", commands[0], 18091) as small, running("large", commands[1], 18092) as large:
        yield from scale_rows(small, large, LARGE, options.rounds, min(options.seconds, 1))
        alone, meanwhile = control_calls.p99_while_others_wait(large, "/dossiers/804127")
        yield Row(
            f"another client's calls while {control_calls.HELD} requests are held for 2 s, 99th percentile",
            f"{meanwhile:.1f} ms; alone {alone:.1f} ms",
            *bound(meanwhile, 50, "ms"),
        )
        for name, took in control_calls.durations(large).items():
            yield Row(
                f"{name} with {LARGE:,} dossiers, the control call", f"{took:.1f} ms", *bound(took, 5, "ms")
            )
        yield Row(
            f"resident with {LARGE:,} dossiers, after the load",
            f"{large.resident_mb:,.0f} MB",
            *bound(large.resident_mb, 1024, "MB"),
        )
    yield Row(f"{LARGE:,} dossiers generated", f"{seconds:.1f} s", *bound(seconds, 10, "s"))
    yield Row("peak memory of the generation", f"{peak:,.0f} MB", *bound(peak, 1024, "MB"))


def generate(folder: Path, size: int) -> tuple[float, float]:
    """Write a state of `size` dossiers to `{size}.json`; return seconds and peak MB."""
    command = [PYTHON, "-m", "mock_server", "fixtures", "generate", str(ROOT / "bench" / "one.yaml")]
    command += ["--dossiers", str(size), "--out", str(folder / f"{size}.json")]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    took = time.perf_counter() - began
    return took, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def scale_rows(small: Server, large: Server, size: int, rounds: int, seconds: float) -> Iterator[Row]:
    """Compare each call with `size` dossiers; filters search for a dossier of the first page."""
    compared = [(small, _filter_calls(small)), (large, _filter_calls(large))]
    for _ in range(rounds):
        for number in range(len(compared[0][1])):
            for server, calls in compared:
                server.measure(calls[number], 1, seconds)
    for call in compared[0][1]:
        before, after = small.result(call, 1), large.result(call, 1)
        yield Row(
            f"{call.name}: {size:,} dossiers instead of {SMALL:,}",
            f"{after.latency_us:.0f} µs instead of {before.latency_us:.0f} µs",
            *bound(after.latency_us / before.latency_us, 1.3, "×"),
        )


def _filter_calls(server: Server) -> list[Call]:
    server.log_in()
    dossiers = json.loads(server.request("GET", f"{DOSSIERS}?pageSize=50"))["content"]
    found = next(item for item in reversed(dossiers) if item["thirdpartyCode"] and item["siret"])
    filters = [
        Call(f"filter on `{name}`", f"{DOSSIERS}?{name}={quote(str(found[name]))}&{PAGING}")
        for name in FILTERS
    ]
    return [PAGE, DOSSIER, *filters]


def _page(rows: Sequence[Row], tables: Sequence[str], rounds: int) -> str:
    lines = [
        "# Performance\n",
        "<!-- Written by `make bench`. -->\n",
        f"Medians of {rounds} rounds, each with every server, on {platform.machine()} with Python"
        f" {platform.python_version()}, default settings, with a log line per request."
        " Absolute figures depend on the machine; the ratios are promised.\n",
        *report.table(rows),
        *tables,
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
