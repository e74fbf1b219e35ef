"""Coverage of a suite: what its clients reached of the API, merged, compared, and shown as tables.

An item is an operation (`getDossier`), a code (`E202`), an edge of paging (`listDossiers.lastFull`), an
outcome of an import (`import.succeeded`) or a variant (`refusals=result`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace

from mock_server.decode_errors import convert_plain
from mock_server.domain.names import counted, nearest
from mock_server.input_errors import InputError
from mock_server.tables import Table

_KINDS = {
    "operations": "Operations",
    "codes": "Error codes",
    "pages": "Edges of paging",
    "processes": "Outcomes of imports",
    "variants": "Variants",
}


class SuiteCoverage(Struct, frozen=True):
    """Per kind, how often each item was reached. Excluded items do not count; each has a reason."""

    kinds: Mapping[str, Mapping[str, int]]
    excluded: Mapping[str, str] = {}

    @property
    def items(self) -> dict[str, int]:
        """The items that count."""
        all_items = {name: times for items in self.kinds.values() for name, times in items.items()}
        return {name: times for name, times in all_items.items() if name not in self.excluded}

    @property
    def percent(self) -> int:
        """The share of items that were reached, rounded down."""
        items = self.items
        return 100 * sum(times > 0 for times in items.values()) // len(items) if items else 0

    def exclude(self, lines: Iterable[str]) -> SuiteCoverage:
        """Return the coverage without these items; each line has an item and a reason: `E101: not used`.

        Raises:
            ValueError: there is no such item, or no reason.
        """
        excluded = dict(self.excluded)
        names = [name for items in self.kinds.values() for name in items]
        for line in lines:
            name, _, reason = (part.strip() for part in line.partition(":"))
            if name not in names:
                near = nearest(name, names)
                hint = f"did you mean {near!r}?" if near else "`coverage report` lists all"
                raise ValueError(f"there is nothing named {name!r} to exclude; {hint}")
            if not reason:
                raise ValueError(f"{name!r} is excluded without a reason: write '{name}: the reason'")
            excluded[name] = reason
        return replace(self, excluded=excluded)

    def to_json(self) -> str:
        """Return the content of a coverage file."""
        members = {"version": 1, "percent": self.percent, "kinds": self.kinds, "excluded": self.excluded}
        return json.dumps(members, indent=2, ensure_ascii=False) + "\n"

    @property
    def sentence(self) -> str:
        """The result in a sentence."""
        items = self.items
        reached = sum(times > 0 for times in items.values())
        excluded = f"; {len(self.excluded)} excluded" if self.excluded else ""
        return f"{reached} of {counted(len(items), 'item')} were reached: {self.percent} %{excluded}."

    def tables(self) -> list[Table]:
        """Return the coverage as tables: the kinds, then what was never reached, and what is excluded."""
        items = self.items
        rows, missing = [], []
        for kind, title in _KINDS.items():
            names = [name for name in self.kinds.get(kind, {}) if name in items]
            never = [name for name in names if not items[name]]
            rows.append((title, len(names) - len(never), len(names)))
            if never:
                missing.append((title, ", ".join(never)))
        return [
            Table("Coverage", ("kind", "reached", "of"), rows, self.sentence),
            *([Table("Never reached", ("kind", "items"), missing)] if missing else []),
            *([Table("Excluded", ("item", "reason"), [*self.excluded.items()])] if self.excluded else []),
        ]


def merge(parts: Iterable[SuiteCoverage]) -> SuiteCoverage:
    """Add the coverage of several runs, sandboxes or workers. What one of them excludes is excluded."""
    kinds: dict[str, Counter[str]] = {kind: Counter() for kind in _KINDS}
    excluded: dict[str, str] = {}
    for part in parts:
        excluded |= part.excluded
        for kind, items in part.kinds.items():
            kinds.setdefault(kind, Counter()).update(items)
    return SuiteCoverage(kinds, excluded)


def compare(baseline: SuiteCoverage, now: SuiteCoverage) -> tuple[list[str], list[str]]:
    """Return the items that are no longer reached, and those that are reached for the first time."""
    before, after = baseline.items, now.items
    lost = [
        name for name, times in before.items() if times and not after.get(name) and name not in now.excluded
    ]
    return lost, [name for name, times in after.items() if times and not before.get(name)]


def read_coverage(text: str) -> SuiteCoverage:
    """Read a coverage file, or an answer of `GET /__admin/coverage`.

    Raises:
        ValueError: it is neither; the message has the place and the reason.
    """
    try:
        value = json.loads(text)
        if isinstance(value, dict) and "kinds" in value:
            saved = convert_plain(value, _CoverageFile)
            return SuiteCoverage(saved.kinds, saved.excluded)
        return from_answer(value)
    except (ValueError, RecursionError) as error:
        place = f"{error.path}: " if isinstance(error, InputError) else "not JSON: "
        remedy = "give a file of pytest --dossiers-coverage=FILE, or an answer of GET /__admin/coverage"
        raise ValueError(f"{place}{error}; {remedy}") from None


def from_answer(answer: Any) -> SuiteCoverage:
    """Return the coverage that a server reports.

    Raises:
        InputError: it has another form.
    """
    coverage = convert_plain(answer, _CoverageAnswer)
    pages = {
        f"{search}.{edge}": times
        for search, row in coverage.pages.items()
        for edge, times in row.items.items()
    }
    return SuiteCoverage(
        {
            "operations": coverage.operations.items,
            "codes": coverage.codes.items,
            "pages": pages,
            "processes": {f"import.{name}": times for name, times in coverage.processes.items.items()},
            "variants": coverage.variants.items,
        }
    )


_Times = Annotated[int, Meta(ge=0)]


class _CoverageFile(Struct):
    """What `SuiteCoverage.to_json` writes."""

    kinds: dict[str, dict[str, _Times]]
    excluded: dict[str, str] = {}


class _Calls(Struct):
    """How often an operation was called."""

    calls: _Times


class _Row(Struct):
    """Which items of a kind were reached, and how often, and which were not."""

    met: dict[str, _Times | _Calls]
    never: list[str]

    @property
    def items(self) -> dict[str, int]:
        """How often each item was reached."""
        met = {name: times.calls if isinstance(times, _Calls) else times for name, times in self.met.items()}
        return met | dict.fromkeys(self.never, 0)


class _CoverageAnswer(Struct):
    """What is read of an answer of `GET /__admin/coverage`; `pages` has a row for each search."""

    operations: _Row
    codes: _Row
    pages: dict[str, _Row]
    processes: _Row
    variants: _Row
