"""The only place where an exception becomes a response (behaviour.md 3.0, 11)."""

from __future__ import annotations

from http import HTTPStatus

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Response as AnyResponse

from mock_server.dialects import wire
from mock_server.domain.errors import NotFound, Rejected
from mock_server.domain.operations import Kind
from mock_server.pages import UNMATCHED
from mock_server.sandbox import NoSandbox
from mock_server.web import responses
from mock_server.web.context import current
from mock_server.web.services import log_bug, refusal_of

UNMATCHED_HEADER = "X-Mock-Unmatched"
DOCS_HEADER = "X-Mock-Docs"


def install(app: Flask) -> None:
    """Let the app answer whatever goes wrong, in the vendor's formats."""
    app.register_error_handler(NotFound, _not_found)
    app.register_error_handler(Rejected, _rejected)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(NoSandbox, _no_sandbox)
    app.register_error_handler(Exception, _unexpected)


def _not_found(error: NotFound) -> Response:
    return responses.refused(error.refusals, 404)


def _rejected(error: Rejected) -> Response:
    """A refused command is a result; a refused search or import a message."""
    if current().operation.kind is Kind.COMMAND:
        return responses.refused_command(error.refusals)
    return responses.refused(error.refusals, 400)


def _http_error(error: HTTPException) -> Response:
    """What HTTP itself refuses, in the protocol format; an unmapped path says so in a header of ours."""
    if isinstance(error.response, AnyResponse):
        return Response(error.response.get_data(), error.response.status_code, error.response.headers)
    status = error.code or 500
    reason = HTTP_STATUS_CODES[status]
    headers = {
        name: value for name, value in error.get_headers() if name.lower() in {"allow", "www-authenticate"}
    }
    if request.url_rule is None and status == HTTPStatus.NOT_FOUND:
        headers[UNMATCHED_HEADER] = wire.header_text(f"{request.method} {request.path}")
        headers[DOCS_HEADER] = UNMATCHED
        return responses.protocol_error(status, reason, None, headers)
    return responses.protocol_error(status, reason, _message(error), headers)


def _message(error: HTTPException) -> str | None:
    """What there is to say beyond the status; nothing where only Werkzeug's stock phrase would be said."""
    if isinstance(error, MethodNotAllowed):
        return f"Request method '{request.method}' not supported"
    return None if error.description == type(error).description else error.description


def _no_sandbox(error: NoSandbox) -> Response:
    return _http_error(refusal_of(error))


def _unexpected(error: Exception) -> Response:
    """A bug of the sandbox, in the protocol format."""
    log_bug(error)
    return responses.protocol_error(
        500, "Internal Server Error", f"The sandbox failed: {type(error).__name__}"
    )
