"""The methods of the client: a snapshot has the requests that each sends, and its result or error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any
from urllib.request import Request

import pytest
from syrupy.assertion import SnapshotAssertion

from mock_server.client import ControlRefused, NoServer, NotVerified, Sandbox, Server, calls
from mock_server.fixtures.library import bundled
from tests.support import SEED_DOSSIER, SIRET, running_server
from tests.transcript import NOW, VOLATILE

DOWN: dict[str, Any] = {"when": {"operation": "getDossier"}, "then": {"respond": {"status": 503}}}
LONGEST = 1_000
"""Characters of a result that is shown whole; of a longer one, the names of its members are."""


class ClientStory:
    """The calls of methods of one object, and what they sent and returned, as text."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, server: str) -> None:
        self.used: Any = None
        self._server = server
        self._parts: list[str] = []
        self._sent: list[str] = []
        really = calls.send

        def send(opened_by: Any, request: Request, *others: Any) -> bytes:
            self._sent.append(self._request(request))
            return really(opened_by, request, *others)

        monkeypatch.setattr(calls, "send", send)

    def __call__(self, method: str, *arguments: Any, **named: Any) -> Any:
        """Call a method; return its result, None if it raised."""
        self._sent.clear()
        given = [
            *map(_short, arguments),
            *(f"{name}={_short(value)}" for name, value in named.items()),
        ]
        result = None
        try:
            result = attrgetter(method)(self.used)(*arguments, **named)
            answered = [self._result(result)]
        except (ControlRefused, NoServer, NotVerified, ValueError, TypeError) as error:
            answered = [f"raises {type(error).__name__}: {error}"]
            if isinstance(error, ControlRefused):
                answered.append(f"{error.status} {error.detail!r} {error.problem.get('docs')}")
        self._parts.append("\n".join([f">>> {method}({', '.join(given)})", *self._sent, *answered]))
        return result

    def _request(self, request: Request) -> str:
        body = request.data if isinstance(request.data, bytes) else b""
        text = body.decode() if len(body) <= LONGEST else "…"
        headers = dict(request.headers)
        sandbox = headers.pop("X-mock-sandbox")
        assert headers.pop("Authorization", "Bearer ").startswith("Bearer ")
        kind = headers.pop("Content-type", "").removeprefix("application/")
        assert not headers
        if sandbox != getattr(self.used, "name", "default"):
            text += f" in the sandbox {sandbox}"
        return " ".join(filter(None, (request.get_method(), request.full_url, kind, text)))

    @staticmethod
    def _result(result: object) -> str:
        if isinstance(result, (dict, list)):
            text = json.dumps(result, ensure_ascii=False)
            if len(text) <= LONGEST:
                return text
            return f"members {[*result]}" if isinstance(result, dict) else f"{len(result)} items"
        return repr(result)

    def __str__(self) -> str:
        """Return the story, with the same text in each run."""
        text = "\n\n".join(self._parts).replace(self._server.partition("//")[2], "SERVER")
        names = "|".join(["tokensAgedAt", *VOLATILE])
        return re.sub(rf'("(?:{names})": )("[^"]*"|[\d.]+)|\[Errno \d+\]', r"\1…", text)


def _short(value: object) -> str:
    if isinstance(value, Path):
        return f"Path('{value.name}')"
    return repr(value) if len(repr(value)) <= LONGEST else "…"


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    options = ("--control-token", "open-sesame", "--clock", NOW, "--log-level", "error")
    with running_server(*options) as (url, _):
        server = Server(url, "open-sesame")
        server.sandbox().clock.set(NOW)  # which is also the time of answers to unknown paths
        yield server


@pytest.fixture
def story(monkeypatch: pytest.MonkeyPatch, running: Server, request: pytest.FixtureRequest) -> ClientStory:
    shown = ClientStory(monkeypatch, running.url)
    shown.used = running.sandbox(request.node.name.removeprefix("test_"))
    return shown


def import_dossier(sandbox: Sandbox, reference: str) -> str:
    order = {"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": reference}
    answer = sandbox.session().post(f"{sandbox.base_url}/account/119631/dossiers", json=order)
    return str(answer.json()["content"]["processId"])


def test_clock_and_state(  # noqa: PLR0915  # a story, read from top to bottom
    story: ClientStory, snapshot: SnapshotAssertion, tmp_path: Path
) -> None:
    story("clock.set", datetime(2031, 1, 2, 9, tzinfo=UTC))
    story("clock.set", NOW)
    story("history")
    story("clock.now")
    story("clock.advance", "P1D")
    story("clock.advance", days=1.5, hours=1, minutes=2, seconds=3.25)
    story("clock.advance", timedelta(days=1), hours=-1, tokens=True)
    story("clock.advance", days=1, hours=-25)
    story("clock.advance", "soon")
    story("clock.freeze")
    story("clock.is_frozen")
    story("fixture")
    story("dossier", siret=SIRET, dossier_reference="A")
    story("snapshot", "one/two")
    story("snapshot", "one")
    story("snapshots")
    story("restore", "one")
    story("restore", "one/two")
    story("restore", "never")
    story("delete_snapshot", "one")
    story("delete_snapshot", "one")
    story("rewind")
    story("rewind", 7)
    story("rewind", before_command=3)
    state = story("state")
    fork = story("fork", "fork-1", before_command=2)
    assert (fork.name, fork.headers) == ("fork-1", story.used.headers | {"X-Mock-Sandbox": "fork-1"})
    story("fork", "fork-1")
    story("fork", "fork-2", 1)
    story("load_state", state)
    story("load_state", {"version": 1})
    story("load_fixture", "pages")
    story("load_fixture", bundled("fixtures") / "empty.yaml")
    story("load_fixture", {"version": 1, "accounts": [{"accountId": 5}]})
    story("load_fixture", state)
    saved = tmp_path / "saved.json"
    saved.write_text(json.dumps(state), encoding="utf-8")
    story("load_fixture", saved)
    story("load_fixture", "pagse")
    story("reset", "clock", "rules")
    story("reset")
    story("drop")
    story("drop")
    for name in ("fork-1", "fork-2"):
        story.used = Sandbox(fork.url, name, control_token="open-sesame")
        story("drop")
    assert str(story) == snapshot


