"""docs/performance.md: `make bench` writes its head, `make load` the section "Under load", neither the other's."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
_SECTION = "\n## Under load\n"


def write_head(text: str) -> None:
    """Replace all but the section."""
    _, heading, section = _written().partition(_SECTION)
    PAGE.write_text(text + heading + section, encoding="utf-8")


def write_section(text: str) -> None:
    """Replace the section, or add it."""
    PAGE.write_text(_written().partition(_SECTION)[0] + _SECTION + text, encoding="utf-8")


def _written() -> str:
    return PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
