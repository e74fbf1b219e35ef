"""JSON bodies: those that clients send, with their encoding and a limit of a hundred levels, and answers.

Python's stack would overflow where deeper values are compared or shown level by level.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson

MAX_DEPTH = 100

_MAX_CHECKED_SIZE = 1_000_000
"""Bytes of JSON in which keys that are given twice are found."""

# Of a text that does not end, the rest: no second look at any character, so the time is linear.
_TEXTS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))

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
    """Return JSON that may be kept: the bytes of orjson have kilobytes of unused memory, a copy has none."""
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


def check_size(raw: bytes, most: int) -> None:
    """Reject JSON with too many values, before it is parsed; the length of texts does not count.

    The search ends where there are too many, so that it takes no longer for a larger body.

    Raises:
        ValueError: it has more than `most` values.
    """
    if raw.count(b",") < most and raw.count(b'"') <= _QUOTES_PER_VALUE * most:
        return
    commas = texts = end = 0
    for text in _TEXTS.finditer(raw):
        commas += raw.count(b",", end, text.start())
        texts, end = texts + 1, text.end()
        if commas >= most or texts > _TEXTS_PER_VALUE * most:
            break
    if commas + raw.count(b",", end) >= most or texts > _TEXTS_PER_VALUE * most:
        raise ValueError(f"more than {most} values")


def check_keys(raw: bytes) -> None:
    """Reject valid JSON with an object that has a key twice: of the two values, only one would count.

    A large body is not checked: a program has written it.

    Raises:
        ValueError: the message names the key.
    """
    if len(raw) <= _MAX_CHECKED_SIZE:
        json.loads(raw, object_pairs_hook=_object, parse_int=str)  # no integer is too long for a text


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        names = [name for name, _ in members]
        duplicate = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {duplicate[:_MAX_SHOWN_KEY]!r} is given twice")
    return found


def places(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the texts, numbers, booleans and nulls in a JSON value, each after its place: `files[0].name`."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from places(part, f"{at}.{name}" if at else name)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from places(part, f"{at}[{index}]")
    else:
        yield at, value


def _is_too_deep(raw: bytes) -> bool:
    """Whether brackets are left when so many times the innermost pairs are taken out."""
    brackets = _TEXTS.sub(b"", raw).translate(None, _ALL_BUT_BRACKETS)
    for _ in range(MAX_DEPTH):
        fewer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(fewer) == len(brackets):
            return False
        brackets = fewer
    return bool(brackets)
