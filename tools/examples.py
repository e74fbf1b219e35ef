"""Write the examples of the OpenAPI documents: real answers of a sandbox with a frozen clock; `--check` compares.

They contain every status and every code of each operation at least once. Values that differ between two runs
(tokens, sessions, real time) are replaced by fixed ones.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask

from mock_server.app import create_app
from mock_server.domain.local_time import from_local
from mock_server.domain.operations import DIALECTS, OPERATIONS, TOKEN_PATH, Kind
from mock_server.settings import Settings
from tests.command_calls import REFUSED, prepare_dossiers
from tests.support import Api

CONTRACT = Path(__file__).resolve().parent.parent / "mock_server" / "contract"
CLOCK = "2026-03-02T09:00:00"
ACCOUNT, DOSSIER = 119631, 804127
USUAL = {
    "accountId": ACCOUNT,
    "dossierId": DOSSIER,
    "thirdpartyId": 875,
    "documentId": 511394021,
    "processId": "0" * 32,
}
SIRET = "99050000100013"
PAST, FUTURE = "2020-01-01", "2031-01-01"
OPERATION_OF_END = {
    row.paths[0].partition("{dossierId}")[2].lstrip("/"): name
    for name, row in OPERATIONS.items()
    if row.kind is Kind.COMMAND
}
"""The command whose path has this end after the id of the dossier."""

# It has the form of a token, and the claims that clients read.
TOKEN = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJhY2NvdW50X2lkcyI6IjExOTYzMSJ9.c2lnbmF0dXJl"  # noqa: S105
SESSION = "6f1d1c3e-2b5a-4f0e-9c7d-0a1b2c3d4e5f"
TIMESTAMP = "2026-03-02T08:00:00.000+0000"


class Player:
    """A user in a new sandbox; each answer becomes an example."""

    sandboxes = 0

    def __init__(self, dialect: str, notes: list[dict[str, Any]], user: str = "api", **settings: Any) -> None:
        Player.sandboxes += 1
        self.dialect = dialect
        self.notes = notes
        self.client = app_with(**settings).test_client()
        self.sandbox = f"s{Player.sandboxes}"
        self.username = f"{user}+{self.sandbox}@example.com"
        self.control("PUT", "/clock", {"now": CLOCK})
        self.control("POST", "/reset", {"only": ["state"]})
        self.token = self._log_in()

    def call(
        self,
        operation: str,
        name: str,
        /,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        raw: bytes | None = None,
        token: str | None = None,
        note: bool = True,
        **ids: Any,
    ) -> Any:
        """Call an operation, and note request and answer."""
        row = OPERATIONS[operation]
        asked = USUAL | ids
        path = row.paths[0].format(**asked) + (f"?{urlencode(query)}" if query else "")
        bearer = self.token if token is None else token
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        sent = {"json": body} if body is not None else {"data": raw or b""}
        if raw is not None:
            headers["Content-Type"] = "text/plain" if raw == b"text" else "application/json"
        url = f"/{self.dialect}/api/v1{path}" if self.dialect == "edge" else f"/rest/api/v1{path}"
        answer = self.client.open(url, method=row.method, headers=headers, **sent)
        if note:
            self._note(operation, name, path, body, answer)
        return answer.json if answer.is_json else None

    def log_in(self, name: str, content_type: str | None = None, **form: str) -> None:
        """Request a token, and note the answer."""
        answer = self.client.post(TOKEN_PATH, data=form, content_type=content_type)
        shown = {key: TOKEN if key == "refresh_token" else value for key, value in form.items()}
        self._note("getToken", name, TOKEN_PATH, shown, answer)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Make a control call; return its answer."""
        headers = {"X-Mock-Sandbox": self.sandbox}
        answer = self.client.open(f"/__admin{path}", method=method, json=body, headers=headers)
        assert answer.status_code < 300, answer.text
        return answer.json

    def choose(self, **variants: str) -> None:
        """Set variants."""
        self.control("PUT", "/variants", variants)

    def import_and_wait(self, name: str = "", **members: Any) -> Any:
        """Import a dossier and wait for its end; with a name, note the ended process under it."""
        body = {"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": "PO-1"} | members
        account = members.pop("accountId", ACCOUNT)
        body.pop("accountId", None)
        launched = self.call("importDossier", "", body=body, note=False, accountId=account)
        process = launched["content"]["processId"]
        self.control("POST", "/clock/advance", {"by": "PT1S"})
        return self.call("getProcess", name, note=bool(name), accountId=account, processId=process)["content"]

    def dossier_of(self, reference: str) -> int:
        """Return the id of the dossier with this reference."""
        found = self.call("listDossiers", "", query={"dossierReference": reference}, note=False)
        return int(found["content"][0]["dossierId"])

    def _log_in(self) -> str:
        form = {"grant_type": "password", "client_id": "ea-api-edge", "username": self.username}
        return (self.client.post(TOKEN_PATH, data=form | {"password": "demo"}).json or {}).get(
            "access_token", ""
        )

    def _note(self, operation: str, name: str, path: str, body: Any, answer: Any) -> None:
        request = {"method": OPERATIONS[operation].method, "path": path}
        if body is not None:
            request["body"] = body
        noted = {"operation": operation, "name": name, "status": answer.status_code, "request": request}
        if answer.is_json:
            noted["body"] = with_fixed_values(answer.json)
        text = json.dumps(noted).replace(f"+{self.sandbox}@", "@").replace(self.sandbox, "sandbox")
        self.notes.append(json.loads(text))


