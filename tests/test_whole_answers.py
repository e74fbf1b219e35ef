"""Whole answers, as a client reads them: a test makes calls, and its snapshot has all that they answered."""

from __future__ import annotations

from collections.abc import Callable

from syrupy.assertion import SnapshotAssertion

from tests.support import OTHER_SIRET, SEED_DOSSIER, SIRET, THIRD_SIRET, Api
from tests.transcript import NOW, Transcript


def test_clock_and_timeline(story: Transcript, snapshot: SnapshotAssertion) -> None:
    story.control("GET /clock")
    story.control("POST /clock/advance", {"by": "P1D"})
    story.control(
        "POST /timeline",
        {
            "timeline": [
                {"after": "P2D", "control": "POST /thirdparties/875/close"},
                {
                    "after": "PT1H",
                    "control": f"PATCH /dossiers/{SEED_DOSSIER}",
                    "body": {"description": "later"},
                },
                {"after": "P3D", "control": "POST /thirdparties/875/close"},
            ]
        },
    )
    story.control(
        "POST /timeline", {"timeline": [{"after": "P3D", "control": "POST /thirdparties/999999/close"}]}
    )
    story.control("POST /timeline", {"timeline": [{"at": NOW, "control": "POST /reset"}]})
    story.control("GET /timeline")
    story.control("POST /clock/advance", {"by": "P5D", "tokens": True})
    story.control("GET /timeline")
    story.control("DELETE /timeline")
    story.control("PUT /clock", {"frozen": True})
    story.control("PUT /clock", {"now": "2031-02-30T00:00:00"})
    story.control("POST /clock/advance", {"by": "1 day"})
    story.control("POST /clock/advance", {"by": "PT1S", "hours": 2})
    story.control("POST /clock/advance")
    story.control("DELETE /clock")
    assert str(story) == snapshot


def test_accounts_and_requirements(story: Transcript, snapshot: SnapshotAssertion) -> None:
    story.control("POST /accounts", {"accountId": 7, "users": ["api@example.com"], "name": "Seven"})
    story.control("POST /accounts", {"accountId": 7})
    story.control("POST /accounts", {"accountId": 8, "users": ["unknown@example.com"]})
    story.control("POST /accounts", {"accountId": 0})
    story.control("POST /accounts", {"accountId": 9, "maxDossiers": -1})
    story.control(
        "PATCH /accounts/7", {"subscriptionStatus": "INACTIVE", "requirements": ["I2"], "withdrawn": []}
    )
    story.control("PATCH /accounts/7", {"international": False, "maxDossiers": 3})
    story.control("PATCH /accounts/7", {"requirements": ["NOPE"]})
    story.control("PATCH /accounts/7", {"subscriptionStatus": "ASLEEP"})
    story.control("PATCH /accounts/999", {"international": False})
    story.control("PATCH /accounts/seven", {"international": False})
    story.control("PATCH /requirements/I2", {"withdrawn": True, "accountId": 119631})
    story.control("PATCH /requirements/I2", {"withdrawn": True})
    story.control("PATCH /accounts/7", {"requirements": ["I2", "ATT_VIGI"]})
    story.control("PATCH /requirements/I2", {"withdrawn": False})
    story.control("PATCH /requirements/NOPE", {"withdrawn": True})
    story.control("PATCH /requirements/I2", {"withdrawn": True, "accountId": 999})
    story.control("PATCH /requirements/I2", {})
    story.control("GET /fixture")
    assert str(story) == snapshot


