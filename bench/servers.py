"""The measured servers, each a separate process, and the figures that wrk measures."""

from __future__ import annotations

import http.client
import os
import re
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from calls import LOGIN_FORM, PAGE, TOKEN_PATH, Call

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
HOST = "127.0.0.1"
START_LIMIT = 300.0
_TICKS = os.sysconf("SC_CLK_TCK")
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Figures(NamedTuple):
    """Figures of one run of wrk: median latency, rate, and CPU time of the server for each request."""

    latency_us: float
    rate: float
    cpu_us: float


@dataclass
class Server:
    """A running server: its port, process, token, and the figures of each round."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    tls: bool = False
    authorization: str = ""
    figures: dict[tuple[str, int], list[Figures]] = field(default_factory=dict)
    start_seconds: float = 0.0

    @property
    def url(self) -> str:
        """The base URL."""
        return f"{'https' if self.tls else 'http'}://{HOST}:{self.port}"

    def request(self, method: str, path: str, body: str | None = None, **headers: str) -> bytes:
        """Return the body of the answer to one request.

        Raises:
            OSError: the server does not answer, or not with a 2xx.
        """
        connection = _connection(self.port, tls=self.tls)
        try:
            sent = {"Authorization": self.authorization} if self.authorization else {}
            connection.request(method, path, body, {**sent, **headers})
            answer = connection.getresponse()
            content = answer.read()
        except http.client.HTTPException as problem:
            raise OSError(f"{method} {path}: {problem!r}") from problem
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise OSError(f"{self.name}: {method} {path}: {answer.status} {content[:300]!r}")
        return content

    def log_in(self, username: str = "bench") -> None:
        """Get a token for the next requests."""
        found = re.search(
            rb'"access_token": ?"([^"]+)"',
            self.request("POST", TOKEN_PATH, LOGIN_FORM.format(username), **_FORM),
        )
        self.authorization = f"Bearer {found[1].decode()}" if found else ""

    def load(self, call: Call, connections: int, seconds: float) -> Figures:
        """Repeat this call with wrk; an answer other than 2xx ends the benchmark."""
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency"]
        if call.script:
            command += ["-s", str(FOLDER / call.script)]
        if self.authorization:
            command += ["-H", f"Authorization: {self.authorization}"]
        before = self.cpu_seconds
        printed = subprocess.run(
            [*command, self.url + call.path], capture_output=True, text=True, check=True
        ).stdout
        used = self.cpu_seconds - before
        if "Non-2xx" in printed or "Socket errors" in printed:
            raise SystemExit(f"{self.name}: {call.name}: {printed}")
        requests = int(_found(r"(\d+) requests in", printed))
        value, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", printed).groups()  # type: ignore[union-attr]
        latency = float(value) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]
        return Figures(latency, float(_found(r"Requests/sec:\s+([\d.]+)", printed)), used / requests * 1e6)

    def measure(self, call: Call, connections: int, seconds: float) -> None:
        """Keep the figures of one round."""
        self.figures.setdefault((call.name, connections), []).append(self.load(call, connections, seconds))

    def result(self, call: Call, connections: int) -> Figures:
        """Return the median of each figure over the rounds."""
        return Figures(*map(median, zip(*self.figures[call.name, connections], strict=True)))

    @property
    def cpu_seconds(self) -> float:
        """CPU time so far, user and system, of the process and its children."""
        return sum(map(_cpu_seconds, _family(self.process.pid)))

    @property
    def resident_mb(self) -> float:
        """Resident memory now, in MB, of the process and its children."""
        return sum(map(_resident_mb, _family(self.process.pid)))


@contextmanager
def running(
    name: str,
    command: Iterable[str],
    port: int,
    *,
    ready: str = "/__admin/health",
    tls: bool = False,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Iterator[Server]:
    """Run the server of this command, with `{port}` filled in; yield it when it answers `ready` with a 2xx.

    Its output goes to a file, like the log of a container.
    """
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [part.replace("{port}", str(port)) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(environment or {})},
            cwd=folder or ROOT,
        )
        server = Server(name, port, process, tls)
        try:
            began = time.perf_counter()
            while not _is_up(server, ready):
                if process.poll() is not None or time.perf_counter() - began > START_LIMIT:
                    log.seek(0)
                    raise SystemExit(f"{name} did not start: {log.read()[-500:].decode(errors='replace')}")
                time.sleep(0.001)
            server.start_seconds = time.perf_counter() - began
            yield server
        finally:
            _end(process)


def start_to_search(
    name: str, command: Iterable[str], port: int, environment: Mapping[str, str]
) -> tuple[float, float]:
    """Return the seconds from process start to the first answered search, and those of the login."""
    began = time.perf_counter()
    with running(name, command, port, environment=environment) as server:
        up = time.perf_counter()
        server.log_in()
        logged_in = time.perf_counter()
        server.request("GET", PAGE.path)
        return time.perf_counter() - began, logged_in - up


def sandbox_command(*arguments: str, checkout: Path = ROOT) -> list[str]:
    """Return the command that serves a sandbox with default settings, from this checkout or another."""
    return [
        str(checkout / ".venv" / "bin" / "python"),
        "-m",
        "mock_server",
        "serve",
        "--port",
        "{port}",
        *arguments,
    ]


def compile_package(checkout: Path = ROOT) -> None:
    """Compile the package, as an installation does, so that no start compiles it."""
    python = str(checkout / ".venv" / "bin" / "python")
    subprocess.run([python, "-m", "compileall", "-q", "mock_server"], cwd=checkout, check=True)


def _connection(port: int, *, tls: bool) -> http.client.HTTPConnection:
    if not tls:
        return http.client.HTTPConnection(HOST, port, timeout=30)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(HOST, port, timeout=30, context=context)


def _is_up(server: Server, ready: str) -> bool:
    try:
        server.request("GET", ready)
    except OSError:
        return False
    return True


def _found(pattern: str, text: str) -> str:
    return str(re.search(pattern, text)[1])  # type: ignore[index]


def _family(pid: int) -> Iterator[int]:
    """Yield the process and its descendants."""
    with suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        yield pid
        for child in children.split():
            yield from _family(int(child))


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(_found(r"VmRSS:\s+(\d+)", status)) / 1024


def end(process: subprocess.Popen[Any]) -> bool:
    """End the process; return whether SIGTERM ended it within 20 seconds, else it is killed."""
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    for child in reversed(list(_family(process.pid))):
        subprocess.run(["kill", str(child)], check=False)
    if not end(process):
        sys.stderr.write(f"{process.args!r} did not end by SIGTERM and was killed\n")
