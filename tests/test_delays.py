"""Answers that come late or in pieces: how late; no other client waits, nor the end of the server."""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import accumulate, count
from pathlib import Path
from typing import Any

import pytest
import requests
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

from mock_server import delivery
from mock_server.delivery import Delivery
from tests.control_calls import a_rule, play, set_rule
from tests.sockets import DOSSIER, Remote, address, connect, is_up, read_answer, read_to_end, request
from tests.support import Api, running_server

_numbers = count(1)

LATE = {"type": "fixed", "milliseconds": 60_000}


@pytest.fixture
def remote(server: str) -> Remote:
    return Remote(server, f"delay{next(_numbers)}")


def planned(api: Api, path: str = DOSSIER) -> Delivery:
    """How the app wants an answer delivered."""
    headers = Headers({"Authorization": f"Bearer {api.token}"})
    environ = EnvironBuilder(api.url(path), headers=headers).get_environ()
    seen: list[dict[str, Any]] = []

    def application(given: dict[str, Any], start_response: Any) -> Any:
        seen.append(given)
        return api.client.application.wsgi_app(given, start_response)

    run_wsgi_app(application, environ, buffered=True)
    plan: Delivery = seen[0][delivery.KEY]
    return plan


def delays(api: Api, calls: int) -> list[float]:
    """The delays of so many answers, in milliseconds."""
    return [planned(api).delay.total_seconds() * 1000 for _ in range(calls)]


# What is planned


def test_a_fixed_delay_is_always_the_same(api: Api) -> None:
    set_rule(api, {"delay": {"type": "fixed", "milliseconds": 1234.5}})

    assert set(delays(api, 5)) == {1234.5}


def test_a_uniform_delay_is_spread_evenly_between_its_limits(api: Api) -> None:
    set_rule(api, {"delay": {"type": "uniform", "lower": 100, "upper": 300}})

    drawn = delays(api, 200)

    assert 100 <= min(drawn) < 110
    assert 290 < max(drawn) <= 300
    assert 180 < statistics.mean(drawn) < 220


def test_a_lognormal_delay_is_mostly_near_its_median_and_rarely_much_longer(api: Api) -> None:
    set_rule(api, {"delay": {"type": "lognormal", "median": 80, "sigma": 0.5}})

    drawn = delays(api, 200)

    assert 70 < statistics.median(drawn) < 90
    assert min(drawn) > 10
    assert max(drawn) > 160


def test_a_lognormal_delay_without_spread_is_its_median(api: Api) -> None:
    set_rule(api, {"delay": {"type": "lognormal", "median": 80, "sigma": 0}})

    assert [round(drawn, 3) for drawn in delays(api, 3)] == [80, 80, 80]


def test_no_delay_is_longer_than_an_hour(api: Api) -> None:
    set_rule(api, {"delay": {"type": "lognormal", "median": 3_600_000, "sigma": 5}})

    assert max(delays(api, 20)) == 3_600_000


@pytest.mark.parametrize(
    "delay",
    [{"type": "uniform", "lower": 0, "upper": 1000}, {"type": "lognormal", "median": 80, "sigma": 1}],
    ids=["uniform", "lognormal"],
)
def test_delays_repeat_in_every_run_and_differ_with_another_seed(api: Api, delay: Any) -> None:
    runs = []
    for seed in (1, 1, 2):
        play(api, seed=seed, rules=[a_rule({"delay": delay})])
        runs.append(delays(api, 5))

    assert runs[0] == runs[1]
    assert len({*runs[0], *runs[2]}) == 10


def test_a_rule_without_a_delay_answers_at_once(api: Api) -> None:
    set_rule(api, {"patch": {}})

    assert planned(api) == Delivery()


# How long it takes


@pytest.mark.parametrize(
    "delay",
    [
        {"type": "fixed", "milliseconds": 120},
        {"type": "uniform", "lower": 120, "upper": 121},
        {"type": "lognormal", "median": 120, "sigma": 0},
        {"type": "dribble", "chunks": 3, "milliseconds": 120},
        {"type": "dribble", "chunks": 1, "milliseconds": 120},
        {"type": "dribble", "chunks": 1000, "milliseconds": 120},
    ],
    ids=["fixed", "uniform", "lognormal", "dribble", "dribble of one piece", "dribble of many pieces"],
)
def test_an_answer_takes_as_long_as_its_delay(remote: Remote, delay: Any) -> None:
    real = remote.send("GET", DOSSIER)
    remote.set_rule({"delay": delay})

    began = time.monotonic()
    answer = remote.send("GET", DOSSIER)
    took = time.monotonic() - began

    assert (answer.status_code, answer.content) == (200, real.content)
    assert 0.12 <= took < 1


