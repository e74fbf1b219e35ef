"""The OpenAPI 3.1 document of a dialect: its schemas, the tables of requests and answers, and examples.

`x-behaviour` is a section of docs/behaviour.md, `x-provenance` how sure it is, `x-error-codes` the codes that
an answer may hold. Nothing is said here that another table says already.
"""

from __future__ import annotations

import re
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from mock_server import __version__
from mock_server.contract.answers import ABOUT, PROTOCOL, Shape, answers, links_of
from mock_server.contract.checking import alternatives
from mock_server.contract.examples import answer_examples, body_examples
from mock_server.contract.requests import BODIES, PATH, Parameter, query_parameters
from mock_server.contract.schemas import Schema, components
from mock_server.dialects import DIALECTS, wire
from mock_server.domain.errors import ERRORS, ErrorCode
from mock_server.domain.operations import OPERATIONS, TOKEN_PATH, Kind, Operation
from mock_server.sandbox.rate_limit import BURST_CAPACITY, REPLENISH_RATE

Object = dict[str, Any]

_ABOUT = """\
What this sandbox of the e-Attestations (Aprovall) dossiers API answers, in the dialect `{dialect}`.

Every answer of the sandbox has one of the shapes below; `mock-server serve --check-responses` sees to that.
Only a rule of a scenario answers otherwise, with the header `X-Mock-Rule`. Names of parameters that are
not listed are ignored. A path that is not listed is a 404, another method a 405, both in protocol format.

`x-provenance` says how sure a behaviour is (documented, example, carried-over, observed, inferred),
`x-behaviour` the section of docs/behaviour.md that has it, `x-error-codes` which codes an answer may hold.

Made by mock-server {version}.
"""

TAGS: dict[str, str] = {
    "Token": "Logging in.",
    "Accounts": "The account that asks for documents.",
    "Third parties": "The companies that are asked.",
    "Dossiers": "The monitoring of third parties.",
    "Documents": "What is asked in a dossier, and what was answered.",
    "Imports": "Dossiers being made.",
}
_TAGS_OF_PARTS = {
    "thirdparties": "Third parties",
    "documents": "Documents",
    "process": "Imports",
    "processes": "Imports",
    "dossiers": "Dossiers",
}

HEADERS: dict[str, Object] = {
    "X-Mock-Refusal": {
        "description": "The sandbox's word on a refusal: its codes, and the values concerned.",
        "schema": {"type": "string"},
    },
    "X-Mock-Rule": {
        "description": "The name of the scenario rule that changed this answer, if there is one.",
        "schema": {"type": "string"},
    },
    "X-Mock-Contract": {
        "description": "With --check-responses: where this answer is not what this document says.",
        "schema": {"type": "string"},
    },
    "WWW-Authenticate": {
        "description": "That a bearer token is needed, and what was wrong with the one given.",
        "schema": {"type": "string"},
    },
    "x-ratelimit-remaining": {
        "description": "Under the variant rateLimit: how many requests are left in the account's bucket.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "x-ratelimit-burst-capacity": {
        "description": "Under the variant rateLimit: how many requests the bucket holds.",
        "schema": {"type": "integer", "const": BURST_CAPACITY},
    },
    "x-ratelimit-replenish-rate": {
        "description": "Under the variant rateLimit: how many come back each second.",
        "schema": {"type": "integer", "const": REPLENISH_RATE},
    },
}
"""The headers that answers may have beside those of any HTTP answer."""

_REMEMBERED = 8
_COUNTED = {400, 413, 415, 429}
"""The statuses in protocol format that a request may have which was counted against the rate limit."""


@lru_cache(_REMEMBERED)
def document(dialect: str, base: str = "") -> Object:
    """The document of a dialect, `rest` or `edge`; `base` is put before the paths of its servers."""
    return {
        "openapi": "3.1.0",
        "info": _info(dialect, __version__),
        "servers": _servers(dialect, base),
        "security": [{"realm": []}, {"bearer": []}],
        "tags": [{"name": name, "description": about} for name, about in TAGS.items()],
        "paths": _paths(dialect, base),
        "components": {
            "schemas": components(dialect),
            "responses": _shared_responses(dialect),
            "headers": HEADERS,
            "securitySchemes": _security_schemes(base + TOKEN_PATH),
        },
    }


