"""Bodies, headers and URLs in readable form, secrets hidden: for the journal, the log and error texts."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import orjson
from msgspec import Struct

from mock_server.domain.names import counted

HIDDEN = "***"

SECRET_MEMBERS = frozenset(
    {
        "access_token",
        "actor_token",
        "assertion",
        "authorization",
        "client_assertion",
        "client_secret",
        "control_token",
        "id_token",
        "id_token_hint",
        "password",
        "refresh_token",
        "secret",
        "subject_token",
        "token",
    }
)
"""Names of form fields, query parameters, JSON members and headers that have secrets; `-` counts as `_`."""

MAX_DEPTH = 64
"""Levels of nesting that are shown; deeper values are hidden."""

MAX_TEXT = 16_384
"""Characters of a text that are shown. JSON and forms are shown in full."""

FORM = "application/x-www-form-urlencoded"
_CREDENTIALS = {"authorization", "proxy-authorization"}
_COOKIES = {"cookie", "set-cookie"}
_NAME = "|".join(sorted(SECRET_MEMBERS)).replace("_", "[_-]")
_CREDENTIAL = r"(?:Bearer|Basic)\s+[^&\s,}<]*"
_QUOTED = r""""(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?"""
_IN_TEXT = re.compile(
    rf"""\b({_NAME})\b(["']?\s*[:=>]\s*)({_CREDENTIAL}|{_QUOTED}|[^&\s,}}<]*)""", re.IGNORECASE | re.DOTALL
)


class ReadableBody(Struct, frozen=True):
    """The value of a body, None if it is empty or not shown; `note` says why, or what was cut off."""

    value: Any
    note: str | None = None


NO_BODY = ReadableBody(None)
STREAMED = ReadableBody(None, "streamed, and not kept")
TOO_LARGE = ReadableBody(None, "too large for the journal, and not kept")


def read_body(raw: bytes, content_type: str) -> ReadableBody:
    """Parse a body and hide its secrets."""
    if not raw:
        return NO_BODY
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == FORM:
        return ReadableBody(redact_json(parse_fields(raw)))
    if media_type.startswith("multipart/"):
        return ReadableBody(None, f"a multipart form, {counted(len(raw), 'byte')}, not shown")
    try:
        return ReadableBody(redact_json(orjson.loads(raw)))
    except orjson.JSONDecodeError:
        return _read_text(raw)


def parse_fields(raw: bytes) -> dict[str, str]:
    """Return the fields of a form or the parameters of a query; the first of two with one name counts."""
    fields: dict[str, str] = {}
    for name, value in parse_pairs(raw):
        fields.setdefault(name, value)
    return fields


def parse_pairs(raw: bytes) -> list[tuple[str, str]]:
    """Return the names and values of a form or query in the order sent."""
    return parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True)


def redact_header(name: str, value: str) -> str:
    """Return a header's value without credentials and cookies."""
    plain = name.lower()
    if plain in _CREDENTIALS:
        return hide_credentials(value)
    hidden = plain in _COOKIES or _is_secret(plain.removeprefix("x-"))
    return HIDDEN if hidden else redact_text(value)


def hide_credentials(value: str) -> str:
    """Keep only the scheme of credentials such as `Bearer eyJ...`."""
    scheme, _, credentials = value.partition(" ")
    return f"{scheme} {HIDDEN}" if credentials else HIDDEN


def redact_json(value: Any, depth: int = MAX_DEPTH) -> Any:
    """Hide the secret members of JSON or of a form's fields, and what lies deeper than `depth`."""
    if isinstance(value, str):
        return redact_text(value) if "=" in value else value
    if not isinstance(value, dict | list):
        return value
    if not depth:
        return "..."
    below = depth - 1
    if isinstance(value, list):
        # A long list of plain values costs no call per element.
        return [redact_json(item, below) if isinstance(item, dict | list | str) else item for item in value]
    return {
        name: HIDDEN if member and _is_secret(name) else redact_json(member, below)
        for name, member in value.items()
    }


def _is_secret(name: str) -> bool:
    """Whether a member, parameter or header of this name holds a secret."""
    return name.lower().replace("-", "_") in SECRET_MEMBERS


def redact_url(url: str) -> str:
    """Hide the secrets of a path and its query string; the rest is as it was sent."""
    path, mark, query = url.partition("?")
    return redact_text(path) + mark + "&".join(map(_redact_pair, query.split("&")))


def _redact_pair(pair: str) -> str:
    name, mark, value = pair.partition("=")
    hidden = value and _is_secret(unquote_plus(name).strip())
    return f"{name}={HIDDEN}" if hidden else name + mark + redact_text(value)


def redact_text(text: str) -> str:
    """Hide what follows the name of a secret in a text of unknown format."""
    return _IN_TEXT.sub(rf"\1\2{HIDDEN}", text)


def _read_text(raw: bytes) -> ReadableBody:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return ReadableBody(None, f"not text, {counted(len(raw), 'byte')}, not shown")
    note = f"cut off after {MAX_TEXT} of {len(text)} characters" if len(text) > MAX_TEXT else None
    return ReadableBody(redact_text(text[:MAX_TEXT]), note)
