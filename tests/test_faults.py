"""Faults as clients see them: from a raw socket, and from the requests library, under the real server."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
import requests

from mock_server.scenarios.file_format import FAULTS
from tests.sockets import DOSSIER, Remote, connect, read_answer, read_to_end
from tests.support import running_server

_numbers = count(1)

HEAD = rb"HTTP/1\.1 200 OK\r\n(?:[!-~]+: [ -~]+\r\n)+\r\n"
CHUNKED = rb"HTTP/1\.1 200 OK\r\n.*Transfer-Encoding: chunked\r\n\r\n"

SEEN: dict[str, tuple[str, bytes]] = {
    "CONNECTION_RESET_BY_PEER": ("reset", b""),
    "EMPTY_RESPONSE": ("closed", b""),
    "MALFORMED_RESPONSE_CHUNK": ("closed", CHUNKED + rb"[\x80-\xff]{512}"),
    "RANDOM_DATA_THEN_CLOSE": ("closed", rb"[\x80-\xff]{512}"),
    "NO_RESPONSE": ("silent", b""),
    "TRUNCATED_BODY": ("closed", HEAD + rb'\{"content":.*'),
    "MALFORMED_BODY": ("closed", HEAD + rb'\{"content":.*\{"\x00'),
    "EMPTY_BODY": ("closed", HEAD),
}
"""How the connection ends, and a pattern of all that came."""

RAISED: dict[str, tuple[type[Exception], str]] = {
    "CONNECTION_RESET_BY_PEER": (requests.ConnectionError, "Connection reset by peer"),
    "EMPTY_RESPONSE": (requests.ConnectionError, "Remote end closed connection without response"),
    "MALFORMED_RESPONSE_CHUNK": (requests.exceptions.ChunkedEncodingError, "InvalidChunkLength"),
    "RANDOM_DATA_THEN_CLOSE": (requests.ConnectionError, "BadStatusLine"),
    "NO_RESPONSE": (requests.ReadTimeout, "Read timed out"),
    "TRUNCATED_BODY": (requests.exceptions.ChunkedEncodingError, "IncompleteRead"),
    "MALFORMED_BODY": (
        requests.exceptions.JSONDecodeError,
        "Expecting|Unterminated|Invalid control character",
    ),
    "EMPTY_BODY": (requests.exceptions.JSONDecodeError, "Expecting value"),
}
"""What the requests library makes of it when the JSON of the answer is asked for."""

BREAKING = [name for name in FAULTS if name not in {"MALFORMED_BODY", "EMPTY_BODY", "NO_RESPONSE"}]
PATIENCE = {"NO_RESPONSE": 0.2}
"""Seconds that a client waits where nothing will come."""


@pytest.fixture
def remote(server: str) -> Remote:
    return Remote(server, f"fault{next(_numbers)}")


@pytest.fixture(scope="module")
def server_on_ipv6() -> Iterator[str]:
    """The base URL of a real server on ::1."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    with running_server("--host", "::1") as (url, _):
        yield url


def is_monitored(remote: Remote) -> bool:
    """Whether the dossier has not been stopped."""
    return bool(remote.get(DOSSIER)["monitored"])


def test_every_fault_has_a_row() -> None:
    assert (set(SEEN), set(RAISED)) == (set(FAULTS), set(FAULTS))


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        pytest.param("getDossier", DOSSIER, id="of one dossier"),
        pytest.param("listAllDossiers", "/dossiers/all", id="of a list that is streamed"),
    ],
)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_seen_on_the_socket(remote: Remote, fault: str, operation: str, path: str) -> None:
    end, pattern = SEEN[fault]
    remote.set_rule({"fault": fault}, operation)

    seen = remote.outcome("GET", path, timeout=PATIENCE.get(fault, 5))

    assert seen[0] == end
    assert re.fullmatch(pattern, seen[1], re.DOTALL), seen[1][:2000]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_seen_by_the_requests_library(remote: Remote, fault: str) -> None:
    kind, words = RAISED[fault]
    remote.set_rule({"fault": fault})

    with pytest.raises(kind, match=words):
        remote.send("GET", DOSSIER, timeout=PATIENCE.get(fault, 5)).json()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_seen_over_ipv6(server_on_ipv6: str, fault: str) -> None:
    remote = Remote(server_on_ipv6, f"fault{next(_numbers)}")
    remote.set_rule({"fault": fault})

    assert remote.outcome(timeout=PATIENCE.get(fault, 5))[0] == SEEN[fault][0]


