"""Run schemathesis against the document of each dialect, on a new server; `make contract`.

What is checked, how often and with which seed is in schemathesis.toml. Both documents are checked at once, each in
a separate sandbox with a frozen clock. What is given on the command line goes to `schemathesis run`:
`--max-examples 2000 --seed 7` for a deeper run, or another one. The last lines show operations, cases and failures.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import click
import requests

ROOT = Path(__file__).resolve().parent.parent
DIALECTS = ("rest", "edge")
NOW = "2026-03-02T09:00:00"
LOGIN = "/auth/realms/eat_realm/protocol/openid-connect/token"
BROKEN = re.compile("not as the contract says|Traceback")


class Outcome(NamedTuple):
    """How a run ended: its exit code, and what schemathesis wrote of it, nothing if it came to no end."""

    code: int
    report: dict[str, Any]
    printed: str

    @property
    def holds(self) -> bool:
        """The run was complete, and nothing failed."""
        return self.code == 0 and bool(self.report.get("complete"))


def main(options: list[str]) -> int:
    """Check both documents; 1 if anything failed."""
    with tempfile.TemporaryDirectory() as name, (Path(name) / "server.log").open("w+") as log:
        with server(log) as base:
            outcomes = run(base, Path(name), options)
        log.seek(0)
        complaints = [line for line in log if BROKEN.search(line)]
    for outcome in outcomes.values():
        if not outcome.holds:
            click.echo(outcome.printed)
    click.echo("".join(complaints), nl=False)
    for dialect, outcome in outcomes.items():
        click.echo(summary(dialect, outcome))
    good = not complaints and all(outcome.holds for outcome in outcomes.values())
    click.echo(f"contract: {total(outcomes)}, {'both documents hold' if good else 'FAILED'}")
    return 0 if good else 1


@contextmanager
def server(log: Any) -> Iterator[str]:
    """A real server on a free port that holds its own answers against the contract; its base URL.

    An import ends at once, since time stands still; tokens outlive the longest run.
    """
    command = [sys.executable, "-m", "mock_server", "serve", "--port", "0", "--auth", "any", "--clock", NOW]
    command += ["--import-duration", "0", "--access-token-lifetime", "24h"]
    command += ["--check-responses", "--log-level", "warning"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        ready = re.search(r"ready on (http://\S+)", process.stdout.readline() if process.stdout else "")
        if not ready:
            raise SystemExit("the server did not start")
        yield ready[1]
    finally:
        process.terminate()
        process.wait(timeout=10)


def run(base: str, folder: Path, options: list[str]) -> dict[str, Outcome]:
    """Let schemathesis loose on both documents at once, by dialect."""
    runs = {dialect: start(base, dialect, folder, options) for dialect in DIALECTS}
    try:
        codes = {dialect: process.wait() for dialect, process in runs.items()}
    finally:
        for process in runs.values():
            process.kill()
    return {dialect: outcome(dialect, code, folder) for dialect, code in codes.items()}


def start(base: str, dialect: str, folder: Path, options: list[str]) -> subprocess.Popen[bytes]:
    """Begin with the document of the dialect, in a sandbox where time stands still."""
    sandbox = f"contract-{dialect}"
    environment = {
        "CONTRACT_BASE": base,
        "CONTRACT_SANDBOX": sandbox,
        "CONTRACT_TOKEN": logged_in(base, sandbox),
        "SCHEMATHESIS_HOOKS": str(ROOT / "tools/contract_hooks.py"),
    }
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(ROOT / "schemathesis.toml")]
    command += ["run", f"{base}/{dialect}/openapi.json", "--report", "json"]
    command += ["--report-json-path", str(folder / f"{dialect}.json"), *options]
    with (folder / f"{dialect}.log").open("wb") as printed:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            env=os.environ | environment,
        )


def logged_in(base: str, sandbox: str) -> str:
    """A token for the sandbox, whose clock is frozen."""
    requests.put(
        f"{base}/__admin/clock", json={"frozen": True}, headers={"X-Mock-Sandbox": sandbox}, timeout=10
    ).raise_for_status()
    form = {"grant_type": "password", "client_id": "ea-api-edge", "password": "demo"}
    answer = requests.post(
        f"{base}{LOGIN}", data=form | {"username": f"api+{sandbox}@example.com"}, timeout=10
    )
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def outcome(dialect: str, code: int, folder: Path) -> Outcome:
    """What a run left in the folder."""
    report, printed = folder / f"{dialect}.json", folder / f"{dialect}.log"
    return Outcome(code, json.loads(report.read_text()) if report.exists() else {}, printed.read_text())


def summary(dialect: str, found: Outcome) -> str:
    """One line of a run."""
    if not found.report:
        return f"{dialect}: no report, exit code {found.code}"
    operations, cases = found.report["operations"], found.report["test_cases"]
    return (
        f"{dialect}: {operations['tested']} of {operations['total']} operations, {cases['generated']} cases,"
        f" {cases['unique_failures']} failures, {cases['errored']} errors, {round(found.report['running_time'])} s"
    )


def total(outcomes: dict[str, Outcome]) -> str:
    """The sum of both runs."""
    reports = [found.report for found in outcomes.values() if found.report]
    operations = sum(report["operations"]["tested"] for report in reports)
    return f"{operations} operations, {sum(report['test_cases']['generated'] for report in reports)} cases"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
