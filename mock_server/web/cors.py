"""Cross-origin calls of the emulated API by the user's own web pages (`--cors`); never of the control API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mock_server.settings import is_control_path

_Headers = list[tuple[str, str]]
_ALLOW_ORIGIN = "Access-Control-Allow-Origin"
_EXPOSED = (
    "WWW-Authenticate, X-Mock-Refusal, X-Mock-Rule, X-Mock-Contract, X-Mock-Problem, X-Mock-Unmatched, "
    "X-Mock-Docs, X-Mock-Warning, Content-Disposition, x-ratelimit-remaining, x-ratelimit-burst-capacity, "
    "x-ratelimit-replenish-rate, Retry-After"
)


class Cors:
    """Adds the headers of CORS to the answers of a WSGI application, and answers preflight requests.

    A preflight is not in the journal: it is not a call of the API. No answer allows credentials: pages send
    the token in a header.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], origins: tuple[str, ...]) -> None:
        self._app = app
        self._origins = origins

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        if is_control_path(environ["PATH_INFO"]):
            return self._app(environ, start_response)
        cors_headers = self._allowed_origin(environ)
        is_allowed = any(name == _ALLOW_ORIGIN for name, _ in cors_headers)
        if is_allowed and _is_preflight(environ):
            start_response("204 No Content", [*cors_headers, *_preflight_headers(environ)])
            return []
        if is_allowed:
            cors_headers.append(("Access-Control-Expose-Headers", _EXPOSED))

        def start_with_headers(status: str, headers: _Headers, *rest: Any) -> Any:
            return start_response(status, [*headers, *cors_headers], *rest)

        return self._app(environ, start_with_headers)

    def _allowed_origin(self, environ: Mapping[str, Any]) -> _Headers:
        """The headers that let the page's origin read the answer; only `Vary` for another origin."""
        if "*" in self._origins:
            return [(_ALLOW_ORIGIN, "*")]
        origin = environ.get("HTTP_ORIGIN", "")
        allowed = [(_ALLOW_ORIGIN, origin)] if origin.lower() in self._origins else []
        return [("Vary", "Origin"), *allowed]


def _is_preflight(environ: Mapping[str, Any]) -> bool:
    return environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ


def _preflight_headers(environ: Mapping[str, Any]) -> _Headers:
    requested_headers = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS") or "Authorization"
    headers = [
        ("Access-Control-Allow-Methods", "GET, HEAD, POST"),
        ("Access-Control-Allow-Headers", requested_headers),
        ("Access-Control-Max-Age", "600"),
    ]
    if "HTTP_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK" in environ:
        headers.append(("Access-Control-Allow-Private-Network", "true"))  # Chromium asks, for a local server
    return headers
