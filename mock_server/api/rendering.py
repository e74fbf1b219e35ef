"""Dossiers as bytes, remembered: an immutable dossier renders to the same bytes as long as it lives.

The memory is keyed by the objects themselves, which compare by identity: nothing ever has to be invalidated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache

import orjson

from mock_server.api.call import Call
from mock_server.dialects import Dialect, Json
from mock_server.domain.model import Account, Dossier, Requirement, Thirdparty
from mock_server.domain.variants import Variants
from mock_server.domain.world import Portfolio, World

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


@cache
def _remembering(dialect: Dialect) -> Callable[..., orjson.Fragment]:
    """What renders in one dialect; each has a memory of its own, so that two do not push each other out."""

    @lru_cache(maxsize=REMEMBERED)
    def rendered(
        dossier: Dossier, thirdparty: Thirdparty, code: str | None, account: Account, variants: Variants
    ) -> orjson.Fragment:
        requirements: Mapping[str, Requirement] = account.requirements
        shown = dialect.dossier(dossier, thirdparty, code, requirements, variants)
        return orjson.Fragment(orjson.dumps(shown))

    return rendered
