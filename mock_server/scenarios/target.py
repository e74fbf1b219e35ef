"""The environment in which a scenario runs, the sandbox of the run, and the tokens of its users."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from msgspec import Struct
from msgspec.structs import replace

from mock_server.client import ControlRefused, NoServer, Sandbox
from mock_server.client.calls import server_url
from mock_server.client.login import DEFAULT_PASSWORD, DEFAULT_USER, Tokens, login_form, tokens_in
from mock_server.domain.operations import API_PATH, DIALECT_HOSTS, DIALECTS, TOKEN_PATH, DialectName
from mock_server.fixtures.library import is_path, read_bytes
from mock_server.fixtures.recipes import read_recipe
from mock_server.input_errors import FileError
from mock_server.scenarios.file_format import Scenario, StepLogin
from mock_server.scenarios.http_client import (
    HttpOutcome,
    HttpRequest,
    HttpResponse,
    NoResponse,
    new_session,
    send,
)
from mock_server.settings import CONTROL_PREFIX, WRONG_SCHEME

_HEALTH_TIMEOUT = 10.0
_LOGIN_TIMEOUT = 30.0
"""Seconds."""


class NoTarget(Exception):
    """The base URL is invalid, or no HTTP server answers there."""


class LoginFailed(Exception):
    """A user got no token; the message has the user and the answer."""


class Target(Struct, frozen=True, kw_only=True):
    """An environment: base URL of the API (without /api/v1), token endpoint, and the user of the run.

    `dialect` is that of the base URL. `sandbox_server` is the URL of the server if it has sandboxes and
    control calls; None for any other environment.
    """

    base_url: str
    token_url: str
    dialect: DialectName = "rest"
    sandbox_server: str | None = None
    control_token: str | None = None
    username: str = DEFAULT_USER
    password: str = DEFAULT_PASSWORD

    def base_url_in(self, dialect: DialectName) -> str:
        """Return the base URL of a dialect; only a server with sandboxes has both."""
        return self.base_url if dialect == self.dialect else f"{self.sandbox_server}/{dialect}"

    def sandbox(self, name: str) -> Sandbox:
        """Return the sandbox of that name; only a server with sandboxes has one."""
        assert self.sandbox_server is not None  # noqa: S101  # the callers check it
        return Sandbox(self.sandbox_server, name, control_token=self.control_token)


def find_target(
    base_url: str,
    *,
    dialect: DialectName | None = None,
    auth_url: str | None = None,
    username: str = DEFAULT_USER,
    password: str = DEFAULT_PASSWORD,
    control_token: str | None = None,
) -> Target:
    """Return the target at a base URL; send a request to find out whether it is a server with sandboxes.

    On such a server, `dialect` selects one of its two. In another environment, it says which one the URL has.

    Raises:
        NoTarget: the URL is invalid, or no server answers there.
    """
    base = base_url.rstrip("/").removesuffix(API_PATH)
    server, default_dialect = _find_sandbox_server(base)
    url_dialect = _named_dialect(base) or default_dialect or "rest"
    if server is not None and dialect not in {None, url_dialect}:
        base = f"{server}/{dialect}"
    return Target(
        base_url=base,
        dialect=dialect or url_dialect,
        token_url=f"{(auth_url or server or base).rstrip('/')}{TOKEN_PATH}",
        sandbox_server=server,
        control_token=control_token,
        username=username,
        password=password,
    )


def _named_dialect(base: str) -> DialectName | None:
    """Return the dialect that the last part or the host of a base URL names, or None."""
    parts = urlsplit(base)
    hosts = (name for name, start in DIALECT_HOSTS.items() if (parts.hostname or "").startswith(start))
    return next((name for name in DIALECTS if parts.path.endswith(f"/{name}")), next(hosts, None))


def _find_sandbox_server(base: str) -> tuple[str, DialectName] | tuple[None, None]:
    """Return URL and default dialect of the server with sandboxes at a base URL; None and None for others."""
    try:
        server = server_url(base)
    except ValueError as problem:
        raise NoTarget(str(problem)) from None
    with new_session(base) as session:
        health = HttpRequest(method="GET", url=f"{server}{CONTROL_PREFIX}/health")
        outcome = send(session, health, _HEALTH_TIMEOUT)
    answer = outcome.problem if isinstance(outcome, NoResponse) else outcome.text
    if isinstance(outcome, NoResponse) or answer.startswith(WRONG_SCHEME):
        raise NoTarget(f"{base} does not answer: {answer.strip()}")
    body = outcome.body
    if isinstance(body, Mapping) and {"status", "fixture"} <= body.keys():
        for name in DIALECTS:
            if body.get("dialect") == name:
                return server, name
    return None, None


@contextmanager
def open_sandbox(target: Target, scenario: Scenario, file: Path | None = None) -> Iterator[Sandbox | None]:
    """Open a new sandbox with the scenario active, and drop it at the end; None if the target has none.

    `file` is that of the scenario: a fixture that is a path is relative to it, and is sent, too.

    Raises:
        FileError: the fixture is a path, and cannot be read or sent.
        ControlRefused: the server rejects the scenario.
        NoServer: the server does not answer.
    """
    if target.sandbox_server is None:
        yield None
        return
    sandbox = target.sandbox(f"run-{token_hex(4)}")
    try:
        fixture = scenario.given.fixture
        if file is not None and fixture is not None and is_path(fixture):
            sandbox.load_fixture(_recipe_to_send(file.parent / fixture))
            scenario = replace(scenario, given=replace(scenario.given, fixture=None))
        sandbox.scenario(msgspec.to_builtins(scenario))
        yield sandbox
    finally:
        # An error does not change the result of the run: an idle sandbox is dropped by the server anyway.
        with suppress(ControlRefused, NoServer):
            sandbox.drop()


def _recipe_to_send(path: Path) -> dict[str, Any]:
    """Return the recipe at `path`, joined with those that it includes, or the exported state.

    Raises:
        FileError: it cannot be read, or is a generated state file.
    """
    if path.suffix == ".json":
        try:
            state = msgspec.json.decode(read_bytes(path))
        except msgspec.DecodeError as error:
            raise FileError(f"{path}: not a state file: {error}") from None
        if not isinstance(state, dict) or "content" not in state:
            raise FileError(f"{path}: a state file cannot be sent: put it into --fixtures-dir and name it")
        return state
    return dict(msgspec.to_builtins(replace(read_recipe(path).recipe, include=())))


class TokenCache:
    """The tokens of the users of a run; a user is logged in at the first use.

    In a sandbox, the user names have its tag. `run_id` is a random text, another one in each run.
    """

    def __init__(self, target: Target, sandbox: Sandbox | None, session: requests.Session) -> None:
        self.user = StepLogin(username=target.username, password=target.password)
        self.run_id = token_hex(4)
        self._token_url = target.token_url
        self._sandbox = sandbox
        self._session = session
        self._tokens: dict[tuple[str, str], Tokens] = {}

    def tagged(self, username: str) -> str:
        """Return the user name with the tag of the run's sandbox, if it has one."""
        return username if self._sandbox is None else self._sandbox.tagged(username)

    def form(self, login: StepLogin, members: Mapping[str, str | None]) -> dict[str, str]:
        """Return the form of a token request: a password login with `members` added; None removes one."""
        form: dict[str, str | None] = dict(login_form(login.username, login.password))
        if members.get("grant_type", "password") != "password":
            del form["username"], form["password"]
        form |= members
        if form.get("username"):
            form["username"] = self.tagged(str(form["username"]))
        return {name: value for name, value in form.items() if value is not None}

    def tokens(self, login: StepLogin) -> Tokens:
        """Return the tokens of a user; log the user in if needed.

        Raises:
            LoginFailed: the user got no token.
        """
        form = self.form(login, {})
        tokens = self._tokens.get(_cache_key(form))
        if tokens is not None:
            return tokens
        request = HttpRequest(method="POST", url=self._token_url, form=form)
        outcome = send(self._session, request, _LOGIN_TIMEOUT)
        tokens = _tokens_in(outcome)
        if tokens is None:
            detail = f": {outcome.text[:200]}" if isinstance(outcome, HttpResponse) else ""
            raise LoginFailed(f"{form['username']} could not log in at {self._token_url}: {outcome}{detail}")
        return self._tokens.setdefault(_cache_key(form), tokens)

    def first_account(self, login: StepLogin) -> int:
        """Return the first account of a user's token.

        Raises:
            LoginFailed: the user got no token, or the token has no account.
        """
        accounts = self.tokens(login).account_ids
        if not accounts:
            raise LoginFailed(
                f"the token of {login.username} names no account: give path: {{accountId: ...}}"
            )
        return accounts[0]

    def remember(self, login: StepLogin, form: Mapping[str, str], outcome: HttpOutcome) -> None:
        """Keep the tokens that a step got: for the user in its form, or for `login` if it has no password."""
        tokens = _tokens_in(outcome)
        if tokens is not None:
            self._tokens[_cache_key(form if "password" in form else self.form(login, {}))] = tokens


def _cache_key(form: Mapping[str, str]) -> tuple[str, str]:
    return form.get("username", ""), form.get("password", "")


def _tokens_in(outcome: HttpOutcome) -> Tokens | None:
    if not isinstance(outcome, HttpResponse) or outcome.status != HTTPStatus.OK:
        return None
    return tokens_in(outcome.body)
