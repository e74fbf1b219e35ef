"""The figures of an account (behaviour.md 4.2): only monitored third parties and active dossiers count."""

from __future__ import annotations

from msgspec import Struct

from mock_server.domain.world import World


class Figures(Struct, frozen=True, kw_only=True):
    """Counts of third parties and dossiers; `complete` in the sense of the state, or of an indicator."""

    thirdparties: int
    subscribed_thirdparties: int
    complete_thirdparties: int
    dossiers: int
    complete_dossiers: int


class Statistics(Struct, frozen=True, kw_only=True):
    """The figures of an account, once by state and once by I001, which every dossier carries."""

    by_state: Figures
    by_vigilance: Figures


def statistics(world: World, *, account_id: int) -> Statistics:
    """Count what the account monitors.

    Raises:
        NotFound: NOT_FOUND, no such account.

    behaviour.md 4.2 (documented; counts per indicator: carried-over).
    """
    monitored = [
        relation for relation in world.portfolio(account_id).relations.values() if relation.monitored
    ]
    subscribed = sum(world.thirdparties[relation.thirdparty_id].registered for relation in monitored)
    active = sum(relation.active for relation in monitored)

    def figures(complete: list[tuple[int, int]]) -> Figures:
        return Figures(
            thirdparties=len(monitored),
            subscribed_thirdparties=subscribed,
            complete_thirdparties=sum(done == of for done, of in complete),
            dossiers=active,
            complete_dossiers=sum(done for done, _ in complete),
        )

    return Statistics(
        by_state=figures([(relation.complete, relation.active) for relation in monitored]),
        by_vigilance=figures([(relation.vigilant, relation.active) for relation in monitored]),
    )
