"""The client of the control API, each method against a real server; docs/pytest.md names the call of each."""

from __future__ import annotations

import inspect
import logging
import re
import socket
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Literal, Required, get_args, get_origin, get_type_hints

import msgspec
import pytest

from mock_server import server
from mock_server.app import create_app
from mock_server.client import Clock, ControlRefused, NoServer, NotVerified, Request, Sandbox, Server, shapes
from mock_server.client.control import Control, server_url
from mock_server.client.sandbox import Part
from mock_server.control.app import create_control as _create_control  # noqa: F401  # which fills the table of calls
from mock_server.control.calls import CALLS
from mock_server.control.events import NewEvidence
from mock_server.control.placing import NewAccount
from mock_server.domain.spelling import camel
from mock_server.fixtures.entries import AccountChange, DossierEntry, DossierPatch, ThirdpartyPatch
from mock_server.fixtures.library import bundled
from mock_server.journal.questions import Question
from mock_server.sandbox import PARTS
from mock_server.scenarios.script import Rule
from mock_server.settings import Settings
from tests.support import SIRET, control_routes

PAGE = (Path(__file__).parent.parent / "docs" / "pytest.md").read_text(encoding="utf-8")
DOWN: dict[str, Any] = {"when": {"operation": "getDossier"}, "then": {"respond": {"status": 503}}}
FLAKY = bundled("scenarios") / "outage-of-three-calls.yaml"
STORY = {"version": 1, "scenario": "mine", "title": "Mine", "rules": [{"name": "down", **DOWN}]}

_numbers = count(1)


@pytest.fixture(scope="module")
def in_process() -> Iterator[Server]:
    bound = server.bind("127.0.0.1", 0)
    url = server.base_url(bound)
    settings = Settings(control_token="open-sesame", log_level="error")
    with server.serving(create_app(settings).wsgi_app, bound, max_body=settings.max_body):
        yield Server(url, "open-sesame")


@pytest.fixture
def sandbox(in_process: Server) -> Iterator[Sandbox]:
    sandbox = in_process.sandbox(f"t{next(_numbers)}")
    sandbox.clock.set("2031-01-01T00:00:00")
    yield sandbox
    sandbox.drop()


def answers(sandbox: Sandbox, path: str = "/dossiers/804127") -> int:
    return sandbox.session().get(f"{sandbox.base_url}/account/119631{path}").status_code


def launched(sandbox: Sandbox, reference: str = "PO-1") -> str:
    order = {"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": reference}
    answer = sandbox.session().post(f"{sandbox.base_url}/account/119631/dossiers", json=order)
    return str(answer.json()["content"]["processId"])


def placed(sandbox: Sandbox) -> int:
    return int(sandbox.dossier(siret=SIRET, dossier_reference="PO-1")["dossierId"])


def told_by(act: Callable[[], object]) -> str:
    """The sentence with which it fails."""
    with pytest.raises((ControlRefused, NotVerified)) as raised:
        act()
    return str(raised.value)


def deposited(box: Sandbox) -> object:
    dossier_id = placed(box)
    file_id = box.deposit(dossier_id, "ATT_VIGI", expiration_date="2031-06-30", content=b"%PDF-1.4 signed")
    path = f"/account/119631/dossiers/{dossier_id}/documents"
    [document] = [
        one
        for one in box.session().get(f"{box.base_url}{path}").json()["content"]
        if one["documentCode"] == "ATT_VIGI"
    ]
    file = box.session().get(f"{box.base_url}{path}/{document['documentId']}/files/{file_id}")
    return file.content


def closed(box: Sandbox) -> object:
    dossier = box.dossier(siret=SIRET, dossier_reference="PO-1")
    box.close_thirdparty(dossier["thirdpartyId"])
    path = f"/account/119631/dossiers/{dossier['dossierId']}"
    return box.session().get(f"{box.base_url}{path}").json()["content"]["stoppingReason"]


def jumped(box: Sandbox) -> object:
    box.scenario("outage-ended-by-the-test")
    box.scenario_state("outage-ended-by-the-test", "away")
    return answers(box)


