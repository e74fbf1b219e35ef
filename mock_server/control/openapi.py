"""The OpenAPI document of the control API, generated from the table of its calls."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import msgspec
import orjson
from flask import Response

from mock_server import __version__
from mock_server.auth.access import PROBLEM_HEADER, PROBLEM_JSON
from mock_server.contract.published import normalized_schemas, published, response_name, used_schemas
from mock_server.control.calls import CALLS, SANDBOX_PARAMETER, YAML_TYPES, ControlCall, route
from mock_server.domain.names import camel
from mock_server.settings import CONTROL_PREFIX, DOCS_PATH, HEALTH_PATH, SANDBOX_HEADER
from mock_server.web.services import base_path, services

_SANDBOX = {"type": "string", "pattern": r"^[A-Za-z0-9._-]{1,64}$", "default": "default"}
_PARAMETERS = {
    key: {"name": name, "in": place, "description": about, "schema": _SANDBOX, "example": "default"}
    for key, name, place, about in (
        (
            "sandboxHeader",
            SANDBOX_HEADER,
            "header",
            "The sandbox of the call; it is created if there is none of that name.",
        ),
        (
            "sandboxQuery",
            SANDBOX_PARAMETER,
            "query",
            "The same, where no header can be sent; with both, the names are the same.",
        ),
    )
}
_ABOUT_PARAMETERS: dict[str, tuple[str, str | int]] = {
    "account_id": ("The id of the account.", 119631),
    "dossier_id": ("The id of the dossier.", 804127),
    "thirdparty_id": ("The id of the third party.", 875),
    "process_id": ("The id of the import.", "8af2b4767bee0e2e017c0779547e02a8"),
    "code": ("The code of the document type.", "I2"),
    "number": ("The number of the request in the journal.", 1),
    "name": ("The name of the sandbox, snapshot, scenario, rule or file.", "default"),
    "search": ("A part of the reference, of an id, of the company's name or number, or of its code.", "TEST"),
    "standing": ("Only dossiers that are complete, incomplete or stopped.", "complete"),
    "offset": ("How many dossiers to skip.", 0),
    "limit": ("The maximum number of entries.", 50),
    "since": ("Only requests with a greater number; `complete` is then about these alone.", 0),
    "state": ("The provider state of Pact.", "an active dossier"),
    "action": ("Whether to set the state up, or to tear it down.", "setup"),
    "consumer": ("The consumer of the pact.", "purchasing"),
}
"""The description and an example of each parameter whose schema does not have both."""

_SERVER = "server"
_TAGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "accounts": (
        "Accounts and third parties: create, change, close.",
        ("accounts", "requirements", "thirdparties"),
    ),
    "dossiers": ("Dossiers, their documents and imports.", ("dossiers", "processes", "outbox")),
    "journal": (
        "The requests of a client: find, count, verify.",
        ("requests", "coverage", "report", "events", "verify"),
    ),
    "sandbox": (
        "Time, content and variants of a sandbox.",
        ("clock", "fixture", "reset", "snapshots", "state", "strict", "variants"),
    ),
    "scenarios": ("Scenarios, rules and provider states.", ("rules", "scenario", "scenarios", "pact")),
    _SERVER: ("What belongs to the server, not to a sandbox.", ()),
}
"""Each tag with its description, and the first segments of its paths. Other calls have the tag `server`."""

_NEVER_MISSING = {("POST", "/snapshots/{name}"), ("PUT", "/scenarios/{name}/state")}
"""Calls without a 404: they create what the path names, or answer 409 if it is not active."""

_NUMBER = {"type": "integer", "minimum": 0}
_NAME = {"type": "string", "minLength": 1}

_PROBLEMS = {
    "400": "Something in the request is wrong; `detail` names it.",
    "401": "The server has a --control-token, and the call has none or another one.",
    "403": "The call came from another machine, from a page of another site, or under a foreign name.",
    "404": "It does not exist.",
    "413": "The body is larger than the server accepts.",
    "415": "The body is compressed in a way that the server does not read.",
    "default": "What is wrong, and what is allowed (RFC 9457).",
}
"""What each status of a problem means."""
_PROBLEM = {
    "type": "object",
    "description": "What is wrong, and what is allowed (RFC 9457).",
    "required": ["type", "title", "status", "detail", "docs"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "docs": {"type": "string", "description": "The address of the page about it, on this server."},
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
    "contact": {"name": "The dossiers-mock-server authors"},
    "license": {"name": "MIT", "identifier": "MIT"},
}


@route("GET /openapi.json", sandboxed=False)
def get_openapi() -> Response:
    """Return the OpenAPI 3.1 document of the control API."""
    needs_token = services().settings.control_token is not None
    return Response(_encode_document(base_path(), needs_token), content_type="application/json")


@lru_cache(8)
def _encode_document(base: str, needs_token: bool) -> bytes:  # noqa: FBT001  # the key of the cache
    return orjson.dumps(document(CALLS, base, needs_token=needs_token))


def document(calls: Sequence[ControlCall], base: str, *, needs_token: bool) -> dict[str, Any]:
    """Return the OpenAPI document of these calls, served at `base`.

    Its components are the JSON Schemas of their bodies. `needs_token`: the server has a --control-token.
    """
    # The order of the table is that in which the modules were imported.
    calls = sorted(calls, key=lambda call: call.path)
    kinds = list(dict.fromkeys(kind for call in calls for kind in (call.body, call.yaml) if kind is not None))
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    by_kind = dict(zip(kinds, published(list(schemas), components), strict=True))
    plain = {"Problem": _PROBLEM} | published(normalized_schemas(components), components)
    paths: dict[str, dict[str, Any]] = {}
    for call in calls:
        item = paths.setdefault(f"{CONTROL_PREFIX}{call.path}", {})
        item[call.method.lower()] = _operation(call, by_kind, needs_token=needs_token)
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "servers": [{"url": base or "/"}],
        "security": [{"controlToken": []}] if needs_token else [],
        "tags": [{"name": name, "description": about} for name, (about, _) in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": {"Problem": _PROBLEM} | used_schemas(paths, plain),
            "parameters": _PARAMETERS,
            "responses": {
                _name(status): _problem(about)
                for status, about in _PROBLEMS.items()
                if status != "401" or needs_token
            },
            "securitySchemes": _SECURITY if needs_token else {},
        },
    }


def _operation(call: ControlCall, by_kind: dict[Any, Any], *, needs_token: bool) -> dict[str, Any]:
    """Return the OpenAPI operation of a call; `by_kind` has the schema of each type of body."""
    path_parameters = [
        _parameter(name, "path", _NUMBER if kind is int else _NAME) | {"required": True}
        for name, kind in call.ids.items()
    ]
    query_parameters = [_parameter(name, "query", schema) for name, schema in call.query.items()]
    shared = [{"$ref": f"#/components/parameters/{name}"} for name in _PARAMETERS] if call.sandboxed else []
    answer: dict[str, Any] = {"description": call.summary}
    if call.status != HTTPStatus.NO_CONTENT:
        is_json = call.media_type == "application/json"
        schema = {"type": "object", "additionalProperties": True} if is_json else {"type": "string"}
        answer["content"] = {call.media_type: {"schema": schema}}
    operation: dict[str, Any] = {
        "operationId": camel(call.name),
        "tags": [_tag(call)],
        "summary": call.summary,
        "description": call.description or call.summary,
    }
    if needs_token and not _needs_token(call):
        operation["security"] = []
    if path_parameters or query_parameters or shared:
        operation["parameters"] = [*path_parameters, *query_parameters, *shared]
    if call.body is not None:
        operation["requestBody"] = _request_body(call, by_kind)
    statuses = _problems_of(call, needs_token=needs_token)
    problems = {status: {"$ref": f"#/components/responses/{_name(status)}"} for status in statuses}
    operation["responses"] = {str(call.status): answer} | problems
    return operation


def _tag(call: ControlCall) -> str:
    resource = call.path.split("/")[1]
    return next((tag for tag, (_, resources) in _TAGS.items() if resource in resources), _SERVER)


def _parameter(name: str, place: str, schema: dict[str, Any]) -> dict[str, Any]:
    own = (schema.get("description"), schema.get("default"))
    about, example = _ABOUT_PARAMETERS.get(name, own)
    return {
        "name": name,
        "in": place,
        "description": schema.get("description", about),
        "schema": schema,
        "example": example,
    }


def _is_open(call: ControlCall) -> bool:
    """Whether any caller may make it."""
    return f"{CONTROL_PREFIX}{call.path}".startswith((HEALTH_PATH, f"{DOCS_PATH}/"))


def _needs_token(call: ControlCall) -> bool:
    """Whether the call needs the --control-token: the dashboard asks the user for it, so its pages do not."""
    return not _is_open(call) and call.path.split("/")[1] != "ui"


def _problems_of(call: ControlCall, *, needs_token: bool) -> list[str]:
    """Return the statuses of the problems that the call may have; `default` is any other."""
    applies = {
        "400": not call.is_page,
        "401": needs_token and _needs_token(call),
        "403": not _is_open(call),
        "404": bool(call.ids) and (call.method, call.path) not in _NEVER_MISSING,
        "413": call.body is not None,
        "415": call.body is not None,
        "default": True,
    }
    return [status for status, does in applies.items() if does]


def _name(status: str) -> str:
    return response_name(int(status)) if status.isdecimal() else "Problem"


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


def _problem(about: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    header = {"description": "The same as `detail`.", "schema": {"type": "string"}}
    return {
        "description": about,
        "headers": {PROBLEM_HEADER: header},
        "content": {PROBLEM_JSON: {"schema": schema}},
    }
