"""E-mails that the platform would have sent: recipient, time, reason; a refusal sends none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support import OTHER_SIRET, SIRET, Api, content

NOW = "2031-05-03T10:00:00"
USER = {"firstname": "Ann", "lastname": "Lee", "email": "ann@supplier.example"}
DEFAULT_CODES = ["ATT_VIGI", "JUSTIF_IMM", "LST_SAL_ETR"]


@pytest.fixture
def frozen(api: Api) -> Api:
    """An api whose clock stands still at `NOW`."""
    api.set_clock(NOW)
    return api


def sent(api: Api) -> list[dict[str, Any]]:
    return list(api.control("GET", "/outbox")["mails"])


def recipients(api: Api) -> list[tuple[str, str]]:
    """Kind and address of each e-mail."""
    return [(mail["kind"], mail["to"]) for mail in sent(api)]


def register(api: Api, siret: str = SIRET) -> None:
    api.control("POST", "/thirdparties", {"siret": siret, "users": [USER]})


def test_the_outbox_is_empty_at_the_start(api: Api) -> None:
    assert sent(api) == []


def test_an_unregistered_third_party_is_invited_with_its_key_when_the_import_ends(frozen: Api) -> None:
    frozen.launch(thirdpartyEmail=["a@supplier.example", "b@supplier.example"])
    assert sent(frozen) == []

    frozen.advance("PT10S")

    first, second = sent(frozen)
    (dossier,) = content(frozen.get("/dossiers", dossierReference="PO-1"))
    shown = content(frozen.get(f"/thirdparties/{dossier['thirdpartyId']}"))
    assert first == {
        "number": 1,
        "sentAt": "2031-05-03T10:00:00.200",
        "kind": "invitation",
        "to": "a@supplier.example",
        "accountId": 119631,
        "dossierId": dossier["dossierId"],
        "thirdpartyId": dossier["thirdpartyId"],
        "documentCodes": DEFAULT_CODES,
        "subscriptionKey": shown["subscriptionKey"],
    }
    assert second == first | {"number": 2, "to": "b@supplier.example"}


def test_a_registered_third_party_is_asked_for_the_documents(api: Api) -> None:
    register(api)

    api.new_dossier(requiredDocuments=["I2"], thirdpartyEmail=["b@supplier.example", USER["email"]])

    assert recipients(api) == [("request", "ann@supplier.example"), ("request", "b@supplier.example")]
    assert [(mail["documentCodes"], mail["subscriptionKey"]) for mail in sent(api)] == [(["I2"], None)] * 2


def test_without_an_address_no_invitation_is_sent(api: Api) -> None:
    api.new_dossier()

    assert sent(api) == []


def test_users_in_charge_who_are_not_users_of_the_account_are_invited(api: Api) -> None:
    api.new_dossier(userInCharge=["API@example.com", "multi@example.com", "new@client.example"])

    assert recipients(api) == [("userInCharge", "new@client.example")]
    assert sent(api)[0]["subscriptionKey"] is None


def test_a_user_of_another_account_is_not_known_to_this_one(api: Api) -> None:
    api.new_dossier(userInCharge=["domestic@example.com"])

    assert recipients(api) == [("userInCharge", "domestic@example.com")]


def test_each_address_of_an_update_is_invited_at_once(frozen: Api) -> None:
    dossier = frozen.new_dossier()

    frozen.post(f"/dossiers/{dossier['dossierId']}", {"thirdpartyEmail": ["a@supplier.example"] * 2})

    assert recipients(frozen) == [("invitation", "a@supplier.example")]
    assert sent(frozen)[0]["sentAt"] == frozen.control("GET", "/clock")["now"]
    assert sent(frozen)[0]["subscriptionKey"]


def test_an_invitation_to_a_registered_third_party_has_no_key(api: Api) -> None:
    register(api)
    dossier = api.new_dossier()

    api.post(f"/dossiers/{dossier['dossierId']}", {"thirdpartyEmail": ["b@supplier.example"]})

    assert sent(api)[-1]["kind"] == "invitation"
    assert sent(api)[-1]["subscriptionKey"] is None


def test_an_update_without_an_address_sends_nothing(api: Api) -> None:
    dossier = api.new_dossier()

    api.post(f"/dossiers/{dossier['dossierId']}", {"description": "new", "thirdpartyEmail": []})

    assert sent(api) == []


def test_the_users_of_the_third_party_are_asked_for_additional_documents(api: Api) -> None:
    register(api)
    dossier = api.new_dossier(requiredDocuments=["I2"])

    api.post(f"/dossiers/{dossier['dossierId']}/requirements", ["I2", "RIB_IBAN", "ATT_VIGI"])
    api.post(f"/dossiers/{dossier['dossierId']}/requirements", ["I2"])

    assert [mail["documentCodes"] for mail in sent(api)] == [["I2"], ["RIB_IBAN", "ATT_VIGI"]]
    assert recipients(api)[-1] == ("request", "ann@supplier.example")


def test_a_reactivation_asks_the_documents_again(api: Api) -> None:
    register(api)
    dossier = api.stopped_dossier(requiredDocuments=["I2", "RIB_IBAN"])
    stopped = len(sent(api))

    api.post(f"/dossiers/{dossier['dossierId']}/reactivate")

    assert [(mail["kind"], mail["documentCodes"]) for mail in sent(api)[stopped:]] == [
        ("request", ["I2", "RIB_IBAN"])
    ]


def test_an_unregistered_third_party_gets_no_request(api: Api) -> None:
    dossier = api.stopped_dossier(requiredDocuments=["I2"])

    api.post(f"/dossiers/{dossier['dossierId']}/reactivate")
    api.post(f"/dossiers/{dossier['dossierId']}/requirements", ["RIB_IBAN"])

    assert sent(api) == []


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(
            lambda api: api.refused_import_codes(
                thirdpartyEmail=["a@supplier.example"],
                userInCharge=["a@client.example"],
                expirationDate="2020-01-01",
            ),
            id="an import",
        ),
        pytest.param(
            lambda api: api.post(
                "/dossiers/804127",
                {"thirdpartyEmail": ["a@supplier.example"], "expirationDate": "2020-01-01"},
            ),
            id="an update",
        ),
        pytest.param(
            lambda api: api.post("/dossiers/804127", {"thirdpartyEmail": ["a@invalid.example"]}),
            id="an address that takes no mail",
        ),
        pytest.param(lambda api: api.post("/dossiers/804127/requirements", ["NOPE"]), id="a requirement"),
        pytest.param(lambda api: api.post("/dossiers/804127/reactivate"), id="a reactivation"),
    ],
)
def test_a_rejected_call_sends_nothing(api: Api, refused: Callable[[Api], object]) -> None:
    refused(api)

    assert sent(api) == []


def test_each_sandbox_has_its_outbox(make_api: Callable[..., Api]) -> None:
    api, other = make_api(), make_api()

    api.new_dossier(thirdpartyEmail=["a@supplier.example"])

    assert (len(sent(api)), len(sent(other))) == (1, 0)


def test_the_outbox_can_be_reset_alone_and_its_numbers_continue(api: Api) -> None:
    api.new_dossier(thirdpartyEmail=["a@supplier.example"])

    api.control("POST", "/reset", {"only": ["outbox"]})
    assert sent(api) == []
    api.new_dossier(companyIdValue=OTHER_SIRET, thirdpartyEmail=["b@supplier.example"])

    assert [mail["number"] for mail in sent(api)] == [2]
    assert content(api.get("/dossiers", dossierReference="PO-1"))


def test_a_reset_empties_it_and_a_snapshot_has_it(api: Api) -> None:
    api.new_dossier(thirdpartyEmail=["a@supplier.example"])
    api.control("POST", "/snapshots/sent")

    api.control("POST", "/reset")
    assert sent(api) == []
    api.control("POST", "/snapshots/sent/restore")

    assert recipients(api) == [("invitation", "a@supplier.example")]
