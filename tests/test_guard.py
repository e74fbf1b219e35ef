"""Who may drive a sandbox, and how many there may be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from mock_server.app import create_app
from mock_server.settings import Settings
from tests.support import TOKEN_URL


def client(**settings: Any) -> FlaskClient:
    return create_app(Settings(fixture="empty", **settings)).test_client()


def ask(client: FlaskClient, *, remote: str = "127.0.0.1", **headers: str) -> int:
    """The status of a control call from `remote` with these headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get("/__admin/clock", headers=named, environ_base={"REMOTE_ADDR": remote}).status_code


@pytest.mark.parametrize(
    ("remote", "status"),
    [
        *((remote, 200) for remote in ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1")),
        *((remote, 403) for remote in ("10.0.0.7", "192.168.1.5", "2001:db8::1", "", "nonsense")),
    ],
)
def test_without_a_token_control_is_for_this_machine_alone(remote: str, status: int) -> None:
    assert ask(client(), remote=remote) == status


def test_an_open_server_takes_control_calls_from_everywhere() -> None:
    assert ask(client(control_open=True), remote="10.0.0.7") == 200


@pytest.mark.parametrize(
    ("authorization", "status"),
    [("", 401), ("Bearer wrong", 401), ("Basic s3cret", 401), ("Bearer s3cret", 200), ("bearer s3cret", 200)],
)
@pytest.mark.parametrize("remote", ["127.0.0.1", "10.0.0.7"])
def test_with_a_token_control_is_for_those_who_have_it(authorization: str, status: int, remote: str) -> None:
    asked = ask(client(control_token="s3cret"), remote=remote, Authorization=authorization)

    assert asked == status


def test_health_is_open_to_orchestrators() -> None:
    closed = client(control_token="s3cret")

    answer = closed.get("/__admin/health", environ_base={"REMOTE_ADDR": "10.0.0.7"})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Origin": "http://evil.example"}, 403, id="a page of another site"),
        pytest.param({"Origin": "null"}, 403, id="a page of no site"),
        pytest.param({"Sec_Fetch_Site": "cross-site"}, 403, id="a browser says so"),
        pytest.param({"Host": "evil.example"}, 403, id="a foreign name that points here"),
        pytest.param({"Host": "localhost:8080", "Origin": "http://localhost:8080"}, 200, id="its own page"),
        pytest.param({"Host": "sandbox:8080"}, 200, id="a container's name"),
        pytest.param({"Host": "[::1]:8080"}, 200, id="an address"),
    ],
)
def test_a_browser_on_a_foreign_page_is_refused(headers: dict[str, str], status: int) -> None:
    assert ask(client(control_open=True), **headers) == status


def test_the_public_name_is_its_own() -> None:
    public = client(public_url="https://sandbox.example.org")

    assert ask(public, Host="sandbox.example.org") == 200


def named(client: FlaskClient, sandbox: str) -> int:
    return client.get("/__admin/clock", headers={"X-Mock-Sandbox": sandbox}).status_code


def test_one_sandbox_too_many_is_refused_until_one_is_dropped() -> None:
    small = client(max_sandboxes=3)  # the default one is there from the start
    assert [named(small, "a"), named(small, "b")] == [200, 200]

    assert named(small, "c") == 503
    small.delete("/__admin/sandboxes/a")

    assert named(small, "c") == 200


def test_a_client_that_opens_one_sandbox_too_many_gets_a_503_that_says_why() -> None:
    small = client(max_sandboxes=1)
    named(small, "a")
    form = {
        "grant_type": "password",
        "client_id": "ea-api-edge",
        "username": "api+b@example.com",
        "password": "demo",
    }

    answer = small.post(TOKEN_URL, data=form)

    assert answer.status_code == 503
    assert "--max-sandboxes" in (answer.json or {})["message"]


def test_an_idle_sandbox_makes_room_and_the_default_one_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    small = client(max_sandboxes=2, sandbox_idle=timedelta(minutes=5))
    assert [named(small, "default"), named(small, "a")] == [200, 200]
    later = __import__("time").monotonic() + 301
    monkeypatch.setattr("mock_server.sandbox.sandboxes.monotonic", lambda: later)

    assert named(small, "b") == 200

    listed = small.get("/__admin/sandboxes").json["sandboxes"]  # type: ignore[index]
    assert [row["name"] for row in listed] == ["default", "b"]


@pytest.mark.parametrize("name", ["a b", "a/b", "é", "x" * 65])
def test_a_sandbox_has_a_plain_name(name: str) -> None:
    answer = client().get("/__admin/clock", query_string={"sandbox": name})

    assert answer.status_code == 400
    assert "up to 64 letters" in (answer.json or {})["detail"]


def test_a_sandbox_that_is_only_listed_grows_idle_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    small = client(sandbox_idle=timedelta(minutes=5))
    named(small, "a")
    began = __import__("time").monotonic()

    def listed(seconds: int) -> list[str]:
        monkeypatch.setattr("mock_server.sandbox.sandboxes.monotonic", lambda: began + seconds)
        rows = small.get("/__admin/sandboxes").json["sandboxes"]  # type: ignore[index]
        return [row["name"] for row in rows]

    assert listed(200) == ["default", "a"]
    assert listed(310) == ["default"]


# The dashboard


def page(client: FlaskClient, path: str = "/ui", *, remote: str = "127.0.0.1", **headers: str) -> int:
    """The status of a file of the dashboard."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = client.get(f"/__admin{path}", headers=named, environ_base={"REMOTE_ADDR": remote})
    return answer.status_code


@pytest.mark.parametrize("path", ["/ui", "/ui/app.js"])
def test_the_files_of_the_dashboard_need_no_token(path: str) -> None:
    assert page(client(control_token="s3cret"), path, remote="10.0.0.7") == 200


@pytest.mark.parametrize("path", ["/uix", "/ui2/app.js", "/clock"])
def test_what_only_looks_like_the_dashboard_needs_it(path: str) -> None:
    assert page(client(control_token="s3cret"), path) != 200


def test_without_a_token_the_dashboard_is_for_this_machine_alone() -> None:
    assert page(client(), remote="10.0.0.7") == 403
    assert page(client(control_open=True), remote="10.0.0.7") == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param(
            {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}, 200, id="a link followed"
        ),
        pytest.param(
            {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}, 403, id="a script elsewhere"
        ),
        pytest.param({"Sec_Fetch_Site": "cross-site"}, 403, id="a browser that does not say how"),
        pytest.param({"Host": "evil.example"}, 403, id="a foreign name that points here"),
    ],
)
def test_a_link_from_anywhere_leads_to_the_dashboard_and_nothing_else(
    headers: dict[str, str], status: int
) -> None:
    assert page(client(), **headers) == status
    assert page(client(), "/clock", **headers) == 403