@cache
def app_with(**settings: Any) -> Flask:
    """Return an app whose sandboxes start at the frozen instant."""
    return create_app(Settings(clock=from_local(CLOCK), log_level="error", **settings))


def with_fixed_values(body: dict[str, Any]) -> dict[str, Any]:
    """Return the answer with fixed values for those that differ between runs."""
    steady = {
        "timestamp": TIMESTAMP,
        "access_token": TOKEN,
        "refresh_token": TOKEN,
        "session_state": SESSION,
        "id_token": TOKEN,
    }
    return {name: steady.get(name, value) for name, value in body.items()}


def tokens(dialect: str, notes: list[dict[str, Any]]) -> None:
    """Note logins."""
    play = Player(dialect, notes)
    client = {"client_id": "ea-api-edge"}
    password = {"grant_type": "password", "username": play.username, "password": "demo"}
    play.log_in("By password", **client, **password)
    pair = play.client.post(TOKEN_PATH, data=client | password).json or {}
    play.log_in("By refresh token", **client, grant_type="refresh_token", refresh_token=pair["refresh_token"])
    play.log_in("Wrong password", **client, **password | {"password": "wrong"})
    play.log_in("Another client", **password, client_id="another")
    play.log_in("No grant", **client)
    play.log_in("Another grant", **client, grant_type="client_credentials")
    play.log_in("An invalid refresh token", **client, grant_type="refresh_token", refresh_token="none")
    play.log_in("With an ID token", **client, **password, scope="openid")
    play.log_in("A plus that is not escaped", **client, **password | {"username": "api w7@example.com"})
    play.log_in("Not declared as a form", "multipart/form-data", **client, **password)
    small = Player(dialect, notes, max_body=1024)
    small.log_in("A form that is too large", "application/x-www-form-urlencoded", password="demo" * 300)
    notes[-1]["request"]["body"] = {"password": "demo..."}
    full = Player(dialect, notes, max_sandboxes=2)
    full.client.get("/__admin/clock", headers={"X-Mock-Sandbox": "another"})
    full.log_in("Too many sandboxes", **client, **password | {"username": "api+further@example.com"})


