"""What is expected against what was found: the same language in rules, steps and questions."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET

from mock_server.scenarios.matching import (
    ABSENT,
    OPERATORS,
    check_expectation,
    differences,
    matches,
    text_differences,
)

HOLDS: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "nothing expected": (UNSET, [1, None, ABSENT], []),
    "null": (None, [None], [0, "", False, ABSENT]),
    "a number": (1, [1, 1.0], ["1", True, 2]),
    "a boolean": (True, [True], [1, "true", False]),
    "a text": ("a", ["a"], ["A", "ab", ABSENT]),
    "some members": ({"a": 1}, [{"a": 1}, {"a": 1, "b": 2}], [{"a": 2}, {"b": 1}, [], None]),
    "no members": ({}, [{}, {"a": 1}], [[], None, "a"]),
    "every element": ([1, {"a": 1}], [[1, {"a": 1, "b": 2}]], [[1], [1, {"a": 1}, 2], [{"a": 1}, 1], "a"]),
    "$equals": ({"$equals": {"a": 1}}, [{"a": 1}], [{"a": 1, "b": 2}, {}]),
    "$not": ({"$not": "a"}, ["b", None, ABSENT], ["a"]),
    "$not an object": ({"$not": {"a": 1}}, [{"a": 2}], [{"a": 1, "b": 1}]),
    "$absent": ({"a": {"$absent": True}}, [{}, {"b": 1}], [{"a": None}, {"a": 1}]),
    "$absent false": ({"a": {"$absent": False}}, [{"a": None}, {"a": 1}], [{}]),
    "$any": ({"a": {"$any": True}}, [{"a": None}, {"a": 1}], [{}]),
    "$matches": ({"$matches": "[a-c]+"}, ["abc"], ["abcd", "", 1, None]),
    "$contains in a text": ({"$contains": "b"}, ["abc"], ["ac", None, 1]),
    "$contains in a list": ({"$contains": {"a": 1}}, [[{"a": 2}, {"a": 1, "b": 1}]], [[], {"a": 1}]),
    "$oneOf": ({"$oneOf": [1, "a", {"b": 1}]}, [1, "a", {"b": 1, "c": 1}], [2, "b", True]),
    "$length": ({"$length": 2}, ["ab", [1, 2], {"a": 1, "b": 2}], ["a", [], None, 2]),
    "$atLeast": ({"$atLeast": 2}, [2, 2.5], [1, "3", True, None]),
    "$atMost": ({"$atMost": "2026-02"}, ["2026-01", "2026-02"], ["2026-03", 1, None]),
    "several operators": ({"$atLeast": 1, "$atMost": 3}, [1, 3], [0, 4]),
    "operators beside members": ({"$length": 1, "a": 1}, [{"a": 1}], [{"a": 1, "b": 1}, {"b": 1}]),
}  # fmt: skip


@pytest.mark.parametrize(("expected", "fitting", "others"), HOLDS.values(), ids=list(HOLDS))
def test_what_is_expected_fits_these_and_no_others(
    expected: Any, fitting: list[Any], others: list[Any]
) -> None:
    assert [value for value in fitting if not matches(expected, value)] == []
    assert [value for value in others if matches(expected, value)] == []


def test_every_operator_is_in_the_table() -> None:
    assert {name.split(" ")[0] for name in HOLDS if name.startswith("$")} == set(OPERATORS)


def test_every_difference_is_told_with_its_place() -> None:
    expected = {"content": [{"code": "E202"}, {"values": {"$length": 2}}], "page": 0, "size": {"$any": True}}
    found = {"content": [{"code": "E201"}, {"values": []}], "page": "0"}

    assert [str(difference) for difference in differences(expected, found)] == [
        "$.content[0].code: expected 'E202', found 'E201'",
        "$.content[1].values: expected a length of 2, found []",
        "$.page: expected 0, found '0'",
        "$.size: expected anything, found nothing",
    ]


@pytest.mark.parametrize(
    ("expected", "found", "fits"),
    [
        (1, "1", True),
        (True, "true", True),
        ("a", "A", False),
        ({"$oneOf": [1, 2]}, "2", True),
        ({"$absent": True}, None, True),
        ({"$absent": True}, "a", False),
        ({"$length": 2}, "ab", True),
    ],
)
def test_a_text_is_compared_with_the_digits_of_a_number(
    expected: Any, found: str | None, *, fits: bool
) -> None:
    assert (list(text_differences(expected, found, "headers.x")) == []) is fits


@pytest.mark.parametrize(
    ("expected", "sentence"),
    [
        ({"$like": 1}, r"there is no operator '\$like'; there are \$equals, "),
        ({"a": [{"$absent": 1}]}, r"\$absent takes "),
        ({"$oneOf": "ab"}, r"\$oneOf takes a list, not 'ab'"),
        ({"$matches": "["}, r"'\[' is no regular expression: unterminated character set"),
    ],
)
def test_an_operator_that_is_none_or_wrongly_used_is_refused(expected: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        check_expectation(expected)


def test_a_long_value_is_cut_off_in_a_difference() -> None:
    [difference] = differences("a", "b" * 500)

    assert str(difference).endswith("bbb... (502 characters)")
