"""What happens to a third party itself (behaviour.md 6.3, 6.7)."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from mock_server.domain.dossiers import stopped
from mock_server.domain.errors import E100, NotFound, Refusal
from mock_server.domain.model import StoppingReason
from mock_server.domain.world import World, with_dossier, with_thirdparty


def close_thirdparty(world: World, now: datetime, *, thirdparty_id: int) -> World:
    """The company goes out of business: its monitored dossiers stop, in every account.

    Raises:
        NotFound: E100, no such third party on the platform.

    behaviour.md 6.7 (documented).
    """
    thirdparty = world.thirdparties.get(thirdparty_id)
    if thirdparty is None:
        raise NotFound(Refusal(E100, "thirdparty_id", (str(thirdparty_id),)))
    world = with_thirdparty(world, replace(thirdparty, out_of_business=True))
    for portfolio in world.portfolios.values():
        relation = portfolio.relations.get(thirdparty_id)
        for dossier_id in relation.dossiers if relation else ():
            dossier = portfolio.dossiers[dossier_id]
            if dossier.monitored:
                world = with_dossier(world, stopped(dossier, now, StoppingReason.OUT_OF_BUSINESS), now)
    return world
