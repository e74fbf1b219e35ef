"""What a look at this machine, or at a server, finds: a line each, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

_USER_INFORMATION = re.compile(r"(?<=://)[^/@\s]+(?=@)")


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, what was found; `remedy` says what to do, where there is anything."""

    about: str
    state: Literal["ok", "note", "wrong"]
    found: str
    remedy: str = ""


def without_secrets(findings: Iterable[Finding], secrets: Iterable[str]) -> list[Finding]:
    """The findings as somebody else may see them: no password, no token, no credentials in a URL."""
    hidden = [secret for secret in secrets if secret]
    return [
        replace(each, found=_hidden(each.found, hidden), remedy=_hidden(each.remedy, hidden))
        for each in findings
    ]


def _hidden(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return _USER_INFORMATION.sub("***", text)
