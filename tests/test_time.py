"""Expiry: when a dossier ends by itself, in French time (behaviour.md 6.5, 6.7, 10.2)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from tests.support import PARIS, RECIPE, THIRD_SIRET, Api, codes, content, global_state

pytestmark = pytest.mark.dialects("rest", "edge")

EXPIRIES: dict[str, tuple[str, str, str]] = {
    "on a day like any other": ("2031-05-12", "2031-05-11T10:00:00", "PT14H"),
    "on the day after summer time begins": ("2031-03-31", "2031-03-29T12:00:00", "PT35H"),
    "on the day on which summer time begins": ("2031-03-30", "2031-03-29T12:00:00", "PT12H"),
    "on the day after summer time ends": ("2031-10-27", "2031-10-25T12:00:00", "PT37H"),
    "on the day on which summer time ends": ("2031-10-26", "2031-10-25T12:00:00", "PT12H"),
}


def expiring(api: Api, until: str, now: str) -> int:
    """Import a dossier until a day, and let the clock stand still at `now`; its id."""
    api.set_clock("2031-01-02T10:00:00")
    dossier = api.new_dossier(expirationDate=until)
    api.set_clock(now)
    return int(dossier["dossierId"])


@pytest.mark.parametrize(("until", "now", "by"), EXPIRIES.values(), ids=EXPIRIES)
def test_a_dossier_expires_at_the_start_of_the_day_in_paris(api: Api, until: str, now: str, by: str) -> None:
    dossier_id = expiring(api, until, now)

    api.advance(by)

    dossier = api.dossier(dossier_id)
    assert [dossier[name] for name in ("monitored", "stoppingReason", "stoppingDate")] == [
        False,
        "EXPIRATION",
        f"{until}T00:00:00.000",
    ]


@pytest.mark.parametrize(("until", "now", "by"), EXPIRIES.values(), ids=EXPIRIES)
def test_a_dossier_is_active_until_the_last_millisecond_before(
    api: Api, until: str, now: str, by: str
) -> None:
    dossier_id = expiring(api, until, now)

    api.advance(f"PT{int(by[2:-1]) - 1}H59M59.999S")

    assert api.dossier(dossier_id)["monitored"] is True


def test_an_expired_dossier_differs_only_in_what_expiry_ends(timed: Api) -> None:
    before = timed.dossier(3)

    timed.set_clock("2031-06-01T10:00:00")

    assert timed.dossier(3) == before | {
        "monitored": False,
        "stoppingDate": "2031-05-12T00:00:00.000",
        "stoppingReason": "EXPIRATION",
        "state": None,
        "stateLastChangeDate": None,
        "documents": [],
        **timed.edge_only(isMonitored="false"),
    }


def test_an_expired_dossier_is_found_among_the_stopped_ones(timed: Api) -> None:
    timed.set_clock("2031-05-12T00:00:00")

    found = content(timed.get("/dossiers", monitored="false"))

    assert [dossier["dossierId"] for dossier in found] == [3]


def test_an_expired_dossier_cannot_be_changed(timed: Api) -> None:
    timed.set_clock("2031-05-12T00:00:00")

    assert codes(timed.post("/dossiers/3", {"description": "late"})) == ["E201"]


def test_a_third_party_is_not_monitored_once_its_last_dossier_expired(timed: Api) -> None:
    assert global_state(timed, THIRD_SIRET) == [True, True, "2025-02-01"]

    timed.set_clock("2031-05-12T00:00:00")

    assert global_state(timed, THIRD_SIRET) == [False, None, None]


@pytest.mark.parametrize("date", ["2031-05-20", None])
def test_a_dossier_whose_date_was_moved_does_not_expire_on_the_previous_one(
    timed: Api, date: str | None
) -> None:
    timed.post("/dossiers/3", {"expirationDate": date})

    timed.set_clock("2031-05-13T00:00:00")

    assert timed.dossier(3)["monitored"] is True


def test_a_dossier_whose_date_was_moved_expires_on_the_new_one(timed: Api) -> None:
    timed.post("/dossiers/3", {"expirationDate": "2031-05-20"})

    timed.set_clock("2031-06-01T00:00:00")

    assert timed.dossier(3)["stoppingDate"] == "2031-05-20T00:00:00.000"


def test_a_dossier_stopped_before_its_date_keeps_reason_and_date_of_the_stop(timed: Api) -> None:
    timed.post("/dossiers/3/stop")

    timed.set_clock("2031-06-01T10:00:00")

    dossier = timed.dossier(3)
    assert [dossier["stoppingReason"], dossier["stoppingDate"]] == [
        "STOPREQUEST",
        "2031-05-02T10:00:00.000",
    ]


def test_an_expired_dossier_needs_a_new_date_to_be_reactivated(timed: Api) -> None:
    timed.set_clock("2031-05-12T00:00:00")

    answer = timed.post("/dossiers/3/reactivate")

    assert [answer.status_code, codes(answer)] == [400, ["E205"]]


def test_a_reactivated_dossier_expires_again(timed: Api) -> None:
    timed.set_clock("2031-05-12T00:00:00")
    timed.post("/dossiers/3/reactivate", {"expirationDate": "2031-05-14"})

    timed.set_clock("2031-05-14T00:00:00")

    assert timed.dossier(3)["stoppingDate"] == "2031-05-14T00:00:00.000"


def test_a_reactivated_dossier_has_its_files_again_and_they_count(timed: Api) -> None:
    before = timed.dossier(3)["documents"]
    timed.set_clock("2031-05-13T08:00:00")

    timed.post("/dossiers/3/reactivate", {"expirationDate": None})

    dossier = timed.dossier(3)
    assert dossier["documents"] == [before[0] | {"requestDate": "2031-05-13T08:00:00.000"}]
    assert dossier["state"] is True
    assert dossier["startingDate"] == "2025-01-01T09:00:00.000"


@pytest.mark.parametrize(
    ("clock", "monitored"),
    [
        pytest.param(datetime(2021, 5, 31, 23, tzinfo=PARIS), True, id="the eve"),
        pytest.param(datetime(2021, 6, 1, tzinfo=PARIS), False, id="the day"),
    ],
)
def test_the_sandbox_s_clock_decides_and_not_the_machine_s(
    make_server_api: Callable[..., Api],
    clock: datetime,
    monitored: bool,  # noqa: FBT001
) -> None:
    api = make_server_api(RECIPE.replace("2031-05-12", "2021-06-01"), clock=clock)

    assert api.dossier(3)["monitored"] is monitored
