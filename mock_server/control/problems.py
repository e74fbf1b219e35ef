"""What goes wrong in a control call: one exception, answered as problem+json."""

from __future__ import annotations

from typing import TypeVar

import msgspec
import orjson
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import NotFound as NotFoundHttp

from mock_server.auth.access import PROBLEM_HEADER
from mock_server.dialects import wire
from mock_server.domain.errors import NotFound, Rejected
from mock_server.fixtures import FileError
from mock_server.fixtures.errors import InputError
from mock_server.nesting import check_depth
from mock_server.pages import NO_SANDBOX, of_control_call
from mock_server.sandbox import NoSandbox
from mock_server.settings import CONTROL_PREFIX
from mock_server.web.services import http_error, log_bug

T = TypeVar("T")

PROBLEM_JSON = "application/problem+json"
_LONGEST_DETAIL = 10_000


class Problem(Exception):
    """A control call that cannot be done: status, and a sentence that says what would be right."""

    def __init__(self, detail: str, status: int = 400) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status


def body_as(kind: type[T]) -> T:
    """The request's JSON body as `kind`; an empty body is an empty object.

    Raises:
        Problem: not JSON, or not of that form.
    """
    try:
        raw = request.get_data() or b"{}"
        check_depth(raw)
        return msgspec.json.decode(raw, type=kind)
    except (ValueError, RecursionError) as mistake:
        raise Problem(f"the body does not fit: {mistake}") from None


def json_answer(value: object, status: int = 200) -> Response:
    """A control answer."""
    return Response(orjson.dumps(value), status, content_type="application/json")


def install_problems(app: Flask) -> None:
    """Let the app answer its problems."""
    app.register_error_handler(Problem, _problem)
    app.register_error_handler(Rejected, _rejected)
    app.register_error_handler(InputError, _mistake)
    app.register_error_handler(FileError, _file_mistake)
    app.register_error_handler(HTTPException, _http_problem)
    app.register_error_handler(NoSandbox, _no_sandbox)
    app.register_error_handler(Exception, _unexpected)


def problem_answer(status: int, detail: str, **members: object) -> Response:
    """problem+json with this detail, the page of the documentation, and members of its own."""
    title = wire.status_phrase(status)
    if len(detail) > _LONGEST_DETAIL:
        detail = f"{detail[:_LONGEST_DETAIL]} ..."
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "docs": _page(status)}
    headers = {PROBLEM_HEADER: wire.header_text(detail)}
    return Response(orjson.dumps(body | members), status, headers, content_type=PROBLEM_JSON)


def _page(status: int) -> str:
    return of_control_call(request.path.removeprefix(CONTROL_PREFIX), status)


def _problem(problem: Problem) -> Response:
    return problem_answer(problem.status, problem.detail)


def _mistake(mistake: InputError) -> Response:
    return problem_answer(400, f"{mistake.path}: {mistake}")


def _file_mistake(mistake: FileError) -> Response:
    return problem_answer(400, str(mistake))


def _rejected(error: Rejected) -> Response:
    """A rule of the domain refuses a control call as well: there is no such dossier, for one."""
    reasons = [f"{refusal.error.label_en} ({wire.reason(refusal)})" for refusal in error.refusals]
    return problem_answer(404 if isinstance(error, NotFound) else 400, "; ".join(reasons))


def _http_problem(error: HTTPException) -> Response:
    """What HTTP itself refuses in a control call: an unknown path, a wrong method."""
    unknown = isinstance(error, NotFoundHttp)
    detail = f"not found: there is no control call {request.path}; README.md lists them" if unknown else None
    answer = problem_answer(error.code or 500, detail or error.description or "")
    answer.headers.extend((name, value) for name, value in error.get_headers() if name.lower() == "allow")
    return answer


def _no_sandbox(error: NoSandbox) -> Response:
    cause = http_error(error)
    return problem_answer(cause.code or 400, str(error), docs=NO_SANDBOX)


def _unexpected(error: Exception) -> Response:
    """A bug of the sandbox in a control call."""
    log_bug(error)
    return problem_answer(500, f"The sandbox failed: {type(error).__name__}")
