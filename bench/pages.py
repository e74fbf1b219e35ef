"""docs/performance.md: each program of this folder writes its own part of it, and leaves the others' alone."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"


def write_head(text: str) -> None:
    """Replace what stands ahead of the first section."""
    _write({**_parts(), "": text})


def write_section(title: str, text: str) -> None:
    """Replace the section of this title, or add it."""
    _write({**_parts(), title: f"\n{text.strip()}\n"})


def _parts() -> dict[str, str]:
    """What stands under each heading, in order; the head is under none."""
    head, *others = re.split(r"^## (.+)\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {"": head, **dict(zip(others[::2], others[1::2], strict=True))}


def _write(parts: dict[str, str]) -> None:
    written = [
        f"## {title}\n\n{text.strip()}\n" if title else f"{text.strip()}\n" for title, text in parts.items()
    ]
    PAGE.write_text("\n".join(written), encoding="utf-8")
