"""The named switches between two documented readings of the API (behaviour.md 13)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from msgspec import Struct, field

from mock_server.domain.names import shown


class Variant(Struct, frozen=True):
    """One switch: its values, default first; `defaults` are those of the dialects that have another one."""

    name: str
    values: tuple[str, ...]
    decision: str
    effect: str
    defaults: Mapping[str, str] = {}

    def default(self, dialect: str) -> str:
        """The value in `dialect` as long as none is chosen."""
        return self.defaults.get(dialect, self.values[0])


VARIANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant(
            "refusals",
            ("http400", "result"),
            "C5",
            "Status of a refused command: 400, or 200 with the same body.",
        ),
        Variant(
            "emptySearch",
            ("page", "not-found"),
            "C7",
            "A search without a hit: 200 with an empty page, or 404.",
            defaults={"edge": "not-found"},
        ),
        Variant(
            "documentDetail",
            ("array", "object"),
            "C4",
            "`content` of one document: array of one, or object.",
        ),
        Variant(
            "fileItems",
            ("file", "document"),
            "C24",
            "Items of a document's files: the file alone, or with `documentId` and `listFileInformation`.",
        ),
        Variant(
            "documentName", ("code", "label"), "C13", "v1.1 `name` of a document: its code, or its label."
        ),
        Variant(
            "stoppingReason",
            ("STOPREQUEST", "ACTION_VOLONTAIRE"),
            "C14",
            "The word for an explicit stop.",
        ),
        Variant(
            "stoppedDocuments", ("empty", "keep"), "C50", "Documents of a stopped dossier: none, or kept."
        ),
        Variant(
            "requirementsUpdate",
            ("replace", "add"),
            "C10",
            "An update of requirements replaces the list, or adds to it.",
            defaults={"edge": "add"},
        ),
        Variant(
            "referenceSpaces",
            ("remove", "trim"),
            "C15",
            "White space of a reference: all removed, or trimmed.",
        ),
        Variant("referenceCase", ("keep", "upper"), "C15", "Case of a reference: kept, or upper."),
        Variant("rateLimit", ("off", "on"), "C45", "The documented rate limit per account: off, or on."),
    )
}
"""Every variant by name."""


class Variants(Mapping[str, str]):
    """The value of every variant for one dialect. Compares by identity: equal choices are the same object."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    __hash__ = object.__hash__
    __eq__ = object.__eq__


def check_variants(chosen: Mapping[str, str]) -> dict[str, str]:
    """Return a copy of `chosen`, if every name and value exists.

    Raises:
        ValueError: an unknown variant or value; the message says which there are.
    """
    for name, value in chosen.items():
        if name not in VARIANTS:
            raise ValueError(f"there is no variant {shown(name)}; the variants are {', '.join(VARIANTS)}")
        if value not in VARIANTS[name].values:
            raise ValueError(f"variant {name} is {' or '.join(VARIANTS[name].values)}, not {shown(value)}")
    return dict(chosen)


def resolve(chosen: Mapping[str, str], dialect: str) -> Variants:
    """The values of all variants: those that were chosen, else the dialect's defaults."""
    return _resolve(tuple(sorted(chosen.items())), dialect)


@lru_cache(maxsize=1024)
def _resolve(chosen: tuple[tuple[str, str], ...], dialect: str) -> Variants:
    return Variants({name: variant.default(dialect) for name, variant in VARIANTS.items()} | dict(chosen))


class ChosenVariants(Struct, frozen=True, eq=False):
    """The chosen values by the name of the variant, and all values in each dialect."""

    chosen: Mapping[str, str] = field(default_factory=dict)
    _resolved: dict[str, Variants] = field(default_factory=dict)

    def of(self, dialect: str) -> Variants:
        """Return the active variants of a dialect; computed once."""
        variants = self._resolved.get(dialect)
        if variants is None:
            variants = self._resolved[dialect] = resolve(self.chosen, dialect)
        return variants
