"""What SECURITY.md says besides the guard's table: secrets, sandboxes, caches, defaults."""

from __future__ import annotations

import gc
import json
import logging
import re
import tracemalloc
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mock_server.app import create_app
from mock_server.auth.tokens import MAX_USERNAME
from mock_server.dialects.edge import _uuid
from mock_server.dialects.rest import _file_hash
from mock_server.domain.identifiers import is_well_formed
from mock_server.domain.model import CompanyId, CompanyIdType
from mock_server.domain.names import camel, snake
from mock_server.journal.redaction import SECRET_MEMBERS, redact_text, redact_url
from mock_server.settings import Settings
from mock_server.web.access_log import AccessLog
from tests.support import OPENID, REALM, TOKEN_URL, Api, refresh

ROOT = Path(__file__).parents[1]
DOSSIERS = "/api/v1/account/119631/dossiers"
FORM = "application/x-www-form-urlencoded"
LOGIN = {
    "grant_type": "password",
    "client_id": "ea-api-edge",
    "username": "api@example.com",
    "password": "demo",
}

# Secrets


PATHS = (
    *(TOKEN_URL, f"{OPENID}/userinfo", f"{OPENID}/token/introspect", f"{OPENID}/logout", f"{REALM}/certs"),
    *("/api/v1/account", DOSSIERS, f"/edge{DOSSIERS}", f"{DOSSIERS}/804127", "/no/such/path", "/docs"),
    *(
        "/__admin/clock",
        "/__admin/state",
        "/__admin/fixture",
        "/__admin/rules",
        "/__admin/verify",
        "/__admin/nothing",
    ),
)
SHOWN = (
    "/requests",
    "/requests/unmatched",
    "/coverage",
    "/metrics",
    "/state",
    "/sandboxes",
    "/events",
    "/outbox",
)
"""The control calls that show what the server remembers."""


