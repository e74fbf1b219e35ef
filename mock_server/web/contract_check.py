"""Every answer held against the published contract, where the server was told to (`--check-responses`).

A mistake is logged as an error and named in a header of ours; the answer goes out as it is.
"""

from __future__ import annotations

import logging

from flask import Flask, Response, request
from werkzeug.wrappers import Response as AnyResponse

from mock_server.contract import answer_mistake
from mock_server.dialects import Dialect, wire
from mock_server.domain.operations import BY_VIEW
from mock_server.settings import is_control_path
from mock_server.web.rule_effects import is_bent
from mock_server.web.services import services

CONTRACT_HEADER = "X-Mock-Contract"

_logger = logging.getLogger("mock_server.contract")


def install(app: Flask) -> None:
    """Check each answer of the app."""
    app.after_request(_checked)


def mistake_of(response: AnyResponse) -> str | None:
    """What is wrong with the answer to this request in the eyes of the contract; None when nothing is.

    An answer that a rule bent is not judged, nor one of a page that is no part of the emulated API.
    """
    if is_bent() or request.method == "HEAD" or is_control_path(request.path):
        return None
    rule = request.url_rule
    operation = BY_VIEW.get(rule.endpoint.rpartition(".")[2]) if rule else None
    if rule is not None and operation is None:
        return None
    spoken: Dialect | None = (request.view_args or {}).get("dialect")
    return answer_mistake(
        spoken.name if spoken else services().settings.dialect,
        operation.name if operation else None,
        response.status_code,
        response.content_type or "",
        response.get_data(),
    )


def _checked(response: Response) -> Response:
    mistake = mistake_of(response)
    if mistake is not None:
        _logger.error(
            "not as the contract says: %s %s: %s", request.method, wire.header_text(request.path), mistake
        )
        response.headers[CONTRACT_HEADER] = wire.header_text(mistake)
    return response
