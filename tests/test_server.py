"""The real server as a process on a socket: how it ends, and how it handles unusual clients."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import requests

from mock_server.delivery import SlowCalls
from mock_server.server import Service, base_url, serve
from mock_server.server.sockets import bind
from tests.processes import Process
from tests.serving import serving
from tests.sockets import (
    HEALTH,
    address,
    connect,
    is_up,
    log_in,
    read_all,
    read_to_end,
    request,
    send_and_read,
    statuses,
)
from tests.support import ACCOUNT, running_server
from tests.wire import wire_server

POPULOUS = f"""\
version: 1
include: [catalogue]
accounts:
  - accountId: {ACCOUNT}
    population: {{dossiers: 5000, thirdparties: 50}}
"""


def seconds_to_end(process: Process, number: int) -> float:
    began = time.monotonic()
    process.send_signal(number)
    process.wait(timeout=10)
    return time.monotonic() - began


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_it_within_a_second_with_0(number: int) -> None:
    with running_server() as (_, process):
        took = seconds_to_end(process, number)

    assert process.returncode == 0
    assert took < 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_an_idle_connection_does_not_delay_the_end(number: int) -> None:
    with running_server() as (url, process), requests.Session() as session:
        assert session.get(f"{url}{HEALTH}", timeout=5).status_code == 200

        took = seconds_to_end(process, number)

    assert process.returncode == 0
    assert took < 1


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /__admin/heal",
        request("POST /auth HTTP/1.1", "Content-Length: 100", body=b"half"),
        request("POST /auth HTTP/1.1", "Transfer-Encoding: chunked", body=b"4\r\nhalf\r\n"),
    ],
    ids=["nothing sent", "half a request line", "half a body", "half a chunked body"],
)
def test_a_client_that_sends_no_more_does_not_delay_the_end(begun: bytes) -> None:
    with running_server() as (url, process), connect(url) as client:
        client.sendall(begun)
        assert is_up(url)

        took = seconds_to_end(process, signal.SIGTERM)

    assert process.returncode == 0
    assert took < 1.5


def test_a_signal_writes_nothing_to_stderr() -> None:
    with running_server() as (_, process):
        process.send_signal(signal.SIGINT)
        output, log = process.communicate(timeout=5)

    assert (output, log) == ("", "")


def test_a_request_that_runs_is_answered_before_it_ends(tmp_path: Path) -> None:
    recipe = tmp_path / "populous.yaml"
    recipe.write_text(POPULOUS, encoding="utf-8")
    # The check of such a long list against the contract takes seconds.
    with running_server("--fixture", str(recipe), MOCK_SERVER_CHECK_RESPONSES="no") as (url, process):
        path = f"{url}/api/v1/account/{ACCOUNT}/dossiers/all"
        # Megabytes that no client has read yet: the server is still writing when it gets the signal.
        running = requests.get(path, headers=log_in(url), stream=True, timeout=10)

        process.send_signal(signal.SIGTERM)
        content = running.json()["content"]

        process.wait(timeout=5)

    assert len(content) == 5000
    assert process.returncode == 0


def test_a_killed_server_leaves_its_port_free() -> None:
    with running_server() as (url, process), requests.Session() as session:
        assert session.get(f"{url}{HEALTH}", timeout=5).status_code == 200
        port = str(address(url)[1])
        process.kill()
        process.wait(timeout=5)

        with running_server("--port", port) as (again, _):
            assert is_up(again)

    assert again == url


def test_a_server_that_ended_leaves_its_port_free() -> None:
    with running_server() as (url, process), requests.Session() as session:
        session.get(f"{url}{HEALTH}", timeout=5)
        seconds_to_end(process, signal.SIGTERM)

        with running_server("--port", str(address(url)[1])) as (again, _):
            assert is_up(again)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are counted in /proc")
def test_the_server_is_one_process() -> None:
    with running_server() as (url, process):
        assert is_up(url)
        tasks = Path(f"/proc/{process.pid}/task")
        children = [task.joinpath("children").read_text() for task in tasks.iterdir()]

    assert "".join(children) == ""


@pytest.fixture
def orphaned() -> Iterator[tuple[str, int]]:
    """A server whose parent was killed: its base URL and its process id."""
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'mock_server', 'serve', '--port', '0'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child, ready = int(parent.stdout.readline()), parent.stdout.readline()
    parent.kill()
    parent.wait(timeout=5)
    yield ready.split()[3], child
    parent.stdout.close()
    if Path(f"/proc/{child}").exists():
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_a_server_whose_parent_was_killed_still_ends_at_a_signal_and_frees_its_port(
    orphaned: tuple[str, int], number: int
) -> None:
    url, child = orphaned
    assert is_up(url)

    os.kill(child, number)

    with socket.socket() as successor:
        successor.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        assert can_bind(successor, address(url), within=2)


def test_connections_do_not_hold_back_the_parts_of_an_answer() -> None:
    with bind("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        listening.settimeout(5)
        connection, _ = listening.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def can_bind(successor: socket.socket, place: tuple[str, int], within: float) -> bool:
    """Whether the address gets free in time."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            successor.bind(place)
        except OSError:
            time.sleep(0.02)
        else:
            return True
    return False


