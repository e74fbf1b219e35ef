"""The published contract over HTTP: OpenAPI documents, a page to read and try them, and a check of answers.

The documents and the page are not part of the emulated API: they need no token and no sandbox.
"""

from __future__ import annotations

import logging
from functools import cache, lru_cache, partial
from http import HTTPStatus
from importlib.resources import files

import orjson
from flask import Blueprint, Flask, Request, Response
from werkzeug.wrappers import Response as AnyResponse

from mock_server.auth.access import PROBLEM_HEADER
from mock_server.auth.tokens import REALM_PATH
from mock_server.dialects import DIALECTS, Dialect, wire
from mock_server.journal.redaction import redact_text
from mock_server.settings import is_control_path
from mock_server.web.routing import operation_of
from mock_server.web.rule_effects import rule_applied
from mock_server.web.services import base_path, services

CONTRACT_HEADER = "X-Mock-Contract"

_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self';"
    " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""The page loads nothing from elsewhere, and calls only its own server."""

_MAX_CACHED_DOCUMENTS = 8
"""Documents in the cache: one per dialect and prefix."""

_logger = logging.getLogger("mock_server.contract")


def install_documents(app: Flask, default: str) -> None:
    """Serve the document of each dialect, and at `/openapi.json` that of the server's default."""
    published = Blueprint("published", __name__)
    published.add_url_rule("/docs", "docs", _docs)
    published.add_url_rule("/openapi.json", "openapi", partial(_openapi, default))
    for dialect in DIALECTS:
        published.add_url_rule(f"/{dialect}/openapi.json", f"openapi_{dialect}", partial(_openapi, dialect))
    app.register_blueprint(published)


def contract_error(request: Request, response: AnyResponse, default: str) -> str | None:
    """Return where the answer to this request differs from the contract, or None.

    `default` is the dialect of a path that names none.

    Not checked: an answer that a rule changed, a rejected page, and calls outside the emulated API, such as
    a browser's that is sent to the dashboard.
    """
    if rule_applied(request) or request.method == "HEAD" or is_control_path(request.path):
        return None
    if PROBLEM_HEADER in response.headers:
        return None
    operation = operation_of(request)
    if operation is None and response.status_code == HTTPStatus.FOUND:
        return None
    of_realm = request.path.startswith(f"{REALM_PATH}/") and response.status_code != HTTPStatus.NOT_FOUND
    if operation is None and (request.url_rule is not None or of_realm):
        return None
    from mock_server.contract import answer_error  # most servers check no responses

    dialect: Dialect | None = (request.view_args or {}).get("dialect")
    return answer_error(
        dialect.name if dialect else default,
        operation.name if operation else None,
        response.status_code,
        response.content_type or "",
        response.get_data(),
    )


def check_response(request: Request, response: Response, default: str) -> None:
    """Validate the answer to a request (`--check-responses`).

    A difference is logged as an error and named in an extra header; the answer itself is sent unchanged.
    """
    error = contract_error(request, response, default)
    if error is not None:
        _logger.error(
            "not as the contract says: %s %s: %s",
            request.method,
            wire.header_text(redact_text(request.path)),
            redact_text(error),
        )
        response.headers[CONTRACT_HEADER] = wire.header_text(error)


def _openapi(dialect: str) -> Response:
    needs_token = services().settings.auth != "off"
    return Response(_encode_document(dialect, base_path(), needs_token), content_type="application/json")


def _docs() -> Response:
    page = Response(_page(), content_type="text/html; charset=utf-8")
    page.headers["Content-Security-Policy"] = _PAGE_POLICY
    return page


@lru_cache(_MAX_CACHED_DOCUMENTS)
def _encode_document(dialect: str, base: str, needs_token: bool) -> bytes:  # noqa: FBT001  # a key of the cache
    from mock_server.contract import document  # a start does not need it

    return orjson.dumps(document(dialect, base, needs_token=needs_token))


@cache
def _page() -> bytes:
    return files(__package__).joinpath("docs.html").read_bytes()
