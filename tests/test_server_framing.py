"""Requests that two readers could take for different ones: read in one way or refused, none hides another."""

from __future__ import annotations

import socket

from tests.sockets import connect, is_up, log_in, read_all, request, send_and_read, statuses
from tests.support import TOKEN_URL

FORM = b"grant_type=password&client_id=ea-api-edge&username=any%40x.fr&password=demo"
FORM_TYPE = "Content-Type: application/x-www-form-urlencoded"
CLOSE = "Connection: close"
SMUGGLED = request("GET /smuggled HTTP/1.1", CLOSE)
IN_CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(FORM), FORM)


def post(*headers: str, body: bytes, version: str = "1.1") -> bytes:
    return request(f"POST {TOKEN_URL} HTTP/{version}", FORM_TYPE, *headers, body=body)


def length(number: object) -> str:
    return f"Content-Length: {number}"


CHUNKED = "Transfer-Encoding: chunked"

SHAPES: dict[str, tuple[bytes, list[int]]] = {
    "one length twice": (post(length(len(FORM)), length(len(FORM)), CLOSE, body=FORM), [400]),
    "two lengths": (post(length(len(FORM)), length(5), body=FORM + SMUGGLED), [400]),
    "a list of lengths": (post(length(f"{len(FORM)}, {len(FORM)}"), body=FORM + SMUGGLED), [400]),
    "a length with a sign": (post(length(f"+{len(FORM)}"), body=FORM + SMUGGLED), [400]),
    "a length beyond counting": (post(length("9" * 20), body=FORM + SMUGGLED), [400]),
    "less than was announced": (post(length(5), body=FORM + SMUGGLED), [400, 400]),
    "a length before chunks": (post(length(4), CHUNKED, body=IN_CHUNKS + SMUGGLED), [400]),
    "a length behind chunks": (post(CHUNKED, length(4), body=b"0\r\n\r\n" + SMUGGLED), [400]),
    "chunks under another name": (post("Transfer-Encoding: xchunked", body=IN_CHUNKS + SMUGGLED), [400]),
    "chunks, then another coding": (
        post("Transfer-Encoding: chunked, gzip", body=IN_CHUNKS + SMUGGLED),
        [400],
    ),
    "two codings": (post(CHUNKED, "Transfer-Encoding: identity", body=IN_CHUNKS + SMUGGLED), [400]),
    "a blank behind the name": (post("Transfer-Encoding : chunked", body=IN_CHUNKS + SMUGGLED), [400]),
    "chunks in HTTP/1.0": (post(CHUNKED, body=IN_CHUNKS + SMUGGLED, version="1.0"), [400]),
    "a chunk without its end": (post(CHUNKED, body=b"3\r\nabcdef\r\n0\r\n\r\n" + SMUGGLED), [400]),
    "a chunk longer than can be": (post(CHUNKED, body=b"f" * 17 + b"\r\nabc" + SMUGGLED), [400]),
    "a chunk with an extension": (
        post(CHUNKED, CLOSE, body=IN_CHUNKS.replace(b"\r\n", b";a=b\r\n", 1)),
        [200],
    ),
    "chunks with more extension than content": (
        post(CHUNKED, body=b"1;" + b"a" * 70_000 + b"\r\na\r\n0\r\n\r\n" + SMUGGLED),
        [400],
    ),
    "chunks with a trailer": (
        post(CHUNKED, CLOSE, body=IN_CHUNKS[:-2] + b"X-Sum: 999\r\n\r\n"),
        [200],
    ),
    "chunks with a length in the trailer": (
        post(CHUNKED, CLOSE, body=IN_CHUNKS[:-2] + b"Content-Length: 999\r\n\r\n"),
        [400],
    ),
    "a header over two lines": (request("GET /nothing HTTP/1.1", "X-A: b\r\n c", body=SMUGGLED), [400]),
    "a carriage return in a header": (request("GET /nothing HTTP/1.1", "X-A: b\rc", body=SMUGGLED), [400]),
    "a zero in a header": (request("GET /nothing HTTP/1.1", "X-A: \0", body=SMUGGLED), [400]),
    "a space in a name": (request("GET /nothing HTTP/1.1", "X A: b", body=SMUGGLED), [400]),
    "a tab for a space": (request("GET\t/nothing\tHTTP/1.1", body=SMUGGLED), [400]),
    "HTTP/2 out of the blue": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SMUGGLED, [505]),
}
"""What is sent on a connection, with a request hidden behind it, and the statuses that come back."""


