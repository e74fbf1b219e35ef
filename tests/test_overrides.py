"""Overrides of a world: the result is as if the recipe had listed them, and nothing else changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from mock_server.domain.local_time import midnight
from mock_server.domain.model import NO_LOGINS, Admission, CompanyId, CompanyIdType, Dossier
from mock_server.domain.world import World
from mock_server.fixtures.build import ids_for_recipe
from mock_server.fixtures.build_dossiers import build_contents
from mock_server.fixtures.contents import build_world
from mock_server.fixtures.entries import Overrides, Recipe
from mock_server.fixtures.fixture import load_fixture
from mock_server.fixtures.upsert import apply_overrides
from mock_server.input_errors import InputError
from tests.consistency import inconsistencies, listed, next_due, portfolio_index, portfolios, world_index
from tests.support import ACCOUNT, DAY, OTHER_SIRET, SECOND_ACCOUNT, SEED_DOSSIER, SIRET
from tests.transcript import as_lines

NOW = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
DEFAULT = load_fixture("default", DAY).world(NOW)
SEED_SIRET = "50382936800045"
CLOSED_SIRET = "99000103400018"


def laid(world: World = DEFAULT, **entries: Any) -> World:
    return apply_overrides(world, NOW, msgspec.convert(entries, Overrides))


def dossier_of(world: World, dossier_id: int, account_id: int = ACCOUNT) -> Dossier:
    return world.portfolios[account_id].dossiers[dossier_id]


def thirdparty_of(world: World, siret: str) -> Any:
    return world.thirdparty_with_id(CompanyId(CompanyIdType.SIRET, siret))


# As a recipe would have it.

SIRETS = [SIRET, OTHER_SIRET, "99050002700018"]
days = st.integers(-400, 400).map(lambda number: DAY + timedelta(days=number))
past = st.integers(-400, 0).map(lambda number: (DAY + timedelta(days=number)).isoformat())
files = st.fixed_dictionaries({}, optional={"expirationDate": days.map(date.isoformat), "uploadDate": past})
documents = st.lists(
    st.fixed_dictionaries(
        {"documentCode": st.sampled_from(["ATT_VIGI", "I2", "RIB_IBAN"])},
        optional={"files": st.lists(files, max_size=2), "requestDate": past},
    ),
    max_size=3,
)
dossier_lists = st.lists(
    st.fixed_dictionaries(
        {"siret": st.sampled_from(SIRETS), "dossierReference": st.sampled_from(["A", "B", "-"])},
        optional={
            "accountId": st.sampled_from([1, 2]),
            "documents": documents,
            "startingDate": st.none() | past,
            "expirationDate": days.map(date.isoformat),
            "stoppingReason": st.sampled_from(["STOPREQUEST", "UNKNOWN"]),
            "stateLastChangeDate": past,
            "thirdpartyCode": st.sampled_from(["F1", "F2"]),
        },
    ),
    max_size=6,
    unique_by=lambda entry: (
        entry.get("accountId", 1),
        entry["siret"],
        entry["dossierReference"] if entry["dossierReference"] != "-" else id(entry),
    ),
)


def recipe(**entries: Any) -> Recipe:
    catalogue = load_fixture("empty", DAY).source.recipe.requirements
    written = {"version": 1, "accounts": [{"accountId": 1}, {"accountId": 2}]} | entries
    return msgspec.structs.replace(msgspec.convert(written, Recipe), requirements=catalogue)


def built(written: Recipe) -> World:
    world = build_world(build_contents(written, ids_for_recipe(written), DAY))
    return msgspec.structs.replace(world, admission=Admission(default_account=1))


def relations(world: World) -> Any:
    """What each account has to do with each third party."""
    return {
        (portfolio.account.account_id, found): [
            (relation.thirdparty_code, list(relation.dossiers), relation.state_last_change_date),
            (relation.active, relation.complete, relation.vigilant),
        ]
        for portfolio in portfolios(world)
        for found, relation in portfolio.relations.items()
    }


def contents(world: World) -> Any:
    """All that is in a world, as plain values."""
    lists = ("relation_ids", "dossier_ids", "monitored_ids", "stopped_ids")
    dossiers = {number: each for p in portfolios(world) for number, each in p.dossiers.items()}
    return [
        msgspec.to_builtins([dict(world.thirdparties.items()), dossiers], str_keys=True),
        relations(world),
        {(p.account.account_id, name): list(getattr(p, name)) for p in portfolios(world) for name in lists},
        list(world.agenda),
    ]


@given(dossier_lists)
def test_dossiers_in_overrides_are_as_if_the_recipe_had_listed_them(entries: list[dict[str, Any]]) -> None:
    begun = ids_for_recipe(recipe()).save_to(built(recipe()))

    over = apply_overrides(begun, midnight(DAY), msgspec.convert({"dossiers": entries}, Overrides))

    whole = built(recipe(dossiers=entries))
    assert contents(over) == contents(whole)
    assert listed(over.index) == world_index(over)
    for portfolio in portfolios(over):
        assert listed(portfolio.index) == portfolio_index(portfolio)


@given(dossier_lists, st.randoms())
def test_counts_agenda_and_indexes_are_right_after_any_replacement(
    entries: list[dict[str, Any]], random: Any
) -> None:
    numbered = [entry | {"dossierId": 100 + at} for at, entry in enumerate(entries)]
    begun = built(recipe(dossiers=numbered))
    again = [
        {"dossierId": each["dossierId"], "siret": each["siret"], "dossierReference": f"N{each['dossierId']}"}
        | {"accountId": each.get("accountId", 1)}
        | random.choice(
            [{}, {"stoppingReason": "UNKNOWN"}, {"documents": []}, {"expirationDate": "2027-01-01"}]
        )
        for each in numbered
        if random.random() < 0.7
    ]

    over = apply_overrides(begun, midnight(DAY), msgspec.convert({"dossiers": again}, Overrides))

    replaced = {each["dossierId"]: each for each in again}
    whole = built(recipe(dossiers=[replaced.get(each["dossierId"], each) for each in numbered]))
    assert [row[1] for row in relations(over).values()] == [row[1] for row in relations(whole).values()]
    assert [row[0][1:] for row in relations(over).values()] == [
        row[0][1:] for row in relations(whole).values()
    ]
    for portfolio in portfolios(over):
        assert listed(portfolio.index) == portfolio_index(portfolio)
    due = [next_due(dossier) for p in portfolios(over) for dossier in p.dossiers.values()]
    assert [tuple(each) for each in over.agenda] == sorted(each for each in due if each is not None)


# What is there takes what is written.


def test_empty_overrides_change_nothing() -> None:
    assert contents(laid()) == contents(DEFAULT)


def test_what_is_not_changed_is_the_same_object() -> None:
    over = laid(dossiers=[{"siret": SIRET, "dossierReference": "PO-1"}])

    assert over.portfolios[SECOND_ACCOUNT] is DEFAULT.portfolios[SECOND_ACCOUNT]
    assert dossier_of(over, SEED_DOSSIER) is dossier_of(DEFAULT, SEED_DOSSIER)


def test_an_existing_account_changes_in_the_given_members() -> None:
    over = laid(accounts=[{"accountId": ACCOUNT, "subscriptionStatus": "INACTIVE", "maxDossiers": 3}])

    before, after = DEFAULT.portfolios[ACCOUNT].account, over.portfolios[ACCOUNT].account
    assert (after.active, after.max_dossiers) == (False, 3)
    assert [subscription.status for subscription in after.subscriptions] == ["INACTIVE"]
    assert (after.name, after.requirements) == (before.name, before.requirements)
    assert over.portfolios[ACCOUNT].dossiers is DEFAULT.portfolios[ACCOUNT].dossiers


def test_a_subscription_of_another_status_does_not_follow_its_account() -> None:
    since = "2021-01-01T00:00:00"
    rows = [{"key": key, "startSubscriptionDate": since, "status": key} for key in ("ACTIVE", "ENDED")]
    over = laid(accounts=[{"accountId": ACCOUNT, "subscriptions": rows}])

    over = laid(over, accounts=[{"accountId": ACCOUNT, "subscriptionStatus": "INACTIVE"}])

    subscriptions = over.portfolios[ACCOUNT].account.subscriptions
    assert [(each.key, each.status) for each in subscriptions] == [("ACTIVE", "INACTIVE"), ("ENDED", "ENDED")]


def test_every_simple_member_of_an_account_can_be_changed() -> None:
    change = {
        "account": "CPT",
        "name": "N",
        "company": "C",
        "creation": "2020-01-01T00:00:00",
        "subscriptionDate": "2021-01-01T00:00:00",
        "international": False,
        "subscriptions": [{"key": "K", "startSubscriptionDate": "2021-01-01T00:00:00"}],
    }

    account = laid(accounts=[{"accountId": ACCOUNT} | change]).portfolios[ACCOUNT].account

    assert (account.technical_name, account.name, account.company, account.international) == (
        "CPT",
        "N",
        "C",
        False,
    )
    assert (account.creation, account.subscription_date) == (
        datetime(2019, 12, 31, 23, tzinfo=UTC),
        datetime(2020, 12, 31, 23, tzinfo=UTC),
    )
    assert [subscription.key for subscription in account.subscriptions] == ["K"]


def test_a_new_account_has_the_defaults_of_a_recipe() -> None:
    over = laid(
        accounts=[{"accountId": 7, "withdrawn": ["I2"]}],
        dossiers=[{"accountId": 7, "siret": SIRET, "dossierReference": "A"}],
    )

    account = over.portfolios[7].account
    assert len(account.requirements) == len(DEFAULT.requirements)
    assert account.requirements["I2"].withdrawn
    assert account.default_requirements == ("ATT_VIGI", "JUSTIF_IMM", "LST_SAL_ETR")
    assert len(over.portfolios[7].dossiers) == 1


def test_a_document_type_that_is_withdrawn_is_no_longer_a_default() -> None:
    over = laid(accounts=[{"accountId": ACCOUNT, "withdrawn": ["ATT_VIGI"]}])

    account = over.portfolios[ACCOUNT].account
    assert account.requirements["ATT_VIGI"].withdrawn
    assert not account.requirements["ADO"].withdrawn
    assert account.default_requirements == ("JUSTIF_IMM", "LST_SAL_ETR")


def test_the_document_types_of_an_account_can_become_fewer() -> None:
    over = laid(accounts=[{"accountId": ACCOUNT, "requirements": ["I2"], "withdrawn": []}])

    account = over.portfolios[ACCOUNT].account
    assert list(account.requirements) == ["I2"]
    assert account.default_requirements == ()
    assert over.requirement(ACCOUNT, "ATT_VIGI").code == "ATT_VIGI"


def test_the_default_document_types_of_an_account_can_be_changed() -> None:
    over = laid(accounts=[{"accountId": ACCOUNT, "defaultRequirements": ["I2", "I2"]}])

    assert over.portfolios[ACCOUNT].account.default_requirements == ("I2",)


def test_every_account_may_ask_for_a_new_document_type() -> None:
    over = laid(
        requirements=[{"documentId": 990001, "code": "NEW", "labelFr": "Nouveau"}],
        dossiers=[{"siret": SIRET, "dossierReference": "A", "documents": [{"documentCode": "NEW"}]}],
    )

    assert over.requirements["NEW"].name == "Nouveau"
    assert all("NEW" in portfolio.account.requirements for portfolio in portfolios(over))


def test_an_existing_document_type_gets_the_given_values_and_stays_withdrawn() -> None:
    known = DEFAULT.requirements["ADO"]

    over = laid(requirements=[{"documentId": known.document_type_id, "code": "ADO", "labelFr": "Autre"}])

    row = over.portfolios[ACCOUNT].account.requirements["ADO"]
    assert (row.label_fr, row.withdrawn) == ("Autre", True)


def test_a_row_of_the_registry_replaces_the_previous_one() -> None:
    over = laid(establishments=[{"siret": CLOSED_SIRET, "condition": "open"}])

    assert over.establishments[CompanyId(CompanyIdType.SIRET, CLOSED_SIRET)].condition.value == "open"
    assert len(over.establishments) == len(DEFAULT.establishments)


def test_a_dossier_uses_the_row_of_the_registry_in_the_same_overrides() -> None:
    over = laid(
        establishments=[{"siret": SIRET, "name": "ACME"}],
        dossiers=[{"siret": SIRET, "dossierReference": "A"}],
    )

    assert thirdparty_of(over, SIRET).company.name == "ACME"


@pytest.mark.parametrize("named", ["siret", "thirdpartyId"])
def test_an_existing_third_party_gets_the_given_values_and_is_found_by_its_new_name(named: str) -> None:
    known = thirdparty_of(DEFAULT, SEED_SIRET)
    by = {"siret": SEED_SIRET, "thirdpartyId": known.thirdparty_id}[named]

    over = laid(thirdparties=[{named: by, "name": "Renamed", "subscriptionDate": None}])

    after = thirdparty_of(over, SEED_SIRET)
    assert (after.company.name, after.registered, after.users) == ("Renamed", False, known.users)
    assert after.company.ceo == known.company.ceo
    assert listed(over.index) == world_index(over)


def test_the_contact_persons_of_a_third_party_are_replaced() -> None:
    user = {"firstname": "A", "lastname": "B", "email": "a@b.example"}

    over = laid(thirdparties=[{"siret": SEED_SIRET, "users": [user]}])

    assert [each.email for each in thirdparty_of(over, SEED_SIRET).users] == ["a@b.example"]


def test_a_new_third_party_is_registered_and_in_no_account() -> None:
    user = {"firstname": "A", "lastname": "B", "email": "a@b.example"}

    over = laid(thirdparties=[{"siret": SIRET, "subscriptionDate": "2025-05-05", "users": [user]}])

    made = thirdparty_of(over, SIRET)
    assert (made.registered, made.users[0].email) == (True, "a@b.example")
    assert made.thirdparty_id == DEFAULT.next_ids.thirdparty
    assert over.next_ids.thirdparty == DEFAULT.next_ids.thirdparty + 1
    assert made.thirdparty_id not in over.portfolios[ACCOUNT].relations


def test_a_third_party_that_goes_out_of_business_stops_its_dossiers() -> None:
    over = laid(thirdparties=[{"siret": SEED_SIRET, "outOfBusiness": True}])

    stopped = dossier_of(over, SEED_DOSSIER)
    assert (stopped.monitored, stopped.stopping_reason.value) == (False, "OUTOFBUSINESS")
    assert stopped.stopping_date == NOW


def test_a_third_party_that_is_out_of_business_may_have_an_active_dossier_and_changes() -> None:
    closed = laid(thirdparties=[{"siret": SEED_SIRET, "outOfBusiness": True}])
    active = laid(closed, dossiers=[{"dossierId": 7, "siret": SEED_SIRET, "dossierReference": "NEW"}])

    over = laid(active, thirdparties=[{"siret": SEED_SIRET, "name": "N", "subscriptionKey": "A1B2C3D4E5F6"}])

    assert dossier_of(over, 7) is dossier_of(active, 7)
    assert thirdparty_of(over, SEED_SIRET).subscription_key == "A1B2C3D4E5F6"


def test_a_foreign_company_that_moves_is_of_another_country() -> None:
    over = laid(thirdparties=[{"companyIdType": "CIT003", "companyIdValue": "123456789"}])

    moved = laid(
        over,
        thirdparties=[{"companyIdType": "CIT003", "companyIdValue": "123456789", "addressCountryCode": "CA"}],
    )

    [made] = [each for each in moved.thirdparties.values() if each.company_id.value == "123456789"]
    assert made.country_code == "CA"


def test_a_dossier_replaces_the_one_with_the_same_id() -> None:
    over = laid(
        dossiers=[
            {"dossierId": SEED_DOSSIER, "siret": SEED_SIRET, "dossierReference": "NEW", "documents": []}
        ]
    )

    after = dossier_of(over, SEED_DOSSIER)
    assert (after.reference, after.complete, after.documents) == ("NEW", True, ())
    assert inconsistencies(over, NOW) == []


def test_ids_left_open_are_the_next_ones_and_follow_the_listed_ones() -> None:
    over = laid(
        dossiers=[
            {"siret": SIRET, "dossierReference": "A", "dossierId": 5_000_000},
            {"siret": SIRET, "dossierReference": "B", "documents": [{"documentCode": "I2", "files": [{}]}]},
        ]
    )

    made = [dossier for dossier in over.portfolios[ACCOUNT].dossiers if dossier >= DEFAULT.next_ids.dossier]
    assert sorted(made) == [5_000_000, 5_000_001]
    assert over.next_ids.dossier == 5_000_002
    assert over.next_ids.document == DEFAULT.next_ids.document + 4
    assert over.next_ids.evidence == DEFAULT.next_ids.evidence + 1


def test_dates_left_open_are_now() -> None:
    over = laid(dossiers=[{"dossierId": 900001, "siret": SIRET, "dossierReference": "A"}])

    assert dossier_of(over, 900001).starting_date == NOW
    assert inconsistencies(over, NOW) == []


def test_a_dossier_gives_its_third_party_a_code() -> None:
    over = laid(dossiers=[{"siret": SEED_SIRET, "dossierReference": "A", "thirdpartyCode": "F-9"}])

    portfolio = over.portfolios[ACCOUNT]
    assert list(portfolio.thirdparties_with_code("F-9")) == [thirdparty_of(over, SEED_SIRET).thirdparty_id]


def test_domains_are_added() -> None:
    over = laid(invalidEmailDomains=["Bad.Example"])

    assert over.invalid_email_domains == DEFAULT.invalid_email_domains | {"bad.example"}


ANY = {"dossierReference": "A"}
SEED_THIRDPARTY = thirdparty_of(DEFAULT, SEED_SIRET).thirdparty_id
SEED_DOCUMENT = dossier_of(DEFAULT, SEED_DOSSIER).documents[0].document_id
INVALID: dict[str, tuple[dict[str, Any], str, str]] = {
    "a population": (
        {"accounts": [{"accountId": 7, "population": {"dossiers": 1}}]},
        "$.accounts[0].population",
        "list the dossiers instead",
    ),
    "an account twice": (
        {"accounts": [{"accountId": 7}, {"accountId": 7}]},
        "$.accounts[1]",
        "7 is used twice",
    ),
    "a document type twice": (
        {"requirements": [{"documentId": at, "code": "N", "labelFr": "N"} for at in (90001, 90002)]},
        "$.requirements[1]",
        "N is used twice",
    ),
    "the id of a third party twice": (
        {"thirdparties": [{"thirdpartyId": 875}, {"thirdpartyId": 875, "name": "N"}]},
        "$.thirdparties[1]",
        "875 is used twice",
    ),
    "an unknown document type of an account": (
        {"accounts": [{"accountId": 7, "requirements": ["I2", "NOPE"]}]},
        "$.accounts[0].requirements[1]",
        "no requirement 'NOPE'",
    ),
    "an unknown document type withdrawn": (
        {"accounts": [{"accountId": ACCOUNT, "withdrawn": ["NOPE"]}]},
        "$.accounts[0].withdrawn[0]",
        "no requirement 'NOPE'",
    ),
    "a default that is withdrawn": (
        {"accounts": [{"accountId": ACCOUNT, "defaultRequirements": ["ADO"]}]},
        "$.accounts[0].defaultRequirements[0]",
        "not among",
    ),
    "no date-time of an account": (
        {"accounts": [{"accountId": ACCOUNT, "creation": "soon"}]},
        "$.accounts[0].creation",
        "is not an ISO date-time",
    ),
    "no date-time of a subscription": (
        {"accounts": [{"accountId": ACCOUNT, "subscriptionDate": "soon"}]},
        "$.accounts[0].subscriptionDate",
        "is not an ISO date-time",
    ),
    "the id of another document type": (
        {
            "requirements": [
                {"documentId": DEFAULT.requirements["I2"].document_type_id, "code": "N", "labelFr": "N"}
            ]
        },
        "$.requirements[0].documentId",
        "is the id of 'I2'",
    ),
    "a malformed SIRET of an establishment": (
        {"establishments": [{"siret": "99050000100014"}]},
        "$.establishments[0].siret",
        "is not a well-formed SIRET",
    ),
    "an establishment twice": (
        {"establishments": [{"siret": SIRET}, {"siret": SIRET}]},
        "$.establishments[1]",
        "used twice",
    ),
    "an establishment without a company": ({"establishments": [{}]}, "$.establishments[0]", "needs a siret"),
    "a described establishment without a name": (
        {"establishments": [{"siret": SIRET, "ceo": "X"}]},
        "$.establishments[0]",
        "needs a name",
    ),
    "a transfer to nowhere": (
        {"establishments": [{"siret": SIRET, "condition": "transferred"}]},
        "$.establishments[0]",
        "go together",
    ),
    "a malformed SIRET of a third party": (
        {"thirdparties": [{"siret": "99050000100014"}]},
        "$.thirdparties[0].siret",
        "is not a well-formed SIRET",
    ),
    "a third party twice": (
        {"thirdparties": [{"siret": SIRET}, {"siret": SIRET}]},
        "$.thirdparties[1]",
        "used twice",
    ),
    "a new third party by its id alone": (
        {"thirdparties": [{"thirdpartyId": 77}]},
        "$.thirdparties[0].thirdpartyId",
        "nothing names the company",
    ),
    "a new company under the id of another": (
        {"thirdparties": [{"thirdpartyId": SEED_THIRDPARTY, "siret": SIRET}]},
        "$.thirdparties[0].thirdpartyId",
        f"is the third party {SEED_SIRET}",
    ),
    "a known company under another id": (
        {"thirdparties": [{"thirdpartyId": 77, "siret": SEED_SIRET}]},
        "$.thirdparties[0].thirdpartyId",
        f"is {SEED_THIRDPARTY}",
    ),
    "a dossier in an unknown account": (
        {"dossiers": [ANY | {"siret": SIRET, "accountId": 7}]},
        "$.dossiers[0].accountId",
        "no account 7",
    ),
    "a dossier of an unknown third party": (
        {"dossiers": [ANY | {"thirdpartyId": 77}]},
        "$.dossiers[0].thirdpartyId",
        "no third party 77",
    ),
    "a malformed SIRET of a dossier": (
        {"dossiers": [ANY | {"siret": "99050000100014"}]},
        "$.dossiers[0].siret",
        "is not a well-formed SIRET",
    ),
    "an unknown document type": (
        {"dossiers": [ANY | {"siret": SIRET, "documents": [{"documentCode": "NOPE"}]}]},
        "$.dossiers[0].documents[0].documentCode",
        "no requirement 'NOPE'",
    ),
    "a dossier twice": (
        {"dossiers": [ANY | {"siret": SIRET, "dossierId": 5}, ANY | {"siret": OTHER_SIRET, "dossierId": 5}]},
        "$.dossiers[1]",
        "5 is used twice",
    ),
    "the dossier of another third party": (
        {"dossiers": [ANY | {"siret": SIRET, "dossierId": SEED_DOSSIER}]},
        "$.dossiers[0].dossierId",
        f"account {ACCOUNT} and third party {SEED_THIRDPARTY}",
    ),
    "the dossier of another account": (
        {"dossiers": [ANY | {"siret": SEED_SIRET, "dossierId": SEED_DOSSIER, "accountId": SECOND_ACCOUNT}]},
        "$.dossiers[0].dossierId",
        f"account {ACCOUNT} and third party {SEED_THIRDPARTY}",
    ),
    "a reference that the third party has": (
        {"dossiers": [{"siret": SEED_SIRET, "dossierReference": "TEST"}]},
        "$.dossiers[0].dossierReference",
        "another dossier with the reference 'TEST'",
    ),
    "a reference twice": (
        {"dossiers": [ANY | {"siret": SIRET}, ANY | {"siret": SIRET}]},
        "$.dossiers[1].dossierReference",
        "another dossier with the reference 'A'",
    ),
    "a reference with a blank": (
        {"dossiers": [{"siret": SIRET, "dossierReference": "A B"}]},
        "$.dossiers[0].dossierReference",
        "white space",
    ),
    "a document of another dossier": (
        {
            "dossiers": [
                ANY | {"siret": SIRET, "documents": [{"documentCode": "I2", "documentId": SEED_DOCUMENT}]}
            ]
        },
        "$.dossiers[0].documents[0].documentId",
        f"is used in dossier {SEED_DOSSIER}",
    ),
    "a document twice": (
        {
            "dossiers": [
                ANY
                | {
                    "siret": SIRET,
                    "documents": [
                        {"documentCode": "I2", "documentId": 5},
                        {"documentCode": "RIB_IBAN", "documentId": 5},
                    ],
                }
            ]
        },
        "$.dossiers[0].documents[1].documentId",
        "5 is used twice",
    ),
}


def test_an_invalid_value_is_rejected_with_its_place(snapshot: SnapshotAssertion) -> None:
    found = {}
    for case, (entries, path, message) in INVALID.items():
        with pytest.raises(InputError) as refused:
            laid(**entries)
        assert refused.value.path == path, case
        assert message in str(refused.value), case
        found[case] = f"{path}: {refused.value}"
    assert as_lines(found) == snapshot


def test_without_a_default_account_a_dossier_has_to_name_one() -> None:
    entries = msgspec.convert({"dossiers": [ANY | {"siret": SIRET}]}, Overrides)

    with pytest.raises(InputError, match="name one") as refused:
        apply_overrides(msgspec.structs.replace(DEFAULT, admission=NO_LOGINS), NOW, entries)

    assert refused.value.path == "$.dossiers[0].accountId"


def test_the_documents_of_a_dossier_that_is_replaced_may_keep_their_ids() -> None:
    document = {"documentCode": "I2", "documentId": SEED_DOCUMENT}

    over = laid(dossiers=[ANY | {"dossierId": SEED_DOSSIER, "siret": SEED_SIRET, "documents": [document]}])

    assert dossier_of(over, SEED_DOSSIER).documents[0].document_id == SEED_DOCUMENT
