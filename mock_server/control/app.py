"""The control API as a Flask application.

Importing the modules of the resources fills the table of calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
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
from mock_server.control.calls import CALLS, ControlCall, check_no_body, check_query
from mock_server.control.problems import Problem, install_problems, problem_answer
from mock_server.domain.names import nearest, shown
from mock_server.scenarios.templates import PLACEHOLDER
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
    app.before_request(_check_call)
    install_problems(app)
    app.register_error_handler(HTTPException, _http_problem)
    return app


def find_call(method: str, path: str) -> ControlCall | None:
    """Return the control call of a scenario's step, None if there is none.

    `path` is below the prefix: `/processes/{processId}?sandbox=one`.
    """
    filled = PLACEHOLDER.sub("1", path).partition("?")[0]
    try:
        name, _ = _routes().bind("").match(f"{CONTROL_PREFIX}{filled}", method)
    except HTTPException:
        return None
    return _calls()[name]


def explain_unknown_call(method: str, path: str) -> str:
    """Say that there is no such control call, and name the nearest; the path is below the prefix."""
    below = path.removeprefix(CONTROL_PREFIX)  # if the prefix is written as well
    calls = dict(_with_ids(call, below.split("/")) for call in CALLS)
    near = nearest(f"{method} {below}", calls)
    listed = "`mock-server explain control` and GET /__admin/openapi.json list them"
    hint = f"did you mean {calls[near]!r}?" if near else listed
    return f"there is no control call {shown(f'{method} {path}')}; {hint}"


def _with_ids(call: ControlCall, parts: Sequence[str]) -> tuple[str, str]:
    """Return the call, twice, with segments of another path in place of its ids.

    The first text has each segment at the place of an id, and is compared with that path. The second one has
    only segments that can be such an id, and is shown to the user.
    """
    filled, fitting = call.path.split("/"), call.path.split("/")
    for at, (part, other) in enumerate(zip(fitting, parts, strict=False)):
        if part.startswith("{"):
            filled[at] = other
            if call.ids[part.strip("{}")] is str or other.isdigit() or PLACEHOLDER.fullmatch(other):
                fitting[at] = other
    return f"{call.method} {'/'.join(filled)}", f"{call.method} {'/'.join(fitting)}"


@cache
def _routes() -> Map:
    """The routes of all servers of this process: Werkzeug takes a millisecond to compile one."""
    rules = [
        Rule(f"{CONTROL_PREFIX}{call.rule}", methods=[call.method], endpoint=call.name) for call in CALLS
    ]
    return Map(rules, strict_slashes=False, merge_slashes=False)


def _http_problem(error: HTTPException) -> Response:
    """Answer an error of HTTP: an unknown path, a wrong method."""
    path = request.path.removeprefix(CONTROL_PREFIX) or "/"
    is_known = find_call(request.method, path) is not None
    sentence = (error.description or "") if is_known else explain_unknown_call(request.method, path)
    answer = problem_answer(error.code or 500, sentence)
    if isinstance(error, MethodNotAllowed):
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return answer


def _check_access() -> None:
    """Run before each control call.

    Raises:
        Problem: the client may not make it.
    """
    try:
        check_control_call(services.services().settings, request.environ)
    except AccessDenied as denied:
        raise Problem(str(denied), denied.status) from None


def _check_call() -> None:
    """Run before each control call that exists.

    Raises:
        Problem: its query has a parameter that the call does not have, or it has a body and the call none.
    """
    call = _calls().get(request.endpoint or "")
    if call is not None:
        check_query(call)
        check_no_body(call)


@cache
def _calls() -> dict[str, ControlCall]:
    return {call.name: call for call in CALLS}
