"""JSON Schemas as the OpenAPI documents have them: the same values, in a form that code generators read.

Generators stop, or generate code that does not compile, at members next to `$ref`, at unions with null or
with a list, and at conditions in `allOf`. Each function below replaces one of these with an equivalent.
"""

from __future__ import annotations

import inspect
import re

from mock_server.contract.schemas import COMPONENTS, Json, Schema
from mock_server.dialects import wire
from mock_server.domain.names import camel

_DATA_KEYWORDS = {"const", "default", "enum", "example", "examples"}
"""Keywords whose values are data, not schemas."""

_NULL: Schema = {"type": "null"}
_OBJECT_KEYWORDS = ("properties", "required", "additionalProperties")


def published(schema: Json, components: dict[str, Schema]) -> Json:
    """Return the schema, or all schemas in a JSON value, in the published form; it accepts the same values.

    `components` are the schemas to which its references lead.
    """
    if isinstance(schema, list):
        return [published(part, components) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: _published_part(name, part, components) for name, part in schema.items()}
    if isinstance(plain.get("default"), dict):
        del plain["default"]  # no generator reads an object as a default
    plain = _without_siblings(plain, components)
    plain = _with_null_in_type(_flat_union(plain), components)
    plain = _without_boolean_constant(_with_type(plain))
    return _with_direct_conditions(_with_list_as_condition(_with_one_item_schema(plain)))


def normalized_schemas(schemas: dict[str, Schema]) -> dict[str, Schema]:
    """Return the schemas of types as they are with every version of Python and msgspec.

    Their docstrings have no indent, and names as in JSON. Null is the last choice of a union.
    """
    return {name: _with_null_last(_with_published_text(schema)) for name, schema in schemas.items()}


def _with_published_text(schema: Schema) -> Schema:
    if "description" not in schema:
        return schema
    return schema | {"description": _published_text(schema["description"])}


def _with_null_last(schema: Json) -> Json:
    if isinstance(schema, list):
        return [_with_null_last(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: _with_null_last(part) for name, part in schema.items()}
    if "anyOf" in plain:
        plain["anyOf"] = sorted(plain["anyOf"], key=_NULL.__eq__)  # msgspec before 0.22 begins with it
    return plain


def _published_text(docstring: str) -> str:
    # Python removes the indent only since 3.13.
    return re.sub(r"`(\w+)`", lambda name: f"`{camel(name[1])}`", inspect.cleandoc(docstring))


def used_schemas(parts: Json, schemas: dict[str, Schema]) -> dict[str, Schema]:
    """Return the schemas to which the parts of a document refer, directly or through other schemas."""
    used: set[str] = set()
    waiting = [parts]
    while waiting:
        names = set(re.findall(rf"{COMPONENTS}(\w+)", str(waiting.pop()))) - used
        used |= names
        waiting += [schemas[name] for name in names]
    return {name: schema for name, schema in schemas.items() if name in used}


def response_name(status: int) -> str:
    """Return the name of a shared response, which is its status phrase: `BadRequest`."""
    return "".join(part.capitalize() for part in wire.status_phrase(status).split())


def _published_part(keyword: str, part: Json, components: dict[str, Schema]) -> Json:
    if keyword in _DATA_KEYWORDS:
        return part
    if keyword == "properties":
        return {name: published(member, components) for name, member in part.items()}
    return published(part, components)


def _without_siblings(schema: Schema, components: dict[str, Schema]) -> Schema:
    """Remove the members next to a reference.

    The schema of a plain value is copied, with these members; a reference to an object stays without them.
    """
    if "$ref" not in schema or len(schema) == 1:
        return schema
    target = _target(schema, components)
    return {"$ref": schema["$ref"]} if "properties" in target else {**target, **_without(schema, "$ref")}


def _flat_union(schema: Schema) -> Schema:
    """Replace a union of unions by one union of all their parts."""
    parts = schema.get("anyOf", [])
    if not any("anyOf" in part for part in parts):
        return schema
    flat = [inner for part in parts for inner in part.get("anyOf", [part])]
    return {**schema, "anyOf": flat}


def _with_null_in_type(schema: Schema, components: dict[str, Schema]) -> Schema:
    """Replace the union of a plain value and null by one schema with two types; that of an object stays."""
    parts = schema.get("anyOf", [])
    values = [part for part in parts if part != _NULL]
    if _NULL not in parts or len(values) != 1:
        return schema
    [value] = values
    target = _with_type(_target(value, components))
    if not isinstance(target.get("type"), str) or "properties" in target:
        return schema
    nullable = {"type": [target["type"], "null"]}
    if "enum" in target:
        nullable["enum"] = [*target["enum"], None]
    return {**target, **nullable, **_without(schema, "anyOf")}


def _with_type(schema: Schema) -> Schema:
    """Add the type to an enumeration of texts or of integers."""
    values = schema.get("enum")
    if "type" in schema or not isinstance(values, list):
        return schema
    kinds = {type(value) for value in values}
    names = [name for kind, name in ((str, "string"), (int, "integer")) if kinds == {kind}]
    return {"type": names[0], **schema} if names else schema


def _without_boolean_constant(schema: Schema) -> Schema:
    """Replace "is true" by "is not false": Python's generator reads a constant as a text."""
    value = schema.get("const")
    if schema.get("type") != "boolean" or not isinstance(value, bool):
        return schema
    return {**_without(schema, "const"), "not": {"const": not value}}


def _with_one_item_schema(schema: Schema) -> Schema:
    """Replace the schemas of a list's first items, if they are equal, by one schema for all items."""
    items = schema.get("prefixItems")
    if not items or any(item != items[0] for item in items):
        return schema
    return {**_without(schema, "prefixItems"), "items": items[0]}


def _with_list_as_condition(schema: Schema) -> Schema:
    """Replace the union of a list and something else by a condition: if it is a list, then ..., else ...

    Java has no class for such a union. The members of the other schema, if it is an object, stay visible.
    """
    name = next((name for name in ("oneOf", "anyOf") if isinstance(schema.get(name), list)), "")
    parts = schema.get(name, [])
    lists = [part for part in parts if part.get("type") == "array"]
    others = [part for part in parts if part.get("type") != "array"]
    if not lists or not others:
        return schema
    other = others[0] if len(others) == 1 else {name: others}
    visible = {key: other[key] for key in _OBJECT_KEYWORDS if key in other}
    rest = {key: value for key, value in other.items() if key not in _OBJECT_KEYWORDS}
    condition = {"if": {"type": "array", "items": {}}, "then": lists[0], "else": rest}
    return {**_without(schema, name), **visible, **condition}


def _with_direct_conditions(schema: Schema) -> Schema:
    """Move conditions out of an `allOf`, which generators read as inheritance."""
    conditions = schema.get("allOf", [])
    if not any("if" in part for part in conditions):
        return schema
    direct = conditions[0] if len(conditions) == 1 else {"if": {}, "then": {"allOf": conditions}}
    return {**_without(schema, "allOf"), **direct}


def _target(schema: Schema, components: dict[str, Schema]) -> Schema:
    """Return the schema, or the published form of the one to which it refers."""
    if "$ref" not in schema:
        return schema
    target: Schema = published(components[schema["$ref"].removeprefix(COMPONENTS)], components)
    return target


def _without(schema: Schema, name: str) -> Schema:
    return {other: part for other, part in schema.items() if other != name}
