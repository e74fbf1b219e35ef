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

MAX_CACHED = 131_072
"""Renderings that each renderer keeps, about 1 kB each: a list of so many is rendered once, then copied."""

_DROPPED_SHARE = 64
"""A cache that is full drops the oldest of its renderings: one of so many."""

Row = tuple[object, tuple[object, ...]]
"""An object to render, and the other arguments of the rendering."""


def dossier_rows(
    call: Call, portfolio: Portfolio, dossiers: Iterable[Dossier], *, cached: bool = True
) -> list[bytes]:
    """Return dossiers of the portfolio as JSON, in the dialect of the call.

    `cached` is false for a list of more than `MAX_CACHED` dossiers: none would be kept until its next use.
    """
    render, requirements, variants = call.dialect.dossier, portfolio.account.requirements, call.variants
    thirdparties, relations = call.world.thirdparties, portfolio.relations
    rows = []
    for dossier in dossiers:
        thirdparty_id = dossier.thirdparty_id
        arguments = (
            thirdparties[thirdparty_id],
            relations[thirdparty_id].thirdparty_code,
            requirements,
            variants,
        )
        rows.append((dossier, arguments))
    if not cached:
        return [orjson.dumps(render(dossier, *arguments)) for dossier, arguments in rows]
    return cached_renderer(render)(rows)


class Renderer:
    """Renders rows with one method of a dialect, and keeps the results."""

    def __init__(self, render: Callable[..., Json]) -> None:
        self._render = render
        self._cache: dict[int, _Rendered] = {}

    def __call__(self, rows: Iterable[Row]) -> list[bytes]:
        """Return the JSON of each row, from the cache where it was rendered before."""
        renderings, result = self._cache, []
        for entity, arguments in rows:
            rendered = renderings.get(id(entity))
            # Tuples compare their members by identity first.
            if rendered is None or rendered.arguments != arguments:
                rendered = self._add(entity, arguments)
            result.append(rendered.json)
        return result

    def _add(self, entity: object, arguments: tuple[object, ...]) -> _Rendered:
        reference = _CacheRef(entity, self._forget)
        reference.key = id(entity)
        rendered = _Rendered(reference, arguments, json_bytes(self._render(entity, *arguments)))
        if len(self._cache) >= MAX_CACHED:
            # Many at once: to find the first key of a dict takes long after many were deleted.
            for oldest in list(islice(self._cache, MAX_CACHED // _DROPPED_SHARE)):
                self._cache.pop(oldest, None)
        self._cache[reference.key] = rendered
        return rendered

    def _forget(self, reference: _CacheRef) -> None:
        self._cache.pop(reference.key, None)


cached_renderer = cache(Renderer)
"""Return the renderer of a method, always the same one."""


class _CacheRef(ref[Any]):
    """A weak reference, with the key to delete from the cache."""

    __slots__ = ("key",)
    key: int


class _Rendered(NamedTuple):
    """The bytes of an object, and the other arguments of the rendering."""

    reference: _CacheRef
    arguments: tuple[object, ...]
    json: bytes
