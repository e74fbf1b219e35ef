"""Hints about a call: parameters and members that the API ignored, and the operation probably intended."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from difflib import SequenceMatcher
from itertools import islice
from typing import Any

from mock_server.domain.dossiers import DossierUpdate
from mock_server.domain.imports import ImportRequest
from mock_server.domain.local_time import local_day
from mock_server.domain.names import camel, nearest
from mock_server.domain.operations import API_PATH, OPERATIONS, TOKEN_PATH, Operation
from mock_server.domain.search import PARAMETERS

QUERIES: dict[str, tuple[str, ...]] = {
    operation: tuple(map(camel, names)) for operation, names in PARAMETERS.items()
}
"""The query parameters that an operation reads; an operation that is absent here reads none."""

MEMBERS: dict[str, tuple[str, ...]] = {
    "importDossier": tuple(map(camel, ImportRequest.__struct_fields__)),
    "updateDossier": tuple(map(camel, DossierUpdate.__struct_fields__)),
    "reactivateDossier": ("expirationDate",),
    "updateDossierRequirements": ("newRequiredDocuments",),
    "getToken": (
        "grant_type",
        "client_id",
        "username",
        "password",
        "refresh_token",
        "scope",
        "client_secret",
    ),
}
"""The members of a body, or the fields of a form, that an operation reads."""

SANDBOX_PARAMETERS = ("sandbox",)
"""Query parameters of this server, which the real API does not have."""

_DAYS = ("stateLastChangeDate", "fromDate")
"""Query parameters of which the API reads the day."""

_MAX_NAMES = 100
"""Names of one call that are checked, the first ones."""

_DIALECT = re.compile(r"^/(?:rest|edge)(?=/)")
_ID = re.compile(r"(?<=/)(?:-?\d+|[0-9a-f]{32}|\{\w+\})(?=/|$)")
_MIN_SIMILARITY = 0.6
_MAX_PATH = 300
"""Characters of a path that are compared; the API's paths are shorter."""


def ignored_input(operation: str | None, query: Sequence[tuple[str, str]], body: Any) -> list[str]:
    """Return a sentence for each parameter and member of a call that the API ignored."""
    if operation is None:
        return []
    members = list(body)[:_MAX_NAMES] if isinstance(body, Mapping) and operation in MEMBERS else []
    known = MEMBERS.get(operation, ())
    ignored = [_ignored("member", name, operation, known) for name in members if name not in known]
    return [
        *_ignored_parameters(operation, [name for name, _ in query]),
        *_ignored_times(operation, dict(reversed(query))),
        *ignored,
    ]


def similar_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that was probably intended, None if none is similar."""
    names = {_plain_name(other): other for other in known}
    found = names.get(_plain_name(name)) or nearest(_plain_name(name), names)
    return names.get(found, found) if found else None


def similar_operation(method: str, path: str) -> Operation | None:
    """Return the operation whose method and path are most similar, None if none is."""
    asked = _path_template(path[:_MAX_PATH])
    similarity = {
        name: SequenceMatcher(None, asked, template).ratio() + (OPERATIONS[name].method == method) / 100
        for name, template in _TEMPLATES
    }
    best = max(similarity, key=lambda name: similarity[name])
    return OPERATIONS[best] if similarity[best] >= _MIN_SIMILARITY else None


def explain_unmatched(method: str, path: str) -> str:
    """Say what is wrong with a call that no operation serves, and what would be right."""
    asked = _path_template(path)
    methods = [OPERATIONS[name].method for name, template in _TEMPLATES if template == asked]
    if methods:
        return f"{path} takes {' and '.join(dict.fromkeys(methods))}, not {method}"
    similar = similar_operation(method, path)
    advice = f"; did you mean {similar.method} {_full(similar.paths[0])} ({similar.name})?" if similar else ""
    return f"the API has no path {path}{advice}"


def _ignored_parameters(operation: str, given: Sequence[str]) -> Iterator[str]:
    known = QUERIES.get(operation, ())
    for name, times in islice(Counter(given).items(), _MAX_NAMES):
        if name not in (*known, *SANDBOX_PARAMETERS):
            yield _ignored("query parameter", name, operation, known)
        elif times > 1:
            yield f"query parameter {name!r} is given {times} times: the first one counts"


def _ignored_times(operation: str, query: Mapping[str, str]) -> Iterator[str]:
    """Name each filter whose time does not count. behaviour.md 10 (inferred)."""
    for name in _DAYS:
        text = query.get(name, "")
        if name in QUERIES.get(operation, ()) and len(text) > len("2026-03-02"):
            with suppress(ValueError):
                yield f"of query parameter {name!r} only the day counts, which is {local_day(text)} in France"


def _ignored(kind: str, name: str, operation: str, known: tuple[str, ...]) -> str:
    similar = similar_name(name, known)
    advice = f"; did you mean {similar!r}?" if similar else ""
    return f"{kind} {name!r} is not known to {operation} and was ignored{advice}"


def _plain_name(name: str) -> str:
    """Return a name without case, dashes and underscores, which are easily wrong."""
    return name.lower().replace("_", "").replace("-", "")


def _path_template(path: str) -> str:
    """Return a path without its dialect, with `{}` for each id."""
    return _ID.sub("{}", _DIALECT.sub("", path.rstrip("/")))


def _full(path: str) -> str:
    return path if path == TOKEN_PATH else API_PATH + path


_TEMPLATES = [(row.name, _path_template(_full(path))) for row in OPERATIONS.values() for path in row.paths]
