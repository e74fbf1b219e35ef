"""The timeline of a sandbox: read what third parties and the platform will do, add to it, clear it."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Response
from msgspec import Meta, Struct

from mock_server.control.calls import route
from mock_server.control.problems import json_answer
from mock_server.dialects import wire
from mock_server.domain.world import ScheduledAction
from mock_server.fixtures.entries import TimelineEntry
from mock_server.sandbox import commands
from mock_server.sandbox.sandbox import ServerSandbox
from mock_server.web.services import named_sandbox


class NewActions(Struct, forbid_unknown_fields=True):
    """Actions as in a recipe; their times count from now."""

    timeline: Annotated[tuple[TimelineEntry, ...], Meta(min_length=1)]


@route("GET /timeline")
def get_timeline() -> Response:
    """Return the actions to come, the next one first, and the latest past ones."""
    return _timeline(named_sandbox())


@route("POST /timeline", body=NewActions, status=201)
def add_to_timeline(body: NewActions) -> Response:
    """Add actions of third parties and the platform; each takes place `after` a time from now.

    They are tried first: one that could not take place is rejected, and then none is added.
    """
    sandbox = named_sandbox()
    sandbox.execute(commands.AddToTimeline(body.timeline))
    return _timeline(sandbox, 201)


@route("DELETE /timeline")
def clear_timeline() -> Response:
    """Remove the actions that have not taken place."""
    sandbox = named_sandbox()
    return json_answer({"sandbox": sandbox.name, "removed": sandbox.execute(commands.ClearTimeline())})


def action_members(action: ScheduledAction) -> dict[str, Any]:
    """Return an action as JSON; a past one that failed has its `error`."""
    members = {"at": wire.instant(action.at), "control": action.control, "body": action.body}
    return members | ({"error": action.error} if action.error else {})


def _timeline(sandbox: ServerSandbox, status: int = 200) -> Response:
    world, now = sandbox.current()
    return json_answer(
        {
            "sandbox": sandbox.name,
            "now": wire.instant(now),
            "timeline": [action_members(action) for action in world.timeline],
            "past": [action_members(action) for action in world.past_actions],
        },
        status,
    )
