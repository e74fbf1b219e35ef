"""A bug of the sandbox: the call that meets it changes nothing, and the sandbox can always start again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from werkzeug.test import Client, TestResponse

from mock_server.app import create_app
from mock_server.cli import main
from mock_server.domain import search, settlement
from mock_server.sandbox import commands
from mock_server.settings import Settings
from mock_server.web import services
from tests.support import SIRET, TOKEN_URL, Api, assert_protocol_error

NOW = "2031-05-03T10:00:00"
FIXTURE = {"name": "empty"}


def fail(*_: object, **__: object) -> Any:
    """Stand for a bug in a function of the domain."""
    raise ZeroDivisionError("a bug")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sandboxes.db"


@pytest.fixture
def app(path: Path) -> Flask:
    return create_app(Settings(state=path, import_duration=timedelta(minutes=1), log_level="critical"))


def control(api: Api, method: str, call: str, body: Any = None) -> TestResponse:
    headers = {"X-Mock-Sandbox": api.sandbox}
    return api.client.open(f"/__admin{call}", method=method, json=body, headers=headers)


def importing(app: Flask, sandbox: str = "broken") -> Api:
    """A sandbox whose import ends a minute later, on a clock that stands still."""
    api = Api(app.test_client(), sandbox)
    api.set_clock(NOW)
    wanted = {"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": "PO-1"}
    assert api.post("/dossiers", wanted).status_code == 200
    return api


def test_a_command_that_fails_changes_nothing(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    api = importing(app)
    before = control(api, "GET", "/state").data
    caplog.set_level("ERROR", "mock_server")
    with monkeypatch.context() as bug:
        bug.setattr(settlement, "end_import", fail)
        for method, call, body in (
            ("POST", "/clock/advance", {"by": "PT10M"}),
            ("PUT", "/clock", {"now": "2031-06-01T00:00:00"}),
        ):
            answer = control(api, method, call, body)
            assert (answer.status_code, "ZeroDivisionError" in answer.text) == (500, True), call
            assert f"unexpected error at {method} /__admin{call}\n" in caplog.text
            assert control(api, "GET", "/state").data == before, call

    effects = api.advance("PT10M")
    assert [each["what"] for each in effects] == ["process finished"]


def test_an_operation_that_fails_is_logged_and_answered_in_protocol_format(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    api = Api(app.test_client(), "broken")
    monkeypatch.setattr(search, "list_dossiers", fail)
    caplog.set_level("ERROR", "mock_server")

    headers = {"Authorization": f"Bearer {api.token}"}
    answer = Client(app).get(api.url("/dossiers"), headers=headers)  # the contract has no 500

    assert_protocol_error(answer, 500)
    assert (answer.json or {})["message"] == "The sandbox failed: ZeroDivisionError"
    assert f"unexpected error at GET {api.url('/dossiers')}\nTraceback" in caplog.text


REPAIRS: dict[str, Callable[[Api, Any], TestResponse]] = {
    "a reset": lambda api, _: control(api, "POST", "/reset"),
    "another state": lambda api, state: control(api, "PUT", "/state", state),
    "another fixture": lambda api, _: control(api, "PUT", "/fixture", FIXTURE),
    "a clock that is set back": lambda api, _: control(api, "PUT", "/clock", {"now": NOW}),
    "its deletion": lambda api, _: control(api, "DELETE", f"/sandboxes/{api.sandbox}"),
}


def test_a_state_that_cannot_be_settled_can_be_replaced_and_breaks_no_report(
    app: Flask, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    importing(app, "default")
    state = Api(app.test_client(), "default").control("GET", "/state")
    sandboxes = [importing(app, f"s{number}") for number in range(len(REPAIRS))]
    monkeypatch.setattr(settlement, "end_import", fail)
    for api in (Api(app.test_client(), "default"), *sandboxes):
        api.control("PUT", "/clock", {"now": "2031-05-03T10:00:59.9", "frozen": False})
    # The imports end within a tenth of a second: with less, one might end while its clock is set.
    assert any(control(sandboxes[-1], "GET", "/processes").status_code == 500 for _ in range(10_000))

    for call in ("/metrics", "/health", "/sandboxes"):
        assert app.test_client().get(f"/__admin{call}").status_code == 200, call
    for api, (name, repair) in zip(sandboxes, REPAIRS.items(), strict=True):
        assert repair(api, state).status_code < 300, name
        assert control(api, "GET", "/state").status_code == 200, name

    services.of(app).sandboxes.close()
    result = CliRunner().invoke(main, ["state", "export", str(path)])
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert "the sandbox 'default' cannot be restored: ZeroDivisionError: a bug; use" in result.output
    again = create_app(Settings(state=path, log_level="critical"))
    for api in sandboxes:
        assert control(Api(again.test_client(), api.sandbox), "GET", "/state").status_code == 200


def test_a_sandbox_that_cannot_be_restored_is_reported_and_can_be_deleted(
    app: Flask, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = importing(app)
    services.of(app).sandboxes.close()
    monkeypatch.setattr(commands, "launch_import", fail)
    again = create_app(Settings(state=path, log_level="critical"))
    api.client = again.test_client()

    login = {
        "client_id": "ea-api-edge",
        "grant_type": "password",
        "username": api.username,
        "password": "demo",
    }
    answers = [api.client.post(TOKEN_URL, data=login), control(api, "POST", "/reset")]
    for call in ("/metrics", "/health", "/sandboxes"):
        assert api.client.get(f"/__admin{call}").status_code == 200, call

    assert [answer.status_code for answer in answers] == [503, 503]
    reason = (
        "the sandbox 'broken' cannot be restored: ZeroDivisionError: a bug; use the version of mock-server"
    )
    for answer in answers:
        assert f"{reason} that wrote the file, or send DELETE /__admin/sandboxes/broken" in answer.text
    assert control(api, "DELETE", "/sandboxes/broken").status_code == 204
    assert control(api, "GET", "/state").status_code == 200
