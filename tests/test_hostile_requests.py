"""The server answers any bytes or closes the connection, and still serves other clients."""

from __future__ import annotations

import socket
from urllib.parse import quote

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from mock_server.control.app import CALLS
from mock_server.domain.operations import OPERATIONS
from tests.properties import DATES, WORDS, as_json, damaged, example_count, texts, values
from tests.sockets import connect, is_up, send_and_read, statuses
from tests.support import ACCOUNT, SEED_DOSSIER, Api

IDS = {
    "accountId": str(ACCOUNT),
    "dossierId": str(SEED_DOSSIER),
    "thirdpartyId": "875",
    "processId": "0" * 32,
}
TEMPLATES = [path for row in OPERATIONS.values() for path in row.paths]
CONTROL = [f"/__admin{call.path}" for call in CALLS if call.path not in {"/events", "/sandboxes/{name}"}]
IMPORT = {"companyIdType": "CIT001", "companyIdValue": "99050000100013", "dossierReference": "PO-1"}
BODIES = [IMPORT, IMPORT | {"expirationDate": "2031-01-01", "requiredDocuments": ["I2"]}, {"rules": []}]

# A byte that ends a line, or that no line may contain, changes what a request is.
BYTES = st.binary(max_size=12) | st.sampled_from(
    [
        b"\r\n",
        b"\n",
        b"\0",
        b"\xff",
        b"\x85",
        b"%",
        b"%00",
        b"%ff",
        b"%c0%ae",
        b"//",
        b"/../",
        b";",
        b"#",
        b"?",
    ]
    + [word.encode(errors="replace") for word in (*WORDS, *DATES) if len(word) < 100]
)
NAMES = st.sampled_from(
    [
        *("Authorization", "Content-Type", "Content-Length", "Transfer-Encoding", "Host", "Expect", "Cookie"),
        *("Connection", "Upgrade", "Origin", "Range", "X-Mock-Sandbox", "Last-Event-ID", "X" * 300, "X y"),
    ]
)
FIELDS = st.sampled_from(
    [
        *("Bearer", "Bearer a.b.c", "chunked", "identity", "gzip", "-1", "0", "99999999999999999999", "1, 2"),
        *("100-continue", "upgrade", "websocket", "application/json; charset=utf-16", "multipart/form-data"),
        *("bytes=0-", "null", "edge.x", "rs.", "a:b:c", "[::1", "é", "\x01"),
    ]
)
METHODS = st.sampled_from(
    [*("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"), "BREW", "get"]
)


@st.composite
def targets(draw: st.DrawFn) -> bytes:
    """What is asked for: a path that there is, with a part of it replaced, and a query."""
    path = draw(st.sampled_from([*TEMPLATES, *CONTROL]))
    for name, value in IDS.items():
        path = path.replace(f"{{{name}}}", value)
    raw = draw(st.sampled_from(["/api/v1", "/rest/api/v1", "/edge/api/v1", ""])).encode() + path.encode()
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(raw)))
        raw = raw[:at] + draw(BYTES) + raw[at + draw(st.integers(0, 6)) :]
    query = draw(st.lists(st.tuples(BYTES, BYTES), max_size=3))
    return raw + b"?" * bool(query) + b"&".join(name + b"=" + value for name, value in query)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request as bytes: nearly well-formed."""
    body = draw(st.just(b"") | BYTES | damaged(BODIES).map(as_json))
    headers = draw(st.lists(st.tuples(NAMES, FIELDS | st.text(max_size=8)), max_size=4))
    lines = [f"{name}: {value}".encode(errors="replace") for name, value in headers]
    line = b"%b %b HTTP/1.1" % (draw(METHODS).encode(), draw(targets()))
    length = b"Content-Length: %d" % len(body)
    return b"\r\n".join([line, b"Host: sandbox", b"Connection: close", length, *lines, b"", b""]) + body


def answer_bytes(url: str, sent: bytes) -> bytes:
    """Return the server's answer; where it waits for more, end the input."""
    with connect(url, timeout=0.3) as client:
        try:
            client.sendall(sent)
            first = _first(client)
            client.shutdown(socket.SHUT_WR)
            client.settimeout(10)
            return first + b"".join(iter(lambda: client.recv(65536), b""))
        except OSError:
            return b""


def _first(client: socket.socket) -> bytes:
    try:
        return client.recv(65536)
    except TimeoutError:
        return b""


def is_not_implemented(sent: bytes) -> bool:
    """Return whether a 501 is right: the method is not one of HTTP, or there is a transfer coding."""
    return sent.startswith((b"BREW ", b"get ")) or b"\r\ntransfer-encoding:" in sent.lower()


@example_count(20)
@given(sent=requests())
def test_bytes_that_are_nearly_a_request_get_an_answer_or_a_closed_connection(
    server: str, sent: bytes
) -> None:
    found = statuses(answer_bytes(server, sent).partition(b"\r\n")[0])

    accepted = {503, 501} if is_not_implemented(sent) else {503}
    assert [status for status in found if status >= 500 and status not in accepted] == []
    assert is_up(server)


