"""Behind reverse proxies: nginx as in docs/proxies.md with TLS and a prefix, and what is trusted when."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import requests
import trustme
from flask.testing import FlaskClient

from mock_server.app import create_app
from mock_server.settings import Settings
from tests.support import OPENID, REALM, TOKEN_URL, claims, running_server

DOCS = (Path(__file__).parents[1] / "docs" / "proxies.md").read_text(encoding="utf-8")
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
FORM = {
    "grant_type": "password",
    "client_id": "ea-api-edge",
    "username": "api@example.com",
    "password": "demo",
}
FORWARDED = {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "sandbox.example:8443",
    "X-Forwarded-Prefix": "/dossiers",
}
DISCOVERY = f"{REALM}/.well-known/openid-configuration"


def client(**settings: Any) -> FlaskClient:
    return create_app(Settings(fixture="empty", log_level="error", **settings)).test_client()


def issuer(server: FlaskClient, **headers: str) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    found = server.get(DISCOVERY, headers=named).json or {}
    granted = server.post(TOKEN_URL, data=FORM, headers=named).json or {}
    assert claims(granted["access_token"])["iss"] == found["issuer"]
    assert all(url.startswith(found["issuer"]) for name, url in found.items() if name.endswith("_endpoint"))
    return str(found["issuer"]).removesuffix(REALM)


# The URL that was asked


@pytest.mark.parametrize(
    "host",
    [
        *("mock_server:8080", "xn--caf-dma.example", "Sandbox.Example.com", "localhost:80", "localhost:443"),
        *("[::1]:8080", "host.docker.internal:65535", "10.1.2.3:8443", "a.b.c.svc.cluster.local"),
    ],
)
def test_the_issuer_is_the_url_that_was_asked(host: str) -> None:
    assert issuer(client(), Host=host) == f"http://{host}"


# Forwarded headers


@pytest.mark.parametrize("hops", [0, 1, 2])
def test_forwarded_headers_count_as_far_as_proxies_are_trusted(hops: int) -> None:
    server = client(trust_proxy=hops)
    chain = {name: f"{value}, inner" for name, value in FORWARDED.items()}

    assert issuer(server, Host="own", **FORWARDED) == (
        "https://sandbox.example:8443/dossiers" if hops == 1 else "http://own"
    )
    if hops == 2:
        assert issuer(server, Host="own", **chain) == "https://sandbox.example:8443/dossiers"


def test_the_standard_header_and_a_forwarded_port_are_not_used() -> None:
    headers = {"Forwarded": "proto=https;host=evil.example", "X-Forwarded-Port": "1"}

    assert issuer(client(trust_proxy=1), Host="own", **headers) == "http://own"


def test_the_public_url_overrides_what_a_proxy_forwards() -> None:
    public = "https://public.example/eat"
    server = client(trust_proxy=1, public_url=public)

    assert issuer(server, Host="own", **FORWARDED) == public
    for path in ("/openapi.json", "/rest/openapi.json", "/edge/openapi.json", "/__admin/openapi.json"):
        found = server.get(path, headers={"Authorization": "Bearer s3cret"}).json or {}
        assert all(one["url"].startswith(public) for one in found["servers"])
    token = (server.get("/openapi.json").json or {})["paths"][TOKEN_URL]
    assert token["servers"][0]["url"] == public


def test_documents_have_the_prefix() -> None:
    server = client(trust_proxy=1, control_token="s3cret")
    headers = FORWARDED | {"Authorization": "Bearer s3cret"}

    rest = server.get("/rest/openapi.json", headers=headers).json or {}
    control = server.get("/__admin/openapi.json", headers=headers).json or {}

    assert [one["url"] for one in rest["servers"]] == ["/dossiers/rest/api/v1", "/dossiers/api/v1"]
    assert control["servers"] == [{"url": "/dossiers"}]
    assert server.get("/rest/openapi.json").json["servers"][0]["url"] == "/rest/api/v1"  # type: ignore[index]


@pytest.mark.parametrize("hops", [0, 1, 2])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost"])
def test_a_forwarded_address_never_makes_a_request_local(hops: int, address: str) -> None:
    server = client(trust_proxy=hops)
    headers = {"X-Forwarded-For": address}

    for remote in ("127.0.0.1", "10.0.0.7"):
        answer = server.get("/__admin/clock", headers=headers, environ_base={"REMOTE_ADDR": remote})
        assert answer.status_code == 403


# nginx


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The URL through nginx, with TLS and the prefix, and the file of the authority to trust."""
    if NGINX is None:
        pytest.skip("nginx is not installed")
    folder = tmp_path_factory.mktemp("nginx")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued.private_key_pem.write_to_path(str(folder / "sandbox.key"))
    (folder / "sandbox.pem").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running_server("--trust-proxy", "1", "--control-token", "s3cret") as (url, _):
        file = folder / "nginx.conf"
        file.write_text(nginx_configuration(port, url), encoding="utf-8")
        command = [NGINX, "-p", str(folder), "-c", str(file), "-e", str(folder / "error.log")]
        with subprocess.Popen([*command, "-g", "daemon off; master_process off;"]) as process:
            wait_for(port)
            yield f"https://localhost:{port}/dossiers", str(folder / "ca.pem")
            process.terminate()


