"""The control API as an application: what it is made of."""

from __future__ import annotations

from flask import Flask

from mock_server.control.calls import CALLS
from mock_server.control.certificate import certificate
from mock_server.control.clock import clock
from mock_server.control.dossiers import dossiers
from mock_server.control.events import events
from mock_server.control.fixture import fixture
from mock_server.control.guard import guard
from mock_server.control.health import health
from mock_server.control.journal import journal
from mock_server.control.live import live
from mock_server.control.metrics import metrics
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
from mock_server.control.ui import ui
from mock_server.control.verification import verification
from mock_server.settings import CONTROL_MAX_BODY, CONTROL_PREFIX
from mock_server.web import services
from mock_server.web.services import Services

__all__ = ["CALLS", "create_control"]

_PARTS = (
    health,
    openapi,
    sandbox,
    fixture,
    state,
    placing,
    dossiers,
    sandboxes,
    scenarios,
    provenance,
    certificate,
    clock,
    events,
    outbox,
    journal,
    verification,
    live,
    metrics,
    pact,
    ui,
)


def create_control(shared: Services) -> Flask:
    """The control API of the sandboxes."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = CONTROL_MAX_BODY
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False  # another method is a 405, whichever
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    services.install(app, shared)
    for part in _PARTS:
        app.register_blueprint(part, url_prefix=CONTROL_PREFIX)
    app.before_request(guard)
    install_problems(app)
    return app
