"""Random calls of a client and of the control API: their export, from any place, gets the same answers."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import settings

from mock_server.cli.scenarios import body_errors
from mock_server.client import ControlRefused, Sandbox
from mock_server.scenarios.files import check_files, read_scenario
from mock_server.scenarios.report import failure_lines
from mock_server.scenarios.runner import plan_runs, run_scenario
from mock_server.scenarios.target import find_target
from tests.support import SEED_DOSSIER, running_server

SIRETS = ("99050000100013", "99050001900015", "50382936800045", "99000200800011", "99000201600014")
CALLS = 40


class RandomClient:
    """A client and a test that do something at random."""

    def __init__(self, sandbox: Sandbox, random: Random) -> None:
        self.sandbox = sandbox
        self.random = random
        self.session = sandbox.session()
        self.dossiers = [SEED_DOSSIER]
        self.processes = ["unknown"]

    def act(self) -> None:
        """Do one thing; the sandbox may reject it."""
        rare = (self.rules, self.rules, self.behaviour, self.start_over)
        actions = (*[self.call] * 30, *[self.time, self.platform] * 4, *rare)
        with suppress(ControlRefused):
            self.random.choice(actions)()

    def call(self) -> None:
        reference = f"PO-{self.random.randrange(6)}"
        order = {"companyIdType": "CIT001", "companyIdValue": self.any(SIRETS), "dossierReference": reference}
        dossier = f"/dossiers/{self.any(self.dossiers)}"
        method, path, body = self.any(
            [
                *[("POST", "/dossiers", order)] * 3,
                *[("GET", f"/dossiers/process/{self.any(self.processes)}", None)] * 3,
                ("GET", f"/dossiers?pageSize={self.random.randrange(1, 9)}", None),
                ("GET", f"/dossiers?dossierReference={reference}", None),
                ("GET", dossier, None),
                ("GET", "/dossiers/processes", None),
                ("POST", f"{dossier}/stop", None),
                ("POST", f"{dossier}/reactivate", {"expirationDate": self.any(["2030-01-01", "2020-01-01"])}),
                ("POST", dossier, {"dossierReference": reference}),
            ]
        )
        answer = self.session.request(
            method, f"{self.sandbox.base_url}/account/119631{path}", json=body, timeout=10
        )
        found = answer.json().get("content") if answer.content else None
        if isinstance(found, list) and path.startswith("/dossiers?"):
            self.dossiers += [row["dossierId"] for row in found]
        if isinstance(found, dict) and path == "/dossiers":
            self.processes.append(found["processId"])

    def time(self) -> None:
        clock = self.sandbox.clock
        self.any(
            [clock.freeze, clock.run, *[lambda: clock.advance(seconds=self.any([0.1, 1, 130, 90_000]))] * 4]
        )()

    def platform(self) -> None:
        sandbox, dossier = self.sandbox, self.any(self.dossiers)
        self.any(
            [
                lambda: sandbox.dossier(siret=self.any(SIRETS), dossier_reference="NEW"),
                lambda: sandbox.change_dossier(dossier, stopping_reason=self.any([None, "OUTOFBUSINESS"])),
                lambda: sandbox.deposit(dossier, "ATT_VIGI", expiration_date="2090-12-31"),
                lambda: sandbox.hold_import(self.any(self.processes)),
                lambda: sandbox.finish_import(self.any(self.processes)),
                lambda: sandbox.withdraw_requirement("ATT_VIGI", withdrawn=self.any([True, False])),
                lambda: sandbox.change_account(119631, subscription_status=self.any(["ACTIVE", "INACTIVE"])),
            ]
        )()

    def rules(self) -> None:
        sandbox, name = self.sandbox, f"rule {self.random.random()}"
        when: dict[str, Any] = {"operation": self.any(["getDossier", "listDossiers", "importDossier"])}
        down: dict[str, Any] = {"respond": {"status": 503}}
        self.any(
            [
                lambda: sandbox.rule(name, when=when, then=down, times=self.any([1, 2])),
                lambda: sandbox.rule(name, when=when, then=down, probability=0.5, active={"after": "2s"}),
                sandbox.delete_rules,
            ]
        )()

    def behaviour(self) -> None:
        self.any(
            [
                lambda: self.sandbox.set_variants(refusals=self.any(["http400", "result"])),
                lambda: self.sandbox.set_strict(self.any(["off", "fail"])),
            ]
        )()

    def start_over(self) -> None:
        sandbox = self.sandbox
        self.any(
            [
                lambda: sandbox.snapshot("a"),
                lambda: sandbox.restore("a"),
                lambda: sandbox.delete_snapshot("a"),
                lambda: sandbox.reset(self.any(["state", "rules", "clock", "variants"])),
                sandbox.rewind,
                lambda: sandbox.scenario("outage-as-state-machine"),
                lambda: sandbox.load_fixture("empty"),
            ]
        )()

    def any(self, values: Any) -> Any:
        return self.random.choice(values)


def test_random_calls_are_exported_and_get_the_same_answers(server: str, tmp_path: Path) -> None:
    path = tmp_path / "exported.yaml"
    with running_server("--import-duration", "3s") as (url, _):
        for seed in range(settings().max_examples // 50):  # more with --hypothesis-profile=soak
            random = Random(seed)
            client = RandomClient(Sandbox(url if seed % 2 else server, f"random{seed}"), random)
            for _ in range(CALLS):
                client.act()
            for since in ("start", random.randrange(CALLS // 4), random.randrange(CALLS // 2)):
                path.write_text(client.sandbox.export_scenario(since=since), encoding="utf-8")
                assert check_files([path], body_errors) == [], (seed, since)
                [planned] = plan_runs(read_scenario(path), {}, on_sandbox=True)
                result = run_scenario(planned, find_target(server))
                assert list(failure_lines(result)) == [], (seed, since)
                assert result.count("skipped") == 0, (seed, since)
            client.sandbox.drop()
