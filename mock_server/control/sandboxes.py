"""The sandboxes: list, delete, reset; the snapshots of one, and its state as JSON."""

from __future__ import annotations

from typing import Any

from flask import Response
from msgspec import Struct

from mock_server.control.calls import route
from mock_server.control.problems import Problem, json_answer
from mock_server.dialects import wire
from mock_server.domain.names import SANDBOX_NAME_RULE, shown
from mock_server.fixtures.fixture import gc_paused
from mock_server.fixtures.state_file import StateFile, convert_struct, json_struct
from mock_server.sandbox import commands
from mock_server.sandbox.sandbox import ServerSandbox
from mock_server.sandbox.sandboxes import DEFAULT_SANDBOX, is_name
from mock_server.sandbox.state import export_state
from mock_server.web.services import named_sandbox, services

MAX_SNAPSHOTS = 100
"""Snapshots of a sandbox: each keeps a state in memory, and in the file of `--state`."""


class Reset(Struct, forbid_unknown_fields=True):
    """`only` names the parts to reset; left out, all of them."""

    only: list[commands.Part] | None = None


@route("GET /sandboxes", sandboxed=False)
def list_sandboxes() -> Response:
    """Return the sandboxes: the time in each, its scenario, the number of its last request."""
    return json_answer({"sandboxes": [_sandbox(sandbox) for sandbox in services().sandboxes.existing]})


@route("DELETE /sandboxes/<name>", status=204, sandboxed=False)
def delete_sandbox(name: str) -> Response:
    """Delete a sandbox; when it is used again, it is as after the start."""
    if name == DEFAULT_SANDBOX:
        raise Problem("the default sandbox cannot be deleted; POST /__admin/reset resets it", 409)
    try:
        services().sandboxes.drop(name)
    except KeyError:
        raise Problem(f"there is no sandbox {shown(name)}", 404) from None
    return Response(status=204)


@route("POST /reset", body=Reset)
def reset(body: Reset) -> Response:
    """Reset the sandbox to its start, or only parts of it."""
    sandbox = named_sandbox()
    parts = commands.PARTS if body.only is None else body.only
    sandbox.reset(parts)
    return json_answer({"sandbox": sandbox.name, "reset": list(parts)})


@route("GET /snapshots")
def list_snapshots() -> Response:
    """Return the snapshots of the sandbox, oldest first."""
    snapshots = named_sandbox().state.snapshots.items()
    return json_answer(
        {"snapshots": [{"name": name, "now": wire.instant(snapshot.now)} for name, snapshot in snapshots]}
    )


@route("POST /snapshots/<path:name>")
def take_snapshot(name: str) -> Response:
    """Save the sandbox's content and time under a name; one with the same name is replaced."""
    if not is_name(name):
        raise Problem(f"a snapshot's name is {SANDBOX_NAME_RULE}, not {shown(name)}: choose another name")
    sandbox = named_sandbox()
    snapshots = sandbox.state.snapshots
    if name not in snapshots and len(snapshots) >= MAX_SNAPSHOTS:
        raise Problem(
            f"there are {MAX_SNAPSHOTS} snapshots already: delete one (DELETE /__admin/snapshots/NAME),"
            f" or use a name again, such as {next(iter(snapshots))!r}",
            409,
        )
    now = sandbox.execute(commands.TakeSnapshot(name))
    return json_answer({"name": name, "now": wire.instant(now)})


@route("POST /snapshots/<path:name>/restore")
def restore_snapshot(name: str) -> Response:
    """Restore a snapshot; it can be restored again."""
    sandbox = named_sandbox()
    try:
        now = sandbox.execute(commands.RestoreSnapshot(name))
    except KeyError:
        raise _no_snapshot(sandbox, name) from None
    return json_answer({"name": name, "now": wire.instant(now)})


@route("DELETE /snapshots/<path:name>", status=204)
def delete_snapshot(name: str) -> Response:
    """Delete a snapshot."""
    sandbox = named_sandbox()
    try:
        sandbox.execute(commands.DeleteSnapshot(name))
    except KeyError:
        raise _no_snapshot(sandbox, name) from None
    return Response(status=204)


def _no_snapshot(sandbox: ServerSandbox, name: str) -> Problem:
    names = ", ".join(sandbox.state.snapshots) or "none"
    return Problem(f"there is no snapshot {shown(name)}; there are: {names}", 404)


@route("GET /state")
def get_state() -> Response:
    """Export the state, for `PUT /state` of any server: content, time, variants, scenario and rules.

    Passwords of users and bytes of files are in it.
    """
    sandbox = named_sandbox()
    return Response(export_state(sandbox.state, sandbox.now()), content_type="application/json")


@route("PUT /state", body=json_struct(StateFile))
def put_state(body: Any) -> Response:
    """Load a state that was exported from this sandbox or any other.

    A reset still returns to the fixture of this sandbox.
    """
    sandbox = named_sandbox()
    with gc_paused():
        sandbox.execute(commands.RestoreState(convert_struct(body, StateFile)))
    return json_answer({"sandbox": sandbox.name, "now": wire.instant(sandbox.now())})


def _sandbox(sandbox: ServerSandbox) -> dict[str, Any]:
    return {
        "name": sandbox.name,
        "now": wire.instant(sandbox.now()),
        "frozen": sandbox.is_frozen,
        **active_members(sandbox),
        "latestRequest": sandbox.journal.last,
    }


def active_members(sandbox: ServerSandbox) -> dict[str, Any]:
    """Return the name of the active scenario and the state of its state machine; both None without one."""
    active = sandbox.active_scenario
    if active.scenario is None:
        return {"playing": None, "state": None}
    return {"playing": active.scenario.scenario, "state": active.progress.state}
