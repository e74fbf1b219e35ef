"""Mistakes of a scenario, as they are found: each with its place, and what would be right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from mock_server.domain.spelling import nearest
from mock_server.fixtures.errors import InputError
from mock_server.settings import duration

Mistakes = Iterator[InputError]


def unless_known(name: str, there_are: Iterable[str], path: str, kind: str, advice: str = "") -> Mistakes:
    """A mistake unless there is a `kind` of that name."""
    known = list(there_are)
    if name not in known:
        near = nearest(name, known)
        hint = f"did you mean {near!r}?" if near else f"there are {', '.join(known)}"
        yield InputError(path, f"there is no {kind} {name!r}{advice}; {hint}")


def as_judged(check: Callable[[Any], Any], value: Any, path: str) -> Mistakes:
    """What `check`, which raises ValueError, has against the value."""
    try:
        check(value)
    except ValueError as mistake:
        yield InputError(path, str(mistake))


def unless_duration(text: str | None, path: str) -> Mistakes:
    """A mistake where a duration is given that is none."""
    if text is not None:
        yield from as_judged(duration, text, path)


def if_twice(names: Sequence[str], path: str, kind: str) -> Mistakes:
    """A mistake for each name in the list at `path` that another one had before."""
    for at, name in enumerate(names):
        if name in names[:at]:
            yield InputError(f"{path}[{at}].name", f"there is another {kind} named {name!r}")


def raise_first(mistakes: Mistakes) -> None:
    """Raise the first of the mistakes, if there is one."""
    first = next(mistakes, None)
    if first is not None:
        raise first