def reading(dialect: str, notes: list[dict[str, Any]]) -> None:
    """Note reads, of ids that exist and of ids that do not."""
    play = Player(dialect, notes)
    deposit = {"expirationDate": "2026-08-31", "fileSize": 75422, "metadata": {"verified": "true"}}
    path = f"/dossiers/{DOSSIER}/documents/I2/evidences"
    file = play.control("POST", path, deposit)["fileId"]
    play.call("listAccounts", "The accounts of the token")
    play.call("getAccountStatistics", "The figures of an account")
    play.call("listThirdparties", "One hit", query={"siren": "503829368"})
    play.call("getThirdparty", "A French third party")
    play.call("listDossiers", "One hit", query={"siren": "503829368"})
    play.call("getDossier", "An active dossier")
    play.call("listDossierRequirements", "The document types asked")
    play.call("listDocuments", "The documents of a dossier")
    play.call("getDocument", "A document")
    play.call("listFiles", "One file")
    play.call("downloadFile", "The bytes", fileId=file)
    if dialect == "edge":
        play.call("listEvidences", "One evidence")
        play.call("searchThirdparties", "One hit", query={"search": "name~attestations AND isMonitored:true"})
    reading_otherwise(play)
    absent(play)
    small = Player(dialect, notes, fixture="empty")
    small.import_and_wait(companyIdValue="50382936800045", dossierReference="TEST")
    small.call("listRequirements", "The document types of an account")
    small.call("listAllDossiers", "An account with one dossier")


def reading_otherwise(play: Player) -> None:
    """Note the answers that variants change."""
    play.choose(documentDetail="object", fileItems="document")
    play.call("getDocument", "Variant documentDetail: the document itself")
    play.call("listFiles", "Variant fileItems: with the document's id")
    if play.dialect == "edge":
        play.call("listEvidences", "Variant fileItems: with the document's id")


def absent(play: Player) -> None:
    """Note ids that do not exist."""
    for name, row in OPERATIONS.items():
        if play.dialect not in row.dialects or name == "getToken":
            continue
        body = {"updateDossier": {"description": "new"}, "importDossier": {}}.get(name)
        query = {"search": "name~e"} if name == "searchThirdparties" else None
        ids = [key for key in re.findall(r"\{(\w+)\}", row.paths[0]) if key != "fileId"]
        for key in ids:
            missing: dict[str, Any] = {"fileId": 1} | ({} if key == "processId" else {key: 1})
            play.call(name, f"No such {_words(key)}", body=body, query=query, **missing)
    play.call("downloadFile", "No such file", fileId=1)
    empty_searches(play)
    play.control(
        "PUT", "/fixture", {"recipe": {"version": 1, "defaultAccount": 1, "accounts": [{"accountId": 1}]}}
    )
    play.call("listAccounts", "No account of the token is there any more")


def empty_searches(play: Player) -> None:
    """Note a search without a hit, under both variants."""
    play.choose(emptySearch="not-found")
    for name in searches(play.dialect):
        query = {"search": "name:unknown"} if name == "searchThirdparties" else {"siren": "999999999"}
        play.call(name, "No hit, variant emptySearch=not-found", query=query)
    play.choose(emptySearch="page")
    for name in searches(play.dialect):
        query = {"search": "name:unknown"} if name == "searchThirdparties" else {"siren": "999999999"}
        play.call(name, "No hit, variant emptySearch=page", query=query)


def searches(dialect: str) -> list[str]:
    """Return the paginated searches of the dialect."""
    names = ("listThirdparties", "searchThirdparties", "listDossiers")
    return [name for name in names if dialect in OPERATIONS[name].dialects]


def bad_values(dialect: str, notes: list[dict[str, Any]]) -> None:
    """Note values that a search rejects."""
    play = Player(dialect, notes)
    for name in ("listThirdparties", "listDossiers"):
        play.call(name, "E002: an unknown type of identifier", query={"companyIdType": "SIRET"})
        play.call(name, "E003: an empty value", query={"siren": ""})
        play.call(name, "E010: not a boolean", query={"monitored": "yes"})
        play.call(name, "E011: too large a page", query={"pageSize": 1001})
        play.call(name, "E022: a date in the future", query={"stateLastChangeDate": FUTURE})
        play.call(name, "Several at once", query={"page": -1, "companyIdType": "SIRET"})
    if dialect == "edge":
        play.call("searchThirdparties", "E001: no expression")
        play.call("searchThirdparties", "E002: an unknown field", query={"search": "colour:blue"})
        play.call("searchThirdparties", "E003: an empty expression", query={"search": ""})
        play.call("searchThirdparties", "E010: not an expression", query={"search": "( name~e"})
        play.call(
            "searchThirdparties", "E011: too large a page", query={"search": "name~e", "pageSize": 1001}
        )
    play.call("listProcesses", "E003: an empty date", query={"fromDate": ""})
    play.call("listProcesses", "E010: not a date", query={"fromDate": "yesterday"})
    play.call("listProcesses", "E022: a date in the future", query={"fromDate": FUTURE})


