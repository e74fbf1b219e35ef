"""Secrets, taken out of whatever is shown: nothing readable leaves the journal but through here."""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "***"

SECRET_MEMBERS = frozenset(
    {
        "access_token",
        "assertion",
        "client_assertion",
        "client_secret",
        "id_token",
        "id_token_hint",
        "password",
        "refresh_token",
        "token",
    }
)
"""Form fields, query parameters and JSON members that hold secrets, whatever the path they are sent to."""

DEEPEST = 64
"""Levels of nesting that are shown; what lies deeper is not."""

_CREDENTIALS = {"authorization", "proxy-authorization"}
_COOKIES = {"cookie", "set-cookie"}
_IN_TEXT = re.compile(
    rf"\b({'|'.join(sorted(SECRET_MEMBERS))})\b(\"?\s*[:=]\s*)(\"[^\"]*\"?|[^&\s,}}]*)", re.IGNORECASE
)


def redacted_header(name: str, value: str) -> str:
    """A header's value, as far as it may be seen."""
    plain = name.lower()
    if plain in _CREDENTIALS:
        return hidden_credentials(value)
    return HIDDEN if plain in _COOKIES else value


def hidden_credentials(value: str) -> str:
    """Of credentials such as `Bearer eyJ...` the scheme alone is left."""
    scheme, _, credentials = value.partition(" ")
    return f"{scheme} {HIDDEN}" if credentials else HIDDEN


def redacted(value: Any, depth: int = DEEPEST) -> Any:
    """JSON, or the fields of a form, with the secret members hidden; nothing is shown deeper than `depth`."""
    if not isinstance(value, dict | list):
        return value
    if not depth:
        return "..."
    if isinstance(value, list):
        return [redacted(element, depth - 1) for element in value]
    return {
        name: HIDDEN if name.lower() in SECRET_MEMBERS and member else redacted(member, depth - 1)
        for name, member in value.items()
    }


def redacted_text(text: str) -> str:
    """A text of no known form; what follows the name of a secret is hidden."""
    return _IN_TEXT.sub(rf"\1\2{HIDDEN}", text)
