"""Names in Python and on the wire, names of users, the nearest known name, values in messages; a cache."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar, cast

MAX_KEY = 256
"""Characters of all texts of a key together."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def cache_short(entries: int) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """Cache a function of texts: at most `entries` results, and none of long arguments."""

    def decorate(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        cached = cast(Callable[Arguments, Result], lru_cache(entries)(function))

        @wraps(function)
        def call(*texts: Arguments.args, **options: Arguments.kwargs) -> Result:
            is_short = sum(len(text) for text in texts if isinstance(text, str)) <= MAX_KEY
            return (cached if is_short else function)(*texts, **options)

        return call

    return decorate


SANDBOX_NAME_RULE = "up to 64 letters, digits, dots, dashes and underscores, but not only dots"
"""How sandboxes, and snapshots in them, are named, for messages."""

MAX_SHOWN = 60
"""Characters of a value in a message; the rest of a longer one is cut."""


def cut(text: str) -> str:
    """The text, cut where it is too long for a message."""
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def is_utf8(text: str) -> bool:
    """Whether the text can be written in UTF-8: an argument or a file's name may have other bytes."""
    return text.isascii() or text.encode("utf-8", "replace").decode() == text


def shown(value: object) -> str:
    """The value in quotes, as Python writes it, cut where it is too long for a message."""
    return cut(repr(value))


def counted(number: int, one: str, several: str = "") -> str:
    """The number with its noun: `1 step`, `1,200 steps`; `several` is the plural, if not `one` with an s."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


MAX_NAME = 100
"""Characters of a name that is compared with known ones; longer texts would take too long."""

_UNDERSCORE = re.compile(r"_([a-z])")


def without_tag(username: str) -> str:
    """Return a user name without the tag of a sandbox: `api@example.com` for `api+gw3@example.com`."""
    local, separator, host = username.partition("@")
    return f"{local.partition('+')[0]}{separator}{host}"


@cache_short(256)
def camel(name: str) -> str:
    """A Python name as the wire writes it: `thirdparty_code` is `thirdpartyCode`."""
    return _UNDERSCORE.sub(lambda letter: letter[1].upper(), name)


@cache_short(256)
def snake(name: str) -> str:
    """A name of the wire as Python writes it; empty for one that the wire would not write so."""
    plain = re.sub(r"([A-Z])", r"_\1", name).lower()
    return plain if camel(plain) == name else ""


def proposal(name: str, known: Iterable[str], quote: Callable[[str], str] = repr) -> str:
    """Return `did you mean 'x'?` with the nearest of the known names; if none is near, `there are a, b`."""
    names = list(known)
    near = nearest(name, names)
    return f"did you mean {quote(near)}?" if near else f"there are {', '.join(names)}"


def proposal_and_all(name: str, known: Iterable[str], separator: str = ", ") -> str:
    """Return `did you mean 'x'? There are: a, b` with all known names; no question if none is near."""
    names = list(known)
    near = nearest(name, names)
    advice = f"did you mean {near!r}? There are" if near else "there are"
    return f"{advice}: {separator.join(names) or 'none'}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The most similar known name; None if none is similar, or the name is too long."""
    return next(iter(get_close_matches(name, known, n=1)), None) if len(name) <= MAX_NAME else None
