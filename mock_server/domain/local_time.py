"""French local time: the zone in which the platform counts days (behaviour.md 10).

Inside, instants are aware and in UTC; a day is a `date`. Only this module knows the zone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Paris")


def local_date(instant: datetime) -> date:
    """The day in France at `instant`."""
    return instant.astimezone(ZONE).date()


def midnight(day: date) -> datetime:
    """The instant at which `day` begins in France."""
    return datetime.combine(day, time(), ZONE).astimezone(UTC)


def next_midnight(day: date) -> datetime:
    """The instant at which `day` is over in France."""
    return midnight(day + timedelta(days=1))


def from_local(text: str) -> datetime:
    """The instant that an ISO date-time means: without offset, French local time; a plain date, its start.

    Raises:
        ValueError: the text is no ISO date-time.
    """
    instant = datetime.fromisoformat(text)
    return (instant.replace(tzinfo=ZONE) if instant.tzinfo is None else instant).astimezone(UTC)