def sent(name: str, secret: str) -> Iterator[dict[str, Any]]:
    """The ways in which a client puts a secret of this name into a request."""
    pair = urlencode({name: secret})
    yield {"query_string": f"a=b&{pair}"}
    yield {
        "query_string": f"%{ord(name[0]):x}{name[1:]}={quote(secret)}&{name.upper()}={secret}&{name}={secret}"
    }
    for method in ("POST", "PUT"):
        yield {"method": method, "data": f"grant_type=password&{pair}", "content_type": FORM}
        yield {"method": method, "data": f"grant_type=password&{pair}", "content_type": "text/plain"}
        yield {"method": method, "json": {name: secret, "more": [{name.title(): secret}]}}
        yield {"method": method, "data": f'{{"{name}": "{secret}', "content_type": "application/json"}
        yield {"method": method, "data": f'{{"{name}": "a\\"{secret}"', "content_type": "application/json"}
        yield {"method": method, "data": f"{{'{name}': '{secret}'}}", "content_type": "application/json"}
        yield {"method": method, "data": f"<{name}>{secret}</{name}>", "content_type": "application/xml"}
    header = name.replace("_", "-").title()
    for sender, value in {header: secret, f"X-{header}": secret, "Cookie": f"{name}={secret}"}.items():
        yield {"headers": {sender: value}}
    for scheme in ("Bearer", "Basic", "Digest"):
        yield {
            "headers": {"Authorization": f"{scheme} {secret}", "Proxy-Authorization": f"{scheme} {secret}"}
        }
    yield {"headers": {"Authorization": secret, "Referer": f"http://client/?{pair}"}}


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What the server logs, a line per request included."""
    logger = logging.getLogger("mock_server")
    level, propagate = logger.level, logger.propagate
    logger.propagate = True
    caplog.set_level(logging.DEBUG, "mock_server")
    yield caplog
    logger.setLevel(level)
    logger.propagate = propagate


def client_with_log(lines: list[str], **settings: Any) -> FlaskClient:
    """A client of an app whose requests are logged as the server does it, as text and as JSON."""
    app = create_app(Settings(log_level="debug", **settings))
    write = [AccessLog(lambda line: lines.append(line.decode()), as_json=each).add for each in (False, True)]
    inner = app.wsgi_app

    def run(environ: dict[str, Any], start_response: Any) -> Any:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            for add in write:
                add(environ, status, headers)
            return start_response(status, headers, *rest)

        return inner(environ, start)

    app.wsgi_app = run  # type: ignore[method-assign]
    return app.test_client()


def everything(client: FlaskClient) -> str:
    """All that the control API shows of a sandbox."""
    texts = [client.get(f"/__admin{path}").text for path in SHOWN]
    numbers = [entry["number"] for entry in json.loads(texts[0])["requests"]]
    return "\n".join(texts + [client.get(f"/__admin/requests/{number}").text for number in numbers[-20:]])


def text_of(answer: TestResponse) -> str:
    return f"{answer.headers}\n{answer.text}"


@pytest.mark.parametrize("name", sorted(SECRET_MEMBERS))
def test_no_secret_is_shown(logged: pytest.LogCaptureFixture, name: str) -> None:
    lines: list[str] = []
    client = client_with_log(lines, fixture="empty")
    secret = "S3CRET-0123456789"

    paths = PATHS if name == "password" else (TOKEN_URL, f"/edge{DOSSIERS}", "/__admin/rules")

    answers = [client.open(path, **call) for path in paths for call in sent(name, secret)]
    answers += [client.get(f"/x/{name}={secret}/y")]

    assert [answer.request.path for answer in answers[:-1] if secret in text_of(answer)] == []
    assert [line for line in [*logged.messages, *lines] if secret in line] == []
    assert len(lines) == 2 * len(answers)
    assert secret not in everything(client)


@pytest.mark.parametrize("auth", ["any", "off"])
def test_no_secret_of_a_login_is_shown(logged: pytest.LogCaptureFixture, auth: str) -> None:
    lines: list[str] = []
    client = client_with_log(lines, auth=auth, control_token="c0ntrol-s3cret")
    granted = (
        client.post(TOKEN_URL, data=LOGIN | {"password": "p4ss-s3cret", "username": "me@example.com"}).json
        or {}
    )
    header = {"Authorization": f"Bearer {granted['access_token']}"}
    refresh(client, granted["refresh_token"])
    client.get("/api/v1/account", headers=header)
    client.get(DOSSIERS, headers=header, query_string={"access_token": granted["access_token"]})
    client.post(f"{OPENID}/token/introspect", data={"token": granted["access_token"]})
    client.post(f"{OPENID}/logout", data={"refresh_token": granted["refresh_token"]})
    control = {"Authorization": "Bearer c0ntrol-s3cret"}

    shown = "\n".join(client.get(f"/__admin{path}", headers=control).text for path in SHOWN)

    for secret in ("p4ss-s3cret", "c0ntrol-s3cret", granted["access_token"], granted["refresh_token"]):
        assert secret not in shown
        assert [line for line in [*logged.messages, *lines] if secret in line] == []


def test_a_state_has_the_passwords_of_its_users(client: FlaskClient) -> None:
    assert '"password":"demo"' in client.get("/__admin/state").text.replace(" ", "")


LOGGED = {
    "/a?page=0&token=x": "/a?page=0&token=***",
    "/a?t%6Fken=x&TOKEN=y&client-secret=z": "/a?t%6Fken=***&TOKEN=***&client-secret=***",
    "/a?token=": "/a?token=",
    "/a?tokens=x&q=name:token": "/a?tokens=x&q=name:token",
    "/a?q=password:x": "/a?q=password:***",
    "/auth/token?a=1%26b": "/auth/token?a=1%26b",
    "/a/password=x/b": "/a/password=***",
    "/a": "/a",
}


def test_the_log_shows_a_url_without_its_secrets() -> None:
    assert {url: redact_url(url) for url in LOGGED} == LOGGED


def test_a_text_without_secrets_is_shown_as_it_is() -> None:
    text = "POST /auth/realms/eat_realm/protocol/openid-connect/token; host: sandbox:8080; a=b"

    assert redact_text(text) == text


# Sandboxes


def sandboxes(client: FlaskClient) -> list[str]:
    return [row["name"] for row in (client.get("/__admin/sandboxes").json or {})["sandboxes"]]


def test_a_rejected_login_creates_no_sandbox() -> None:
    client = create_app(Settings(auth="declared", log_level="error")).test_client()

    for username in ("no+t@example.com", "api+t@example.com", "api+t/b@example.com"):
        answer = client.post(TOKEN_URL, data=LOGIN | {"username": username, "password": "wrong"})
        assert (answer.status_code, (answer.json or {})["error"]) == (401, "invalid_grant"), username
        assert sandboxes(client) == ["default"], username


def test_a_malformed_login_creates_no_sandbox() -> None:
    client = create_app(Settings(auth="declared", log_level="error")).test_client()

    for fields in (
        {"client_id": "another"},
        {"grant_type": "client_credentials"},
        {"grant_type": ""},
        {"password": ""},
        {"grant_type": "refresh_token", "refresh_token": "x.y.z"},
        {"username": "api t@example.com"},  # a plus that was lost
        {"username": "api+t b@example.com"},
    ):
        answer = client.post(TOKEN_URL, data=LOGIN | {"username": "no+t@example.com"} | fields)
        assert answer.status_code in {400, 401}, fields
        assert sandboxes(client) == ["default"], fields
    declared = LOGIN | {"username": "api+t@example.com", "refresh_token": "x.y.z"}
    for grant in ("client_credentials", "refresh_token"):
        assert client.post(TOKEN_URL, data=declared | {"grant_type": grant}).status_code == 400, grant
        assert sandboxes(client) == ["default"], grant


def test_a_refresh_creates_the_sandbox_of_its_token_again() -> None:
    client = create_app(Settings(log_level="error")).test_client()
    first = client.post(TOKEN_URL, data=LOGIN | {"username": "api+t@example.com"}).json or {}
    client.delete("/__admin/sandboxes/t")

    assert refresh(client, first["refresh_token"]).status_code == 200
    assert sandboxes(client) == ["default", "t"]
    listed = client.get("/__admin/requests?sandbox=t").json or {}
    assert [entry["operation"] for entry in listed["requests"]] == ["getToken"]


def test_rejected_logins_do_not_use_up_the_sandboxes() -> None:
    client = create_app(Settings(auth="declared", max_sandboxes=3, log_level="error")).test_client()
    for number in range(5):
        client.post(TOKEN_URL, data=LOGIN | {"username": f"no+t{number}@x.com"})

    answer = client.post(TOKEN_URL, data=LOGIN | {"username": "api+mine@example.com"})

    assert answer.status_code == 200
    assert sandboxes(client) == ["default", "mine"]


def test_a_rejected_login_is_in_the_journal_of_the_default_sandbox() -> None:
    client = create_app(Settings(auth="declared", log_level="error")).test_client()

    client.post(TOKEN_URL, data=LOGIN | {"username": "no+t@example.com"})

    assert [entry["status"] for entry in (client.get("/__admin/requests").json or {})["requests"]] == [401]


def test_a_rejected_login_to_an_existing_sandbox_is_in_its_journal(api: Api) -> None:
    api.log_in("wrong")

    assert [entry["status"] for entry in api.control("GET", "/requests")["requests"]] == [401]


def test_a_call_without_a_token_creates_no_sandbox() -> None:
    client = create_app(Settings(fixture="empty", log_level="error")).test_client()

    for path in ("/api/v1/account", "/no/such/path", f"{REALM}/certs", TOKEN_URL):
        for authorization in ("", "Bearer x.y.z"):
            client.get(path, headers={"X-Mock-Sandbox": "mine", "Authorization": authorization})
        client.get(path, query_string={"sandbox": "mine"})
        assert sandboxes(client) == ["default"], path


# Caches


LARGE = "a" * 100_000


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda text: is_well_formed(CompanyId(CompanyIdType.SIRET, text)), id="identifiers"),
        pytest.param(camel, id="members in camelCase"),
        pytest.param(snake, id="members in snake_case"),
        pytest.param(_uuid, id="UUIDs of evidences"),
        pytest.param(_file_hash, id="hashes of files"),
    ],
)
def test_a_cache_does_not_keep_a_large_key(call: Any) -> None:
    call("warm")
    tracemalloc.start()

    for number in range(50):
        call(f"{number:04d}{LARGE}")

    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 10 * len(LARGE)


def test_large_paths_user_names_and_tokens_are_not_kept(client: FlaskClient) -> None:
    def call(number: int) -> None:
        client.get(f"/api/v1/account/119631/dossiers/process/{number}{LARGE}")
        client.post(TOKEN_URL, data=LOGIN | {"username": f"{number}{LARGE}"})
        client.get("/api/v1/account", headers={"Authorization": f"Bearer {number}{LARGE}"})
        client.post(f"{OPENID}/token/introspect", data={"token": f"{number}{LARGE}"})
        client.delete("/__admin/requests")  # the journal has a separate limit

    call(0)
    tracemalloc.start()

    for number in range(1, 8):
        call(number)

    urllib.parse.clear_cache()  # type: ignore[attr-defined]  # the standard library's, which the client of this test fills
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 3 * len(LARGE)


def test_tokens_are_cached_up_to_a_number_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mock_server.auth.tokens._MAX_CACHED_BYTES", 50_000)
    app = create_app(Settings(fixture="empty", log_level="error"))
    client, tokens = app.test_client(), app.extensions["mock_server"].tokens

    granted = [client.post(TOKEN_URL, data=LOGIN | {"username": f"u{n}@x.fr"}).json or {} for n in range(40)]

    assert 25_000 < tokens.cached_bytes <= 50_000
    header = {"Authorization": f"Bearer {granted[0]['access_token']}"}
    assert client.get("/api/v1/account", headers=header).status_code == 200


@pytest.mark.parametrize(("length", "status"), [(MAX_USERNAME, 200), (MAX_USERNAME + 1, 401)])
def test_a_user_name_has_at_most_255_characters(client: FlaskClient, length: int, status: int) -> None:
    answer = client.post(TOKEN_URL, data=LOGIN | {"username": "a" * length})

    assert MAX_USERNAME == 255
    assert answer.status_code == status


# Tokens


def test_a_token_that_was_aged_for_thousands_of_years_is_rejected(api: Api) -> None:
    assert api.get("").status_code == 200
    for _ in range(100):
        api.control("POST", "/clock/advance", {"by": "P36500D", "tokens": True})
        api.control("PUT", "/clock", {"now": "2026-01-01T00:00:00"})

    assert api.get("").status_code == 401
    introspected = api.client.post(f"{OPENID}/token/introspect", data={"token": api.token})
    assert introspected.json == {"active": False}
    new = str(api.log_in()["access_token"])
    assert api.client.get(api.url(""), headers={"Authorization": f"Bearer {new}"}).status_code == 200


def test_tokens_that_were_aged_often_in_small_steps_are_rejected_in_time(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mock_server.sandbox.state._MAX_AGES", 5)
    assert api.get("").status_code == 200
    for _ in range(29):
        api.control("POST", "/clock/advance", {"by": "PT1M", "tokens": True})
    assert api.get("").status_code == 200

    api.control("POST", "/clock/advance", {"by": "PT1M", "tokens": True})

    assert api.get("").status_code == 401


# Defaults


def test_the_server_listens_on_this_machine_only_by_default() -> None:
    assert Settings().host == "127.0.0.1"
    assert (Settings().control_open, Settings().control_token) == (False, None)


def test_the_image_is_open_to_control_calls() -> None:
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8")

    assert re.search(r"MOCK_SERVER_HOST=0\.0\.0\.0", image)
    assert re.search(r"MOCK_SERVER_CONTROL_OPEN=\w+", image)


def test_every_test_that_security_md_names_exists() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    file, missing = "", []
    for named, test in re.findall(r"`(?:tests/)?(test_\w+\.py)?(?:::(test_\w+))?`", text):
        file = named or file
        code = (ROOT / "tests" / file).read_text(encoding="utf-8")
        if test and f"def {test}(" not in code:
            missing.append(f"{file}::{test}")

    assert missing == []
