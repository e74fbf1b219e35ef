"""Warnings about a call: input that the API ignored, fast polling, and what was probably intended."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from itertools import islice
from typing import Any

from msgspec import Struct

from mock_server.domain.dossiers import DossierUpdate
from mock_server.domain.imports import ImportRequest
from mock_server.domain.local_time import local_day
from mock_server.domain.names import camel, nearest
from mock_server.domain.operations import API_PATH, OPERATIONS, TOKEN_PATH, Operation
from mock_server.domain.search import IGNORED_PARAMETERS, PARAMETERS
from mock_server.settings import SANDBOX_HEADER

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

POLLS_PER_SECOND = 10
"""Requests for one import within a second that are not too fast."""

WARNINGS: dict[str, str] = {
    "unknownParameter": "A query parameter that the operation does not read.",
    "unknownMember": "A member of the body, or a field of the login form, that the operation does not read.",
    "wrongCase": "A name of the API in another case, or with other dashes or underscores.",
    "repeatedParameter": "A query parameter that is given several times: the first one counts.",
    "filterWithoutEffect": "`op` in a search without a reference and without a code: it filters nothing.",
    "timeOfDay": "A time in a filter by day: only the day in France counts.",
    "sandboxHeader": "`X-Mock-Sandbox` or `?sandbox=` names another sandbox than the token does.",
    "fastPolling": f"More than {POLLS_PER_SECOND} requests for one import within a second, both in real time"
    " and on the sandbox's clock.",
    "tokenPath": "A login below the base path of the API, which only the sandbox answers.",
    "unknownPath": "A path or method that the API does not have: 404 or 405.",
}
"""Every warning by its code, and when it is given."""


class Hint(Struct, frozen=True):
    """A warning about one call: its code, and a sentence."""

    code: str
    sentence: str


SANDBOX_PARAMETERS = ("sandbox",)
"""Query parameters of this server, which the real API does not have."""

FAST_POLLING = Hint(
    "fastPolling",
    f"more than {POLLS_PER_SECOND} requests for this import within a second: pause between them",
)
_MAX_POLLED = 1000
OTHER_SANDBOX = Hint(
    "sandboxHeader",
    f"{SANDBOX_HEADER} and ?sandbox= are for control calls and were ignored: the token names another sandbox",
)
LIVE_HINTS = {hint.code: hint for hint in (FAST_POLLING, OTHER_SANDBOX)}
"""Warnings that strict mode gives while it answers; the journal shows the others always."""

_DAY_PARAMETERS = ("stateLastChangeDate", "fromDate")
"""Query parameters of which the API reads the day."""

_PARAMETERS_OF_OP = ("dossierReference", "thirdpartyCode")
"""Query parameters to which `op` applies."""

_MAX_NAMES = 100
"""So many names of one call are checked: the first ones."""

_DIALECT = re.compile(r"^/(?:rest|edge)(?=/)")
_ID = re.compile(r"(?<=/)(?:-?\d+|[0-9a-f]{32}|\{\w+\})(?=/|$)")
_LOGIN = re.compile(r"^/$|auth|token|login", re.IGNORECASE)
"""Paths of a login that are wrong here: those of other servers, or only `/`."""
_MIN_SIMILARITY = 0.6
_MAX_PATH = 300
"""Characters of a path that are compared; the API's paths are shorter."""


class Input(Struct, frozen=True, kw_only=True):
    """The input of a call; its operation is None for a path that the API does not have."""

    operation: str | None
    dialect: str | None
    path: str
    query: Sequence[tuple[str, str]]
    body: Any


def ignored_input(call_input: Input) -> Iterator[Hint]:
    """Yield a warning for each part of the input that the API ignored."""
    operation = call_input.operation
    if operation is None:
        return
    ignored = IGNORED_PARAMETERS.get(call_input.dialect or "", frozenset())
    parameters = tuple(name for name in QUERIES.get(operation, ()) if name not in ignored)
    if operation == "getToken" and not call_input.path.startswith(TOKEN_PATH):
        yield Hint(
            "tokenPath", f"{call_input.path} exists only here: the real API has no token endpoint there"
        )
    yield from _ignored_parameters(operation, call_input.query, parameters)
    query = {name: value for name, value in reversed(call_input.query) if name in parameters}
    yield from _ignored_filters(query)
    members = MEMBERS.get(operation)
    if members is not None and isinstance(call_input.body, Mapping):
        for name in list(call_input.body)[:_MAX_NAMES]:
            if name not in members:
                yield _ignored_name("Member", name, operation, members)


