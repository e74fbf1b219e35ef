"""The documentation as web pages, and a short guide for coding assistants.

Errors name the pages, which need neither the network nor a token. The guide is generated from the tables of
operations and control calls.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from importlib.resources import files
from itertools import pairwise
from string import Template
from types import MappingProxyType

from flask import Response

from mock_server.control.calls import CALLS, route
from mock_server.control.problems import Problem
from mock_server.documentation import anchor_of, page_names, read_page, schema_file
from mock_server.domain.names import shown
from mock_server.domain.operations import API_PATH, OPERATIONS, TOKEN_PATH
from mock_server.settings import CONTROL_PREFIX, SANDBOX_HEADER
from mock_server.web.services import base_url

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
    return _template("page.html").substitute(
        title=escape(text.partition("\n")[0].lstrip("# ")), body=_html(text)
    )


@cache
def _template(name: str) -> Template:
    return Template(files(__package__).joinpath("templates", name).read_text(encoding="utf-8"))


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


@route("GET /llms.txt", media_type="text/plain", sandboxed=False)
def get_llms() -> Response:
    """Return a short guide to this server for coding assistants."""
    return Response(guide(base_url()), content_type="text/plain; charset=utf-8")


def guide(base: str = "http://127.0.0.1:8080") -> str:
    """Return the guide to a server."""
    operations = [
        f"- {row.name}: `{row.method} {row.paths[0]}`"
        for row in OPERATIONS.values()
        if row.paths[0] != TOKEN_PATH
    ]
    listed = sorted((call for call in CALLS if not call.path.startswith("/ui")), key=lambda call: call.path)
    calls = [f"- `{call.method} {call.path}`: {call.summary}" for call in listed]
    return _template("guide.md").substitute(
        base=base,
        api=API_PATH,
        token=TOKEN_PATH,
        control=CONTROL_PREFIX,
        header=SANDBOX_HEADER,
        operations="\n".join(operations),
        calls="\n".join(calls),
    )
