"""The answers of control calls: JSON, and errors as problem+json."""

from __future__ import annotations

import json
from functools import partial
from http import HTTPStatus

import orjson
from flask import Flask, Response, request

from mock_server.auth.access import PROBLEM_HEADER, PROBLEM_JSON
from mock_server.deprecation import DEPRECATION_HEADER, log_renamed
from mock_server.dialects import wire
from mock_server.domain.errors import NotFound
from mock_server.domain.names import cut
from mock_server.input_errors import Conflict, FileError, InputError, NotWritten, StateFileError
from mock_server.pages import NO_SANDBOX, of_control_call
from mock_server.sandbox.history import NotKept
from mock_server.sandbox.sandboxes import NoSandbox
from mock_server.scenarios.active import NameTaken
from mock_server.settings import CONTROL_PREFIX
from mock_server.web.services import docs_url, log_bug, no_sandbox_error

_MISSING = {
    "account_id": ("account {value}", "GET /__admin/fixture lists those of its start"),
    "code": ("document type {value!r}, at all or in the account", "listRequirements, of the API, lists them"),
    "document_code": ("document {value!r} in this dossier", "GET /__admin/dossiers/ID lists them"),
    "dossier_id": ("dossier {value}", "GET /__admin/dossiers lists them"),
    "process_id": ("import with the processId {value!r}", "GET /__admin/processes lists them"),
    "thirdparty_id": ("third party {value}", "GET /__admin/dossiers has the thirdpartyId of each dossier"),
}
"""By the parameter of a call: what the sandbox does not have, and the call that lists what it has."""

_STATUSES: dict[type[Exception], int] = {
    FileError: 400,
    Conflict: 409,
    NameTaken: 409,
    NotKept: 404,
    NotWritten: 503,
    StateFileError: 503,
}
"""The status of errors whose message is the whole answer."""


class Problem(Exception):
    """A control call that is rejected: status, and a sentence that says what is allowed."""

    def __init__(self, detail: str, status: int = 400) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status


def json_answer(value: object, status: int = 200) -> Response:
    """Return the value as the JSON answer of a control call."""
    return Response(_encode(value), status, content_type="application/json")


def _encode(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # the name of a file in a folder of the user is not UTF-8
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def announce_renamed_member(answer: Response, old: str, new: str) -> Response:
    """Mark the answer as one with a deprecated member; log once that `new` replaces its name `old`."""
    answer.headers.set(*DEPRECATION_HEADER)
    log_renamed(f"the member `{old}` of control answers", f"`{new}`")
    return answer


def install_problems(app: Flask) -> None:
    """Register the error handlers of the control API."""
    for kind, status in _STATUSES.items():
        app.register_error_handler(kind, partial(_with_status, status))
    app.register_error_handler(Problem, _problem)
    app.register_error_handler(NotFound, _not_found)
    app.register_error_handler(InputError, input_error)
    app.register_error_handler(NoSandbox, _no_sandbox)
    app.register_error_handler(Exception, _unexpected)


def problem_answer(status: int, detail: str, **members: object) -> Response:
    """Return problem+json with this detail, the page of the documentation, and more members."""
    title = wire.status_phrase(status)
    page = docs_url(of_control_call(request.path.removeprefix(CONTROL_PREFIX), status))
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "docs": page}
    headers = {PROBLEM_HEADER: wire.header_text(detail)}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="control"'
    return Response(_encode(body | members), status, headers, content_type=PROBLEM_JSON)


def _with_status(status: int, error: Exception) -> Response:
    return problem_answer(status, str(error))


def _problem(problem: Problem) -> Response:
    return problem_answer(problem.status, problem.detail)


def input_error(error: InputError) -> Response:
    """Answer an error in a body, with its place."""
    return problem_answer(400, f"{error.path}: {error}")


def _not_found(error: NotFound) -> Response:
    """Answer that the sandbox does not have what the call names."""
    return problem_answer(404, missing_text(error))


def missing_text(error: NotFound) -> str:
    """Say what the sandbox does not have, and which call lists what it has."""
    [refusal] = error.refusals
    what, remedy = _MISSING[refusal.parameter or ""]
    return f"this sandbox has no {what.format(value=cut('/'.join(refusal.values)))}; {remedy}"


def _no_sandbox(error: NoSandbox) -> Response:
    cause = no_sandbox_error(error)
    return problem_answer(cause.code or 400, str(error), docs=docs_url(NO_SANDBOX))


def _unexpected(error: Exception) -> Response:
    """Answer a bug of the server."""
    log_bug(error)
    return problem_answer(500, f"The sandbox failed: {type(error).__name__}")