@pytest.mark.parametrize(
    ("body", "chunks", "pieces"),
    [
        pytest.param("0123456789", 5, [b"01", b"23", b"45", b"67", b"89"], id="of one size"),
        pytest.param("0123456789", 4, [b"01", b"234", b"56", b"789"], id="of about one size"),
        pytest.param("012", 1000, [b"0", b"1", b"2"], id="never less than a byte"),
    ],
)
def test_a_dribble_arrives_in_pieces(remote: Remote, body: str, chunks: int, pieces: list[bytes]) -> None:
    delay = {"type": "dribble", "chunks": chunks, "milliseconds": 60 * len(pieces)}
    remote.set_rule({"respond": {"status": 200, "body": body}, "delay": delay})

    with remote.send_raw("GET", DOSSIER, "Connection: close") as client:
        came = list(iter(lambda: client.recv(65536), b""))

    assert came[0].endswith(b"\r\n\r\n")
    assert b"".join(came[1:]) == body.encode()
    assert len(came) > 2
    # A client that was slow to look finds two of them in one.
    assert set(accumulate(map(len, came[1:]))) <= set(accumulate(map(len, pieces)))


@pytest.mark.parametrize("body", ["", None], ids=["an empty body", "no body"])
def test_an_answer_without_a_body_is_not_dribbled(remote: Remote, body: Any) -> None:
    delay = {"type": "dribble", "chunks": 5, "milliseconds": 50}
    remote.set_rule(
        {"respond": {"status": 200, "body": body} if body == "" else {"status": 204}, "delay": delay}
    )

    end, came = remote.outcome()

    assert end == "closed"
    assert came.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "delay",
    [{"type": "fixed", "milliseconds": 30}, {"type": "dribble", "chunks": 3, "milliseconds": 30}],
    ids=["fixed", "dribble"],
)
def test_a_connection_is_kept_after_a_delay(remote: Remote, delay: Any) -> None:
    remote.set_rule({"delay": delay})

    with remote.send_raw() as client:
        first = read_answer(client)
        client.sendall(remote.request_bytes("GET", DOSSIER))
        second = read_answer(client)

    assert first == second
    assert first[0] == 200


def test_a_request_sent_during_the_delay_of_another_is_answered_after_it(remote: Remote) -> None:
    remote.set_rule({"delay": {"type": "fixed", "milliseconds": 60}}, times=1)

    with remote.send_raw() as client:
        client.sendall(remote.request_bytes("GET", "/dossiers/1", "Connection: close"))
        _, came = read_to_end(client)

    assert [came.count(b"HTTP/1.1 200"), came.count(b"HTTP/1.1 404")] == [1, 1]
    assert came.index(b"HTTP/1.1 200") < came.index(b"HTTP/1.1 404")


@pytest.mark.parametrize(
    "delay",
    [{"type": "fixed", "milliseconds": 40}, {"type": "dribble", "chunks": 4, "milliseconds": 40}],
    ids=["fixed", "dribble"],
)
def test_a_head_request_and_a_streamed_list_can_be_delayed(remote: Remote, delay: Any) -> None:
    whole = remote.send("GET", "/dossiers/all").content
    remote.set_rule({"delay": delay}, ["getDossier", "listAllDossiers"])

    head, late = remote.send("HEAD", DOSSIER), remote.send("GET", "/dossiers/all")

    assert (head.status_code, head.content) == (200, b"")
    assert late.content == whole


# No other client waits


def test_a_hundred_connections_in_a_delay_do_not_slow_another_client(remote: Remote) -> None:
    remote.set_rule({"delay": {"type": "fixed", "milliseconds": 1000}})
    other = Remote(remote.url, f"{remote.sandbox}-other")
    assert other.get(DOSSIER)

    with ExitStack() as opened, requests.Session() as session:
        waiting = [opened.enter_context(remote.send_raw()) for _ in range(100)]
        session.headers.update(other.headers)
        took = [
            session.get(f"{remote.url}/api/v1/account/119631{DOSSIER}", timeout=5).elapsed for _ in range(40)
        ]
        answers = [read_answer(client)[0] for client in waiting]

    assert statistics.median(elapsed.total_seconds() for elapsed in took) < 0.05
    assert answers == [200] * 100


TCP = Path("/proc/net/tcp")


@pytest.mark.skipif(not TCP.is_file(), reason="open connections are counted in /proc")
def test_a_client_that_disconnects_during_a_delay_leaves_no_connection() -> None:
    with running_server() as (url, process):
        remote = Remote(url, "impatient")
        remote.set_rule({"delay": LATE}, "stopDossier", name="late")
        remote.set_rule({"delay": {"type": "dribble", "chunks": 2, "milliseconds": 60_000}}, name="dribble")
        remote.set_rule({"fault": "NO_RESPONSE"}, "listDossiers", name="none")
        clients = [
            remote.send_raw("POST", f"{DOSSIER}/stop"),
            remote.send_raw(),
            remote.send_raw("GET", "/dossiers"),
        ]
        assert is_up(url)
        ports = {client.getsockname()[1] for client in clients}

        during = connections_of(ports, url)
        for client in clients:
            client.close()
        ended = all_end(ports, url)

        remote.control("DELETE", "/rules")
        stopped = not remote.get(DOSSIER)["monitored"]
        process.terminate()
        log = process.communicate(timeout=5)[1]

    assert (during, ended, stopped, log) == (3, True, True, "")