@pytest.mark.parametrize("path", [DOSSIER, "/dossiers/all"], ids=["a dossier", "a streamed list"])
def test_a_truncated_body_is_the_first_half_of_the_real_one(remote: Remote, path: str) -> None:
    real = remote.send("GET", path).content
    remote.set_rule({"fault": "TRUNCATED_BODY"}, ["getDossier", "listAllDossiers"])

    _, came = remote.outcome("GET", path)

    head, _, body = came.partition(b"\r\n\r\n")
    assert f"content-length: {len(real)}".encode() in head.lower()
    assert body == real[: len(real) // 2]


def test_a_truncated_answer_keeps_its_status_and_headers(remote: Remote) -> None:
    remote.set_rule({"fault": "TRUNCATED_BODY"}, name="cut off")

    _, came = remote.outcome("GET", "/dossiers/1")

    head = came.partition(b"\r\n\r\n")[0].decode().splitlines()
    assert head[0] == "HTTP/1.1 404 Not Found"
    assert {"Content-Type: application/json;charset=UTF-8", "X-Mock-Rule: cut off"} < set(head)


@pytest.mark.parametrize("fault", ["TRUNCATED_BODY", "MALFORMED_BODY", "EMPTY_BODY"])
def test_a_head_request_with_a_damaged_body_has_no_body(remote: Remote, fault: str) -> None:
    remote.set_rule({"fault": fault})

    end, came = remote.outcome("HEAD")

    assert end == "closed"
    assert re.fullmatch(HEAD, came), came


def test_a_head_request_has_the_length_of_the_whole_body(remote: Remote) -> None:
    length = len(remote.send("GET", DOSSIER).content)
    remote.set_rule({"fault": "TRUNCATED_BODY"})

    assert remote.send("HEAD", DOSSIER).headers["Content-Length"] == str(length)


@pytest.mark.parametrize("fault", ["CONNECTION_RESET_BY_PEER", "EMPTY_RESPONSE", "RANDOM_DATA_THEN_CLOSE"])
def test_a_head_request_gets_the_same_connection_faults(remote: Remote, fault: str) -> None:
    remote.set_rule({"fault": fault})

    assert remote.outcome("HEAD")[0] == SEEN[fault][0]


# Carried out or not


CARRIED_OUT: dict[str, tuple[str, Any, bool]] = {
    f"{name}, carriedOut {said}": (name, said, fault.needs_answer or said is True)
    for name, fault in FAULTS.items()
    for said in (None, False, True)
    if not (fault.needs_answer and said is False)
}


@pytest.mark.parametrize(("fault", "said", "done"), CARRIED_OUT.values(), ids=list(CARRIED_OUT))
def test_a_command_with_a_fault_is_executed_or_not_as_the_rule_says(
    remote: Remote, fault: str, said: Any, *, done: bool
) -> None:
    remote.set_rule({"fault": fault, "carriedOut": said}, "stopDossier")

    end, _ = remote.outcome("POST", f"{DOSSIER}/stop", timeout=PATIENCE.get(fault, 5))

    assert end == SEEN[fault][0]
    assert is_monitored(remote) is not done


# With a delay


@pytest.mark.parametrize("fault", BREAKING)
def test_a_fault_comes_after_its_delay(remote: Remote, fault: str) -> None:
    remote.set_rule({"fault": fault, "delay": {"type": "fixed", "milliseconds": 100}})

    began = time.monotonic()
    end, _ = remote.outcome()
    took = time.monotonic() - began

    assert end == SEEN[fault][0]
    assert took >= 0.1


def test_a_malformed_body_can_be_dribbled(remote: Remote) -> None:
    dribble = {"type": "dribble", "chunks": 3, "milliseconds": 60}
    remote.set_rule({"fault": "MALFORMED_BODY", "delay": dribble})

    end, came = remote.outcome()

    assert end == "closed"
    assert re.fullmatch(SEEN["MALFORMED_BODY"][1], came, re.DOTALL)


# Other connections, other clients


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_does_not_affect_other_connections(remote: Remote, fault: str) -> None:
    bystander = Remote(remote.url, f"{remote.sandbox}-bystander")
    mine, other = remote.request_bytes("GET", "/requirements"), bystander.request_bytes("GET", DOSSIER)
    remote.set_rule({"fault": fault})
    with connect(remote.url) as second, connect(remote.url) as foreign:
        second.sendall(mine)
        foreign.sendall(other)
        before = [read_answer(client)[0] for client in (second, foreign)]

        remote.outcome(timeout=PATIENCE.get(fault, 5))

        second.sendall(mine)
        foreign.sendall(other)
        after = [read_answer(client)[0] for client in (second, foreign)]

    assert (before, after) == ([200, 200], [200, 200])


@pytest.mark.parametrize("fault", ["MALFORMED_BODY", "EMPTY_BODY"])
def test_a_connection_is_kept_after_a_damaged_body(remote: Remote, fault: str) -> None:
    remote.set_rule({"fault": fault}, times=1)
    with remote.send_raw() as client:
        _, damaged = read_answer(client)
        client.sendall(remote.request_bytes("GET", DOSSIER))
        _, whole = read_answer(client)

    assert len(damaged) < len(whole)
    assert json.loads(whole)["content"]["dossierReference"] == "TEST"


@pytest.mark.parametrize("fault", BREAKING)
def test_a_fault_applies_on_a_reused_connection(remote: Remote, fault: str) -> None:
    remote.set_rule({"fault": fault}, when={"operation": "getDossier", "nth": 2})
    with remote.send_raw() as client:
        status, _ = read_answer(client)
        client.sendall(remote.request_bytes("GET", DOSSIER))
        end, _ = read_to_end(client)

    assert (status, end) == (200, SEEN[fault][0])


def test_a_client_that_disconnects_before_its_fault_affects_no_other(remote: Remote) -> None:
    remote.set_rule({"fault": "CONNECTION_RESET_BY_PEER", "delay": {"type": "fixed", "milliseconds": 30}})
    for client in [remote.send_raw() for _ in range(20)]:
        client.close()

    end, _ = remote.outcome()

    assert end == "reset"
    assert remote.get("/dossiers")
