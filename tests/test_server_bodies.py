"""Request bodies on the real server: in pieces, too large, or not as long as they were said to be."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import urlencode

import pytest
import requests

from tests.sockets import connect, is_up, log_in, read_all, request, send_and_read, statuses, upload
from tests.support import ACCOUNT, TOKEN_URL, running_server

LIMIT = 1024 * 1024
DOSSIERS = f"/api/v1/account/{ACCOUNT}/dossiers"
FORM = urlencode(
    {"grant_type": "password", "client_id": "ea-api-edge", "username": "any@x.fr", "password": "demo"}
).encode()
FORM_TYPE = "Content-Type: application/x-www-form-urlencoded"
CLOSE = "Connection: close"


@pytest.fixture(scope="module")
def authorization(server: str) -> str:
    return f"Authorization: {log_in(server)['Authorization']}"


@pytest.fixture(scope="module")
def roomy() -> Iterator[str]:
    """A server that takes bodies of at most 2048 bytes, so that a little is too much."""
    with running_server("--max-body", "2048") as (url, _):
        yield url


def import_of(size: int) -> bytes:
    """The body of an import, with blanks up to this size."""
    body = {"companyIdType": "CIT001", "companyIdValue": "99050000100013", "dossierReference": f"R{size}"}
    return json.dumps(body).encode().ljust(size)


def chunk(part: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(part), part)


def test_a_body_sent_in_slow_pieces_is_read_whole(server: str) -> None:
    head = request(f"POST {TOKEN_URL} HTTP/1.1", FORM_TYPE, f"Content-Length: {len(FORM)}", CLOSE)
    pieces = [FORM[at : at + 10] for at in range(0, len(FORM), 10)]

    answer = send_and_read(server, head, *pieces, pause=0.02)

    assert statuses(answer) == [200]


def test_a_body_in_chunks_is_read_whole(server: str) -> None:
    head = request(f"POST {TOKEN_URL} HTTP/1.1", FORM_TYPE, "Transfer-Encoding: chunked", CLOSE)
    pieces = [chunk(FORM[at : at + 10]) for at in range(0, len(FORM), 10)]

    answer = send_and_read(server, head, *pieces, b"0\r\n\r\n")

    assert statuses(answer) == [200]


@pytest.mark.parametrize("cut", range(5))
def test_what_follows_an_end_of_chunks_that_arrives_in_two_parts_is_another_request(
    server: str, cut: int
) -> None:
    framing = "Transfer-Encoding: chunked"
    first, second = (
        request(f"POST {TOKEN_URL} HTTP/1.1", FORM_TYPE, framing, *more) for more in ((), (CLOSE,))
    )
    end = b"0\r\n\r\n"
    whole = chunk(FORM) + end

    answer = send_and_read(server, first + chunk(FORM) + end[:cut], end[cut:] + second + whole, pause=0.02)

    assert statuses(answer) == [200, 200]


def test_others_are_served_while_a_body_is_on_its_way(server: str) -> None:
    with connect(server) as client:
        client.sendall(
            request(f"POST {TOKEN_URL} HTTP/1.1", FORM_TYPE, f"Content-Length: {len(FORM)}", CLOSE)
        )
        client.sendall(FORM[:5])
        others = [is_up(server) for _ in range(5)]
        client.sendall(FORM[5:])
        answer = client.recv(65536)

    assert others == [True] * 5
    assert statuses(answer) == [200]


@pytest.mark.parametrize(("size", "status"), [(2048, 200), (2049, 413)], ids=["as large", "one byte larger"])
def test_a_body_may_be_as_large_as_the_limit(roomy: str, size: int, status: int) -> None:
    headers = log_in(roomy) | {"Content-Type": "application/json"}

    answer = requests.post(roomy + DOSSIERS, data=import_of(size), headers=headers, timeout=5)

    assert answer.status_code == status


@pytest.mark.parametrize(("size", "status"), [(2048, 200), (2049, 413)], ids=["as large", "one byte larger"])
def test_a_body_in_chunks_may_be_as_large_as_the_limit(roomy: str, size: int, status: int) -> None:
    headers = log_in(roomy) | {"Content-Type": "application/json"}
    body = import_of(size)
    pieces = iter([body[:1000], body[1000:]])

    answer = requests.post(roomy + DOSSIERS, data=pieces, headers=headers, timeout=5)

    assert answer.status_code == status


@pytest.mark.parametrize(
    "framing", [f"Content-Length: {3 * LIMIT}", "Transfer-Encoding: chunked"], ids=["length", "chunks"]
)
def test_a_body_beyond_the_limit_is_a_413_and_others_are_served(
    server: str, authorization: str, framing: str
) -> None:
    head = request(f"POST {DOSSIERS} HTTP/1.1", authorization, "Content-Type: application/json", framing)
    piece = b"[" * 65536
    sent = chunk(piece) if "chunked" in framing else piece

    with connect(server) as client:
        client.sendall(head)
        answer = upload(client, sent, times=3 * LIMIT // len(piece))

    assert statuses(answer)[:1] == [413]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"] == "Request Entity Too Large"
    assert is_up(server)


@pytest.mark.parametrize(
    "framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"], ids=["length", "chunks"]
)
def test_a_client_that_leaves_half_way_changes_nothing(server: str, authorization: str, framing: str) -> None:
    import_half = b'{"companyIdType": "CIT001"'
    body = chunk(import_half) if "chunked" in framing else import_half
    head = request(f"POST {DOSSIERS} HTTP/1.1", authorization, "Content-Type: application/json", framing)

    with connect(server) as client:
        client.sendall(head + body)

    assert is_up(server)


@pytest.mark.parametrize(
    "framing",
    [
        "Content-Length: -1",
        "Content-Length: x",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 1e3",
    ],
    ids=["negative", "no number", "two", "exponent"],
)
def test_an_invalid_content_length_is_rejected(server: str, framing: str) -> None:
    answer = send_and_read(server, request(f"POST {TOKEN_URL} HTTP/1.1", FORM_TYPE, framing), FORM, timeout=1)

    assert statuses(answer)[:1] in ([], [400])
    assert is_up(server)


def test_a_chunk_with_an_invalid_length_is_rejected(server: str) -> None:
    head = request(f"POST {TOKEN_URL} HTTP/1.1", FORM_TYPE, "Transfer-Encoding: chunked")

    answer = send_and_read(server, head, b"xyz\r\n" + FORM + b"\r\n", timeout=1)

    assert statuses(answer)[:1] in ([], [400])
    assert is_up(server)


def test_what_follows_a_body_is_the_next_request(server: str) -> None:
    head = request(f"POST {TOKEN_URL} HTTP/1.1", FORM_TYPE, f"Content-Length: {len(FORM)}")

    answer = send_and_read(server, head + FORM + request("GET /nothing HTTP/1.1", CLOSE))

    assert statuses(answer) == [200, 404]


def test_a_body_with_get_is_not_read_as_a_request(server: str) -> None:
    smuggled = request("GET /smuggled HTTP/1.1")
    head = request("GET /nothing HTTP/1.1", f"Content-Length: {len(smuggled)}")

    answer = send_and_read(server, head + smuggled + request("GET /last HTTP/1.1", CLOSE))

    assert statuses(answer) == [404, 404]
    assert b"/smuggled" not in answer


def test_a_client_that_asks_before_it_sends_gets_a_100_continue(server: str) -> None:
    head = request(
        f"POST {TOKEN_URL} HTTP/1.1", FORM_TYPE, f"Content-Length: {len(FORM)}", "Expect: 100-continue", CLOSE
    )

    with connect(server) as client:
        client.sendall(head)
        interim = client.recv(1024)
        client.sendall(FORM)
        answer = client.recv(65536)

    assert statuses(interim) == [100]
    assert statuses(answer) == [200]


def test_many_clients_at_once_are_all_answered(server: str) -> None:
    def ask(_: int) -> int:
        return requests.get(f"{server}/__admin/health", timeout=10).status_code

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(ask, range(200)))

    assert answers == [200] * 200


def test_hundreds_of_idle_connections_do_not_block_others(server: str) -> None:
    with ExitStack() as idle:
        for _ in range(200):
            idle.enter_context(connect(server))
        began = time.monotonic()

        assert is_up(server)

    assert time.monotonic() - began < 1


@pytest.mark.parametrize("half_closed", [True, False], ids=["and waits for an answer", "and is gone"])
def test_a_command_that_is_cut_off_is_not_carried_out(
    server: str,
    authorization: str,
    half_closed: bool,  # noqa: FBT001
) -> None:
    body = b'{"description":"CUT OFF"}'
    headers = [authorization, "Content-Type: application/json", "Content-Length: 500", CLOSE]
    client = connect(server)
    client.sendall(request(f"POST {DOSSIERS}/836000 HTTP/1.1", *headers, body=body))
    if half_closed:
        client.shutdown(socket.SHUT_WR)
        read_all(client)
    client.close()

    header = dict([authorization.split(": ", 1)])
    found = requests.get(f"{server}{DOSSIERS}/836000", headers=header, timeout=5).json()

    assert found["content"]["description"] != "CUT OFF"
