"""Bodies that cannot be read, and the order in which a request is judged (behaviour.md 3.0.12 to 3.0.15)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from mock_server.web.context import members
from tests.support import SEED_DOSSIER, SIRET, TOKEN_URL, Api, assert_protocol_error, codes, content

pytestmark = pytest.mark.dialects("rest", "edge")

MakeApi = Callable[..., Api]

DOSSIER = f"/dossiers/{SEED_DOSSIER}"
UNKNOWN_DOSSIER = "/dossiers/4000000000"
WITH_A_BODY = ["/dossiers", DOSSIER, f"{DOSSIER}/reactivate", f"{DOSSIER}/requirements"]
JSON = "application/json"
IMPORT = {"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": "PO-1"}


def send(api: Api, path: str, body: bytes, content_type: str = JSON) -> TestResponse:
    return api.send("POST", api.url(path), data=body, content_type=content_type)


def send_with_token(api: Api, token: str | None, path: str, body: bytes) -> TestResponse:
    """Post a body to a path below `/account`, with a token or without."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{api.wire.prefix}/account/{path}"
    return api.client.post(url, data=body, content_type=JSON, headers=headers)


class OnlyLookedUp(dict[str, Any]):
    """An object whose members are not looked through."""

    def items(self) -> Any:
        raise AssertionError


def test_unknown_members_of_a_body_are_not_looked_up() -> None:
    given = OnlyLookedUp(dossierReference="PO-1", thirdpartyCode=None, dossier_reference="x", other=1)

    assert members(given, ("dossier_reference", "thirdparty_code")) == {"dossier_reference": "PO-1"}


# Not JSON, or of another kind.


NOT_JSON: dict[str, bytes] = {
    "cut off": b"{",
    "single quotes": b"{'a': 1}",
    "a comma too many": b'{"a": 1,}',
    "a word": b"nonsense",
    "NaN": b'{"a": NaN}',
    "no UTF-8": b'{"a": "\xff"}',
    "half a surrogate": b'{"a": "\\ud800"}',
    "two values": b"{} {}",
    "very deep": b"[" * 100_000,
    "a byte order mark": b"\xef\xbb\xbf{",
    "an open string": b'"',
    "blanks": b" \n",
}


def test_a_body_that_is_not_json_is_a_bad_request(api: Api) -> None:
    for case, body in NOT_JSON.items():
        for path in WITH_A_BODY:
            assert_protocol_error(send(api, path, body), 400, case)


def test_a_byte_order_mark_before_json_is_ignored(api: Api) -> None:
    imported = send(api, "/dossiers", b"\xef\xbb\xbf" + json.dumps(IMPORT).encode())

    assert imported.status_code == 200


@pytest.mark.parametrize(
    ("body", "headers", "status", "part"),
    [
        (gzip.compress(json.dumps(IMPORT).encode()), {"Content-Encoding": "gzip"}, 415, "compressed (gzip)"),
        (gzip.compress(json.dumps(IMPORT).encode()), {}, 415, "compressed (gzip)"),
        (b"\x00", {"Content-Encoding": "br"}, 415, "compressed (br)"),
        ('{"dossierReference": "\xe9"}'.encode("latin-1"), {}, 400, "not encoded in UTF-8 (byte 22)"),
        (json.dumps(IMPORT).encode("utf-16"), {}, 400, "encoded in UTF-16"),
    ],
    ids=["gzip", "gzip, undeclared", "brotli", "latin-1", "UTF-16"],
)
def test_an_encoding_that_is_not_read_is_named(
    api: Api, body: bytes, headers: dict[str, str], status: int, part: str
) -> None:
    answer = api.send("POST", api.url("/dossiers"), data=body, content_type=JSON, headers=headers)

    assert_protocol_error(answer, status)
    assert part in answer.text


