"""Accounts, their figures and their document types (behaviour.md 3.1 to 3.3, 4.1, 4.2, 4.8)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from tests.support import OTHER_SIRET, SEED_DOSSIER, Api, codes, content

pytestmark = pytest.mark.dialects("rest", "edge")

MakeApi = Callable[..., Api]

FIGURES = [
    "numberOfThirdparties",
    "numberOfSubscribedThirdparties",
    "numberOfCompleteThirdparties",
    "numberOfDossiers",
    "numberOfCompleteDossiers",
]

ANOTHER_WORLD = """
version: 1
include: [catalogue]
accounts: [{accountId: 7}]
"""


def accounts(api: Api) -> list[dict[str, Any]]:
    return list(content(api.send("GET", f"{api.wire.prefix}/account")))


def figures(api: Api) -> dict[str, Any]:
    return dict(content(api.get("")))


def indicator_figures(api: Api) -> dict[str, Any]:
    return dict(figures(api)["listIndicatorsStatistics"][0])


def total(api: Api, path: str, **query: str) -> int:
    return int((api.get(path, **query).json or {})["totalElements"])


def states(api: Api, state: Callable[[dict[str, Any]], bool]) -> dict[int, list[bool]]:
    """Of each third party with an active dossier, a state of each of its active dossiers."""
    found: defaultdict[int, list[bool]] = defaultdict(list)
    for dossier in content(api.get("/dossiers/all")):
        if dossier["monitored"]:
            found[dossier["thirdpartyId"]].append(state(dossier))
    return found


def counted(api: Api, state: Callable[[dict[str, Any]], bool]) -> dict[str, int]:
    """The five figures, counted over the dossiers and third parties that the API lists."""
    found = states(api, state)
    details = [content(api.get(f"/thirdparties/{thirdparty_id}")) for thirdparty_id in found]
    return {
        "numberOfThirdparties": len(found),
        "numberOfSubscribedThirdparties": sum(detail["subscriptionState"] for detail in details),
        "numberOfCompleteThirdparties": sum(all(dossiers) for dossiers in found.values()),
        "numberOfDossiers": sum(len(dossiers) for dossiers in found.values()),
        "numberOfCompleteDossiers": sum(sum(dossiers) for dossiers in found.values()),
    }


def changed(api: Api, before: dict[str, Any]) -> dict[str, int]:
    """By how much each figure differs from what it was."""
    now = figures(api)
    return {name: now[name] - before[name] for name in FIGURES if now[name] != before[name]}


# The accounts of a token.


def test_an_account_has_the_documented_members_in_their_order(api: Api) -> None:
    (account,) = accounts(api)

    assert list(account.items()) == [
        ("id", 119631),
        ("creation", "2015-04-02T10:56:07.736"),
        ("account", "CPTDO2E2FFC774EDD6637F"),
        ("name", "Compte Test"),
        ("company", "Compte Test"),
        ("maxDossiers", 10),
        ("subscriptionDate", "2019-04-29T13:20:02.102973"),
        ("subscriptionStatus", "ACTIVE"),
        (
            "subscriptions",
            [
                {
                    "accountId": 119631,
                    "key": "APIEDGE",
                    "startSubscriptionDate": "2019-04-29T13:20:02.102973",
                    "endSubscriptionDate": None,
                    "status": "ACTIVE",
                }
            ],
        ),
    ]


def test_a_token_with_several_accounts_lists_each_of_them_in_their_order(make_api: MakeApi) -> None:
    found = accounts(make_api(user="multi"))

    assert [account["id"] for account in found] == [119631, 119700]


def test_an_ended_subscription_shows_its_end_and_status(make_api: MakeApi) -> None:
    (account,) = accounts(make_api(user="inactive"))

    (subscription,) = account["subscriptions"]
    assert account["subscriptionStatus"] == "INACTIVE"
    assert subscription["endSubscriptionDate"] == "2021-02-28T23:59:59.999000"
    assert subscription["status"] == "INACTIVE"


def test_a_token_that_names_no_known_account_finds_none(api: Api, make_server_api: MakeApi) -> None:
    elsewhere = make_server_api(ANOTHER_WORLD)

    url = f"{elsewhere.wire.prefix}/account"

    answer = elsewhere.client.get(url, headers={"Authorization": f"Bearer {api.token}"})

    assert answer.status_code == 404
    assert codes(answer) == ["NOT_FOUND"]


def test_filters_do_not_change_the_list_of_accounts(api: Api) -> None:
    answer = api.send("GET", f"{api.wire.prefix}/account?page=7&pageSize=0&siren=")

    assert answer.status_code == 200


# Figures.


def test_the_figures_have_the_documented_members_in_their_order(api: Api) -> None:
    first = list(api.edge_only(accountId=119631))

    assert list(figures(api)) == [*first, *FIGURES, "listIndicatorsStatistics"]


def test_the_figures_of_an_indicator_have_the_documented_members_in_their_order(api: Api) -> None:
    assert list(indicator_figures(api)) == ["indicatorCode", *FIGURES]


def test_there_are_figures_for_the_vigilance_indicator_alone(api: Api) -> None:
    listed = figures(api)["listIndicatorsStatistics"]

    assert [indicator["indicatorCode"] for indicator in listed] == ["I001"]


@pytest.mark.parametrize(
    ("user", "account"), [("api", 119631), ("multi", 119700), ("inactive", 119800), ("domestic", 119900)]
)
def test_the_figures_are_those_of_the_dossiers_listed(make_api: MakeApi, user: str, account: int) -> None:
    api = make_api(user=user, account=account)

    expected = counted(api, lambda dossier: bool(dossier["state"]))

    assert {name: figures(api)[name] for name in FIGURES} == expected


@pytest.mark.parametrize(
    ("user", "account"), [("api", 119631), ("multi", 119700), ("inactive", 119800), ("domestic", 119900)]
)
def test_the_figures_of_the_indicator_are_those_of_the_dossiers_listed(
    make_api: MakeApi, user: str, account: int
) -> None:
    api = make_api(user=user, account=account)

    expected = counted(api, lambda dossier: bool(dossier["indicators"][0]["state"]))

    assert {name: indicator_figures(api)[name] for name in FIGURES} == expected


@pytest.mark.parametrize(
    ("figure", "path", "query"),
    [
        ("numberOfThirdparties", "/thirdparties", {"monitored": "true"}),
        (
            *("numberOfSubscribedThirdparties", "/thirdparties"),
            {"monitored": "true", "subscriptionState": "true"},
        ),
        ("numberOfCompleteThirdparties", "/thirdparties", {"thirdpartyGlobalState": "true"}),
        ("numberOfDossiers", "/dossiers", {"monitored": "true"}),
    ],
)
def test_a_figure_is_the_number_of_hits_of_its_search(
    api: Api, figure: str, path: str, query: dict[str, str]
) -> None:
    assert figures(api)[figure] == total(api, path, **query)


def test_an_import_for_a_new_third_party_adds_to_dossiers_and_third_parties(api: Api) -> None:
    before = figures(api)

    api.new_dossier()

    assert changed(api, before) == {"numberOfDossiers": 1, "numberOfThirdparties": 1}


def test_a_second_dossier_of_a_third_party_adds_no_third_party(api: Api) -> None:
    api.new_dossier()
    before = figures(api)

    api.new_dossier(dossierReference="PO-2")

    assert changed(api, before) == {"numberOfDossiers": 1}


def test_stopping_the_last_dossier_of_a_third_party_removes_both_from_the_figures(api: Api) -> None:
    before = figures(api)

    api.stopped_dossier()

    assert changed(api, before) == {}


def test_a_registered_third_party_with_stopped_dossiers_alone_is_not_counted(api: Api) -> None:
    before = figures(api)

    api.post(f"/dossiers/{SEED_DOSSIER}/stop")

    assert changed(api, before) == {
        "numberOfThirdparties": -1,
        "numberOfSubscribedThirdparties": -1,
        "numberOfDossiers": -1,
    }


def test_a_dossier_without_vigilance_codes_is_incomplete_but_complete_for_the_indicator(api: Api) -> None:
    before, indicator_before = figures(api), indicator_figures(api)

    api.new_dossier(companyIdValue=OTHER_SIRET, requiredDocuments=["RIB_IBAN"])

    assert figures(api)["numberOfCompleteDossiers"] == before["numberOfCompleteDossiers"]
    after = indicator_figures(api)
    assert after["numberOfCompleteDossiers"] == indicator_before["numberOfCompleteDossiers"] + 1
    assert after["numberOfCompleteThirdparties"] == indicator_before["numberOfCompleteThirdparties"] + 1


def test_the_figures_of_an_account_without_dossiers_are_zero(make_api: MakeApi) -> None:
    api = make_api(user="inactive", account=119800)

    assert [figures(api)[name] for name in FIGURES] == [0, 0, 0, 0, 0]


# Document types.


@pytest.mark.parametrize(
    ("user", "account", "expected"),
    [
        ("domestic", 119900, {"ATT_VIGI", "JUSTIF_IMM", "LST_SAL_ETR", "ASSUR_RCPRO", "RIB_IBAN"}),
        ("inactive", 119800, {"ATT_VIGI", "JUSTIF_IMM", "LST_SAL_ETR"}),
    ],
)
def test_the_types_an_account_may_ask_for_are_listed(
    make_api: MakeApi, user: str, account: int, expected: set[str]
) -> None:
    api = make_api(user=user, account=account)

    assert {requirement["code"] for requirement in content(api.get("/requirements"))} == expected


@pytest.mark.parametrize("code", ["ADO", "LDPAÀAAC2"])
def test_a_withdrawn_type_is_not_listed(api: Api, code: str) -> None:
    assert code not in {requirement["code"] for requirement in content(api.get("/requirements"))}


@pytest.mark.parametrize("code", ["LNDSÉSÀADT-U", "AS(DSS", "I2", "ATT_VIGI"])
def test_a_listed_code_can_be_asked_in_an_import(api: Api, code: str) -> None:
    dossier = api.new_dossier(requiredDocuments=[code])

    assert [document["documentCode"] for document in dossier["documents"]] == [code]


def test_the_types_are_not_paginated(api: Api) -> None:
    answer = api.get("/requirements", page=3, pageSize=2)

    assert len(content(answer)) == 13
    assert list(answer.json or {}) == ["content"]


def test_a_type_has_the_documented_members_in_their_order(api: Api) -> None:
    by_code = {requirement["code"]: requirement for requirement in content(api.get("/requirements"))}

    assert list(by_code["ATT_VIGI"].items()) == [
        ("documentId", 1),
        ("accountId", 119631),
        ("code", "ATT_VIGI"),
        ("name", "Attestationdevigilance6mois"),
        ("descriptionCategoryFr", "REGULARITE SOCIALE"),
        ("descriptionCategoryEn", "Social regularity"),
        ("descriptionFr", "Atteste que l'entreprise a déclaré et payé ses cotisations sociales."),
        ("descriptionEn", "Shows that the company has declared and paid its social contributions."),
    ]


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("JUSTIF_IMM", "Justificatifdimmatriculation"),
        ("LST_SAL_ETR", "Autorisationsdetravail"),
        ("NIT0RSS", "NOTE-INSTRUCTIONS-TECHNIQUES-003-2012-Renseignements-surfaces-sinistrees"),
    ],
)
def test_the_name_of_a_type_is_a_slug_of_its_label(api: Api, code: str, name: str) -> None:
    by_code = {requirement["code"]: requirement for requirement in content(api.get("/requirements"))}

    assert by_code[code]["name"] == name
