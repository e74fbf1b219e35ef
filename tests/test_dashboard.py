"""The dashboard in a browser: what a developer whose test is red does with it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.browser import AXE, CHROMIUM, Page, browser, violations
from tests.support import SEED_DOSSIER, SIRET, TOKEN_URL, running_server

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

NEVER_ENDS = {"companyIdType": "CIT001", "companyIdValue": "99000201600014", "dossierReference": "PO-9"}

_numbers = count(1)


class Client:
    """The client under test, in a separate sandbox with a frozen clock."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.sandbox = f"ui{next(_numbers)}"
        self.control("PUT", "/clock", {"frozen": True})
        self.headers: dict[str, str] = {}

    def log_in(self, password: str = "demo") -> None:
        form = {"grant_type": "password", "client_id": "ea-api-edge", "password": password}
        username = f"api+{self.sandbox}@example.com"
        answer = requests.post(self.server + TOKEN_URL, data=form | {"username": username}, timeout=5).json()
        self.headers["Authorization"] = f"Bearer {answer['access_token']}"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        if not self.headers:
            self.log_in()
        headers = self.headers | options.pop("headers", {})
        url = f"{self.server}/api/v1/account/119631{path}"
        return requests.request(method, url, headers=headers, timeout=5, **options)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        sandbox = {"X-Mock-Sandbox": self.sandbox}
        url = f"{self.server}/__admin{path}"
        answer = requests.request(method, url, json=body, headers=sandbox, timeout=5)
        assert answer.ok, answer.text
        return answer.json()

    def import_and_wait(self, reference: str) -> None:
        body = {"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": reference}
        process_id = self.call("POST", "/dossiers", json=body).json()["content"]["processId"]
        self.control("POST", "/clock/advance", {"by": "PT1S"})
        self.call("GET", f"/dossiers/process/{process_id}")

    def process(self, process_id: str) -> dict[str, Any]:
        return dict(self.call("GET", f"/dossiers/process/{process_id}").json()["content"])

    def refused_update(self) -> None:
        """What most tests look at: request 3 is refused, because request 2 stopped the dossier."""
        self.call("POST", f"/dossiers/{SEED_DOSSIER}/stop")
        self.call("POST", f"/dossiers/{SEED_DOSSIER}", json={"dossierReference": "NEW"})


@pytest.fixture
def client(server: str) -> Client:
    return Client(server)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One browser for all: a start of it takes as long as a test."""
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def page(shared: Page, server: str) -> Iterator[Page]:
    """An empty page; after each test, it must not have called another host."""
    shared.open("about:blank")
    shared.resize("light")
    shared.requested.clear()
    shared.errors.clear()
    yield shared
    asked = [url for url in shared.requested if not url.startswith("data:")]
    assert [url for url in asked if not url.startswith(f"{server}/")] == []


HOLD_SCENARIOS = """
  [held, latest, send] = [[], 0, fetch];
  hold = (answer) => new Promise((go) => held.push(go)).then(() => answer);
  release = () => { hold = (answer) => answer; held.forEach((go) => go()); };
  fetch = async (...given) => {
    latest = performance.now();
    const answer = await send(...given);
    return given[0].endsWith("/scenarios") ? hold(answer) : answer;
  };
  0
