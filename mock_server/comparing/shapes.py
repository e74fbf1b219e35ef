"""The shape of a JSON value: which types stand where, and what differs between two of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mock_server.scenarios.matching import ABSENT

_OPEN = {"formdata", "metadata", "params"}
"""Members whose own members are data."""


_TYPES: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    str: "string",
    int: "number",
    float: "number",
    list: "array",
    dict: "object",
    type(ABSENT): "nothing",
}
"""The types in JSON's words; nothing is a body that is not there."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """One thing that differs: of which kind, where, and what each side has."""

    kind: str
    at: str
    theirs: str
    ours: str

    def __str__(self) -> str:
        return f"{self.at} is {self.theirs} there, {self.ours} here"


@dataclass(slots=True)
class Node:
    """What stands at a place, all elements of a list taken together: so many values, so many objects."""

    types: set[str] = field(default_factory=set)
    members: dict[str, Node] = field(default_factory=dict)
    items: Node | None = None
    times: int = 0
    objects: int = 0

    @property
    def words(self) -> str:
        """Its types, null left out where there are others."""
        return " or ".join(sorted(self.types - {"null"} or self.types))

    def presence(self, name: str) -> str:
        """How the member stands in these objects."""
        member = self.members.get(name)
        if member is None:
            return "missing"
        return member.words if member.times == self.objects else f"{member.words}, or missing"


def shape(value: Any) -> Node:
    """The shape of a value as JSON knows it."""
    node = Node()
    _add(node, value, "")
    return node


def divergences(
    theirs: Node, ours: Node, nullable: Callable[[str], bool], at: str = "$"
) -> Iterator[Divergence]:
    """What differs; below a place that is empty or null on one side, nothing can be told.

    `nullable` says where this side may have null, whether it has one now or not.
    """
    there, here = theirs.types - {"null"}, ours.types - {"null"}
    if "null" in theirs.types - ours.types and not nullable(at):
        yield Divergence("nullability", at, "null", f"{ours.words}, never null")
    if there and here and there != here:
        yield Divergence("type", at, theirs.words, ours.words)
        return
    if theirs.objects and ours.objects:
        yield from _members(theirs, ours, nullable, at)
    if theirs.items is not None and ours.items is not None:
        yield from divergences(theirs.items, ours.items, nullable, f"{at}[]")


def _members(theirs: Node, ours: Node, nullable: Callable[[str], bool], at: str) -> Iterator[Divergence]:
    for name in sorted(theirs.members.keys() | ours.members.keys()):
        place, presence = f"{at}.{name}", (theirs.presence(name), ours.presence(name))
        missing = [words.endswith("missing") for words in presence]
        if missing[0] != missing[1]:
            yield Divergence("missing" if missing[0] else "extra", place, *presence)
        if name in theirs.members and name in ours.members:
            yield from divergences(theirs.members[name], ours.members[name], nullable, place)


def _add(node: Node, value: Any, name: str) -> None:
    node.types.add(_TYPES[type(value)])
    node.times += 1
    if isinstance(value, dict) and name not in _OPEN:
        node.objects += 1
        for member, inner in value.items():
            _add(node.members.setdefault(member, Node()), inner, member)
    if isinstance(value, list):
        for element in value:
            node.items = node.items or Node()
            _add(node.items, element, name)
