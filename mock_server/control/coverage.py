"""What clients did, in one sandbox or in all of the server: coverage of the API, and a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from flask import Response, request

from mock_server.control.calls import choice_of, query_choice, route
from mock_server.control.problems import Problem, json_answer
from mock_server.domain.names import shown
from mock_server.domain.operations import OPERATIONS
from mock_server.domain.variants import VARIANTS
from mock_server.journal.coverage import CoverageRow, ExchangeCounts, compute_coverage
from mock_server.journal.report import report_tables
from mock_server.sandbox.sandbox import ServerSandbox
from mock_server.tables import to_html, to_markdown
from mock_server.web.services import requested_sandbox_name, services

_SCOPES = ("sandbox", "server")
_FORMATS = ("markdown", "html")
_SCOPE = {"scope": choice_of(_SCOPES, "One sandbox, or all of the server.")}
_REPORT_QUERY = {**_SCOPE, "format": choice_of(_FORMATS, "Markdown, or a page.")}


@route("GET /coverage", query=_SCOPE)
def get_coverage() -> Response:
    """Return which parts of the API the client has reached since the start or a reset, and which not.

    With `scope=server`, over all sandboxes since the start of the server, dropped ones included.
    """
    return json_answer(_coverage_members(_counted_scope()))


@route("GET /report", media_type="text/markdown", query=_REPORT_QUERY)
def get_report() -> Response:
    """Return a report of what the client did, as Markdown, such as for the summary of a CI job.

    It has calls, error codes, warnings, requests per import, retries, the slowest requests and coverage.
    """
    from mock_server.client.coverage import from_answer  # with the HTTP client: no other call needs it

    scope = _counted_scope()
    kind = query_choice("format", _FORMATS)
    title = "Requests of all sandboxes" if scope.name is None else f"Requests of the sandbox {scope.name}"
    tables = report_tables(scope.counts, [sandbox.journal for sandbox in scope.sandboxes])
    tables += from_answer(_coverage_members(scope)).tables()
    text = to_html(title, tables) if kind == "html" else to_markdown(title, tables)
    return Response(text, content_type=f"text/{kind}; charset=utf-8")


class Scope(NamedTuple):
    """What is counted: sandboxes, their counts, and the requests per variant that is active in them."""

    name: str | None
    sandboxes: tuple[ServerSandbox, ...]
    counts: ExchangeCounts

    @property
    def variants(self) -> Mapping[str, int]:
        """The requests per variant, such as `refusals=result`, that is active now."""
        calls_by_variant: Counter[str] = Counter()
        for sandbox in self.sandboxes:
            calls = sum(sandbox.journal.counts.by_kind.values())
            for name, value in sandbox.variants_for(services().settings.dialect).items():
                calls_by_variant[f"{name}={value}"] += calls
        return {name: calls for name, calls in calls_by_variant.items() if calls}


def _counted_scope() -> Scope:
    """Return the sandbox that the request names, or all of them; a sandbox is not created.

    Raises:
        Problem: there is no such sandbox.
    """
    sandboxes = services().sandboxes
    if query_choice("scope", _SCOPES) == "server":
        return Scope(None, sandboxes.existing, sandboxes.total)
    name = requested_sandbox_name(request)
    sandbox = sandboxes.find(name)
    if sandbox is None:
        raise Problem(f"there is no sandbox {shown(name)}; GET /__admin/sandboxes lists them", 404)
    return Scope(name, (sandbox,), sandbox.journal.counts)


def _coverage_members(scope: Scope) -> dict[str, Any]:
    """Return the coverage as JSON."""
    dialect = services().settings.dialect
    served = [row.name for row in OPERATIONS.values() if dialect in row.dialects]
    coverage = compute_coverage(scope.counts, served)
    variants = scope.variants
    values = [f"{variant.name}={value}" for variant in VARIANTS.values() for value in variant.values]
    operations = {
        name: {"calls": calls, "statuses": coverage.statuses[name]}
        for name, calls in coverage.operations.met.items()
    }
    return {
        "sandbox": scope.name,
        "complete": True,
        "operations": {"met": operations, "never": coverage.operations.never},
        "codes": _coverage_row(coverage.codes),
        "pages": {search: _coverage_row(row) for search, row in coverage.pages.items()},
        "processes": _coverage_row(coverage.processes),
        "variants": {
            "met": variants,
            "never": [value for value in values if value not in variants],
        },
        "unmatched": coverage.unmatched,
    }


def _coverage_row(row: CoverageRow) -> dict[str, Any]:
    return {"met": row.met, "never": row.never}