def bad_imports(dialect: str, notes: list[dict[str, Any]]) -> None:
    """Note bodies that an import rejects at once."""
    play = Player(dialect, notes)
    good = {"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": "PO-1"}
    play.call("importDossier", "E001: members that are missing", body={})
    play.call("importDossier", "E002: an unknown type of identifier", body=good | {"companyIdType": "SIRET"})
    play.call("importDossier", "E003: an empty reference", body=good | {"dossierReference": " "})
    play.call("importDossier", "E010: not a SIRET", body=good | {"companyIdValue": "123"})
    play.call("importDossier", "E011: too long a reference", body=good | {"dossierReference": "X" * 256})
    play.call("importDossier", "Not JSON", raw=b"{")


def imports(dialect: str, notes: list[dict[str, Any]]) -> None:
    """Note imports and their results."""
    play = Player(dialect, notes)
    body = {
        "companyIdType": "CIT001",
        "companyIdValue": SIRET,
        "dossierReference": "PO-1",
        "thirdpartyCode": "C1",
    }
    launched = play.call("importDossier", "By SIRET", body=body)
    process = launched["content"]["processId"]
    play.call("getProcess", "Still running", processId=process)
    play.control("POST", "/clock/advance", {"by": "PT1S"})
    play.call("getProcess", "A dossier was made", processId=process)
    play.import_and_wait("E021: the date is in the past", dossierReference="PO-2", expirationDate=PAST)
    play.import_and_wait(
        "E030: a domain without mail", dossierReference="PO-2", thirdpartyEmail=["a@invalid.example"]
    )
    failing = {"E101": "99000101800011", "E102": "99000102600014", "E103": "99000103400018"}
    failing |= {"E104": "99000104200011", "E105": "99000105900015"}
    for code, siret in failing.items():
        play.import_and_wait(
            f"{code}: what the data provider says", companyIdValue=siret, dossierReference="PO-2"
        )
    play.import_and_wait(
        "E111: the third party has another code", dossierReference="PO-2", thirdpartyCode="C2"
    )
    play.import_and_wait(
        "E112: another third party has the code", companyIdValue="99050001900015", thirdpartyCode="C1"
    )
    french = {"companyIdType": "CIT002", "companyIdValue": "FR69503829368"}
    play.import_and_wait("E121: a French company by VAT number", **french)
    play.import_and_wait("E202: the reference is taken")
    play.import_and_wait(
        "E301: a withdrawn document type", dossierReference="PO-2", requiredDocuments=["ADO"]
    )
    play.import_and_wait(
        "E302: an unknown document type", dossierReference="PO-2", requiredDocuments=["NONE"]
    )
    play.import_and_wait("Several at once", requiredDocuments=["NONE"], expirationDate=PAST)
    play.call("listProcesses", "The imports of a day, every outcome", query={"fromDate": CLOCK[:10]})
    other_accounts(dialect, notes)


def other_accounts(dialect: str, notes: list[dict[str, Any]]) -> None:
    """Note refusals for accounts without a subscription, or without the international option."""
    play = Player(dialect, notes, user="inactive")
    play.import_and_wait("E113: the account is not active", accountId=119800)
    play.call("listProcesses", "E113: the account is not active", accountId=119800)
    play = Player(dialect, notes, user="domestic")
    foreign = {"companyIdType": "CIT003", "companyIdValue": "150483782"}
    play.import_and_wait("E122: no international option", accountId=119900, **foreign)
    play.call("listProcesses", "E122: no international option", accountId=119900)


