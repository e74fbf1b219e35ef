"""One name in two spellings: as Python writes it, and as the wire does."""

from __future__ import annotations

import re
from functools import lru_cache

_UNDERSCORE = re.compile(r"_([a-z])")


@lru_cache(maxsize=256)
def camel(name: str) -> str:
    """A Python name as the wire writes it: `thirdparty_code` is `thirdpartyCode`."""
    return _UNDERSCORE.sub(lambda letter: letter[1].upper(), name)


@lru_cache(maxsize=256)
def snake(name: str) -> str:
    """A name of the wire as Python writes it; empty for one that the wire would not write so."""
    plain = re.sub(r"([A-Z])", r"_\1", name).lower()
    return plain if camel(plain) == name else ""
