"""The effects of time: imports end, dossiers and evidences expire, actions of the timeline take place.

Each is dated at its own instant.

Nothing runs in the background. Every reader of a world first settles what is due, in the order of the agenda.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from mock_server.domain.completeness import recompute_completeness
from mock_server.domain.dossiers import is_expired, mark_stopped
from mock_server.domain.imports import end_import
from mock_server.domain.model import StoppingReason
from mock_server.domain.world import Due, ScheduledAction, World, with_dossier

TakeAction = Callable[[World, ScheduledAction], World]
"""Carries out an action of the timeline, and adds it to the past actions."""


class Event(Struct, frozen=True, kw_only=True):
    """An effect of time.

    `kind` is `dossier expired`, `documents lapsed`, `process finished`, `action taken` or `action failed`.
    The third has the `outcome` of the process, the last two have the `action`.
    """

    kind: str
    at: datetime
    account_id: int | None = None
    action: ScheduledAction | None = None
    dossier_id: int | None = None
    process_id: str | None = None
    outcome: str | None = None


def settle(world: World, now: datetime, take_action: TakeAction) -> tuple[World, list[Event]]:
    """The world at `now`, and the events since it was last settled, in the order of time.

    Of what happens at one instant, actions of the timeline come last.

    behaviour.md 6.4, 6.5 (documented), 6.8 (carried-over).
    """
    events: list[Event] = []
    while world.is_due(now):
        due = world.agenda.first
        if due is None or (world.timeline and world.timeline[0].at < due.at):
            world, event = _apply_action(world, take_action)
        else:
            world, event = _apply_due(world, due)
        events.append(event)
    return world, events


def _apply_action(world: World, take_action: TakeAction) -> tuple[World, Event]:
    """Carry out the next action of the timeline; return the world after it, and its event."""
    action, *remaining = world.timeline
    world = take_action(replace(world, timeline=tuple(remaining)), action)
    action = world.past_actions[-1]
    return world, Event(kind="action failed" if action.error else "action taken", at=action.at, action=action)


def _apply_due(world: World, due: Due) -> tuple[World, Event]:
    """Carry out an entry of the agenda; return the world after it, and its event."""
    if due.process_id:
        process = world.portfolio(due.account_id).process(due.process_id)
        world, ended = end_import(world, due.at, process)
        return world, Event(
            kind="process finished",
            at=due.at,
            account_id=due.account_id,
            process_id=due.process_id,
            dossier_id=ended.dossier_id,
            outcome=ended.outcome,
        )
    dossier = world.portfolio(due.account_id).dossier(due.dossier_id)
    has_expired = is_expired(dossier, due.at)
    after = mark_stopped(dossier, due.at, StoppingReason.EXPIRATION) if has_expired else dossier
    world = with_dossier(world, recompute_completeness(after, due.at), due.at)
    kind = "dossier expired" if has_expired else "documents lapsed"
    return world, Event(kind=kind, at=due.at, account_id=due.account_id, dossier_id=due.dossier_id)
