"""Measures this server against bare Flask under the same server, in turn, and writes docs/performance.md.

Needs wrk, the load generator (Debian, Ubuntu and Homebrew have it). Every figure is the median of rounds in
which each server gets its turn, so that a busy machine is unfair to all of them. A quick look:
`--rounds 3 --seconds 1`.
"""

from __future__ import annotations

import argparse
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import quote

import driving
import pages
from targets import ACCOUNT, HOST, PYTHON, ROOT, Target, compile_package, log_in, running, serving

PORTS = {"small": 18081, "bare": 18082, "large": 18083, "logging": 18084}
SMALL, LARGE = 1_000, 100_000


@dataclass(frozen=True)
class Once:
    """What is measured once: seconds and peak MB of the generation; ms of calls alone and beside; ms of acts."""

    generated: tuple[float, float]
    beside: tuple[float, float]
    acts: dict[str, float]


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    options = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("wrk is missing: apt-get install wrk, or brew install wrk")
    compile_package()
    with tempfile.TemporaryDirectory() as folder:
        text = _measure(Path(folder), options.rounds, options.seconds)
    pages.write_head(text)
    sys.stdout.write(text)


def _measure(folder: Path, rounds: int, seconds: int) -> str:
    generated = generate(folder, SMALL), generate(folder, LARGE)
    commands = {
        "small": serving("--fixture", str(folder / f"{SMALL}.json")),
        "large": serving("--fixture", str(folder / f"{LARGE}.json")),
        "logging": serving("--log-level", "info"),
    }
    with _running("small", commands["small"]) as small:
        (folder / "page").write_bytes(small.get(f"{ACCOUNT}/dossiers").content)
        (folder / "dossier").write_bytes(small.get(f"{ACCOUNT}/dossiers/804127").content)
    bare = [
        PYTHON,
        str(ROOT / "bench" / "bare.py"),
        "{port}",
        str(folder / "page"),
        str(folder / "dossier"),
    ]
    starts = _starts(rounds, {"default fixture": serving(), "bare Flask": bare})
    with (
        _running("small", commands["small"]) as small,
        _running("bare", bare) as plain,
        _running("large", commands["large"]) as large,
        _running("logging", commands["logging"]) as logging,
    ):
        for _ in range(rounds):
            measure_round([small, plain, large, logging], seconds)
            small.note("resident", small.resident_mb)
            measure_filters([small, large], min(seconds, 1))
        base = f"{HOST}:{large.port}"
        beside = driving.beside_held_requests(base, ACCOUNT, large.authorization, "/dossiers/804127")
        once = Once(generated[1], beside, driving.acts(base))
        return _page(starts, small, plain, large, logging, once, rounds)


def generate(folder: Path, size: int) -> tuple[float, float]:
    """A world of so many dossiers in a file named after the number; the seconds and peak MB that it took."""
    command = [PYTHON, "-m", "mock_server", "fixtures", "generate", str(ROOT / "bench" / "one.yaml")]
    command += ["--dossiers", str(size), "--out", str(folder / f"{size}.json")]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    took = time.perf_counter() - began
    return took, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


@contextmanager
def _running(name: str, command: list[str]) -> Iterator[Target]:
    with running(name, command, PORTS[name]) as target:
        if name != "bare":
            log_in(target)
        yield target


