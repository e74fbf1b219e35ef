"""The OpenAPI 3.1 document of a dialect: its schemas, the tables of requests and answers, and examples.

`x-behaviour` is a section of docs/behaviour.md, `x-provenance` how sure it is, `x-error-codes` the codes that
an answer may hold. Nothing is said here that another table says already.
"""

from __future__ import annotations

import re
from functools import cache
from http import HTTPStatus
from typing import Any

from mock_server import __version__
from mock_server.contract import described
from mock_server.contract.answers import ABOUT, PROTOCOL, Shape, answers
from mock_server.contract.checking import alternatives
from mock_server.contract.examples import answer_examples, body_examples
from mock_server.contract.links import links_of
from mock_server.contract.requests import BODIES, PATH, Parameter, query_parameters
from mock_server.contract.schemas import Schema, components
from mock_server.domain.errors import ERRORS
from mock_server.domain.operations import OPERATIONS, TOKEN_PATH, Kind, Operation

Object = dict[str, Any]

_COUNTED = {400, 413, 415, 429}
"""The statuses in protocol format that a request may have which was counted against the rate limit."""


@cache
def document(dialect: str) -> Object:
    """The document of a dialect: `rest` or `edge`."""
    return {
        "openapi": "3.1.0",
        "info": described.info(dialect, __version__),
        "servers": described.servers(dialect),
        "security": [{"realm": []}, {"bearer": []}],
        "tags": [{"name": name, "description": about} for name, about in described.TAGS.items()],
        "paths": _paths(dialect),
        "components": {
            "schemas": components(dialect),
            "responses": _shared_responses(dialect),
            "headers": described.HEADERS,
            "securitySchemes": described.security_schemes(TOKEN_PATH),
        },
    }


def _paths(dialect: str) -> Object:
    paths: Object = {}
    for row in OPERATIONS.values():
        if dialect not in row.dialects:
            continue
        canonical, *others = row.paths
        _item(paths, row, canonical)[row.method.lower()] = _operation(row, dialect)
        for path in others:
            _item(paths, row, path)[row.method.lower()] = _alias(row, dialect)
    return paths


def _item(paths: Object, row: Operation, path: str) -> Object:
    """The path's entry, with the ids in it; the token endpoint is not below the prefix of the API."""
    ids = [_parameter(PATH[name], "path") for name in re.findall(r"\{(\w+)\}", path)]
    item: Object = {"parameters": ids} if ids else {}
    if row.kind is Kind.TOKEN:
        item["servers"] = [{"url": "/", "description": "The authorisation server is the same one."}]
    return paths.setdefault(path, item)  # type: ignore[no-any-return]


def _operation(row: Operation, dialect: str) -> Object:
    operation: Object = {
        "operationId": row.name,
        "tags": [described.tag(row)],
        "summary": row.summary,
        "x-behaviour": row.section,
        "x-provenance": row.provenance,
    }
    if row.kind is Kind.TOKEN:
        operation["security"] = []
    query = query_parameters(row.name, dialect)
    if query:
        operation["parameters"] = [_parameter(parameter, "query") for parameter in query]
    if row.name in BODIES:
        operation["requestBody"] = _request_body(row, dialect)
    operation["responses"] = _responses(row, dialect)
    return operation


def _alias(row: Operation, dialect: str) -> Object:
    """The same operation under another spelling of its path; an operationId there is only one."""
    operation = _operation(row, dialect)
    del operation["operationId"]
    summary = f"{row.summary}: another spelling of {row.paths[0]}"
    return {**operation, "summary": summary, "deprecated": True, "x-alias-of": row.name}


def _parameter(parameter: Parameter, place: str) -> Object:
    return {
        "name": parameter.name,
        "in": place,
        "required": parameter.required,
        "description": parameter.about,
        "schema": parameter.schema,
        "x-provenance": parameter.provenance,
    }


def _request_body(row: Operation, dialect: str) -> Object:
    body = BODIES[row.name]
    content: Object = {"schema": {"$ref": f"#/components/schemas/{body.schema}"}}
    examples = body_examples(dialect, row.name)
    if examples:
        content["examples"] = examples
    return {"required": body.required, "content": {body.media_type: content}}


def _responses(row: Operation, dialect: str) -> Object:
    found: Object = {}
    for status, shapes in answers(row.name, dialect).items():
        shared = all(shape.schema == PROTOCOL for shape in shapes)
        if shared:
            found[str(status)] = {"$ref": f"#/components/responses/{_shared_name(status)}"}
        else:
            found[str(status)] = _response(row, dialect, status, shapes)
    return found


def _response(row: Operation, dialect: str, status: int, shapes: tuple[Shape, ...]) -> Object:
    response: Object = {
        "description": " ".join(_sentence(shape) for shape in shapes),
        "headers": described.headers(
            status,
            refuses=any(shape.codes for shape in shapes),
            limited="{accountId}" in row.paths[0],
        ),
        "content": {shapes[0].media_type.partition(";")[0]: _content(row, dialect, status, shapes)},
    }
    given = [ERRORS[code] for code in dict.fromkeys(code for shape in shapes for code in shape.codes)]
    if given:
        response["x-error-codes"] = [described.code(error, dialect) for error in given]
    if status == HTTPStatus.OK:
        response |= links_of(row.name, dialect)
    return response


def _content(row: Operation, dialect: str, status: int, shapes: tuple[Shape, ...]) -> Object:
    if not shapes[0].schema:
        return {"schema": {"type": "string", "format": "binary"}}
    content: Object = {"schema": alternatives(shapes, status)}
    examples = answer_examples(dialect, row.name, status)
    return {**content, "examples": examples} if examples else content


def _sentence(shape: Shape) -> str:
    return f"{shape.about[:-1]} (variant `{shape.variant}`)." if shape.variant else shape.about


def _shared_name(status: int) -> str:
    return described.phrase(status)


def _shared_responses(dialect: str) -> Object:
    """What many operations answer alike: protocol errors."""
    return {
        _shared_name(status): {
            "description": about,
            "headers": described.headers(status, refuses=False, limited=status in _COUNTED),
            "content": {
                "application/json": {
                    "schema": _protocol(status),
                    "examples": answer_examples(dialect, None, status),
                }
            },
        }
        for status, about in ABOUT.items()
        if status not in {200, 404}
    }


def _protocol(status: int) -> Schema:
    return alternatives((Shape(schema=PROTOCOL, about=ABOUT[status]),), status)
