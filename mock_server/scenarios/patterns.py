"""Regular expressions that people write, matched by RE2: in time linear in the text, whatever they are.

One of Python's can take longer than anybody waits, and nothing else would be answered meanwhile.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

MAX_LENGTH = 1000
"""Characters of a pattern."""

MAX_MEMORY = 256 * 1024
"""Bytes that a compiled one may take: enough for `.{1,1000}`, and too few to be slow."""


def fits(pattern: str, text: str) -> bool:
    """Whether the whole text matches.

    Raises:
        ValueError: it is no regular expression; the message says why.
    """
    return compiled(pattern).fullmatch(encodable(text)) is not None


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Any:
    """The regular expression, ready to match.

    Raises:
        ValueError: it is none that RE2 takes, or too large a one; the message says why.
    """
    import re2  # only what matches by one needs it

    if len(pattern) > MAX_LENGTH:
        raise ValueError(f"a regular expression has at most {MAX_LENGTH} characters, this one {len(pattern)}")
    options = re2.Options()
    options.max_mem, options.log_errors = MAX_MEMORY, False
    try:
        return re2.compile(pattern, options)
    except UnicodeEncodeError:
        raise ValueError(f"{pattern!r} is no regular expression: half a surrogate pair") from None
    except re2.error as problem:
        raise ValueError(f"{pattern!r} is no regular expression: {_told(problem)}") from None


def encodable(text: str) -> str:
    """The text, half of a surrogate pair replaced: JSON can write one, and UTF-8 cannot."""
    return text.encode(errors="replace").decode()


def _told(problem: Exception) -> str:
    reason = str(problem.args[0].decode(errors="replace"))
    if "perl operator" in reason or "invalid escape sequence" in reason:
        return f"{reason} (there is no look-around and no back-reference; say it with $not or $oneOf)"
    return reason
