"""Many threads at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import TypeVar

T = TypeVar("T")


def at_once(clients: int, call: Callable[[int], T]) -> list[T]:
    """What `call` gives to each of so many threads that begin together."""
    ready = Barrier(clients)

    def begin(number: int) -> T:
        ready.wait(timeout=30)
        return call(number)

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(begin, range(clients)))


@contextmanager
def taking_turns() -> Iterator[None]:
    """Threads of this process take turns every microsecond: a lock that is missing shows."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
