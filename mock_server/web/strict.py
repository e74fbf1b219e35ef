"""Strict mode: input that the API ignores is named in a header, or the call is rejected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flask import Request

from mock_server.clock import real_seconds
from mock_server.dialects import Dialect
from mock_server.domain.operations import Operation
from mock_server.journal.hints import FAST_POLLING, OTHER_SANDBOX, Hint, Input, ignored_input
from mock_server.journal.redaction import parse_pairs
from mock_server.sandbox.sandbox import ServerSandbox
from mock_server.web.context import RequestContext
from mock_server.web.rule_effects import request_body
from mock_server.web.services import explicit_sandbox_name

WARNING_HEADER = "X-Mock-Warning"


class StrictError(Exception):
    """Strict mode rejects the call, which the API would answer."""

    def __init__(self, hints: Sequence[Hint]) -> None:
        super().__init__("; ".join(hint.sentence for hint in hints))
        self.hints = hints


def check_input(
    request: Request,
    context: RequestContext,
    operation: Operation,
    dialect: Dialect | None,
    ids: Mapping[str, Any],
) -> None:
    """Keep the warnings about the call for its answer and the journal.

    Raises:
        StrictError: the sandbox rejects calls with warnings.
    """
    call_input = Input(
        operation=operation.name,
        dialect=None if dialect is None else dialect.name,
        path=request.path,
        query=parse_pairs(request.query_string),
        body=request_body(request),
    )
    context.hints = (*ignored_input(call_input), *_live_hints(request, context.sandbox, operation, ids))
    if context.hints and context.sandbox.strict == "fail":
        raise StrictError(context.hints)


def warning_text(hints: Sequence[Hint]) -> str:
    """Return the warnings as the text of a header."""
    return "; ".join(f"{hint.code}: {hint.sentence}" for hint in hints)


def _live_hints(
    request: Request, sandbox: ServerSandbox, operation: Operation, ids: Mapping[str, Any]
) -> Iterator[Hint]:
    """Yield the warnings that depend on the time of the call, or on its sandbox."""
    if explicit_sandbox_name(request) not in {None, sandbox.name}:
        yield OTHER_SANDBOX
    if operation.name == "getProcess":
        polls, now = sandbox.journal.polls, sandbox.now()
        if polls.is_fast(str(ids["process_id"]), real_seconds(), now):
            yield FAST_POLLING
