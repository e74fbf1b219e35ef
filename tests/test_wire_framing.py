"""An invalid request is rejected with the right status, and nothing of it is done (RFC 9112, 9110)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from itertools import count

import pytest

from tests.sockets import (
    HEALTH,
    Remote,
    connect,
    is_up,
    log_in,
    read_all,
    request,
    send_and_read,
    statuses,
)
from tests.support import ACCOUNT, SEED_DOSSIER, TOKEN_URL
from tests.wire import KINDS, LIMIT, wire_server

_numbers = count(1)

CLOSE = "Connection: close"
CHUNKED = "Transfer-Encoding: chunked"
JSON = "Content-Type: application/json"
STOP = f"POST /api/v1/account/{ACCOUNT}/dossiers/{SEED_DOSSIER}/stop HTTP/1.1"
DOSSIERS = f"/api/v1/account/{ACCOUNT}/dossiers"
NEXT = request("GET /next HTTP/1.1", CLOSE)


@pytest.fixture(scope="module", params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with wire_server(request.param, tmp_path_factory.mktemp("wire")) as found:
        yield found


@pytest.fixture
def remote(url: str) -> Remote:
    return Remote(url, f"framing{next(_numbers)}")


# Bodies: what is malformed or cut off is not carried out

BODIES: dict[str, tuple[str, bytes, int]] = {
    "a length, cut off": ("Content-Length: 100", b"{}", 400),
    "a chunk, cut off": (CHUNKED, b"14\r\n{}", 400),
    "chunks without the last": (CHUNKED, b"2\r\n{}\r\n", 400),
    "a last chunk without its end": (CHUNKED, b"2\r\n{}\r\n0\r\n", 400),
    "no chunk at all": (CHUNKED, b"", 400),
    "a chunk size that is not a number": (CHUNKED, b"ZZ\r\n{}\r\n0\r\n\r\n", 400),
    "a chunk size with a sign": (CHUNKED, b"+2\r\n{}\r\n0\r\n\r\n", 400),
    "a chunk size with a blank": (CHUNKED, b"2 \r\n{}\r\n0\r\n\r\n", 400),
    "a chunk size too large": (CHUNKED, b"f" * 17 + b"\r\n{}\r\n0\r\n\r\n", 400),
    "a chunk longer than its size": (CHUNKED, b"1\r\n{}\r\n0\r\n\r\n", 400),
    "a bare line feed behind a size": (CHUNKED, b"2\n{}\r\n0\r\n\r\n", 400),
    "an extension without a name": (CHUNKED, b"2;\r\n{}\r\n0\r\n\r\n", 400),
    "an extension with a control character": (CHUNKED, b"2;a\x01\r\n{}\r\n0\r\n\r\n", 400),
    "a malformed trailer": (CHUNKED, b"2\r\n{}\r\n0\r\n bad\r\n\r\n", 400),
    "an endless trailer": (CHUNKED, b"2\r\n{}\r\n0\r\nX: " + b"a" * 200_000, 400),
    "both framings": (f"Content-Length: 2\r\n{CHUNKED}", b"2\r\n{}\r\n0\r\n\r\n", 400),
    "two lengths": ("Content-Length: 2\r\nContent-Length: 3", b"{}", 400),
    "a length that is not a number": ("Content-Length: 2x", b"{}", 400),
    "an unknown coding": ("Transfer-Encoding: gzip, chunked", b"2\r\n{}\r\n0\r\n\r\n", 501),
    "a coding behind chunked": ("Transfer-Encoding: chunked, gzip", b"2\r\n{}\r\n0\r\n\r\n", 400),
}
"""The framing, the body, and the status. The client sends no more, and may read."""


def test_a_request_with_a_malformed_body_is_rejected_and_not_carried_out(remote: Remote) -> None:
    token = f"Authorization: {remote.headers['Authorization']}"
    is_tls = remote.url.startswith("https")

    for case, (framing, body, status) in BODIES.items():
        with connect(remote.url, timeout=0.3 if is_tls else 5) as client:
            client.sendall(request(STOP, token, JSON, framing, body=body))
            if not is_tls:  # within TLS no side can be closed alone
                client.shutdown(socket.SHUT_WR)
            answer = read_all(client)
        assert statuses(answer) in ([status], [] if is_tls else [status]), case
        assert b"\r\nConnection: close\r\n" in answer or not answer, case
        assert remote.get(f"/dossiers/{SEED_DOSSIER}")["monitored"] is True, case


# Heads

HOST = "Host: sandbox"
HEADS: dict[str, tuple[list[str], int]] = {
    "no Host": (["GET /nothing HTTP/1.1"], 400),
    "no Host in HTTP/1.0": (["GET /nothing HTTP/1.0"], 404),
    "two Hosts": (["GET /nothing HTTP/1.1", HOST, "Host: other"], 400),
    "two Hosts in HTTP/1.0": (["GET /nothing HTTP/1.0", HOST, "Host: other"], 400),
    "an empty Host": (["GET /nothing HTTP/1.1", "Host:"], 400),
    "a Host with blanks": (["GET /nothing HTTP/1.1", "Host: a b<>"], 400),
    "a Host with a path": (["GET /nothing HTTP/1.1", "Host: a/b"], 400),
    "a Host with a user": (["GET /nothing HTTP/1.1", "Host: me@a"], 400),
    "a Host with a port that is none": (["GET /nothing HTTP/1.1", "Host: a:x"], 400),
    "a Host with an underscore": (["GET /nothing HTTP/1.1", "Host: mock_server:8080"], 404),
    "an IPv6 Host": (["GET /nothing HTTP/1.1", "Host: [::1]:8080"], 404),
    "an absolute target": (["GET http://other/nothing HTTP/1.1", HOST], 404),
    "an absolute target without a path": (["GET http://other HTTP/1.1", HOST], 404),
    "an absolute target and no Host": (["GET http://other/nothing HTTP/1.1"], 404),
    "an absolute target of another scheme": (["GET ftp://other/nothing HTTP/1.1", HOST], 400),
    "an absolute target with a user": (["GET http://me@other/nothing HTTP/1.1", HOST], 400),
    "a target without a slash": (["GET nothing HTTP/1.1", HOST], 400),
    "a target beyond ASCII": (["GET /\xe9 HTTP/1.1", HOST], 400),
    "two blanks": (["GET  /nothing HTTP/1.1", HOST], 400),
    "a tab": (["GET\t/nothing HTTP/1.1", HOST], 400),
    "a name with a blank": (["GET /nothing HTTP/1.1", HOST, "X : a"], 400),
    "a folded header": (["GET /nothing HTTP/1.1", HOST, "X: a", " b"], 400),
    "a header beyond ASCII": (["GET /nothing HTTP/1.1", HOST, "X: \xe9quipe"], 404),
    "HTTP/0.9": (["GET /nothing"], 400),
    "HTTP/2.0": (["GET /nothing HTTP/2.0", HOST], 505),
    "HTTP/9.9": (["GET /nothing HTTP/9.9", HOST], 505),
    "the preface of HTTP/2": (["PRI * HTTP/2.0", "", "SM"], 505),
    "a method in lower case": ([f"get {HEALTH} HTTP/1.1", HOST], 501),
    "an unknown method": ([f"BREW {HEALTH} HTTP/1.1", HOST], 501),
    "a method of WebDAV": (["PROPFIND /api/v1/account HTTP/1.1", HOST], 405),
    "TRACE": (["TRACE /api/v1/account HTTP/1.1", HOST], 405),
    "CONNECT": (["CONNECT other:443 HTTP/1.1", HOST], 404),
    "OPTIONS *": (["OPTIONS * HTTP/1.1", HOST], 404),
    "two slashes": (["GET //api/v1/account HTTP/1.1", HOST], 404),
    "a quoted slash": (["GET /api%2Fv1/account HTTP/1.1", HOST], 404),
    "a quoted slash in an id": ([f"GET {DOSSIERS}%2F{SEED_DOSSIER} HTTP/1.1", HOST], 404),
}


def test_a_head_is_read_strictly(url: str) -> None:
    for case, (lines, status) in HEADS.items():
        head = "\r\n".join([*lines, *([CLOSE] if lines[0].endswith("HTTP/1.1") else []), "", ""])
        answer = send_and_read(url, head.encode("latin-1"), timeout=3)
        assert statuses(answer) == [status], case
        assert b"smuggled" not in answer, case


def test_bare_line_feeds_are_rejected_at_once(url: str) -> None:
    answer = send_and_read(url, b"GET /nothing HTTP/1.1\nHost: a\n\n", timeout=3)

    assert statuses(answer) == [400]


def test_bytes_with_which_no_request_begins_are_rejected_at_once(url: str) -> None:
    for begun in (b"\x16\x03\x01" + bytes(64), b"\x00", b" GET", b"{"):
        with connect(url, timeout=3) as client:
            client.sendall(begun)
            assert statuses(client.recv(1000)) == [400], begun


def test_the_host_of_an_absolute_target_wins(url: str) -> None:
    path = f"/api/v1/account/{ACCOUNT}/thirdparties/q?search=name~A"
    token = f"Authorization: {log_in(url)['Authorization']}"

    here = send_and_read(url, request(f"GET {path} HTTP/1.1", token, CLOSE))
    there = send_and_read(url, request(f"GET http://edge.x{path} HTTP/1.1", token, CLOSE))

    # The host selects the dialect: in `rest`, `q` would have to be an id.
    assert (statuses(here), statuses(there)) == ([400], [200])


def test_a_head_has_no_body(url: str) -> None:
    got = send_and_read(url, request(f"GET {HEALTH} HTTP/1.1", CLOSE))
    asked = send_and_read(url, request(f"HEAD {HEALTH} HTTP/1.1", CLOSE))

    assert got.partition(b"\r\n\r\n")[2]
    assert asked.partition(b"\r\n\r\n")[2] == b""
    assert statuses(asked) == [200]


@pytest.mark.parametrize(
    "protocol", ["h2c", "websocket", "TLS/1.0"], ids=["h2c, as Java asks", "websocket", "TLS"]
)
def test_an_upgrade_is_ignored_and_the_body_is_read(remote: Remote, protocol: str) -> None:
    token = f"Authorization: {remote.headers['Authorization']}"
    upgrade = [f"Upgrade: {protocol}", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABk"]
    body = b'{"description":"upgraded"}'
    line = f"POST {DOSSIERS}/{SEED_DOSSIER} HTTP/1.1"

    sent = request(line, token, JSON, *upgrade, f"Content-Length: {len(body)}", body=body)
    answer = send_and_read(remote.url, sent + NEXT)

    assert statuses(answer) == [200, 404]
    assert remote.get(f"/dossiers/{SEED_DOSSIER}")["description"] == "upgraded"


def test_a_half_closed_client_gets_its_answers(url: str) -> None:
    with connect(url) as client:
        client.sendall(request(f"GET {HEALTH} HTTP/1.1") * 2)
        if not url.startswith("https"):
            client.shutdown(socket.SHUT_WR)
        client.settimeout(2)

        assert statuses(read_all(client)) == [200, 200]


# Expect

EXPECTED: dict[str, tuple[str, int, bool, list[int]]] = {
    "a body that is wanted": ("100-continue", 10, True, [100]),
    "no token": ("100-continue", 10, False, [401]),
    "a body too large": ("100-continue", LIMIT + 1, True, [413]),
    "another expectation": ("a-pony", 10, True, [417]),
}


def test_a_client_that_expects_100_continue_gets_it_only_if_its_body_will_be_read(url: str) -> None:
    token = f"Authorization: {log_in(url)['Authorization']}"
    for case, (expectation, size, has_token, expected) in EXPECTED.items():
        headers = [*([token] if has_token else []), JSON, f"Expect: {expectation}", f"Content-Length: {size}"]
        with connect(url, timeout=2) as client:
            client.sendall(request(f"POST {DOSSIERS} HTTP/1.1", *headers))
            answer = client.recv(65536)
        assert statuses(answer) == expected, case
        assert (b"\r\nConnection: close\r\n" in answer) is (expected != [100]), case


DECIDED = {
    "POST /nothing HTTP/1.1": 404,
    f"POST /api/v1/account/1/dossiers/{SEED_DOSSIER} HTTP/1.1": 404,
    f"PUT {DOSSIERS} HTTP/1.1": 405,
    "POST /__admin/nothing HTTP/1.1": 404,
    "POST /__admin/clock/advance HTTP/1.1\r\nOrigin: https://elsewhere.example": 403,
}


def test_a_request_that_its_head_makes_invalid_is_answered_without_its_body(url: str) -> None:
    token = f"Authorization: {log_in(url)['Authorization']}"
    for line, status in DECIDED.items():
        with connect(url, timeout=10) as client:
            client.sendall(request(line, token, JSON, "Expect: 100-continue", "Content-Length: 10"))
            assert statuses(client.recv(65536)) == [status], line


def test_an_expectation_of_http_1_0_is_ignored(url: str) -> None:
    form = b"grant_type=password&client_id=ea-api-edge&username=any%40x.fr&password=demo"
    head = request(
        f"POST {TOKEN_URL} HTTP/1.0",
        "Content-Type: application/x-www-form-urlencoded",
        "Expect: 100-continue",
        f"Content-Length: {len(form)}",
    )

    assert statuses(send_and_read(url, head, form, pause=0.1)) == [200]
    assert is_up(url)


# Sandboxes named by headers


UNCLEAR = {
    "latin-1": (b"\xe9quipe", ""),
    "UTF-8": ("équipe".encode(), ""),
    "a blank": (b"a b", ""),
    "two names": (b"one", "?sandbox=two"),
    "beyond ASCII in the query": (b"", "?sandbox=%C3%A9"),
}


def test_a_sandbox_that_is_not_named_clearly_is_a_400(url: str) -> None:
    for case, (header, query) in UNCLEAR.items():
        head = f"POST /__admin/reset{query} HTTP/1.1\r\nHost: localhost\r\n{CLOSE}\r\nX-Mock-Sandbox: "
        answer = send_and_read(url, head.encode() + header + b"\r\n\r\n")
        assert statuses(answer) == [400], case
