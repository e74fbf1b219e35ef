"""The control API's own OpenAPI document: all its calls, no others, and bodies as they are really read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator

from mock_server.control.app import CALLS
from mock_server.control.calls import ControlCall
from tests.support import control_routes

RULES = {
    "rules": [
        {
            "name": "down",
            "when": {"operation": ["getDossier", "listDossiers"], "nth": {"from": 2}, "query": {"page": 0}},
            "then": {
                "respond": {"status": 503, "body": {"a": 1}},
                "delay": {"type": "fixed", "milliseconds": 5},
            },
            "times": 3,
            "probability": 0.5,
            "newState": "down",
        }
    ]
}

CONTENT: dict[str, Any] = {
    "users": [],
    "defaultAccount": None,
    "requirements": [],
    "accounts": [],
    "establishments": [],
    "thirdparties": [],
    "relations": [],
    "dossiers": [],
    "processes": [],
    "mails": [],
    "invalidEmailDomains": [],
    "nextIds": {},
}
STATE: dict[str, Any] = {
    "version": 1,
    "clock": {"now": "2031-01-02T10:00:00Z", "frozen": True},
    "variants": {},
    "content": CONTENT,
}

QUESTIONS: list[tuple[Any, bool]] = [
    ({}, True),
    ({"operation": ["getProcess", "importDossier"], "status": {"$atLeast": 400}, "rule": "outage"}, True),
    ({"code": ["E103", "E202"], "body": {"dossierReference": "PO-1"}, "query": {"page": 1}}, True),
    ({"code": 202}, False),
    ({"operationId": "getProcess"}, False),
    ([], False),
]
EXAMPLES: dict[str, list[tuple[Any, bool]]] = {
    "PUT /scenario": [
        ({"name": "outage"}, True),
        ({"scenario": {"version": 1, "scenario": "mine", "title": "Mine"}}, True),
        ({"scenario": {"version": 2, "scenario": "mine", "title": "Mine"}}, False),
        ({"scenario": "outage"}, False),
        ({"names": "outage"}, False),
    ],
    "PUT /scenarios/{name}/state": [({"state": "down"}, True), ({"state": ""}, False), ({}, False)],
    "POST /rules": [
        (RULES, True),
        ({"rules": []}, True),
        ({"rules": [{"name": "r", "when": {}, "then": {"fault": "BOOM"}}]}, False),
        ({"rules": [{"name": "r"}]}, False),
        ({}, False),
    ],
    "PUT /fixture": [
        ({"name": "pages"}, True),
        ({"recipe": {"version": 1, "accounts": [{"accountId": 1}]}}, True),
        ({"recipe": {"accounts": []}}, False),
        ({"recipe": "version: 1"}, False),
        ({"path": "pages.yaml"}, False),
    ],
    "PUT /state": [
        (STATE, True),
        (STATE | {"version": 2}, False),
        (STATE | {"scenario": "outage"}, False),
        (STATE | {"content": CONTENT | {"color": "red"}}, False),
        (STATE | {"content": CONTENT | {"relations": [{"accountId": 1}]}}, False),
        ({}, False),
    ],
    "POST /requests/count": QUESTIONS,
    "POST /requests/find": QUESTIONS,
    "POST /verify": [
        ({"expectations": [{"request": {}}]}, True),
        ({"expectations": [{"request": {"code": "E202"}, "count": 2}], "inOrder": True}, True),
        ({"expectations": [{"request": {}, "count": {"atLeast": 1, "atMost": 3}}]}, True),
        ({"expectations": [{"request": {}, "count": {"atLeast": -1}}]}, False),
        ({"expectations": [{"request": {}, "count": "1"}]}, False),
        ({"expectations": [{"operation": "getDossier"}]}, False),
        ({"expectations": []}, False),
        ({}, False),
    ],
    "POST /accounts": [
        ({"accountId": 7}, True),
        ({"accountId": 7, "users": ["api@example.com"], "subscriptionStatus": "INACTIVE"}, True),
        ({"accountId": 0}, False),
        ({"accountId": 7, "subscriptionStatus": "ASLEEP"}, False),
        ({}, False),
    ],
    "PATCH /accounts/{account_id}": [
        ({}, True),
        ({"international": False, "withdrawn": ["I2"]}, True),
        ({"international": None}, False),
        ({"accountId": 7}, False),
    ],
    "POST /thirdparties": [
        ({"siret": "99050000100013"}, True),
        ({"thirdpartyId": 875, "subscriptionDate": None, "name": "ACME"}, True),
        ({"thirdpartyId": 875, "subscriptionDate": "2031-01-02", "users": []}, True),
        ({"siret": "9905"}, False),
        ({"siret": "99050000100013", "subscriptionKey": "short"}, False),
    ],
    "PATCH /requirements/{code}": [
        ({"withdrawn": True}, True),
        ({"withdrawn": False, "accountId": 1}, True),
        ({"withdrawn": "yes"}, False),
        ({}, False),
    ],
    "POST /dossiers": [
        ({"siret": "99050000100013", "dossierReference": "A"}, True),
        ({"thirdpartyId": 875, "dossierReference": "A", "startingDate": None, "documents": []}, True),
        ({"siret": "99050000100013", "dossierReference": ""}, False),
        ({"siret": "99050000100013"}, False),
    ],
    "PATCH /dossiers/{dossier_id}": [
        ({}, True),
        ({"stoppingReason": None, "description": None, "expirationDate": "2031-01-02"}, True),
        ({"documents": [{"documentCode": "I2", "files": [{"fileSize": 4096}]}]}, True),
        ({"stoppingReason": "BORED"}, False),
        ({"documents": None}, False),
        ({"dossierId": 5}, False),
    ],
    "POST /pact/states": [
        ({}, True),
        ({"state": "the API is down", "params": {"status": 500}, "action": "setup"}, True),
        ({"states": ["the API is down", {"name": "x", "params": None}], "consumer": "buyer"}, True),
        ({"state": None, "params": None, "action": "teardown"}, True),
        ({"state": "the API is down", "action": "explode"}, False),
        ({"state": ["the API is down"]}, False),
        ({"states": [{"state": "the API is down"}]}, False),
        ({"name": "the API is down"}, False),
    ],
    "POST /reset": [
        ({}, True),
        ({"only": None}, True),
        ({"only": ["state", "clock"]}, True),
        ({"only": ["dossiers"]}, False),
        ({"all": True}, False),
        ([], False),
    ],
    "PUT /clock": [
        ({"now": "2031-01-01T00:00:00"}, True),
        ({"frozen": False}, True),
        ({"frozen": "no"}, False),
        ({"at": "2031-01-01"}, False),
    ],
    "POST /clock/advance": [
        ({"by": "P30D", "tokens": True}, True),
        ({}, False),
        ({"by": 30}, False),
    ],
    "POST /dossiers/{dossier_id}/documents/{code}/evidences": [
        ({}, True),
        ({"expirationDate": "2031-06-30", "fileSize": 4096, "metadata": {"a": "b"}}, True),
        ({"content": "c2lnbmVk"}, True),
        ({"expirationDate": "soon"}, False),
        ({"fileSize": 1}, False),
        ({"formdata": [{"type": "string", "key": "k", "title": "t", "order": 0, "value": "v"}]}, True),
        ({"formdata": [{"type": "string"}]}, False),
        ({"expiration_date": "2031-06-30"}, False),
    ],
    "POST /processes/{process_id}": [
        ({"outcome": "fail", "code": "of the provider"}, True),
        ({"outcome": "explode"}, False),
        ({}, False),
    ],
    "PUT /variants": [
        ({"refusals": "result"}, True),
        ({}, True),
        ({"refusals": 1}, False),
    ],
}
"""Per call bodies that it reads, and bodies that it refuses to."""

WITH_BODY = [call for call in CALLS if call.body is not None]


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    return dict(app.test_client().get("/__admin/openapi.json").json or {})


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def validator(document: dict[str, Any], call: ControlCall, media_type: str) -> Draft202012Validator:
    """What judges a body of the call as the document says."""
    operation = document["paths"][f"/__admin{call.path}"][call.method.lower()]
    schema = operation["requestBody"]["content"][media_type]["schema"]
    whole = schema | {"components": document["components"]}
    Draft202012Validator.check_schema(whole)
    return Draft202012Validator(whole, format_checker=FormatChecker())


def reads(call: ControlCall, body: object) -> bool:
    try:
        msgspec.convert(body, call.body)
    except msgspec.ValidationError:
        return False
    return True


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_the_document_has_every_call_that_is_served_and_no_other(document: dict[str, Any]) -> None:
    assert {name for name, _ in operations(document)} == control_routes()


def test_every_operation_has_an_id_of_its_own_and_a_sentence(document: dict[str, Any]) -> None:
    ids = Counter(operation["operationId"] for _, operation in operations(document))

    assert {name for name, times in ids.items() if times > 1} == set()
    assert all(operation["summary"].endswith(".") for _, operation in operations(document))


def test_calls_about_one_sandbox_tell_how_to_name_it(document: dict[str, Any]) -> None:
    reset = document["paths"]["/__admin/reset"]["post"]
    health = document["paths"]["/__admin/health"]["get"]

    named = [document["components"]["parameters"][ref["$ref"].split("/")[-1]] for ref in reset["parameters"]]
    assert [(each["in"], each["name"]) for each in named] == [
        ("header", "X-Mock-Sandbox"),
        ("query", "sandbox"),
    ]
    assert "parameters" not in health


def test_the_parameters_of_a_query_are_in_the_document(document: dict[str, Any]) -> None:
    parameters = document["paths"]["/__admin/requests"]["get"]["parameters"]

    asked = {one["name"]: one["schema"]["type"] for one in parameters if one.get("in") == "query"}
    assert asked == {"since": "integer", "limit": "integer"}


def test_health_alone_needs_no_token(document: dict[str, Any]) -> None:
    assert [name for name, operation in operations(document) if operation.get("security") == []] == [
        "GET /__admin/health"
    ]


def test_a_problem_is_what_the_document_says(document: dict[str, Any], client: FlaskClient) -> None:
    schema = document["components"]["schemas"]["Problem"]

    answer = client.post("/__admin/reset", json={"all": True})

    Draft202012Validator(schema).validate(answer.json)
    assert answer.mimetype in document["components"]["responses"]["Problem"]["content"]


def test_objects_of_a_body_take_no_member_that_they_do_not_list(document: dict[str, Any]) -> None:
    objects = {
        name: schema
        for name, schema in document["components"]["schemas"].items()
        if "properties" in schema and name not in {"Problem", "FormAnswer"}
    }

    assert {
        name for name, schema in objects.items() if schema.get("additionalProperties") is not False
    } == set()


def test_every_call_with_a_body_has_examples() -> None:
    assert set(EXAMPLES) == {f"{call.method} {call.path}" for call in WITH_BODY}


@pytest.mark.parametrize("call", WITH_BODY, ids=lambda call: f"{call.method} {call.path}")
def test_a_body_is_judged_by_its_schema_as_by_the_server(document: dict[str, Any], call: ControlCall) -> None:
    examples = EXAMPLES[f"{call.method} {call.path}"]

    judge = validator(document, call, "application/json")

    assert [judge.is_valid(body) for body, _ in examples] == [fits for _, fits in examples]
    assert [reads(call, body) for body, _ in examples] == [fits for _, fits in examples]


@pytest.mark.parametrize("call", WITH_BODY, ids=lambda call: f"{call.method} {call.path}")
def test_a_body_may_be_left_out_where_an_empty_object_will_do(
    document: dict[str, Any], call: ControlCall
) -> None:
    operation = document["paths"][f"/__admin{call.path}"][call.method.lower()]

    assert operation["requestBody"]["required"] is not reads(call, {})
