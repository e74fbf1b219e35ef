"""How much a client may send, how slowly, on how many connections; one that does not read costs nothing."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mock_server.delivery import KEY, Delivery
from mock_server.server import connection, runner
from tests.sockets import (
    HEALTH,
    address,
    connect,
    is_up,
    log_in,
    read_all,
    read_answer,
    read_to_end,
    request,
    send_and_read,
    statuses,
    upload,
)
from tests.support import ACCOUNT, run_at_once, running_server
from tests.wire import KINDS, LIMIT, wire_server

resource = pytest.importorskip("resource")
CLOSE = "Connection: close"
DOSSIERS = f"/api/v1/account/{ACCOUNT}/dossiers"
GET = request(f"GET {HEALTH} HTTP/1.1")


@pytest.fixture(scope="module", params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that waits for less than a second where it otherwise waits for many."""
    with pytest.MonkeyPatch.context() as constants:
        constants.setattr(connection, "HEAD_TIMEOUT", 0.6)
        constants.setattr(connection, "IDLE_TIMEOUT", 1.2)
        constants.setattr(runner, "HEAD_TIMEOUT", 0.6)
        with wire_server(request.param, tmp_path_factory.mktemp("wire"), body_timeout=0.6) as found:
            yield found


# Sizes

SIZES: dict[str, tuple[bytes, list[int]]] = {
    "a header just small enough": (request("GET /nothing HTTP/1.1", "X: " + "a" * 60_000, CLOSE), [404]),
    "a header too large": (request("GET /nothing HTTP/1.1", "X: " + "a" * 70_000, CLOSE), [431]),
    "a header that is much too large": (request("GET /nothing HTTP/1.1", "X: " + "a" * 2_000_000), [431]),
    "two hundred headers": (
        request("GET /nothing HTTP/1.1", *(f"X-{number}: a" for number in range(198)), CLOSE),
        [404],
    ),
    "a header too many": (
        request("GET /nothing HTTP/1.1", *(f"X-{number}: a" for number in range(199)), CLOSE),
        [431],
    ),
    "a long path": (request(f"GET /{'a' * 100_000} HTTP/1.1", CLOSE), [414]),
    "a path without an end": (b"GET /" + b"a" * 1_000_000, [414]),
    "a large body": (
        request(f"POST {DOSSIERS} HTTP/1.1", f"Content-Length: {LIMIT}", CLOSE, body=b" " * LIMIT),
        [401],
    ),
}


def test_a_head_has_a_largest_size(url: str) -> None:
    for case, (sent, expected) in SIZES.items():
        with connect(url) as client:
            answer = upload(client, sent, times=1)
        assert statuses(answer) == expected, case
        assert b"\r\nConnection: close\r\n" in answer, case


def test_a_rejected_connection_is_open_while_the_client_sends(url: str) -> None:
    if url.startswith("http:"):
        return  # its end is already visible when the server has sent the answer
    headers = f"Authorization: {log_in(url)['Authorization']}", "Content-Type: application/json"

    with connect(url) as client:
        client.sendall(request(f"POST {DOSSIERS} HTTP/1.1", *headers, f"Content-Length: {LIMIT + 1}"))
        status, _ = read_answer(client)
        began = time.monotonic()
        client.sendall(b"[")
        rest = read_all(client)
        seconds = time.monotonic() - began

    assert (status, rest) == (413, b"")
    assert seconds > connection._LINGER / 2  # noqa: SLF001  # it is counted from the last byte, by another clock


@pytest.mark.parametrize("framing", ["length", "chunks"])
@pytest.mark.parametrize("size", [LIMIT + 1, 3_000_000])
def test_a_client_that_sends_too_large_a_body_reads_the_413(url: str, framing: str, size: int) -> None:
    token = f"Authorization: {log_in(url)['Authorization']}"
    framing_header = f"Content-Length: {size}" if framing == "length" else "Transfer-Encoding: chunked"
    body = b"[" * size
    if framing == "chunks":
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (size, body)

    with connect(url) as client:
        client.sendall(
            request(f"POST {DOSSIERS} HTTP/1.1", token, "Content-Type: application/json", framing_header)
        )
        answer = upload(client, body, times=1)

    assert statuses(answer) == [413]
    assert b"\r\nConnection: close\r\n" in answer


