"""The sandbox answers every request in one of its formats, and never fails itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from mock_server.domain.names import camel
from mock_server.domain.operations import OPERATIONS, TOKEN_PATH, Kind
from mock_server.domain.search import PARAMETERS
from mock_server.web.routing import PREFIXES
from tests.properties import example_count
from tests.support import ACCOUNT, SECOND_ACCOUNT, SEED_DOSSIER, TOKEN_URL

_numbers = count(1)

GARBAGE = ["0", "-1", "9" * 30, "x", "1.5", "١٢", "\0", "\r\n", "a b", "é", "..", "null", "😀", "\u2028"]
IDS: dict[str, list[str]] = {
    "accountId": [str(ACCOUNT)] * 12 + [str(SECOND_ACCOUNT), "1"],
    "dossierId": [str(SEED_DOSSIER), "836000", "836001", "836190", "836191", "836192"] * 2 + ["1"],
    "thirdpartyId": ["875", "1000", "1001", "1"],
    "documentId": ["511394021", "511500000", "511500001", "511500002", "1"],
    "fileId": ["4580000", "4580001", "4580002", "1"],
    "processId": ["0" * 32, "a" * 33],
}
DATES = [
    "2019-01-08",
    "2026-02-30",
    "2031-01-01",
    "2019-01-08T15:31:55.521",
    "2019-01-08T15:31:55+25:00",
    "0001-01-01",
    "9999-12-31",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "20190108",
    "2019-W02-2",
]
SIRETS = ["99050000100013", "99050001900015", "99010100000019", "50382936800045", "50382936800046"]
WORDS = ["true", "false", "TRUE", "", " ", "CIT001", "CIT002", "CIT003", "ATT_VIGI", "I2", "TEST", "123"]
NAMES = [
    *{camel(name): None for names in PARAMETERS.values() for name in names},
    *("sandbox", "page_size", "unknown"),
]
EXPRESSIONS = ["workforce>200", "( isActive:true )", "name!null", "((", "a AND", "workforce:x OR name~E"]

texts = st.sampled_from([*WORDS, *GARBAGE, *DATES, *SIRETS, *EXPRESSIONS]) | st.text(max_size=12)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
lists = st.lists(
    st.sampled_from(["ATT_VIGI", "I2", "ADO", "NONE", "a@b.fr", "x@invalid.example"]), max_size=3
)
imports = st.fixed_dictionaries(
    {
        "companyIdType": st.sampled_from(["CIT001", "CIT001", "CIT002", "CIT003"]),
        "companyIdValue": st.sampled_from([*SIRETS, "DE136695976", "FR69503829368", "150483782"]),
        "dossierReference": st.sampled_from(["A", "B", "TEST", "-", " "]),
    },
    optional={
        "thirdpartyCode": st.sampled_from(["123", "F1000", "F1001", "NEW"]),
        "expirationDate": st.sampled_from(DATES),
        "requiredDocuments": lists,
        "thirdpartyEmail": lists,
        "description": jsons,
    },
)
updates = st.fixed_dictionaries(
    {},
    optional={
        "dossierReference": texts,
        "thirdpartyCode": st.sampled_from(["123", "F1000", "F1001", ""]),
        "expirationDate": st.none() | st.sampled_from(DATES),
        "description": texts,
        "newRequiredDocuments": lists,
        "thirdpartyEmail": lists,
    },
)
raw_bodies = st.sampled_from([b"", b" ", b"{", b"\xff", b"nul", b"[" * 5000, b'{"a":"\\ud800"}', b"1e999"])
bodies = st.one_of(imports, updates, lists, jsons).map(lambda body: json.dumps(body).encode()) | raw_bodies
types = st.sampled_from(["application/json"] * 6 + ["text/plain", "", "application/json; charset=nope", ";;"])
queries = st.dictionaries(st.sampled_from(NAMES), texts | st.sampled_from(["0", "1", "9"]), max_size=3)

# Paths as a client writes them: the operation table's, with ids from the pool, and now and then garbage.
templates = [(operation.method, path) for operation in OPERATIONS.values() for path in operation.paths] + [
    ("GET", "/nothing/{fileId}"),
    ("POST", "/account"),
    ("GET", ""),
]


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, str, Mapping[str, str], bytes, str]:
    """Method, path, query, body and its type."""
    method, template = draw(st.sampled_from(templates))
    odd = draw(st.integers(0, 9)) == 0
    filled = template
    for name, known in IDS.items():
        value = draw(st.sampled_from(GARBAGE if odd else known))
        filled = filled.replace(f"{{{name}}}", quote(value))
    prefix = "" if template == TOKEN_PATH else draw(st.sampled_from(list(PREFIXES)))
    used = draw(st.sampled_from(["PUT", "DELETE", "PATCH", "GET", "POST", "OPTIONS"])) if odd else method
    return used, prefix + filled, draw(queries), draw(bodies), draw(types)


waits = st.sampled_from(["PT1S", "P1D", "P400D"])
steps = st.lists(calls() | waits, min_size=1, max_size=12)


class Caller:
    """A user in a new sandbox."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.sandbox = f"fuzz{next(_numbers)}"
        form = {"grant_type": "password", "client_id": "ea-api-edge", "password": "demo"}
        form["username"] = f"multi+{self.sandbox}@example.com"
        self.token = (client.post(TOKEN_URL, data=form).json or {})["access_token"]

    def take(self, step: tuple[str, str, Mapping[str, str], bytes, str] | str) -> TestResponse:
        if isinstance(step, str):
            headers = {"X-Mock-Sandbox": self.sandbox}
            return self.client.post("/__admin/clock/advance", json={"by": step}, headers=headers)
        method, path, query, body, content_type = step
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type}
        data = b"" if method == "GET" else body
        return self.client.open(path, method=method, query_string=query or None, data=data, headers=headers)


