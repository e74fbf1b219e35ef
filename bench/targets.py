"""Servers that run to be measured, each a process of its own, and what is asked of them with wrk."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import requests

ROOT = Path(__file__).resolve().parent.parent
PYTHON = str(ROOT / ".venv" / "bin" / "python")
HOST = "http://127.0.0.1"
ACCOUNT = "/api/v1/account/119631"
START_LIMIT = 300.0


@dataclass
class Target:
    """A server that runs: its name and port, the header that opens it, and what was measured of it."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    authorization: str = ""
    figures: dict[str, list[float]] = field(default_factory=dict)

    def get(self, path: str) -> requests.Response:
        """One request."""
        return requests.get(
            f"{HOST}:{self.port}{path}", headers={"Authorization": self.authorization}, timeout=30
        )

    def load(self, path: str, connections: int, seconds: int) -> tuple[float, float]:
        """Requests a second, and the median latency in microseconds, under `connections`."""
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
        command += ["-H", f"Authorization: {self.authorization}", f"{HOST}:{self.port}{path}"]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in printed or "Socket errors" in printed:
            raise SystemExit(f"{self.name} {path}: {printed}")
        rate = float(re.search(r"Requests/sec:\s+([\d.]+)", printed)[1])  # type: ignore[index]
        value, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", printed).groups()  # type: ignore[union-attr]
        return rate, float(value) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]

    def note(self, what: str, value: float) -> None:
        """Keep a figure of this round."""
        self.figures.setdefault(what, []).append(value)

    def figure(self, what: str) -> float:
        """The median over the rounds."""
        return median(self.figures[what])

    @property
    def resident_mb(self) -> float:
        """Resident memory now, in MB, of the process and those that it started."""
        return sum(map(_resident_mb, _family(self.process.pid)))


def compile_package() -> None:
    """Compile the package, as an installation does: a server's start is not to wait for it, or only the first."""
    subprocess.run([PYTHON, "-m", "compileall", "-q", "mock_server"], cwd=ROOT, check=True)


@contextmanager
def running(name: str, command: Iterable[str], port: int, ready: str = "/__admin/health") -> Iterator[Target]:
    """The server of this command, in which `{port}` is filled in, once it answers `ready` with a 2xx."""
    process = subprocess.Popen(
        [part.replace("{port}", str(port)) for part in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    target = Target(name, port, process)
    try:
        began = time.perf_counter()
        while not is_up(port, ready):
            if process.poll() is not None or time.perf_counter() - began > START_LIMIT:
                raise SystemExit(f"{name} did not start: {' '.join(command)}")
            time.sleep(0.001)
        target.note("start", time.perf_counter() - began)
        yield target
    finally:
        _end(process)


def is_up(port: int, ready: str) -> bool:
    """Whether a server answers there."""
    try:
        return requests.get(f"{HOST}:{port}{ready}", timeout=1).ok
    except requests.RequestException:
        return False


def log_in(target: Target) -> None:
    """Open the accounts of a sandbox server to the requests that follow."""
    form = {"grant_type": "password", "client_id": "ea-api-edge", "username": "bench", "password": "bench"}
    url = f"{HOST}:{target.port}/auth/realms/eat_realm/protocol/openid-connect/token"
    target.authorization = f"Bearer {requests.post(url, data=form, timeout=10).json()['access_token']}"


def serving(*arguments: str) -> list[str]:
    """The command that serves a sandbox."""
    return [PYTHON, "-m", "mock_server", "serve", "--port", "{port}", "--log-level", "warning", *arguments]


def _family(pid: int) -> Iterator[int]:
    yield pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    for child in children.split():
        yield from _family(int(child))


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


def _end(process: subprocess.Popen[bytes]) -> None:
    """The process and those that it started."""
    for child in reversed(list(_family(process.pid))):
        subprocess.run(["kill", str(child)], check=False)
    process.wait()
