"""Imports: what is refused at once, and what the process refuses (behaviour.md 3.9, 3.21, 6.4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.support import OTHER_SIRET, SIRET, Api, codes, content, is_protocol_error

pytestmark = pytest.mark.dialects("rest", "edge")

SEED_SIRET = "50382936800045"
SLOW_SIRET = "99000200800011"
ENDLESS_SIRET = "99000201600014"
FRENCH_VAT = "FR40990100026"
GERMAN_VAT = "DE136695976"
GREEK_VAT = "EL094259216"
DUNS = "123456789"

STRUCTURAL: dict[str, tuple[dict[str, Any], list[str]]] = {
    "without a type": ({"companyIdType": ...}, ["E001"]),
    "without a value": ({"companyIdValue": ...}, ["E001"]),
    "without a reference": ({"dossierReference": ...}, ["E001"]),
    "with a null type": ({"companyIdType": None}, ["E001"]),
    "with a null value": ({"companyIdValue": None}, ["E001"]),
    "with a null reference": ({"dossierReference": None}, ["E001"]),
    "with an empty type": ({"companyIdType": ""}, ["E003"]),
    "with an empty value": ({"companyIdValue": ""}, ["E003"]),
    "with an empty reference": ({"dossierReference": ""}, ["E003"]),
    "with a blank reference": ({"dossierReference": " \t\n"}, ["E003"]),
    "with an unknown type": ({"companyIdType": "CIT004"}, ["E002"]),
    "with a type in small letters": ({"companyIdType": "cit001"}, ["E002"]),
    "with a SIRET of 13 digits": ({"companyIdValue": "9905000010001"}, ["E010"]),
    "with a SIRET that fails Luhn": ({"companyIdValue": "99050000100014"}, ["E010"]),
    "with a SIRET of other digits": ({"companyIdValue": "٩٩٠٥٠٠٠٠١٠٠٠١٣"}, ["E010"]),
    "with a VAT number without country": (
        {"companyIdType": "CIT002", "companyIdValue": "136695976"},
        ["E010"],
    ),
    "with a DUNS of 8 digits": ({"companyIdType": "CIT003", "companyIdValue": "12345678"}, ["E010"]),
    "with a French date": ({"expirationDate": "31/12/2099"}, ["E010"]),
    "with a day that does not exist": ({"expirationDate": "2099-02-30"}, ["E010"]),
    "with a week instead of a day": ({"expirationDate": "2099-W10-1"}, ["E010"]),
    "with an empty date": ({"expirationDate": ""}, ["E010"]),
    "with a malformed e-mail": ({"thirdpartyEmail": ["not-an-address"]}, ["E010"]),
    "with a malformed person in charge": ({"userInCharge": ["a@example.com", "a b@example.com"]}, ["E010"]),
    "with a long reference": ({"dossierReference": "R" * 256}, ["E011"]),
    "with a long code": ({"thirdpartyCode": "C" * 256}, ["E011"]),
    "with a reference of many blanks": ({"dossierReference": " " * 255 + "R"}, ["E011"]),
    "with a long category": ({"purchasingCategory": "P" * 256}, ["E011"]),
    "with a long description": ({"description": "D" * 4001}, ["E011"]),
    "with several errors": (
        {"companyIdType": "CIT009", "dossierReference": "", "companyIdValue": ..., "description": "D" * 4001},
        ["E001", "E002", "E003", "E011"],
    ),
}

WRONG_TYPES: dict[str, Any] = {
    "a number as reference": {"dossierReference": 7},
    "a number as SIRET": {"companyIdValue": 99050000100013},
    "an object as type": {"companyIdType": {}},
    "a number as date": {"expirationDate": 20991231},
    "a boolean as description": {"description": True},
    "a string as required documents": {"requiredDocuments": "ATT_VIGI"},
    "a number among the required documents": {"requiredDocuments": ["ATT_VIGI", 2]},
    "a null among the required documents": {"requiredDocuments": [None]},
    "a string as e-mails": {"thirdpartyEmail": "a@example.com"},
    "an object as people in charge": {"userInCharge": {}},
}

REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "the data provider fails": ({"companyIdValue": "99000101800011"}, ["E101"]),
    "the establishment does not exist": ({"companyIdValue": "99000102600014"}, ["E102"]),
    "the establishment is closed": ({"companyIdValue": "99000103400018"}, ["E103"]),
    "several establishments match": ({"companyIdValue": "99000104200011"}, ["E104"]),
    "the establishment has moved": ({"companyIdValue": "99000105900015"}, ["E105"]),
    "the third party has another code": (
        {"companyIdValue": SEED_SIRET, "thirdpartyCode": "OTHER"},
        ["E111"],
    ),
    "another third party has the code": ({"thirdpartyCode": "123"}, ["E112"]),
    "a French company by its VAT number": (
        {"companyIdType": "CIT002", "companyIdValue": FRENCH_VAT},
        ["E121"],
    ),
    "the reference is taken": ({"companyIdValue": SEED_SIRET, "dossierReference": "TEST"}, ["E202"]),
    "the reference is taken except for its spaces": (
        {"companyIdValue": SEED_SIRET, "dossierReference": " TE ST\t"},
        ["E202"],
    ),
    "the expiration date is past": ({"expirationDate": "2031-05-01"}, ["E021"]),
    "the expiration date is today": ({"expirationDate": "2031-05-02"}, ["E021"]),
    "the document type is withdrawn": ({"requiredDocuments": ["ATT_VIGI", "ADO"]}, ["E301"]),
    "the document type is another account's": ({"requiredDocuments": ["ATT_PRO_BTP"]}, ["E302"]),
    "the document type has other capitals": ({"requiredDocuments": ["att_vigi"]}, ["E302"]),
    "the third party's address takes no mail": ({"thirdpartyEmail": ["a@invalid.example"]}, ["E030"]),
    "the address in charge takes no mail": ({"userInCharge": ["a@INVALID.example"]}, ["E030"]),
    "a failing provider hides what is checked later": (
        {"companyIdValue": "99000102600014", "thirdpartyCode": "123", "requiredDocuments": ["NOPE"]},
        ["E102"],
    ),
    "the provider is not asked about a French VAT number": (
        {"companyIdType": "CIT002", "companyIdValue": "FR08990001026", "expirationDate": "2031-05-01"},
        ["E121", "E021"],
    ),
    "all that is checked of a known company": (
        {
            "companyIdValue": SEED_SIRET,
            "dossierReference": "TEST",
            "thirdpartyCode": "MINE",
            "expirationDate": "2031-05-01",
            "requiredDocuments": ["NOPE", "ADO"],
            "thirdpartyEmail": ["a@invalid.example"],
        },
        ["E111", "E112", "E202", "E021", "E301", "E302", "E030"],
    ),
}

OTHER_ACCOUNTS: dict[str, tuple[str, int, dict[str, Any], list[str]]] = {
    "an account that has ended": ("inactive", 119800, {}, ["E113"]),
    "an ended account and a closed establishment": (
        "inactive",
        119800,
        {"companyIdValue": "99000103400018", "expirationDate": "2031-05-01"},
        ["E113", "E103"],
    ),
    "an ended account and a French VAT number": (
        "inactive",
        119800,
        {"companyIdType": "CIT002", "companyIdValue": FRENCH_VAT, "requiredDocuments": ["NOPE"]},
        ["E113", "E121", "E302"],
    ),
    "a foreign VAT number without the option": (
        "domestic",
        119900,
        {"companyIdType": "CIT002", "companyIdValue": GERMAN_VAT, "expirationDate": "2031-05-01"},
        ["E122", "E021"],
    ),
    "a DUNS without the option": (
        "domestic",
        119900,
        {"companyIdType": "CIT003", "companyIdValue": DUNS},
        ["E122"],
    ),
    "a French VAT number without the option": (
        "domestic",
        119900,
        {"companyIdType": "CIT002", "companyIdValue": FRENCH_VAT},
        ["E121"],
    ),
}


def all_but_imports(api: Api) -> Any:
    """The content of the whole sandbox, without its import processes."""
    content = api.control("GET", "/state")["content"]
    del content["processes"], content["nextIds"]["process"]
    return content


def test_a_malformed_import_is_refused_at_once(api: Api) -> None:
    for case, (members, expected) in STRUCTURAL.items():
        answer = api.try_import(**members)

        assert [answer.status_code, sorted(codes(answer))] == [400, expected], case
        assert list(answer.json or {}) == ["messages"], case


def test_a_malformed_import_is_a_400_where_refused_commands_are_not(
    make_variant_api: Callable[..., Api],
) -> None:
    assert make_variant_api(refusals="result").try_import(dossierReference="").status_code == 400


def test_a_malformed_import_launches_nothing(api: Api) -> None:
    api.try_import(dossierReference="")

    assert content(api.get("/dossiers/processes")) == []


def test_wrong_json_types_are_a_protocol_error(api: Api) -> None:
    for case, members in WRONG_TYPES.items():
        assert is_protocol_error(api.try_import(**members), 400), case


def test_a_body_that_is_not_a_json_object_is_a_protocol_error(api: Api) -> None:
    for body in ("[]", '"text"', "null", "{", "", '{"companyIdType": "CIT001",}'):
        answer = api.send("POST", api.url("/dossiers"), data=body, content_type="application/json")

        assert is_protocol_error(answer, 400), body


@pytest.mark.parametrize("name", ["companyIdEncrypted", "purchasing_category", "PurchasingCategory"])
def test_unknown_members_are_ignored_with_any_type(api: Api, name: str) -> None:
    assert api.new_dossier(**{name: [True]})["purchasingCategory"] is None


def test_null_members_that_are_optional_are_not_given(api: Api) -> None:
    optional = ("thirdpartyCode", "description", "purchasingCategory", "expirationDate", "requiredDocuments")

    dossier = api.new_dossier(**dict.fromkeys((*optional, "thirdpartyEmail", "userInCharge")))

    assert [dossier[name] for name in optional[:4]] == [None, None, None, None]


def test_the_longest_texts_are_kept(api: Api) -> None:
    texts = {"thirdpartyCode": "C" * 255, "purchasingCategory": "P" * 255, "description": "é" * 4000}
    emails = ["e" * (255 - len("@example.com")) + "@example.com"]

    dossier = api.new_dossier(dossierReference="R" * 255, thirdpartyEmail=emails, **texts)

    assert {name: dossier[name] for name in texts} == texts
    assert dossier["dossierReference"] == "R" * 255


def test_an_import_is_answered_with_32_hex_digits_and_nothing_else(api: Api) -> None:
    answer = api.try_import(expirationDate="2001-01-01")

    assert list(content(answer)) == ["processId"]
    assert re.fullmatch("[0-9a-f]{32}", content(answer)["processId"])


def test_every_import_has_a_separate_process(api: Api) -> None:
    assert api.launch() != api.launch()


@pytest.mark.dialects("rest")
def test_a_process_runs_until_its_time_is_over(api: Api) -> None:
    process_id = api.launch()

    api.advance("PT0.199S")

    assert api.process(process_id) == {
        "processId": process_id,
        "complete": False,
        "success": False,
        "errors": [],
    }


@pytest.mark.dialects("rest")
def test_a_process_ends_when_its_time_is_over(api: Api) -> None:
    process_id = api.launch()

    api.advance("PT0.2S")

    assert api.process(process_id) == {
        "processId": process_id,
        "complete": True,
        "success": True,
        "errors": [],
    }


def test_an_import_that_takes_no_time_has_ended_when_it_is_answered(
    make_server_api: Callable[..., Api],
) -> None:
    api = make_server_api(import_duration=timedelta())

    assert api.process(api.launch())["success"]


def test_a_failed_process_reports_all_errors_and_creates_nothing(api: Api) -> None:
    api.set_clock("2031-05-02T10:00:00")
    api.new_dossier(companyIdValue=OTHER_SIRET, thirdpartyCode="MINE")
    before = all_but_imports(api)

    for case, (members, expected) in REFUSED.items():
        assert api.refused_import_codes(**members) == expected, case
        assert all_but_imports(api) == before, case


def test_an_account_may_import_no_more_than_it_subscribed_to(make_api: Callable[..., Api]) -> None:
    for case, (user, account, members, expected) in OTHER_ACCOUNTS.items():
        api = make_api(user=user, account=account)
        api.set_clock("2031-05-02T10:00:00")

        assert api.refused_import_codes(**members) == expected, case


@pytest.mark.dialects("rest")
def test_the_errors_of_a_process_have_code_and_french_message(api: Api) -> None:
    process = api.import_and_wait(companyIdValue="99000103400018")

    assert process["errors"] == [{"code": "E103", "message": "L'établissement est fermé."}]


def test_a_company_whose_third_party_is_out_of_business_cannot_be_imported(
    make_server_api: Callable[..., Api],
) -> None:
    api = make_server_api(
        "version: 1\ninclude: [catalogue]\naccounts: [{accountId: 119631}]\n"
        f"thirdparties: [{{siret: '{SIRET}', outOfBusiness: true}}]\n"
    )

    assert api.refused_import_codes() == ["E103"]


def test_the_establishment_where_a_transferred_one_has_gone_can_be_imported(api: Api) -> None:
    assert api.import_and_wait(companyIdValue="99000115800015")["success"]


@pytest.mark.parametrize(
    ("siret", "by", "complete"),
    [
        pytest.param(SLOW_SIRET, "PT1M59.999S", False, id="the slow one runs for two minutes"),
        pytest.param(SLOW_SIRET, "PT2M", True, id="the slow one ends after two minutes"),
        pytest.param(ENDLESS_SIRET, "P3650D", False, id="the endless one still runs after ten years"),
    ],
)
def test_magic_establishments_take_their_time(api: Api, siret: str, by: str, complete: bool) -> None:  # noqa: FBT001
    process_id = api.launch(companyIdValue=siret)

    api.advance(by)

    assert api.process(process_id)["complete"] is complete
    assert api.process(process_id)["success"] is complete


def test_blanks_around_a_code_do_not_count(api: Api) -> None:
    assert api.new_dossier(thirdpartyCode="  Z  ")["thirdpartyCode"] == "Z"


def test_a_code_of_blanks_is_not_given(api: Api) -> None:
    assert api.new_dossier(thirdpartyCode="   ")["thirdpartyCode"] is None
