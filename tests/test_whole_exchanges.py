"""Whole exchanges, as a client of the API and a reader of the journal see them; see `tests.transcript`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from syrupy.assertion import SnapshotAssertion

from mock_server.client.login import login_form
from tests.support import (
    DOMESTIC_ACCOUNT,
    OPENID,
    OTHER_SIRET,
    PARIS,
    REALM,
    SEED_DOSSIER,
    SIRET,
    START,
    TOKEN_URL,
    Api,
    claims,
    content,
)
from tests.transcript import NOW, VOLATILE, Transcript

RECIPE = """
version: 1
include: [catalogue]
invalidEmailDomains: [invalid.example]
users:
  - {username: "api@example.com", password: "demo", firstname: "Api", lastname: "Demo", accounts: [7, 8]}
accounts:
  - accountId: 7
    account: "CPTDO7"
    name: "Compte Sept"
    company: "Entreprise Sept"
    creation: "2015-04-02T10:56:07.736"
    maxDossiers: 12
    subscriptions:
      - {key: "APIEDGE", startSubscriptionDate: "2019-04-29T13:20:02.102973"}
      - {key: "OLD", startSubscriptionDate: "2018-01-01T00:00:00", endSubscriptionDate: "2019-01-01T00:00:00",
         status: "INACTIVE"}
    requirements: ["ATT_VIGI", "ASSUR_RCPRO", "ASSUR_DECENNALE"]
    withdrawn: ["ADO"]
    defaultRequirements: ["ATT_VIGI"]
  - {accountId: 8, subscriptionStatus: "INACTIVE", international: false, requirements: ["ATT_VIGI"]}
  - {accountId: 9, requirements: ["ATT_VIGI"]}
thirdparties:
  - thirdpartyId: 500
    siret: "50382936800045"
    name: "FORGES"
    dateCreation: "2010-11-24"
    legalCategoryLabel: "Société par actions simplifiée"
    legalCategoryCode: "5710"
    acronym: "EX"
    activityLabel: "Edition de logiciels applicatifs"
    activityCode: "5829C"
    ceo: "DUPONT Jeanne"
    capital: 3642000
    capitalCurrency: "EUR"
    turnover: 2771996.5
    turnoverCurrency: "EUR"
    lastBalanceSheetDate: "2017-12-31"
    workforce: 13
    addressStreet: "1 rue de l'Exemple"
    addressCity: "MASSY"
    addressPostCode: "91300"
    subscriptionDate: "2010-11-24"
    subscriptionKey: "7K2M9QX4TB1Z"
    users:
      - {firstname: "Jeanne", lastname: "Dupont", email: "j.dupont@example.com", phone: "+33 1 99 00 12 34"}
      - {firstname: "Paul", lastname: "Martin", email: "paul.martin@example.com"}
  - {thirdpartyId: 501, companyIdType: "CIT003", companyIdValue: "123456789", name: "FOREIGN LTD",
     addressCountryCode: "GB", outOfBusiness: true}
dossiers:
  - dossierId: 1
    thirdpartyId: 500
    thirdpartyCode: "F500"
    dossierReference: "DONE"
    description: "A description"
    purchasingCategory: "A category"
    startingDate: "2025-01-10T09:00:00"
    expirationDate: "2031-06-30"
    documents:
      - documentId: 11
        documentCode: ATT_VIGI
        requestDate: "2025-01-10T09:00:01"
        files:
          - {fileId: 111, uploadDate: "2025-01-12T10:00:00", expirationDate: "2025-07-12", fileSize: 2048}
          - {fileId: 112, uploadDate: "2030-12-01T10:00:00.25", expirationDate: "2031-06-01", fileSize: 52000,
             fileUUID: "0123456789abcdef0123456789abcdef", metadata: {verified: "true"}}
      - documentId: 12
        documentCode: ASSUR_DECENNALE
        files:
          - fileId: 121
            uploadDate: "2025-01-12T10:00:00"
            formdata: [{type: "text", key: "city", title: "City", order: 1, value: "MASSY"}]
      - {documentId: 13, documentCode: ADO}
  - {dossierId: 2, thirdpartyId: 500, dossierReference: "OLD", stoppingDate: "2030-03-01T12:00:00",
     stoppingReason: "STOPREQUEST", startingDate: "2025-01-10T09:00:00", expirationDate: "2030-06-30"}
  - {dossierId: 3, thirdpartyId: 501, dossierReference: "ABROAD", stoppingDate: "2030-03-01T12:00:00",
     stoppingReason: "OUTOFBUSINESS", startingDate: "2025-01-10T09:00:00", documents: []}
  - {dossierId: 4, accountId: 9, siret: "50382936800045", dossierReference: "OTHER"}