def _starts(rounds: int, commands: dict[str, list[str]]) -> dict[str, float]:
    """Seconds from process start to the first 200, in turn."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds * 3):
        for name, command in commands.items():
            with _running("bare" if name == "bare Flask" else "small", command) as target:
                taken[name].append(target.figure("start"))
    return {name: median(values) for name, values in taken.items()}


def measure_round(targets: list[Target], seconds: int) -> None:
    """A page and a dossier, at one connection and at many, of each server in turn."""
    for what, path in (("page", f"{ACCOUNT}/dossiers"), ("dossier", f"{ACCOUNT}/dossiers/804127")):
        for connections in (1, 32):
            for target in targets:
                rate, latency = target.load(path, connections, seconds)
                target.note(f"{what} {connections} rate", rate)
                target.note(f"{what} {connections} latency", latency)


def measure_filters(targets: list[Target], seconds: int) -> None:
    """Each indexed filter, of each server in turn."""
    for target in targets:
        for name, value in _values(target).items():
            _, latency = target.load(f"{ACCOUNT}/dossiers?{name}={quote(value)}", 1, seconds)
            target.note(name, latency)


def _values(target: Target) -> dict[str, str]:
    """For each indexed filter a value that finds something: those of the last dossier of the first page."""
    dossiers = target.get(f"{ACCOUNT}/dossiers?pageSize=50").json()["content"]
    found = next(item for item in reversed(dossiers) if item["thirdpartyCode"] and item["siret"])
    names = ("dossierReference", "thirdpartyCode", "siren", "siret", "tva", "thirdpartyId")
    return {name: str(found[name]) for name in names}


def _page(
    starts: dict[str, float],
    small: Target,
    bare: Target,
    large: Target,
    logging: Target,
    once: Once,
    rounds: int,
) -> str:
    start = starts["default fixture"] / starts["bare Flask"]
    page = small.figure("page 32 rate") / bare.figure("page 32 rate")
    one = small.figure("dossier 1 latency") / bare.figure("dossier 1 latency")
    rows = [
        (
            "process start to first 200, default fixture",
            f"{starts['default fixture'] * 1000:.0f} ms; bare Flask {starts['bare Flask'] * 1000:.0f} ms",
            *_held(start, 1.7, "× bare"),
        ),
        (
            "page of ten dossiers, 32 connections",
            f"{small.figure('page 32 rate'):,.0f} requests/s; bare Flask {bare.figure('page 32 rate'):,.0f}",
            *_held(page, 0.75, "× bare", at_least=True),
        ),
        (
            "one dossier by id, one connection",
            f"{small.figure('dossier 1 latency'):.0f} µs; bare Flask {bare.figure('dossier 1 latency'):.0f} µs",
            *_held(one, 1.3, "× bare"),
        ),
        *scale_rows(small, large, LARGE),
        (
            f"another client's calls while {driving.HELD} requests are held for 2 s, 99th percentile",
            f"{once.beside[1]:.1f} ms instead of {once.beside[0]:.1f} ms",
            *_held(once.beside[1], 50, "ms"),
        ),
        *(
            (f"{name} with {LARGE:,} dossiers, the control call", f"{took:.1f} ms", *_held(took, 5, "ms"))
            for name, took in once.acts.items()
        ),
        _journal_row(small),
        (f"{LARGE:,} dossiers generated", f"{once.generated[0]:.1f} s", *_held(once.generated[0], 60, "s")),
        (
            "peak memory of the generation",
            f"{once.generated[1]:,.0f} MB",
            *_held(once.generated[1], 1536, "MB"),
        ),
        (
            f"resident with {LARGE:,} dossiers, after the load",
            f"{large.resident_mb:,.0f} MB",
            *_held(large.resident_mb, 1536, "MB"),
        ),
    ]
    others = [
        ("page, 1 connection", "page 1 latency", "µs", (small, bare, large, logging)),
        ("page, 32 connections", "page 32 rate", "requests/s", (small, bare, large, logging)),
        ("dossier, 1 connection", "dossier 1 latency", "µs", (small, bare, large, logging)),
        ("dossier, 32 connections", "dossier 32 rate", "requests/s", (small, bare, large, logging)),
    ]
    lines = [
        "# Performance\n",
        "<!-- Written by `make bench`. -->\n",
        f"Medians of {rounds} rounds in which each server had its turn, on {platform.machine()} with Python"
        f" {platform.python_version()}. Absolute figures are this machine's; the ratios are what is promised.\n",
        "| what | measured | ratio or figure | budget | |",
        "| --- | --- | --- | --- | --- |",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        f"| | {SMALL:,} dossiers | bare Flask | {LARGE:,} dossiers | default fixture, a log line per request |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {title}, {unit} | {' | '.join(f'{target.figure(what):,.0f}' for target in targets)} |"
            for title, what, unit, targets in others
        ),
        f"| start to first 200, ms | {small.figure('start') * 1000:,.0f} | {bare.figure('start') * 1000:,.0f}"
        f" | {large.figure('start') * 1000:,.0f} | {logging.figure('start') * 1000:,.0f} |",
        f"| resident after the load, MB | {small.resident_mb:,.0f} | {bare.resident_mb:,.0f}"
        f" | {large.resident_mb:,.0f} | {logging.resident_mb:,.0f} |",
    ]
    return "\n".join(lines) + "\n"


def _journal_row(target: Target) -> tuple[str, ...]:
    """By how much memory grew since the journal was full, which the first round sees to."""
    resident = target.figures["resident"]
    met = target.get("/__admin/coverage").json()["operations"]["met"]
    calls = sum(operation["calls"] for operation in met.values())
    return (
        f"resident with a journal of 1,000 entries, after {calls:,} requests",
        f"{resident[-1]:.1f} MB; after the first round {resident[0]:.1f} MB",
        *_held(resident[-1] - resident[0], 5, "MB more"),
    )


def scale_rows(small: Target, large: Target, size: int) -> Iterator[tuple[str, ...]]:
    """What each of these takes longer in a world of `size` dossiers."""
    for what in ("page 1 latency", "dossier 1 latency", *_values(small)):
        before, after = small.figure(what), large.figure(what)
        title = what.replace(" 1 latency", ", one connection") if "latency" in what else f"filter on `{what}`"
        yield (
            f"{title}: {size:,} dossiers instead of {SMALL:,}",
            f"{after:.0f} µs instead of {before:.0f} µs",
            *_held(after / before, 1.5, "×"),
        )


def _held(value: float, bound: float, unit: str, *, at_least: bool = False) -> tuple[str, str, str]:
    held = value >= bound if at_least else value <= bound
    relation = "≥" if at_least else "≤"
    shown = f"{value:.2f}" if value < 10 else f"{value:,.0f}"
    return f"{shown} {unit}", f"{relation} {bound:g} {unit}", "held" if held else "**not held**"


if __name__ == "__main__":
    main()
