"""A server in a child process: `mock-server serve` on a free port, until its parent ends.

Nothing of the parent's process reaches the server: no frozen time, no replaced sockets, no monkey patch.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Thread

READY = "mock-server ready on"
"""The start of the one line on stdout; the base URL follows."""

_COMMAND = (sys.executable, *["-P", "-m", "mock_server", "serve", "--port", "0", "--log-level", "warning"])
"""`-P`: a file in the working directory, such as flask.py, is not a module of the server."""
_GRACE_SECONDS = 10
"""Seconds that a server has to end after SIGTERM; then it is killed."""


class NotStarted(Exception):
    """The server did not start; the message is that of the server."""


@contextmanager
def start_server(*arguments: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Start a server with these arguments and in this environment; yield its base URL.

    The server ends with this context, or with this process, even by SIGKILL: its standard input ends then.
    Its log goes to the stderr of this process. Ctrl-C in a terminal does not reach it.

    Raises:
        NotStarted: the server ended before it was ready.
    """
    process = subprocess.Popen(  # noqa: S603  # this program again
        [*_COMMAND, "--child", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        start_new_session=True,
        encoding="utf-8",
        errors="replace",
    )
    try:
        yield _ready_url(process)
    finally:
        _stop(process)


def environment_without(*prefixes: str) -> dict[str, str]:
    """Return the environment of this process without the variables that begin with one of the prefixes."""
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}


class ChildProcess:
    """The server's side: `serve --child` creates it before it reads the other options."""

    def __init__(self) -> None:
        """Write errors of the start to standard output, where the parent reads them, and watch the parent."""
        self._stderr = os.dup(2)
        os.dup2(1, 2)
        Thread(target=_end_with_stdin, name="parent", daemon=True).start()

    def has_started(self) -> None:
        """Write the log to stderr from now on: the parent no longer reads standard output."""
        os.dup2(self._stderr, 2)
        os.close(self._stderr)


def _end_with_stdin() -> None:
    """End this process when its standard input ends: the parent has ended, or needs no server any more."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _ready_url(process: subprocess.Popen[str]) -> str:
    """Wait for the ready line, and return the base URL in it; lines before it go to stderr.

    Raises:
        NotStarted: the output ended without it.
    """
    log = ""
    for line in process.stdout or ():
        ready = re.fullmatch(rf"{READY} (http://\S+) \(dashboard: .+\)\n", line)
        if ready is not None:
            sys.stderr.write(log)
            return ready[1]
        log += line
    raise NotStarted(f"the server did not start{': ' if log else ''}{log.strip()}")


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
