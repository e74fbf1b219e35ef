"""Caches that a client cannot fill with large keys: bounded in entries, and so in bytes."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar, cast

MAX_KEY = 256
"""Characters of all texts of a key together."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def cache_short(entries: int) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """Cache a function of texts: at most `entries` results, and none of long arguments."""

    def decorate(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        cached = cast(Callable[Arguments, Result], lru_cache(entries)(function))

        @wraps(function)
        def call(*texts: Arguments.args, **options: Arguments.kwargs) -> Result:
            is_short = sum(len(text) for text in texts if isinstance(text, str)) <= MAX_KEY
            return (cached if is_short else function)(*texts, **options)

        return call

    return decorate
