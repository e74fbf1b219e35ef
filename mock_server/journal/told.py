"""What refusals an answer tells, whichever way: in our header, or as the outcome of an import."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mock_server.domain.errors import NOT_FOUND, NotFound
from mock_server.domain.process import ImportProcess
from mock_server.domain.spelling import camel
from mock_server.domain.world import World, process_of
from mock_server.journal.entry import Entry
from mock_server.journal.parameters import MEMBERS, QUERIES

REFUSAL_HEADER = "x-mock-refusal"


class Told(NamedTuple):
    """A refusal as an answer tells it: code, the parameter it is about as the wire spells it, its values."""

    code: str
    parameter: str | None
    values: tuple[str, ...]

    @property
    def value(self) -> str:
        """The values as one, for the codes that have a single one, which may have slashes in it."""
        return "/".join(self.values)


def refusals_of(entry: Entry) -> tuple[Told, ...]:
    """What the header of a refusal names; empty where nothing was refused."""
    codes = "|".join({*entry.codes, NOT_FOUND.code})  # no others: a value may have the look of one
    parts = re.split(rf"(?:^|; )({codes})(?= |;|$)", entry.answer_headers.get(REFUSAL_HEADER, ""))
    known = {*MEMBERS.get(entry.operation or "", ()), *QUERIES.get(entry.operation or "", ()), *_MEANT}
    return tuple(
        _told(code, text.strip(), known) for code, text in zip(parts[1::2], parts[2::2], strict=True)
    )


def refusals_of_import(process: ImportProcess) -> tuple[Told, ...]:
    """What an import ended with."""
    return tuple(
        Told(refusal.error.code, refusal.parameter and camel(refusal.parameter), refusal.values)
        for refusal in process.refusals
    )


def imports_told(entry: Entry, world: World) -> Iterator[ImportProcess]:
    """The import that the call launched or asked about, as it is now; those of a list that failed."""
    content = entry.answer.value.get("content") if isinstance(entry.answer.value, Mapping) else None
    for told in content if isinstance(content, list) else [content]:
        found = _process(told, world) if entry.operation in _ABOUT_IMPORTS else None
        if found is not None and (found.refusals or not isinstance(content, list)):
            yield found


_ABOUT_IMPORTS = ("importDossier", "getProcess", "listProcesses")

_MEANT = (
    *("accountId", "dossierId", "documentId", "thirdpartyId", "processId", "fileId", "documentCode"),
    *("dataToUpdate", "requiredDocuments"),
)
"""What a refusal may be about besides the parameters and members of the operation."""


def _told(code: str, text: str, known: set[str]) -> Told:
    first, *others = text.split("/")
    if first in known:
        return Told(code, first, tuple(others))
    return Told(code, None, (first, *others) if text else ())


def _process(told: Any, world: World) -> ImportProcess | None:
    process_id = told.get("processId") if isinstance(told, Mapping) else None
    try:
        return process_of(world, str(process_id))
    except NotFound:
        return None
