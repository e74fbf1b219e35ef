"""Each filter of a search finds what has its value, and leaves out the rest (behaviour.md 3.4, 3.7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mock_server.domain.names import camel
from mock_server.domain.search import PARAMETERS
from tests.support import SEED_DOSSIER, SIRET, Api, content

pytestmark = pytest.mark.dialects("rest", "edge")

Query = dict[str, str]
Test = Callable[[dict[str, Any]], bool]

OPERATION_OF = {"/thirdparties": "listThirdparties", "/dossiers": "listDossiers"}
ID_OF = {"/thirdparties": "thirdpartyId", "/dossiers": "dossierId"}
SEED = {"/thirdparties": 875, "/dossiers": SEED_DOSSIER}
"""Of the default fixture: a third party in MASSY that is not complete, and its only dossier."""

COMPANY_FOUND: list[Query] = [
    {"companyIdType": "CIT001", "companyIdValue": "50382936800045"},
    {"companyIdValue": "50382936800045"},
    {"siren": "503829368"},
    {"siret": "50382936800045"},
    {"tva": "FR69503829368"},
]
"""Filters of both searches, with the values of the third party."""

FOUND: dict[str, list[Query]] = {
    "/thirdparties": [
        *COMPANY_FOUND,
        {"name": "E-ATTESTATIONS.COM"},
        {"name": "e-Attestations.com"},
        {"siren": "503829368", "monitored": "true", "subscriptionState": "true"},
        {"siret": "50382936800045", "thirdpartyGlobalState": "false"},
        {"siren": "503829368", "stateLastChangeDate": "2019-01-08"},
        {"siren": "503829368", "name": "e-attestations.com", "tva": "FR69503829368"},
    ],
    "/dossiers": [
        *COMPANY_FOUND,
        {"thirdpartyId": "875"},
        {"thirdpartyCode": "123"},
        {"dossierReference": "TEST"},
        {"siren": "503829368", "monitored": "true"},
        {"siren": "503829368", "stateLastChangeDate": "2019-01-08"},
        {"siren": "503829368", "stateLastChangeDate": "2018-12-31"},
        {"siren": "503829368", "dossierReference": "TEST", "thirdpartyCode": "123", "monitored": "true"},
    ],
}
"""Queries that find the entity of `SEED`, and no other."""

COMPANY_LEFT_OUT: list[Query] = [
    {"companyIdType": "CIT003", "companyIdValue": "50382936800045"},
    {"companyIdType": "CIT002", "companyIdValue": "FR69503829368"},
    {"companyIdValue": "FR69503829368"},
    {"companyIdValue": "503829368"},
    {"siren": "50382936"},
    {"siren": "50382936800045"},
    {"siret": "503829368"},
    {"tva": "503829368"},
    {"tva": "69503829368"},
    {"siren": "503829368", "siret": SIRET},
    {"siren": "503829368", "monitored": "false"},
    {"siren": "503829368", "stateLastChangeDate": "2019-01-09"},
]
"""Filters of both searches, with other values."""

LEFT_OUT: dict[str, list[Query]] = {
    "/thirdparties": [
        *COMPANY_LEFT_OUT,
        {"name": "E-ATTESTATIONS"},
        {"siren": "503829368", "subscriptionState": "false"},
        {"siren": "503829368", "thirdpartyGlobalState": "true"},
    ],
    "/dossiers": [
        *COMPANY_LEFT_OUT,
        {"thirdpartyId": "876"},
        {"thirdpartyId": "1060"},
        {"thirdpartyCode": "12"},
        {"thirdpartyCode": "1234"},
        {"dossierReference": "TES"},
        {"dossierReference": "test"},
        {"siren": "503829368", "dossierReference": "ANOTHER"},
        {"dossierReference": "TEST", "thirdpartyId": "1000"},
        {"dossierReference": "TEST", "thirdpartyCode": "F1001"},
    ],
}
"""Queries that find nothing."""

KEPT: dict[str, dict[str, Test]] = {
    "/thirdparties": {
        "monitored=true": lambda shown: shown["monitored"],
        "monitored=false": lambda shown: not shown["monitored"],
        "subscriptionState=true": lambda shown: shown["subscriptionState"],
        "subscriptionState=false": lambda shown: not shown["subscriptionState"],
        "thirdpartyGlobalState=true": lambda shown: shown["thirdpartyGlobalState"] is True,
        "thirdpartyGlobalState=false": lambda shown: shown["thirdpartyGlobalState"] is False,
        "companyIdType=CIT001": lambda shown: shown["companyIdType"] == "CIT001",
        "companyIdType=CIT002": lambda shown: shown["companyIdType"] == "CIT002",
        "companyIdType=CIT003": lambda shown: shown["companyIdType"] == "CIT003",
        "monitored=true&subscriptionState=false": lambda shown: (
            shown["monitored"] and not shown["subscriptionState"]
        ),
    },
    "/dossiers": {
        "monitored=true": lambda shown: shown["monitored"],
        "monitored=false": lambda shown: not shown["monitored"],
        "companyIdType=CIT001": lambda shown: shown["companyIdType"] == "CIT001",
        "companyIdType=CIT002": lambda shown: shown["companyIdType"] == "CIT002",
        "companyIdType=CIT003": lambda shown: shown["companyIdType"] == "CIT003",
        "thirdpartyId=1001": lambda shown: shown["thirdpartyId"] == 1001,
        "thirdpartyCode=F1043": lambda shown: shown["thirdpartyCode"] == "F1043",
        "companyIdType=CIT001&monitored=false": lambda shown: (
            shown["companyIdType"] == "CIT001" and not shown["monitored"]
        ),
        "thirdpartyCode=F1043&monitored=true": lambda shown: (
            shown["thirdpartyCode"] == "F1043" and shown["monitored"]
        ),
    },
}
"""Per query the condition on what the API shows in detail: exactly what passes is found."""


def found(api: Api, path: str, **query: str) -> list[int]:
    """The ids of all that a search finds."""
    return [hit[ID_OF[path]] for hit in api.hits(path, pageSize=1000, **query)]


@pytest.mark.parametrize("path", FOUND)
def test_a_filter_finds_dossiers_with_the_value(api: Api, path: str) -> None:
    for query in FOUND[path]:
        assert found(api, path, **query) == [SEED[path]], query


@pytest.mark.parametrize("path", LEFT_OUT)
def test_a_filter_does_not_find_dossiers_with_another_value(api: Api, path: str) -> None:
    for query in LEFT_OUT[path]:
        assert found(api, path, **query) == [], query


@pytest.mark.parametrize("path", KEPT)
def test_a_filter_keeps_exactly_what_passes(api: Api, path: str) -> None:
    every = [content(api.get(f"{path}/{one}")) for one in found(api, path)]

    for query, test in KEPT[path].items():
        expected = [shown[ID_OF[path]] for shown in every if test(shown)]
        assert expected, query
        assert found(api, path, **dict(pair.split("=") for pair in query.split("&"))) == expected, query


@pytest.mark.parametrize("path", OPERATION_OF)
def test_every_filter_has_a_row(path: str) -> None:
    names = {camel(name) for name in PARAMETERS[OPERATION_OF[path]]} - {"op", "page", "pageSize"}

    for table in (FOUND, LEFT_OUT):
        assert {name for query in table[path] for name in query} == names, "compare FOUND and LEFT_OUT above"
