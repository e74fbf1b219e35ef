"""A SortedSet is `sorted(set(...))` that never changes, after any additions and removals."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_server.domain import sortedset
from mock_server.domain.sortedset import EMPTY, SortedSet

VALUES = st.integers(min_value=0, max_value=60)
CHANGES = st.lists(st.tuples(st.sampled_from(["add", "discard"]), VALUES), max_size=80)


@pytest.fixture(autouse=True, scope="module")
def _small_chunks() -> Iterator[None]:
    """A handful of values is enough to fill, split and empty chunks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sortedset, "CHUNK", 3)
        yield


def changed(beginning: SortedSet[int], changes: Sequence[tuple[str, int]]) -> SortedSet[int]:
    for change, value in changes:
        beginning = getattr(beginning, change)(value)
    return beginning


def naively(beginning: Sequence[int], changes: Sequence[tuple[str, int]]) -> list[int]:
    values = set(beginning)
    for change, value in changes:
        getattr(values, change)(value)
    return sorted(values)


@given(beginning=st.lists(VALUES), changes=CHANGES)
def test_any_additions_and_removals_give_the_distinct_values_in_order(
    beginning: list[int], changes: list[tuple[str, int]]
) -> None:
    found = changed(SortedSet.of(beginning), changes)

    assert list(found) == naively(beginning, changes)


@given(changes=CHANGES)
def test_size_and_first_value_are_known_at_any_time(changes: list[tuple[str, int]]) -> None:
    expected = naively([], changes)

    found = changed(EMPTY, changes)

    assert (len(found), found.first) == (len(expected), expected[0] if expected else None)


@given(changes=CHANGES, start=st.integers(0, 70), count=st.integers(0, 70))
def test_a_slice_is_that_of_a_list(changes: list[tuple[str, int]], start: int, count: int) -> None:
    found = changed(EMPTY, changes)

    assert found.slice(start, count) == naively([], changes)[start : start + count]


@given(changes=CHANGES, value=st.integers(-1, 61))
def test_since_gives_the_values_that_are_not_below(changes: list[tuple[str, int]], value: int) -> None:
    expected = naively([], changes)

    found = changed(EMPTY, changes)

    assert list(found.since(value)) == expected[bisect_left(expected, value) :]


@given(changes=CHANGES)
def test_a_set_contains_the_values_that_were_added_and_no_others(changes: list[tuple[str, int]]) -> None:
    found = changed(EMPTY, changes)

    assert [value for value in range(-1, 62) if value in found] == naively([], changes)


@given(beginning=st.lists(VALUES, min_size=1), at=st.integers(0))
def test_adding_a_present_value_returns_the_same_object(beginning: list[int], at: int) -> None:
    values = SortedSet.of(beginning)

    assert values.add(beginning[at % len(beginning)]) is values


@given(changes=CHANGES, value=VALUES)
def test_discarding_a_missing_value_returns_the_same_object(
    changes: list[tuple[str, int]], value: int
) -> None:
    values = changed(EMPTY, changes).discard(value)

    assert values.discard(value) is values


@given(beginning=st.lists(VALUES), changes=CHANGES)
def test_a_set_is_not_changed_by_additions_and_removals(
    beginning: list[int], changes: list[tuple[str, int]]
) -> None:
    values = SortedSet.of(beginning)

    changed(values, changes)

    assert list(values) == sorted(set(beginning))


@given(changes=CHANGES)
def test_no_chunk_is_empty_or_larger_than_twice_its_size(changes: list[tuple[str, int]]) -> None:
    found = changed(EMPTY, changes)

    assert all(1 <= len(chunk) <= 2 * 3 for chunk in found.chunks)


def test_values_that_grow_by_the_end_stay_in_order() -> None:
    found = changed(EMPTY, [("add", value) for value in range(100)])

    assert list(found) == list(range(100))


def test_a_set_that_lost_all_its_values_equals_a_new_one() -> None:
    values = SortedSet.of(range(20))

    emptied = changed(values, [("discard", value) for value in range(20)])

    assert (list(emptied), len(emptied), emptied.first, emptied.slice(0, 5)) == ([], 0, None, [])
    assert list(emptied.add(7)) == [7]