# Times

SLOW: dict[str, tuple[bytes, list[int]]] = {
    "nothing": (b"", []),
    "half a head": (b"GET /nothing HT", [408]),
    "a head without its end": (b"GET /nothing HTTP/1.1\r\nHost: a\r\n", [408]),
    "half a body": (request(f"POST {DOSSIERS} HTTP/1.1", "Content-Length: 9", body=b"{"), [408]),
    "half a chunk": (
        request(f"POST {DOSSIERS} HTTP/1.1", "Transfer-Encoding: chunked", body=b"9\r\n{"),
        [408],
    ),
    "one request": (GET, [200]),
    "one request and half of another": (GET + b"GET /no", [200, 408]),
}


def test_clients_that_send_no_more_are_answered_and_closed(url: str) -> None:
    def send(number: int) -> tuple[list[int], float]:
        sent, _ = list(SLOW.values())[number]
        with connect(url, timeout=6) as client:
            client.sendall(sent)
            began = time.monotonic()
            answer = read_all(client)
            return statuses(answer), time.monotonic() - began

    found = dict(zip(SLOW, run_at_once(len(SLOW), send), strict=True))

    assert {name: answered for name, (answered, _) in found.items()} == {
        name: expected for name, (_, expected) in SLOW.items()
    }
    assert {name for name, (_, took) in found.items() if not 0.4 < took < 5} == set()


def test_a_head_that_comes_byte_by_byte_is_too_late(url: str) -> None:
    with connect(url) as client:
        answer = b""
        client.settimeout(0.1)
        for byte in b"GET /nothing HTTP/1.1\r\nX: a":
            try:
                client.sendall(bytes([byte]))
                answer += client.recv(1000)
            except TimeoutError:
                continue
            break

    assert statuses(answer) == [408]


def test_a_body_may_come_slowly_as_long_as_it_comes(url: str) -> None:
    body = b"[1, 2, 3]"
    head = request(f"POST {DOSSIERS} HTTP/1.1", f"Content-Length: {len(body)}", CLOSE)

    answer = send_and_read(url, head, *(bytes([byte]) for byte in body), pause=0.15)

    assert statuses(answer) == [401]


# Connections


@pytest.mark.parametrize("kind", KINDS)
def test_the_oldest_idle_connection_is_closed_for_a_new_one(kind: str, tmp_path: Path) -> None:
    with wire_server(kind, tmp_path, max_connections=3) as url, ExitStack() as opened:
        clients = [opened.enter_context(connect(url)) for _ in range(3)]
        for client in clients:
            client.sendall(GET)
            assert read_answer(client)[0] == 200

        assert is_up(url)

        assert read_to_end(clients[0]) == ("closed", b"")
        for client in clients[2:]:
            client.sendall(GET)
            assert read_answer(client)[0] == 200


def test_a_new_connection_waits_while_none_is_idle(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with wire_server("plain", tmp_path, max_connections=2) as url, ExitStack() as opened:
        busy = [opened.enter_context(connect(url)) for _ in range(2)]
        for client in busy:
            client.sendall(b"GET /half HTT")
        time.sleep(0.1)
        waiting = opened.enter_context(connect(url, timeout=0.3))
        waiting.sendall(GET)
        with pytest.raises(TimeoutError):
            waiting.recv(1)

        busy[0].close()

        waiting.settimeout(5)
        assert read_answer(waiting)[0] == 200
    warnings = [text for text in caplog.messages if "new connections wait" in text]
    assert warnings == ["new connections wait: there are 2 (--max-connections, or the limit of descriptors)"]


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits are set on Linux alone")
@pytest.mark.parametrize("options", [[], ["--tls-self-signed"]], ids=KINDS)
def test_without_descriptors_new_connections_wait_and_none_is_closed(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with running_server(*options, "--max-connections", "500") as (url, process), ExitStack() as opened:
        idle = None if options else opened.enter_context(connect(url))
        if idle is not None:
            idle.sendall(GET)
            assert read_answer(idle)[0] == 200
        used = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (used + 5, used + 5))
        clients = [opened.enter_context(socket.create_connection(address(url))) for _ in range(20)]
        for client in clients:
            client.settimeout(0.02)
            with pytest.raises(TimeoutError):
                client.recv(1)
        assert idle is None or read_to_end(idle) == ("closed", b"")
        for client in clients[:18]:
            client.close()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "mock-server" / "tls" / "ca.pem"))

        assert is_up(url)
        process.terminate()
        assert "new connections wait: Too many open files\n" in process.communicate(timeout=10)[1]


