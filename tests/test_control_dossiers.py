"""The dossiers of a sandbox as control calls show them: all accounts, by standing and by a part of a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support import SEED_DOSSIER, SIRET, Api

pytestmark = pytest.mark.dialects("rest")


def found(api: Api, **query: Any) -> dict[str, Any]:
    return dict(api.control("GET", f"/dossiers?{urlencode(query)}"))


def ids(api: Api, **query: Any) -> list[int]:
    return [row["dossierId"] for row in found(api, **query)["dossiers"]]


def test_the_dossiers_of_all_accounts_are_found_newest_first(api: Api) -> None:
    listed = found(api, limit=1000)

    numbers = [row["dossierId"] for row in listed["dossiers"]]
    assert numbers == sorted(numbers, reverse=True)
    assert listed["total"] == len(numbers) == sum(listed["counts"].values())
    assert {row["accountId"] for row in listed["dossiers"]} > {119631, 119700}


def test_the_list_has_an_offset_and_a_limit(api: Api) -> None:
    whole = ids(api, limit=1000)

    assert ids(api, offset=3, limit=2) == whole[3:5]
    assert len(ids(api)) == 50
    assert found(api, limit=0)["total"] == len(whole)


@pytest.mark.parametrize("standing", ["complete", "incomplete", "stopped"])
def test_dossiers_are_found_by_standing(api: Api, standing: str) -> None:
    listed = found(api, standing=standing, limit=1000)

    assert {row["standing"] for row in listed["dossiers"]} == {standing}
    assert len(listed["dossiers"]) == listed["total"] == listed["counts"][standing] > 0


def test_a_stopped_dossier_has_its_reason(api: Api) -> None:
    api.post(f"/dossiers/{SEED_DOSSIER}/stop")

    [row] = found(api, search=SEED_DOSSIER)["dossiers"]

    assert (row["standing"], row["stoppingReason"]) == ("stopped", "STOPREQUEST")


def test_a_row_and_a_dossier_have_all_documented_members(api: Api) -> None:
    row = {
        "dossierId": SEED_DOSSIER,
        "accountId": 119631,
        "dossierReference": "TEST",
        "standing": "incomplete",
        "stoppingReason": None,
        "stoppingDate": None,
        "expirationDate": None,
        "stateLastChangeDate": "2019-01-08T15:31:55.521",
        "thirdpartyId": 875,
        "thirdpartyCode": "123",
        "companyIdType": "CIT001",
        "companyIdValue": "50382936800045",
        "name": "E-ATTESTATIONS.COM",
        "documentsPresent": 0,
        "documentsAsked": 1,
    }
    document = {
        "documentId": 511394021,
        "documentCode": "I2",
        "label": "I2",
        "requestDate": "2019-01-08T15:31:55.486",
        "present": False,
        "evidences": [],
    }

    assert found(api, search="TEST", limit=1) == {
        "total": 1,
        "counts": {"complete": 0, "incomplete": 1, "stopped": 0},
        "dossiers": [row],
    }
    assert api.control("GET", f"/dossiers/{SEED_DOSSIER}") == row | {
        "description": "description_804127",
        "purchasingCategory": "",
        "startingDate": None,
        "outOfBusiness": False,
        "processId": None,
        "documents": [document],
        "answer": api.dossier(SEED_DOSSIER),
    }


NAMES = {
    "the id": "804127",
    "the reference in other capitals": "tesT",
    "a part of the company's name": "attestations.c",
    "a part of its number": "5038293680",
    "its VAT number": "FR69503829368",
    "the code that the account has for it": "123",
    "with spaces around": "  804127 ",
}


@pytest.mark.parametrize("text", NAMES.values(), ids=list(NAMES))
def test_a_dossier_is_found_by_a_part_of_its_names(api: Api, text: str) -> None:
    assert SEED_DOSSIER in ids(api, search=text, limit=1000)


def test_a_text_in_no_name_finds_nothing(api: Api) -> None:
    nothing = found(api, search="no dossier is called that")

    assert (nothing["total"], nothing["dossiers"]) == (0, [])
    assert set(nothing["counts"].values()) == {0}


def test_an_empty_sandbox_has_none(make_server_api: Callable[..., Api]) -> None:
    assert found(make_server_api(fixture="empty"))["total"] == 0


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({"standing": "archived"}, "standing is one of complete, incomplete, stopped, not 'archived'"),
        ({"limit": "many"}, "limit is a number such as 10, not 'many'"),
        ({"offset": "-1"}, "offset is a number such as 10, not '-1'"),
    ],
    ids=["standing", "limit", "offset"],
)
def test_a_wrong_filter_is_rejected_with_a_hint(api: Api, query: dict[str, str], detail: str) -> None:
    answer = api.client.get("/__admin/dossiers", query_string=query | {"sandbox": api.sandbox})

    assert (answer.status_code, (answer.json or {})["detail"]) == (400, detail)


def test_a_dossier_is_shown_with_its_documents_and_its_import(api: Api) -> None:
    process_id = api.launch(dossierReference="PO-7")
    api.advance("PT1S")
    dossier_id = ids(api, search="PO-7")[0]
    api.control(
        "POST", f"/dossiers/{dossier_id}/documents/ATT_VIGI/evidences", {"expirationDate": "2031-06-30"}
    )

    shown = api.control("GET", f"/dossiers/{dossier_id}")

    assert (shown["companyIdValue"], shown["dossierReference"]) == (SIRET, "PO-7")
    assert shown["processId"] == process_id
    answered = {row["documentCode"]: row for row in shown["documents"]}["ATT_VIGI"]
    assert answered["present"]
    assert answered["label"] == "Attestation de vigilance (6 mois)"
    [evidence] = answered["evidences"]
    assert evidence == {
        "evidenceId": evidence["evidenceId"],
        "uploadDate": api.control("GET", "/clock")["now"],
        "fileSize": 40000,
        "expirationDate": "2031-06-30",
        "valid": True,
        "formdata": 0,
    }
    assert shown["documentsPresent"] == 1
    assert shown["answer"] == api.dossier(dossier_id)


def test_the_documents_of_a_stopped_dossier_are_shown_though_the_api_hides_them(api: Api) -> None:
    api.post(f"/dossiers/{SEED_DOSSIER}/stop")

    shown = api.control("GET", f"/dossiers/{SEED_DOSSIER}")

    assert len(shown["documents"]) == shown["documentsAsked"] == 1
    assert shown["stoppingDate"] == api.control("GET", "/clock")["now"]
    assert shown["answer"]["documents"] == []


def test_an_expired_evidence_is_not_valid(api: Api) -> None:
    dossier_id = api.new_dossier()["dossierId"]
    api.control(
        "POST", f"/dossiers/{dossier_id}/documents/ATT_VIGI/evidences", {"expirationDate": "2031-06-30"}
    )
    api.set_clock("2031-07-01T12:00:00")

    documents = api.control("GET", f"/dossiers/{dossier_id}")["documents"]

    assert [one["valid"] for document in documents for one in document["evidences"]] == [False]


def test_a_dossier_that_no_account_has_is_not_found(api: Api) -> None:
    assert api.client.get(f"/__admin/dossiers/1?sandbox={api.sandbox}").status_code == 404


def test_a_document_has_the_english_label_or_else_the_french_one(api: Api) -> None:
    kinds = [
        {"documentId": 1, "code": "A", "labelFr": "Attestation", "labelEn": "Certificate"},
        {"documentId": 2, "code": "B", "labelFr": "Bilan"},
    ]
    documents = [{"documentCode": "A"}, {"documentCode": "B"}]
    dossier = {"siret": SIRET, "dossierReference": "A", "dossierId": 5, "documents": documents}
    recipe = {"version": 1, "requirements": kinds, "accounts": [{"accountId": 7}], "dossiers": [dossier]}
    api.control("PUT", "/fixture", {"recipe": recipe})

    shown = api.control("GET", "/dossiers/5")["documents"]

    assert [row["label"] for row in shown] == ["Certificate", "Bilan"]