@example_count(20)
@given(sent=st.binary(max_size=200))
def test_bytes_that_are_no_request_get_an_answer_or_a_closed_connection(server: str, sent: bytes) -> None:
    assert [status for status in statuses(answer_bytes(server, sent)) if status >= 500] == []
    assert is_up(server)


@example_count(40)
@given(method=METHODS, target=targets(), body=values.map(as_json) | BYTES, header=st.tuples(NAMES, FIELDS))
def test_a_path_of_any_kind_is_answered_by_the_app(
    app: Flask, method: str, target: bytes, body: bytes, header: tuple[str, str]
) -> None:
    path, _, query = target.partition(b"?")
    environ = {"PATH_INFO": path.decode("latin-1"), "QUERY_STRING": query.decode("latin-1")}
    name = header[0].upper().replace("-", "_").replace(" ", "_")
    environ[name if name == "CONTENT_TYPE" else f"HTTP_{name}"] = header[1]

    answer = app.test_client().open("/", method=method.upper(), data=body, environ_overrides=environ)

    assert answer.status_code < 500 or answer.status_code == 503, answer.text[:500]
    answer.close()


@pytest.mark.parametrize("query", [b"a=\xc3\xa9", b"dossierReference=\xff", b"\xe9=1", b"sandbox=%ff"])
@pytest.mark.parametrize("path", ["/nothing", f"/api/v1/account/{ACCOUNT}/dossiers", "/__admin/health"])
def test_a_query_in_raw_bytes_is_answered(server: str, app: Flask, path: str, query: bytes) -> None:
    line = b"GET %b?%b HTTP/1.1" % (path.encode(), query)

    found = statuses(send_and_read(server, line + b"\r\nHost: a\r\nConnection: close\r\n\r\n"))
    within = app.test_client().get(path, environ_overrides={"QUERY_STRING": query.decode("latin-1")})

    assert found in ([200], [400], [401], [404])
    assert within.status_code in {200, 400, 401, 404}


@pytest.mark.parametrize("size", [8_000, 60_000, 1_000_000])
@pytest.mark.parametrize("part", ["a", "%", "/", "%2e%2e/", "?a=", "&a", "é", "1"])
def test_a_long_target_gets_an_answer_or_a_closed_connection(server: str, part: str, size: int) -> None:
    target = f"/api/v1/account/{ACCOUNT}/dossiers/" + quote(part, safe="%/?&=") * (size // len(part))

    found = statuses(
        answer_bytes(server, f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    )

    assert set(found) <= {400, 401, 404, 414, 431}
    assert is_up(server)


def test_many_headers_and_long_ones_get_an_answer_or_a_closed_connection(server: str) -> None:
    lines = [[f"X-{number}: a" for number in range(5_000)], ["X: " + "a" * 1_000_000], ["a" * 500_000]]

    heads = ["\r\n".join(["GET /__admin/health HTTP/1.1", "Host: a", *line, "", ""]) for line in lines]
    found = [status for head in heads for status in statuses(answer_bytes(server, head.encode()))]

    assert set(found) <= {200, 400, 431}
    assert is_up(server)


# Searches.

LONG = {
    "many criteria": " AND ".join(["name~A"] * 4_000),
    "many alternatives": " OR ".join(["workforce>1"] * 4_000),
    "a long value": "name~" + "A" * 60_000,
    "a long field": "a" * 60_000 + ":1",
    "open parentheses": "( " * 20_000,
    "closed ones": "( " * 40 + "name~A" + " )" * 40,
    "blanks": " " * 60_000 + "name~A",
    "connectors alone": "AND OR " * 8_000,
    "a number beyond all": "workforce>" + "9" * 5_000,
    "a date beyond all": "creation>" + "9" * 5_000,
}


@pytest.mark.dialects("edge")
@pytest.mark.parametrize("expression", LONG.values(), ids=LONG)
def test_a_long_expression_is_read_or_refused(api: Api, expression: str) -> None:
    assert api.get("/thirdparties/q", search=expression).status_code in {200, 400, 404}


@pytest.fixture(scope="module")
def searching(app: Flask) -> Api:
    return Api(app.test_client(), "hostile-search", dialect="edge")


FILTERS = ["op", "thirdpartyCode", "dossierReference", "siren", "stateLastChangeDate", "page", "pageSize"]
OPERATORS = st.sampled_from(["like", "starts", "ends", "LIKE", "like,ends", "(a*)*b", ""])


@example_count(40)
@given(op=OPERATORS | texts, query=st.dictionaries(st.sampled_from(FILTERS), texts, max_size=4))
def test_any_filter_with_any_op_finds_or_is_refused(searching: Api, op: str, query: dict[str, str]) -> None:
    asked = {"op": op} | {name: value.encode(errors="replace").decode() for name, value in query.items()}

    answer = searching.get("/dossiers", **asked)

    assert answer.status_code in {200, 400, 404}, answer.text
