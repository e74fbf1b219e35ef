"""A report of what clients did, in one sandbox or in all of the server."""

from __future__ import annotations

from flask import Response

from mock_server.control.calls import query_choice, route
from mock_server.control.coverage import SCOPE, counted_scope, coverage_members
from mock_server.journal.report import report_tables
from mock_server.tables import to_html, to_markdown

_QUERY = {
    **SCOPE,
    "format": {
        "type": "string",
        "enum": ["markdown", "html"],
        "default": "markdown",
        "description": "Markdown, or a page.",
    },
}


@route("GET /report", media_type="text/markdown", query=_QUERY)
def get_report() -> Response:
    """Return a report of what the client did, as Markdown, such as for the summary of a CI job.

    It has calls, error codes, warnings, requests per import, retries, the slowest requests and coverage.
    """
    from mock_server.client.coverage import from_answer  # with the HTTP client: no other call needs it

    scope = counted_scope()
    kind = query_choice("format", ("markdown", "html"))
    title = "Requests of all sandboxes" if scope.name is None else f"Requests of the sandbox {scope.name}"
    tables = report_tables(scope.counts, [sandbox.journal for sandbox in scope.sandboxes])
    tables += from_answer(coverage_members(scope)).tables()
    text = to_html(title, tables) if kind == "html" else to_markdown(title, tables)
    return Response(text, content_type=f"text/{kind}; charset=utf-8")
