"""The OpenAPI document of the control API: its calls, bodies, statuses and defaults are the server's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.test import TestResponse

from mock_server.app import create_app
from mock_server.control.app import CALLS
from mock_server.control.calls import ControlCall
from mock_server.settings import CONTROL_PREFIX, SLOW_CALLS, Settings, is_slow_call
from tests.support import SIRET, Api, control_routes

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
        ({"expectations": [{"request": {}}], "timeout": "200ms"}, True),
        ({"expectations": [{"request": {}}], "timeout": 5}, False),
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
    "POST /rewind": [
        ({"before": 1}, True),
        ({"beforeCommand": 1}, True),
        ({"before": "1"}, False),
        ({"request": 1}, False),
    ],
    "POST /sandboxes/{name}/fork": [
        ({"as": "try2"}, True),
        ({"as": "try2", "before": 1}, True),
        ({"name": "try2"}, False),
        ({}, False),
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
    "POST /timeline": [
        ({"timeline": [{"after": "PT1S", "control": "POST /thirdparties/875/close"}]}, True),
        ({"timeline": [{"after": "PT1S"}]}, False),
        ({"timeline": []}, False),
        ({}, False),
    ],
    "PUT /strict": [
        ({"strict": "warn"}, True),
        ({"strict": "loud"}, False),
        ({}, False),
    ],
    "PUT /variants": [
        ({"refusals": "result"}, True),
        ({}, True),
        ({"refusals": 1}, False),
    ],
}
"""Per call bodies that it accepts, and bodies that it rejects."""

WITH_BODY = [call for call in CALLS if call.body is not None]


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    return dict(app.test_client().get("/__admin/openapi.json").json or {})


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def validator(document: dict[str, Any], call: ControlCall, media_type: str) -> Draft202012Validator:
    """Return the validator of the call's body, by the document."""
    operation = document["paths"][f"/__admin{call.path}"][call.method.lower()]
    schema = operation["requestBody"]["content"][media_type]["schema"]
    whole = schema | {"components": document["components"]}
    Draft202012Validator.check_schema(whole)
    return Draft202012Validator(whole, format_checker=FormatChecker())


def accepts(call: ControlCall, body: object) -> bool:
    try:
        msgspec.convert(body, call.body)
    except msgspec.ValidationError:
        return False
    return True


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_the_document_lists_exactly_the_calls_that_are_served(document: dict[str, Any]) -> None:
    assert {name for name, _ in operations(document)} == control_routes()


def test_every_operation_has_a_unique_id_and_a_sentence(document: dict[str, Any]) -> None:
    ids = Counter(operation["operationId"] for _, operation in operations(document))

    assert {name for name, times in ids.items() if times > 1} == set()
    assert all(operation["summary"].endswith(".") for _, operation in operations(document))


def test_calls_about_one_sandbox_document_how_to_name_it(document: dict[str, Any]) -> None:
    reset = document["paths"]["/__admin/reset"]["post"]
    health = document["paths"]["/__admin/health"]["get"]

    named = [document["components"]["parameters"][ref["$ref"].split("/")[-1]] for ref in reset["parameters"]]
    assert [(each["in"], each["name"]) for each in named] == [
        ("header", "X-Mock-Sandbox"),
        ("query", "sandbox"),
    ]
    assert "parameters" not in health


def test_a_number_in_a_query_may_be_its_documented_minimum_and_not_less(
    api: Api, document: dict[str, Any]
) -> None:
    numbers = [
        (path, parameter["name"], parameter["schema"]["minimum"])
        for path, calls in document["paths"].items()
        for parameter in calls.get("get", {}).get("parameters", ())
        if parameter.get("in") == "query" and "minimum" in parameter["schema"]
    ]

    assert len(numbers) > 4
    for path, name, least in numbers:
        for number, status in ((least, 200), (least - 1, 400)):
            asked = {name: number, "sandbox": api.sandbox}
            assert api.client.get(path, query_string=asked).status_code == status, (path, name, number)


