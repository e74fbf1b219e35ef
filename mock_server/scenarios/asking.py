"""A call of the API as rules and questions to the journal see it, and whether they mean it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import UNSET, Struct, field

from mock_server.scenarios.json_paths import TooCostly, found_at
from mock_server.scenarios.matching import ABSENT, Difference, differences, matches, text_differences
from mock_server.scenarios.script import Request


class Asked(Struct, frozen=True, kw_only=True):
    """What a client asked; the names of its headers in lower case.

    `ids` are those of the path, with the third party of its dossier; `body` is JSON, a form's fields or None.
    """

    operation: str | None
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    ids: Mapping[str, int | str] = field(default_factory=dict)
    user: str | None = None


def untagged(username: str) -> str:
    """The user name without its tag: `api+gw3@example.com` is the user `api@example.com`."""
    local, at, host = username.partition("@")
    return local.partition("+")[0] + at + host


def means(request: Request, asked: Asked) -> bool:
    """Whether the call is one of those meant."""
    return next(request_differences(request, asked), None) is None


def request_differences(request: Request, asked: Asked) -> Iterator[Difference]:
    """Why the call is none of those meant, what is quickly found out first."""
    if request.operation is not None:
        names = request.operation if isinstance(request.operation, tuple) else (request.operation,)
        yield from text_differences({"$oneOf": names}, asked.operation, "operation")
    if request.method is not None:
        yield from text_differences(request.method.upper(), asked.method, "method")
    for at, expected, found in _texts(request, asked):
        if expected is not UNSET:
            yield from text_differences(expected, None if found is None else str(found), at)
    yield from differences(request.body, asked.body, "body")
    for path, expected in request.json_path.items():
        yield from _at_json_path(path, expected, asked.body)


def _texts(request: Request, asked: Asked) -> Iterator[tuple[str, Any, Any]]:
    """What is compared as text: where, what is expected, what was found."""
    yield "path", request.path, asked.path
    yield "accountId", request.account_id, asked.ids.get("accountId")
    yield "dossierId", request.dossier_id, asked.ids.get("dossierId")
    yield "thirdpartyId", request.thirdparty_id, asked.ids.get("thirdpartyId")
    yield "documentId", request.document_id, asked.ids.get("documentId")
    yield "processId", request.process_id, asked.ids.get("processId")
    yield "user", request.user, asked.user
    for name, expected in request.query.items():
        yield f"query.{name}", expected, asked.query.get(name)
    for name, expected in request.headers.items():
        yield f"headers.{name}", expected, asked.headers.get(name.lower())


def _at_json_path(path: str, expected: Any, body: Any) -> Iterator[Difference]:
    """One of the values found at the path has to fit; `$absent` expects that there is none."""
    try:
        found = found_at(path, body)
    except TooCostly as problem:
        yield Difference(f"body {path}", repr(expected), str(problem))
        return
    if found and any(matches(expected, value) for value in found):
        return
    if not found and matches(expected, ABSENT):
        return
    yield Difference(f"body {path}", repr(expected), found)
