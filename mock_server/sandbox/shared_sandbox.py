"""A sandbox that replicas share: this replica's copy of it, and the entries of its log.

An entry is all that one request did: its commands, what it did to the journal, and when. A request works on
a draft. Its entry is appended to the log on the condition that the copy has all earlier entries; only then it
is published in the copy, and the other replicas apply it to theirs.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Literal, NamedTuple, TypeVar
from uuid import uuid4

import msgspec
from msgspec import Struct, field

from mock_server.clock import continue_from, monotonic_now
from mock_server.journal.coverage import ExchangeCounts, ExchangeKind
from mock_server.journal.hints import Polls
from mock_server.journal.journal import (
    Exchange,
    Journal,
    Limits,
    Listener,
    PackedExchange,
    join_parts,
    unpack,
)
from mock_server.sandbox.commands import PastState
from mock_server.sandbox.engine import RawEntry, SandboxGone, StoredSandbox
from mock_server.sandbox.history import (
    History,
    HistoryEntry,
    MissingFixture,
    NotKept,
    Record,
    RecordFormat,
    settle_before,
)
from mock_server.sandbox.sandbox import SandboxOptions, ServerSandbox
from mock_server.sandbox.state import (
    Kept,
    SandboxState,
    keep_state,
    restore_state,
    settle_if_possible,
)

T = TypeVar("T")

ENTRIES_PER_CHECKPOINT = 1_000
"""Entries after which a checkpoint is written; with more than 10,000 dossiers, a tenth of their number."""

_JSON, _EXCHANGE, _ANSWER = b"entry", b"exchange", b"answer"
"""The fields of an entry: JSON, the packed exchange if there is one, and the body of its answer."""


class UnknownEntry(Exception):
    """An entry or a checkpoint that cannot be read: it is of a newer version, or a fixture is `missing`."""

    def __init__(self, subject: str, error: Exception) -> None:
        super().__init__(f"{subject}: {str(error) or type(error).__name__}")
        cause = error.__cause__
        self.missing = cause.key if isinstance(cause, MissingFixture) else None


class LogEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The changes of one request.

    `imports` are the outcomes of the imports that ended. `journal` says whether it cleared or reset the
    journal.
    """

    format: Literal[1]
    machine: datetime
    records: tuple[Record, ...] = ()
    imports: tuple[str, ...] = ()
    journal: Literal["clear", "reset"] | None = None


class Counts(Struct, frozen=True):
    """How often each kind of exchange was seen, and how imports ended."""

    by_kind: tuple[tuple[ExchangeKind, int], ...] = ()
    imports: dict[str, int] = field(default_factory=dict)


class JournalSummary(Struct, frozen=True, kw_only=True):
    """The part of a journal besides its exchanges: counts, and the number of the last dropped exchange."""

    counts: Counts
    counts_before_reset: Counts
    last_dropped: int


class Checkpoint(Struct, frozen=True, kw_only=True):
    """A sandbox after its command `number`. Its records with higher numbers are in the log.

    `request` is the position of that command, `last_request` the number of the last exchange before the first
    entry of the log. `summary` is that of the journal after the entry of the version `counted`.
    """

    kept: Kept
    number: int = 0
    request: int = 0
    last_request: int = 0
    counted: int = 0
    summary: JournalSummary | None = None


class LogFormat(RecordFormat):
    """Encodes and decodes entries, checkpoints, and the start of new sandboxes."""

    def read(self, encoded: bytes, kind: type[T], subject: str) -> T:
        """Return one of them.

        Raises:
            UnknownEntry: this version cannot read it, or it names a fixture that is missing.
        """
        try:
            return self.decode(encoded, kind)
        except msgspec.DecodeError as error:
            raise UnknownEntry(subject, error) from None

    def read_entry(self, raw: RawEntry) -> LogEntry:
        """Return an entry.

        Raises:
            UnknownEntry: as `read`.
        """
        return self.read(raw.fields.get(_JSON, b""), LogEntry, f"entry {raw.version} of its log")


