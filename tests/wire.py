"""A server in this process, plain or with TLS, for tests that send raw bytes to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any

import pytest
from trustme import CA

from mock_server import server
from mock_server.app import create_app
from mock_server.server import connection, runner
from mock_server.settings import Settings
from mock_server.web.pipeline import Application
from tests.serving import serving

KINDS = ["plain", "TLS"]
LIMIT = 2048
"""The largest request body, in bytes."""


@cache
def application() -> Application:
    """The app of all these servers, made once."""
    return create_app(Settings(max_body=LIMIT, log_level="error"))


@contextmanager
def wire_server(kind: str, folder: Path, *, wsgi: Any = None, **service: Any) -> Iterator[str]:
    """The base URL of a server with these settings; the clients of the test trust its certificate.

    It waits for a fifth of the usual time until a client has closed a connection, and looks often.
    """
    app = application()
    bound = server.bind("127.0.0.1", 0)
    settings: dict[str, Any] = {"max_body": LIMIT, "reads_body": app.reads_body} | service
    with pytest.MonkeyPatch.context() as environment:
        environment.setattr(connection, "_LINGER", 0.2)
        environment.setattr(runner, "_SWEEP", 0.05)
        context = _context(folder, environment) if kind == "TLS" else None
        url = server.base_url(bound, "https" if context else "http")
        served = server.Service(wsgi=wsgi or app.wsgi_app, tls=context, **settings)
        with serving(served, bound):
            yield url


def _context(folder: Path, environment: pytest.MonkeyPatch) -> SSLContext:
    authority, context = CA(), SSLContext(PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    for trusted in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        environment.setenv(trusted, str(folder / "ca.pem"))
    return context
