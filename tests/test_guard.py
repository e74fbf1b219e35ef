"""Who may call what, line by line of the table in SECURITY.md, and how many sandboxes there may be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from mock_server.app import create_app
from mock_server.auth.access import AccessDenied, check_api_call, check_control_call
from mock_server.client.calls import ControlClient
from mock_server.settings import Settings
from tests.support import TOKEN_URL, claims

SECURITY = (Path(__file__).parents[1] / "SECURITY.md").read_text(encoding="utf-8")

THIS_MACHINE = ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1")
OTHER_MACHINES = ("10.0.0.7", "192.168.1.5", "2001:db8::1", "", "nonsense")
PROXY_HEADERS = {
    "X-Forwarded-For": "127.0.0.1",
    "X-Forwarded-Host": "localhost",
    "X-Forwarded-Proto": "http",
    "Forwarded": "for=127.0.0.1",
    "X-Real-IP": "127.0.0.1",
    "Via": "1.1 nginx",
}
OWN_NAMES = (
    *("localhost", "localhost:8080", "sandbox:8080", "my_sandbox", "[::1]:8080", "10.1.2.3", "app.localhost"),
    *("127.0.0.1:18080", "host.docker.internal", "host.docker.internal:8080", "host.containers.internal"),
)
FOREIGN_NAMES = (
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example",
    "host.docker.internal.evil.example",
    "a b",
    "me@localhost",
    *("x:99999", "é"),  # the client of Flask cannot send them, before Werkzeug 3.1.9 or at all
)
FOREIGN_PAGES: tuple[dict[str, str], ...] = (
    {"Origin": "http://evil.example"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "null"},
    {"Origin": "nonsense"},
    {"Origin": "http://[::1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
)
OWN_PAGES: tuple[dict[str, str], ...] = (
    {"Host": "localhost:8080", "Origin": "http://localhost:8080"},
    {"Host": "localhost", "Origin": "http://localhost:80"},
    {"Host": "sandbox", "Origin": "https://sandbox", "Sec-Fetch-Site": "same-origin"},
)
OPEN: tuple[dict[str, Any], ...] = ({}, {"control_open": True}, {"control_token": "s3cret"})
TOKEN = {"Authorization": "Bearer s3cret"}
CONTROL, HEALTH, DASHBOARD = "/__admin/clock", "/__admin/health", "/__admin/ui"
PAGE = "/__admin/docs/control"
LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}


def rejection(
    path: str,
    headers: dict[str, str] | None = None,
    remote: str = "127.0.0.1",
    method: str = "POST",
    **settings: Any,
) -> int:
    """The status with which a call is rejected; 200 when it is not."""
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in (headers or {}).items()}
    environ = {
        "REQUEST_METHOD": method,
        "HTTP_HOST": "localhost",
        "PATH_INFO": path,
        "REMOTE_ADDR": remote,
    } | environ
    check = check_control_call if path.startswith("/__admin") else check_api_call
    try:
        check(Settings(**settings), environ)
    except AccessDenied as denied:
        return denied.status
    return 200


def line_1() -> Iterator[tuple[int, int]]:
    """Health and the pages of the documentation are open to all."""
    for settings in OPEN:
        for headers in ({}, PROXY_HEADERS, *FOREIGN_PAGES, {"Host": "evil.example"}):
            yield 200, rejection(HEALTH, dict(headers), "10.0.0.7", **settings)
            yield 200, rejection(PAGE, dict(headers), "10.0.0.7", **settings)


def line_2() -> Iterator[tuple[int, int]]:
    """This machine may make control calls."""
    for remote in THIS_MACHINE:
        yield 200, rejection(CONTROL, remote=remote)


def line_3() -> Iterator[tuple[int, int]]:
    """Another machine may not."""
    for remote in OTHER_MACHINES:
        yield 403, rejection(CONTROL, remote=remote)
        yield 403, rejection(CONTROL, TOKEN, remote)


def line_4() -> Iterator[tuple[int, int]]:
    """Nor may a proxy on any machine, with any address in its headers."""
    for name, text in PROXY_HEADERS.items():
        for value in (text, "10.0.0.7", ""):
            yield 403, rejection(CONTROL, {name: value})
            yield 403, rejection(CONTROL, {name: value}, "10.0.0.7")


def line_5() -> Iterator[tuple[int, int]]:
    """An open server accepts control calls from every machine and through every proxy."""
    for remote in (*THIS_MACHINE, *OTHER_MACHINES):
        yield 200, rejection(CONTROL, PROXY_HEADERS, remote, control_open=True)


def line_6() -> Iterator[tuple[int, int]]:
    """With a control token, a call without it is rejected, from this machine and on an open server too."""
    for headers in ({}, *({"Authorization": value} for value in ("Bearer", "Bearer wrong", "Basic s3cret"))):
        for remote in ("127.0.0.1", "10.0.0.7"):
            yield 401, rejection(CONTROL, dict(headers), remote, control_token="s3cret")
            yield 401, rejection(CONTROL, dict(headers), remote, control_token="s3cret", control_open=True)


def line_7() -> Iterator[tuple[int, int]]:
    """With the token every machine and every proxy may make control calls."""
    for remote in (*THIS_MACHINE, *OTHER_MACHINES):
        for authorization in ("Bearer s3cret", "bearer s3cret"):
            headers = PROXY_HEADERS | {"Authorization": authorization}
            yield 200, rejection(CONTROL, headers, remote, control_token="s3cret")

    for encoding in ("utf-8", "latin-1"):
        headers = {"Authorization": "Bearer clé d'à".encode(encoding).decode("latin-1")}
        yield 200, rejection(CONTROL, headers, control_token="clé d'à")
        yield 401, rejection(CONTROL, headers, control_token="cl? d'?")
    yield 401, rejection(CONTROL, {"Authorization": "Bearer ?"}, control_token="日")
    yield 200, rejection(CONTROL, ControlClient("http://x", control_token="日").headers, control_token="日")


def line_8() -> Iterator[tuple[int, int]]:
    """Without a token, control calls go to a name that no stranger can own."""
    for settings in OPEN:
        for host in OWN_NAMES:
            yield 200, rejection(CONTROL, TOKEN | {"Host": host}, **settings)
    for host in FOREIGN_NAMES:
        for method in ("GET", "POST"):
            yield 403, rejection(CONTROL, TOKEN | {"Host": host}, method=method)
    named = {"public_url": "https://sandbox.example.org", "host": "box.example.org"}
    named |= {"control_host": ("mock.default.svc.cluster.local",)}  # type: ignore[dict-item]
    hosts = ("sandbox.example.org", "sandbox.example.org:8443", "box.example.org")
    for host in (*hosts, "mock.default.svc.cluster.local:8080", "Mock.Default.svc.cluster.local"):
        yield 200, rejection(CONTROL, {"Host": host}, **named)


def line_9() -> Iterator[tuple[int, int]]:
    """A page of another site may not make control calls; a page of the server may."""
    for settings in OPEN:
        for headers in FOREIGN_PAGES:
            yield 403, rejection(CONTROL, TOKEN | headers, **settings)
        yield 403, rejection(CONTROL, TOKEN | LINK, **settings)
        for headers in OWN_PAGES:
            yield 200, rejection(CONTROL, TOKEN | headers, **settings)


def line_10() -> Iterator[tuple[int, int]]:
    """The files of the dashboard need no token; what only looks like them does."""
    for path in (DASHBOARD, f"{DASHBOARD}/app.js"):
        yield 200, rejection(path, remote="10.0.0.7", control_token="s3cret")
    for path in ("/__admin/uix", "/__admin/ui2/app.js"):
        yield 401, rejection(path, control_token="s3cret")


def line_11() -> Iterator[tuple[int, int]]:
    """Without a token the dashboard is for this machine only, or for every machine on an open server."""
    yield 200, rejection(DASHBOARD)
    yield 403, rejection(DASHBOARD, remote="10.0.0.7")
    yield 403, rejection(DASHBOARD, {"Via": "1.1 nginx"})
    yield 200, rejection(DASHBOARD, remote="10.0.0.7", control_open=True)


def line_12() -> Iterator[tuple[int, int]]:
    """A link on any page may lead to the dashboard; nothing else on it may."""
    for settings in OPEN:
        yield 200, rejection(DASHBOARD, LINK, **settings)
        foreign = rejection(DASHBOARD, LINK | {"Host": "evil.example"}, method="GET", **settings)
        yield 200 if settings else 403, foreign
        for headers in FOREIGN_PAGES:
            yield 403, rejection(DASHBOARD, headers, **settings)


def line_17() -> Iterator[tuple[int, int]]:
    """With the token, control calls go to any name; without it, no name opens a server that has one."""
    for host in (*OWN_NAMES, *FOREIGN_NAMES):
        for headers in ({"Host": host}, {"Host": host, "Origin": f"http://{host}"}):
            if host in FOREIGN_NAMES[2:] and "Origin" in headers:
                continue  # no URL has such a host
            yield 200, rejection(CONTROL, TOKEN | headers, "10.0.0.7", control_token="s3cret")
            yield 401, rejection(CONTROL, dict(headers), "10.0.0.7", control_token="s3cret")


def line_18() -> Iterator[tuple[int, int]]:
    """An open server can be read under any name, also by a page under that name."""
    for host in FOREIGN_NAMES:
        for method in ("GET", "HEAD"):
            yield 200, rejection(CONTROL, {"Host": host}, "10.0.0.7", method, control_open=True)
    page = {"Host": "evil.example", "Origin": "http://evil.example"}
    yield 200, rejection(CONTROL, page, method="GET", control_open=True)


def line_19() -> Iterator[tuple[int, int]]:
    """An open server accepts writes under any name without Origin, which every browser sends."""
    for host in FOREIGN_NAMES:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            yield 200, rejection(CONTROL, {"Host": host}, "10.0.0.7", method, control_open=True)


def line_20() -> Iterator[tuple[int, int]]:
    """A page under a foreign name writes nothing on an open server, unless --control-host has the name."""
    for host in FOREIGN_NAMES[:2]:
        page = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
        for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "NEW"):
            yield 403, rejection(CONTROL, page, method=method, control_open=True)
            yield (
                200,
                rejection(CONTROL, page, method=method, control_open=True, control_host=("evil.example",)),
            )
        yield 403, rejection(CONTROL, page, control_host=("other.example",), control_open=True)


GUARDED = {1: line_1, 2: line_2, 3: line_3, 4: line_4, 5: line_5, 6: line_6}
GUARDED |= {7: line_7, 8: line_8, 9: line_9, 10: line_10, 11: line_11, 12: line_12}
GUARDED |= {17: line_17, 18: line_18, 19: line_19, 20: line_20}


@pytest.mark.parametrize("line", GUARDED.values(), ids=[f"line {number}" for number in GUARDED])
def test_a_line_of_the_guards_table_holds(line: Any) -> None:
    found = list(line())

    assert [status for _, status in found] == [wanted for wanted, _ in found]


API_LINES = {13, 14, 15, 16, 21, 22}
"""The lines on the emulated API: the tests below call a server."""


def test_security_md_has_a_row_for_each_line_that_is_tested() -> None:
    rows = re.findall(r"^\| (\d+) \|", SECURITY, re.MULTILINE)

    assert list(map(int, rows)) == sorted({*GUARDED, *API_LINES})


def client(**settings: Any) -> FlaskClient:
    return create_app(Settings(fixture="empty", log_level="error", **settings)).test_client()


def ask(client: FlaskClient, path: str, *, remote: str = "127.0.0.1", **headers: str) -> int:
    """The status of a GET from `remote` with these headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(path, headers=named, environ_base={"REMOTE_ADDR": remote}).status_code


