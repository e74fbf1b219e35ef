"""The format of single values in any dialect: dates, values of a refusal (behaviour.md 10)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from http import HTTPStatus

from msgspec import to_builtins

from mock_server.domain.errors import Refusal
from mock_server.domain.local_time import ZONE
from mock_server.domain.names import camel

_NEVER = "2099-12-31T23:59:59.999"
_WITHOUT_ZONE = len("2019-01-08T15:31:55.521")
_WITHOUT_FRACTION = len("2019-01-08T15:31:55")
_PHRASES = {
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    416: "Requested Range Not Satisfiable",
    422: "Unprocessable Entity",
}


def instant(at: datetime | None) -> str | None:
    """French local time with three digits of a second, no zone: `2019-01-08T15:31:55.521`."""
    if at is None:
        return None
    # As `isoformat(timespec="milliseconds")`, in a third of the time: half of a dossier is instants.
    text: str = to_builtins(at.astimezone(ZONE))
    return text[:_WITHOUT_ZONE] if at.microsecond else f"{text[:_WITHOUT_FRACTION]}.000"


repeated_instant = lru_cache(8192)(instant)
"""The same for instants that occur several times in a dossier: it remembers the latest ones."""


def microseconds(at: datetime | None) -> str | None:
    """The same with six digits, as subscriptions have it."""
    return None if at is None else at.astimezone(ZONE).replace(tzinfo=None).isoformat(timespec="microseconds")


def start_of_day(day: date | None) -> str | None:
    """A dossier's expiration: midnight."""
    return None if day is None else f"{day.isoformat()}T00:00:00.000"


@lru_cache(8192)
def end_of_day(day: date | None) -> str:
    """A file's expiration: the last millisecond of the day; a sentinel date for one that never expires."""
    return _NEVER if day is None else f"{day.isoformat()}T23:59:59.999"


def plain_date(day: date | None) -> str | None:
    """`2010-11-24`."""
    return None if day is None else day.isoformat()


def bool_text(value: bool | None) -> str:  # noqa: FBT001
    """A boolean as text, as EDGE repeats it; `n/a` for None."""
    return "n/a" if value is None else "true" if value else "false"


def zoned(at: datetime) -> str:
    """The timestamp of a protocol error: `2019-02-05T09:06:15.245+0000` (behaviour.md 11.2)."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000"


def status_phrase(status: int) -> str:
    """The reason phrase of an HTTP status, the same on every Python: 3.13 renamed some."""
    return _PHRASES.get(status) or HTTPStatus(status).phrase


LONGEST_VALUE = 1000
"""Characters of a client's value that an error repeats."""


def header_text(text: str) -> str:
    """A text for a header: 1,000 characters at most, escaped unless they are printable ASCII."""
    return "".join(sign if " " <= sign <= "~" else ascii(sign)[1:-1] for sign in text[:1000])


def reason(refusal: Refusal) -> str:
    """The values of a refusal joined by slashes, the parameter first; long values are cut off."""
    named = (camel(refusal.parameter),) if refusal.parameter else ()
    return "/".join((*named, *map(_shown, refusal.values)))


def _shown(value: str) -> str:
    if len(value) <= LONGEST_VALUE:
        return value
    return f"{value[:LONGEST_VALUE]}... ({len(value)} characters)"
