"""Errors of the emulated API: exceptions become responses, in one of two formats (behaviour.md 11)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, ServiceUnavailable
from werkzeug.wrappers import Response as AnyResponse

from mock_server.auth.access import PROBLEM_HEADER, PROBLEM_JSON, AccessDenied
from mock_server.auth.tokens import REALM_PATH
from mock_server.dialects import wire
from mock_server.domain.errors import NotFound, Refusal, Rejected
from mock_server.domain.operations import Kind
from mock_server.input_errors import NotWritten, StateFileError
from mock_server.journal.coverage import refusal_facts
from mock_server.pages import STRICT, UNMATCHED
from mock_server.sandbox.sandboxes import NoSandbox
from mock_server.web.context import CONTEXT, RequestContext, current_call
from mock_server.web.responses import json_response, oauth_error
from mock_server.web.services import docs_url, log_bug, no_sandbox_error, services
from mock_server.web.strict import StrictError

REFUSAL_HEADER = "X-Mock-Refusal"
UNMATCHED_HEADER = "X-Mock-Unmatched"
DOCS_HEADER = "X-Mock-Docs"


def _refusal_response(error: Rejected) -> Response:
    """Return the refusals as messages. behaviour.md 11.1 (documented).

    A rejected command also has its result as content; the variant `refusals` decides the status. C5.
    """
    call, refusals, path = current_call(), error.refusals, request.path
    call.facts.extend(refusal_facts(refusals))
    if call.operation.kind is Kind.COMMAND and not isinstance(error, NotFound):
        result = call.dialect.result(refusals, path)
        body = {"content": result, "messages": {"error": result["errors"]}}
        status = 200 if call.variants["refusals"] == "result" else 400
    else:
        body = {"messages": {"error": [call.dialect.message(refusal, path) for refusal in refusals]}}
        status = 404 if isinstance(error, NotFound) else 400
    return json_response(body, status, _refusal_header(refusals))


def _refusal_header(refusals: Sequence[Refusal]) -> dict[str, str]:
    """Codes and values of a refusal, which v1.1 has no member for; ASCII, since it is a header."""
    code = current_call().dialect.error
    texts = [f"{code(refusal)} {wire.reason(refusal)}".strip() for refusal in refusals]
    return {REFUSAL_HEADER: wire.header_text("; ".join(texts))}


def _http_error_response(error: HTTPException) -> Response:
    """Return an error of HTTP in the protocol format; extra headers mark an unknown path."""
    if isinstance(error.response, AnyResponse):
        return Response(error.response.get_data(), error.response.status_code, error.response.headers)
    status = error.code or 500
    headers = {
        name: value for name, value in error.get_headers() if name.lower() in {"allow", "www-authenticate"}
    }
    if request.url_rule is None and status == HTTPStatus.NOT_FOUND:
        headers[UNMATCHED_HEADER] = wire.header_text(f"{request.method} {_sent_path()}")
        headers[DOCS_HEADER] = wire.header_text(docs_url(UNMATCHED))
        return _protocol_error(status, None, headers)
    return _protocol_error(status, _message(error), headers)


def _message(error: HTTPException) -> str | None:
    """Return the message of an error; None instead of Werkzeug's default text."""
    if isinstance(error, MethodNotAllowed):
        return f"Request method '{request.method}' not supported"
    return None if error.description == type(error).description else error.description


def _unavailable_response(error: NotWritten | StateFileError) -> Response:
    """Return 503: the file of `--state` cannot be written, or this sandbox cannot be restored from it."""
    return _http_error_response(ServiceUnavailable(str(error)))


def _access_denied_response(error: AccessDenied) -> Response:
    """Return the error of a call that the sandbox itself rejects, with a header that no vendor answer has."""
    return _protocol_error(error.status, str(error), {PROBLEM_HEADER: wire.header_text(str(error))})


def _strict_mode_response(error: StrictError) -> Response:
    """Return problem+json with the warnings, which is clearly not an answer of the vendor."""
    body = {
        "type": "about:blank",
        "title": "Rejected by the strict mode of mock-server",
        "status": 400,
        "detail": str(error),
        "warnings": [{"code": hint.code, "message": hint.sentence} for hint in error.hints],
        "docs": docs_url(STRICT),
    }
    answer = json_response(body, 400, {PROBLEM_HEADER: wire.header_text(str(error))})
    answer.content_type = PROBLEM_JSON
    return answer


def _bug_response(error: Exception) -> Response:
    """A bug of the sandbox, in the protocol format."""
    log_bug(error)
    return _protocol_error(500, f"The sandbox failed: {type(error).__name__}")


def _protocol_error(status: int, message: str | None, headers: dict[str, str] | None = None) -> Response:
    """An error in the protocol format, dated by the caller's sandbox. behaviour.md 11.2 (documented).

    At the endpoints of the authorisation server, in their own. behaviour.md 1.2 (inferred).
    """
    phrase = wire.status_phrase(status)
    if request.path.startswith(f"{REALM_PATH}/") and UNMATCHED_HEADER not in (headers or {}):
        return oauth_error(status, f"HTTP {status} {phrase}", message or phrase, headers)
    context: RequestContext | None = request.environ.get(CONTEXT)
    services().sandboxes.ignore_engine_errors()
    sandbox = services().sandboxes.get() if context is None else context.sandbox
    body = {
        "timestamp": wire.protocol_timestamp(sandbox.now()),
        "status": status,
        "error": phrase,
        "message": message or "No message available",
        "path": _sent_path(),
    }
    return json_response(body, status, headers)


def _sent_path() -> str:
    """The path as it was sent. Werkzeug's has one slash where a client with a wrong base URL sends two."""
    path = request.environ["PATH_INFO"]
    return "/" * (len(path) - len(path.lstrip("/")) - 1) + request.path


_RESPONSES: dict[type[Exception], Callable[[Any], Response]] = {
    Rejected: _refusal_response,
    HTTPException: _http_error_response,
    NoSandbox: lambda error: _http_error_response(no_sandbox_error(error)),
    NotWritten: _unavailable_response,
    StateFileError: _unavailable_response,
    AccessDenied: _access_denied_response,
    StrictError: _strict_mode_response,
    Exception: _bug_response,
}


def install(app: Flask) -> None:
    """Answer every exception of the app in the vendor's formats."""
    for kind, response_of in _RESPONSES.items():
        app.register_error_handler(kind, response_of)


def error_response(error: Exception) -> Response:
    """Return the response to an exception, within the context of its request."""
    kind = next(kind for kind in type(error).__mro__ if kind in _RESPONSES)
    return _RESPONSES[kind](error)