def test_pipelined_requests_are_answered_in_order(server: str) -> None:
    one, two = request("GET /one HTTP/1.1"), request("GET /two HTTP/1.1", "Connection: close")

    answers = send_and_read(server, one + request(f"GET {HEALTH} HTTP/1.1") + two)

    assert statuses(answers) == [404, 200, 404]
    assert re.findall(rb'"path":"(/[a-z]+)"', answers) == [b"/one", b"/two"]


def test_a_connection_is_kept_for_several_requests(server: str) -> None:
    with connect(server, timeout=0.5) as client:
        client.sendall(request(f"GET {HEALTH} HTTP/1.1"))
        first = read_all(client)
        client.sendall(request("GET /nothing HTTP/1.1", "Connection: close"))
        second = read_all(client)

    assert (statuses(first), statuses(second)) == ([200], [404])


def test_an_answer_has_its_date_in_the_format_of_http(server: str) -> None:
    date = requests.get(f"{server}{HEALTH}", timeout=5).headers["Date"]

    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", date)


def test_http_1_0_is_answered_and_closed(server: str) -> None:
    answer = send_and_read(server, f"GET {HEALTH} HTTP/1.0\r\n\r\n".encode(), timeout=2)

    assert statuses(answer) == [200]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == "UP"


def test_head_has_the_headers_of_get_and_no_body(server: str) -> None:
    got = requests.get(f"{server}/nothing", timeout=5)

    answer = send_and_read(server, request("HEAD /nothing HTTP/1.1", "Connection: close"))

    head, _, body = answer.partition(b"\r\n\r\n")
    assert (statuses(head), body) == ([404], b"")
    assert f"content-length: {len(got.content)}".encode() in head.lower()


@pytest.mark.parametrize(
    "garbage",
    [
        b"\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01" * 9,
    ],
    ids=["blank lines", "a word", "no path", "a version", "TLS"],
)
def test_bytes_that_are_not_http_are_rejected_and_others_are_served(server: str, garbage: bytes) -> None:
    answer = send_and_read(server, garbage, timeout=0.5)

    assert statuses(answer) in ([], [400], [505])
    assert is_up(server)


@pytest.mark.parametrize(
    "target",
    ["/nothing/%00", "/nothing/%01", "/nothing/%0D%0A", "/nothing/%FF", "/nothing/%7F", "/nothing/%"],
)
def test_a_path_of_odd_bytes_is_an_unknown_one(server: str, target: str) -> None:
    answer = send_and_read(server, request(f"GET {target} HTTP/1.1", "Connection: close"), timeout=2)

    assert statuses(answer) == [404]


@pytest.mark.parametrize("value", ["%00", "%01", "%0D%0A", "%FF", "%7F"])
def test_a_refused_value_of_odd_bytes_is_answered(server: str, value: str) -> None:
    path = f"{server}/api/v1/account/{ACCOUNT}/dossiers?pageSize={value}"

    answer = requests.get(path, headers=log_in(server), timeout=5)

    assert (answer.status_code, answer.json()["messages"]["error"][0]["code"]) == (400, "E010")


def test_a_path_beyond_ascii_arrives_as_it_was_sent(server: str) -> None:
    answer = requests.get(f"{server}/dossiers/é/😀", timeout=5)

    assert (answer.status_code, answer.json()["path"]) == (404, "/dossiers/é/😀")


def test_a_slow_control_call_does_not_block_other_requests() -> None:
    recipe = f"version: 1\naccounts: [{{accountId: {ACCOUNT}, population: {{dossiers: 10000}}}}]\n"
    headers = {"Content-Type": "application/yaml", "X-Mock-Sandbox": "large"}
    with running_server() as (url, _), ThreadPoolExecutor(1) as pool:
        loaded = pool.submit(requests.put, f"{url}/__admin/fixture", recipe, headers=headers, timeout=60)
        waits = []
        while not loaded.done():
            began = time.monotonic()
            assert requests.get(f"{url}{HEALTH}", timeout=30).status_code == 200
            waits.append(time.monotonic() - began)

        assert loaded.result().status_code == 200
    assert len(waits) > 5
    assert statistics.median(waits) < 0.1


def test_a_search_in_the_journal_does_not_block_other_requests() -> None:
    question = {"expectations": [{"request": {"body": {"a": number + 1}}} for number in range(300)]}
    with running_server() as (url, _), requests.Session() as session, ThreadPoolExecutor(1) as pool:
        for number in range(100):
            session.post(f"{url}/api/v1/account/{ACCOUNT}/dossiers", json={"a": -number}, timeout=5)
        verified = pool.submit(requests.post, f"{url}/__admin/verify", json=question, timeout=60)
        answered = 0
        while not verified.done():
            assert session.get(f"{url}{HEALTH}", timeout=30).status_code == 200
            answered += 1

        assert verified.result().status_code == 422, verified.result().text
    assert answered > 5


