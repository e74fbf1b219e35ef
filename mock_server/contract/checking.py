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

_ASSERTED = ("date", "uuid")
"""The formats that are checked; the others only inform the reader."""

_JSON_TYPES = {
    "string": "a string",
    "array": "an array",
    "object": "an object",
    "null": "null",
}
"""The JSON types of request bodies, in a sentence."""

_LONGEST = 200

MAX_LIST = 1000
"""Members of a list in a request body; no limit is documented (behaviour.md C68, inferred)."""


def body_error(operation: str, body: Json) -> str | None:
    """Return where the JSON types of a request body differ from the contract, or None.

    The domain checks values, codes and states. Here only types count, and each member may be null. A list
    that is too long is an error before its members are read: an answer about each would take seconds.

    behaviour.md 3.0 (inferred).
    """
    too_long = _long_list(body)
    if too_long is not None:
        return too_long
    types = _types_of_body(operation)
    if types.fits(body):
        return None
    from jsonschema.exceptions import best_match

    error = best_match(islice(types.validator.iter_errors(body), 1))  # or what is wrong in an alternative
    return None if error is None else _describe_type(error)


def _long_list(body: Json) -> str | None:
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
    """Yield the errors, and of one about alternatives those of each alternative."""
    for error in errors:
        yield from _leaves(error.context) if error.context else [error]


def answer_error(
    dialect: str, operation: str | None, status: int, content_type: str, body: bytes
) -> str | None:
    """Return where an answer differs from the contract, or None.

    `operation` is None for an unmapped path or another method.
    """
    shapes = answers(operation, dialect).get(status) if operation else _OUTSIDE
    if shapes is None:
        return f"{operation} answers no {status}"
    types = list(dict.fromkeys(shape.media_type for shape in shapes))
    if content_type not in types:
        return f"{operation} {status} is typed {' or '.join(types)}, not {content_type or 'nothing'}"
    if not shapes[0].schema:
        return None
    return _find_error(_compiled(dialect, shapes, status), f"{operation or 'no operation'} {status}", body)


_OUTSIDE = (AnswerBody(schema=PROTOCOL, about="No operation has this path and method."),)


def alternatives(shapes: tuple[AnswerBody, ...], status: int) -> Schema:
    """Return the schema of a body that has one of these shapes."""
    several = [shape.narrowed(status) for shape in shapes if shape.schema]
    return several[0] if len(several) == 1 else {"anyOf": several}


class _Compiled:
    """A schema for both questions: whether a value fits, answered fast, and what does not fit."""

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

    return FormatChecker(_ASSERTED)


def _find_error(schema: _Compiled, what: str, body: bytes) -> str | None:
    try:
        parsed = json.loads(body)
    except ValueError:
        return f"{what} is not JSON"
    if schema.fits(parsed):
        return None
    from jsonschema.exceptions import best_match

    first = best_match(schema.validator.iter_errors(parsed))
    return None if first is None else f"{what}: {_describe(first)}"


def _describe_type(error: ValidationError) -> str:
    """Return the place of a wrong JSON type, with the types that are allowed there, and what was found."""
    given: Any = error.validator_value  # of `type`: a name or several; of `oneOf`: schemas
    parts = [given] if isinstance(given, str) else given
    names = [part if isinstance(part, str) else part["type"] for part in parts]
    allowed = " or ".join(_JSON_TYPES[name] for name in names)
    found = error.instance
    if isinstance(found, list | dict):
        found = _JSON_TYPES["array" if isinstance(found, list) else "object"]
    else:
        found = cut(json.dumps(found))
    return f"{error.json_path}: {found} is not {allowed}"


def _describe(error: ValidationError) -> str:
    return f"{error.json_path}: {error.message[:_LONGEST]}"


@cache
def _compiled(dialect: str, shapes: tuple[AnswerBody, ...], status: int) -> _Compiled:
    return _Compiled(components(dialect), alternatives(shapes, status))


@cache
def _types_of_body(operation: str) -> _Compiled:
    return _Compiled({}, _types_only(ref(BODIES[operation].schema)))


def _types_only(schema: Schema) -> Schema:
    """Return the schema reduced to its JSON types."""
    if "$ref" in schema:
        return _types_only(components(DIALECTS[0])[schema["$ref"].removeprefix(COMPONENTS)])
    kept = {"type": schema["type"]} if "type" in schema else {}
    if "items" in schema:
        kept["items"] = _types_only(schema["items"])
    if "properties" in schema:
        kept["properties"] = {
            name: _or_null(_types_only(part)) for name, part in schema["properties"].items()
        }
    if "oneOf" in schema:
        kept["oneOf"] = [_types_only(part) for part in schema["oneOf"]]
    return kept


def _or_null(schema: Schema) -> Schema:
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return {**schema, "type": list(dict.fromkeys([*types, "null"]))}
