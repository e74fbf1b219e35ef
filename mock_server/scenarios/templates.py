"""Placeholders in what a step sends and expects, and places in the body of an answer.

`{name}` is replaced by the value saved under that name. Inside a longer text, the value is written as text;
a text that is only a placeholder becomes the value itself, such as a number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mock_server.scenarios.matching import ABSENT, format_value

PLACEHOLDER = re.compile(r"\{([A-Za-z][A-Za-z0-9]*)\}")
PLACE = re.compile(r"[^.\[\]]+(?:\[\d{1,9}\])*(?:\.[^.\[\]]+(?:\[\d{1,9}\])*)*")
"""The syntax of a place: content.complete, content[0].code."""

_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")

_PLACE_STEP = re.compile(r"[^.\[\]]+|\[\d+\]")

Lookup = Callable[[str], Any]
"""Returns the value of a name; raises KeyError if it has none."""


def fill(value: Any, lookup: Lookup) -> Any:
    """Return the value with every placeholder replaced; names of members are unchanged.

    Raises:
        KeyError: a name has no value.
    """
    if isinstance(value, str):
        single = PLACEHOLDER.fullmatch(value)
        if single:
            return lookup(single[1])
        return PLACEHOLDER.sub(lambda match: to_text(lookup(match[1])), value)
    if isinstance(value, Mapping):
        return {name: fill(part, lookup) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [fill(part, lookup) for part in value]
    return value


def names_in(value: Any) -> Iterator[str]:
    """Yield the names of the placeholders in a value."""
    if isinstance(value, str):
        yield from PLACEHOLDER.findall(value)
    elif isinstance(value, Mapping):
        yield from names_in(list(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from names_in(part)


def value_at(body: Any, place: str) -> Any:
    """Return the value at a place such as `content[0].code`; ABSENT if there is none."""
    for step in _PLACE_STEP.findall(place):
        body = _member(body, step)
    return body


def to_text(value: Any) -> str:
    """Return a value as it is written in a text, a query or a path: true, 12, JSON, nothing for null."""
    if isinstance(value, bool | list | Mapping):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


def check_id(value: Any) -> None:
    """Reject a value that no id in a path can have: it would be another path, or another text than written.

    Raises:
        ValueError: the message says what an id is.
    """
    if not isinstance(value, str | int) or isinstance(value, bool) or value in {"", ".", ".."}:
        raise ValueError(
            f"an id is a number, or a text other than '', '.' and '..', not {format_value(value)}"
        )


def check_parameter(value: Any) -> None:
    """Reject a value that no query parameter can have.

    Raises:
        ValueError: the message says what a parameter is.
    """
    values = value if isinstance(value, list) else [value]
    if any(isinstance(element, list | Mapping) for element in values):
        raise ValueError(f"a parameter is a text, a number or a list of them, not {format_value(value)}")


def check_header(value: str) -> None:
    """Reject a text that no header can have.

    Raises:
        ValueError: the message says what a header is.
    """
    if not _HEADER_VALUE.fullmatch(value):
        raise ValueError("a header is one line of text")


def _member(value: Any, step: str) -> Any:
    if step.startswith("["):
        number = int(step[1:-1])
        exists = isinstance(value, Sequence) and not isinstance(value, str) and number < len(value)
        return value[number] if exists else ABSENT
    return value.get(step, ABSENT) if isinstance(value, Mapping) else ABSENT
