"""The server that tests talk to: the real one on a thread of this process, or one that runs already.

In this process it starts in a tenth of a second, leaves nothing behind whatever becomes of the run, and a
test that moves Python's own time moves that of tokens as well. It is the server of `mock-server serve`: its
faults and delays are real.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from mock_server.client import ControlRefused, NoServer, Server
from mock_server.domain.spelling import nearest
from mock_server.pytest_plugin import options
from mock_server.settings import SETTINGS, Settings

_NOT_HERE = {"host", "port", "tls_cert", "tls_key", "tls_self_signed", "watch", "log_format", "log_level"}
"""Settings that a server in this process has no use for: a port is picked, and pytest has the log."""
_ROWS = {row.name: row for row in SETTINGS if row.name not in _NOT_HERE}


@contextmanager
def provided(config: pytest.Config, chosen: Mapping[str, object]) -> Iterator[Server]:
    """The server, up; a mistake fails the tests with a sentence."""
    url = options.value(config, "dossiers_sandbox_url")
    if url:
        yield _server_at(url, options.value(config, "dossiers_control_token") or None)
    else:
        with _own_server(chosen) as server:
            yield server


def _server_at(url: str, token: str | None) -> Server:
    server = Server(url, token)
    try:
        server.health()
        server.sandboxes()  # which asks for the token
    except (ControlRefused, NoServer, ValueError) as mistake:
        raise pytest.fail.Exception(f"--dossiers-sandbox-url {url}: {mistake}", pytrace=False) from None
    return server


@contextmanager
def _own_server(chosen: Mapping[str, object]) -> Iterator[Server]:
    from mock_server import server
    from mock_server.app import create_app
    from mock_server.auth.keys import KeyFileError
    from mock_server.fixtures import FileError

    logging.getLogger("mock_server").setLevel(logging.WARNING)  # or a test would see its lines in caplog
    try:
        settings = _settings(chosen)
        app = create_app(settings)
    except (FileError, KeyFileError, ValueError) as mistake:
        raise pytest.fail.Exception(f"dossiers_settings: {mistake}", pytrace=False) from None
    bound = server.bind("127.0.0.1", 0)
    url = server.base_url(bound)
    with server.serving(server.Service(app.wsgi_app, max_body=settings.max_body), bound):
        yield Server(url, settings.control_token)


def _settings(chosen: Mapping[str, object]) -> Settings:
    """The settings; text is read as in the environment.

    Raises:
        ValueError: there is none of that name, or not that value.
    """
    return Settings(**{name: _read(name, given) for name, given in chosen.items()})  # type: ignore[arg-type]


def _read(name: str, given: object) -> object:
    row = _ROWS.get(name)
    if row is None:
        near = nearest(name, _ROWS)
        raise ValueError(
            f"there is no {name!r}; " + (f"did you mean {near!r}?" if near else ", ".join(_ROWS))
        )
    try:
        return row.read(given) if isinstance(given, str) else given
    except ValueError as mistake:
        raise ValueError(f"{name}: {mistake}") from None
