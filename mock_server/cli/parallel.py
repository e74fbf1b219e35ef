"""Doing several things at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")


def in_parallel(do: Callable[[Thing], Result], things: Sequence[Thing], jobs: int) -> Iterator[Result]:
    """What `do` makes of each thing, in their order, `jobs` at once.

    Unlike those of a pool, these threads do not keep a process that is told to end from ending.
    """
    futures: list[Future[Result]] = [Future() for _ in things]
    waiting: SimpleQueue[tuple[Future[Result], Thing]] = SimpleQueue()
    for pair in zip(futures, things, strict=True):
        waiting.put(pair)
    for _ in range(jobs):
        Thread(target=_work, args=(do, waiting), daemon=True).start()
    for future in futures:
        yield future.result()


def _work(do: Callable[[Thing], Result], waiting: SimpleQueue[tuple[Future[Result], Thing]]) -> None:
    with suppress(Empty):
        while True:
            future, thing = waiting.get_nowait()
            try:
                future.set_result(do(thing))
            except Exception as problem:  # noqa: BLE001  # whoever takes the result gets it
                future.set_exception(problem)
