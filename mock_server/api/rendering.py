"""Dossiers as bytes, remembered: an immutable dossier renders to the same bytes as long as it lives.

The memory is keyed by the objects themselves, which compare by identity: nothing ever has to be invalidated.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import orjson

from mock_server.api.call import Call
from mock_server.dialects import Dialect, Json
from mock_server.domain.model import Account, Dossier, Requirement, Thirdparty
from mock_server.domain.variants import Variants
from mock_server.domain.world import Portfolio, World

REMEMBERED = 131_072
"""Dossiers whose bytes are kept, about 1 kB each: a large account is rendered once and then only copied."""


def rendered_dossier(call: Call, world: World, portfolio: Portfolio, dossier: Dossier) -> Json:
    """The dossier as the call's dialect shows it, ready to be put into an answer."""
    thirdparty = world.thirdparties[dossier.thirdparty_id]
    code = portfolio.relations[dossier.thirdparty_id].thirdparty_code
    return _rendered(call.dialect, dossier, thirdparty, code, portfolio.account, call.variants)


@lru_cache(maxsize=REMEMBERED)
def _rendered(
    dialect: Dialect,
    dossier: Dossier,
    thirdparty: Thirdparty,
    code: str | None,
    account: Account,
    variants: Variants,
) -> orjson.Fragment:
    requirements: Mapping[str, Requirement] = account.requirements
    return orjson.Fragment(orjson.dumps(dialect.dossier(dossier, thirdparty, code, requirements, variants)))
