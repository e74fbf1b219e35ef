"""Pages of hits: which one is asked for, and which hits are on it (behaviour.md 8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from heapq import merge
from itertools import islice
from typing import Generic, TypeVar

from msgspec import Struct

from mock_server.domain import checks
from mock_server.domain.errors import E003, E010, E011
from mock_server.domain.sortedset import SortedSet

Found = TypeVar("Found")

DEFAULT_PAGE_SIZE = 10
MAX_PAGE_SIZE = 1000


class Page(Struct, Generic[Found], frozen=True):
    """One page of hits: its zero-based number, the size asked for, and the number of hits over all pages."""

    content: Sequence[Found]
    number: int
    size: int
    total_elements: int


def asked(findings: checks.Findings, query: Mapping[str, str]) -> tuple[int, int]:
    """Number and size of the page asked for; what is wrong with them is noted: E003, E010, E011."""
    number = _integer(findings, "page", query.get("page"), default=0, least=0)
    size = _integer(findings, "page_size", query.get("page_size"), default=DEFAULT_PAGE_SIZE, least=1)
    if size > MAX_PAGE_SIZE:
        findings.note(E011, "page_size", str(MAX_PAGE_SIZE))
    return number, size


def page_of(
    sources: Sequence[SortedSet[int]],
    look_up: Callable[[int], Found],
    hit: Callable[[Found], bool] | None,
    number: int,
    size: int,
) -> Page[Found]:
    """The page of hits among the ids of `sources`, which have none in common."""
    start = number * size
    if hit is None and len(sources) == 1:
        return Page(
            [look_up(found) for found in sources[0].slice(start, size)], number, size, len(sources[0])
        )
    if hit is None:
        total = sum(map(len, sources))
        beyond = start >= total
        ids = () if beyond else islice(merge(*sources), start, start + size)
        return Page([look_up(found) for found in ids], number, size, total)
    hits = [found for found in map(look_up, merge(*sources)) if hit(found)]
    return Page(hits[start : start + size], number, size, len(hits))


def _integer(findings: checks.Findings, name: str, value: str | None, *, default: int, least: int) -> int:
    """`page` or `pageSize`: an integer of at least `least`, else E010. behaviour.md 8 (limits: inferred)."""
    if value is None:
        return default
    if value == "":
        findings.note(E003, name)
        return default
    number = checks.integer(findings, name, value)
    if number is not None and number < least:
        findings.note(E010, name, value)
    return default if number is None else number
