"""Who calls, in which sandbox, and whether the account is theirs (behaviour.md 1.4)."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Response, after_this_request, g, request
from werkzeug.exceptions import Forbidden, TooManyRequests, Unauthorized

from mock_server.api.call import Call
from mock_server.dialects import DIALECTS
from mock_server.domain.operations import Operation
from mock_server.ratelimit import BURST_CAPACITY, REPLENISH_RATE
from mock_server.sandbox import DEFAULT_SANDBOX
from mock_server.services import named_sandbox, services
from mock_server.tokens import Token, TokenOffice, TokenRefused

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


def sandbox_of(username: str) -> str:
    """The sandbox that a user name means: `api+gw3@example.com` opens `gw3`, no tag the default one."""
    return username.partition("@")[0].partition("+")[2] or DEFAULT_SANDBOX


def untagged(username: str) -> str:
    """The user name without its tag: `api+gw3@example.com` is the user `api@example.com`."""
    local, at, host = username.partition("@")
    return local.partition("+")[0] + at + host


def admitted(operation: Operation, spoken: str, account_id: int | None) -> Call:
    """The call of this operation: who calls, in which sandbox, on an account that the token opens.

    Raises:
        TokenRequired: no token, or one that is malformed, altered or expired.
        Forbidden: the account exists but is not among the token's.
        TooManyRequests: the rate limit is on and used up.
        NotFound: there is no such account.
    """
    shared = services()
    token = None if shared.settings.auth == "off" else _token(shared.tokens)
    sandbox = named_sandbox() if token is None else shared.sandboxes.named(sandbox_of(token.username))
    if token is not None and token.expired(sandbox.token_age(token.issued_at)):
        raise _unauthorized("expired")
    accounts = None if token is None else token.account_ids
    world, now = sandbox.look()
    g.call = call = Call(
        operation, DIALECTS[spoken], sandbox, accounts, sandbox.variants_in(spoken), world, now
    )
    if account_id is not None:
        _open_account(call, account_id)
    return call


def bearer() -> str:
    """What the request brings as a bearer token, the scheme in whatever case; empty when nothing."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    return encoded.strip() if scheme.lower() == "bearer" else ""


def _token(tokens: TokenOffice) -> Token:
    encoded = bearer()
    if not encoded:
        raise TokenRequired("An access token is required: Authorization: Bearer ...", 'realm="eat_realm"')
    try:
        return tokens.access(encoded)
    except TokenRefused as refused:
        raise _unauthorized(refused.why) from None


def _unauthorized(why: str) -> TokenRequired:
    challenge = f'realm="eat_realm", error="invalid_token", error_description="{_REFUSALS[why]}"'
    return TokenRequired(_REFUSALS[why], challenge)


def _open_account(call: Call, account_id: int) -> None:
    call.world.portfolio(account_id)
    if call.accounts is not None and account_id not in call.accounts:
        raise Forbidden(f"The access token does not open account {account_id}")
    if call.variants["rateLimit"] == "on":
        _limit(call, account_id)


def _limit(call: Call, account_id: int) -> None:
    """behaviour.md 1.5 (documented), C45."""
    left = call.sandbox.rate_limit.take(account_id, call.now)
    after_this_request(partial(_with_limit, left or 0))
    if left is None:
        raise TooManyRequests("Too many requests")


def _with_limit(left: int, response: Response) -> Response:
    """The answer with what is left of the limit. behaviour.md 1.5 (documented)."""
    response.headers["x-ratelimit-remaining"] = str(left)
    response.headers["x-ratelimit-burst-capacity"] = str(BURST_CAPACITY)
    response.headers["x-ratelimit-replenish-rate"] = str(REPLENISH_RATE)
    return response
