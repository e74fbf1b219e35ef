"""Bodies of control calls that cannot be read: the answer names the value, its place and what is allowed."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from mock_server.control.app import CALLS
from mock_server.control.calls import ControlCall
from mock_server.fixtures.fixture import GeneratedState
from mock_server.json_body import check_size
from mock_server.scenarios.active import ScenarioProgress
from mock_server.scenarios.file_format import Scenario
from tests.support import SEED_DOSSIER, SIRET, Api

JSON, YAML = "application/json", "application/yaml"
CLOCK = b'{"now": "2031-01-01T00:00:00"}'
RECIPE = "version: 1\naccounts: [{accountId: 5, name: été}]\n"


def send(api: Api, call: str, body: bytes, **headers: str) -> Any:
    method, path = call.split()
    sandbox = {"X-Mock-Sandbox": api.sandbox}
    content_type = headers.pop("content_type", JSON)
    return api.client.open(
        f"/__admin{path}", method=method, data=body, content_type=content_type, headers=sandbox | headers
    )


def detail(answer: Any, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    return str(answer.json["detail"])


VALUES: dict[str, tuple[str, str, str]] = {
    "an unknown value": (
        "POST /processes/x",
        '{"outcome": "done"}',
        "$.outcome: 'done' is not allowed: use fail, finish or hold",
    ),
    "a misspelt value": (
        "POST /processes/x",
        '{"outcome": "finnish"}',
        "$.outcome: 'finnish' is not allowed: use fail, finish or hold; did you mean 'finish'?",
    ),
    "an unknown key": ("POST /clock/advance", '{"days": 3}', "$: unknown key 'days'; allowed: by and tokens"),
    "a misspelt key": (
        "POST /dossiers",
        '{"siret": "99050000100013", "dossierReferenc": "A"}',
        "$: unknown key 'dossierReferenc'; did you mean 'dossierReference'?",
    ),
    "a misspelt key of a list": (
        "PUT /fixture",
        '{"recipe": {"version": 1, "accounts": [{"accountID": 5}]}}',
        "$.recipe.accounts[0]: unknown key 'accountID'; did you mean 'accountId'?",
    ),
    "a missing key": ("POST /clock/advance", "{}", "$: the key 'by' is missing"),
    "a number for a SIRET": (
        "POST /dossiers",
        '{"siret": 99050000100013, "dossierReference": "A"}',
        "$.siret: 99050000100013 is not a text: a SIRET has 14 digits; quote it in YAML",
    ),
    "a short SIRET": (
        "POST /dossiers",
        '{"siret": "9905", "dossierReference": "A"}',
        "$.siret: '9905' does not fit: a SIRET has 14 digits; quote it in YAML",
    ),
    "a text for a number": (
        "POST /accounts",
        '{"accountId": "5"}',
        "$.accountId: '5' is not an integer",
    ),
    "a text for true or false": (
        "PUT /clock",
        '{"frozen": "no"}',
        "$.frozen: 'no' is not true or false or null",
    ),
    "a list for an object": ("PUT /clock", "[]", "$: a list is not an object"),
    "a number out of range": (
        "POST /accounts",
        '{"accountId": 0}',
        "$.accountId: 0 is out of range: at least 1",
    ),
    "an empty text": (
        "POST /dossiers",
        '{"siret": "99050000100013", "dossierReference": ""}',
        "$.dossierReference: '' does not fit: at least 1 character",
    ),
    "a day that is not one": (
        "POST /dossiers/1/documents/I2/evidences",
        '{"expirationDate": "soon"}',
        "$.expirationDate: 'soon' does not fit: a date such as 2031-06-30, or a time from the start",
    ),
    "bytes that are not base64": (
        "POST /dossiers/1/documents/I2/evidences",
        '{"content": "?"}',
        "$.content: '?' is not bytes in base64",
    ),
    "a value within a union": (
        "POST /rules",
        '{"rules": [{"name": "a", "when": {}, "then": {"delay": {"type": "fixd"}}}]}',
        "$.rules[0].then.delay.type: 'fixd' is not allowed: use ",
    ),
    "a value of an object with any keys": (
        "PUT /variants",
        '{"refusals": 1}',
        "$.refusals: 1 is not a text: quote it",
    ),
}


BEYOND: dict[str, list[Any]] = {
    "PATCH /accounts/119631": [{"maxDossiers": 2**64}, {"maxDossiers": -(2**63) - 1}],
    "POST /accounts": [{"accountId": 5, "maxDossiers": 2**63}, {"accountId": 2**64}],
    "POST /thirdparties": [
        {"siret": SIRET, "name": "A", "capital": 2**64},
        {"siret": SIRET, "name": "A", "workforce": 2**64},
    ],
    "PUT /fixture": [{"recipe": {"version": 1, "seed": 2**64}}],
    "PUT /scenario": [{"scenario": {"version": 1, "scenario": "a", "title": "A", "seed": 2**64}}],
    "POST /timeline": [
        {"timeline": [{"after": "P1D", "control": "PATCH /accounts/119631", "body": {"maxDossiers": 2**64}}]}
    ],
}


def test_an_integer_beyond_64_bits_is_rejected_and_changes_nothing(api: Api) -> None:
    before = api.control("GET", "/state")["content"]
    for call, bodies in BEYOND.items():
        for body in bodies:
            assert " is out of range: at " in detail(send(api, call, msgspec.json.encode(body))), (call, body)
    assert api.control("GET", "/state")["content"] == before


def integers(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The integers in a JSON Schema, by their place."""
    if isinstance(schema, dict):
        if schema.get("type") == "integer":
            yield path, schema
        for name, part in schema.items():
            yield from integers(part, f"{path}/{name}")
    elif isinstance(schema, list | tuple):
        for at, part in enumerate(schema):
            yield from integers(part, f"{path}/{at}")


