"""Rules that EDGE has for itself: messages, `op`, requirements that add, forms, bad tokens (behaviour.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mock_server.domain.errors import ERRORS
from tests.forged import FORGED
from tests.support import (
    OTHER_SIRET,
    SEED_DOSSIER,
    SIRET,
    Api,
    assert_protocol_error,
    codes,
    content,
)

pytestmark = pytest.mark.dialects("edge")

MakeApi = Callable[..., Api]

ABSENT = "The resource does not exist. Please check you search criteria and values."
DOCUMENT = 511394021
UNKNOWN = 4_000_000_000


def errors(answer: Any) -> list[dict[str, str]]:
    """The messages of an answer in business format."""
    return list((answer.json or {})["messages"]["error"])


# Messages.


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (f"/dossiers/{UNKNOWN}", f"dossierId={UNKNOWN}"),
        (f"/dossiers/{UNKNOWN}/documents", f"dossierId={UNKNOWN}"),
        (f"/thirdparties/{UNKNOWN}", f"thirdpartyId={UNKNOWN}"),
        (f"/dossiers/{SEED_DOSSIER}/documents/1", "documentId=1"),
        (f"/dossiers/{SEED_DOSSIER}/documents/1/evidences", "documentId=1"),
        (f"/dossiers/{SEED_DOSSIER}/documents/{DOCUMENT}/files/1", "fileId=1"),
        ("/dossiers/process/x", "processId=x"),
        ("/dossiers?siren=000000000&monitored=true", "siren=000000000&monitored=true"),
        ("/thirdparties?name=unknown&page=3", "name=unknown&page=3"),
    ],
)
def test_a_missing_resource_has_one_code_and_the_requested_id(api: Api, path: str, reason: str) -> None:
    answer = api.send("GET", api.url(path))

    assert answer.status_code == 404
    assert answer.json == {
        "messages": {
            "error": [
                {
                    "code": "NOT_FOUND",
                    "message": ABSENT,
                    "request": f"ServletWebRequest: uri={api.url(path).partition('?')[0]}",
                    "reason": reason,
                }
            ]
        }
    }
    assert answer.headers["X-Mock-Refusal"].startswith("NOT_FOUND ")


def test_an_account_that_does_not_exist_is_named(api: Api) -> None:
    api.account = 1

    (error,) = errors(api.get("/dossiers"))

    assert (error["code"], error["reason"]) == ("NOT_FOUND", "accountId=1")


def test_an_account_without_dossiers_has_none_to_find(make_api: MakeApi) -> None:
    (error,) = errors(make_api(user="inactive", account=119800).get("/dossiers"))

    assert (error["code"], error["reason"]) == ("NOT_FOUND", "")


def test_a_page_past_the_end_is_not_a_search_without_hit(api: Api) -> None:
    answer = api.get("/dossiers", siren="503829368", page=1)

    assert (answer.status_code, answer.json) == (
        200,
        {"content": [], "page": 1, "size": 10, "totalElements": 1},
    )


@pytest.mark.parametrize(
    ("query", "code", "reason"),
    [
        ({"siren": ""}, "E003", "siren"),
        ({"pageSize": "abc"}, "E010", "pageSize/abc"),
        ({"pageSize": "1001"}, "E011", "pageSize/1000"),
        ({"companyIdType": "CIT009"}, "E002", "companyIdType/CIT009"),
        ({"stateLastChangeDate": "2098-01-01"}, "E022", "stateLastChangeDate"),
    ],
)
def test_a_message_is_english_and_has_request_and_reason(
    api: Api, query: dict[str, str], code: str, reason: str
) -> None:
    answer = api.get("/dossiers", **query)

    assert answer.status_code == 400
    assert [list(error.items()) for error in errors(answer)] == [
        [
            ("code", code),
            ("message", ERRORS[code].label_en),
            ("request", "ServletWebRequest: uri=/edge/api/v1/account/119631/dossiers"),
            ("reason", reason),
        ]
    ]


@pytest.mark.parametrize("language", ["fr", "en", "de;q=0.5"])
def test_messages_are_english_for_any_accept_language(api: Api, language: str) -> None:
    answer = api.send("GET", api.url("/dossiers", siren=""), headers={"Accept-Language": language})

    assert errors(answer)[0]["message"] == "Empty parameter"


@pytest.mark.parametrize(
    ("prefix", "base_url"), [("/edge/api/v1", None), ("/api/v1", "https://edge.e-attestations.com")]
)
def test_the_request_of_a_message_is_the_path_that_was_asked_for(
    api: Api, prefix: str, base_url: str | None
) -> None:
    path = f"{prefix}/account/119631/dossiers/1"

    (error,) = errors(api.send("GET", f"{path}?siren=1", **({"base_url": base_url} if base_url else {})))

    assert error["request"] == f"ServletWebRequest: uri={path}"


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"companyIdValue": "99000101800011"}, [("E101", "")]),
        ({"companyIdValue": "99000103400018"}, [("E103", "CIT001/99000103400018")]),
        ({"companyIdValue": "99000105900015"}, [("E105", "CIT001/99000115800015")]),
        ({"companyIdValue": "50382936800045", "thirdpartyCode": "X"}, [("E111", "123")]),
        (
            {"thirdpartyCode": "123", "expirationDate": "2020-01-01", "requiredDocuments": ["ADO", "NO"]},
            [("E112", "CIT001/50382936800045"), ("E021", "expirationDate"), ("E301", "ADO"), ("E302", "NO")],
        ),
        ({"companyIdValue": "50382936800045", "dossierReference": "TE ST"}, [("E202", "TEST")]),
        ({"companyIdType": "CIT002", "companyIdValue": "FR40990100026"}, [("E121", "CIT002/FR40990100026")]),
        ({"thirdpartyEmail": ["a@invalid.example"]}, [("E030", "a@invalid.example")]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else None,
)
def test_the_errors_of_a_process_name_the_import_and_their_values(
    api: Api, members: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    process = api.import_and_wait(**members)

    assert [process["isComplete"], process["isSuccessful"]] == ["true", "false"]
    request = f"ServletWebRequest: uri={api.url('/dossiers')}"
    assert process["errors"] == [
        {"code": code, "message": ERRORS[code].label_en, "request": request, "reason": reason}
        for code, reason in expected
    ]


def test_the_400_of_an_import_names_each_member(api: Api) -> None:
    answer = api.try_import(companyIdType=..., dossierReference="", companyIdValue="1")

    assert answer.status_code == 400
    assert sorted((error["code"], error["reason"]) for error in errors(answer)) == [
        ("E001", "companyIdType"),
        ("E003", "dossierReference"),
    ]


def test_a_refused_command_is_a_result_with_text_counterparts(api: Api) -> None:
    api.post(f"/dossiers/{SEED_DOSSIER}/stop")

    answer = api.post(f"/dossiers/{SEED_DOSSIER}", {"description": "new"})

    error = {
        "code": "E201",
        "message": "This dossier is disabled",
        "request": f"ServletWebRequest: uri=/edge/api/v1/account/119631/dossiers/{SEED_DOSSIER}",
        "reason": "TEST",
    }
    outcome = {"complete": True, "success": False, "isComplete": "true", "isSuccessful": "false"}
    assert answer.status_code == 400
    assert answer.json == {"content": {**outcome, "errors": [error]}, "messages": {"error": [error]}}


def test_nothing_to_update_has_its_reason(api: Api) -> None:
    assert errors(api.post(f"/dossiers/{SEED_DOSSIER}", {}))[0]["reason"] == "dataToUpdate"


# `op`.


IMPORTED = [
    {"dossierReference": "PO-10", "companyIdValue": SIRET, "thirdpartyCode": "Sup-1"},
    {"dossierReference": "PO-11", "companyIdValue": SIRET},
    {"dossierReference": "10-PO", "companyIdValue": OTHER_SIRET, "thirdpartyCode": "Sup-21"},
]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"dossierReference": "10", "op": "like"}, ["PO-10", "10-PO"]),
        ({"dossierReference": "PO-", "op": "starts"}, ["PO-10", "PO-11"]),
        ({"dossierReference": "PO", "op": "ends"}, ["10-PO"]),
        ({"dossierReference": "P O -", "op": "starts"}, ["PO-10", "PO-11"]),
        ({"dossierReference": "po", "op": "starts"}, []),
        ({"dossierReference": "PO-10", "op": "like"}, ["PO-10"]),
        ({"dossierReference": "PO-1"}, []),
        ({"thirdpartyCode": "1", "op": "ends"}, ["PO-10", "PO-11", "10-PO"]),
        ({"thirdpartyCode": "up-2", "op": "like"}, ["10-PO"]),
        ({"thirdpartyCode": "Sup", "dossierReference": "1", "op": "starts"}, ["10-PO"]),
        ({"thirdpartyCode": "Sup", "op": "starts", "siren": SIRET[:9]}, ["PO-10", "PO-11"]),
        ({"dossierReference": "PO-", "op": "starts", "companyIdValue": OTHER_SIRET}, []),
        ({"siren": SIRET[:9], "op": "like"}, ["PO-10", "PO-11"]),
        ({"siren": SIRET[:6], "op": "starts"}, []),
        ({"companyIdValue": SIRET[:9], "op": "starts"}, []),
    ],
    ids=str,
)
def test_op_applies_to_code_and_reference_and_to_nothing_else(
    api: Api, query: dict[str, str], expected: list[str]
) -> None:
    mine = {api.new_dossier(**members)["dossierId"] for members in IMPORTED}

    found = api.hits("/dossiers", pageSize=1000, **query)

    references = [row["dossierReference"] for row in found if row["dossierId"] in mine]
    assert references == expected


def test_op_alone_does_nothing(api: Api) -> None:
    assert api.get("/dossiers", op="like").json == api.get("/dossiers").json


def test_op_skips_third_parties_without_code(api: Api) -> None:
    dossier = api.new_dossier()

    found = api.hits("/dossiers", thirdpartyCode="1", op="like", pageSize=1000)

    assert dossier["dossierId"] not in [row["dossierId"] for row in found]


def test_an_error_repeats_the_beginning_of_a_long_value(api: Api) -> None:
    answer = api.post(
        f"/dossiers/{SEED_DOSSIER}", {"expirationDate": "é" * 1001, "thirdpartyEmail": ["x" * 1000]}
    )

    shown = {error["reason"] for error in errors(answer)}
    assert shown == {
        f"expirationDate/{'é' * 1000}... (1001 characters)",
        f"thirdpartyEmail/{'x' * 1000}",
    }


@pytest.mark.parametrize(
    ("value", "code", "reason"),
    [("contains", "E002", "op/contains"), ("LIKE", "E002", "op/LIKE"), ("", "E003", "op")],
)
def test_an_unknown_op_is_refused(api: Api, value: str, code: str, reason: str) -> None:
    answer = api.get("/dossiers", dossierReference="TEST", op=value)

    assert answer.status_code == 400
    assert [(error["code"], error["reason"]) for error in errors(answer)] == [(code, reason)]


def test_op_returns_pages_as_any_filter_does(api: Api) -> None:
    total = len(api.hits("/dossiers", thirdpartyCode="F1", op="starts", pageSize=1000))

    page = api.get("/dossiers", thirdpartyCode="F1", op="starts", page=1, pageSize=3).json or {}

    assert (page["totalElements"], len(page["content"])) == (total, 3)


# Requirements.


def codes_of(api: Api, dossier_id: int) -> list[str]:
    return [document["documentCode"] for document in api.dossier(dossier_id)["documents"]]


@pytest.mark.parametrize(
    "wrap", [list, lambda codes: {"newRequiredDocuments": codes}], ids=["array", "object"]
)
def test_new_requirements_are_added_to_the_previous_ones(api: Api, wrap: Callable[[list[str]], Any]) -> None:
    before = api.new_dossier(requiredDocuments=["ATT_VIGI", "JUSTIF_IMM"])

    answer = api.post(f"/dossiers/{before['dossierId']}/requirements", wrap(["I2", "ATT_VIGI", "I2"]))

    after = api.dossier(before["dossierId"])["documents"]
    assert answer.status_code == 200
    assert after[:2] == before["documents"]
    assert [document["documentCode"] for document in after[2:]] == ["I2"]


def test_an_added_requirement_makes_a_complete_dossier_incomplete(api: Api) -> None:
    api.control("POST", f"/dossiers/{SEED_DOSSIER}/documents/I2/evidences", {})
    assert api.dossier(SEED_DOSSIER)["isComplete"] == "true"

    api.post(f"/dossiers/{SEED_DOSSIER}/requirements", ["RIB_IBAN"])

    assert api.dossier(SEED_DOSSIER)["isComplete"] == "false"
    assert codes_of(api, SEED_DOSSIER) == ["I2", "RIB_IBAN"]


# Evidences.


FORM = {"formdata": [{"type": "text", "key": "f_1", "title": "Nom", "order": 0, "value": "Durand"}]}


def test_a_form_alone_answers_a_document_and_cannot_be_downloaded(api: Api) -> None:
    path = f"/dossiers/{SEED_DOSSIER}/documents/{DOCUMENT}"

    deposited = api.control("POST", f"/dossiers/{SEED_DOSSIER}/documents/I2/evidences", FORM)

    (document,) = content(api.get(path))
    (evidence,) = document["evidences"]
    assert [document["present"], document["isPresent"]] == [True, "true"]
    assert [evidence["id"], evidence["fileUUID"], evidence["fileSize"]] == [deposited["fileId"], None, 0]
    assert evidence["formdata"] == FORM["formdata"]
    download = api.get(f"{path}/files/{evidence['id']}")
    assert [download.status_code, codes(download)] == [404, ["NOT_FOUND"]]


def test_an_evidence_is_downloaded_by_its_id(api: Api) -> None:
    given = {"content": "JVBERi0=", "metadata": {"verified": "true"}}
    deposited = api.control("POST", f"/dossiers/{SEED_DOSSIER}/documents/I2/evidences", given)

    path = f"/dossiers/{SEED_DOSSIER}/documents/{DOCUMENT}"
    (evidence,) = content(api.get(f"{path}/evidences"))
    answer = api.get(f"{path}/files/{evidence['id']}")

    assert evidence["id"] == deposited["fileId"]
    assert evidence["metadata"] == {"verified": "true"}
    assert (answer.content_type, answer.data) == ("application/octet-stream", b"%PDF-")


@pytest.mark.parametrize("items", ["file", "document"])
def test_files_and_evidences_are_the_same_list(make_variant_api: MakeApi, items: str) -> None:
    api = make_variant_api(fileItems=items)
    dossier_id, document_id = next(
        (dossier["dossierId"], document["documentId"])
        for dossier in content(api.get("/dossiers", pageSize=200))
        for document in dossier["documents"]
        if len(document["evidences"]) > 1
    )

    files, evidences = (
        api.get(f"/dossiers/{dossier_id}/documents/{document_id}/{last}").json
        for last in ("files", "evidences")
    )

    assert files == evidences


# Bad tokens.


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_an_altered_token_is_forbidden(api: Api, forge: Callable[[Api], str]) -> None:
    answer = api.client.get(api.url(""), headers={"Authorization": f"Bearer {forge(api)}"})

    assert_protocol_error(answer, 403)
    assert "altered" in (answer.json or {})["message"]
    assert "WWW-Authenticate" not in answer.headers


@pytest.mark.parametrize("token", ["refused", "expired"])
def test_a_token_that_a_rule_refuses_is_unauthorized(api: Api, token: str) -> None:
    rule = {"name": "bad token", "when": {"operation": "listDossiers"}, "then": {"token": token}}
    api.control("POST", "/rules", {"rules": [rule]})

    assert_protocol_error(api.get("/dossiers"), 401)


def test_a_rule_on_a_path_also_matches_under_the_prefix_of_a_dialect(api: Api) -> None:
    when = {"path": f"/api/v1/account/119631/dossiers/{SEED_DOSSIER}"}
    api.control(
        "POST", "/rules", {"rules": [{"name": "away", "when": when, "then": {"respond": {"status": 503}}}]}
    )

    assert api.get(f"/dossiers/{SEED_DOSSIER}").status_code == 503
