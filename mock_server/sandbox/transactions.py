"""A request on shared sandboxes while it runs: the sandboxes that it uses, their turns, the app's answer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from threading import local
from typing import Any

from msgspec import Struct, field

from mock_server.sandbox.engine import EngineError
from mock_server.sandbox.sandboxes import NoSandbox
from mock_server.sandbox.shared_sandbox import PreparedEntry, SharedSandbox

Environ = dict[str, Any]


class SandboxNeeded(BaseException):
    """The running request needs the sandbox of that name; None stands for all sandboxes.

    It is not an Exception, so that no view and no error handler handles it.
    """

    def __init__(self, name: str | None, *, create: bool = False) -> None:
        self.name = name
        self.create = create


class RunAgain(Exception):
    """A copy had to be dropped: the request begins again."""


class Transaction(Struct):
    """A request, while it runs and until its entries are appended.

    It has the turns of the sandboxes `held`. `absent` ones do not exist, `rejected` ones cannot be created.
    `used` ones expire later from now on; a list of all sandboxes uses none. `names` are those of all, if it
    asked for them. `error` is why the engine cannot be used; it is raised until `has_failed`.
    """

    may_claim: bool = True
    held: dict[str, SharedSandbox] = field(default_factory=dict)
    turns: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)
    rejected: dict[str, NoSandbox] = field(default_factory=dict)
    names: tuple[str, ...] | None = None
    forks: dict[str, bytes] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    prepared: dict[str, PreparedEntry] = field(default_factory=dict)
    error: EngineError | None = None
    has_failed: bool = False


class AppAnswer(Struct):
    """The answer of the app, and the environ after it."""

    environ: Environ
    parts: Iterable[bytes] = ()
    status: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)

    def start_response(self, status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
        """Note status and headers."""
        self.status, self.headers = status, headers

    def drop(self) -> None:
        """Close the answer, which is not sent: the request runs again."""
        getattr(self.parts, "close", list)()


class Turns:
    """Locks by name, for tasks of one loop. Those that wait get the turn in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def is_taken(self, name: str) -> bool:
        """Whether a task has the turn of this name."""
        return name in self._waiting

    def try_take(self, name: str) -> bool:
        """Take the turn if it is free; return whether it was."""
        if name in self._waiting:
            return False
        self._waiting[name] = deque()
        return True

    async def take(self, name: str) -> None:
        """Wait for the turn."""
        if self.try_take(name):
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[name].append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self.give(name)
            raise

    def give(self, name: str) -> None:
        """End the turn."""
        waiting = self._waiting[name]
        while waiting:
            following = waiting.popleft()
            if not following.done():
                following.set_result(None)
                return
        del self._waiting[name]


class CurrentTransaction(local):
    """The transaction that runs in this thread."""

    transaction: Transaction | None = None
