"""How the naive API reads and writes single values, filters rows and cuts pages, by docs/behaviour.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")

Outcome = tuple[int, Any]
Row = dict[str, Any]


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


def passes(row: Row, query: Row) -> bool:
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


def written(instant: datetime | None) -> str | None:
    if instant is None:
        return None
    return instant.astimezone(PARIS).replace(tzinfo=None).isoformat(timespec="milliseconds")


def last(day: date | None) -> str:
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
