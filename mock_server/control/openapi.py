"""The control API's own OpenAPI document, made of the table of its calls."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec
import orjson
from flask import Blueprint, Response

from mock_server import __version__
from mock_server.auth.access import PROBLEM_HEADER
from mock_server.control.calls import CALLS, YAML_TYPES, ControlCall, serves
from mock_server.control.problems import PROBLEM_JSON
from mock_server.domain.spelling import camel
from mock_server.settings import CONTROL_PREFIX, HEALTH_PATH, SANDBOX_HEADER

openapi = Blueprint("openapi", __name__)

_SANDBOX = {"type": "string", "pattern": r"^[A-Za-z0-9._-]{1,64}$", "default": "default"}
_PARAMETERS: dict[str, dict[str, Any]] = {
    "sandboxHeader": {
        "name": SANDBOX_HEADER,
        "in": "header",
        "description": "The sandbox that the call is about; made if there is none of that name.",
        "schema": _SANDBOX,
    },
    "sandboxQuery": {
        "name": "sandbox",
        "in": "query",
        "description": f"The same, where a header is awkward; {SANDBOX_HEADER} goes before it.",
        "schema": _SANDBOX,
    },
}
_PROBLEM = {
    "type": "object",
    "description": "What was wrong, and what would be right (RFC 9457).",
    "required": ["type", "title", "status", "detail", "docs"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "docs": {"type": "string", "description": "The page of the documentation that tells more."},
    },
}
_SECURITY = {
    "controlToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "The server's --control-token. Without one, no token is asked for, and calls are taken"
        " from the same machine only, unless the server was started with --control-open.",
    }
}
_INFO = {
    "title": "Control API",
    "version": __version__,
    "description": "What a test does to its sandbox, and asks of it; never a part of the emulated API.",
}


@serves(openapi, "GET /openapi.json", sandboxed=False)
def get_openapi() -> Response:
    """The OpenAPI 3.1 document of the control API."""
    return Response(_encoded(), content_type="application/json")


@cache
def _encoded() -> bytes:
    return orjson.dumps(document(CALLS))


def document(calls: Sequence[ControlCall]) -> dict[str, Any]:
    """The OpenAPI document of these calls; its components are the JSON Schemas of their bodies."""
    kinds = list(dict.fromkeys(kind for call in calls for kind in (call.body, call.yaml) if kind is not None))
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    by_kind = dict(zip(kinds, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for call in sorted(calls, key=lambda call: call.path):
        paths.setdefault(f"{CONTROL_PREFIX}{call.path}", {})[call.method.lower()] = _operation(call, by_kind)
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "servers": [{"url": "/"}],
        "security": [{"controlToken": []}, {}],
        "paths": paths,
        "components": {
            "schemas": {"Problem": _PROBLEM} | {name: _described(each) for name, each in components.items()},
            "parameters": _PARAMETERS,
            "responses": {"Problem": _problem_response()},
            "securitySchemes": _SECURITY,
        },
    }


def _operation(call: ControlCall, by_kind: dict[Any, Any]) -> dict[str, Any]:
    named = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer" if kind is int else "string"},
        }
        for name, kind in call.ids.items()
    ]
    asked = [{"name": name, "in": "query", "schema": schema} for name, schema in call.query.items()]
    shared = [{"$ref": f"#/components/parameters/{name}"} for name in _PARAMETERS] if call.sandboxed else []
    answer: dict[str, Any] = {"description": call.summary}
    if call.status != HTTPStatus.NO_CONTENT:
        answer["content"] = {call.media_type: {}}
    operation: dict[str, Any] = {"operationId": camel(call.name), "summary": call.summary}
    if call.description:
        operation["description"] = call.description
    if f"{CONTROL_PREFIX}{call.path}" == HEALTH_PATH:
        operation["security"] = []
    if named or asked or shared:
        operation["parameters"] = [*named, *asked, *shared]
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
    """Whether an empty body, which is read as an empty object, is one."""
    try:
        msgspec.convert({}, kind)
    except msgspec.ValidationError:
        return False
    return True


def _problem_response() -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    header = {"description": "The detail once more.", "schema": {"type": "string"}}
    return {
        "description": _PROBLEM["description"],
        "headers": {PROBLEM_HEADER: header},
        "content": {PROBLEM_JSON: {"schema": schema}},
    }


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its docstring without indent, which Python 3.13 removes and older ones do not."""
    return {name: inspect.cleandoc(each) if name == "description" else each for name, each in schema.items()}
