"""Stop, reactivation and requirements: what they change (behaviour.md 3.12 to 3.15, 6.7)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mock_server.app import create_app
from mock_server.settings import Settings
from tests.support import SEED_DOSSIER, SIRET, Api, codes, content

pytestmark = pytest.mark.dialects("rest", "edge")

STOPPED_AT = "2031-05-02T10:00:00.000"
DEFAULT_SET = ["ATT_VIGI", "JUSTIF_IMM", "LST_SAL_ETR"]

OUT_OF_BUSINESS = f"""
version: 1
include: [catalogue]
defaultAccount: 119631
accounts: [{{accountId: 119631}}]
thirdparties: [{{siret: "{SIRET}", outOfBusiness: true}}]
dossiers:
  - {{dossierId: 5, siret: "{SIRET}", dossierReference: "CLOSED", stoppingReason: OUTOFBUSINESS,
     stoppingDate: "2025-01-01T08:00:00", expirationDate: "2025-06-01"}}
"""


def stopped(api: Api, **members: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Import a dossier, and stop it at `STOPPED_AT`: as it was before, and as it is since."""
    api.set_clock("2031-05-01T10:00:00")
    before = api.new_dossier(**members)
    api.set_clock(STOPPED_AT)
    assert api.post(f"/dossiers/{before['dossierId']}/stop").status_code == 200
    return before, api.dossier(before["dossierId"])


def documents_of(api: Api, dossier_id: int) -> dict[str, int]:
    """The document asked for each code of a dossier, in order."""
    return {
        document["documentCode"]: document["documentId"]
        for document in content(api.get(f"/dossiers/{dossier_id}/documents"))
    }


def test_a_stopped_dossier_differs_only_in_what_a_stop_ends(api: Api) -> None:
    before, after = stopped(api)

    assert after == before | {
        "monitored": False,
        "stoppingDate": STOPPED_AT,
        "stoppingReason": "STOPREQUEST",
        "state": None,
        "stateLastChangeDate": None,
        "documents": [],
        **api.edge_only(isMonitored="false"),
    }


@pytest.mark.parametrize(("data", "kind"), [("{broken", "application/json"), ("a=b", "text/plain")])
def test_a_stop_ignores_its_body(api: Api, data: str, kind: str) -> None:
    answer = api.send("POST", api.url(f"/dossiers/{SEED_DOSSIER}/stop"), data=data, content_type=kind)

    assert answer.status_code == 200


def test_a_third_party_whose_last_dossier_was_stopped_is_not_monitored(api: Api) -> None:
    _, dossier = stopped(api)

    details = content(api.get(f"/thirdparties/{dossier['thirdpartyId']}"))
    assert [details[name] for name in ("monitored", "thirdpartyGlobalState", "stateLastChangeDate")] == [
        False,
        None,
        None,
    ]


def test_a_third_party_with_another_active_dossier_stays_monitored(api: Api) -> None:
    api.new_dossier(dossierReference="PO-2")

    _, dossier = stopped(api)

    assert content(api.get(f"/thirdparties/{dossier['thirdpartyId']}"))["monitored"] is True


def test_a_reactivated_dossier_is_as_before_with_new_request_dates(api: Api) -> None:
    before, _ = stopped(api)
    api.set_clock("2031-05-03T11:00:00")

    assert api.post(f"/dossiers/{before['dossierId']}/reactivate").status_code == 200

    renewed = "2031-05-03T11:00:00.000"
    after = api.dossier(before["dossierId"])
    assert after == before | {
        "stateLastChangeDate": after["stateLastChangeDate"],
        "documents": [document | {"requestDate": renewed} for document in before["documents"]],
    }