def test_every_integer_of_bodies_recipes_scenarios_and_states_has_bounds() -> None:
    kinds = [call.body for call in CALLS if call.body is not None]
    schemas = msgspec.json.schema_components([*kinds, Scenario, ScenarioProgress, GeneratedState])

    found = dict(integers(schemas))

    assert len(found) > 50
    assert not [
        place
        for place, schema in found.items()
        if not {"minimum", "exclusiveMinimum"} & {*schema} or not {"maximum", "exclusiveMaximum"} & {*schema}
    ]


@pytest.mark.parametrize(("call", "body", "sentence"), VALUES.values(), ids=VALUES)
def test_a_wrong_value_is_named_with_its_place_and_what_is_allowed(
    api: Api, call: str, body: str, sentence: str
) -> None:
    assert sentence in detail(send(api, call, body.encode()))


@pytest.mark.parametrize("call", ["PUT /clock", "POST /reset"])
def test_json_with_a_byte_order_mark_is_read(api: Api, call: str) -> None:
    body = CLOCK if call == "PUT /clock" else b'{"only": ["rules"]}'

    assert send(api, call, b"\xef\xbb\xbf" + body).status_code == 200


def test_yaml_with_a_byte_order_mark_is_read(api: Api) -> None:
    answer = send(api, "PUT /fixture", b"\xef\xbb\xbf" + RECIPE.encode(), content_type=YAML)

    assert answer.status_code == 200
    assert answer.json["accounts"][0]["name"] == "été"


def test_a_compressed_body_is_named_as_such(api: Api) -> None:
    body = gzip.compress(CLOCK)

    declared = detail(send(api, "PUT /clock", body, **{"Content-Encoding": "gzip"}), 415)
    undeclared = detail(send(api, "PUT /clock", body), 415)
    other = detail(send(api, "PUT /clock", b"\x0b\x02", **{"Content-Encoding": "br"}), 415)

    assert declared == undeclared == "the body is compressed (gzip): send it without Content-Encoding"
    assert "(br)" in other


