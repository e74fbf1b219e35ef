"""Health of the server: the one call that is open to all, and answered before there is a control API."""

from __future__ import annotations

from flask import Blueprint, Response

from mock_server import __version__
from mock_server.clock import real_now
from mock_server.control.calls import serves
from mock_server.control.problems import json_answer
from mock_server.sandbox import Sandbox
from mock_server.web.services import services

health = Blueprint("health", __name__)


@serves(health, "GET /health", sandboxed=False)
def get_health() -> Response:
    """200 once the fixture is loaded, which is before the port is open."""
    shared = services()
    found = shared.sandboxes.get()
    return json_answer(
        {
            "status": "UP",
            "version": __version__,
            "uptime": round((real_now() - shared.started).total_seconds(), 3),
            "fixture": shared.sandboxes.config.setup.fixture.name,
            "dialect": shared.settings.dialect,
            "counts": _counts(found),
        }
    )


def _counts(found: Sandbox) -> dict[str, int]:
    world = found.read()
    portfolios = world.portfolios.values()
    return {
        "accounts": len(world.portfolios),
        "thirdparties": len(world.thirdparties),
        "dossiers": sum(len(portfolio.dossiers) for portfolio in portfolios),
        "processes": sum(len(portfolio.processes) for portfolio in portfolios),
    }
