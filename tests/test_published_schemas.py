"""The schemas are strict: every example is valid, and any single change makes it invalid."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from mock_server.contract import answer_error, document
from mock_server.contract.answers import JSON_TYPE, answers
from mock_server.contract.checking import alternatives
from mock_server.contract.document import examples
from mock_server.contract.published import published
from mock_server.contract.quick_check import Check, compile_schema
from mock_server.contract.requests import BODIES
from mock_server.contract.schemas import COMPONENTS, components, data, ref
from mock_server.domain.operations import DIALECTS
from tests.properties import ODD, damaged, example_count

ROOT = Path(__file__).parent.parent
Example = dict[str, Any]
Place = tuple[str | int, ...]

ANSWERED = [(dialect, row) for dialect in DIALECTS for row in examples(dialect) if "body" in row]

# Another JSON type than the value has, and none that a schema allows in its place.
OTHERWISE: dict[type, Any] = {bool: "true", int: "7", float: "7", str: 7, type(None): [], list: "x", dict: []}


def schema_error(dialect: str, row: Example, body: Any, content_type: str = JSON_TYPE) -> str | None:
    raw = json.dumps(body).encode()
    return answer_error(dialect, row["operation"], row["status"], content_type, raw)


def places(value: Any, here: Place = ()) -> Iterator[Place]:
    """Every place in a JSON value, from the outside in; free members have no separate place."""
    yield here
    if isinstance(value, dict):
        for name, part in value.items():
            yield from () if name == "metadata" else places(part, (*here, name))
    elif isinstance(value, list):
        for at, part in enumerate(value):
            yield from places(part, (*here, at))


def at(body: Any, place: Place) -> Any:
    for step in place:
        body = body[step]
    return body


# Examples.


def test_every_example_is_what_its_schema_says() -> None:
    errors = [
        f"{dialect} {row['operation']} {row['status']} {row['name']}: {error}"
        for dialect, row in ANSWERED
        if (error := schema_error(dialect, row, row["body"])) is not None
    ]

    assert len(ANSWERED) > 300
    assert errors == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_example_in_the_document_fits_the_schema_next_to_it(dialect: str) -> None:
    described = [content for content in _contents(document(dialect)) if content.get("examples")]

    assert described
    for content in described:
        schema = {"components": {"schemas": components(dialect)}, **content["schema"]}
        validator = Draft202012Validator(schema, format_checker=FormatChecker())
        for example in content["examples"].values():
            assert [error.message for error in validator.iter_errors(example["value"])] == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_body_and_every_answer_has_an_example(dialect: str) -> None:
    without = [content["schema"] for content in _contents(document(dialect)) if "examples" not in content]

    assert without == [{"type": "string", "format": "binary"}]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_variant_of_a_shape_has_an_example(dialect: str) -> None:
    shown = {row["name"] for row in examples(dialect)}
    variants = {
        shape.variant.partition("=")[0]
        for name in {row["operation"] for row in examples(dialect)}
        for several in answers(name, dialect).values()
        for shape in several
        if shape.variant
    }

    assert variants == {"refusals", "documentDetail", "fileItems"}
    assert [name for name in variants if not any(name in sentence for sentence in shown)] == []


def _contents(api: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every media type object of a document: of bodies, of answers, and of those that operations share."""
    items = [part for item in api["paths"].values() for part in item.values() if "responses" in part]
    parts = [item["requestBody"] for item in items if "requestBody" in item]
    parts += [answer for item in items for answer in item["responses"].values()]
    parts += api["components"]["responses"].values()
    for part in parts:
        yield from part.get("content", {}).values()


# Strictness.


OPTIONAL = {"id_token"}
"""Members that an answer may lack: this one is there if the login asked for the scope `openid`."""


@st.composite
def changed_examples(draw: st.DrawFn) -> tuple[str, Example, Any, str]:
    """An example with one change: an extra member, a missing one, or a value of another type."""
    dialect, row = draw(st.sampled_from(ANSWERED))
    body = deepcopy(row["body"])
    place = draw(st.sampled_from(list(places(body))))
    ways = ["type"]
    if isinstance(at(body, place), dict):
        ways += ["more", "less"]
    way = draw(st.sampled_from(ways))
    if way == "more":
        at(body, place)["further"] = "x"
    elif way == "less":
        required = [name for name in at(body, place) if name not in OPTIONAL]
        del at(body, place)[draw(st.sampled_from(required))]
    elif place:
        at(body, place[:-1])[place[-1]] = OTHERWISE[type(at(body, place))]
    else:
        body = []
    return dialect, row, body, f"{way} at {place}"