def test_the_parameters_of_a_query_are_in_the_document(document: dict[str, Any]) -> None:
    parameters = document["paths"]["/__admin/requests"]["get"]["parameters"]

    asked = {one["name"]: one["schema"]["type"] for one in parameters if one.get("in") == "query"}
    assert asked == {
        "since": ["integer", "string"],
        "limit": "integer",
        "format": "string",
        "name": "string",
    }


def test_a_token_is_needed_only_on_a_server_with_one_and_not_for_health_and_dashboard(
    document: dict[str, Any],
) -> None:
    server = create_app(Settings(control_token="s3cret")).test_client()
    listed = server.get("/__admin/openapi.json", headers={"Authorization": "Bearer s3cret"}).json or {}

    assert (document["security"], listed["security"]) == ([], [{"controlToken": []}])
    open_calls = {name for name, operation in operations(listed) if operation.get("security") == []}
    assert open_calls == {
        "GET /__admin/health",
        "GET /__admin/docs/{name}",
        "GET /__admin/ui",
        "GET /__admin/ui/{name}",
    }
    assert not any("security" in operation for _, operation in operations(document))


def test_every_operation_and_parameter_is_described_with_an_example(document: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    parameters = list(document["components"]["parameters"].values())
    for name, operation in operations(document):
        assert set(operation["tags"]) <= tags, name
        assert operation["description"], name
        parameters += [one for one in operation.get("parameters", ()) if "$ref" not in one]

    for parameter in parameters:
        assert parameter["description"], parameter
        Draft202012Validator(parameter["schema"]).validate(parameter["example"])


def test_a_problem_is_what_the_document_says(document: dict[str, Any], client: FlaskClient) -> None:
    schema = document["components"]["schemas"]["Problem"]

    answer = client.post("/__admin/reset", json={"all": True})

    Draft202012Validator(schema).validate(answer.json)
    assert answer.mimetype in document["components"]["responses"]["Problem"]["content"]


def test_objects_of_a_body_accept_only_the_members_that_they_list(document: dict[str, Any]) -> None:
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
def test_the_schema_and_the_server_accept_the_same_bodies(
    document: dict[str, Any], call: ControlCall
) -> None:
    examples = EXAMPLES[f"{call.method} {call.path}"]

    judge = validator(document, call, "application/json")

    assert [judge.is_valid(body) for body, _ in examples] == [fits for _, fits in examples]
    assert [accepts(call, body) for body, _ in examples] == [fits for _, fits in examples]


def test_every_call_has_a_response_for_any_other_problem(document: dict[str, Any]) -> None:
    calls = [operation for methods in document["paths"].values() for operation in methods.values()]

    assert [call for call in calls if "responses" in call and "default" not in call["responses"]] == []


@pytest.mark.parametrize("call", WITH_BODY, ids=lambda call: f"{call.method} {call.path}")
def test_a_body_is_optional_where_the_server_accepts_an_empty_object(
    document: dict[str, Any], call: ControlCall
) -> None:
    operation = document["paths"][f"/__admin{call.path}"][call.method.lower()]

    assert operation["requestBody"]["required"] is not accepts(call, {})


SENT: dict[str, Any] = {
    "PATCH /dossiers/{dossier_id}": {},
    "PATCH /accounts/{account_id}": {},
    "PATCH /requirements/{code}": {"withdrawn": False},
    "POST /accounts": {"accountId": 7},
    "POST /dossiers": {"siret": SIRET, "dossierReference": "A"},
    "POST /dossiers/{dossier_id}/documents/{code}/evidences": {},
    "POST /thirdparties": {"siret": SIRET},
    "POST /rewind": {"before": 1},
    "POST /sandboxes/{name}/fork": {"as": "documented-fork"},
    "POST /clock/advance": {"by": "P1D"},
    "PUT /clock": {"frozen": True},
    "PUT /fixture": {"name": "default"},
    "PUT /scenario": {"scenario": {"version": 1, "scenario": "mine", "title": "Mine"}},
    "PUT /scenarios/{name}/state": {"state": "Started"},
    "POST /rules": RULES,
    "POST /timeline": {
        "timeline": [{"after": "P1D", "control": "POST /thirdparties", "body": {"siret": SIRET}}]
    },
    "PUT /strict": {"strict": "off"},
    "POST /processes/{process_id}": {"outcome": "hold"},
    "POST /verify": {"expectations": [{"request": {"operation": "getToken"}}]},
}
"""Per call with a body one that succeeds."""
NAMES = {
    "DELETE /sandboxes/{name}": "documented",
    "POST /sandboxes/{name}/fork": "documented",
    "GET /docs/{name}": "control",
    "GET /ui/{name}": "app.js",
    "PUT /scenarios/{name}/state": "mine",
}
"""The name in a path, if it is not the example of the document."""
NOT_SENT = {
    *("GET /events", "GET /ca.pem", "PUT /state"),
    *("GET /processes/{process_id}", "POST /processes/{process_id}"),
}
"""An endless stream; a certificate that this server does not have; others that need values of an answer."""


def path_of(document: dict[str, Any], name: str) -> str:
    """The path of a call, with the ids that the document has as examples."""
    method, template = name.split()
    parameters = document["paths"][f"/__admin{template}"][method.lower()].get("parameters", ())
    ids = {one["name"]: one["example"] for one in parameters if one.get("in") == "path"}
    return template.format(**ids | ({"name": NAMES[name]} if name in NAMES else {}))


def test_calls_that_run_in_a_thread_are_control_calls_with_or_without_a_slash_at_their_end() -> None:
    assert {(call.method, f"{CONTROL_PREFIX}{call.path}") for call in CALLS} >= SLOW_CALLS
    assert is_slow_call("PUT", f"{CONTROL_PREFIX}/fixture/", "")
    assert is_slow_call("GET", f"{CONTROL_PREFIX}/state", "")
    assert is_slow_call("GET", f"{CONTROL_PREFIX}/scenarios", "")  # the first one reads all files


def send_documented(document: dict[str, Any], api: Api, name: str) -> TestResponse:
    """Make a call with ids and body as the tables and the document have them."""
    return send(api, name.split(maxsplit=1)[0], path_of(document, name), SENT.get(name))


def send(api: Api, method: str, path: str, body: object = None) -> TestResponse:
    headers = {"X-Mock-Sandbox": api.sandbox}
    return api.client.open(f"/__admin{path}", method=method, json=body, headers=headers)


@pytest.mark.parametrize("name", sorted({f"{call.method} {call.path}" for call in CALLS} - NOT_SENT))
def test_a_call_answers_with_the_status_and_the_media_type_of_the_document(
    document: dict[str, Any], api: Api, name: str
) -> None:
    verb, template = name.split()
    for first in ("PUT /scenario", "POST /snapshots/{name}"):
        assert send_documented(document, api, first).status_code < 300
    _ = api.token  # which is request 1 of the journal
    api.client.get("/__admin/clock", headers={"X-Mock-Sandbox": "documented"})

    answer = send_documented(document, api, name)

    responses = document["paths"][f"/__admin{template}"][verb.lower()]["responses"]
    assert str(answer.status_code) == next(iter(responses))
    [(media_type, content)] = responses[str(answer.status_code)].get("content", {None: {}}).items()
    assert media_type in {None, "*/*", answer.mimetype}
    if answer.is_json:
        Draft202012Validator(content["schema"]).validate(answer.json)


PROVOKED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "400": ({"X-Mock-Sandbox": "a b"}, {}),
    "401": ({}, {}),
    "403": ({"Origin": "http://foreign.example"}, {}),
    "404": ({}, {}),
    "413": ({}, {"CONTENT_LENGTH": str(2**40)}),
    "415": ({"Content-Encoding": "br"}, {}),
}
"""Headers and environment of a request that is answered with the status; for 404 the id is unknown."""


