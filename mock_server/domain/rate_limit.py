"""The documented rate limit of an account (behaviour.md 1.5): 20 at once, 10 more each full second."""

from __future__ import annotations

from datetime import datetime

from immutables import Map
from msgspec import Struct

BURST_CAPACITY = 20
REPLENISH_RATE = 10


class Bucket(Struct, frozen=True):
    """The requests that an account has left, counted at a full second."""

    left: int
    second: int


Buckets = Map[int, Bucket]
"""The buckets of one sandbox, by account."""


def take_request(buckets: Buckets, account_id: int, now: datetime) -> tuple[Buckets, int | None]:
    """Use one request of the account's; return how many are left, None if there was none.

    behaviour.md 1.5 (documented).
    """
    second = int(now.timestamp())
    bucket = buckets.get(account_id, Bucket(BURST_CAPACITY, second))
    if second < bucket.second:  # the clock was set back
        bucket = Bucket(BURST_CAPACITY, second)
    refilled = (second - bucket.second) * REPLENISH_RATE
    requests_left = min(BURST_CAPACITY, bucket.left + refilled) - 1
    if requests_left < 0:
        return buckets, None
    return buckets.set(account_id, Bucket(requests_left, second)), requests_left
