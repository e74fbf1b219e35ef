"""Twenty clients at once, each in a separate sandbox by user name: none sees the data of another."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from tests.sockets import DOSSIER, Remote
from tests.support import SIRET, run_at_once

CLIENTS = 20
REFERENCES = [f"PO-{number}" for number in range(1, 6)]

_runs = count(1)


@dataclass(frozen=True)
class Story:
    """What one client found."""

    clock: str
    launched: list[str]
    outcomes: list[bool]
    dossiers: dict[str, str]
    dossier_ids: list[int]
    rules: list[str]
    changed: list[tuple[int, str | None]]


def start_import(remote: Remote, reference: str) -> str:
    """Start an import; return the id of its process."""
    body = {"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": reference}
    return str(remote.send("POST", "/dossiers", body).json()["content"]["processId"])


def run_client(remote: Remote, number: int) -> Story:
    """Set the clock, add a rule, import all the references, and read everything."""
    remote.control("PUT", "/clock", {"now": f"2031-01-{number + 1:02}T10:00:00"})
    remote.set_rule({"respond": {"status": 500 + number}}, name=f"rule {number}", times=1)
    launched = [start_import(remote, reference) for reference in REFERENCES]
    changed = [remote.send("GET", DOSSIER) for _ in range(2)]
    remote.control("POST", "/clock/advance", {"by": "PT1S"})
    found: list[dict[str, Any]] = remote.get(f"/dossiers?siret={SIRET}&pageSize=100")
    return Story(
        clock=remote.control("GET", "/clock")["now"],
        launched=launched,
        outcomes=[remote.get(f"/dossiers/process/{process_id}")["success"] for process_id in launched],
        dossiers={dossier["dossierReference"]: dossier["startingDate"] for dossier in found},
        dossier_ids=sorted(dossier["dossierId"] for dossier in found),
        rules=[row["name"] for row in remote.control("GET", "/rules")["rules"]],
        changed=[(answer.status_code, answer.headers.get("X-Mock-Rule")) for answer in changed],
    )


@pytest.fixture(scope="module")
def stories(server: str) -> list[Story]:
    """The findings of clients that ran at the same time."""
    run = next(_runs)
    return run_at_once(CLIENTS, lambda number: run_client(Remote(server, f"client{run}-{number}"), number))


def test_each_client_s_clock_is_where_it_was_set(stories: list[Story]) -> None:
    assert [story.clock for story in stories] == [
        f"2031-01-{number + 1:02}T10:00:01.000" for number in range(CLIENTS)
    ]


def test_each_client_s_imports_of_the_same_references_all_create_dossiers(stories: list[Story]) -> None:
    assert [story.outcomes for story in stories] == [[True] * len(REFERENCES)] * CLIENTS


def test_each_client_finds_only_its_own_dossiers(stories: list[Story]) -> None:
    began = [f"2031-01-{number + 1:02}T10:00:00.200" for number in range(CLIENTS)]

    assert [story.dossiers for story in stories] == [dict.fromkeys(REFERENCES, instant) for instant in began]


def test_the_same_requests_have_the_same_ids_everywhere(stories: list[Story]) -> None:
    assert len({tuple(story.launched) for story in stories}) == 1
    assert len({tuple(story.dossier_ids) for story in stories}) == 1


def test_each_client_s_rule_applies_once_to_its_own_call(stories: list[Story]) -> None:
    assert [story.rules for story in stories] == [[f"rule {number}"] for number in range(CLIENTS)]
    assert [story.changed for story in stories] == [
        [(500 + number, f"rule {number}"), (200, None)] for number in range(CLIENTS)
    ]


@pytest.mark.usefixtures("stories")
def test_a_new_sandbox_has_an_empty_journal(server: str) -> None:
    bystander = Remote(server, f"bystander{next(_runs)}")

    assert bystander.get(f"/dossiers?siret={SIRET}") == []
    assert bystander.control("GET", "/rules") == {"rules": []}
    assert bystander.control("GET", "/clock")["frozen"] is False
