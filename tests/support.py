"""A client of the dossiers API and the control API for tests, and a real server in its own process."""

from __future__ import annotations

import json
import re
import select
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from threading import Barrier
from typing import Any, TypeVar
from urllib.parse import unquote, urlencode
from zoneinfo import ZoneInfo

import jwt
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mock_server.app import create_app
from mock_server.dialects import wire
from mock_server.sandbox.commands import SetClock
from mock_server.settings import Settings
from mock_server.web.services import of
from tests.processes import Process, start

ACCOUNT = 119631
DOMESTIC_ACCOUNT = 119900
INACTIVE_ACCOUNT = 119800
SECOND_ACCOUNT = 119700
SEED_DOSSIER = 804127
REALM = "/auth/realms/eat_realm"
OPENID = f"{REALM}/protocol/openid-connect"
TOKEN_URL = f"{OPENID}/token"

SIRET = "99050000100013"
OTHER_SIRET = "99050001900015"
THIRD_SIRET = "99050002700018"


@dataclass(frozen=True)
class WireNames:
    """Where the tests speak a dialect (a server's own is `rest`); its words for what answers a document."""

    prefix: str
    files: str
    file_id: str


WIRE_NAMES = {
    "rest": WireNames("/api/v1", "listFileInformation", "fileId"),
    "edge": WireNames("/edge/api/v1", "evidences", "id"),
}


