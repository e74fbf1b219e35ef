"""Run six libraries for OAuth and OpenID Connect against the sandbox over HTTPS, with their own defaults.

`make identity` installs them into `.identity`: three from PyPI, and three from npm where node and npm are found.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INSTALLED = ROOT / ".identity"
SOURCE = ROOT / "tools" / "identity"
CHECKS = (
    *("discovery", "RFC 8414", "password", "openid", "refresh", "userinfo", "introspection", "logout"),
    *("revocation", "public_key", "verify", "Basic"),
)
READY = re.compile(r"mock-server ready on https://[^:]+:(\d+) .*\(CA certificate: (.+)\)")


def main() -> int:
    """Print a table of what each library did; return 1 when a check failed."""
    rows: dict[str, dict[str, str]] = {}
    with server() as (url, environment):
        commands = [[str(INSTALLED / "bin" / "python"), str(SOURCE / "libraries.py"), url]]
        if (INSTALLED / "node_modules").is_dir() and shutil.which("node"):
            script = shutil.copy(SOURCE / "libraries.mjs", INSTALLED)  # node looks for packages next to it
            commands.append(["node", str(script), url])
        else:
            print("node or npm is missing: openid-client, keycloak-connect and simple-oauth2 do not run\n")
        failed = False
        for command in commands:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=120, check=False
            )
            for line in done.stdout.splitlines():
                found = json.loads(line)
                rows.setdefault(found["library"], {})[found["check"]] = found["outcome"]
            if done.returncode:
                failed = True
                print(done.stderr)
    print_table(rows)
    return 1 if failed or any(each != "ok" for row in rows.values() for each in row.values()) else 0


@contextmanager
def server() -> Iterator[tuple[str, dict[str, str]]]:
    """Start a server with HTTPS; yield its URL, and an environment in which clients trust it."""
    command = [
        sys.executable,
        "-m",
        "mock_server",
        "serve",
        "--port",
        "0",
        "--tls-self-signed",
        "--log-level",
        "error",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = READY.match(process.stdout.readline())
        assert ready is not None
        trusted = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
        try:
            yield f"https://localhost:{ready[1]}", {**os.environ, **dict.fromkeys(trusted, ready[2])}
        finally:
            process.terminate()


def print_table(rows: dict[str, dict[str, str]]) -> None:
    """Print a row per check and a column per library; then the failures in full."""
    print(f"| check | {' | '.join(rows)} |\n|{' --- |' * (len(rows) + 1)}")
    for check in CHECKS:
        outcomes = [row.get(check, "-") for row in rows.values()]
        print(f"| {check} | {' | '.join(each if each in {'ok', '-'} else 'FAILED' for each in outcomes)} |")
    for library, row in rows.items():
        for check, outcome in row.items():
            if outcome != "ok":
                print(f"\n{library}, {check}: {outcome}")


if __name__ == "__main__":
    sys.exit(main())
