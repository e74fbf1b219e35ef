"""Run schemathesis against the document of each dialect, on a new server; `make contract`.

schemathesis.toml has the checks, the numbers of cases and the seed. Both documents are checked at once, each in a
separate sandbox with a frozen clock. Arguments go to `schemathesis run`: `--max-examples 2000 --seed 7` for a longer
run, or another one. The last lines show operations, cases and failures.
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
    """The result of a run: its exit code, and the report of schemathesis, empty if the run did not finish."""

    code: int
    report: dict[str, Any]
    printed: str

    @property
    def holds(self) -> bool:
        """Whether the run was complete and nothing failed."""
        return self.code == 0 and bool(self.report.get("complete"))


def main(options: list[str]) -> int:
    """Check both documents; return 1 if anything failed."""
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
    """Run a real server on a free port that validates its own answers; yield its base URL.

    Imports end at once, since the clock is frozen; tokens are valid longer than the longest run.
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
    """Run schemathesis against both documents at once; return the outcomes by dialect."""
    runs = {dialect: start(base, dialect, folder, options) for dialect in DIALECTS}
    try:
        codes = {dialect: process.wait() for dialect, process in runs.items()}
    finally:
        for process in runs.values():
            process.kill()
    return {dialect: outcome(dialect, code, folder) for dialect, code in codes.items()}


def start(base: str, dialect: str, folder: Path, options: list[str]) -> subprocess.Popen[bytes]:
    """Start the run for the document of the dialect, in a sandbox with a frozen clock."""
    sandbox = f"contract-{dialect}"
    environment = {
        "CONTRACT_BASE": base,
        "CONTRACT_SANDBOX": sandbox,
        "CONTRACT_TOKEN": log_in(base, sandbox),
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


def log_in(base: str, sandbox: str) -> str:
    """Freeze the clock of the sandbox and return a token for it."""
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
    """Read the outcome of a run from its folder."""
    report, printed = folder / f"{dialect}.json", folder / f"{dialect}.log"
    return Outcome(code, json.loads(report.read_text()) if report.exists() else {}, printed.read_text())


def summary(dialect: str, found: Outcome) -> str:
    """Return one line about a run."""
    if not found.report:
        return f"{dialect}: no report, exit code {found.code}"
    operations, cases = found.report["operations"], found.report["test_cases"]
    return (
        f"{dialect}: {operations['tested']} of {operations['total']} operations, {cases['generated']} cases,"
        f" {cases['unique_failures']} failures, {cases['errored']} errors, {round(found.report['running_time'])} s"
    )


def total(outcomes: dict[str, Outcome]) -> str:
    """Return the totals of both runs."""
    reports = [found.report for found in outcomes.values() if found.report]
    operations = sum(report["operations"]["tested"] for report in reports)
    return f"{operations} operations, {sum(report['test_cases']['generated'] for report in reports)} cases"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
