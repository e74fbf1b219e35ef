"""Replace the values of a source: consistently within one pull, with no way back.

A hash with a random key drives what is generated; the key is in memory only, for one pull. No replacement is
a value of the source, or contains a word or number of one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from random import Random
from secrets import token_bytes
from typing import Any, TypeVar

Value = TypeVar("Value", str, int)

KEPT = frozenset(
    {
        *("companyIdType", "companyCountryCode", "addressCountryCode", "capitalCurrency", "turnoverCurrency"),
        *("stoppingReason", "subscriptionStatus", "status", "documentCode", "code", "indicatorCode", "type"),
    }
)
"""Members of the API whose values stay: types, countries, currencies, states, codes of document types."""

_KEPT_IN_RECIPE = KEPT | {"requirements", "withdrawn", "include", "accounts", "username", "password"}
_KEPT_IN_RECIPE |= {"legalCategoryCode", "legalCategoryLabel", "activityCode", "activityLabel", "version"}
"""Keys of a recipe whose values do not come from the source, or stay."""

_WORDS = frozenset({"example", "document", "type", "pulled"})
"""Words that replacements share."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+)?")
_OFFSET = re.compile(r"-?P[0-9DTHM]+|[0-9]{4}-[0-9]{2}-[0-9]{2}")
"""Dates of a recipe: times from the start, and days of companies, which are made up."""

_WORD = re.compile(r"[^\W_]+")
_SHORTEST = 4
"""Letters of a word, and digits of a number, that say something of the source by themselves."""

_MOST_ATTEMPTS = 10_000
_CONSONANTS, _VOWELS = "bcdfglmnprstv", "aeiou"


class Originals:
    """The values of the source that do not stay, and the words and numbers in them."""

    def __init__(self, answers: Iterable[Any]) -> None:
        self.values: set[str] = set()
        self.words: set[str] = set()
        for name, value in _leaves(answers):
            text = _text(value)
            if name in KEPT or _DATE.fullmatch(text) or text in {"true", "false"}:
                continue
            if _WORD.search(text):  # `-` is no reference
                self.values.add(text)
                self.words.update(_words(text))

    def has(self, value: Any) -> bool:
        """Whether a value, or a word or number in it, is one of the source."""
        text = _text(value)
        is_long = len(text) >= _SHORTEST or not text.isdecimal()
        return (is_long and text in self.values) or not self.words.isdisjoint(_words(text))


def find_originals(recipe: Any, originals: Originals) -> list[str]:
    """Return the keys of a recipe that have a value of the source."""
    return sorted(
        {
            name
            for name, value in _leaves(recipe)
            if name not in _KEPT_IN_RECIPE and not _OFFSET.fullmatch(str(value)) and originals.has(value)
        }
    )


class Replacements:
    """The replacements of one pull. `counts` has how many different values were replaced, by kind."""

    def __init__(self, originals: Originals) -> None:
        self._key = token_bytes(32)
        self._originals = originals
        self._known: dict[tuple[str, str], Any] = {}
        self._used: set[tuple[str, Any]] = set()
        self.counts: Counter[str] = Counter()

    def replace(
        self, kind: str, original: object, make: Callable[[Random], Value], *, unique: bool = True
    ) -> Value:
        """Return the replacement of a value: always the same one for a value of a kind.

        `make` is called with other random numbers until the source has nothing of what it makes.

        Raises:
            ValueError: `make` makes nothing that the source does not have.
        """
        key = kind, str(original)
        if key in self._known:
            return self._known[key]  # type: ignore[no-any-return]  # as `make` made it
        for attempt in range(_MOST_ATTEMPTS):
            seed = blake2b(f"{kind}\0{original}\0{attempt}".encode(), key=self._key).digest()
            made = make(Random(seed))
            if not self._originals.has(made) and not (unique and (kind, made) in self._used):
                self._known[key] = made
                self._used.add((kind, made))
                self.counts[kind] += 1
                return made
        raise ValueError(f"no replacement of the kind {kind!r} is left")

    def renumber(self, kind: str, numbers: Iterable[int], first: int) -> dict[int, int]:
        """Return a new number for each, from the first one on and in the same order."""
        found: dict[int, int] = {}
        following = first
        for number in sorted(set(numbers)):
            while self._originals.has(following):
                following += 1
            found[number] = following
            following += 1
        self.counts[kind] += len(found)
        return found


def make_word(random: Random) -> str:
    """Return a word of three or four syllables that is not a name."""
    syllables = range(random.randint(3, 4))
    return "".join(random.choice(_CONSONANTS) + random.choice(_VOWELS) for _ in syllables).capitalize()


def make_code(prefix: str, digits: int = 7) -> Callable[[Random], str]:
    """Return a function that makes a prefix and a number."""
    return lambda random: f"{prefix}{random.randrange(10**digits):0{digits}d}"


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the texts and numbers in a value, each with the name of the member that has it."""
    if isinstance(value, str | int | float | None):
        if value is not None and not isinstance(value, bool):
            yield name, value
        return
    members = value.items() if isinstance(value, dict) else ((name, inner) for inner in value)
    for member, inner in members:
        yield from _leaves(inner, member)


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip().casefold()


def _words(text: str) -> list[str]:
    found = [word for word in _WORD.findall(text) if len(word) >= _SHORTEST and word not in _WORDS]
    # The first nine digits of a SIRET are the company.
    return found + [word[:9] for word in found if word.isdecimal() and len(word) == len("50382936800045")]
