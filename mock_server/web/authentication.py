"""Who calls, in which sandbox, and whether the account is theirs (behaviour.md 1.4)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Response, after_this_request, request
from werkzeug.exceptions import Forbidden, TooManyRequests, Unauthorized

from mock_server.auth.tokens import Token, TokenRejected, TokenService
from mock_server.dialects import Dialect
from mock_server.domain.operations import Operation
from mock_server.sandbox.rate_limit import BURST_CAPACITY, REPLENISH_RATE
from mock_server.scenarios import AS_IT_IS, Then, course_of
from mock_server.web.context import CALLER, Call, Caller
from mock_server.web.services import named_sandbox, services

_REFUSALS = {
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
        """Werkzeug's, and the challenge."""
        return [
            *super().get_headers(*arguments, **options),
            ("WWW-Authenticate", f"Bearer {self._challenge}"),
        ]


def identified(dialect: Dialect) -> Caller:
    """Who makes this request.

    Raises:
        TokenRequired: no token, or one that is malformed or altered.
        Forbidden: one that is altered, where the dialect says so.
        NoSandbox: the sandbox is not to be had.
    """
    shared = services()
    environ = request.environ
    token = None if shared.settings.auth == "off" else _token(shared.tokens, dialect, bearer(environ))
    sandbox = named_sandbox() if token is None else shared.sandboxes.for_user(token.username)
    environ[CALLER] = caller = Caller(sandbox, token, token.username if token else None)
    return caller


def admitted(
    caller: Caller, operation: Operation, dialect: Dialect, account_id: int | None, then: Then = AS_IT_IS
) -> Call:
    """The call of this operation, on an account that the token opens; `then` is what a rule does to it.

    Raises:
        TokenRequired: the token has expired, or a rule says so.
        Forbidden: the account exists but is not among the token's.
        TooManyRequests: the rate limit is on and used up, or a rule says so.
        NotFound: there is no such account.
    """
    sandbox, token = caller.sandbox, caller.token
    if then.token is not None:
        raise _unauthorized("expired" if then.token == "expired" else "altered")  # noqa: S105
    if token is not None and token.expired(sandbox.token_age(token.issued_at)):
        raise _unauthorized("expired")
    accounts = None if token is None else token.account_ids
    world, now = sandbox.current()
    variants = sandbox.variants_for(dialect.name)
    caller.call = call = Call(operation, dialect, sandbox, accounts, variants, world, now, course_of(then))
    if account_id is not None:
        _open_account(call, account_id, then)
    return call


def bearer(environ: Mapping[str, Any]) -> str:
    """What a request brings as a bearer token, the scheme in whatever case; empty when nothing."""
    scheme, _, encoded = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return encoded.strip() if scheme.lower() == "bearer" else ""


def _token(tokens: TokenService, dialect: Dialect, encoded: str) -> Token:
    if not encoded:
        raise TokenRequired("An access token is required: Authorization: Bearer ...", 'realm="eat_realm"')
    try:
        return tokens.access(encoded)
    except TokenRejected as refused:
        # behaviour.md 1.4 (documented; otherwise in `rest`: inferred)
        if refused.why == "altered" and dialect.forbids_altered_tokens:
            raise Forbidden(_REFUSALS[refused.why]) from None
        raise _unauthorized(refused.why) from None


def _unauthorized(why: str) -> TokenRequired:
    challenge = f'realm="eat_realm", error="invalid_token", error_description="{_REFUSALS[why]}"'
    return TokenRequired(_REFUSALS[why], challenge)


def _open_account(call: Call, account_id: int, then: Then) -> None:
    call.world.portfolio(account_id)
    if call.accounts is not None and account_id not in call.accounts:
        raise Forbidden(f"The access token does not open account {account_id}")
    if then.rate_limit == "exceeded":
        _limit(None)
    elif call.variants["rateLimit"] == "on" or then.rate_limit == "enforced":
        _limit(call.sandbox.rate_limit.take(account_id, call.now))


def _limit(left: int | None) -> None:
    """Tell what is left of the limit; None is nothing. behaviour.md 1.5 (documented), C45."""
    after_this_request(partial(_with_limit, left or 0))
    if left is None:
        raise TooManyRequests("Too many requests")


def _with_limit(left: int, response: Response) -> Response:
    """The answer with what is left of the limit. behaviour.md 1.5 (documented)."""
    response.headers["x-ratelimit-remaining"] = str(left)
    response.headers["x-ratelimit-burst-capacity"] = str(BURST_CAPACITY)
    response.headers["x-ratelimit-replenish-rate"] = str(REPLENISH_RATE)
    return response
