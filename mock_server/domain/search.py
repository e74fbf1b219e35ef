"""Searching dossiers, third parties and processes: filters and order (behaviour.md 3.4, 3.5, 3.7, 3.22).

A filter that has an index narrows first; only what is left is looked at one by one. So a search by reference,
code, siren, siret, tva or third party costs the same in a world of a thousand dossiers and of a million.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from mock_server.domain import checks, criteria
from mock_server.domain.errors import E001, E003, Refusal, Rejected
from mock_server.domain.filters import (
    DOSSIER_FILTERS,
    DOSSIER_TESTS,
    THIRDPARTY_FILTERS,
    THIRDPARTY_TESTS,
    part_tests,
    read_filters,
)
from mock_server.domain.local_time import midnight
from mock_server.domain.model import CompanyIdType, Dossier, Thirdparty
from mock_server.domain.paging import Page, asked, page_of
from mock_server.domain.process import ImportProcess
from mock_server.domain.sortedset import EMPTY, SortedSet
from mock_server.domain.variants import Variants
from mock_server.domain.world import Portfolio, Relation, World

Row = tuple[Thirdparty, Relation]

PARAMETERS: dict[str, tuple[str, ...]] = {
    "listDossiers": (*DOSSIER_FILTERS, "page", "page_size"),
    "listThirdparties": (*THIRDPARTY_FILTERS, "page", "page_size"),
    "searchThirdparties": ("search", "page", "page_size"),
    "listProcesses": ("from_date",),
}
"""The query parameters that an operation reads; others read none. Whatever else is sent is ignored."""


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
    wanted, number, size = read_filters(query, DOSSIER_FILTERS, now)
    if "dossier_reference" in wanted:
        wanted["dossier_reference"] = checks.normalised(wanted["dossier_reference"], variants)
        if not wanted["dossier_reference"]:
            raise Rejected(Refusal(E003, "dossier_reference"))
    partly = part_tests(wanted)
    sources, left = _dossier_sources(world, portfolio, wanted)
    tests = partly + [DOSSIER_TESTS[name](wanted[name]) for name in left]

    def hit(dossier: Dossier) -> bool:
        return all(test(world, portfolio, dossier) for test in tests)

    return page_of(sources, portfolio.dossiers.__getitem__, hit if tests else None, number, size)


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
    wanted, number, size = read_filters(query, THIRDPARTY_FILTERS, now)
    ids, left = _thirdparty_ids(world, portfolio, wanted)
    tests = [THIRDPARTY_TESTS[name](wanted[name]) for name in left]

    def row(thirdparty_id: int) -> Row:
        return world.thirdparties[thirdparty_id], portfolio.relations[thirdparty_id]

    def hit(found: Row) -> bool:
        return all(test(*found) for test in tests)

    return page_of([ids], row, hit if tests else None, number, size)


def search_thirdparties(
    world: World, *, account_id: int, query: Mapping[str, str], fields: Mapping[str, criteria.Field]
) -> Page[Row]:
    """A page of the third parties that the expression `search` selects by these fields, ascending by id.

    Each field is read from the account's id, a third party, and what the account has to do with it.

    Raises:
        NotFound: NOT_FOUND, no such account.
        Rejected: E001 no expression; E003 an empty one; E002, E010 where it is wrong; E003, E010, E011 for a
            bad page.

    behaviour.md 3.5 (documented; codes: inferred), 8.
    """
    portfolio = world.portfolio(account_id)
    findings = checks.Findings()
    expression = query.get("search")
    test = None
    if expression is None or not expression.strip():
        findings.note(E001 if expression is None else E003, "search")
    else:
        test = criteria.understood(findings, expression, fields)
    number, size = asked(findings, query)
    findings.raise_any()

    def row(thirdparty_id: int) -> Row:
        return world.thirdparties[thirdparty_id], portfolio.relations[thirdparty_id]

    def hit(found: Row) -> bool:
        return test is not None and test(account_id, *found)

    return page_of([portfolio.relation_ids], row, hit, number, size)


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
    findings = checks.Findings()
    if from_date == "":
        findings.note(E003, "from_date")
    since = checks.past(now)(findings, "from_date", from_date) if from_date else None
    findings.raise_any()
    begins = now - timedelta(days=1) if since is None else midnight(since)
    launched = portfolio.launched.since((begins, 0, ""))
    return [portfolio.processes[process_id] for *_, process_id in launched][::-1]


def _dossier_sources(
    world: World, portfolio: Portfolio, wanted: dict[str, Any]
) -> tuple[list[SortedSet[int]], list[str]]:
    """The narrowest sets of dossier ids that an index gives for the filters, and the filters left to test."""
    if not wanted:
        return [portfolio.dossier_ids], []
    candidates: list[tuple[list[SortedSet[int]], tuple[str, ...]]] = []
    if "dossier_reference" in wanted:
        key = ("reference", wanted["dossier_reference"])
        candidates.append(([portfolio.index.get(key, EMPTY)], ("dossier_reference",)))
    for ids, names in _thirdparty_candidates(world, portfolio, wanted):
        relations = [portfolio.relations[found] for found in ids if found in portfolio.relations]
        candidates.append(([relation.dossiers for relation in relations], names))
    if "monitored" in wanted:
        ids = portfolio.monitored_ids if wanted["monitored"] else portfolio.stopped_ids
        candidates.append(([ids], ("monitored",)))
    candidates.append(([portfolio.dossier_ids], ()))
    sources, names = min(candidates, key=lambda candidate: sum(map(len, candidate[0])))
    return sources, [name for name in wanted if name not in names]


def _thirdparty_ids(
    world: World, portfolio: Portfolio, wanted: dict[str, Any]
) -> tuple[SortedSet[int], list[str]]:
    candidates = [(portfolio.relation_ids, ()), *_thirdparty_candidates(world, portfolio, wanted)]
    ids, names = min(candidates, key=lambda candidate: len(candidate[0]))
    if ids is not portfolio.relation_ids:
        ids = SortedSet.of(found for found in ids if found in portfolio.relations)
    return ids, [name for name in wanted if name not in names]


def _thirdparty_candidates(
    world: World, portfolio: Portfolio, wanted: dict[str, Any]
) -> Iterator[tuple[SortedSet[int], tuple[str, ...]]]:
    """Per filter that an index answers, the ids of the third parties that pass it."""
    yield from _identified_candidates(world, wanted)
    if "thirdparty_code" in wanted:
        yield portfolio.thirdparties_coded(wanted["thirdparty_code"]), ("thirdparty_code",)
    if "thirdparty_id" in wanted:
        yield SortedSet.of([wanted["thirdparty_id"]]), ("thirdparty_id",)


def _identified_candidates(
    world: World, wanted: dict[str, Any]
) -> Iterator[tuple[SortedSet[int], tuple[str, ...]]]:
    """Those that follow from what a third party is called and registered under, whatever the account."""
    for name in ("siren", "siret", "tva"):
        if name in wanted:
            yield world.index.get((name, wanted[name]), EMPTY), (name,)
    if "name" in wanted:
        yield world.index.get(("name", wanted["name"].casefold()), EMPTY), ("name",)
    if "company_id_value" in wanted:
        kinds = [wanted["company_id_type"]] if "company_id_type" in wanted else list(CompanyIdType)
        keys = [(kind.value, wanted["company_id_value"]) for kind in kinds]
        found = SortedSet.of(ids for key in keys for ids in world.index.get(key, EMPTY))
        yield found, ("company_id_type", "company_id_value")
