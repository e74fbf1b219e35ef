"""Start a server for the time of a command: `mock-server serve` on a free port."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from mock_server.cli.serve import READY

if TYPE_CHECKING:
    from mock_server.scenarios.target import Target

_COMMAND = (sys.executable, *["-m", "mock_server", "serve", "--port", "0", "--log-level", "warning"])
_GRACE_SECONDS = 10
_LEFT_OUT = ("MOCK_SERVER_SCENARIO", "MOCK_SERVER_WATCH")
"""Variables that a configured server does not get: a scenario would change its answers."""


class NotStarted(Exception):
    """The server did not start; the message is that of the server."""


@contextmanager
def own_server(*arguments: str, configured: bool = False) -> Iterator[str]:
    """Start a server with these arguments and otherwise default settings; yield its base URL.

    A `configured` server takes the other settings from the environment, except a scenario, and its log is
    part of the error. The log of any other server goes to stderr.

    Raises:
        NotStarted: the server ended before it was ready.
    """
    with _exit_on_sigterm():
        process = subprocess.Popen(
            [*_COMMAND, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if configured else None,
            env=_environment(*_LEFT_OUT if configured else ()),
            text=True,
        )
        try:
            yield _ready_url(process)
        finally:
            _stop(process)


@contextmanager
def open_target(base_url: str | None, *arguments: str, **options: Any) -> Iterator[Target]:
    """Yield the target at a base URL, or without one that of a server started with these arguments.

    Raises:
        NoTarget: no server answers at the base URL.
        NotStarted: the server ended before it was ready.
    """
    from mock_server.scenarios.target import find_target

    if base_url is not None:
        yield find_target(base_url, **options)
        return
    with own_server(*arguments) as url:
        own = {name: options[name] for name in ("dialect", "username", "password") if name in options}
        yield find_target(url, **own)


def _environment(*left_out: str) -> dict[str, str]:
    """The environment without these variables; if none is named, without all settings of a server.

    The results of scenarios must not depend on the settings of another server.
    """
    names = left_out or tuple(name for name in os.environ if name.startswith("MOCK_SERVER_"))
    return {name: value for name, value in os.environ.items() if name not in names}


def _ready_url(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout else ""
    ready = re.fullmatch(rf"{READY} (http://\S+)\n", line)
    if ready is None:
        log = process.stderr.read() if process.stderr else ""
        raise NotStarted(f"the server did not start{': ' if log else ''}{log.strip()}")
    return ready[1]


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


@contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    """Stop the server when the command gets SIGTERM; by default the server would keep running."""

    def end(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
