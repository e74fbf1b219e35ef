"""Where the contract lets this side answer null."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mock_server.contract.answers import answers
from mock_server.contract.schemas import COMPONENTS, components, ref


def may_be_null(dialect: str, operation: str, status: int, at: str) -> bool:
    """Whether the contract has null at a place such as `$.content[].name` of this answer."""
    shapes = answers(operation, dialect).get(status, ())
    schemas = [part for shape in shapes for part in _parts(ref(shape.schema), dialect)]
    for step in at.replace("[]", ".[]").split(".")[1:]:
        schemas = [part for schema in schemas for part in _below(schema, step, dialect)]
    return any(_has_null(schema) for schema in schemas)


def _below(schema: Any, step: str, dialect: str) -> Iterator[Any]:
    inner = schema.get("items") if step == "[]" else schema.get("properties", {}).get(step)
    if inner is not None:
        yield from _parts(inner, dialect)


def _parts(schema: Any, dialect: str) -> Iterator[Any]:
    """The schema and all that it is made of at the same place."""
    yield schema
    if "$ref" in schema:
        yield from _parts(components(dialect)[schema["$ref"].removeprefix(COMPONENTS)], dialect)
    for word in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(word, ()):
            yield from _parts(part, dialect)


def _has_null(schema: Any) -> bool:
    types = schema.get("type", ())
    return "null" in ([types] if isinstance(types, str) else types) or None in schema.get("enum", ())
