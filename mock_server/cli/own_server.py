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


class NotStarted(Exception):
    """The server did not start; the message is its own."""


@contextmanager
def own_server(*arguments: str) -> Iterator[str]:
    """The base URL of a server that runs meanwhile, with these arguments and else its defaults.

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
            env=_environment(),
            text=True,
        )
        try:
            yield _ready_url(process)
        finally:
            _stop(process)


def _environment() -> dict[str, str]:
    """What scenarios expect must not depend on how somebody configured another server."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MOCK_SERVER_")}


def _ready_url(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout else ""
    ready = re.fullmatch(rf"{READY} (http://\S+)\n", line)
    if ready is None:
        raise NotStarted("the server for the scenarios did not start")
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