def test_a_slow_control_call_does_not_delay_the_end() -> None:
    recipe = f"version: 1\naccounts: [{{accountId: {ACCOUNT}, population: {{dossiers: 20000}}}}]\n"
    with running_server() as (url, process), ThreadPoolExecutor(1) as pool:
        headers = {"Content-Type": "application/yaml"}
        loaded = pool.submit(requests.put, f"{url}/__admin/fixture", recipe, headers=headers, timeout=60)
        time.sleep(0.3)
        took = seconds_to_end(process, signal.SIGTERM)
        assert loaded.exception() is not None or loaded.result().status_code in {200, 503}

    assert process.returncode == 0
    assert took < 1.5


def test_a_slow_call_whose_client_has_gone_keeps_its_turn() -> None:
    begun, may_end = Event(), Event()

    def wait_for_the_end() -> None:
        begun.set()
        may_end.wait(5)

    async def cut_the_first_of_two() -> bool:
        calls = SlowCalls()
        first = asyncio.ensure_future(calls.run(wait_for_the_end))
        await asyncio.to_thread(begun.wait)
        first.cancel()
        second = asyncio.ensure_future(calls.run(int))
        await asyncio.wait({second}, timeout=0.05)
        is_early = second.done()
        may_end.set()
        await second
        return is_early

    assert not asyncio.run(cut_the_first_of_two())


def test_a_slow_control_call_that_is_rejected_is_answered() -> None:
    with running_server() as (url, _):
        answers = [
            requests.put(f"{url}/__admin/fixture", json={"name": "pagse"}, timeout=5) for _ in range(2)
        ]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert "did you mean 'pages'?" in answers[0].json()["detail"]


# In a thread of this process.


@pytest.mark.parametrize("turns", range(8))
def test_a_connection_that_is_accepted_as_the_end_begins_does_not_delay_it(turns: int) -> None:
    begun: Future[tuple[asyncio.AbstractEventLoop, Callable[[], None]]] = Future()
    connected = Event()

    def begin(end: Callable[[], None]) -> None:
        begun.set_result((asyncio.get_running_loop(), end))

    def end_after(left: int) -> None:
        if left:
            asyncio.get_running_loop().call_soon(end_after, left - 1)
        else:
            end()

    def end_in_turns() -> None:
        connected.wait(5)
        end_after(turns)

    bound = bind("127.0.0.1", 0)
    service = Service(wsgi=answer_nothing, max_body=1)
    thread = Thread(target=serve, args=(service, bound, begin), daemon=True)
    thread.start()
    loop, end = begun.result(5)
    loop.call_soon_threadsafe(end_in_turns)
    with socket.create_connection(bound.getsockname()):
        connected.set()
        thread.join(3)

    assert not thread.is_alive()


def answer_nothing(_environ: object, start_response: Any) -> list[bytes]:
    start_response("204 No Content", [])
    return []


def test_a_server_that_cannot_start_raises_within_a_second() -> None:
    closed = bind("127.0.0.1", 0)
    closed.close()
    raised: list[Exception] = []

    def start() -> None:
        try:
            with serving(Service(wsgi=answer_nothing, max_body=1), closed):
                pass
        except (OSError, ValueError) as error:
            raised.append(error)

    thread = Thread(target=start, daemon=True)  # a start that never returns must not stop the run
    thread.start()
    thread.join(timeout=1)

    assert len(raised) == 1


def fail_while_serving(bound: socket.socket) -> None:
    with serving(Service(wsgi=answer_nothing, max_body=1), bound):
        assert requests.get(base_url(bound), timeout=5).status_code == 204
        raise LookupError


def test_an_error_in_the_test_ends_the_server_and_frees_its_port() -> None:
    bound = bind("127.0.0.1", 0)
    host, port = address(base_url(bound))

    with pytest.raises(LookupError):
        fail_while_serving(bound)

    bind(host, port).close()


def failing_app(headers: list[tuple[str, str]] | None) -> Callable[..., Iterable[bytes]]:
    """An app that fails when it is called or, with headers, after the first part of the body."""

    def body() -> Iterator[bytes]:
        yield b"begun"
        raise LookupError

    def app(_environ: object, start_response: Any) -> Iterable[bytes]:
        if headers is None:
            raise LookupError
        start_response("200 OK", headers)
        return body()

    return app


def test_an_app_that_fails_is_answered_with_500_if_nothing_was_sent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answers = []
    for headers in (None, [("Content-Length", "9")], []):
        with wire_server("plain", tmp_path, wsgi=failing_app(headers)) as url, connect(url) as client:
            client.sendall(request("GET /a HTTP/1.1"))
            answers.append(read_to_end(client))

    *whole, (end, cut) = answers
    assert [(end, statuses(answer)) for end, answer in whole] == [("closed", [500])] * 2
    assert all(b"the sandbox failed; see its log" in answer for _, answer in whole)
    assert end in {"closed", "reset"}  # the client may lose all that came
    assert statuses(cut) in ([200], [])
    assert not cut.endswith(b"\r\n0\r\n\r\n")
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert errors == ["unexpected error at GET '/a'"] * 3
