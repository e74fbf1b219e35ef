"""The vendor's sample requests get what they expect from the fixture `samples`, in both dialects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support import Api, content

pytestmark = pytest.mark.dialects("rest", "edge")

VIGILANCE = ["ATT_VIGI", "JUSTIF_IMM", "LST_SAL_ETR"]


@pytest.fixture
def samples(make_server_api: Callable[..., Api]) -> Api:
    """The samples' user, on a server with the two variants that the samples assume."""
    return make_server_api(fixture="samples", variants={"refusals": "result", "fileItems": "document"})


def found(api: Api, path: str, **query: Any) -> list[dict[str, Any]]:
    answer = api.get(path, **query)
    assert answer.status_code == 200, answer.text
    return list(content(answer))


def first_dossier(api: Api) -> dict[str, Any]:
    return found(api, "/dossiers")[0]


def test_the_account_and_its_requirements_are_there(samples: Api) -> None:
    [account] = content(samples.send("GET", f"{samples.wire.prefix}/account"))
    statistics = content(samples.get(""))
    requirements = [each["code"] for each in found(samples, "/requirements")]

    assert (account["id"], statistics["numberOfDossiers"], statistics["numberOfThirdparties"]) == (
        119631,
        3,
        3,
    )
    assert set(VIGILANCE) <= set(requirements)


def test_each_search_for_a_third_party_finds_exactly_one(samples: Api) -> None:
    searches = {"siret": "50382936800045", "tva": "FR29380716696", "name": "JAM CONSEIL"}
    ids = []
    for name, value in searches.items():
        [thirdparty] = found(samples, "/thirdparties", **{name: value})
        detail = content(samples.get(f"/thirdparties/{thirdparty['thirdpartyId']}"))
        assert detail[name] == thirdparty[name] == value
        ids.append(thirdparty["thirdpartyId"])

    assert len(set(ids)) == len(found(samples, "/thirdparties")) == 3
    assert samples.hits("/thirdparties", name="JAM") == []


def test_the_first_dossier_is_active_and_one_of_its_three_documents_has_a_file(samples: Api) -> None:
    first = first_dossier(samples)
    [by_siren] = found(samples, "/dossiers", siren="503829368")
    dossier = content(samples.get(f"/dossiers/{first['dossierId']}"))
    documents = found(samples, f"/dossiers/{first['dossierId']}/documents")

    assert first["dossierId"] == by_siren["dossierId"] == dossier["dossierId"]
    assert (dossier["monitored"], dossier["state"]) == (True, False)
    assert [document["documentCode"] for document in documents] == VIGILANCE
    assert [document["present"] for document in documents] == [True, False, False]


def test_the_file_of_the_first_document_is_downloaded_by_the_ids_of_the_answers(samples: Api) -> None:
    dossier = first_dossier(samples)
    path = f"/dossiers/{dossier['dossierId']}/documents/{dossier['documents'][0]['documentId']}"
    [item] = found(samples, f"{path}/files")
    [file] = item["listFileInformation"]
    downloaded = samples.get(f"{path}/files/{samples.file_id(file)}")

    assert item["documentId"] == dossier["documents"][0]["documentId"]
    assert downloaded.status_code == 200
    assert downloaded.data.startswith(b"%PDF-")
    assert len(downloaded.data) == file["fileSize"]
    for document in dossier["documents"][1:]:
        answer = samples.get(f"/dossiers/{dossier['dossierId']}/documents/{document['documentId']}/files")
        assert content(answer) == []


def test_a_sample_import_ends_with_a_dossier(samples: Api) -> None:
    process = samples.launch(
        companyIdType="CIT001", companyIdValue="38071669600063", dossierReference="SAMPLE/1#2"
    )
    samples.advance("PT1S")
    report = content(samples.get(f"/dossiers/process/{process}"))
    assert (report["complete"], report["success"], report["errors"]) == (True, True, [])

    processes = found(samples, "/dossiers/processes", fromDate="2019-01-01")
    [dossier] = found(samples, "/dossiers", dossierReference="SAMPLE/1#2")
    assert [each["processId"] for each in processes] == [process]
    assert [document["documentCode"] for document in dossier["documents"]] == VIGILANCE


def test_the_sample_commands_follow_one_another_on_the_first_dossier(samples: Api) -> None:
    path = f"/dossiers/{first_dossier(samples)['dossierId']}"
    commands: list[tuple[str, Any, list[str]]] = [
        (path, {"dossierReference": "SAMPLE", "description": "changed"}, []),
        (f"{path}/requirements", ["ATT_VIGI", "JUSTIF_IMM"], []),
        (f"{path}/reactivate", {"expirationDate": None}, ["E204"]),
        (f"{path}/stop", None, []),
        (f"{path}/stop", None, ["E201"]),
        (path, {"dossierReference": "SAMPLE"}, ["E201"]),
        (f"{path}/reactivate", {"expirationDate": "2099-12-31"}, []),
    ]

    for command, body, refused in commands:
        answer = samples.post(command, body)
        result = content(answer)
        assert (answer.status_code, result["success"]) == (200, not refused), answer.text
        assert [error["code"] for error in result["errors"]] == refused
        assert ("messages" in (answer.json or {})) is bool(refused)

    dossier = content(samples.get(path))
    assert (dossier["monitored"], dossier["dossierReference"]) == (True, "SAMPLE")
    assert set(VIGILANCE[:2]) <= {each["code"] for each in found(samples, f"{path}/requirements")}


@pytest.mark.dialects("edge")
def test_a_sample_search_by_expression_finds_the_same_third_party(samples: Api) -> None:
    [by_name] = found(samples, "/thirdparties", name="JAM CONSEIL")
    [by_expression] = found(samples, "/thirdparties/q", search="( name:JAM CONSEIL AND isMonitored:true )")

    assert by_expression["thirdpartyId"] == by_name["thirdpartyId"]
