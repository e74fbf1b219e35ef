"""Routes: which operation a path names, in which dialect (behaviour.md 1.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from flask import Request
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.routing import BaseConverter, Map, Rule

from mock_server.dialects import DIALECTS, Dialect
from mock_server.domain.checks import as_int64
from mock_server.domain.names import snake
from mock_server.domain.operations import API_PATH, BY_VIEW, Operation

PREFIXES: dict[str, str | None] = {API_PATH: None, **{f"/{name}{API_PATH}": name for name in DIALECTS}}
"""Where the API is served, and in which dialect; None is that of the host, or the server's default."""

NOT_THE_API = ("published.", "health")
"""The beginnings of the endpoints that are no part of the emulated API."""

_BARE = f"{API_PATH}/"
_HOSTS = {dialect.host: name for name, dialect in DIALECTS.items()}
_INTEGERS = ("accountId", "dossierId", "documentId", "thirdpartyId", "fileId")
_REMEMBERED = 1024
_LONGEST_REMEMBERED = 200
"""Routes that are remembered: how many, and the longest path in characters."""


class Router:
    """The routes of the app. A path without a dialect is that of the host name, else of `dialect`."""

    def __init__(self, routes: Map, dialect: str) -> None:
        routes.converters |= {"int64": Int64, "dialect": _DialectName}
        # The emulated API never redirects.
        routes.strict_slashes = False
        routes.merge_slashes = False
        routes.redirect_defaults = False
        self._dialect = dialect
        self._adapter = routes.bind("localhost")
        self.remembered = lru_cache(_REMEMBERED)(self._search)

    def find(self, request: Request) -> tuple[Rule, dict[str, Any]]:
        """Return the rule for the request, and the values in its path.

        Raises:
            NotFound: no path of the API.
            MethodNotAllowed: no operation of this path.
            BadRequest: an id in the path is not an int64.
        """
        path = request.path
        if request.environ["PATH_INFO"].startswith("//"):
            raise NotFound  # Werkzeug shows it with one slash
        if path.startswith(_BARE):
            label, dot, _ = request.environ.get("HTTP_HOST", "").lower().partition(".")
            path = f"/{_HOSTS.get(label + dot, self._dialect)}{path}"
        find = self.remembered if len(path) <= _LONGEST_REMEMBERED else self._search
        rule, values = find(path, request.method)
        return rule, dict(values)

    def _search(self, path: str, method: str) -> tuple[Rule, Mapping[str, Any]]:
        return self._adapter.match(path, method, return_rule=True)


class UrlAdapter(NamedTuple):
    """Finds the route of one request, as Flask asks for it. Flask's own is made for hosts and builds URLs."""

    router: Router
    request: Request

    def match(self, *, return_rule: bool) -> tuple[Rule, dict[str, Any]]:  # noqa: ARG002  # as Flask calls it
        """Return the rule and the values in the path."""
        return self.router.find(self.request)


class Int64(BaseConverter):
    """An id in a path: 64 bits; all else is a malformed request, not an unknown path (behaviour.md 3)."""

    def to_python(self, value: str) -> int:
        """Return the number.

        Raises:
            BadRequest: it is none.
        """
        number = as_int64(value)
        if number is None:
            raise BadRequest(f"Failed to convert value '{value[:100]}' to an int64")
        return number


class _DialectName(BaseConverter):
    """The name of a dialect in a path; another one is an unknown path."""

    regex = "|".join(DIALECTS)

    def to_python(self, value: str) -> Dialect:
        """Return the dialect."""
        return DIALECTS[value]


def routes_of(operation: Operation) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """The rules of the operation, each with the values that its path does not have."""
    for path in operation.paths:
        if len(operation.dialects) == len(DIALECTS):
            yield f"/<dialect:dialect>{API_PATH}{_rule(path)}", None
        else:
            for name in operation.dialects:
                yield f"/{name}{API_PATH}{_rule(path)}", {"dialect": DIALECTS[name]}


def operation_of(request: Request) -> Operation | None:
    """The operation that the request is routed to; None for a path that is not part of the API."""
    return BY_VIEW.get((request.endpoint or "").rpartition(".")[2])


def _rule(path: str) -> str:
    """A path as Werkzeug writes it: `{accountId}` is an int64 named account_id, a process id any text."""
    rule = path
    for name in _INTEGERS:
        rule = rule.replace(f"{{{name}}}", f"<int64:{snake(name)}>")
    return rule.replace("{processId}", "<process_id>")