class Draft(Struct):
    """The changes of a request that runs; its `exchange`, packed and unpacked, once it has ended."""

    history: list[HistoryEntry] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    journal: Literal["clear", "reset"] | None = None
    exchange: tuple[PackedExchange, Exchange] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to append. What time alone has done is no reason for an entry."""
        return not self.history and self.journal is None and self.exchange is None


class PreparedEntry(NamedTuple):
    """An entry that can be appended: its id and fields, and the copy of this replica after it.

    By the id the replica finds out whether an append without answer was made. `first_undone` is the oldest
    command before which it goes back, 0 if it does not go back.
    """

    fields: tuple[bytes, ...]
    first_undone: int
    draft: Draft
    after: SandboxState
    polls: Polls


class SharedJournal(Journal):
    """The journal of a shared sandbox: changes of a request are in the draft until they are published."""

    def __init__(self, limits: Limits, last: int) -> None:
        super().__init__(limits, last)
        self.draft: Draft | None = None
        self.on_listen: Callable[[], None] = lambda: None

    @property
    def is_followed(self) -> bool:
        """Whether there are listeners."""
        return bool(self._listeners)

    def listen(self, wake: Listener) -> Callable[[], None]:
        """As of a journal; the sandbox is followed from now on."""
        self.on_listen()
        return super().listen(wake)

    def clear(self) -> int:
        """As of a journal."""
        draft = self.present_draft
        draft.journal = draft.journal or "clear"
        return len(self.read().packed)

    def reset(self) -> None:
        """As of a journal."""
        self.present_draft.journal = "reset"

    def count_imports(self, outcomes: Iterable[str]) -> None:
        """As of a journal; imports that end outside of a request are counted when a request settles them."""
        if self.draft is not None:
            self.draft.imports += outcomes

    def _add(self, packed: PackedExchange, exchange: Exchange) -> None:
        self.present_draft.exchange = packed, exchange

    @property
    def present_draft(self) -> Draft:
        """The draft of the request that runs."""
        assert self.draft is not None, "a change outside of a request"  # noqa: S101
        return self.draft

    def publish(self, draft: Draft) -> None:
        """Make the changes of a request to the journal."""
        if draft.journal == "clear":
            super().clear()
        elif draft.journal == "reset":
            super().reset()
        super().count_imports(draft.imports)
        if draft.exchange is not None:
            super()._add(*draft.exchange)

    def summary(self) -> JournalSummary:
        """Return the part of the journal besides its exchanges."""
        with self._lock:
            return JournalSummary(
                counts=_counts(self._counts),
                counts_before_reset=_counts(self._counts_before_reset),
                last_dropped=self._last_dropped,
            )

    def restore(self, summary: JournalSummary) -> None:
        """Replace the counts and the number of the last dropped exchange."""
        with self._lock:
            self._counts = _exchange_counts(summary.counts)
            self._counts_before_reset = _exchange_counts(summary.counts_before_reset)
            self._last_dropped = summary.last_dropped


def _counts(counts: ExchangeCounts) -> Counts:
    return Counts(tuple(counts.by_kind.items()), dict(counts.imports))


def _exchange_counts(counts: Counts) -> ExchangeCounts:
    return ExchangeCounts(dict(counts.by_kind), Counter(counts.imports))


class _Position(NamedTuple):
    """Where the log was after an entry: its version, and the numbers of the last command and exchange."""

    version: int
    command: int
    request: int


class SharedSandbox(ServerSandbox):
    """This replica's copy of a sandbox, at a version of its log.

    Between two requests `_base` is the state after the last entry, settled at the time of that entry. Only
    an entry may settle it further, so that every replica settles at the same times.
    """

    journal: SharedJournal

    def __init__(
        self, name: str, stored: StoredSandbox, options: SandboxOptions, log_format: LogFormat
    ) -> None:
        """Build the copy from the checkpoint and the log.

        Raises:
            UnknownEntry: this version cannot read one of them.
        """
        checkpoint = log_format.read(stored.checkpoint, Checkpoint, "its checkpoint")
        state = restore_state(checkpoint.kept, options.invent)
        super().__init__(name, state, options)
        self.incarnation = stored.incarnation
        self.version = stored.entries[0].version - 1 if stored.entries else stored.version
        self.last = b""
        self._format = log_format
        self._base = state
        self.journal = SharedJournal(options.journal, checkpoint.last_request)
        self._polls = self.journal.polls
        self.history = History(options.history, checkpoint.number, checkpoint.request)
        self._positions: deque[_Position] = deque()
        self._dropped_request = checkpoint.last_request
        entries = [(raw, log_format.read_entry(raw)) for raw in stored.entries]
        # A replica with a longer history may have gone back to a state that this history does not keep.
        self._kept: dict[int, PastState | None] = dict.fromkeys(
            record.first_undone for _, entry in entries for record in entry.records
        )
        for raw, entry in entries:
            self._apply(raw, entry, from_command=checkpoint.number + 1)
            if raw.version == checkpoint.counted and checkpoint.summary is not None:
                self.journal.restore(checkpoint.summary)
        self._kept = {}

    def begin(self) -> None:
        """Begin a draft: a request works on it from now on."""
        self._state = self._base
        self.journal.draft = Draft()
        if self._base.strict != "off":
            self.journal.polls = self._polls.copy()

    def discard(self) -> None:
        """End the draft; nothing of it remains."""
        self._state = self._base
        self.journal.draft = None
        self.journal.polls = self._polls

    def prepare(self) -> PreparedEntry | None:
        """Return the changes of the request as an entry; None if there are none."""
        draft = self.journal.draft
        if draft is None or draft.is_empty:
            return None
        machine = monotonic_now()
        self._settle_if_possible(machine)
        entry = LogEntry(
            format=1,
            machine=machine,
            records=tuple(history_entry.record for history_entry in draft.history),
            imports=tuple(draft.imports),
            journal=draft.journal,
        )
        fields = [uuid4().hex.encode(), _JSON, self._format.encode(entry)]
        if draft.exchange is not None:
            packed, _ = draft.exchange
            fields += [_EXCHANGE, packed.exchange]
            if packed.answer is not None:
                fields += [_ANSWER, packed.answer]
        undone = filter(None, (record.first_undone for record in entry.records))
        return PreparedEntry(tuple(fields), min(undone, default=0), draft, self._state, self.journal.polls)

    def publish(self, prepared: PreparedEntry) -> None:
        """Make an own entry, which was appended, the last one of this copy."""
        self._polls = prepared.polls
        self._advance(prepared.draft, prepared.after, self.version + 1, prepared.fields[0])

    def apply(self, entries: Sequence[RawEntry]) -> None:
        """Apply entries of other replicas.

        Raises:
            UnknownEntry: this version cannot read one; those before it are applied.
            NotKept: an entry goes back to a state that this copy does not have: it has to be loaded again.
            SandboxGone: they do not follow the last one of this copy: it has to be loaded again.
        """
        for raw in entries:
            if raw.version != self.version + 1 or raw.after != self.last:
                raise SandboxGone
            self._apply(raw, self._format.read_entry(raw))

    def is_due_for_checkpoint(self) -> bool:
        """Whether a checkpoint is due after this entry; the replica that appended the entry writes it."""
        if self.version % ENTRIES_PER_CHECKPOINT:
            return False
        rounds = 1 + self._base.world.dossier_count // 10 // ENTRIES_PER_CHECKPOINT
        return self.version // ENTRIES_PER_CHECKPOINT % rounds == 0

    def checkpoint(self) -> tuple[Callable[[], bytes], int, int]:
        """Return a function that encodes a checkpoint, in any thread; its number; the first version to keep.

        It has the oldest state of the history, so that a replica that starts can go back as far as this one.
        """
        oldest = next(iter(self.history.entries), None)
        state = self._base if oldest is None else oldest.state
        number = self.history.last if oldest is None else oldest.record.number - 1
        first = self._drop_positions(number)
        checkpoint = partial(
            Checkpoint,
            number=number,
            request=self.history.first_request - 1,
            last_request=self._dropped_request,
            counted=self.version,
            summary=self.journal.summary(),
        )
        return lambda: self._format.encode(checkpoint(kept=keep_state(state))), number, first

    def _drop_positions(self, number: int) -> int:
        """Return the first version with a command after `number`, or an exchange that the journal keeps."""
        positions, first_request = self._positions, self.journal.read().first
        while len(positions) > 1 and positions[0].command <= number and positions[0].request < first_request:
            self._dropped_request = positions.popleft().request
        return positions[0].version

    @property
    def _next_number(self) -> int:
        draft = self.journal.draft
        return self.history.last + 1 + (0 if draft is None else len(draft.history))

    def _keep(self, entry: HistoryEntry, after: SandboxState) -> None:
        self.journal.present_draft.history.append(entry)
        self._state = after

    def _apply(self, raw: RawEntry, entry: LogEntry, from_command: int = 0) -> None:
        """Apply an entry; its commands before `from_command` are in the state already."""
        continue_from(entry.machine)
        state, draft = self._base, Draft(imports=list(entry.imports), journal=entry.journal)
        for record in entry.records:
            if record.number >= from_command:
                history_entry, state = self._replay(state, record)
                draft.history.append(history_entry)
        state = settle_if_possible(state, entry.machine)
        if _EXCHANGE in raw.fields:
            packed = join_parts(raw.fields[_EXCHANGE], raw.fields.get(_ANSWER))
            exchange = unpack(packed)
            draft.exchange = packed, exchange
            if state.strict != "off" and exchange.operation == "getProcess":
                self._polls.is_fast(str(exchange.ids.get("process_id")), exchange.ended, exchange.at)
        self._advance(draft, state, raw.version, raw.id)

    def _replay(self, state: SandboxState, record: Record) -> tuple[HistoryEntry, SandboxState]:
        """Apply a record; return it with the state before it, and the state after it.

        Raises:
            UnknownEntry: the command fails here: another version wrote the record.
            NotKept: it goes back to a state that this copy does not have.
        """
        entry = settle_before(state, record)
        if record.number in self._kept:
            self._kept[record.number] = entry
        try:
            return entry, entry.state_after(self._state_before)
        except NotKept:
            raise
        except Exception as error:
            # Another version has other rules: here the command is rejected, or needs another company.
            raise UnknownEntry(f"its command {record.number}", error) from error

    def _state_before(self, number: int) -> PastState:
        return self._kept.get(number) or super()._state_before(number)

    def _advance(self, draft: Draft, after: SandboxState, version: int, identifier: bytes) -> None:
        """Make the changes of a request; they are the last entry of this copy."""
        for entry in draft.history:
            self.history.add(entry)
        self._state = self._base = after
        self.journal.publish(draft)
        self.version, self.last = version, identifier
        self._positions.append(_Position(version, self.history.last, self.journal.last))
