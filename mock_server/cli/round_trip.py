"""What `mock-server doctor` finds at a server: health, a token, a search with it, and a control call.

It works in a sandbox of its own, which it drops again, so that nobody's tests see it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from secrets import token_hex

import jwt
import requests

from mock_server import __version__
from mock_server.cli.findings import Finding
from mock_server.client import ControlRefused, Sandbox
from mock_server.client.login import Tokens
from mock_server.clock import real_seconds
from mock_server.domain.operations import API_PATH
from mock_server.pages import CLOCKS, COMMANDS, WHO_MAY
from mock_server.scenarios.http_client import HttpRequest, HttpResponse, NoResponse, new_session, send
from mock_server.scenarios.target import LoginFailed, NoTarget, Target, TokenCache, find_target

_TIMEOUT = 10.0
_SKEW = 30
"""Seconds by which two clocks may differ before somebody's token is refused."""

_NOT_ANSWERING = COMMANDS["healthcheck"]


def of_server(base_url: str, username: str, password: str, control_token: str | None) -> Iterator[Finding]:
    """What a client meets at that server, in the order in which it would."""
    try:
        target = find_target(base_url, username=username, password=password, control_token=control_token)
    except NoTarget as nobody:
        yield Finding("server", "wrong", str(nobody), f"start it, or name its base URL; see {_NOT_ANSWERING}")
        return
    if target.sandbox_server is None:
        remedy = f"name the base URL of a mock-server; see {_NOT_ANSWERING}"
        yield Finding("server", "wrong", f"what answers at {target.base_url} is no mock-server", remedy)
        return
    with new_session(target.base_url) as session:
        sandbox = target.sandbox(f"doctor-{token_hex(4)}")
        yield _health(sandbox)
        yield from _calls(target, sandbox, session)
        yield _control(sandbox)
        with suppress(ControlRefused):
            sandbox.drop()


def _health(sandbox: Sandbox) -> Finding:
    found = sandbox.call("GET", "/health")
    shown = f"version {found['version']}, fixture {found['fixture']}, dialect {found['dialect']}"
    if found["version"] != __version__:
        remedy = f"this command is of version {__version__}: update the older of the two"
        return Finding("server", "note", f"up: {shown}", remedy)
    return Finding("server", "ok", f"up: {shown}")


def _calls(target: Target, sandbox: Sandbox, session: requests.Session) -> Iterator[Finding]:
    logins = TokenCache(target, sandbox, session)
    try:
        tokens = logins.tokens(logins.user)
    except LoginFailed as failed:
        remedy = (
            "name a user of the fixture: --username and --password; or let the server run with --auth any"
        )
        yield Finding("token", "wrong", str(failed), remedy)
        return
    yield _token(tokens, target)
    yield _search(tokens, target, session)


def _token(tokens: Tokens, target: Target) -> Finding:
    """A token, and by how much the server's clock differs from the one here."""
    claims = jwt.decode(tokens.access, options={"verify_signature": False})
    ahead = round(claims["iat"] - real_seconds())
    if abs(ahead) > _SKEW:
        found = f"the server's clock is {abs(ahead)} s {'ahead' if ahead > 0 else 'behind'}"
        return Finding("token", "wrong", found, f"set the clocks of both machines; see {CLOCKS}")
    accounts = ", ".join(map(str, tokens.account_ids))
    return Finding("token", "ok", f"issued by {claims['iss']} to {target.username} for {accounts}")


def _search(tokens: Tokens, target: Target, session: requests.Session) -> Finding:
    account = next(iter(tokens.account_ids), 0)
    asked = HttpRequest(
        method="GET",
        url=f"{target.base_url}{API_PATH}/account/{account}/dossiers",
        query=(("pageSize", "1"),),
        headers={"Authorization": f"Bearer {tokens.access}"},
    )
    outcome = send(session, asked, _TIMEOUT)
    if isinstance(outcome, HttpResponse) and outcome.status in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
        milliseconds = outcome.took.total_seconds() * 1000
        return Finding("search", "ok", f"{asked}: {outcome.status} in {milliseconds:.0f} ms")
    return Finding("search", "wrong", f"{asked}: {_told(outcome)}", _remedy(outcome))


def _remedy(outcome: HttpResponse | NoResponse) -> str:
    rule = outcome.headers.get("x-mock-rule") if isinstance(outcome, HttpResponse) else None
    if rule is not None:
        return f"a scenario plays, and its rule {rule!r} says so: DELETE /__admin/scenario leaves it"
    return f"look into the server's log, which tells why; see {_NOT_ANSWERING}"


def _told(outcome: HttpResponse | NoResponse) -> str:
    if isinstance(outcome, NoResponse):
        return outcome.problem
    return f"{outcome.status}, {outcome.text[:200]}"


def _control(sandbox: Sandbox) -> Finding:
    try:
        sandbox.call("GET", "/clock")
    except ControlRefused as refused:
        remedy = f"give --control-token, or start the server with --control-open; see {WHO_MAY}"
        return Finding("control", "note", str(refused), remedy)
    return Finding("control", "ok", "control calls are taken from here")
