"""The documented rate limit of an account (behaviour.md 1.5): 20 at once, 10 more each full second."""

from __future__ import annotations

from datetime import datetime
from threading import Lock

from msgspec import Struct

BURST_CAPACITY = 20
REPLENISH_RATE = 10


class Bucket(Struct, frozen=True):
    """The requests that an account has left, counted at a full second."""

    left: int
    second: int


class RateLimit:
    """The buckets of one sandbox, by account."""

    def __init__(self) -> None:
        self._buckets: dict[int, Bucket] = {}
        self._lock = Lock()

    def take(self, account_id: int, now: datetime) -> int | None:
        """Use one request of the account's; return how many are left, None if there was none.

        behaviour.md 1.5 (documented).
        """
        second = int(now.timestamp())
        with self._lock:
            bucket = self._buckets.get(account_id, Bucket(BURST_CAPACITY, second))
            if second < bucket.second:  # the clock was set back
                bucket = Bucket(BURST_CAPACITY, second)
            refilled = (second - bucket.second) * REPLENISH_RATE
            left = min(BURST_CAPACITY, bucket.left + refilled) - 1
            if left < 0:
                return None
            self._buckets[account_id] = Bucket(left, second)
            return left