def connections_of(ports: set[int], url: str) -> int:
    """How many connections to clients on these ports a server still has."""
    rows = [line.split() for line in TCP.read_text().splitlines()[1:]]
    ends = [[int(place.partition(":")[2], 16) for place in row[1:3]] for row in rows]
    return sum(local == address(url)[1] and remote in ports for local, remote in ends)


def all_end(ports: set[int], url: str, within: float = 5) -> bool:
    """Whether a server lets go of its connections to these ports in time."""
    until = time.monotonic() + within
    while connections_of(ports, url) and time.monotonic() < until:
        time.sleep(0.01)
    return not connections_of(ports, url)


# The end of the server


WAITING: dict[str, tuple[Any, str, bytes]] = {
    "a delay": ({"delay": LATE}, "closed", b"HTTP/1.1 503 "),
    "a dribble": (
        {"delay": {"type": "dribble", "chunks": 9, "milliseconds": 60_000}},
        "closed",
        b"HTTP/1.1 200 ",
    ),
    "no answer": ({"fault": "NO_RESPONSE"}, "closed", b""),
    "a fault after a delay": ({"fault": "EMPTY_RESPONSE", "delay": LATE}, "closed", b""),
    "a delayed answer of a rule": ({"respond": {"status": 503}, "delay": LATE}, "closed", b"HTTP/1.1 503 "),
}


def test_a_signal_ends_delayed_answers() -> None:
    with running_server() as (url, process), ExitStack() as opened:
        real = Remote(url, "real").send("GET", DOSSIER).content
        clients = []
        for at, (then, _, _) in enumerate(WAITING.values()):
            remote = Remote(url, f"waiting{at}")
            remote.set_rule(then)
            clients.append(opened.enter_context(remote.send_raw()))
        assert is_up(url)

        began = time.monotonic()
        process.terminate()
        seen = [read_to_end(client) for client in clients]
        log = process.communicate(timeout=10)[1]
        took = time.monotonic() - began

    assert (process.returncode, log) == (0, "")
    assert took < 2
    assert [(end, came[:13]) for end, came in seen] == [row[1:] for row in WAITING.values()]
    assert [came.count(b"\r\nConnection: close\r\n") for _, came in seen] == [1, 0, 0, 0, 1]
    assert not any(came.endswith(real) for _, came in seen)


# Streams: an app of three lines under the same server


STREAMING = """
import asyncio, sys
from mock_server import server
from mock_server.delivery import KEY, Delivery

async def parts():
    try:
        for number in range(10_000):
            yield f"{number}\\n".encode()
            await asyncio.sleep(0.02)
    finally:
        print("ended", flush=True)

def application(environ, start_response):
    environ[KEY] = Delivery(stream=parts())
    start_response("200 OK", [("Content-Type", "text/plain")])
    return []

bound = server.bind("127.0.0.1", 0)
url = server.base_url(bound)
service = server.Service(wsgi=application, max_body=1000)
server.serve(service, bound, announce=lambda _: print(url, flush=True))
"""


@pytest.fixture
def streaming() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server that streams numbers: its base URL, and its process."""
    command = [sys.executable, "-c", STREAMING]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process
        process.kill()


def first_numbers(client: socket.socket) -> bytes:
    """What comes until the third number of the stream."""
    came = b""
    while b"2\n" not in came.partition(b"\r\n\r\n")[2]:
        came += client.recv(65536)
    return came


def test_a_stream_is_sent_as_it_comes_until_the_server_ends(
    streaming: tuple[str, subprocess.Popen[str]],
) -> None:
    url, process = streaming
    with connect(url) as client:
        client.sendall(request("GET / HTTP/1.1"))
        came = first_numbers(client)

        began = time.monotonic()
        process.terminate()
        end, _ = read_to_end(client)
        output, log = process.communicate(timeout=10)
        took = time.monotonic() - began

    assert b"transfer-encoding: chunked" in came.lower()
    assert (process.returncode, end, output, log) == (0, "closed", "ended\n", "")
    assert took < 2


def test_a_stream_ends_when_its_client_goes(streaming: tuple[str, subprocess.Popen[str]]) -> None:
    url, process = streaming
    with connect(url) as client:
        client.sendall(request("GET / HTTP/1.1"))
        first_numbers(client)

    assert process.stdout is not None
    assert process.stdout.readline() == "ended\n"
