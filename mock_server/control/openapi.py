"""The OpenAPI document of the control API, generated from the table of its calls."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import msgspec
import orjson
from flask import Response

from mock_server import __version__
from mock_server.auth.access import PROBLEM_HEADER, PROBLEM_JSON
from mock_server.control.bodies import YAML_TYPES
from mock_server.control.calls import CALLS, ControlCall, route
from mock_server.domain.names import camel
from mock_server.settings import CONTROL_PREFIX, HEALTH_PATH, SANDBOX_HEADER
from mock_server.web.services import base_path

_SANDBOX = {"type": "string", "pattern": r"^[A-Za-z0-9._-]{1,64}$", "default": "default"}
_PARAMETERS: dict[str, dict[str, Any]] = {
    "sandboxHeader": {
        "name": SANDBOX_HEADER,
        "in": "header",
        "description": "The sandbox of the call; it is created if there is none of that name.",
        "schema": _SANDBOX,
    },
    "sandboxQuery": {
        "name": "sandbox",
        "in": "query",
        "description": f"The same, where no header can be sent; {SANDBOX_HEADER} wins.",
        "schema": _SANDBOX,
    },
}
_PROBLEM = {
    "type": "object",
    "description": "What is wrong, and what is allowed (RFC 9457).",
    "required": ["type", "title", "status", "detail", "docs"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "docs": {"type": "string", "description": "The page of the documentation about it."},
    },
}
_SECURITY = {
    "controlToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "The server's --control-token. A server without one needs no token, and accepts calls"
        " from the same machine only, unless it was started with --control-open.",
    }
}
_INFO = {
    "title": "Control API",
    "version": __version__,
    "description": "Calls with which a test controls and inspects its sandbox, apart from the emulated API.",
}


@route("GET /openapi.json", sandboxed=False)
def get_openapi() -> Response:
    """Return the OpenAPI 3.1 document of the control API."""
    return Response(_encode_document(base_path()), content_type="application/json")


@lru_cache(8)
def _encode_document(base: str) -> bytes:
    return orjson.dumps(document(CALLS, base))


def document(calls: Sequence[ControlCall], base: str = "") -> dict[str, Any]:
    """Return the OpenAPI document of these calls, served at `base`.

    Its components are the JSON Schemas of their bodies.
    """
    kinds = list(dict.fromkeys(kind for call in calls for kind in (call.body, call.yaml) if kind is not None))
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    by_kind = dict(zip(kinds, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for call in sorted(calls, key=lambda call: call.path):
        paths.setdefault(f"{CONTROL_PREFIX}{call.path}", {})[call.method.lower()] = _operation(call, by_kind)
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "servers": [{"url": base or "/"}],
        "security": [{"controlToken": []}, {}],
        "paths": paths,
        "components": {
            "schemas": {"Problem": _PROBLEM} | {name: _dedent(each) for name, each in components.items()},
            "parameters": _PARAMETERS,
            "responses": {"Problem": _problem_response()},
            "securitySchemes": _SECURITY,
        },
    }


def _operation(call: ControlCall, by_kind: dict[Any, Any]) -> dict[str, Any]:
    path_parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer" if kind is int else "string"},
        }
        for name, kind in call.ids.items()
    ]
    query_parameters = [
        {"name": name, "in": "query", "schema": schema} for name, schema in call.query.items()
    ]
    shared = [{"$ref": f"#/components/parameters/{name}"} for name in _PARAMETERS] if call.sandboxed else []
    answer: dict[str, Any] = {"description": call.summary}
    if call.status != HTTPStatus.NO_CONTENT:
        answer["content"] = {call.media_type: {}}
    operation: dict[str, Any] = {"operationId": camel(call.name), "summary": call.summary}
    if call.description:
        operation["description"] = call.description
    if f"{CONTROL_PREFIX}{call.path}" == HEALTH_PATH:
        operation["security"] = []
    if path_parameters or query_parameters or shared:
        operation["parameters"] = [*path_parameters, *query_parameters, *shared]
    if call.body is not None:
        operation["requestBody"] = _request_body(call, by_kind)
    operation["responses"] = {
        str(call.status): answer,
        "default": {"$ref": "#/components/responses/Problem"},
    }
    return operation


def _request_body(call: ControlCall, by_kind: dict[Any, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": by_kind[call.body]}}
    if call.yaml is not None:
        content[YAML_TYPES[0]] = {"schema": by_kind[call.yaml]}
    return {"required": not _may_be_empty(call.body), "content": content}


def _may_be_empty(kind: Any) -> bool:
    """Whether the body may be empty, which is read as an empty object."""
    try:
        msgspec.convert({}, kind)
    except msgspec.ValidationError:
        return False
    return True


def _problem_response() -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    header = {"description": "The same as `detail`.", "schema": {"type": "string"}}
    return {
        "description": _PROBLEM["description"],
        "headers": {PROBLEM_HEADER: header},
        "content": {PROBLEM_JSON: {"schema": schema}},
    }


def _dedent(schema: dict[str, Any]) -> dict[str, Any]:
    """Remove the indent of the docstring in a schema, as Python 3.13 does and older ones do not."""
    return {name: inspect.cleandoc(each) if name == "description" else each for name, each in schema.items()}
