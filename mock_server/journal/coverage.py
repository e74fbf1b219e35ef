"""What the client met of the API, counted over all its calls, however few of them the journal still has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from mock_server.journal.exchange import Exchange
from mock_server.journal.facts import CODES, OUTCOMES, PAGE_EDGES, Fact

SEARCHES = ("listDossiers", "listThirdparties")
"""The operations that answer pages."""


Kind = tuple[str | None, str | int, bool, tuple[Fact, ...]]
"""What coverage tells exchanges apart by: operation, status or fault, whether the API has the path, facts."""


class Part(Struct, frozen=True):
    """Of so many things those met, each with how often, and those never met."""

    met: Mapping[str, int]
    never: tuple[str, ...]


class Coverage(Struct, frozen=True, kw_only=True):
    """`statuses` has for each operation met how often each status, or fault, was seen.

    `pages` has one part per search; `unmatched` counts the calls that no operation answered.
    """

    operations: Part
    statuses: Mapping[str, Mapping[str, int]]
    codes: Part
    pages: Mapping[str, Part]
    processes: Part
    unmatched: int


class Tally(Struct, eq=False):
    """How often exchanges of each kind were seen. Not for several threads at once: the journal has a lock."""

    counts: dict[Kind, int] = field(default_factory=dict)

    def count(self, exchange: Exchange) -> None:
        """Add one exchange."""
        seen = exchange.fault or exchange.status
        kind = (exchange.operation, seen, exchange.matched, exchange.facts)
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def copy(self) -> Tally:
        """The counts of now."""
        return Tally(dict(self.counts))


def coverage_of(tally: Tally, operations: Iterable[str]) -> Coverage:
    """The coverage of these operations."""
    statuses: dict[str, dict[str, int]] = {}
    for (operation, seen, _, _), count in tally.counts.items():
        if operation is not None:
            counted = statuses.setdefault(operation, {})
            counted[str(seen)] = counted.get(str(seen), 0) + count
    calls = {operation: sum(counts.values()) for operation, counts in statuses.items()}
    return Coverage(
        operations=_part(calls, operations),
        statuses=statuses,
        codes=_part(_told(tally, "code"), CODES),
        pages={search: _part(_told(tally, "page", search), PAGE_EDGES) for search in SEARCHES},
        processes=_part(_told(tally, "process"), OUTCOMES),
        unmatched=sum(count for (_, _, matched, _), count in tally.counts.items() if not matched),
    )


def _told(tally: Tally, about: str, operation: str | None = None) -> Counter[str]:
    """How often each fact of that kind was met, in all operations or in one."""
    found: Counter[str] = Counter()
    for (told_by, _, _, facts), count in tally.counts.items():
        for fact in facts:
            if fact.about == about and operation in {None, told_by}:
                found[fact.name] += count
    return found


def _part(met: Mapping[str, int], all_there_is: Iterable[str]) -> Part:
    """In the order of the table; what is met beyond it stands at the end."""
    names = tuple(all_there_is)
    ordered = {
        name: met[name] for name in (*names, *(name for name in met if name not in names)) if name in met
    }
    return Part(ordered, tuple(name for name in names if name not in met))