def withdrawn(box: Sandbox) -> object:
    box.withdraw_requirement("ATT_VIGI", account_id=119631)
    first = "ATT_VIGI" in box.change_account(119631)["withdrawn"]
    box.withdraw_requirement("ATT_VIGI", withdrawn=False)
    return first, "ATT_VIGI" in box.change_account(119631)["withdrawn"]


def left(box: Sandbox) -> object:
    box.scenario("outage-of-three-calls")
    box.leave_scenario()
    return box.rules()


def ruled(box: Sandbox) -> object:
    box.rule("down", **DOWN, times=1)
    return [answers(box), answers(box)], [(rule["name"], rule["applied"]) for rule in box.rules()]


def taken_back(box: Sandbox) -> object:
    for name in ("down", "gone", "away"):
        box.rule(name, **DOWN)
    box.take_back_rules("gone")
    kept = [rule["name"] for rule in box.rules()]
    box.take_back_rules()
    return sorted(kept), box.rules()


def asked(box: Sandbox) -> object:
    answers(box)
    answers(box, "/dossiers/1")
    found = box.requests("getDossier", dossier_id=804127)
    everything = [request["operation"] for request in box.requests()]
    return everything, [request["dossierId"] for request in found]


def counted(box: Sandbox) -> object:
    answers(box)
    return box.count("getDossier"), box.count("getDossier", status=404), box.count()


def lost(box: Sandbox) -> object:
    answers(box, "/dosiers")
    return [request["path"] for request in box.unmatched()]


def forgotten(box: Sandbox) -> object:
    answers(box)
    box.forget_requests()
    return box.requests()


def verified(box: Sandbox) -> object:
    launched(box)
    box.verify("importDossier", body={"dossierReference": "PO-1"}, count=1)
    box.verify("getToken", at_least=1, at_most=1)
    box.verify("importDossier")
    return told_by(lambda: box.verify("importDossier", body={"dossierReference": "PO-2"}))[:14]


def all_verified(box: Sandbox) -> object:
    launched(box)
    login, order = {"request": {"operation": "getToken"}}, {"request": {"operation": "importDossier"}}
    box.verify_all(login, order, in_order=True)
    return bool(told_by(lambda: box.verify_all(order, login, in_order=True)))


def reset(box: Sandbox) -> object:
    dossier_id = placed(box)
    box.rule("down", **DOWN)
    box.reset("rules")
    kept = answers(box, f"/dossiers/{dossier_id}")
    box.reset()
    return kept, answers(box, f"/dossiers/{dossier_id}")


def kept(box: Sandbox) -> object:
    box.snapshot("a b")
    return box.snapshots()


def restored(box: Sandbox) -> object:
    box.snapshot("before")
    dossier_id = placed(box)
    box.restore("before")
    return answers(box, f"/dossiers/{dossier_id}")


def became(box: Sandbox) -> object:
    dossier_id, state = placed(box), box.state()
    box.reset()
    box.become(state)
    return answers(box, f"/dossiers/{dossier_id}")


def dropped(box: Sandbox) -> object:
    dossier_id = placed(box)
    box.drop()
    return answers(box, f"/dossiers/{dossier_id}")


def scenarios_played(box: Sandbox) -> object:
    ways: list[Any] = ["outage-of-three-calls", FLAKY, STORY]
    found = []
    for way in ways:
        box.scenario(way)
        found.append(len(box.rules()))
    return found


def started_over(box: Sandbox) -> object:
    ways: list[Any] = [
        "pages",
        bundled("fixtures") / "empty.yaml",
        {"version": 1, "accounts": [{"accountId": 5}]},
    ]
    found = []
    for way in ways:
        box.start_over_from(way)
        found.append(box.fixture()["accounts"][0]["accountId"])
    return found


def imports_decided(decide: Callable[[Sandbox, str], dict[str, Any]]) -> Callable[[Sandbox], object]:
    def act(box: Sandbox) -> object:
        process_id = launched(box)
        decide(box, process_id)
        box.clock.advance(days=1)
        [process] = [one for one in box.processes() if one["processId"] == process_id]
        return process["complete"], process["errors"]

    return act


