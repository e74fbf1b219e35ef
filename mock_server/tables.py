"""Tables of a report as Markdown, as an HTML page, or as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    "body{overflow-wrap:anywhere}"
    "table{border-collapse:collapse;margin:.5rem 0}"
    "th{text-align:left}td,th{border:1px solid #8886;padding:.2rem .6rem}"
    ":root{color-scheme:light dark}"
)


class Table(NamedTuple):
    """A heading, a sentence below it, and rows; without rows, only the sentence is shown."""

    title: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()
    sentence: str = ""


def to_markdown(title: str, tables: Sequence[Table]) -> str:
    """Return a document that GitHub and GitLab show in a job."""
    lines = [f"# {title}", ""]
    for table in tables:
        lines += [f"## {table.title}", ""]
        if table.sentence:
            lines += [_cell(table.sentence), ""]
        if table.rows:
            lines += [f"| {' | '.join(table.columns)} |", f"|{' --- |' * len(table.columns)}"]
            lines += [f"| {' | '.join(map(_cell, row))} |" for row in table.rows]
            lines.append("")
    return "\n".join(lines)


def to_html(title: str, tables: Sequence[Table]) -> str:
    """Return a page that needs no other file."""
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body><h1>{escape(title)}</h1>",
    ]
    for table in tables:
        parts.append(f"<h2>{escape(table.title)}</h2>")
        if table.sentence:
            parts.append(f"<p>{escape(table.sentence)}</p>")
        if table.rows:
            parts.append(f"<table>{_html_row('th', table.columns)}")
            parts += [_html_row("td", row) for row in table.rows]
            parts.append("</table>")
    return "\n".join([*parts, "</body></html>", ""])


def to_text(title: str, tables: Sequence[Table]) -> str:
    """Return aligned columns for a terminal."""
    lines = [title]
    for table in tables:
        lines += ["", table.title, *([table.sentence] if table.sentence else [])]
        if table.rows:
            cells = [[str(cell) for cell in row] for row in (table.columns, *table.rows)]
            widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
            lines += [
                "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                for row in cells
            ]
    return "\n".join([*lines, ""])


FORMATS = {"text": to_text, "markdown": to_markdown, "html": to_html}


def _cell(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace("|", "\\|").replace("`", "\\`").replace("*", "\\*")
    return " ".join(text.replace("<", "&lt;").split())


def _html_row(tag: str, row: Sequence[object]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(str(cell))}</{tag}>' for cell in row)}</tr>"
