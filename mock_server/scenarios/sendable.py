"""What a rule may have sent: JSON with numbers that every reader takes, headers that HTTP can carry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from mock_server.fixtures.errors import InputError
from mock_server.scenarios.mistakes import Mistakes

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_FRAMING = {"content-length", "transfer-encoding"}
_LEAST, _MOST = -(2**63), 2**64 - 1


def mistakes_of_headers(headers: Mapping[str, str], path: str) -> Mistakes:
    """Names and values that are none, and headers that frame the answer."""
    for name, value in headers.items():
        where = f"{path}.{name}"
        if not _NAME.fullmatch(name):
            yield InputError(where, f"{name!r} is no name of a header, such as Retry-After")
        if not _VALUE.fullmatch(value):
            yield InputError(where, "a header is one line of text")
        if name.lower() in _FRAMING:
            yield InputError(
                where, "the server writes it; an answer that breaks off or is garbled is a fault"
            )


def mistakes_of_json(value: Any, path: str) -> Mistakes:
    """Numbers that JSON cannot say to everyone: those that are not finite, integers beyond 64 bits."""
    if isinstance(value, float) and not isfinite(value):
        yield InputError(path, f"{value} is no number of JSON")
    if isinstance(value, int) and not _LEAST <= value <= _MOST:
        yield InputError(path, f"{value} is beyond 64 bits; as a text it can have any length")
    for place, part in _parts(value):
        yield from mistakes_of_json(part, f"{path}{place}")


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((f".{name}", part) for name, part in value.items())
    elif isinstance(value, list | tuple):
        yield from ((f"[{at}]", part) for at, part in enumerate(value))