def test_the_control_api_has_the_guard() -> None:
    closed = client(control_token="s3cret")

    assert [ask(closed, path) for path in (CONTROL, "/__admin/state", "/__admin/nothing")] == [401] * 3
    assert ask(closed, CONTROL, Authorization="Bearer s3cret") == 200
    assert ask(closed, HEALTH, remote="10.0.0.7", Via="1.1 nginx") == 200
    assert ask(closed, f"{DASHBOARD}/app.js") == 200


@pytest.mark.parametrize("headers", [{}, {"X-Forwarded-For": "127.0.0.1"}], ids=["direct", "through a proxy"])
def test_a_rejected_reset_changes_nothing_and_says_what_to_do(headers: dict[str, str]) -> None:
    server, remote = client(), {"REMOTE_ADDR": "10.0.0.7" if not headers else "127.0.0.1"}
    server.put("/__admin/clock", json={"now": "2031-01-01T00:00:00Z"})

    answer = server.post("/__admin/reset", headers=headers, environ_base=remote)

    assert answer.status_code == 403
    assert "--control-token" in (answer.json or {})["detail"]
    assert str((server.get("/__admin/clock").json or {})["now"]).startswith("2031")


# The emulated API


ACCOUNT_URL = "/api/v1/account"
PAGE_OF_ANOTHER_SITE = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}


