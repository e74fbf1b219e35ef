"""Hooks of mkdocs: the site has only existing pages and internal links, and loads nothing from other hosts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

_OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./[^)]+\)")
"""A link to a file of the repository that is not a page, such as a test."""
_CELL = re.compile(r"<td[ >].*?</td>", re.DOTALL)
_LONG_CODE = re.compile(r"<code>[^<]{24,}</code>")
_BREAK = re.compile(r"(?<=[\w}])(?:::|[/_=,])(?=[\w{/])")
_LOADED = re.compile(r"""<(?:script|img|iframe|link)\b[^>]*?(?:src|href)=["']?((?:https?:)?//[^"'\s>]+)""")


def on_config(config: Any) -> Any:
    """Remove pages from the navigation that do not exist yet."""
    config.nav = _present(config.nav, Path(config.docs_dir))
    return config


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace links to files outside the pages by their text."""
    return _OUTSIDE.sub(r"\1", markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Mark where long code in a table may break: after the separators of a path, and of a name with many words."""
    return _CELL.sub(lambda cell: _LONG_CODE.sub(_with_breaks, cell[0]), html)


def _with_breaks(code: re.Match[str]) -> str:
    return _BREAK.sub(lambda separator: f"{separator[0]}<wbr>", code[0])


def on_post_build(config: Any) -> None:
    """Reject a page that loads anything from another host.

    Raises:
        PluginError: a page does.
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
