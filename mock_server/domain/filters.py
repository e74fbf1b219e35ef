"""The filters of the two searches: how each value is read, and what passes it (behaviour.md 3.4, 3.7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from mock_server.domain import checks
from mock_server.domain.errors import E002, E003
from mock_server.domain.local_time import local_date
from mock_server.domain.model import Dossier, Thirdparty
from mock_server.domain.paging import DEFAULT_PAGE_SIZE, asked
from mock_server.domain.world import Portfolio, Relation, World

Check = Callable[[checks.Findings, str, str], Any]
DossierTest = Callable[[World, Portfolio, Dossier], bool]

OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "like": lambda value, part: part in value,
    "starts": str.startswith,
    "ends": str.endswith,
}
"""What `op` makes of the filters on code and reference. behaviour.md 3.7 (documented)."""


def _text(_findings: checks.Findings, _parameter: str, value: str) -> str:
    return value


def _operator(findings: checks.Findings, parameter: str, value: str) -> str:
    if value not in OPERATORS:
        findings.note(E002, parameter, value)
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
    query: Mapping[str, str], filters: Mapping[str, Check], now: datetime
) -> tuple[dict[str, Any], int, int]:
    """The filters given, each read; then page number and size. Unknown parameters are ignored."""
    if not query:
        return {}, 0, DEFAULT_PAGE_SIZE
    findings = checks.Findings()
    past = checks.past(now)
    wanted = {}
    for name in [name for name in filters if name in query]:
        value = query[name]
        if value == "":
            findings.note(E003, name)
        else:
            check = past if name == "state_last_change_date" else filters[name]
            wanted[name] = check(findings, name, value)
    number, size = asked(findings, query)
    findings.raise_any()
    return wanted, number, size


def part_tests(wanted: dict[str, Any]) -> list[DossierTest]:
    """The tests of code and reference by the operator given; both are taken out of `wanted` with it."""
    operator = wanted.pop("op", None)
    if operator is None:
        return []
    given = {name: wanted.pop(name) for name in _PARTS if name in wanted}
    return [_part_test(_PARTS[name], OPERATORS[operator], part) for name, part in given.items()]


def _part_test(
    read: Callable[[Portfolio, Dossier], str | None], compare: Callable[[str, str], bool], part: str
) -> DossierTest:
    def test(_: World, portfolio: Portfolio, dossier: Dossier) -> bool:
        value = read(portfolio, dossier)
        return value is not None and compare(value, part)

    return test


def _of_thirdparty(test: Callable[[Thirdparty, Any], bool]) -> Callable[[Any], Callable[..., bool]]:
    return lambda wanted: lambda world, _, dossier: test(world.thirdparties[dossier.thirdparty_id], wanted)


def _of_row(test: Callable[[Thirdparty, Any], bool]) -> Callable[[Any], Callable[..., bool]]:
    return lambda wanted: lambda thirdparty, _: test(thirdparty, wanted)


_IDENTITY_TESTS: dict[str, Callable[[Thirdparty, Any], bool]] = {
    "thirdparty_id": lambda thirdparty, wanted: thirdparty.thirdparty_id == wanted,
    "company_id_type": lambda thirdparty, wanted: thirdparty.company_id.type is wanted,
    "company_id_value": lambda thirdparty, wanted: thirdparty.company_id.value == wanted,
    "name": lambda thirdparty, wanted: thirdparty.company.name.casefold() == wanted.casefold(),
    "siren": lambda thirdparty, wanted: thirdparty.siren == wanted,
    "siret": lambda thirdparty, wanted: thirdparty.siret == wanted,
    "tva": lambda thirdparty, wanted: thirdparty.tva == wanted,
}

_PARTS: dict[str, Callable[[Portfolio, Dossier], str | None]] = {
    "thirdparty_code": lambda portfolio, dossier: portfolio.relations[dossier.thirdparty_id].thirdparty_code,
    "dossier_reference": lambda _, dossier: dossier.reference,
}

DOSSIER_TESTS: dict[str, Callable[[Any], DossierTest]] = {
    **{name: _of_thirdparty(test) for name, test in _IDENTITY_TESTS.items()},
    "thirdparty_code": lambda wanted: (
        lambda _, portfolio, dossier: portfolio.relations[dossier.thirdparty_id].thirdparty_code == wanted
    ),
    "dossier_reference": lambda wanted: lambda _world, _portfolio, dossier: dossier.reference == wanted,
    "monitored": lambda wanted: lambda _world, _portfolio, dossier: dossier.monitored == wanted,
    "state_last_change_date": lambda wanted: (
        lambda _world, _portfolio, dossier: (
            dossier.monitored and local_date(dossier.state_last_change_date) >= wanted
        )
    ),
}

THIRDPARTY_TESTS: dict[str, Callable[[Any], Callable[[Thirdparty, Relation], bool]]] = {
    **{name: _of_row(test) for name, test in _IDENTITY_TESTS.items()},
    "monitored": lambda wanted: lambda _, relation: relation.monitored == wanted,
    "state_last_change_date": lambda wanted: (
        lambda _, relation: (
            relation.state_last_change_date is not None and relation.state_last_change_date >= wanted
        )
    ),
    "thirdparty_global_state": lambda wanted: lambda _, relation: relation.state is wanted,
    "subscription_state": lambda wanted: lambda thirdparty, _: thirdparty.registered == wanted,
}