def test_a_body_of_another_kind_is_a_bad_request(api: Api) -> None:
    for path in ("/dossiers", DOSSIER, f"{DOSSIER}/reactivate"):
        for body in (b"[]", b'"text"', b"7", b"true", b"[{}]"):
            assert_protocol_error(send(api, path, body), 400, body)


def test_requirements_of_another_kind_are_a_bad_request(api: Api) -> None:
    for body, message in {
        b'"ATT_VIGI"': '$: "ATT_VIGI" is not an array or an object',
        b"7": "$: 7 is not an array or an object",
        b"[7]": "$[0]: 7 is not a string",
        b'["ATT_VIGI", null]': "$[1]: null is not a string",
        b'{"newRequiredDocuments": "X"}': '$.newRequiredDocuments: "X" is not an array or null',
        b'{"newRequiredDocuments": [[]]}': "$.newRequiredDocuments[0]: an array is not a string",
    }.items():
        answer = send(api, f"{DOSSIER}/requirements", body)

        assert_protocol_error(answer, 400, body)
        assert (answer.json or {})["message"] == f"JSON parse error: {message}"


def test_a_member_of_the_wrong_json_type_is_a_bad_request(api: Api) -> None:
    for member, value in (
        ("companyIdType", 1),
        ("companyIdValue", 99050000100013),
        ("dossierReference", ["PO-1"]),
        ("thirdpartyCode", 7),
        ("description", {}),
        ("purchasingCategory", False),
        ("expirationDate", 20310101),
        ("requiredDocuments", "ATT_VIGI"),
        ("requiredDocuments", [1]),
        ("thirdpartyEmail", "a@example.com"),
        ("userInCharge", [None]),
    ):
        assert_protocol_error(api.post("/dossiers", IMPORT | {member: value}), 400, (member, value))


@pytest.mark.parametrize("given", [1, "ATT_VIGI"], ids=["wrong", "right"])
def test_a_list_of_more_than_1000_members_is_rejected_before_they_are_read(api: Api, given: object) -> None:
    for path, body, place in (
        (f"{DOSSIER}/requirements", [given] * 1001, "$"),
        (f"{DOSSIER}/requirements", {"newRequiredDocuments": [given] * 1001}, "$.newRequiredDocuments"),
        ("/dossiers", IMPORT | {"requiredDocuments": [given] * 1001}, "$.requiredDocuments"),
        ("/dossiers", IMPORT | {"userInCharge": [given] * 1001}, "$.userInCharge"),
        (DOSSIER, {"thirdpartyEmail": [given] * 1001}, "$.thirdpartyEmail"),
    ):
        answer = send(api, path, json.dumps(body).encode())
        assert_protocol_error(answer, 400)
        expected = f"JSON parse error: {place}: a list has at most 1000 members, this one 1001: send fewer"
        assert (answer.json or {})["message"] == expected

    accepted = api.post(f"{DOSSIER}/requirements", ["ATT_VIGI"] * 1000)
    assert accepted.status_code == 200


def test_an_import_needs_a_body(api: Api) -> None:
    for body in (b"", b"  \n", b"null"):
        assert_protocol_error(send(api, "/dossiers", body), 400, body)


def test_an_empty_object_lacks_the_required_members(api: Api) -> None:
    answer = api.post("/dossiers", {})

    assert answer.status_code == 400
    assert codes(answer) == ["E001", "E001", "E001"]


def test_an_import_refused_for_its_body_changes_nothing(api: Api) -> None:
    send(api, "/dossiers", b"{")

    assert content(api.get("/dossiers/processes")) == []


@pytest.mark.parametrize(
    "extra",
    [{"colour": "blue"}, {"company_id_type": 7}, {"description": None, "thirdpartyEmail": None}],
    ids=["an unknown member", "a member with another spelling", "null members"],
)
def test_unknown_and_null_members_are_ignored(api: Api, extra: dict[str, Any]) -> None:
    assert api.import_and_wait(**extra)["success"]


# Not declared as JSON, or too large.


