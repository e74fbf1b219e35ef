"""Calls of paths that the API does not have: what was probably meant."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from mock_server.domain.operations import API_PATH, OPERATIONS, TOKEN_PATH, Operation

_DIALECT = re.compile(r"^/(?:rest|edge)(?=/)")
_ID = re.compile(r"(?<=/)(?:-?\d+|[0-9a-f]{32}|\{\w+\})(?=/|$)")
_NEAR = 0.6
_LONGEST = 300
"""Characters of a path that are looked at; the API's are shorter."""


def nearest_operation(method: str, path: str) -> Operation | None:
    """The operation whose method and path are most like these; None when nothing is."""
    asked = _plain(path[:_LONGEST])
    likeness = {
        name: SequenceMatcher(None, asked, template).ratio() + (OPERATIONS[name].method == method) / 100
        for name, template in _TEMPLATES
    }
    best = max(likeness, key=lambda name: likeness[name])
    return OPERATIONS[best] if likeness[best] >= _NEAR else None


def why_unmatched(method: str, path: str) -> str:
    """What is wrong with a call that no operation answers, and what would be right."""
    asked = _plain(path)
    methods = [OPERATIONS[name].method for name, template in _TEMPLATES if template == asked]
    if methods:
        return f"{path} takes {' and '.join(dict.fromkeys(methods))}, not {method}"
    meant = nearest_operation(method, path)
    advice = f"; did you mean {meant.method} {_full(meant.paths[0])} ({meant.name})?" if meant else ""
    return f"the API has no path {path}{advice}"


def _plain(path: str) -> str:
    """A path without its dialect and with no ids in it."""
    return _ID.sub("{}", _DIALECT.sub("", path.rstrip("/")))


def _full(path: str) -> str:
    return path if path == TOKEN_PATH else API_PATH + path


_TEMPLATES = [(row.name, _plain(_full(path))) for row in OPERATIONS.values() for path in row.paths]
