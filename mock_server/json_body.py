"""JSON bodies: those that clients send, with their encoding and a limit of a hundred levels, and answers.

Python's stack would overflow if deeper values were compared or shown recursively.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson

MAX_DEPTH = 100
"""Levels of lists and objects within each other."""

_MAX_CHECKED_SIZE = 1_000_000
"""Bytes of JSON in which keys that are given twice are found."""

# A text that does not end has the rest of the bytes. No byte is read twice, so the time is linear.
_TEXTS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_ALL_EXCEPT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))

_MAX_SHOWN_KEY = 60
"""Characters of a key in a message."""

_TEXTS_PER_VALUE = 2  # the name of a member, and its value
_QUOTES_PER_VALUE = 2 * _TEXTS_PER_VALUE

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class CompressedBodyError(ValueError):
    """The body is compressed."""


def json_bytes(value: Any) -> bytes:
    """Return a value as JSON to keep: a copy, because the bytes of orjson have kilobytes of unused memory."""
    return bytes(memoryview(orjson.dumps(value)))


def decode_body(raw: bytes, content_encoding: str) -> bytes:
    """Return the body in UTF-8, without a byte order mark; `content_encoding` is empty where there is none.

    Raises:
        CompressedBodyError: it is compressed.
        ValueError: it is not in UTF-8; both messages say what to send.
    """
    encoding = content_encoding.lower().strip() or "identity"
    if encoding != "identity" or raw.startswith(_GZIP):
        name = "gzip" if encoding == "identity" else encoding[:20]
        raise CompressedBodyError(f"the body is compressed ({name}): send it without Content-Encoding")
    if raw.startswith(_UTF_16):
        raise ValueError("the body is encoded in UTF-16: send it in UTF-8")
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"the body is not encoded in UTF-8 (byte {error.start}), perhaps in latin-1: send it in UTF-8"
        ) from None
    return raw.removeprefix(_BYTE_ORDER_MARK)


def parse_json(raw: bytes) -> Any:
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


def check_size(raw: bytes, limit: int) -> None:
    """Reject JSON with too many values, before it is parsed; the length of texts does not count.

    The search ends where there are too many, so that it takes no longer for a larger body.

    Raises:
        ValueError: it has more than `most` values.
    """
    if raw.count(b",") < limit and raw.count(b'"') <= _QUOTES_PER_VALUE * limit:
        return
    commas = texts = end = 0
    for text in _TEXTS.finditer(raw):
        commas += raw.count(b",", end, text.start())
        texts, end = texts + 1, text.end()
        if commas >= limit or texts > _TEXTS_PER_VALUE * limit:
            break
    if commas + raw.count(b",", end) >= limit or texts > _TEXTS_PER_VALUE * limit:
        raise ValueError(f"more than {limit} values")


def check_keys(raw: bytes) -> None:
    """Reject valid JSON with an object that has a key twice: of the two values, only one would count.

    A large body is not checked: a program has written it.

    Raises:
        ValueError: the message names the key.
    """
    if len(raw) <= _MAX_CHECKED_SIZE:
        json.loads(raw, object_pairs_hook=_object, parse_int=str)  # no integer is too long for a text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict[str, Any]()
    for name, value in pairs:
        if name in members:
            raise ValueError(f"the key {name[:_MAX_SHOWN_KEY]!r} is given twice")
        members[name] = value
    return members


def places(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the texts, numbers, booleans and nulls in a JSON value, each after its place: `files[0].name`."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from places(part, f"{place}.{name}" if place else name)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from places(part, f"{place}[{index}]")
    else:
        yield place, value


def _is_too_deep(raw: bytes) -> bool:
    """Whether brackets remain after the innermost pairs were removed `MAX_DEPTH` times."""
    brackets = _TEXTS.sub(b"", raw).translate(None, _ALL_EXCEPT_BRACKETS)
    for _ in range(MAX_DEPTH):
        remaining = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(remaining) == len(brackets):
            return False
        brackets = remaining
    return bool(brackets)
