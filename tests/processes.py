"""`mock-server` as a process. It starts fast: a fork server has imported everything already."""

from __future__ import annotations

import atexit
import json
import os
import pty
import select
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import TextIO

import pytest

from mock_server import server_process

COMMAND = (sys.executable, "-m", "mock_server")
CAN_FORK = hasattr(os, "pidfd_open")
"""Whether this system reports the end of a process to the fork server."""
_FORK_SERVER = Path(__file__).parent / "fork_server.py"
_READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "OPENSSL_")
"""The beginnings of variables that only a new Python reads; the fork server follows one of them."""
_FOLLOWED = "PYTHONIOENCODING"


class ForkedProcess:
    """A process of the fork server: what the tests need of `subprocess.Popen`, with texts."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        given, *pipes = [os.pipe() for _ in range(4)]
        theirs = [given[0], *(written for _, written in pipes)]
        request = {"arguments": arguments, "environment": dict(environment), "folder": str(Path.cwd())}
        self.pid = _fork_server().fork(request, theirs)
        for descriptor in theirs:
            os.close(descriptor)
        self.stdin = os.fdopen(given[1], "w", encoding="utf-8")
        self.stdout, self.stderr, self._status = (
            os.fdopen(read, encoding="utf-8", errors="surrogateescape") for read, _ in pipes
        )
        self.returncode: int | None = None
        self._written: tuple[str, str] | None = None

    def poll(self) -> int | None:
        """Return the status if it has ended."""
        return self._status_within(0)

    def wait(self, timeout: float | None = None) -> int:
        """Return the status, once it has ended."""
        status = self._status_within(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(COMMAND, timeout or 0)
        return status

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Return the rest of its output and of its errors, once it has ended."""
        if self._written is None:
            self.stdin.close()
            with ThreadPoolExecutor(2) as pool:
                output, errors = pool.submit(_rest, self.stdout), pool.submit(_rest, self.stderr)
                try:
                    self.wait(timeout)
                except subprocess.TimeoutExpired:
                    self.kill()
                    raise
                self._written = output.result(), errors.result()
        return self._written

    def send_signal(self, number: int) -> None:
        """Send a signal if it has not ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it ends just now
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _status_within(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
            self.returncode = int(self._status.read())
            self._status.close()
        return self.returncode


Process = ForkedProcess | subprocess.Popen[str]


def start(*arguments: str, **environment: str) -> Process:
    """Start `mock-server` with these arguments, and these variables in addition."""
    changed = os.environ | environment
    needs_python = any(name.startswith(_READ_AT_START) and name != _FOLLOWED for name in environment)
    if CAN_FORK and not needs_python:
        return ForkedProcess(arguments, changed)
    return start_python(*arguments, **environment)


def start_python(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start `python -m mock_server`."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="surrogateescape",
        env=os.environ | environment,
    )


def fork_servers(patch: pytest.MonkeyPatch) -> None:
    """Start the servers of `mock_server.server_process` by the fork server, if this system can."""

    def start(line: Sequence[str], *, env: Mapping[str, str], **_: object) -> ForkedProcess:
        return ForkedProcess(line[line.index("mock_server") + 1 :], env)

    popen = SimpleNamespace(Popen=start, PIPE=subprocess.PIPE, TimeoutExpired=subprocess.TimeoutExpired)
    if CAN_FORK:
        patch.setattr(server_process, "subprocess", popen)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of `mock-server` to its end."""
    return end_of(start(*arguments, **environment), arguments)


def shell_command() -> str:
    """Return a command line that scripts run as `mock-server`."""
    if not CAN_FORK:
        return " ".join(COMMAND)
    script = Path(__file__).with_name("forked_command.py")
    return f"{sys.executable} -S -E {script} {_fork_server().pid}"


def show_on_terminal(*arguments: str) -> str:
    """Show a command of `mock-server` on a terminal; return its output."""
    run("--version")  # a fork server that has answered takes commands of scripts
    master, slave = pty.openpty()
    command = [*shlex.split(shell_command()), *arguments]
    shown = b""
    with subprocess.Popen(command, stdout=slave, stderr=slave) as process, suppress(OSError):
        os.close(slave)
        while part := os.read(master, 65536):
            shown += part
    os.close(master)
    assert process.returncode == 0
    return shown.decode()


def end_of(process: Process, arguments: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Wait for the end of a command; how it ended."""
    output, errors = process.communicate(timeout=60)
    assert process.returncode is not None
    return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


class _ForkServer:
    def __init__(self) -> None:
        own, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            line = [sys.executable, str(_FORK_SERVER), str(other.fileno())]
            self._process = subprocess.Popen(line, pass_fds=[other.fileno()], stdin=subprocess.DEVNULL)
        self._socket, self._turn = own, Lock()
        self.pid = self._process.pid
        atexit.register(self._end)

    def fork(self, request: Mapping[str, object], descriptors: list[int]) -> int:
        """Return the id of a new process."""
        with self._turn:
            socket.send_fds(self._socket, [json.dumps(request).encode()], descriptors)
            return int(self._socket.recv(100))

    def _end(self) -> None:
        self._socket.close()
        self._process.wait()


@cache
def _fork_server() -> _ForkServer:
    """The fork server of this process; it ends with it."""
    return _ForkServer()


def _rest(pipe: TextIO) -> str:
    if pipe.closed:
        return ""
    with pipe:
        return pipe.read()
