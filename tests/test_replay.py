"""The same start and the same commands give the same state, byte by byte in its export, without Faker."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from mock_server.app import create_app
from mock_server.sandbox.history import Record, RecordFormat, replay
from mock_server.sandbox.sandbox import ServerSandbox
from mock_server.sandbox.state import export_state
from mock_server.settings import Settings
from mock_server.web import services
from tests.control_calls import a_rule
from tests.properties import example_count
from tests.support import OTHER_SIRET, SEED_DOSSIER, SIRET, THIRD_SIRET, Api

UNKNOWN_SIRET = "50382936800045"
_numbers = count(1)

IMPORTS = [
    {"companyIdType": "CIT001", "companyIdValue": siret, "dossierReference": reference}
    for siret in (SIRET, UNKNOWN_SIRET)
    for reference in ("A", "B")
]
DOSSIER = f"/dossiers/{SEED_DOSSIER}"
CALLS: list[tuple[str, Any]] = [
    *(("/dossiers", body) for body in IMPORTS),
    (DOSSIER, {"description": "changed", "expirationDate": None}),
    (f"{DOSSIER}/requirements", {"newRequiredDocuments": ["ATT_VIGI", "RIB_IBAN"]}),
    (f"{DOSSIER}/stop", None),
    (f"{DOSSIER}/reactivate", {"expirationDate": "2040-01-01"}),
]
"""Calls of the API that write, most of them."""
CONTROL_CALLS: list[tuple[str, str, Any]] = [
    ("POST", "/clock/advance", {"by": "PT1H"}),
    ("POST", "/clock/advance", {"by": "P400D", "tokens": True}),
    ("PUT", "/clock", {"frozen": False}),
    ("PUT", "/clock", {"frozen": True}),
    ("PUT", "/variants", {"rateLimit": "on", "requirementsUpdate": "add"}),
    ("POST", "/rules", {"rules": [a_rule({"process": {"hold": True}}, "importDossier", probability=0.5)]}),
    ("DELETE", "/rules", None),
    ("PUT", "/scenario", {"name": "outage-of-three-calls"}),
    ("DELETE", "/scenario", None),
    ("PUT", "/fixture", {"name": "pages"}),
    ("POST", "/reset", {}),
    ("POST", "/reset", {"only": ["state", "rateLimit"]}),
    ("POST", "/snapshots/kept", None),
    ("POST", "/snapshots/kept/restore", None),
    ("DELETE", "/snapshots/kept", None),
    ("POST", f"{DOSSIER}/documents/ATT_VIGI/evidences", {"expirationDate": "2031-01-01"}),
    ("POST", "/dossiers", {"siret": OTHER_SIRET, "dossierReference": "C"}),
    ("PATCH", DOSSIER, {"stoppingReason": "OUTOFBUSINESS"}),
    ("POST", "/thirdparties", {"siret": THIRD_SIRET}),
    ("PATCH", "/requirements/ATT_VIGI", {"withdrawn": True}),
    ("POST", "/accounts", {"accountId": 7, "users": ["api@example.com"]}),
    ("PATCH", "/accounts/119631", {"international": False}),
    ("POST", "/pact/states", {"state": "a dossier with reference PO-1 is complete"}),
]
STEPS = st.sampled_from(CALLS) | st.sampled_from(CONTROL_CALLS) | st.integers(1, 5)
"""A call of the API, a control call, or a rewind by so many commands."""


def sandbox_of(api: Api) -> ServerSandbox:
    return services.of(api.client.application).sandboxes.get(api.sandbox)


def carry_out(api: Api, step: Any) -> None:
    """Carry out a step; what is rejected changes nothing."""
    if isinstance(step, int):
        last = sandbox_of(api).history.last
        step = ("POST", "/rewind", {"beforeCommand": max(1, last - step)})
    if len(step) == 2:
        path, body = step
        status = api.post(path, body).status_code
    else:
        method, path, body = step
        headers = {"X-Mock-Sandbox": api.sandbox}
        status = api.client.open(f"/__admin{path}", method=method, json=body, headers=headers).status_code
    assert status < 500 or status == 503


@given(steps=st.lists(STEPS, max_size=25))
@example_count(40)
def test_a_replay_of_any_run_gives_the_same_export(app: Flask, steps: list[Any]) -> None:
    api = Api(app.test_client(), f"replayed{next(_numbers)}")
    for step in steps:
        carry_out(api, step)
    api.control("PUT", "/clock", {"frozen": True})
    sandbox = sandbox_of(api)
    written = RecordFormat()
    encoded = [written.encode(entry.record) for entry in sandbox.history.entries]
    read = RecordFormat(written.fixtures)
    records = [read.decode(each, Record) for each in encoded]

    replayed = replay(sandbox.history.entries[0].state, records)

    assert export_state(replayed, sandbox.now()) == export_state(sandbox.state, sandbox.now())
    assert replayed.snapshots.keys() == sandbox.state.snapshots.keys()
    assert dict(replayed.rate_limits) == dict(sandbox.state.rate_limits)
    assert replayed.token_ages == sandbox.state.token_ages
    assert list(map(read.encode, records)) == encoded


@given(runs=st.lists(st.lists(STEPS, max_size=8), min_size=1, max_size=3))
@example_count(15)
def test_after_each_restart_on_the_file_the_export_is_the_same(runs: list[list[Any]]) -> None:
    with TemporaryDirectory() as folder:
        settings = Settings(state=Path(folder) / "sandboxes.db", log_level="error")
        exported = None
        for steps in runs:
            app = create_app(settings)
            api = Api(app.test_client(), "one")
            if exported is not None:
                assert api.client.get("/__admin/state?sandbox=one").data == exported
            for step in steps:
                carry_out(api, step)
            api.control("PUT", "/clock", {"frozen": True})
            exported = api.client.get("/__admin/state?sandbox=one").data
            services.of(app).sandboxes.close()
