"""Every member of every resource of EDGE, in order, with its value (behaviour.md 4, columns edge)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import pytest

from tests.support import SEED_DOSSIER, SIRET, Api, content

pytestmark = pytest.mark.dialects("edge")

RECIPE = f"""
version: 1
include: [catalogue]
defaultAccount: 119631
accounts: [{{accountId: 119631}}]
thirdparties: [{{siret: "{SIRET}", thirdpartyId: 3}}]
dossiers:
  - dossierId: 10
    siret: "{SIRET}"
    dossierReference: "PO-10"
    description: "Sites"
    purchasingCategory: "BTP"
    thirdpartyCode: "F3"
    startingDate: "2025-01-08T15:31:55.400"
    stateLastChangeDate: "2025-01-09T10:00:00"
    indicatorLastChangeDate: "2025-02-01T08:30:00.123"
    documents:
      - documentId: 100
        documentCode: ATT_VIGI
        requestDate: "2025-01-08T15:31:55.486"
        files:
          - {{fileId: 1000, fileSize: 2048, uploadDate: "2025-02-01T08:30:00.123",
             fileCreation: "2025-02-01T08:30:00.100", fileUUID: "022a76f6-a406-4b60-84c0-b7de4b5f1f7e",
             metadata: {{siren: "990500001", verified: "true", date_verification: "01/02/2025"}}}}
      - documentId: 101
        documentCode: LST_SAL_ETR
        requestDate: "2025-01-08T15:31:55.487"
        files:
          - fileId: 1001
            uploadDate: "2025-02-02T08:30:00"
            fileCreation: "2025-02-02T08:30:00"
            expirationDate: "2099-06-30"
            formdata:
              - {{type: text, key: f_1_nom_0, title: "Nom", order: 0, value: "Durand"}}
              - {{type: checkbox, key: f_1_oui_1, title: "D'accord ?", order: 1, value: "true"}}
      - {{documentId: 102, documentCode: I2, requestDate: "2025-01-08T15:31:55.488"}}