@pytest.mark.parametrize("auth", ["any", "declared"])
def test_line_13_a_token_is_enough_for_the_api(auth: str) -> None:
    server = create_app(Settings(auth=auth, log_level="error")).test_client()
    form = {
        "grant_type": "password",
        "client_id": "ea-api-edge",
        "username": "api@example.com",
        "password": "demo",
    }
    token = (server.post(TOKEN_URL, data=form).json or {})["access_token"]
    called = {
        "headers": {"Authorization": f"Bearer {token}", "Host": "api.corp.example", **PAGE_OF_ANOTHER_SITE}
    }

    assert claims(token)["account_ids"] == "119631"
    assert server.get(ACCOUNT_URL, **called).status_code == 200
    assert server.get(ACCOUNT_URL, headers={"Host": "api.corp.example"}).status_code == 401


@pytest.mark.parametrize("host", [*OWN_NAMES, "rs.e-attestations.com", "edge.test-e-attestations.com"])
def test_line_14_without_tokens_every_machine_may_call_the_api(host: str) -> None:
    open_server = client(auth="off")

    assert ask(open_server, ACCOUNT_URL, remote="10.0.0.7", Host=host, Via="1.1 nginx") == 200


@pytest.mark.parametrize(
    "host", [*FOREIGN_NAMES[:-2], "rs.e-attestations.com.evil.example", "xe-attestations.com"]
)
def test_line_15_without_tokens_the_api_has_no_foreign_name(host: str) -> None:
    open_server = client(auth="off")

    assert ask(open_server, ACCOUNT_URL, Host=host) == 403
    assert ask(open_server, "/no/such/path", Host=host) == 403
    assert [ask(open_server, path, Host=host) for path in ("/openapi.json", "/docs", HEALTH)] == [200] * 3


