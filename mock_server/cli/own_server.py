"""A server of one's own for as long as a command runs: `mock-server serve` on a free port."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from mock_server.cli.serving import READY

_GRACE = 10
_OWN = ("MOCK_SERVER_SCENARIO", "MOCK_SERVER_WATCH")
"""What a configured server leaves out of the environment: a scenario would bend what it answers."""


class NotStarted(Exception):
    """The server did not start; the message is its own."""


@contextmanager
def own_server(*arguments: str, configured: bool = False) -> Iterator[str]:
    """The base URL of a server that runs meanwhile, with these arguments and else its defaults.

    One that is `configured` takes the rest from the environment, but for a scenario; what it says is told
    if it does not start. The others say it themselves.

    Raises:
        NotStarted: it said why, or nothing.
    """
    with _ended_by_sigterm():
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "mock_server",
                "serve",
                "--port",
                "0",
                "--log-level",
                "warning",
                *arguments,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if configured else None,
            env=_environment(*_OWN if configured else ()),
            text=True,
        )
        try:
            yield _ready_url(process)
        finally:
            _stop(process)


def _environment(*left_out: str) -> dict[str, str]:
    """This one without these variables, or else without any of a server's.

    What scenarios expect must not depend on how somebody configured another server.
    """
    names = left_out or tuple(name for name in os.environ if name.startswith("MOCK_SERVER_"))
    return {name: value for name, value in os.environ.items() if name not in names}


def _ready_url(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout else ""
    ready = re.fullmatch(rf"{READY} (http://\S+)\n", line)
    if ready is None:
        told = process.stderr.read() if process.stderr else ""
        raise NotStarted(f"the server did not start{': ' if told else ''}{told.strip()}")
    return ready[1]


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """A command that is told to end stops its server first; by default it would leave it behind."""

    def end(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
