"""Flask on the way from a request to its view and back, less what nobody here has a use for.

Every request goes this way, and half of its time went into finding the path's operation anew, into sessions,
and into headers that no answer has. What is left out is said at each place; the rest is Flask's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from string import punctuation
from time import perf_counter
from typing import Any
from urllib.parse import quote

from flask import Flask, Request, Response
from flask.ctx import RequestContext
from flask.globals import request_ctx
from flask.sessions import NullSession, SessionInterface
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.routing import BaseConverter, MapAdapter, Rule

from mock_server.dialects import DIALECTS
from mock_server.domain.checks import as_int64
from mock_server.domain.operations import API_PATH
from mock_server.settings import HEALTH_PATH, is_control_path
from mock_server.web import journal_entry, rule_effects
from mock_server.web.context import CALLER, Caller

PREFIXES: dict[str, str | None] = {API_PATH: None, **{f"/{name}{API_PATH}": name for name in DIALECTS}}
"""Where the API is served, and the dialect spoken there; None is that of the host, or the server's own."""

_BARE = f"{API_PATH}/"
_HOSTS = {f"{dialect.host}.": name for name, dialect in DIALECTS.items()}
_REMEMBERED = 1024


class Dispatcher(Flask):
    """Flask whose bare `/api/v1` speaks the dialect of the host, else `dialect`, that of the server.

    `control` makes the app for the control API, or has made it.
    """

    def __init__(self, dialect: str, control: Callable[[], Flask]) -> None:
        super().__init__("mock_server", static_folder=None)
        self.dialect = dialect
        self.control = control
        self.session_interface = _NoSessions()
        self.request_class = _Request
        self.url_rule_class = _Rule
        self._route_plainly()
        self._adapter = self.url_map.bind("localhost")
        self.found = lru_cache(_REMEMBERED)(self._found)

    def _route_plainly(self) -> None:
        """Paths mean what they say: no redirects, which the emulated API never answers."""
        self.url_map.converters["int64"] = Int64
        self.url_map.strict_slashes = False
        self.url_map.merge_slashes = False
        # Two rules on one view with url_defaults would redirect from one to the other.
        self.url_map.redirect_defaults = False

    def _found(self, path: str, method: str) -> tuple[Rule, Mapping[str, Any]]:
        return self._adapter.match(path, method, return_rule=True)

    def wsgi_app(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Flask's; the journal tells how long it takes. The control API is another app."""
        environ[journal_entry.BEGAN] = perf_counter()
        if not environ["QUERY_STRING"].isascii():
            # Bytes that nobody escaped, as curl sends them; what is no UTF-8 then has its replacement.
            environ["QUERY_STRING"] = quote(environ["QUERY_STRING"], safe=punctuation, encoding="latin-1")
        if is_control(environ["REQUEST_METHOD"], environ["PATH_INFO"]):
            return self.control().wsgi_app(environ, start_response)
        return super().wsgi_app(environ, start_response)

    def request_context(self, environ: dict[str, Any]) -> RequestContext:
        """Ours, which finds the operation of a path it knows without a search."""
        return _Context(self, environ)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """The same for all: Flask makes one per request, for hosts and URLs of its own; there are neither."""
        return None if request is None else self._adapter

    def process_response(self, response: Response) -> Response:
        """Flask's; then what a rule does to the answer; what comes of it goes into the journal."""
        answer = super().process_response(response)
        environ = request_ctx.request.environ
        caller: Caller | None = environ.get(CALLER)
        if caller is not None and caller.applied is not None:
            answer = rule_effects.bent(answer, caller.applied)
        journal_entry.record(answer, environ, caller)
        return answer

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself: none is a coroutine, and Flask would ask that anew in each request."""
        return func


def is_control(method: str, path: str) -> bool:
    """Whether a call is for the control API; that of its health is answered without one."""
    return is_control_path(path) and (path != HEALTH_PATH or method not in {"GET", "HEAD"})


class Int64(BaseConverter):
    """An id in a path: 64 bits; all else is a malformed request, not an unknown path (behaviour.md 3)."""

    def to_python(self, value: str) -> int:
        """The number.

        Raises:
            BadRequest: it is none.
        """
        number = as_int64(value)
        if number is None:
            raise BadRequest(f"Failed to convert value '{value[:100]}' to an int64")
        return number


class _Context(RequestContext):
    """Flask's, which remembers where the paths it has met lead: what is routed where never changes."""

    app: Dispatcher

    def match_request(self) -> None:
        """Find the operation; a bare path is that of its dialect (behaviour.md 1.1)."""
        request, path = self.request, self.request.path
        if path.startswith(_BARE):
            label, dot, _ = request.environ.get("HTTP_HOST", "").lower().partition(".")
            path = f"/{_HOSTS.get(label + dot, self.app.dialect)}{path}"
        try:
            rule, values = self.app.found(path, request.method)
        except HTTPException as error:
            request.routing_exception = error
        else:
            request.url_rule, request.view_args = rule, dict(values)


class _Request(Request):
    """Flask's, which would look for hooks and error handlers of the blueprints; they have none."""

    blueprints: list[str] = []  # noqa: RUF012  # a property there


class _Rule(Rule):
    """Werkzeug's, which leads from a path to its view; nobody asks it for the path of a view."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:  # noqa: ARG002, FBT001, FBT002  # as Werkzeug calls it
        """Nothing, where Werkzeug writes and compiles two functions: half of what making the app takes."""
        return lambda *_: ("", "")


class _NoSessions(SessionInterface):
    """Nobody has a session here; Flask would make a new one of no use for each request."""

    _none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:  # noqa: ARG002  # as Flask calls it
        """The same for all; writing to it is refused."""
        return self._none
