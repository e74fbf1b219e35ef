"""Clients that are slow, send too much or leave early do not affect other clients."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.sockets import HEALTH, address, connect, is_up, log_in, request, send_and_read, statuses, upload
from tests.support import ACCOUNT, running_server

CLOSE = "Connection: close"
MEGABYTES = 10


@pytest.fixture(scope="module")
def populous(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose list of all dossiers is longer than what a kernel keeps for a client."""
    recipe = tmp_path_factory.mktemp("clients") / "populous.yaml"
    recipe.write_text(
        f"version: 1\ninclude: [catalogue]\naccounts:\n  - accountId: {ACCOUNT}\n"
        "    population: {dossiers: 2000, thirdparties: 20}\n",
        encoding="utf-8",
    )
    # Its answers are not checked against the contract: a long list would take seconds.
    with running_server("--fixture", str(recipe), MOCK_SERVER_CHECK_RESPONSES="no") as (url, _):
        yield url


def test_a_client_that_sends_byte_by_byte_is_answered_and_does_not_delay_others(server: str) -> None:
    with connect(server) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number, byte in enumerate(request("GET /slowly HTTP/1.1", CLOSE)):
            client.sendall(bytes([byte]))
            assert number % 16 or is_up(server)
        answer = client.recv(65536)

    assert statuses(answer) == [404]


def test_clients_that_never_read_do_not_delay_others(populous: str) -> None:
    token = log_in(populous)["Authorization"]
    asked = request(f"GET /api/v1/account/{ACCOUNT}/dossiers/all HTTP/1.1", f"Authorization: {token}")
    with ExitStack() as stack:
        for _ in range(8):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(address(populous))
            client.sendall(asked * 3)

        assert [is_up(populous) for _ in range(5)] == [True] * 5

    assert is_up(populous)


def test_clients_that_leave_in_the_middle_of_an_answer_do_not_delay_others(populous: str) -> None:
    token = log_in(populous)["Authorization"]
    asked = request(f"GET /api/v1/account/{ACCOUNT}/dossiers/all HTTP/1.1", f"Authorization: {token}")
    for _ in range(20):
        with connect(populous) as client:
            client.sendall(asked)
            assert client.recv(100).startswith(b"HTTP/1.1 200")

    assert is_up(populous)


def test_a_hundred_pipelined_requests_are_all_answered(server: str) -> None:
    one = request(f"GET {HEALTH} HTTP/1.1")

    answers = send_and_read(server, one * 99 + request("GET /nothing HTTP/1.1", CLOSE))

    assert statuses(answers) == [200] * 99 + [404]


def test_headers_of_ten_megabytes_are_rejected(server: str) -> None:
    line = b"X-A: " + b"a" * 8000 + b"\r\n"
    with connect(server) as client:
        client.sendall(b"GET /nothing HTTP/1.1\r\nHost: sandbox\r\n")
        answer = upload(client, line, times=MEGABYTES * 2**20 // len(line))

    # Closing with what was not read resets the connection: the refusal may be lost.
    assert statuses(answer) in ([431], [])
    assert is_up(server)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request("GET /nothing HTTP/1.1", "X-A: " + "a" * 2_000_000, CLOSE), 431),
        (request("GET /nothing HTTP/1.1", *(f"X-{number}: a" for number in range(500)), CLOSE), 431),
        (request(f"GET /{'a' * 100_000} HTTP/1.1", CLOSE), 414),
    ],
    ids=["a long header", "many headers", "a long path"],
)
def test_a_head_that_is_too_large_is_rejected(server: str, sent: bytes, status: int) -> None:
    with connect(server) as client:
        answer = upload(client, sent, times=1)

    assert statuses(answer) in ([status], [])
    assert is_up(server)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND"])
def test_a_method_that_the_api_does_not_have_is_answered(server: str, method: str) -> None:
    answer = send_and_read(server, request(f"{method} /api/v1/account HTTP/1.1", CLOSE))

    assert statuses(answer) in ([404], [405])


def test_an_upgrade_is_ignored(server: str) -> None:
    asked = ("Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==")

    with connect(server) as client:
        client.sendall(request("GET /nothing HTTP/1.1", "Connection: Upgrade", *asked))
        answer = client.recv(65536)

    assert statuses(answer) == [404]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="open files are counted in /proc")
def test_a_thousand_connections_leave_nothing_open() -> None:
    with running_server() as (url, process):
        files = Path(f"/proc/{process.pid}/fd")
        assert is_up(url)
        before = len(list(files.iterdir()))
        for number in range(1000):
            with connect(url) as client:
                client.sendall(b"GET / HTTP/1.1\r\n"[: number % 16])
        assert is_up(url)

        assert falls_to(before + 5, lambda: len(list(files.iterdir())))


def falls_to(most: int, count: Callable[[], int]) -> bool:
    """Return whether a number is soon no more than `most`: a server sees late that a client has left."""
    ends = time.monotonic() + 10
    while count() > most:
        if time.monotonic() > ends:
            return False
        time.sleep(0.02)
    return True