"""
"""The page gets no answer of `GET /scenarios` before `release()`; `latest` is the time of its latest call."""


def open_at(page: Page, client: Client, place: str = "requests", headline: str = "") -> None:
    page.open(f"{client.server}/__admin/ui#/{place}?sandbox={client.sandbox}")
    page.wait_for("document.querySelector('#state .link')?.textContent === 'live'")
    if headline:
        page.wait_for(shows(headline))


def shows(text: str, where: str = "main") -> str:
    """Whether the page shows a text there."""
    return f"document.querySelector({json.dumps(where)})?.innerText.includes({json.dumps(text)})"


def follow(page: Page, text: str) -> None:
    """Follow the link, or press the button, of that name."""
    named = "one.getAttribute('aria-label') === name || one.textContent.trim() === name"
    scope = "(document.querySelector('dialog') ?? document.querySelector('main'))"
    found = f"[...{scope}.querySelectorAll('a, button')].find((one) => {named})"
    page.wait_for(f"((name) => !!{found})({json.dumps(text)})")
    page.value(f"((name) => {found}.click())({json.dumps(text)})")


def test_an_address_may_name_the_sandbox_by_its_query(page: Page, client: Client) -> None:
    client.refused_update()

    page.open(f"{client.server}/__admin/ui?sandbox={client.sandbox}")

    page.wait_for(shows("updateDossier"))
    assert page.value("location.search + location.hash") == f"#/requests?sandbox={client.sandbox}"


# The story.


def test_a_refusal_is_explained_as_it_happens(page: Page, client: Client) -> None:
    open_at(page, client, headline="No request yet")

    client.refused_update()

    page.wait_for(shows("Dossier 804127 (reference 'TEST') is not monitored: it was stopped on", ".reasons"))
    assert page.value("document.querySelector('.entry[aria-current]').innerText").split("\n")[:2] == [
        "400",
        "updateDossier",
    ]
    [request, answer] = page.value(
        "[...document.querySelectorAll('.side pre')].map((one) => one.textContent)"
    )
    assert json.loads(request) == {"dossierReference": "NEW"}
    assert json.loads(answer)["messages"]["error"][0]["code"] == "E201"
    page.wait_for(shows("stopDossier, request 2", ".reasons"))


def test_the_refusal_links_to_the_dossier_which_can_be_reactivated(page: Page, client: Client) -> None:
    client.refused_update()
    open_at(page, client)

    follow(page, "Dossier 804127")
    page.wait_for(shows("stopped", "main h1 + span"))
    page.wait_for(shows("3 updateDossier E201"))
    follow(page, "Reactivate")

    page.wait_for(shows("incomplete", "main h1 + span"))
    assert client.call("POST", f"/dossiers/{SEED_DOSSIER}", json={"dossierReference": "NEW"}).ok
    page.wait_for(shows("4 updateDossier"))


def test_a_deposited_file_makes_a_document_present(page: Page, client: Client) -> None:
    client.import_and_wait("PO-1")
    dossier_id = client.control("GET", "/dossiers?search=PO-1")["dossiers"][0]["dossierId"]
    open_at(page, client, f"dossiers/{dossier_id}", "ATT_VIGI")

    follow(page, "Deposit ATT_VIGI")
    page.value("document.querySelector('dialog input[type=date]').value = '2031-06-30'")
    follow(page, "Deposit")

    page.wait_for(shows("a file of 39 kB, valid until 30 Jun 2031"))
    [row] = client.control("GET", "/dossiers?search=PO-1")["dossiers"]
    assert row["documentsPresent"] == 1


def test_an_import_that_failed_is_explained_at_the_import_itself(page: Page, client: Client) -> None:
    client.import_and_wait("PO-1")
    client.import_and_wait(" PO-1 ")
    open_at(page, client, "requests/4", "importDossier")

    page.wait_for(shows("already has the reference 'PO-1', for the same third party", ".reasons"))
    open_at(page, client, "requests/5", "getProcess")
    follow(page, "importDossier, request 4")
    page.wait_for("location.hash.startsWith('#/requests/4?')")


def test_the_rule_that_changed_an_answer_is_named(page: Page, client: Client) -> None:
    open_at(page, client, "scenarios", "outage-of-three-calls")
    follow(page, "Start outage-of-three-calls")
    page.wait_for(shows("outage-of-three-calls", "#state"))

    assert client.call("GET", "/dossiers").status_code == 503

    open_at(page, client)
    page.wait_for(
        shows("of the scenario 'outage-of-three-calls', changed this answer: the result is 503", ".reasons")
    )
    open_at(page, client, "scenarios", "outage-of-three-calls")
    follow(page, "Stop")
    page.wait_for(shows("No scenario is active"))
    assert client.control("GET", "/rules")["rules"] == []


def test_an_answer_that_comes_late_does_not_replace_a_newer_one(page: Page, client: Client) -> None:
    client.control("PUT", "/scenario", {"name": "outage-of-three-calls"})
    open_at(page, client, "scenarios")
    page.wait_for(shows("active outage-of-three-calls"))
    page.value(HOLD_SCENARIOS)
    client.call("GET", "/dossiers")  # a rule changed it: the page loads the scenarios again
    page.wait_for("held.length === 1")

    follow(page, "Stop")
    page.wait_for(shows("Stopped; data and clock stay", "#toasts"))
    page.value("release()")

    page.wait_for("performance.now() > latest + 200")
    assert page.value(shows("No scenario is active"))


def test_a_scenario_that_a_control_call_stops_is_not_shown_as_active(page: Page, client: Client) -> None:
    client.control("PUT", "/scenario", {"name": "outage-of-three-calls"})
    open_at(page, client, "scenarios")
    page.wait_for(shows("active outage-of-three-calls"))

    client.control("DELETE", "/scenario")

    page.wait_for(shows("No scenario is active"))


def test_the_list_is_filtered_by_words_and_by_kind(page: Page, client: Client) -> None:
    client.call("GET", "/dossiers", params={"pagesize": "20"})
    client.refused_update()
    open_at(page, client)
    rows = "[...document.querySelectorAll('.entry .what')].map((one) => one.textContent).join()"

    def filtered(words: str) -> str:
        page.value("document.querySelector('main input[type=search]').value = " + json.dumps(words))
        page.value("document.querySelector('main input[type=search]').dispatchEvent(new Event('input'))")
        return str(page.value(rows))

    page.wait_for(f"{rows} === 'updateDossier,stopDossier,listDossiers,getToken'")
    assert filtered("804127 stop") == "stopDossier"
    assert filtered("e201") == "updateDossier"
    assert filtered("no such thing") == ""
    assert page.value(shows("No request matches."))
    filtered("")
    page.value("document.querySelector('.chips [data-value=hints]').click()")
    assert page.value(rows) == "listDossiers"
    page.value("document.querySelector('.chips [data-value=errors]').click()")
    assert page.value(rows) == "updateDossier"


def test_advancing_the_clock_shows_its_effects(page: Page, client: Client) -> None:
    client.control("PATCH", f"/dossiers/{SEED_DOSSIER}", {"expirationDate": "2900-01-01"})
    client.control("PUT", "/clock", {"now": "2899-12-31T12:00:00"})
    later = {"after": "PT1H", "control": "PATCH /requirements/I2", "body": {"withdrawn": True}}
    client.control("POST", "/timeline", {"timeline": [later | {"after": "P40D"}, later]})
    open_at(page, client, "clock", "31 Dec 2899")
    times = "[...document.querySelectorAll('main tbody tr')].map((one) => one.textContent).join()"
    page.wait_for(f"{times}.startsWith('31 Dec 2899')")

    follow(page, "1 day")

    page.wait_for(shows("dossier 804127", "ol"))
    page.wait_for(f"{times}.includes('done')")
    follow(page, "Remove")
    page.wait_for("document.querySelectorAll('main tbody tr').length === 1")
    assert client.control("GET", "/clock")["now"].startswith("2900-01-01T12:00:00")
    for text in ("1 second", "1 minute", "1 hour", "30 days", "365 days"):
        follow(page, text)
    page.wait_for(shows("31 Jan 2901, 13:01:01", ".face"))


def test_coverage_outbox_and_sandboxes_are_shown(page: Page, client: Client) -> None:
    client.import_and_wait("PO-1")
    client.call("GET", "/dossiers/999")

    open_at(page, client, "coverage", "Operations 4 of")
    page.wait_for("[...document.querySelectorAll('.coverage b')].some((one) => one.textContent === 'E200')")
    client.call("POST", f"/dossiers/{SEED_DOSSIER}", json={"thirdpartyEmail": ["paul@example.com"]})
    open_at(page, client, "outbox", "paul@example.com")
    open_at(page, client, "sandboxes", client.sandbox)
    follow(page, f"Delete {client.sandbox}")
    line = page.wait_for("document.querySelector('dialog pre')?.textContent")
    assert line == f"curl -X DELETE '{client.server}/__admin/sandboxes/{client.sandbox}'"
    follow(page, "Delete")
    page.wait_for(shows("no such sandbox", "#state"))


def test_a_user_switches_to_another_sandbox_or_waits_until_one_exists(page: Page, server: str) -> None:
    first, second = Client(server), Client(server)
    second.refused_update()
    open_at(page, first, headline="No request yet")

    page.wait_for(
        f"[...document.querySelectorAll('#sandbox option')].some((one) => one.value === '{second.sandbox}')"
    )
    page.value(
        f"(() => {{ const select = document.querySelector('#sandbox'); select.value = '{second.sandbox}';"
        " select.dispatchEvent(new Event('change')); })()"
    )
    page.wait_for(shows("E201"))
    page.open(f"{server}/__admin/ui#/requests?sandbox=not-created")
    page.wait_for(shows("There is no sandbox “not-created”"))

    names = [one["name"] for one in first.control("GET", "/sandboxes")["sandboxes"]]
    assert "not-created" not in names  # looking did not make it


def test_a_link_opens_one_request(page: Page, client: Client) -> None:
    client.refused_update()

    open_at(page, client, "requests/2", "Request 2")
    assert page.value("document.title").startswith("requests 2")
    open_at(page, client, "requests/99", "No request 99")
    open_at(page, client, "dossiers/1", "No dossier 1")


def test_a_request_is_copied_as_a_curl_command_with_correct_quotes(page: Page, client: Client) -> None:
    client.call(
        "POST", f"/dossiers/{SEED_DOSSIER}", json={"description": "it's $HOME `id`"}, params={"a": "b c"}
    )
    open_at(page, client, headline="updateDossier")
    page.value("navigator.clipboard.writeText = async (text) => { window.copied = text; }")

    follow(page, "Copy as curl")

    command = page.wait_for("window.copied")
    page.wait_for(shows("Command copied: set TOKEN to an access token", "#toasts"))
    assert 'Authorization: Bearer $TOKEN"' in command
    assert "'{\n  \"description\": \"it'\\''s $HOME `id`\"\n}'" in command
    assert command.endswith(f"'{client.server}/api/v1/account/119631/dossiers/804127?a=b+c'")


def test_long_values_do_not_widen_the_page(page: Page, client: Client) -> None:
    long = "x" * 250
    client.control("POST", "/dossiers", {"siret": SIRET, "dossierReference": long})
    client.call("GET", f"/dossiers/{long}", params={long: long})
    client.call("GET", f"/{long}")
    client.call("GET", "/dossiers", params={"dossierReference": long, long: long})
    elements = "[...document.querySelectorAll('main *')]"
    right = f"Math.max(...{elements}.map((one) => one.getBoundingClientRect().right))"

    page.resize("light", 1400, 900)
    for place, text in (
        ("requests/2", "invalid path"),
        ("requests/3", "unknown path or method"),
        ("requests/4", long),
    ):
        open_at(page, client, place, text)
        assert page.value(right) <= 1400, place
    open_at(page, client, "dossiers", long)
    assert page.value(right) <= 1400


def test_no_digit_of_a_number_is_lost(page: Page, client: Client) -> None:
    client.call("POST", f"/dossiers/{SEED_DOSSIER}", data='{"a": 9007199254740993, "b": [1.50, -0, 1e3]}')
    open_at(page, client)

    page.wait_for(shows("9007199254740993", ".side pre"))
    assert page.value(shows("1.5", ".side pre"))


def test_a_long_answer_is_shown_without_colours(page: Page, client: Client) -> None:
    client.call("GET", "/dossiers", params={"pageSize": "1000"})
    open_at(page, client)

    page.wait_for("document.querySelectorAll('.side pre').length === 1")
    assert page.value("document.querySelector('.side pre').childElementCount") == 0
    assert page.value("document.querySelector('.side pre').textContent.length") > 100_000


# What a tester does who writes no code.


def press(page: Page, text: str) -> None:
    """Press the button of the header."""
    page.value(f"document.getElementById({json.dumps(text.lower())}).click()")


def test_an_import_is_held_failed_and_reset_from_the_page(page: Page, client: Client) -> None:
    """The walk of a tester: start a scenario, import, see it held, fail it, see the answer, reset."""
    process_id = import_on_hold(page, client)
    assert not client.process(process_id)["complete"]
    line = fail_with_e103(page)

    page.wait_for(shows("E103", ".reasons"))
    answer = client.process(process_id)
    assert (answer["complete"], answer["errors"][0]["code"]) == (True, "E103")
    page.wait_for(shows("getProcess E103"))
    again = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert "the import has ended already" in again.stdout  # the curl line is the same call
    press(page, "reset")
    page.wait_for(shows("import-held-then-failed” is active", "dialog"))
    assert page.value(shows("1 import return", "dialog"))
    follow(page, "Reset")
    page.wait_for("!document.querySelector('dialog')")
    page.wait_for(shows("No import yet"))
    assert client.control("GET", "/processes")["processes"] == []
    assert client.control("GET", "/scenarios")["playing"] is None
    assert page.errors == []


def import_on_hold(page: Page, client: Client) -> str:
    """Start the scenario, let the client import, and open the page of the import."""
    open_at(page, client, "scenarios", "import-held-then-failed")
    follow(page, "Start import-held-then-failed")
    page.wait_for(shows("import-held-then-failed", "#state"))
    body = {"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": "PO-1"}
    started = client.call("POST", "/dossiers", json=body).json()
    page.value("location.hash = location.hash.replace('scenarios', 'requests')")
    page.wait_for(shows("is on hold: it does not end by itself", ".reasons"))
    follow(page, "Import of PO-1")
    page.wait_for(shows("on hold", "main h1 + .badge"))
    return str(started["content"]["processId"])


def fail_with_e103(page: Page) -> str:
    """Let the import fail; return the curl line of the dialog."""
    follow(page, "Fail")
    page.wait_for("document.activeElement === document.querySelector('dialog [value=E103]:checked')")
    line = page.value("document.querySelector('dialog pre').textContent")
    follow(page, "Fail")
    return str(line)


def test_only_the_selected_parts_are_reset(page: Page, client: Client) -> None:
    client.refused_update()
    open_at(page, client, headline="E201")

    press(page, "reset")
    page.wait_for("document.querySelectorAll('dialog [type=checkbox]').length === 9")
    page.value(
        "document.querySelectorAll('dialog [type=checkbox]:not([name=journal])').forEach((o) => o.click())"
    )
    assert page.value("document.querySelector('dialog pre').textContent").count('{"only":["journal"]}') == 1
    follow(page, "Reset")

    page.wait_for(shows("No request yet"))
    assert client.control("GET", f"/dossiers/{SEED_DOSSIER}")["standing"] == "stopped"


def fill_in(page: Page, **values: str) -> None:
    """Fill the fields of the dialog."""
    page.wait_for("!!document.querySelector('dialog input')")
    for name, value in values.items():
        field = f"document.querySelector('dialog [name={name}]')"
        page.value(f"{field}.value = {json.dumps(value)}")
        page.value(f"{field}.dispatchEvent(new Event('input', {{ bubbles: true }}))")


def test_a_dossier_is_created_changed_and_its_company_closed(page: Page, client: Client) -> None:
    open_at(page, client, "dossiers", "CDE-00010")

    follow(page, "New dossier…")
    fill_in(page, dossierReference="PO-7", companyIdValue="123", documents="I2")
    follow(page, "Create")
    page.wait_for("document.querySelector('dialog [role=alert]').textContent.length > 10")  # and stays open
    fill_in(page, companyIdValue=SIRET, documents="ATT_VIGI, I2")
    follow(page, "Create")
    page.wait_for(shows("PO-7", "main dl"))
    dossier_id = page.value("location.hash.match(/\\d+/)[0]")
    follow(page, "Change…")
    fill_in(page, dossierReference="PO-8", expirationDate="2031-06-30")
    assert '{"dossierReference":"PO-8","expirationDate":"2031-06-30"}' in page.value(
        "document.querySelector('dialog pre').textContent"
    )
    follow(page, "Change")
    page.wait_for(shows("PO-8", "main dl"))
    follow(page, "Close company…")
    line = page.wait_for("document.querySelector('dialog pre')?.textContent")
    follow(page, "Close the company")

    page.wait_for(shows("out of business"))
    found = client.control("GET", f"/dossiers/{dossier_id}")
    path = f"{client.server}/__admin/thirdparties/{found['thirdpartyId']}/close"
    assert line == f"curl -X POST -H 'X-Mock-Sandbox: {client.sandbox}' '{path}'"
    assert [found[name] for name in ("dossierReference", "standing", "outOfBusiness")] == [
        "PO-8",
        "stopped",
        True,
    ]
    assert [one["documentCode"] for one in found["documents"]] == ["ATT_VIGI", "I2"]


def test_an_empty_outbox_gives_the_reason(page: Page, client: Client) -> None:
    open_at(page, client, "outbox", "The client has imported nothing yet")

    client.import_and_wait("PO-1")

    page.wait_for(shows("1 import so far, none with thirdpartyEmail"))


def test_the_sandbox_goes_back_to_before_a_request(page: Page, client: Client) -> None:
    client.refused_update()
    open_at(page, client, "requests/2", "Request 2")
    assert client.control("GET", f"/dossiers/{SEED_DOSSIER}")["standing"] == "stopped"

    follow(page, "Go back…")
    follow(page, "Go back")

    page.wait_for("!document.querySelector('dialog')")
    assert client.control("GET", f"/dossiers/{SEED_DOSSIER}")["standing"] == "incomplete"


def test_the_history_goes_back_forks_and_exports(page: Page, client: Client, server: str) -> None:
    client.refused_update()
    client.control("POST", "/clock/advance", {"by": "PT20S"})
    open_at(page, client, "history", "Advance clock by 20s")
    page.wait_for(shows(f"Stop dossier accountId 119631 dossierId {SEED_DOSSIER}"))

    follow(page, "Export scenario")
    follow(page, "Export state")
    follow(page, "Fork before command 2")
    page.value("document.querySelector('dialog [name=as]').value = 'branched'")
    follow(page, "Fork")
    page.wait_for("location.hash.endsWith('sandbox=branched')")
    page.wait_for(shows("branched", "#sandbox"))

    assert {f"{server}/__admin/{path}" for path in ("state", "requests?format=scenario&since=start")} <= {
        *page.requested
    }
    branched = {"X-Mock-Sandbox": "branched"}
    dossier = requests.get(f"{server}/__admin/dossiers/{SEED_DOSSIER}", headers=branched, timeout=5).json()
    assert dossier["standing"] == "incomplete"


def test_a_request_shows_its_differences(page: Page, client: Client) -> None:
    rule = {
        "name": "down",
        "when": {"operation": "stopDossier", "dossierId": 1},
        "then": {"respond": {"status": 503}},
    }
    client.control("POST", "/rules", {"rules": [rule]})
    client.call("POST", f"/dossiers/{SEED_DOSSIER}/stop")
    open_at(page, client, "requests/2", "Why the rule “down” did not apply")

    page.wait_for("document.querySelectorAll('.exchange tbody').length > 1")
    tables = page.value("[...document.querySelectorAll('.exchange tbody')].map((one) => one.innerText)")
    assert "dossierId" in tables[0]
    assert re.search(r"stoppingReason\s+NA\s+STOPREQUEST", tables[1])


def test_every_time_has_its_zone_and_the_list_has_that_of_the_header(page: Page, client: Client) -> None:
    client.control("PUT", "/clock", {"now": "2031-07-01T09:05:00"})
    client.refused_update()
    open_at(page, client, headline="E201")

    assert page.value("document.querySelector('#state .time').textContent") == "1 Jul 2031, 09:05:00 Paris"
    assert page.value("document.querySelector('.entry .when').textContent") == "09:05:00 Paris"
    times = page.value("document.body.innerText.match(/\\d\\d:\\d\\d:\\d\\d( [A-Z]\\w+)?/g)")
    assert {text[9:] for text in times} == {"Paris", "UTC"}


def test_each_page_lists_its_calls_as_curl_lines(page: Page, client: Client) -> None:
    open_at(page, client, f"dossiers/{SEED_DOSSIER}", "Documents")
    page.value("document.getElementById('curl').open = true")
    follow(page, "Stop")
    page.wait_for(shows("stopped", "main h1 + span"))

    page.wait_for(shows("What you did", "footer"))
    lines = page.value("[...document.querySelectorAll('footer code')].map((one) => one.textContent)")
    assert lines[0].startswith("curl -X PATCH")
    assert sum("STOPREQUEST" in line for line in lines) == 2  # what can be done, and what was done
    read = next(line for line in lines if line.startswith("curl -H") and f"/dossiers/{SEED_DOSSIER}" in line)
    run = subprocess.run(["bash", "-c", read], capture_output=True, text=True, check=False, timeout=10)
    assert json.loads(run.stdout)


# Texts of a client stay texts.

MARKUP = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>\'"><b>'


def test_no_text_of_a_client_becomes_markup(page: Page, client: Client) -> None:
    rule = {"name": MARKUP, "when": {"operation": "listAccounts"}, "then": {"respond": {"status": 503}}}
    client.control("POST", "/rules", {"rules": [rule]})
    client.call(
        "GET", f"/{quote(MARKUP)}", params={MARKUP: MARKUP}, headers={"User-Agent": MARKUP, "X-A": MARKUP}
    )
    client.call("POST", f"/dossiers/{SEED_DOSSIER}", json={"description": MARKUP, MARKUP: MARKUP})
    client.call("POST", f"/dossiers/{SEED_DOSSIER}", data=MARKUP, headers={"Content-Type": "text/html"})
    client.call("GET", "/../", params={"page": MARKUP})
    requests.get(f"{client.server}/api/v1/account", headers=client.headers, timeout=5)
    client.call("POST", f"/dossiers/{SEED_DOSSIER}", json={"thirdpartyEmail": ["paul@example.com"]})
    client.import_and_wait(MARKUP)
    client.import_and_wait(MARKUP)
    dossier_id = client.control("GET", "/dossiers?search=onerror")["dossiers"][0]["dossierId"]
    last = client.control("GET", "/requests")["requests"][-1]["number"]
    shown = "document.querySelector('.exchange:has(.reasons)')?.ariaLabel === 'Request {}'"
    places = {f"requests/{number}": shown.format(number) for number in range(1, last + 1)} | {
        "dossiers": shows("<img", "tbody"),
        f"dossiers/{dossier_id}": shows("Answer of the API"),
        f"dossiers/{SEED_DOSSIER}": shows("Answer of the API"),
        "scenarios": shows("<img", "tbody"),
        "coverage": shows("Operations", "h2"),
        "outbox": shows("invitation"),
        quote(MARKUP): "!!document.querySelector('.reasons')",
        f"requests/{quote(MARKUP)}": "!!document.querySelector('.reasons')",
        f"dossiers/{quote(MARKUP, safe='')}": shows("No dossier <img"),
    }

    open_at(page, client)
    for place, is_shown in places.items():
        page.value(f"location.hash = {json.dumps(f'#/{place}?sandbox={client.sandbox}')}")
        page.wait_for(is_shown)
        page.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert page.value("document.querySelectorAll('main img, main script, [onerror]').length") == 0
    assert page.value("window.pwned") is None
    open_at(page, client, f"requests/{last}", "E202")
    page.wait_for(shows("<img", ".reasons"))


def test_the_browser_rejects_markup_from_text(page: Page, client: Client) -> None:
    open_at(page, client)

    attempts = {
        "document.body.insertAdjacentHTML('beforeend', '<i>')",
        "document.querySelector('main').innerHTML = '<i>'",
        "document.createElement('script').textContent = 'window.pwned = 1'",
    }
    for attempt in attempts:
        tried = f"(() => {{ try {{ {attempt}; return 'done'; }} catch (error) {{ return error.name; }} }})()"
        assert page.value(tried) == "TypeError", attempt


# By keyboard.


def focused(page: Page) -> str:
    return str(page.value("document.activeElement.textContent.trim() || document.activeElement.ariaLabel"))


def test_the_keyboard_filters_and_selects_requests(page: Page, client: Client) -> None:
    client.refused_update()
    open_at(page, client, headline="E201")

    page.press("Tab")
    assert focused(page) == "Skip to the content"
    page.press("Enter")
    assert page.value("document.activeElement.id") == "main"
    page.press("/")
    assert focused(page) == "Filter the requests"
    page.press("d", "o", "s", "s", "Escape")
    assert page.value("document.querySelector('main input').value") == "doss"
    assert focused(page).startswith("400updateDossier")
    page.press("ArrowDown")
    page.wait_for("location.hash.startsWith('#/requests/2?')")
    assert focused(page).startswith("200stopDossier")
    page.press("k")
    page.wait_for("location.hash.startsWith('#/requests/3?')")


def test_the_keyboard_finds_and_opens_a_dossier(page: Page, client: Client) -> None:
    open_at(page, client)
    page.value("document.querySelector('main').focus()")

    page.press("2")
    page.wait_for(shows("Dossiers", "h1"))
    page.wait_for("!!document.querySelector('tbody a')")
    page.press("/", "T", "E", "S", "T")
    page.wait_for("document.querySelectorAll('tbody tr').length === 1")
    for _ in range(6):
        page.press("Tab")
    assert focused(page) == "804127"
    page.press("Enter")
    page.wait_for(shows("Dossier 804127", "h1"))


def test_the_help_lists_the_keys_and_switches_them_off(page: Page, client: Client) -> None:
    open_at(page, client)
    page.value("document.querySelector('main').focus()")

    page.press("?")
    page.wait_for(shows("Open a view, from left to right", "dialog"))
    page.value("document.querySelector('dialog input').checked = true")
    follow(page, "Done")
    page.wait_for("!document.querySelector('dialog')")
    page.press("4")
    assert page.value("location.hash").startswith("#/requests")

    page.value("localStorage.clear()")
    page.press("4")
    page.wait_for(shows("Clock", "h1"))


def test_the_focus_is_visible(page: Page, client: Client) -> None:
    client.refused_update()
    open_at(page, client, headline="E201")
    outline = (
        "(() => { const style = getComputedStyle(document.activeElement); return style.outlineStyle; })()"
    )

    styles = set()
    for _ in range(16):
        page.press("Tab")
        styles.add(page.value(outline))

    assert styles == {"solid"}


def test_every_field_and_button_has_a_name(page: Page, client: Client) -> None:
    client.refused_update()
    nameless = """[...document.querySelectorAll('a, button, input, select, [role=region]')].filter((one) =>
      !(one.textContent.trim() || one.ariaLabel || one.labels?.length)).map((one) => one.outerHTML)"""

    for place in ("requests/3", "dossiers", f"dossiers/{SEED_DOSSIER}", "scenarios", "clock", "sandboxes"):
        open_at(page, client, place)
        page.wait_for("!!document.querySelector('main a, main button')")
        assert page.value(nameless) == [], place


# Light and dark, wide and narrow.

CONTRASTS = r"""(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const luminance = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = getComputedStyle;
  const grounds = (one) => (one ? [...grounds(one.parentElement), style(one).backgroundColor] : []);
  const contrast = (one) => {
    const under = grounds(one);
    const both = [luminance(under), luminance([...under, style(one).color])];
    return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
  };
  const isText = (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim();
  return [...document.querySelectorAll('body *')]
    .filter((one) => [...one.childNodes].some(isText) && one.checkVisibility())
    .map((one) => [contrast(one), `${one.tagName} ${one.className} ${one.textContent.slice(0, 30)}`])
    .filter(([found]) => found < 4.5).map(([found, what]) => `${found.toFixed(2)} ${what}`);
})()"""


@pytest.mark.parametrize(
    "place", ["requests", "dossiers", f"dossiers/{SEED_DOSSIER}", "scenarios", "coverage"]
)
def test_all_text_has_enough_contrast_in_light_and_dark(page: Page, client: Client, place: str) -> None:
    client.call("GET", "/dossiers", params={"pagesize": "20"})
    client.refused_update()
    open_at(page, client, place)
    page.wait_for("document.querySelectorAll('main h2, main h3, main td').length > 1")
    grounds = set()
    for scheme in ("light", "dark"):
        page.resize(scheme)

        assert page.value(CONTRASTS) == [], scheme
        assert len(page.screenshot()) > 10_000
        grounds.add(page.value("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2  # the page follows the preference of the browser


PLACES = {
    "requests": ".reasons",
    "requests/3": ".reasons",
    "dossiers": "tbody tr",
    f"dossiers/{SEED_DOSSIER}": "tbody tr",
    "scenarios": ".cards li",
    "clock": ".face .badge",
    "coverage": ".coverage li",
    "outbox": ".empty",
    "sandboxes": "tbody tr",
    "imports": "tbody tr",
    "history": "tbody tr",
}
"""Each page, and what it shows when it is loaded."""

OUTSIDE = """[...document.querySelectorAll('a, button, input, select, summary')].filter((one) => {
  const { left, right } = one.getBoundingClientRect();
  return one.checkVisibility() && !one.matches('.skip') && (left < 0 || right > innerWidth);
}).map((one) => one.outerHTML)"""


def test_a_narrow_window_needs_no_horizontal_scrolling(page: Page, client: Client) -> None:
    client.refused_update()
    client.call("POST", "/dossiers", json=NEVER_ENDS)
    page.resize("light", 400, 800)
    for place, loaded in PLACES.items():
        open_at(page, client, place)
        page.wait_for(f"!!document.querySelector('main {loaded}')")
        for width in (400, 380):
            page.resize("light", width, 800)

            assert page.value("document.documentElement.scrollWidth") <= width, (place, width)
            assert page.value(OUTSIDE) == [], (place, width)


def shorten(page: Page, place: str) -> None:
    """Filter a long list: axe takes seconds for hundreds of rows of one kind."""
    words = {"dossiers": "804127", "scenarios": "outage-of"}.get(place)
    if words:
        page.wait_for("document.querySelectorAll('main tbody tr, main .cards li').length > 9")
        page.value(f"document.querySelector('main input[type=search]').value = {json.dumps(words)}")
        page.value("document.querySelector('main input[type=search]').dispatchEvent(new Event('input'))")
        page.wait_for("document.querySelectorAll('main tbody tr, main .cards li').length < 9")


@pytest.mark.skipif(AXE is None, reason="axe-core is not installed: make axe (it needs npm)")
@pytest.mark.parametrize("width", [1400, 400])
def test_axe_finds_no_violation(page: Page, client: Client, width: int) -> None:
    client.refused_update()
    process_id = client.call("POST", "/dossiers", json=NEVER_ENDS).json()["content"]["processId"]
    page.resize("light", width, 900)
    for place, loaded in (PLACES | {"requests/2": ".reasons", f"imports/{process_id}": ".reasons"}).items():
        open_at(page, client, place)
        page.wait_for(f"!!document.querySelector('main {loaded}')")
        shorten(page, place)
        page.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert violations(page) == [], place
        if width == 1400:
            page.resize("dark", width, 900)
            assert violations(page, "color-contrast") == [], f"{place} in the dark"
            page.resize("light", width, 900)
    for opens in (
        "document.getElementById('reset').click()",
        "document.querySelector('[aria-label=Fail]').click()",
    ):
        page.value(opens)
        page.wait_for("!!document.querySelector('dialog')")
        assert violations(page) == [], opens
        page.value("document.querySelector('dialog').close()")
    page.open(f"{client.server}/docs#op/importDossier")
    page.wait_for("!!document.querySelector('.try')")
    assert violations(page) == []


# Who may see it, and a server that is gone.


def test_the_page_asks_for_the_control_token_and_reports_a_lost_server(tmp_path: Path) -> None:
    with browser(tmp_path) as page, running_server("--control-token", "s3cret") as (server, process):
        page.open(f"{server}/__admin/ui")
        answer = "document.querySelector('dialog input').value = {}; document.forms[0].requestSubmit()"
        page.wait_for("!!document.querySelector('dialog input')")
        page.value(answer.format("'wrong'"))
        page.wait_for(shows("That is not the token of this server.", "dialog"))
        page.value(answer.format("'s3cret'"))

        page.wait_for("document.querySelector('#state .link')?.textContent === 'live'")
        requests.get(f"{server}/api/v1/account", timeout=5)
        page.wait_for(shows("An access token is required", ".entry .why"))
        page.value("document.getElementById('curl').open = true")
        page.wait_for(shows('curl -H "Authorization: Bearer $CONTROL_TOKEN"', "footer"))
        assert "s3cret" not in page.value("document.documentElement.outerHTML + location.href")

        process.terminate()
        process.wait(timeout=10)
        page.wait_for(shows("no connection", "#state"))
        assert page.value(shows("An access token is required", ".entry .why"))
        assert {re.sub(r"^(\w+://[^/]+).*", r"\1", url) for url in page.requested if url[:5] != "data:"} == {
            server
        }
