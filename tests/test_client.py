"""The client of the control API: each method against a real server; docs/pytest.md names the call of each."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Literal, Required, get_args, get_origin, get_type_hints

import msgspec
import pytest

from mock_server import client
from mock_server.client import (
    ControlRefused,
    Effect,
    NoServer,
    NotVerified,
    RecordedRequest,
    Sandbox,
    SandboxClock,
    Server,
    members,
)
from mock_server.client.calls import ControlClient, server_url
from mock_server.client.sandbox import Part
from mock_server.control.app import create_control as _create_control  # noqa: F401  # which fills the table of calls
from mock_server.control.calls import CALLS
from mock_server.domain.names import camel
from mock_server.fixtures.actions import NewAccount, NewEvidence
from mock_server.fixtures.entries import AccountChange, DossierEntry, DossierPatch, ThirdpartyPatch
from mock_server.fixtures.library import bundled
from mock_server.journal.matching import ExchangeFilter
from mock_server.sandbox.commands import PARTS
from mock_server.scenarios.file_format import Rule
from tests.support import SIRET, running_server

PAGE = (Path(__file__).parent.parent / "docs" / "pytest.md").read_text(encoding="utf-8")
DOWN: dict[str, Any] = {"when": {"operation": "getDossier"}, "then": {"respond": {"status": 503}}}
FLAKY = bundled("scenarios") / "outage-of-three-calls.yaml"
STORY = {"version": 1, "scenario": "mine", "title": "Mine", "rules": [{"name": "down", **DOWN}]}

_numbers = count(1)


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with running_server("--control-token", "open-sesame", "--log-level", "error") as (url, _):
        yield Server(url, "open-sesame")


@pytest.fixture
def sandbox(running: Server) -> Iterator[Sandbox]:
    sandbox = running.sandbox(f"t{next(_numbers)}")
    sandbox.clock.set("2031-01-01T00:00:00")
    yield sandbox
    sandbox.drop()


def answers(sandbox: Sandbox, path: str = "/dossiers/804127") -> int:
    return sandbox.session().get(f"{sandbox.base_url}/account/119631{path}").status_code


def import_dossier(sandbox: Sandbox, reference: str = "PO-1") -> str:
    order = {"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": reference}
    answer = sandbox.session().post(f"{sandbox.base_url}/account/119631/dossiers", json=order)
    return str(answer.json()["content"]["processId"])


def create_dossier(sandbox: Sandbox) -> int:
    return int(sandbox.dossier(siret=SIRET, dossier_reference="PO-1")["dossierId"])


def error_of(act: Callable[[], object]) -> str:
    """Return the sentence with which it fails."""
    with pytest.raises((ControlRefused, NotVerified)) as raised:
        act()
    return str(raised.value)


def deposit_evidence(box: Sandbox) -> object:
    dossier_id = create_dossier(box)
    file_id = box.deposit(dossier_id, "ATT_VIGI", expiration_date="2031-06-30", content=b"%PDF-1.4 signed")
    path = f"/account/119631/dossiers/{dossier_id}/documents"
    [document] = [
        one
        for one in box.session().get(f"{box.base_url}{path}").json()["content"]
        if one["documentCode"] == "ATT_VIGI"
    ]
    file = box.session().get(f"{box.base_url}{path}/{document['documentId']}/files/{file_id}")
    return file.content


def close_company(box: Sandbox) -> object:
    dossier = box.dossier(siret=SIRET, dossier_reference="PO-1")
    box.close_thirdparty(dossier["thirdpartyId"])
    path = f"/account/119631/dossiers/{dossier['dossierId']}"
    return box.session().get(f"{box.base_url}{path}").json()["content"]["stoppingReason"]


def set_scenario_state(box: Sandbox) -> object:
    box.scenario("outage-ended-by-the-test")
    box.scenario_state("outage-ended-by-the-test", "away")
    return answers(box)


def withdraw_and_restore(box: Sandbox) -> object:
    box.withdraw_requirement("ATT_VIGI", account_id=119631)
    first = "ATT_VIGI" in box.change_account(119631)["withdrawn"]
    box.withdraw_requirement("ATT_VIGI", withdrawn=False)
    return first, "ATT_VIGI" in box.change_account(119631)["withdrawn"]


def set_and_read_strict(box: Sandbox) -> object:
    box.set_strict("warn")
    return box.strict()


def stop_scenario(box: Sandbox) -> object:
    box.scenario("outage-of-three-calls")
    box.stop_scenario()
    return box.rules()


def apply_rule_once(box: Sandbox) -> object:
    box.rule("down", **DOWN, times=1)
    return [answers(box), answers(box)], [(rule["name"], rule["applied"]) for rule in box.rules()]


def delete_rules(box: Sandbox) -> object:
    for name in ("down", "gone", "away"):
        box.rule(name, **DOWN)
    box.delete_rules("gone")
    kept = [rule["name"] for rule in box.rules()]
    box.delete_rules()
    return sorted(kept), box.rules()


def find_requests(box: Sandbox) -> object:
    answers(box)
    answers(box, "/dossiers/1")
    found = box.requests("getDossier", dossier_id=804127)
    everything = [request["operation"] for request in box.requests()]
    return everything, [request["dossierId"] for request in found]


def count_requests(box: Sandbox) -> object:
    answers(box)
    return box.count("getDossier"), box.count("getDossier", status=404), box.count()


def find_unmatched(box: Sandbox) -> object:
    answers(box, "/dosiers")
    return [request["path"] for request in box.unmatched()]


def forget_requests(box: Sandbox) -> object:
    answers(box)
    box.forget_requests()
    return box.requests()


def verify(box: Sandbox) -> object:
    import_dossier(box)
    box.verify("importDossier", body={"dossierReference": "PO-1"}, count=1)
    box.verify("getToken", at_least=1, at_most=1)
    box.verify("importDossier")
    return error_of(lambda: box.verify("importDossier", body={"dossierReference": "PO-2"}))[:14]


def verify_in_order(box: Sandbox) -> object:
    import_dossier(box)
    login, order = {"request": {"operation": "getToken"}}, {"request": {"operation": "importDossier"}}
    box.verify_all(login, order, in_order=True)
    return bool(error_of(lambda: box.verify_all(order, login, in_order=True)))


def reset_parts(box: Sandbox) -> object:
    dossier_id = create_dossier(box)
    box.rule("down", **DOWN)
    box.reset("rules")
    kept = answers(box, f"/dossiers/{dossier_id}")
    box.reset()
    return kept, answers(box, f"/dossiers/{dossier_id}")


def take_snapshot(box: Sandbox) -> object:
    box.snapshot("a-b")
    return box.snapshots()


def delete_snapshot(box: Sandbox) -> object:
    for name in ("before", "after"):
        box.snapshot(name)
    box.delete_snapshot("before")
    return box.snapshots()


def restore_snapshot(box: Sandbox) -> object:
    box.snapshot("before")
    dossier_id = create_dossier(box)
    box.restore("before")
    return answers(box, f"/dossiers/{dossier_id}")


def undo(box: Sandbox) -> object:
    dossier_id = create_dossier(box)
    undone = box.rewind()
    return undone, answers(box, f"/dossiers/{dossier_id}"), box.rewind(before=1)


def fork_before_creation(box: Sandbox) -> object:
    dossier_id = create_dossier(box)
    last = box.history()[-1]["number"]
    forks = [box.fork(f"{box.name}.a"), box.fork(f"{box.name}.b", before_command=last)]
    return [answers(fork, f"/dossiers/{dossier_id}") for fork in forks]


def load_exported_state(box: Sandbox) -> object:
    dossier_id, state = create_dossier(box), box.state()
    box.reset()
    box.load_state(state)
    return answers(box, f"/dossiers/{dossier_id}")


def drop_and_use(box: Sandbox) -> object:
    dossier_id = create_dossier(box)
    box.drop()
    return answers(box, f"/dossiers/{dossier_id}")


def activate_scenarios(box: Sandbox) -> object:
    ways: list[Any] = ["outage-of-three-calls", FLAKY, STORY]
    found = []
    for way in ways:
        box.scenario(way)
        found.append(len(box.rules()))
    return found


def load_fixtures(box: Sandbox) -> object:
    ways: list[Any] = [
        "pages",
        bundled("fixtures") / "empty.yaml",
        {"version": 1, "accounts": [{"accountId": 5}]},
    ]
    found = []
    for way in ways:
        box.load_fixture(way)
        found.append(box.fixture()["accounts"][0]["accountId"])
    return found


def set_outcome(decide: Callable[[Sandbox, str], dict[str, Any]]) -> Callable[[Sandbox], object]:
    def act(box: Sandbox) -> object:
        process_id = import_dossier(box)
        decide(box, process_id)
        box.clock.advance(days=1)
        [process] = [one for one in box.processes() if one["processId"] == process_id]
        return process["complete"], process["errors"]

    return act


def plan_actions(box: Sandbox) -> list[str]:
    box.add_to_timeline(timedelta(hours=48), "POST /thirdparties/875/close")
    box.add_to_timeline("P1D", "POST /dossiers", {"siret": SIRET, "dossierReference": "LATER"})
    return [action["at"][:10] for action in box.timeline()]


def take_an_action(box: Sandbox) -> list[str]:
    plan_actions(box)
    box.clock.advance(days=1)
    return [action["control"] for action in box.past_actions()]


CASES: dict[str, tuple[Callable[[Sandbox], object], object]] = {
    "dossier": (lambda s: s.dossier(siret=SIRET, dossier_reference="A")["dossierReference"], "A"),
    "change_dossier": (
        lambda s: s.change_dossier(804127, stopping_reason="OUTOFBUSINESS")["stoppingReason"],
        "OUTOFBUSINESS",
    ),
    "deposit": (deposit_evidence, b"%PDF-1.4 signed"),
    "thirdparty": (lambda s: s.thirdparty(siret=SIRET, name="ACME")["name"], "ACME"),
    "close_thirdparty": (close_company, "OUTOFBUSINESS"),
    "account": (lambda s: s.account(account_id=7, users=["api@example.com"])["id"], 7),
    "change_account": (
        lambda s: s.change_account(119631, subscription_status="INACTIVE")["subscriptionStatus"],
        "INACTIVE",
    ),
    "withdraw_requirement": (withdraw_and_restore, (True, False)),
    "processes": (lambda s: (import_dossier(s), len(s.processes()))[1], 1),
    "finish_import": (set_outcome(lambda s, process_id: s.finish_import(process_id)), (True, [])),
    "hold_import": (set_outcome(lambda s, process_id: s.hold_import(process_id)), (False, [])),
    "fail_import": (
        set_outcome(lambda s, process_id: s.fail_import(process_id, "E103")),
        (True, ["E103"]),
    ),
    "outbox": (lambda s: s.outbox(), []),
    "timeline": (lambda s: s.timeline(), []),
    "past_actions": (take_an_action, ["POST /dossiers"]),
    "add_to_timeline": (plan_actions, ["2031-01-02", "2031-01-03"]),
    "clear_timeline": (lambda s: (plan_actions(s), s.clear_timeline(), s.timeline())[1:], (2, [])),
    "scenario": (activate_scenarios, [1, 1, 1]),
    "scenarios": (lambda s: FLAKY.stem in [scenario["name"] for scenario in s.scenarios()], True),
    "stop_scenario": (stop_scenario, []),
    "scenario_state": (set_scenario_state, 503),
    "rule": (apply_rule_once, ([503, 200], [("down", 1)])),
    "rules": (lambda s: s.rules(), []),
    "delete_rules": (delete_rules, (["away", "down"], [])),
    "set_variants": (lambda s: s.set_variants(refusals="result")["refusals"], "result"),
    "variants": (lambda s: s.variants()["refusals"], "http400"),
    "requests": (find_requests, (["getToken", "getDossier", "getToken", "getDossier"], [804127])),
    "count": (count_requests, (1, 0, 2)),
    "unmatched": (find_unmatched, ["/api/v1/account/119631/dosiers"]),
    "forget_requests": (forget_requests, []),
    "verify": (verify, "importDossier:"),
    "verify_all": (verify_in_order, True),
    "strict": (lambda s: s.strict(), "off"),
    "set_strict": (set_and_read_strict, "warn"),
    "coverage": (lambda s: "operations" in s.coverage(), True),
    "fixture": (lambda s: s.fixture()["name"], "default"),
    "load_fixture": (load_fixtures, [120000, 119631, 5]),
    "reset": (reset_parts, (200, 404)),
    "snapshot": (take_snapshot, ["a-b"]),
    "delete_snapshot": (delete_snapshot, ["after"]),
    "restore": (restore_snapshot, 404),
    "snapshots": (lambda s: s.snapshots(), []),
    "history": (lambda s: (create_dossier(s), s.history()[-1]["command"])[1], "CreateDossier"),
    "rewind": (undo, (1, 404, 0)),
    "fork": (fork_before_creation, [200, 404]),
    "state": (lambda s: s.state()["version"], 1),
    "load_state": (load_exported_state, 200),
    "drop": (drop_and_use, 404),
    "clock.now": (lambda s: s.clock.now().isoformat(), "2030-12-31T23:00:00+00:00"),
    "clock.is_frozen": (
        lambda s: [s.clock.is_frozen(), s.clock.run(), s.clock.is_frozen()],
        [True, [], False],
    ),
    "clock.set": (lambda s: s.clock.set(datetime(2032, 1, 1)) and s.clock.now().year, 2031),  # noqa: DTZ001
    "clock.freeze": (lambda s: (s.clock.freeze(), s.clock.now())[1] == s.clock.now(), True),
    "clock.run": (lambda s: (s.clock.run(), s.call("GET", "/clock")["frozen"])[1], False),
    "clock.advance": (
        lambda s: [
            (import_dossier(s), s.clock.advance(minutes=1)[0]["what"])[1],
            s.clock.advance("P1D"),
            s.clock.advance(timedelta(hours=1), hours=1, tokens=True),
            s.clock.now().isoformat(),
        ],
        ["process finished", [], [], "2031-01-02T01:01:00+00:00"],
    ),
}
"""Per method a use of it, and the result."""
SERVER_CASES: dict[str, Callable[[Server], object]] = {
    "sandboxes": lambda server: "default" in server.sandboxes(),
    "health": lambda server: server.health()["status"] == "UP",
}
RENAMED_METHODS: dict[str, tuple[tuple[Any, ...], str]] = {
    "become": (({"version": 1},), "PUT /state"),
    "choose_variants": ((), "PUT /variants"),
    "leave_scenario": ((), "DELETE /scenario"),
    "start_over_from": (("pages",), "PUT /fixture"),
    "take_back_rules": (("down",), "DELETE /rules"),
}
"""Per old name of a method its arguments, and the control call that it makes."""
LOGINS = {"base_url_in", "tagged", "token", "session"}
NOT_TRIED = {"call", "text", "export_scenario", *LOGINS}  # the third one in test_scenario_export


def public(kind: type) -> set[str]:
    methods = inspect.getmembers(kind, inspect.isfunction)
    return {name for name, _ in methods if not name.startswith("_")} - RENAMED_METHODS.keys()


def documented_calls() -> dict[str, set[str]]:
    """Return per method the control calls that docs/pytest.md names in its row."""
    rows = re.findall(r"^\| (`.*`) \| (`[A-Z]+ /__admin.*`) \|$", PAGE, re.MULTILINE)
    found: dict[str, set[str]] = {}
    for methods, calls in rows:
        for name in re.findall(r"`([a-z_.]+)\(", methods):
            found.setdefault(name, set()).update(re.findall(r"`([^`]+)`", calls))
    return found


def test_every_method_of_the_client_has_a_row() -> None:
    methods = (public(Sandbox) - NOT_TRIED) | {f"clock.{name}" for name in public(SandboxClock)}

    assert methods == set(CASES)
    assert public(Server) - {"sandbox"} == set(SERVER_CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_method_sends_the_control_call_of_its_row(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    act, expected = CASES[name]
    made: list[str] = []
    really = ControlClient._send  # noqa: SLF001

    def call(self: ControlClient, method: str, path: str, *others: Any, **named: Any) -> Any:
        made.append(f"{method} /__admin{path}")
        return really(self, method, path, *others, **named)

    monkeypatch.setattr(ControlClient, "_send", call)

    assert act(sandbox) == expected
    patterns = [re.sub(r"\\{\w+\\}", "[^/]+", re.escape(row)) for row in documented_calls()[name]]
    assert [one for one in patterns if not any(re.fullmatch(one, call) for call in made)] == []


@pytest.mark.parametrize(
    ("given", "then"),
    [
        ({"days": 1}, "2026-10-25T11:00:00+00:00"),
        ({"days": 1.5}, "2026-10-25T23:00:00+00:00"),
        ({"hours": 24}, "2026-10-25T10:00:00+00:00"),
        ({"by": timedelta(days=1)}, "2026-10-25T10:00:00+00:00"),
        ({"days": 1, "hours": -1}, "2026-10-25T09:00:00+00:00"),
    ],
    ids=str,
)
def test_days_of_the_calendar_are_not_hours(sandbox: Sandbox, given: dict[str, Any], then: str) -> None:
    sandbox.clock.set("2026-10-24T12:00:00")

    sandbox.clock.advance(**given)

    assert sandbox.clock.now().isoformat() == then


@pytest.mark.parametrize("name", SERVER_CASES)
def test_a_method_of_the_server_returns_its_answer(running: Server, name: str) -> None:
    assert SERVER_CASES[name](running)


def test_a_control_call_has_a_method_or_is_made_by_call_or_text() -> None:
    rows = {call for calls in documented_calls().values() for call in calls}
    others = {f"{call.method} /__admin{call.path}": call for call in CALLS}
    by_method = {others.pop(row).name for row in rows}

    assert by_method
    assert [
        row for row, call in others.items() if "json" not in call.media_type and call.method != "GET"
    ] == []


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda s: s.dossier(siret="1", dossier_reference="A"), "POST /__admin/dossiers: 400, "),
        (lambda s: s.change_dossier(1, description="x"), "PATCH /__admin/dossiers/1: 404, "),
        (lambda s: s.scenario("outage-of-four-calls"), "outage-of-three-calls"),
        (
            lambda s: s.scenario(Path(__file__).parent.parent / "fixtures" / "default.yaml"),
            "PUT /__admin/scenario: 4",
        ),
        (lambda s: s.load_fixture("pagse"), "pages"),
        (lambda s: s.restore("never"), "POST /__admin/snapshots/never/restore: 404, "),
        (lambda s: s.fail_import(import_dossier(s), "E202"), "E202"),
        (lambda s: s.clock.advance("soon"), "POST /__admin/clock/advance: 400, "),
        (lambda s: s.set_variants(refusal="result"), "refusals"),
        (lambda s: s.rule("down", when={"operation": "getDosier"}), "getDossier"),
        (lambda s: s.verify_all(), "POST /__admin/verify: 400, "),
        (lambda s: s.call("GET", "/nowhere"), "GET /__admin/nowhere: 404, "),
        (lambda s: s.token(password=""), "the login of api+t"),
        (lambda s: Sandbox(s.url, control_token="wrong").rules(), "GET /__admin/rules: 401, "),
        (lambda s: Sandbox(s.url, "a b", control_token="open-sesame").rules(), "64 letters"),
    ],
    ids=count(1),
)
def test_a_rejected_call_has_the_sentence_of_the_server(
    sandbox: Sandbox, act: Callable[[Sandbox], object], sentence: str
) -> None:
    with pytest.raises(ControlRefused) as refused:
        act(sandbox)

    assert sentence in str(refused.value)
    assert refused.value.status is not None
    assert refused.value.detail in str(refused.value)


def test_a_count_over_a_journal_that_dropped_requests_is_an_error(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ControlClient, "call", lambda *_, **__: {"count": 3, "complete": False})

    with pytest.raises(NotVerified, match="dropped older ones"):
        sandbox.count()


@pytest.mark.parametrize("name", RENAMED_METHODS)
def test_an_old_method_name_works_and_warns(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    arguments, call = RENAMED_METHODS[name]
    made: list[str] = []

    def record(_: object, method: str, path: str, *_body: object, **_query: object) -> dict[str, str]:
        made.append(f"{method} {path}")
        return {}

    monkeypatch.setattr(ControlClient, "call", record)

    with pytest.warns(DeprecationWarning, match=rf"^{name}\(\) is deprecated .*: use \w+\(\)$") as warned:
        getattr(Sandbox("http://127.0.0.1:9"), name)(*arguments)

    assert made == [call]
    assert warned[0].filename == __file__


@pytest.mark.parametrize(
    ("old", "new"), [("Caused", Effect), ("Clock", SandboxClock), ("Request", RecordedRequest)]
)
def test_an_old_class_name_works_and_warns(old: str, new: type) -> None:
    with pytest.warns(DeprecationWarning, match=rf"client\.{old} is deprecated .*: use {new.__name__}$"):
        assert getattr(client, old) is new


def test_the_client_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="Clok"):
        client.Clok  # noqa: B018  # the access is what is tested


def test_an_unused_sandbox_can_be_dropped(running: Server) -> None:
    sandbox = running.sandbox("never-used")

    sandbox.drop()

    assert sandbox.name not in running.sandboxes()
    with pytest.raises(ControlRefused, match="the default sandbox cannot be deleted"):
        running.sandbox("default").drop()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://127.0.0.1:9/edge/api/v1"])
def test_an_url_without_a_server_is_reported_in_a_sentence(url: str) -> None:
    with pytest.raises(NoServer, match=r"http://127\.0\.0\.1:9/\S+ does not answer: \["):
        Server(url).health()
    with pytest.raises(NoServer):
        Sandbox(url).token()


@pytest.mark.parametrize("path", ["", "/", "/api/v1", "/rest/api/v1", "/edge/api/v1", "/edge/api/v1/"])
def test_the_url_of_the_server_is_found_in_any_base_url_of_its_api(path: str) -> None:
    assert server_url(f"https://sandbox.example{path}") == "https://sandbox.example"


def test_a_control_token_that_no_header_carries_is_an_error_at_once_and_is_not_shown() -> None:
    for make in (Server, Sandbox):
        for token in ("s3cret\n", "s3c\nret", " s3cret", "s3cret\udcff"):
            with pytest.raises(ValueError, match="a control token is one or more printable") as raised:
                make("http://127.0.0.1:9", control_token=token)
            assert "s3" not in str(raised.value)


def test_a_login_opens_the_sandbox_in_both_dialects(sandbox: Sandbox) -> None:
    session = sandbox.session("multi+other@example.com")

    answer = session.get(f"{sandbox.base_url_in('edge')}/account").json()

    assert sandbox.tagged("multi+other@example.com") == f"multi+{sandbox.name}@example.com"
    assert len(answer["content"]) == 2
    [edge] = sandbox.requests("listAccounts")
    assert edge["path"] == "/edge/api/v1/account"
    assert sandbox.token_url.startswith(sandbox.auth_url)


def test_repr_does_not_show_the_control_token(running: Server) -> None:
    assert "open-sesame" not in f"{running!r} {running.sandbox('a')!r}"


def fields(struct: type) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(struct)}


@pytest.mark.parametrize(
    ("typed", "struct"),
    [
        (members.NewDossierMembers, DossierEntry),
        (members.DossierChangeMembers, DossierPatch),
        (members.EvidenceMembers, NewEvidence),
        (members.AccountMembers, AccountChange),
        (members.NewAccountMembers, NewAccount),
        (members.NewThirdpartyMembers, ThirdpartyPatch),
        (members.RuleMembers, Rule),
        (members.RequestFilter, ExchangeFilter),
    ],
    ids=lambda kind: kind.__name__,
)
def test_typed_members_are_those_of_the_control_call(typed: Any, struct: type) -> None:
    apart = {members.RuleMembers: {"name"}, members.RequestFilter: {"operation"}}.get(typed, set())
    accepted = {name: field for name, field in fields(struct).items() if name not in apart}
    hints = {camel(name): hint for name, hint in get_type_hints(typed).items()}

    assert set(hints) == set(accepted)
    required = {
        camel(name)
        for name, hint in get_type_hints(typed, include_extras=True).items()
        if get_origin(hint) is Required
    }
    assert required == {name for name, field in accepted.items() if field.required}
    for name, hint in hints.items():
        words = literals(hint)
        if words:
            assert words == literals(accepted[name].type), name


def literals(hint: Any) -> set[str]:
    """Return the values of the Literals in a type, nested ones too."""
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    return {word for part in get_args(hint) for word in literals(part)}


def test_the_parts_of_a_reset_are_those_of_a_sandbox() -> None:
    assert get_args(Part) == PARTS


def test_a_recorded_request_has_only_the_members_of_its_type(sandbox: Sandbox) -> None:
    import_dossier(sandbox)
    answers(sandbox, "/dosiers")
    answers(sandbox, "/dossiers/1/documents/ATT_VIGI/1")

    for request in sandbox.requests():
        assert set(request) <= set(get_type_hints(RecordedRequest))


def test_a_server_on_this_machine_is_called_without_a_proxy_and_another_one_with_it(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "")
    for url, proxy in (
        (server, "http://127.0.0.1:9"),
        (server.replace("127.0.0.1", "localhost"), "http://127.0.0.1:9"),
        ("http://sandbox.example.com", server),  # the server stands for a proxy
    ):
        monkeypatch.setenv("http_proxy", proxy)
        sandbox = Sandbox(url, "proxied")

        assert sandbox.call("GET", "/health")["status"] == "UP"
        assert sandbox.token()
