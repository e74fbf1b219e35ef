"""French local time: the zone in which the platform counts days (behaviour.md 10). Durations in such days.

In the domain, instants are aware and in UTC; a day is a `date`. Only this module has the zone.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from mock_server.domain.names import shown

ZONE = ZoneInfo("Europe/Paris")

_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?",
    re.ASCII,
)
_DURATION = re.compile(
    r"(?:P(?:(?P<days>\d+)D)?(?:T(?=\d)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?)",
    re.ASCII,
)
_SHORT = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h)?", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1, None: 1, "m": 60, "h": 3600}
CENTURY = timedelta(days=36_500)
"""The longest duration that is read."""

_EARLIEST, _LATEST = date(1000, 1, 1), date(9000, 1, 1)
CLOCK_START, CLOCK_END = [
    datetime(day.year, 1, 1, tzinfo=ZONE).astimezone(UTC) for day in (_EARLIEST, _LATEST)
]
"""The years in France that have clocks and dates: a clock stays before the end of the last one."""

LAST_YEAR = _LATEST.year - 1
CLOCK_YEARS = f"the years {_EARLIEST.year} to {LAST_YEAR} of France"


class OutOfRangeError(ValueError):
    """A date-time of a year that is not supported; the message has the years."""


def local_date(instant: datetime) -> date:
    """The day in France at `instant`."""
    return instant.astimezone(ZONE).date()


@lru_cache(maxsize=8192)
def midnight(day: date) -> datetime:
    """The instant at which `day` begins in France."""
    return datetime.combine(day, time(), ZONE).astimezone(UTC)


def next_midnight(day: date) -> datetime:
    """The instant at which `day` is over in France; the last day of the calendar is never over."""
    return midnight(day + timedelta(days=1)) if day < date.max else datetime.max.replace(tzinfo=UTC)


def add_days(instant: datetime, days: int) -> datetime:
    """The instant of the same local time in France, some days later; an hour later if there is none."""
    if not days:
        return instant
    return (instant.astimezone(ZONE) + timedelta(days=days)).astimezone(UTC)


def from_local(text: str) -> datetime:
    """Return the instant of an ISO date-time, in French local time without an offset; of a date its start.

    Raises:
        ValueError: the text is not a calendar date (and time).
        OutOfRangeError: it is not of the years 1000 to 8999, as written or in France.
    """
    if _ISO.fullmatch(text) is None:
        raise ValueError(f"{shown(text)} is not an ISO date or date-time")
    written = datetime.fromisoformat(text)
    if _EARLIEST <= written.date() < _LATEST:
        instant = (written.replace(tzinfo=ZONE) if written.tzinfo is None else written).astimezone(UTC)
        if CLOCK_START <= instant < CLOCK_END:
            return instant
    raise OutOfRangeError(f"{shown(text)} is not in {CLOCK_YEARS}")


def local_day(text: str) -> date:
    """Return the day in France that an ISO date or date-time names: a plain date up to 9999-12-31.

    Raises:
        ValueError: the text is not a calendar date (and time), or is out of these years.
    """
    if len(text) == len("2026-03-02") and _ISO.fullmatch(text) and is_supported_day(date.fromisoformat(text)):
        return date.fromisoformat(text)
    return local_date(from_local(text))


def is_supported_day(day: date) -> bool:
    """Whether the day is in the years 1000 to 9999."""
    return day >= _EARLIEST


def calendar_duration(text: str) -> tuple[int, timedelta]:
    """Return the days of a duration, and the exact time in addition: a calendar day can have 23 or 25 hours.

    Raises:
        ValueError: it is not a duration, or longer than a century.
    """
    short, iso = _SHORT.fullmatch(text), _DURATION.fullmatch(text)
    days, exact = 0, timedelta()
    try:
        if short:
            exact = timedelta(seconds=float(short["number"]) * _UNITS[short["unit"]])
        elif iso and any(iso.groupdict().values()):
            units = {unit: float(number) for unit, number in iso.groupdict().items() if number}
            days = int(units.pop("days", 0))
            exact = timedelta(**units)
        else:
            raise ValueError(
                f"{shown(text)} is not a duration; write 200ms, 2s, 5m, 1h or ISO 8601 such as PT1M30S or"
                " P30D, without weeks, months and years"
            )
    except OverflowError:
        exact = timedelta.max
    if days > CENTURY.days or exact > CENTURY - timedelta(days=days):
        raise ValueError(f"{shown(text)} is longer than a century")
    return days, exact
