"""A persistent index: the ids that belong to a value, for some named fields."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from immutables import Map
from msgspec import Struct

from mock_server.domain.sortedset import EMPTY, SortedSet


class Index(Struct, frozen=True, eq=False):
    """Sets of ids by field and value; `add` and `remove` return another index, which shares what stays.

    `start` never changes: dicts, because a `Map` of a million texts takes five times as long to build. In it,
    a value of one id, as most are, has that id instead of a set. `changed` has the values that changed since.
    """

    start: Mapping[str, Mapping[str, int | SortedSet[int]]] = {}
    changed: Map[tuple[str, str], SortedSet[int]] = Map()

    @classmethod
    def of(cls, entries: Iterable[tuple[str, str, int]]) -> Index:
        """Return the index of distinct entries, each a field, a value and an id."""
        start: dict[str, dict[str, int | SortedSet[int]]] = defaultdict(dict)
        numbers_by_key: dict[tuple[str, str], list[int]] = {}
        for field, value, number in entries:
            first = start[field].setdefault(value, number)
            if first is not number:
                numbers_by_key.setdefault((field, value), [first]).append(number)  # type: ignore[list-item]
        for (field, value), numbers in numbers_by_key.items():
            start[field][value] = SortedSet.of(numbers)
        return cls(dict(start))

    def find(self, field: str, value: str) -> SortedSet[int]:
        """Return the ids of the value; empty if it has none."""
        changed = self.changed.get((field, value))
        if changed is not None:
            return changed
        ids = self.start.get(field, {}).get(value, EMPTY)
        return SortedSet(((ids,),), 1) if isinstance(ids, int) else ids

    def add(self, field: str, value: str, number: int) -> Index:
        """Return the index in which the value has this id as well."""
        numbers = self.find(field, value).add(number)
        return Index(self.start, self.changed.set((field, value), numbers))

    def remove(self, field: str, value: str, number: int) -> Index:
        """Return the index in which the value does not have this id."""
        numbers = self.find(field, value).discard(number)
        return Index(self.start, self.changed.set((field, value), numbers))
