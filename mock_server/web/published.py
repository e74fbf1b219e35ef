"""The published contract over HTTP: the OpenAPI documents, and a page to read and try them.

No part of the emulated API: no token is asked for, and nothing of it concerns a sandbox.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import orjson
from flask import Blueprint, Flask, Response

from mock_server.contract import document
from mock_server.dialects import DIALECTS

_PAGE_MAY_LOAD = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self';"
    " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""The page loads nothing from anywhere, and talks to the server that it came from alone."""


def install(app: Flask, own: str) -> None:
    """Serve the document of each dialect, and at `/openapi.json` that of the server's own."""
    published = Blueprint("published", __name__)
    published.add_url_rule("/docs", "docs", _docs)
    published.add_url_rule("/openapi.json", "openapi", _openapi, defaults={"dialect": own})
    for dialect in DIALECTS:
        rule = f"/{dialect}/openapi.json"
        published.add_url_rule(rule, f"openapi_{dialect}", _openapi, defaults={"dialect": dialect})
    app.register_blueprint(published)


def _openapi(dialect: str) -> Response:
    return Response(_encoded(dialect), content_type="application/json")


def _docs() -> Response:
    page = Response(_page(), content_type="text/html; charset=utf-8")
    page.headers["Content-Security-Policy"] = _PAGE_MAY_LOAD
    return page


@cache
def _encoded(dialect: str) -> bytes:
    return orjson.dumps(document(dialect))


@cache
def _page() -> bytes:
    return files(__package__).joinpath("docs.html").read_bytes()
