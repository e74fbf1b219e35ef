"""The JSON Schemas in the JSON files of this package, as the components of one dialect.

A file refers to another by its name: `common.json#/$defs/Day`. Components refer to
`#/components/schemas/Day`, so the OpenAPI document and the validator use the same schemas.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from mock_server.domain.errors import ERRORS

Json = Any
Schema = dict[str, Json]

COMPONENTS = "#/components/schemas/"


@cache
def components(dialect: str) -> dict[str, Schema]:
    """Return every schema of the dialect by name; the schema `ErrorCode` has the codes of the domain."""
    schemas = {
        name: _pointing_to_components(schema)
        for file in ("bodies", "common", dialect)
        for name, schema in data(file)["$defs"].items()
    }
    schemas["ErrorCode"] |= {"enum": list(ERRORS)}
    return schemas


def ref(name: str) -> Schema:
    """Return a reference to a component."""
    return {"$ref": f"{COMPONENTS}{name}"}


def data(name: str) -> Json:
    """Return the content of a JSON file of this package."""
    return json.loads(files(__package__).joinpath(f"{name}.json").read_text(encoding="utf-8"))


def _pointing_to_components(schema: Json) -> Json:
    if isinstance(schema, list):
        return [_pointing_to_components(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: f"{COMPONENTS}{part.rpartition('/')[2]}" if key == "$ref" else _pointing_to_components(part)
        for key, part in schema.items()
    }