@pytest.mark.parametrize("content_type", [JSON, YAML])
def test_a_body_in_another_encoding_is_named_as_such(api: Api, content_type: str) -> None:
    latin_1 = detail(send(api, "PUT /fixture", RECIPE.encode("latin-1"), content_type=content_type))
    utf_16 = detail(send(api, "PUT /fixture", RECIPE.encode("utf-16"), content_type=content_type))

    assert latin_1 == "the body is not encoded in UTF-8 (byte 43), perhaps in latin-1: send it in UTF-8"
    assert utf_16 == "the body is encoded in UTF-16: send it in UTF-8"


@pytest.mark.parametrize("content_type", ["", JSON, "text/plain", "application/x-www-form-urlencoded"])
def test_yaml_without_its_content_type_says_what_to_send(api: Api, content_type: str) -> None:
    answer = send(api, "PUT /fixture", RECIPE.encode(), content_type=content_type)

    assert detail(answer).startswith("the body is not JSON (")
    assert detail(answer).endswith("; to send YAML, set Content-Type: application/yaml")


def test_a_call_that_takes_no_yaml_does_not_offer_it(api: Api) -> None:
    said = detail(send(api, "PUT /clock", b"now: 2031-01-01T00:00:00"))

    assert said.startswith("the body is not JSON: ")
    assert "YAML" not in said


def test_a_large_yaml_text_is_rejected(api: Api) -> None:
    answer = send(api, "PUT /scenario", b"#" * 1_000_001, content_type=YAML)

    assert detail(answer, 413) == "the YAML is larger than 1000000 bytes: send JSON"
    assert "larger" not in detail(send(api, "PUT /scenario", b"#" * 1_000_000, content_type=YAML))


def test_a_key_that_is_given_twice_is_rejected_and_changes_nothing(api: Api) -> None:
    api.set_clock("2031-05-02T10:00:00")
    before = api.control("GET", "/state")
    for call, body in (
        ("POST /reset", b'{"only": ["state"], "only": ["clock"]}'),
        ("PUT /clock", b'{"now": "2031-01-01T00:00:00", "frozen": true, "now": "2032-01-01T00:00:00"}'),
        (
            "POST /rules",
            b'{"rules": [{"name": "a", "when": {"body": {"now": 1, "now": 2}}, "then": {"patch": 1}}]}',
        ),
        ("PUT /scenario", b'{"name": "wire-flaky-api", "name": "outage-of-three-calls"}'),
    ):
        said = detail(send(api, call, body))
        assert re.fullmatch(r"the body is invalid: the key '(only|now|name)' is given twice", said)
    assert api.control("GET", "/state") == before


def test_a_body_that_a_call_does_not_take_is_rejected_and_changes_nothing(api: Api) -> None:
    rule = {"name": "down", "when": {}, "then": {"respond": {"status": 503}}}
    api.control("POST", "/rules", {"rules": [rule]})

    deleted = detail(send(api, "DELETE /rules", b'{"name": "other"}'))
    saved = detail(send(api, "POST /snapshots/one", b"[]"))

    assert deleted == "DELETE /__admin/rules takes no body: give name in the query"
    assert saved == "POST /__admin/snapshots/{name} takes no body: remove it"
    assert [found["name"] for found in api.control("GET", "/rules")["rules"]] == ["down"]
    assert api.control("GET", "/snapshots") == {"snapshots": []}
    for empty in (b"", b" {} ", b"null"):
        assert send(api, "GET /clock", empty).status_code == 200
    assert send(api, "GET /health", b"x").status_code == 200


def test_half_of_a_surrogate_pair_is_named_as_such(api: Api) -> None:
    half = detail(send(api, "POST /reset", b'{"only": ["\\ud800"]}'))
    cut_off = detail(send(api, "POST /reset", b'{"only": ["\\ud83d\\ude00'))

    assert half.startswith("the body is not JSON: half of a surrogate pair is not a character: write both")
    assert cut_off == "the body is not JSON: Input data was truncated"


