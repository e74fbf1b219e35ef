"""Compare a million dossiers with a thousand, and write docs/performance.md.

Needs wrk, five minutes and 8 GB of memory. A short run: `--dossiers 200000 --rounds 1 --seconds 1 --dry`.
"""

from __future__ import annotations

import argparse
import http.client
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

import control_calls
import report
from calls import DOSSIER, DOSSIERS
from report import Row, bound
from servers import HOST, Server, compile_package, running, sandbox_command

from bench import SMALL, generate, scale_rows


def main() -> None:
    """Measure, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dossiers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--dry", action="store_true", help="print the figures, write nothing")
    options = parser.parse_args()
    compile_package()
    with tempfile.TemporaryDirectory() as folder:
        text = "\n".join(report.table(_measure(Path(folder), options))) + "\n"
    if not options.dry:
        report.write_section("At scale", text)
    sys.stdout.write(text)


def _measure(folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    size = options.dossiers
    generate(folder, SMALL)
    seconds, peak = generate(folder, size)
    yield Row(f"{size:,} dossiers generated", f"{seconds:.0f} s, {peak / 1024:.1f} GB at most")
    commands = [sandbox_command("--fixture", str(folder / f"{each}.json")) for each in (SMALL, size)]
    with running("small", commands[0], 18091) as small, running("large", commands[1], 18092) as large:
        yield Row(
            "start from that file", f"{large.start_seconds:.0f} s", *bound(large.start_seconds, 25, "s")
        )
        memory = large.resident_mb / 1024
        yield Row("resident memory", f"{memory:.1f} GB", *bound(memory, 5, "GB"))
        large.log_in()
        time.sleep(1)  # meanwhile the server imports the control API
        first = time.perf_counter()
        large.request("POST", "/__admin/reset")
        first = (time.perf_counter() - first) * 1000
        yield Row("first reset", f"{first:.1f} ms", *bound(first, 5, "ms"))
        for name, took in control_calls.durations(large).items():
            yield Row(f"{name}, the control call", f"{took:.1f} ms", *bound(took, 5, "ms"))
        yield from scale_rows(small, large, size, options.rounds, options.seconds)
        yield from _all_dossiers(large)


def _all_dossiers(server: Server) -> Iterator[Row]:
    """Measure the rate at which all dossiers are sent, and another client's calls meanwhile."""
    taken: list[float] = []
    over = threading.Event()

    def call() -> None:
        while not over.is_set():
            began = time.perf_counter()
            server.request("GET", DOSSIER.path)
            taken.append((time.perf_counter() - began) * 1000)

    thread = threading.Thread(target=call)
    thread.start()
    began, size = time.perf_counter(), 0
    connection = http.client.HTTPConnection(HOST, server.port, timeout=600)
    connection.request("GET", f"{DOSSIERS}/all", headers={"Authorization": server.authorization})
    answer = connection.getresponse()
    while part := answer.read(1 << 20):
        size += len(part)
    rate = size / 1e6 / (time.perf_counter() - began)
    over.set()
    thread.join()
    connection.close()
    yield Row("all dossiers in one answer", f"{size / 1e9:.2f} GB", *bound(rate, 60, "MB/s", at_least=True))
    p99 = quantiles(taken, n=100)[98]
    yield Row(
        "another client's calls meanwhile, 99th percentile",
        f"longest {max(taken):.1f} ms",
        *bound(p99, 20, "ms"),
    )


if __name__ == "__main__":
    main()
