"""HTTPS for clients: the certificates they trust; everything else works as with HTTP."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from mock_server.client import NoServer, Sandbox
from mock_server.scenarios.file_format import FAULTS
from tests.processes import run
from tests.sockets import (
    DOSSIER,
    HEALTH,
    Remote,
    address,
    connect,
    is_up,
    log_in,
    read_answer,
    read_to_end,
    request,
)
from tests.support import ACCOUNT, OPENID, REALM, SEED_DOSSIER, claims, running_server
from tests.test_faults import PATIENCE, RAISED, SEEN

_numbers = count(1)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the servers of these tests keep their authority; the clients of these tests trust it."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_CACHE_HOME", str(folder))
        for trusted in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            environment.setenv(trusted, str(folder / "mock-server" / "tls" / "ca.pem"))
        yield folder


@pytest.fixture(scope="module")
def secure(cache: Path) -> Iterator[str]:
    """The base URL of a real server that speaks HTTPS."""
    assert cache.is_dir()
    with running_server("--tls-self-signed") as (url, _):
        yield url


@pytest.fixture
def remote(secure: str) -> Remote:
    return Remote(secure, f"tls{next(_numbers)}")


def certificate_shown(url: str, name: str, **flags: Any) -> dict[str, Any]:
    """What a client that trusts the authority, and asks for a host of this name, is shown."""
    context = ssl.create_default_context()
    for flag, value in flags.items():
        setattr(context, flag, value)
    plain = socket.create_connection(address(url), timeout=5)
    with context.wrap_socket(plain, server_hostname=name) as connection:
        return dict(connection.getpeercert() or {})


# Whom clients trust


def test_the_ready_line_names_the_file_that_clients_have_to_trust(cache: Path) -> None:
    command = [sys.executable, "-m", "mock_server", "serve", "--port", "0", "--tls-self-signed"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.terminate()

    file = cache / "mock-server" / "tls" / "ca.pem"
    assert re.fullmatch(
        r"mock-server ready on (https://127\.0\.0\.1:\d+) \(dashboard: \1/__admin/ui\)"
        rf" \(CA certificate: {re.escape(str(file))}\)\n",
        line,
    )
    assert "PRIVATE KEY" not in file.read_text(encoding="ascii")


@pytest.mark.parametrize(
    "name",
    [
        "127.0.0.1",
        "::1",
        "localhost",
        socket.gethostname(),
        "mock-server",
        "mock_server",
        "_a.b_.example",
        "rs.e-attestations.com",
    ],
    ids=[
        "IPv4",
        "IPv6",
        "localhost",
        "this machine",
        "a container's name",
        "a compose service",
        "several underscores",
        "the vendor's host",
    ],
)
def test_a_client_is_shown_a_certificate_for_the_name_it_asks_for(secure: str, name: str) -> None:
    shown = certificate_shown(secure, name, verify_flags=ssl.VERIFY_X509_STRICT)

    assert name in str(shown["subjectAltName"]) or name == "::1"


def test_the_public_url_is_certified_to_clients_that_name_no_host(cache: Path) -> None:
    assert cache.is_dir()
    with running_server("--tls-self-signed", "--public-url", "https://10.1.2.3:8443") as (url, _):
        shown = certificate_shown(url, "10.1.2.3")

    assert ("IP Address", "10.1.2.3") in shown["subjectAltName"]


def test_a_name_that_no_certificate_can_have_is_left_to_the_client(secure: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        certificate_shown(secure, "mock-server-")

    assert is_up(secure)


def test_a_client_trusts_the_same_certificate_after_the_next_start(secure: str) -> None:
    with running_server("--tls-self-signed") as (another, _):
        assert is_up(another)

    assert is_up(secure)


def test_a_client_that_does_not_trust_the_certificate_is_logged(cache: Path) -> None:
    assert cache.is_dir()
    with running_server("--tls-self-signed", "--log-level", "info") as (url, process):
        refused = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        plain = socket.create_connection(address(url), timeout=5)
        with pytest.raises(ssl.SSLCertVerificationError):
            refused.wrap_socket(plain, server_hostname="localhost")
        plain.close()
        assert requests.get(url.replace("https:", "http:"), timeout=5).status_code == 400
        with socket.create_connection(address(url), timeout=5):
            pass  # nothing is sent
        assert is_up(url)
        process.terminate()
        _, log = process.communicate(timeout=5)

    lines = [line for line in log.splitlines() if "TLS" in line]
    assert lines == ["no TLS with a client: TLSV1_ALERT_UNKNOWN_CA"]


def test_the_certificate_to_trust_can_be_fetched(secure: str, cache: Path) -> None:
    answer = requests.get(f"{secure}/__admin/ca.pem", timeout=5)

    assert answer.headers["Content-Type"] == "application/x-pem-file"
    assert answer.text == (cache / "mock-server" / "tls" / "ca.pem").read_text(encoding="ascii")


def test_without_https_there_is_no_certificate_to_fetch(server: str) -> None:
    answer = requests.get(f"{server}/__admin/ca.pem", timeout=5)

    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert "--tls-self-signed" in answer.json()["detail"]


# What they are answered


def test_a_token_names_an_issuer_of_https(secure: str) -> None:
    token = log_in(secure)["Authorization"].split()[1]

    assert claims(token)["iss"] == f"{secure}{REALM}"


def test_discovery_has_urls_of_https(secure: str) -> None:
    found = requests.get(f"{secure}{REALM}/.well-known/openid-configuration", timeout=5).json()

    assert found["token_endpoint"] == f"{secure}{OPENID}/token"
    assert {urlsplit(url).scheme for name, url in found.items() if name.endswith("_endpoint")} == {"https"}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_clients_select_between_tls_1_2_and_1_3(secure: str, version: ssl.TLSVersion) -> None:
    assert certificate_shown(secure, "localhost", maximum_version=version, minimum_version=version)


def test_a_client_that_offers_http_2_gets_http_1_1(secure: str) -> None:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    plain = socket.create_connection(address(secure), timeout=5)
    with context.wrap_socket(plain, server_hostname="localhost") as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"


def test_a_connection_is_kept_for_several_requests(secure: str) -> None:
    with connect(secure) as client:
        client.sendall(request(f"GET {HEALTH} HTTP/1.1"))
        first, _ = read_answer(client)
        client.sendall(request("GET /nothing HTTP/1.1"))
        second, _ = read_answer(client)

    assert (first, second) == (200, 404)


def test_a_plain_http_request_is_answered_that_the_server_needs_https(secure: str) -> None:
    plain = secure.replace("https:", "http:")

    answer = requests.get(f"{plain}{HEALTH}", timeout=5)

    assert answer.status_code == 400
    assert answer.text == f"HTTP on a port of HTTPS: the URL is {secure}\n"


@pytest.mark.parametrize(
    "begun", [b"", b"\x16", b"\x16\x03\x01" + bytes(64)], ids=["nothing", "half", "garbage"]
)
def test_bytes_that_are_not_tls_do_not_affect_other_clients(secure: str, begun: bytes) -> None:
    with socket.create_connection(address(secure), timeout=5) as client:
        client.sendall(begun)

        assert is_up(secure)


def test_a_long_list_is_sent_completely(remote: Remote, server: str) -> None:
    plain = Remote(server, remote.sandbox)

    assert remote.get("/dossiers/all") == plain.get("/dossiers/all")


def test_events_are_sent_as_they_happen(remote: Remote) -> None:
    url = f"{remote.url}/__admin/events?sandbox={remote.sandbox}"
    with requests.get(url, stream=True, timeout=5) as events:
        lines = events.iter_lines()
        assert next(lines) == b": listening"
        remote.get(DOSSIER)

        paths = (json.loads(line[5:])["path"] for line in lines if line.startswith(b"data:"))

        assert next(path for path in paths if path.endswith(DOSSIER))


# Faults and delays


def test_a_reset_fault_resets_the_connection_below_the_encryption(remote: Remote) -> None:
    remote.set_rule({"fault": "CONNECTION_RESET_BY_PEER"})

    with remote.send_raw() as client, socket.socket(fileno=os.dup(client.fileno())) as below:
        below.settimeout(5)
        end, _ = read_to_end(below)

    assert end == "reset"


@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "CONNECTION_RESET_BY_PEER"])
def test_a_fault_is_seen_inside_of_the_encryption(remote: Remote, fault: str) -> None:
    end, pattern = SEEN[fault]
    remote.set_rule({"fault": fault})

    seen = remote.outcome(timeout=PATIENCE.get(fault, 5))

    assert seen[0] == end
    assert re.fullmatch(pattern, seen[1], re.DOTALL), seen[1][:2000]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_seen_by_the_requests_library(remote: Remote, fault: str) -> None:
    kind, words = RAISED[fault]
    if fault == "CONNECTION_RESET_BY_PEER":
        words += "|Remote end closed connection"  # which is what Python's ssl makes of it
    remote.set_rule({"fault": fault})

    with pytest.raises(kind, match=words):
        remote.send("GET", DOSSIER, timeout=PATIENCE.get(fault, 5)).json()


def test_an_answer_may_come_late_and_in_pieces(remote: Remote) -> None:
    real = remote.get(DOSSIER)
    remote.set_rule({"delay": {"type": "dribble", "chunks": 5, "milliseconds": 100}})

    began = time.monotonic()
    found = remote.get(DOSSIER)
    took = time.monotonic() - began

    assert (found, took >= 0.1) == (real, True)


# Who it is, and the end


def test_control_calls_from_another_machine_are_recognised_as_such(cache: Path) -> None:
    assert cache.is_dir()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent: it shows which address would be used
        except OSError:
            pytest.skip("this machine is on no network")
        own = probe.getsockname()[0]
    with running_server("--tls-self-signed", "--host", own) as (url, _):
        near = requests.get(f"{url}{HEALTH}", timeout=5)
        refused = requests.get(f"{url}/__admin/clock", timeout=5)

    assert (near.status_code, refused.status_code) == (200, 403)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="sockets are listed in /proc")
def test_the_port_of_https_is_the_only_one(cache: Path) -> None:
    assert cache.is_dir()
    with running_server("--tls-self-signed") as (url, process):
        assert listening(process.pid) == {address(url)[1]}


def listening(process: int) -> set[int]:
    """The ports on which a process listens."""
    links = {str(link.readlink()) for link in Path(f"/proc/{process}/fd").iterdir() if link.is_symlink()}
    rows = [
        row.split() for row in Path(f"/proc/{process}/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    ]
    return {int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in links}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_the_server_without_output(cache: Path, number: int) -> None:
    assert cache.is_dir()
    with running_server("--tls-self-signed") as (url, process), requests.Session() as session:
        assert session.get(f"{url}{HEALTH}", timeout=5).status_code == 200
        process.send_signal(number)
        output, log = process.communicate(timeout=10)

    assert (process.returncode, output, log) == (0, "", "")


def test_a_waiting_request_is_answered_when_the_server_ends(cache: Path) -> None:
    assert cache.is_dir()
    with running_server("--tls-self-signed") as (url, process):
        remote = Remote(url, "ends")
        remote.set_rule({"delay": {"type": "fixed", "milliseconds": 60_000}})
        with remote.send_raw() as client:
            while not remote.control("POST", "/requests/count", {"operation": "getDossier"})["count"]:
                pass  # it is on its way
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            status, _ = read_answer(client)
        process.wait(timeout=10)
        took = time.monotonic() - began

    assert (status, process.returncode) == (503, 0)
    assert took < 1.5


def test_scenarios_are_played_over_https(secure: str) -> None:
    options = ["--base-url", f"{secure}/api/v1", "--auth-url", secure, "--password", "demo"]
    names = ["duplicate-reference-on-import", "wire-connection-reset", "wire-closed-without-a-byte"]

    played = run("scenarios", "run", *names, *options, "--username", "api@example.com")

    assert played.returncode == 0, played.stdout + played.stderr


def test_doctor_says_what_to_do_about_the_certificate_and_the_scheme(
    secure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for trusted in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(trusted, raising=False)
    untrusted = run("doctor", "--base-url", secure)
    plain = run("doctor", "--base-url", secure.replace("https:", "http:"))

    assert "; set REQUESTS_CA_BUNDLE to the file of the certificate to trust" in untrusted.stdout
    assert f"HTTP on a port of HTTPS: the URL is {secure}" in plain.stdout
    with pytest.raises(NoServer, match="set REQUESTS_CA_BUNDLE to the file of the certificate to trust"):
        Sandbox(secure).clock.now()


def test_the_session_of_a_python_test_trusts_the_certificates_of_requests(
    secure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    sandbox = Sandbox(secure, f"tls{next(_numbers)}")
    sandbox.reset()

    found = sandbox.session().get(f"{sandbox.base_url}/account/{ACCOUNT}{DOSSIER}", timeout=5)

    assert found.json()["content"]["dossierId"] == SEED_DOSSIER


def test_a_healthcheck_finds_out_that_https_is_served(secure: str) -> None:
    found = run("healthcheck", "--port", str(address(secure)[1]))

    assert (found.returncode, found.stderr) == (0, "")
    assert json.loads(found.stdout)["status"] == "UP"
