"""What mkdocs asks while it builds the site: pages that are there, links that stay in it, nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

_OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./[^)]+\)")
"""A link to a file of the repository that is no page, such as a test."""
_LOADED = re.compile(r"""<(?:script|img|iframe|link)\b[^>]*?(?:src|href)=["']?((?:https?:)?//[^"'\s>]+)""")


def on_config(config: Any) -> Any:
    """Leave pages out of the navigation that are not written yet."""
    config.nav = _present(config.nav, Path(config.docs_dir))
    return config


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Let links that lead out of the pages be text."""
    return _OUTSIDE.sub(r"\1", markdown)


def on_post_build(config: Any) -> None:
    """Refuse a page that loads anything from another host.

    Raises:
        PluginError: one does.
    """
    for page in Path(config.site_dir).rglob("*.html"):
        loaded = _LOADED.search(page.read_text(encoding="utf-8"))
        if loaded:
            raise PluginError(f"{page.name} loads {loaded[1]}")


def _present(nav: list[Any], folder: Path) -> list[Any]:
    kept: list[Any] = []
    for entry in nav:
        if isinstance(entry, str):
            kept += [entry] if (folder / entry).is_file() else []
        else:
            kept.append({title: _present(pages, folder) for title, pages in entry.items()})
    return kept
