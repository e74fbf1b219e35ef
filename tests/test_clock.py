"""Control of a sandbox's clock, the effects of changing it, and reset (behaviour.md 6.5.5)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import requests

from mock_server.deprecation import log_renamed
from mock_server.domain.local_time import from_local, local_date, local_day
from mock_server.sandbox.commands import PARTS
from tests.support import ACCOUNT, OTHER_SIRET, PARIS, RECIPE, SIRET, Api, codes, content, running_server

INVALID_TIMES: dict[str, Any] = {
    "nothing": {},
    "no time": {"now": "soon"},
    "an empty time": {"now": ""},
    "a number": {"now": 1924992000},
    "a year too early": {"now": "0999-12-31T00:00:00"},
    "a year too late": {"now": "9001-01-01T00:00:00"},
    "a day that does not exist": {"now": "2031-02-30T00:00:00"},
    "a word for frozen": {"frozen": "yes"},
    "an unknown member": {"at": "2031-01-01T00:00:00"},
    "an unknown member next to a good one": {"now": "2031-01-01T00:00:00", "froze": True},
    "an array": [],
}
INVALID_ADVANCES: dict[str, Any] = {
    "nothing": {},
    "no duration": {"by": "soon"},
    "an empty duration": {"by": ""},
    "a P without anything": {"by": "P"},
    "a T without anything": {"by": "P1DT"},
    "back in time": {"by": "-P1D"},
    "months, which have no fixed length": {"by": "P1M"},
    "a number": {"by": 60},
    "more than a century": {"by": "P36501D"},
    "an unknown member": {"by": "PT1S", "frozen": True},
    "an array": ["PT1S"],
}
SHOWN: dict[str, tuple[Any, str, bool]] = {
    "local time": ({"now": "2031-07-01T09:00:00"}, "2031-07-01T09:00:00.000", True),
    "a day": ({"now": "2031-07-01"}, "2031-07-01T00:00:00.000", True),
    "milliseconds": ({"now": "2031-07-01T09:00:00.125"}, "2031-07-01T09:00:00.125", True),
    "time of another zone in summer": ({"now": "2031-07-01T09:00:00Z"}, "2031-07-01T11:00:00.000", True),
    "time of another zone in winter": (
        {"now": "2031-01-01T09:00:00+00:00"},
        "2031-01-01T10:00:00.000",
        True,
    ),
    "frozen where it is": ({"frozen": True}, "2031-05-02T10:00:00.000", True),
}


def try_control(api: Api, method: str, path: str, body: Any) -> Any:
    """Make a control call in the sandbox of `api`; return the answer, also of a failure."""
    headers = {"X-Mock-Sandbox": api.sandbox}
    return api.client.open(f"/__admin{path}", method=method, json=body, headers=headers)


def eventually(question: Callable[[], bool]) -> bool:
    """Whether the condition becomes true within two seconds."""
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        if question():
            return True
        time.sleep(0.005)
    return False


def test_the_clock_call_returns_the_time_of_the_sandbox(timed: Api) -> None:
    shown = timed.control("GET", "/clock")

    assert shown == {"sandbox": timed.sandbox, "now": "2031-05-02T10:00:00.000", "frozen": True}


def test_the_clock_can_be_set(timed: Api) -> None:
    for case, (body, now, frozen) in SHOWN.items():
        timed.set_clock("2031-05-02T10:00:00")
        answer = timed.control("PUT", "/clock", body)

        effects = answer["effects"]
        future = {name: answer.pop(name) for name in ("future", "warning") if name in answer}
        assert bool(future) is (now < "2031-05-02"), case
        assert answer == {
            "sandbox": timed.sandbox,
            "now": now,
            "frozen": frozen,
            "effects": effects,
            "caused": effects,
        }, case
        assert timed.control("GET", "/clock")["now"] == now, case


def test_a_clock_set_back_returns_what_is_later_than_it(api: Api) -> None:
    api.set_clock("2031-05-02T10:00:00")
    dossier = api.control("POST", "/dossiers", {"siret": SIRET, "dossierReference": "PO-1"})
    order = {"companyIdType": "CIT001", "companyIdValue": OTHER_SIRET, "dossierReference": "PO-2"}
    process_id = content(api.post("/dossiers", order))["processId"]

    answer = api.control("PUT", "/clock", {"now": "2031-05-01T10:00:00"})

    common = {"accountId": ACCOUNT, "at": "2031-05-02T10:00:00.000"}
    starts = common | {"what": "dossier starts", "dossierId": dossier["dossierId"]}
    imports = common | {"what": "import starts", "dossierId": None, "processId": process_id}
    own = [entry for entry in answer["future"] if entry["dossierId"] == dossier["dossierId"]]
    assert own == [starts]  # one entry, however many of its dates are later
    assert imports in answer["future"]
    assert answer["warning"].startswith(
        f"entries of the sandbox that are later than its clock: {len(answer['future'])}. "
    )
    assert answer["effects"] == []
    api.control("PUT", "/clock", {"now": "2031-05-03T10:00:00"})
    back = api.control("PUT", "/clock", {"now": "2031-05-02T10:00:00"})
    assert [entry for entry in back["future"] if entry["at"] <= common["at"]] == []


def test_a_clock_set_back_returns_the_first_later_change_of_a_dossier_and_the_mails(api: Api) -> None:
    api.set_clock("2031-05-02T10:00:00")
    stopped, changed = (
        api.control("POST", "/dossiers", {"siret": siret, "dossierReference": "PO-1"})["dossierId"]
        for siret in (SIRET, OTHER_SIRET)
    )
    at = "2031-05-03T10:00:00.000"
    assert "future" not in api.control("PUT", "/clock", {"now": at})
    api.post(f"/dossiers/{stopped}/stop")
    api.control("PATCH", f"/dossiers/{changed}", {"stateLastChangeDate": at})
    api.post(f"/dossiers/{changed}", {"thirdpartyEmail": ["a@supplier.example"]})
    assert "future" not in api.control("PUT", "/clock", {"now": at})  # where it is already

    future = api.control("PUT", "/clock", {"now": "2031-05-02T10:00:00"})["future"]

    common = {"at": at, "accountId": ACCOUNT}
    assert [entry for entry in future if entry["at"] >= at] == [
        common | {"what": "dossier stops", "dossierId": stopped},
        common | {"what": "dossier changes", "dossierId": changed},
        common | {"what": "e-mail is sent", "dossierId": changed},
    ]


def test_the_years_are_1000_to_8999_and_those_of_a_plain_day_up_to_9999() -> None:
    for text in ("1000-01-01", "8999-12-31", "8999-12-31T23:59:59"):
        assert local_date(from_local(text)).isoformat() == text[:10]
    for text in ("1000-01-01", "9000-01-01", "9999-12-31"):
        assert local_day(text).isoformat() == text
    for text in ("0999-12-31", "0999-12-31T23:59:59", "9000-01-01T00:00:00"):
        for read in (from_local, local_day):
            with pytest.raises(ValueError, match="is not in the years 1000 to 8999"):
                read(text)
    for text in ("9000-01-01", "1000-01-01T00:00:00+14:00", "8999-12-31T23:59:59-14:00"):
        with pytest.raises(ValueError, match="is not in the years 1000 to 8999 of France"):
            from_local(text)


def test_an_error_of_the_clock_names_the_years_and_the_units(api: Api) -> None:
    rejected = {
        ("PUT", "/clock", "now"): {
            "9999-12-31T23:59:59": "'9999-12-31T23:59:59' is not in the years 1000 to 8999 of France",
            "1000-01-01T00:00:00+14:00": "is not in the years 1000 to 8999 of France",
        },
        ("POST", "/clock/advance", "by"): dict.fromkeys(
            ("P1Y", "P1M", "P1W"), "ISO 8601 such as PT1M30S or P30D, without weeks, months and years"
        ),
    }
    for (method, path, name), values in rejected.items():
        for value, sentence in values.items():
            answer = api.client.open(f"/__admin{path}", method=method, json={name: value})
            assert answer.status_code == 400
            assert sentence in (answer.json or {})["detail"]


def test_a_clock_set_back_lists_at_most_100_entries(api: Api) -> None:
    api.set_clock("2031-05-02T10:00:00")
    population = {"dossiers": 150, "thirdparties": 20}
    recipe = {"version": 1, "accounts": [{"accountId": 5, "population": population}]}
    api.control("PUT", "/fixture", {"recipe": recipe})

    answer = api.control("PUT", "/clock", {"now": "2011-05-02T10:00:00"})

    assert len(answer["future"]) == 100
    assert ": 100 or more. " in answer["warning"]


@pytest.mark.parametrize(
    "change", [{"now": "2031-05-03T10:00:00"}, {"frozen": True}, {"frozen": False}], ids=str
)
def test_a_clock_that_is_not_set_back_has_no_warning(api: Api, change: dict[str, object]) -> None:
    api.set_clock("2031-05-02T10:00:00")

    for answer in (
        api.control("PUT", "/clock", change),
        api.control("POST", "/clock/advance", {"by": "PT0S"}),
    ):
        assert not {"future", "warning"} & set(answer)


def test_a_clock_set_back_with_no_later_entries_has_an_empty_list_and_no_warning(api: Api) -> None:
    api.control("PUT", "/fixture", {"name": "empty"})
    api.set_clock("2031-05-02T10:00:00")

    answer = api.control("PUT", "/clock", {"now": "2031-05-01T10:00:00"})

    assert answer["future"] == []
    assert "warning" not in answer


def test_the_old_name_of_the_effects_is_announced_as_deprecated(
    timed: Api, caplog: pytest.LogCaptureFixture
) -> None:
    log_renamed.cache_clear()

    with caplog.at_level("INFO", "mock_server"):
        answers = [timed.client.put("/__admin/clock", json={"frozen": True}) for _ in range(2)]

    assert [answer.headers["Deprecation"] for answer in answers] == ["@1795910400"] * 2
    [line] = [text for text in caplog.messages if "deprecated" in text]
    assert line.endswith("use `effects`")


def test_a_running_clock_moves(timed: Api) -> None:
    shown = timed.control("PUT", "/clock", {"now": "2031-07-01T09:00:00", "frozen": False})

    assert [shown["frozen"], shown["now"][:17]] == [False, "2031-07-01T09:00:"]
    assert eventually(lambda: timed.control("GET", "/clock")["now"] > shown["now"])


def test_a_frozen_clock_continues_from_its_instant(timed: Api) -> None:
    shown = timed.control("PUT", "/clock", {"frozen": False})

    assert [shown["frozen"], shown["now"][:17]] == [False, "2031-05-02T10:00:"]


@pytest.mark.parametrize("by", ["P1DT1H1M1.5S", "90061.5s"])
def test_a_frozen_clock_can_be_advanced(timed: Api, by: str) -> None:
    shown = timed.control("POST", "/clock/advance", {"by": by})

    assert [shown["now"], shown["frozen"]] == ["2031-05-03T11:01:01.500", True]


def test_a_running_clock_that_is_advanced_keeps_running(timed: Api) -> None:
    timed.control("PUT", "/clock", {"frozen": False})

    shown = timed.control("POST", "/clock/advance", {"by": "P1D"})

    assert [shown["frozen"], shown["now"][:17]] == [False, "2031-05-03T10:00:"]


ADVANCES: dict[str, tuple[str, str, str]] = {
    "a day in which the clocks change": ("2026-03-28T12:00:00", "P1D", "2026-03-29T12:00:00"),
    "24 hours in which they change": ("2026-03-28T12:00:00", "PT24H", "2026-03-29T13:00:00"),
    "a day and 24 hours": ("2026-03-28T12:00:00", "P1DT24H", "2026-03-30T12:00:00"),
    "30 days": ("2026-03-15T12:00:00", "P30D", "2026-04-14T12:00:00"),
    "a time that is skipped": ("2026-03-28T02:30:00", "P1D", "2026-03-29T03:30:00"),
    "a day in autumn": ("2026-10-24T12:00:00", "P1D", "2026-10-25T12:00:00"),
    "24 hours in autumn": ("2026-10-24T12:00:00", "24h", "2026-10-25T11:00:00"),
    "30 days in autumn": ("2026-10-10T00:00:00", "P30D", "2026-11-09T00:00:00"),
    "a year of days": ("2026-03-01T08:00:00", "P365D", "2027-03-01T08:00:00"),
    "the second 02:30": ("2026-10-25T02:30:00+01:00", "P0D", "2026-10-25T02:30:00"),
    "an hour later": ("2026-10-25T02:30:00+01:00", "PT1H", "2026-10-25T03:30:00"),
}
"""An instant, by how much the clock is advanced, and what it shows then."""


@pytest.mark.parametrize("frozen", [True, False], ids=["frozen", "running"])
def test_days_are_those_of_the_calendar_and_hours_are_exact(timed: Api, *, frozen: bool) -> None:
    for case, (now, by, then) in ADVANCES.items():
        timed.control("PUT", "/clock", {"now": now, "frozen": frozen})

        shown = timed.control("POST", "/clock/advance", {"by": by})

        assert [shown["now"][:16], shown["frozen"]] == [then[:16], frozen], case


def test_what_is_due_while_the_clock_runs_is_dated_at_its_own_instant(timed: Api) -> None:
    timed.control("PUT", "/clock", {"now": "2031-05-10T23:59:59.900", "frozen": False})

    assert eventually(lambda: timed.dossier(1)["state"] is False)
    assert timed.dossier(1)["stateLastChangeDate"] == "2031-05-11T00:00:00.000"


def test_an_import_ends_by_itself_while_the_clock_runs(timed: Api) -> None:
    timed.control("PUT", "/clock", {"frozen": False})

    process_id = timed.launch(dossierReference="NEW")

    assert eventually(lambda: timed.process(process_id)["success"] is True)


def test_two_sandboxes_have_separate_clocks(make_api: Callable[..., Api]) -> None:
    one, other = make_api(), make_api()
    before = other.control("GET", "/clock")["now"]

    one.set_clock("2031-07-01T09:00:00")

    assert other.control("GET", "/clock")["now"] == before


@pytest.mark.parametrize(
    ("method", "path", "bodies"),
    [("PUT", "/clock", INVALID_TIMES), ("POST", "/clock/advance", INVALID_ADVANCES)],
    ids=["time", "advance"],
)
def test_an_invalid_time_or_advance_is_a_problem_and_the_clock_stays(
    timed: Api, method: str, path: str, bodies: dict[str, Any]
) -> None:
    for case, body in bodies.items():
        answer = try_control(timed, method, path, body)

        assert [answer.status_code, answer.content_type] == [400, "application/problem+json"], case
        assert [answer.json["status"], bool(answer.json["detail"])] == [400, True], case
        assert timed.control("GET", "/clock")["now"] == "2031-05-02T10:00:00.000", case


def test_the_clock_does_not_reach_the_year_9000(timed: Api) -> None:
    timed.set_clock("8999-12-31T23:59:59")

    for by in ("PT1S", "P1D"):
        answer = try_control(timed, "POST", "/clock/advance", {"by": by})
        assert [answer.status_code, answer.content_type] == [400, "application/problem+json"]


def test_a_clock_change_returns_its_effects_in_the_order_of_time(timed: Api) -> None:
    process_id = timed.launch(dossierReference="NEW", expirationDate="2031-05-11")

    caused = timed.set_clock("2031-05-12T10:00:00")

    (made,) = content(timed.get("/dossiers", dossierReference="NEW"))
    common = {"accountId": 119631}
    assert caused[0] == common | {
        "what": "process finished",
        "at": "2031-05-02T10:00:00.200",
        "dossierId": made["dossierId"],
        "processId": process_id,
    }
    assert sorted(caused[1:4], key=lambda event: event["dossierId"]) == [
        common | {"what": "documents lapsed", "at": "2031-05-11T00:00:00.000", "dossierId": 1},
        common | {"what": "documents lapsed", "at": "2031-05-11T00:00:00.000", "dossierId": 2},
        common | {"what": "dossier expired", "at": "2031-05-11T00:00:00.000", "dossierId": made["dossierId"]},
    ]
    assert caused[4:] == [
        common | {"what": "dossier expired", "at": "2031-05-12T00:00:00.000", "dossierId": 3}
    ]


def test_a_failed_import_is_reported_without_a_dossier(timed: Api) -> None:
    process_id = timed.launch(dossierReference="LAPSING")

    assert timed.advance("PT1S") == [
        {
            "what": "process finished",
            "at": "2031-05-02T10:00:00.200",
            "accountId": 119631,
            "dossierId": None,
            "processId": process_id,
        }
    ]


def test_each_effect_happens_once(timed: Api) -> None:
    timed.set_clock("2031-05-12T10:00:00")

    assert timed.set_clock("2031-05-12T11:00:00") == []


# Reset


def test_a_reset_restores_content_and_clock(timed: Api) -> None:
    before = timed.get("/dossiers/all").data
    timed.import_and_wait(dossierReference="NEW")
    timed.set_clock("2031-06-01T10:00:00")

    answer = timed.control("POST", "/reset")

    assert [answer["sandbox"], answer["reset"]] == [timed.sandbox, list(PARTS)]
    assert timed.control("GET", "/clock")["now"][:17] == "2031-05-02T10:00:"
    assert timed.control("GET", "/clock")["frozen"] is False
    assert timed.get("/dossiers/all").data == before


def test_a_reset_deletes_the_processes(timed: Api) -> None:
    process_id = timed.launch(dossierReference="NEW")

    timed.control("POST", "/reset")

    answer = timed.get(f"/dossiers/process/{process_id}")
    assert [answer.status_code, codes(answer)] == [404, ["NOT_FOUND"]]


def test_after_a_reset_the_same_import_gets_the_same_ids(timed: Api) -> None:
    process_id, first = timed.launch(dossierReference="NEW"), timed.advance("PT1S")
    timed.control("POST", "/reset", {"only": ["state"]})
    timed.set_clock("2031-05-02T10:00:00")

    assert [timed.launch(dossierReference="NEW"), timed.advance("PT1S")] == [process_id, first]


def test_a_reset_of_the_state_leaves_the_clock(timed: Api) -> None:
    timed.post("/dossiers/3/stop")
    timed.set_clock("2031-05-03T10:00:00")

    answer = timed.control("POST", "/reset", {"only": ["state"]})

    assert answer["reset"] == ["state"]
    assert timed.control("GET", "/clock")["now"] == "2031-05-03T10:00:00.000"
    assert timed.dossier(3)["monitored"] is True


def test_a_late_reset_includes_what_is_due_by_then(timed: Api) -> None:
    timed.set_clock("2031-05-15T10:00:00")

    timed.control("POST", "/reset", {"only": ["state"]})

    assert timed.dossier(3)["stoppingDate"] == "2031-05-12T00:00:00.000"
    assert timed.dossier(1)["stateLastChangeDate"] == "2031-05-11T00:00:00.000"


def test_a_reset_of_the_clock_leaves_the_state(timed: Api) -> None:
    timed.set_clock("2031-06-01T10:00:00")

    timed.control("POST", "/reset", {"only": ["clock"]})

    assert timed.control("GET", "/clock")["now"][:17] == "2031-05-02T10:00:"
    assert timed.dossier(3)["monitored"] is False


def test_a_reset_of_nothing_changes_nothing(timed: Api) -> None:
    timed.post("/dossiers/3/stop")

    assert timed.control("POST", "/reset", {"only": []})["reset"] == []

    assert timed.dossier(3)["monitored"] is False


def test_a_reset_of_an_unknown_part_is_a_problem(timed: Api) -> None:
    bodies: list[Any] = [{"only": ["everything"]}, {"only": "state"}, {"parts": ["state"]}, []]
    for body in bodies:
        answer = try_control(timed, "POST", "/reset", body)

        assert [answer.status_code, answer.content_type] == [400, "application/problem+json"], body


def test_a_reset_leaves_other_sandboxes(make_api: Callable[..., Api]) -> None:
    one, other = make_api(), make_api()
    dossier = other.new_dossier()

    one.control("POST", "/reset")

    assert other.dossier(dossier["dossierId"])["siret"] == SIRET


# The setting


def test_every_sandbox_of_a_server_with_a_clock_starts_there() -> None:
    with running_server("--clock", "2031-03-02T09:00:00") as (url, _):
        clocks = [
            requests.get(f"{url}/__admin/clock", headers={"X-Mock-Sandbox": name}, timeout=10).json()
            for name in ("one", "two")
        ]

    assert [clock["now"][:16] for clock in clocks] == ["2031-03-02T09:00"] * 2
    assert [clock["frozen"] for clock in clocks] == [False, False]


def test_imports_are_dated_on_the_clock_of_the_setting(make_server_api: Callable[..., Api]) -> None:
    api = make_server_api(RECIPE, clock=datetime(2031, 3, 2, 9, tzinfo=PARIS))

    dossier = api.new_dossier(companyIdValue=OTHER_SIRET, dossierReference="NEW")

    assert dossier["startingDate"][:16] == "2031-03-02T09:00"