CASES: dict[str, tuple[Callable[[Sandbox], object], object]] = {
    "dossier": (lambda s: s.dossier(siret=SIRET, dossier_reference="A")["dossierReference"], "A"),
    "change_dossier": (
        lambda s: s.change_dossier(804127, stopping_reason="OUTOFBUSINESS")["stoppingReason"],
        "OUTOFBUSINESS",
    ),
    "deposit": (deposited, b"%PDF-1.4 signed"),
    "thirdparty": (lambda s: s.thirdparty(siret=SIRET, name="ACME")["name"], "ACME"),
    "close_thirdparty": (closed, "OUTOFBUSINESS"),
    "account": (lambda s: s.account(account_id=7, users=["api@example.com"])["id"], 7),
    "change_account": (
        lambda s: s.change_account(119631, subscription_status="INACTIVE")["subscriptionStatus"],
        "INACTIVE",
    ),
    "withdraw_requirement": (withdrawn, (True, False)),
    "processes": (lambda s: (launched(s), len(s.processes()))[1], 1),
    "finish_import": (imports_decided(lambda s, process_id: s.finish_import(process_id)), (True, [])),
    "hold_import": (imports_decided(lambda s, process_id: s.hold_import(process_id)), (False, [])),
    "fail_import": (
        imports_decided(lambda s, process_id: s.fail_import(process_id, "E103")),
        (True, ["E103"]),
    ),
    "outbox": (lambda s: s.outbox(), []),
    "scenario": (scenarios_played, [1, 1, 1]),
    "scenarios": (lambda s: FLAKY.stem in [scenario["name"] for scenario in s.scenarios()], True),
    "leave_scenario": (left, []),
    "scenario_state": (jumped, 503),
    "rule": (ruled, ([503, 200], [("down", 1)])),
    "rules": (lambda s: s.rules(), []),
    "take_back_rules": (taken_back, (["away", "down"], [])),
    "choose_variants": (lambda s: s.choose_variants(refusals="result")["refusals"], "result"),
    "variants": (lambda s: s.variants()["refusals"], "http400"),
    "requests": (asked, (["getToken", "getDossier", "getToken", "getDossier"], [804127])),
    "count": (counted, (1, 0, 2)),
    "unmatched": (lost, ["/api/v1/account/119631/dosiers"]),
    "forget_requests": (forgotten, []),
    "verify": (verified, "importDossier:"),
    "verify_all": (all_verified, True),
    "coverage": (lambda s: "operations" in s.coverage(), True),
    "fixture": (lambda s: s.fixture()["name"], "default"),
    "start_over_from": (started_over, [120000, 119631, 5]),
    "reset": (reset, (200, 404)),
    "snapshot": (kept, ["a b"]),
    "restore": (restored, 404),
    "snapshots": (lambda s: s.snapshots(), []),
    "state": (lambda s: s.state()["version"], 1),
    "become": (became, 200),
    "drop": (dropped, 404),
    "clock.now": (lambda s: s.clock.now().isoformat(), "2030-12-31T23:00:00+00:00"),
    "clock.set": (lambda s: s.clock.set(datetime(2032, 1, 1)) and s.clock.now().year, 2031),  # noqa: DTZ001
    "clock.freeze": (lambda s: (s.clock.freeze(), s.clock.now())[1] == s.clock.now(), True),
    "clock.run": (lambda s: (s.clock.run(), s.call("GET", "/clock")["frozen"])[1], False),
    "clock.advance": (
        lambda s: [
            (launched(s), s.clock.advance(minutes=1)[0]["what"])[1],
            s.clock.advance("P1D"),
            s.clock.advance(timedelta(hours=1), hours=1, tokens=True),
            s.clock.now().isoformat(),
        ],
        ["process finished", [], [], "2031-01-02T01:01:00+00:00"],
    ),
}
"""Per method what is done with it, and what is seen of that."""
SERVER_CASES: dict[str, Callable[[Server], object]] = {
    "sandboxes": lambda server: "default" in server.sandboxes(),
    "health": lambda server: server.health()["status"] == "UP",
}
LOGINS = {"base_url_in", "tagged", "token", "session"}
ANSWERS_OF_NOTHING = {"call", *LOGINS}


