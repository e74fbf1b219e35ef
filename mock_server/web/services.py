"""The objects that all requests of one app share, in both APIs: settings, sandboxes, tokens."""

from __future__ import annotations

import logging
from datetime import datetime

from flask import Flask, Request, current_app, request
from msgspec import Struct, field
from werkzeug.exceptions import BadRequest, HTTPException, ServiceUnavailable

from mock_server.auth.certificates import Tls
from mock_server.auth.tokens import TokenService
from mock_server.dialects import wire
from mock_server.journal.redaction import redact_text
from mock_server.sandbox.sandbox import ServerSandbox
from mock_server.sandbox.sandboxes import DEFAULT_SANDBOX, NoSandbox, Sandboxes
from mock_server.scenarios.setup import FixtureFinder
from mock_server.settings import DOCS_PATH, SANDBOX_HEADER, Settings

_KEY = "mock_server"
_logger = logging.getLogger("mock_server")


class Services(Struct, frozen=True, kw_only=True):
    """Created once with the app. `started` is in real time; `waiting` are the verifications that wait."""

    settings: Settings
    sandboxes: Sandboxes
    tokens: TokenService
    find_fixture: FixtureFinder
    started: datetime
    tls: Tls | None = None
    waiting: set[object] = field(default_factory=set)


def install(app: Flask, services: Services) -> None:
    """Attach the services to the app."""
    app.extensions[_KEY] = services


def of(app: Flask) -> Services:
    """The services of an app."""
    services: Services = app.extensions[_KEY]
    return services


def services() -> Services:
    """The services of the app that serves this request."""
    return of(current_app)


def base_url() -> str:
    """The URL of this server as its clients know it: `--public-url`, else as this request asks for it."""
    environ = request.environ
    prefix = base_path()
    if services().settings.public_url is not None:
        return prefix
    # Unchanged: Werkzeug decodes international names, and has no host for a name with an underscore.
    host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    return f"{environ['wsgi.url_scheme']}://{host}{prefix}"


def base_path() -> str:
    """The start of this server's URLs in a document: `--public-url`, else the prefix of a trusted proxy."""
    prefix: str = request.environ["SCRIPT_NAME"]
    return services().settings.public_url or prefix.rstrip("/")


def docs_url(topic: str) -> str:
    """The address of a page of the documentation on this server, such as of `control#the-clock`."""
    return f"{base_url()}{DOCS_PATH}/{topic}"


def explicit_sandbox_name(request: Request) -> str | None:
    """The name of the sandbox in the request's header or query; None without one.

    Two different names are joined by a comma. No sandbox has such a name, so the call is rejected.
    """
    names = {request.headers.get(SANDBOX_HEADER), *request.args.getlist("sandbox")} - {None, ""}
    return ", ".join(sorted(filter(None, names))) or None


def requested_sandbox_name(request: Request) -> str:
    """The name of the sandbox in the request's header or query, else that of the default one."""
    return explicit_sandbox_name(request) or DEFAULT_SANDBOX


def named_sandbox() -> ServerSandbox:
    """The sandbox that the request names by header or query parameter, else the default one."""
    return services().sandboxes.get(requested_sandbox_name(request))


def no_sandbox_error(error: NoSandbox) -> HTTPException:
    """A missing sandbox as an HTTP error: 503 when there may be one later, else 400."""
    return (ServiceUnavailable if error.later else BadRequest)(str(error))


def log_bug(error: Exception) -> None:
    """Log an error of the sandbox itself, with its traceback."""
    _logger.error(
        "unexpected error at %s %s",
        request.method,
        wire.header_text(redact_text(request.path)),
        exc_info=error,
    )
