"""The user of a sandbox: the name whose tag opens it, and tokens for those who need one at hand."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request

from mock_server.client.control import Control, answered, opener
from mock_server.client.mistakes import ControlRefused
from mock_server.domain.operations import API_PATH, CLIENT_ID, TOKEN_PATH

if TYPE_CHECKING:
    import requests

DEFAULT_USER = "api@example.com"
DEFAULT_PASSWORD = "demo"  # noqa: S105  # that of the bundled fixtures


class Logins(Control):
    """What a client of the API is configured with to be in this sandbox."""

    password = DEFAULT_PASSWORD

    @property
    def base_url(self) -> str:
        """Where the API is, in the server's own dialect: `http://127.0.0.1:8080/api/v1`."""
        return f"{self.url}{API_PATH}"

    def base_url_in(self, dialect: str) -> str:
        """Where the API speaks `rest`, or `edge`."""
        return f"{self.url}/{dialect}{API_PATH}"

    @property
    def auth_url(self) -> str:
        """The authorisation server."""
        return self.url

    @property
    def token_url(self) -> str:
        """Where tokens are got."""
        return f"{self.url}{TOKEN_PATH}"

    @property
    def username(self) -> str:
        """The default user, whose name opens this sandbox: `api+NAME@example.com`."""
        return self.tagged(DEFAULT_USER)

    def tagged(self, username: str) -> str:
        """The name under which a user logs in to this sandbox: `multi+NAME@example.com`."""
        local, at, host = username.partition("@")
        return f"{local.partition('+')[0]}+{self.name}{at}{host}"

    def token(self, username: str = DEFAULT_USER, password: str = DEFAULT_PASSWORD) -> str:
        """A new access token; its login is in the journal, as any other.

        Raises:
            ControlRefused: the user was not let in.
            NoServer: nobody answers.
        """
        __tracebackhide__ = True
        form = {"grant_type": "password", "client_id": CLIENT_ID}
        form |= {"username": self.tagged(username), "password": password}
        request = Request(self.token_url, data=urlencode(form).encode())  # noqa: S310  # HTTP, as the server's URL is
        try:
            return str(json.loads(answered(opener(self.url), request))["access_token"])
        except HTTPError as refused:
            with refused:
                text = refused.read().decode("utf-8", "replace")
            raise ControlRefused(f"the login of {form['username']}", refused.code, text) from None

    def session(self, username: str = DEFAULT_USER, password: str = DEFAULT_PASSWORD) -> requests.Session:
        """A session of `requests` that is logged in, for those without a client of their own."""
        import requests  # a tenth of a second, for those who ask for it

        session = requests.Session()
        session.trust_env = False  # neither a proxy nor a .netrc is meant for a sandbox
        session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True  # but this is
        session.headers["Authorization"] = f"Bearer {self.token(username, password)}"
        return session
