"""Answers as they are on the wire, byte by byte: of the app, and of the server itself."""

from __future__ import annotations

import re
import socket

from syrupy.assertion import SnapshotAssertion

from tests.sockets import Remote, connect, read_all, request, statuses
from tests.test_server_framing import CHUNKED, CLOSE, FORM, SENTENCES, length, post

SENT: dict[str, tuple[bytes, ...]] = {
    "a call, and then the end": (request("OPTIONS /api/v1/account HTTP/1.1", CLOSE),),
    "two calls at once": (request("PUT /api/v1/account HTTP/1.1") + request("GET /nothing HTTP/1.1", CLOSE),),
    "HTTP/1.0": (request("GET /api/v1/account HTTP/1.0"),),
    "HTTP/1.0 that stays open": (
        request("HEAD /api/v1/account HTTP/1.0", "Connection: keep-alive") + request("HEAD /api HTTP/1.0"),
    ),
    "an answer without a body": (request("DELETE /__admin/requests?sandbox=wire HTTP/1.1", CLOSE),),
    "a stream in chunks": (request("GET /__admin/requests?format=ndjson&sandbox=wire HTTP/1.1", CLOSE),),
    "a call in a thread, from a client that has closed its side": (
        request("GET /__admin/timeline?sandbox=wire HTTP/1.1"),
    ),
    "an expectation": (post(length(len(FORM)), "Expect: 100-continue", CLOSE, body=b""), b""),
    "an expectation that is not needed": (
        request("POST /nothing HTTP/1.1", length(5), "Expect: 100-continue", CLOSE),
    ),
    "another expectation": (post(length(5), "Expect: 200-ok", CLOSE, body=b"a=b&c"),),
    "too large": (post(length(2_000_000), body=b""),),
    "a wrong form in chunks": (post(CHUNKED, CLOSE, body=b"1\r\na\r\n0\r\n\r\n"),),
    "a wrong control call": (request("PATCH /__admin/clock HTTP/1.1", length(2), CLOSE, body=b"{}"),),
    "chunks with an upgrade": (
        post(CHUNKED, "Upgrade: h2c", "Connection: Upgrade, close", body=b"1\r\na\r\n0\r\n\r\n"),
    ),
    "CONNECT": (request("CONNECT sandbox:80 HTTP/1.1"),),
    "an absolute target": (request("GET http://sandbox/__admin/nothing HTTP/1.1", CLOSE),),
    "any target": (request("OPTIONS * HTTP/1.1", CLOSE),),
    **{f"rejected: {sentence}": (sent,) for sentence, sent in SENTENCES.items()},
}


def test_the_bytes_of_answers_are_as_expected(server: str, snapshot: SnapshotAssertion) -> None:
    shown = []
    for case, parts in SENT.items():
        with connect(server) as client:
            for part in parts:
                client.sendall(part)
            client.shutdown(socket.SHUT_WR)
            answer = read_all(client).decode("latin-1").replace("\r\n", "\n")
        shown.append(f"# {case}\n{answer}")
    text = re.sub(r"(Date: ).*", r"\1…", "\n".join(shown))
    text = re.sub(r"(HTTP/1.1 41[34] ).*", r"\1…", text)  # it is another phrase in newer versions of Python
    text = re.sub(r'("(?:timestamp|now)": ?)"[^"]+"', r"\1…", text)
    assert text == snapshot


def test_a_client_that_has_closed_its_side_gets_a_late_answer(server: str) -> None:
    remote = Remote(server, "closed-side")
    remote.set_rule({"delay": {"type": "fixed", "milliseconds": 100}})
    with remote.send_raw() as client:
        client.shutdown(socket.SHUT_WR)
        assert statuses(read_all(client)) == [200]
