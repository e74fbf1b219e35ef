"""The sandboxes of one server: found by name or by user, made when first asked for, dropped when idle."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from threading import RLock
from time import monotonic

from msgspec.structs import replace

from mock_server.domain.model import Admission
from mock_server.journal.coverage import Tally
from mock_server.sandbox import Sandbox, Start
from mock_server.scenarios import Stage, untagged

DEFAULT_SANDBOX = "default"

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class NoSandbox(Exception):
    """There is no sandbox of that name to be had, or (`later`) not yet; the message says what to do."""

    def __init__(self, message: str, *, later: bool) -> None:
        super().__init__(message)
        self.later = later


class Sandboxes:
    """The sandboxes of one server by name; one is made when it is first asked for.

    At most `limit` at once. One that nobody asked for during `idle` is dropped, but for the default one.
    `users` have a stage of their own, by user name.
    """

    def __init__(
        self, start: Start, *, limit: int, idle: timedelta, users: Mapping[str, Stage] | None = None
    ) -> None:
        self.start = start
        stages = {stage.scenario.scenario: stage for stage in (users or {}).values() if stage.scenario}
        self._stages = stages
        self._scenario_of = {
            user: stage.scenario.scenario for user, stage in (users or {}).items() if stage.scenario
        }
        self._limit = limit
        self._idle_seconds = idle.total_seconds()
        self._lock = RLock()
        self._by_name: dict[str, Sandbox] = {}
        self._last_used: dict[str, float] = {}
        self._dropped = Tally()

    def named(self, name: str = DEFAULT_SANDBOX) -> Sandbox:
        """The sandbox of that name.

        Raises:
            NoSandbox: the name is none, or it would be one too many and none is idle.
        """
        found = self._by_name.get(name) or self._made(name)
        self._last_used[name] = monotonic()
        return found

    def of_user(self, username: str) -> Sandbox:
        """The sandbox that a user name means: `api+gw3@example.com` opens `gw3`, no tag the default one.

        A user whose fixture entry names a scenario has a sandbox of that name, with a tag `gw3.NAME`.

        Raises:
            NoSandbox: the name is none, or it would be one too many and none is idle.
        """
        return self.named(self._name_of(username))

    def admission_of(self, username: str) -> Admission:
        """Who may log in to the sandbox that a user name means; one that is not there yet is not made."""
        name = self._name_of(username)
        found = self._by_name.get(name)
        return self._start_of(name).stage.fixture.admission if found is None else found.read().admission

    def _name_of(self, username: str) -> str:
        tag = username.partition("@")[0].partition("+")[2]
        scenario = self._scenario_of.get(untagged(username))
        if scenario is None:
            return tag or DEFAULT_SANDBOX
        return f"{tag}.{scenario}" if tag else scenario

    def restage(self, stage: Stage) -> list[str]:
        """Take the changed stage of a file; the names of the sandboxes that play it from now on."""
        with self._lock:
            if self.start.stage.path == stage.path:
                self.start = replace(self.start, stage=stage)
            self._stages = {
                name: stage if former.path == stage.path else former for name, former in self._stages.items()
            }
            return [name for name, found in self._by_name.items() if found.restage(stage)]

    def drop(self, name: str) -> None:
        """Forget the sandbox; asked for again, it is made anew.

        Raises:
            KeyError: there is none of that name.
        """
        with self._lock:
            journal = self._by_name.pop(name).journal
            journal.close()
            self._dropped.add(journal.total)
            self._last_used.pop(name, None)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What sandboxes begin from: all of them, and those of the users who have a scenario."""
        return (self.start.stage, *self._stages.values())

    @property
    def total(self) -> Tally:
        """What was counted since the start, in all sandboxes there ever were."""
        with self._lock:
            total = self._dropped.copy()
            for sandbox in self._by_name.values():
                total.add(sandbox.journal.total)
            return total

    @property
    def present(self) -> tuple[Sandbox, ...]:
        """The sandboxes there are, oldest first; looking at them is not using them."""
        self._drop_idle()
        return tuple(self._by_name.values())

    def _made(self, name: str) -> Sandbox:
        if _NAME.fullmatch(name) is None:
            raise NoSandbox(
                "a sandbox's name is up to 64 letters, digits, dots, dashes, underscores", later=False
            )
        with self._lock:
            if name not in self._by_name:
                self._drop_idle()
                self._refuse_beyond_limit()
                self._by_name[name] = Sandbox(name, self._start_of(name))
                self._last_used[name] = monotonic()
            return self._by_name[name]

    def _start_of(self, name: str) -> Start:
        """The common one, but for a sandbox that belongs to the users of a scenario."""
        stage = self._stages.get(name.rpartition(".")[2])
        return self.start if stage is None else replace(self.start, stage=stage)

    def _refuse_beyond_limit(self) -> None:
        if len(self._by_name) >= self._limit:
            raise NoSandbox(
                f"there are {self._limit} sandboxes already: drop one (DELETE /__admin/sandboxes/NAME),"
                " or start the server with a larger --max-sandboxes",
                later=True,
            )

    def _drop_idle(self) -> None:
        with self._lock:
            oldest = monotonic() - self._idle_seconds
            idle = [
                name for name in self._by_name if self._last_used[name] < oldest and name != DEFAULT_SANDBOX
            ]
            for name in idle:
                self.drop(name)
