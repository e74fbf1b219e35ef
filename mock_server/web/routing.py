"""Routes: which operation a path names, in which dialect (behaviour.md 1.1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from flask import Request
from msgspec import Struct
from werkzeug.exceptions import BadRequest, MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule, RuleFactory

from mock_server.dialects import DIALECTS
from mock_server.domain.checks import as_int64
from mock_server.domain.names import snake
from mock_server.domain.operations import API_PATH, BY_VIEW, Operation

PREFIXES: dict[str, str | None] = {API_PATH: None, **{f"/{name}{API_PATH}": name for name in DIALECTS}}
"""Where the API is served, and in which dialect; None is that of the host, or the server's default."""

NOT_THE_API = ("published.", "health")
"""How the names of the endpoints begin that are no part of the emulated API."""

_BARE = f"{API_PATH}/"
_HOSTS = {dialect.host: name for name, dialect in DIALECTS.items()}
_PROCESS_ID = "{processId}"
"""The only id that is a text."""
_MAX_CACHED_ROUTES = 1024
_MAX_CACHED_PATH = 200
"""The cache of routes: how many it has, and the characters of the longest path."""


class FixedPaths(Map):
    """The routes of an app whose paths have no ids.

    Werkzeug's own map compiles functions for each rule, mostly to build URLs. A start would wait for them.
    """

    def __init__(self) -> None:
        self._paths: dict[str, list[Rule]] = defaultdict(list)
        super().__init__()

    def add(self, rulefactory: RuleFactory) -> None:
        """Add the rules."""
        for rule in rulefactory.get_rules(self):
            self._paths[rule.rule].append(rule)

    def iter_rules(self, endpoint: str | None = None) -> Iterator[Rule]:
        """Iterate over the rules, all or those of an endpoint."""
        rules = chain.from_iterable(self._paths.values())
        return (rule for rule in rules if endpoint in {None, rule.endpoint})

    def find(self, path: str, method: str) -> Rule:
        """Return the rule of a path, which may have a slash at its end.

        Raises:
            NotFound: no rule has this path.
            MethodNotAllowed: none of its rules has the method.
        """
        rules = self._paths.get(path.removesuffix("/"))
        if rules is None:
            raise NotFound
        methods = {method: rule for rule in rules for method in rule.methods or ()}
        if method not in methods:
            raise MethodNotAllowed(sorted(methods))
        return methods[method]


class Router:
    """The routes of the operations, and the other ones of the app. None redirects.

    A path without a dialect is that of the host name, else of `dialect`.
    """

    def __init__(self, operations: Iterable[Operation], others: FixedPaths, dialect: str) -> None:
        self._dialect = dialect
        self._others = others
        self.operations = sorted(
            _operation_routes(operations), key=lambda route: list(map(_is_id, route.path))
        )
        self.cached_search = lru_cache(_MAX_CACHED_ROUTES)(self._search)

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
        find = self.cached_search if len(path) <= _MAX_CACHED_PATH else self._search
        rule, values = find(path, request.method)
        return rule, dict(values)

    def _search(self, path: str, method: str) -> tuple[Rule, Mapping[str, Any]]:
        """Return the rule and the values of a path that names its dialect; errors as `find`."""
        name, _, path_below_prefix = path[1:].partition(API_PATH)
        segments = path_below_prefix.removesuffix("/").split("/")
        allowed: set[str] = set()
        for route in self.operations:
            if name in route.dialects and _matches(route.path, segments):
                if method in route.methods:
                    return route.rule, {"dialect": DIALECTS[name], **_ids(route.path, segments)}
                allowed |= route.methods
        if allowed:
            raise MethodNotAllowed(sorted(allowed))
        return self._others.find(path, method), {}


class OperationRoute(Struct, frozen=True):
    """A path of an operation: its segments after `/api/v1`, an id as `{accountId}`, and how it is served."""

    path: list[str]
    dialects: tuple[str, ...]
    methods: set[str]
    rule: Rule


class UrlAdapter(Struct, frozen=True):
    """Finds the route of one request, as Flask asks for it. Flask's own is made for hosts and builds URLs."""

    router: Router
    request: Request

    def match(self, *, return_rule: bool) -> tuple[Rule, dict[str, Any]]:  # noqa: ARG002  # as Flask calls it
        """Return the rule and the values in the path."""
        return self.router.find(self.request)


def _operation_routes(operations: Iterable[Operation]) -> Iterator[OperationRoute]:
    for operation in operations:
        for path in operation.paths:
            rule = Rule(path, methods=[operation.method], endpoint=operation.view)
            yield OperationRoute(path.split("/"), operation.dialects, rule.methods or set(), rule)


def _is_id(segment: str) -> bool:
    return segment.startswith("{")


def _matches(template: Sequence[str], segments: Sequence[str]) -> bool:
    return len(template) == len(segments) and all(
        bool(segment) if _is_id(expected) else segment == expected
        for expected, segment in zip(template, segments, strict=True)
    )


def _ids(template: Sequence[str], segments: Sequence[str]) -> dict[str, Any]:
    return {
        snake(name[1:-1]): segment if name == _PROCESS_ID else _int64(segment)
        for name, segment in zip(template, segments, strict=True)
        if _is_id(name)
    }


def _int64(text: str) -> int:
    """Return an id in a path.

    Raises:
        BadRequest: it is not an int64: a malformed request, not an unknown path (behaviour.md 3).
    """
    number = as_int64(text)
    if number is None:
        raise BadRequest(f"Failed to convert value '{text[:100]}' to an int64")
    return number


def operation_of(request: Request) -> Operation | None:
    """The operation that the request is routed to; None for a path that is not part of the API."""
    return BY_VIEW.get((request.endpoint or "").rpartition(".")[2])
