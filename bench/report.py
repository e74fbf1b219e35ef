"""Write parts of docs/performance.md; each program of this folder replaces only its own part."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"


class Row(NamedTuple):
    """What was measured, the figures, the ratio that is judged, its budget, and whether it holds."""

    what: str
    measured: str
    figure: str = ""
    budget: str = ""
    verdict: str = ""


def bound(value: float, limit: float, unit: str, *, at_least: bool = False) -> tuple[str, str, str]:
    """The last three cells of a row: the figure, its budget, and whether it holds."""
    holds = value >= limit if at_least else value <= limit
    shown = f"{value:.2f}" if value < 10 else f"{value:,.0f}"
    return (
        f"{shown} {unit}",
        f"{'≥' if at_least else '≤'} {limit:g} {unit}",
        "held" if holds else "**not held**",
    )


def table(rows: Iterable[Row]) -> Iterator[str]:
    """The rows as Markdown."""
    yield "| what | measured | ratio or figure | budget | |"
    yield "| --- | --- | --- | --- | --- |"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def write_head(text: str) -> None:
    """Replace what comes before the first section."""
    _write({**_parts(), "": text})


def write_section(title: str, text: str) -> None:
    """Replace the section of this title, or add it."""
    _write({**_parts(), title: f"\n{text.strip()}\n"})


def _parts() -> dict[str, str]:
    """The text under each heading, in order; the head is under the empty one."""
    head, *others = re.split(r"^## (.+)\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {"": head, **dict(zip(others[::2], others[1::2], strict=True))}


def _write(parts: dict[str, str]) -> None:
    written = [
        f"## {title}\n\n{text.strip()}\n" if title else f"{text.strip()}\n" for title, text in parts.items()
    ]
    PAGE.write_text("\n".join(written), encoding="utf-8")
