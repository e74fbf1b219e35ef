"""A process that has imported the server and forks: a command then starts in some milliseconds.

Started as `python fork_server.py FD`. Each message on this socket is a command with four descriptors: of
its input, output and errors, and a pipe for its status. The answer is the process id.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module
from typing import TextIO

LARGEST = 200_000
IMPORTED = [
    "mock_server.app",
    "mock_server.server",
    "mock_server.web.access_log",
    "mock_server.web.start_check",
    *(f"mock_server.cli.{name}" for name in ("doctor", "fixtures", "healthcheck", "scenarios", "serve")),
    *("cryptography.hazmat.primitives.asymmetric.rsa", "cryptography.x509", "jsonschema", "jwt"),
    *("mock_server.scenarios.runner", "mock_server.scenarios.report", "platformdirs", "rich.table", "uvloop"),
]


def fork_for_commands(requests: socket.socket) -> bool:
    """Fork for each command; return True in the new process, and False when the tests have ended."""
    for name in IMPORTED:
        import_module(name)
    gc.freeze()
    running = selectors.DefaultSelector()
    running.register(requests, selectors.EVENT_READ)
    while True:
        [(key, _), *_] = running.select()
        if key.fileobj is not requests:
            running.unregister(key.fileobj)
            report_end(key.fd, *key.data)
            continue
        message, descriptors, _, _ = socket.recv_fds(requests, LARGEST, 4)
        if not message:
            return end_all(key.data[0] for key in running.get_map().values() if key.data)
        if fork(requests, running, descriptors):
            return become(message, descriptors)


def fork(requests: socket.socket, running: selectors.BaseSelector, descriptors: list[int]) -> bool:
    """Start a process; return True in it."""
    pid = os.fork()
    if pid == 0:
        requests.close()
        running.close()
        return True
    running.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, descriptors.pop()))
    for descriptor in descriptors:
        os.close(descriptor)
    requests.send(str(pid).encode())
    return False


def report_end(descriptor: int, pid: int, status: int) -> None:
    """Write how a command has ended to its pipe."""
    _, ended = os.waitpid(pid, 0)
    os.close(descriptor)
    os.write(status, str(os.waitstatus_to_exitcode(ended)).encode())
    os.close(status)


def end_all(processes: Iterable[int]) -> bool:
    """Kill what still runs: the tests have ended, or were killed."""
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return False


def become(message: bytes, descriptors: list[int]) -> bool:
    """Be the process of `python -m mock_server` that the message describes."""
    for own, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, own)
    os.closerange(3, 1000)
    command = json.loads(message)
    os.chdir(command["folder"])
    os.environ.clear()
    os.environ.update(command["environment"])
    time.tzset()
    sys.argv[1:] = command["arguments"]
    sys.path[0] = command["folder"]
    encoding, _, errors = os.environ.get("PYTHONIOENCODING", "").partition(":")
    sys.stdout = new_stream(sys.stdout, encoding, errors)
    sys.stderr = new_stream(sys.stderr, encoding, "backslashreplace")
    return True


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
