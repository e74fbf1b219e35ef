"""The import process as a value (behaviour.md 4.10, 6.4)."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from mock_server.domain.errors import Refusal
from mock_server.domain.model import Condition, NewDossier


class Course(Struct, frozen=True, kw_only=True):
    """How an import is made to go, whatever its establishment says; None leaves that open."""

    held: bool = False
    lasts: timedelta | None = None
    condition: Condition | None = None


BY_ITSELF = Course()
"""The course of an import that nobody bends."""


class ImportProcess(Struct, frozen=True, kw_only=True, eq=False):
    """An import under way or ended. `number` counts launches; `ends` is when it will have run, or None.

    `wanted` is what was asked for; `condition`, if any, is what the data provider will say, whatever the
    registry says; `refusals` are filled when it ended without a dossier.
    """

    process_id: str
    number: int
    account_id: int
    creation: datetime
    ends: datetime | None
    wanted: NewDossier
    condition: Condition | None = None
    complete: bool = False
    refusals: tuple[Refusal, ...] = ()
    dossier_id: int | None = None

    @property
    def success(self) -> bool:
        """A dossier was made; false as long as the process runs."""
        return self.dossier_id is not None
