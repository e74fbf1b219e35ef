"""A whole sandbox out of one server and into another: every GET answers the very same bytes."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from functools import cache
from itertools import count
from typing import Any

import orjson
import pytest
import requests
from flask import Flask, Response
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion
from werkzeug.test import TestResponse

from mock_server.app import create_app
from mock_server.domain.model import Account, ImportProcess
from mock_server.fixtures.state_file import AccountState, ProcessState
from mock_server.settings import Settings
from tests.properties import example_count
from tests.support import (
    ACCOUNT,
    OTHER_SIRET,
    RECIPE,
    SECOND_ACCOUNT,
    SEED_DOSSIER,
    SIRET,
    THIRD_SIRET,
    Api,
    running_server,
)
from tests.transcript import as_lines

NOW = "2031-05-03T10:00:00"
CLOSED_SIRET = "99000103400018"
ENDLESS_SIRET = "99000201600014"
_numbers = count(1)


@cache
def other_app() -> Flask:
    """A server that starts from another fixture."""
    return create_app(Settings(fixture="empty", log_level="error"))


def fresh() -> Api:
    """A user in a new sandbox of another server."""
    return Api(other_app().test_client(), f"s{next(_numbers)}")


def seen(api: Api, account: int = ACCOUNT) -> dict[str, tuple[int, bytes]]:
    def get(path: str) -> tuple[int, bytes]:
        answer = api.send("GET", path)
        return answer.status_code, answer.data

    return read_everything(get, account)


def state_of(api: Api) -> Any:
    return api.control("GET", "/state")


def put(api: Api, state: Any) -> TestResponse:
    headers = {"X-Mock-Sandbox": api.sandbox}
    return api.client.put("/__admin/state", json=state, headers=headers)


def moved(api: Api) -> Api:
    """The sandbox as another server has it then."""
    other = fresh()
    answer = put(other, state_of(api))
    assert answer.status_code == 200, answer.text
    other.username = api.username.replace(api.sandbox, other.sandbox)
    return other


def deposit(api: Api, dossier_id: int, code: str, **evidence: Any) -> None:
    api.control("POST", f"/dossiers/{dossier_id}/documents/{code}/evidences", evidence)


def eventful(api: Api) -> None:
    """Let about everything happen that leaves a trace."""
    api.set_clock(NOW)
    deposited = api.new_dossier(requiredDocuments=["ATT_VIGI", "RIB_IBAN"], thirdpartyCode="F-1")
    deposit(api, deposited["dossierId"], "ATT_VIGI", content=b64encode(b"signed").decode())
    form = {"type": "string", "key": "k", "title": "T", "order": 0, "value": "yes"}
    deposit(api, deposited["dossierId"], "RIB_IBAN", formdata=[form], metadata={"verified": "true"})
    complete = api.new_dossier(dossierReference="PO-2", companyIdValue=OTHER_SIRET, requiredDocuments=["I2"])
    deposit(api, complete["dossierId"], "I2", expirationDate="2031-05-09")
    api.stopped_dossier(dossierReference="PO-3", companyIdValue=OTHER_SIRET)
    api.new_dossier(dossierReference="PO-4", expirationDate="2031-05-04")
    api.post(f"/dossiers/{SEED_DOSSIER}", {"description": "changed", "dossierReference": "NEW"})
    api.post(f"/dossiers/{SEED_DOSSIER}", {"thirdpartyEmail": ["new@supplier.example"]})
    api.refused_import_codes(companyIdValue=CLOSED_SIRET)
    api.refused_import_codes()
    closed = api.new_dossier(dossierReference="PO-5", companyIdValue=THIRD_SIRET)
    api.control("POST", f"/thirdparties/{closed['thirdpartyId']}/close")
    api.advance("P2D")
    api.launch(dossierReference="PO-6")
    api.launch(companyIdValue=ENDLESS_SIRET)
    held = api.launch(dossierReference="PO-7")
    api.control("POST", f"/processes/{held}", {"outcome": "hold"})
    api.control("PATCH", "/requirements/ASLNC", {"withdrawn": True})


# The same bytes.


@pytest.mark.parametrize("account", [ACCOUNT, SECOND_ACCOUNT])
def test_every_get_answers_the_same_bytes_on_another_server(
    make_api: Callable[..., Api], account: int
) -> None:
    api = make_api(user="multi")
    eventful(api)

    other = moved(api)

    assert seen(other, account) == seen(api, account)
    assert other.control("GET", "/outbox") == api.control("GET", "/outbox")


def test_every_get_answers_the_same_bytes_in_another_process(api: Api) -> None:
    eventful(api)
    with running_server("--fixture", "empty") as (url, _):
        put_there = requests.put(f"{url}/__admin/state", json=state_of(api), timeout=30)
        assert put_there.status_code == 200, put_there.text
        form = {"grant_type": "password", "client_id": "ea-api-edge", "username": "api@example.com"}
        login = f"{url}/auth/realms/eat_realm/protocol/openid-connect/token"
        token = requests.post(login, data=form | {"password": "demo"}, timeout=5).json()["access_token"]
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {token}"

        def get(path: str) -> tuple[int, bytes]:
            answer = session.get(f"{url}{path}", timeout=5)
            return answer.status_code, answer.content

        there = read_everything(get, ACCOUNT)
        session.close()

    assert there == seen(api)


def test_after_an_import_of_a_state_both_sandboxes_give_the_same_answers(api: Api) -> None:
    eventful(api)
    other = moved(api)

    after = []
    for each in (api, other):
        each.launch(dossierReference="PO-8", companyIdValue=THIRD_SIRET)
        caused = each.advance("P30D")
        each.new_dossier(dossierReference="PO-9")
        after.append((caused, seen(each), state_of(each)["content"]))

    assert after[0][0]
    assert after[0] == after[1]


commands: dict[str, Callable[[Api, int], object]] = {
    "import": lambda api, pick: api.launch(
        dossierReference=f"PO-{pick % 3}", companyIdValue=[SIRET, OTHER_SIRET, CLOSED_SIRET][pick % 3]
    ),
    "code": lambda api, pick: api.launch(dossierReference=f"C-{pick}", thirdpartyCode=f"F{pick % 2}"),
    "stop": lambda api, pick: api.post(f"/dossiers/{pick % 4 + 1}/stop"),
    "reactivate": lambda api, pick: api.post(
        f"/dossiers/{pick % 4 + 1}/reactivate", {"expirationDate": "2031-06-01"}
    ),
    "update": lambda api, pick: api.post(f"/dossiers/{pick % 4 + 1}", {"dossierReference": f"U{pick % 3}"}),
    "requirements": lambda api, pick: api.post(f"/dossiers/{pick % 4 + 1}/requirements", ["I2", "ATT_VIGI"]),
    "deposit": lambda api, pick: deposit(
        api, pick % 3 + 1, "I2", expirationDate=f"2031-05-{pick % 20 + 3:02d}"
    ),
    "patch": lambda api, pick: api.control(
        "PATCH", f"/dossiers/{pick % 3 + 1}", {"stoppingReason": None, "expirationDate": None}
    ),
    "advance": lambda api, pick: api.advance(f"PT{pick * 7}H"),
    "variants": lambda api, pick: api.control(
        "PUT", "/variants", {"stoppedDocuments": ["keep", "empty"][pick % 2]}
    ),
    "close": lambda api, pick: api.control("POST", f"/thirdparties/{1000 + pick % 3}/close"),
}


@pytest.fixture(scope="module")
def small_app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    path = tmp_path_factory.mktemp("recipe") / "recipe.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return create_app(Settings(fixture=str(path), log_level="error"))


@example_count(40)
@given(st.lists(st.tuples(st.sampled_from(sorted(commands)), st.integers(0, 30)), max_size=12))
def test_an_exported_state_is_complete_after_any_calls(small_app: Flask, done: list[tuple[str, int]]) -> None:
    api = Api(small_app.test_client(), f"h{next(_numbers)}")
    api.set_clock("2031-05-02T10:00:00")
    for name, pick in done:
        with suppress(AssertionError):  # a refused call tests as much
            commands[name](api, pick)

    other = moved(api)

    assert seen(other) == seen(api)
    assert state_of(other) == state_of(api) | {"fixture": "empty"}
    for each in (api, other):
        each.client.delete(f"/__admin/sandboxes/{each.sandbox}")


def test_an_import_of_an_older_file_that_ended_without_a_time_has_one(api: Api) -> None:
    process_id = api.launch(companyIdValue=ENDLESS_SIRET)
    api.control("POST", f"/processes/{process_id}", {"outcome": "finish"})
    state = state_of(api)
    [process] = [each for each in state["content"]["processes"] if each["processId"] == process_id]
    process["ends"] = None

    other = fresh()
    assert put(other, state).status_code == 200

    ended = other.control("GET", f"/processes/{process_id}")
    assert (ended["complete"], ended["ends"]) == (True, ended["creation"])


def test_a_running_clock_continues(api: Api) -> None:
    api.set_clock(NOW)
    api.control("PUT", "/clock", {"frozen": False})

    other = moved(api)

    clock = other.control("GET", "/clock")
    assert not clock["frozen"]
    assert clock["now"].startswith("2031-05-03T10:00:")


def test_an_exported_state_has_the_variants(api: Api) -> None:
    api.control("PUT", "/variants", {"refusals": "result"})

    other = moved(api)

    assert other.control("GET", "/variants") == api.control("GET", "/variants")


def test_users_and_passwords_are_exported(api: Api) -> None:
    other = moved(api)

    assert "access_token" in other.log_in()
    assert "access_token" not in other.log_in("wrong")


def test_a_reset_goes_back_to_the_fixture_of_the_server(api: Api) -> None:
    other = moved(api)

    other.control("POST", "/reset")

    assert [row["accountId"] for row in state_of(other)["content"]["accounts"]] == [119631]
    assert state_of(other)["content"]["dossiers"] == []


def test_a_snapshot_is_still_there_after_an_import_of_a_state(api: Api) -> None:
    other = fresh()
    before = state_of(other)
    other.control("POST", "/snapshots/before")
    put(other, state_of(api))

    other.control("POST", "/snapshots/before/restore")

    assert state_of(other)["content"] == before["content"]


@pytest.mark.parametrize(("kept", "kind"), [(ProcessState, ImportProcess), (AccountState, Account)])
def test_an_exported_entity_has_every_field(kept: Any, kind: Any) -> None:
    assert kept.__struct_fields__ == kind.__struct_fields__


def test_the_smallest_and_largest_values_are_exported_and_imported(api: Api) -> None:
    far = {
        "dossierId": 2**62 - 1,
        "stateLastChangeDate": "1000-01-01T00:00:00",
        "expirationDate": "8999-12-31",
    }
    api.control("POST", "/dossiers", {"siret": SIRET, "dossierReference": "A"} | far)
    for reference in ("B", "-", "-"):
        api.control("POST", "/dossiers", {"siret": SIRET, "dossierReference": reference})
    api.control("POST", "/thirdparties", {"siret": SIRET, "subscriptionDate": "9999-12-31"})

    other = moved(api)

    assert state_of(other)["content"] == state_of(api)["content"]


@pytest.mark.parametrize("now", ["1000-01-01T00:00:00", "8999-12-31T23:59:30"], ids=["first", "last"])
def test_a_state_at_the_edges_of_the_calendar_is_imported_again(api: Api, now: str) -> None:
    api.set_clock(now)
    api.launch()
    api.new_dossier(dossierReference="LAST", expirationDate="9999-12-31")
    api.advance("PT1S")

    other = moved(api)

    assert state_of(other) | {"fixture": "default"} == state_of(api)
    assert api.hits("/dossiers", dossierReference="LAST")[0]["expirationDate"].startswith("9999-12-31")


@pytest.mark.parametrize("now", ["1000-01-01T12:00:00", "8999-12-31T12:00:00"], ids=["first", "last"])
def test_generated_dossiers_that_started_long_before_the_clock_are_imported_again(
    make_server_api: Callable[..., Api], now: str
) -> None:
    api = make_server_api(fixture="default")
    api.set_clock(now)
    api.control("POST", "/reset", {"only": ["state"]})
    exported = state_of(api)

    assert put(api, exported).status_code == 200
    assert state_of(api) == exported


# Invalid states.


@pytest.fixture(scope="module")
def good(small_app: Flask) -> Any:
    """A state with a bit of everything."""
    api = Api(small_app.test_client(), "good")
    api.set_clock(NOW)
    mail = ["a@b.example"]
    api.new_dossier(dossierReference="A", thirdpartyCode="F-1", companyIdValue=SIRET, thirdpartyEmail=mail)
    api.refused_import_codes(dossierReference="A", companyIdValue=SIRET)
    api.launch(dossierReference="B")
    users = [{"username": "u", "password": "p", "accountIds": [ACCOUNT], "firstname": "A", "lastname": "B"}]
    state = state_of(api)
    return state | {"content": state["content"] | {"users": users}}


def found(state: Any, path: str) -> Any:
    for step in path.split(".") if path else ():
        state = state[int(step) if step.isdecimal() else step]
    return state


def with_value(state: Any, path: str, value: Any) -> Any:
    """The state with another value at a path such as `content.dossiers.0.code`; `...` takes it away."""
    changed = deepcopy(state)
    before, _, last = path.rpartition(".")
    target = found(changed, before)
    target[int(last) if last.isdecimal() else last] = value
    if value is ...:
        del target[last]
    return changed


def twice(name: str) -> Callable[[Any], Any]:
    """The state with the first of these there twice."""
    path = f"content.{name}"
    return lambda state: with_value(state, path, [*found(state, path), found(state, path)[0]])


def at(path: str, *, value: Any) -> Callable[[Any], Any]:
    return lambda state: with_value(state, path, value)


PAST_ACTION = {
    "at": "2031-05-03T10:00:00Z",
    "control": "POST /thirdparties",
    "companies": [[{"type": "CIT001", "value": "P9999Y"}, {"name": "ANY"}]],
}

INVALID: dict[str, tuple[Callable[[Any], Any], str]] = {
    "another version": (at("version", value=2), "$.version: 2 is not allowed: use 1"),
    "no content": (at("content", value=...), "the key 'content' is missing"),
    "an unknown member": (
        at("content.dossiers.0.color", value="red"),
        "$.content.dossiers[0]: unknown key 'color'",
    ),
    "a text for a number": (
        at("content.dossiers.0.dossierId", value="1"),
        "$.content.dossiers[0].dossierId: '1' is not an integer",
    ),
    "an invalid id": (
        at("content.accounts.0.accountId", value=0),
        "$.content.accounts[0].accountId: 0 is out of range: at least 1",
    ),
    "an instant without offset": (
        at("clock.now", value="2031-01-01T00:00:00"),
        "$.clock.now: '2031-01-01T00:00:00' has no offset",
    ),
    "a clock at the end of time": (at("clock.now", value="9999-01-01T00:00:00Z"), "$.clock.now"),
    "a clock in the year 9000 of France": (
        at("clock.now", value="8999-12-31T23:00:00Z"),
        "$.clock.now: 8999-12-31 23:00:00+00:00 is not in the years 1000 to 8999 of France",
    ),
    "a clock before the year 1000 of France": (
        at("clock.now", value="0999-12-31T23:50:00Z"),
        "is not in the years 1000 to 8999 of France",
    ),
    "an unknown variant": (at("variants", value={"color": "red"}), "$.variants: there is no variant 'color'"),
    "a user twice": (twice("users"), "$.content.users[1]"),
    "a user of no account": (at("content.users.0.accountIds", value=[7]), "$.content.users[0].accountIds[0]"),
    "no such default account": (at("content.defaultAccount", value=7), "$.content.defaultAccount"),
    "a document type twice": (twice("requirements"), "$.content.requirements"),
    "an account twice": (twice("accounts"), "$.content.accounts[1]"),
    "a document type of an account twice": (
        twice("accounts.0.requirements"),
        "$.content.accounts[0].requirements",
    ),
    "no such default requirement": (
        at("content.accounts.0.defaultRequirements", value=["NOPE"]),
        "$.content.accounts[0].defaultRequirements[0]",
    ),
    "an establishment twice": (twice("establishments"), "$.content.establishments"),
    "a third party twice": (twice("thirdparties"), "$.content.thirdparties[3]"),
    "an invalid company": (
        at("content.thirdparties.0.companyId.value", value="1"),
        "$.content.thirdparties[0].companyId.value",
    ),
    "an invalid row of the registry": (
        at("content.establishments.0.companyId.value", value="1"),
        "$.content.establishments[0].companyId.value: '1' is not a well-formed ",
    ),
    "an invalid company after a transfer": (
        at("content.establishments.0.transferredTo", value={"type": "CIT003", "value": "P9999Y"}),
        "$.content.establishments[0].transferredTo.value: 'P9999Y' is not a well-formed DUNS",
    ),
    "an import that lasts longer than the calendar": (
        at("content.establishments.0.importDuration", value="P9999999D"),
        "$.content.establishments[0].importDuration: an import lasts from no time to a century",
    ),
    "an import that ends before it starts": (
        at("content.establishments.0.importDuration", value="-P1D"),
        "$.content.establishments[0].importDuration",
    ),
    "an import of an invalid company": (
        at("content.processes.2.wanted.companyId.value", value="ABCDEFGHIJKLMN"),
        "$.content.processes[2].wanted.companyId.value: 'ABCDEFGHIJKLMN' is not a well-formed SIRET",
    ),
    "an import without a reference": (
        at("content.processes.2.wanted.reference", value=" "),
        "$.content.processes[2].wanted.reference",
    ),
    "an import that invites no address": (
        at("content.processes.2.wanted.thirdpartyEmail", value=["a@b.example", "a"]),
        "$.content.processes[2].wanted.thirdpartyEmail[1]: 'a' is not an e-mail address",
    ),
    "an import in charge of no address": (
        at("content.processes.2.wanted.userInCharge", value=["a"]),
        "$.content.processes[2].wanted.userInCharge[0]",
    ),
    "an action about an invalid company": (
        at("content.pastActions", value=[PAST_ACTION]),
        "$.content.pastActions[0].companies[0][0].value",
    ),
    "a relation twice": (twice("relations"), "$.content.relations[3]"),
    "a relation of no account": (
        at("content.relations.0.accountId", value=7),
        "$.content.relations[0].accountId",
    ),
    "a relation with no third party": (
        at("content.relations.0.thirdpartyId", value=7),
        "$.content.relations[0].thirdpartyId",
    ),
    "a dossier twice": (twice("dossiers"), "$.content.dossiers[4]"),
    "a dossier of no account": (
        at("content.dossiers.0.accountId", value=7),
        "$.content.dossiers[0].accountId",
    ),
    "a dossier of no third party": (
        at("content.dossiers.0.thirdpartyId", value=7),
        "$.content.dossiers[0].thirdpartyId",
    ),
    "a reference twice": (
        at("content.dossiers.3.reference", value="LAPSING"),
        "$.content.dossiers[3].reference",
    ),
    "an active dossier with an end": (
        at("content.dossiers.0.stoppingReason", value="STOPREQUEST"),
        "$.content.dossiers[0]: monitored",
    ),
    "a stopped dossier without an end": (
        at("content.dossiers.0.monitored", value=False),
        "$.content.dossiers[0]: monitored",
    ),
    "an unknown reason": (
        at("content.dossiers.0.stoppingReason", value="BORED"),
        "$.content.dossiers[0].stoppingReason: 'BORED' is not allowed: use ",
    ),
    "a day at the start of time": (
        at("content.dossiers.0.expirationDate", value="0001-01-01"),
        "$.content.dossiers[0].expirationDate",
    ),
    "no such document type": (
        at("content.dossiers.0.documents.0.code", value="NOPE"),
        "$.content.dossiers[0].documents[0].code",
    ),
    "a document twice": (
        at("content.dossiers.0.documents.1.documentId", value=11),
        "$.content.dossiers[0].documents[1].documentId: 11 is used twice",
    ),
    "an evidence twice": (
        lambda state: with_value(
            state,
            "content.dossiers.0.documents.0.evidences.1.evidenceId",
            state["content"]["dossiers"][0]["documents"][0]["evidences"][0]["evidenceId"],
        ),
        "$.content.dossiers[0].documents[0].evidences[1].evidenceId",
    ),
    "a file too small for a PDF": (
        at("content.dossiers.0.documents.0.evidences.0.fileSize", value=10),
        "$.content.dossiers[0].documents[0].evidences[0].fileSize",
    ),
    "a file of other bytes": (
        at("content.dossiers.0.documents.0.evidences.0.content", value="c2lnbmVk"),
        "$.content.dossiers[0].documents[0].evidences[0].fileSize: 40000 is not the size of this file",
    ),
    "a form with a size": (
        at("content.dossiers.0.documents.0.evidences.0.fileUuid", value=None),
        "$.content.dossiers[0].documents[0].evidences[0].fileSize: 40000 is not the size of this file",
    ),
    "a process twice": (twice("processes"), "$.content.processes[3]"),
    "a process without an id": (
        at("content.processes.0.processId", value=""),
        "$.content.processes[0].processId: ''",
    ),
    "a process whose id has a slash": (
        at("content.processes.0.processId", value="a/b"),
        "$.content.processes[0].processId: 'a/b' cannot be a part of a URL path",
    ),
    "a process of no account": (
        at("content.processes.0.accountId", value=7),
        "$.content.processes[0].accountId",
    ),
    "a process that made nothing that is there": (
        at("content.processes.0.dossierId", value=7),
        "$.content.processes[0].dossierId: the account has no dossier 7",
    ),
    "no such error": (
        at("content.processes.1.refusals.0.code", value="E000"),
        "$.content.processes[1].refusals[0].code",
    ),
    "a process that runs and has ended": (
        at("content.processes.0.complete", value=False),
        "$.content.processes[0].complete",
    ),
    "a mail twice": (twice("mails"), "$.content.mails[1]"),
    "a mail about nothing": (at("content.mails.0.dossierId", value=7), "$.content.mails[0].dossierId"),
    "a mail to no third party": (
        at("content.mails.0.thirdpartyId", value=7),
        "$.content.mails[0].thirdpartyId",
    ),
    "the number of a mail that comes again": (
        at("content.nextIds.mail", value=1),
        "$.content.nextIds.mail",
    ),
    **{
        f"a next {name} id without another one after it": (
            at(f"content.nextIds.{name}", value=2**63 - 1),
            f"$.content.nextIds.{name}: {2**63 - 1} is out of range: at most ",
        )
        for name in ("dossier", "thirdparty", "document", "evidence", "process", "mail")
    },
    "an id that comes again": (at("content.nextIds.dossier", value=3), "$.content.nextIds.dossier"),
}


def test_an_impossible_state_is_rejected_with_its_place_and_changes_nothing(
    good: Any, snapshot: SnapshotAssertion
) -> None:
    api = fresh()
    before = state_of(api)
    found = {}

    for case, (change, place) in INVALID.items():
        answer = put(api, change(good))
        assert answer.status_code == 400, case
        assert answer.mimetype == "application/problem+json", case
        assert place in (answer.json or {})["detail"], case
        assert state_of(api) == before, case
        found[case] = str((answer.json or {})["detail"])
    assert as_lines(found) == snapshot


LIMITS: dict[str, tuple[list[Any], list[Any]]] = {
    "content.establishments.0.importDuration": (["PT0S", "P36500D"], ["-PT1S", "P36500DT1S"]),
    "content.dossiers.0.documents.0.evidences.0.fileSize": ([2048, 50_000_000], [2047, 50_000_001]),
    "content.dossiers.0.startingDate": (
        ["0799-01-01T00:00:00Z", "9998-12-31T23:59:59Z"],
        ["0798-12-31T23:59:59Z", "9999-01-01T00:00:00Z"],
    ),
    "content.dossiers.0.expirationDate": (["0800-01-01", "9999-12-31"], ["0799-12-31"]),
    "content.thirdparties.0.subscriptionDate": (["0001-01-01"], []),
    "content.nextIds.document": ([2**62 + 2**32], [2**62 + 2**32 + 1]),
    "clock.now": (["0999-12-31T23:50:39Z", "8999-12-31T22:59:59Z"], ["0999-12-31T23:50:38Z"]),
}
"""By its place, values that a state may just have, and values that it may just not have."""


def test_a_state_has_values_up_to_their_limits(good: Any) -> None:
    api = fresh()
    for path, (accepted, rejected) in LIMITS.items():
        for value in accepted:
            assert put(api, with_value(good, path, value)).status_code == 200, (path, value)
        for value in rejected:
            assert put(api, with_value(good, path, value)).status_code == 400, (path, value)


def test_a_next_id_follows_those_in_use(good: Any) -> None:
    api = fresh()
    for name, following in good["content"]["nextIds"].items():
        answer = put(api, with_value(good, f"content.nextIds.{name}", following - 1))
        place = f"$.content.nextIds.{name}"
        assert (answer.json or {})["detail"].endswith(
            f"{place}: {following - 1} is already used: it has to be greater"
        ), name


def test_the_largest_ids_of_a_recipe_can_be_followed_exported_and_imported_again(
    make_server_api: Callable[..., Api],
) -> None:
    api = make_server_api(fixture="empty")
    wanted = {"siret": SIRET, "dossierReference": "A", "dossierId": 2**62 - 1}
    document = {"documentCode": "ATT_VIGI", "documentId": 2**62 - 1, "files": [{"fileId": 2**62 - 1}]}
    api.control("POST", "/dossiers", wanted | {"documents": [document]})
    following = api.control("POST", "/dossiers", {"siret": OTHER_SIRET, "dossierReference": "B"})

    assert following["dossierId"] == 2**62
    exported = state_of(api)
    assert put(api, exported).status_code == 200
    assert state_of(api) == exported


def test_the_state_that_the_invalid_values_are_put_into_is_valid(good: Any) -> None:
    assert put(fresh(), good).status_code == 200


def places(value: Any, path: str = "") -> Iterator[str]:
    """The paths of all that is in a state, of long lists the first two."""
    steps = (
        value.items() if isinstance(value, dict) else enumerate(value[:2] if isinstance(value, list) else ())
    )
    for step, each in steps:
        yield f"{path}{step}"
        yield from places(each, f"{path}{step}.")


ODDITIES: list[Any] = [
    *(None, 0, -1, 1, 2**63, 1.5, True, "", "x", [], {}, "ATT_VIGI", "CIT002", "STOPREQUEST", "PT-5S"),
    *("9999-12-31", "0001-01-01", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2031-01-01T00:00:00"),
]


@example_count(150)
@given(st.data())
def test_any_state_is_imported_or_rejected_and_an_imported_one_can_be_served(good: Any, data: Any) -> None:
    path = data.draw(st.sampled_from(sorted(places(good))))
    changed = with_value(good, path, data.draw(st.sampled_from(ODDITIES)))
    # Flask's own client: a state may hold what the contract has no place for, such as a country called X.
    api = Api(FlaskClient(other_app(), Response), f"s{next(_numbers)}")

    status = put(api, changed).status_code

    served = seen(api) if status == 200 and "access_token" in api.log_in("p") else {}
    assert status in {200, 400}
    assert {answer[0] for answer in served.values()} <= {200, 403, 404}
    assert api.control("POST", "/clock/advance", {"by": "P40D"})
    api.client.delete(f"/__admin/sandboxes/{api.sandbox}")


def test_a_state_takes_its_scenario_and_its_rules_along() -> None:
    rules = [
        {
            "name": "up again",
            "when": {"operation": "listAccounts", "nth": 3},
            "then": {"respond": {"status": 204}},
        }
    ]
    outage = {
        "version": 1,
        "scenario": "outage",
        "title": "Down for two calls",
        "rules": [
            {
                "name": "down",
                "when": {"operation": "listAccounts"},
                "then": {"respond": {"status": 503}},
                "times": 2,
            }
        ],
    }
    before, after = fresh(), fresh()
    before.control("POST", "/rules", {"rules": rules})
    before.control("PUT", "/scenario", {"scenario": outage})
    first = before.send("GET", "/api/v1/account").status_code

    put(after, state_of(before))

    rest = [after.send("GET", "/api/v1/account").status_code for _ in range(3)]
    assert [first, *rest] == [503, 503, 204, 200]
    assert after.control("GET", "/scenarios")["playing"] == "outage"


def test_a_state_with_an_impossible_rule_is_rejected(good: Any) -> None:
    wrong = good | {"playing": {"rules": [{"name": "r", "when": {"operation": "lst"}, "then": {}}]}}

    answer = put(fresh(), wrong)

    assert answer.status_code == 400
    assert "$.playing.rules[0].when.operation" in (answer.json or {})["detail"]


def test_a_state_with_an_impossible_scenario_is_rejected(good: Any) -> None:
    rules = [{"name": "r", "when": {"operation": "lst"}, "then": {"respond": {"status": 503}}}]
    scenario = {"version": 1, "scenario": "s", "title": "S", "rules": rules}

    answer = put(fresh(), good | {"playing": {"scenario": scenario}})

    assert answer.status_code == 400
    assert "$.playing.scenario.rules[0].when.operation" in (answer.json or {})["detail"]


Get = Callable[[str], tuple[int, bytes]]
"""Answers status and body of a GET on a path such as `/api/v1/account`."""


def read_everything(get: Get, account: int) -> dict[str, tuple[int, bytes]]:
    """Status and body by path, of everything that the account shows."""
    seen: dict[str, tuple[int, bytes]] = {}

    def content(path: str) -> list[dict[str, Any]]:
        seen[path] = status, body = get(path)
        found = orjson.loads(body)["content"] if status == 200 and body.startswith(b"{") else []
        return list(found) if isinstance(found, list) else []

    base = f"/api/v1/account/{account}"
    dossiers = f"{base}/dossiers"
    pages = ("?pageSize=1000", "?pageSize=7&page=2", "?monitored=false", "?monitored=true&pageSize=3")
    paths = ["/api/v1/account", base, f"{base}/requirements", *(f"{dossiers}{page}" for page in pages)]
    paths += [
        f"{base}/thirdparties/{row['thirdpartyId']}" for row in content(f"{base}/thirdparties{pages[0]}")
    ]
    paths += [f"{dossiers}/process/{row['processId']}" for row in content(f"{dossiers}/processes{pages[0]}")]
    paths += [path for dossier in content(f"{dossiers}/all") for path in _of_dossier(dossiers, dossier)]
    for path in paths:
        content(path)
    return seen


def _of_dossier(dossiers: str, dossier: dict[str, Any]) -> Iterator[str]:
    base = f"{dossiers}/{dossier['dossierId']}"
    yield from (base, f"{base}/requirements", f"{base}/documents")
    for document in dossier["documents"]:
        path = f"{base}/documents/{document['documentId']}"
        yield from (path, f"{path}/files")
        yield from (f"{path}/files/{file['fileId']}" for file in document["listFileInformation"])


def test_every_object_of_a_state_rejects_unknown_keys(good: Any) -> None:
    api = fresh()
    rule = {
        "name": "r",
        "when": {"operation": "listAccounts"},
        "then": {"respond": {"status": 503}},
        "active": {"after": "P1D"},
    }
    api.control("POST", "/rules", {"rules": [rule]})
    state = good | {"playing": state_of(api)["playing"]}
    kinds = {re.sub(r"\d+", "0", path): path for path in object_paths(state)}

    accepted = {
        kind
        for kind, path in kinds.items()
        if put(api, with_value(state, f"{path}.nope".lstrip("."), value="x")).status_code != 400
    }

    assert accepted == {"content.dossiers.0.documents.0.evidences.0.metadata"}  # any keys


def object_paths(value: Any, path: str = "") -> Iterator[str]:
    """Yield the path of each object in a JSON value, such as `content.dossiers.0`."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if isinstance(value, dict):
        yield path
    for name, part in parts:
        yield from object_paths(part, f"{path}.{name}".lstrip("."))
