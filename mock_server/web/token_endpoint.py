"""The authorisation server: Keycloak's endpoints of the realm, with its error bodies (behaviour.md 1.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from mock_server.auth.tokens import REALM_PATH, Identity, Token, TokenRejected
from mock_server.domain.operations import CLIENT_ID, OPERATIONS
from mock_server.sandbox import Sandbox
from mock_server.scenarios import Then, untagged
from mock_server.web.authentication import bearer
from mock_server.web.context import CALLER, Caller
from mock_server.web.responses import json_response
from mock_server.web.rule_effects import answered
from mock_server.web.services import services

openid = Blueprint("openid", __name__, url_prefix=REALM_PATH)

PROTOCOL = "/protocol/openid-connect"


@openid.post(f"{PROTOCOL}/token")
def get_token() -> Response:
    """behaviour.md 1.2."""
    username = _user_meant()
    sandbox = services().sandboxes.for_user(username)
    request.environ[CALLER] = caller = Caller(sandbox, None, username)
    return answered(OPERATIONS["getToken"], caller, {}, _token_answer)


def _user_meant() -> str:
    """Who logs in, or whose refresh token it is, be it expired; empty where nobody can be told."""
    username = request.form.get("username", "").strip()
    try:
        return username or services().tokens.refresh(request.form.get("refresh_token", "")).username
    except TokenRejected:
        return ""


def _token_answer(then: Then) -> Response:
    grant = request.form.get("grant_type")
    if not grant:
        return _error(400, "invalid_request", "Missing form parameter: grant_type")
    if request.form.get("client_id") != CLIENT_ID:
        return _error(401, "invalid_client", "Invalid client credentials")
    granted = _GRANTS.get(grant)
    if granted is None:
        return _error(400, "unsupported_grant_type", "Unsupported grant_type")
    if then.token is not None:
        return _refused_login() if grant == "password" else _refused_refresh()
    return granted()


@openid.get("/.well-known/openid-configuration")
def configuration() -> Response:
    """What an OpenID client discovers; the issuer is the one that tokens name."""
    issuer = f"{_base_url()}{REALM_PATH}"
    endpoint = f"{issuer}{PROTOCOL}"
    return json_response(
        {
            "issuer": issuer,
            "token_endpoint": f"{endpoint}/token",
            "introspection_endpoint": f"{endpoint}/token/introspect",
            "userinfo_endpoint": f"{endpoint}/userinfo",
            "end_session_endpoint": f"{endpoint}/logout",
            "jwks_uri": f"{endpoint}/certs",
            "grant_types_supported": list(_GRANTS),
            "response_types_supported": ["none"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "scopes_supported": ["profile", "email"],
            "claims_supported": ["sub", "iss", "name", "given_name", "family_name", "email", "account_ids"],
        }
    )


@openid.get(f"{PROTOCOL}/certs")
def certs() -> Response:
    """The keys that verify access tokens, as a JSON Web Key Set."""
    return json_response(services().tokens.public_keys)


@openid.route(f"{PROTOCOL}/userinfo", methods=["GET", "POST"])
def userinfo() -> Response:
    """The claims of the bearer token about its user."""
    token = _active(bearer(request.environ))
    if token is None:
        challenge = {"WWW-Authenticate": 'Bearer realm="eat_realm", error="invalid_token"'}
        return _error(401, "invalid_token", "Token verification failed", challenge)
    shown = ("sub", "email_verified", "name", "preferred_username", "given_name", "family_name", "email")
    return json_response({name: token.claims[name] for name in shown})


@openid.post(f"{PROTOCOL}/token/introspect")
def introspect() -> Response:
    """Whether an access or refresh token is active, and its claims if so (RFC 7662)."""
    encoded = request.form.get("token")
    if not encoded:
        return _error(400, "invalid_request", "Missing form parameter: token")
    token = _active(encoded) or _active_refresh(encoded)
    if token is None:
        return json_response({"active": False})
    return json_response({**token.claims, "client_id": CLIENT_ID, "username": token.username, "active": True})


@openid.post(f"{PROTOCOL}/logout")
def logout() -> Response:
    """End the session of a refresh token; its access tokens stay good until they expire, as with Keycloak."""
    try:
        token = services().tokens.refresh(request.form.get("refresh_token", ""))
    except TokenRejected:
        return _error(400, "invalid_grant", "Invalid refresh token")
    _recognised(token)
    services().tokens.end_session(token)
    return Response(status=204)


def _by_password() -> Response:
    username, password = request.form.get("username", "").strip(), request.form.get("password", "")
    identity = _identity(username, password)
    if identity is None:
        return _refused_login()
    return _granted(services().tokens.issue(identity, base_url=_base_url()))


def _by_refresh() -> Response:
    encoded = request.form.get("refresh_token")
    if not encoded:
        return _error(400, "invalid_request", "No refresh token")
    token = _active_refresh(encoded)
    identity = None if token is None else _known(token.username)
    if token is None or identity is None:
        return _refused_refresh()
    session = str(token.claims["session_state"])
    return _granted(services().tokens.issue(identity, base_url=_base_url(), session=session))


_GRANTS = {"password": _by_password, "refresh_token": _by_refresh}


def _identity(username: str, password: str) -> Identity | None:
    """Who logs in with this password; None when nobody may."""
    declared = services().sandboxes.admission_for(username).logins.get(untagged(username))
    if declared is not None and declared.password != password:
        return None
    return _known(username) if username and password else None


def _known(username: str) -> Identity | None:
    """A declared user with its accounts; anybody else with the default account, where anybody may log in."""
    admission = services().sandboxes.admission_for(username)
    declared = admission.logins.get(untagged(username))
    if declared is not None:
        return Identity(
            username=username,
            account_ids=declared.account_ids,
            firstname=declared.firstname,
            lastname=declared.lastname,
        )
    if services().settings.auth == "declared":
        return None
    default = () if admission.default_account is None else (admission.default_account,)
    return Identity(username=username, account_ids=default)


def _active(encoded: str) -> Token | None:
    """The access token, if it is good and its session was not ended."""
    token = _unexpired(services().tokens.access, encoded)
    return None if token is None or services().tokens.session_ended(token) else token


def _active_refresh(encoded: str) -> Token | None:
    return _unexpired(services().tokens.refresh, encoded)


def _unexpired(read: Callable[[str], Token], encoded: str) -> Token | None:
    try:
        token = read(encoded)
    except TokenRejected:
        return None
    return None if _expired(token) else token


def _refused_login() -> Response:
    return _error(401, "invalid_grant", "Invalid user credentials")


def _refused_refresh() -> Response:
    return _error(400, "invalid_grant", "Token is not active")


def _expired(token: Token) -> bool:
    return token.expired(_recognised(token).token_age(token.issued_at))


def _recognised(token: Token) -> Sandbox:
    """The sandbox of the token's user, who makes this request."""
    sandbox = services().sandboxes.for_user(token.username)
    caller: Caller = request.environ.setdefault(CALLER, Caller(sandbox, token))
    caller.token = token
    return sandbox


def _base_url() -> str:
    return services().settings.public_url or request.host_url.rstrip("/")


def _granted(tokens: dict[str, Any]) -> Response:
    return json_response(tokens, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


def _error(status: int, error: str, description: str, headers: dict[str, str] | None = None) -> Response:
    return json_response({"error": error, "error_description": description}, status, headers)
