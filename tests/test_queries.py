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
@pytest.mark.parametrize("operator", ["like", "nonsense", ""])
def test_an_operator_is_one_of_the_unknown_parameters_of_rest(api: Api, operator: str) -> None:
    assert found_by(api, f"dossierReference=TEST&op={operator}") == [SEED_DOSSIER]


@pytest.mark.parametrize(
    "query",
    [
        "siren=503829368&colour=blue",
        "siren=503829368&colour=",
        "siren=503829368&q=nothing&sort=-dossierId",
        "siren=503829368&op=starts",
        "siren=503829368&company_id_type=CIT009",
        "siren=503829368&page_size=0",
        "siren=503829368&Siret=1&SIREN=1",
        "siren=503829368&name=unknown",
    ],
)
def test_an_unknown_parameter_is_ignored(api: Api, query: str) -> None:
    assert found_by(api, query) == [SEED_DOSSIER]


@pytest.mark.parametrize(
    "query",
    ["&siren=503829368", "siren=503829368&&monitored=true", "siren=503829368&", "&&siren=503829368&&"],
)
def test_empty_pairs_are_ignored(api: Api, query: str) -> None:
    assert found_by(api, query) == [SEED_DOSSIER]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("siren=503829368&siren=111111111", [SEED_DOSSIER]),
        ("siren=111111111&siren=503829368", []),
        ("siren=503829368&siren=", [SEED_DOSSIER]),
    ],
)
def test_of_a_parameter_given_twice_the_first_counts(api: Api, query: str, expected: list[int]) -> None:
    assert found_by(api, query) == expected


# Values that are refused.


@pytest.mark.parametrize(
    ("parameter", "value", "code"),
    [
        *((camel(name), "", "E003") for name in DOSSIER_FILTERS if name != "op"),
        *(("monitored", value, "E010") for value in ("maybe", "True", "FALSE", "1", " true")),
        *(("companyIdType", value, "E002") for value in ("CIT004", "cit001", "SIRET")),
        *(("thirdpartyId", value, "E010") for value in ("abc", "1.5", "1e3", "9223372036854775808", "٣")),
        *(("stateLastChangeDate", value, "E010") for value in ("yesterday", "2026-02-30", "08/01/2019")),
        *(("stateLastChangeDate", value, "E010") for value in ("2026", "2026-W01-1", "2026-1-1")),
        ("stateLastChangeDate", "8999-12-31", "E022"),
        ("stateLastChangeDate", "8999-12-31T00:00:00", "E022"),
    ],
)
def test_a_bad_value_of_a_filter_is_refused(api: Api, parameter: str, value: str, code: str) -> None:
    answer = api.get("/dossiers", **{parameter: value})

    assert answer.status_code == 400
    assert codes(answer) == [code]


def test_tomorrow_is_in_the_future(api: Api) -> None:
    assert codes(api.get("/dossiers", stateLastChangeDate=today(api, 1))) == ["E022"]


def test_all_bad_values_are_reported_together(api: Api) -> None:
    answer = api.get("/dossiers", siren="", companyIdType="CIT009", monitored="maybe", pageSize=1001)

    assert sorted(codes(answer)) == ["E002", "E003", "E010", "E011"]


@pytest.mark.parametrize(
    "query",
    ["siren=%FF", "siren=%00", "siren=%", "dossierReference=%F0%9F%98%80", f"tva={'9' * 5000}", "tva=%2A"],
    ids=["no UTF-8", "a NUL", "an unfinished escape", "an emoji", "a very long value", "an asterisk"],
)
def test_an_odd_value_finds_nothing(api: Api, query: str) -> None:
    assert found_by(api, query) == []


@given(
    path=st.sampled_from(["/dossiers", "/thirdparties", "/thirdparties/q", "/dossiers/processes"]),
    query=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES) | st.text()),
)
@example_count(200)
def test_no_query_makes_the_sandbox_fail(one_api: Api, path: str, query: dict[str, str]) -> None:
    answer = one_api.get(path, **query)

    assert answer.status_code in {200, 400, 404}
    assert list(answer.json or {}) in (
        ["content"],
        ["content", "page", "size", "totalElements"],
        ["messages"],
        ["timestamp", "status", "error", "message", "path"],
    )
