"""Hostile input writes no header, no line of the log and no path; no page of another site gets in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from flask.testing import FlaskClient

from tests.support import ACCOUNT, SEED_DOSSIER, TOKEN_URL, Api, codes, running_server

INJECTED = "PO\r\nX-Injected: yes\r\n\r\nFAKE 200\u2028\x1b[2J\x00"
ROOT = "../../../../../../../../../.."
LINE = re.compile(r"[A-Z]+ /[ -~]* [1-5][0-9]{2} [0-9.]+ms(?: [ -~]+)?")

# Headers and the log


def asked_with(url: str, text: str) -> list[requests.Response]:
    """The answers to requests that carry a text wherever a client may put one."""
    form = {"grant_type": "password", "client_id": "ea-api-edge", "username": "api@example.com"}
    token = requests.post(url + TOKEN_URL, data=form | {"password": "demo"}, timeout=5).json()["access_token"]
    header = {"Authorization": f"Bearer {token}"}
    account = f"{url}/api/v1/account/{ACCOUNT}"
    rule = {"name": text, "when": {"operation": "listAccounts"}, "then": {"respond": {"status": 503}}}
    body = {
        "dossierReference": text,
        "thirdpartyCode": text,
        "expirationDate": text,
        "thirdpartyEmail": [text],
    }
    return [
        requests.post(url + TOKEN_URL, data=form | {"username": text, "password": text}, timeout=5),
        requests.post(
            url + TOKEN_URL, data=form | {"username": f"a+{text}@x.fr", "password": "x"}, timeout=5
        ),
        requests.get(
            f"{account}/dossiers", params={"monitored": text, text: text}, headers=header, timeout=5
        ),
        requests.post(f"{account}/dossiers/{SEED_DOSSIER}", json=body, headers=header, timeout=5),
        requests.post(f"{account}/dossiers", json=body, headers=header, timeout=5),
        requests.get(f"{account}/dossiers/process/{quote(text)}", headers=header, timeout=5),
        requests.get(f"{url}/nothing/{quote(text)}", timeout=5),
        requests.get(f"{url}/__admin/clock", params={"sandbox": text}, timeout=5),
        requests.post(f"{url}/__admin/rules", json={"rules": [rule]}, timeout=5),
        requests.get(f"{url}/api/v1/account", headers=header, timeout=5),
        requests.get(f"{url}/api/v1/account", headers={"User-Agent": "x\u00e9\u0085".encode()}, timeout=5),
    ]


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_text_of_a_client_writes_a_header_or_a_line_of_the_log(log_format: str) -> None:
    settings = {"MOCK_SERVER_LOG_LEVEL": "info", "MOCK_SERVER_LOG_FORMAT": log_format}
    with running_server(**settings) as (url, process):
        answers = asked_with(url, INJECTED)
        process.terminate()
        _, log = process.communicate(timeout=10)

    messages = [
        json.loads(line)["message"] if log_format == "json" else line for line in log.split("\n")[:-1]
    ]
    assert [answer.status_code for answer in answers if answer.status_code >= 500] in ([], [503])
    assert [answer.url for answer in answers if "X-Injected" in answer.headers] == []
    own = [message for message in messages if message.startswith("the server has ")]
    messages = [message for message in messages if message not in own]
    assert [message for message in own if "X-Injected" in message] == []
    [renamed] = [message for message in messages if "is deprecated and will be removed" in message]
    messages.remove(renamed)  # the sentence about `byHand`, which has nothing of the client
    assert INJECTED not in renamed
    assert len(messages) == len(answers) + 1
    assert [message for message in messages if not LINE.fullmatch(message)] == []


def test_values_of_a_refusal_are_in_one_header_of_ascii(api: Api) -> None:
    answer = api.post(f"/dossiers/{SEED_DOSSIER}", {"expirationDate": INJECTED, "dossierReference": " "})

    assert codes(answer)
    assert re.fullmatch(r"[ -~]+", answer.headers["X-Mock-Refusal"])
    assert "X-Injected" not in answer.headers


# Paths


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file that no client is to see."""
    path = tmp_path / "secret.yaml"
    path.write_text("version: 1\nscenario: secret\ntitle: tops3cret\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "name", ["{path}", "../{stem}", "../{stem}.yaml", "x/../../{stem}", "..\\{stem}", "\0", ""]
)
@pytest.mark.parametrize("call", ["/fixture", "/scenario"])
def test_a_name_reaches_no_file_outside_its_folder(
    make_server_api: Callable[..., Api], secret: Path, call: str, name: str
) -> None:
    folder = secret.parent / "own"
    folder.mkdir()
    api = make_server_api(fixtures_dir=folder, scenarios_dir=folder)

    answer = api.client.put(f"/__admin{call}", json={"name": name.format(path=secret, stem=secret.stem)})

    assert answer.status_code == 400
    assert "tops3cret" not in answer.text


