"""How the query of a search is read: its form, and the values that are refused (behaviour.md 3.0, 3.7)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_server.app import create_app
from mock_server.domain.names import camel
from mock_server.domain.search import DOSSIER_FILTERS, PARAMETERS
from mock_server.settings import Settings
from tests.properties import example_count
from tests.support import SEED_DOSSIER, WIRE_NAMES, Api, codes

pytestmark = pytest.mark.dialects("rest", "edge")

NAMES = [*{camel(name): None for names in PARAMETERS.values() for name in names}, "q", "sandbox"]
VALUES = [
    *("", "0", "-1", "true", "CIT001", "2026-01-31", "0001-01-01", "9999-12-31", "0001-01-01T00:00:00+14:00"),
    *("9999-12-31T23:59:59-12:00", "20260131", "2026-W01", "2026-01-31T24:00", "٣", "1" * 30),
]


@pytest.fixture(scope="module", params=WIRE_NAMES)
def one_api(request: pytest.FixtureRequest) -> Api:
    return Api(create_app(Settings()).test_client(), "default", dialect=request.param)


def found_by(api: Api, query: str) -> list[int]:
    """The ids of the dossiers that pass a query written out."""
    return [dossier["dossierId"] for dossier in api.hits(f"/dossiers?{query}")]


def today(api: Api, days: int = 0) -> str:
    now = datetime.fromisoformat(api.control("GET", "/clock")["now"])
    return (now + timedelta(days=days)).date().isoformat()


# Its form.


@pytest.mark.dialects("rest")
def test_an_operator_is_one_of_the_unknown_parameters_of_rest(api: Api) -> None:
    for operator in ("like", "nonsense", ""):
        assert found_by(api, f"dossierReference=TEST&op={operator}") == [SEED_DOSSIER], operator


def test_an_unknown_parameter_is_ignored(api: Api) -> None:
    for others in (
        *("colour=blue", "colour=", "q=nothing&sort=-dossierId", "op=starts", "company_id_type=CIT009"),
        *("page_size=0", "Siret=1&SIREN=1", "name=unknown"),
    ):
        assert found_by(api, f"siren=503829368&{others}") == [SEED_DOSSIER], others


def test_empty_pairs_are_ignored(api: Api) -> None:
    for query in (
        *("&siren=503829368", "siren=503829368&&monitored=true"),
        *("siren=503829368&", "&&siren=503829368&&"),
    ):
        assert found_by(api, query) == [SEED_DOSSIER], query


def test_of_a_parameter_given_twice_the_first_counts(api: Api) -> None:
    assert found_by(api, "siren=503829368&siren=111111111") == [SEED_DOSSIER]
    assert found_by(api, "siren=111111111&siren=503829368") == []
    assert found_by(api, "siren=503829368&siren=") == [SEED_DOSSIER]


ODD = {
    "no UTF-8": "siren=%FF",
    "a NUL": "siren=%00",
    "an unfinished escape": "siren=%",
    "an emoji": "dossierReference=%F0%9F%98%80",
    "a very long value": f"tva={'9' * 5000}",
    "an asterisk": "tva=%2A",
}


def test_an_odd_value_finds_nothing(api: Api) -> None:
    for case, query in ODD.items():
        assert found_by(api, query) == [], case


# Values that are refused.

REFUSED = [
    *((camel(name), "", "E003") for name in DOSSIER_FILTERS if name != "op"),
    *(("monitored", value, "E010") for value in ("maybe", "True", "FALSE", "1", " true")),
    *(("companyIdType", value, "E002") for value in ("CIT004", "cit001", "SIRET")),
    *(("thirdpartyId", value, "E010") for value in ("abc", "1.5", "1e3", "9223372036854775808", "٣")),
    *(("stateLastChangeDate", value, "E010") for value in ("yesterday", "2026-02-30", "08/01/2019")),
    *(("stateLastChangeDate", value, "E010") for value in ("2026", "2026-W01-1", "2026-1-1")),
    ("stateLastChangeDate", "8999-12-31", "E022"),
    ("stateLastChangeDate", "8999-12-31T00:00:00", "E022"),
]


def test_a_bad_value_of_a_filter_is_refused(api: Api) -> None:
    for parameter, value, code in REFUSED:
        answer = api.get("/dossiers", **{parameter: value})
        assert answer.status_code == 400, (parameter, value)
        assert codes(answer) == [code], (parameter, value)


def test_tomorrow_is_in_the_future(api: Api) -> None:
    assert codes(api.get("/dossiers", stateLastChangeDate=today(api, 1))) == ["E022"]


def test_all_bad_values_are_reported_together(api: Api) -> None:
    answer = api.get("/dossiers", siren="", companyIdType="CIT009", monitored="maybe", pageSize=1001)

    assert sorted(codes(answer)) == ["E002", "E003", "E010", "E011"]


@given(
    path=st.sampled_from(["/dossiers", "/thirdparties", "/thirdparties/q", "/dossiers/processes"]),
    query=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES) | st.text()),
)
@example_count(200)
def test_no_query_leads_to_a_500(one_api: Api, path: str, query: dict[str, str]) -> None:
    answer = one_api.get(path, **query)

    assert answer.status_code in {200, 400, 404}
    assert list(answer.json or {}) in (
        ["content"],
        ["content", "page", "size", "totalElements"],
        ["messages"],
        ["timestamp", "status", "error", "message", "path"],
    )
