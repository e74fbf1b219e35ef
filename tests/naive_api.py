"""The API written again in the plainest way: lists of dicts, loops, no index, no agenda, no sharing.

It says of one account what docs/behaviour.md says, and uses nothing of the server. An operation answers
status and content; of a refusal the codes, in the order in which they were found; of a 404 nothing more.
Instants are aware; what is answered has them as both dialects write them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")

Outcome = tuple[int, Any]
Row = dict[str, Any]

# What `test_against_the_naive_api.py` sends; the codes of document types are those of the recipe, or unknown.
REFERENCES = ("A", "B", " a ", "A B", "-", "", " ")
DESCRIPTIONS, CATEGORIES = ("", "text"), ("steel",)
THIRD_PARTY_CODES = ("F1", "F2", "", " F2 ")
EMAILS = ("a@b.fr", "x@invalid.example", "nonsense")
DAYS = range(-1, 7)  # of an expiration, from the day of `BEGINNING`; or none

KNOWN, WITHDRAWN = ("ATT_VIGI", "JUSTIF_IMM", "RIB_IBAN"), "ADO"
DEFAULT_CODES = ("ATT_VIGI", "RIB_IBAN")
VIGILANCE = {"ATT_VIGI", "JUSTIF_IMM", "LST_SAL_ETR"}
INVALID_DOMAIN = "@invalid.example"
PROVIDER = {
    "99000101800011": "E101",
    "99000102600014": "E102",
    "99000103400018": "E103",
    "99000104200011": "E104",
    "99000105900015": "E105",
}
SLOW = {"99000200800011": timedelta(minutes=2), "99000201600014": None}
BEGINNING = datetime(2031, 3, 28, 21, 30, tzinfo=PARIS)  # the night in which French clocks change is near
_RECIPE = f"""
version: 1
include: [catalogue]
defaultAccount: 119631
invalidEmailDomains: [invalid.example]
accounts:
  - accountId: 119631
    requirements: [{", ".join(KNOWN)}]
    withdrawn: [{WITHDRAWN}]
    defaultRequirements: [{", ".join(DEFAULT_CODES)}]
