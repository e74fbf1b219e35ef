"""The page the project was asked for from: each of its statements, and the test that shows it."""

from __future__ import annotations

from collections.abc import Callable

from tests.support import OTHER_SIRET, SEED_DOSSIER, SIRET, Api, codes, content

EXAMPLE = {
    "content": [
        {
            "dossierId": 804127,
            "accountId": 119631,
            "siren": "503829368",
            "siret": "50382936800045",
            "tva": "FR69503829368",
            "thirdpartyId": 875,
            "companyIdType": "CIT001",
            "companyIdValue": "50382936800045",
            "thirdpartyCode": "123",
            "companyCountryCode": "FR",
            "monitored": True,
            "dossierReference": "TEST",
            "description": "description_804127",
            "purchasingCategory": "",
            "startingDate": None,
            "expirationDate": None,
            "stoppingDate": None,
            "stoppingReason": "NA",
            "state": False,
            "stateLastChangeDate": "2019-01-08T15:31:55.521",
            "indicators": [
                {"indicatorCode": "I001", "state": True, "lastChangeDate": "2018-07-16T11:04:59.806"}
            ],
            "documents": [
                {
                    "documentId": 511394021,
                    "documentCode": "I2",
                    "name": "I2",
                    "requestDate": "2019-01-08T15:31:55.486",
                    "present": False,
                    "listFileInformation": [],
                }
            ],
        }
    ],
    "page": 0,
    "size": 10,
    "totalElements": 1,
}


def ordered(value: object) -> object:
    """JSON with its members in the order in which they stand."""
    if isinstance(value, dict):
        return [(name, ordered(member)) for name, member in value.items()]
    return [ordered(item) for item in value] if isinstance(value, list) else value


def test_the_example_request_gets_the_example_answer_member_by_member_and_in_order(api: Api) -> None:
    answer = api.get("/dossiers", siren="503829368")

    assert ordered(answer.json) == ordered(EXAMPLE)


def test_a_dossier_is_the_relation_of_one_client_and_one_third_party(api: Api) -> None:
    dossier = api.new_dossier()

    assert dossier["accountId"] == api.account
    assert content(api.get(f"/thirdparties/{dossier['thirdpartyId']}"))["siret"] == SIRET


def test_a_dossier_includes_the_requests_made_by_the_client(api: Api) -> None:
    dossier = api.new_dossier(requiredDocuments=["ATT_VIGI", "RIB_IBAN"])

    assert [document["documentCode"] for document in dossier["documents"]] == ["ATT_VIGI", "RIB_IBAN"]


def test_the_reference_is_entered_when_creating_and_when_modifying_a_dossier(api: Api) -> None:
    dossier = api.new_dossier(dossierReference="PO-1")

    assert api.post(f"/dossiers/{dossier['dossierId']}", {"dossierReference": "PO-2"}).status_code == 200

    assert api.dossier(dossier["dossierId"])["dossierReference"] == "PO-2"


def test_a_third_party_cannot_have_two_dossiers_of_one_client_with_the_same_reference(api: Api) -> None:
    api.new_dossier(dossierReference="PO-1")

    assert api.refused_import_codes(dossierReference="PO-1") == ["E202"]


def test_two_third_parties_may_have_dossiers_with_the_same_reference(api: Api) -> None:
    api.new_dossier(dossierReference="PO-1")

    assert api.import_and_wait(dossierReference="PO-1", companyIdValue=OTHER_SIRET)["success"]


def test_the_reference_is_sent_back_to_the_information_system(api: Api) -> None:
    api.new_dossier(dossierReference="ERP/2026/17")

    found = content(api.get("/dossiers", dossierReference="ERP/2026/17"))

    assert [dossier["siret"] for dossier in found] == [SIRET]


def test_the_reference_can_be_changed_at_any_time(api: Api) -> None:
    api.advance("P400D")

    assert api.post(f"/dossiers/{SEED_DOSSIER}", {"dossierReference": "LATER"}).status_code == 200


def test_the_reference_cannot_be_changed_once_the_dossier_is_archived(api: Api) -> None:
    archived = api.stopped_dossier()

    answer = api.post(f"/dossiers/{archived['dossierId']}", {"dossierReference": "LATER"})

    assert answer.status_code == 400
    assert codes(answer) == ["E201"]


def test_answers_come_from_the_platform_or_the_third_party_as_files(api: Api) -> None:
    answered = [
        document
        for dossier in content(api.get("/dossiers", monitored="true", pageSize=100))
        for document in dossier["documents"]
        if document["present"]
    ]

    assert all(document["listFileInformation"] for document in answered)
    assert answered


def test_each_client_of_the_sandbox_starts_from_the_same_world(make_api: Callable[..., Api]) -> None:
    one, other = make_api(), make_api()

    assert one.get("/dossiers/all").data == other.get("/dossiers/all").data
