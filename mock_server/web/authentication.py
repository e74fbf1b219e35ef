"""Authenticate a request by its token, and authorize it for the account in its path (behaviour.md 1.4)."""

from __future__ import annotations

from typing import Any

from flask import Flask, Request, Response, request
from werkzeug.exceptions import Forbidden, TooManyRequests, Unauthorized

from mock_server.auth.access import bearer_token, check_api_call
from mock_server.auth.tokens import Token, TokenRejected, TokenService
from mock_server.dialects import Dialect
from mock_server.domain.operations import Operation
from mock_server.domain.rate_limit import BURST_CAPACITY, REPLENISH_RATE
from mock_server.sandbox.commands import TakeRequest
from mock_server.scenarios.active import import_plan
from mock_server.scenarios.file_format import Then
from mock_server.web.context import CONTEXT, Call, RequestContext
from mock_server.web.routing import NOT_THE_API
from mock_server.web.services import Services, requested_sandbox_name, services

_REASONS = {
    "malformed": "The access token is malformed",
    "altered": "The access token was not issued by this server, or was altered",
    "expired": "The access token has expired",
}


class TokenRequired(Unauthorized):
    """A 401 with its challenge; Werkzeug would leave the realm unquoted (RFC 9110, 11.5)."""

    def __init__(self, description: str, challenge: str) -> None:
        super().__init__(description)
        self._challenge = challenge

    def get_headers(self, *arguments: Any, **options: Any) -> list[tuple[str, str]]:
        """Return Werkzeug's headers and the challenge."""
        return [
            *super().get_headers(*arguments, **options),
            ("WWW-Authenticate", f"Bearer {self._challenge}"),
        ]


def reject_foreign_pages(app: Flask) -> None:
    """Under `--auth off`, also reject the other calls that a page of another site sends."""
    app.before_request(_check_page)


def _check_page() -> None:
    """Raise AccessDenied if a page of another site sends the call. Documentation and health are open."""
    if not (request.endpoint or "").startswith(NOT_THE_API):
        check_api_call(services().settings, request.environ)


def authenticate(request: Request, dialect: Dialect, shared: Services) -> RequestContext:
    """Find the user and the sandbox of the request, and keep them in its environ.

    Raises:
        AccessDenied: under `--auth off`, a page of another site sends the call.
        TokenRequired: no token, or one that is malformed or altered.
        Forbidden: one that is altered, where the dialect says so.
        NoSandbox: the sandbox does not exist and cannot be created.
    """
    environ, sandboxes = request.environ, shared.sandboxes
    if shared.settings.auth == "off":
        check_api_call(shared.settings, environ)
        context = RequestContext(sandboxes.get(requested_sandbox_name(request)), None)
    else:
        token = _read_token(shared.tokens, dialect, bearer_token(environ))
        context = RequestContext(sandboxes.for_user(token.username), token, token.username)
    environ[CONTEXT] = context
    return context


def authorize(
    request: Request,
    context: RequestContext,
    operation: Operation,
    dialect: Dialect,
    account_id: int | None,
    effect: Then,
) -> Call:
    """Return the authorized call of this operation; `effect` is that of a rule, or `NO_EFFECT`.

    Without `account_id`, the path of the operation has no account.

    Raises:
        TokenRequired: the token has expired, or a rule says so.
        Forbidden: the account exists but is not among the token's.
        TooManyRequests: the rate limit is on and used up, or a rule says so.
        NotFound: there is no such account.
    """
    sandbox, token = context.sandbox, context.token
    if effect.token is not None:
        raise _unauthorized("expired" if effect.token == "expired" else "altered")  # noqa: S105
    if token is not None and token.expired(sandbox.token_age(token.issued_at)):
        raise _unauthorized("expired")
    accounts = None if token is None else token.account_ids
    world, now = sandbox.current()
    variants = sandbox.variants_for(dialect.name)
    context.call = call = Call(
        request, operation, dialect, sandbox, accounts, variants, world, now, import_plan(effect)
    )
    if account_id is not None:
        _check_account(context, call, account_id, effect)
    return call


def is_authorized(context: RequestContext, account_id: int | None) -> bool:
    """Whether `authorize` would accept the token and the account, if no rule changes that."""
    sandbox, token = context.sandbox, context.token
    if token is not None and token.expired(sandbox.token_age(token.issued_at)):
        return False
    if account_id is None:
        return True
    return account_id in sandbox.read().portfolios and (token is None or account_id in token.account_ids)


def _read_token(tokens: TokenService, dialect: Dialect, encoded: str) -> Token:
    """Return the token of a request; it may have expired.

    Raises:
        TokenRequired: there is none, or it is malformed or altered.
        Forbidden: it is altered, and the dialect says so.
    """
    if not encoded:
        raise TokenRequired("An access token is required: Authorization: Bearer ...", 'realm="eat_realm"')
    try:
        return tokens.access(encoded)
    except TokenRejected as rejected:
        # behaviour.md 1.4 (documented; otherwise in `rest`: inferred)
        if rejected.reason == "altered" and dialect.forbids_altered_tokens:
            raise Forbidden(_REASONS[rejected.reason]) from None
        raise _unauthorized(rejected.reason) from None


def _unauthorized(reason: str) -> TokenRequired:
    challenge = f'realm="eat_realm", error="invalid_token", error_description="{_REASONS[reason]}"'
    return TokenRequired(_REASONS[reason], challenge)


def _check_account(context: RequestContext, call: Call, account_id: int, effect: Then) -> None:
    """Check that the call may use the account, and count it for the rate limit.

    Raises:
        NotFound: there is no such account.
        Forbidden: the token does not open it.
        TooManyRequests: the rate limit is used up, or a rule says so.
    """
    call.world.portfolio(account_id)
    if call.accounts is not None and account_id not in call.accounts:
        raise Forbidden(f"The access token does not open account {account_id}")
    if effect.rate_limit is not None or call.variants["rateLimit"] == "on":
        calls_left = None if effect.rate_limit == "exceeded" else call.execute(TakeRequest(account_id))
        context.calls_left = calls_left or 0
        if calls_left is None:
            raise TooManyRequests("Too many requests")


def add_rate_limit(response: Response, calls_left: int) -> None:
    """Add the number of calls that are left to the response. behaviour.md 1.5 (documented), C45."""
    response.headers["x-ratelimit-remaining"] = str(calls_left)
    response.headers["x-ratelimit-burst-capacity"] = str(BURST_CAPACITY)
    response.headers["x-ratelimit-replenish-rate"] = str(REPLENISH_RATE)
