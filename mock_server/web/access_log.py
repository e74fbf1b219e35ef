"""A line per request on the log: method, path, status, the codes of a refusal, and how long it took."""

from __future__ import annotations

import logging
from time import perf_counter

from flask import Flask, Response, request

from mock_server.dialects import wire
from mock_server.journal import redact_url
from mock_server.web.errors import REFUSAL_HEADER
from mock_server.web.journal_entry import BEGAN

logger = logging.getLogger("mock_server.access")


def install(app: Flask) -> None:
    """Log each request of the app, where the level asks for it."""
    if logger.isEnabledFor(logging.INFO):
        app.after_request(_log)


def _log(response: Response) -> Response:
    logger.info(
        "%s %s %d %.1fms%s",
        request.method,
        wire.header_text(redact_url(request.full_path.rstrip("?"))),
        response.status_code,
        (perf_counter() - request.environ[BEGAN]) * 1000,
        f" {response.headers[REFUSAL_HEADER]}" if REFUSAL_HEADER in response.headers else "",
    )
    return response
