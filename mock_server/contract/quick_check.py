"""A fast yes or no: does a JSON value fit a schema?

A schema is compiled to functions, once. They are more than ten times as fast as jsonschema, which is used
only to describe what does not fit. An unknown keyword is an error, so that none is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal

from mock_server.contract.schemas import COMPONENTS, Json, Schema

Check = Callable[[Json], bool]
FormatCheck = Callable[[Json, str], bool]
"""Returns whether a value conforms to the format of this name; true if the format is not checked."""

_TYPES: dict[str, Check] = {
    "array": lambda value: type(value) is list,
    "boolean": lambda value: type(value) is bool,
    "integer": lambda value: type(value) is int or (type(value) is float and value.is_integer()),
    "null": lambda value: value is None,
    "number": lambda value: type(value) is int or type(value) is float,
    "object": lambda value: type(value) is dict,
    "string": lambda value: type(value) is str,
}
_OBJECT_KEYWORDS = ("properties", "required", "additionalProperties")
_IGNORED_KEYWORDS = {"title", "description", "examples", "components", "$schema", "$id", "then", "else"}


def compile_schema(schema: Schema, components: dict[str, Schema], conforms: FormatCheck) -> Check:
    """Return the check of a schema that may refer to these components.

    Raises:
        ValueError: the schema has a keyword that no function here checks.
    """
    return _Compiler(components, conforms).compile(schema)


class _Compiler:
    def __init__(self, components: dict[str, Schema], conforms: FormatCheck) -> None:
        self.components = components
        self.conforms = conforms
        self.compiled: dict[str, Check] = {}

    def compile(self, schema: Schema | Literal[True, False]) -> Check:
        if schema is True or schema is False:
            return lambda _: bool(schema)
        return _all(list(self._checks(schema)))

    def _checks(self, schema: Schema) -> Iterator[Check]:
        if any(keyword in schema for keyword in _OBJECT_KEYWORDS):
            yield self._object(schema)
        for keyword, operand in schema.items():
            if keyword in _IGNORED_KEYWORDS or keyword in _OBJECT_KEYWORDS or keyword.startswith("x-"):
                continue
            if keyword == "if":
                yield self._condition(schema)
            elif keyword in _VALUE_CHECKS:
                yield _VALUE_CHECKS[keyword](operand)
            else:
                yield self._schema_check(keyword, operand)

    def _schema_check(self, keyword: str, operand: Json) -> Check:
        match keyword:
            case "$ref":
                return self._reference(operand.removeprefix(COMPONENTS))
            case "items":
                return _items(self.compile(operand))
            case "not":
                rejected = self.compile(operand)
                return lambda value: not rejected(value)
            case "format":
                return lambda value: self.conforms(value, operand)
        parts = [self.compile(part) for part in operand] if keyword in _COMBINED_CHECKS else []
        if not parts:
            raise ValueError(f"no check of the keyword {keyword!r}")
        return _COMBINED_CHECKS[keyword](parts)

    def _reference(self, name: str) -> Check:
        if name not in self.compiled:

            def deferred(value: Json) -> bool:
                return self.compiled[name](value)

            self.compiled[name] = deferred  # for a schema that contains itself
            self.compiled[name] = self.compile(self.components[name])
        return self.compiled[name]

    def _condition(self, schema: Schema) -> Check:
        condition = self.compile(schema["if"])
        fits, other = self.compile(schema.get("then", True)), self.compile(schema.get("else", True))
        return lambda value: fits(value) if condition(value) else other(value)

    def _object(self, schema: Schema) -> Check:
        members = {name: self.compile(part) for name, part in schema.get("properties", {}).items()}
        required = frozenset(schema.get("required", ()))
        check_other = self.compile(schema.get("additionalProperties", True))

        def check(value: Json) -> bool:
            if type(value) is not dict:
                return True
            if not required <= value.keys():
                return False
            for name, part in value.items():  # noqa: SIM110  # a loop is twice as fast as `all`
                if not members.get(name, check_other)(part):
                    return False
            return True

        return check


def _all(checks: list[Check]) -> Check:
    if len(checks) == 1:
        return checks[0]

    def check(value: Json) -> bool:
        for part in checks:  # noqa: SIM110  # as above
            if not part(value):
                return False
        return True

    return check


def _items(item: Check) -> Check:
    def check(value: Json) -> bool:
        if type(value) is list:
            for part in value:
                if not item(part):
                    return False
        return True

    return check


def _type(names: str | list[str]) -> Check:
    if isinstance(names, str):
        return _TYPES[names]
    checks = [_TYPES[name] for name in names]
    return lambda value: any(check(value) for check in checks)


def _enum(values: list[Json]) -> Check:
    """Return the check that a value is one of these scalars. In JSON, 1 equals 1.0 but not true."""
    allowed = {_scalar(value) for value in values}
    return lambda value: type(value) not in {list, dict} and _scalar(value) in allowed


def _scalar(value: Json) -> tuple[type, Json]:
    return (float if type(value) is int else type(value)), value


def _pattern(pattern: str) -> Check:
    search = re.compile(pattern).search
    return lambda value: type(value) is not str or search(value) is not None


_VALUE_CHECKS: dict[str, Callable[[Json], Check]] = {
    "type": _type,
    "enum": _enum,
    "const": lambda value: _enum([value]),
    "pattern": _pattern,
    "minLength": lambda least: lambda value: type(value) is not str or len(value) >= least,
    "maxLength": lambda most: lambda value: type(value) is not str or len(value) <= most,
    "minItems": lambda least: lambda value: type(value) is not list or len(value) >= least,
    "maxItems": lambda most: lambda value: type(value) is not list or len(value) <= most,
    "minimum": lambda least: lambda value: type(value) not in {int, float} or value >= least,
    "maximum": lambda most: lambda value: type(value) not in {int, float} or value <= most,
}
_COMBINED_CHECKS: dict[str, Callable[[list[Check]], Check]] = {
    "allOf": _all,
    "anyOf": lambda parts: lambda value: any(part(value) for part in parts),
    "oneOf": lambda parts: lambda value: sum(part(value) for part in parts) == 1,
}
