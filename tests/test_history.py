"""The history of a sandbox: what changed it, going back to before a request, and a fork from there."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from tests.control_calls import a_rule, counted, requests_of, set_rule
from tests.support import OTHER_SIRET, SIRET, Api, codes, content

IMPORT = {"companyIdType": "CIT001", "companyIdValue": SIRET}


def launch(api: Api, reference: str) -> int:
    """Launch an import; the number of the request."""
    assert api.post("/dossiers", IMPORT | {"dossierReference": reference}).status_code == 200
    return last_request(api)


def last_request(api: Api) -> int:
    return int(requests_of(api)[-1]["number"])


def references(api: Api) -> set[str]:
    api.advance("PT1H")
    return {row["dossierReference"] for row in content(api.get("/dossiers", companyIdValue=SIRET))}


def history(api: Api) -> list[dict[str, Any]]:
    return list(api.control("GET", "/history")["commands"])


def rewind(api: Api, **wanted: int) -> int:
    return int(api.control("POST", "/rewind", wanted)["undone"])


def rejected(api: Api, path: str, body: Any) -> tuple[int, str]:
    answer = api.client.post(f"/__admin{path}", json=body, headers={"X-Mock-Sandbox": api.sandbox})
    assert answer.json is not None
    return answer.status_code, answer.json["detail"]


def test_the_history_has_each_change_with_its_request_and_no_read(api: Api) -> None:
    first = launch(api, "A")
    api.get("/dossiers")
    api.advance("PT1H")
    api.post("/dossiers/0/stop")

    entries = history(api)

    assert [(entry["command"], entry["request"], entry["latestRequest"]) for entry in entries] == [
        ("SetClock", None, 0),
        ("ImportDossier", first, first - 1),
        ("AdvanceClock", None, first + 1),
    ]
    members = entries[1]["members"]
    assert (members["accountId"], members["dossierReference"]) == (api.account, "A")
    assert entries[2] | {"at": ""} == {
        "number": 3,
        "at": "",
        "request": None,
        "latestRequest": first + 1,
        "command": "AdvanceClock",
        "members": {"days": 0, "rest": "1h"},
    }
    numbers = [entry["number"] for entry in entries]
    assert numbers == list(range(1, 4))
    assert api.control("GET", "/history?since=2")["commands"] == entries[2:]


def test_a_command_of_the_history_has_its_times(api: Api) -> None:
    api.set_clock("2031-05-02T10:00:00")
    api.set_clock("2031-05-03T10:00:00")

    *_, latest = history(api)

    assert latest["at"] == "2031-05-02T10:00:00.000"
    assert latest["members"] == {"frozen": True, "at": "2031-05-03T10:00:00.000"}


def test_a_rewind_undoes_a_request_and_what_came_after_it(api: Api) -> None:
    launch(api, "A")
    api.advance("PT1H")
    before = launch(api, "B")
    launch(api, "C")
    api.control("PUT", "/variants", {"refusals": "result"})

    assert rewind(api, before=before) == 3

    assert references(api) == {"A"}
    assert api.control("GET", "/variants")["refusals"] == "http400"
    assert requests_of(api)[0]["number"] == 1, "the journal stays"
    assert launch(api, "D") == last_request(api), "and its numbers continue"


def test_a_request_that_changed_nothing_goes_back_to_the_next_change(api: Api) -> None:
    launch(api, "A")
    api.get("/dossiers")
    reading = last_request(api)
    launch(api, "B")

    assert rewind(api, before=reading) == 1
    assert references(api) == {"A"}
    assert rewind(api, before=last_request(api) + 1) == 0


def test_a_rewind_restores_all_parts_of_a_sandbox(api: Api) -> None:
    api.control("POST", "/rules", {"rules": [a_rule({"respond": {"status": 503}}, "getDossier", times=1)]})
    session = api.log_in()
    api.control("POST", "/snapshots/kept")
    now = api.control("GET", "/clock")
    start = last_request(api) + 1
    refresh = {"client_id": "ea-api-edge", "refresh_token": session["refresh_token"]}
    token_url = "/auth/realms/eat_realm/protocol/openid-connect"

    def renewed() -> int:
        form = refresh | {"grant_type": "refresh_token"}
        return api.client.post(f"{token_url}/token", data=form).status_code

    assert [api.get("/dossiers/804127").status_code for _ in range(2)] == [503, 200]
    assert api.client.post(f"{token_url}/logout", data=refresh).status_code == 204
    assert renewed() == 400
    api.control("POST", "/clock/advance", {"by": "P1D", "tokens": True})
    api.control("POST", "/snapshots/later")

    rewind(api, before=start)

    assert counted(api) == {"rule": (0, 0)}
    assert renewed() == 200
    assert api.control("GET", "/clock") == now
    assert [row["name"] for row in api.control("GET", "/snapshots")["snapshots"]] == ["kept"]


def test_a_command_of_the_control_api_and_a_rewind_are_undone_by_number(api: Api) -> None:
    launch(api, "A")
    api.control("POST", "/reset")
    reset = history(api)[-1]
    assert reset["command"] == "Reset"
    assert references(api) == set()

    rewind(api, beforeCommand=reset["number"])
    assert references(api) == {"A"}
    undone = history(api)[-2]
    assert (undone["command"], undone["members"]) == ("Rewind", {"before": reset["number"]})

    rewind(api, beforeCommand=undone["number"])
    assert references(api) == set()


def test_after_a_rewind_a_running_clock_continues_from_the_time_of_the_state(api: Api) -> None:
    api.control("PUT", "/clock", {"now": "2031-01-01T10:00:00", "frozen": False})
    before = launch(api, "A")
    api.advance("P30D")

    rewind(api, before=before)

    assert api.control("GET", "/clock")["now"].startswith("2031-01-01T10:0")
    assert not api.control("GET", "/clock")["frozen"]


def test_a_fork_continues_a_previous_state(api: Api) -> None:
    launch(api, "A")
    before = launch(api, "B")
    path = f"/sandboxes/{api.sandbox}/fork"
    api.control("POST", path, {"as": f"{api.sandbox}.now"})
    api.control("POST", path, {"as": f"{api.sandbox}.before", "before": before})

    forks = [Api(api.client, f"{api.sandbox}.{name}") for name in ("now", "before")]
    launch(forks[1], "C")

    assert [references(one) for one in (api, *forks)] == [{"A", "B"}, {"A", "B"}, {"A", "C"}]
    assert codes(forks[0].post("/dossiers/0/stop")) == ["E200"]
    assert requests_of(forks[1])[0]["number"] == 1


def test_a_state_that_is_no_longer_kept_is_reported_with_the_oldest_one_that_is(
    make_server_api: Callable[..., Api],
) -> None:
    api = make_server_api(history_entries=3)
    first = launch(api, "A")
    for reference in "BCD":
        launch(api, reference)

    oldest = f"the oldest one is that before command 3 (request {first + 1})"
    status, detail = rejected(api, "/rewind", {"before": first})
    assert status == 404
    assert detail.startswith(f"the state before request {first} is not kept any more; {oldest};")
    assert oldest in rejected(api, "/rewind", {"beforeCommand": 2})[1]
    assert oldest in rejected(api, f"/sandboxes/{api.sandbox}/fork", {"as": "x", "before": first})[1]
    for since, complete in ((0, False), (1, False), (2, True), (5, True), (99, True)):
        assert api.control("GET", f"/history?since={since}")["complete"] is complete, since
    assert rewind(api, before=first + 1) == 3
    assert references(api) == {"A"}


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/rewind", {}, (400, 'send {"before": 25}')),
        ("/rewind", {"before": 1, "beforeCommand": 1}, (400, 'send {"before": 25}')),
        ("/rewind", {"before": 0}, (404, "there is no request 0; the last one is 1")),
        ("/rewind", {"before": 9}, (404, "there is no request 9; the last one is 1")),
        ("/rewind", {"beforeCommand": 9}, (404, "there is no command 9; ")),
        (
            "/rewind",
            {"beforeCommand": 0},
            (404, "there is no command 0; the latest is 1"),
        ),
        ("/sandboxes/{}/fork", {"as": "{}"}, (409, "there is a sandbox '{}': ")),
        ("/sandboxes/{}/fork", {"as": "a b"}, (400, "a sandbox's name is up to 64 letters")),
        (
            "/sandboxes/{}/fork",
            {"as": "x", "before": 1, "beforeCommand": 1},
            (400, "send before, a request, or"),
        ),
        ("/sandboxes/unknown/fork", {"as": "x"}, (404, "there is no sandbox 'unknown'")),
    ],
)
def test_a_wrong_rewind_or_fork_changes_nothing(
    api: Api, path: str, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert api.token
    before = api.control("GET", "/state"), history(api)
    sent = {name: value.format(api.sandbox) if value == "{}" else value for name, value in body.items()}

    status, detail = rejected(api, path.replace("{}", api.sandbox), sent)

    assert status == expected[0]
    assert detail.startswith(expected[1].replace("{}", api.sandbox))
    assert (api.control("GET", "/state"), history(api)) == before


def test_a_rule_without_a_match_is_no_command(api: Api) -> None:
    set_rule(api, {"respond": {"status": 503}}, "stopDossier")
    before = history(api)

    api.get("/dossiers/804127")

    assert history(api) == before


def test_a_command_that_is_too_large_to_keep_empties_the_history(
    make_server_api: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mock_server.sandbox.history.MAX_BYTES", 60_000)
    api = make_server_api()
    account = {"accountId": 7, "population": {"dossiers": 20}}
    api.control("PUT", "/fixture", {"recipe": {"version": 1, "accounts": [account]}})
    assert len(history(api)) == 2

    api.control("PUT", "/state", api.control("GET", "/state"))

    assert history(api) == []
    status, detail = rejected(api, "/rewind", {"beforeCommand": 1})
    assert (status, detail) == (404, "the state before command 1 is not kept any more; none is kept")


EVIDENCES = "/dossiers/804127/documents/I2/evidences"
A_LARGE_FILE = {"content": b64encode(bytes(30_000)).decode()}
A_LARGE_DOSSIER = {"siret": OTHER_SIRET, "dossierReference": "LATER", "description": "x" * 15_000}
LARGE_ENTRIES = [
    {"after": "1h", "control": "POST /dossiers", "body": A_LARGE_DOSSIER | {"dossierReference": name}}
    for name in ("A", "B")
]


@pytest.mark.parametrize(
    ("limit", "path", "body", "kept"),
    [
        (16_000, EVIDENCES, {}, 2),
        (15_999, EVIDENCES, {}, 1),
        (54_000, EVIDENCES, A_LARGE_FILE, 3),
        (53_999, EVIDENCES, A_LARGE_FILE, 2),
        (54_000, "/timeline", {"timeline": LARGE_ENTRIES}, 2),
        (55_000, "/timeline", {"timeline": LARGE_ENTRIES}, 3),
    ],
)
def test_commands_are_kept_up_to_a_number_of_bytes(
    api: Api, monkeypatch: pytest.MonkeyPatch, limit: int, path: str, body: dict[str, Any], kept: int
) -> None:
    monkeypatch.setattr("mock_server.sandbox.history.MAX_BYTES", limit)
    api.control("PUT", "/strict", {"strict": "warn"})
    api.control("PUT", "/strict", {"strict": "off"})

    api.control("POST", path, body)

    assert len(history(api)) == kept
