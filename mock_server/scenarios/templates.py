"""Placeholders in what a step sends and expects, and places in what it gets back.

`{name}` stands for what was saved under that name: within a text as text; alone, as the value that it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import UNSET

from mock_server.scenarios.matching import ABSENT

PLACEHOLDER = re.compile(r"\{([A-Za-z][A-Za-z0-9]*)\}")
PLACE = re.compile(r"[^.\[\]]+(?:\[\d+\])*(?:\.[^.\[\]]+(?:\[\d+\])*)*")
"""What a place looks like: content.complete, content[0].code."""

_PLACE_STEP = re.compile(r"[^.\[\]]+|\[\d+\]")

Lookup = Callable[[str], Any]
"""The value that a name stands for; a KeyError when it stands for none."""


def filled(value: Any, lookup: Lookup) -> Any:
    """The value with every placeholder in it replaced; names of members stay as they are.

    Raises:
        KeyError: a name stands for nothing.
    """
    if isinstance(value, str):
        return _filled_text(value, lookup)
    if isinstance(value, Mapping):
        return {name: filled(part, lookup) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [filled(part, lookup) for part in value]
    return value


def names_in(value: Any) -> Iterator[str]:
    """The names of the placeholders in a value."""
    if isinstance(value, str):
        yield from PLACEHOLDER.findall(value)
    elif isinstance(value, Mapping):
        yield from names_in(list(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from names_in(part)


def at_place(body: Any, place: str) -> Any:
    """What stands at a place such as `content[0].code`; ABSENT where nothing does."""
    for step in _PLACE_STEP.findall(place):
        body = _member(body, step)
    return body


def as_text(value: Any) -> str:
    """A value as it is written within a text, a query or a path: true, 12, nothing for null."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None or value is UNSET else str(value)


def _filled_text(text: str, lookup: Lookup) -> Any:
    alone = PLACEHOLDER.fullmatch(text)
    if alone:
        return lookup(alone[1])
    return PLACEHOLDER.sub(lambda found: as_text(lookup(found[1])), text)


def _member(value: Any, step: str) -> Any:
    if step.startswith("["):
        number = int(step[1:-1])
        is_there = isinstance(value, Sequence) and not isinstance(value, str) and number < len(value)
        return value[number] if is_there else ABSENT
    return value.get(step, ABSENT) if isinstance(value, Mapping) else ABSENT
