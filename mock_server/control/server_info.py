"""Calls about the server itself: health, the provenance of each behaviour, and the certificate to trust."""

from __future__ import annotations

from flask import Response

from mock_server import __version__
from mock_server.clock import real_now
from mock_server.control.calls import route
from mock_server.control.problems import Problem, json_answer
from mock_server.domain.errors import ERRORS
from mock_server.domain.operations import OPERATIONS
from mock_server.domain.variants import VARIANTS
from mock_server.sandbox.sandbox import ServerSandbox
from mock_server.web.services import services

_PEM = "application/x-pem-file"


@route("GET /health", sandboxed=False)
def get_health() -> Response:
    """Return 200 once the fixture is loaded, which is before the port is open.

    `stateFile` is null without `--state`; its `path` is that of the file, or the URL of the engine without
    its password, and its `error` is null as long as it can be used. Health never waits for the engine.
    """
    shared = services()
    return json_answer(
        {
            "status": "UP",
            "version": __version__,
            "uptime": round((real_now() - shared.started).total_seconds(), 3),
            "fixture": shared.sandboxes.config.setup.fixture.name,
            "dialect": shared.settings.dialect,
            "counts": _counts(shared.sandboxes.get()),
            "stateFile": shared.sandboxes.state_file,
        }
    )


@route("GET /provenance", sandboxed=False)
def get_provenance() -> Response:
    """Return every operation, error code and variant, its provenance and its section of the rules."""
    return json_answer(
        {
            "operations": [
                {"name": row.name, "behaviour": row.section, "provenance": row.provenance}
                for row in OPERATIONS.values()
            ],
            "errors": [
                {
                    "code": row.code,
                    "label": row.label_en,
                    "when": row.when,
                    "behaviour": "5",
                    "provenance": row.provenance,
                }
                for row in ERRORS.values()
            ],
            "variants": [
                {"name": row.name, "values": list(row.values), "effect": row.effect, "decision": row.decision}
                for row in VARIANTS.values()
            ],
        }
    )


@route("GET /ca.pem", media_type=_PEM, sandboxed=False)
def get_ca_certificate() -> Response:
    """Return the certificate, in PEM, that clients of a server with --tls-self-signed have to trust.

    Raises:
        Problem: 404, the server has no self-signed certificate.
    """
    tls = services().tls
    if tls is None or tls.authority is None:
        raise Problem("there is a certificate to trust only with --tls-self-signed", 404)
    return Response(tls.authority, content_type=_PEM)


def _counts(sandbox: ServerSandbox) -> dict[str, int]:
    world = sandbox.read_if_possible()
    return {
        "accounts": len(world.portfolios),
        "thirdparties": len(world.thirdparties),
        "dossiers": world.dossier_count,
        "processes": sum(len(portfolio.processes) for portfolio in world.portfolios.values()),
    }
