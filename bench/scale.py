"""Measures a world of a million dossiers beside one of a thousand, into docs/performance.md.

Needs wrk, five minutes and 12 GB of memory. A quick look: `--dossiers 200000 --rounds 1 --seconds 1`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import pages
from targets import compile_package, log_in, running, serving

from bench import SMALL, generate, measure_filters, measure_round, scale_rows


def main() -> None:
    """Measure, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dossiers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2)
    options = parser.parse_args()
    compile_package()
    with tempfile.TemporaryDirectory() as folder:
        text = _measured(Path(folder), options.dossiers, options.rounds, options.seconds)
    pages.write_section("At scale", text)
    sys.stdout.write(text)


def _measured(folder: Path, size: int, rounds: int, seconds: int) -> str:
    generate(folder, SMALL)
    took, peak = generate(folder, size)
    commands = [serving("--fixture", str(folder / f"{each}.json")) for each in (SMALL, size)]
    with running("small", commands[0], 18091) as small, running("large", commands[1], 18092) as large:
        for target in (small, large):
            log_in(target)
        for _ in range(rounds):
            measure_round([small, large], seconds)
            measure_filters([small, large], seconds)
        rows = [" | ".join(row) for row in scale_rows(small, large, size)]
        lines = [
            f"{size:,} dossiers: generated in {took:.0f} s with {peak / 1024:.1f} GB at most; from that file the server"
            f" starts in {large.figure('start'):.0f} s, and takes {large.resident_mb / 1024:.1f} GB.\n",
            "| what | measured | ratio | budget | |",
            "| --- | --- | --- | --- | --- |",
            *(f"| {row} |" for row in rows),
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
