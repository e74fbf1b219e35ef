"""Logging in to a sandbox: the user name that opens it, token requests and tokens."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request

from mock_server.client.calls import ControlClient, opener, send, text_of
from mock_server.client.errors import ControlRefused
from mock_server.domain.operations import API_PATH, CLIENT_ID, TOKEN_PATH

__tracebackhide__ = True  # pytest shows the line of the test

if TYPE_CHECKING:
    import requests

DEFAULT_USER = "api@example.com"
DEFAULT_PASSWORD = "demo"  # noqa: S105  # the password in the bundled fixtures


class Tokens(NamedTuple):
    """The tokens of a login."""

    access: str
    refresh: str

    @property
    def account_ids(self) -> tuple[int, ...]:
        """The ids of the accounts that the access token gives access to, from its claims; often empty."""
        claim = _claims(self.access).get("account_ids", ())
        numbers = claim.split(",") if isinstance(claim, str) else claim if isinstance(claim, list) else ()
        return tuple(int(number) for number in numbers if str(number).strip().isdecimal())


class LoginClient(ControlClient):
    """The settings with which a client of the API uses this sandbox, and logins with them."""

    password = DEFAULT_PASSWORD

    @property
    def base_url(self) -> str:
        """The base URL of the API, in the server's default dialect: `http://127.0.0.1:8080/api/v1`."""
        return f"{self.url}{API_PATH}"

    def base_url_in(self, dialect: str) -> str:
        """Return the base URL of one dialect, `rest` or `edge`."""
        return f"{self.url}/{dialect}{API_PATH}"

    @property
    def auth_url(self) -> str:
        """The base URL of the authorisation server."""
        return self.url

    @property
    def token_url(self) -> str:
        """The URL of the token endpoint."""
        return f"{self.url}{TOKEN_PATH}"

    @property
    def username(self) -> str:
        """The default user, with the tag that opens this sandbox: `api+NAME@example.com`."""
        return self.tagged(DEFAULT_USER)

    def tagged(self, username: str) -> str:
        """Return the name with which a user logs in to this sandbox: `multi+NAME@example.com`."""
        return tagged_username(username, self.name)

    def token(self, username: str = DEFAULT_USER, password: str = DEFAULT_PASSWORD) -> str:
        """Log in and return a new access token; the login is in the journal, as any other.

        Raises:
            ControlRefused: the login failed.
            NoServer: no server answers.
        """
        form = login_form(self.tagged(username), password)
        request = Request(self.token_url, data=urlencode(form).encode())  # noqa: S310  # `server_url` has checked the URL
        try:
            return str(json.loads(send(opener(self.url), request))["access_token"])
        except HTTPError as error:
            raise ControlRefused(f"the login of {form['username']}", error.code, text_of(error)) from None

    def session(self, username: str = DEFAULT_USER, password: str = DEFAULT_PASSWORD) -> requests.Session:
        """Return a session of `requests` that is logged in, for tests without a client of their own."""
        import requests  # takes a tenth of a second, so only here

        session = requests.Session()
        session.trust_env = False  # a sandbox needs neither a proxy nor a .netrc
        session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True  # not read without `trust_env`
        session.headers["Authorization"] = f"Bearer {self.token(username, password)}"
        return session


def tagged_username(username: str, sandbox: str) -> str:
    """Return the user name with the tag of a sandbox; it replaces the tag that the name has."""
    local, at, host = username.partition("@")
    return f"{local.partition('+')[0]}+{sandbox}{at}{host}"


def login_form(username: str, password: str) -> dict[str, str]:
    """Return the form of a login with user name and password."""
    client = {"grant_type": "password", "client_id": CLIENT_ID}
    return client | {"username": username, "password": password}


def tokens_in(answer: object) -> Tokens | None:
    """Return the tokens in the JSON answer of a token endpoint, or None if it has none."""
    if not isinstance(answer, Mapping) or not isinstance(answer.get("access_token"), str):
        return None
    return Tokens(answer["access_token"], str(answer.get("refresh_token", "")))


def _claims(token: str) -> dict[str, Any]:
    """Return the claims of a token without verifying them; empty if it is not a JWT."""
    try:
        _, payload, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}
