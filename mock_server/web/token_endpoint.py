"""The authorisation server: Keycloak's endpoints of the realm, with its error bodies (behaviour.md 1.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from mock_server.auth.access import bearer_token
from mock_server.auth.tokens import MAX_USERNAME, REALM_PATH, Identity, Token, TokenRejected
from mock_server.domain.operations import CLIENT_ID, OPERATIONS
from mock_server.sandbox import ServerSandbox
from mock_server.scenarios import NO_EFFECT, Then, without_tag
from mock_server.web.context import CONTEXT, RequestContext
from mock_server.web.responses import json_response
from mock_server.web.rule_effects import run_with_rules
from mock_server.web.services import services

openid = Blueprint("openid", __name__, url_prefix=REALM_PATH)

PROTOCOL = "/protocol/openid-connect"


@openid.post(f"{PROTOCOL}/token")
def get_token() -> Response:
    """behaviour.md 1.2."""
    username = _intended_user()
    sandboxes = services().sandboxes
    if sandboxes.find_for_user(username) is None and not _may_log_in(username):
        return _answer_token_request(
            NO_EFFECT
        )  # a rejected login creates no sandbox: their number is limited
    sandbox = sandboxes.for_user(username)
    request.environ[CONTEXT] = context = RequestContext(sandbox, None, username)
    return run_with_rules(OPERATIONS["getToken"], context, {}, _answer_token_request)


def _intended_user() -> str:
    """The user name that logs in, or that of the refresh token, even an expired one; empty when unknown."""
    username = _username()
    try:
        return username or services().tokens.refresh(request.form.get("refresh_token", "")).username
    except TokenRejected:
        return ""


def _username() -> str:
    """The user name in the form; empty when there is none, or it is too long to be one."""
    username = request.form.get("username", "").strip()
    return username if len(username) <= MAX_USERNAME else ""


def _may_log_in(username: str) -> bool:
    """Whether the credentials in the form are good, as far as that is known without a sandbox."""
    if request.form.get("client_id") != CLIENT_ID:
        return False
    if request.form.get("grant_type") == "password":
        return _log_in(username, request.form.get("password", "")) is not None
    return request.form.get("grant_type") == "refresh_token" and _identity_of(username) is not None


def _answer_token_request(effect: Then) -> Response:
    grant = request.form.get("grant_type")
    if not grant:
        return _error(400, "invalid_request", "Missing form parameter: grant_type")
    if request.form.get("client_id") != CLIENT_ID:
        return _error(401, "invalid_client", "Invalid client credentials")
    granted = _GRANTS.get(grant)
    if granted is None:
        return _error(400, "unsupported_grant_type", "Unsupported grant_type")
    if effect.token is not None:
        return _rejected_login() if grant == "password" else _rejected_refresh()
    return granted()


@openid.get("/.well-known/openid-configuration")
def configuration() -> Response:
    """The discovery document of OpenID Connect; the issuer is that of the tokens."""
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
    token = _active(bearer_token(request.environ))
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
    """End the session of a refresh token; its access tokens stay valid, as with Keycloak."""
    try:
        token = services().tokens.refresh(request.form.get("refresh_token", ""))
    except TokenRejected:
        return _error(400, "invalid_grant", "Invalid refresh token")
    _set_context(token)
    services().tokens.end_session(token)
    return Response(status=204)


def _by_password() -> Response:
    username, password = _username(), request.form.get("password", "")
    identity = _log_in(username, password)
    if identity is None:
        return _rejected_login()
    return _grant(services().tokens.issue(identity, base_url=_base_url()))


def _by_refresh() -> Response:
    encoded = request.form.get("refresh_token")
    if not encoded:
        return _error(400, "invalid_request", "No refresh token")
    token = _active_refresh(encoded)
    identity = None if token is None else _identity_of(token.username)
    if token is None or identity is None:
        return _rejected_refresh()
    session = str(token.claims["session_state"])
    return _grant(services().tokens.issue(identity, base_url=_base_url(), session=session))


_GRANTS = {"password": _by_password, "refresh_token": _by_refresh}


def _log_in(username: str, password: str) -> Identity | None:
    """The identity of a login with this password; None when the login is rejected."""
    declared = services().sandboxes.admission_for(username).logins.get(without_tag(username))
    if declared is not None and declared.password != password:
        return None
    return _identity_of(username) if username and password else None


def _identity_of(username: str) -> Identity | None:
    """The identity of a declared user; any other has the default account, unless only declared may log in."""
    admission = services().sandboxes.admission_for(username)
    declared = admission.logins.get(without_tag(username))
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
    """The access token, if it is valid and its session was not ended."""
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


def _rejected_login() -> Response:
    return _error(401, "invalid_grant", "Invalid user credentials")


def _rejected_refresh() -> Response:
    return _error(400, "invalid_grant", "Token is not active")


def _expired(token: Token) -> bool:
    return token.expired(_set_context(token).token_age(token.issued_at))


def _set_context(token: Token) -> ServerSandbox:
    """Keep the token as that of this request, for the journal; return its sandbox."""
    sandbox = services().sandboxes.for_user(token.username)
    context: RequestContext = request.environ.setdefault(CONTEXT, RequestContext(sandbox, token))
    context.token = token
    return sandbox


def _base_url() -> str:
    return services().settings.public_url or request.host_url.rstrip("/")


def _grant(tokens: dict[str, Any]) -> Response:
    return json_response(tokens, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


def _error(status: int, error: str, description: str, headers: dict[str, str] | None = None) -> Response:
    return json_response({"error": error, "error_description": description}, status, headers)
