"""Start a server for the time of a command: `mock-server serve` on a free port."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from mock_server.server_process import NotStarted, environment_without, start_server

__all__ = ["NotStarted", "own_server"]

if TYPE_CHECKING:
    from mock_server.scenarios.target import Target

_NOT_INHERITED = ("MOCK_SERVER_SCENARIO", "MOCK_SERVER_WATCH")
"""Variables that a configured server does not get: a scenario would change its answers."""


@contextmanager
def own_server(*arguments: str, configured: bool = False) -> Iterator[str]:
    """Start a server with these arguments and otherwise default settings; yield its base URL.

    A `configured` server takes the other settings from the environment, except a scenario. The results of
    scenarios must not depend on the settings of another server.

    Raises:
        NotStarted: the server ended before it was ready.
    """
    if configured:
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    else:
        environment = environment_without("MOCK_SERVER_")
    with _exit_on_sigterm(), start_server(*arguments, environment=environment) as url:
        yield url


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
        login = {name: options[name] for name in ("dialect", "username", "password") if name in options}
        yield find_target(url, **login)


@contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    """Stop the server when the command gets SIGTERM; by default it would end a moment later."""

    def end(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    previous = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