def test_dossiers(story: Transcript, snapshot: SnapshotAssertion) -> None:
    document = {"documentCode": "I2"}
    made = story.control(
        "POST /dossiers",
        {
            "siret": SIRET,
            "dossierReference": "PO-1",
            "thirdpartyCode": "T1",
            "description": "first",
            "purchasingCategory": "C",
            "expirationDate": "2031-12-31",
            "documents": [document],
        },
    )
    one = made["dossierId"]
    story.control("POST /dossiers", {"siret": SIRET, "dossierReference": "PO-1"})
    story.control("POST /dossiers", {"siret": "123", "dossierReference": "PO-2"})
    story.control("POST /dossiers", {"dossierReference": "PO-2"})
    story.control("POST /dossiers", {"siret": SIRET, "dossierReference": "PO-2", "accountId": 999})
    story.control(f"GET /dossiers/{one}")
    story.control(
        f"PATCH /dossiers/{one}", {"dossierReference": "PO-9", "description": None, "thirdpartyCode": "T9"}
    )
    story.control(f"PATCH /dossiers/{one}", {"stoppingReason": "OUTOFBUSINESS"})
    story.control(f"PATCH /dossiers/{one}", {"stoppingReason": None})
    story.control(f"PATCH /dossiers/{one}", {"stoppingReason": "BORED"})
    story.control(f"PATCH /dossiers/{one}", {"accountId": 7})
    story.control("PATCH /dossiers/1", {"description": "x"})
    story.control("GET /dossiers?search=PO-9")
    story.control("GET /dossiers?limit=2&standing=stopped")
    story.control("GET /dossiers?limit=0")
    story.control("GET /dossiers?standing=open")
    story.control("GET /dossiers?limit=many")
    assert str(story) == snapshot


def test_evidences_and_third_parties(story: Transcript, snapshot: SnapshotAssertion) -> None:
    one = SEED_DOSSIER
    evidences = f"/dossiers/{one}/documents/I2/evidences"
    story.control(f"POST {evidences}", {"expirationDate": "2031-06-30", "fileSize": 2048})
    story.control(f"POST {evidences}", {"content": "JVBERi0xLjQK", "expirationDate": None})
    story.control(f"POST {evidences}", {"expirationDate": "30/06/2031"})
    story.control(f"POST {evidences}", {"content": "no base64!"})
    story.control(f"POST {evidences}", {"fileSize": 0})
    answer = {"type": "text", "key": "k1", "title": "Name", "order": 1, "value": "Ann"}
    story.control(f"POST {evidences}", {"formdata": [answer]})
    story.control(f"POST {evidences}", {"formdata": [{"key": "k1"}]})
    story.control(f"POST /dossiers/{one}/documents/NOPE/evidences", {})
    story.control(f"GET /dossiers/{one}")
    story.control("POST /thirdparties", {"siret": OTHER_SIRET, "email": "contact@example.com"})
    story.control("POST /thirdparties", {"siret": OTHER_SIRET})
    third = story.control("POST /thirdparties", {"siret": THIRD_SIRET})
    story.control("POST /thirdparties", {})
    story.control(f"POST /thirdparties/{third.get('thirdpartyId', 875)}/close")
    story.control(f"POST /thirdparties/{third.get('thirdpartyId', 875)}/close")
    story.control("POST /thirdparties/1/close")
    story.control("POST /thirdparties/875/close")
    story.control(f"GET /dossiers/{one}")
    assert str(story) == snapshot


def test_imports_and_mails(story: Transcript, snapshot: SnapshotAssertion) -> None:
    body = {
        "companyIdType": "CIT001",
        "companyIdValue": OTHER_SIRET,
        "thirdpartyEmail": ["contact@example.com"],
    }
    made = [
        story.call(
            "POST /dossiers", body | {"dossierReference": f"PO-{number}", "thirdpartyCode": f"C{number}"}
        )
        for number in (2, 0, 1)
    ]
    first, second, third = (one["content"]["processId"] for one in made)
    story.control(f"GET /processes/{first}")
    story.control(f"POST /processes/{first}", {"outcome": "hold"})
    story.control(f"POST /processes/{first}", {"outcome": "finish"})
    story.control(f"POST /processes/{first}", {"outcome": "hold"})
    story.control(f"POST /processes/{second}", {"outcome": "fail", "code": "E103"})
    story.control(f"POST /processes/{third}", {"outcome": "fail"})
    story.control(f"POST /processes/{third}", {"outcome": "fail", "code": "E777"})
    story.control(f"POST /processes/{third}", {"outcome": "finish", "code": "E103"})
    story.control(f"POST /processes/{third}", {"outcome": "wait"})
    story.control("POST /processes/none", {"outcome": "finish"})
    story.control(f"POST /processes/{third}", {})
    story.control("POST /clock/advance", {"by": "PT10M"})
    for process in (first, second, third):
        story.call(f"GET /dossiers/process/{process}")
    story.control(f"GET /dossiers/{SEED_DOSSIER}")
    story.control(f"GET /processes/{second}")
    story.control(f"GET /processes/{third}")
    story.control("GET /processes")
    story.control("GET /outbox")
    assert str(story) == snapshot


