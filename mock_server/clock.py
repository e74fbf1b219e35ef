"""The clock of a sandbox: the only place, besides the tokens' expiry, where the machine's time is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import monotonic, time

from msgspec import Struct

_SET_BACK = 0.05
"""Seconds that the machine's time has to lack of what really passed to count as set back."""


def real_seconds() -> float:
    """The machine's time in seconds since 1970: half the price of `real_now`, for those in the hot path."""
    return time()


def real_now() -> datetime:
    """The machine's time, aware, in UTC."""
    return datetime.fromtimestamp(time(), UTC)


class Onward:
    """The machine's time, but that it never goes back: set back, it runs on from where it was."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._seen = (time(), monotonic())

    def seconds(self) -> float:
        """In seconds since 1970."""
        now, passed = time() + self._ahead, monotonic()
        seen, at = self._seen
        due = seen + passed - at
        if now < due - _SET_BACK:
            self._ahead += due - now
            now = due
        self._seen = (now, passed)
        return now


_onward = Onward()


def onward_now() -> datetime:
    """The time by which sandboxes go, aware, in UTC: an import ends though the machine's time is set back."""
    return datetime.fromtimestamp(_onward.seconds(), UTC)


class Clock(Struct, frozen=True):
    """Frozen at an instant, or at an offset from the machine's time. A value: turning gives another."""

    offset: timedelta = timedelta()
    frozen_at: datetime | None = None

    @classmethod
    def starting_at(cls, instant: datetime | None) -> Clock:
        """A running clock that shows `instant` now; the machine's time for None."""
        return cls() if instant is None else cls(offset=instant - onward_now())

    def now(self) -> datetime:
        """The sandbox's present instant, aware, in UTC, to the millisecond, which is what the API shows."""
        if self.frozen_at is not None:
            return self.frozen_at
        now = onward_now() + self.offset
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def frozen(self, at: datetime | None = None) -> Clock:
        """This clock standing still, at `at` or where it is."""
        return Clock(self.offset, at or self.now())

    def running(self, since: datetime | None = None) -> Clock:
        """This clock going on from `since`, or from where it stands."""
        return Clock(offset=(since or self.now()) - onward_now())

    def advanced(self, by: timedelta) -> Clock:
        """This clock `by` further, frozen or running as before.

        Raises:
            OverflowError: the calendar ends before that.
        """
        target = self.now() + by
        return self.frozen(target) if self.frozen_at is not None else Clock(offset=self.offset + by)
