"""Searching third parties by an expression: what each one keeps, and what is refused (behaviour.md 3.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from mock_server.app import create_app
from mock_server.settings import Settings
from tests.properties import example_count
from tests.support import Api, codes, content

pytestmark = pytest.mark.dialects("edge")

MakeApi = Callable[..., Api]
Test = Callable[[dict[str, Any]], bool]

RECIPE = """
version: 1
include: [catalogue]
accounts: [{accountId: 119631}]
thirdparties:
  - {thirdpartyId: 1, siret: "50382936800045", name: "Étoile du Nord", workforce: 13, acronym: ETN,
     turnover: 2771996.5, capital: 0, addressCity: LILLE, dateCreation: 2010-11-24,
     subscriptionDate: 2011-01-05}
  - {thirdpartyId: 2, siret: "99050000100013", name: "ETOILE OUEST", workforce: 200, turnover: 1000000,
     addressCity: "SAINT MALO (35)", dateCreation: 2015-07-08}
  - {thirdpartyId: 3, siret: "99050001900015", name: "Port AND Starboard", workforce: 1,
     dateCreation: 2020-02-29, outOfBusiness: true}
  - {thirdpartyId: 4, companyIdType: CIT003, companyIdValue: "123456789", name: "null"}
dossiers:
  - {thirdpartyId: 1, dossierReference: A, thirdpartyCode: "F1"}
  - {thirdpartyId: 2, dossierReference: B, documents: []}
  - {thirdpartyId: 3, dossierReference: C, stoppingReason: OUTOFBUSINESS, stoppingDate: "2025-01-01T08:00:00"}
  - {thirdpartyId: 4, dossierReference: D}
