"""Measures this sandbox beside what people use instead, in turn, into docs/performance.md and a plot.

What is installed of them is found out; `make bench-peers` installs them into .peers. Needs wrk, and Node.js and
Java for those written for them. A quick look: `--rounds 1 --seconds 1`.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pages
from standins import BARE, PATH, SANDBOX, Standin, standins
from targets import ROOT, Target, compile_package, log_in, running, serving

PLOT = ROOT / "docs" / "images" / "peers.svg"
FIRST_PORT = 18201
COLUMNS = {
    "page, 32 connections, requests/s": "rate",
    "the same, fresh from the start": "fresh",
    "page, 1 connection, µs": "latency",
    "start to first answer, ms": "start ms",
    "resident after the load, MB": "resident",
}
CONNECTIONS = 32


def main() -> None:
    """Measure, and write section and plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--dry", action="store_true", help="print the figures alone")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("wrk is missing: apt-get install wrk, or brew install wrk")
    compile_package()
    with tempfile.TemporaryDirectory() as folder:
        there = enumerate(_there(Path(folder)), FIRST_PORT)
        servers = [(standin.port or port, standin) for port, standin in there]
        targets = _measured(servers, options.rounds, options.seconds)
    text = _section(targets, options.rounds)
    sys.stdout.write(text)
    if not options.dry:
        _plot(targets)
        pages.write_section("Beside others", text)


def _there(folder: Path) -> Iterator[Standin]:
    """Those that are installed."""
    with running(SANDBOX, serving(), FIRST_PORT) as target:
        log_in(target)
        page, dossier = target.get(PATH).content, target.get(f"{PATH}/804127").content
    for standin in standins(folder, page, dossier):
        if shutil.which(standin.command[0]) and all(map(_is_no_missing_file, standin.command)):
            yield standin
        else:
            sys.stderr.write(f"{standin.name} is left out: it is not installed\n")


def _is_no_missing_file(argument: str) -> bool:
    return not argument.endswith("missing")


Placed = tuple[int, Standin]


def _measured(servers: list[Placed], rounds: int, seconds: int) -> list[Target]:
    """Each with its figures; started alone for the time it takes, then all there together, and asked in turn."""
    begun = _begun(servers, rounds)
    with ExitStack() as stack:
        targets = [stack.enter_context(_up(standin, port)) for port, standin in servers]
        paths = [standin.path for _, standin in servers]
        for target, path in zip(targets, paths, strict=True):
            target.note("fresh", target.load(path, CONNECTIONS, seconds)[0])
        for _ in range(rounds):
            _round(targets, paths, seconds)
        for target in targets:
            target.note("resident", target.resident_mb)
            target.figures["start ms"] = begun[target.name]
    return targets


def _begun(servers: list[Placed], rounds: int) -> dict[str, list[float]]:
    """Milliseconds from process start to the first answer, of each alone."""
    begun: dict[str, list[float]] = {standin.name: [] for _, standin in servers}
    for _ in range(rounds):
        for port, standin in servers:
            with _up(standin, port) as target:
                begun[standin.name].append(target.figure("start") * 1000)
    return begun


def _round(targets: list[Target], paths: list[str], seconds: int) -> None:
    for target, path in zip(targets, paths, strict=True):
        target.note("latency", target.load(path, 1, seconds)[1])
        target.note("rate", target.load(path, CONNECTIONS, seconds)[0])


@contextmanager
def _up(standin: Standin, port: int) -> Iterator[Target]:
    with running(standin.name, standin.command, port, standin.ready) as target:
        standin.prepare(target)
        yield target


def _section(targets: list[Target], rounds: int) -> str:
    ours, peers = targets[0], [target for target in targets if target.name not in {SANDBOX, BARE}]
    lines = [
        f"Medians of {rounds} rounds in which each had its turn. Bare Flask is no peer, but what a server made with"
        " Flask can reach. moto and localstripe have work of their own. WireMock is shown as a warm JVM serves a fixed page; it takes some"
        " seconds of load to get there.\n",
        "![Requests a second and latency of each](images/peers.svg)\n",
        f"| | {' | '.join(COLUMNS)} |",
        f"| --- |{' --- |' * len(COLUMNS)}",
        *(
            f"| {target.name} | {' | '.join(f'{target.figure(what):,.0f}' for what in COLUMNS.values())} |"
            for target in sorted(targets, key=lambda target: -target.figure("rate"))
        ),
    ]
    if peers:
        lines += [
            "",
            "| what | ratio | budget | |",
            "| --- | --- | --- | --- |",
            *(_beside_the_best(ours, peers, title, what) for title, what in list(COLUMNS.items())[:3]),
        ]
    return "\n".join(lines) + "\n"


def _beside_the_best(ours: Target, peers: list[Target], title: str, what: str) -> str:
    """Of a rate twice the best peer's is asked for, of a latency to be ahead."""
    if what == "latency":
        best = min(peers, key=lambda peer: peer.figure(what))
        return _held(f"{title}: beside {best.name}", ours.figure(what) / best.figure(what), 1)
    best = max(peers, key=lambda peer: peer.figure(what))
    return _held(f"{title}: beside {best.name}", ours.figure(what) / best.figure(what), 2, at_least=True)


def _held(what: str, ratio: float, bound: float, *, at_least: bool = False) -> str:
    held = ratio >= bound if at_least else ratio <= bound
    return f"| {what} | {ratio:.2f} × | {'≥' if at_least else '≤'} {bound:g} × | {'held' if held else '**not held**'} |"


def _plot(targets: list[Target]) -> None:
    """Two panels of bars; those of this sandbox stand out."""
    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "peers"})
    ordered = sorted(targets, key=lambda target: target.figure("rate"))
    figure, panels = plt.subplots(
        1, 2, figsize=(9, 0.4 * len(ordered) + 1), sharey=True, layout="constrained"
    )
    for panel, (title, what) in zip(panels, list(COLUMNS.items())[:2], strict=True):
        colours = ["#2563eb" if target.name == SANDBOX else "#94a3b8" for target in ordered]
        bars = panel.barh(
            [target.name for target in ordered], [target.figure(what) for target in ordered], color=colours
        )
        panel.bar_label(bars, fmt="{:,.0f}", padding=3)
        panel.set_title(title, fontsize=10)
        panel.margins(x=0.18)
        panel.set_xticks([])
        panel.spines[["top", "right", "bottom"]].set_visible(False)
    PLOT.parent.mkdir(exist_ok=True)
    figure.savefig(PLOT, metadata={"Date": None})


if __name__ == "__main__":
    main()
