"""Expiry: documents, states and indicators change when a file's last day is over (behaviour.md 6.8)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from tests.support import PARIS, RECIPE, SIRET, Api, content, global_state, indicator, present

pytestmark = pytest.mark.dialects("rest", "edge")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param("2031-05-10T23:59:59.999", [True, True, True], id="on its last day"),
        pytest.param("2031-05-11T00:00:00", [False, True, True], id="at the start of the next"),
        pytest.param("2031-05-21T00:00:00", [False, True, False], id="after another one expired"),
        pytest.param("2099-12-31T10:00:00", [False, True, False], id="long after"),
    ],
)
def test_a_document_is_present_through_the_last_day_of_its_latest_file(
    timed: Api, now: str, expected: list[bool]
) -> None:
    timed.set_clock(now)

    assert present(timed.dossier(1)) == expected


def test_a_file_of_the_last_day_of_2099_or_later_does_not_expire(timed: Api) -> None:
    expected = {"2099-12-30": False, "2099-12-31": True, "2150-01-01": True}
    made = {}
    for day in expected:
        documents = [{"documentCode": "I2", "files": [{"expirationDate": day}]}, {"documentCode": "RIB_IBAN"}]
        wanted = {"siret": SIRET, "dossierReference": day, "documents": documents}
        made[day] = timed.control("POST", "/dossiers", wanted)["dossierId"]
        timed.control("POST", f"/dossiers/{made[day]}/documents/RIB_IBAN/evidences", {"expirationDate": day})
    timed.set_clock("2151-01-01T12:00:00")

    found = {day: present(timed.dossier(dossier_id)) for day, dossier_id in made.items()}

    assert found == {day: [is_valid, is_valid] for day, is_valid in expected.items()}


def test_a_file_whose_day_is_past_at_the_start_does_not_count(make_server_api: Callable[..., Api]) -> None:
    api = make_server_api(RECIPE, clock=datetime(2031, 5, 11, tzinfo=PARIS))

    assert present(api.dossier(1)) == [False, True, True]


def test_a_file_that_is_valid_on_the_sandbox_s_clock_counts(make_server_api: Callable[..., Api]) -> None:
    recipe = RECIPE.replace('"2025-', '"2020-').replace('"2031-05-', '"2021-05-')

    api = make_server_api(recipe, clock=datetime(2021, 5, 10, tzinfo=PARIS))

    assert present(api.dossier(1)) == [True, True, True]


def test_an_expiry_is_dated_at_the_start_of_the_next_day(timed: Api) -> None:
    before = timed.dossier(1)

    timed.set_clock("2031-05-15T17:00:00")

    after = timed.dossier(1)
    assert [before["state"], before["stateLastChangeDate"]] == [True, "2025-02-03T08:30:00.000"]
    assert [after["state"], after["stateLastChangeDate"]] == [False, "2031-05-11T00:00:00.000"]


def test_an_expiry_of_a_vigilance_document_changes_the_indicator_on_the_same_date(timed: Api) -> None:
    timed.set_clock("2031-05-15T17:00:00")

    assert indicator(timed.dossier(1)) == (False, "2031-05-11T00:00:00.000")


def test_an_expiry_of_another_document_leaves_the_indicator(timed: Api) -> None:
    before = indicator(timed.dossier(2))

    timed.set_clock("2031-05-15T17:00:00")

    assert indicator(timed.dossier(2)) == before
    assert before[0] is True


def test_an_expiry_in_an_incomplete_dossier_keeps_the_date_of_its_state(timed: Api) -> None:
    before = timed.dossier(2)

    timed.set_clock("2031-05-15T17:00:00")

    after = timed.dossier(2)
    assert [present(before), present(after)] == [[True, False], [False, False]]
    assert [before["state"], after["state"]] == [False, False]
    assert after["stateLastChangeDate"] == before["stateLastChangeDate"]


def test_an_expiry_changes_the_third_party_s_state_on_its_day(timed: Api) -> None:
    assert global_state(timed, SIRET) == [True, True, "2025-02-03"]

    timed.set_clock("2031-05-15T17:00:00")

    assert global_state(timed, SIRET) == [True, False, "2031-05-11"]


@pytest.mark.parametrize(("since", "hits"), [("2031-05-11", [1]), ("2031-05-12", [])])
def test_dossiers_are_found_by_the_day_of_an_expiry(timed: Api, since: str, hits: list[int]) -> None:
    timed.set_clock("2031-05-15T17:00:00")

    found = timed.hits("/dossiers", stateLastChangeDate=since)

    assert [dossier["dossierId"] for dossier in found] == hits


def test_an_expired_file_stays_listed(timed: Api) -> None:
    before = content(timed.get("/dossiers/1/documents/11/files"))

    timed.set_clock("2031-06-01T10:00:00")

    assert content(timed.get("/dossiers/1/documents/11/files")) == before


def test_a_file_that_expired_while_the_dossier_was_stopped_no_longer_counts(timed: Api) -> None:
    timed.post("/dossiers/1/stop")
    timed.set_clock("2031-05-15T17:00:00")

    timed.post("/dossiers/1/reactivate")

    dossier = timed.dossier(1)
    assert present(dossier) == [False, True, True]
    assert [dossier["state"], dossier["stateLastChangeDate"]] == [False, "2031-05-15T17:00:00.000"]
    assert indicator(dossier) == (False, "2031-05-15T17:00:00.000")


def test_the_indicator_follows_the_requirements_of_an_incomplete_dossier(timed: Api) -> None:
    dossier = timed.new_dossier(requiredDocuments=["ATT_VIGI", "RIB_IBAN"])
    path, asked = f"/dossiers/{dossier['dossierId']}", ["RIB_IBAN"]
    timed.control("PUT", "/variants", {"requirementsUpdate": "replace"})
    timed.set_clock("2031-05-03T10:00:00")
    timed.post(f"{path}/requirements", asked)

    changed = timed.dossier(dossier["dossierId"])

    assert not indicator(dossier)[0]
    assert (changed["state"], *indicator(changed)) == (False, True, "2031-05-03T10:00:00.000")


def test_a_stop_leaves_the_indicator_as_it_was(timed: Api) -> None:
    before = indicator(timed.dossier(1))
    timed.post("/dossiers/1/stop")

    timed.set_clock("2031-05-15T17:00:00")

    assert indicator(timed.dossier(1)) == before
