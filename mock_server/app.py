"""The application: reads as a table of contents."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import cache
from string import punctuation
from time import perf_counter
from typing import Any
from urllib.parse import quote

from flask import Flask, Request, Response, request
from flask.sessions import NullSession, SessionInterface
from werkzeug.exceptions import BadRequest, HTTPException, ServiceUnavailable
from werkzeug.routing import BaseConverter, MapAdapter

from mock_server import control, services
from mock_server.api import accesslog, bending, checked, errors, published, recording
from mock_server.api.accounts import accounts
from mock_server.api.answers import header_text
from mock_server.api.call import CALLER, Caller
from mock_server.api.documents import documents
from mock_server.api.dossiers import dossiers
from mock_server.api.openid import openid
from mock_server.api.processes import processes
from mock_server.api.thirdparties import thirdparties
from mock_server.clock import real_now
from mock_server.control import problems
from mock_server.dialects import DIALECTS
from mock_server.domain.checks import as_int64
from mock_server.fixtures import Fixture, load_fixture
from mock_server.fixtures.invention import invented_company
from mock_server.fixtures.library import bundled
from mock_server.journal import Limits
from mock_server.sandbox import NoSandbox, Sandboxes, Start
from mock_server.scenarios import FixtureNamed, Stage, scenario_path, stage_of
from mock_server.services import Services
from mock_server.settings import CONTROL_PREFIX, Settings
from mock_server.tokens import TokenOffice, given_key
from mock_server.watching import Watch

_logger = logging.getLogger("mock_server")

BASE_PATH = "/api/v1"
PREFIXES: dict[str, str | None] = {BASE_PATH: None, **{f"/{name}{BASE_PATH}": name for name in DIALECTS}}
"""Where the API is served, and the dialect spoken there; None is that of the host, or the server's own."""


def create_app(settings: Settings) -> Flask:
    """The sandbox as a WSGI application, its fixture loaded.

    Raises:
        FileMistake: the fixture or the scenario is missing or wrong; the message names file and line.
        KeyMistake: the signing key cannot be used.
    """
    app = _App("mock_server", static_folder=None)
    app.dialect = settings.dialect
    _route_plainly(app)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False  # another method is a 405, whichever
    shared = _services(settings)
    shared.sandboxes.named()  # its world is made now, not when the first request waits for it
    services.install(app, shared)
    app.register_blueprint(openid)
    for name, dialect in DIALECTS.items():
        for resource in (accounts, thirdparties, dossiers, documents, processes):
            app.register_blueprint(
                resource,
                name=f"{name}_{resource.name}",
                url_prefix=f"/{name}{BASE_PATH}",
                url_defaults={"dialect": dialect},
            )
    published.install(app, settings.dialect)
    control.install(app)
    errors.install(app)
    app.register_error_handler(NoSandbox, _no_sandbox)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)
    if settings.check_responses:
        checked.install(app)
    accesslog.install(app)
    return app


class _NoSessions(SessionInterface):
    """Nobody has a session here; Flask would make a new one of no use for each request."""

    _none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:  # noqa: ARG002  # as Flask calls it
        """The same for all; writing to it is refused."""
        return self._none


_BARE = f"{BASE_PATH}/"
_HOSTS = {f"{dialect.host}.": name for name, dialect in DIALECTS.items()}


