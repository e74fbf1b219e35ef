"""Cache of renderings: an immutable object renders to the same bytes for its whole lifetime.

The keys are the objects themselves, by weak references, so nothing has to be invalidated: an object that
no sandbox has any more (a changed dossier, a sandbox that was reset) leaves the cache.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import islice
from typing import Any, NamedTuple
from weakref import ref

import orjson

from mock_server.dialects import Json
from mock_server.domain.model import Dossier
from mock_server.domain.world import Portfolio
from mock_server.web.context import Call

REMEMBERED = 131_072
"""Renderings that each function keeps, about 1 kB each: a list of so many is rendered once, then copied."""

_DROPPED = 64
"""The fraction of the renderings that is dropped when there are too many."""


def dossier_rendering(call: Call, portfolio: Portfolio, *, cached: bool = True) -> Callable[[Dossier], Json]:
    """Return a function that renders a dossier of the portfolio in the dialect of the call.

    `cached` is false for a list of more than `REMEMBERED` dossiers: none would be kept until its next use.
    """
    render = remember(call.dialect.dossier) if cached else call.dialect.dossier
    requirements, variants = portfolio.account.requirements, call.variants
    thirdparties, relations = call.world.thirdparties, portfolio.relations

    def render_row(dossier: Dossier) -> Json:
        found = dossier.thirdparty_id
        return render(dossier, thirdparties[found], relations[found].thirdparty_code, requirements, variants)

    return render_row


@cache
def remember(render: Callable[..., Json]) -> Callable[..., orjson.Fragment]:
    """Return `render`, a method of a dialect, with a cache; its first argument is the rendered object."""
    memory: dict[int, _Rendered] = {}

    def forget(shown: _CacheRef) -> None:
        memory.pop(shown.key, None)

    def remembered(shown: object, *others: object) -> orjson.Fragment:
        key = id(shown)
        found = memory.get(key)
        # Tuples compare their members by identity first.
        if found is not None and found.others == others:
            return found.fragment
        # A copy: the bytes of orjson have kilobytes of unused memory.
        fragment = orjson.Fragment(bytes(memoryview(orjson.dumps(render(shown, *others)))))
        held = _CacheRef(shown, forget)
        held.key = key
        if len(memory) >= REMEMBERED:
            # Many at once: to find the first key of a dict takes long after many were deleted.
            for oldest in list(islice(memory, REMEMBERED // _DROPPED)):
                memory.pop(oldest, None)
        memory[key] = _Rendered(held, others, fragment)
        return fragment

    return remembered


class _CacheRef(ref[Any]):
    """A weak reference, with the key to delete from the cache."""

    __slots__ = ("key",)
    key: int


class _Rendered(NamedTuple):
    """The bytes of an object, and the other arguments of the rendering."""

    shown: _CacheRef
    others: tuple[object, ...]
    fragment: orjson.Fragment
