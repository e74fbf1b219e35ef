"""What a JSONPath finds, and that no path and no pattern takes long."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_server.scenarios.file_format import RequestPattern
from mock_server.scenarios.matching import ReceivedRequest, request_differences
from mock_server.scenarios.patterns import (
    PathTooExpensive,
    compile_json_path,
    find_json_path,
    matches_pattern,
)
from tests.properties import example_count, values


def chain(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


FOUND: dict[str, tuple[str, Any, list[Any]]] = {
    "a member": ("$.a", {"a": 1}, [1]),
    "a body that is a text": ("$", "text", []),
    "what lies anywhere": ("$..b", {"a": [{"b": 1}, {"b": [2]}]}, [1, [2]]),
    "what a filter selects": ("$[?@.a > 1]", [{"a": 1}, {"a": 2}], [{"a": 2}]),
    "what matches as a whole": ("$[?match(@, 'PO-[0-9]+')]", ["PO-1", "XPO-1", 7], ["PO-1"]),
    "what matches in a part": ("$[?search(@, 'O-[0-9]')]", ["PO-1", "P"], ["PO-1"]),
    "nothing by a pattern that is none": ("$[?match(@, '(')]", ["("], []),
    "nothing by a pattern that is a number": ("$[?match(@.a, @.b)]", [{"a": "1", "b": 1}], []),
    "half a surrogate pair": ("$[?match(@, 'a.')]", ["a\ud800"], ["a\ud800"]),
    "a slice": ("$[1:]", [1, 2, 3], [2, 3]),
    "an equal list": ("$[?@ == $[0]]", [[1], [2], [1]], [[1], [1]]),
}


@pytest.mark.parametrize(("path", "body", "found"), FOUND.values(), ids=FOUND)
def test_a_path_finds(path: str, body: Any, found: list[Any]) -> None:
    assert find_json_path(path, body) == found


COSTLY: dict[str, tuple[str, Any]] = {
    "the descendants of descendants": ("$..*..*..*..*..*", chain(90)),
    "everything of a large body": ("$[*]", [0] * 200_000),
    "everything, for each of all": ("$[?count($..*) > 1]", [[0]] * 50_000),
    "everything, compared with each": ("$[?@ == $[0]]", [[0] * 500] * 500),
    "an object, compared with each": ("$[?@ == $[0]]", [{str(name): 0 for name in range(500)}] * 500),
    "slices of slices": ("$[?@[::1]]", [[0] * 500] * 500),
    "a long text, searched for each": ("$[?search(@, 'x')]", ["a" * 900_000] * 500),
    "a body of very many levels": ("$..a", chain(900)),
}


@pytest.mark.parametrize(("path", "body"), COSTLY.values(), ids=COSTLY)
def test_a_path_that_visits_too_many_values_is_rejected(path: str, body: Any) -> None:
    with pytest.raises(PathTooExpensive):
        find_json_path(path, body)


def test_a_rule_whose_path_is_too_expensive_does_not_match_and_says_why() -> None:
    rule = RequestPattern(json_path={"$..*..*..*..*..*": 1})
    asked = ReceivedRequest(operation="importDossier", method="POST", path="/", body=chain(90))

    sentences = [str(difference) for difference in request_differences(rule, asked)]

    assert sentences == [
        "body $..*..*..*..*..*: expected 1, found 'more than the 100000 values that a JSONPath may visit'"
    ]


WRONG = {
    "no path": "a.b",
    "a path that is long": "$" + ".a" * 600,
    "brackets within brackets": "$" + "[?" * 400,
    "not upon not": "$[?" + "!" * 900 + "@.a]",
    "a number beyond all": "$[99999999999999999999]",
    "an operator of no RFC": "$[?@.a =~ /(a*)*b/]",
    "a union of no RFC": "$.a | $.b",
    "half a surrogate pair": "$['\\ud800']",
    "a function that is none": "$[?system(@)]",
    "nothing": "",
}


@pytest.mark.parametrize("path", WRONG.values(), ids=WRONG)
def test_an_invalid_path_is_rejected_with_a_sentence(path: str) -> None:
    with pytest.raises(ValueError, match="JSONPath"):
        compile_json_path(path)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a*)*b", "a" * 500_000),
        ("(a|a)*b", "a" * 500_000),
        ("(a|aa)+$", "a" * 500_000 + "b"),
        ("(.*)*x", "y" * 500_000),
        ("([a-zA-Z]+)*[0-9]", "a" * 500_000),
        ("(x+x+)+y", "x" * 500_000),
        ("a{0,500}a{0,500}" * 2 + "b", "a" * 2_000),
    ],
)
def test_a_pattern_that_is_slow_in_python_is_matched_at_once(pattern: str, text: str) -> None:
    assert not matches_pattern(pattern, text)


STEPS = [
    *(
        "$",
        ".a",
        "..a",
        "[*]",
        "..*",
        "[0]",
        "[-1]",
        "[::2]",
        "[?",
        "@",
        "]",
        "&&",
        "||",
        "!",
        "(",
        ")",
        "==",
    ),
    *("<", "'a'", '"', ",", "match(", "search(@,'(a*)*b')", "length(@)", "count(@..*)", "value("),
]


@example_count(100)
@given(steps=st.lists(st.sampled_from(STEPS) | st.text(max_size=3), max_size=12), body=values)
def test_any_path_is_rejected_or_finds_a_list_in_any_body(steps: list[str], body: Any) -> None:
    try:
        found = find_json_path("$" + "".join(steps), body)
    except (ValueError, PathTooExpensive):
        return

    assert isinstance(found, list)


@example_count(100)
@given(pattern=st.text(alphabet="ab.*+?()[]{}|\\^$19,-dwPx:i!é", max_size=20), text=st.text(max_size=50))
def test_any_pattern_is_rejected_or_matched(pattern: str, text: str) -> None:
    try:
        found = matches_pattern(pattern, text)
    except ValueError:
        return

    assert found in {True, False}
