"""The documentation as web pages, and a short guide for coding assistants.

Errors name the pages, which need neither the network nor a token. The guide is generated from the tables of
operations and control calls.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from itertools import pairwise
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

_GUIDE = """\
# mock-server

> A sandbox of the e-Attestations (Aprovall) dossiers API. It keeps state, enforces the rules and returns the
> documented error codes. Clients change only their base URL and authorisation URL.

- Base URL: `{base}{api}`. The EDGE dialect: `{base}/edge{api}`.
- Token: `POST {base}{token}` with the form `grant_type=password`, `client_id=ea-api-edge`, `username`,
  `password`. Any user and password are accepted by default; the account of `api@example.com` is 119631.
- One sandbox per test: the user name `api+NAME@example.com` opens the sandbox NAME. Control calls name it by
  the header `{header}: NAME`.
- Never wait: an import ends on the sandbox's clock. `POST {control}/clock/advance` with `{{"by": "PT1S"}}`.
- Business cases are data, not scripted answers: `GET {control}/fixture` lists SIRETs whose import fails.
- Faults and delays are rules or scenarios: `PUT {control}/scenario` with
  `{{"name": "outage-of-three-calls"}}`.
- After a failure look at `GET {control}/requests?limit=5`, then at `why` of `GET {control}/requests/NUMBER`.
- With pytest use the fixture `dossiers_sandbox`: `session()`, `base_url`, `clock.advance(…)`, `verify(…)`.

## Operations of the API
{operations}

## Control calls, below `{control}`
{calls}

## Documents
- [Documentation]({base}{control}/docs/index)
- [OpenAPI of the API]({base}/openapi.json), [of EDGE]({base}/edge/openapi.json)
- [OpenAPI of the control calls]({base}{control}/openapi.json)
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
    shown = sorted((call for call in CALLS if not call.path.startswith("/ui")), key=lambda call: call.path)
    calls = [f"- `{call.method} {call.path}`: {call.summary}" for call in shown]
    return _GUIDE.format(
        base=base,
        api=API_PATH,
        token=TOKEN_PATH,
        control=CONTROL_PREFIX,
        header=SANDBOX_HEADER,
        operations="\n".join(operations),
        calls="\n".join(calls),
    )
