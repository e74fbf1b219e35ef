"""What a server does before it says that it is ready."""

from __future__ import annotations

import gc
import logging
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from werkzeug.exceptions import InternalServerError

from mock_server import server
from mock_server.app import create_app
from mock_server.auth import keys
from mock_server.cli import main
from mock_server.sandbox.sandboxes import Sandboxes
from mock_server.settings import Settings
from mock_server.web import services, start_check
from mock_server.web.start_check import StartError, check_start
from tests.sockets import log_in
from tests.support import running_server


def test_the_start_check_leaves_nothing_behind() -> None:
    with running_server() as (url, _):
        sandboxes = requests.get(f"{url}/__admin/sandboxes", timeout=5).json()["sandboxes"]
        journal = requests.get(f"{url}/__admin/requests", timeout=5).json()["requests"]

    assert [sandbox["name"] for sandbox in sandboxes] == ["default"]
    assert journal == []


@pytest.mark.parametrize(
    ("path", "body"), [("/__admin/health", b"{}"), ("/auth/realms", b"{}"), ("/__admin/health", b"")]
)
def test_a_server_whose_own_call_fails_does_not_start(
    monkeypatch: pytest.MonkeyPatch, path: str, body: bytes
) -> None:
    app = create_app(Settings(log_level="error"))
    served = app.wsgi_app

    def fail(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"].startswith(path):
            start_response("200 OK" if not body else InternalServerError().get_response().status, [])
            return [body]
        return served(environ, start_response)

    monkeypatch.setattr(app, "wsgi_app", fail)
    monkeypatch.setattr(keys, "_KEY_FILE", ".")  # there is one, so there is a login

    with pytest.raises(StartError, match=path):
        check_start(app)


@pytest.mark.parametrize("error", ["", "POST /x: 500"])
def test_a_server_serves_after_its_own_check_and_then_restores_sandboxes_and_collects_garbage(
    monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    done: list[object] = []

    def check(_: object) -> None:
        done.append("checked")
        if error:
            raise StartError(error)

    def serve(_: object, __: object, announce: Callable[[object], None], **___: object) -> None:
        done.append(gc.isenabled())
        announce(None)

    bound = server.bind("127.0.0.1", 0)
    monkeypatch.setattr(server, "bind", lambda *_: bound)
    monkeypatch.setattr(start_check, "check_start", check)
    monkeypatch.setattr(server, "serve", serve)
    monkeypatch.setattr(Sandboxes, "restore_soon", lambda _: done.append("restored"))
    log = logging.getLogger("mock_server")
    before = log.handlers, log.propagate, log.level
    try:
        found = CliRunner().invoke(main, ["serve", "--log-level", "error"])
    finally:
        gc.enable()
        bound.close()
        log.handlers, log.propagate = before[:2]
        log.setLevel(before[2])

    assert done == (["checked"] if error else ["checked", True, "restored"])
    assert found.output.startswith(f"Error: {error}\n" if error else "mock-server ready on http://127.0.0.1:")


def test_a_key_that_is_not_kept_is_made_during_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    app = create_app(Settings(log_level="error"))

    ends = time.monotonic() + 20
    while not services.of(app).tokens.has_key and time.monotonic() < ends:
        time.sleep(0.05)

    assert services.of(app).tokens.has_key


def test_the_first_login_waits_for_the_key(tmp_path: Path) -> None:
    with running_server(XDG_CACHE_HOME=str(tmp_path)) as (url, _):
        assert log_in(url)["Authorization"].startswith("Bearer ey")


def test_an_app_that_is_no_longer_used_is_freed_after_the_start_of_the_next() -> None:
    app = create_app(Settings())
    app.test_client().get("/__admin/clock")
    reference = weakref.ref(app)

    app = create_app(Settings())
    gc.collect()

    assert app is not reference()
    assert reference() is None


def test_without_a_kept_key_the_start_check_waits_for_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))  # so no key can be kept
    app = create_app(Settings(log_level="error"))
    served, called = app.wsgi_app, []

    def count(environ: dict[str, Any], start_response: Any) -> Any:
        called.append(environ["PATH_INFO"])
        return served(environ, start_response)

    monkeypatch.setattr(app, "wsgi_app", count)
    check_start(app)

    assert called == ["/__admin/health"]
