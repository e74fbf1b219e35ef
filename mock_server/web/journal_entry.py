"""The journal entry of each exchange, added before the answer is sent.

Nothing is parsed or decoded here: this happens in every request, and the journal is read in few.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from io import BytesIO
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

from flask import Request, Response
from werkzeug.exceptions import HTTPException

from mock_server import delivery
from mock_server.auth.access import bearer_token
from mock_server.auth.tokens import TokenRejected
from mock_server.clock import real_seconds
from mock_server.domain.operations import Kind
from mock_server.journal.coverage import Fact
from mock_server.journal.journal import Exchange
from mock_server.journal.redaction import hide_credentials
from mock_server.sandbox.sandboxes import NoSandbox
from mock_server.scenarios.file_format import FAULTS
from mock_server.web.context import CONTEXT, Call, RequestContext
from mock_server.web.routing import NOT_THE_API, operation_of
from mock_server.web.services import Services, requested_sandbox_name

BEGAN = "mock_server.began"
"""The key in the environ of the time at which the request came in, in seconds of `perf_counter`."""

_OBJECTS = (
    BEGAN,
    CONTEXT,
    delivery.KEY,
    "werkzeug.proxy_fix.orig",
    "werkzeug.request",
    "wsgi.errors",
    "wsgi.input",
)
"""The keys of the environ whose values are objects, not texts, under the server of this project."""

_UNMATCHED = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)
"""The statuses of a call that has no route. An id that is not an int64 is another error, a 400."""


def add_journal_entry(
    request: Request, response: Response, context: RequestContext | None, shared: Services
) -> None:
    """Add the exchange to the journal of its sandbox, unless it is not part of the API."""
    if context is None and (request.endpoint or "").startswith(NOT_THE_API):
        return
    environ = request.environ
    context = context or _intended_context(request, shared)
    sandbox, call = context.sandbox, context.call
    operation = operation_of(request) if call is None else call.operation
    ids = dict(request.view_args or ())
    dialect = ids.pop("dialect", None)
    sandbox.journal.record(
        Exchange(
            None if operation is None else operation.name,
            None if dialect is None else dialect.name,
            None if context.token is None else context.token.username,
            sandbox.now() if call is None else call.now,
            real_seconds(),
            perf_counter() - environ[BEGAN],
            _texts(environ),
            _request_body(environ, request),
            ids,
            call.world.thirdparty_of(ids["account_id"], ids["dossier_id"])
            if call and "dossier_id" in ids
            else None,
            response.status_code,
            response.headers.to_wsgi_list(),
            _facts(context),
            _fault(environ) if delivery.KEY in environ else None,
            request.url_rule is not None or response.status_code not in _UNMATCHED,
            None if context.applied is None else context.applied.rule.then.effect,
        ),
        _answer_body(response, call),
    )


def _intended_context(request: Request, shared: Services) -> RequestContext:
    """The context of a call that was rejected before authentication: the user of its token, else none."""
    shared.sandboxes.ignore_engine_errors()
    try:
        token = shared.tokens.access(bearer_token(request.environ))
        return RequestContext(shared.sandboxes.for_user(token.username), token)
    except (TokenRejected, NoSandbox):
        pass
    # A call without a token creates no sandbox.
    return RequestContext(
        shared.sandboxes.find(requested_sandbox_name(request)) or shared.sandboxes.get(), None
    )


def _facts(context: RequestContext) -> tuple[Fact, ...]:
    """The facts of the answer that coverage counts: codes, edges of paging, outcomes of imports, warnings."""
    facts = () if context.call is None else tuple(context.call.facts)
    return facts + tuple(Fact("warning", hint.code) for hint in context.hints) if context.hints else facts


def _texts(environ: Mapping[str, Any]) -> dict[str, Any]:
    """The texts of the environ. Credentials are hidden at once: tokens are long, and secret."""
    texts = dict(environ)
    for name in _OBJECTS:
        texts.pop(name, None)
    if "HTTP_AUTHORIZATION" in texts:
        texts["HTTP_AUTHORIZATION"] = hide_credentials(texts["HTTP_AUTHORIZATION"])
    return texts


def _request_body(environ: Mapping[str, Any], request: Request) -> bytes:
    """The request body, whether or not a view has read it."""
    stream = environ["wsgi.input"]
    if isinstance(stream, BytesIO):
        return stream.getvalue()
    try:
        return request.get_data() or urlencode(list(request.form.items(multi=True))).encode()
    except (HTTPException, OSError):
        return b""


def _answer_body(response: Response, call: Call | None) -> bytes | None:
    """The body of the response; None when it is a stream or a file."""
    if call is not None and call.operation.kind is Kind.DOWNLOAD and response.status_code == HTTPStatus.OK:
        return None
    parts = response.response
    if type(parts) is list and len(parts) == 1 and type(parts[0]) is bytes:
        return parts[0]
    return response.get_data() if response.is_sequence else None


def _fault(environ: Mapping[str, Any]) -> str | None:
    """The name of the connection fault, where the client sees one instead of an answer."""
    name: str | None = environ[delivery.KEY].fault
    return None if name is None or FAULTS[name].needs_answer else name
