"""The file of `--state`: SQLite with the commands of each sandbox since its last checkpoint, and its journal.

A command is written before its answer is sent, so it survives the end of the process at any moment; after a
loss of power the last commands may be missing. One server uses the file at a time.
"""

from __future__ import annotations

import atexit
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from errno import ENOENT
from pathlib import Path
from threading import Event, RLock, Thread
from typing import NamedTuple

import msgspec

from mock_server.clock import monotonic_now
from mock_server.domain.names import counted
from mock_server.fixtures.fixture import decode_fixture
from mock_server.fixtures.generate import generate_company
from mock_server.input_errors import FileError, InputError, NotWritten, StateFileError
from mock_server.journal.journal import PackedExchange, join_parts
from mock_server.sandbox.history import Record, RecordFormat, replay
from mock_server.sandbox.sandboxes import DEFAULT_SANDBOX
from mock_server.sandbox.state import (
    Kept,
    SandboxConfig,
    SandboxState,
    export_state,
    keep_state,
    restore_state,
    settle_state,
)

FORMAT = 1
"""The version of the tables. A file of an older one is upgraded, one of a newer one rejected."""

_APPLICATION = 0x646D7331
"""Marks the file as ours: `dms1`."""

_TABLES = """
CREATE TABLE fixtures (key TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE server (id INTEGER PRIMARY KEY CHECK (id = 1), config BLOB NOT NULL);
CREATE TABLE sandboxes (name TEXT PRIMARY KEY, kept BLOB NOT NULL, number INTEGER NOT NULL,
    latest_request INTEGER NOT NULL);
CREATE TABLE commands (sandbox TEXT NOT NULL, number INTEGER NOT NULL, record BLOB NOT NULL,
    PRIMARY KEY (sandbox, number));
"""

_JOURNAL_TABLE = """
CREATE TABLE IF NOT EXISTS exchanges (sandbox TEXT NOT NULL, number INTEGER NOT NULL, exchange BLOB NOT NULL,
    answer BLOB, PRIMARY KEY (sandbox, number)) WITHOUT ROWID
"""
"""A file of the same format may be without it: it was added later."""

_EXCHANGES_PER_WRITE = 100
"""Exchanges that are written at once: one by one, each costs as much as its request."""

_SECONDS_PER_WRITE = 1.0
"""Seconds that an exchange waits at most: if the process is killed, those of this time are lost."""

_COMMANDS_PER_CHECKPOINT = 1_000
"""Commands that are replayed at most; with more than 10,000 dossiers, a tenth of their number."""

_CHANGE, _JOURNAL, _CHECKPOINT = (
    "the change was not made",
    "the journal was not written",
    "no checkpoint was written",
)
"""What does not happen when the file cannot be written."""

_logger = logging.getLogger("mock_server")


class KeptSandbox(NamedTuple):
    """A sandbox in the file: its state at a checkpoint, the commands since, and its last requests."""

    checkpoint: Kept
    number: int
    records: tuple[Record, ...]
    latest_request: int
    exchanges: tuple[PackedExchange, ...]


class _CommandLog:
    """The commands of a sandbox that were written since its checkpoint, not the commands themselves.

    `checkpoint` is the number of the last command before them, `count` how many they are. `rewinds` has the
    number of each rewind among them, with that of the first command that it undoes. `is_running`: a
    checkpoint is being written.
    """

    def __init__(self, checkpoint: int, records: tuple[Record, ...] = ()) -> None:
        self.checkpoint = checkpoint
        self.count = len(records)
        self.rewinds = [(record.number, record.first_undone) for record in records if record.first_undone]
        self.is_running = False

    def goes_back_over(self, number: int) -> bool:
        """Whether a rewind with a higher number undoes this command."""
        return any(at > number >= before for at, before in self.rewinds)


