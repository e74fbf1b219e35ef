"""Replace personal data and passwords, the same person by the same replacement everywhere in a file."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from mock_server.domain.checks import is_email
from mock_server.journal.redaction import redact_header, redact_json

_ADDRESS = re.compile(r"[^\s@\"'<>,;:=&?/\\(){}\[\]|]+@[^\s@\"'<>,;:=&?/\\(){}\[\]|]*")
_RESERVED = re.compile(r"(?:^|\.)example(?:\.(?:com|net|org))?$|\.(?:test|invalid|localhost)$", re.IGNORECASE)
"""Domains of examples (RFC 2606), which have no mailboxes."""

_PERSON = {
    "firstname": "Person",
    "lastname": "Example",
    "phone": "+33 1 02 03 04 05",
    "ceo": "A Person",
}
"""The members that hold personal data, in requests, answers and states."""

_ADDRESSES = frozenset({"thirdpartyEmail", "userInCharge", "username", "user"})
"""The members that name a person, mostly by an address."""

_CHECKED = frozenset({"thirdpartyEmail", "userInCharge"})
"""The members whose addresses the API checks."""

PERSONAL = frozenset(_PERSON) | {"email", "emails", "thirdpartyEmail", "userInCharge", "to"}
"""The members whose values are not expected in an answer."""

_NOT_AN_ADDRESS = re.compile(r"[^\W_]")


class Privacy:
    """The replacements of one file.

    Addresses of `kept_domains` keep their domain: an API rule is about it. `users` are declared: their names
    stay, unless they are addresses.
    """

    def __init__(self, kept_domains: Collection[str], users: Collection[str]) -> None:
        self._users = users
        self._kept = {domain.lower() for domain in kept_domains}
        self._replaced: dict[str, str] = {}

    def text(self, text: str) -> str:
        """Replace the addresses in a text."""
        return _ADDRESS.sub(lambda found: self._address(found[0]), text) if "@" in text else text

    def value(self, value: Any, name: str = "") -> Any:
        """Replace addresses, members that hold personal data, and the secrets in a rule, at any depth."""
        if isinstance(value, str):
            return self._member(value, name)
        if isinstance(value, dict):
            if name in {"when", "respond"}:
                value = _without_secrets(value)
            return {self.text(key): self.value(each, key) for key, each in value.items()}
        return [self.value(each, name) for each in value] if isinstance(value, list | tuple) else value

    def _member(self, text: str, name: str) -> str:
        if name in _PERSON and text:
            return _PERSON[name]
        is_address = name in _ADDRESSES and text not in self._users
        is_wrong = _ADDRESS.fullmatch(text) is None or (name in _CHECKED and not is_email(text))
        if is_address and is_wrong:
            # It is malformed, and has to stay so: keep its form alone.
            return _NOT_AN_ADDRESS.sub(lambda found: "x" if found[0].isascii() else "\u00e9", text)
        return self.text(text)

    def _address(self, address: str) -> str:
        domain = address.partition("@")[2]
        if _RESERVED.search(domain.rstrip(".")):
            return address
        if address not in self._replaced:
            is_domain = "." in domain and domain.lower() not in self._kept
            kept = "example.com" if is_domain else domain
            self._replaced[address] = f"person{len(self._replaced) + 1}@{kept}"
        return self._replaced[address]


def _without_secrets(members: dict[str, Any]) -> dict[str, Any]:
    """Hide secrets in what a rule compares or answers, as the journal hides them in what was sent."""
    headers = members.get("headers")
    found: dict[str, Any] = redact_json(members)
    if not isinstance(headers, dict):
        return found
    # A comparison such as `{$contains: Bearer}` says how a header looks: it is not a secret.
    hidden = {
        name: redact_header(name, each) if isinstance(each, str) else each for name, each in headers.items()
    }
    return found | {"headers": hidden}