"""

FIGURES = [
    *("numberOfThirdparties", "numberOfSubscribedThirdparties", "numberOfCompleteThirdparties"),
    *("numberOfDossiers", "numberOfCompleteDossiers"),
]
IDENTITY = [
    ("companyIdType", "CIT001"),
    ("companyIdValue", "50382936800045"),
    ("thirdpartyCode", "123"),
    ("siren", "503829368"),
    ("siret", "50382936800045"),
    ("tva", "FR69503829368"),
]
COMPANY = [
    ("name", "E-ATTESTATIONS.COM"),
    ("dateCreation", "2010-11-24"),
    ("legalCategoryLabel", "Société par actions simplifiée"),
    ("legalCategoryCode", "5710"),
    ("acronym", None),
    ("activityLabel", "Edition de logiciels applicatifs"),
    ("activityCode", "5829C"),
    ("ceo", "DUPONT Jeanne"),
    ("capital", 3642000),
    ("capitalCurrency", "EUR"),
    ("turnover", 2771996.0),
    ("turnoverCurrency", "EUR"),
    ("lastBalanceSheetDate", "2017-12-31"),
    ("workforce", 13),
]
ADDRESS = [("addressCity", "MASSY"), ("addressPostCode", "91300"), ("addressCountryCode", "FR")]
STANDING = [
    ("monitored", True),
    ("subscriptionState", True),
    ("subscriptionDate", "2010-11-24"),
    ("subscriptionKey", "7K2M9QX4TB1Z"),
    ("outOfBusiness", False),
    ("thirdpartyGlobalState", False),
    ("stateLastChangeDate", "2019-01-08"),
]
COUNTERPARTS = [
    ("active", True),
    ("isMonitored", "true"),
    ("isOutOfBusiness", "false"),
    ("isRegistered", "true"),
    ("isActive", "true"),
    ("isComplete", "false"),
]
FILE = [
    ("id", 1000),
    ("uploadDate", "2025-02-01T08:30:00.123"),
    ("fileUUID", "022a76f6-a406-4b60-84c0-b7de4b5f1f7e"),
    ("fileCreation", "2025-02-01T08:30:00.100"),
    ("fileSize", 2048),
    ("expirationDate", "2099-12-31T23:59:59.999"),
    ("metadata", {"siren": "990500001", "verified": "true", "date_verification": "01/02/2025"}),
    ("formdata", []),
]
VERSION_4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
FORM = [
    ("id", 1001),
    ("uploadDate", "2025-02-02T08:30:00.000"),
    ("fileUUID", None),
    ("fileCreation", "2025-02-02T08:30:00.000"),
    ("fileSize", 0),
    ("expirationDate", "2099-06-30T23:59:59.999"),
    ("metadata", {}),
    (
        "formdata",
        [
            {"type": "text", "key": "f_1_nom_0", "title": "Nom", "order": 0, "value": "Durand"},
            {"type": "checkbox", "key": "f_1_oui_1", "title": "D'accord ?", "order": 1, "value": "true"},
        ],
    ),
]


@pytest.fixture
def recipe_api(make_server_api: Callable[..., Api]) -> Api:
    """An api of a server that starts from `RECIPE`."""
    return make_server_api(RECIPE)


def test_the_figures_name_their_account(api: Api) -> None:
    figures = content(api.get(""))

    assert list(figures) == ["accountId", *FIGURES, "listIndicatorsStatistics"]
    assert figures["accountId"] == 119631
    assert list(figures["listIndicatorsStatistics"][0]) == ["indicatorCode", *FIGURES]


def test_a_third_party_in_the_list_has_its_address(api: Api) -> None:
    (row,) = content(api.get("/thirdparties", siren="503829368"))

    assert list(row.items()) == [("thirdpartyId", 875), *IDENTITY, *COMPANY, *ADDRESS]


def test_a_third_party_in_detail_has_a_text_counterpart_of_every_boolean(api: Api) -> None:
    detail = content(api.get("/thirdparties/875"))

    users = detail.pop("thirdpartyUsers")
    street = ("addressStreet", "1 rue de l'Exemple")
    expected = [("thirdpartyId", 875), ("accountId", 119631), *IDENTITY, *COMPANY, street, *ADDRESS]
    assert list(detail.items()) == [*expected, *STANDING, *COUNTERPARTS]
    assert list(users[0].items()) == [
        ("firstname", "Jeanne"),
        ("lastname", "Dupont"),
        ("email", "jeanne.dupont@example.com"),
        ("phone", "+33 1 99 00 12 34"),
    ]


@pytest.mark.parametrize(
    ("happens", "expected"),
    [
        pytest.param((), ("true", "false", "true", "true", "false", False), id="incomplete"),
        pytest.param(("stop",), ("false", "false", "true", "true", "n/a", None), id="not monitored"),
        pytest.param(("close",), ("false", "true", "true", "false", "n/a", None), id="closed"),
        pytest.param(("answer",), ("true", "false", "true", "true", "true", True), id="complete"),
    ],
)
def test_the_counterparts_of_a_third_party_follow_its_state(
    api: Api, happens: tuple[str, ...], expected: tuple[Any, ...]
) -> None:
    acts: dict[str, Callable[[], object]] = {
        "stop": lambda: api.post(f"/dossiers/{SEED_DOSSIER}/stop"),
        "close": lambda: api.control("POST", "/thirdparties/875/close"),
        "answer": lambda: api.control("POST", f"/dossiers/{SEED_DOSSIER}/documents/I2/evidences", {}),
    }
    [acts[act]() for act in happens]

    detail = content(api.get("/thirdparties/875"))

    names = ("isMonitored", "isOutOfBusiness", "isRegistered", "isActive", "isComplete")
    assert tuple(detail[name] for name in (*names, "thirdpartyGlobalState")) == expected


def test_a_dossier_has_each_counterpart_right_after_its_boolean(recipe_api: Api) -> None:
    dossier = recipe_api.dossier(10)

    documents = dossier.pop("documents")
    assert list(dossier.items()) == [
        ("dossierId", 10),
        ("accountId", 119631),
        ("siren", "990500001"),
        ("siret", SIRET),
        ("tva", "FR75990500001"),
        ("thirdpartyId", 3),
        ("companyIdType", "CIT001"),
        ("companyIdValue", SIRET),
        ("thirdpartyCode", "F3"),
        ("companyCountryCode", "FR"),
        ("monitored", True),
        ("isMonitored", "true"),
        ("dossierReference", "PO-10"),
        ("description", "Sites"),
        ("purchasingCategory", "BTP"),
        ("startingDate", "2025-01-08T15:31:55.400"),
        ("expirationDate", None),
        ("stoppingDate", None),
        ("stoppingReason", "NA"),
        ("state", False),
        ("isComplete", "false"),
        ("stateLastChangeDate", "2025-01-09T10:00:00.000"),
        (
            "indicators",
            [
                {
                    "indicatorCode": "I001",
                    "state": True,
                    "isComplete": "true",
                    "lastChangeDate": "2025-02-01T08:30:00.123",
                }
            ],
        ),
    ]
    assert documents == content(recipe_api.get("/dossiers/10/documents"))


def test_a_document_has_its_name_in_both_languages_and_a_text_counterpart(recipe_api: Api) -> None:
    answered, by_form, open_ = content(recipe_api.get("/dossiers/10/documents"))

    assert list(answered.items())[:-1] == [
        ("documentId", 100),
        ("documentCode", "ATT_VIGI"),
        ("documentName", "Attestation de vigilance (6 mois)"),
        ("documentNameEn", "Attestation de vigilance (6 mois)"),
        ("requestDate", "2025-01-08T15:31:55.486"),
        ("present", True),
        ("isPresent", "true"),
    ]
    assert list(by_form.items())[2:4] == [
        ("documentName", "Liste nominative des salariés étrangers soumis à autorisation de travail"),
        ("documentNameEn", "List of names of posted workers subjected to work permit"),
    ]
    assert [open_["present"], open_["isPresent"], open_["evidences"]] == [False, "false", []]


@pytest.mark.parametrize("last", ["files", "evidences"])
def test_an_evidence_has_its_file_and_metadata(recipe_api: Api, last: str) -> None:
    (evidence,) = content(recipe_api.get(f"/dossiers/10/documents/100/{last}"))

    assert list(evidence.items()) == FILE


@pytest.mark.parametrize("last", ["files", "evidences"])
def test_an_evidence_that_is_a_form_has_no_file(recipe_api: Api, last: str) -> None:
    (evidence,) = content(recipe_api.get(f"/dossiers/10/documents/101/{last}"))

    assert list(evidence.items()) == FORM


def test_a_document_has_its_evidences(recipe_api: Api) -> None:
    documents = content(recipe_api.get("/dossiers/10/documents"))

    assert [document["evidences"] for document in documents] == [[dict(FILE)], [dict(FORM)], []]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("022a76f6-a406-4b60-84c0-b7de4b5f1f7e", "022a76f6-a406-4b60-84c0-b7de4b5f1f7e"),
        ("022A76F6A4064B6084C0B7DE4B5F1F7E", "022a76f6-a406-4b60-84c0-b7de4b5f1f7e"),
        ("a1" * 20, VERSION_4),
        ("scan-7", VERSION_4),
    ],
    ids=["a UUID", "a UUID without dashes", "40 hex digits", "anything else"],
)
def test_the_id_of_a_file_is_a_uuid_for_any_value_of_the_recipe(
    make_server_api: Callable[..., Api], given: str, shown: str
) -> None:
    api = make_server_api(RECIPE.replace("022a76f6-a406-4b60-84c0-b7de4b5f1f7e", given))

    (evidence,) = content(api.get("/dossiers/10/documents/100/evidences"))

    assert re.fullmatch(shown, evidence["fileUUID"])


def test_every_generated_file_has_a_unique_uuid(api: Api) -> None:
    documents = chain.from_iterable(
        dossier["documents"] for dossier in content(api.get("/dossiers", pageSize=200))
    )
    found = [evidence["fileUUID"] for document in documents for evidence in document["evidences"]]

    assert [each for each in found if not re.fullmatch(VERSION_4, each or "")] == []
    assert len(set(found)) == len(found) > 100


def test_a_requirement_of_the_account_has_a_slug_for_its_name(api: Api) -> None:
    by_code = {row["code"]: row for row in content(api.get("/requirements"))}

    assert list(by_code["LST_SAL_ETR"].items())[:6] == [
        ("documentId", 5),
        ("accountId", 119631),
        ("code", "LST_SAL_ETR"),
        ("name", "Autorisationsdetravail"),
        ("descriptionCategoryFr", "REGULARITE SOCIALE"),
        ("descriptionCategoryEn", "Social regularity"),
    ]
    assert list(by_code["LST_SAL_ETR"])[6:] == ["descriptionFr", "descriptionEn"]


def test_a_requirement_of_a_dossier_has_its_label_in_both_languages(recipe_api: Api) -> None:
    rows = content(recipe_api.get("/dossiers/10/requirements"))

    assert list(rows[1].items()) == [
        ("documentId", 5),
        ("accountId", 119631),
        ("code", "LST_SAL_ETR"),
        ("name", "Liste nominative des salariés étrangers soumis à autorisation de travail"),
        ("nameEn", "List of names of posted workers subjected to work permit"),
        ("dossierId", 10),
    ]
    assert rows[0]["nameEn"] == rows[0]["name"] == "Attestation de vigilance (6 mois)"


WANTED = {
    "companyIdValue": SIRET,
    "dossierReference": " PO 7 ",
    "thirdpartyCode": "F7",
    "description": "Sites",
    "purchasingCategory": "BTP",
    "expirationDate": "2031-06-30",
    "requiredDocuments": ["I2", "ATT_VIGI", "I2"],
    "thirdpartyEmail": ["a@example.com", "b@example.com"],
    "userInCharge": ["c@example.com"],
}
PARAMS = {
    "requiredDocuments": "I2;ATT_VIGI",
    "companyIDValue": SIRET,
    "companyIDType": "CIT001",
    "purchasingCategory": "BTP",
    "userInCharge": "c@example.com",
    "supplierCode": "F7",
    "supplierEmail": "a@example.com;b@example.com",
    "expirationDate": "2031-06-30",
    "description": "Sites",
    "dossierReference": "PO7",
}


def test_a_process_has_its_parameters_and_its_outcome_in_two_forms(api: Api) -> None:
    api.set_clock("2031-05-02T10:00:00")
    process_id = api.launch(**WANTED)
    running = api.process(process_id)
    api.advance("PT1S")

    assert list(running.items()) == [
        ("processId", process_id),
        ("creation", "2031-05-02T10:00:00.000"),
        ("complete", False),
        ("success", False),
        ("isComplete", "false"),
        ("isSuccessful", "false"),
        ("errors", []),
        ("params", PARAMS),
    ]
    done = {"complete": True, "success": True, "isComplete": "true", "isSuccessful": "true"}
    assert api.process(process_id) == running | done
    assert content(api.get("/dossiers/processes")) == [running | done]


def test_a_member_that_an_import_left_out_is_an_empty_text_in_its_params(api: Api) -> None:
    params = api.process(api.launch())["params"]

    given = {"companyIDType": "CIT001", "companyIDValue": SIRET, "dossierReference": "PO-1"}
    assert params == dict.fromkeys(PARAMS, "") | given


def test_the_launch_of_an_import_returns_only_its_process(api: Api) -> None:
    assert list(content(api.try_import())) == ["processId"]


# JSON types of all members.


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value in an answer that holds no other, with the name of its member."""
    if isinstance(value, dict):
        yield from chain.from_iterable(leaves(inner, name) for name, inner in value.items())
    elif isinstance(value, list):
        yield from chain.from_iterable(leaves(inner, path) for inner in value)
    else:
        yield path, value