@pytest.mark.parametrize("headers", FOREIGN_PAGES)
def test_line_16_without_tokens_a_page_of_another_site_changes_nothing(headers: dict[str, str]) -> None:
    server = create_app(Settings(auth="off", log_level="error")).test_client()
    dossier = f"{ACCOUNT_URL}/119631/dossiers/804127"

    answer = server.post(f"{dossier}/stop", data="x=y", content_type="text/plain", headers=headers)

    assert answer.status_code == 403
    assert "a page of another site" in (answer.json or {})["message"]
    assert "a page of another site" in server.get(f"{dossier}/stop", headers=headers).text
    assert server.get(dossier).json["content"]["monitored"] is True  # type: ignore[index]
    assert server.post(TOKEN_URL, headers=headers).status_code == 403


APP = "https://app.example:3000"


def test_line_21_a_page_of_a_listed_origin_may_call_the_api() -> None:
    for auth in ("any", "off"):
        server = client(auth=auth, cors=(APP,))
        page = {"Origin": APP, "Sec-Fetch-Site": "cross-site"}

        assert ask(server, ACCOUNT_URL, **page) == (200 if auth == "off" else 401)
        assert server.get(ACCOUNT_URL, headers=page).headers["Access-Control-Allow-Origin"] == APP
        for headers in FOREIGN_PAGES:
            answer = server.get(ACCOUNT_URL, headers=headers)
            assert answer.status_code == (403 if auth == "off" else 401)
            assert "Access-Control-Allow-Origin" not in answer.headers

    every = client(auth="off", cors=("*",))  # reads answers, but without tokens calls only by its own name
    assert ask(every, ACCOUNT_URL, Origin=APP) == 403


