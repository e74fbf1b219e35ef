"""Cache of renderings: an immutable object renders to the same bytes for its whole lifetime.

The keys are the objects themselves, by weak references, so nothing has to be invalidated: an object that
no sandbox has any more (a changed dossier, a sandbox that was reset) leaves the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from itertools import islice
from typing import Any, NamedTuple
from weakref import ref

import orjson

from mock_server.dialects import Json
from mock_server.domain.model import Dossier
from mock_server.domain.world import Portfolio
from mock_server.json_body import json_bytes
from mock_server.web.context import Call

REMEMBERED = 131_072
"""Renderings that each function keeps, about 1 kB each: a list of so many is rendered once, then copied."""

_DROPPED = 64
"""The fraction of the renderings that is dropped when there are too many."""

Row = tuple[object, tuple[object, ...]]


def dossier_rows(
    call: Call, portfolio: Portfolio, dossiers: Iterable[Dossier], *, cached: bool = True
) -> list[bytes]:
    """Return dossiers of the portfolio as JSON, in the dialect of the call.

    `cached` is false for a list of more than `REMEMBERED` dossiers: none would be kept until its next use.
    """
    render, requirements, variants = call.dialect.dossier, portfolio.account.requirements, call.variants
    thirdparties, relations = call.world.thirdparties, portfolio.relations
    rows = []
    for dossier in dossiers:
        found = dossier.thirdparty_id
        others = thirdparties[found], relations[found].thirdparty_code, requirements, variants
        rows.append((dossier, others))
    if not cached:
        return [orjson.dumps(render(dossier, *others)) for dossier, others in rows]
    return remember(render)(rows)


class Renderer:
    """Renders rows with a method of a dialect. A row is the rendered object and the other arguments."""

    def __init__(self, render: Callable[..., Json]) -> None:
        self._render = render
        self._memory: dict[int, _Rendered] = {}

    def __call__(self, rows: Iterable[Row]) -> list[bytes]:
        """Return the JSON of each row, from the cache where it was rendered before."""
        memory, result = self._memory, []
        for shown, others in rows:
            found = memory.get(id(shown))
            # Tuples compare their members by identity first.
            if found is None or found.others != others:
                found = self._add(shown, others)
            result.append(found.json)
        return result

    def _add(self, shown: object, others: tuple[object, ...]) -> _Rendered:
        held = _CacheRef(shown, self._forget)
        held.key = id(shown)
        rendered = _Rendered(held, others, json_bytes(self._render(shown, *others)))
        if len(self._memory) >= REMEMBERED:
            # Many at once: to find the first key of a dict takes long after many were deleted.
            for oldest in list(islice(self._memory, REMEMBERED // _DROPPED)):
                self._memory.pop(oldest, None)
        self._memory[held.key] = rendered
        return rendered

    def _forget(self, shown: _CacheRef) -> None:
        self._memory.pop(shown.key, None)


remember = cache(Renderer)
"""Return the renderer of a method, always the same one."""


class _CacheRef(ref[Any]):
    """A weak reference, with the key to delete from the cache."""

    __slots__ = ("key",)
    key: int


class _Rendered(NamedTuple):
    """The bytes of an object, and the other arguments of the rendering."""

    shown: _CacheRef
    others: tuple[object, ...]
    json: bytes