def public(kind: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}


def documented() -> dict[str, set[str]]:
    """Per method the control calls that docs/pytest.md names in its row."""
    rows = re.findall(r"^\| (`.*`) \| (`[A-Z]+ /__admin.*`) \|$", PAGE, re.MULTILINE)
    found: dict[str, set[str]] = {}
    for methods, calls in rows:
        for name in re.findall(r"`([a-z_.]+)\(", methods):
            found.setdefault(name, set()).update(re.findall(r"`([^`]+)`", calls))
    return found


def left_out() -> set[str]:
    lists = re.findall(r"^- (?:left to `call`|no call)[^:]*: (.*?)(?=^- |^$)", PAGE, re.MULTILINE | re.DOTALL)
    return {call for calls in lists for call in re.findall(r"`([A-Z]+ [^`]+)`", calls)}


def test_every_method_is_tried() -> None:
    methods = (public(Sandbox) - ANSWERS_OF_NOTHING) | {f"clock.{name}" for name in public(Clock)}

    assert methods == set(CASES)
    assert public(Server) - {"sandbox"} == set(SERVER_CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_method_does_what_it_says_with_the_call_that_its_row_names(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    act, expected = CASES[name]
    made: list[str] = []
    really = Control.call

    def call(self: Control, method: str, path: str, body: object = None, **query: object) -> Any:
        made.append(f"{method} /__admin{path}")
        return really(self, method, path, body, **query)

    monkeypatch.setattr(Control, "call", call)

    assert act(sandbox) == expected
    patterns = [re.sub(r"\\{\w+\\}", "[^/]+", re.escape(row)) for row in documented()[name]]
    assert [one for one in patterns if not any(re.fullmatch(one, call) for call in made)] == []


@pytest.mark.parametrize("name", SERVER_CASES)
def test_a_method_of_the_server_does_what_it_says(in_process: Server, name: str) -> None:
    assert SERVER_CASES[name](in_process)


def test_every_control_call_has_its_method_or_is_left_out_by_name() -> None:
    rows = {call for calls in documented().values() for call in calls}
    pages = {route for route in control_routes() if "/ui" in route}

    assert rows | left_out() == {f"{call.method} /__admin{call.path}" for call in CALLS} - pages
    assert rows & left_out() == set()


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
        (lambda s: s.start_over_from("pagse"), "pages"),
        (lambda s: s.restore("never"), "POST /__admin/snapshots/never/restore: 404, "),
        (lambda s: s.fail_import(launched(s), "E202"), "E202"),
        (lambda s: s.clock.advance("soon"), "POST /__admin/clock/advance: 400, "),
        (lambda s: s.choose_variants(refusal="result"), "refusals"),
        (lambda s: s.rule("down", when={"operation": "getDosier"}), "getDossier"),
        (lambda s: s.verify_all(), "POST /__admin/verify: 400, "),
        (lambda s: s.call("GET", "/nowhere"), "GET /__admin/nowhere: 404, "),
        (lambda s: s.token(password=""), "the login of api+t"),
        (lambda s: Sandbox(s.url, control_token="wrong").rules(), "GET /__admin/rules: 401, "),
        (lambda s: Sandbox(s.url, "a b", control_token="open-sesame").rules(), "64 letters"),
    ],
    ids=count(1),
)
def test_a_refusal_has_the_sentence_of_the_server(
    sandbox: Sandbox, act: Callable[[Sandbox], object], sentence: str
) -> None:
    with pytest.raises(ControlRefused) as refused:
        act(sandbox)

    assert sentence in str(refused.value)
    assert refused.value.status is not None
    assert refused.value.detail in str(refused.value)


def test_a_count_that_nobody_can_tell_is_no_number(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Control, "call", lambda *_, **__: {"count": 3, "complete": False})

    with pytest.raises(NotVerified, match="forgotten older ones"):
        sandbox.count()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://127.0.0.1:9/edge/api/v1"])