def shape(answer: TestResponse) -> str:
    """The name of the answer's shape; what has none is shown as it is."""
    if answer.mimetype in {"application/pdf", "application/octet-stream"} or answer.data == b"":
        return "bytes"
    body = json.loads(answer.data)
    members = body.keys() if isinstance(body, dict) else set()
    known = {
        "protocol error": members == {"timestamp", "status", "error", "message", "path"},
        "business error": members == {"messages"} and bool(body["messages"]["error"]),
        "envelope": "content" in members
        and members <= {"content", "page", "size", "totalElements", "messages"},
        "Keycloak error": members == {"error", "error_description"},
        "control": "now" in members,
    }
    return next((name for name, found in known.items() if found), answer.text)


def fits(answer: TestResponse) -> bool:
    """Whether an answer of this status may have this shape."""
    allowed = {
        200: {"envelope", "bytes", "control"},
        400: {"envelope", "business error", "protocol error", "Keycloak error"},
        401: {"protocol error", "Keycloak error"},
        403: {"protocol error"},
        404: {"business error", "protocol error"},
        405: {"protocol error"},
        413: {"protocol error"},
        415: {"protocol error"},
    }
    if answer.request.path == TOKEN_URL and answer.status_code != 200:
        return shape(answer) == "Keycloak error"
    return shape(answer) in allowed.get(answer.status_code, set())


@example_count(60)
@given(steps=steps)
def test_any_calls_in_any_order_are_answered_in_a_known_shape(
    app: Flask, steps: list[tuple[str, str, Mapping[str, str], bytes, str] | str]
) -> None:
    caller = Caller(app.test_client())

    answers = [caller.take(step) for step in steps]

    misfits = [(a.request.method, a.request.url, a.status_code, a.text) for a in answers if not fits(a)]
    assert misfits == []


@example_count(80)
@given(body=jsons)
def test_a_body_of_any_json_is_accepted_or_rejected_by_every_operation_that_reads_one(
    app: Flask, body: Any
) -> None:
    caller = Caller(app.test_client())
    raw = json.dumps(body).encode()
    dossier = f"/api/v1/account/{ACCOUNT}/dossiers"
    paths = [dossier, *(f"{dossier}/{SEED_DOSSIER}{end}" for end in ("", "/requirements", "/reactivate"))]

    answers = [caller.take(("POST", path, {}, raw, "application/json")) for path in paths]

    assert [a.text for a in answers if not fits(a)] == []


@pytest.mark.parametrize(
    "operation",
    [name for name, row in OPERATIONS.items() if row.kind is Kind.SEARCH],
)
@example_count(80)
@given(query=queries)
def test_a_search_with_any_query_is_answered(app: Flask, operation: str, query: dict[str, str]) -> None:
    caller = Caller(app.test_client())
    path = OPERATIONS[operation].paths[0].replace("{accountId}", str(ACCOUNT))

    answers = [caller.take(("GET", f"{prefix}{path}", query, b"", "")) for prefix in PREFIXES]

    assert [answer.text for answer in answers if not fits(answer)] == []


@example_count(60)
@given(form=st.dictionaries(st.sampled_from(["grant_type", "client_id", "username", "password"]), texts))
def test_the_token_endpoint_answers_any_form(app: Flask, form: dict[str, str]) -> None:
    answer = app.test_client().post(TOKEN_URL, data=form)

    # Without a field the client sends no form, and no Content-Type.
    assert answer.status_code in ({200, 400, 401} if form else {415})
    assert isinstance(json.loads(answer.data), dict)


@example_count(60)
@given(credentials=st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=40))
def test_any_authorization_is_accepted_or_rejected_with_401(app: Flask, credentials: str) -> None:
    headers = {"Authorization": f"Bearer {credentials}"}

    answer = app.test_client().get("/api/v1/account", headers=headers)

    assert answer.status_code == 401
    assert fits(answer)


@pytest.mark.parametrize(
    "path",
    [
        "/nothing/%0D%0AX-Injected:%20yes",
        f"/api/v1/account/{ACCOUNT}/dossiers/process/%0D%0A",
        f"/api/v1/account/{ACCOUNT}/dossiers?pageSize=%0D%0AX-Injected:%20yes",
        f"/api/v1/account/{ACCOUNT}/dossiers/processes?fromDate=%0A",
    ],
    ids=["an unknown path", "a process id", "a page size", "a date"],
)
def test_line_feeds_in_a_path_are_answered_as_any_other_unknown_path(app: Flask, path: str) -> None:
    answer = Caller(app.test_client()).take(("GET", path, {}, b"", ""))

    assert answer.status_code in {400, 404}, answer.text
    assert fits(answer)
    assert "X-Injected" not in answer.headers