@pytest.mark.parametrize(
    "sent",
    [
        ("/fixture", {"recipe": {"version": 1, "include": ["{path}"], "accounts": [{"accountId": 1}]}}),
        ("/fixture", "version: 1\ninclude: ['{path}']\naccounts: [{{accountId: 1}}]\n"),
        (
            "/scenario",
            {"scenario": {"version": 1, "scenario": "x", "title": "x", "given": {"fixture": "{path}"}}},
        ),
    ],
    ids=["a recipe as JSON", "a recipe as YAML", "a scenario"],
)
def test_what_is_sent_reaches_no_file_of_the_server(
    client: FlaskClient, secret: Path, sent: tuple[str, Any]
) -> None:
    call, body = sent
    if isinstance(body, str):
        text, kind = body.format(path=secret), "application/yaml"
    else:
        text, kind = json.dumps(body).replace("{path}", str(secret)), "application/json"

    answer = client.put(f"/__admin{call}", data=text, content_type=kind)

    assert answer.status_code == 400
    assert "is a path" in answer.text
    assert "tops3cret" not in answer.text


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['touch pwned']",
        "!!python/name:os.system",
        "version: 1\naccounts: &a [*a]\n",
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        "[" * 5000,
        "{a: " * 5000,
        "? " * 5000,
    ],
    ids=["a call", "a function", "a loop", "many times more", "deep lists", "deep objects", "deep keys"],
)
@pytest.mark.parametrize("call", ["/fixture", "/scenario"])
def test_yaml_creates_no_objects_and_expands_no_aliases(client: FlaskClient, call: str, text: str) -> None:
    answer = client.put(f"/__admin{call}", data=text, content_type="application/yaml")

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "prefix", [f"/api/v1/account/{ACCOUNT}/dossiers/{SEED_DOSSIER}", "/docs", "/__admin"]
)
@pytest.mark.parametrize("way", [f"/{ROOT}/etc/hosts", f"/{ROOT}/etc/hosts".replace("/", "%2F"), "/%2e%2e/x"])
def test_a_path_cannot_leave_its_folder(server: str, prefix: str, way: str) -> None:
    # requests would tidy the path up.
    prepared = requests.Request("GET", server).prepare()
    prepared.url = f"{server}{prefix}{way}"

    answer = requests.Session().send(prepared, timeout=5)

    assert answer.status_code in {400, 404}
    assert "localhost" not in answer.text


def test_a_file_is_downloaded_by_its_id_and_has_no_name(api: Api) -> None:
    answer = api.get(f"/dossiers/{SEED_DOSSIER}/documents/511394021/files/..%2F..%2Fetc%2Fpasswd")

    assert answer.status_code in {400, 404}
    assert "Content-Disposition" not in answer.headers


# Browsers

FOREIGN = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}


@pytest.mark.parametrize("path", ["/__admin/reset", "/%5f_admin/reset", "//__admin/reset", "/__admin/reset/"])
def test_a_form_of_another_site_resets_nothing(server: str, path: str) -> None:
    named = {"sandbox": "form"}
    requests.put(f"{server}/__admin/clock", params=named, json={"now": "2031-01-01T00:00:00"}, timeout=5)

    answer = requests.post(server + path, params=named, data="a=b", headers=FOREIGN, timeout=5)

    now = requests.get(f"{server}/__admin/clock", params=named, timeout=5).json()["now"]
    assert answer.status_code in {403, 404}
    assert now == "2031-01-01T00:00:00.000"


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "POST"])
@pytest.mark.parametrize(
    "path", ["/__admin/reset", "/__admin/state", "/__admin/health", "/api/v1/account", TOKEN_URL]
)
def test_no_answer_lets_a_page_of_another_site_read_it(client: FlaskClient, method: str, path: str) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-mock-sandbox"}

    answer = client.open(path, method=method, headers=FOREIGN | asked)

    assert [name for name, _ in answer.headers if name.startswith("Access-Control")] == []


@pytest.mark.parametrize("origin", ["http://localhost:3000", "null", "http://localhost.evil.example"])
def test_a_page_of_another_port_or_name_makes_no_control_calls(client: FlaskClient, origin: str) -> None:
    answer = client.post("/__admin/reset", headers={"Origin": origin, "Sec-Fetch-Site": "same-site"})

    assert answer.status_code == 403