def test_every_problem_status_of_the_document_can_be_answered() -> None:
    missing = {"{account_id}": "1", "{dossier_id}": "1", "{thirdparty_id}": "1", "{number}": "999"}
    for control_token in (None, "s3cret"):
        client = create_app(Settings(control_token=control_token)).test_client()
        token = {"Authorization": f"Bearer {control_token}"} if control_token else {}
        listed = client.get("/__admin/openapi.json", headers=token).json or {}
        for name, operation in operations(listed):
            method, template = name.split()
            path = re.sub(r"\{\w+\}", lambda found: missing.get(found[0], "no-such-one"), template)
            for status in operation["responses"].keys() & PROVOKED.keys():
                headers, environ = PROVOKED[status]
                sent = headers if status == "401" else token | headers
                body = SENT.get(name.replace("/__admin", "")) if status == "404" else None
                answer = client.open(
                    path,
                    method=method,
                    headers=sent,
                    json=body,
                    query_string={"scope": "?"} if status == "400" else {},
                    environ_overrides=environ,
                )
                assert str(answer.status_code) == status, f"{name}: {answer.text}"


def test_the_state_and_an_import_answer_with_the_status_of_the_document(api: Api) -> None:
    order = {"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": "PO-1"}
    process_id = api.post("/dossiers", order).json["content"]["processId"]  # type: ignore[index]
    state = api.control("GET", "/state")
    status = {f"{call.method} {call.path}": call.status for call in CALLS}

    held = send(api, "POST", f"/processes/{process_id}", {"outcome": "hold"})
    loaded = send(api, "PUT", "/state", state)

    assert held.status_code == status["POST /processes/{process_id}"]
    assert loaded.status_code == status["PUT /state"]


