"""The control API under `/__admin`: what a test does to its sandbox, never what the vendor's API does.

Errors are problem+json (RFC 9457) that say what was wrong and what would be right.
"""

from __future__ import annotations

from flask import Blueprint, Flask, request

from mock_server.control.clock import clock
from mock_server.control.events import events
from mock_server.control.fixture import fixture
from mock_server.control.guard import guard
from mock_server.control.journal import journal
from mock_server.control.live import live
from mock_server.control.openapi import openapi
from mock_server.control.outbox import outbox
from mock_server.control.pact import pact
from mock_server.control.placing import placing
from mock_server.control.problems import install_problems
from mock_server.control.provenance import provenance
from mock_server.control.sandbox import sandbox
from mock_server.control.sandboxes import sandboxes
from mock_server.control.scenarios import scenarios
from mock_server.control.state import state
from mock_server.control.verification import verification
from mock_server.settings import CONTROL_MAX_BODY, CONTROL_PREFIX

__all__ = ["install"]

_PARTS = (
    openapi,
    sandbox,
    fixture,
    state,
    placing,
    sandboxes,
    scenarios,
    provenance,
    clock,
    events,
    outbox,
    journal,
    verification,
    live,
    pact,
)


def install(app: Flask) -> None:
    """Give the app its control API."""
    control = Blueprint("control", __name__, url_prefix=CONTROL_PREFIX)
    for part in _PARTS:
        control.register_blueprint(part)
    control.before_request(guard)
    control.before_request(_lift_limit)
    install_problems(control)
    app.register_blueprint(control)


def _lift_limit() -> None:
    """A control call may be as large as a whole state; the app's limit is the emulated API's."""
    request.max_content_length = CONTROL_MAX_BODY
