"""Many threads at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