def test_the_paths_of_the_document_are_those_of_the_server(
    document: dict[str, Any], client: FlaskClient
) -> None:
    [server] = document["servers"]

    answer = client.get(f"{server['url'].rstrip('/')}/__admin/health")

    assert answer.status_code == 200
    assert "/__admin/health" in document["paths"]


def test_a_documented_default_is_what_the_server_does_without_the_parameter(
    document: dict[str, Any], api: Api
) -> None:
    defaults = {
        (name, parameter["name"]): parameter["schema"]["default"]
        for name, operation in operations(document)
        for parameter in operation.get("parameters", ())
        if "default" in parameter.get("schema", {})
    }
    sandbox = {one["schema"]["default"] for one in document["components"]["parameters"].values()}

    assert defaults == {
        ("GET /__admin/dossiers", "offset"): 0,
        ("GET /__admin/dossiers", "limit"): 50,
        ("GET /__admin/requests", "format"): "json",
        ("GET /__admin/coverage", "scope"): "sandbox",
        ("GET /__admin/report", "scope"): "sandbox",
        ("GET /__admin/report", "format"): "markdown",
    }
    assert api.control("GET", "/requests") == api.control("GET", "/requests?format=json")
    assert sandbox == {api.client.get("/__admin/clock").json["sandbox"]}  # type: ignore[index]
    api.control("PUT", "/fixture", {"name": "pages"})
    plain, given = api.control("GET", "/dossiers"), api.control("GET", "/dossiers?offset=0&limit=50")
    assert plain == given
    assert len(plain["dossiers"]) == 50


def test_a_query_that_a_call_does_not_have_is_rejected(app: Flask) -> None:
    client = app.test_client()
    remedy = "is empty: name a sandbox, or leave it out for 'default'"
    rejected = {
        "POST /reset?sandbx=gw3": "POST /__admin/reset has no query parameter 'sandbx'; it has sandbox; "
        "did you mean 'sandbox'?",
        "GET /clock?nope=1": "GET /__admin/clock has no query parameter 'nope'; it has sandbox",
        "DELETE /sandboxes/gw3?sandbox=gw3": "has no query parameter 'sandbox'; it has none",
        "GET /requests?limits=5": "it has since, limit, format, name, sandbox; did you mean 'limit'?",
        "POST /pact/states?states=x": "did you mean 'state'?",
        "POST /reset?sandbox=": f"the query parameter sandbox {remedy}",
        "POST /reset?sandbox=a&sandbox=b": "the query parameter 'sandbox' is given 2 times: give it once",
        "GET /requests?limit=1&limit=2": "the query parameter 'limit' is given 2 times: give it once",
    }
    for call, sentence in rejected.items():
        method, path = call.split()
        answer = client.open(f"/__admin{path}", method=method)
        assert (answer.status_code, call) == (400, call)
        assert sentence in (answer.json or {})["detail"]
    for name, path, sentence in (
        ("", "/reset", f"the header X-Mock-Sandbox {remedy}"),
        (
            "a",
            "/reset?sandbox=b",
            "the header X-Mock-Sandbox names 'a', and the query 'b': name one sandbox",
        ),
    ):
        answer = client.post(f"/__admin{path}", headers={"X-Mock-Sandbox": name})
        assert (answer.status_code, (answer.json or {})["detail"]) == (400, sentence)
    for path in ("/health?probe=1", "/metrics?target=a", "/ui?v=2", "/docs/control?v=2"):
        assert client.get(f"/__admin{path}").status_code == 200