def test_a_body_not_declared_as_json_is_an_unsupported_media_type(api: Api) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "text/xml", ""):
        for path in WITH_A_BODY:
            assert_protocol_error(send(api, path, b"{}", content_type), 415, content_type)


def test_a_body_declared_as_json_is_read(api: Api) -> None:
    for content_type in (JSON, "application/json;charset=UTF-8", "Application/JSON; charset=utf-8"):
        status = send(api, DOSSIER, b'{"description": "new"}', content_type).status_code
        assert status == 200, content_type


def test_a_command_that_reads_no_body_accepts_any(api: Api) -> None:
    assert send(api, f"{DOSSIER}/stop", b"nonsense", "text/plain").status_code == 200


def test_a_body_beyond_the_limit_is_too_large(make_server_api: MakeApi) -> None:
    api = make_server_api(max_body=2048)

    for path in WITH_A_BODY:
        assert_protocol_error(send(api, path, b'{"description": "%s"}' % (b"x" * 2048)), 413)


def test_a_body_at_the_limit_is_read(make_server_api: MakeApi) -> None:
    api = make_server_api(max_body=2048)
    body = b'{"description": "new"}'

    assert send(api, DOSSIER, body + b" " * (2048 - len(body))).status_code == 200


def test_a_form_beyond_the_limit_is_too_large(make_server_api: MakeApi) -> None:
    api = make_server_api(max_body=2048)

    answer = api.client.post(TOKEN_URL, data={"grant_type": "password", "username": "x" * 2048})

    assert answer.status_code == 413


# What is judged first.


JUDGED: dict[str, tuple[str, str, bytes, int]] = {
    "path ids before the token": ("no token", "abc/dossiers", b"{", 400),
    "token before the account": ("no token", "1/dossiers", b"{", 401),
    "token before whose account it is": ("no token", "119700/dossiers", b"{", 401),
    "the account before the body": ("a token", "1/dossiers", b"{", 404),
    "whose account it is before the body": ("a token", "119700/dossiers", b"{", 403),
    "whose account it is before the dossier": (
        "a token",
        "119700/dossiers/4000000000",
        b'{"dossierReference": ""}',
        403,
    ),
    "the body before the dossier": ("a token", f"119631{UNKNOWN_DOSSIER}", b"{", 400),
    "the types of members before the dossier": (
        "a token",
        f"119631{UNKNOWN_DOSSIER}",
        b'{"dossierReference": 7}',
        400,
    ),
    "the dossier before values": ("a token", f"119631{UNKNOWN_DOSSIER}", b'{"dossierReference": ""}', 404),
    "the dossier before an empty list": ("a token", f"119631{UNKNOWN_DOSSIER}/requirements", b"[]", 404),
    "the body of a list before the dossier": ("a token", f"119631{UNKNOWN_DOSSIER}/requirements", b"{", 400),
    "the dossier before the date of a reactivation": (
        "a token",
        f"119631{UNKNOWN_DOSSIER}/reactivate",
        b'{"expirationDate": "x"}',
        404,
    ),
}


def test_a_request_is_checked_in_the_documented_order(api: Api) -> None:
    token = {"a token": api.token, "no token": None}

    found = {
        case: send_with_token(api, token[given], path, body).status_code
        for case, (given, path, body, _) in JUDGED.items()
    }

    assert found == {case: status for case, (*_, status) in JUDGED.items()}


def test_the_state_of_a_dossier_is_checked_before_the_values(api: Api) -> None:
    dossier = api.stopped_dossier()

    for path, body in (("", {"dossierReference": ""}), ("/requirements", []), ("/stop", None)):
        assert codes(api.post(f"/dossiers/{dossier['dossierId']}{path}", body)) == ["E201"], path


def test_a_body_that_cannot_be_read_is_reported_before_the_state(api: Api) -> None:
    dossier = api.stopped_dossier()

    assert_protocol_error(send(api, f"/dossiers/{dossier['dossierId']}", b"{"), 400)
