"""Tokens: got with the password, renewed with the refresh token, and put on each request."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Any

import requests
from requests.auth import AuthBase

from dossiers_client.environment import Environment
from dossiers_client.errors import LoginRefused, Unavailable

_TOKEN_PATH = "/auth/realms/eat_realm/protocol/openid-connect/token"  # noqa: S105  # a path
_CLIENT_ID = "ea-api-edge"
_EARLY = 30.0
"""Seconds by which a token is renewed early, so that it does not end on its way."""
_TIMEOUT = 10.0


class Login(AuthBase):
    """What a `requests.Session` authenticates with. Not for several threads at once."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._tokens: dict[str, Any] = {}
        self._good_until = 0.0

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the token on a request.

        Raises:
            LoginRefused: user name or password are wrong.
            Unavailable: the authorisation server does not answer.
        """
        if time.monotonic() >= self._good_until:
            self.renew()
        request.headers["Authorization"] = f"Bearer {self._tokens['access_token']}"
        return request

    def renew(self) -> None:
        """Get new tokens: with the refresh token if there is one that is still good, else with the password.

        Raises:
            LoginRefused: user name or password are wrong.
            Unavailable: the authorisation server does not answer.
        """
        asked = time.monotonic()
        tokens = self._refresh() or self._log_in()
        self._tokens = tokens
        self._good_until = asked + tokens["expires_in"] - _EARLY

    def _refresh(self) -> dict[str, Any] | None:
        if "refresh_token" not in self._tokens:
            return None
        answer = self._request_token(grant_type="refresh_token", refresh_token=self._tokens["refresh_token"])
        return _read_tokens(answer) if answer.ok else None

    def _log_in(self) -> dict[str, Any]:
        user = self._environment
        answer = self._request_token(grant_type="password", username=user.username, password=user.password)
        if answer.status_code in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED}:
            raise LoginRefused(f"{user.username} could not log in")
        return _read_tokens(answer)

    def _request_token(self, **form: str) -> requests.Response:
        url = self._environment.auth_url + _TOKEN_PATH
        try:
            return requests.post(url, data={"client_id": _CLIENT_ID, **form}, timeout=_TIMEOUT)
        except requests.RequestException as problem:
            raise Unavailable(f"no token: {problem}") from problem


def _read_tokens(answer: requests.Response) -> dict[str, Any]:
    try:
        answer.raise_for_status()
        tokens: dict[str, Any] = answer.json()
    except requests.RequestException as problem:
        raise Unavailable(f"no token: {problem}") from problem
    return tokens
