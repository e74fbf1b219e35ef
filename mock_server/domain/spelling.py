"""Spellings: a name as Python writes it and as the wire does, and the name that was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from mock_server.domain.caching import cache_short

LONGEST = 100
"""Characters of a name that may be another one misspelt: to compare longer texts takes too long."""

_UNDERSCORE = re.compile(r"_([a-z])")


@cache_short(256)
def camel(name: str) -> str:
    """A Python name as the wire writes it: `thirdparty_code` is `thirdpartyCode`."""
    return _UNDERSCORE.sub(lambda letter: letter[1].upper(), name)


@cache_short(256)
def snake(name: str) -> str:
    """A name of the wire as Python writes it; empty for one that the wire would not write so."""
    plain = re.sub(r"([A-Z])", r"_\1", name).lower()
    return plain if camel(plain) == name else ""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, None when there is none like it."""
    return next(iter(get_close_matches(name, known, n=1)), None) if len(name) <= LONGEST else None