@pytest.mark.parametrize("body", [b'{"unknown": "x', b'{"now": 5', b'{"now": 5, "frozen": yes}'])
def test_what_is_not_json_is_named_although_a_wrong_type_comes_first(api: Api, body: bytes) -> None:
    assert "JSON" in detail(send(api, "PUT /clock", body))


@pytest.mark.parametrize(
    "call", [call for call in CALLS if call.body is not None], ids=lambda call: call.path
)
def test_every_object_of_a_body_rejects_unknown_keys(call: ControlCall) -> None:
    bodies = [call.body] if call.yaml is None else [call.body, call.yaml]
    _, components = msgspec.json.schema_components(bodies)

    assert [
        name
        for name, schema in components.items()
        if schema.get("type") == "object" and schema.get("additionalProperties") is not False
    ] == []


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (
            f"PATCH /dossiers/{SEED_DOSSIER}",
            {"documents": [{"documentCode": "I2", "files": [{} for _ in range(10_000)]}]},
        ),
        ("POST /rules", {"rules": [{"name": "a", "then": {"patch": {f"a{at}": 1 for at in range(10_000)}}}]}),
        ("POST /requests/count", {"body": [1] * 10_001}),
        ("POST /requests/find", {"query": {f"a{at}": "1" for at in range(10_001)}}),
    ],
)
def test_more_values_than_a_call_takes_in_a_short_time_are_rejected(
    api: Api, call: str, body: object
) -> None:
    found = detail(send(api, call, msgspec.json.encode(body)))

    remedy = "make several calls, or load a fixture, a scenario or a state, which takes more"
    assert found == f"the body has more than 10000 values, the most that this call accepts: {remedy}"


@pytest.mark.parametrize(
    ("raw", "fits"),
    [
        (b"[1,2,3]", True),
        (b"[1,2,3,4]", False),
        (b'{"a":"1","b":"2","c":"3"}', True),
        (b'{"a":"1","b":"2","c":"3","d":"4"}', False),
        (b'{"a":"1","b":"2","c":"\\""}', True),
        (b'["1,2,3,4,5", "\\",\\",,,,", ""]', True),
        (b'["1,2,3,4,5", "\\\\",",", ""]', False),
        (b'""' * 7, False),
        (b'["' + b'\\"' * 50 + b'"]', True),
    ],
)
def test_values_are_counted_without_those_in_texts(raw: bytes, fits: bool) -> None:  # noqa: FBT001
    if fits:
        check_size(raw, 3)
    else:
        with pytest.raises(ValueError, match="more than 3 values"):
            check_size(raw, 3)


def test_long_texts_and_calls_in_a_thread_have_no_limit_of_values(api: Api) -> None:
    rule = {"name": "a", "when": {}, "then": {"respond": {"status": 200, "body": '1,"' * 20_000}}}
    assert send(api, "POST /rules", msgspec.json.encode({"rules": [rule]})).status_code == 201
    recipe = {"version": 1, "accounts": [{"accountId": 5}], "invalidEmailDomains": ["a.example"] * 10_001}
    answer = send(api, "PUT /fixture", msgspec.json.encode({"recipe": recipe}))
    assert answer.status_code == 200, answer.text


def test_a_dossier_has_a_limited_number_of_documents_files_and_answers(api: Api) -> None:
    form = {"type": "a", "key": "b", "title": "c", "order": 1, "value": "d"}
    path = f"PATCH /dossiers/{SEED_DOSSIER}"
    for files, parts in (
        ([{}] * 2000, 2001),
        ([{"formdata": [form] * 1000}, {"formdata": [form] * 998}], 2001),
    ):
        body: dict[str, Any] = {"documents": [{"documentCode": "I2", "files": files}]}
        found = detail(send(api, path, msgspec.json.encode(body)))
        assert found == (
            "$.documents: a dossier has at most 2000 documents, files and answers of forms,"
            f" this one {parts}: spread them over several dossiers"
        )
    body = {"documents": [{"documentCode": "I2", "files": [{}] * 1999}]}
    assert send(api, path, msgspec.json.encode(body)).status_code == 200
