"""The control API as a Flask application.

Importing the modules of the resources fills the table of calls.
"""

from __future__ import annotations

from functools import cache

from flask import Flask, request
from werkzeug.routing import Map, Rule

from mock_server.auth.access import AccessDenied, check_control_call
from mock_server.control import (  # noqa: F401  # each adds its calls to the table
    accounts,
    clock,
    coverage,
    docs,
    dossiers,
    events,
    fixture,
    history,
    metrics,
    openapi,
    pact,
    processes,
    requests,
    sandboxes,
    scenarios,
    server_info,
    timeline,
    ui,
    verify,
)
from mock_server.control.calls import CALLS, ControlCall, check_query
from mock_server.control.problems import Problem, install_problems
from mock_server.settings import CONTROL_MAX_BODY, CONTROL_PREFIX
from mock_server.web import services
from mock_server.web.services import Services

__all__ = ["CALLS", "create_control"]


def create_control(shared: Services) -> Flask:
    """Create the control API of the sandboxes."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = CONTROL_MAX_BODY
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False  # every other method is a 405
    app.url_map = _routes()
    app.view_functions = {call.name: call.view for call in CALLS}
    services.install(app, shared)
    app.before_request(_check_access)
    app.before_request(_check_query)
    install_problems(app)
    return app


@cache
def _routes() -> Map:
    """The routes of all servers of this process: Werkzeug takes a millisecond to compile one."""
    rules = [
        Rule(f"{CONTROL_PREFIX}{call.rule}", methods=[call.method], endpoint=call.name) for call in CALLS
    ]
    return Map(rules, strict_slashes=False, merge_slashes=False)


def _check_access() -> None:
    """Run before each control call.

    Raises:
        Problem: the client may not make it.
    """
    try:
        check_control_call(services.services().settings, request.environ)
    except AccessDenied as denied:
        raise Problem(str(denied), denied.status) from None


def _check_query() -> None:
    """Run before each control call that there is.

    Raises:
        Problem: its query has a parameter that the call does not have.
    """
    call = _calls().get(request.endpoint or "")
    if call is not None:
        check_query(call)


@cache
def _calls() -> dict[str, ControlCall]:
    return {call.name: call for call in CALLS}
