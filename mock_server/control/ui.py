"""The dashboard, a page that shows a sandbox by control calls: its files, and the policy for browsers.

The files have no data of a sandbox; the page makes control calls, with the token if there is one.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from types import MappingProxyType

from flask import Response, request

from mock_server.control.calls import route
from mock_server.control.problems import Problem
from mock_server.domain.names import shown

_PAGE = "index.html"
_TYPES = MappingProxyType({"css": "text/css", "html": "text/html", "js": "text/javascript"})
_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)
"""The page loads nothing from other servers, sends requests only to its own server, runs only its own
scripts, and never turns text of a client into markup."""

_HEADERS = MappingProxyType(
    {
        "Content-Security-Policy": "; ".join(_POLICY),
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-cache",
    }
)


@route("GET /ui", media_type="text/html", sandboxed=False)
def get_ui() -> Response:
    """Return the dashboard: live journal, dossiers, imports, scenarios, clock and outbox of a sandbox.

    The page needs no control token; it asks the user for it.
    """
    if request.path.endswith("/"):
        return Response(status=308, headers={"Location": "../ui"})  # the page's links are relative to /ui
    return _file(_PAGE)


@route("GET /ui/<name>", media_type="*/*", sandboxed=False)
def get_ui_file(name: str) -> Response:
    """Return a script or style of the dashboard."""
    if name not in _files():
        raise Problem(f"the dashboard has no file {shown(name)}", 404)
    return _file(name)


def _file(name: str) -> Response:
    media_type = _TYPES[name.rpartition(".")[2]]
    return Response(_files()[name], headers=dict(_HEADERS), content_type=f"{media_type}; charset=utf-8")


@cache
def _files() -> dict[str, bytes]:
    """The content of each file, by its name."""
    folder = files(__package__).joinpath("dashboard")
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
