"""Bodies made readable: JSON, the fields of a form, text, or a word on why there is none."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson

from mock_server.journal.redaction import redacted, redacted_text

LONGEST_TEXT = 16_384
"""Characters of a text that are shown; JSON and forms are shown whole."""

FORM = "application/x-www-form-urlencoded"


class Body(NamedTuple):
    """What a body says, None when it is empty or cannot be shown; `note` tells why, or what is missing."""

    value: Any
    note: str | None = None


NO_BODY = Body(None)
STREAMED = Body(None, "streamed, and not kept")
TOO_LARGE = Body(None, "too large for the journal, and not kept")


def readable(raw: bytes, content_type: str) -> Body:
    """The body that these bytes are; a secret in it is hidden."""
    if not raw:
        return NO_BODY
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == FORM:
        return Body(redacted(fields(raw)))
    if media_type.startswith("multipart/"):
        return Body(None, f"a form of several parts, {len(raw)} bytes, not shown")
    try:
        return Body(redacted(orjson.loads(raw)))
    except orjson.JSONDecodeError:
        return _text(raw)


def fields(raw: bytes) -> dict[str, str]:
    """The fields of a form, or the parameters of a query; of one given twice the first counts."""
    found: dict[str, str] = {}
    for name, value in pairs(raw):
        found.setdefault(name, value)
    return found


def pairs(raw: bytes) -> list[tuple[str, str]]:
    """The same as they were sent."""
    return parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True)


def _text(raw: bytes) -> Body:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return Body(None, f"no text, {len(raw)} bytes, not shown")
    if len(text) > LONGEST_TEXT:
        shown = redacted_text(text[:LONGEST_TEXT])
        return Body(shown, f"cut off after {LONGEST_TEXT} of {len(text)} characters")
    return Body(redacted_text(text))