def _paths(dialect: str, base: str) -> Object:
    paths: Object = {}
    for row in OPERATIONS.values():
        if dialect not in row.dialects:
            continue
        canonical, *others = row.paths
        _item(paths, row, canonical, base)[row.method.lower()] = _operation(row, dialect)
        for path in others:
            _item(paths, row, path, base)[row.method.lower()] = _alias(row, dialect)
    return paths


def _item(paths: Object, row: Operation, path: str, base: str) -> Object:
    """The path's entry, with the ids in it; the token endpoint is not below the prefix of the API."""
    ids = [_parameter(PATH[name], "path") for name in re.findall(r"\{(\w+)\}", path)]
    item: Object = {"parameters": ids} if ids else {}
    if row.kind is Kind.TOKEN:
        item["servers"] = [{"url": base or "/", "description": "The authorisation server is the same one."}]
    return paths.setdefault(path, item)  # type: ignore[no-any-return]


def _operation(row: Operation, dialect: str) -> Object:
    operation: Object = {
        "operationId": row.name,
        "tags": [_tag(row)],
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
            found[str(status)] = {"$ref": f"#/components/responses/{_phrase(status)}"}
        else:
            found[str(status)] = _response(row, dialect, status, shapes)
    return found


def _response(row: Operation, dialect: str, status: int, shapes: tuple[Shape, ...]) -> Object:
    response: Object = {
        "description": " ".join(_sentence(shape) for shape in shapes),
        "headers": _headers(
            status,
            refuses=any(shape.codes for shape in shapes),
            limited="{accountId}" in row.paths[0],
        ),
        "content": {shapes[0].media_type.partition(";")[0]: _content(row, dialect, status, shapes)},
    }
    given = [ERRORS[code] for code in dict.fromkeys(code for shape in shapes for code in shape.codes)]
    if given:
        response["x-error-codes"] = [_code(error, dialect) for error in given]
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


def _shared_responses(dialect: str) -> Object:
    """What many operations answer alike: protocol errors."""
    return {
        _phrase(status): {
            "description": about,
            "headers": _headers(status, refuses=False, limited=status in _COUNTED),
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


def _info(dialect: str, version: str) -> Object:
    """What the document is about."""
    facts = DIALECTS[dialect]
    return {
        "title": facts.title,
        "version": facts.version,
        "summary": "A sandbox of the e-Attestations (Aprovall) dossiers API.",
        "description": _ABOUT.format(dialect=dialect, version=version),
        "license": {"name": "MIT", "identifier": "MIT"},
    }


def _servers(dialect: str, base: str) -> list[Object]:
    """Where the dialect is served; `base` is that of the server that gave the document."""
    return [
        {"url": f"{base}/{dialect}/api/v1", "description": "Always this dialect."},
        {
            "url": f"{base}/api/v1",
            "description": "This dialect where it is the server's own, or the host's name begins with"
            f" `{DIALECTS[dialect].host}`.",
        },
    ]


def _security_schemes(token_path: str) -> Object:
    """How a client logs in, and what it then brings."""
    flow = {"tokenUrl": token_path, "refreshUrl": token_path, "scopes": {}}
    return {
        "realm": {
            "type": "oauth2",
            "description": "The realm's password grant, with client_id `ea-api-edge` and without a secret.",
            "flows": {"password": flow},
        },
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An access token that the token endpoint gave.",
        },
    }


def _tag(row: Operation) -> str:
    """The group that an operation belongs to: that of the last part of its path that has one."""
    if row.kind is Kind.TOKEN:
        return "Token"
    parts = [_TAGS_OF_PARTS[part] for part in row.paths[0].split("/") if part in _TAGS_OF_PARTS]
    return parts[-1] if parts else "Accounts"


def _headers(status: int, *, refuses: bool, limited: bool) -> Object:
    """The headers that an answer with this status may have; `limited`: requests are counted before it."""
    names = ["X-Mock-Rule", "X-Mock-Contract"]
    if refuses:
        names.insert(0, "X-Mock-Refusal")
    if status == HTTPStatus.UNAUTHORIZED:
        names.append("WWW-Authenticate")
    if limited:
        names += [name for name in HEADERS if name.startswith("x-ratelimit-")]
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _code(error: ErrorCode, dialect: str) -> Schema:
    """A code as a row: its label in the dialect's language, and when it is given."""
    return {
        "code": error.code,
        "message": DIALECTS[dialect].label(error),
        "when": error.when,
        "x-provenance": error.provenance,
    }


def _phrase(status: int) -> str:
    """The status in words, as a name: `BadRequest`."""
    return "".join(part.capitalize() for part in wire.status_phrase(status).split())
