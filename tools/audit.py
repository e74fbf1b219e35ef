"""Report known vulnerabilities of the installed packages with pip-audit: `make audit`.

The exit status is 1 if there is one. If the database cannot be reached, the check is skipped with a message and
exit status 0: a build without network must not fail, nor look as if it was checked.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import requests

DATABASE = "https://pypi.org/pypi/{}/{}/json"
_KNOWN = ("pip", "23.0")
"""A release with known vulnerabilities: a database that returns none is wrong."""
_TIMEOUT = 10


def main() -> int:
    """Audit, print the result and return the exit status."""
    missing = _why_unreachable()
    if missing:
        print(f"audit: SKIPPED, nothing was checked: {missing}")
        return 0
    command = [sys.executable, "-m", "pip_audit", "--local", "--skip-editable", "--format", "json"]
    ran = subprocess.run([*command, "--progress-spinner", "off"], capture_output=True, text=True, check=False)
    try:
        dependencies = json.loads(ran.stdout)["dependencies"]
    except ValueError:
        print(f"audit: FAILED: {ran.stderr.strip()}")
        return 1
    return report(dependencies)


def _why_unreachable() -> str:
    """Return why the database is not usable; empty if it is."""
    url = DATABASE.format(*_KNOWN)
    try:
        answer = requests.get(url, timeout=_TIMEOUT)
        answer.raise_for_status()
        found = answer.json().get("vulnerabilities")
    except requests.RequestException as problem:
        return f"the database of vulnerabilities cannot be reached ({problem})"
    return "" if found else f"{url} returns no vulnerabilities, although there are some"


def report(dependencies: list[dict[str, Any]]) -> int:
    """Print the vulnerabilities, and the packages that were not checked, as the database does not have them."""
    skipped = [row["name"] for row in dependencies if "skip_reason" in row]
    checked = [row for row in dependencies if "skip_reason" not in row]
    vulnerable = [row for row in checked if row["vulns"]]
    for row in vulnerable:
        for found in row["vulns"]:
            fixed = ", ".join(found["fix_versions"]) or "no release"
            print(f"audit: {row['name']} {row['version']}: {found['id']}, repaired in {fixed}")
    unknown = f", not checked: {', '.join(skipped)}" if skipped else ""
    print(f"audit: {len(checked)} packages checked, {len(vulnerable)} vulnerable{unknown}")
    return 1 if vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