@pytest.mark.parametrize(
    ("body", "until"),
    [
        pytest.param(None, "2031-06-01T00:00:00.000", id="no body keeps the date"),
        pytest.param({}, "2031-06-01T00:00:00.000", id="an empty object keeps the date"),
        pytest.param({"expirationDate": "2031-07-01"}, "2031-07-01T00:00:00.000", id="another date"),
        pytest.param({"expirationDate": "2031-05-03"}, "2031-05-03T00:00:00.000", id="tomorrow"),
        pytest.param({"expirationDate": None}, None, id="null removes the date"),
        pytest.param({"until": "2001-01-01"}, "2031-06-01T00:00:00.000", id="unknown members are ignored"),
    ],
)
def test_a_reactivation_lasts_until_the_date_given_else_the_one_stored(
    api: Api, body: Any, until: str | None
) -> None:
    before, _ = stopped(api, expirationDate="2031-06-01")

    assert api.post(f"/dossiers/{before['dossierId']}/reactivate", body).status_code == 200

    assert api.dossier(before["dossierId"])["expirationDate"] == until


@pytest.mark.parametrize("body", [{"expirationDate": None}, {"expirationDate": "2031-07-01"}])
def test_an_expired_dossier_can_be_reactivated_with_a_new_date_or_none(api: Api, body: Any) -> None:
    api.set_clock("2031-05-01T10:00:00")
    dossier = api.new_dossier(expirationDate="2031-05-02")
    api.set_clock("2031-05-03T10:00:00")

    assert api.post(f"/dossiers/{dossier['dossierId']}/reactivate", body).status_code == 200

    assert api.dossier(dossier["dossierId"])["monitored"] is True


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({"expirationDate": None}, ["E103"], id="closed"),
        pytest.param(None, ["E103", "E205"], id="closed, and the stored date is past"),
        pytest.param({"expirationDate": "soon"}, ["E010"], id="no date"),
    ],
)
def test_a_dossier_of_a_closed_establishment_is_not_reactivated(
    make_recipe_api: Callable[..., Api], body: Any, expected: list[str]
) -> None:
    api = make_recipe_api(OUT_OF_BUSINESS)

    answer = api.post("/dossiers/5/reactivate", body)

    assert [answer.status_code, codes(answer)] == [400, expected]
    assert api.dossier(5)["stoppingReason"] == "OUTOFBUSINESS"


def test_the_condition_of_an_establishment_prevents_a_reactivation(
    make_server_api: Callable[..., Api],
) -> None:
    closed = f'thirdparties: [{{siret: "{SIRET}", outOfBusiness: true}}]'
    api = make_server_api(
        OUT_OF_BUSINESS.replace(closed, f'establishments: [{{siret: "{SIRET}", condition: closed}}]')
    )

    answer = api.post("/dossiers/5/reactivate", {"expirationDate": None})

    assert [answer.status_code, codes(answer)] == [400, ["E103"]]


# Requirements


@pytest.mark.dialects("rest")
def test_the_requirements_of_a_dossier_name_its_types(api: Api) -> None:
    dossier = api.new_dossier(requiredDocuments=["LST_SAL_ETR"])

    assert content(api.get(f"/dossiers/{dossier['dossierId']}/requirements")) == [
        {
            "documentId": 5,
            "accountId": 119631,
            "code": "LST_SAL_ETR",
            "name": "Autorisationsdetravail",
            "dossierId": dossier["dossierId"],
        }
    ]


def test_a_stopped_dossier_has_no_requirements(api: Api) -> None:
    _, dossier = stopped(api)

    assert content(api.get(f"/dossiers/{dossier['dossierId']}/requirements")) == []


@pytest.mark.dialects("rest")
@pytest.mark.parametrize(
    "wrap", [list, lambda codes: {"newRequiredDocuments": codes}], ids=["array", "object"]
)
def test_new_requirements_replace_the_previous_ones(api: Api, wrap: Callable[[list[str]], Any]) -> None:
    dossier = api.new_dossier()

    answer = api.post(f"/dossiers/{dossier['dossierId']}/requirements", wrap(["I2", "ATT_VIGI"]))

    assert answer.status_code == 200
    assert set(documents_of(api, dossier["dossierId"])) == {"I2", "ATT_VIGI"}


@pytest.mark.dialects("rest")
def test_a_requirement_that_stays_keeps_its_document(api: Api) -> None:
    dossier = next(
        dossier
        for dossier in content(api.get("/dossiers", monitored="true", pageSize=200))
        if api.files(dossier["documents"][0])
    )
    kept = dossier["documents"][0]

    api.post(f"/dossiers/{dossier['dossierId']}/requirements", ["NIT0RSS", kept["documentCode"]])

    documents = api.dossier(dossier["dossierId"])["documents"]
    assert kept in documents
    assert len(documents) == 2