class Polls:
    """When the latest imports were requested, to find a client that polls without a pause."""

    def __init__(self) -> None:
        self._times: dict[str, deque[tuple[float, datetime]]] = {}

    def copy(self) -> Polls:
        """Return a copy."""
        copy = Polls()
        copy._times = {name: times.copy() for name, times in self._times.items()}
        return copy

    def is_fast(self, process_id: str, real: float, now: datetime) -> bool:
        """Count a request at `real` seconds, and at `now` on the sandbox's clock; return if that is fast."""
        times = self._times.pop(process_id, None) or deque(maxlen=POLLS_PER_SECOND)
        self._times[process_id] = times
        if len(self._times) > _MAX_POLLED:
            del self._times[next(iter(self._times))]
        oldest = times[0] if len(times) == POLLS_PER_SECOND else None
        times.append((real, now))
        return oldest is not None and real - oldest[0] < 1 and abs(now - oldest[1]) < timedelta(seconds=1)


def similar_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that was probably intended, None if none is similar."""
    names = {_plain_name(other): other for other in known}
    nearest_name = names.get(_plain_name(name)) or nearest(_plain_name(name), names)
    return names.get(nearest_name, nearest_name) if nearest_name else None


def similar_operation(method: str, path: str) -> Operation | None:
    """Return the operation whose method and path are most similar, None if none is."""
    path_template = _path_template(path[:_MAX_PATH])
    similarity = {
        name: SequenceMatcher(None, path_template, template).ratio()
        + (OPERATIONS[name].method == method) / 100
        for name, template in _TEMPLATES
    }
    best = max(similarity, key=lambda name: similarity[name])
    return OPERATIONS[best] if similarity[best] >= _MIN_SIMILARITY else None


def explain_unmatched(method: str, path: str) -> str:
    """Say what is wrong with a call that no operation serves, and what would be right."""
    if path.startswith("//"):
        return f"the API has no path {path}: a base URL that ends in a slash has one too many"
    path_template = _path_template(path)
    methods = [OPERATIONS[name].method for name, template in _TEMPLATES if template == path_template]
    if methods:
        return f"{path} takes {' and '.join(dict.fromkeys(methods))}, not {method}"
    similar = similar_operation(method, path)
    if similar is None and method == "POST" and _LOGIN.search(path):
        similar = OPERATIONS["getToken"]
    advice = (
        f"; did you mean {similar.method} {_full_path(similar.paths[0])} ({similar.name})?" if similar else ""
    )
    return f"the API has no path {path}{advice}"


def _ignored_parameters(
    operation: str, query: Sequence[tuple[str, str]], known: tuple[str, ...]
) -> Iterator[Hint]:
    """Warn of query parameters that the operation does not read, and of repeated ones."""
    counts = Counter(name for name, _ in query)
    for name, times in islice(counts.items(), _MAX_NAMES):
        if name in SANDBOX_PARAMETERS:
            continue
        if name not in known:
            yield _ignored_name("Parameter", name, operation, known)
        elif times > 1:
            sentence = f"query parameter {name!r} is given {times} times: the first one counts"
            yield Hint("repeatedParameter", sentence)


def _ignored_filters(query: Mapping[str, str]) -> Iterator[Hint]:
    """Warn of filters, or parts of them, without effect. behaviour.md 3.7, 10 (inferred)."""
    for name in _DAY_PARAMETERS:
        text = query.get(name, "")
        if len(text) > len("2026-03-02"):
            with suppress(ValueError):
                day = local_day(text)
                yield Hint(
                    "timeOfDay", f"of query parameter {name!r} only the day counts, which is {day} in France"
                )
    if "op" in query and not any(name in query for name in _PARAMETERS_OF_OP):
        sentence = f"query parameter 'op' has no effect without {' or '.join(_PARAMETERS_OF_OP)}"
        yield Hint("filterWithoutEffect", sentence)


def _ignored_name(kind: str, name: str, operation: str, known: tuple[str, ...]) -> Hint:
    """Return the warning about a `Parameter` or `Member` that the operation does not read."""
    similar = similar_name(name, known)
    advice = f"; did you mean {similar!r}?" if similar else ""
    differs_in_case = similar is not None and _plain_name(similar) == _plain_name(name)
    noun = {"Parameter": "query parameter", "Member": "member"}[kind]
    return Hint(
        "wrongCase" if differs_in_case else f"unknown{kind}",
        f"{noun} {name!r} is not known to {operation} and was ignored{advice}",
    )


def _plain_name(name: str) -> str:
    """Return a name without case, dashes and underscores, which are easily wrong."""
    return name.lower().replace("_", "").replace("-", "")


def _path_template(path: str) -> str:
    """Return a path without its dialect, with `{}` for each id."""
    return _ID.sub("{}", _DIALECT.sub("", path.rstrip("/")))


def _full_path(path: str) -> str:
    return path if path == TOKEN_PATH else API_PATH + path


_TEMPLATES = [
    (row.name, _path_template(_full_path(path))) for row in OPERATIONS.values() for path in row.paths
]