def test_history_and_snapshots(story: Transcript, snapshot: SnapshotAssertion) -> None:
    story.call(f"POST /dossiers/{SEED_DOSSIER}", {"description": "one"})
    story.control("POST /clock/advance", {"by": "P1D"})
    story.call(f"POST /dossiers/{SEED_DOSSIER}/stop")
    story.control("GET /history?since=2")
    story.control("POST /snapshots/before", {})
    story.control("POST /snapshots/no%20name", {})
    story.control("GET /snapshots")
    story.control("POST /rewind", {"before": 2})
    story.control("POST /rewind", {"beforeCommand": 4})
    story.control("POST /rewind", {"before": 99})
    story.control("POST /rewind", {"beforeCommand": 99})
    story.control("POST /rewind", {"before": 1, "beforeCommand": 1})
    story.control("POST /rewind", {})
    story.control("GET /history?limit=1")
    story.control("POST /snapshots/before/restore")
    story.control("POST /snapshots/after/restore")
    story.control("DELETE /snapshots/before")
    story.control("DELETE /snapshots/before")
    assert str(story) == snapshot


def test_forks_and_resets(story: Transcript, snapshot: SnapshotAssertion) -> None:
    name = story.api.sandbox
    story.call(f"POST /dossiers/{SEED_DOSSIER}", {"description": "one"})
    story.control(f"POST /sandboxes/{name}/fork", {"as": f"{name}-2", "before": 2})
    story.control(f"POST /sandboxes/{name}/fork", {"as": f"{name}-2"})
    story.control(f"POST /sandboxes/{name}/fork", {"as": "not a name"})
    story.control(f"POST /sandboxes/{name}/fork", {})
    story.control("POST /sandboxes/never-made/fork", {"as": "x"})
    story.control(f"DELETE /sandboxes/{name}-2")
    story.control(f"DELETE /sandboxes/{name}-2")
    story.control("DELETE /sandboxes/default")
    story.control("GET /history?since=2")
    story.control("POST /reset", {"only": ["state", "outbox"]})
    story.control("POST /reset", {"only": []})
    story.control("POST /reset", {"only": ["everything"]})
    story.control("POST /reset")
    assert str(story) == snapshot


def test_ad_hoc_rules(story: Transcript, snapshot: SnapshotAssertion) -> None:
    rule = {
        "name": "down",
        "when": {"operation": "getDossier", "nth": 2},
        "then": {"respond": {"status": 503}},
    }
    story.control(
        "POST /rules",
        {
            "rules": [
                rule,
                rule
                | {"name": "slow", "then": {"delay": {"type": "fixed", "milliseconds": 1}}, "state": "wet"},
            ]
        },
    )
    story.control("POST /rules", {"rules": [rule]})
    story.control("POST /rules", {"rules": [rule | {"name": "two", "when": {"operation": "getDossiers"}}]})
    story.control("POST /rules", {"rules": [rule | {"name": "two", "then": {}}]})
    story.control("POST /rules", {"rules": [rule | {"name": "two", "then": {"fault": "BOOM"}}]})
    story.control("POST /rules", {"rules": [rule | {"name": "two", "probability": 2}]})
    story.call(f"GET /dossiers/{SEED_DOSSIER}")
    story.call(f"GET /dossiers/{SEED_DOSSIER}")
    story.control("GET /rules")
    story.control("DELETE /rules?name=slow")
    story.control("DELETE /rules")
    story.control("DELETE /rules")
    story.control("DELETE /rules?name=slow")
    assert str(story) == snapshot