@given(case=changed_examples())
def test_an_extra_a_missing_or_a_wrongly_typed_member_is_an_error(
    case: tuple[str, Example, Any, str],
) -> None:
    dialect, row, body, how = case

    assert schema_error(dialect, row, body), f"{row['operation']} {row['status']}: {how}"


WRONG_VALUES: dict[str, tuple[Place, Any]] = {
    "a date-time with a zone": (("content", 0, "stateLastChangeDate"), "2019-01-08T15:31:55.521Z"),
    "two digits of a second": (("content", 0, "stateLastChangeDate"), "2019-01-08T15:31:55.52"),
    "six digits of a second": (("content", 0, "stateLastChangeDate"), "2019-01-08T15:31:55.521000"),
    "a plain date": (("content", 0, "stateLastChangeDate"), "2019-01-08"),
    "an expiration by day": (("content", 0, "expirationDate"), "2031-01-01T09:00:00.000"),
    "a SIRET with blanks": (("content", 0, "siret"), "503 829 368 00045"),
    "a country of three letters": (("content", 0, "companyCountryCode"), "FRA"),
    "an unknown type of identifier": (("content", 0, "companyIdType"), "CIT004"),
    "an unknown reason": (("content", 0, "stoppingReason"), "BECAUSE"),
    "a reason of an active dossier": (("content", 0, "stoppingReason"), "STOPREQUEST"),
    "a null state of an active dossier": (("content", 0, "state"), None),
    "an end of an active dossier": (("content", 0, "stoppingDate"), "2026-01-01T00:00:00.000"),
    "an id of 0": (("content", 0, "dossierId"), 0),
    "another indicator": (("content", 0, "indicators", 0, "indicatorCode"), "I002"),
    "two indicators": (("content", 0, "indicators"), []),
    "a page below 0": (("page",), -1),
    "a page of too many": (("size",), 1001),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_value_of_another_form_is_an_error(dialect: str) -> None:
    row = next(
        row for row in examples(dialect) if row["operation"] == "listDossiers" and row["status"] == 200
    )
    for case, (place, value) in WRONG_VALUES.items():
        body = deepcopy(row["body"])
        at(body, place[:-1])[place[-1]] = value
        assert schema_error(dialect, row, body), case


COUNTERPARTS: list[tuple[str, Place]] = [
    ("getDossier", ("content", "isMonitored")),
    ("getDossier", ("content", "isComplete")),
    ("getDossier", ("content", "indicators", 0, "isComplete")),
    ("getDossier", ("content", "documents", 0, "isPresent")),
    ("getThirdparty", ("content", "isMonitored")),
    ("getThirdparty", ("content", "isOutOfBusiness")),
    ("getThirdparty", ("content", "isRegistered")),
    ("getThirdparty", ("content", "isActive")),
    ("getThirdparty", ("content", "isComplete")),
    ("getProcess", ("content", "isComplete")),
    ("getProcess", ("content", "isSuccessful")),
    ("stopDossier", ("content", "isSuccessful")),
]


def test_a_counterpart_with_another_value_is_an_error() -> None:
    for operation, place in COUNTERPARTS:
        row = next(row for row in examples("edge") if row["operation"] == operation and row["status"] == 200)
        body = deepcopy(row["body"])
        at(body, place[:-1])[place[-1]] = {"true": "false", "false": "true"}[at(body, place)]
        assert schema_error("edge", row, body), (operation, place)


def test_a_code_of_another_operation_is_an_error() -> None:
    row = next(row for row in examples("rest") if row["name"].startswith("E010: not a boolean"))
    body = {"messages": {"error": [{"code": "E201", "message": "x"}]}}

    error = schema_error("rest", row, body)

    assert error
    assert "'E201' is not one of" in error


def test_the_status_in_a_protocol_error_is_that_of_the_answer() -> None:
    row = next(row for row in examples("rest") if row["status"] == 401 and "timestamp" in row["body"])

    assert schema_error("rest", row, row["body"] | {"status": 403})
    assert schema_error("rest", row, row["body"] | {"error": "Forbidden"})


# The quick check.

AS_TEXT = {"type": "string"}
SCHEMAS: list[dict[str, Any]] = [
    *({"type": name} for name in ("array", "boolean", "integer", "null", "number", "object", "string")),
    {"type": ["string", "null"], "minLength": 1, "maxLength": 4},
    *({"const": value} for value in (True, False, 0, 1, 1.0, "", None)),
    {"enum": [0, "true", None]},
    {"pattern": "[0-9]{4}$"},
    *({"format": name} for name in ("date", "uuid", "email")),
    {"minimum": 0, "maximum": 7},
    {"items": AS_TEXT, "minItems": 1, "maxItems": 2},
    {"properties": {"a": AS_TEXT, "b": True, "c": False}, "required": ["a"]},
    {"properties": {"a": AS_TEXT}, "additionalProperties": False},
    {"properties": {"a": AS_TEXT}, "additionalProperties": {"type": "integer"}},
    *({keyword: [AS_TEXT, {"minLength": 2}]} for keyword in ("allOf", "anyOf", "oneOf")),
    {"not": {"const": 1}},
    {"if": {"properties": {"a": {"const": True}}}, "then": {"required": ["b"]}, "else": {"type": "object"}},
    {"if": {"type": "object"}, "then": {"required": ["a"]}},
    {"if": {"type": "object"}, "else": AS_TEXT},
    {"$ref": f"{COMPONENTS}Tree", "title": "a schema within itself"},
]
TREE = {"properties": {"a": {"$ref": f"{COMPONENTS}Tree"}}, "required": ["b"]}
VALUES = [
    *(*ODD, 1.0, 7.5, "xy", "2026-01-15", "2026-1-15", "12345678-1234-5678-1234-567812345678"),
    *([""], ["a", "b"], ["a", 1], ["a", "b", "c"], {"a": "x"}, {"a": 1}, {"a": "x", "b": 2}, {"a": True}),
    *({"a": True, "b": 1}, {"a": "x", "c": 1}, {"a": "x", "d": "y"}, {"a": {"a": 1}, "b": 1}),
]


def quick_and_slow(schema: dict[str, Any], parts: dict[str, Any]) -> tuple[Check, Check]:
    """The same question to the quick check and to jsonschema."""
    formats = FormatChecker(("date", "uuid"))
    slow = Draft202012Validator({"components": {"schemas": parts}, **schema}, format_checker=formats)
    return compile_schema(schema, parts, formats.conforms), slow.is_valid


def test_the_quick_check_of_each_keyword_agrees_with_jsonschema() -> None:
    for schema in SCHEMAS:
        quick, slow = quick_and_slow(schema, {"Tree": TREE})
        for value in VALUES:
            assert quick(value) == slow(value), f"{schema}: {str(value)[:100]}"


@example_count(50)
@given(drawn=st.data())
def test_the_quick_check_of_an_answer_agrees_with_jsonschema(drawn: st.DataObject) -> None:
    dialect, row = drawn.draw(st.sampled_from(ANSWERED))
    body = drawn.draw(damaged([row["body"]]))
    schema = alternatives(answers(row["operation"], dialect)[row["status"]], row["status"])
    quick, slow = quick_and_slow(schema, components(dialect))

    assert quick(body) == slow(body)


def test_a_keyword_without_a_quick_check_is_an_error() -> None:
    with pytest.raises(ValueError, match="no check of the keyword 'uniqueItems'"):
        compile_schema({"uniqueItems": True}, {}, lambda _, __: True)


# The published form.

TEXT = {"type": "string", "minLength": 2}
WORD = {"enum": ["x", "xy"]}
TEXTS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
OBJECT = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
IS_X = {"if": {"properties": {"a": {"const": "x"}}}, "then": {"required": ["b"]}}
IS_B = {"if": {"required": ["b"]}, "then": {"properties": {"b": {"const": 2}}}, "else": {"maxProperties": 1}}
PUBLISHED: dict[str, dict[str, Any]] = {
    "a value next to a description": {"$ref": f"{COMPONENTS}Text", "description": "A text."},
    "an object next to a default": {"$ref": f"{COMPONENTS}Tree", "default": {}},
    "a value or null": {"anyOf": [{"$ref": f"{COMPONENTS}Text"}, {"type": "null"}], "default": None},
    "a word or null": {"anyOf": [WORD, {"type": "null"}]},
    "a number of an enumeration": {"enum": [1, 7]},
    "always true": {"type": "boolean", "const": True},
    "always false": {"type": "boolean", "const": False},
    "a list or null": {"anyOf": [TEXTS, {"type": "null"}]},
    "a union in a union": {"anyOf": [{"anyOf": [WORD, {"type": "integer"}]}, {"type": "null"}]},
    "a list or an object": {"oneOf": [TEXTS, OBJECT]},
    "a list or a word or null": {"anyOf": [WORD, {"type": "array", "items": WORD}, {"type": "null"}]},
    "a list of two": {
        "type": "array",
        "prefixItems": [{"type": "string"}, {"type": "string"}],
        "items": False,
        "minItems": 2,
        "maxItems": 2,
    },
    "a condition": {**OBJECT, "allOf": [IS_X]},
    "two conditions": {**OBJECT, "allOf": [IS_X, IS_B]},
    "a member with the name of a keyword": {"properties": {"default": {"anyOf": [TEXT, {"type": "null"}]}}},
}


def test_a_published_schema_accepts_the_same_values() -> None:
    parts: dict[str, dict[str, Any]] = {"Tree": TREE, "Text": TEXT}
    values = [*VALUES, {"default": None}, {"default": "x"}, {"default": "xy"}, {"a": "x", "b": 3}]
    for case, schema in PUBLISHED.items():
        plain = published(schema, parts)
        assert plain != schema, case
        before, after = (
            Draft202012Validator({"components": {"schemas": parts}, **each}) for each in (schema, plain)
        )
        for value in values:
            assert before.is_valid(value) == after.is_valid(value), (case, value)


@example_count(50)
@given(drawn=st.data())
def test_the_document_accepts_the_same_answers_apart_from_codes(drawn: st.DataObject) -> None:
    dialect, row = drawn.draw(st.sampled_from(ANSWERED))
    body = drawn.draw(damaged([row["body"]]))
    names = dict.fromkeys(shape.schema for shape in answers(row["operation"], dialect)[row["status"]])
    schema = {"anyOf": [ref(name) for name in names]}
    plain = document(dialect)["components"]["schemas"]

    assert quick_and_slow(schema, components(dialect))[0](body) == quick_and_slow(schema, plain)[1](body)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_document_has_nothing_that_breaks_generators(dialect: str) -> None:
    for schema in _schemas(document(dialect)):
        assert set(schema) <= {"$ref"} or "$ref" not in schema
        assert {"type": "null"} not in schema.get("anyOf", [])
        assert not any(part.get("type") == "array" for part in schema.get("oneOf", []))
        assert schema.get("items") is not False
        assert schema.get("type") != "boolean" or "const" not in schema


def _schemas(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document, except examples."""
    if isinstance(value, dict):
        yield value
        for name, part in value.items():
            yield from () if name in {"examples", "example"} else _schemas(part)
    elif isinstance(value, list):
        for part in value:
            yield from _schemas(part)


# The answer around the body.


def test_the_error_says_what_is_wrong() -> None:
    for status, content_type, body, error in (
        (201, JSON_TYPE, b"{}", "stopDossier answers no 201"),
        (200, "application/json", b"{}", "stopDossier 200 is typed application/json;charset=UTF-8, not"),
        (200, "", b"{}", "stopDossier 200 is typed application/json;charset=UTF-8, not nothing"),
        (200, JSON_TYPE, b"", "stopDossier 200 is not JSON"),
        (200, JSON_TYPE, b"{", "stopDossier 200 is not JSON"),
        (200, JSON_TYPE, b"[]", "stopDossier 200: $: [] is not valid under any"),
    ):
        found = answer_error("rest", "stopDossier", status, content_type, body) or ""
        assert found.startswith(error), (status, content_type, body)


def test_the_content_of_bytes_is_not_checked() -> None:
    assert answer_error("rest", "downloadFile", 200, "application/octet-stream", b"%PDF") is None
    assert answer_error("rest", "downloadFile", 200, JSON_TYPE, b"{}")


def test_outside_of_any_operation_an_error_in_protocol_format_is_expected() -> None:
    row = next(row for row in examples("rest") if row["status"] == 403)
    body = row["body"] | {"status": 404, "error": "Not Found"}

    assert answer_error("rest", None, 404, JSON_TYPE, json.dumps(body).encode()) is None
    assert answer_error("rest", None, 404, JSON_TYPE, b"{}")


# Files and bodies.


@pytest.mark.parametrize("name", ["bodies", "common", *DIALECTS])
def test_a_file_is_a_json_schema(name: str) -> None:
    file = data(name)

    assert file["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(file)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_name_stands_for_two_schemas(dialect: str) -> None:
    names = [name for file in ("bodies", "common", dialect) for name in data(file)["$defs"]]

    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("operation", BODIES)
def test_the_bodies_that_were_taken_fit_their_schema(operation: str) -> None:
    schema = {"components": {"schemas": components("rest")}, **ref(BODIES[operation].schema)}
    taken = [
        row["request"]["body"]
        for _, row in ANSWERED
        if row["operation"] == operation and row["status"] == 200 and "variant" not in row["name"]
    ]
    taken = [body for body in taken if body is not None]

    assert taken
    for body in taken:
        assert [error.message for error in Draft202012Validator(schema).iter_errors(body)] == []