def test_every_counterpart_is_the_text_of_its_boolean(api: Api) -> None:
    for dossier in content(api.get("/dossiers/all")):
        counterparts = {name: value for name, value in leaves(dossier) if re.match("is[A-Z]", name)}
        assert set(counterparts.values()) <= {"true", "false"}
        assert dossier["isMonitored"] == str(dossier["monitored"]).lower()
        assert not dossier["monitored"] or dossier["isComplete"] == str(dossier["state"]).lower()
        assert all(
            document["isPresent"] == str(document["present"]).lower() for document in dossier["documents"]
        )


def test_a_stopped_dossier_keeps_the_counterpart_of_its_last_state(api: Api) -> None:
    api.control("POST", f"/dossiers/{SEED_DOSSIER}/documents/I2/evidences", {})
    assert api.dossier(SEED_DOSSIER)["isComplete"] == "true"

    api.post(f"/dossiers/{SEED_DOSSIER}/stop")

    stopped = api.dossier(SEED_DOSSIER)
    assert [stopped[name] for name in ("monitored", "isMonitored", "state", "isComplete")] == [
        False,
        "false",
        None,
        "true",
    ]


def test_a_stopped_dossier_differs_from_the_active_one_in_seven_members(api: Api) -> None:
    before = api.dossier(SEED_DOSSIER)
    api.set_clock("2031-05-02T10:00:00")

    api.post(f"/dossiers/{SEED_DOSSIER}/stop")

    after = api.dossier(SEED_DOSSIER)
    assert {name: after[name] for name in after if after[name] != before[name]} == {
        "monitored": False,
        "isMonitored": "false",
        "stoppingDate": "2031-05-02T10:00:00.000",
        "stoppingReason": "STOPREQUEST",
        "state": None,
        "stateLastChangeDate": None,
        "documents": [],
    }


def test_a_duns_is_accepted_and_returned_only_in_the_params(api: Api) -> None:
    process_id = api.launch(companyIdType="CIT003", companyIdValue="123456789")
    api.advance("PT1S")

    (dossier,) = content(api.get("/dossiers", companyIdType="CIT003", companyIdValue="123456789"))
    detail = content(api.get(f"/thirdparties/{dossier['thirdpartyId']}"))
    assert [dossier["companyIdValue"], detail["companyIdValue"]] == [None, None]
    assert api.process(process_id)["params"]["companyIDValue"] == "123456789"