@pytest.mark.parametrize("path", [CONTROL, HEALTH, DASHBOARD, "/__admin", "/__admin/nothing"])
@pytest.mark.parametrize("origins", [(APP,), ("*",)], ids=["listed", "all"])
def test_line_22_no_origin_is_allowed_to_make_control_calls(path: str, origins: tuple[str, ...]) -> None:
    server = client(cors=origins, control_open=True)
    asked = {"Origin": APP, "Access-Control-Request-Method": "GET"}

    answers = [server.open(path, method=method, headers=asked) for method in ("GET", "OPTIONS", "POST")]

    assert not any(name.lower().startswith("access-control") for each in answers for name, _ in each.headers)
    assert path == HEALTH or {each.status_code for each in answers} == {403}


# How many sandboxes


def named(client: FlaskClient, sandbox: str) -> int:
    return client.get("/__admin/clock", headers={"X-Mock-Sandbox": sandbox}).status_code


def test_one_sandbox_too_many_is_rejected_until_one_is_dropped() -> None:
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
    reason = (answer.json or {})["error_description"]
    assert reason.startswith("the server has 1 sandbox, its limit: ")
    assert "--max-sandboxes" in reason


def test_an_idle_sandbox_is_dropped_for_a_new_one_and_the_default_one_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = client(max_sandboxes=2, sandbox_idle=timedelta(minutes=5))
    assert [named(small, "default"), named(small, "a")] == [200, 200]
    later = __import__("time").monotonic() + 301
    monkeypatch.setattr("mock_server.sandbox.sandboxes.monotonic", lambda: later)

    assert named(small, "b") == 200

    listed = small.get("/__admin/sandboxes").json["sandboxes"]  # type: ignore[index]
    assert [row["name"] for row in listed] == ["default", "b"]


@pytest.mark.parametrize("name", ["a b", "a/b", "é", "x" * 65])
def test_a_sandbox_with_an_invalid_name_is_rejected(name: str) -> None:
    answer = client().get("/__admin/clock", query_string={"sandbox": name})

    assert answer.status_code == 400
    assert "up to 64 letters" in (answer.json or {})["detail"]


def test_listing_a_sandbox_is_not_a_use_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    small = client(sandbox_idle=timedelta(minutes=5))
    named(small, "a")
    began = __import__("time").monotonic()

    def listed(seconds: int) -> list[str]:
        monkeypatch.setattr("mock_server.sandbox.sandboxes.monotonic", lambda: began + seconds)
        rows = small.get("/__admin/sandboxes").json["sandboxes"]  # type: ignore[index]
        return [row["name"] for row in rows]

    assert listed(200) == ["default", "a"]
    assert listed(310) == ["default"]
