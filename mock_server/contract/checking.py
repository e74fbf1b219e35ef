"""Validation of request bodies and answers by the schemas; each schema is compiled once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from mock_server.contract.answers import PROTOCOL, AnswerBody, answers
from mock_server.contract.quick_check import compile_schema
from mock_server.contract.requests import BODIES
from mock_server.contract.schemas import COMPONENTS, Json, Schema, components, ref
from mock_server.domain.names import cut
from mock_server.domain.operations import DIALECTS

if TYPE_CHECKING:
    from jsonschema import FormatChecker, ValidationError
    from jsonschema.protocols import Validator

_CHECKED_FORMATS = ("date", "uuid")
"""The formats of JSON Schema that are checked; the others are for the reader."""

_JSON_TYPES = {
    "string": "a string",
    "array": "an array",
    "object": "an object",
    "null": "null",
}
"""The JSON types of request bodies, in a sentence."""

_MAX_MESSAGE = 200
"""Characters of a message of jsonschema, which can contain the whole value."""

MAX_LIST = 1000
"""Members of a list in a request body; no limit is documented (behaviour.md C68, inferred)."""


def body_error(operation: str, body: Json) -> str | None:
    """Return where the JSON types of a request body differ from the contract, or None.

    Only types are checked, and each member may be null: the domain checks values, codes and states. A list
    that is too long is rejected first: to read its members would take seconds.

    behaviour.md 3.0 (inferred).
    """
    list_error = _list_error(body)
    if list_error is not None:
        return list_error
    types = _types_of_body(operation)
    if types.fits(body):
        return None
    from jsonschema.exceptions import best_match

    error = best_match(islice(types.validator.iter_errors(body), 1))  # or the error in an alternative
    return None if error is None else _describe_type(error)


def _list_error(body: Json) -> str | None:
    places = {f"$.{name}": value for name, value in body.items()} if isinstance(body, dict) else {"$": body}
    for place, value in places.items():
        if isinstance(value, list) and len(value) > MAX_LIST:
            return f"{place}: a list has at most {MAX_LIST} members, this one {len(value)}: send fewer"
    return None


def unquoted_texts(operation: str, body: Json) -> list[tuple[str, Json]]:
    """Return the numbers and booleans of a request body where the contract has texts.

    Each has its place in the body, such as `.companyIdValue` or `.requiredDocuments[0]`.
    """
    if operation not in BODIES or _types_of_body(operation).fits(body):
        return []
    return [
        (error.json_path.removeprefix("$"), error.instance)
        for error in _leaves(_types_of_body(operation).validator.iter_errors(body))
        if error.validator == "type"
        and "string" in str(error.validator_value)
        and isinstance(error.instance, int | float)
    ]


def _leaves(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """Yield the errors; for an error about alternatives, those of each alternative instead."""
    for error in errors:
        yield from _leaves(error.context) if error.context else [error]


def answer_error(
    dialect: str, operation: str | None, status: int, content_type: str, body: bytes
) -> str | None:
    """Return where an answer differs from the contract, or None.

    `operation` is None for an unmapped path or another method.
    """
    bodies = answers(operation, dialect).get(status) if operation else _OUTSIDE
    if bodies is None:
        return f"{operation} answers no {status}"
    types = list(dict.fromkeys(body.media_type for body in bodies))
    if content_type not in types:
        return f"{operation} {status} is typed {' or '.join(types)}, not {content_type or 'nothing'}"
    if not bodies[0].schema:
        return None
    return _find_error(_compiled(dialect, bodies, status), f"{operation or 'no operation'} {status}", body)


_OUTSIDE = (AnswerBody(schema=PROTOCOL, description="No operation has this path and method."),)


def alternatives(bodies: tuple[AnswerBody, ...], status: int) -> Schema:
    """Return the schema that accepts any of these bodies in an answer of this status."""
    schemas = [body.narrowed_schema(status) for body in bodies if body.schema]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


class _Compiled:
    """A compiled schema: `fits` is a quick check of a value, `validator` finds the errors in it."""

    def __init__(self, schemas: dict[str, Schema], schema: Schema) -> None:
        self.fits = compile_schema(
            schema, schemas, lambda value, name: _format_checker().conforms(value, name)
        )
        self._document = {"components": {"schemas": schemas}, **schema}

    @cached_property
    def validator(self) -> Validator:
        from jsonschema import Draft202012Validator

        return Draft202012Validator(self._document, format_checker=_format_checker())


@cache
def _format_checker() -> FormatChecker:
    # The import takes a tenth of a second: it is done when it is needed, not at the start.
    from jsonschema import FormatChecker

    return FormatChecker(_CHECKED_FORMATS)


def _find_error(schema: _Compiled, name: str, body: bytes) -> str | None:
    try:
        value = json.loads(body)
    except ValueError:
        return f"{name} is not JSON"
    if schema.fits(value):
        return None
    from jsonschema.exceptions import best_match

    error = best_match(schema.validator.iter_errors(value))
    return None if error is None else f"{name}: {_describe(error)}"


def _describe_type(error: ValidationError) -> str:
    """Return a sentence about a wrong JSON type: the place, the value, and the types that are allowed."""
    allowed_types: Any = error.validator_value  # of `type`: a name or several; of `oneOf`: schemas
    parts = [allowed_types] if isinstance(allowed_types, str) else allowed_types
    names = [part if isinstance(part, str) else part["type"] for part in parts]
    allowed = " or ".join(_JSON_TYPES[name] for name in names)
    value = error.instance
    if isinstance(value, list | dict):
        value = _JSON_TYPES["array" if isinstance(value, list) else "object"]
    else:
        value = cut(json.dumps(value))
    return f"{error.json_path}: {value} is not {allowed}"


def _describe(error: ValidationError) -> str:
    return f"{error.json_path}: {error.message[:_MAX_MESSAGE]}"


@cache
def _compiled(dialect: str, bodies: tuple[AnswerBody, ...], status: int) -> _Compiled:
    return _Compiled(components(dialect), alternatives(bodies, status))


@cache
def _types_of_body(operation: str) -> _Compiled:
    return _Compiled({}, _types_only(ref(BODIES[operation].schema)))


def _types_only(schema: Schema) -> Schema:
    """Return the schema with only the JSON types of its values; each member may be null."""
    if "$ref" in schema:
        return _types_only(components(DIALECTS[0])[schema["$ref"].removeprefix(COMPONENTS)])
    reduced = {"type": schema["type"]} if "type" in schema else {}
    if "items" in schema:
        reduced["items"] = _types_only(schema["items"])
    if "properties" in schema:
        reduced["properties"] = {
            name: _nullable(_types_only(part)) for name, part in schema["properties"].items()
        }
    if "oneOf" in schema:
        reduced["oneOf"] = [_types_only(part) for part in schema["oneOf"]]
    return reduced


def _nullable(schema: Schema) -> Schema:
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return {**schema, "type": list(dict.fromkeys([*types, "null"]))}
