"""Replace personal data and secrets; within a file, an address always gets the same replacement."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from mock_server.domain.checks import is_email
from mock_server.journal.redaction import redact_header, redact_json

_ADDRESS = re.compile(r"[^\s@\"'<>,;:=&?/\\(){}\[\]|]+@[^\s@\"'<>,;:=&?/\\(){}\[\]|]*")
_EXAMPLE_DOMAIN = re.compile(
    r"(?:^|\.)example(?:\.(?:com|net|org))?$|\.(?:test|invalid|localhost)$", re.IGNORECASE
)
"""Domains of examples (RFC 2606), which have no mailboxes."""

_REPLACEMENTS = {
    "firstname": "Person",
    "lastname": "Example",
    "phone": "+33 1 02 03 04 05",
    "ceo": "A Person",
}
"""The members that hold personal data, in requests, answers and states, and what replaces their values."""

_ADDRESS_MEMBERS = frozenset({"thirdpartyEmail", "userInCharge", "username", "user"})
"""The members that name a person, mostly by an e-mail address."""

_CHECKED_MEMBERS = frozenset({"thirdpartyEmail", "userInCharge"})
"""The members whose addresses the API checks."""

PERSONAL_MEMBERS = frozenset(_REPLACEMENTS) | {"email", "emails", "thirdpartyEmail", "userInCharge", "to"}
"""The members whose values are not expected in an answer."""

_LETTER_OR_DIGIT = re.compile(r"[^\W_]")


class Privacy:
    """The replacements of one file.

    Addresses of `kept_domains` keep their domain: a rule of the API depends on it. `users` are the declared
    ones: their names stay, unless they are addresses.
    """

    def __init__(self, kept_domains: Collection[str], users: Collection[str]) -> None:
        self._users = users
        self._kept = {domain.lower() for domain in kept_domains}
        self._replaced: dict[str, str] = {}

    def clean_text(self, text: str) -> str:
        """Replace the addresses in a text."""
        return _ADDRESS.sub(lambda match: self._replace_address(match[0]), text) if "@" in text else text

    def clean_value(self, value: Any, name: str = "") -> Any:
        """Replace addresses, members that hold personal data, and the secrets in a rule, at any depth."""
        if isinstance(value, str):
            return self._clean_member(value, name)
        if isinstance(value, dict):
            if name in {"when", "respond"}:
                value = _without_secrets(value)
            return {self.clean_text(key): self.clean_value(part, key) for key, part in value.items()}
        return [self.clean_value(part, name) for part in value] if isinstance(value, list | tuple) else value

    def _clean_member(self, text: str, name: str) -> str:
        if name in _REPLACEMENTS and text:
            return _REPLACEMENTS[name]
        is_address = name in _ADDRESS_MEMBERS and text not in self._users
        is_wrong = _ADDRESS.fullmatch(text) is None or (name in _CHECKED_MEMBERS and not is_email(text))
        if is_address and is_wrong:
            # The API rejects it, and must reject its replacement: only letters and digits are replaced.
            return _LETTER_OR_DIGIT.sub(lambda match: "x" if match[0].isascii() else "\u00e9", text)
        return self.clean_text(text)

    def _replace_address(self, address: str) -> str:
        domain = address.partition("@")[2]
        if _EXAMPLE_DOMAIN.search(domain.rstrip(".")):
            return address
        if address not in self._replaced:
            is_replaced = "." in domain and domain.lower() not in self._kept
            new_domain = "example.com" if is_replaced else domain
            self._replaced[address] = f"person{len(self._replaced) + 1}@{new_domain}"
        return self._replaced[address]


def _without_secrets(members: dict[str, Any]) -> dict[str, Any]:
    """Hide the secrets in the members of a `when` or a `respond`, as the journal hides those of requests."""
    headers = members.get("headers")
    redacted: dict[str, Any] = redact_json(members)
    if not isinstance(headers, dict):
        return redacted
    # A text is a secret. An operator such as `{$contains: Bearer}` is not.
    hidden = {
        name: redact_header(name, value) if isinstance(value, str) else value
        for name, value in headers.items()
    }
    return redacted | {"headers": hidden}
