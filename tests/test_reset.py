"""A reset of some parts of a sandbox: each part is as at the start, and all others are as before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mock_server.sandbox.commands import PARTS
from tests.control_calls import a_rule
from tests.support import SIRET, Api
from tests.transcript import NOW

UNAVAILABLE = {"respond": {"status": 503}}
STORY = {
    "version": 1,
    "scenario": "mine",
    "title": "Mine",
    "given": {"clock": NOW},
    "rules": [a_rule(UNAVAILABLE, "getDossier", name="of the scenario", times=1, active={"after": "PT10M"})],
}
IMPORT = {"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": "A"}


def change_all(api: Api) -> None:
    """Change each part of a sandbox."""
    control = api.control
    control("POST", "/reset", {})
    control("PUT", "/scenario", {"scenario": STORY})
    control("PUT", "/variants", {"refusals": "result", "rateLimit": "on"})
    control("PUT", "/strict", {"strict": "warn"})
    api.post("/dossiers", IMPORT | {"thirdpartyEmail": ["a@example.com"]})
    api.advance("PT1H")
    ad_hoc = a_rule(UNAVAILABLE, "getDossier", name="ad hoc", active={"for": "PT1H"})
    control("POST", "/rules", {"rules": [ad_hoc]})
    api.get("/dossiers/804127")
    for _ in range(21):
        api.get("/dossiers", pageSize=1)


def parts_of(api: Api) -> dict[str, Any]:
    control = api.control
    state = control("GET", "/state")
    playing = state["playing"]
    return {
        "journal": control("GET", "/requests")["total"] > 0,
        "state": len(state["content"]["dossiers"]),
        "outbox": len(control("GET", "/outbox")["mails"]),
        "scenario": playing["scenario"] and playing["scenario"]["scenario"],
        "rules": [
            (rule["name"], rule["matched"], rule["applied"]) for rule in control("GET", "/rules")["rules"]
        ],
        "since": {name: at[:13] for name, at in playing["since"].items()},
        "clock": state["clock"]["now"][:13],
        "variants": control("GET", "/variants")["refusals"],
        "strict": control("GET", "/strict")["strict"],
        "rateLimit": api.get("/dossiers?pageSize=1").status_code,
    }


CHANGED: dict[str, set[str]] = {
    "state": {"state", "outbox"},
    "scenario": {"scenario", "rules", "since"},
    "rules": {"rules", "since"},
    "clock": {"clock", "since", "rateLimit"},
    "variants": {"variants", "rateLimit"},
    "rateLimit": {"rateLimit"},
    "strict": {"strict"},
    "outbox": {"outbox"},
    "journal": {"journal"},
}
"""Per part that is reset, what is then as at the start."""


def test_a_reset_of_a_part_changes_what_belongs_to_it(make_api: Callable[..., Api]) -> None:
    assert tuple(CHANGED) == PARTS
    api = make_api()
    api.control("POST", "/reset", {})
    start = parts_of(api)
    for part, expected in CHANGED.items():
        change_all(api)
        before = parts_of(api)
        assert [name for name in before if before[name] == start[name]] == []

        api.control("POST", "/reset", {"only": [part]})

        after = parts_of(api)
        assert {name for name in before if before[name] != after[name]} == expected, part
        for name in expected - {"rules", "since", "clock"}:
            assert after[name] == start[name], (part, name)
        assert after["clock"] == ("2031-01-02T09" if part == "clock" else "2031-01-02T10"), part


def test_after_a_reset_of_the_clock_tokens_have_their_real_age(make_api: Callable[..., Api]) -> None:
    api = make_api()

    def status() -> int:
        return api.get("/dossiers", pageSize=1).status_code

    assert status() == 200
    api.control("POST", "/clock/advance", {"by": "PT1H", "tokens": True})
    assert status() == 401
    api.control("POST", "/reset", {"only": ["state"]})
    assert status() == 401
    api.control("POST", "/reset", {"only": ["clock"]})
    assert status() == 200
