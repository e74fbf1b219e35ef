"""Searches: pages of hits, filters, and order (behaviour.md 3.4, 3.5, 3.7, 3.22, 8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from heapq import merge
from itertools import islice
from typing import Any, Generic, TypeVar

from msgspec import Struct

from mock_server.domain import checks
from mock_server.domain.errors import E001, E002, E003, E010, E011, Refusal, Rejected
from mock_server.domain.local_time import local_date, midnight
from mock_server.domain.model import CompanyIdType, Dossier, ImportProcess, Thirdparty
from mock_server.domain.query import Field, compile_expression
from mock_server.domain.sortedset import SortedSet
from mock_server.domain.variants import Variants
from mock_server.domain.world import Portfolio, Relation, World

Entity = TypeVar("Entity")

DEFAULT_PAGE_SIZE = 10
MAX_PAGE_SIZE = 1000


class Page(Struct, Generic[Entity], frozen=True):
    """One page of hits: its zero-based number, the requested size, and the number of hits over all pages."""

    content: Sequence[Entity]
    number: int
    size: int
    total_elements: int


def requested_page(collector: checks.ErrorCollector, query: Mapping[str, str]) -> tuple[int, int]:
    """Number and size of the requested page; errors are added to the collector: E003, E010, E011."""
    number, size, refusals = _read_page(query.get("page"), query.get("page_size"))
    collector.extend(refusals)
    return number, size


@lru_cache(64)
def _read_page(page: str | None, page_size: str | None) -> tuple[int, int, tuple[Refusal, ...]]:
    """Number and size of a page, and their errors. Cached: clients ask for few different ones."""
    collector = checks.ErrorCollector()
    number = _integer(collector, "page", page, default=0, least=0)
    size = _integer(collector, "page_size", page_size, default=DEFAULT_PAGE_SIZE, least=1)
    if size > MAX_PAGE_SIZE:
        collector.add(E011, "page_size", str(MAX_PAGE_SIZE))
    return number, size, collector.refusals


def page_of(
    sources: Sequence[SortedSet[int]],
    look_up: Callable[[int], Entity],
    is_hit: Callable[[Entity], bool] | None,
    number: int,
    size: int,
) -> Page[Entity]:
    """The page of hits among the ids of `sources`, which have none in common. Without `is_hit`, all are."""
    start = number * size
    if is_hit is None and len(sources) == 1:
        return Page(list(map(look_up, sources[0].slice(start, size))), number, size, len(sources[0]))
    if is_hit is None:
        total = sum(map(len, sources))
        beyond = start >= total
        ids = () if beyond else islice(merge(*sources), start, start + size)
        return Page([look_up(entity) for entity in ids], number, size, total)
    hits = [entity for entity in map(look_up, merge(*sources)) if is_hit(entity)]
    return Page(hits[start : start + size], number, size, len(hits))


def _integer(
    collector: checks.ErrorCollector, name: str, value: str | None, *, default: int, least: int
) -> int:
    """`page` or `pageSize`: an integer of at least `least`, else E010. behaviour.md 8 (limits: inferred)."""
    if value is None:
        return default
    if value == "":
        collector.add(E003, name)
        return default
    number = checks.integer(collector, name, value)
    if number is not None and number < least:
        collector.add(E010, name, value)
    return default if number is None else number


Check = Callable[[checks.ErrorCollector, str, str], Any]
DossierTest = Callable[[World, Portfolio, Dossier], bool]

OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "like": lambda value, part: part in value,
    "starts": str.startswith,
    "ends": str.endswith,
}
"""How `op` compares a code or reference with its filter. behaviour.md 3.7 (documented)."""


def _text(_collector: checks.ErrorCollector, _parameter: str, value: str) -> str:
    return value


def _operator(collector: checks.ErrorCollector, parameter: str, value: str) -> str:
    if value not in OPERATORS:
        collector.add(E002, parameter, value)
    return value


DOSSIER_FILTERS: dict[str, Check] = {
    "thirdparty_id": checks.integer,
    "company_id_type": checks.company_id_type,
    "company_id_value": _text,
    "thirdparty_code": _text,
    "dossier_reference": _text,
    "monitored": checks.boolean,
    "state_last_change_date": _text,
    "siren": _text,
    "siret": _text,
    "tva": _text,
    "op": _operator,
}
"""The filters of listDossiers and how each value is read. behaviour.md 3.7 (documented)."""

THIRDPARTY_FILTERS: dict[str, Check] = {
    "monitored": checks.boolean,
    "company_id_type": checks.company_id_type,
    "company_id_value": _text,
    "name": _text,
    "siren": _text,
    "siret": _text,
    "tva": _text,
    "state_last_change_date": _text,
    "thirdparty_global_state": checks.boolean,
    "subscription_state": checks.boolean,
}
"""The filters of listThirdparties and how each value is read. behaviour.md 3.4 (documented)."""


def read_filters(
    query: Mapping[str, str], readers: Mapping[str, Check], now: datetime
) -> tuple[dict[str, Any], int, int]:
    """The values of the filters in the query, by name; then page number and size. Others are ignored.

    Raises:
        Rejected: E002, E003, E010, E011, E022 for each bad value.
    """
    if not query:
        return {}, 0, DEFAULT_PAGE_SIZE
    collector = checks.ErrorCollector()
    values = {}
    for name in [name for name in readers if name in query]:
        value = query[name]
        if value == "":
            collector.add(E003, name)
        else:
            check = checks.past_day(now) if name == "state_last_change_date" else readers[name]
            values[name] = check(collector, name, value)
    number, size = requested_page(collector, query)
    collector.raise_any()
    return values, number, size


def part_tests(filters: dict[str, Any]) -> list[DossierTest]:
    """Return the tests of code and reference by `op`; these filters are removed from `filters`, with `op`."""
    operator = filters.pop("op", None)
    if operator is None:
        return []
    parts = {name: filters.pop(name) for name in _PARTS if name in filters}
    return [_part_test(_PARTS[name], OPERATORS[operator], part) for name, part in parts.items()]


def _part_test(
    read: Callable[[Portfolio, Dossier], str | None], compare: Callable[[str, str], bool], part: str
) -> DossierTest:
    def test(_: World, portfolio: Portfolio, dossier: Dossier) -> bool:
        value = read(portfolio, dossier)
        return value is not None and compare(value, part)

    return test


def _of_thirdparty(test: Callable[[Thirdparty, Any], bool]) -> Callable[[Any], Callable[..., bool]]:
    return lambda value: lambda world, _, dossier: test(world.thirdparties[dossier.thirdparty_id], value)


def _of_row(test: Callable[[Thirdparty, Any], bool]) -> Callable[[Any], Callable[..., bool]]:
    return lambda value: lambda thirdparty, _: test(thirdparty, value)


_IDENTITY_TESTS: dict[str, Callable[[Thirdparty, Any], bool]] = {
    "thirdparty_id": lambda thirdparty, value: thirdparty.thirdparty_id == value,
    "company_id_type": lambda thirdparty, value: thirdparty.company_id.type is value,
    "company_id_value": lambda thirdparty, value: thirdparty.company_id.value == value,
    "name": lambda thirdparty, value: thirdparty.company.name.casefold() == value.casefold(),
    "siren": lambda thirdparty, value: thirdparty.siren == value,
    "siret": lambda thirdparty, value: thirdparty.siret == value,
    "tva": lambda thirdparty, value: thirdparty.tva == value,
}

_PARTS: dict[str, Callable[[Portfolio, Dossier], str | None]] = {
    "thirdparty_code": lambda portfolio, dossier: portfolio.relations[dossier.thirdparty_id].thirdparty_code,
    "dossier_reference": lambda _, dossier: dossier.reference,
}

DOSSIER_TESTS: dict[str, Callable[[Any], DossierTest]] = {
    **{name: _of_thirdparty(test) for name, test in _IDENTITY_TESTS.items()},
    "thirdparty_code": lambda value: (
        lambda _, portfolio, dossier: portfolio.relations[dossier.thirdparty_id].thirdparty_code == value
    ),
    "dossier_reference": lambda value: lambda _world, _portfolio, dossier: dossier.reference == value,
    "monitored": lambda value: lambda _world, _portfolio, dossier: dossier.monitored == value,
    "state_last_change_date": lambda value: (
        lambda _world, _portfolio, dossier: (
            dossier.monitored and local_date(dossier.state_last_change_date) >= value
        )
    ),
}

THIRDPARTY_TESTS: dict[str, Callable[[Any], Callable[[Thirdparty, Relation], bool]]] = {
    **{name: _of_row(test) for name, test in _IDENTITY_TESTS.items()},
    "monitored": lambda value: lambda _, relation: relation.monitored == value,
    "state_last_change_date": lambda value: (
        lambda _, relation: (
            relation.state_last_change_date is not None and relation.state_last_change_date >= value
        )
    ),
    "thirdparty_global_state": lambda value: lambda _, relation: relation.state is value,
    "subscription_state": lambda value: lambda thirdparty, _: thirdparty.registered == value,
}


Row = tuple[Thirdparty, Relation]

PARAMETERS: dict[str, tuple[str, ...]] = {
    "listDossiers": (*DOSSIER_FILTERS, "page", "page_size"),
    "listThirdparties": (*THIRDPARTY_FILTERS, "page", "page_size"),
    "searchThirdparties": ("search", "page", "page_size"),
    "listProcesses": ("from_date",),
}
"""The query parameters that an operation reads; an operation that is absent here reads none."""

IGNORED_PARAMETERS: Mapping[str, frozenset[str]] = {"rest": frozenset({"op"}), "edge": frozenset()}
"""The parameters among them that a dialect ignores."""


def list_dossiers(
    world: World, now: datetime, *, account_id: int, query: Mapping[str, str], variants: Variants
) -> Page[Dossier]:
    """A page of the account's dossiers that pass every filter of `query`, ascending by id.

    Raises:
        NotFound: NOT_FOUND, no such account.
        Rejected: E002, E003, E010, E011, E022 for each bad value of a known parameter.

    behaviour.md 3.7 (documented; order: inferred), 8.
    """
    portfolio = world.portfolio(account_id)
    filters, number, size = read_filters(query, DOSSIER_FILTERS, now)
    if "dossier_reference" in filters:
        filters["dossier_reference"] = checks.normalize_reference(filters["dossier_reference"], variants)
        if not filters["dossier_reference"]:
            raise Rejected(Refusal(E003, "dossier_reference"))
    tests_of_parts = part_tests(filters)
    sources, unindexed = _dossier_sources(world, portfolio, filters)
    tests = tests_of_parts + [DOSSIER_TESTS[name](filters[name]) for name in unindexed]

    def is_hit(dossier: Dossier) -> bool:
        return all(test(world, portfolio, dossier) for test in tests)

    return page_of(sources, portfolio.dossiers.__getitem__, is_hit if tests else None, number, size)


def list_all_dossiers(world: World, *, account_id: int) -> Iterable[Dossier]:
    """Every dossier of the account, ascending by id. behaviour.md 3.8 (inferred).

    Raises:
        NotFound: NOT_FOUND, no such account.
    """
    portfolio = world.portfolio(account_id)
    return (portfolio.dossiers[dossier_id] for dossier_id in portfolio.dossier_ids)


def list_thirdparties(world: World, now: datetime, *, account_id: int, query: Mapping[str, str]) -> Page[Row]:
    """A page of the third parties that have or had a dossier of the account, ascending by id.

    Raises:
        NotFound: NOT_FOUND, no such account.
        Rejected: E002, E003, E010, E011, E022 for each bad value of a known parameter.

    behaviour.md 3.4 (documented; order: inferred), 8.
    """
    portfolio = world.portfolio(account_id)
    filters, number, size = read_filters(query, THIRDPARTY_FILTERS, now)
    ids, unindexed = _thirdparty_ids(world, portfolio, filters)
    tests = [THIRDPARTY_TESTS[name](filters[name]) for name in unindexed]

    def row(thirdparty_id: int) -> Row:
        return world.thirdparties[thirdparty_id], portfolio.relations[thirdparty_id]

    def is_hit(hit: Row) -> bool:
        return all(test(*hit) for test in tests)

    return page_of([ids], row, is_hit if tests else None, number, size)


def search_thirdparties(
    world: World, *, account_id: int, query: Mapping[str, str], fields: Mapping[str, Field]
) -> Page[Row]:
    """A page of the third parties that the expression `search` selects by these fields, ascending by id.

    Each field is read from the account's id, a third party, and the relation of the account to it.

    Raises:
        NotFound: NOT_FOUND, no such account.
        Rejected: E001 no expression; E003 an empty one; E002, E010 where it is wrong; E003, E010, E011 for a
            bad page.

    behaviour.md 3.5 (documented; codes: inferred), 8.
    """
    portfolio = world.portfolio(account_id)
    collector = checks.ErrorCollector()
    expression = query.get("search")
    test = None
    if expression is None or not expression.strip():
        collector.add(E001 if expression is None else E003, "search")
    else:
        test = compile_expression(collector, expression, fields)
    number, size = requested_page(collector, query)
    collector.raise_any()

    def row(thirdparty_id: int) -> Row:
        return world.thirdparties[thirdparty_id], portfolio.relations[thirdparty_id]

    def is_hit(hit: Row) -> bool:
        return test is not None and test(account_id, *hit)

    return page_of([portfolio.relation_ids], row, is_hit, number, size)


def list_processes(
    world: World, now: datetime, *, account_id: int, from_date: str | None
) -> list[ImportProcess]:
    """The account's imports launched since `from_date`, by default in the last 24 hours; newest first.

    Raises:
        NotFound: NOT_FOUND, no such account.
        Rejected: E003, E010, E022 for a bad date.

    behaviour.md 3.22 (documented; order: inferred).
    """
    portfolio = world.portfolio(account_id)
    collector = checks.ErrorCollector()
    if from_date == "":
        collector.add(E003, "from_date")
    since = checks.past_day(now)(collector, "from_date", from_date) if from_date else None
    collector.raise_any()
    first_instant = now - timedelta(days=1) if since is None else midnight(since)
    launched = portfolio.launched.since((first_instant, 0, ""))
    return [portfolio.processes[process_id] for *_, process_id in launched][::-1]


def _dossier_sources(
    world: World, portfolio: Portfolio, filters: dict[str, Any]
) -> tuple[list[SortedSet[int]], list[str]]:
    """The smallest sets of dossier ids that an index has for a filter, and the names of the other filters."""
    if not filters:
        return [portfolio.dossier_ids], []
    candidates: list[tuple[list[SortedSet[int]], tuple[str, ...]]] = []
    if "dossier_reference" in filters:
        ids = portfolio.index.find("reference", filters["dossier_reference"])
        candidates.append(([ids], ("dossier_reference",)))
    for ids, names in _thirdparty_candidates(world, portfolio, filters):
        relations = [
            portfolio.relations[thirdparty_id]
            for thirdparty_id in ids
            if thirdparty_id in portfolio.relations
        ]
        candidates.append(([relation.dossiers for relation in relations], names))
    if "monitored" in filters:
        ids = portfolio.monitored_ids if filters["monitored"] else portfolio.stopped_ids
        candidates.append(([ids], ("monitored",)))
    candidates.append(([portfolio.dossier_ids], ()))
    sources, names = min(candidates, key=lambda candidate: sum(map(len, candidate[0])))
    return sources, [name for name in filters if name not in names]


def _thirdparty_ids(
    world: World, portfolio: Portfolio, filters: dict[str, Any]
) -> tuple[SortedSet[int], list[str]]:
    """The smallest set of third-party ids that an index has for a filter, and the other filters."""
    candidates = [(portfolio.relation_ids, ()), *_thirdparty_candidates(world, portfolio, filters)]
    ids, names = min(candidates, key=lambda candidate: len(candidate[0]))
    if ids is not portfolio.relation_ids:
        ids = SortedSet.of(thirdparty_id for thirdparty_id in ids if thirdparty_id in portfolio.relations)
    return ids, [name for name in filters if name not in names]


def _thirdparty_candidates(
    world: World, portfolio: Portfolio, filters: dict[str, Any]
) -> Iterator[tuple[SortedSet[int], tuple[str, ...]]]:
    """Per filter that an index answers, the ids of the third parties that pass it."""
    yield from _identified_candidates(world, filters)
    if "thirdparty_code" in filters:
        yield portfolio.thirdparties_with_code(filters["thirdparty_code"]), ("thirdparty_code",)
    if "thirdparty_id" in filters:
        yield SortedSet.of([filters["thirdparty_id"]]), ("thirdparty_id",)


def _identified_candidates(
    world: World, filters: dict[str, Any]
) -> Iterator[tuple[SortedSet[int], tuple[str, ...]]]:
    """The candidates by name and identifiers of a third party, the same for every account."""
    for name in ("siren", "siret", "tva"):
        if name in filters:
            yield world.index.find(name, filters[name]), (name,)
    if "name" in filters:
        yield world.index.find("name", filters["name"].casefold()), ("name",)
    if "company_id_value" in filters:
        kinds = [filters["company_id_type"]] if "company_id_type" in filters else list(CompanyIdType)
        value = filters["company_id_value"]
        ids_of_company = SortedSet.of(ids for kind in kinds for ids in world.index.find(kind.value, value))
        yield ids_of_company, ("company_id_type", "company_id_value")
