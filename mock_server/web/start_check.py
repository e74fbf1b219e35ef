"""The calls that a server makes of itself before it says that it is ready."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO, StringIO
from typing import Any
from urllib.parse import urlencode

from mock_server.auth.tokens import REALM_PATH
from mock_server.domain.operations import CLIENT_ID
from mock_server.settings import HEALTH_PATH
from mock_server.web import services
from mock_server.web.pipeline import Application

_SANDBOX = "start-check"
_TOKEN_PATH = f"{REALM_PATH}/protocol/openid-connect/token"
_LOGIN = {"grant_type": "password", "client_id": CLIENT_ID, "username": f"api+{_SANDBOX}@localhost"}
_FAILED = 500


class StartError(Exception):
    """The sandbox cannot answer its own calls; the message says which."""


def check_start(app: Application) -> None:
    """Ask for the health, and log in, in a separate sandbox that is deleted again.

    Without a kept key there is no login: the key is still being made. Nor with sandboxes that are shared:
    other replicas would see it.

    Raises:
        StartError: one of them was answered with 500.
    """
    shared = services.of(app)
    _check(app, "GET", HEALTH_PATH)
    if shared.tokens.has_key and not shared.sandboxes.is_shared:
        _check(app, "POST", _TOKEN_PATH, urlencode(_LOGIN | {"password": "start"}).encode())
        with suppress(KeyError):
            shared.sandboxes.drop(_SANDBOX)


def _check(app: Application, method: str, path: str, body: bytes = b"") -> None:
    """Make one call of the app.

    Raises:
        StartError: it is answered with 500, or without a body.
    """
    answered: list[str] = []

    def start_response(status: str, _: Any, __: Any = None) -> None:
        answered.append(status)

    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    parts = app.wsgi_app(environ, start_response)
    content = b"".join(parts)
    status = int(answered[0][:3]) if answered else _FAILED
    if status == _FAILED or not content:
        raise StartError(f"the sandbox answers its own call {method} {path} with {status}; see the log")
