"""The clock of a sandbox. Only this module and the tokens read the machine's time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from time import monotonic, time

from msgspec import Struct

_SET_BACK_SECONDS = 0.05
"""Seconds. The machine's time was set back if it is more than this behind the time that has really passed."""


def real_seconds() -> float:
    """The machine's time in seconds since 1970. It costs half as much as `real_now`, for the request path."""
    return time()


def real_now() -> datetime:
    """The machine's time, aware, in UTC."""
    return datetime.fromtimestamp(time(), UTC)


class MonotonicClock:
    """The machine's time, but it never goes back: if it is set back, it continues from its last value."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._seen = (time(), monotonic())

    def seconds(self) -> float:
        """Return the seconds since 1970."""
        now, monotonic_seconds = time() + self._ahead, monotonic()
        last, last_monotonic = self._seen
        expected = last + monotonic_seconds - last_monotonic
        if now < expected - _SET_BACK_SECONDS:
            self._ahead += expected - now
            now = expected
        self._seen = (now, monotonic_seconds)
        return now

    def continue_from(self, seconds: float) -> None:
        """Return no earlier time than this from now on."""
        self._ahead += max(seconds - self.seconds(), 0)


_monotonic_clock = MonotonicClock()


def monotonic_now() -> datetime:
    """The time of sandboxes, aware, in UTC. An import ends even if the machine's time is set back."""
    return datetime.fromtimestamp(_monotonic_clock.seconds(), UTC)


def continue_from(instant: datetime) -> None:
    """Let the time of sandboxes continue from an instant that another server has used, if it is later.

    The clocks of two machines differ by some milliseconds: without this, time could go back in a sandbox.
    """
    _monotonic_clock.continue_from(instant.timestamp())


class Clock(Struct, frozen=True):
    """The clock of a sandbox, immutable: frozen at an instant, or at an offset from the machine's time."""

    offset: timedelta = timedelta()
    frozen_at: datetime | None = None

    @classmethod
    def set_to(cls, at: datetime, machine: datetime, *, frozen: bool) -> Clock:
        """Return a clock frozen at `at`, or running from there."""
        return cls(frozen_at=at) if frozen else cls(offset=at - machine)

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC, to the millisecond as the API shows it."""
        # Not `self.at(monotonic_now())`, which costs another call in each request.
        if self.frozen_at is not None:
            return self.frozen_at
        now = monotonic_now()
        return _to_millisecond(now + self.offset if self.offset else now)

    def at(self, machine: datetime) -> datetime:
        """Return what this clock shows at an instant of the machine's time."""
        return self.frozen_at or _to_millisecond(machine + self.offset)

    def advance(self, by: timedelta) -> Clock:
        """Return this clock `by` later, frozen or running as before.

        Raises:
            OverflowError: the calendar ends before that.
        """
        if self.frozen_at is not None:
            return Clock(frozen_at=self.frozen_at + by)
        return Clock(offset=self.offset + by)


def _to_millisecond(now: datetime) -> datetime:
    # Not `replace`, which takes five times as long.
    return now - _microseconds(now.microsecond % 1000)


_microseconds = lru_cache(1000)(partial(timedelta, 0, 0))
"""Return an interval of 0 to 999 µs."""