def nginx_configuration(port: int, url: str) -> str:
    """The configuration of the page, with the ports and files of this test."""
    [server] = re.findall(r"```nginx\n(.*?)```", DOCS, re.DOTALL)
    for written, used in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "server_name sandbox.example.com": "server_name localhost",
        "/etc/nginx/": "",  # relative to the folder of this configuration
        "http://127.0.0.1:8080/": f"{url}/",
    }.items():
        assert written in server
        server = server.replace(written, used)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {kind};\n" for kind in kinds)
    return f"events {{}}\npid nginx.pid;\nhttp {{\naccess_log off;\n{paths}{server}}}\n"


def wait_for(port: int) -> None:
    deadline = monotonic() + 10
    while monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        sleep(0.05)
    pytest.fail("nginx does not listen")


@pytest.fixture
def session(proxied: tuple[str, str]) -> requests.Session:
    made = requests.Session()
    made.trust_env = False
    made.verify = proxied[1]
    return made


def test_the_life_of_a_client_through_nginx(proxied: tuple[str, str], session: requests.Session) -> None:
    url = proxied[0]
    found = session.get(f"{url}{DISCOVERY}", timeout=5).json()
    assert found["issuer"] == f"{url}{REALM}"
    granted = session.post(found["token_endpoint"], data=FORM, timeout=5).json()
    assert claims(granted["access_token"])["iss"] == found["issuer"]
    session.headers["Authorization"] = f"Bearer {granted['access_token']}"
    dossiers = f"{url}/api/v1/account/119631/dossiers"

    assert session.get(dossiers, timeout=5).json()["totalElements"] > 0
    body = {"companyIdType": "CIT001", "companyIdValue": "99050000100013", "dossierReference": "PO-1"}
    process = session.post(dossiers, json=body, timeout=5).json()["content"]["processId"]
    deadline, done = monotonic() + 10, False
    while not done and monotonic() < deadline:
        sleep(0.1)
        done = session.get(f"{dossiers}/process/{process}", timeout=5).json()["content"]["complete"]
    [row] = session.get(dossiers, params={"dossierReference": "PO-1"}, timeout=5).json()["content"]
    dossier = row["dossierId"]
    updated = session.post(f"{dossiers}/{dossier}", json={"dossierReference": "PO-2"}, timeout=5)
    stopped = session.post(f"{dossiers}/{dossier}/stop", timeout=5)
    shown = session.get(f"{dossiers}/{dossier}", timeout=5).json()["content"]

    assert (updated.status_code, stopped.status_code) == (200, 200)
    assert (shown["dossierReference"], shown["monitored"]) == ("PO-2", False)
    renewed = {"grant_type": "refresh_token", "client_id": "ea-api-edge"}
    renewed |= {"refresh_token": granted["refresh_token"]}
    assert session.post(found["token_endpoint"], data=renewed, timeout=5).status_code == 200
    assert session.get(f"{url}{OPENID}/userinfo", timeout=5).json()["email"] == "api@example.com"


def test_control_calls_through_nginx_need_the_token(
    proxied: tuple[str, str], session: requests.Session
) -> None:
    url = proxied[0]
    page = {"Origin": url.removesuffix("/dossiers"), "Sec-Fetch-Site": "same-origin"}
    token = {"Authorization": "Bearer s3cret"}

    assert session.get(f"{url}/__admin/clock", timeout=5).status_code == 401
    assert session.get(f"{url}/__admin/clock", headers=token, timeout=5).status_code == 200
    reset = session.post(f"{url}/__admin/reset", headers=token | page, timeout=5)
    assert reset.status_code == 200
    foreign = {"Origin": "https://evil.example"}
    assert session.post(f"{url}/__admin/reset", headers=token | foreign, timeout=5).status_code == 403
    events = session.get(f"{url}/__admin/events", headers=token, timeout=5, stream=True)
    assert events.headers["Content-Type"].startswith("text/event-stream")
    events.close()


def test_the_pages_work_below_the_prefix(proxied: tuple[str, str], session: requests.Session) -> None:
    url = proxied[0]
    page = session.get(f"{url}/__admin/ui/", timeout=5)  # leads to the page without the slash
    for start in ("/", "/__admin", "/__admin/"):
        assert session.get(url + start, headers={"Accept": "text/html"}, timeout=5).url == page.url
    files = re.findall(r'(?:src|href)="(?!data:|#)([^"]+)"', page.text)

    assert page.url == f"{url}/__admin/ui"
    assert len(files) > 3
    for file in files:
        found = session.get(requests.compat.urljoin(page.url, file), timeout=5)
        assert (found.status_code, found.url.startswith(f"{url}/")) == (200, True)
    document = session.get(f"{url}/openapi.json", timeout=5).json()
    assert [one["url"] for one in document["servers"]] == ["/dossiers/rest/api/v1", "/dossiers/api/v1"]
    for served in ("/docs", "/__admin/ui/app.js"):
        assert not re.search(
            r"""["'`(]/(?:__admin|docs|openapi|rest|edge|api)\b""", session.get(url + served).text
        )