@pytest.mark.dialects("rest")
def test_a_new_requirement_is_asked_now_and_not_present(api: Api) -> None:
    api.set_clock("2031-05-02T10:00:00")

    api.post(f"/dossiers/{SEED_DOSSIER}/requirements", ["NIT0RSS"])

    (document,) = api.dossier(SEED_DOSSIER)["documents"]
    assert document == {
        "documentId": document["documentId"],
        "documentCode": "NIT0RSS",
        "name": "NIT0RSS",
        "requestDate": "2031-05-02T10:00:00.000",
        "present": False,
        "listFileInformation": [],
    }


@pytest.mark.dialects("rest")
def test_a_dropped_requirement_that_returns_gets_a_new_document(api: Api) -> None:
    dossier_id = api.new_dossier()["dossierId"]
    first = documents_of(api, dossier_id)["ATT_VIGI"]
    api.post(f"/dossiers/{dossier_id}/requirements", ["I2"])

    api.post(f"/dossiers/{dossier_id}/requirements", ["ATT_VIGI"])

    assert documents_of(api, dossier_id)["ATT_VIGI"] != first


def test_a_requirement_given_twice_counts_once(api: Api) -> None:
    api.post(f"/dossiers/{SEED_DOSSIER}/requirements", ["I2", "ATT_VIGI", "I2"])

    assert len(documents_of(api, SEED_DOSSIER)) == 2


def test_new_requirements_are_evaluated_again(api: Api) -> None:
    api.set_clock("2031-05-02T10:00:00")

    api.post(f"/dossiers/{SEED_DOSSIER}/requirements", ["ATT_VIGI"])

    (indicator,) = api.dossier(SEED_DOSSIER)["indicators"]
    assert indicator == {
        "indicatorCode": "I001",
        "state": False,
        "lastChangeDate": "2031-05-02T10:00:00.000",
        **api.edge_only(isComplete="false"),
    }


@pytest.mark.dialects("rest")
def test_dropping_what_was_missing_completes_a_dossier(api: Api) -> None:
    dossier = next(
        dossier
        for dossier in content(api.get("/dossiers", monitored="true", pageSize=200))
        if not dossier["state"] and any(document["present"] for document in dossier["documents"])
    )
    present = [document["documentCode"] for document in dossier["documents"] if document["present"]]
    api.advance("PT1H")

    api.post(f"/dossiers/{dossier['dossierId']}/requirements", present)

    after = api.dossier(dossier["dossierId"])
    assert after["state"] is True
    assert after["stateLastChangeDate"] == api.control("GET", "/clock")["now"]


def test_requirements_do_not_change_those_of_other_dossiers(api: Api) -> None:
    other = api.new_dossier(dossierReference="PO-2")

    api.post(f"/dossiers/{api.new_dossier()['dossierId']}/requirements", ["I2"])

    assert list(documents_of(api, other["dossierId"])) == DEFAULT_SET


TWICE = """\
version: 1
include: [catalogue]
accounts: [{accountId: 119631}]
dossiers:
  - dossierId: 7
    siret: "99050000100013"
    dossierReference: "-"
    documents:
      - {documentCode: ATT_VIGI, documentId: 1}
      - {documentCode: ATT_VIGI, documentId: 2}
  - {siret: "99050000100013", dossierReference: "-"}
"""


@pytest.mark.parametrize("mode", ["replace", "add"])
def test_a_code_listed_twice_keeps_both_its_documents(tmp_path: Path, mode: str) -> None:
    recipe = tmp_path / "twice.yaml"
    recipe.write_text(TWICE, encoding="utf-8")
    settings = Settings(fixture=str(recipe), variants={"requirementsUpdate": mode})
    api = Api(create_app(settings).test_client(), "default")

    api.post("/dossiers/7/requirements", ["ATT_VIGI", "RIB_IBAN"])

    documents = api.dossier(7)["documents"]
    assert [document["documentId"] for document in documents][:2] == [1, 2]
    assert [document["documentCode"] for document in documents] == ["ATT_VIGI", "ATT_VIGI", "RIB_IBAN"]