class _App(Flask):
    """Flask whose bare `/api/v1` speaks the dialect of the host, else `dialect`, that of the server."""

    dialect: str

    session_interface = _NoSessions()

    def process_response(self, response: Response) -> Response:
        """Flask's; then what a rule does to the answer; what comes of it goes into the journal."""
        answer = super().process_response(response)
        environ = request.environ
        caller: Caller | None = environ.get(CALLER)
        if caller is not None and caller.applied is not None:
            answer = bending.bent(answer, caller.applied)
        recording.record(answer, environ, caller)
        return answer

    def wsgi_app(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Flask's; the journal tells how long it takes."""
        environ[recording.BEGAN] = perf_counter()
        if not environ["QUERY_STRING"].isascii():
            # Bytes that nobody escaped, as curl sends them; what is no UTF-8 then has its replacement.
            environ["QUERY_STRING"] = quote(environ["QUERY_STRING"], safe=punctuation, encoding="latin-1")
        return super().wsgi_app(environ, start_response)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """What finds the operation of a path, a bare one with the prefix of its dialect (behaviour.md 1.1).

        Flask's looks at the host for its own ends, for 9 µs.
        """
        if request is None:
            return None
        environ, path = request.environ, request.path
        if path.startswith(_BARE):
            label, dot, _ = environ.get("HTTP_HOST", "").lower().partition(".")
            path = f"/{_HOSTS.get(label + dot, self.dialect)}{path}"
        return MapAdapter(
            self.url_map,
            server_name="localhost",  # for redirects and URLs of our own, and there are neither
            script_name=environ["SCRIPT_NAME"],
            subdomain="",
            url_scheme=environ["wsgi.url_scheme"],
            path_info=path,
            default_method=environ["REQUEST_METHOD"],
            query_args=environ["QUERY_STRING"],
        )

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself: none is a coroutine, and Flask would ask that anew in each request."""
        return func


def _http_error(error: HTTPException) -> Response:
    """In the format of whoever was asked: the emulated API, or the control API."""
    return (problems.http_problem if _is_control() else errors.http_error)(error)


def _no_sandbox(error: NoSandbox) -> Response:
    return _http_error((ServiceUnavailable if error.later else BadRequest)(str(error)))


def _unexpected(error: Exception) -> Response:
    """A bug of the sandbox: the log has the traceback."""
    _logger.error("unexpected error at %s %s", request.method, header_text(request.path), exc_info=error)
    return (problems.unexpected_problem if _is_control() else errors.unexpected)(error)


def _is_control() -> bool:
    return request.path.startswith(f"{CONTROL_PREFIX}/")


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


def _route_plainly(app: Flask) -> None:
    """Paths mean what they say: no redirects, which the emulated API never answers."""
    app.url_map.converters["int64"] = Int64
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    # Two rules on one view with url_defaults would redirect from one to the other.
    app.url_map.redirect_defaults = False


def _services(settings: Settings) -> Services:
    if settings.signing_key:
        given_key(settings.signing_key)

    @cache
    def fixture_named(name: str) -> Fixture:
        return load_fixture(name, real_now().date(), settings.fixtures_dir)

    start = _start(settings, fixture_named)
    return Services(
        settings=settings,
        sandboxes=Sandboxes(
            start,
            limit=settings.max_sandboxes,
            idle=settings.sandbox_idle,
            users=_stages_of_users(settings, start.stage.fixture, fixture_named),
        ),
        fixture_named=fixture_named,
        tokens=TokenOffice(
            key_file=settings.signing_key,
            access_lifetime=settings.access_token_lifetime,
            refresh_lifetime=settings.refresh_token_lifetime,
        ),
        started=real_now(),
    )


def _stages_of_users(settings: Settings, fixture: Fixture, fixture_named: FixtureNamed) -> dict[str, Stage]:
    """What plays in the sandboxes of users whose entry in the fixture names a scenario."""
    now = settings.clock or real_now()
    return {
        user.username: stage_of(
            scenario_path(user.scenario, settings.scenarios_dir), fixture, fixture_named, now
        )
        for user in fixture.made.recipe.users
        if user.scenario is not None
    }


def scenario_watch(app: Flask) -> Watch:
    """What plays scenario files of the app anew as they change."""
    shared: Services = services.of(app)
    stages = shared.sandboxes.stages
    folders = [stage.path.parent for stage in stages if stage.path is not None]
    own = shared.settings.scenarios_dir
    return Watch(
        shared.sandboxes,
        shared.fixture_named,
        [*folders, *([own] if own else []), bundled("scenarios")],
        shared.settings.clock,
    )


def _start(settings: Settings, fixture_named: FixtureNamed) -> Start:
    fixture = fixture_named(settings.fixture)
    stage = Stage(fixture)
    if settings.scenario is not None:
        path = scenario_path(settings.scenario, settings.scenarios_dir)
        stage = stage_of(path, fixture, fixture_named, settings.clock or real_now())
    return Start(
        stage=stage,
        invent=invented_company,
        clock=settings.clock,
        variants=settings.variants,
        import_duration=settings.import_duration,
        journal=Limits(settings.journal_entries, settings.journal_bytes),
    )
