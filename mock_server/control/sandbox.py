"""Health of the server, and the reset of a sandbox."""

from __future__ import annotations

from flask import Blueprint, Response
from msgspec import Struct

from mock_server import __version__
from mock_server.clock import real_now
from mock_server.control.calls import serves
from mock_server.control.problems import json_answer
from mock_server.sandbox import PARTS, Part, Sandbox
from mock_server.services import named_sandbox, services

sandbox = Blueprint("sandbox", __name__)


class Reset(Struct, forbid_unknown_fields=True):
    """`only` names the parts to reset; left out, all of them."""

    only: list[Part] | None = None


@serves(sandbox, "GET /health", sandboxed=False)
def get_health() -> Response:
    """200 once the fixture is loaded, which is before the port is open."""
    shared = services()
    found = shared.sandboxes.named()
    return json_answer(
        {
            "status": "UP",
            "version": __version__,
            "uptime": round((real_now() - shared.started).total_seconds(), 3),
            "fixture": shared.sandboxes.start.stage.fixture.name,
            "dialect": shared.settings.dialect,
            "counts": _counts(found),
        }
    )


@serves(sandbox, "POST /reset", body=Reset)
def reset(wanted: Reset) -> Response:
    """Be as after the start, wholly or in part."""
    found = named_sandbox()
    parts = PARTS if wanted.only is None else wanted.only
    found.reset(parts)
    return json_answer({"sandbox": found.name, "reset": list(parts)})


def _counts(found: Sandbox) -> dict[str, int]:
    world = found.read()
    portfolios = world.portfolios.values()
    return {
        "accounts": len(world.portfolios),
        "thirdparties": len(world.thirdparties),
        "dossiers": sum(len(portfolio.dossiers) for portfolio in portfolios),
        "processes": sum(len(portfolio.processes) for portfolio in portfolios),
    }
