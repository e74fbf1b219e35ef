"""Runs schemathesis against the document of each dialect, on a server of its own; `make contract`.

What is checked, how often and with which seed is in schemathesis.toml. Both documents are checked at once, each in
a sandbox of its own where the clock stands still. The last lines tell operations, cases and failures.
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
from typing import Any

import click
import requests

ROOT = Path(__file__).resolve().parent.parent
DIALECTS = ("rest", "edge")
NOW = "2026-03-02T09:00:00"
LOGIN = "/auth/realms/eat_realm/protocol/openid-connect/token"
LIMIT = 600
BROKEN = "not as the contract says"


def main() -> int:
    """Check both documents; 1 if anything failed."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "server.log").open("w+") as log:
        with server(log) as base:
            runs = {dialect: start(base, dialect, Path(folder)) for dialect in DIALECTS}
            try:
                printed = {dialect: run.communicate(timeout=LIMIT)[0] for dialect, run in runs.items()}
            finally:
                for run in runs.values():
                    run.kill()
        log.seek(0)
        complaints = [line for line in log if BROKEN in line or "Traceback" in line]
        reports = {dialect: report(Path(folder) / f"{dialect}.json") for dialect in DIALECTS}
    for dialect in DIALECTS:
        if runs[dialect].returncode:
            click.echo(printed[dialect])
    click.echo("".join(complaints), nl=False)
    for dialect in DIALECTS:
        click.echo(summary(dialect, reports[dialect], runs[dialect].returncode))
    good = not complaints and all(
        run.returncode == 0 and reports[dialect].get("complete") for dialect, run in runs.items()
    )
    click.echo("contract: both documents hold" if good else "contract: FAILED")
    return 0 if good else 1


@contextmanager
def server(log: Any) -> Iterator[str]:
    """A real server on a free port that holds its own answers against the contract; its base URL."""
    command = [sys.executable, "-m", "mock_server", "serve", "--port", "0", "--auth", "any", "--clock", NOW]
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


def start(base: str, dialect: str, folder: Path) -> subprocess.Popen[str]:
    """Let schemathesis loose on the document of the dialect, in a sandbox where time stands still."""
    sandbox = f"contract-{dialect}"
    headers = {"X-Mock-Sandbox": sandbox}
    requests.put(
        f"{base}/__admin/clock", json={"frozen": True}, headers=headers, timeout=10
    ).raise_for_status()
    form = {"grant_type": "password", "client_id": "ea-api-edge", "password": "demo"}
    form["username"] = f"api+{sandbox}@example.com"
    answer = requests.post(f"{base}{LOGIN}", data=form, timeout=10)
    answer.raise_for_status()
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "--config-file",
        str(ROOT / "schemathesis.toml"),
        "run",
    ]
    command += [f"{base}/{dialect}/openapi.json", "--report", "json"]
    command += ["--report-json-path", str(folder / f"{dialect}.json")]
    return subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"CONTRACT_TOKEN": answer.json()["access_token"]},
    )


def report(path: Path) -> dict[str, Any]:
    """What schemathesis wrote of a run; nothing if it came to no end."""
    return dict(json.loads(path.read_text())) if path.exists() else {}


def summary(dialect: str, found: dict[str, Any], code: int) -> str:
    """One line of a run."""
    if not found:
        return f"{dialect}: no report, exit code {code}"
    operations, cases = found["operations"], found["test_cases"]
    return (
        f"{dialect}: {operations['tested']} of {operations['total']} operations, {cases['generated']} cases,"
        f" {cases['unique_failures']} failures, {cases['errored']} errors,"
        f" {round(found['running_time'])} s, exit code {code}"
    )


if __name__ == "__main__":
    sys.exit(main())