class StateDatabase:
    """The sandboxes of one server in a file."""

    def __init__(self, path: Path) -> None:
        """Open the file, or create it.

        Raises:
            StateFileError: it is not a state file, damaged, of a newer version, in use, or cannot be written.
        """
        self.path = path
        self._errors: dict[str, str] = {}
        self._lock = RLock()
        self._logs: dict[str, _CommandLog] = {}
        self._unwritten: list[tuple[str, int, bytes, bytes | None]] = []
        self._first_kept: dict[str, int] = {}
        self._flusher: Thread | None = None
        self._closed = Event()
        with self._clear_errors(), ExitStack() as closing_after_error:
            self._check_access()
            if not path.exists():
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            self._inode = path.stat().st_ino
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=0)
            closing_after_error.callback(self._connection.close)
            self._prepare()
            rows = self._execute("SELECT key, content FROM fixtures")
            self._format = RecordFormat({key: decode_fixture(raw, str(path)) for key, raw in rows})
            rows = self._execute("SELECT name FROM sandboxes ORDER BY rowid")
            self._names: dict[str, None] = {name: None for (name,) in rows}  # a set that keeps the order
            closing_after_error.pop_all()
        self._written_fixtures = set(self._format.fixtures)
        atexit.register(self.close)

    def _check_access(self) -> None:
        """Raise a clear StateFileError for a path that is not a file, or read-only; SQLite's is unclear."""
        if self.path.exists() and not self.path.is_file():
            kind = "a folder" if self.path.is_dir() else "a device, a named pipe or a socket"
            raise StateFileError(f"{self.path}: {kind}, not a file: give the path of a file")
        if not self.path.parent.exists():
            folder = self.path.parent.absolute()
            raise StateFileError(f"{self.path}: there is no folder {folder}: create it, or give another file")
        for place, what in ((self.path, "it"), (self.path.parent, f"its folder {self.path.parent}")):
            if place.exists() and not os.access(place, os.W_OK):
                raise StateFileError(
                    f"{self.path}: {what} cannot be written by this user: change the permissions,"
                    " or give a file in another folder"
                )

    def _prepare(self) -> None:
        self._execute("PRAGMA locking_mode = EXCLUSIVE")
        is_new = not self._number("SELECT count(*) FROM sqlite_master")
        if not is_new:
            self._check_format()  # first: the journal mode is written into the file
        self._execute("PRAGMA journal_mode = WAL")
        self._execute("PRAGMA synchronous = OFF")  # see the promise above
        if is_new:
            self._connection.executescript(
                f"BEGIN EXCLUSIVE; {_TABLES} PRAGMA user_version = {FORMAT};"
                f" PRAGMA application_id = {_APPLICATION}; COMMIT"
            )
        self._execute(_JOURNAL_TABLE)
        [result] = self._execute("PRAGMA quick_check(1)").fetchone()
        if result != "ok":
            raise StateFileError(f"{self.path}: {_damage_text(result)}")

    def _check_format(self) -> None:
        if self._number("PRAGMA application_id") != _APPLICATION:
            raise StateFileError(f"{self.path}: not a state file of mock-server: give another file")
        version = self._number("PRAGMA user_version")
        if version > FORMAT:
            raise StateFileError(
                f"{self.path}: written by a newer version of mock-server, in format {version}; this one reads"
                f" up to {FORMAT}: use the newer version, or give another file"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the sandboxes in the file, oldest first."""
        return tuple(self._names)

    @property
    def error(self) -> str | None:
        """Why the latest change could not be written, else the latest journal or checkpoint."""
        return self._errors.get(_CHANGE) or next(iter(self._errors.values()), None)

    def start_config(self, config: SandboxConfig) -> SandboxConfig:
        """Return the start of the sandboxes in this file; that of a new file is `config`.

        Raises:
            StateFileError: the file is damaged.
        """
        with self._clear_errors():
            row = self._execute("SELECT config FROM server").fetchone()
            if row is not None:
                stored = self._format.decode(row[0], SandboxConfig)
                _logger.info(
                    "%s has %s; its fixture %s wins over --fixture",
                    self.path,
                    counted(len(self._names), "sandbox", "sandboxes"),
                    stored.setup.fixture.name,
                )
                return stored
            with self._transaction():
                encoded = self._encode(config)
                self._execute("INSERT INTO server VALUES (1, ?)", encoded)
            return config

    def load(self, name: str) -> KeptSandbox:
        """Return a sandbox in the file.

        Raises:
            StateFileError: its rows are damaged.
        """
        with self._lock, self._clear_errors():
            query = "SELECT kept, number, latest_request FROM sandboxes WHERE name = ?"
            encoded, number, latest = self._execute(query, name).fetchone()
            query = "SELECT record FROM commands WHERE sandbox = ? ORDER BY number"
            records = tuple(self._format.decode(row[0], Record) for row in self._execute(query, name))
            self._logs[name] = _CommandLog(number, records)
            checkpoint: Kept = self._format.decode(encoded, Kept)
            latest = max([latest, *(record.position for record in records)])
            latest, exchanges = self._load_journal(name, latest)
        return KeptSandbox(checkpoint, number, records, latest, exchanges)

    def _load_journal(self, name: str, last: int) -> tuple[int, tuple[PackedExchange, ...]]:
        """Return the number of the last exchange, and the kept ones up to it.

        `last` is the last request that changed the sandbox. Its exchange is missing if the process ended
        before its answer.
        """
        query = "SELECT number, exchange, answer FROM exchanges WHERE sandbox = ? ORDER BY number DESC"
        packed: list[PackedExchange] = []
        for number, exchange, answer in self._execute(query, name):
            if not packed and number >= last - 1:
                last = number
            if number != last - len(packed):
                break  # older ones could not be written
            packed.append(join_parts(exchange, answer))
        return last, tuple(reversed(packed))

    def add_exchange(self, name: str, number: int, packed: PackedExchange, first: int) -> None:
        """Write an exchange soon: with the next command, with others, or after a second."""
        with self._lock:
            self._unwritten.append((name, number, packed.exchange, packed.answer))
            self._first_kept[name] = first
            if len(self._unwritten) >= _EXCHANGES_PER_WRITE:
                self._flush()
            elif self._flusher is None:
                self._flusher = Thread(target=self._flush_often, name="mock-server journal", daemon=True)
                self._flusher.start()

    def clear_exchanges(self, name: str, last: int) -> None:
        """Delete the exchanges, if possible, and keep the number of the last one."""
        with suppress(NotWritten), self._writing(_JOURNAL):
            self._forget_exchanges(name)
            query = "UPDATE sandboxes SET latest_request = max(latest_request, ?) WHERE name = ?"
            self._execute(query, last, name)

    def _flush_often(self) -> None:
        while not self._closed.wait(_SECONDS_PER_WRITE):
            with self._lock:
                if self._unwritten and not self._closed.is_set():  # the file may have been closed meanwhile
                    self._flush()

    def _flush(self) -> None:
        """Write the exchanges, if possible: no request is rejected for its journal."""
        with suppress(NotWritten), self._writing(_JOURNAL):
            self._write_exchanges()
        with self._lock:
            del self._unwritten[:-_EXCHANGES_PER_WRITE]  # the file cannot be written

    def _write_exchanges(self) -> None:
        """Write the exchanges that wait, and delete those that the journals dropped."""
        self._connection.executemany("INSERT OR REPLACE INTO exchanges VALUES (?, ?, ?, ?)", self._unwritten)
        for name, first in self._first_kept.items():
            self._execute("DELETE FROM exchanges WHERE sandbox = ? AND number < ?", name, first)
        self._unwritten.clear()
        self._first_kept.clear()

    def _forget_exchanges(self, name: str) -> None:
        self._unwritten = [exchange for exchange in self._unwritten if exchange[0] != name]
        self._first_kept.pop(name, None)
        self._execute("DELETE FROM exchanges WHERE sandbox = ?", name)

    def create(self, name: str, kept: Kept) -> None:
        """Add a sandbox, which has no commands yet.

        Raises:
            NotWritten: the file cannot be written.
        """
        with self._writing():
            self._execute("INSERT INTO sandboxes VALUES (?, ?, 0, 0)", name, self._encode(kept))
            self._forget_exchanges(name)
            self._logs[name] = _CommandLog(0)
        self._names[name] = None

    def delete(self, name: str) -> None:
        """Remove a sandbox with its commands.

        Raises:
            NotWritten: the file cannot be written.
        """
        with self._writing():
            self._execute("DELETE FROM commands WHERE sandbox = ?", name)
            self._execute("DELETE FROM sandboxes WHERE name = ?", name)
            self._forget_exchanges(name)
        self._names.pop(name, None)
        self._logs.pop(name, None)

    def append(self, name: str, record: Record, after: SandboxState) -> None:
        """Write a command before its answer is sent. `after` is the state that it gives.

        Raises:
            NotWritten: the file cannot be written; the caller must not make the change.
        """
        log = self._logs[name]
        with self._writing():
            if 0 < record.first_undone <= log.checkpoint:
                # The state that it goes back to is not in the file any more.
                self._write_checkpoint(name, log, self._encode(keep_state(after)), record)
                return
            self._execute(
                "INSERT INTO commands VALUES (?, ?, ?)", name, record.number, self._format.encode(record)
            )
            self._write_fixtures()
            self._write_exchanges()
        log.count += 1
        if record.first_undone:
            log.rewinds.append((record.number, record.first_undone))
        if log.count % _COMMANDS_PER_CHECKPOINT == 0 and not log.is_running:
            self._checkpoint_soon(name, log, record, after)

    def _checkpoint_soon(self, name: str, log: _CommandLog, record: Record, after: SandboxState) -> None:
        """Write a checkpoint in a thread, if there are as many commands as a tenth of the dossiers."""
        if log.count < after.world.dossier_count // 10:
            return
        log.is_running = True

        def run() -> None:
            try:
                encoded = self._encode(keep_state(after))
                with self._lock:
                    if self._logs.get(name) is log and not log.goes_back_over(record.number):
                        with self._writing(_CHECKPOINT):
                            self._write_checkpoint(name, log, encoded, record)
            except NotWritten as error:
                _logger.warning("%s", error)
            finally:
                log.is_running = False

        Thread(target=run, name="mock-server checkpoint", daemon=True).start()

    def _write_checkpoint(self, name: str, log: _CommandLog, encoded: bytes, record: Record) -> None:
        """Replace the kept state by the one after the record, and delete the commands up to that."""
        query = (
            "UPDATE sandboxes SET kept = ?, number = ?, latest_request = max(latest_request, ?)"
            " WHERE name = ?"
        )
        self._execute(query, encoded, record.number, record.position, name)
        query = "DELETE FROM commands WHERE sandbox = ? AND number <= ?"
        deleted = self._execute(query, name, record.number).rowcount
        self._write_fixtures()
        log.checkpoint = record.number
        log.count -= min(deleted, log.count)
        log.rewinds = [rewind for rewind in log.rewinds if rewind[0] > record.number]

    @property
    def version(self) -> int:
        """The version of the tables."""
        return self._number("PRAGMA user_version")

    def export(self, name: str) -> bytes:
        """Return the state of a sandbox now, as `GET /__admin/state` does.

        Raises:
            StateFileError: the sandbox is damaged in the file.
        """
        machine = monotonic_now()
        replayed = self._replay_commands(name, self.load(name))
        with self.restoring(name):
            state, _ = settle_state(replayed, machine)
            return export_state(state, state.clock.at(machine))

    def compact(self) -> None:
        """Replace the commands of each sandbox by its state, if that is shorter, and give unused space back.

        Raises:
            StateFileError: a sandbox is damaged in the file, or it cannot be written.
        """
        for name in self.names:
            stored = self.load(name)
            with self._clear_errors(), self._transaction():
                encoded = self._encode(keep_state(self._replay_commands(name, stored)))
                if stored.records and len(encoded) < self._size_of(name):
                    self._write_checkpoint(name, self._logs[name], encoded, stored.records[-1])
        with self._clear_errors():
            self._execute("VACUUM")
            self._execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _size_of(self, name: str) -> int:
        """Bytes of a sandbox in the file. Many snapshots are short as commands, and long in a state."""
        query = "SELECT length(kept) FROM sandboxes WHERE name = ?"
        state = self._number(query, name)
        query = "SELECT coalesce(sum(length(record)), 0) FROM commands WHERE sandbox = ?"
        return state + self._number(query, name)

    def _replay_commands(self, name: str, stored: KeptSandbox) -> SandboxState:
        with self.restoring(name):
            return replay(restore_state(stored.checkpoint, generate_company), stored.records)

    def close(self) -> None:
        """Write the exchanges that wait, and close the file."""
        atexit.unregister(self.close)
        self._closed.set()
        with self._lock:
            if self._unwritten:
                self._flush()
            self._connection.close()

    def _encode(self, value: Kept | SandboxConfig) -> bytes:
        encoded = self._format.encode(value)
        self._write_fixtures()
        return encoded

    def _write_fixtures(self) -> None:
        """Write the fixtures that something written before names."""
        fixtures = self._format.fixtures
        if len(fixtures) == len(self._written_fixtures):
            return
        for key in [*fixtures.keys() - self._written_fixtures]:
            self._execute("INSERT OR IGNORE INTO fixtures VALUES (?, ?)", key, fixtures[key].encode())
            self._written_fixtures.add(key)

    def _execute(self, query: str, *values: object) -> sqlite3.Cursor:
        return self._connection.execute(query, values)

    def _number(self, query: str, *values: object) -> int:
        return int(self._execute(query, *values).fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Execute all queries of the block, or none if it raises."""
        with self._lock:
            self._execute("BEGIN IMMEDIATE")
            try:
                yield
                self._execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._execute("ROLLBACK")
                self._written_fixtures = {key for (key,) in self._execute("SELECT key FROM fixtures")}
                raise

    @contextmanager
    def _writing(self, lost: str = _CHANGE) -> Iterator[None]:
        """Write all or nothing; `lost` begins the error message: what does not happen without the write.

        A journal may fit on a disk that has no space for a change, so its success clears no error of changes.

        Raises:
            NotWritten: the file cannot be written.
        """
        try:
            if os.stat(self.path).st_ino != self._inode:  # noqa: PTH116  # it costs half as much
                raise FileNotFoundError(ENOENT, "the file was replaced")
            with self._transaction():
                yield
        except (sqlite3.Error, OSError) as error:
            reason = _reason(error)
            self._errors[lost] = f"{lost}: {self.path} cannot be written: {reason}"
            raise NotWritten(self._errors[lost]) from None
        if lost == _CHANGE:
            self._errors.clear()
        else:
            self._errors.pop(lost, None)

    @contextmanager
    def restoring(self, name: str) -> Iterator[None]:
        """Turn any error into a StateFileError: another version may have written the rows of the sandbox.

        Raises:
            StateFileError: the sandbox cannot be restored.
        """
        try:
            yield
        except StateFileError:
            raise
        except Exception as error:
            reason = str(error) if isinstance(error, FileError) else f"{type(error).__name__}: {error}"
            if isinstance(error, InputError):
                reason = f"{error.path}: {error}"
            is_default = name == DEFAULT_SANDBOX
            remedy = "give another file" if is_default else f"send DELETE /__admin/sandboxes/{name}"
            raise StateFileError(
                f"{self.path}: the sandbox {name!r} cannot be restored: {reason}; use the version of"
                f" mock-server that wrote the file, or {remedy}"
            ) from error

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        """Turn the errors of SQLite and of decoding into a StateFileError, which says what to do."""
        try:
            yield
        except StateFileError:
            raise
        except (sqlite3.Error, OSError, FileError, InputError, msgspec.DecodeError) as error:
            is_busy = isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
            reason = _reason(error)
            detail = "another server uses this file: stop it, or give another file" if is_busy else reason
            raise StateFileError(f"{self.path}: {detail}") from None


def _reason(error: Exception) -> str | None:
    """Say why the file cannot be used, and what to do with one that is damaged."""
    if isinstance(error, OSError):
        return error.strerror
    is_damaged = not isinstance(error, sqlite3.Error) or error.sqlite_errorcode in {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    }
    return _damage_text(str(error)) if is_damaged else str(error)


def _damage_text(reason: str) -> str:
    return f"the file is damaged, or not a state file: {reason}: restore a copy of it, or give another file"
