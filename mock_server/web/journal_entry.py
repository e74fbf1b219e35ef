"""Puts each exchange into the journal of its sandbox, before the answer is sent.

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
from mock_server.auth.tokens import TokenRejected
from mock_server.clock import real_seconds
from mock_server.domain.operations import BY_VIEW, Kind
from mock_server.journal import Exchange, hidden_credentials
from mock_server.sandbox import NoSandbox
from mock_server.scenarios import FAULTS
from mock_server.web.authentication import bearer
from mock_server.web.context import CALLER, Call, Caller
from mock_server.web.services import named_sandbox, services

_APART = ("published.", "health.")
"""What the endpoints begin with that are no part of the API."""

BEGAN = "mock_server.began"
"""Where the environ has the time at which the request came in."""

_OBJECTS = (
    BEGAN,
    CALLER,
    delivery.KEY,
    "werkzeug.request",
    "wsgi.errors",
    "wsgi.input",
)
"""What the environ holds besides texts, under the real server."""

_UNMATCHED = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)
"""How a call is answered that no rule of the URL map is for. An id that is none is another mistake, a 400."""


def record(response: Response, environ: dict[str, Any], caller: Caller | None) -> None:
    """Put the exchange into its sandbox's journal; what is no part of the API is in none."""
    # The request itself: Flask's stand-in for it costs half a µs at every access.
    asked: Request = environ["werkzeug.request"]
    if caller is None and (asked.endpoint or "").startswith(_APART):
        return
    caller = caller or _caller_meant(environ)
    sandbox, call = caller.sandbox, caller.call
    ids = dict(asked.view_args or ())
    dialect = ids.pop("dialect", None)
    sandbox.journal.record(
        Exchange(
            _operation(asked) if call is None else call.operation.name,
            None if dialect is None else dialect.name,
            None if caller.token is None else caller.token.username,
            sandbox.clock.now() if call is None else call.now,
            real_seconds(),
            perf_counter() - environ[BEGAN],
            _texts(environ),
            _body(environ, asked),
            ids,
            call.world.thirdparty_of(ids["account_id"], ids["dossier_id"])
            if call and "dossier_id" in ids
            else None,
            response.status_code,
            response.headers.to_wsgi_list(),
            () if call is None else tuple(call.facts),
            _fault(environ) if delivery.KEY in environ else None,
            asked.url_rule is not None or response.status_code not in _UNMATCHED,
            None if caller.applied is None else caller.applied.rule.then.effect,
        ),
        _answer(response, call),
    )


def _operation(asked: Request) -> str | None:
    """The operation that was asked for, if one was, of a call that did not get as far as to know."""
    view = (asked.endpoint or "").rpartition(".")[2]
    return BY_VIEW[view].name if view in BY_VIEW else None


def _caller_meant(environ: Mapping[str, Any]) -> Caller:
    """Who makes a call that was refused too early to ask: the user of its token, else nobody we know."""
    shared = services()
    try:
        token = shared.tokens.access(bearer(environ))
        return Caller(shared.sandboxes.for_user(token.username), token)
    except (TokenRejected, NoSandbox):
        pass
    try:
        return Caller(named_sandbox(), None)
    except NoSandbox:
        return Caller(shared.sandboxes.get(), None)


def _texts(environ: Mapping[str, Any]) -> dict[str, Any]:
    """The texts of the environ; credentials are hidden at once: tokens are long, and not to be seen."""
    texts = dict(environ)
    for name in _OBJECTS:
        texts.pop(name, None)
    if "HTTP_AUTHORIZATION" in texts:
        texts["HTTP_AUTHORIZATION"] = hidden_credentials(texts["HTTP_AUTHORIZATION"])
    return texts


def _body(environ: Mapping[str, Any], asked: Request) -> bytes:
    """What the client sent, whether or not anybody has read it."""
    sent = environ["wsgi.input"]
    if isinstance(sent, BytesIO):
        return sent.getvalue()
    try:
        return asked.get_data() or urlencode(list(asked.form.items(multi=True))).encode()
    except (HTTPException, OSError):
        return b""


def _answer(response: Response, call: Call | None) -> bytes | None:
    """The body of the answer, None when it comes bit by bit, or is a file."""
    if call is not None and call.operation.kind is Kind.DOWNLOAD and response.status_code == HTTPStatus.OK:
        return None
    parts = response.response
    if type(parts) is list and len(parts) == 1 and type(parts[0]) is bytes:
        return parts[0]
    return response.get_data() if response.is_sequence else None


def _fault(environ: Mapping[str, Any]) -> str | None:
    """The fault of the connection by name, where the client sees one and no answer."""
    name: str | None = environ[delivery.KEY].fault
    return None if name is None or FAULTS[name].needs_answer else name
