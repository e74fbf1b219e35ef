"""A process that has imported the server and forks: a command then starts in some milliseconds.

Started as `python fork_server.py FD`. Each message on this socket is a command with four descriptors: of
its input, output and errors, and a pipe for its status. The answer is the process id. Scripts connect to the
socket `address` for each command. A server that such a command starts for itself is a fork of the command.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import select
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TextIO

LARGEST = 200_000
IMPORTED = [
    "mock_server.app",
    "mock_server.server",
    "mock_server.web.access_log",
    "mock_server.web.start_check",
    *(f"mock_server.cli.{name}" for name in ("doctor", "fixtures", "healthcheck", "scenarios", "serve")),
    *("cryptography.hazmat.primitives.asymmetric.rsa", "cryptography.x509", "jsonschema", "jwt"),
    *("mock_server.scenarios.runner", "mock_server.scenarios.report", "rich.table", "uvloop"),
]


def address(pid: int) -> str:
    """Return the address, which is not a file, of the socket for scripts, by the id of this process."""
    return f"\0mock-server-tests-{pid}"


def fork_for_commands(requests: socket.socket) -> bool:
    """Fork for each command; return True in the new process, and False when the tests have ended."""
    scripts = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    scripts.bind(address(os.getpid()))
    scripts.listen()
    warm_up()
    running = selectors.DefaultSelector()
    running.register(requests, selectors.EVENT_READ)
    running.register(scripts, selectors.EVENT_READ)
    while True:
        [(key, _), *_] = running.select()
        if key.fileobj not in {requests, scripts}:
            running.unregister(key.fileobj)
            report_end(key.fd, *key.data)
            continue
        asking = requests if key.fileobj is requests else scripts.accept()[0]
        message, descriptors, _, _ = socket.recv_fds(asking, LARGEST, 4)
        if not message:
            return end_all(running)
        if fork(asking, running, descriptors):
            become(json.loads(message), descriptors)
            return True
        if asking is not requests:
            asking.close()


def warm_up() -> None:
    """Import, log in, search and make control calls: what servers would do first, is done here once."""
    for name in IMPORTED:
        import_module(name)
    from mock_server.app import create_app
    from mock_server.settings import Settings

    client = create_app(Settings(check_responses=True)).test_client()
    login = {"grant_type": "password", "client_id": "ea-api-edge", "username": "any", "password": "any"}
    granted = client.post("/auth/realms/eat_realm/protocol/openid-connect/token", data=login).get_json()
    headers = {"Authorization": f"Bearer {granted['access_token']}"}
    for path in ("/api/v1/account/119631/dossiers", "/__admin/sandboxes", "/__admin/scenarios"):
        assert client.get(path, headers=headers).status_code == 200
    gc.freeze()


def fork(asking: socket.socket, running: selectors.BaseSelector, descriptors: list[int]) -> bool:
    """Start a process and answer its id; return True in it."""
    pid = os.fork()
    if pid == 0:
        asking.close()
        running.close()
        return True
    running.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, descriptors.pop()))
    for descriptor in descriptors:
        os.close(descriptor)
    asking.send(str(pid).encode())
    return False


def report_end(descriptor: int, pid: int, status: int) -> None:
    """Write how a command has ended to its pipe."""
    _, ended = os.waitpid(pid, 0)
    os.close(descriptor)
    os.write(status, str(os.waitstatus_to_exitcode(ended)).encode())
    os.close(status)


def end_all(running: selectors.BaseSelector) -> bool:
    """Kill what still runs: the tests have ended, or were killed."""
    for key in running.get_map().values():
        if key.data:
            with suppress(ProcessLookupError):
                os.kill(key.data[0], signal.SIGKILL)
    return False


def become(command: Mapping[str, Any], descriptors: Sequence[int]) -> None:
    """Be the process of `python -m mock_server` with these arguments, environment, folder and streams."""
    for own, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, own)
    os.closerange(3, 1000)
    os.chdir(command["folder"])
    os.environ.clear()
    os.environ.update(command["environment"])
    time.tzset()
    if "COVERAGE_OF_SERVERS" in os.environ:
        record_coverage(os.environ["COVERAGE_OF_SERVERS"])
    sys.argv[1:] = command["arguments"]
    sys.path[0] = command["folder"]
    encoding, _, errors = os.environ.get("PYTHONIOENCODING", "").partition(":")
    sys.stdout = new_stream(sys.stdout, encoding, errors)
    sys.stderr = new_stream(sys.stderr, encoding, "backslashreplace")
    starting = import_module("mock_server.server_process")
    starting.subprocess = SimpleNamespace(  # type: ignore[attr-defined]
        Popen=ForkedServer, PIPE=subprocess.PIPE, TimeoutExpired=subprocess.TimeoutExpired
    )


def record_coverage(config: str) -> None:
    """Record which lines this process runs, as this configuration of coverage says."""
    import coverage

    os.environ["COVERAGE_PROCESS_START"] = config
    coverage.process_startup()


class ForkedServer:
    """The server of a command: what `mock_server.server_process` needs of `subprocess.Popen`."""

    def __init__(self, line: Sequence[str], *, env: Mapping[str, str], **_: object) -> None:
        given, self._stdin = os.pipe()
        printed, output = os.pipe()
        sys.stdout.flush()
        self._pid = os.fork()
        if self._pid == 0:
            os.setsid()
            arguments = line[line.index("mock_server") + 1 :]
            command = {"arguments": arguments, "environment": env, "folder": str(Path.cwd())}
            become(command, [given, output, sys.stderr.fileno()])
            run_and_exit()
        os.close(given)
        os.close(output)
        self.stdout = os.fdopen(printed, encoding="utf-8", errors="replace")
        self._ended = os.pidfd_open(self._pid)

    def terminate(self) -> None:
        """Send SIGTERM."""
        os.kill(self._pid, signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        os.kill(self._pid, signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> None:
        """Wait until it has ended."""
        if not select.select([self._ended], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("mock_server", timeout or 0)
        os.waitpid(self._pid, 0)


def run_and_exit() -> None:
    """Run the command of this process, and end without what called this function."""
    status: object = 1
    try:
        runpy.run_module("mock_server", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = end.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else 0)


def new_stream(stream: TextIO, encoding: str, errors: str) -> TextIO:
    """Open a standard stream again: of the old one, Python knows what its file could do."""
    return open(
        stream.fileno(),
        "w",
        encoding=encoding or stream.encoding,
        errors=errors or ("strict" if encoding else stream.errors),
        newline="\n",
        closefd=False,
    )


if __name__ == "__main__" and fork_for_commands(socket.socket(fileno=int(sys.argv[1]))):
    runpy.run_module("mock_server", run_name="__main__", alter_sys=True)
