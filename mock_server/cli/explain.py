"""`mock-server explain`: print a page of the documentation, an error code or a rule, without a server."""

from __future__ import annotations

import sys

import click

from mock_server.cli import output
from mock_server.domain.names import shown

_MAX_SIMILAR = 3
"""The number of similar topics that an error names at most."""


@click.command(short_help="Print a page of the documentation, an error code or a rule.")
@click.argument("topic", required=False)
def explain(topic: str | None) -> None:
    """Print a page (control), a section (control#the-clock), an error code (E202) or a rule (6.1.3).

    Also an operation (listDossiers), a variant (refusals) or a decision between sources (C15).

    Without a topic, list all pages.
    """
    if topic is None:
        for line in _list_of_pages():
            click.echo(line)
        return
    text = _find_text(topic)
    if sys.stdout.isatty():
        from rich.markdown import Markdown

        output.show(Markdown(text))
    else:
        output.write_utf8(text)


def _list_of_pages() -> list[str]:
    """The names and titles of the pages, aligned."""
    from mock_server.documentation import headings, page_names, read_page

    titles = {name: next(iter(headings(read_page(name) or "").values())) for name in page_names()}
    width = max(map(len, titles))
    return [f"{name:<{width}}  {title}" for name, title in titles.items()]


def _find_text(topic: str) -> str:
    """Find the text of a topic.

    Raises:
        ClickException: there is no such topic; the message names similar ones.
    """
    from mock_server.documentation import behaviour_of, read_page, rule_of, section_of

    name, _, anchor = topic.removeprefix("docs/").partition("#")
    page = read_page(name.removesuffix(".md"))
    text = page if page is None or not anchor else section_of(page, anchor)
    text = text or _error_code(topic) or rule_of(topic) or behaviour_of(topic)
    if text is None:
        raise click.ClickException(f"there is no topic {shown(topic)}{_advice(name, anchor, page)}")
    return text


def _error_code(topic: str) -> str | None:
    from mock_server.domain.errors import ERRORS

    row = ERRORS.get(topic.upper())
    if row is None:
        return None
    rows = {
        "English": row.label_en,
        "French": row.label_fr,
        "when": row.when,
        "how sure it is": row.provenance,
        "rules": "`mock-server explain 5`",
    }
    return f"# {row.code}\n\n" + "".join(f"- {label}: {text}\n" for label, text in rows.items())


def _advice(name: str, anchor: str, page: str | None) -> str:
    """Return the end of the error: sections of the page, or pages with a similar name."""
    from difflib import get_close_matches

    from mock_server.documentation import headings, page_names

    if page is not None:
        sections = list(headings(page))
        near = get_close_matches(anchor, sections, _MAX_SIMILAR) or sections[1:]
        topics = ", ".join(f"{name}#{section}" for section in near[:_MAX_SIMILAR])
        return f"; the page {name} has, for example, {topics}"
    near = get_close_matches(name, page_names(), _MAX_SIMILAR)
    return f"; did you mean {' or '.join(near)}?" if near else "; `mock-server explain` lists the pages"