"""
FIRST_IDS = {"thirdparty": 1, "dossier": 1, "document": 1, "file": 1, "process": 0}

_TEXTS = ("description", "purchasingCategory")


def write_recipe(folder: Path) -> Path:
    """The file of a recipe of what the naive API knows, for a server to start from."""
    path = folder / "naive.yaml"
    path.write_text(_RECIPE, encoding="utf-8")
    return path


class NaiveApi:
    """One account in a sandbox whose clock stands still; `forward` lets time pass."""

    def __init__(self, now: datetime) -> None:
        self.now = now.astimezone(UTC)
        self.thirdparties: list[Row] = []
        self.dossiers: list[Row] = []
        self.processes: list[Row] = []
        self.ids = dict(FIRST_IDS)

    @property
    def today(self) -> date:
        return self.now.astimezone(PARIS).date()

    # Imports and the time they take

    def launch(self, **body: Any) -> Outcome:
        """The number of the process, counted from 0."""
        kind, value = body.get("companyIdType"), (body.get("companyIdValue") or "").strip()
        reference = "".join((body.get("dossierReference") or "").split())
        codes = [] if kind in FORMATS else ["E002"]
        if kind in FORMATS and not FORMATS[kind](value):
            codes.append("E010")
        if not reference:
            codes.append("E003")
        codes += malformed_emails(body.get("thirdpartyEmail"))
        if codes:
            return 400, sorted(codes)
        lasts = SLOW.get(value, timedelta(milliseconds=200))
        ends = None if lasts is None else self.now + lasts
        wanted = {**body, "dossierReference": reference, "companyIdValue": value}
        process = {"number": self._next("process"), "creation": self.now, "ends": ends, "wanted": wanted}
        self.processes.append(process | {"complete": False, "success": False, "errors": []})
        return 200, process["number"]

    def process(self, number: int) -> Outcome:
        """How an import stands."""
        found = self.processes[number]
        return 200, {name: found[name] for name in ("complete", "success", "errors")}

    def list_processes(self) -> Outcome:
        """The numbers of those of the last 24 hours, newest first."""
        since = self.now - timedelta(days=1)
        return 200, [row["number"] for row in reversed(self.processes) if row["creation"] >= since]

    def end_process(self, number: int, outcome: str, code: str | None = None) -> Outcome:
        """Finish a running import now, hold it, or let the provider fail."""
        process = self.processes[number]
        if outcome == "hold":
            process["ends"] = None
        else:
            self._end(process, [code] if code else self._refusals_of_import(process["wanted"]))
        return 200, None

    def forward(self, by: timedelta) -> Outcome:
        """Let time pass; which dossiers expired and which imports ended, in the order of time."""
        until, caused = self.now + by, []
        days = [self.today + timedelta(days=number + 1) for number in range(by.days + 2)]
        ends = [row["ends"] for row in self.processes if not row["complete"] and row["ends"]]
        for at in sorted({at for at in (*map(midnight, days), *ends) if at <= until}):
            self.now = at
            if at == midnight(self.today):
                caused += [row["dossierId"] for row in list(self.dossiers) if self._begin_day(row)]
            for process in self.processes:
                if not process["complete"] and process["ends"] == at:
                    self._end(process, self._refusals_of_import(process["wanted"]))
                    caused.append(process["number"])
        self.now = until
        return 200, caused

    # Commands

    def update(self, dossier_id: int, **body: Any) -> Outcome:
        dossier = self._dossier(dossier_id)
        if dossier is None or not dossier["monitored"]:
            return (404, None) if dossier is None else (400, ["E201"])
        if not {name for name, value in body.items() if value is not None or name == "expirationDate"}:
            return 400, ["E003"]
        reference = body.get("dossierReference")
        wanted = dossier["reference"] if reference is None else "".join(reference.split())
        until = dossier["until"] if "expirationDate" not in body else day(body["expirationDate"])
        codes = [] if wanted else ["E003"]
        codes += malformed_emails(body.get("thirdpartyEmail"))
        if "expirationDate" in body and until and until <= self.today:
            codes.append("E021")
        thirdparty = self._thirdparty(dossier["thirdpartyId"])
        code = (body.get("thirdpartyCode") or "").strip() or None
        codes += self._taken_code(code, thirdparty) + self._taken_reference(wanted, thirdparty, dossier)
        codes += self._refused_emails(body.get("thirdpartyEmail"))
        if codes:
            return 400, sorted(codes)
        texts = {name: body[name] for name in _TEXTS if body.get(name) is not None}
        dossier.update(reference=wanted, until=until, **texts)
        thirdparty["code"] = code or thirdparty["code"]
        return 200, None

    def stop(self, dossier_id: int) -> Outcome:
        dossier = self._dossier(dossier_id)
        if dossier is None or not dossier["monitored"]:
            return (404, None) if dossier is None else (400, ["E201"])
        self._stop(dossier, "STOPREQUEST")
        return 200, None

    def reactivate(self, dossier_id: int, **body: Any) -> Outcome:
        dossier = self._dossier(dossier_id)
        if dossier is None or dossier["monitored"]:
            return (404, None) if dossier is None else (400, ["E204"])
        until = dossier["until"] if "expirationDate" not in body else day(body["expirationDate"])
        codes = ["E103"] if self._thirdparty(dossier["thirdpartyId"])["outOfBusiness"] else []
        codes += ["E205"] if until and until <= self.today else []
        if codes:
            return 400, codes
        dossier.update(monitored=True, until=until, stopped=None, reason="NA", changed=self.now)
        for document in dossier["documents"]:
            document["requested"] = self.now
        self._assess(dossier)
        return 200, None

    def update_requirements(self, dossier_id: int, codes: list[str], *, add: bool) -> Outcome:
        dossier = self._dossier(dossier_id)
        if dossier is None or not dossier["monitored"]:
            return (404, None) if dossier is None else (400, ["E201"])
        refused = self._refused_codes(codes) if codes else ["E003"]
        if refused:
            return 400, refused
        previous = {document["code"]: document for document in dossier["documents"]}
        wanted = list(dict.fromkeys([*previous, *codes] if add else codes))
        new = {code: self._document(code) for code in dict.fromkeys(codes) if code not in previous}
        dossier["documents"] = [previous.get(code) or new[code] for code in wanted]
        self._assess(dossier)
        return 200, None

    # What the other side does

    def deposit(self, dossier_id: int, code: str, until: str | None) -> Outcome:
        dossier = self._dossier(dossier_id)
        asked = [
            document for document in (dossier or {"documents": []})["documents"] if document["code"] == code
        ]
        if dossier is None or not asked:
            return 404, None
        asked[0]["files"].append({"id": self._next("file"), "uploaded": self.now, "until": day(until)})
        self._assess(dossier)
        return 201, None

    def close(self, thirdparty_id: int) -> Outcome:
        found = [row for row in self.thirdparties if row["thirdpartyId"] == thirdparty_id]
        if not found:
            return 404, None
        found[0]["outOfBusiness"] = True
        for dossier in self.dossiers:
            if dossier["thirdpartyId"] == thirdparty_id and dossier["monitored"]:
                self._stop(dossier, "OUTOFBUSINESS")
        return 200, None

    # Reading

    def dossier(self, dossier_id: int) -> Outcome:
        found = self._dossier(dossier_id)
        return (404, None) if found is None else (200, self._shown(found))

    def all_dossiers(self) -> Outcome:
        return 200, [self._shown(dossier) for dossier in self.dossiers]

    def dossier_requirements(self, dossier_id: int) -> Outcome:
        found = self._dossier(dossier_id)
        if found is None:
            return 404, None
        return 200, [document["code"] for document in found["documents"] if found["monitored"]]

    def search(self, **query: Any) -> Outcome:
        """The ids of a page of dossiers, and how many hits there are."""
        rows = [row for row in map(self._shown, self.dossiers) if matches(row, query)]
        return page([row["dossierId"] for row in rows], query)

    def search_thirdparties(self, **query: Any) -> Outcome:
        rows = [row for row in map(self._shown_thirdparty, self.thirdparties) if matches(row, query)]
        return page([row["thirdpartyId"] for row in rows], query)

    def thirdparty(self, thirdparty_id: int) -> Outcome:
        found = [row for row in self.thirdparties if row["thirdpartyId"] == thirdparty_id]
        return (200, self._shown_thirdparty(found[0])) if found else (404, None)

    def statistics(self) -> Outcome:
        """Third parties, complete ones, dossiers, complete ones; the last three again by indicator."""
        active = [row for row in self.dossiers if row["monitored"]]
        figures = []
        for judged in ("complete", "vigilant"):
            states: dict[int, list[bool]] = {}
            for row in active:
                states.setdefault(row["thirdpartyId"], []).append(row[judged])
            figures += [
                len(states),
                sum(map(all, states.values())),
                len(active),
                sum(map(sum, states.values())),
            ]
        return 200, figures

    # Coming back

    def copy(self) -> NaiveApi:
        return deepcopy(self)

    # How it works

    def _next(self, what: str) -> int:
        self.ids[what] += 1
        return self.ids[what] - 1

    def _dossier(self, dossier_id: int) -> Row | None:
        return next((row for row in self.dossiers if row["dossierId"] == dossier_id), None)

    def _thirdparty(self, thirdparty_id: int) -> Row:
        return next(row for row in self.thirdparties if row["thirdpartyId"] == thirdparty_id)

    def _known(self, kind: str, value: str) -> Row | None:
        return next((row for row in self.thirdparties if row["company"] == (kind, value)), None)

    def _begin_day(self, dossier: Row) -> bool:
        """What a new day does to a dossier; whether it expired."""
        expires = bool(dossier["monitored"] and dossier["until"] and dossier["until"] <= self.today)
        if expires:
            self._stop(dossier, "EXPIRATION")
        self._assess(dossier)
        return expires

    def _stop(self, dossier: Row, reason: str) -> None:
        dossier.update(monitored=False, stopped=self.now, reason=reason)
        self._judge(self._thirdparty(dossier["thirdpartyId"]))

    def _refusals_of_import(self, wanted: Row) -> list[str]:
        kind, value = wanted["companyIdType"], wanted["companyIdValue"]
        thirdparty = self._known(kind, value)
        french = kind == "CIT002" and value.startswith("FR")
        closed = "E103" if thirdparty and thirdparty["outOfBusiness"] else None
        if not french and (failure := PROVIDER.get(value) or closed):
            return [failure]
        codes = ["E121"] if french else []
        code = (wanted.get("thirdpartyCode") or "").strip() or None
        if code and thirdparty and thirdparty["code"] not in {None, code}:
            codes.append("E111")
        codes += self._taken_code(code, thirdparty)
        codes += self._taken_reference(wanted["dossierReference"], thirdparty)
        until = day(wanted.get("expirationDate"))
        codes += ["E021"] if until and until <= self.today else []
        return (
            codes
            + self._refused_codes(wanted.get("requiredDocuments"))
            + self._refused_emails(wanted.get("thirdpartyEmail"))
        )

    def _end(self, process: Row, refusals: list[str]) -> None:
        process.update(complete=True, success=not refusals, errors=refusals)
        if refusals:
            return
        wanted = process["wanted"]
        kind, value = wanted["companyIdType"], wanted["companyIdValue"]
        thirdparty = self._known(kind, value)
        if thirdparty is None:
            thirdparty = {"thirdpartyId": self._next("thirdparty"), "company": (kind, value)}
            thirdparty |= {"code": None, "outOfBusiness": False, "state": None, "changed": None}
            self.thirdparties.append(thirdparty)
        thirdparty["code"] = (wanted.get("thirdpartyCode") or "").strip() or thirdparty["code"]
        codes = dict.fromkeys(wanted.get("requiredDocuments") or DEFAULT_CODES)
        documents = [self._document(code) for code in codes]
        for before_last, document in enumerate(reversed(documents)):
            document["requested"] -= before_last * timedelta(milliseconds=5)
        vigilant = not VIGILANCE.intersection(codes)
        dossier = {"dossierId": self._next("dossier"), "thirdpartyId": thirdparty["thirdpartyId"]}
        dossier |= {"reference": wanted["dossierReference"], "description": wanted.get("description")}
        dossier |= {"purchasingCategory": None, "monitored": True, "started": self.now, "stopped": None}
        dossier |= {"until": day(wanted.get("expirationDate")), "reason": "NA", "documents": documents}
        dossier |= {"complete": False, "changed": self.now, "vigilant": vigilant, "judged": self.now}
        self.dossiers.append(dossier)
        self._assess(dossier)

    def _document(self, code: str) -> Row:
        return {"id": self._next("document"), "code": code, "requested": self.now, "files": []}

    def _present(self, document: Row) -> bool:
        return any(file["until"] is None or file["until"] >= self.today for file in document["files"])

    def _assess(self, dossier: Row) -> None:
        """Date every change of state and indicator; a stopped dossier keeps the last ones."""
        present = {document["code"]: self._present(document) for document in dossier["documents"]}
        complete = all(present.values())
        vigilant = all(there for code, there in present.items() if code in VIGILANCE)
        if dossier["monitored"] and complete != dossier["complete"]:
            dossier.update(complete=complete, changed=self.now)
        if dossier["monitored"] and vigilant != dossier["vigilant"]:
            dossier.update(vigilant=vigilant, judged=self.now)
        self._judge(self._thirdparty(dossier["thirdpartyId"]))

    def _judge(self, thirdparty: Row) -> None:
        """Date a change of the third party's global state; None while nothing of it is monitored."""
        own = [row for row in self.dossiers if row["thirdpartyId"] == thirdparty["thirdpartyId"]]
        states = [row["complete"] for row in own if row["monitored"]]
        state = all(states) if states else None
        if state != thirdparty["state"]:
            thirdparty.update(state=state, changed=None if state is None else self.today)

    def _taken_code(self, code: str | None, thirdparty: Row | None) -> list[str]:
        others = [row for row in self.thirdparties if row is not thirdparty and row["code"] == code]
        return ["E112"] if code and others else []

    def _taken_reference(self, reference: str, thirdparty: Row | None, own: Row | None = None) -> list[str]:
        named = [row for row in self.dossiers if row["reference"] == reference and row is not own]
        held = [row for row in named if thirdparty and row["thirdpartyId"] == thirdparty["thirdpartyId"]]
        return ["E202"] if held and reference != "-" else []

    def _refused_codes(self, codes: list[str] | None) -> list[str]:
        given = dict.fromkeys(codes or ())
        withdrawn = ["E301" for code in given if code == WITHDRAWN]
        return withdrawn + ["E302" for code in given if code not in {*KNOWN, WITHDRAWN}]

    def _refused_emails(self, addresses: list[str] | None) -> list[str]:
        return ["E030" for address in dict.fromkeys(addresses or ()) if address.endswith(INVALID_DOMAIN)]

    def _shown(self, row: Row) -> Row:
        thirdparty = self._thirdparty(row["thirdpartyId"])
        monitored = row["monitored"]
        return {
            "dossierId": row["dossierId"],
            "thirdpartyId": row["thirdpartyId"],
            **identity(thirdparty),
            "monitored": monitored,
            "dossierReference": row["reference"],
            "description": row["description"],
            "purchasingCategory": row["purchasingCategory"],
            "startingDate": format_instant(row["started"]),
            "expirationDate": format_instant(row["until"] and midnight(row["until"])),
            "stoppingDate": format_instant(row["stopped"]),
            "stoppingReason": row["reason"],
            "state": row["complete"] if monitored else None,
            "stateLastChangeDate": format_instant(row["changed"]) if monitored else None,
            "indicators": [("I001", row["vigilant"], format_instant(row["judged"]))],
            "documents": [self._shown_document(each) for each in row["documents"]] if monitored else [],
        }

    def _shown_document(self, document: Row) -> tuple[Any, ...]:
        requested = format_instant(document["requested"])
        files = [
            (file["id"], format_instant(file["uploaded"]), last_instant(file["until"]))
            for file in document["files"]
        ]
        return document["id"], document["code"], requested, self._present(document), files

    def _shown_thirdparty(self, row: Row) -> Row:
        changed = row["changed"]
        return {
            "thirdpartyId": row["thirdpartyId"],
            **identity(row),
            "monitored": row["state"] is not None,
            "outOfBusiness": row["outOfBusiness"],
            "thirdpartyGlobalState": row["state"],
            "stateLastChangeDate": changed and changed.isoformat(),
        }


