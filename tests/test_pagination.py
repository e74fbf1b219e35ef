"""Pages of every size over populations at the edges of a page (behaviour.md 8)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_server.app import create_app
from mock_server.settings import Settings
from tests.properties import example_count
from tests.support import SIRET, Api, codes, content

MakeApi = Callable[..., Api]
OfPopulation = Callable[[int], Api]

RECIPE = """
version: 1
include: [catalogue]
seed: 8
users: [{{username: "api@example.com", password: "demo", accounts: [119631]}}]
accounts:
  - accountId: 119631
    population: {{dossiers: {dossiers}, thirdparties: {dossiers}, stopped: 0.3}}
"""

MESSAGES = {"E003": "Paramètre vide", "E010": "Format incorrect", "E011": "Taille maximale dépassée"}
PATHS = ["/dossiers", "/thirdparties"]
INT64_MAX = 2**63 - 1

NEIGHBOUR = "99050000100021"
"""Another establishment of the company of SIRET."""


@pytest.fixture(scope="module")
def of_population(tmp_path_factory: pytest.TempPathFactory) -> OfPopulation:
    """An api over an account with this number of dossiers and of third parties, made once."""
    made: dict[int, Api] = {}

    def make(dossiers: int) -> Api:
        path = tmp_path_factory.mktemp("population") / "recipe.yaml"
        path.write_text(RECIPE.format(dossiers=dossiers), encoding="utf-8")
        return Api(create_app(Settings(fixture=str(path))).test_client(), "default")

    def found(dossiers: int) -> Api:
        if dossiers not in made:
            made[dossiers] = make(dossiers)
        return made[dossiers]

    return found


@pytest.fixture(scope="module")
def populated(of_population: OfPopulation) -> Api:
    """An api over an account with 40 dossiers."""
    return of_population(40)


def page(api: Api, path: str, **query: Any) -> dict[str, Any]:
    answer = api.get(path, **query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json or {})


def rows_of_all_pages(api: Api, path: str, size: int, **query: Any) -> list[Any]:
    """Return the rows of all pages of this size, in order, up to the first empty page."""
    numbers = range(-(-page(api, path, **query)["totalElements"] // size) + 1)
    pages = (page(api, path, page=number, pageSize=size, **query) for number in numbers)
    return list(chain.from_iterable(one["content"] for one in pages))


def imported_establishments(api: Api) -> list[int]:
    """Import three dossiers for each of two establishments of one company, in turn; the ids."""
    return [
        api.new_dossier(companyIdValue=siret, dossierReference=reference)["dossierId"]
        for reference in ("PO-1", "PO-2", "PO-3")
        for siret in (NEIGHBOUR, SIRET)
    ]


# The edges of a page.


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("population", [0, 1, 9, 10, 11, 20, 21])
def test_a_page_holds_the_ten_rows_of_its_place(
    of_population: OfPopulation, path: str, population: int
) -> None:
    api = of_population(population)

    for number in range(4):
        answer = page(api, path, page=number)
        assert len(answer["content"]) == min(10, max(0, population - 10 * number)), number
        assert (answer["page"], answer["size"], answer["totalElements"]) == (number, 10, population)


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_as_long_as_asked_or_as_there_are_rows(of_population: OfPopulation, path: str) -> None:
    for size in (1, 9, 10, 11, 19, 20, 21, 22, 1000):
        answer = page(of_population(21), path, pageSize=size)
        assert len(answer["content"]) == min(size, 21), size
        assert (answer["page"], answer["size"], answer["totalElements"]) == (0, size, 21)


@pytest.mark.parametrize("path", PATHS)
def test_without_parameters_the_first_ten_are_answered(of_population: OfPopulation, path: str) -> None:
    api = of_population(21)

    assert page(api, path) == page(api, path, page=0, pageSize=10)


@pytest.mark.parametrize("path", PATHS)
def test_a_page_has_these_members_in_this_order(of_population: OfPopulation, path: str) -> None:
    assert list(page(of_population(1), path)) == ["content", "page", "size", "totalElements"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("size", [10, 1000])
def test_a_page_past_the_end_is_empty_and_has_the_true_total(
    of_population: OfPopulation, path: str, size: int
) -> None:
    for number in (3, 1000, 2**31, 2**53 + 1, INT64_MAX):
        answer = page(of_population(21), path, page=number, pageSize=size)
        assert answer == {"content": [], "page": number, "size": size, "totalElements": 21}


def test_a_page_past_the_end_of_a_filtered_list_is_empty(of_population: OfPopulation) -> None:
    api = of_population(21)
    for query in ({"monitored": "false"}, {"companyIdType": "CIT001"}):
        total = page(api, "/dossiers", **query)["totalElements"]
        answer = page(api, "/dossiers", page=INT64_MAX, pageSize=1000, **query)
        assert total, query
        assert answer == {"content": [], "page": INT64_MAX, "size": 1000, "totalElements": total}, query


# Paging through hits.


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"monitored": "true"},
        {"companyIdType": "CIT001"},
        {"monitored": "true", "companyIdType": "CIT001"},
    ],
    ids=["two establishments", "the active ones", "of one type", "the active ones of one type"],
)
def test_the_dossiers_of_several_establishments_are_paged_in_ascending_order(
    api: Api, query: dict[str, str]
) -> None:
    imported = imported_establishments(api)

    for size in (1, 2, 3, 4, 5, 6, 7):
        rows = rows_of_all_pages(api, "/dossiers", size, siren=SIRET[:9], **query)
        assert [row["dossierId"] for row in rows] == imported, size


def test_a_page_past_the_end_of_several_establishments_is_empty(api: Api) -> None:
    imported_establishments(api)

    answer = page(api, "/dossiers", siren=SIRET[:9], page=INT64_MAX)

    assert answer == {"content": [], "page": INT64_MAX, "size": 10, "totalElements": 6}


def test_a_stopped_dossier_leaves_the_pages_of_the_active_ones(api: Api) -> None:
    imported = imported_establishments(api)
    api.post(f"/dossiers/{imported[2]}/stop")

    rows = rows_of_all_pages(api, "/dossiers", 2, siren=SIRET[:9], monitored="true")

    assert [row["dossierId"] for row in rows] == [*imported[:2], *imported[3:]]


@given(size=st.integers(min_value=1, max_value=1000), path=st.sampled_from(PATHS))
@example_count(30)
def test_the_pages_joined_are_the_whole_list_for_any_size(populated: Api, size: int, path: str) -> None:
    whole = content(populated.get(path, pageSize=1000))

    assert rows_of_all_pages(populated, path, size) == whole


@given(
    size=st.integers(min_value=1, max_value=50),
    query=st.fixed_dictionaries(
        {},
        optional={
            "monitored": st.sampled_from(["true", "false"]),
            "companyIdType": st.sampled_from(["CIT001", "CIT002", "CIT003"]),
        },
    ),
)
@example_count(30)
def test_the_pages_of_a_filtered_list_joined_are_all_its_hits(
    populated: Api, size: int, query: dict[str, str]
) -> None:
    whole = content(populated.get("/dossiers", pageSize=1000, **query))

    assert rows_of_all_pages(populated, "/dossiers", size, **query) == whole


@given(number=st.integers(min_value=0, max_value=INT64_MAX), size=st.integers(min_value=1, max_value=1000))
@example_count(100)
def test_any_page_is_its_slice_of_the_whole(populated: Api, number: int, size: int) -> None:
    whole = content(populated.get("/dossiers/all"))

    answer = page(populated, "/dossiers", page=number, pageSize=size)

    assert answer["content"] == whole[number * size : (number + 1) * size]


# Values that are refused.


REFUSED = [
    *(("page", value, "E010") for value in ("-1", "-9223372036854775808", "abc", "1.0", "1e3", "+1", " 1")),
    *(("page", value, "E010") for value in ("0x1", "1_0", "٣", "99999999999999999999", "true", "null")),
    *(("pageSize", value, "E010") for value in ("0", "-1", "abc", "10.5", "1e3", "٣", "true")),
    ("pageSize", "1001", "E011"),
    ("pageSize", "9223372036854775807", "E011"),
    ("page", "", "E003"),
    ("pageSize", "", "E003"),
]


@pytest.mark.parametrize("path", PATHS)
def test_a_bad_page_is_refused(of_population: OfPopulation, path: str) -> None:
    for parameter, value, code in REFUSED:
        answer = of_population(1).get(path, **{parameter: value})
        assert answer.status_code == 400, (parameter, value)
        expected = {"messages": {"error": [{"code": code, "message": MESSAGES[code]}]}}
        assert answer.json == expected, (parameter, value)


def test_a_bad_page_and_a_bad_size_are_reported_together(of_population: OfPopulation) -> None:
    assert codes(of_population(1).get("/dossiers", page=-1, pageSize=1001)) == ["E010", "E011"]


def test_what_is_not_paginated_does_not_read_the_page(of_population: OfPopulation) -> None:
    for path in ("/requirements", "/dossiers/all", "/dossiers/processes", ""):
        answer = of_population(21).get(path, page=-1, pageSize=0)
        assert answer.status_code == 200, path
        assert list(answer.json or {}) == ["content"], path


# A search without any hit.


@pytest.mark.parametrize("path", PATHS)
def test_a_search_without_hit_is_an_empty_page(of_population: OfPopulation, path: str) -> None:
    answer = page(of_population(21), path, siren="000000000", page=4, pageSize=7)

    assert answer == {"content": [], "page": 4, "size": 7, "totalElements": 0}


@pytest.mark.parametrize("path", PATHS)
def test_a_search_without_hit_is_not_found_where_the_variant_says_so(
    make_variant_api: MakeApi, path: str
) -> None:
    answer = make_variant_api(emptySearch="not-found").get(path, siren="000000000")

    assert answer.status_code == 404
    assert codes(answer) == ["NOT_FOUND"]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_past_the_end_is_not_a_search_without_hit(make_variant_api: MakeApi, path: str) -> None:
    answer = make_variant_api(emptySearch="not-found").get(path, page=1000)

    assert content(answer) == []
