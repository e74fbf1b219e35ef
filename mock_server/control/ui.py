"""The dashboard, a page that shows a sandbox by control calls: its files, and what a browser may do with it.

The files hold nothing of a sandbox; what the page shows, it asks for as anybody has to.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

from flask import Blueprint, Response

from mock_server.control.calls import serves
from mock_server.control.problems import Problem

ui = Blueprint("ui", __name__)

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
"""The page loads nothing from anywhere, talks to the server it came from alone, runs no script but its own,
and makes no markup of text, whatever a client sent."""

_HEADERS = MappingProxyType(
    {
        "Content-Security-Policy": "; ".join(_POLICY),
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-cache",
    }
)


@serves(ui, "GET /ui", media_type="text/html", sandboxed=False)
def get_ui() -> Response:
    """The dashboard: live journal, dossiers, scenarios, clock, coverage and outbox of a sandbox.

    It is served without the control token, and asks for it.
    """
    return _file(_PAGE)


@serves(ui, "GET /ui/<name>", media_type="*/*", sandboxed=False)
def get_ui_file(name: str) -> Response:
    """A script or style of the dashboard."""
    if name not in _names():
        raise Problem(f"the dashboard has no file {name!r}", 404)
    return _file(name)


def _file(name: str) -> Response:
    media_type = _TYPES[name.rpartition(".")[2]]
    return Response(_read(name), headers=dict(_HEADERS), content_type=f"{media_type}; charset=utf-8")


@cache
def _names() -> frozenset[str]:
    return frozenset(path.name for path in _folder().iterdir() if path.is_file())


@cache
def _read(name: str) -> bytes:
    return _folder().joinpath(name).read_bytes()


@cache
def _folder() -> Traversable:
    return files(__package__).joinpath("dashboard")