LONG = "x" * 5000
STEPS = {"version": 1, "scenario": "long", "title": "t", "steps": [{"name": "a", "call": "listAccounts"}]}


WITH_LONG_VALUES: list[tuple[str, Any]] = [
    ("PUT /clock", {"now": LONG}),
    ("POST /clock/advance", {"by": LONG}),
    ("PUT /variants", {LONG: "x"}),
    ("PUT /variants", {"refusals": LONG}),
    ("PUT /fixture", {"name": LONG}),
    ("PUT /fixture", {"recipe": {"version": 1, "include": [LONG]}}),
    ("PUT /scenario", {"name": LONG}),
    ("PUT /scenario", {"scenario": STEPS | {"given": {"clock": LONG}}}),
    ("PUT /scenario", {"scenario": STEPS | {"given": {"fixture": LONG}}}),
    ("PUT /scenario", {"scenario": STEPS | {"given": {"variants": {LONG: "x"}}}}),
    ("PUT /scenario", {"scenario": STEPS | {"steps": [{"name": "a", "call": LONG}]}}),
    ("PUT /scenarios/a/state", {"state": LONG}),
    ("POST /rules", {"rules": [{"name": "a", "when": {"operation": LONG}, "then": {"status": 503}}]}),
    ("POST /requests/count", {"operation": LONG}),
    ("POST /verify", {"operation": LONG}),
    ("POST /accounts", {"accountId": 7, "users": [LONG]}),
    ("POST /accounts", {"accountId": 7, "creation": LONG}),
    ("POST /accounts", {"accountId": 7, "requirements": [LONG]}),
    ("POST /thirdparties", {"siret": LONG}),
    ("POST /thirdparties", {"siret": SIRET, "subscriptionDate": LONG}),
    ("POST /dossiers", {"siret": LONG}),
    ("POST /dossiers", {"siret": SIRET, "expirationDate": LONG}),
    ("POST /dossiers", {"siret": SIRET, "documents": [{"code": LONG}]}),
    (f"PATCH /requirements/{LONG}", {"withdrawn": True}),
    ("POST /timeline", {"timeline": [{"control": LONG, "after": "P1D"}]}),
    ("POST /pact/states", {"state": LONG}),
    ("POST /pact/states", {"state": "an active dossier", "params": {LONG: 1}}),
    (f"POST /snapshots/{LONG}", None),
    (f"POST /snapshots/{LONG}/restore", None),
    (f"GET /requests?since={LONG}", None),
    (f"GET /requests?format={LONG}", None),
    (f"GET /dossiers?standing={LONG}", None),
    (f"GET /coverage?scope={LONG}", None),
    (f"GET /clock?sandbox={LONG}", None),
]
"""Calls with a value of 5,000 characters that no call takes."""


def test_an_error_cuts_a_long_value(api: Api) -> None:
    whole = []
    for call, body in WITH_LONG_VALUES:
        method, path = call.split()
        headers = {} if "sandbox=" in path else {"X-Mock-Sandbox": api.sandbox}
        answer = api.client.open(f"/__admin{path}", method=method, json=body, headers=headers)
        assert answer.status_code in {400, 404, 409}, call[:80]
        whole += [(call[:40], str(body)[:60])] if "x" * 100 in (answer.json or {})["detail"] else []
    assert whole == []
