"""What an operation reads of a query and of a body; the rest of what a client sends is ignored by the API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from mock_server.domain.dossiers import DossierUpdate
from mock_server.domain.imports import ImportRequest
from mock_server.domain.search import PARAMETERS
from mock_server.domain.spelling import camel, nearest

QUERIES: dict[str, tuple[str, ...]] = {
    operation: tuple(map(camel, names)) for operation, names in PARAMETERS.items()
}
"""The query parameters that an operation reads; those not here read none."""

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

_OURS = ("sandbox",)
_MOST = 100
"""Names of one call that are looked at, the first ones."""


def near(name: str, known: Iterable[str]) -> str | None:
    """The name that was probably meant: spelled otherwise, or nearly so."""
    names = {_plain(other): other for other in known}
    found = names.get(_plain(name)) or nearest(_plain(name), names)
    return names.get(found, found) if found else None


def warnings(operation: str | None, query: Sequence[tuple[str, str]], body: Any) -> list[str]:
    """What the API ignored of a call, a sentence each."""
    if operation is None:
        return []
    members = list(body)[:_MOST] if isinstance(body, Mapping) and operation in MEMBERS else []
    known = MEMBERS.get(operation, ())
    ignored = [_ignored("member", name, operation, known) for name in members if name not in known]
    return [*_query_warnings(operation, [name for name, _ in query]), *ignored]


def _query_warnings(operation: str, given: Sequence[str]) -> Iterator[str]:
    known = QUERIES.get(operation, ())
    for name, times in islice(Counter(given).items(), _MOST):
        if name not in (*known, *_OURS):
            yield _ignored("query parameter", name, operation, known)
        elif times > 1:
            yield f"query parameter {name!r} is given {times} times: the first one counts"


def _ignored(kind: str, name: str, operation: str, known: tuple[str, ...]) -> str:
    meant = near(name, known)
    advice = f"; did you mean {meant!r}?" if meant else ""
    return f"{kind} {name!r} is not known to {operation} and was ignored{advice}"


def _plain(name: str) -> str:
    """A name without what is easily got wrong: case, dashes, underscores."""
    return name.lower().replace("_", "").replace("-", "")
