"""Matching of values and requests: operators, subsets of objects, JSONPath."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from mock_server.scenarios.file_format import RequestPattern
from mock_server.scenarios.matching import (
    ABSENT,
    OPERATORS,
    ReceivedRequest,
    check_expectation,
    differences,
    matches,
    matches_request,
    request_differences,
    text_differences,
)
from mock_server.scenarios.patterns import compile_json_path

names = st.text(max_size=5).filter(lambda name: not name.startswith("$"))
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(names, values, max_size=4)


def reasons(expected: Any, found: Any) -> list[str]:
    """Why the value found is not the one expected, in words."""
    return [str(difference) for difference in differences(expected, found)]


FITTING: dict[str, tuple[Any, Any]] = {
    "nothing expected": (UNSET, 1),
    "nothing expected of what is not there": (UNSET, ABSENT),
    "the same text": ("a", "a"),
    "a whole number and one with a fraction of nothing": (1, 1.0),
    "null": (None, None),
    "some of the members": ({"a": 1}, {"a": 1, "b": 2}),
    "some members of a member": ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}),
    "an empty mapping is any object": ({}, {"a": 1}),
    "some members of each element": ([{"a": 1}, {}], [{"a": 1, "b": 2}, {"c": 3}]),
    "an empty list": ([], []),
    "a member that is null": ({"a": None}, {"a": None}),
    "$equals of an object": ({"$equals": {"a": 1}}, {"a": 1}),
    "$equals of a list": ({"$equals": [1, {"a": 2}]}, [1, {"a": 2}]),
    "$equals of names that look like operators": ({"$equals": {"$ref": 1}}, {"$ref": 1}),
    "$not of another value": ({"$not": "a"}, "b"),
    "$not of an operator": ({"$not": {"$matches": "a.*"}}, "ba"),
    "$not of what is not there": ({"a": {"$not": "x"}}, {}),
    "$absent": ({"a": {"$absent": True}}, {"b": 1}),
    "$absent is false of what is there": ({"a": {"$absent": False}}, {"a": None}),
    "$any of null": ({"a": {"$any": True}}, {"a": None}),
    "$matches the whole text": ({"$matches": "[A-Z]+-[0-9]+"}, "PO-12"),
    "$contains of a text": ({"$contains": "O-1"}, "PO-12"),
    "$contains of a list": ({"$contains": "b"}, ["a", "b"]),
    "$contains of a list of objects": (
        {"$contains": {"code": "E202"}},
        [{"code": "E1"}, {"code": "E202", "x": 1}],
    ),
    "$oneOf": ({"$oneOf": ["a", "b"]}, "b"),
    "$oneOf of operators": ({"$oneOf": [{"$matches": "a.*"}, {"$absent": True}]}, "ab"),
    "$length of a text": ({"$length": 3}, "abc"),
    "$length of a list": ({"$length": 0}, []),
    "$length of an object": ({"$length": 1}, {"a": 1}),
    "$atLeast at the edge": ({"$atLeast": 2}, 2),
    "$atMost at the edge": ({"$atMost": 2}, 2.0),
    "$atLeast of texts goes by their order": ({"$atLeast": "2026-01-01"}, "2026-03-02"),
    "two operators together": ({"$atLeast": 1, "$atMost": 3}, 2),
    "operators next to members": ({"$length": 2, "a": 1}, {"a": 1, "b": 2}),
}

UNFITTING: dict[str, tuple[Any, Any, list[str]]] = {
    "another text": ("a", "b", ["$: expected 'a', found 'b'"]),
    "1 is not true": (1, True, ["$: expected 1, found true"]),
    "true is not 1": (True, 1, ["$: expected true, found 1"]),
    "0 is not false": ({"a": 0}, {"a": False}, ["$.a: expected 0, found false"]),
    "1 is not the text 1": (1, "1", ["$: expected 1, found '1'"]),
    "null is not what is not there": ({"a": None}, {}, ["$.a: expected null, found nothing"]),
    "a member that is missing": ({"a": 1}, {"b": 1}, ["$.a: expected 1, found nothing"]),
    "a member deep inside": (
        {"content": [{"code": "E202"}]},
        {"content": [{"code": "E201"}]},
        ["$.content[0].code: expected 'E202', found 'E201'"],
    ),
    "every difference is reported": (
        {"a": 1, "b": [1, 2]},
        {"a": 2, "b": [1, 3]},
        ["$.a: expected 1, found 2", "$.b[1]: expected 2, found 3"],
    ),
    "a list is not an object": ({}, [], ["$: expected an object, found []"]),
    "nothing is not an object": ({}, ABSENT, ["$: expected an object, found nothing"]),
    "members need an object, also next to an operator": (
        {"$any": True, "a": 1},
        "text",
        ["$: expected an object, found 'text'"],
    ),
    "an object is not a list": ([], {}, ["$: expected a list, found {}"]),
    "a text is not a list": (["a"], "a", ["$: expected a list, found 'a'"]),
    "a list of another length": ([1], [1, 2], ["$: expected 1 element, found [1, 2]"]),
    "$equals looks at all members": (
        {"$equals": {"a": 1}},
        {"a": 1, "b": 2},
        ["$: expected exactly {'a': 1}, found {'a': 1, 'b': 2}"],
    ),
    "$equals knows 1 from true": ({"$equals": 1}, True, ["$: expected exactly 1, found true"]),
    "$equals knows 1 from true in depth": (
        {"$equals": {"a": [1]}},
        {"a": [True]},
        ["$: expected exactly {'a': [1]}, found {'a': [true]}"],
    ),
    "$not of the value": ({"$not": "a"}, "a", ["$: expected anything but 'a', found 'a'"]),
    "$absent of what is there": (
        {"a": {"$absent": True}},
        {"a": None},
        ["$.a: expected absent: true, found null"],
    ),
    "$absent is false of what is not": (
        {"a": {"$absent": False}},
        {},
        ["$.a: expected absent: false, found nothing"],
    ),
    "$any of what is not there": ({"a": {"$any": True}}, {}, ["$.a: expected anything, found nothing"]),
    "$matches a part only": (
        {"$matches": "[0-9]+"},
        "PO-12",
        ["$: expected a text that matches '[0-9]+', found 'PO-12'"],
    ),
    "$matches no number": ({"$matches": "1"}, 1, ["$: expected a text that matches '1', found 1"]),
    "$contains of a number": ({"$contains": 1}, 1, ["$: expected something that contains 1, found 1"]),
    "$contains knows 1 from true": (
        {"$contains": 1},
        [True],
        ["$: expected something that contains 1, found [true]"],
    ),
    "$oneOf": ({"$oneOf": ["a", "b"]}, "c", ["$: expected one of ['a', 'b'], found 'c'"]),
    "$length": ({"$length": 1}, "ab", ["$: expected a length of 1, found 'ab'"]),
    "$length of a number": ({"$length": 1}, 1, ["$: expected a length of 1, found 1"]),
    "$atLeast": ({"$atLeast": 2}, 1, ["$: expected at least 2, found 1"]),
    "$atLeast of a text against a number": ({"$atLeast": 2}, "3", ["$: expected at least 2, found '3'"]),
    "$atLeast of a number against a text": (
        {"$atLeast": "2"},
        3,
        ["$: expected at least '2', found 3"],
    ),
    "$atLeast of a boolean": ({"$atLeast": 0}, True, ["$: expected at least 0, found true"]),
    "$atMost": ({"$atMost": 2}, 3, ["$: expected at most 2, found 3"]),
    "$atMost of what is not there": ({"a": {"$atMost": 2}}, {}, ["$.a: expected at most 2, found nothing"]),
}

MISUSED: dict[str, tuple[Any, str]] = {
    "an unknown operator": (
        {"$like": "a"},
        r"there is no operator '\$like'; there are \$equals, \$not, \$absent",
    ),
    "an unknown operator deep inside": ({"a": [{"$like": "a"}]}, r"there is no operator '\$like'"),
    "an unknown operator in an operator": ({"$not": {"$like": "a"}}, r"there is no operator '\$like'"),
    "a list for $matches": ({"$matches": ["a"]}, r"\$matches takes a text, not \['a'\]"),
    "a number for $matches": ({"$matches": 1}, r"\$matches takes a text, not 1"),
    "a text for $absent": ({"$absent": "yes"}, r"\$absent takes true or false, not 'yes'"),
    "a number for $absent": ({"$absent": 1}, r"\$absent takes true or false, not 1"),
    "a text for $oneOf": ({"$oneOf": "ab"}, r"\$oneOf takes a list, not 'ab'"),
    "a text for $length": ({"$length": "3"}, r"\$length takes a whole number, not '3'"),
    "true for $length": ({"$length": True}, r"\$length takes a whole number, not true"),
    "a list for $atLeast": ({"$atLeast": [1]}, r"\$atLeast takes a number or a text, not \[1\]"),
    "true for $atMost": ({"$atMost": True}, r"\$atMost takes a number or a text, not true"),
    "an open parenthesis": (
        {"$matches": "("},
        r"'\(' is not a regular expression: missing \)",
    ),
    "a repetition beyond all": (
        {"$matches": "a{9999}"},
        "is not a regular expression: invalid repetition size",
    ),
    "a pattern that is large": (
        {"$matches": "[ab].{900}" * 3},  # twice the memory would be enough
        "is not a regular expression: pattern too large",
    ),
    "a pattern that is long": ({"$matches": "a" * 1001}, "has at most 1000 characters, this one 1001"),
    "a look-ahead": ({"$matches": "(?!a).*"}, "look-around and back-references are not supported; use "),
    "a back-reference": ({"$matches": r"(a)\1"}, "look-around and back-references are not supported; use "),
    "half a surrogate pair": ({"$matches": "\ud800"}, "is not a regular expression: half a surrogate pair"),
}


def test_a_found_value_matches_the_expected_one() -> None:
    assert {case: reasons(*row) for case, row in FITTING.items()} == {case: [] for case in FITTING}
    assert [case for case, row in FITTING.items() if not matches(*row)] == []


def test_a_difference_is_reported_with_its_place() -> None:
    found = {case: reasons(expected, value) for case, (expected, value, _) in UNFITTING.items()}

    assert found == {case: words for case, (*_, words) in UNFITTING.items()}
    assert [case for case, (expected, value, _) in UNFITTING.items() if matches(expected, value)] == []


@pytest.mark.parametrize(("expected", "words"), MISUSED.values(), ids=MISUSED)
def test_a_wrong_operator_is_rejected_before_any_comparison(expected: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_expectation(expected)


def test_a_valid_expectation_is_accepted() -> None:
    for expected, _ in FITTING.values():
        check_expectation(expected)


def test_every_operator_has_a_case_that_matches_one_that_differs_and_an_invalid_operand() -> None:
    assert {name for name in OPERATORS if name not in str([row[0] for row in FITTING.values()])} == set()
    assert {name for name in OPERATORS if name not in str([row[0] for row in UNFITTING.values()])} == set()
    assert {name for name, row in OPERATORS.items() if row.operand} == {
        name for expected, _ in MISUSED.values() for name in expected if name in OPERATORS and name != "$not"
    }


def test_a_long_value_is_cut_off_in_the_message() -> None:
    shown = [word for length in (198, 199, 1000) for word in reasons("a", "b" * length)]

    assert shown == [
        f"$: expected 'a', found '{'b' * 198}'",
        f"$: expected 'a', found '{'b' * 199}... (201 characters)",
        f"$: expected 'a', found '{'b' * 199}... (1002 characters)",
    ]


# Properties


@given(values)
def test_a_value_matches_itself(value: Any) -> None:
    assert reasons(value, value) == []


@given(objects, st.data())
def test_some_members_of_an_object_match_it(value: dict[str, Any], data: st.DataObject) -> None:
    kept = data.draw(st.sets(st.sampled_from(sorted(value)))) if value else set()

    assert reasons({name: value[name] for name in kept}, value) == []


@given(values, values)
def test_not_matches_what_its_operand_does_not_match(expected: Any, found: Any) -> None:
    assert matches({"$not": expected}, found) is not matches(expected, found)


@given(values, values)
def test_a_value_that_equals_the_expected_one_also_matches_it(expected: Any, found: Any) -> None:
    assert matches(expected, found) >= matches({"$equals": expected}, found)


@given(values, values)
def test_one_of_matches_if_any_of_its_values_does(one: Any, found: Any) -> None:
    assert matches({"$oneOf": [one, found]}, found)


def place(value: Any, path: str) -> Any:
    """The value at a path of single-letter members, such as `$.a[0].b`; ABSENT if there is none."""
    for step in path.removeprefix("$").replace("[", ".[").split(".")[1:]:
        value = value[int(step[1:-1])] if step.startswith("[") else value.get(step, ABSENT)
    return value


letters = st.sampled_from("abc")
simple = st.recursive(
    st.integers(0, 2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(letters, inner, max_size=3),
    max_leaves=8,
)


@given(simple, simple)
def test_a_difference_names_an_existing_place_and_its_value(expected: Any, found: Any) -> None:
    words = list(differences(expected, found))

    assert [difference.found for difference in words] == [place(found, difference.at) for difference in words]


# Texts: headers, queries, ids


TEXTS: dict[str, tuple[Any, str | None, bool]] = {
    "a number matches_request its digits": (10, "10", True),
    "a number is not another one's beginning": (10, "100", False),
    "a fraction": (1.5, "1.5", True),
    "true matches_request the word": (True, "true", True),
    "true is not 1": (True, "1", False),
    "numbers among several": ({"$oneOf": [10, 20]}, "20", True),
    "a number in a negation": ({"$not": 10}, "10", False),
    "$equals of a number": ({"$equals": 10}, "10", True),
    "$contains of a digit": ({"$contains": 0}, "10", True),
    "$matches": ({"$matches": "[0-9]+"}, "10", True),
    "$length": ({"$length": 2}, "10", True),
    "$atLeast counts": ({"$atLeast": 9}, "10", True),
    "$atLeast is more than there is": ({"$atLeast": 11}, "10", False),
    "$atMost counts": ({"$atMost": 9}, "10", False),
    "$atMost of a fraction": ({"$atMost": 10.5}, "10", True),
    "$atLeast of very many digits": ({"$atLeast": 9}, "1" * 5000, True),
    "$atLeast of very many digits below zero": ({"$atLeast": 9}, "-" + "1" * 5000, False),
    "$atLeast of a text": ({"$atLeast": 9}, "many", False),
    "$atLeast of a date": ({"$atLeast": "2026-01-01"}, "2026-03-02", True),
    "what is not there": (10, None, False),
    "what is not there, as expected": ({"$absent": True}, None, True),
    "$atLeast of what is not there": ({"$atLeast": 0}, None, False),
    "anything": ({"$any": True}, "", True),
    "an empty text": ("", "", True),
}


def test_an_expected_number_matches_a_text_with_its_digits() -> None:
    found = {
        case: list(text_differences(expected, text, "query.page")) == []
        for case, (expected, text, _) in TEXTS.items()
    }

    assert found == {case: fits for case, (*_, fits) in TEXTS.items()}


# Patterns of calls


ASKED = ReceivedRequest(
    operation="updateDossier",
    method="POST",
    path="/api/v1/account/119631/dossiers/804127",
    query={"page": "2", "search": "siret=1"},
    headers={"x-request-id": "r-1", "content-type": "application/json"},
    body={"dossierReference": "PO-1", "requiredDocuments": ["I2"], "lines": [{"n": 1}, {"n": 2}]},
    ids={"accountId": 119631, "dossierId": 804127, "thirdpartyId": 875},
    user="api@example.com",
)

MATCHING: dict[str, str] = {
    "any call": "{}",
    "the operation": '{"operation": "updateDossier"}',
    "one of several operations": '{"operation": ["getDossier", "updateDossier"]}',
    "the method": '{"method": "POST"}',
    "the method in lower case": '{"method": "post"}',
    "the path": '{"path": "/api/v1/account/119631/dossiers/804127"}',
    "a pattern of paths": '{"path": {"$matches": "/api/v1/.*/dossiers/[0-9]+"}}',
    "a query parameter": '{"query": {"page": "2"}}',
    "a query parameter as a number": '{"query": {"page": 2}}',
    "a query parameter within bounds": '{"query": {"page": {"$atLeast": 2, "$atMost": 10}}}',
    "a query parameter that is not there": '{"query": {"pageSize": {"$absent": true}}}',
    "a header in any case": '{"headers": {"X-Request-ID": "r-1"}}',
    "a header by pattern": '{"headers": {"content-TYPE": {"$contains": "json"}}}',
    "a header that is not there": '{"headers": {"X-Other": {"$absent": true}}}',
    "some members of the body": '{"body": {"dossierReference": "PO-1"}}',
    "the body by JSONPath": '{"jsonPath": {"$.lines[*].n": 2}}',
    "a JSONPath with a filter": '{"jsonPath": {"$.lines[?@.n > 1].n": {"$atLeast": 2}}}',
    "a JSONPath to nothing": '{"jsonPath": {"$.other": {"$absent": true}}}',
    "the account": '{"accountId": 119631}',
    "the account as text": '{"accountId": "119631"}',
    "the dossier": '{"dossierId": 804127}',
    "one of several dossiers": '{"dossierId": {"$oneOf": [1, 804127]}}',
    "dossiers from a number on": '{"dossierId": {"$atLeast": 804000}}',
    "the third party of the dossier": '{"thirdpartyId": 875}',
    "no document": '{"documentId": {"$absent": true}}',
    "the user": '{"user": "api@example.com"}',
    "several things at once": '{"method": "POST", "dossierId": 804127, "body": {"lines": {"$length": 2}}}',
}

NOT_MATCHING: dict[str, tuple[str, str]] = {
    "another operation": (
        '{"operation": "getDossier"}',
        "operation: expected one of ['getDossier'], found 'updateDossier'",
    ),
    "none of several operations": (
        '{"operation": ["getDossier", "stopDossier"]}',
        "operation: expected one of ['getDossier', 'stopDossier'], found 'updateDossier'",
    ),
    "another method": ('{"method": "GET"}', "method: expected 'GET', found 'POST'"),
    "a part of the path": ('{"path": "/api/v1"}', f"path: expected '/api/v1', found '{ASKED.path}'"),
    "another page": ('{"query": {"page": 20}}', "query.page: expected '20', found '2'"),
    "a page too early": (
        '{"query": {"page": {"$atLeast": 10}}}',
        "query.page: expected at least 10, found '2'",
    ),
    "a missing parameter": ('{"query": {"size": 1}}', "query.size: expected '1', found nothing"),
    "another header": (
        '{"headers": {"X-Request-Id": "r-2"}}',
        "headers.X-Request-Id: expected 'r-2', found 'r-1'",
    ),
    "another body": (
        '{"body": {"dossierReference": "PO-2"}}',
        "body.dossierReference: expected 'PO-2', found 'PO-1'",
    ),
    "no value at a JSONPath": (
        '{"jsonPath": {"$.lines[*].n": 3}}',
        "body $.lines[*].n: expected 3, found [1, 2]",
    ),
    "nothing at a JSONPath": ('{"jsonPath": {"$.other": 1}}', "body $.other: expected 1, found []"),
    "something at a JSONPath": (
        '{"jsonPath": {"$.lines": {"$absent": true}}}',
        "body $.lines: expected {'$absent': true}, found [[{'n': 1}, {'n': 2}]]",
    ),
    "another account": ('{"accountId": 1}', "accountId: expected '1', found '119631'"),
    "another dossier": ('{"dossierId": 1}', "dossierId: expected '1', found '804127'"),
    "another third party": ('{"thirdpartyId": 1}', "thirdpartyId: expected '1', found '875'"),
    "a document": ('{"documentId": 1}', "documentId: expected '1', found nothing"),
    "a process": ('{"processId": "a"}', "processId: expected 'a', found nothing"),
    "another user": (
        '{"user": "multi@example.com"}',
        "user: expected 'multi@example.com', found 'api@example.com'",
    ),
}


def described(text: str) -> RequestPattern:
    return msgspec.json.decode(text, type=RequestPattern)


def test_a_pattern_matches_a_call_if_every_part_holds() -> None:
    for case, text in MATCHING.items():
        assert [str(difference) for difference in request_differences(described(text), ASKED)] == [], case
        assert matches_request(described(text), ASKED), case


def test_a_pattern_does_not_match_a_call_that_differs() -> None:
    for case, (text, words) in NOT_MATCHING.items():
        found = [str(difference) for difference in request_differences(described(text), ASKED)]
        assert found == [words], case
        assert not matches_request(described(text), ASKED), case


@pytest.mark.parametrize("body", [None, "text", 1, True], ids=["none", "a text", "a number", "a boolean"])
def test_a_body_that_is_not_an_object_has_no_members_and_nothing_at_a_json_path(body: Any) -> None:
    asked = ReceivedRequest(operation="importDossier", method="POST", path="/", body=body)

    assert not matches_request(described('{"body": {"a": {"$absent": true}}}'), asked)
    assert matches_request(described('{"jsonPath": {"$.a": {"$absent": true}}}'), asked)


def test_a_call_without_an_operation_is_matched_by_its_path() -> None:
    asked = ReceivedRequest(operation=None, method="GET", path="/nothing")

    assert matches_request(described('{"path": "/nothing"}'), asked)
    assert not matches_request(described('{"operation": "getDossier"}'), asked)


@pytest.mark.parametrize("path", ["$.a[", "$[?@.a ==]", "$..", "$.a.length("])
def test_an_invalid_json_path_is_rejected(path: str) -> None:
    with pytest.raises(ValueError, match="is not a JSONPath: "):
        compile_json_path(path)
