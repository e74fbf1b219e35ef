"""The sandboxes of one server: found by name or by user, created on first use, dropped when idle."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from threading import RLock, Thread
from time import monotonic, sleep

from msgspec.structs import replace

from mock_server.clock import monotonic_now
from mock_server.domain.model import Admission
from mock_server.domain.names import SANDBOX_NAME_RULE, counted, without_tag
from mock_server.input_errors import Conflict, FileError
from mock_server.journal.coverage import ExchangeCounts
from mock_server.sandbox.commands import PastState, ReplaceSetup, continue_state
from mock_server.sandbox.sandbox import SandboxOptions, ServerSandbox
from mock_server.sandbox.state import KeptStart, SandboxConfig, first_state, keep_state
from mock_server.scenarios.setup import ScenarioSetup

DEFAULT_SANDBOX = "default"

_PAUSE = 0.001
"""Seconds between two sandboxes that are restored, so that a request that waits comes first."""

_NAME = re.compile(r"(?!\.+$)[A-Za-z0-9._-]{1,64}", re.ASCII)
"""Clients remove `.` and `..` from the path of a call."""


def is_name(text: str) -> bool:
    """Whether a sandbox, or a snapshot in it, can have this name."""
    return _NAME.fullmatch(text) is not None


class NoSandbox(Exception):
    """The sandbox cannot be created, or (`later`) not now. The message says what to do."""

    def __init__(self, message: str, *, later: bool) -> None:
        super().__init__(message)
        self.later = later


class Sandboxes:
    """The sandboxes of one server by name, each created on first use; idle ones but the default are dropped.

    `users` maps the user names that have their own scenario to its setup.
    """

    is_shared = False
    """Whether other servers use the same sandboxes."""

    def __init__(
        self, config: SandboxConfig, options: SandboxOptions, users: Mapping[str, ScenarioSetup]
    ) -> None:
        self._options = options
        self._database = options.database
        self.config = config if self._database is None else self._database.start_config(config)
        self._scenario_of = {user: setup.scenario.scenario for user, setup in users.items() if setup.scenario}
        self._setups = {self._scenario_of[user]: setup for user, setup in users.items() if setup.scenario}
        self._idle_seconds = options.idle.total_seconds()
        self._lock = RLock()
        self._by_name: dict[str, ServerSandbox] = {}
        self._dropped = ExchangeCounts()

    def get(self, name: str = DEFAULT_SANDBOX) -> ServerSandbox:
        """Return the sandbox of that name; create it if it is new.

        Raises:
            NoSandbox: the name is invalid, or there are `limit` sandboxes and none is idle.
        """
        sandbox = self._by_name.get(name) or self._create(name)
        sandbox.last_used = monotonic()
        return sandbox

    def find(self, name: str) -> ServerSandbox | None:
        """Return the sandbox of that name, None if it does not exist."""
        sandbox = self._by_name.get(name)
        return self._create(name) if sandbox is None and name in self._kept_names else sandbox

    def find_for_user(self, username: str) -> ServerSandbox | None:
        """Return the sandbox of a user name, None if it does not exist."""
        return self.find(self._name_of(username))

    def for_user(self, username: str) -> ServerSandbox:
        """Return the sandbox of a user name: `api+gw3@example.com` opens `gw3`, no tag the default one.

        A user whose fixture entry names a scenario has a sandbox of that name, with a tag `gw3.NAME`.

        Raises:
            NoSandbox: the name is invalid, or there are `limit` sandboxes and none is idle.
        """
        return self.get(self._name_of(username))

    def admission_for(self, username: str) -> Admission:
        """Return who may log in to the sandbox of a user name, without creating it."""
        sandbox = self.find_for_user(username)
        if sandbox is not None:
            return sandbox.read().admission
        return self._config_of(self._name_of(username)).setup.fixture.admission

    def _name_of(self, username: str) -> str:
        tag = username.partition("@")[0].partition("+")[2]
        # Mostly no user has a scenario.
        scenario = self._scenario_of.get(without_tag(username)) if self._scenario_of else None
        if scenario is None:
            return tag or DEFAULT_SANDBOX
        return f"{tag}.{scenario}" if tag else scenario

    def replace_setup(self, setup: ScenarioSetup) -> list[str]:
        """Replace the setup of the same file; return the names of the sandboxes that play it."""
        with self._lock:
            if self.config.setup.path == setup.path:
                self.config = replace(self.config, setup=setup)
            self._setups = {
                name: setup if previous.path == setup.path else previous
                for name, previous in self._setups.items()
            }
            return [name for name, sandbox in self._by_name.items() if sandbox.execute(ReplaceSetup(setup))]

    def fork(self, past: PastState, name: str) -> ServerSandbox:
        """Create a sandbox of that name, which continues a past state of another one.

        Raises:
            Conflict: there is a sandbox of that name.
            NoSandbox: the name is invalid, or there are `limit` sandboxes and none is idle.
        """
        with self._lock:
            if name in self._by_name or name in self._kept_names:
                raise Conflict(f"there is a sandbox {name!r}: choose another name, or delete it")
            return self._create(name, past)

    def ignore_engine_errors(self) -> None:
        """From now on in this request, let `get` and `find` return a sandbox even without an engine.

        Only shared sandboxes have an engine. The answer to an error needs a sandbox for its time.
        """

    def drop(self, name: str) -> None:
        """Delete the sandbox; its next use creates it again.

        Raises:
            KeyError: there is no sandbox of that name.
        """
        with self._lock:
            if name not in self._by_name and name not in self._kept_names:
                raise KeyError(name)
            if self._database is not None:
                self._database.delete(name)
            if name not in self._by_name:
                return
            journal = self._by_name.pop(name).journal
            journal.close()
            self._dropped.add(journal.total_counts)

    def restore_soon(self) -> None:
        """Restore the sandboxes of the file in a thread: the first list of a thousand would take seconds."""
        if self._database is not None:
            Thread(target=self.restore_all, name="mock-server restore", daemon=True).start()

    def restore_all(self) -> None:
        """Restore the sandboxes of the file. A damaged one is reported to the caller that uses it."""
        for name in tuple(self._kept_names):
            with suppress(FileError, NoSandbox):
                self.find(name)
            sleep(_PAUSE)

    def close(self) -> None:
        """Close the file of `--state`, so that another server can use it."""
        if self._database is not None:
            self._database.close()

    @property
    def state_file(self) -> dict[str, str | None] | None:
        """The file of `--state`, and why it cannot be written; None without one."""
        database = self._database
        return None if database is None else {"path": str(database.path), "error": database.error}

    @property
    def setups(self) -> tuple[ScenarioSetup, ...]:
        """The setups that sandboxes start from: the common one, and those of users with a scenario."""
        return (self.config.setup, *self._setups.values())

    @property
    def total(self) -> ExchangeCounts:
        """The counts since the start, dropped sandboxes included."""
        with self._lock:
            total = self._dropped.copy()
            for sandbox in self._by_name.values():
                total.add(sandbox.journal.total_counts)
            return total

    @property
    def existing(self) -> tuple[ServerSandbox, ...]:
        """The existing sandboxes, oldest first, without those that are damaged in the file of `--state`.

        This does not count as a use.
        """
        self._drop_idle()
        for name in self._kept_names:
            with suppress(FileError):
                self.find(name)
        return tuple(self._by_name.values())

    @property
    def _kept_names(self) -> Collection[str]:
        return () if self._database is None else self._database.names

    def _create(self, name: str, past: PastState | None = None) -> ServerSandbox:
        self._check_name(name)
        with self._lock:
            if name not in self._by_name:
                self._drop_idle()
                if len({*self._by_name, *self._kept_names} - {name}) >= self._options.limit:
                    raise self._too_many()
                self._by_name[name] = self._open(name, past)
            return self._by_name[name]

    def _open(self, name: str, past: PastState | None) -> ServerSandbox:
        """Return a sandbox of the file, a fork, or a new one."""
        config, database, machine = self._config_of(name), self._database, monotonic_now()
        if name in self._kept_names and database is not None:
            return ServerSandbox.restore(name, self._options, database)
        state = first_state(config, machine) if past is None else continue_state(past, machine)
        if database is not None:
            start = KeptStart(config=config, machine=machine)
            database.create(name, start if past is None else keep_state(state))
        return ServerSandbox(name, state, self._options)

    def _config_of(self, name: str) -> SandboxConfig:
        """The common one, or that of the users of a scenario."""
        setup = self._setups.get(name.rpartition(".")[2])
        return self.config if setup is None else replace(self.config, setup=setup)

    def _check_name(self, name: str) -> None:
        if not is_name(name):
            raise NoSandbox(f"a sandbox's name is {SANDBOX_NAME_RULE}", later=False)

    def _too_many(self) -> NoSandbox:
        number = counted(self._options.limit, "sandbox", "sandboxes")
        return NoSandbox(
            f"the server has {number}, its limit: drop one (DELETE /__admin/sandboxes/NAME), or start"
            " the server with a larger --max-sandboxes",
            later=True,
        )

    def _drop_idle(self) -> None:
        with self._lock:
            oldest = monotonic() - self._idle_seconds
            for name, sandbox in tuple(self._by_name.items()):
                if sandbox.last_used < oldest and name != DEFAULT_SANDBOX:
                    self.drop(name)