def test_active_scenario(story: Transcript, snapshot: SnapshotAssertion) -> None:
    scenario = {
        "version": 1,
        "scenario": "wet",
        "title": "Wet",
        "rules": [
            {
                "name": "rain",
                "when": {"operation": "getDossier"},
                "state": "Started",
                "newState": "wet",
                "then": {"respond": {"status": 502}},
            },
            {
                "name": "fog",
                "when": {"operation": "stopDossier"},
                "state": "grey",
                "then": {"respond": {"status": 500}},
            },
            {
                "name": "sun",
                "when": {"operation": "getDossier"},
                "state": "wet",
                "then": {"delay": {"type": "fixed", "milliseconds": 1}},
            },
        ],
    }
    story.control("PUT /scenario", {"scenario": scenario})
    story.call(f"GET /dossiers/{SEED_DOSSIER}")
    story.control("GET /rules")
    story.control("PUT /scenarios/wet/state", {"state": "Started"})
    story.control("PUT /scenarios/wet/state", {"state": "snow"})
    story.control("PUT /scenarios/dry/state", {"state": "Started"})
    story.control("PUT /scenario", {"scenario": scenario | {"version": 2}})
    story.control("PUT /scenario", {"scenario": scenario | {"scenario": "not a name"}})
    story.control("PUT /scenario", {"name": "outage-of-tree-calls"})
    story.control("PUT /scenario", {})
    story.control("DELETE /scenario")
    story.control("DELETE /scenario")
    story.control("PUT /scenarios/wet/state", {"state": "Started"})
    assert str(story) == snapshot


def test_variants_and_strict_mode(story: Transcript, snapshot: SnapshotAssertion) -> None:
    story.control("GET /variants")
    story.control("PUT /variants", {"refusals": "result"})
    story.control("PUT /variants", {"refusals": "maybe"})
    story.control("PUT /variants", {"refusal": "result"})
    story.control("GET /strict")
    story.control("PUT /strict", {"strict": "warn"})
    story.control("PUT /strict", {"strict": "always"})
    story.control("PUT /strict", {})
    story.call(f"GET /dossiers/{SEED_DOSSIER}")
    story.control("GET /coverage")
    assert str(story) == snapshot


def test_states_of_pact(story: Transcript, snapshot: SnapshotAssertion) -> None:
    story.volatile |= {"at", "stoppingDate", "stateLastChangeDate"}  # a setup resets the clock
    for state in ("a dossier with reference PO-1 is archived", "account 119700 is inactive", "it rains"):
        story.control("POST /pact/states", {"state": state})
    story.control("GET /dossiers?limit=1")
    story.call("GET /account")
    one = "a dossier with reference {reference} exists"
    story.control("POST /pact/states", {"state": one, "params": {"reference": "PO-3"}})
    story.control("POST /pact/states", {"states": [one], "params": {"reference": "PO-4"}})
    story.control("GET /dossiers?limit=1")
    story.control("POST /pact/states", {"states": [{"name": one, "params": {"reference": "PO-5"}}]})
    story.control("POST /pact/states", {"state": one, "params": {"siret": SIRET}})
    story.control("GET /dossiers?limit=3")
    story.control("POST /pact/states", {"state": "there are no dossiers", "action": "teardown"})
    story.control("GET /requests?limit=1")
    story.control("POST /pact/states", {"action": "later"})
    assert str(story) == snapshot


def test_requests_and_questions(story: Transcript, snapshot: SnapshotAssertion) -> None:
    story.call("GET /dossiers?page=0&pagesize=500&dossierReference=TEST")
    story.call(f"POST /dossiers/{SEED_DOSSIER}", {"dossierReference": ""})
    story.call("GET /dossier")
    for query in ("", "?limit=1", "?limit=10", "?since=2", "?limit=x", "?format=xml"):
        story.control(f"GET /requests{query}")
    story.control("GET /requests/2")
    story.control("GET /requests/99")
    story.control("GET /requests/unmatched")
    story.control("POST /requests/count", {"operation": "updateDossier", "code": "E003"})
    story.control("POST /requests/count", {"operation": "update"})
    story.control("POST /requests/find", {"status": {"$atLeast": 400}})
    story.control("POST /requests/find", {"status": {"$above": 400}})
    story.control(
        "POST /verify",
        {
            "expectations": [
                {
                    "name": "the search",
                    "request": {"operation": "listDossiers"},
                    "count": {"atLeast": 1, "atMost": 2},
                },
                {
                    "request": {
                        "operation": "updateDossier",
                        "code": "E202",
                        "body": {"dossierReference": "PO-1"},
                    }
                },
                {"request": {"status": 404}, "count": 0},
            ],
            "inOrder": True,
        },
    )
    story.control("POST /verify", {"expectations": [{"request": {}, "count": {"atLeast": 3, "atMost": 1}}]})
    story.control("POST /verify", {"expectations": []})
    story.control("GET /coverage")
    story.control("GET /coverage?sandbox=never-made")
    story.control("DELETE /requests")
    story.control("GET /requests")
    assert str(story) == snapshot