@pytest.mark.parametrize("option", ["--body-timeout", "--max-connections"])
def test_the_limits_are_options(option: str) -> None:
    value = {"--body-timeout": "1s", "--max-connections": "1"}[option]
    with running_server(option, value) as (url, _):
        with connect(url) as client:
            client.sendall(request(f"POST {DOSSIERS} HTTP/1.1", "Content-Length: 9", body=b"{"))
            answer = read_all(client) if option == "--body-timeout" else b"HTTP/1.1 408"
        assert is_up(url)

    assert statuses(answer) == [408]


# Clients that do not read

MEGABYTE = b"a" * 1024 * 1024


class Endless:
    """An app whose answer has no end; it counts what it made."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.made = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        if self.how == "stream":
            environ[KEY] = Delivery(stream=self.stream())
            return []
        return self.parts()

    def parts(self) -> Iterator[bytes]:
        while True:
            self.made += 1
            yield MEGABYTE

    async def stream(self) -> AsyncGenerator[bytes, None]:
        for part in self.parts():
            yield part
            await asyncio.sleep(0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["parts", "stream"])
def test_an_answer_is_made_as_its_client_reads_it(kind: str, how: str, tmp_path: Path) -> None:
    app = Endless(how)
    with wire_server(kind, tmp_path, wsgi=app) as url, connect(url) as client:
        client.sendall(request("GET / HTTP/1.1"))
        time.sleep(0.5)

        unread = app.made

        for _ in range(200):
            client.recv(65536)
        assert unread < 20
        assert app.made > 0


def test_a_stream_ends_soon_after_its_client_closed_its_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_HALF_CLOSED", 0.1)

    async def stream() -> AsyncGenerator[bytes, None]:
        yield b"first"
        await asyncio.Event().wait()

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        environ[KEY] = Delivery(stream=stream())
        return []

    with wire_server("plain", tmp_path, wsgi=app) as url, connect(url) as client:
        client.sendall(request("GET / HTTP/1.1"))
        client.shutdown(socket.SHUT_WR)
        end, answer = read_to_end(client)

    assert (end, b"first" in answer) == ("closed", True)


def test_a_client_that_reads_nothing_cannot_send_without_end(tmp_path: Path) -> None:
    app = Endless("parts")
    many = request("GET / HTTP/1.1", f"X-Padding: {'x' * 7000}") * 1700
    with (
        wire_server("plain", tmp_path, wsgi=app) as url,
        connect(url, timeout=1) as client,
        pytest.raises(TimeoutError),
    ):
        client.sendall(many)


def test_pipelined_requests_wait_for_their_client_to_read(tmp_path: Path) -> None:
    calls = []

    def large(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        calls.append(environ["PATH_INFO"])
        start_response("200 OK", [("Content-Length", str(len(MEGABYTE)))])
        return [MEGABYTE]

    with wire_server("plain", tmp_path, wsgi=large) as url, connect(url) as client:
        client.sendall(request("GET /1 HTTP/1.1", f"X-Padding: {'x' * 7000}") * 100)
        time.sleep(0.5)

        assert len(calls) < 20
        left = 100 * len(MEGABYTE)
        while left > 0:
            received = client.recv(2**22)
            assert received
            left -= len(received)
        assert len(calls) == 100
