"""French local time: the zone in which the platform counts days (behaviour.md 10).

Inside, instants are aware and in UTC; a day is a `date`. Only this module knows the zone.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Paris")

_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?",
    re.ASCII,
)
_EARLIEST, _LATEST = date(1000, 1, 1), date(9000, 1, 1)


def local_date(instant: datetime) -> date:
    """The day in France at `instant`."""
    return instant.astimezone(ZONE).date()


@lru_cache(maxsize=8192)
def midnight(day: date) -> datetime:
    """The instant at which `day` begins in France."""
    return datetime.combine(day, time(), ZONE).astimezone(UTC)


def next_midnight(day: date) -> datetime:
    """The instant at which `day` is over in France."""
    return midnight(day + timedelta(days=1))


def from_local(text: str) -> datetime:
    """The instant that an ISO date-time means: without offset, French local time; a plain date, its start.

    Raises:
        ValueError: the text is no calendar date (and time), or not of the years 1000 to 8999.
    """
    if _ISO.fullmatch(text) is None or not is_supported_day(date.fromisoformat(text[:10])):
        raise ValueError(f"{text!r} is no ISO date or date-time")
    instant = datetime.fromisoformat(text)
    return (instant.replace(tzinfo=ZONE) if instant.tzinfo is None else instant).astimezone(UTC)


def is_supported_day(day: date) -> bool:
    """Whether there is room before and after the day: it is not near the ends of the calendar."""
    return _EARLIEST <= day < _LATEST