def identity(thirdparty: Row) -> Row:
    kind, value = thirdparty["company"]
    siren = value[:9] if kind == "CIT001" else None
    french = siren and f"FR{(12 + 3 * (int(siren) % 97)) % 97:02}{siren}"
    return {
        "companyIdType": kind,
        "companyIdValue": None if kind == "CIT003" else value,
        "thirdpartyCode": thirdparty["code"],
        "siren": siren,
        "siret": value if siren else None,
        "tva": value if kind == "CIT002" else french,
    }


def matches(row: Row, query: Row) -> bool:
    """Whether every filter lets the row pass. `op` bears on code and reference."""
    operator = query.get("op")
    for name, wanted in query.items():
        if name in {"page", "pageSize", "op"}:
            continue
        value = "".join(wanted.split()) if name == "dossierReference" else wanted
        found = row[name]
        if name == "stateLastChangeDate":
            passes = found is not None and found[:10] >= value
        elif operator and name in {"dossierReference", "thirdpartyCode"}:
            passes = found is not None and _OPERATORS[operator](found, value)
        else:
            passes = found == value
        if not passes:
            return False
    return True


def page(ids: list[int], query: Row) -> Outcome:
    size = query.get("pageSize", 10)
    start = query.get("page", 0) * size
    return 200, (ids[start : start + size], len(ids))


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), PARIS).astimezone(UTC)


def day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def format_instant(instant: datetime | None) -> str | None:
    if instant is None:
        return None
    return instant.astimezone(PARIS).replace(tzinfo=None).isoformat(timespec="milliseconds")


def last_instant(day: date | None) -> str:
    return f"{'2099-12-31' if day is None else day.isoformat()}T23:59:59.999"


def malformed_emails(addresses: list[str] | None) -> list[str]:
    return ["E010" for address in addresses or () if "@" not in address]


def is_siret(value: str) -> bool:
    doubled = [int(digit) * (2 - (at % 2)) for at, digit in enumerate(value)] if value.isdigit() else [1]
    return len(value) == 14 and sum(number - 9 * (number > 9) for number in doubled) % 10 == 0


FORMATS: dict[Any, Callable[[str], bool]] = {
    "CIT001": is_siret,
    "CIT002": lambda value: re.fullmatch("DE[0-9]{9}|FR[0-9]{11}", value) is not None,
    "CIT003": lambda value: re.fullmatch("[0-9]{9}", value) is not None,
}
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "like": lambda found, part: part in found,
    "starts": lambda found, part: found.startswith(part),
    "ends": lambda found, part: found.endswith(part),
}