"""

KEPT: dict[str, list[int]] = {
    # Text: as it is with `:` and `!`, in any case with `~`, by its letters with `>` and `<`.
    "name:Étoile du Nord": [1],
    "name:étoile du nord": [],
    "name!ETOILE OUEST": [1, 3, 4],
    "name~etoile": [2],
    "name~ÉTOILE": [1],
    "name~o": [1, 2, 3],
    "name>Q": [1, 4],
    "name<F": [2],
    "addressCity:SAINT MALO (35)": [2],
    "siret:50382936800045": [1],
    "siren~9905": [2, 3],
    "tva~FR": [1, 2, 3],
    "thirdpartyCode:F1": [1],
    "companyIdType:CIT003": [4],
    "companyIdValue:123456789": [],
    "activityCode:7112B": [],
    # Numbers.
    "workforce:13": [1],
    "workforce:13.0": [1],
    "workforce!13": [2, 3, 4],
    "workforce>13": [2],
    "workforce<13": [3],
    "workforce<2000": [1, 2, 3],
    "workforce>-1": [1, 2, 3],
    "workforce~0": [2],
    "turnover>2771996.4": [1],
    "turnover:2771996.5": [1],
    "capital:0": [1],
    "thirdpartyId<3": [1, 2],
    "accountId:119631": [1, 2, 3, 4],
    "accountId!119631": [],
    f"workforce<{'9' * 5000}": [1, 2, 3],
    # Dates.
    "dateCreation:2010-11-24": [1],
    "dateCreation>2015-07-08": [3],
    "dateCreation<2015-07-08": [1],
    "dateCreation!2010-11-24": [2, 3, 4],
    "dateCreation~2015-07": [2],
    "dateCreation:2010-11-23T23:30:00Z": [1],
    "subscriptionDate:2011-01-05": [1],
    # The counterparts of booleans.
    "isMonitored:true": [1, 2, 4],
    "isMonitored:false": [3],
    "isRegistered:true": [1],
    "isOutOfBusiness:true": [3],
    "isActive:true": [1, 2, 4],
    "isComplete:true": [2],
    "isComplete:false": [1, 4],
    "isComplete:n/a": [3],
    # A member without value satisfies no comparison but `!`; `!null` keeps those that have one.
    "acronym!ETN": [2, 3, 4],
    "acronym!null": [1],
    "acronym:null": [],
    "acronym~E": [1],
    "workforce!null": [1, 2, 3],
    "workforce:null": [],
    "dateCreation!null": [1, 2, 3],
    "stateLastChangeDate!null": [1, 2, 4],
    "companyIdValue!null": [1, 2, 3],
    "name~null": [4],
    # Together.
    "workforce>10 AND isMonitored:true": [1, 2],
    "workforce>100 or name~nord": [1, 2],
    "workforce<2 OR name~e AND workforce>100": [2, 3],
    "( workforce<2 OR name~e ) AND workforce>100": [2],
    "( workforce>100 AND isActive:true ) OR workforce<2": [2, 3],
    "name~o AND ( workforce:13 OR ( workforce:1 AND isActive:false ) )": [1, 3],
}

REFUSED: dict[str, list[str]] = {
    " OR ".join(["ceo~QQ"] * 4500): [
        "E010 search/position 1001: expected at most 100 criteria, found 'ceo~QQ'"
    ],
    "workforce": ["E010 search/position 10: expected one of : ~ ! > < after 'workforce', found the end"],
    "name: Nord": ["E010 search/position 6: expected a value right after the operator, found a blank"],
    "(name:Nord )": ["E010 search/position 2: expected a blank after the parenthesis, found 'name:Nord'"],
    "name:Port AND Starboard": [
        "E010 search/position 24: expected one of : ~ ! > < after 'Starboard', found the end"
    ],
    "workforce>many": ["E010 search/position 11: expected a number, found 'many'"],
    "workforce:1e3": ["E010 search/position 11: expected a number, found '1e3'"],
    "workforce>null": ["E010 search/position 11: expected a number, found 'null'"],
    "workforce:٣": ["E010 search/position 11: expected a number, found '٣'"],
    "turnover<1,5": ["E010 search/position 10: expected a number, found '1,5'"],
    "dateCreation>2010": ["E010 search/position 14: expected a date (yyyy-MM-dd), found '2010'"],
    "dateCreation:24/11/2010": ["E010 search/position 14: expected a date (yyyy-MM-dd), found '24/11/2010'"],
    "q>3": ["E002 search/position 1: no field 'q'"],
    "monitored:true": ["E002 search/position 1: no field 'monitored'; did you mean 'isMonitored'?"],
    "Workforce>3": ["E002 search/position 1: no field 'Workforce'; did you mean 'workforce'?"],
    "datecreation!null": ["E002 search/position 1: no field 'datecreation'; did you mean 'dateCreation'?"],
    "thirdpartyUsers~Martin": [
        "E002 search/position 1: no field 'thirdpartyUsers'; did you mean 'thirdpartyCode'?"
    ],
    "workforce>x AND color:red OR capital:y": [
        "E010 search/position 11: expected a number, found 'x'",
        "E002 search/position 17: no field 'color'",
        "E010 search/position 38: expected a number, found 'y'",
    ],
}


@pytest.fixture
def four(make_recipe_api: MakeApi) -> Api:
    """An api of a server that starts from `RECIPE`."""
    return make_recipe_api(RECIPE)


def search(api: Api, expression: str, **query: str | int) -> TestResponse:
    return api.get("/thirdparties/q", search=expression, **query)


def ids_of_hits(api: Api, expression: str) -> list[int]:
    """The ids of the third parties that the expression selects."""
    return [row["thirdpartyId"] for row in api.hits("/thirdparties/q", search=expression)]


def errors_of(answer: TestResponse) -> list[str]:
    """Code and reason of each error."""
    return [f"{error['code']} {error['reason']}" for error in (answer.json or {})["messages"]["error"]]


def test_an_expression_keeps_the_third_parties_that_satisfy_it(four: Api) -> None:
    assert {expression: ids_of_hits(four, expression) for expression in KEPT} == KEPT


def test_the_error_of_a_wrong_expression_says_its_place_and_what_is_right(four: Api) -> None:
    answers = {expression: search(four, expression) for expression in REFUSED}

    assert {expression: errors_of(answer) for expression, answer in answers.items()} == REFUSED
    assert {answer.status_code for answer in answers.values()} == {400}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["E001 search"]),
        ({"search": ""}, ["E003 search"]),
        ({"search": " \t "}, ["E003 search"]),
        ({"q": "name~Nord"}, ["E001 search"]),
        (
            {"search": "", "page": "-1", "pageSize": "1001"},
            ["E003 search", "E010 page/-1", "E011 pageSize/1000"],
        ),
    ],
    ids=["missing", "empty", "blank", "under another name", "with a bad page"],
)
def test_the_expression_is_required(four: Api, query: dict[str, str], expected: list[str]) -> None:
    answer = four.get("/thirdparties/q", **query)

    assert answer.status_code == 400
    assert errors_of(answer) == expected


def test_an_expression_without_a_hit_is_not_found(four: Api) -> None:
    answer = search(four, "workforce>2000")

    assert answer.status_code == 404
    assert errors_of(answer) == ["NOT_FOUND search=workforce>2000"]


def test_the_hits_come_in_pages_in_ascending_order(four: Api) -> None:
    answer = search(four, "name~o", page=1, pageSize=2)

    assert [row["thirdpartyId"] for row in content(answer)] == [3]
    assert {name: (answer.json or {})[name] for name in ("page", "size", "totalElements")} == {
        "page": 1,
        "size": 2,
        "totalElements": 3,
    }


def test_a_hit_is_the_third_party_in_detail(four: Api) -> None:
    assert content(search(four, "workforce:13")) == [content(four.get("/thirdparties/1"))]


def test_the_third_parties_of_other_accounts_are_not_searched(make_api: MakeApi) -> None:
    one, other = make_api(user="multi"), make_api(user="multi", account=119700)

    assert 875 in ids_of_hits(one, "thirdpartyId>0")
    assert 875 not in ids_of_hits(other, "thirdpartyId>0")


def test_an_expression_may_be_encoded_or_not(four: Api) -> None:
    for query in ("search=workforce%3C13", "search=workforce<13", "search=%77orkforce<13&&"):
        (row,) = content(four.send("GET", f"{four.url('/thirdparties/q')}?{query}"))

        assert row["thirdpartyId"] == 3, query


def test_a_search_expression_is_read_by_get_only(four: Api) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert four.send(method, four.url("/thirdparties/q")).status_code == 405, method


# Every member of the details.


def members(api: Api) -> list[tuple[int, str, Any]]:
    """Third party, name and value of each member of the details that holds a text, a number or nothing."""
    rows = api.hits("/thirdparties", pageSize=1000)
    details = [content(api.get(f"/thirdparties/{row['thirdpartyId']}")) for row in rows[:12]]
    return [
        (detail["thirdpartyId"], name, value)
        for detail in details
        for name, value in detail.items()
        if not isinstance(value, bool | list) and name != "thirdpartyGlobalState"
        if " AND " not in f"{value}".upper()  # a connector, which no value can hold
    ]


def test_every_text_date_and_number_of_the_details_can_be_searched_by_its_value(api: Api) -> None:
    present = [(found, name, value) for found, name, value in members(api) if value is not None]
    kept = {
        (name, value): all_kept(api, f"{name}:{value}")
        for name, value in {(name, value) for _, name, value in present}
    }

    assert len({name for _, name, _ in present}) > 30
    assert [row for row in present if row[0] not in kept[row[1:]]] == []


def test_every_member_without_value_differs_from_anything(api: Api) -> None:
    absent = [(found, name) for found, name, value in members(api) if value is None]
    kept = {name: all_kept(api, f"{name}!null") for name in {name for _, name in absent}}

    assert absent
    assert [row for row in absent if row[0] in kept[row[1]]] == []


def all_kept(api: Api, expression: str) -> list[int]:
    return [row["thirdpartyId"] for row in api.hits("/thirdparties/q", search=expression, pageSize=1000)]


@pytest.fixture(scope="module")
def one_api() -> Api:
    return Api(create_app(Settings(log_level="error")).test_client(), "default", dialect="edge")


pieces = st.sampled_from(
    [*KEPT, *REFUSED, "AND", "OR", "(", ")", "name", ":", "!", "workforce>", "null", "2026-01-01", "é", "\0"]
)


@example_count(150)
@given(expression=st.text() | st.lists(pieces, max_size=8).map(" ".join))
def test_any_expression_finds_or_is_refused(one_api: Api, expression: str) -> None:
    answer = search(one_api, expression)

    assert answer.status_code in {200, 400, 404}, answer.text
    assert answer.status_code == 200 or set(codes(answer)) <= {"E002", "E003", "E010", "NOT_FOUND"}
