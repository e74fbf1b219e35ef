"""A recipe of pulled accounts: structure, states, counts, and dates as times from the start are the source's.

Names, numbers, addresses, e-mails, references and texts are replaced.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from random import Random
from typing import Any

from stdnum import luhn

from mock_server.domain.identifiers import is_well_formed
from mock_server.domain.local_time import ZONE, from_local
from mock_server.domain.model import NO_REFERENCE, VIGILANCE_CODES, CompanyId, CompanyIdType, StoppingReason
from mock_server.fixtures.entries import MAX_FILE_SIZE, MIN_FILE_SIZE
from mock_server.fixtures.generate import ACTIVITIES, LEGAL_FORMS
from mock_server.pull.replacements import Originals, Replacements, make_code, make_word
from mock_server.pull.source import Json, PulledAccount

_FIRST_IDS = {"account": 100_001, "third party": 1001, "dossier": 836_001, "document": 511_500_001}
_FIRST_IDS |= {"file": 4_580_001}
_FIRST_DOCUMENT_TYPE = 9001
_FIRST_SIREN, _LAST_SIREN = 99_010_001, 99_999_999
"""Of eight digits: a range that no real company has."""

_NEVER = "2099-12-31"
_LONGEST_DAYS = 36_000
_REASONS = {reason.value for reason in StoppingReason} - {StoppingReason.NOT_STOPPED.value}


class RecipeWriter:
    """Makes the recipe of pulled accounts. `today` is the day from which dates count.

    `catalogue` has the codes of document types that the recipe includes. Other codes stay, too, unless they
    have a word of an account or a third party.
    """

    def __init__(
        self,
        accounts: Sequence[PulledAccount],
        replacements: Replacements,
        today: date,
        catalogue: Iterable[str],
    ) -> None:
        self._accounts = accounts
        self._replace = replacements.replace
        self._today = today
        self._establishments: Counter[str] = Counter()
        self._catalogue = frozenset(catalogue)
        self._names = Originals([(pulled.account, *pulled.thirdparties.values()) for pulled in accounts])
        dossiers = [dossier for account in accounts for dossier in account.dossiers]
        documents = [document for dossier in dossiers for document in dossier.get("documents") or ()]
        found = {
            "account": (account.account["id"] for account in accounts),
            "third party": (dossier["thirdpartyId"] for dossier in dossiers),
            "dossier": (dossier["dossierId"] for dossier in dossiers),
            "document": (document["documentId"] for document in documents),
            "file": (_file_id(file) for document in documents for file in _files(document)),
        }
        self._ids = {
            kind: replacements.renumber(f"{kind} id", numbers, _FIRST_IDS[kind])
            for kind, numbers in found.items()
        }

    def recipe(self) -> Json:
        """Return the recipe."""
        accounts = [self._account(pulled) for pulled in self._accounts]
        used = {code for entry in accounts for code in (*entry["requirements"], *entry["withdrawn"])}
        thirdparties: dict[int, Json] = {}
        for pulled in self._accounts:
            for dossier in sorted(pulled.dossiers, key=lambda each: int(each["thirdpartyId"])):
                number = dossier["thirdpartyId"]
                if number not in thirdparties:
                    thirdparties[number] = self._thirdparty(dossier, pulled.thirdparties.get(number) or {})
        dossiers = [
            self._dossier(pulled, dossier) for pulled in self._accounts for dossier in pulled.dossiers
        ]
        return {
            "version": 1,
            "title": "Pulled",
            "include": ["catalogue"],
            "users": [
                {
                    "username": "api@example.com",
                    "password": "demo",
                    "accounts": [entry["accountId"] for entry in accounts],
                }
            ],
            "requirements": [
                {"documentId": _FIRST_DOCUMENT_TYPE + at, "code": code, "labelFr": f"Document type {at + 1}"}
                for at, code in enumerate(sorted(used - self._catalogue))
            ],
            "accounts": accounts,
            "thirdparties": list(thirdparties.values()),
            "dossiers": dossiers,
        }

    def _account(self, pulled: PulledAccount) -> Json:
        codes = list(dict.fromkeys(self._code(row["code"]) for row in pulled.requirements))
        asked = (
            self._code(document["documentCode"])
            for dossier in pulled.dossiers
            for document in dossier.get("documents") or ()
        )
        active = pulled.account.get("subscriptionStatus") == "ACTIVE"
        return {
            "accountId": self._ids["account"][pulled.account["id"]],
            "name": self._replace("account name", pulled.account["id"], make_word),
            "subscriptionStatus": "ACTIVE" if active else "INACTIVE",
            "requirements": codes,
            "withdrawn": [code for code in dict.fromkeys(asked) if code not in codes],
        }

    def _thirdparty(self, dossier: Json, detail: Json) -> Json:
        given = dossier | detail
        entry = {"thirdpartyId": self._ids["third party"][dossier["thirdpartyId"]], **self._identifier(given)}
        if detail.get("name"):
            entry |= self._company(detail)
        if detail.get("subscriptionDate"):
            entry["subscriptionDate"] = self._day(detail["subscriptionDate"])
        if detail.get("outOfBusiness"):
            entry["outOfBusiness"] = True
        users = [self._user(user) for user in detail.get("thirdpartyUsers") or ()]
        return entry | ({"users": users} if users else {})

    def _identifier(self, given: Json) -> Json:
        """Return another identifier of the same type, of the same country, and of the same company or not."""
        value = given.get("companyIdValue")
        kind = CompanyIdType(given["companyIdType"])
        if kind is CompanyIdType.SIRET and value:
            siren = self._replace("company number", value[:9], _make_siren)
            self._establishments[siren] += 1
            return {"siret": _with_check_digit(f"{siren}{self._establishments[siren]:04d}")}
        original = value or f"DUNS of {given['thirdpartyId']}"  # a DUNS is not returned
        if kind is CompanyIdType.VAT and value and is_well_formed(CompanyId(kind, value)):
            made = self._replace("company number", original, lambda random: _make_vat(value, random))
        else:
            kind = CompanyIdType.DUNS
            made = self._replace("company number", original, make_code("", 9))
        return {"companyIdType": kind.value, "companyIdValue": made}

    def _company(self, detail: Json) -> Json:
        """Return company data: what the source has, with other values."""
        random = Random(self._replace("company data", detail["thirdpartyId"], make_code("", 12)))
        form, activity = random.choice(LEGAL_FORMS), random.choice(ACTIVITIES)

        def amount(member: str, most: int) -> int:
            return self._replace(
                member, detail[member], lambda each: each.randrange(1000, most), unique=False
            )

        def words(member: str, count: int, end: str = "") -> str:
            return self._replace(
                member,
                detail[member],
                lambda each: " ".join([make_word(each) for _ in range(count)] + [end]).strip(),
            )

        def some_day() -> str:
            return (date(2000, 1, 1) + timedelta(days=random.randrange(7000))).isoformat()

        makers: dict[str, Callable[[], Any]] = {
            "name": lambda: words("name", 2, "SAS").upper(),
            "dateCreation": some_day,
            "legalCategoryLabel": lambda: form[1],
            "legalCategoryCode": lambda: form[0],
            "acronym": lambda: words("acronym", 1).upper(),
            "activityLabel": lambda: activity[1],
            "activityCode": lambda: activity[0],
            "ceo": lambda: words("ceo", 2),
            "capital": lambda: amount("capital", 10_000_000),
            "capitalCurrency": lambda: detail["capitalCurrency"],
            "turnover": lambda: float(amount("turnover", 100_000_000)),
            "turnoverCurrency": lambda: detail["turnoverCurrency"],
            "lastBalanceSheetDate": some_day,
            "workforce": lambda: random.randrange(1, 999),
            "addressStreet": lambda: f"{random.randrange(1, 200)} rue {words('addressStreet', 1)}",
            "addressCity": lambda: words("addressCity", 1).upper(),
            "addressPostCode": lambda: self._replace(
                "addressPostCode", detail["addressPostCode"], make_code("", 5)
            ),
            "addressCountryCode": lambda: detail["addressCountryCode"],
        }
        old = {"dateCreation": detail.get("dateCreation", detail.get("datecreation"))}
        return {name: make() for name, make in makers.items() if (detail | old).get(name) not in {None, ""}}

    def _user(self, user: Json) -> Json:
        email = self._replace(
            "e-mail", user.get("email"), lambda random: f"{make_word(random).lower()}{random.randrange(999)}"
        )
        return {
            "firstname": self._replace("first name", user.get("firstname"), make_word, unique=False),
            "lastname": self._replace("last name", user.get("lastname"), make_word, unique=False),
            "email": f"{email}@example.com",
            "phone": self._replace("phone", user.get("phone"), _make_phone, unique=False),
        }

    def _dossier(self, pulled: PulledAccount, dossier: Json) -> Json:
        reference = dossier.get("dossierReference") or NO_REFERENCE
        entry: Json = {
            "dossierId": self._ids["dossier"][dossier["dossierId"]],
            "accountId": self._ids["account"][pulled.account["id"]],
            "thirdpartyId": self._ids["third party"][dossier["thirdpartyId"]],
            "dossierReference": reference
            if reference == NO_REFERENCE
            else self._replace("reference", reference, make_code("PO-", 8)),
            "startingDate": self._instant(dossier.get("startingDate")),
        }
        if dossier.get("thirdpartyCode"):
            code = f"{pulled.account['id']}/{dossier['thirdpartyCode']}"
            entry["thirdpartyCode"] = self._replace("third party code", code, make_code("T"))
        if dossier.get("description") is not None:
            entry["description"] = self._text("description", dossier["description"])
        if dossier.get("purchasingCategory") is not None:
            entry["purchasingCategory"] = self._text("purchasing category", dossier["purchasingCategory"])
        if dossier.get("expirationDate"):
            entry["expirationDate"] = self._day(dossier["expirationDate"])
        indicators = dossier.get("indicators") or [{}]
        entry |= self._dates(
            stateLastChangeDate=dossier.get("stateLastChangeDate"),
            indicatorLastChangeDate=indicators[0].get("lastChangeDate"),
        )
        if dossier.get("monitored"):
            documents = [self._document(document) for document in dossier.get("documents") or ()]
            return entry | {"documents": documents}
        reason = dossier.get("stoppingReason")
        entry["stoppingReason"] = reason if reason in _REASONS else StoppingReason.STOP_REQUEST.value
        entry |= self._dates(stoppingDate=dossier.get("stoppingDate"))
        hidden = _hidden_codes(pulled, dossier, indicators[0])
        return entry | {"documents": [{"documentCode": self._code(code)} for code in hidden]}

    def _document(self, document: Json) -> Json:
        return {
            "documentCode": self._code(document["documentCode"]),
            "documentId": self._ids["document"][document["documentId"]],
            **self._dates(requestDate=document.get("requestDate")),
            "files": [self._file(file) for file in _files(document)],
        }

    def _file(self, file: Json) -> Json:
        entry = {
            "fileId": self._ids["file"][_file_id(file)],
            **self._dates(uploadDate=file.get("uploadDate"), fileCreation=file.get("fileCreation")),
        }
        size = file.get("fileSize") or 0
        if size:
            bounds = (
                max(MIN_FILE_SIZE, size * 8 // 10),
                min(MAX_FILE_SIZE, max(2 * MIN_FILE_SIZE, size * 12 // 10)),
            )
            entry["fileSize"] = self._replace(
                "file size", size, lambda random: random.randint(*bounds), unique=False
            )
        expires = file.get("expirationDate")
        if expires and expires[:10] < _NEVER:
            entry["expirationDate"] = self._day(expires)
        metadata = file.get("metadata") or {}
        if metadata:
            entry["metadata"] = {
                self._text("metadata key", name) if name != "verified" else name: value
                if value in {"true", "false"}
                else self._text("metadata", value)
                for name, value in metadata.items()
            }
        form = file.get("formdata") or ()
        return entry | ({"formdata": [self._answer(answer) for answer in form]} if form else {})

    def _answer(self, answer: Json) -> Json:
        return {
            "type": answer.get("type") or "",
            "key": self._text("form key", answer.get("key")),
            "title": self._text("form title", answer.get("title")),
            "order": answer.get("order") or 0,
            "value": self._text("form value", answer.get("value")),
        }

    def _code(self, code: str) -> str:
        """Return the code of a document type, another one if it has a name of the source."""
        if code in self._catalogue or not self._names.has(code):
            return code
        return self._replace("document type", code, make_code("TYPE_", 5))

    def _text(self, kind: str, original: Any) -> str:
        """Return another text; an empty one stays empty."""
        if original in {None, ""}:
            return ""
        return self._replace(kind, original, lambda random: f"{make_word(random)} {random.randrange(1000)}")

    def _dates(self, **dates: str | None) -> Json:
        return {name: self._instant(text) for name, text in dates.items() if text}

    def _instant(self, text: str | None) -> str | None:
        """Return a date-time as a time from the start, in whole minutes."""
        if text is None:
            return None
        local = from_local(text).astimezone(ZONE)
        days = self._days(local.date())
        minutes = local.hour * 60 + local.minute
        if days >= 0:
            return f"P{days}DT{minutes}M" if minutes else f"P{days}D"
        return f"-P{-days - 1}DT{24 * 60 - minutes}M" if minutes else f"-P{-days}D"

    def _day(self, text: str) -> str:
        days = self._days(date.fromisoformat(text[:10]))
        return f"P{days}D" if days >= 0 else f"-P{-days}D"

    def _days(self, day: date) -> int:
        return max(-_LONGEST_DAYS, min((day - self._today).days, _LONGEST_DAYS))


def recipe_text(recipe: Json) -> str:
    """Return a recipe as YAML, with an entry a line."""
    lines = []
    for name, value in recipe.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines += [f"{name}:", *(f"  - {json.dumps(entry, ensure_ascii=False)}" for entry in value)]
        elif value != []:
            lines.append(f"{name}: {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def _hidden_codes(pulled: PulledAccount, dossier: Json, indicator: Json) -> list[str]:
    """Return a code to ask for in a stopped dossier that is incomplete: the API hides its documents."""
    codes = [row["code"] for row in pulled.requirements]
    if indicator.get("state") is False:
        codes = [code for code in codes if code in VIGILANCE_CODES]
    elif dossier.get("isComplete") != "false":
        return []
    return codes[:1]


def _files(document: Json) -> list[Json]:
    """Return the files of a document: each dialect has its own name for them."""
    return document.get("evidences") or document.get("listFileInformation") or []


def _file_id(file: Json) -> int:
    return int(file.get("id") or file.get("fileId") or 0)


def _make_siren(random: Random) -> str:
    return _with_check_digit(str(random.randint(_FIRST_SIREN, _LAST_SIREN)))


def _make_vat(original: str, random: Random) -> str:
    """Return a VAT number of the same form: its country and its letters stay."""
    for _ in range(1000):
        made = "".join(str(random.randrange(10)) if each.isdecimal() else each for each in original)
        if is_well_formed(CompanyId(CompanyIdType.VAT, made)):
            return made
    return f"DE{random.randrange(10**9):09d}"


def _make_phone(random: Random) -> str:
    """Return a number of those that France keeps for fiction."""
    return f"+33 1 99 00 {random.randrange(100):02d} {random.randrange(100):02d}"


def _with_check_digit(digits: str) -> str:
    return digits + luhn.calc_check_digit(digits)
