"""What an answer told, in a word: codes, edges of paging, outcomes of imports; noted while it is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mock_server.domain.checks import as_int64
from mock_server.domain.errors import E003, E010, E011, ERRORS, Refusal
from mock_server.domain.paging import MAX_PAGE_SIZE
from mock_server.domain.process import ImportProcess


class Fact(NamedTuple):
    """`about` is `code`, `page` or `process`; `name` one of `CODES`, `PAGE_EDGES`, `OUTCOMES`."""

    about: str
    name: str


PAGE_EDGES: dict[str, str] = {
    "empty": "no hit at all",
    "oneHit": "exactly one hit",
    "onePage": "all hits on one page, with room left",
    "moreToCome": "a page that others follow",
    "lastPartial": "the last of several pages, not full",
    "lastFull": "the last page, exactly full",
    "beyondEnd": "a page after the last one",
    "largestSize": f"a page of the largest size, {MAX_PAGE_SIZE}",
    "sizeTooLarge": "a larger size, refused",
    "outOfRange": "a page below 0 or a size below 1, refused",
    "notANumber": "a page or size that is no number, refused",
    "blank": "a page or size without a value, refused",
}
"""What can happen at the edges of a paged search."""

CODES = tuple(error.code for error in ERRORS.values() if error.places)
"""Every code that an answer can tell."""

OUTCOMES = (
    "running",
    "succeeded",
    *(error.code for error in ERRORS.values() if "P" in error.places),
)
"""How a process can be found: under way, ended well, or with a code."""

_EDGES = {name: Fact("page", name) for name in PAGE_EDGES}
_CODES = {code: Fact("code", code) for code in ERRORS}
_OUTCOMES = {name: Fact("process", name) for name in (*OUTCOMES, *ERRORS)}


def page_facts(number: int, size: int, total: int) -> list[Fact]:
    """The edges that a page is at: its zero-based number, its size, and the hits over all pages."""
    found = [_EDGES[_position(number * size, size, total)]]
    if total == 1:
        found.append(_EDGES["oneHit"])
    if size == MAX_PAGE_SIZE:
        found.append(_EDGES["largestSize"])
    return found


def refusal_facts(refusals: Iterable[Refusal]) -> list[Fact]:
    """The codes of refusals, and the edges of paging among them."""
    found = []
    for refusal in refusals:
        found.append(_CODES[refusal.error.code])
        if refusal.parameter in {"page", "page_size"}:
            found.append(_EDGES[_refused_paging(refusal)])
    return list(dict.fromkeys(found))


def process_facts(processes: Sequence[ImportProcess]) -> list[Fact]:
    """How these imports are found, and the codes of those that failed."""
    found: list[Fact] = []
    for process in processes:
        if process.refusals:
            codes = [refusal.error.code for refusal in process.refusals]
            found += [_OUTCOMES[code] for code in codes] + [_CODES[code] for code in codes]
        else:
            found.append(_OUTCOMES["succeeded" if process.complete else "running"])
    return list(dict.fromkeys(found))


def codes_of(facts: Iterable[Fact]) -> tuple[str, ...]:
    """The codes among these facts."""
    return tuple(fact.name for fact in facts if fact.about == "code")


def _position(start: int, size: int, total: int) -> str:
    """Where a page stands that begins with hit `start`."""
    end = start + size
    if start >= total:
        return "beyondEnd" if total else "empty"
    if end < total:
        return "moreToCome"
    if end == total:
        return "lastFull"
    return "lastPartial" if start else "onePage"


def _refused_paging(refusal: Refusal) -> str:
    if refusal.error is E010:
        return "notANumber" if as_int64(refusal.values[0]) is None else "outOfRange"
    return {E011: "sizeTooLarge", E003: "blank"}[refusal.error]
