"""Replace personal data and passwords, the same person by the same replacement everywhere in a file."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from mock_server.client.login import DEFAULT_PASSWORD

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

PERSONAL = frozenset(_PERSON) | {"email", "emails", "thirdpartyEmail", "userInCharge", "to"}
"""The members whose values are not expected in an answer."""

_NOT_AN_ADDRESS = re.compile(r"[^\W_]")


class Privacy:
    """The replacements of one file. Addresses of these domains keep their domain: an API rule is about it."""

    def __init__(self, kept_domains: Collection[str]) -> None:
        self._kept = {domain.lower() for domain in kept_domains}
        self._replaced: dict[str, str] = {}

    @property
    def replaced(self) -> int:
        """How many addresses were replaced."""
        return len(self._replaced)

    def text(self, text: str) -> str:
        """Replace the addresses in a text."""
        return _ADDRESS.sub(lambda found: self._address(found[0]), text) if "@" in text else text

    def value(self, value: Any, name: str = "") -> Any:
        """Replace addresses and the members that hold personal data, at any depth."""
        if isinstance(value, str):
            return self._member(value, name)
        if isinstance(value, dict):
            return {self.text(key): self.value(each, key) for key, each in value.items()}
        return [self.value(each, name) for each in value] if isinstance(value, list | tuple) else value

    def without_personal_data(self, exported: dict[str, Any]) -> dict[str, Any]:
        """Return an exported state without passwords, personal data and the bytes of files."""
        content = exported["content"]
        for user in content["users"]:
            user["password"] = DEFAULT_PASSWORD
        for dossier in content["dossiers"]:
            for document in dossier["documents"]:
                for evidence in document["evidences"]:
                    if evidence.get("content") is not None:
                        evidence["content"] = None
        found: dict[str, Any] = self.value(exported)
        return found

    def _member(self, text: str, name: str) -> str:
        if name in _PERSON and text:
            return _PERSON[name]
        if name in {"thirdpartyEmail", "userInCharge"} and _ADDRESS.fullmatch(text) is None:
            # It is malformed, and has to stay so: keep its form alone.
            return _NOT_AN_ADDRESS.sub("x", text)
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
