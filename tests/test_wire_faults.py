"""Faults and the end of the server on the wire: at any request of a connection, plain and with TLS."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count, product
from pathlib import Path

import pytest

from mock_server.scenarios.file_format import FAULTS
from tests.sockets import DOSSIER, Remote, address, connect, is_up, read_answer, read_to_end, request
from tests.support import ACCOUNT, running_server
from tests.test_faults import SEEN
from tests.wire import KINDS, wire_server

_numbers = count(1)
BREAKING = [name for name in FAULTS if name not in {"MALFORMED_BODY", "EMPTY_BODY"}]


@pytest.fixture(scope="module", params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with wire_server(request.param, tmp_path_factory.mktemp("wire")) as found:
        yield found


@pytest.fixture
def remote(url: str) -> Remote:
    return Remote(url, f"faults{next(_numbers)}")


def below(client: socket.socket) -> socket.socket:
    """The connection below TLS, where a reset is seen as one."""
    return socket.socket(fileno=os.dup(client.fileno()))


def outcome(client: socket.socket, fault: str) -> tuple[str, bytes]:
    """How the connection ends, and what came."""
    client.settimeout(0.3 if fault == "NO_RESPONSE" else 5)
    return read_to_end(client)


ANSWERED = rb"(?:HTTP/1\.1 200 OK\r\n(?:[!-~]+: [ -~]+\r\n)+\r\n\{[^\r\n]*\})"


@pytest.mark.parametrize("fault", BREAKING)
def test_a_fault_hits_a_pipelined_request_and_those_before_it_are_answered(
    remote: Remote, fault: str
) -> None:
    remote.set_rule({"fault": fault})
    other, hit = remote.request_bytes("GET", "/requirements"), remote.request_bytes("GET", DOSSIER)
    is_encrypted = fault == "CONNECTION_RESET_BY_PEER" and remote.url.startswith("https")

    for before, behind in product((0, 1, 3), repeat=2):
        with connect(remote.url) as client, below(client) as raw:
            client.sendall(other * before + hit + other * behind)
            end, came = outcome(raw if is_encrypted else client, fault)
        case = f"{before} before, {behind} behind: {came[:1000]!r}"
        assert end == SEEN[fault][0], case
        if not is_encrypted:
            assert re.fullmatch(ANSWERED + b"{%d}" % before + SEEN[fault][1], came, re.DOTALL), case


@pytest.mark.parametrize("fault", BREAKING)
def test_a_fault_hits_a_later_request(remote: Remote, fault: str) -> None:
    remote.set_rule({"fault": fault}, when={"operation": "getDossier", "nth": 3})
    with connect(remote.url) as client, below(client) as raw:
        for _ in range(2):
            client.sendall(remote.request_bytes("GET", DOSSIER))
            assert read_answer(client)[0] == 200
        client.sendall(remote.request_bytes("GET", DOSSIER))
        end, _ = outcome(raw if fault == "CONNECTION_RESET_BY_PEER" else client, fault)

    assert end == SEEN[fault][0]


def test_a_fault_resets_the_connection_while_its_client_still_sends(remote: Remote) -> None:
    remote.set_rule({"fault": "CONNECTION_RESET_BY_PEER", "delay": {"type": "fixed", "milliseconds": 100}})
    with connect(remote.url) as client, below(client) as raw:
        client.sendall(remote.request_bytes("GET", DOSSIER) + b"a" * 100_000)
        time.sleep(0.3)
        end, _ = outcome(raw, "")

    assert end == "reset"


# The end


def waiting_clients(url: str, stack: ExitStack) -> list[socket.socket]:
    """Clients that hold a server up, unless it ends them: silent, stalled and slow ones."""
    token = Remote(url, "default").headers["Authorization"]
    begun = [
        b"",
        b"GET /half",
        request("POST /auth HTTP/1.1", "Content-Length: 100", body=b"half"),
        request("POST /auth HTTP/1.1", "Transfer-Encoding: chunked", body=b"4\r\nha"),
        request(f"GET /api/v1/account/{ACCOUNT}/dossiers/all HTTP/1.1", f"Authorization: {token}") * 50,
        request("GET /__admin/events HTTP/1.1"),
    ]
    clients = [stack.enter_context(connect(url)) for _ in begun]
    for client, sent in zip(clients, begun, strict=True):
        client.sendall(sent)
    silent = stack.enter_context(socket.create_connection(address(url)))  # not even TLS
    return [*clients, silent]


@pytest.mark.parametrize("kind", KINDS)
def test_the_server_ends_within_a_second_with_any_clients_connected(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    options = ["--tls-self-signed"] if kind == "TLS" else []
    with running_server(*options, MOCK_SERVER_CHECK_RESPONSES="no") as (url, process), ExitStack() as stack:
        if kind == "TLS":
            for trusted in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
                monkeypatch.setenv(trusted, str(tmp_path / "mock-server" / "tls" / "ca.pem"))
        waiting_clients(url, stack)
        delayed = Remote(url, "delayed")
        delayed.set_rule({"delay": {"type": "fixed", "milliseconds": 60_000}})
        late = stack.enter_context(delayed.send_raw())
        assert is_up(url)

        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        status, _ = read_answer(late)
        process.wait(timeout=10)
        took = time.monotonic() - began

    assert (status, process.returncode) == (503, 0)
    assert took < 1.5


def test_a_server_in_a_thread_ends_as_fast(tmp_path: Path) -> None:
    with ExitStack() as stack:
        with wire_server("plain", tmp_path) as url:
            waiting_clients(url, stack)
            assert is_up(url)
            began = time.monotonic()
        took = time.monotonic() - began

    assert took < 1.5
