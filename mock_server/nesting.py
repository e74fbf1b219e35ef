"""A limit of a hundred levels for JSON that clients send.

Python's stack would overflow where deeper values are compared or shown level by level.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

MAX_DEPTH = 100

# Of a text that does not end, the rest: no second look at any character, so the time is linear.
_TEXTS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def parsed_json(raw: bytes) -> Any:
    """Parse JSON that is not nested too deeply.

    Raises:
        ValueError: it is not JSON, or nested deeper than `MAX_DEPTH` levels; the message says which.
    """
    check_depth(raw)
    return orjson.loads(raw)


def check_depth(raw: bytes) -> None:
    """Reject JSON that is nested too deeply, before it is parsed; text that is not JSON passes.

    Raises:
        ValueError: deeper than `MAX_DEPTH` levels.
    """
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _is_too_deep(raw):
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")


def _is_too_deep(raw: bytes) -> bool:
    """Whether brackets are left when so many times the innermost pairs are taken out."""
    brackets = _TEXTS.sub(b"", raw).translate(None, _ALL_BUT_BRACKETS)
    for _ in range(MAX_DEPTH):
        fewer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(fewer) == len(brackets):
            return False
        brackets = fewer
    return bool(brackets)
