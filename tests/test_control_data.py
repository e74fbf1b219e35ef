"""Control calls that create and change accounts, third parties, document types and dossiers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.support import (
    ACCOUNT,
    DOMESTIC_ACCOUNT,
    SECOND_ACCOUNT,
    SEED_DOSSIER,
    SIRET,
    Api,
    codes,
    content,
)

NOW = "2031-05-03T10:00:00"
SEED_SIRET = "50382936800045"
USER = {"firstname": "Ann", "lastname": "Lee", "email": "ann@supplier.example"}


@pytest.fixture
def frozen(api: Api) -> Api:
    """An api whose clock stands still at `NOW`."""
    api.set_clock(NOW)
    return api


def control(api: Api, method: str, path: str, body: object = None) -> TestResponse:
    """A control call whose refusal is of interest."""
    headers = {"X-Mock-Sandbox": api.sandbox}
    return api.client.open(f"/__admin{path}", method=method, json=body, headers=headers)


def new_dossier(api: Api, **members: Any) -> dict[str, Any]:
    return dict(api.control("POST", "/dossiers", {"siret": SIRET, "dossierReference": "PO-1"} | members))


def patch(api: Api, dossier_id: int = SEED_DOSSIER, **members: Any) -> dict[str, Any]:
    return dict(api.control("PATCH", f"/dossiers/{dossier_id}", members))


def thirdparty(api: Api, siret: str) -> dict[str, Any]:
    (row,) = content(api.get("/thirdparties", siret=siret))
    return dict(content(api.get(f"/thirdparties/{row['thirdpartyId']}")))


# Accounts.


def test_the_users_of_a_new_account_can_use_it(make_api: Callable[..., Api]) -> None:
    api = make_api(user="multi", account=7)

    made = api.control("POST", "/accounts", {"accountId": 7, "users": ["multi@example.com"]})

    assert (made["id"], made["defaultRequirements"]) == (7, ["ATT_VIGI", "JUSTIF_IMM", "LST_SAL_ETR"])
    assert [row["id"] for row in content(api.send("GET", "/api/v1/account"))] == [ACCOUNT, SECOND_ACCOUNT, 7]
    assert api.new_dossier()["accountId"] == 7


def test_an_account_for_a_user_that_is_not_declared_is_rejected(api: Api) -> None:
    api.control("PUT", "/fixture", {"recipe": {"version": 1, "accounts": [{"accountId": 1}]}})

    answer = control(api, "POST", "/accounts", {"accountId": 7, "users": ["a@b.c"]})

    sentence = "$.users[0]: there is no user 'a@b.c'; the fixture declares none"
    assert (answer.status_code, (answer.json or {})["detail"]) == (400, sentence)


def test_an_existing_account_is_not_created_again(api: Api) -> None:
    answer = control(api, "POST", "/accounts", {"accountId": ACCOUNT})

    assert answer.status_code == 409
    assert f"PATCH /__admin/accounts/{ACCOUNT}" in (answer.json or {})["detail"]


def test_an_inactive_account_imports_nothing(api: Api) -> None:
    shown = api.control("PATCH", f"/accounts/{ACCOUNT}", {"subscriptionStatus": "INACTIVE"})

    assert shown["subscriptionStatus"] == shown["subscriptions"][0]["status"] == "INACTIVE"
    assert api.refused_import_codes() == ["E113"]


def test_the_international_option_is_removed_and_restored(make_api: Callable[..., Api]) -> None:
    api = make_api(user="domestic", account=DOMESTIC_ACCOUNT)
    foreign = {"companyIdType": "CIT002", "companyIdValue": "DE136695976"}

    assert api.refused_import_codes(**foreign) == ["E122"]
    shown = api.control("PATCH", f"/accounts/{DOMESTIC_ACCOUNT}", {"international": True})

    assert shown["international"] is True
    assert api.import_and_wait(**foreign)["success"]


def test_earlier_requests_stay_visible_when_an_account_has_fewer_document_types(api: Api) -> None:
    dossier = api.new_dossier(requiredDocuments=["RIB_IBAN"])
    api.control("POST", f"/dossiers/{dossier['dossierId']}/documents/RIB_IBAN/evidences", {})

    api.control("PATCH", f"/accounts/{ACCOUNT}", {"requirements": ["I2"], "defaultRequirements": ["I2"]})

    path = f"/dossiers/{dossier['dossierId']}"
    (asked,) = content(api.get(f"{path}/requirements"))
    document = api.dossier(dossier["dossierId"])["documents"][0]
    file = document["listFileInformation"][0]["fileId"]
    assert asked["code"] == "RIB_IBAN"
    assert api.get(f"{path}/documents/{document['documentId']}/files/{file}").status_code == 200
    assert api.refused_import_codes(dossierReference="PO-2", requiredDocuments=["RIB_IBAN"]) == ["E302"]
    assert [row["code"] for row in content(api.get("/requirements"))] == ["I2"]


# Third parties.


def test_a_third_party_is_registered_today_and_has_a_user(frozen: Api) -> None:
    before = frozen.new_dossier()

    registered = frozen.control("POST", "/thirdparties", {"siret": SIRET})

    after = thirdparty(frozen, SIRET)
    assert registered["thirdpartyId"] == before["thirdpartyId"]
    assert (after["subscriptionState"], after["subscriptionDate"]) == (True, "2031-05-03")
    assert [user["email"] for user in after["thirdpartyUsers"]] == registered["users"]


def test_a_third_party_without_a_ceo_has_a_contact_of_another_name(api: Api) -> None:
    made = api.control("POST", "/thirdparties", {"siret": SIRET, "name": "ACME"})
    api.new_dossier()

    [user] = thirdparty(api, SIRET)["thirdpartyUsers"]

    number = made["thirdpartyId"]
    assert (user["lastname"], user["firstname"]) == ("Dupont", "Jeanne")
    assert user["email"] == f"contact{number}@example.com"
    assert user["phone"].endswith(f" {number % 100:02d}")


def test_an_unknown_third_party_is_registered(api: Api) -> None:
    wanted = {"siret": SIRET, "name": "ACME", "subscriptionDate": "2030-01-02", "users": [USER]}
    made = api.control("POST", "/thirdparties", wanted)

    dossier = api.new_dossier()

    after = thirdparty(api, SIRET)
    assert dossier["thirdpartyId"] == made["thirdpartyId"]
    assert (after["name"], after["subscriptionDate"]) == ("ACME", "2030-01-02")
    assert [user["email"] for user in after["thirdpartyUsers"]] == ["ann@supplier.example"]


def test_a_registration_keeps_its_date(api: Api) -> None:
    api.control("POST", "/thirdparties", {"siret": SIRET, "subscriptionDate": "2030-01-02", "users": [USER]})

    again = api.control("POST", "/thirdparties", {"siret": SIRET, "name": "ACME"})

    assert (again["subscriptionDate"], again["users"]) == ("2030-01-02", ["ann@supplier.example"])


def test_a_third_party_may_be_created_unregistered(api: Api) -> None:
    made = api.control("POST", "/thirdparties", {"siret": SIRET, "subscriptionDate": None})

    assert (made["subscriptionDate"], made["users"]) == (None, [])


# Document types.


def test_a_document_type_is_withdrawn_for_all_accounts_and_restored(make_api: Callable[..., Api]) -> None:
    api = make_api(user="multi")
    other, code = Api(api.client, api.sandbox, user="multi", account=SECOND_ACCOUNT), "ATT_VIGI"

    api.control("PATCH", f"/requirements/{code}", {"withdrawn": True})

    assert api.refused_import_codes(requiredDocuments=["ATT_VIGI"]) == ["E301"]
    assert other.refused_import_codes(requiredDocuments=["ATT_VIGI"]) == ["E301"]
    asked = [row["documentCode"] for row in api.new_dossier(dossierReference="PO-2")["documents"]]
    assert asked == ["JUSTIF_IMM", "LST_SAL_ETR"]
    api.control("PATCH", "/requirements/ATT_VIGI", {"withdrawn": False})
    assert api.import_and_wait(dossierReference="PO-3", requiredDocuments=["ATT_VIGI"])["success"]


def test_a_document_type_that_is_withdrawn_for_all_is_restored_for_one_account(api: Api) -> None:
    api.control("PATCH", "/requirements/ATT_VIGI", {"withdrawn": True})

    shown = api.control("PATCH", f"/accounts/{ACCOUNT}", {"withdrawn": []})

    assert shown["withdrawn"] == []
    assert "ATT_VIGI" in [row["code"] for row in content(api.get("/requirements"))]


def test_a_document_type_is_withdrawn_for_one_account(make_api: Callable[..., Api]) -> None:
    api = make_api(user="multi")
    other = Api(api.client, api.sandbox, user="multi", account=SECOND_ACCOUNT)

    api.control("PATCH", "/requirements/ATT_VIGI", {"withdrawn": True, "accountId": ACCOUNT})

    assert api.refused_import_codes(requiredDocuments=["ATT_VIGI"]) == ["E301"]
    assert other.import_and_wait(requiredDocuments=["ATT_VIGI"])["success"]


def test_a_withdrawn_document_type_is_withdrawn_for_a_later_account(
    make_api: Callable[..., Api],
) -> None:
    api = make_api(user="multi", account=7)
    api.control("PATCH", "/requirements/ATT_PRO_BTP", {"withdrawn": True})

    made = api.control("POST", "/accounts", {"accountId": 7, "users": ["multi@example.com"]})

    assert made["withdrawn"] == ["ATT_PRO_BTP"]


# Dossiers.


def test_a_dossier_is_created_with_the_fields_of_a_recipe(frozen: Api) -> None:
    shown = new_dossier(
        frozen,
        dossierId=900001,
        thirdpartyCode="F-9",
        startingDate="2030-01-01T09:00:00",
        documents=[{"documentCode": "I2", "files": [{"expirationDate": "2031-05-09"}]}],
    )

    assert shown == frozen.dossier(900001)
    assert (shown["state"], shown["thirdpartyCode"], shown["startingDate"]) == (
        True,
        "F-9",
        "2030-01-01T09:00:00.000",
    )
    assert [event["what"] for event in frozen.advance("P7D")] == ["documents lapsed"]


def test_a_dossier_without_id_and_date_gets_the_next_id_and_starts_now(frozen: Api) -> None:
    first, second = new_dossier(frozen), new_dossier(frozen, dossierReference="PO-2")

    assert second["dossierId"] == first["dossierId"] + 1
    assert first["startingDate"] == "2031-05-03T10:00:00.000"
    assert [row["documentCode"] for row in first["documents"]] == ["ATT_VIGI", "JUSTIF_IMM", "LST_SAL_ETR"]


def test_the_api_rejects_the_reference_of_a_created_dossier(api: Api) -> None:
    new_dossier(api)

    assert api.refused_import_codes() == ["E202"]


def test_an_empty_code_of_a_third_party_is_null(api: Api) -> None:
    made = new_dossier(api, thirdpartyCode="")
    patch(api, thirdpartyCode="F-9")
    patch(api, thirdpartyCode="")
    found = [api.dossier(number)["thirdpartyCode"] for number in (made["dossierId"], SEED_DOSSIER)]
    dossier = {"siret": SIRET, "dossierReference": "A", "thirdpartyCode": ""}
    recipe = {"version": 1, "accounts": [{"accountId": api.account}], "dossiers": [dossier]}
    api.control("PUT", "/fixture", {"recipe": recipe})

    assert [*found, *(row["thirdpartyCode"] for row in content(api.get("/dossiers")))] == [None] * 3


def test_an_existing_dossier_is_not_created_again(api: Api) -> None:
    before = api.dossier(SEED_DOSSIER)
    wanted = {"siret": SEED_SIRET, "dossierReference": "X", "dossierId": SEED_DOSSIER}

    answer = control(api, "POST", "/dossiers", wanted)

    assert answer.status_code == 409
    assert "PATCH /__admin/dossiers/804127" in (answer.json or {})["detail"]
    assert api.dossier(SEED_DOSSIER) == before


def test_simple_members_of_a_dossier_are_changed_and_the_others_stay(api: Api) -> None:
    before = api.dossier(SEED_DOSSIER)

    shown = patch(
        api,
        dossierReference="NEW",
        description="Text",
        purchasingCategory="IT",
        thirdpartyCode="F-9",
        expirationDate="2040-01-01",
        startingDate=None,
    )

    assert shown == api.dossier(SEED_DOSSIER)
    assert shown == before | {
        "dossierReference": "NEW",
        "description": "Text",
        "purchasingCategory": "IT",
        "thirdpartyCode": "F-9",
        "expirationDate": "2040-01-01T00:00:00.000",
        "startingDate": None,
    }


def test_null_clears_what_may_be_empty(api: Api) -> None:
    patch(api, description="Text", purchasingCategory="IT", thirdpartyCode="F-9", expirationDate="2040-01-01")

    shown = patch(api, description=None, purchasingCategory=None, thirdpartyCode=None, expirationDate=None)

    cleared = ("description", "purchasingCategory", "thirdpartyCode", "expirationDate")
    assert [shown[name] for name in cleared] == [None] * 4
    assert content(api.get("/dossiers", thirdpartyCode="F-9")) == []


def test_a_dossier_is_stopped_for_any_reason_at_any_time(api: Api) -> None:
    shown = patch(api, stoppingDate="2025-05-05T10:00:00", stoppingReason="OUTOFBUSINESS")

    assert (shown["monitored"], shown["stoppingReason"]) == (False, "OUTOFBUSINESS")
    assert shown["stoppingDate"] == "2025-05-05T10:00:00.000"
    assert codes(api.post(f"/dossiers/{SEED_DOSSIER}/stop")) == ["E201"]


@pytest.mark.parametrize(
    ("members", "date", "reason"),
    [
        pytest.param({"stoppingReason": "UNKNOWN"}, "2031-05-03T10:00:00.000", "UNKNOWN", id="a reason"),
        pytest.param(
            {"stoppingDate": "2025-05-05T10:00:00"}, "2025-05-05T10:00:00.000", "STOPREQUEST", id="a date"
        ),
    ],
)
def test_a_stop_needs_only_a_date_or_a_reason(
    frozen: Api, members: dict[str, Any], date: str, reason: str
) -> None:
    shown = patch(frozen, **members)

    assert (shown["stoppingDate"], shown["stoppingReason"]) == (date, reason)


def test_a_change_of_a_stop_keeps_the_members_that_are_left_out(api: Api) -> None:
    patch(api, stoppingDate="2025-05-05T10:00:00", stoppingReason="UNKNOWN")

    shown = patch(api, stoppingReason="EXPIRATION")

    assert (shown["stoppingDate"], shown["stoppingReason"]) == ("2025-05-05T10:00:00.000", "EXPIRATION")
    again = patch(api, stoppingDate="2025-05-06T10:00:00")
    assert (again["stoppingDate"], again["stoppingReason"]) == ("2025-05-06T10:00:00.000", "EXPIRATION")


@pytest.mark.parametrize("member", ["stoppingDate", "stoppingReason"])
def test_null_makes_a_dossier_active_again(api: Api, member: str) -> None:
    before = api.dossier(SEED_DOSSIER)
    api.post(f"/dossiers/{SEED_DOSSIER}/stop")

    null: dict[str, Any] = {member: None}
    shown = patch(api, **null)

    assert shown == before


def test_an_expired_dossier_needs_another_date_to_be_active_again(frozen: Api) -> None:
    patch(frozen, expirationDate="2031-05-01")
    assert frozen.dossier(SEED_DOSSIER)["stoppingReason"] == "EXPIRATION"

    answer = control(frozen, "PATCH", f"/dossiers/{SEED_DOSSIER}", {"stoppingReason": None})
    shown = patch(frozen, stoppingReason=None, expirationDate="2031-06-01")

    assert answer.status_code == 400
    assert (
        "the dossier expired on 2031-05-01: give a later expirationDate, or null"
        in (answer.json or {})["detail"]
    )
    assert shown["monitored"]


def test_new_documents_replace_the_previous_ones(frozen: Api) -> None:
    dossier = new_dossier(
        frozen,
        documents=[
            {"documentCode": "I2", "requestDate": "2030-01-01T00:00:00"},
            {"documentCode": "RIB_IBAN"},
        ],
    )

    shown = patch(
        frozen,
        dossier["dossierId"],
        documents=[{"documentCode": "ATT_VIGI"}, {"documentCode": "I2", "files": [{}]}],
    )

    new, kept = shown["documents"]
    assert kept["documentId"] == dossier["documents"][0]["documentId"]
    assert (kept["requestDate"], kept["present"]) == ("2030-01-01T00:00:00.000", True)
    assert new["documentId"] > dossier["documents"][1]["documentId"]
    assert (new["requestDate"], shown["state"]) == ("2031-05-03T10:00:00.000", False)


def test_a_document_that_was_asked_twice_keeps_the_first_of_its_ids(api: Api) -> None:
    documents = [{"documentCode": "I2", "documentId": 900_000_000 + at} for at in (1, 2)]
    made = new_dossier(api, documents=documents)

    shown = patch(api, made["dossierId"], documents=[{"documentCode": "I2"}])

    assert [document["documentId"] for document in shown["documents"]] == [900_000_001]


def test_a_given_document_id_is_not_used_again(frozen: Api) -> None:
    dossier = new_dossier(frozen, documents=[{"documentCode": "I2"}])
    document_id = dossier["documents"][0]["documentId"]
    documents = [{"documentCode": "ATT_VIGI", "documentId": document_id}, {"documentCode": "I2"}]

    shown = patch(frozen, dossier["dossierId"], documents=documents)

    first, second = shown["documents"]
    assert first["documentId"] == document_id != second["documentId"]


def test_the_effects_of_a_change_are_dated_now(frozen: Api) -> None:
    dossier = new_dossier(
        frozen, documents=[{"documentCode": "ATT_VIGI"}], startingDate="2030-01-01T00:00:00"
    )

    shown = patch(frozen, dossier["dossierId"], documents=[{"documentCode": "ATT_VIGI", "files": [{}]}])

    assert (shown["state"], shown["stateLastChangeDate"]) == (True, "2031-05-03T10:00:00.000")
    assert shown["indicators"][0]["lastChangeDate"] == "2031-05-03T10:00:00.000"
    assert thirdparty(frozen, SIRET)["stateLastChangeDate"] == "2031-05-03"


def test_the_dates_of_changes_can_be_set(frozen: Api) -> None:
    dossier = new_dossier(frozen, documents=[{"documentCode": "ATT_VIGI"}])

    shown = patch(
        frozen,
        dossier["dossierId"],
        stateLastChangeDate="2031-02-03T04:05:06",
        indicatorLastChangeDate="2031-02-04T04:05:06",
    )

    assert shown["stateLastChangeDate"] == "2031-02-03T04:05:06.000"
    assert shown["indicators"][0]["lastChangeDate"] == "2031-02-04T04:05:06.000"
    assert thirdparty(frozen, SIRET)["stateLastChangeDate"] == "2031-02-03"


REFUSED: dict[str, tuple[str, str, object, int, str]] = {
    "an account without an id": ("POST", "/accounts", {}, 400, "the key 'accountId' is missing"),
    "a negative number of dossiers": (
        "POST",
        "/accounts",
        {"accountId": 7, "maxDossiers": -1},
        400,
        "at least 0",
    ),
    "an empty date of a stop": (
        "PATCH",
        "/dossiers/804127",
        {"stoppingDate": ""},
        400,
        "$.stoppingDate: '' is not an ISO date-time",
    ),
    "an account of an unknown user": (
        "POST",
        "/accounts",
        {"accountId": 7, "users": ["unknown"]},
        400,
        "$.users[0]: there is no user 'unknown'; there are api@example.com",
    ),
    "an unknown third party": ("POST", "/thirdparties/1/close", {}, 404, "third party 1"),
    "a population": (
        "POST",
        "/accounts",
        {"accountId": 7, "population": {"dossiers": 1}},
        400,
        "$.population",
    ),
    "no such account": ("PATCH", "/accounts/7", {"name": "x"}, 404, "no account 7; GET"),
    "an unknown requirement": (
        "PATCH",
        f"/accounts/{ACCOUNT}",
        {"requirements": ["NOPE"]},
        400,
        "$.requirements[0]: there is no requirement 'NOPE'",
    ),
    "an account moved": ("PATCH", f"/accounts/{ACCOUNT}", {"accountId": 7}, 400, "unknown key 'accountId'"),
    "a third party without a company": ("POST", "/thirdparties", {}, 400, "$: a company needs a siret"),
    "a malformed SIRET": (
        "POST",
        "/thirdparties",
        {"siret": "99050000100014"},
        400,
        "$.siret: '99050000100014' is not a well-formed SIRET",
    ),
    "no such document type": (
        "PATCH",
        "/requirements/NOPE",
        {"withdrawn": True},
        404,
        "no document type 'NOPE', at all or in",
    ),
    "a document type that the account has not": (
        "PATCH",
        "/requirements/ATT_PRO_BTP",
        {"withdrawn": True, "accountId": ACCOUNT},
        404,
        "no document type 'ATT_PRO_BTP', at all or in",
    ),
    "a document type of no account": (
        "PATCH",
        "/requirements/I2",
        {"withdrawn": True, "accountId": 7},
        404,
        "no account 7; GET",
    ),
    "a withdrawal without a word": ("PATCH", "/requirements/I2", {}, 400, "the key 'withdrawn' is missing"),
    "a dossier without a reference": (
        "POST",
        "/dossiers",
        {"siret": SIRET},
        400,
        "the key 'dossierReference' is missing",
    ),
    "a dossier of a malformed SIRET": (
        "POST",
        "/dossiers",
        {"siret": "99050000100014", "dossierReference": "A"},
        400,
        "$.siret: '99050000100014' is not a well-formed SIRET",
    ),
    "a dossier in no account": (
        "POST",
        "/dossiers",
        {"siret": SIRET, "dossierReference": "A", "accountId": 7},
        400,
        "$.accountId: there is no account 7",
    ),
    "an unknown document": (
        "POST",
        "/dossiers",
        {"siret": SIRET, "dossierReference": "A", "documents": [{"documentCode": "NOPE"}]},
        400,
        "$.documents[0].documentCode: the account has no requirement 'NOPE'",
    ),
    "the reference of another": (
        "POST",
        "/dossiers",
        {"siret": SEED_SIRET, "dossierReference": "TEST"},
        400,
        "$.dossierReference: the third party has another dossier",
    ),
    "no such dossier": ("PATCH", "/dossiers/1", {"description": "x"}, 404, "no dossier 1; GET"),
    "a reference with a blank": (
        "PATCH",
        f"/dossiers/{SEED_DOSSIER}",
        {"dossierReference": "A B"},
        400,
        "$.dossierReference: the platform removes white space",
    ),
    "half an end": (
        "PATCH",
        f"/dossiers/{SEED_DOSSIER}",
        {"stoppingDate": None, "stoppingReason": "UNKNOWN"},
        400,
        "to make it active again, set both stoppingDate and stoppingReason to null, or one alone",
    ),
    "no date-time": (
        "PATCH",
        f"/dossiers/{SEED_DOSSIER}",
        {"stateLastChangeDate": "soon"},
        400,
        "$.stateLastChangeDate: 'soon' is not an ISO date-time",
    ),
    "a document twice": (
        "PATCH",
        f"/dossiers/{SEED_DOSSIER}",
        {"documents": [{"documentCode": "I2", "documentId": 5}, {"documentCode": "ADO", "documentId": 5}]},
        400,
        "$.documents[1].documentId: 5 is used twice",
    ),
    "a document that is none": (
        "PATCH",
        f"/dossiers/{SEED_DOSSIER}",
        {"documents": [{"documentCode": "NOPE"}]},
        400,
        "$.documents[0].documentCode: the account has no requirement 'NOPE'",
    ),
    "a day at the end of time": (
        "PATCH",
        f"/dossiers/{SEED_DOSSIER}",
        {"expirationDate": "0999-12-31"},
        400,
        "$.expirationDate: 0999-12-31 is not in the years",
    ),
}


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_an_invalid_value_is_rejected_with_its_place_and_changes_nothing(
    api: Api, refused: tuple[str, str, object, int, str]
) -> None:
    method, path, body, status, detail = refused
    before = api.control("GET", "/state")

    answer = control(api, method, path, body)

    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    assert detail in (answer.json or {})["detail"]
    assert api.control("GET", "/state") == before


def test_a_reference_of_another_dossier_is_rejected(api: Api) -> None:
    dossier = new_dossier(api)
    new_dossier(api, dossierReference="PO-2")

    answer = control(api, "PATCH", f"/dossiers/{dossier['dossierId']}", {"dossierReference": "PO-2"})

    assert answer.status_code == 400
    assert "$.dossierReference: the third party has another dossier" in (answer.json or {})["detail"]


def test_a_created_dossier_is_in_one_sandbox(make_api: Callable[..., Api]) -> None:
    api, other = make_api(), make_api()

    new_dossier(api)

    assert content(other.get("/dossiers", siret=SIRET)) == []