def test_changes_and_near_misses(story: Transcript, snapshot: SnapshotAssertion) -> None:
    story.call(f"POST /dossiers/{SEED_DOSSIER}", {"description": "one", "dossierReference": "PO-1"})
    story.call(f"POST /dossiers/{SEED_DOSSIER}", {"description": "two"})
    story.call(f"POST /dossiers/{SEED_DOSSIER}/stop")
    story.control("GET /requests/2")
    story.control(
        "POST /verify",
        {
            "expectations": [
                {"request": {"operation": "updateDossier", "body": {"colour": "red", "description": "two"}}},
                {"request": {"operation": "updateDossier", "body": {"description": {"$matches": "t.*e"}}}},
                {"request": {"operation": "stopDossier", "dossierId": 1, "status": 409}},
                {"request": {"operation": "reactivateDossier"}},
                {"request": {"operation": "stopDossier"}, "count": 0},
                {"request": {"operation": "updateDossier"}, "count": {"atMost": 1}},
            ],
        },
    )
    for number in (2, 3, 4):
        story.control(f"GET /requests/{number}")
    assert str(story) == snapshot


def test_a_journal_that_dropped_requests(
    make_server_api: Callable[..., Api], snapshot: SnapshotAssertion
) -> None:
    story = Transcript(make_server_api(journal_entries=2))
    story.api.set_clock(NOW)
    for _ in range(3):
        story.call(f"GET /dossiers/{SEED_DOSSIER}")
    story.control("GET /requests?limit=1")
    story.control("GET /requests/1")
    story.control("GET /requests/unmatched")
    story.control("POST /requests/count", {})
    story.control("POST /verify", {"expectations": [{"request": {"operation": "getDossier"}, "count": 3}]})
    assert str(story) == snapshot


def test_fixture_and_state(story: Transcript, snapshot: SnapshotAssertion) -> None:
    account = {"accountId": 5, "requirements": ["I2"]}
    recipe = {"version": 1, "accounts": [account], "users": [{"username": "api@example.com"}]}
    story.control("PUT /fixture", {"recipe": recipe})
    story.control("PUT /fixture", {"name": "page"})
    story.control("PUT /fixture", {"recipe": recipe | {"version": 3}})
    story.control("PUT /fixture", {"recipe": recipe | {"accounts": [account, account]}})
    story.control("PUT /fixture", {"recipe": recipe, "name": "pages"})
    story.control("PUT /fixture", {})
    story.control("GET /fixture")
    state = story.control("GET /state")
    story.control("PUT /state", state)
    story.control("PUT /state", {"version": 1})
    story.control("PUT /state", state | {"version": 9})
    story.control("PUT /state", state | {"clock": {"now": "soon", "frozen": True}})
    assert str(story) == snapshot


def test_the_server(make_server_api: Callable[..., Api], snapshot: SnapshotAssertion) -> None:
    """A separate server: its sandboxes, counts and metrics are those of this story only."""
    story = Transcript(make_server_api(dialect="edge"))
    story.api.set_clock(NOW)
    story.call(f"GET /dossiers/{SEED_DOSSIER}")
    story.call("GET /dossier")
    body = {"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": "PO-1"}
    story.call("POST /dossiers", body)
    story.control("GET /health")
    story.control("PUT /scenario", {"name": "outage-of-three-calls"})
    story.call(f"GET /dossiers/{SEED_DOSSIER}")
    story.control("GET /health")
    story.control("GET /sandboxes")
    story.control("GET /metrics")
    story.control("GET /provenance")
    story.control("GET /report?format=pdf")
    story.control("GET /ca.pem")
    story.control("GET ")
    assert str(story) == snapshot


def test_pages(story: Transcript, snapshot: SnapshotAssertion) -> None:
    for page in ("docs/control", "docs/controls", "ui", "ui/app.js", "ui/apps.js", "ui/"):
        story.control(f"GET /{page}")
    assert str(story) == snapshot