def test_a_request_that_could_be_read_in_two_ways_hides_no_other(server: str) -> None:
    for case, (sent, expected) in SHAPES.items():
        answers = send_and_read(server, sent)
        assert statuses(answers) == expected, case
        assert b"/smuggled" not in answers, case
        assert is_up(server), case


SENTENCES = {
    "HTTPS on a port of HTTP: the URL begins with http://": b"\x16\x03\x01",
    "malformed request: its first byte": b"{}",
    "malformed request: its first line": request("GET  /nothing HTTP/1.1"),
    "malformed request target": request("GET ftp://other/nothing HTTP/1.1"),
    "HTTP/1.1 and HTTP/1.0 are served": request("GET /nothing HTTP/2.0"),
    "unknown method; methods are in capitals": request("get /nothing HTTP/1.1"),
    "one valid Host header is required": b"GET /nothing HTTP/1.1\r\n\r\n",
    "request line too long": b"GET /" + b"a" * 70_000,
    "headers too large": request("GET /nothing HTTP/1.1", "X: " + "a" * 70_000),
    "too many headers": request("GET /nothing HTTP/1.1", *["X: a"] * 200),
    "HTTP/1.0 has no transfer codings": post(CHUNKED, body=IN_CHUNKS, version="1.0"),
    f"unknown transfer coding: x{'a' * 94}, chu": post(
        f"Transfer-Encoding: x{'a' * 94}, chunked", body=IN_CHUNKS
    ),
    "too much besides the content of a chunked body": post(CHUNKED, body=b"1;" + b"a" * 70_000),
    "the request is cut off": post(length(100), body=FORM),
}
"""What a client that can be helped is answered, and what it sent before it closed its side."""


def test_a_request_that_the_server_rejects_is_answered_with_the_reason(server: str) -> None:
    for sentence, sent in SENTENCES.items():
        with connect(server) as client:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            answer = read_all(client)

        assert answer.endswith(f"\r\n\r\n{sentence}\n".encode()), answer


def admitted(server: str, *authorizations: str) -> int:
    """The status of a call with these headers."""
    lines = [f"Authorization: {authorization}" for authorization in authorizations]
    (status,) = statuses(send_and_read(server, request("GET /api/v1/account HTTP/1.1", *lines, CLOSE)))
    return status


def test_a_request_with_two_tokens_is_rejected(server: str) -> None:
    good = log_in(server)["Authorization"]

    assert admitted(server, good) == 200
    assert admitted(server, good, "Bearer x") == 401
    assert admitted(server, "Bearer x", good) == 401


def control_status(server: str, *headers: str) -> int:
    """The status of a control call with these headers, `Host` among them."""
    sent = "\r\n".join(["GET /__admin/clock HTTP/1.1", *headers, CLOSE, "", ""])
    (status,) = statuses(send_and_read(server, sent.encode()))
    return status


HOSTS: dict[str, tuple[list[str], int]] = {
    "its own": (["localhost"], 200),
    "a foreign one": (["evil.example"], 403),
    "a foreign one behind it": (["localhost", "evil.example"], 400),
    "a foreign one before it": (["evil.example", "localhost"], 400),
    "half an address": (["[::1"], 400),
    "two words": (["local host"], 400),
    "a list": (["localhost, evil.example"], 400),
    "none": ([], 400),
}


def test_a_control_call_with_two_hosts_or_a_foreign_one_is_rejected(server: str) -> None:
    for case, (hosts, status) in HOSTS.items():
        assert control_status(server, *(f"Host: {host}" for host in hosts)) == status, case


def test_a_call_with_two_names_of_a_sandbox_is_rejected(server: str) -> None:
    twice = ("X-Mock-Sandbox: twice-a", "X-Mock-Sandbox: twice-b")

    assert control_status(server, "Host: localhost", *twice) == 400


def test_a_header_with_an_underscore_is_not_one_with_a_dash(server: str) -> None:
    # As the name of a sandbox it would be a 400.
    assert control_status(server, "Host: localhost", "X_Mock_Sandbox: no/name") == 200
