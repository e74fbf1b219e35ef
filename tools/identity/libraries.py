"""Run the Python libraries against the server whose URL is the argument; print a JSON line per check."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc.discovery import OpenIDProviderMetadata
from keycloak import KeycloakOpenID
from oauthlib.oauth2 import LegacyApplicationClient
from requests_oauthlib import OAuth2Session

CLIENT, USER, PASSWORD = "ea-api-edge", "api+identity@example.com", "demo"
SCOPE = "openid profile email"


def check(library: str, name: str, run: Callable[[], Any]) -> Any:
    """Run one check and print its outcome; a false value counts as failed."""
    try:
        found = run()
        outcome = "ok" if found else f"{found!r}"
    except Exception as error:  # noqa: BLE001  # an exception of the library is a result
        found, outcome = None, f"{type(error).__name__}: {error}"
    print(json.dumps({"library": library, "check": name, "outcome": outcome}))
    return found


def python_keycloak(base: str) -> None:
    """Use python-keycloak, which names its client in the form."""
    name = "python-keycloak"
    client = KeycloakOpenID(server_url=f"{base}/auth/", client_id=CLIENT, realm_name="eat_realm")
    check(name, "discovery", lambda: client.well_known()["authorization_endpoint"])
    token = check(name, "password", lambda: client.token(USER, PASSWORD)) or {}
    check(name, "openid", lambda: token["id_token"])
    check(name, "userinfo", lambda: client.userinfo(token["access_token"])["email"] == USER)
    check(name, "introspection", lambda: client.introspect(token["access_token"])["active"])
    check(name, "public_key", client.public_key)
    check(name, "verify", lambda: client.decode_token(token["access_token"])["account_ids"])
    check(name, "refresh", lambda: client.refresh_token(token["refresh_token"])["access_token"])
    check(name, "logout", lambda: client.logout(token["refresh_token"]) == {})


def authlib(base: str) -> None:
    """Use Authlib, which sends a secret by Basic and validates the discovery document."""
    name, realm = "Authlib", f"{base}/auth/realms/eat_realm"
    found = requests.get(f"{realm}/.well-known/openid-configuration", timeout=5).json()
    check(name, "discovery", lambda: OpenIDProviderMetadata(found).validate() is None)
    rfc8414 = f"{base}/.well-known/oauth-authorization-server/auth/realms/eat_realm"
    server = requests.get(rfc8414, timeout=5).json()
    check(name, "RFC 8414", lambda: AuthorizationServerMetadata(server).validate() is None)
    endpoint = found["token_endpoint"]
    session = AuthlibSession(CLIENT, scope=SCOPE, token_endpoint=endpoint)
    token = check(name, "password", lambda: session.fetch_token(username=USER, password=PASSWORD)) or {}
    check(name, "openid", lambda: token["id_token"] and token["scope"] == SCOPE)
    check(name, "userinfo", lambda: session.get(found["userinfo_endpoint"]).json()["email"] == USER)
    asked = found["introspection_endpoint"]
    check(
        name, "introspection", lambda: session.introspect_token(asked, token["access_token"]).json()["active"]
    )
    check(name, "refresh", lambda: session.refresh_token(endpoint, token["refresh_token"])["access_token"])
    form = {"refresh_token": token.get("refresh_token")}
    check(name, "logout", lambda: session.post(found["end_session_endpoint"], data=form).ok)
    other = AuthlibSession(CLIENT, "any secret", scope=SCOPE, token_endpoint=endpoint)
    second = check(name, "Basic", lambda: other.fetch_token(username=USER, password=PASSWORD)) or {}
    revoke = found["revocation_endpoint"]
    check(name, "revocation", lambda: other.revoke_token(revoke, second["refresh_token"]).status_code == 200)


def requests_oauthlib(base: str) -> None:
    """Use requests-oauthlib, which names its client by Basic and rejects another scope than it asked for."""
    name, realm = "requests-oauthlib", f"{base}/auth/realms/eat_realm"
    found = requests.get(f"{realm}/.well-known/openid-configuration", timeout=5).json()
    check(name, "discovery", lambda: found["issuer"] == realm)
    session = OAuth2Session(client=LegacyApplicationClient(CLIENT, scope=SCOPE.split()))
    endpoint = found["token_endpoint"]
    token = (
        check(name, "password", lambda: session.fetch_token(endpoint, username=USER, password=PASSWORD)) or {}
    )
    check(name, "Basic", lambda: token["access_token"])
    check(name, "openid", lambda: token["id_token"])
    check(name, "userinfo", lambda: session.get(found["userinfo_endpoint"]).json()["email"] == USER)
    form = {"token": token.get("access_token")}
    check(
        name,
        "introspection",
        lambda: session.post(found["introspection_endpoint"], data=form).json()["active"],
    )
    check(name, "refresh", lambda: session.refresh_token(endpoint, client_id=CLIENT)["access_token"])
    last = {"refresh_token": token.get("refresh_token")}
    check(name, "logout", lambda: session.post(found["end_session_endpoint"], data=last).ok)


if __name__ == "__main__":
    for library in (python_keycloak, authlib, requests_oauthlib):
        library(sys.argv[1])
