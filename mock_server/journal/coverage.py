"""Facts about answers (codes, edges of paging, outcomes of imports), their counts, and the API's coverage.

Facts are noted while an answer is made. Counts include the exchanges that the journal dropped.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct, field

from mock_server.domain.checks import as_int64
from mock_server.domain.errors import E003, E010, E011, ERRORS, Refusal
from mock_server.domain.model import ImportProcess
from mock_server.domain.search import MAX_PAGE_SIZE


class Fact(NamedTuple):
    """One thing that an answer shows; `about` is `code`, `page`, `process` or `warning`."""

    about: str
    name: str


PAGE_EDGES: dict[str, str] = {
    "empty": "no hit at all",
    "oneHit": "exactly one hit",
    "onePage": "all hits on one page that is not full",
    "moreToCome": "a page that others follow",
    "lastPartial": "the last of several pages, not full",
    "lastFull": "the last page, exactly full",
    "beyondEnd": "a page after the last one",
    "largestSize": f"a page of the largest size, {MAX_PAGE_SIZE}",
    "sizeTooLarge": "a larger size, rejected",
    "outOfRange": "a page below 0 or a size below 1, rejected",
    "notANumber": "a page or size that is not a number, rejected",
    "blank": "a page or size without a value, rejected",
}
"""What can happen at the edges of a paged search."""

CODES = tuple(error.code for error in ERRORS.values() if error.places)
"""Every code that an answer can have."""

OUTCOMES = (
    "running",
    "succeeded",
    *(error.code for error in ERRORS.values() if error.ends_import),
)
"""The states in which a process can be found: running, succeeded, or with a code."""

SEARCHES = ("listDossiers", "listThirdparties")
"""The operations that return pages."""

ExchangeKind = tuple[str | None, str | None, str | int, bool, str | None, tuple[Fact, ...]]
"""Exchanges are counted by operation, dialect, status or fault, whether the API has the path, effect of a
rule, and facts."""

_EDGES = {name: Fact("page", name) for name in PAGE_EDGES}
_CODES = {code: Fact("code", code) for code in ERRORS}
_OUTCOMES = {name: Fact("process", name) for name in (*OUTCOMES, *ERRORS)}


class CoverageRow(Struct, frozen=True):
    """What the client reached (`met`), with the number of times, and what it never reached."""

    met: Mapping[str, int]
    never: tuple[str, ...]


class Coverage(Struct, frozen=True, kw_only=True):
    """`statuses` has for each operation how often each status, or fault, was seen.

    `pages` has one row per search; `unmatched` counts the calls that no operation served.
    """

    operations: CoverageRow
    statuses: Mapping[str, Mapping[str, int]]
    codes: CoverageRow
    pages: Mapping[str, CoverageRow]
    processes: CoverageRow
    unmatched: int


class ExchangeCounts(Struct, eq=False):
    """How often each kind of exchange was seen, and how often imports ended in each way.

    Not thread-safe: the journal has a lock.
    """

    by_kind: dict[ExchangeKind, int] = field(default_factory=dict)
    imports: Counter[str] = field(default_factory=Counter)

    def count(self, kind: ExchangeKind) -> None:
        """Add one exchange."""
        # Not a Counter: this happens in each request, and a Counter takes 50 % longer.
        self.by_kind[kind] = self.by_kind.get(kind, 0) + 1

    @property
    def unmatched(self) -> int:
        """How many calls no operation served."""
        return sum(count for (_, _, _, matched, *_), count in self.by_kind.items() if not matched)

    def copy(self) -> ExchangeCounts:
        """Return a copy of the counts."""
        return ExchangeCounts(dict(self.by_kind), self.imports.copy())

    def add(self, other: ExchangeCounts) -> None:
        """Add other counts."""
        for kind, count in other.by_kind.items():
            self.by_kind[kind] = self.by_kind.get(kind, 0) + count
        self.imports.update(other.imports)


def page_facts(number: int, size: int, total: int) -> list[Fact]:
    """Return the edge cases of a page: its zero-based number, its size, and the hits over all pages."""
    facts = [_EDGES[_page_edge(number * size, size, total)]]
    if total == 1:
        facts.append(_EDGES["oneHit"])
    if size == MAX_PAGE_SIZE:
        facts.append(_EDGES["largestSize"])
    return facts


def refusal_facts(refusals: Iterable[Refusal]) -> list[Fact]:
    """Return the codes of refusals, and the edges of paging among them."""
    facts = []
    for refusal in refusals:
        facts.append(_CODES[refusal.error.code])
        if refusal.parameter in {"page", "page_size"}:
            facts.append(_EDGES[_paging_edge(refusal)])
    return list(dict.fromkeys(facts))


def process_facts(processes: Sequence[ImportProcess]) -> list[Fact]:
    """Return the states of these imports, and the codes of those that failed."""
    facts: list[Fact] = []
    for process in processes:
        if process.refusals:
            codes = [refusal.error.code for refusal in process.refusals]
            facts += [_OUTCOMES[code] for code in codes] + [_CODES[code] for code in codes]
        else:
            facts.append(_OUTCOMES["succeeded" if process.complete else "running"])
    return list(dict.fromkeys(facts))


def codes_in(facts: Iterable[Fact]) -> tuple[str, ...]:
    """Return the codes among these facts."""
    return tuple(fact.name for fact in facts if fact.about == "code")


def compute_coverage(counts: ExchangeCounts, operations: Iterable[str]) -> Coverage:
    """Return the coverage of these operations."""
    statuses = defaultdict[str, Counter[str]](Counter)
    for (operation, _, outcome, *_), count in counts.by_kind.items():
        if operation is not None:
            statuses[operation][str(outcome)] += count
    calls = {operation: counter.total() for operation, counter in statuses.items()}
    return Coverage(
        operations=_row(calls, operations),
        statuses=statuses,
        codes=_row(_count_facts(counts, "code"), CODES),
        pages={search: _row(_count_facts(counts, "page", search), PAGE_EDGES) for search in SEARCHES},
        processes=_row(_count_facts(counts, "process"), OUTCOMES),
        unmatched=counts.unmatched,
    )


def _page_edge(start: int, size: int, total: int) -> str:
    """Return the edge of a page that starts with hit `start`."""
    end = start + size
    if start >= total:
        return "beyondEnd" if total else "empty"
    if end < total:
        return "moreToCome"
    if end == total:
        return "lastFull"
    return "lastPartial" if start else "onePage"


def _paging_edge(refusal: Refusal) -> str:
    if refusal.error is E010:
        return "notANumber" if as_int64(refusal.values[0]) is None else "outOfRange"
    return {E011: "sizeTooLarge", E003: "blank"}[refusal.error]


def _count_facts(counts: ExchangeCounts, about: str, operation: str | None = None) -> Counter[str]:
    """Count each fact of that kind, over all operations or for one."""
    counter: Counter[str] = Counter()
    for (of_operation, *_, facts), count in counts.by_kind.items():
        for fact in facts:
            if fact.about == about and operation in {None, of_operation}:
                counter[fact.name] += count
    return counter


def _row(met: Mapping[str, int], names: Iterable[str]) -> CoverageRow:
    """Return a row in the order of `names`; names in `met` alone come at the end."""
    ordered = dict.fromkeys((*names, *met))
    return CoverageRow(
        {name: met[name] for name in ordered if name in met},
        tuple(name for name in ordered if name not in met),
    )
