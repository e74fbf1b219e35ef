"""Dossiers as bytes, remembered: an immutable dossier renders to the same bytes as long as it lives.

The memory is keyed by the objects themselves: nothing ever has to be invalidated, and what nobody holds any
more (a dossier that was changed, a sandbox that was reset) is not held here either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple
from weakref import ref

import orjson

from mock_server.dialects import Dialect, Json
from mock_server.domain.model import Account, Dossier, Requirement, Thirdparty
from mock_server.domain.variants import Variants
from mock_server.domain.world import Portfolio, World
from mock_server.web.context import Call

REMEMBERED = 131_072
"""Dossiers whose bytes a dialect keeps, about 1 kB each: a large account is rendered once, then copied."""


def dossier_rendering(call: Call, world: World, portfolio: Portfolio) -> Callable[[Dossier], Json]:
    """What makes of a dossier of the portfolio its bytes in the call's dialect, ready for an answer."""
    rendered, account, variants = _remembering(call.dialect), portfolio.account, call.variants
    thirdparties, relations = world.thirdparties, portfolio.relations

    def render(dossier: Dossier) -> Json:
        found = dossier.thirdparty_id
        return rendered(dossier, thirdparties[found], relations[found].thirdparty_code, account, variants)

    return render


class _Held(ref[Dossier]):
    """A dossier as long as it lives, under the key by which it is forgotten."""

    __slots__ = ("key",)
    key: int


class _Rendered(NamedTuple):
    """The bytes of a dossier, and all that they were made of."""

    dossier: _Held
    made_of: tuple[Thirdparty, str | None, Account, Variants]
    fragment: orjson.Fragment


@cache
def _remembering(dialect: Dialect) -> Callable[..., orjson.Fragment]:
    """What renders in one dialect; each has a memory of its own, so that two do not push each other out."""
    memory: dict[int, _Rendered] = {}

    def forget(held: _Held) -> None:
        memory.pop(held.key, None)

    def rendered(
        dossier: Dossier, thirdparty: Thirdparty, code: str | None, account: Account, variants: Variants
    ) -> orjson.Fragment:
        key = id(dossier)
        found = memory.get(key)
        made_of = (thirdparty, code, account, variants)
        # Tuples compare their members by identity first; all but the code compare by nothing else.
        if found is not None and found.made_of == made_of:
            return found.fragment
        requirements: Mapping[str, Requirement] = account.requirements
        shown = dialect.dossier(dossier, thirdparty, code, requirements, variants)
        # A copy, since orjson's own bytes have kilobytes of room behind them.
        fragment = orjson.Fragment(bytes(memoryview(orjson.dumps(shown))))
        held = _Held(dossier, forget)
        held.key = key
        if len(memory) >= REMEMBERED:
            memory.pop(next(iter(memory), 0), None)
        memory[key] = _Rendered(held, made_of, fragment)
        return fragment

    return rendered
