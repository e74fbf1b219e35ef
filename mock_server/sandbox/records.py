"""Executed commands as JSON, and the replay of them: the same start and records give the same state anywhere.

A record has all that its command does not say: when it was executed, and the companies that were generated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import UnionType
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from mock_server.domain.model import Company, CompanyId
from mock_server.fixtures import Fixture
from mock_server.sandbox.commands import AnyCommand, CommandContext, PastState, Rewind
from mock_server.sandbox.state import SandboxState, settle_if_possible

T = TypeVar("T")

RECORD_VERSION: Literal[1] = 1


class MissingFixture(ValueError):
    """A record names a fixture that is not known; `key` is its key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"there is no fixture {key}")
        self.key = key


class Record(Struct, frozen=True, kw_only=True):
    """A command that was executed: its number, and when, in the machine's time.

    `request` is the number of the request that executed it, None for a control call; `latest_request` is the
    last one before it. `companies` are those that were generated for it.
    """

    version: Literal[1] = RECORD_VERSION
    number: int
    machine: datetime
    request: int | None
    latest_request: int
    command: AnyCommand
    companies: tuple[tuple[CompanyId, Company], ...] = ()

    @property
    def position(self) -> int:
        """The number of the request in which or after which it was executed."""
        return self.latest_request if self.request is None else self.request


class RecordFormat:
    """Encodes and decodes records, and kept states. `fixtures` has those that they name, by key."""

    def __init__(self, fixtures: Mapping[str, Fixture] | None = None) -> None:
        self.fixtures: dict[str, Fixture] = dict(fixtures or {})

    def encode(self, value: Struct) -> bytes:
        """Return the JSON; the fixtures that it names are in `fixtures` afterwards."""
        return msgspec.json.encode(value, enc_hook=self._encode_hook)

    def decode(self, encoded: bytes, kind: type[T] | UnionType) -> T:
        """Return the value of this type.

        Raises:
            msgspec.DecodeError: it is none, or names a fixture that `fixtures` does not have.
        """
        return msgspec.json.decode(encoded, type=kind, dec_hook=self._decode_hook)

    def _encode_hook(self, value: object) -> str:
        if isinstance(value, Fixture):
            self.fixtures[value.key] = value
            return value.key
        if isinstance(value, Path):
            return str(value)
        raise NotImplementedError(f"{type(value).__name__} has no JSON form")

    def _decode_hook(self, kind: type, value: str) -> object:
        if kind is not Fixture:
            return kind(value)
        found = self.fixtures.get(value)
        if found is None:
            raise MissingFixture(value)
        return found


def replay(
    state: SandboxState,
    records: Iterable[Record],
    seen: Callable[[Record, PastState], object] = lambda *_: None,
) -> SandboxState:
    """Apply the records to the state, in their order, and return the last state.

    A rewind goes back to the state before one of them. `seen` gets each record and the state before it.
    """
    records = tuple(records)
    wanted = {record.command.before for record in records if isinstance(record.command, Rewind)}
    kept: dict[int, PastState] = {}
    for record in records:
        state = settle_if_possible(state, record.machine)
        now = state.clock.at(record.machine)
        before = PastState(state, now)
        seen(record, before)
        if record.number in wanted:
            kept[record.number] = before
        state = apply_record(record, before, kept.__getitem__)
    return state


def apply_record(record: Record, before: PastState, state_before: Callable[[int], PastState]) -> SandboxState:
    """Return the state that the record makes of the one before it."""
    companies = dict(record.companies)
    context = CommandContext(record.machine, before.now, companies.__getitem__, state_before)
    state, _ = record.command.apply(before.state, context)
    return state
