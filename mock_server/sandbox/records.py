"""Executed commands as JSON, and the replay of them: the same start and records give the same state anywhere.

A record has all that its command does not say: when it was executed, and the companies that were generated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from mock_server.domain.model import Company, CompanyId
from mock_server.fixtures import Fixture
from mock_server.sandbox.commands import AnyCommand, CommandContext, PastState, Rewind
from mock_server.sandbox.state import SandboxState, settle_if_possible

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
    """Encodes and decodes records. `fixtures` has the fixtures that they name, by key: those are large."""

    def __init__(self, fixtures: Mapping[str, Fixture] | None = None) -> None:
        self.fixtures: dict[str, Fixture] = dict(fixtures or {})
        self._encoder = msgspec.json.Encoder(enc_hook=self.encode_hook)
        self._decoder = msgspec.json.Decoder(Record, dec_hook=self.decode_hook)

    def encode(self, record: Record) -> bytes:
        """Return the JSON of a record; the fixture that it names, if any, is in `fixtures` afterwards."""
        return self._encoder.encode(record)

    def decode(self, encoded: bytes) -> Record:
        """Return the record of a JSON text.

        Raises:
            msgspec.DecodeError: it is not one, or names a fixture that `fixtures` does not have.
        """
        return self._decoder.decode(encoded)

    def encode_hook(self, value: object) -> str:
        """Return the JSON of a value that has no type of JSON."""
        if isinstance(value, Fixture):
            self.fixtures[value.key] = value
            return value.key
        if isinstance(value, Path):
            return str(value)
        raise NotImplementedError(f"{type(value).__name__} has no JSON form")

    def decode_hook(self, kind: type, value: str) -> object:
        """Return the value of such a JSON.

        Raises:
            MissingFixture: there is no such fixture.
        """
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
