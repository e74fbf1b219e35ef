"""The fuzzer of the wire, for a moment; `tools/fuzz_wire.py --requests 100000` takes its time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parent.parent / "tools" / "fuzz_wire.py"


def test_random_and_mutated_requests_do_no_harm() -> None:
    command = [sys.executable, str(TOOL), "--requests", "300", "--seed", "1", "--patience", "4"]

    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert found.returncode == 0, found.stdout[:5000] + found.stderr
    assert "300 requests" in found.stdout
