"""The OpenAPI documents say what the server does: every route, parameter, status and code, and no other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError

from mock_server.app import create_app
from mock_server.contract import document
from mock_server.contract.answers import answers, codes, links_of
from mock_server.contract.document import examples
from mock_server.contract.published import response_name
from mock_server.contract.requests import QUERY
from mock_server.contract.schemas import components
from mock_server.dialects import DIALECTS as SERVED_DIALECTS
from mock_server.domain.errors import ERRORS, Place
from mock_server.domain.names import camel
from mock_server.domain.operations import BY_VIEW, DIALECTS, OPERATIONS, TOKEN_PATH, Kind
from mock_server.domain.search import DOSSIER_FILTERS, THIRDPARTY_FILTERS
from mock_server.settings import Settings
from mock_server.web.pipeline import Application
from tests.support import Api
from tests.test_published_answers import OF_ANY_REQUEST, SERVED

Object = dict[str, Any]

NOT_IN_THE_DOCUMENTS = {
    "openid": "the other endpoints of the realm, which its discovery document lists",
    "published": "the documents themselves, and the page that shows them",
    "health": "a control call, answered without the control API, which is a separate app",
}
NEVER_SEEN = {"E203": "no operation looks a dossier up by its reference"}


def operations(dialect: str) -> Iterator[tuple[str, str, Object]]:
    """Path, method and operation of all that a document has."""
    for path, item in document(dialect)["paths"].items():
        for method in set(item) & {"get", "post", "put", "patch", "delete", "head", "options"}:
            yield path, method.upper(), item[method]


def operation(dialect: str, name: str) -> Object:
    return next(found for _, _, found in operations(dialect) if found.get("operationId") == name)


def names_of(dialect: str, name: str) -> set[str]:
    """The query parameters that the document has for an operation."""
    return {row["name"] for row in operation(dialect, name).get("parameters", []) if row["in"] == "query"}


def seen(dialect: str, name: str) -> list[Object]:
    return [row for row in examples(dialect) if row["operation"] == name]


def codes_in(body: Any) -> set[str]:
    """Every code in an answer, wherever it stands."""
    if isinstance(body, list):
        return {code for part in body for code in codes_in(part)}
    if not isinstance(body, dict):
        return set()
    own = {body["code"]} if {"code", "message"} <= set(body) else set()
    return own | {code for part in body.values() for code in codes_in(part)}


# The documents by themselves.


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_document_is_valid(dialect: str) -> None:
    validate(document(dialect))


def test_the_validator_rejects_a_wrong_document() -> None:
    with pytest.raises(OpenAPIValidationError):
        validate(document("rest") | {"paths": {"/account": {"get": {"responses": 200}}}})


def test_there_is_a_document_for_every_dialect_that_is_served() -> None:
    assert set(DIALECTS) == set(SERVED_DIALECTS)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_reference_leads_somewhere_and_every_schema_is_used(dialect: str) -> None:
    used = set(re.findall(r"#/components/schemas/(\w+)", str(document(dialect))))
    listed = set(document(dialect)["components"]["schemas"])
    responses = set(re.findall(r"#/components/responses/(\w+)", str(document(dialect))))

    assert used == listed
    assert responses == set(document(dialect)["components"]["responses"])
    copied = components(dialect).keys() - listed  # a value that may be null is copied to where it is used
    assert [name for name in copied if components(dialect)[name]["type"] == "object"] == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_description_of_an_answer_names_its_variant(dialect: str) -> None:
    text = str(document(dialect))
    served = [answers(name, dialect) for each, name in SERVED if each == dialect]
    shapes = [shape for found in served for several in found.values() for shape in several if shape.variant]

    assert shapes
    for shape in shapes:
        assert f"{shape.description.removesuffix('.')} (variant `{shape.variant}`)." in text


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_schema_has_a_description(dialect: str) -> None:
    assert [name for name, schema in components(dialect).items() if not schema.get("description")] == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_operation_is_described_and_each_parameter_has_an_example(dialect: str) -> None:
    tags = {tag["name"] for tag in document(dialect)["tags"]}
    for path, method, found in operations(dialect):
        assert all(found[name] for name in ("operationId", "summary", "description")), (path, method)
        assert set(found["tags"]) <= tags
        assert any(status.startswith("4") for status in found["responses"])
        schemas = {"components": {"schemas": components(dialect)}}
        for one in [*document(dialect)["paths"][path].get("parameters", []), *found.get("parameters", [])]:
            Draft202012Validator(schemas | one["schema"]).validate(one["example"])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_search_with_the_example_of_a_parameter_has_hits(
    make_server_api: Callable[..., Api], dialect: str
) -> None:
    api = make_server_api(dialect=dialect)
    unknown = {"fileId", "processId"}  # the default fixture has no file and no import
    for path, method, _ in operations(dialect):
        ids = {one["name"]: one["example"] for one in document(dialect)["paths"][path].get("parameters", [])}
        if method == "GET" and not unknown & ids.keys():
            query = {"search": "name~a"} if path.endswith("/q") else {}
            answer = api.send("GET", f"/{dialect}/api/v1{path.format(**ids)}", query_string=query)
            assert answer.status_code == 200, (path, answer.text)


def test_a_server_without_tokens_says_so_in_its_documents() -> None:
    open_server = create_app(Settings(auth="off")).test_client()

    assert (open_server.get("/rest/openapi.json").json or {})["security"] == []
    assert document("rest")["security"] == [{"realm": []}, {"bearer": []}]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_link_names_an_operation_and_its_ids(dialect: str) -> None:
    links = [
        (link["operationId"], set(link["parameters"]))
        for _, _, found in operations(dialect)
        for link in found["responses"]["200"].get("links", {}).values()
    ]

    assert links
    for name, given in links:
        assert dialect in OPERATIONS[name].dialects
        assert given == set(re.findall(r"\{(\w+)\}", OPERATIONS[name].paths[0]))


@pytest.mark.parametrize(("dialect", "file_id"), [("rest", "fileId"), ("edge", "id")])
def test_the_files_of_a_document_lead_to_their_bytes_by_the_id_of_the_dialect(
    dialect: str, file_id: str
) -> None:
    links = links_of("listFiles", dialect)["links"]

    assert links["downloadFile"]["parameters"]["fileId"] == f"$response.body#/content/0/{file_id}"


# Routes.


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_route_of_the_dialect_is_in_its_document_and_the_reverse(app: Flask, dialect: str) -> None:
    assert isinstance(app, Application)
    prefix = f"/{dialect}/api/v1"
    routed = {
        (rule.rule.removeprefix(prefix), method)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(f"{prefix}/") or rule.rule == TOKEN_PATH
        for method in (rule.methods or set()) - {"HEAD"}  # a GET without its body, wherever there is a GET
    } | {
        ("/".join(route.path), method)
        for route in app.router.operations
        if dialect in route.dialects
        for method in route.methods - {"HEAD"}
    }

    assert {(path, method) for path, method, _ in operations(dialect)} == routed


def test_no_other_route_belongs_to_the_emulated_api(app: Flask) -> None:
    others = {
        rule.endpoint.split(".")[0]
        for rule in app.url_map.iter_rules()
        if rule.endpoint.rpartition(".")[2] not in BY_VIEW
    }

    assert others == set(NOT_IN_THE_DOCUMENTS)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_operations_are_those_of_the_table(dialect: str) -> None:
    ids = {found["operationId"]: found.get("x-alias-of") for _, _, found in operations(dialect)}
    served = {row.name: row for row in OPERATIONS.values() if dialect in row.dialects}

    assert {name for name, alias_of in ids.items() if alias_of is None} == set(served)
    assert {name: alias_of for name, alias_of in ids.items() if alias_of is not None} == {
        f"{name}Alias": name for name, row in served.items() if len(row.paths) > 1
    }


@pytest.mark.parametrize("dialect", DIALECTS)
def test_aliases_are_deprecated_logins_need_no_token_and_refusals_have_a_header(dialect: str) -> None:
    for _, _, found in operations(dialect):
        name = found["operationId"]
        assert found.get("deprecated", False) == ("x-alias-of" in found), name
        assert (found.get("security") == []) == name.startswith("getToken"), name
        for status, response in found["responses"].items():
            if "headers" in response:
                refuses = "X-Mock-Refusal" in response["headers"]
                assert refuses == ("x-error-codes" in response), (name, status)
    assert operation(dialect, "listProcesses")["tags"] == ["Imports"]
    limited = {
        name
        for name, response in document(dialect)["components"]["responses"].items()
        if "x-ratelimit-remaining" in response["headers"]
    }
    assert limited == {response_name(status) for status in (400, 413, 415, 429)}


def test_an_operation_has_its_section_and_its_provenance() -> None:
    for dialect, name in SERVED:
        found, row = operation(dialect, name), OPERATIONS[name]
        assert (found["x-behaviour"], found["x-provenance"]) == (row.section, row.provenance), (dialect, name)


# Parameters.


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("name", "filters"),
    [("listDossiers", DOSSIER_FILTERS), ("listThirdparties", THIRDPARTY_FILTERS)],
    ids=["dossiers", "third parties"],
)
def test_the_parameters_of_a_search_are_its_filters(dialect: str, name: str, filters: Object) -> None:
    known = {camel(key) for key in filters} - SERVED_DIALECTS[dialect].ignored_parameters

    assert names_of(dialect, name) == known | {"page", "pageSize"}


@pytest.mark.dialects("rest", "edge")
def test_a_parameter_is_documented_where_it_is_used_and_nowhere_else(api: Api) -> None:
    names = [name for dialect, name in SERVED if dialect == api.dialect and OPERATIONS[name].method == "GET"]

    bearing = {name: _parameters_read(api, name) for name in names}

    assert bearing == {name: names_of(api.dialect, name) for name in names}


def _parameters_read(api: Api, name: str) -> set[str]:
    """The parameters, of those of all operations, whose empty value the operation rejects."""
    path = _with_ids(api, OPERATIONS[name].paths[0])
    given = {"search": "name~a"} if name == "searchThirdparties" else {}
    every = {row.name for rows in QUERY.values() for row in rows}
    return {
        parameter
        for parameter in every
        if api.send("GET", path, query_string=given | {parameter: ""}).status_code == 400
    }


def _with_ids(api: Api, path: str) -> str:
    """The path with ids of what the default fixture has."""
    ids = {"accountId": 119631, "dossierId": 804127, "thirdpartyId": 875, "documentId": 511394021}
    return f"/{api.dialect}/api/v1" + path.format(**ids, fileId=1, processId="0" * 32)


# Statuses and codes. That nothing else is ever answered, the client of all tests sees to.


def test_every_status_of_an_operation_was_seen() -> None:
    for dialect, name in SERVED:
        of_any = {status for status, applies in OF_ANY_REQUEST.items() if applies(dialect, name)}
        shown = {row["status"] for row in seen(dialect, name)}
        assert set(answers(name, dialect)) == shown | of_any, (dialect, name)
        assert set(operation(dialect, name)["responses"]) == set(map(str, shown | of_any)), (dialect, name)


def test_every_code_of_an_operation_was_seen() -> None:
    for dialect, name in SERVED:
        shown = {code for row in seen(dialect, name) for code in codes_in(row.get("body"))}
        assert set(codes(name, dialect)) == shown, f"{dialect} {name}: compare the calls of tools/examples.py"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_document_lists_every_code_with_its_label(dialect: str) -> None:
    labels = {code: error.label_fr if dialect == "rest" else error.label_en for code, error in ERRORS.items()}
    for name in (name for each, name in SERVED if each == dialect):
        listed = [
            (row["code"], row["message"])
            for answer in operation(dialect, name)["responses"].values()
            for row in answer.get("x-error-codes", [])
        ]
        assert set(listed) == {(code, labels[code]) for code in codes(name, dialect)}, name


def test_every_code_is_given_by_some_operation() -> None:
    given = {given for dialect, name in SERVED for given in codes(name, dialect)}

    assert given == ERRORS.keys() - NEVER_SEEN


@pytest.mark.parametrize(
    ("place", "kinds", "status"),
    [
        (Place.SEARCH, {Kind.SEARCH, Kind.READ}, 400),
        (Place.IMPORT, {Kind.IMPORT}, 400),
        (Place.PROCESS, {Kind.READ}, 200),
        (Place.COMMAND, {Kind.COMMAND}, 400),
        (Place.RESOURCE, set(Kind), 404),
    ],
    ids=["searches", "imports", "processes", "commands", "404"],
)
def test_each_place_in_an_answer_has_exactly_its_codes(place: Place, kinds: set[Kind], status: int) -> None:
    shown = {
        code
        for dialect, name in SERVED
        if OPERATIONS[name].kind in kinds
        for row in seen(dialect, name)
        if row["status"] == status
        for code in codes_in(row.get("body"))
    }

    assert shown == {code for code, error in ERRORS.items() if place in error.places}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_codes_of_the_schema_are_those_of_the_table(dialect: str) -> None:
    assert components(dialect)["ErrorCode"]["enum"] == list(ERRORS)
