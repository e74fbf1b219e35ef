"""Many sandboxes, the snapshots of one, and its variants."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from mock_server.control.calls import serves
from mock_server.control.problems import Problem, json_answer
from mock_server.dialects import wire
from mock_server.domain.variants import VARIANTS, checked
from mock_server.sandbox import DEFAULT_SANDBOX, Sandbox
from mock_server.web.services import named_sandbox, services

sandboxes = Blueprint("sandboxes", __name__)


@serves(sandboxes, "GET /sandboxes", sandboxed=False)
def list_sandboxes() -> Response:
    """The sandboxes there are: the time in each, what plays there, the number of its last request."""
    return json_answer({"sandboxes": [_shown(found) for found in services().sandboxes.existing]})


@serves(sandboxes, "DELETE /sandboxes/<name>", status=204, sandboxed=False)
def drop_sandbox(name: str) -> Response:
    """Drop a sandbox; asked for again, it is as after the start."""
    if name == DEFAULT_SANDBOX:
        raise Problem("the default sandbox stays; POST /__admin/reset makes it new", 409)
    try:
        services().sandboxes.drop(name)
    except KeyError:
        raise Problem(f"there is no sandbox {name!r}", 404) from None
    return Response(status=204)


@serves(sandboxes, "GET /snapshots")
def list_snapshots() -> Response:
    """The snapshots of the sandbox, oldest first."""
    kept = named_sandbox().snapshots.items()
    return json_answer({"snapshots": [{"name": name, "now": wire.instant(moment)} for name, moment in kept]})


@serves(sandboxes, "POST /snapshots/<name>")
def take_snapshot(name: str) -> Response:
    """Keep the sandbox's content and time under a name."""
    found = named_sandbox()
    found.snapshot(name)
    return json_answer({"name": name, "now": wire.instant(found.snapshots[name])})


@serves(sandboxes, "POST /snapshots/<name>/restore")
def restore_snapshot(name: str) -> Response:
    """Come back to a snapshot, as often as one likes."""
    found = named_sandbox()
    try:
        found.restore(name)
    except KeyError:
        raise Problem(
            f"there is no snapshot {name!r}; there are: {', '.join(found.snapshots)}", 404
        ) from None
    return json_answer({"name": name, "now": wire.instant(found.clock.now())})


@serves(sandboxes, "GET /variants")
def get_variants() -> Response:
    """The variants in force, as the server's own dialect has them."""
    return json_answer(_variants(named_sandbox()))


@serves(sandboxes, "PUT /variants", body=dict[str, str])
def put_variants(chosen: dict[str, str]) -> Response:
    """Choose variants, such as {"refusals": "result"}; every other one goes back to its default."""
    found = named_sandbox()
    try:
        found.set_variants(checked(chosen))
    except ValueError as mistake:
        raise Problem(str(mistake)) from None
    return json_answer(_variants(found))


def _shown(found: Sandbox) -> dict[str, Any]:
    playing = found.active_scenario.scenario
    return {
        "name": found.name,
        "now": wire.instant(found.clock.now()),
        "frozen": found.clock.frozen_at is not None,
        "playing": None if playing is None else playing.scenario,
        "state": None if playing is None else found.active_scenario.progress.state,
        "latestRequest": found.journal.last,
    }


def _variants(found: Sandbox) -> dict[str, str]:
    in_force = found.variants_for(services().settings.dialect)
    return {name: in_force[name] for name in VARIANTS}