def test_nobody_at_the_url_is_told_in_a_sentence(url: str) -> None:
    with pytest.raises(NoServer, match=r"http://127\.0\.0\.1:9/\S+ does not answer: "):
        Server(url).health()
    with pytest.raises(NoServer):
        Sandbox(url).token()


@pytest.mark.parametrize("path", ["", "/", "/api/v1", "/rest/api/v1", "/edge/api/v1", "/edge/api/v1/"])
def test_any_base_url_of_the_api_leads_to_the_server(path: str) -> None:
    assert server_url(f"https://sandbox.example{path}") == "https://sandbox.example"


def test_who_logs_in_is_in_the_sandbox_in_either_dialect(sandbox: Sandbox) -> None:
    session = sandbox.session("multi+other@example.com")

    answer = session.get(f"{sandbox.base_url_in('edge')}/account").json()

    assert sandbox.tagged("multi+other@example.com") == f"multi+{sandbox.name}@example.com"
    assert len(answer["content"]) == 2
    [edge] = sandbox.requests("listAccounts")
    assert edge["path"] == "/edge/api/v1/account"
    assert sandbox.token_url.startswith(sandbox.auth_url)


def test_a_control_token_is_in_no_representation(in_process: Server) -> None:
    assert "open-sesame" not in f"{in_process!r} {in_process.sandbox('a')!r}"


def test_a_server_in_this_process_leaves_nothing_behind(tmp_path: Path) -> None:
    handler = logging.FileHandler(tmp_path / "log", mode="w")
    logger = logging.getLogger("of-a-test")
    logger.addHandler(handler)
    bound = server.bind("127.0.0.1", 0)
    host, port = bound.getsockname()

    with server.serving(create_app(Settings(log_level="error")).wsgi_app, bound, max_body=1_000_000):
        assert Server(f"http://{host}:{port}").health()["status"] == "UP"

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, port), timeout=5)
    logger.warning("still heard")
    logger.removeHandler(handler)
    handler.close()
    assert (tmp_path / "log").read_text(encoding="utf-8") == "still heard\n"


def fields(struct: type) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(struct)}


@pytest.mark.parametrize(
    ("shape", "struct"),
    [
        (shapes.NewDossier, DossierEntry),
        (shapes.DossierChange, DossierPatch),
        (shapes.Evidence, NewEvidence),
        (shapes.AccountChange, AccountChange),
        (shapes.NewAccount, NewAccount),
        (shapes.NewThirdparty, ThirdpartyPatch),
        (shapes.RuleMembers, Rule),
        (shapes.Question, Question),
    ],
    ids=lambda kind: kind.__name__,
)
def test_a_shape_has_the_members_of_the_call(shape: Any, struct: type) -> None:
    apart = {shapes.RuleMembers: {"name"}, shapes.Question: {"operation"}}.get(shape, set())
    members = {name: field for name, field in fields(struct).items() if name not in apart}
    hints = {camel(name): hint for name, hint in get_type_hints(shape).items()}

    assert set(hints) == set(members)
    required = {
        camel(name)
        for name, hint in get_type_hints(shape, include_extras=True).items()
        if get_origin(hint) is Required
    }
    assert required == {name for name, field in members.items() if field.required}
    for name, hint in hints.items():
        words = literals(hint)
        if words:
            assert words == literals(members[name].type), name


def literals(hint: Any) -> set[str]:
    """The words of the Literals in a type, however deep."""
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    return {word for part in get_args(hint) for word in literals(part)}


def test_the_parts_of_a_reset_are_those_of_a_sandbox() -> None:
    assert get_args(Part) == PARTS


def test_a_request_has_no_member_that_its_shape_does_not_tell(sandbox: Sandbox) -> None:
    launched(sandbox)
    answers(sandbox, "/dosiers")
    answers(sandbox, "/dossiers/1/documents/ATT_VIGI/1")

    for request in sandbox.requests():
        assert set(request) <= set(get_type_hints(Request))
