"""Print the lowest supported version of each runtime dependency as pip constraints: `make test-lowest`."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def constraints() -> Iterator[str]:
    """Yield a line for each dependency, without extras: constraints have none."""
    for dependency in tomllib.loads(PROJECT.read_text())["project"]["dependencies"]:
        requirement, _, marker = dependency.partition(";")
        found = re.fullmatch(r"([\w-]+)(?:\[\w+\])?(?:>=|==)([\d.]+).*", requirement.strip())
        if found is None:
            raise SystemExit(f"pyproject.toml: {dependency!r} has no lowest version")
        yield f"{found[1]}=={found[2]}" + (f" ; {marker.strip()}" if marker else "")


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in constraints())
