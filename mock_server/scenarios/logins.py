"""Who is logged in during a run: a token per user, got when it is first needed."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import requests
from msgspec import Struct

from mock_server.scenarios.client import Answer, Outcome, Sent, send
from mock_server.scenarios.script import Login
from mock_server.scenarios.target import Target

CLIENT_ID = "ea-api-edge"
_TIMEOUT = 30.0


class LoginFailed(Exception):
    """No token was got; the message says for whom and what was answered."""


class Tokens(Struct, frozen=True):
    """What a login brought."""

    access: str
    refresh: str

    @property
    def account_ids(self) -> tuple[int, ...]:
        """The accounts that the access token opens, as its claims say; empty when they do not."""
        claim = _claims(self.access).get("account_ids", ())
        numbers = claim.split(",") if isinstance(claim, str) else claim if isinstance(claim, list) else ()
        return tuple(int(number) for number in numbers if str(number).strip().isdecimal())


class Logins:
    """The users of a run. In a sandbox their names carry its tag, so that they log in to it."""

    def __init__(self, target: Target, sandbox: str | None, session: requests.Session) -> None:
        self.user = Login(username=target.username, password=target.password)
        self._target = target
        self._sandbox = sandbox
        self._session = session
        self._tokens: dict[tuple[str, str], Tokens] = {}

    def tagged(self, username: str) -> str:
        """The user name with the tag of the run's sandbox, if it has one."""
        local, at, host = username.partition("@")
        return f"{local.partition('+')[0]}+{self._sandbox}{at}{host}" if self._sandbox else username

    def form(self, login: Login, members: Mapping[str, str | None]) -> dict[str, str]:
        """The form of a token request: a login by password unless `members` say so; None leaves out."""
        form: dict[str, str | None] = {"grant_type": "password", "client_id": CLIENT_ID}
        if members.get("grant_type", "password") == "password":
            form |= {"username": login.username, "password": login.password}
        form |= members
        if form.get("username"):
            form["username"] = self.tagged(str(form["username"]))
        return {name: value for name, value in form.items() if value is not None}

    def tokens(self, login: Login) -> Tokens:
        """The tokens of a user, who is logged in now if not before.

        Raises:
            LoginFailed: no token was got.
        """
        form = self.form(login, {})
        known = self._tokens.get(_key(form))
        if known is not None:
            return known
        outcome = send(self._session, self.sent(form), _TIMEOUT)
        tokens = _tokens_in(outcome)
        if tokens is None:
            told = f"{outcome}: {outcome.text[:200]}" if isinstance(outcome, Answer) else str(outcome)
            raise LoginFailed(f"{form['username']} could not log in at {self._target.token_url}: {told}")
        return self._tokens.setdefault(_key(form), tokens)

    def sent(self, form: Mapping[str, str]) -> Sent:
        """The token request with this form."""
        return Sent(method="POST", url=self._target.token_url, form=form)

    def note(self, login: Login, form: Mapping[str, str], outcome: Outcome) -> None:
        """A step got tokens itself: they are now those of the user in the form, or else of `login`."""
        tokens = _tokens_in(outcome)
        if tokens is not None:
            self._tokens[_key(form if "password" in form else self.form(login, {}))] = tokens


def _key(form: Mapping[str, str]) -> tuple[str, str]:
    return form.get("username", ""), form.get("password", "")


def _tokens_in(outcome: Outcome) -> Tokens | None:
    if not isinstance(outcome, Answer) or outcome.status != HTTPStatus.OK:
        return None
    body = outcome.body
    if not isinstance(body, Mapping) or not isinstance(body.get("access_token"), str):
        return None
    return Tokens(body["access_token"], str(body.get("refresh_token", "")))


def _claims(token: str) -> dict[str, Any]:
    """The payload of a token, unverified, as every client may read it; empty when it has none."""
    try:
        _, payload, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}