def test_rules_scenarios_and_variants(  # a story, read from top to bottom
    story: ClientStory, snapshot: SnapshotAssertion
) -> None:
    story("clock.set", NOW)
    story("rule", "down", **DOWN, times=2)
    story("rule", "gone", **DOWN, probability=0.5)
    story("rules")
    story("delete_rules", "down")
    story("delete_rules", "never")
    story("delete_rules")
    story("scenario", "outage-ended-by-the-test")
    story("scenario_state", "outage-ended-by-the-test", "away")
    story("scenario_state", "outage-ended-by-the-test", "nowhere")
    story("scenario_state", "a/b", "away")
    story("stop_scenario")
    story("stop_scenario")
    story("scenario", bundled("scenarios") / "outage-of-three-calls.yaml")
    story("scenario", {"version": 1, "scenario": "mine", "title": "Mine", "rules": []})
    story("scenario", "outage-of-four-calls")
    story("scenarios")
    story("variants")
    story("set_variants", refusals="result")
    story("set_variants", refusal="result")
    story("strict")
    story("set_strict", "warn")
    story("set_strict", "loud")
    assert str(story) == snapshot


def test_content(  # noqa: PLR0915  # a story, read from top to bottom
    story: ClientStory, snapshot: SnapshotAssertion
) -> None:
    story("clock.set", NOW)
    dossier = story("dossier", siret=SIRET, dossier_reference="A", description="new")
    story("dossier", siret="1", dossier_reference="A")
    story("change_dossier", SEED_DOSSIER, stopping_reason="OUTOFBUSINESS")
    story("deposit", dossier["dossierId"], "ATT_VIGI", expiration_date=date(2031, 6, 30), content=b"%PDF-1.4")
    story("deposit", dossier["dossierId"], "A/B")
    story("thirdparty", siret="99050001900015", name="ACME")
    story("close_thirdparty", dossier["thirdpartyId"])
    story("account", account_id=7, users=["multi@example.com"])
    story("change_account", 7, subscription_status="INACTIVE")
    story("withdraw_requirement", "ATT_VIGI")
    story("withdraw_requirement", "ATT_VIGI", account_id=7, withdrawn=False)
    process_ids = [import_dossier(story.used, reference) for reference in "BCD"]
    story("hold_import", process_ids[0])
    story("finish_import", process_ids[1])
    story("fail_import", process_ids[2], "E103")
    story("fail_import", process_ids[2], "E202")
    story("processes")
    story("outbox")
    story("add_to_timeline", timedelta(hours=48), "POST /thirdparties/875/close")
    story("add_to_timeline", "P1D", "PATCH /dossiers/1", {"description": "later"})
    story("timeline")
    story("clock.advance", days=1)
    story("past_actions")
    story("clear_timeline")
    story("call", "POST", "/dossiers", {"siret": object})
    assert str(story) == snapshot


def test_journal(  # noqa: PLR0915  # a story, read from top to bottom
    story: ClientStory, snapshot: SnapshotAssertion
) -> None:
    story("clock.set", NOW)
    session = story.used.session()
    session.headers = {"Authorization": session.headers["Authorization"], "User-Agent": "client"}
    for path in (f"/dossiers/{SEED_DOSSIER}", "/dossiers/1", "/dosiers"):
        session.get(f"{story.used.base_url}/account/119631{path}")
    assert [each["operation"] for each in story.used.requests()] == ["getToken", *["getDossier"] * 2, None]
    story("requests", "getDossier", status=404)
    story("count", "getDossier", status=200)
    story("count")
    story("unmatched")
    story("verify", "getDossier", count=2)
    story("verify", "getDossier", count=0)
    story("verify", "getDossier", at_least=1, at_most=2)
    story("verify", "getDossier", at_most=1)
    story("verify", dossier_id=SEED_DOSSIER)
    story("verify", "listDossiers")
    login, look = ({"request": {"operation": name}} for name in ("getToken", "getDossier"))
    story("verify_all", login, look, in_order=True)
    story("verify_all", look, login, in_order=True)
    story("verify_all", login, timeout="1s")
    story("verify_all", login, timeout=timedelta(seconds=1.5))
    story("verify_all", login, timeout=0.25)
    story("verify_all", login, timeout="soon")
    story("verify_all")
    story("text", "/requests", format="hra")
    story("coverage")
    story("forget_requests")
    story("requests")
    story("token", "stranger+of@example.com", "")
    story("call", "GET", "/nowhere")
    url = story.used.url
    story.used = Sandbox(url, control_token="wrong")
    story("rules")
    story.used = Sandbox(url, "a b", control_token="open-sesame")
    story("rules")
    assert {"default", "journal"} <= set(Server(f"{url}/rest/api/v1", "open-sesame").sandboxes())
    story.used = Server(f"{url}/nowhere")
    story("health")
    story.used = Server("http://127.0.0.1:9")
    story("health")
    for wrong in ("127.0.0.1:9", "ftp://127.0.0.1", "http://"):
        story.used = Server(wrong)
        story("sandbox")
    story.used = Server(url)
    story("sandbox", "é")
    assert str(story) == snapshot
