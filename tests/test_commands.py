"""The four commands on a dossier: what they refuse and answer; updates (behaviour.md 3.0.21, 3.11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.command_calls import ACCEPTED, REFUSED, prepare_dossiers
from tests.support import OTHER_SIRET, SEED_DOSSIER, Api, codes, content, is_protocol_error

pytestmark = pytest.mark.dialects("rest", "edge")

SEED_SIRET = "50382936800045"
RESULT = {"complete": True, "success": True, "errors": []}

WRONG_TYPES: dict[str, tuple[str, Any]] = {
    "an update by an array": ("{active}", ["x"]),
    "an update to a numeric reference": ("{active}", {"dossierReference": 1}),
    "an update to a numeric date": ("{active}", {"expirationDate": 0}),
    "an update with an e-mail that is not a list": ("{active}", {"thirdpartyEmail": "a@example.com"}),
    "an update of a stopped dossier to a numeric text": ("{stopped}", {"description": 1}),
    "a reactivation by an array": ("{stopped}/reactivate", []),
    "a reactivation until a number": ("{stopped}/reactivate", {"expirationDate": 20310601}),
    "requirements in a string": ("{active}/requirements", "I2"),
    "requirements that are numbers": ("{active}/requirements", [1]),
    "requirements that are a string in an object": ("{active}/requirements", {"newRequiredDocuments": "I2"}),
    "requirements that are numbers in an object": ("{active}/requirements", {"newRequiredDocuments": [1]}),
}


_READY: dict[str, tuple[Api, dict[str, int]]] = {}


def restore_or_prepare(make: Callable[[], Api], key: str) -> tuple[Api, dict[str, int]]:
    """A sandbox that is prepared once, which takes a second, and restored for each test."""
    if key not in _READY:
        api = make()
        _READY[key] = api, prepare_dossiers(api)
        api.control("POST", "/snapshots/prepared")
    api, dossiers = _READY[key]
    api.control("POST", "/snapshots/prepared/restore")
    return api, dossiers


@pytest.fixture
def ready(make_api: Callable[..., Api], dialect: str) -> tuple[Api, dict[str, int]]:
    """A prepared sandbox, and the ids of its dossiers."""
    return restore_or_prepare(make_api, dialect)


def command(api: Api, dossiers: dict[str, int], path: str, body: Any) -> TestResponse:
    """Send a command of a table."""
    return api.post(f"/dossiers/{path.format(**dossiers)}", body)


def test_a_refused_command_reports_all_errors_and_changes_nothing(
    ready: tuple[Api, dict[str, int]],
) -> None:
    api, dossiers = ready
    before = api.control("GET", "/state")

    for case, (path, body, expected) in REFUSED.items():
        answer = command(api, dossiers, path, body)

        assert (answer.status_code, sorted(codes(answer))) == (400, expected), case
        assert api.control("GET", "/state") == before, case


def test_under_the_variant_result_a_refusal_has_the_same_body_with_status_200(
    ready: tuple[Api, dict[str, int]], make_variant_api: Callable[..., Api], dialect: str
) -> None:
    variant = restore_or_prepare(lambda: make_variant_api(refusals="result"), f"{dialect} result")

    for case, (path, body, expected) in REFUSED.items():
        refused = command(*ready, path, body)
        answer = command(*variant, path, body)

        assert (answer.status_code, answer.json) == (200, refused.json), case
        assert sorted(codes(answer)) == expected, case


@pytest.mark.dialects("rest")
def test_a_refused_command_shows_its_errors_as_result_and_as_messages(api: Api) -> None:
    dossiers = prepare_dossiers(api)
    message = {"code": "E201", "message": "Le dossier est désactivé"}

    answer = api.post(f"/dossiers/{dossiers['stopped']}/stop")

    assert answer.json == {
        "content": {"complete": True, "success": False, "errors": [message]},
        "messages": {"error": [message]},
    }


@pytest.mark.parametrize(("path", "body"), ACCEPTED.values(), ids=ACCEPTED)
def test_an_accepted_command_answers_a_result_without_errors(
    ready: tuple[Api, dict[str, int]], path: str, body: Any
) -> None:
    answer = command(*ready, path, body)

    counterparts = ready[0].edge_only(isComplete="true", isSuccessful="true")
    assert [answer.status_code, answer.json] == [200, {"content": {**RESULT, **counterparts}}]


@pytest.mark.parametrize("variant", ["http400", "result"])
def test_wrong_json_types_are_a_protocol_error(
    make_variant_api: Callable[..., Api], dialect: str, variant: str
) -> None:
    prepared = restore_or_prepare(lambda: make_variant_api(refusals=variant), f"{dialect} {variant}")

    for case, (path, body) in WRONG_TYPES.items():
        assert is_protocol_error(command(*prepared, path, body), 400), case


def test_a_command_on_an_unknown_dossier_is_a_404(api: Api) -> None:
    for path in ("", "/stop", "/reactivate", "/requirements"):
        answer = api.post(f"/dossiers/1{path}", ["I2"] if path == "/requirements" else {"description": "x"})

        assert [answer.status_code, codes(answer)] == [404, [api.absent("E200")]], path


def test_a_command_on_another_accounts_dossier_is_a_404(make_api: Callable[..., Api]) -> None:
    api = make_api(user="multi", account=119700)

    assert api.post(f"/dossiers/{SEED_DOSSIER}/stop").status_code == 404


# Update


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        pytest.param({"dossierReference": " NE\tW "}, {"dossierReference": "NEW"}, id="reference"),
        pytest.param({"dossierReference": "ACTIVE"}, {"dossierReference": "ACTIVE"}, id="its own reference"),
        pytest.param({"dossierReference": "-"}, {"dossierReference": "-"}, id="no reference"),
        pytest.param({"description": "new"}, {"description": "new"}, id="description"),
        pytest.param({"description": ""}, {"description": ""}, id="an empty description"),
        pytest.param({"purchasingCategory": "BTP"}, {"purchasingCategory": "BTP"}, id="category"),
        pytest.param(
            {"expirationDate": "2031-05-03"}, {"expirationDate": "2031-05-03T00:00:00.000"}, id="tomorrow"
        ),
        pytest.param({"thirdpartyCode": "NEW"}, {"thirdpartyCode": "NEW"}, id="code"),
        pytest.param({"thirdpartyCode": ""}, {"thirdpartyCode": "MINE"}, id="an empty code leaves it"),
        pytest.param({"thirdpartyEmail": []}, {}, id="an empty list of addresses"),
        pytest.param({"thirdpartyEmail": ["a@example.com"]}, {}, id="an address"),
        pytest.param(
            {"description": "new", "purchasingCategory": None, "state": True, "dossierId": 7},
            {"description": "new"},
            id="null and unknown members next to another",
        ),
    ],
)
def test_an_update_changes_the_members_given_and_no_other(
    ready: tuple[Api, dict[str, int]], body: dict[str, Any], stored: dict[str, Any]
) -> None:
    api, dossier_id = ready[0], ready[1]["active"]
    before = api.dossier(dossier_id)

    assert api.post(f"/dossiers/{dossier_id}", body).status_code == 200

    assert api.dossier(dossier_id) == before | stored


def test_a_null_expiration_date_is_cleared(api: Api) -> None:
    dossier_id = api.new_dossier(expirationDate="2099-05-03")["dossierId"]

    assert api.post(f"/dossiers/{dossier_id}", {"expirationDate": None}).status_code == 200

    assert api.dossier(dossier_id)["expirationDate"] is None


def test_an_update_without_body_has_nothing_to_change(api: Api) -> None:
    answer = api.post(f"/dossiers/{SEED_DOSSIER}")

    assert [answer.status_code, codes(answer)] == [400, ["E003"]]


def test_a_new_code_is_shown_on_all_dossiers_of_the_third_party(api: Api) -> None:
    one, other = api.new_dossier(thirdpartyCode="OLD"), api.new_dossier(dossierReference="PO-2")

    api.post(f"/dossiers/{one['dossierId']}", {"thirdpartyCode": "NEW"})

    assert api.dossier(other["dossierId"])["thirdpartyCode"] == "NEW"
    assert content(api.get(f"/thirdparties/{one['thirdpartyId']}"))["thirdpartyCode"] == "NEW"


def test_a_code_that_no_third_party_has_any_more_can_be_used(api: Api) -> None:
    one = api.new_dossier(thirdpartyCode="OLD")
    api.post(f"/dossiers/{one['dossierId']}", {"thirdpartyCode": "NEW"})

    assert api.import_and_wait(companyIdValue=OTHER_SIRET, thirdpartyCode="OLD")["success"]


def test_a_reference_that_no_dossier_has_any_more_can_be_used(api: Api) -> None:
    one = api.new_dossier(dossierReference="OLD")
    api.post(f"/dossiers/{one['dossierId']}", {"dossierReference": "NEW"})

    assert api.import_and_wait(dossierReference="OLD")["success"]


def test_a_reference_of_another_third_party_can_be_taken(api: Api) -> None:
    api.new_dossier(dossierReference="SHARED", companyIdValue=OTHER_SIRET)

    assert api.post(f"/dossiers/{SEED_DOSSIER}", {"dossierReference": "SHARED"}).status_code == 200


def test_a_dossier_is_found_by_its_new_reference_only(api: Api) -> None:
    api.post(f"/dossiers/{SEED_DOSSIER}", {"dossierReference": "NEW"})

    found = [api.hits("/dossiers", dossierReference=reference) for reference in ("TEST", "NEW")]

    assert [[dossier["dossierId"] for dossier in dossiers] for dossiers in found] == [[], [SEED_DOSSIER]]
