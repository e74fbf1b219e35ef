"""The documentation as web pages: errors name them, and they need neither the network nor a token."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from itertools import pairwise
from types import MappingProxyType

from flask import Response

from mock_server.control.calls import route
from mock_server.control.problems import Problem
from mock_server.documentation import anchor_of, page_names, read_page, schema_file
from mock_server.domain.names import shown

_HEADERS = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
            " frame-ancestors 'none'"
        ),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
)
"""A page loads nothing and runs no script."""

_PAGE_LINK = re.compile(r"([\w-]+)\.md(#.*)?")

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - mock-server</title>
<style>
:root {{ color-scheme: light dark; }}
:root {{ --line: light-dark(#d0d7de, #444c56); --code: light-dark(#f3f4f6, #22272e); }}
body {{ font: 16px/1.55 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }}
nav {{ border-bottom: 1px solid var(--line); padding-bottom: .5rem; }}
a {{ color: light-dark(#0550ae, #79b8ff); }}
h1, h2, h3 {{ overflow-wrap: anywhere; }}
h2 {{ border-top: 1px solid var(--line); margin-top: 2rem; padding-top: 1rem; }}
:target {{ background: light-dark(#fff8c5, #4b3b00); }}
code, pre {{ background: var(--code); border-radius: 4px; font: .9em/1.5 ui-monospace, monospace; }}
code {{ overflow-wrap: anywhere; padding: .1em .3em; }}
td code {{ overflow-wrap: normal; }}
pre {{ overflow-x: auto; padding: .75rem; }}
pre code {{ padding: 0; }}
.table {{ overflow-x: auto; }}
table {{ border-collapse: collapse; }}
td, th {{ border: 1px solid var(--line); padding: .35rem .6rem; text-align: left; vertical-align: top; }}
</style>
<nav><a href="index">All pages</a> · <a href="../ui">Dashboard</a></nav>
<main>
{body}</main>
</html>
"""


@route("GET /docs/<name>", media_type="text/html", sandboxed=False)
def get_docs(name: str) -> Response:
    """Return a page of this documentation, such as `control`, or the JSON Schema of a file format.

    Raises:
        Problem: 404, there is no page with this name.
    """
    schema = schema_file(name)
    if schema is not None:
        return Response(schema.read_bytes(), content_type="application/json")
    page = _page(name)
    if page is None:
        raise Problem(f"there is no page {shown(name)}; there are {', '.join(page_names())}", 404)
    return Response(page, headers=dict(_HEADERS), content_type="text/html; charset=utf-8")


@cache
def _page(name: str) -> str | None:
    text = read_page(name)
    if text is None:
        return None
    return _PAGE.format(title=escape(text.partition("\n")[0].lstrip("# ")), body=_html(text))


def _html(text: str) -> str:
    """Render Markdown; headings get their anchors, and links to pages lead to those of this server."""
    from markdown_it import MarkdownIt  # 70 modules, which most servers never need

    markdown = MarkdownIt("commonmark").enable("table")
    tokens = markdown.parse(text)
    for token, following in pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", anchor_of(following.content))
        for child in token.children or ():
            link = child.attrGet("href") if child.type == "link_open" else None
            match = _PAGE_LINK.fullmatch(str(link))
            if match:
                child.attrSet("href", f"{match[1]}{match[2] or ''}")
    rendered: str = markdown.renderer.render(tokens, markdown.options, {})
    return rendered.replace("<table>", '<div class="table" tabindex="0"><table>').replace(
        "</table>", "</table></div>"
    )
