"""The shape of a JSON value: the types at each place, and how two shapes diverge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mock_server.contract.answers import answers
from mock_server.contract.schemas import COMPONENTS, components, ref
from mock_server.scenarios.matching import ABSENT

_OPEN = {"formdata", "metadata", "params"}
"""Members whose own members are data: they may differ."""

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
"""The names of the types in JSON; nothing is an empty body."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """One thing that differs: its kind, its place, and what each side has."""

    kind: str
    at: str
    theirs: str
    ours: str

    def __str__(self) -> str:
        return f"{self.at} is {self.theirs} there, {self.ours} here"


@dataclass(slots=True)
class Shape:
    """The types of the values at one place, in all elements of a list; the numbers of values and objects."""

    types: set[str] = field(default_factory=set)
    members: dict[str, Shape] = field(default_factory=dict)
    items: Shape | None = None
    values: int = 0
    objects: int = 0

    @property
    def type_names(self) -> str:
        """The types, without null if there are others."""
        return " or ".join(sorted(self.types - {"null"} or self.types))

    def presence(self, name: str) -> str:
        """The types of a member, and whether it is missing in some or all objects."""
        member = self.members.get(name)
        if member is None:
            return "missing"
        is_everywhere = member.values == self.objects
        return member.type_names if is_everywhere else f"{member.type_names}, or missing"


def shape(value: Any) -> Shape:
    """Return the shape of a JSON value."""
    result = Shape()
    _add_value(result, value, "")
    return result


def _add_value(shape: Shape, value: Any, name: str) -> None:
    shape.types.add(_TYPES[type(value)])
    shape.values += 1
    if isinstance(value, dict) and name not in _OPEN:
        shape.objects += 1
        for member, part in value.items():
            _add_value(shape.members.setdefault(member, Shape()), part, member)
    if isinstance(value, list):
        for element in value:
            shape.items = shape.items or Shape()
            _add_value(shape.items, element, name)


def divergences(
    theirs: Shape, ours: Shape, nullable: Callable[[str], bool], at: str = "$"
) -> Iterator[Divergence]:
    """Yield the divergences; if a side is empty or null at a place, its members there are not compared.

    `nullable` returns whether the sandbox may have null at a place, even if it has none now.
    """
    there, here = theirs.types - {"null"}, ours.types - {"null"}
    if "null" in theirs.types - ours.types and not nullable(at):
        yield Divergence("nullability", at, "null", f"{ours.type_names}, never null")
    if there and here and there != here:
        yield Divergence("type", at, theirs.type_names, ours.type_names)
        return
    if theirs.objects and ours.objects:
        yield from _member_divergences(theirs, ours, nullable, at)
    if theirs.items is not None and ours.items is not None:
        yield from divergences(theirs.items, ours.items, nullable, f"{at}[]")


def _member_divergences(
    theirs: Shape, ours: Shape, nullable: Callable[[str], bool], at: str
) -> Iterator[Divergence]:
    for name in sorted(theirs.members.keys() | ours.members.keys()):
        place, presence = f"{at}.{name}", (theirs.presence(name), ours.presence(name))
        missing = [words.endswith("missing") for words in presence]
        if missing[0] != missing[1]:
            yield Divergence("missing" if missing[0] else "extra", place, *presence)
        if name in theirs.members and name in ours.members:
            yield from divergences(theirs.members[name], ours.members[name], nullable, place)


def may_be_null(dialect: str, operation: str, status: int, at: str) -> bool:
    """Whether the contract allows null at a place such as `$.content[].name` of this answer."""
    variants = answers(operation, dialect).get(status, ())
    schemas = [part for variant in variants for part in _schemas_in(ref(variant.schema), dialect)]
    for step in at.replace("[]", ".[]").split(".")[1:]:
        schemas = [part for schema in schemas for part in _schemas_below(schema, step, dialect)]
    return any(_allows_null(schema) for schema in schemas)


def _schemas_below(schema: Any, step: str, dialect: str) -> Iterator[Any]:
    part = schema.get("items") if step == "[]" else schema.get("properties", {}).get(step)
    if part is not None:
        yield from _schemas_in(part, dialect)


def _schemas_in(schema: Any, dialect: str) -> Iterator[Any]:
    """Yield the schema, and all schemas for the same value that it combines or refers to."""
    yield schema
    if "$ref" in schema:
        yield from _schemas_in(components(dialect)[schema["$ref"].removeprefix(COMPONENTS)], dialect)
    for keyword in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(keyword, ()):
            yield from _schemas_in(part, dialect)


def _allows_null(schema: Any) -> bool:
    types = schema.get("type", ())
    return "null" in ([types] if isinstance(types, str) else types) or None in schema.get("enum", ())
