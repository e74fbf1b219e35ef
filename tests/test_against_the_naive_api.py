"""Any calls in any order, in both dialects: each answer equals that of the naive reference model."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from itertools import count, cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mock_server.app import create_app
from mock_server.settings import Settings
from tests.naive_api import (
    BEGINNING,
    CATEGORIES,
    DAYS,
    DESCRIPTIONS,
    EMAILS,
    KNOWN,
    PROVIDER,
    REFERENCES,
    SLOW,
    THIRD_PARTY_CODES,
    WITHDRAWN,
    NaiveApi,
    Outcome,
    write_recipe,
)
from tests.properties import example_count
from tests.support import OTHER_SIRET, SIRET, TOKEN_URL
from tests.wire_api import WireApi, numbered

DIALECTS = st.sampled_from(["rest", "edge"])

_numbers = count(1)


@cache
def app() -> Flask:
    with TemporaryDirectory() as folder:
        recipe = str(write_recipe(Path(folder)))
        return create_app(
            Settings(fixture=recipe, clock=BEGINNING, max_sandboxes=1_000_000, log_level="error")
        )


good_companies = st.sampled_from([("CIT001", SIRET), ("CIT001", OTHER_SIRET), ("CIT002", "DE136695976")])
odd_companies = st.sampled_from(
    [
        *(("CIT001", siret) for siret in (*PROVIDER, *SLOW, "99050000100014")),
        *(("CIT002", "FR69503829368"), ("CIT003", "150483782"), ("CIT003", "15048378"), ("CIT004", SIRET)),
    ]
)
companies = st.one_of(good_companies, good_companies, odd_companies)
references = st.sampled_from(REFERENCES)
third_party_codes = st.sampled_from(THIRD_PARTY_CODES)
days = st.sampled_from(DAYS).map(lambda number: (BEGINNING + timedelta(days=number)).date().isoformat())
code_lists = st.lists(st.sampled_from([*KNOWN, *KNOWN, WITHDRAWN, "UNKNOWN"]), max_size=3)
emails = st.lists(st.sampled_from(EMAILS), max_size=2)
imports = st.fixed_dictionaries(
    {"company": companies, "dossierReference": references},
    optional={
        "thirdpartyCode": third_party_codes,
        "description": st.sampled_from(DESCRIPTIONS),
        "expirationDate": days,
        "requiredDocuments": code_lists,
        "thirdpartyEmail": emails,
    },
)
updates = st.fixed_dictionaries(
    {},
    optional={
        "dossierReference": references,
        "description": st.sampled_from(DESCRIPTIONS),
        "purchasingCategory": st.sampled_from(CATEGORIES),
        "thirdpartyCode": third_party_codes,
        "expirationDate": st.none() | days,
        "thirdpartyEmail": emails,
    },
)
reactivations = st.fixed_dictionaries({}, optional={"expirationDate": st.none() | days})
common_filters: dict[str, st.SearchStrategy[Any]] = {
    "monitored": st.booleans(),
    "siret": st.sampled_from([SIRET, OTHER_SIRET]),
    "siren": st.just(SIRET[:9]),
    "tva": st.sampled_from(["DE136695976", "FR69503829368"]),
    "companyIdType": st.sampled_from(["CIT001", "CIT002"]),
    "companyIdValue": st.sampled_from([SIRET, "DE136695976"]),
    "stateLastChangeDate": st.just(BEGINNING.date().isoformat()),
    "page": st.integers(0, 2),
    "pageSize": st.integers(1, 4),
}
dossier_filters = st.fixed_dictionaries(
    {},
    optional={
        "thirdpartyId": st.integers(1, 4),
        "thirdpartyCode": st.sampled_from(["F1", "F2"]),
        "dossierReference": st.sampled_from(["A", "a", " A  B", "-"]),
        "op": st.sampled_from(["like", "starts", "ends"]),
        **common_filters,
    },
)
third_party_filters = st.fixed_dictionaries(
    {}, optional={"thirdpartyGlobalState": st.booleans(), **common_filters}
)
steps = st.sampled_from([timedelta(seconds=1), timedelta(minutes=40), timedelta(hours=9), timedelta(days=1)])
picks = st.integers(0, 7)


def differences(found: Any, expected: Any, where: str = "") -> list[str]:
    """The differences between two outcomes, value by value."""
    if isinstance(found, dict) and isinstance(expected, dict) and found.keys() == expected.keys():
        pairs = {name: (found[name], expected[name]) for name in found}
    elif (
        isinstance(found, list | tuple) and isinstance(expected, list | tuple) and len(found) == len(expected)
    ):
        pairs = dict(enumerate(zip(found, expected, strict=True)))
    else:
        return [] if found == expected else [f"{where}: {found!r}, not {expected!r}"]
    return [text for name, pair in pairs.items() for text in differences(*pair, f"{where}[{name}]")]


class AnyCalls(RuleBasedStateMachine):
    """A user in a new sandbox with a frozen clock."""

    def __init__(self) -> None:
        super().__init__()
        self.sandbox = f"naive{next(_numbers)}"
        form = {"grant_type": "password", "client_id": "ea-api-edge", "password": "demo"}
        token = self.log_in(form | {"username": f"api+{self.sandbox}@example.com"})
        self.headers = {"Authorization": f"Bearer {token}", "X-Mock-Sandbox": self.sandbox}
        self.wires = {dialect: WireApi(self.send, dialect) for dialect in ("rest", "edge")}
        self.turns = cycle(self.wires)
        self.process_ids: dict[int, str] = {}
        self.begin()

    def teardown(self) -> None:
        self.send("DELETE", f"/__admin/sandboxes/{self.sandbox}")

    def log_in(self, form: dict[str, str]) -> str:
        """The token of the login with this form."""
        self.client = app().test_client()
        return str((self.client.post(TOKEN_URL, data=form).json or {})["access_token"])

    def send(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The status of a call, and its JSON."""
        answer = self.client.open(path, method=method, json=body, headers=self.headers)
        return answer.status_code, answer.json

    def begin(self) -> None:
        self.send("PUT", "/__admin/clock", {"now": BEGINNING.isoformat()})
        self.naive = NaiveApi(BEGINNING)
        self.kept: NaiveApi | None = None

    def agree(self, dialect: str, name: str, *arguments: Any, **members: Any) -> Outcome:
        """Call both; the answers must be equal."""
        expected: Outcome = getattr(self.naive, name)(*arguments, **members)
        found: Outcome = getattr(self.wires[dialect], name)(*arguments, **members)
        assert differences(found, expected) == [], f"{name} {arguments} {members} in {dialect}"
        return found

    def dossier_id(self, pick: int) -> int:
        """An existing dossier, if there is one."""
        rows = self.naive.dossiers
        return int(rows[pick % len(rows)]["dossierId"]) if rows else 9

    def thirdparty_id(self, pick: int) -> int:
        """Likewise."""
        rows = self.naive.thirdparties
        return int(rows[pick % len(rows)]["thirdpartyId"]) if rows else 9

    @property
    def numbers(self) -> dict[str, int]:
        return {process_id: number for number, process_id in self.process_ids.items()}

    def has_running(self) -> bool:
        return any(not process["complete"] for process in self.naive.processes)

    # Imports

    @initialize(wanted=st.lists(good_companies, max_size=3))
    def begin_with_some(self, wanted: list[tuple[str, str]]) -> None:
        for number, company in enumerate(wanted):
            self.launch("rest", {"company": company, "dossierReference": f"A{number}"})
        self.wait(timedelta(seconds=1))

    @rule(dialect=DIALECTS, wanted=imports)
    def launch(self, dialect: str, wanted: dict[str, Any]) -> None:
        kind, value = wanted["company"]
        body = {name: value for name, value in wanted.items() if name != "company"}
        body |= {"companyIdType": kind, "companyIdValue": value}
        status, number = self.naive.launch(**body)
        found = self.wires[dialect].launch(**body)
        # The same imports get the same ids after each restore.
        process_id = self.process_ids.setdefault(number, found[1]) if status == 200 else number
        assert found == (status, process_id)

    @precondition(lambda self: self.naive.processes)
    @rule(dialect=DIALECTS, pick=picks)
    def poll(self, dialect: str, pick: int) -> None:
        number = pick % len(self.naive.processes)
        found = self.wires[dialect].process(self.process_ids[number])
        assert found == self.naive.process(number)

    @precondition(has_running)
    @rule(outcome=st.sampled_from(["finish", "hold", "fail"]), code=st.sampled_from(["E101", "E104"]))
    def end_process(self, outcome: str, code: str) -> None:
        number = next(row["number"] for row in self.naive.processes if not row["complete"])
        given = {"outcome": outcome} | ({"code": code} if outcome == "fail" else {})
        self.naive.end_process(number, **given)
        assert self.wires["rest"].end_process(self.process_ids[number], **given)[0] == 200

    @rule(dialect=DIALECTS)
    def list_processes(self, dialect: str) -> None:
        found = numbered(self.wires[dialect].list_processes(), self.numbers)
        assert found == self.naive.list_processes()

    @rule(by=steps)
    def wait(self, by: timedelta) -> None:
        found = numbered(self.wires["rest"].forward(by), self.numbers)
        assert found == self.naive.forward(by)

    # Commands

    @rule(dialect=DIALECTS, pick=picks, wanted=updates)
    def update(self, dialect: str, pick: int, wanted: dict[str, Any]) -> None:
        self.agree(dialect, "update", self.dossier_id(pick), **wanted)

    @rule(dialect=DIALECTS, pick=picks)
    def stop(self, dialect: str, pick: int) -> None:
        self.agree(dialect, "stop", self.dossier_id(pick))

    @rule(dialect=DIALECTS, pick=picks, wanted=reactivations)
    def reactivate(self, dialect: str, pick: int, wanted: dict[str, Any]) -> None:
        self.agree(dialect, "reactivate", self.dossier_id(pick), **wanted)

    @rule(dialect=DIALECTS, pick=picks, codes=code_lists)
    def update_requirements(self, dialect: str, pick: int, codes: list[str]) -> None:
        add = dialect == "edge"
        self.agree(dialect, "update_requirements", self.dossier_id(pick), codes, add=add)

    @rule(pick=picks, code=st.sampled_from(KNOWN), until=st.none() | days)
    def deposit(self, pick: int, code: str, until: str | None) -> None:
        self.agree("rest", "deposit", self.dossier_id(pick), code, until)

    @rule(pick=picks)
    def close(self, pick: int) -> None:
        self.agree("rest", "close", self.thirdparty_id(pick))

    # Reading

    @rule(dialect=DIALECTS, pick=picks)
    def read_one(self, dialect: str, pick: int) -> None:
        self.agree(dialect, "dossier", self.dossier_id(pick))
        self.agree(dialect, "dossier_requirements", self.dossier_id(pick))

    @rule(dialect=DIALECTS, query=dossier_filters)
    def search(self, dialect: str, query: dict[str, Any]) -> None:
        wanted = {name: value for name, value in query.items() if dialect == "edge" or name != "op"}
        self.agree(dialect, "search", **wanted)

    @rule(dialect=DIALECTS, query=third_party_filters)
    def search_thirdparties(self, dialect: str, query: dict[str, Any]) -> None:
        self.agree(dialect, "search_thirdparties", **query)

    @rule(dialect=DIALECTS, pick=picks)
    def read_thirdparty(self, dialect: str, pick: int) -> None:
        self.agree(dialect, "thirdparty", self.thirdparty_id(pick))

    @rule(dialect=DIALECTS)
    def statistics(self, dialect: str) -> None:
        self.agree(dialect, "statistics")

    # Snapshots

    @rule()
    def snapshot(self) -> None:
        self.send("POST", "/__admin/snapshots/kept")
        self.kept = self.naive.copy()

    @precondition(lambda self: self.kept)
    @rule()
    def restore(self) -> None:
        assert self.kept is not None
        assert self.send("POST", "/__admin/snapshots/kept/restore")[0] == 200
        self.naive = self.kept.copy()

    @rule(state_alone=st.booleans())
    def reset(self, *, state_alone: bool) -> None:
        if state_alone:
            self.send("POST", "/__admin/reset", {"only": ["state"]})
            self.naive = NaiveApi(self.naive.now)
        else:
            kept = self.kept
            self.send("POST", "/__admin/reset")
            self.begin()
            self.kept = kept

    @invariant()
    def all_is_as_it_has_to_be(self) -> None:
        self.agree(next(self.turns), "all_dossiers")


AnyCalls.TestCase.settings = example_count(20, steps=30)
TestAnyCalls = AnyCalls.TestCase
