"""What an OpenAPI document says once for all operations: what it is, where it is served, how one logs in."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from mock_server.contract.schemas import Schema
from mock_server.domain.errors import ErrorCode
from mock_server.domain.operations import Kind, Operation
from mock_server.sandbox.rate_limit import BURST_CAPACITY, REPLENISH_RATE

Object = dict[str, Any]

_TITLES = {"rest": ("Dossiers API, REST/JSON v1.1", "1.1.0"), "edge": ("Dossiers API, EDGE v1.3", "1.3.0")}
_HOSTS = {"rest": "rs", "edge": "edge"}
_LABELS: dict[str, Callable[[ErrorCode], str]] = {
    "rest": lambda error: error.label_fr,
    "edge": lambda error: error.label_en,
}
_ABOUT = """\
What this sandbox of the e-Attestations (Aprovall) dossiers API answers, in the dialect `{dialect}`.

Every answer of the sandbox has one of the shapes below; `mock-server serve --check-responses` sees to that.
Only scenarios may answer otherwise, and then say so in the header `X-Mock-Rule`. Names of parameters that are
not listed are ignored. A path that is not listed is a 404, another method a 405, both in protocol format.

`x-provenance` tells how sure a behaviour is (documented, example, carried-over, observed, inferred),
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
        "description": "The name of the scenario rule that bent this answer, if one did.",
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


def info(dialect: str, version: str) -> Object:
    """What the document is about."""
    title, of_api = _TITLES[dialect]
    return {
        "title": title,
        "version": of_api,
        "summary": "A sandbox of the e-Attestations (Aprovall) dossiers API.",
        "description": _ABOUT.format(dialect=dialect, version=version),
        "license": {"name": "MIT", "identifier": "MIT"},
    }


def servers(dialect: str) -> list[Object]:
    """Where the dialect is spoken, seen from the server that gave the document."""
    return [
        {"url": f"/{dialect}/api/v1", "description": "Always this dialect."},
        {
            "url": "/api/v1",
            "description": "This dialect where it is the server's own, or the host's name begins with"
            f" `{_HOSTS[dialect]}.`.",
        },
    ]


def security_schemes(token_path: str) -> Object:
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


def tag(row: Operation) -> str:
    """The group that an operation belongs to: that of the last part of its path that has one."""
    if row.kind is Kind.TOKEN:
        return "Token"
    parts = [_TAGS_OF_PARTS[part] for part in row.paths[0].split("/") if part in _TAGS_OF_PARTS]
    return parts[-1] if parts else "Accounts"


def headers(status: int, *, refuses: bool, limited: bool) -> Object:
    """The headers that an answer with this status may have; `limited`: requests are counted before it."""
    names = ["X-Mock-Rule", "X-Mock-Contract"]
    if refuses:
        names.insert(0, "X-Mock-Refusal")
    if status == HTTPStatus.UNAUTHORIZED:
        names.append("WWW-Authenticate")
    if limited:
        names += [name for name in HEADERS if name.startswith("x-ratelimit-")]
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def code(error: ErrorCode, dialect: str) -> Schema:
    """A code as a row: its label in the dialect's language, and when it is given."""
    return {
        "code": error.code,
        "message": _LABELS[dialect](error),
        "when": error.when,
        "x-provenance": error.provenance,
    }


def phrase(status: int) -> str:
    """The status in words, as a name: `BadRequest`."""
    return "".join(part.capitalize() for part in HTTPStatus(status).phrase.split())
