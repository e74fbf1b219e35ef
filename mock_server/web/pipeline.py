"""The path of one request through the emulated API, from top to bottom.

    route         `Router` finds the operation of the path, and its dialect
    authenticate  the token names the user and the sandbox, even an expired one
    rules         the first rule of the sandbox that matches may answer instead, or change what follows
    authorize     the token is valid, the account exists and is the token's, its rate limit is not used up
    strict mode   if it is on, input that the API ignores is noted, or rejected
    view          a function of the package `api`: it reads, or executes a command on the sandbox
    answer        a rejected request is rendered by `errors`; the rule changes the response
    journal       request, answer, rule and codes are recorded

Flask is used by its public extension points only. Operations are answered in its `wsgi_app`: its contexts,
signals and hooks would take a quarter of a request. All other paths take Flask's way: unknown ones, the token
endpoint, health and documents.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from string import punctuation
from time import perf_counter
from typing import Any
from urllib.parse import quote

from flask import Flask, Request, Response, request
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.routing import MapAdapter

from mock_server.auth.access import AccessDenied, check_control_call
from mock_server.dialects import wire
from mock_server.domain.operations import OPERATIONS, Operation
from mock_server.sandbox.sandboxes import NoSandbox
from mock_server.scenarios.file_format import Then
from mock_server.settings import CONTROL_PREFIX, DASHBOARD_PATH, HEALTH_PATH, is_control_path
from mock_server.web import services
from mock_server.web.authentication import add_rate_limit, authenticate, authorize, is_authorized
from mock_server.web.context import CONTEXT, RequestContext
from mock_server.web.contract import check_response
from mock_server.web.errors import error_response
from mock_server.web.journal_entry import BEGAN, add_journal_entry
from mock_server.web.routing import FixedPaths, Router, UrlAdapter
from mock_server.web.rule_effects import apply_rule_to_response, run_with_rules
from mock_server.web.services import Services
from mock_server.web.strict import WARNING_HEADER, check_input, warning_text

View = Callable[..., Response]
"""Takes the call and the ids of the path, by name."""

_TO_DASHBOARD = {
    "": f".{DASHBOARD_PATH}",
    "/": f".{DASHBOARD_PATH}",
    CONTROL_PREFIX: f".{DASHBOARD_PATH}",
    f"{CONTROL_PREFIX}/": "./ui",
}
"""Paths at which a browser gets the dashboard, and its address from there: a proxy may add a prefix."""

_logger = logging.getLogger("mock_server")


def run_operation(request: Request, operation: Operation, view: View, shared: Services) -> Response:
    """Carry out one call whose route is known; a rejected one raises."""
    ids = dict(request.view_args or ())
    dialect = ids.pop("dialect")
    context = authenticate(request, dialect, shared)

    def authorize_and_view(effect: Then) -> Response:
        call = authorize(request, context, operation, dialect, ids.get("account_id"), effect)
        if context.sandbox.strict != "off":
            check_input(request, context, operation, dialect, ids)
        return view(call, **ids)

    return run_with_rules(request, operation, context, ids, authorize_and_view)


def finish(request: Request, response: Response, shared: Services) -> Response:
    """Check and complete the response, apply the rule that matched, if any, and record the exchange."""
    if shared.settings.check_responses:
        check_response(request, response, shared.settings.dialect)
    context: RequestContext | None = request.environ.get(CONTEXT)
    if context is not None:
        if context.calls_left is not None:
            add_rate_limit(response, context.calls_left)
        if context.applied is not None:
            response = apply_rule_to_response(response, context.applied, request.environ)
        if context.hints:
            response.headers[WARNING_HEADER] = wire.header_text(warning_text(context.hints))
    add_journal_entry(request, response, context, shared)
    return response


class Application(Flask):
    """The emulated API as a WSGI application; `control` returns that of the control API."""

    def __init__(self, shared: Services, views: Mapping[str, View], control: Callable[[], Flask]) -> None:
        super().__init__("mock_server", static_folder=None)
        self.config["MAX_CONTENT_LENGTH"] = shared.settings.max_body
        self.config["PROVIDE_AUTOMATIC_OPTIONS"] = False  # any other method is a 405
        self.control = control
        services.install(self, shared)
        self.after_request(self._finish)
        self._operations = {OPERATIONS[name].view: (OPERATIONS[name], view) for name, view in views.items()}
        operations = (operation for operation, _ in self._operations.values())
        self.url_map = others = FixedPaths()
        self.router = Router(operations, others, shared.settings.dialect)

    def reads_body(self, environ: dict[str, Any]) -> bool:
        """Whether a request with this head gets as far as its body: path, method, token and account are good.

        A client that waits for `100 Continue` is answered at once where it does not. Nothing is changed.
        """
        is_for_control = is_control(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        app, shared = self.control() if is_for_control else self, services.of(self)
        with app.request_context(dict(environ)):
            try:
                if request.routing_exception is not None:
                    return False
                values = dict(request.view_args or ())
                if is_for_control:
                    check_control_call(shared.settings, request.environ)
                elif "dialect" in values:
                    context = authenticate(request, values["dialect"], shared)
                    # Rules come before the account, and may look at the body.
                    return bool(context.sandbox.active_scenario.rules) or is_authorized(
                        context, values.get("account_id")
                    )
            except (AccessDenied, HTTPException, NoSandbox):
                return False
        return True

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return the adapter that finds the route; it has a cache, since routes never change."""
        return None if request is None else UrlAdapter(self.router, request)  # type: ignore[return-value]  # only its `match` is used

    def wsgi_app(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request. An exception that no error handler sees is logged and answered with 500."""
        environ[BEGAN] = perf_counter()
        if not environ["QUERY_STRING"].isascii():
            # Bytes that are not percent-encoded, as curl sends them.
            environ["QUERY_STRING"] = quote(environ["QUERY_STRING"], safe=punctuation, encoding="latin-1")
        try:
            if environ["PATH_INFO"] in _TO_DASHBOARD and _is_browser(environ):
                headers = {"Location": _TO_DASHBOARD[environ["PATH_INFO"]], "Vary": "Accept"}
                return Response(status=302, headers=headers)(environ, start_response)
            if is_control(environ["REQUEST_METHOD"], environ["PATH_INFO"]):
                return self.control().wsgi_app(environ, start_response)
            # Not in the environ: two objects that refer to each other would wait for the garbage collector.
            response = self._answer_operation(self.request_class(environ, populate_request=False))
            return (response or super().wsgi_app)(environ, start_response)
        except Exception:
            _logger.exception("unexpected error outside the app, at %s", environ["REQUEST_METHOD"])
            return InternalServerError()(environ, start_response)

    def _answer_operation(self, request: Request) -> Response | None:
        """Answer a call of an operation; return None for all else."""
        try:
            request.url_rule, request.view_args = self.router.find(request)
        except HTTPException:
            return None
        operation_and_view = self._operations.get(request.url_rule.endpoint)
        if operation_and_view is None:
            return None
        shared = services.of(self)
        request.max_content_length = shared.settings.max_body
        try:
            response = run_operation(request, *operation_and_view, shared)
        except Exception as error:  # noqa: BLE001
            with self.request_context(request.environ):
                response = error_response(error)
        return finish(request, response, shared)

    def _finish(self, response: Response) -> Response:
        """Finish a response that Flask made. It is the only function of its kind."""
        received = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  # documented by Werkzeug
        return finish(received, response, services.of(self))


def is_control(method: str, path: str) -> bool:
    """Whether a call is for the control API. Its health is answered without it, for a faster start."""
    return is_control_path(path) and (path != HEALTH_PATH or method not in {"GET", "HEAD"})


def _is_browser(environ: Mapping[str, Any]) -> bool:
    """Whether the caller asks for a page: clients of the API ask for JSON, or for any type."""
    accepted = (part.partition(";")[0].strip() for part in environ.get("HTTP_ACCEPT", "").split(","))
    return environ["REQUEST_METHOD"] in {"GET", "HEAD"} and "text/html" in accepted
