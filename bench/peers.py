"""Compare this sandbox with similar servers; write docs/performance.md and a plot.

It measures those that are installed; `make bench-peers` installs them into .peers. Needs wrk, and for some of
them Node.js or Java. A short run: `--rounds 1 --seconds 1 --warm 1 --dry`.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import matplotlib as mpl
import matplotlib.pyplot as plt
import report
from calls import DOSSIER, PAGE
from peer_servers import BARE, SANDBOX, Peer, peers
from report import Row, bound
from servers import ROOT, Server, compile_package, running

from bench import write_answers

PLOT = ROOT / "docs" / "images" / "peers.svg"
FIRST_PORT = 18201
CONNECTIONS = (1, 32)
BEATEN = ("mountebank", "Prism", "Mockoon", "json-server", "WireMock, default")
"""The servers, by the beginning of their names, that this sandbox must be faster and smaller than."""


def main() -> None:
    """Measure, and write section and plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument(
        "--warm", type=float, default=25, help="seconds of load before the first figure, for each server"
    )
    parser.add_argument("--dry", action="store_true", help="print the figures, write nothing")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("wrk is missing: apt-get install wrk, or brew install wrk")
    compile_package()
    with tempfile.TemporaryDirectory() as folder:
        write_answers(Path(folder))
        installed = list(_installed(Path(folder)))
        starts = _starts(installed, options.rounds)
        with ExitStack() as stack:
            servers = [stack.enter_context(_running(peer, number)) for number, peer in enumerate(installed)]
            for server, peer in zip(servers, installed, strict=True):
                server.load(next(peer.calls), CONNECTIONS[-1], options.warm)
            for _ in range(options.rounds):
                _measure_round(servers, installed, options.seconds)
            text = _section(servers, starts, options)
            if not options.dry:
                _plot(servers)
    sys.stdout.write(text)
    if not options.dry:
        report.write_section("Compared with other servers", text)


def _installed(folder: Path) -> Iterator[Peer]:
    for peer in peers(folder):
        if shutil.which(peer.command[0]) and "missing" not in peer.command:
            yield peer
        else:
            sys.stderr.write(f"{peer.name} is left out: it is not installed\n")


def _starts(installed: Sequence[Peer], rounds: int) -> dict[str, float]:
    """Median seconds from process start to the first answer, each server alone."""
    taken: dict[str, list[float]] = {peer.name: [] for peer in installed}
    for _ in range(rounds):
        for number, peer in enumerate(installed):
            with _running(peer, number) as server:
                taken[peer.name].append(server.start_seconds)
    return {name: median(values) for name, values in taken.items()}


@contextmanager
def _running(peer: Peer, number: int) -> Iterator[Server]:
    with running(peer.name, peer.command, peer.port or FIRST_PORT + number, ready=peer.ready) as server:
        peer.prepare(server)
        yield server


def _measure_round(servers: Sequence[Server], installed: Sequence[Peer], seconds: float) -> None:
    for connections in CONNECTIONS:
        for name in (PAGE.name, DOSSIER.name):
            for server, peer in zip(servers, installed, strict=True):
                for call in peer.calls:
                    if call.name == name:
                        server.measure(call, connections, seconds)


def _section(servers: Sequence[Server], starts: dict[str, float], options: argparse.Namespace) -> str:
    lines = [
        f"Medians of {options.rounds} rounds, each with every server, after {options.warm:g} s of load for each."
        " Each answers the same bytes to the same URLs, query strings included; json-server has its own URLs. moto and"
        " localstripe do other work, and bare Flask shows the limit of a server with Flask.\n",
        "![Requests a second and latency of each](images/peers.svg)\n",
        "| | page, 32 connections, requests/s | page, 1 connection, p50 µs | page, CPU per request, µs"
        " | dossier, 1 connection, p50 µs | start, ms | resident after the load, MB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(_line(server, starts) for server in sorted(servers, key=lambda each: -each.result(PAGE, 32).rate)),
        "",
        *report.table(_ratios(servers, starts)),
    ]
    return "\n".join(lines) + "\n"


def _line(server: Server, starts: dict[str, float]) -> str:
    many, one = server.result(PAGE, 32), server.result(PAGE, 1)
    has_dossier = (DOSSIER.name, 1) in server.figures
    dossier = f"{server.result(DOSSIER, 1).latency_us:,.0f}" if has_dossier else ""
    cells = f"{many.rate:,.0f} | {one.latency_us:,.0f} | {one.cpu_us:,.0f} | {dossier}"
    return f"| {server.name} | {cells} | {starts[server.name] * 1000:,.0f} | {server.resident_mb:,.0f} |"


def _ratios(servers: Sequence[Server], starts: dict[str, float]) -> Iterator[Row]:
    """Yield the ratios of this sandbox to each other server: above 1 it is slower or larger."""
    ours = servers[0]
    for server in servers[1:]:
        if server.name == BARE or (DOSSIER.name, 1) not in server.figures:
            continue
        ratios = {
            "page, 1 connection": ours.result(PAGE, 1).latency_us / server.result(PAGE, 1).latency_us,
            "page, 32 connections": server.result(PAGE, 32).rate / ours.result(PAGE, 32).rate,
            "dossier": ours.result(DOSSIER, 1).latency_us / server.result(DOSSIER, 1).latency_us,
            "start": starts[SANDBOX] / starts[server.name],
            "memory": ours.resident_mb / server.resident_mb,
        }
        shown = " · ".join(f"{what} {ratio:.2f}" for what, ratio in ratios.items())
        judged = max(ratio for what, ratio in ratios.items() if what != "dossier")
        verdict = bound(judged, 1, "×") if server.name.startswith(BEATEN) else ("", "", "")
        yield Row(f"compared with {server.name}", shown, *verdict)


def _plot(servers: Sequence[Server]) -> None:
    """Two panels of bars; those of this sandbox are coloured."""
    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "peers"})
    ordered = sorted(servers, key=lambda server: server.result(PAGE, 32).rate)
    figure, panels = plt.subplots(
        1, 2, figsize=(9, 0.4 * len(ordered) + 1), sharey=True, layout="constrained"
    )
    shown = {
        "page, 32 connections, requests/s": [server.result(PAGE, 32).rate for server in ordered],
        "page, 1 connection, p50 µs": [server.result(PAGE, 1).latency_us for server in ordered],
    }
    for panel, (title, values) in zip(panels, shown.items(), strict=True):
        colours = ["#2563eb" if server.name == SANDBOX else "#94a3b8" for server in ordered]
        bars = panel.barh([server.name for server in ordered], values, color=colours)
        panel.bar_label(bars, fmt="{:,.0f}", padding=3)
        panel.set_title(title, fontsize=10)
        panel.margins(x=0.18)
        panel.set_xticks([])
        panel.spines[["top", "right", "bottom"]].set_visible(False)
    PLOT.parent.mkdir(exist_ok=True)
    figure.savefig(PLOT, metadata={"Date": None})


if __name__ == "__main__":
    main()