class Api:
    """One user in a sandbox of their own; paths are relative to the account. The clock stands still."""

    def __init__(
        self,
        client: FlaskClient,
        sandbox: str,
        *,
        user: str = "api",
        account: int = ACCOUNT,
        dialect: str = "rest",
    ) -> None:
        self.client = client
        self.sandbox = sandbox
        self.account = account
        self.dialect = dialect
        self.wire = WIRE_NAMES[dialect]
        self.username = f"{user}+{sandbox}@example.com"
        # As PUT /__admin/clock does, for a fifth of its time: most tests make an api.
        of(client.application).sandboxes.get(sandbox).execute(SetClock(frozen=True))

    @cached_property
    def token(self) -> str:
        return str(self.log_in()["access_token"])

    def log_in(self, password: str = "demo") -> dict[str, Any]:
        form = {"grant_type": "password", "client_id": "ea-api-edge"}
        form |= {"username": self.username, "password": password}
        return dict(self.client.post(TOKEN_URL, data=form).json or {})

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.send("GET", self.url(path, **query))

    def post(self, path: str, body: Any = None) -> TestResponse:
        return (
            self.send("POST", self.url(path), json=body)
            if body is not None
            else self.send("POST", self.url(path))
        )

    def send(self, method: str, url: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        return self.client.open(url, method=method, headers=headers, **options)

    def url(self, path: str, **query: Any) -> str:
        given = f"?{urlencode(query)}" if query else ""
        return f"{self.wire.prefix}/account/{self.account}{path}{given}"

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.client.open(
            f"/__admin{path}", method=method, json=body, headers={"X-Mock-Sandbox": self.sandbox}
        )
        assert answer.status_code < 300, answer.text
        return answer.json

    def set_clock(self, now: str) -> list[dict[str, Any]]:
        """Set and freeze the clock; return the effects."""
        return list(self.control("PUT", "/clock", {"now": now})["effects"])

    def advance(self, by: str) -> list[dict[str, Any]]:
        """Advance the clock; return the effects."""
        return list(self.control("POST", "/clock/advance", {"by": by})["effects"])

    # What the dialects say in different words.

    def hits(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """What a search finds; in EDGE one without a hit is a 404 (behaviour.md C7)."""
        answer = self.get(path, **query)
        if self.dialect == "edge" and answer.status_code == 404:
            assert codes(answer) == ["NOT_FOUND"]
            return []
        return list(content(answer))

    def absent(self, code: str) -> str:
        """The code of a 404: EDGE has one code for everything that does not exist (behaviour.md 3.0.8)."""
        return "NOT_FOUND" if self.dialect == "edge" else code

    def edge_only(self, **members: Any) -> dict[str, Any]:
        """Members that EDGE has besides those of REST."""
        return members if self.dialect == "edge" else {}

    def files(self, document: dict[str, Any]) -> list[dict[str, Any]]:
        """The files, or evidences, of a document."""
        return list(document[self.wire.files])

    def file_id(self, file: dict[str, Any]) -> int:
        """The id by which a file, or evidence, is downloaded."""
        return int(file[self.wire.file_id])

    # What most tests begin with.

    def launch(self, **members: Any) -> str:
        """Import a dossier; the id of the process that was launched."""
        answer = self.try_import(**members)
        assert answer.status_code == 200, answer.text
        return str(content(answer)["processId"])

    def try_import(self, **members: Any) -> TestResponse:
        """Ask for an import; the answer. A member that is `...` is left out."""
        body = {"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": "PO-1"} | members
        return self.post("/dossiers", {name: value for name, value in body.items() if value is not ...})

    def process(self, process_id: str) -> dict[str, Any]:
        return dict(content(self.get(f"/dossiers/process/{process_id}")))

    def import_and_wait(self, **members: Any) -> dict[str, Any]:
        """Import a dossier and wait for its end on the sandbox's clock; the process."""
        process_id = self.launch(**members)
        self.advance("PT1S")
        return self.process(process_id)

    def refused_import_codes(self, **members: Any) -> list[str]:
        """The codes with which the import of a dossier ends."""
        process = self.import_and_wait(**members)
        assert process["complete"]
        assert not process["success"]
        return [error["code"] for error in process["errors"]]

    def new_dossier(self, **members: Any) -> dict[str, Any]:
        """Import a dossier; the dossier, found by its reference and company."""
        process = self.import_and_wait(**members)
        assert process["success"], process
        reference = "".join(str(members.get("dossierReference", "PO-1")).split())
        value = members.get("companyIdValue", SIRET)
        found = content(self.get("/dossiers", dossierReference=reference, companyIdValue=value))
        return dict(found[0])

    def dossier(self, dossier_id: int) -> dict[str, Any]:
        return dict(content(self.get(f"/dossiers/{dossier_id}")))

    def stopped_dossier(self, **members: Any) -> dict[str, Any]:
        """Import a dossier and stop it; the dossier."""
        dossier = self.new_dossier(**members)
        assert self.post(f"/dossiers/{dossier['dossierId']}/stop").status_code == 200
        return self.dossier(dossier["dossierId"])


def described(answer: TestResponse) -> str:
    """The request and the text of its answer: the message of a test that fails."""
    return f"{answer.request.method} {answer.request.url}: {answer.text}"


def content(answer: TestResponse) -> Any:
    """The content of an envelope that was answered with 200."""
    assert answer.status_code == 200, described(answer)
    assert answer.json is not None
    return answer.json["content"]


def codes(answer: TestResponse) -> list[str]:
    """The codes of the errors in an envelope."""
    assert answer.json is not None
    assert "messages" in answer.json, described(answer)
    return [error["code"] for error in answer.json["messages"]["error"]]


def claims(token: str) -> dict[str, Any]:
    """What clients read in a token: its payload, unverified."""
    return dict(jwt.decode(token, options={"verify_signature": False}))


def refresh(client: FlaskClient, token: str) -> TestResponse:
    """Ask for a new pair of tokens with a refresh token."""
    form = {"grant_type": "refresh_token", "client_id": "ea-api-edge", "refresh_token": token}
    return client.post(TOKEN_URL, data=form)


def assert_protocol_error(answer: TestResponse, status: int, case: object = "") -> None:
    """The answer is an error in the protocol format, and nothing else (behaviour.md 11.2)."""
    body = answer.json or {}
    case = f"{case} {described(answer)}"
    assert answer.status_code == status, case
    assert list(body) == ["timestamp", "status", "error", "message", "path"], case
    assert (body["status"], body["error"]) == (status, wire.status_phrase(status)), case
    assert body["path"] == unquote(answer.request.path), case


def is_protocol_error(answer: TestResponse, status: int) -> bool:
    """Whether the answer is an error in protocol format (behaviour.md 11.2), with this status."""
    members = ["timestamp", "status", "error", "message", "path"]
    return answer.status_code == status and list(answer.json or {}) == members


_WATCHED = {"MOCK_SERVER_LOG_LEVEL": "warning", "MOCK_SERVER_CHECK_RESPONSES": "yes"}
"""The environment of every real server: quiet, and with an eye on what it answers."""


@contextmanager
def running_server(*arguments: str, **environment: str) -> Iterator[tuple[str, Process]]:
    """A real server on a free port, as its own process: the base URL of its ready line, and the process."""
    process = start("serve", "--port", "0", *arguments, **_WATCHED | environment)
    try:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 30)[0], "no ready line within 30 seconds"
        line = process.stdout.readline()
        ready = re.fullmatch(
            r"mock-server ready on (https?://\S+) \(dashboard: \1/__admin/ui\)"
            r"(?: \(CA certificate: .+\))?\n",
            line,
        )
        if ready is None:
            process.terminate()  # its log ends with it
            raise AssertionError(line + process.communicate(timeout=10)[1])
        yield ready[1], process
    finally:
        process.terminate()
        errors = process.communicate(timeout=10)[1] or ""
    assert "not as the contract says" not in errors, errors


def as_json(text: str) -> Any:
    return json.loads(text)


DAY = date(2026, 1, 15)


def control_routes() -> set[str]:
    """Every control call as `METHOD /__admin/path`."""
    app = create_app(Settings(log_level="error")).control()
    return {
        f"{method} " + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/__admin")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


T = TypeVar("T")


def run_at_once(clients: int, call: Callable[[int], T]) -> list[T]:
    """What `call` gives to each of so many threads that begin together."""
    ready = Barrier(clients)

    def begin(number: int) -> T:
        ready.wait(timeout=30)
        return call(number)

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(begin, range(clients)))


@contextmanager
def frequent_thread_switches() -> Iterator[None]:
    """Threads of this process take turns every microsecond: a lock that is missing shows."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


PARIS = ZoneInfo("Europe/Paris")
START = datetime(2031, 5, 2, 10, tzinfo=PARIS)

RECIPE = f"""
version: 1
include: [catalogue]
defaultAccount: 119631
accounts: [{{accountId: 119631}}]
dossiers:
  - dossierId: 1          # complete; its vigilance certificate expires first, then its IBAN
    siret: "{SIRET}"
    dossierReference: "LAPSING"
    startingDate: "2025-01-01T09:00:00"
    documents:
      - documentId: 11
        documentCode: ATT_VIGI
        files:
          - {{uploadDate: "2025-02-01T08:30:00", expirationDate: "2031-05-04"}}
          - {{uploadDate: "2025-02-02T08:30:00", expirationDate: "2031-05-10"}}
      - {{documentId: 12, documentCode: JUSTIF_IMM, files: [{{uploadDate: "2025-02-03T08:30:00"}}]}}
      - documentId: 13
        documentCode: RIB_IBAN
        files: [{{uploadDate: "2025-02-01T08:30:00", expirationDate: "2031-05-20"}}]
  - dossierId: 2          # complete; what expires does not affect vigilance
    siret: "{OTHER_SIRET}"
    dossierReference: "IBAN"
    startingDate: "2025-01-01T09:00:00"
    documents:
      - documentCode: RIB_IBAN
        files: [{{uploadDate: "2025-02-01T08:30:00", expirationDate: "2031-05-10"}}]
      - {{documentCode: "AS(DSS"}}
  - dossierId: 3          # expires
    siret: "{THIRD_SIRET}"
    dossierReference: "EXPIRES"
    startingDate: "2025-01-01T09:00:00"
    expirationDate: "2031-05-12"
    documents: [{{documentCode: I2, files: [{{uploadDate: "2025-02-01T08:30:00"}}]}}]
"""


def present(dossier: dict[str, Any]) -> list[bool]:
    """Which documents of a dossier are present."""
    return [document["present"] for document in dossier["documents"]]


def indicator(dossier: dict[str, Any]) -> tuple[bool, str]:
    """State of I001, and since when."""
    (found,) = dossier["indicators"]
    return found["state"], found["lastChangeDate"]


def global_state(api: Api, siret: str) -> list[Any]:
    """Whether a third party is monitored, its state, and since when."""
    (found,) = content(api.get("/thirdparties", siret=siret))
    details = content(api.get(f"/thirdparties/{found['thirdpartyId']}"))
    return [details[name] for name in ("monitored", "thirdpartyGlobalState", "stateLastChangeDate")]