"""

LONG = "x" * 4001
VOLATILE_TEXT = re.compile(
    r"eyJ[\w.-]+|Werkzeug/[\d.]+|^\| \d+\.\d \| (?:GET|POST) .*$"
    r"|(?<=^  clock: )'20.*$",
    re.MULTILINE,
)
"""A token, the name of the client, a row of the slowest requests, and when a sandbox started."""


class Exchanges(Transcript):
    """A transcript with the headers of the API, and longer lists."""

    most_members = 20
    longest_text = 10_000
    volatile = VOLATILE | {
        *("at_hash", "exp", "iat", "jti", "kid", "n", "public_key"),
        *("startedDateTime", "time", "wait"),
    }

    def __str__(self) -> str:
        """Return the story so far, without tokens."""
        return VOLATILE_TEXT.sub("...", super().__str__())

    def send(self, method: str, url: str, **options: Any) -> Any:
        """Make a call of the API with its complete path; return the JSON of the answer."""
        return self.add(f"{method} {url}", options.get("data"), self.api.send(method, url, **options))

    def open(self, call: str, form: dict[str, str] | None = None, token: str | None = None) -> Any:
        """Make a call with its complete path, a form and Authorization; return the JSON of the answer."""
        method, path = call.split(" ", 1)
        headers = {} if token is None else {"Authorization": token}
        answer = self.api.client.open(path, method=method, data=form, headers=headers)
        return self.add(f"{call} {form or ''}".strip(), None, answer)

    def note(self, title: str, value: Any) -> None:
        """Add a value that is a part of an answer."""
        self.parts.append(f"# {title}\n{self.as_text(value)}")


@pytest.fixture
def exchanges(recipe_app: Callable[..., Flask], dialect: str, request: pytest.FixtureRequest) -> Exchanges:
    """A transcript of a new sandbox of `RECIPE` that is named as the test, with its clock frozen."""
    name = re.sub(r"\W+|_", "-", request.node.name.removeprefix("test_")).strip("-")
    api = Api(
        recipe_app(RECIPE, clock=datetime.fromisoformat(NOW).replace(tzinfo=PARIS)).test_client(),
        name,
        account=7,
        dialect=dialect,
    )
    api.set_clock(NOW)
    # A call without a token has the time of the default sandbox.
    api.client.put("/__admin/clock", json={"now": NOW})
    return Exchanges(api)


@pytest.mark.dialects("rest", "edge")
def test_reads(exchanges: Exchanges, snapshot: SnapshotAssertion) -> None:
    api = exchanges.api
    api.control(
        "POST", "/dossiers/1/documents/ADO/evidences", {"content": "aGVsbG8=", "expirationDate": "2031-05-01"}
    )
    exchanges.send("GET", f"{api.wire.prefix}/account")
    for call in (
        "",
        "/requirements",
        "/thirdparties?pageSize=1",
        "/thirdparties/500",
        "/thirdparties/501",
        "/dossiers?pageSize=1&page=1&dossierReference=O",
        "/dossiers?monitored=false&op=starts&dossierReference=O",
        "/dossiers/all",
        "/dossiers/1/requirements",
        "/dossiers/2/requirements",
        "/dossiers/1/documents/12",
        "/dossiers/1/documents/13/files",
        "/thirdparties/q?search=workforce<2000 AND isActive:true",
    ):
        exchanges.call(f"GET {call}")
    (file_id,) = api.files(content(api.get("/dossiers/1/documents/13"))[0])
    exchanges.call(f"GET /dossiers/1/documents/13/files/{api.file_id(file_id)}")
    exchanges.send("HEAD", api.url("/dossiers/1"))
    assert str(exchanges) == snapshot


@pytest.mark.dialects("rest", "edge")
def test_refused_reads(exchanges: Exchanges, snapshot: SnapshotAssertion) -> None:
    for call in (
        "/thirdparties/502",
        "/thirdparties/5x",
        "/thirdparties?companyIdType=CIT009&monitored=yes&siren=&name=&stateLastChangeDate=2031-01-03&page=-1",
        "/thirdparties?stateLastChangeDate=soon&pageSize=1001",
        "/thirdparties?name=UNKNOWN&password=secret",
        "/thirdparties/q",
        "/thirdparties/q?search=",
        "/thirdparties/q?search=colour:red",
        "/thirdparties/q?search=( name:FORGES",
        "/thirdparties/q?search=name:UNKNOWN",
        "/dossiers?thirdpartyId=x&op=near&dossierReference=DONE",
        "/dossiers?dossierReference=NONE",
        "/dossiers/4",
        "/dossiers/99/requirements",
        "/dossiers/1/documents/14",
        "/dossiers/1/documents/11/files/121",
        "/dossiers/1/documents/11/evidences/111",
        "/dossiers/process/unknown",
        "/dossiers/processes?fromDate=",
        "/dossiers/processes?fromDate=2031-01-03",
        "/dossiers/search",
        "/unknown",
    ):
        exchanges.call(f"GET {call}")
    exchanges.call("PUT /dossiers/1")
    exchanges.call("DELETE /dossiers")
    for account in (9, 99, 2**63):
        exchanges.api.account = account
        exchanges.call("GET /dossiers")
    assert str(exchanges) == snapshot


@pytest.mark.dialects("rest", "edge")
def test_imports(exchanges: Exchanges, snapshot: SnapshotAssertion) -> None:
    complete = {
        "companyIdType": "CIT001",
        "companyIdValue": SIRET,
        "dossierReference": " PO 1 ",
        "thirdpartyCode": "F501",
        "description": "A description",
        "purchasingCategory": "A category",
        "expirationDate": "2032-01-01",
        "requiredDocuments": ["ATT_VIGI", "ASSUR_RCPRO"],
        "thirdpartyEmail": ["a@example.com", "b@example.com"],
        "userInCharge": ["c@example.com"],
    }
    started = exchanges.call("POST /dossiers", complete)["content"]["processId"]
    exchanges.call(f"GET /dossiers/process/{started}")
    exchanges.api.advance("PT1S")
    exchanges.call("GET /dossiers/processes?fromDate=2031-01-01")
    exchanges.call("GET /dossiers?dossierReference=PO1")
    others: list[dict[str, Any]] = [
        {"dossierReference": "PO1", "thirdpartyCode": "F500", "expirationDate": "2031-01-02"},
        {"thirdpartyEmail": ["a@invalid.example"], "requiredDocuments": ["ADO", "RIB_IBAN"]},
        {"companyIdType": "CIT002", "companyIdValue": "FR69503829368"},
        {"companyIdType": "CIT003", "companyIdValue": "123456789"},
        {"companyIdValue": OTHER_SIRET, "thirdpartyCode": "F501"},
        {"companyIdValue": "99000101800011"},
        {"companyIdValue": "99000104200011"},
    ]
    for other in others:
        wanted = {"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": "PO-2"} | other
        process = exchanges.call("POST /dossiers", wanted)["content"]["processId"]
        exchanges.api.advance("PT1S")
        exchanges.call(f"GET /dossiers/process/{process}")
    exchanges.call("POST /dossiers", {})
    exchanges.call(
        "POST /dossiers",
        {
            "companyIdType": "CIT009",
            "companyIdValue": "",
            "dossierReference": "x" * 256,
            "expirationDate": "soon",
            "thirdpartyEmail": ["a", ""],
            "description": LONG,
        },
    )
    exchanges.call(
        "POST /dossiers", {"companyIdType": "CIT001", "companyIdValue": "1", "dossierReference": ""}
    )
    exchanges.call("POST /dossiers", {"dossierReference": 1})
    exchanges.call("POST /dossiers", {"requiredDocuments": "ATT_VIGI"})
    exchanges.call("POST /dossiers", [])
    exchanges.call("POST /dossiers")
    exchanges.send("POST", exchanges.api.url("/dossiers"), data="<a/>", content_type="text/xml")
    exchanges.api.account = 8
    exchanges.call(
        "POST /dossiers",
        {"companyIdType": "CIT002", "companyIdValue": "DE129273398", "dossierReference": "1"},
    )
    exchanges.api.advance("PT1S")
    exchanges.call("GET /dossiers/processes")
    assert str(exchanges) == snapshot


@pytest.mark.dialects("rest", "edge")
def test_commands(exchanges: Exchanges, snapshot: SnapshotAssertion) -> None:
    exchanges.call(
        "POST /dossiers/1",
        {
            "dossierReference": "DONE 2",
            "description": "Another",
            "purchasingCategory": "",
            "thirdpartyCode": "F 501",
            "expirationDate": "2033-01-01",
            "thirdpartyEmail": ["a@example.com"],
            "userInCharge": ["b@example.com"],
        },
    )
    exchanges.call("POST /dossiers/1/requirements", {"newRequiredDocuments": ["ASSUR_RCPRO"]})
    exchanges.call("POST /dossiers/1/reactivate")
    exchanges.call("POST /dossiers/1/stop")
    exchanges.call("POST /dossiers/1/stop")
    exchanges.call("POST /dossiers/1/reactivate", {"expirationDate": "2031-01-02"})
    exchanges.call("POST /dossiers/1/reactivate", {"expirationDate": None})
    exchanges.call("GET /dossiers/1")
    exchanges.call("POST /dossiers/2/reactivate")
    exchanges.call("POST /dossiers/2/reactivate", {"expirationDate": "soon"})
    exchanges.call("POST /dossiers/3/reactivate")
    exchanges.call("POST /dossiers/1/requirements", {"newRequiredDocuments": ["ADO", "RIB_IBAN"]})
    exchanges.call("POST /dossiers/1/requirements", {"newRequiredDocuments": []})
    exchanges.call("POST /dossiers/1/requirements", ["ATT_VIGI"])
    exchanges.call("POST /dossiers/1", {})
    exchanges.call(
        "POST /dossiers/1",
        {
            "dossierReference": "OLD",
            "expirationDate": "2031-01-02",
            "thirdpartyEmail": ["a@invalid.example"],
            "userInCharge": ["b"],
            "description": LONG,
        },
    )
    exchanges.call("POST /dossiers/1", {"description": 1})
    exchanges.call("POST /dossiers/99/stop", {})
    exchanges.api.control("PUT", "/variants", {"refusals": "result"})
    exchanges.call("POST /dossiers/3/stop")
    exchanges.call("POST /dossiers/99/stop")
    assert str(exchanges) == snapshot


def test_tokens(exchanges: Exchanges, snapshot: SnapshotAssertion) -> None:
    api = exchanges.api
    client = {"client_id": "ea-api-edge"}
    login = client | {"grant_type": "password", "username": api.username, "password": "demo"}
    granted = exchanges.open(f"POST {TOKEN_URL}", login | {"scope": "openid"})
    for kind in ("access_token", "refresh_token", "id_token"):
        exchanges.note(f"claims of the {kind}", claims(granted[kind]))
    again = client | {"grant_type": "refresh_token", "refresh_token": granted["refresh_token"]}
    exchanges.open(f"POST {TOKEN_URL}", again)
    for form in (
        login | {"password": "wrong"},
        login | {"username": "api tokens@example.com"},
        login | {"username": ""},
        login | {"client_id": "another"},
        login | {"grant_type": "client_credentials"},
        client,
        client | {"grant_type": "refresh_token"},
        again | {"refresh_token": "eyJ.wrong"},
        None,
    ):
        exchanges.open(f"POST {TOKEN_URL}", form)
    exchanges.open(f"GET {TOKEN_URL}")
    assert str(exchanges) == snapshot


def test_openid_pages(exchanges: Exchanges, snapshot: SnapshotAssertion) -> None:
    client = {"client_id": "ea-api-edge"}
    login = client | {"grant_type": "password", "username": exchanges.api.username, "password": "demo"}
    tokens = exchanges.api.client.post(TOKEN_URL, data=login | {"scope": "openid"}).json or {}
    access, refresh, hint = (tokens[f"{kind}_token"] for kind in ("access", "refresh", "id"))
    exchanges.open(f"GET {REALM}")
    exchanges.open(f"GET {REALM}/.well-known/openid-configuration")
    exchanges.open(f"GET {OPENID}/certs")
    exchanges.open(f"GET {OPENID}/auth?response_type=code")
    exchanges.open(f"GET {OPENID}/userinfo", token=f"Bearer {access}")
    exchanges.open(f"GET {OPENID}/userinfo")
    for form in ({"token": refresh}, {"token": "eyJ.wrong"}, None):
        exchanges.open(f"POST {OPENID}/token/introspect", form)
    for form in (client | {"token": access}, client, {"token": access}, None):
        exchanges.open(f"POST {OPENID}/revoke", form)
    exchanges.open(f"POST {OPENID}/userinfo", {"access_token": access})
    for _ in range(2):
        exchanges.open(f"POST {OPENID}/logout", client | {"refresh_token": refresh})
    exchanges.open(f"POST {TOKEN_URL}", client | {"grant_type": "refresh_token", "refresh_token": refresh})
    exchanges.open(f"GET {OPENID}/logout?id_token_hint={hint}")
    exchanges.open(f"GET {OPENID}/logout")
    assert str(exchanges) == snapshot


@pytest.mark.dialects("rest", "edge")
def test_wrong_tokens(exchanges: Exchanges, snapshot: SnapshotAssertion) -> None:
    api = exchanges.api
    path = f"GET {api.wire.prefix}/account"
    refresh_token = api.log_in()["refresh_token"]
    altered = f"{api.token.rpartition('.')[0]}.{refresh_token.rpartition('.')[2]}"
    exchanges.open(path)
    for token in ("Basic YTpi", "Bearer", "Bearer abc", f"Bearer {altered}", f"Bearer {refresh_token}"):
        exchanges.open(path, token=token)
    exchanges.open(f"{path}/x/dossiers")
    exchanges.open(f"POST {api.wire.prefix}/account/7/dossiers")
    api.control("POST", "/clock/advance", {"by": "PT31M", "tokens": True})
    exchanges.open(path, token=f"Bearer {api.token}")
    exchanges.open(f"{path}/7", token=f"bearer {api.log_in()['access_token']}")
    assert str(exchanges) == snapshot


RULES = [
    {
        "name": "outage",
        "when": {"operation": "listProcesses"},
        "then": {"respond": {"status": 503}},
        "times": 1,
    },
    {"name": "cut", "when": {"operation": "listDocuments"}, "then": {"fault": "EMPTY_RESPONSE"}},
    {
        "name": "limit",
        "when": {"operation": "listRequirements"},
        "then": {"rateLimit": "exceeded"},
        "times": 1,
    },
    {
        "name": "other reference",
        "when": {"operation": "listDossiers", "query": {"dossierReference": "OTHER", "page": "0"}},
        "then": {"respond": {"status": 500}},
    },
]


def explain_requests(exchanges: Exchanges, since: int = 0) -> None:
    """Add how the journal explains each request."""
    listed = exchanges.api.control("GET", f"/requests?since={since}")["requests"]
    for entry in listed:
        number = entry["number"]
        explained = exchanges.api.control("GET", f"/requests/{number}")
        members = ("status", "fault", "codes", "rule", "warnings", "why", "comparisons", "changes")
        shown = {name: explained[name] for name in members if explained.get(name)}
        for cause in shown.get("why", ()):
            for name in ("label", "when", "provenance"):
                cause.pop(name)
        if len(shown) > 1:
            exchanges.note(f"request {number}: {entry['method']} {entry['path']}", shown)


def test_explained_refusals(exchanges: Exchanges, snapshot: SnapshotAssertion) -> None:
    api = exchanges.api
    api.post("/dossiers/2/stop")
    api.post(
        "/dossiers/1", {"dossierReference": "OLD", "thirdpartyCode": "F 500", "expirationDate": "2031-01-02"}
    )
    api.post("/dossiers/1", {"userInCharge": ["a@invalid.example"]})
    api.post("/dossiers/1", {})
    api.post("/dossiers/1/reactivate")
    api.post("/dossiers/2/reactivate")
    api.post("/dossiers/3/reactivate")
    api.post("/dossiers/1/requirements", ["ADO", "RIB_IBAN"])
    api.post("/dossiers/1", {"description": "Another"})
    api.get(
        "/dossiers", siren="", companyIdType="CIT9", page="x", pageSize=1001, stateLastChangeDate="2032-01-01"
    )
    for path in ("/dossiers/4", "/dossiers/99", "/dossiers/1/documents/14", "/thirdparties/99"):
        api.get(path)
    for document, file in ((11, 1), (11, 121), (12, 111)):
        api.get(f"/dossiers/1/documents/{document}/files/{file}")
    api.get("/dossiers/process/unknown")
    api.post("/dossiers/1/stop")
    api.get("/dossiers/1/documents/11")
    api.post("/dossiers", {"companyIdType": "CIT001"})
    process = api.launch(dossierReference="NEW")
    api.account = 8
    api.get(f"/dossiers/process/{process}")
    for account in (9, 99):
        api.account = account
        api.get("/dossiers")
    explain_requests(exchanges, since=1)
    assert str(exchanges) == snapshot


def test_explained_imports(exchanges: Exchanges, snapshot: SnapshotAssertion) -> None:
    api = exchanges.api
    first = api.launch(companyIdValue="50382936800045", dossierReference="OLD", thirdpartyCode="F501")
    second = api.launch(companyIdValue="99000105900015", thirdpartyCode="F500")
    third = api.launch(dossierReference="NEW")
    api.control("POST", f"/processes/{api.launch()}", {"outcome": "hold"})
    api.advance("PT1S")
    for process in (first, second, third):
        api.get(f"/dossiers/process/{process}")
    api.launch(dossierReference="NEW 2", userInCharge=["a@invalid.example"], expirationDate="2031-01-02")
    api.launch(companyIdType="CIT002", companyIdValue="FR69503829368")
    api.get("/dossiers/processes")
    api.account = 8
    api.import_and_wait(companyIdType="CIT003", companyIdValue="123456789", requiredDocuments=["ADO"])
    explain_requests(exchanges, since=1)
    exchanges.control("GET /requests?since=13&limit=1")
    exchanges.control("GET /requests/13")
    assert str(exchanges) == snapshot


def test_explained_rules_and_warnings(exchanges: Exchanges, snapshot: SnapshotAssertion) -> None:
    api = exchanges.api
    exchanges.open(f"POST {TOKEN_URL}", {"username": api.username, "password": "wrong"})
    assert api.token
    api.control("POST", "/rules", {"rules": RULES})
    for call in ("/dossiers/processes", "/dossiers/processes", "/requirements", "/dossiers/1/documents"):
        exchanges.call(f"GET {call}")
    api.control("PUT", "/variants", {"rateLimit": "on"})
    exchanges.call("GET /dossiers?dossierReference=NONE&page=0")
    api.control("PUT", "/strict", {"strict": "warn"})
    exchanges.call(
        "GET /dossiers?DossierReference=DONE&page=0&page=1&colour=red&stateLastChangeDate=2026-01-01T00:00:00"
    )
    exchanges.call("GET /requirements?sandbox=another")
    exchanges.call("POST /dossiers/1", {"descriptions": "Another", "colour": "red"})
    api.control("PUT", "/strict", {"strict": "fail"})
    exchanges.call("POST /dossiers/1/stop?force=true")
    api.get("/dossier")
    exchanges.control("GET /requests/unmatched")
    for path in ("/dossiers/1/evidence", "/dossiers/1/stop", "/colours"):
        api.get(path)
    for url in ("/api/v2/account", TOKEN_URL):
        api.send("GET", url)
    explain_requests(exchanges)
    for number in ("1", "99"):
        exchanges.control(f"GET /requests/{number}")
    exchanges.control("POST /requests/count", {"warning": "wrongCase"})
    exchanges.control("POST /requests/count", {"warning": "wrongcase"})
    exchanges.control("POST /requests/find", {"operation": "listRequirements", "rule": "limit"})
    assert str(exchanges) == snapshot


BODIES: list[dict[str, Any]] = [
    {"dossierReference": "PO-1"},
    {"dossierReference": "po_1"},
    {"dossierReference": "PO 1 "},
    {"dossierReference": "OLD"},
    {"dossierReference": "ZZ"},
    {"companyIdValue": "503 829 368 00045"},
    {"companyIdValue": "50382936800046"},
    {"companyIdValue": "50382936800054"},
    {"companyIdValue": "50382936800052"},
    {"companyIdValue": "503829368"},
    {"companyIdValue": "FR69503829368"},
    {"companyIdValue": SIRET},
    {"expirationDate": "2031-12-31"},
    {"expirationDate": "2031-12-30"},
    {"description": True},
    {"description": None},
    {"Description": "true"},
    {"userInCharge": ["b@example.com"]},
    {"thirdpartyEmails": []},
    {"colour": "red"},
]
EXPECTED: list[dict[str, Any]] = [
    *({"request": {"operation": "importDossier", "body": body}} for body in BODIES),
    {"request": {"operation": "importDossier"}, "count": 3},
    {"request": {"operation": "importDossier"}, "count": 1},
    {"request": {"operation": "importDossier"}, "count": {"atLeast": 3, "atMost": 4}},
    {"request": {"operation": "importDossier"}, "count": {"atMost": 1}},
    {"request": {"operation": "importDossier", "status": 400}},
    {"request": {"operation": "importDossier", "code": "E202"}},
    {"request": {"operation": "stopDossier", "status": 400}},
    {"request": {"operation": "stopDossier", "dossierId": 2}},
    {"request": {"operation": "stopDossier", "accountId": 8}},
    {"request": {"operation": "stopDossier", "accountId": 8, "user": "b@example.com"}},
    {"request": {"operation": "stopDossier", "body": {"reason": "END"}}},
    {"request": {"operation": "stopDossier", "headers": {"X-Request-Id": "1", "Accepts": "*/*"}}},
    {"request": {"operation": "listDossiers", "query": {"pageSize": "50", "thirdpartyReference": "DONE"}}},
    {"request": {"operation": "listDossiers", "query": {"siren": {"$matches": "9.*"}}}},
    {"request": {"operation": "listDossiers", "rule": "outage", "warning": "wrongCase"}},
    {"request": {"operation": "getDossier", "dossierId": 1}, "count": 2},
    {"request": {"operation": "getAccountStatistics"}},
    {"request": {"body": {"dossierReference": "PO-2", "companyIdValue": "50382936800045"}}},
    {"request": {"path": "/api/v1/account/7/dossiers"}, "count": 1},
]
WRONG: list[dict[str, Any]] = [
    {"request": {"operation": "importDosier"}},
    {"request": {"status": 42}},
    {"request": {"code": "E777"}},
    {"request": {"code": "E20"}},
    {"request": {"body": {"a": {"$about": 1}}}},
    {"request": {"jsonPath": {"a": 1}}},
    {"request": {}, "count": {}},
    {"request": {}, "count": {"atLeast": 2, "atMost": 1}},
    {"request": {}, "count": -1},
    {"count": 1},
]


def test_expectations(exchanges: Exchanges, snapshot: SnapshotAssertion) -> None:
    api = exchanges.api
    company = {"companyIdValue": "50382936800045", "dossierReference": "po-1"}
    api.try_import(**company, expirationDate="31/12/2031", description="true")
    api.launch(**company, userInCharge=["a@example.com"])
    api.advance("PT1S")
    api.get("/dossiers", dossierReference="DONE", siren="503829368", pageSize=5)
    for path in ("/dossiers/1", "/dossier/1"):
        api.get(path)
    api.post("/dossiers/1/stop")
    for expectation in EXPECTED:
        sandbox = {"X-Mock-Sandbox": api.sandbox}
        answer = api.client.post("/__admin/verify", json={"expectations": [expectation]}, headers=sandbox)
        found = answer.json or {}
        exchanges.note(
            f"expected: {json.dumps(expectation)}",
            {name: member for name, member in found.items() if name in {"verified", "detail"}}
            | {"nearMisses": [miss["differences"] for miss in found["expectations"][0]["nearMisses"][1:]]},
        )
    for expectation in WRONG:
        exchanges.control("POST /verify", {"expectations": [expectation]})
    order = [{"request": {"operation": name}} for name in ("stopDossier", "getDossier", "listDossiers")]
    exchanges.control("POST /verify", {"expectations": order, "inOrder": True})
    exchanges.control("POST /verify", {"expectations": []})
    exchanges.control("POST /verify", {"expectations": order, "timeout": "PT11M"})
    exchanges.control("POST /verify", {"expectations": order, "timeout": "soon"})
    assert str(exchanges) == snapshot


@pytest.fixture
def busy(make_api: Callable[..., Api], request: pytest.FixtureRequest) -> Exchanges:
    """A transcript of a sandbox of the default fixture, in which a client made calls of many kinds."""
    api = make_api(sandbox=request.node.name.removeprefix("test_").replace("_", "-"))
    api.client.put("/__admin/clock", json={"now": NOW})
    api.set_clock(NOW)
    assert api.token
    search_and_import(api)
    fail_in_many_ways(api)
    return Exchanges(api)


def search_and_import(api: Api) -> None:
    """Make calls that succeed, and control calls between them."""
    api.get("/dossiers", dossierReference="TEST", colour="red")
    process = api.launch(thirdpartyEmail=["jean.dupont@acme.fr"], requiredDocuments=["ATT_VIGI"])
    for _ in range(3):
        api.get(f"/dossiers/process/{process}")
    api.advance("PT1S")
    api.get(f"/dossiers/process/{process}")
    (dossier,) = content(api.get("/dossiers", dossierReference="PO-1", pageSize=1))
    created = f"/dossiers/{dossier['dossierId']}"
    evidence = {"expirationDate": "2031-12-31", "fileSize": 3000}
    api.control("POST", f"{created}/documents/ATT_VIGI/evidences", evidence)
    api.get(created)
    api.post(created, {"description": "Later", "userInCharge": ["x"]})
    for _ in range(2):
        api.post(f"{created}/stop")


def fail_in_many_ways(api: Api) -> None:
    """Make calls that are rejected, and change the clock."""
    api.try_import(companyIdType="CIT009", companyIdValue="")
    api.control("POST", "/rules", {"rules": RULES})
    for _ in range(2):
        api.get("/dossiers/processes")
    api.get(f"/dossiers/{SEED_DOSSIER}/documents")
    api.get("/colours")
    api.send("POST", api.url("/dossiers"), data=b"\xff", content_type="application/json")
    api.client.post(TOKEN_URL, data=login_form(api.username, "wrong"))
    api.control("PUT", "/clock", {"now": "2031-03-01T10:00:00"})
    api.account = 1
    api.get("")
    api.account = DOMESTIC_ACCOUNT
    api.get("")


def test_exported_scenario(busy: Exchanges, snapshot: SnapshotAssertion) -> None:
    busy.control("GET /requests?format=scenario&name=client-at-work")
    busy.control("GET /requests?format=scenario&since=earlier")
    busy.control("GET /requests?format=scenario&limit=3")
    assert str(busy) == snapshot


def test_archive_report_and_coverage(busy: Exchanges, snapshot: SnapshotAssertion) -> None:
    busy.control("GET /requests?format=har&since=2&limit=1")
    busy.control("GET /requests?format=har&since=15&limit=2")
    busy.control("GET /requests?format=xml")
    busy.control("GET /requests?since=x")
    busy.control("GET /coverage")
    busy.control("GET /report")
    assert str(busy) == snapshot


def log_in_in_many_ways(api: Api) -> None:
    """Ask for tokens, refresh and end them, and send wrong ones."""
    first = api.log_in()
    for form in (
        {"grant_type": "refresh_token", "client_id": "ea-api-edge", "refresh_token": first["refresh_token"]},
        {"grant_type": "refresh_token", "client_id": "ea-api-edge", "refresh_token": "wrong"},
        login_form(api.username, "demo") | {"scope": "openid", "client_secret": "secret"},
        login_form(api.username.replace("multi", "unknown"), "any"),
        {"grant_type": "password"},
    ):
        api.client.post(TOKEN_URL, data=form)
    api.client.post(TOKEN_URL, data="{}", content_type="application/json")
    api.client.post(f"{TOKEN_URL}?colour=red&password=secret", data=login_form(api.username, "wrong"))
    api.control("POST", "/clock/advance", {"by": "PT31M", "tokens": True})
    api.get("/dossiers/1")
    del api.token
    api.client.get(api.url("/dossiers/1"))
    altered = f"{api.token.rpartition('.')[0]}.{first['refresh_token'].rpartition('.')[2]}"
    api.client.get(api.url("/dossiers/1"), headers={"Authorization": f"Bearer {altered}"})


PERSON = {"firstname": "Jean", "lastname": "Dupont", "email": "jean.dupont@acme.fr"}
CONTROLS: list[tuple[str, str, Any]] = [
    ("PUT", "/variants", {"refusals": "result"}),
    ("POST", "/snapshots/before", None),
    ("POST", "/thirdparties", {"siret": OTHER_SIRET, "name": "PORT", "users": [PERSON]}),
    ("POST", "/dossiers", {"dossierId": 900_000, "siret": OTHER_SIRET, "dossierReference": "MADE"}),
    ("PATCH", "/dossiers/900000", {"expirationDate": "2031-02-01", "description": "{accountId}"}),
    (
        "POST",
        "/dossiers/900000/documents/ATT_VIGI/evidences",
        {"content": "aGVsbG8=", "metadata": {"a": "b"}},
    ),
    ("PATCH", "/requirements/ATT_VIGI", {"withdrawn": True, "accountId": 119631}),
    ("PATCH", "/accounts/119631", {"subscriptionStatus": "INACTIVE"}),
    ("POST", "/accounts", {"accountId": 5, "name": "Five", "users": ["multi@example.com"]}),
    ("POST", "/timeline", {"timeline": [{"after": "P2D", "control": "POST /thirdparties/875/close"}]}),
    ("DELETE", "/timeline", None),
    ("POST", "/clock/advance", {"by": "P1DT1H"}),
    ("POST", "/snapshots/before/restore", None),
    ("PUT", "/strict", {"strict": "warn"}),
]


@pytest.mark.dialects("edge")
def test_exported_tokens_and_control_calls(make_api: Callable[..., Api], snapshot: SnapshotAssertion) -> None:
    api = make_api(user="multi", sandbox="exported-controls")
    api.set_clock(NOW)
    log_in_in_many_ways(api)
    process = api.launch(companyIdValue="99000201600014")
    for outcome in ({"outcome": "hold"}, {"outcome": "fail", "code": "E101"}):
        api.control("POST", f"/processes/{process}", outcome)
    api.get(f"/dossiers/process/{process}")
    api.get("/thirdparties/q", search="( name~ATTEST AND capital<1 )")
    api.send("GET", api.url("/dossiers") + "?siren=990500019&siren=1")
    api.send("HEAD", api.url(""))
    api.post("/dossiers", {"dossierReference": "é{accountId}"})
    api.get("/dossiers", dossierReference="{accountId}")
    api.send("POST", api.url("/dossiers"), data="null", content_type="application/json")
    api.send("POST", api.url("/dossiers"), data="text", content_type="text/plain")
    for method, path, body in CONTROLS:
        api.control(method, path, body)
    api.send("GET", api.url("/dossiers/1", sandbox="another"))
    story = Exchanges(api)
    story.control("GET /requests?format=scenario&name=controls")
    assert str(story) == snapshot


REJECTED_CALLERS: list[tuple[dict[str, Any], str, dict[str, str]]] = [
    ({}, "GET /__admin/clock", {"REMOTE_ADDR": "10.0.0.1"}),
    ({}, "GET /__admin/clock", {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}),
    ({}, "GET /__admin/clock", {"HTTP_HOST": "attacker.example"}),
    ({}, "GET /__admin/clock", {"HTTP_ORIGIN": "https://attacker.example"}),
    ({}, "GET /__admin/clock", {"HTTP_SEC_FETCH_SITE": "cross-site"}),
    ({}, "GET /__admin/health", {"REMOTE_ADDR": "10.0.0.1", "HTTP_HOST": "attacker.example"}),
    ({"control_token": "secret"}, "GET /__admin/clock", {}),
    ({"control_token": "secret"}, "GET /__admin/clock", {"HTTP_AUTHORIZATION": "Bearer wrong"}),
    ({"control_token": "secret"}, "GET /__admin/clock", {"HTTP_AUTHORIZATION": "Basic secret"}),
    ({"control_open": True}, "POST /__admin/reset", {"HTTP_ORIGIN": "https://attacker.example"}),
    (
        {"control_open": True},
        "POST /__admin/reset",
        {"HTTP_HOST": "a.example", "HTTP_ORIGIN": "http://a.example"},
    ),
    ({"auth": "off"}, "GET /api/v1/account", {"HTTP_ORIGIN": "https://attacker.example"}),
    ({"auth": "off"}, "GET /api/v1/account", {"HTTP_HOST": "attacker.example"}),
    ({"auth": "off"}, "GET /unknown", {"HTTP_ORIGIN": "null"}),
    ({"auth": "declared"}, f"POST {TOKEN_URL}", {}),
]


def test_rejected_callers(make_server_api: Callable[..., Api], snapshot: SnapshotAssertion) -> None:
    parts = []
    apis: dict[str, Exchanges] = {}
    for settings, call, environ in REJECTED_CALLERS:
        story = apis.setdefault(str(settings), Exchanges(make_server_api(clock=START, **settings)))
        method, path = call.split(" ", 1)
        form = login_form("unknown@example.com", "any") if path == TOKEN_URL else None
        answer = story.api.client.open(path, method=method, environ_overrides=environ, data=form)
        story.parts.clear()
        story.add(f"{call} {environ} {settings}", None, answer)
        parts.append(str(story))
    assert "\n".join(parts) == snapshot