def commands(dialect: str, notes: list[dict[str, Any]]) -> None:
    """Note the four commands, accepted and refused; the refusals under both variants."""
    carry_out(Player(dialect, notes))
    refusals(Player(dialect, notes))
    others: list[dict[str, Any]] = []
    play = Player(dialect, others)
    play.choose(refusals="result")
    refusals(play)
    notes.extend(note | {"name": f"{note['name']}, variant refusals=result"} for note in others)


def carry_out(play: Player) -> None:
    """Note every command that succeeds."""
    play.import_and_wait(thirdpartyCode="C1")
    dossier = play.dossier_of("PO-1")
    changed = {"description": "Chantier de la Gare", "purchasingCategory": "BTP", "expirationDate": FUTURE}
    play.call("updateDossier", "Changed", body=changed, dossierId=dossier)
    play.call("updateDossierRequirements", "By an array", body=["ATT_VIGI", "I2"])
    play.call("updateDossierRequirements", "By an object", body={"newRequiredDocuments": ["ATT_VIGI", "I2"]})
    play.call("stopDossier", "Stopped", dossierId=dossier)
    play.call("getDossier", "A stopped dossier", dossierId=dossier)
    play.call("reactivateDossier", "Active again", body={"expirationDate": FUTURE}, dossierId=dossier)


def refusals(play: Player) -> None:
    """Note the first refused command for each operation and code, from the table of the tests."""
    dossiers = prepare_dossiers(Api(play.client, play.sandbox, dialect=play.dialect))
    noted = set()
    for about, (path, body, codes) in REFUSED.items():
        name, _, end = path.partition("/")
        operation = OPERATION_OF_END[end]
        if len(codes) == 1 and (operation, *codes) not in noted:
            noted.add((operation, *codes))
            dossier = dossiers[name.strip("{}")]
            play.call(operation, f"{codes[0]}: {about}", body=body, dossierId=dossier)
    several = {"dossierReference": "TAKEN", "expirationDate": PAST}
    play.call("updateDossier", "Several at once", body=several, dossierId=dossiers["active"])


def protocol(dialect: str, notes: list[dict[str, Any]]) -> None:
    """Note errors in protocol format."""
    play = Player(dialect, notes)
    play.call("getDossier", "An id that is not a number", dossierId="abc")
    play.call("updateDossier", "Not JSON", raw=b"{")
    play.call("getDossier", "No token", token=" ")
    play.call("getDossier", "An invalid token", token="none")
    play.call("getDossier", "Another user's account", accountId=119700)
    play.call("updateDossier", "Not declared as JSON", raw=b"text")
    play.choose(rateLimit="on")
    for _ in range(20):
        play.call("getDossier", "", note=False)
    play.call("getDossier", "The bucket is empty")
    limited = Player(dialect, notes, max_body=1024)
    limited.call("updateDossier", "Too large", raw=b" " * 1025)
    full = Player(dialect, notes, auth="off", max_sandboxes=2)
    full.client.get("/__admin/clock", headers={"X-Mock-Sandbox": "another"})
    full.call("getDossier", "No place for another sandbox", query={"sandbox": "further"}, token="")


STORIES = (tokens, reading, bad_values, bad_imports, imports, commands, protocol)


def main() -> int:
    """Write the examples of each dialect, or with `--check` report those that differ from the sandbox's answers."""
    stale = []
    for dialect in DIALECTS:
        path = CONTRACT / f"examples.{dialect}.json"
        text = made(dialect)
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
    if stale:
        sys.stderr.write(f"not what a sandbox answers: {', '.join(stale)}; run `make docs`\n")
    return 1 if stale else 0


def made(dialect: str) -> str:
    """Return the examples of the dialect, one per line."""
    app_with.cache_clear()
    Player.sandboxes = 0
    notes: list[dict[str, Any]] = []
    for story in STORIES:
        story(dialect, notes)
    lines = ",\n".join(json.dumps(note, ensure_ascii=False) for note in notes)
    return f'{{"clock": "{CLOCK}", "examples": [\n{lines}\n]}}\n'


def _words(name: str) -> str:
    """Return the name of the object of an id: `dossierId` is a dossier."""
    return {"thirdpartyId": "third party"}.get(name, name.removesuffix("Id"))


if __name__ == "__main__":
    sys.exit(main())
