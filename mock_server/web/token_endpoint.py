"""The authorisation server: Keycloak's endpoints of the realm, with its errors (behaviour.md 1.2, 1.6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest

from mock_server.auth.access import bearer_token
from mock_server.auth.tokens import (
    MAX_USERNAME,
    NOT_BEFORE_POLICY,
    REALM_PATH,
    Identity,
    Token,
    TokenRejected,
)
from mock_server.domain.names import without_tag
from mock_server.domain.operations import API_PATH, CLIENT_ID, OPERATIONS, TOKEN_PATH
from mock_server.sandbox.commands import EndSession
from mock_server.sandbox.sandbox import ServerSandbox
from mock_server.scenarios.file_format import NO_EFFECT, Then
from mock_server.web.context import CONTEXT, RequestContext
from mock_server.web.responses import JSON_TYPE, json_response, oauth_error
from mock_server.web.rule_effects import run_with_rules
from mock_server.web.services import base_url, services
from mock_server.web.strict import check_input

openid = Blueprint("openid", __name__)

_PROTOCOL = f"{REALM_PATH}/protocol/openid-connect"
_NOT_OFFERED = """\
This sandbox offers no login by web page: no authorisation code, no implicit or hybrid flow, no device code,
and no client credentials.</p>
<p>It offers the grants <code>password</code> and <code>refresh_token</code> at the token endpoint,
with the client <code>ea-api-edge</code>, as the real service documents them:</p>
<pre>curl -d grant_type=password -d client_id=ea-api-edge \\
  --data-urlencode username=api@example.com -d password=demo \\
  &lt;base URL&gt;/auth/realms/eat_realm/protocol/openid-connect/token</pre>
<p>The scope <code>openid</code> adds an ID token. User info, introspection, revocation
and logout work, too."""
_PAGE = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title>
<style>body {{ font: 16px/1.5 sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }}</style>
</head>
<body><h1>{title}</h1>
<p>{text}</p></body>
</html>
"""
MAX_FIELDS = 1000
"""Fields of a form that is read; a token request has five."""

_CLIENT_METHODS = ["client_secret_basic", "client_secret_post", "none"]


@openid.post(f"{_PROTOCOL}/token")
@openid.post(f"/rest{API_PATH}{TOKEN_PATH}")
@openid.post(f"/edge{API_PATH}{TOKEN_PATH}")
def get_token() -> Response:
    """Answer the token endpoint; for generated clients also below the base paths. behaviour.md 1.2."""
    username = _intended_user()
    sandboxes = services().sandboxes
    if sandboxes.find_for_user(username) is None and not _may_log_in(username):
        # A rejected login creates no sandbox: their number is limited.
        return _answer_token_request(NO_EFFECT)
    sandbox = sandboxes.for_user(username)
    request.environ[CONTEXT] = context = RequestContext(sandbox, None, username)

    def answer(effect: Then) -> Response:
        if sandbox.strict != "off":
            check_input(request, context, OPERATIONS["getToken"], None, {})
        return _answer_token_request(effect)

    return run_with_rules(request, OPERATIONS["getToken"], context, {}, answer)


def _field(name: str) -> str:
    """A field of the form; empty when the form has none, or the body is not declared as a form."""
    return request.form.get(name, "") if _is_form() else ""


def _is_form() -> bool:
    """Whether the body is declared as a form.

    Raises:
        BadRequest: it has so many fields that reading them would delay other clients.
    """
    if request.mimetype != "application/x-www-form-urlencoded":
        return False
    if request.get_data().count(b"&") >= MAX_FIELDS:
        raise BadRequest(f"A form has at most {MAX_FIELDS} fields: send fewer")
    return True


def _client_id() -> str:
    """The client in `Authorization: Basic`, else in the form; any secret is ignored. behaviour.md 1.6."""
    authorization = request.authorization
    if authorization is not None and authorization.type == "basic":
        return unquote_plus(authorization.username or "")
    return _field("client_id")


def _intended_user() -> str:
    """The user name that logs in, or that of the refresh token, even an expired one; empty when unknown."""
    username = _username()
    if username:
        return username
    token = _any_refresh_token(_field("refresh_token"))
    return "" if token is None else token.username


def _username() -> str:
    """The user name in the form; empty when there is none, or it is too long, or has a blank before `@`."""
    username = _field("username").strip()
    return username if len(username) <= MAX_USERNAME and not _has_blank(username) else ""


def _has_blank(username: str) -> bool:
    """Whether the tag of the user name was lost: in a form, a plus that is not escaped is a blank."""
    return " " in username.partition("@")[0]


def _may_log_in(username: str) -> bool:
    """Whether the credentials in the form are accepted, as far as that is known without a sandbox."""
    if _client_id() != CLIENT_ID:
        return False
    if _field("grant_type") == "password":
        return _log_in(username, _field("password")) is not None
    is_refresh = (
        _field("grant_type") == "refresh_token" and _any_refresh_token(_field("refresh_token")) is not None
    )
    return is_refresh and _identity_of(username) is not None


def _answer_token_request(effect: Then) -> Response:
    """Return the answer of the token endpoint; `effect` is that of a rule."""
    rejected = _request_error()
    if rejected is not None:
        return rejected
    grant = _field("grant_type")
    if effect.token is not None:
        return _login_error() if grant == "password" else _refresh_error()
    return _GRANTS[grant]()


def _request_error() -> Response | None:
    """The error of a token request without a known client or grant; None for a request with both."""
    if not _is_form():
        return _form_error()
    grant = _field("grant_type")
    if not grant:
        return oauth_error(400, "invalid_request", "Missing form parameter: grant_type")
    if _client_id() != CLIENT_ID:
        return _client_error()
    if grant not in _GRANTS:
        return oauth_error(400, "unsupported_grant_type", "Unsupported grant_type")
    return None


def _form_error() -> Response:
    """behaviour.md 1.6 (inferred)."""
    declared = f"Content-Type '{request.mimetype}'" if request.mimetype else "no Content-Type"
    return oauth_error(
        415,
        "HTTP 415 Unsupported Media Type",
        f"The request has {declared}; send a form as application/x-www-form-urlencoded",
    )


def _client_error() -> Response:
    return oauth_error(401, "invalid_client", "Invalid client credentials")


@openid.get(REALM_PATH)
def realm() -> Response:
    """Keycloak's document of the realm, from which adapters take the key. behaviour.md 1.6 (inferred)."""
    issuer = _issuer()
    return json_response(
        {
            "realm": REALM_PATH.rpartition("/")[2],
            "public_key": services().tokens.public_key,
            "token-service": f"{issuer}/protocol/openid-connect",
            "account-service": f"{issuer}/account",
            "tokens-not-before": NOT_BEFORE_POLICY,
        }
    )


@openid.get(f"{REALM_PATH}/.well-known/openid-configuration")
@openid.get(f"{REALM_PATH}/.well-known/oauth-authorization-server")
@openid.get(f"/.well-known/oauth-authorization-server{REALM_PATH}")
def configuration() -> Response:
    """The discovery document of OpenID Connect and RFC 8414; the issuer is that of the tokens.

    behaviour.md 1.6 (inferred).
    """
    issuer = _issuer()
    endpoint = f"{issuer}/protocol/openid-connect"
    return json_response(
        {
            "issuer": issuer,
            "authorization_endpoint": f"{endpoint}/auth",
            "token_endpoint": f"{endpoint}/token",
            "introspection_endpoint": f"{endpoint}/token/introspect",
            "userinfo_endpoint": f"{endpoint}/userinfo",
            "end_session_endpoint": f"{endpoint}/logout",
            "revocation_endpoint": f"{endpoint}/revoke",
            "jwks_uri": f"{endpoint}/certs",
            "grant_types_supported": list(_GRANTS),
            "response_types_supported": ["none"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": _CLIENT_METHODS,
            "introspection_endpoint_auth_methods_supported": _CLIENT_METHODS,
            "revocation_endpoint_auth_methods_supported": _CLIENT_METHODS,
            "scopes_supported": ["openid", "profile", "email"],
            "claims_supported": ["sub", "iss", "name", "given_name", "family_name", "email", "account_ids"],
            "claims_parameter_supported": False,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,  # supported unless it says so
        }
    )


@openid.route(f"{_PROTOCOL}/auth", methods=["GET", "POST"])
def authorize() -> Response:
    """Show a page with the grants that exist: none of them has a page to log in. behaviour.md 1.6."""
    # 400 for a client that starts the authorisation code flow; a user who follows the link gets the page.
    status = 400 if request.values.get("response_type") else 200
    return _page("No login page", _NOT_OFFERED, status)


@openid.get(f"{_PROTOCOL}/certs")
def certs() -> Response:
    """The keys that verify access tokens, as a JSON Web Key Set."""
    return json_response(services().tokens.public_keys)


@openid.route(f"{_PROTOCOL}/userinfo", methods=["GET", "POST"])
def userinfo() -> Response:
    """The claims of the bearer token about its user; it is in the header or the form (RFC 6750, 2.2)."""
    token = _active_access_token(bearer_token(request.environ) or _field("access_token"))
    if token is None:
        challenge = {"WWW-Authenticate": 'Bearer realm="eat_realm", error="invalid_token"'}
        return oauth_error(401, "invalid_token", "Token verification failed", challenge)
    claim_names = (
        "sub",
        "email_verified",
        "name",
        "preferred_username",
        "given_name",
        "family_name",
        "email",
    )
    return json_response({name: token.claims[name] for name in claim_names})


@openid.post(f"{_PROTOCOL}/token/introspect")
def introspect() -> Response:
    """Whether an access or refresh token is active, and its claims if so (RFC 7662)."""
    encoded = _field("token")
    if not encoded:
        return oauth_error(400, "invalid_request", "Missing form parameter: token")
    token = _active_access_token(encoded) or _active_refresh_token(encoded)
    if token is None:
        return json_response({"active": False})
    return json_response({**token.claims, "client_id": CLIENT_ID, "username": token.username, "active": True})


@openid.post(f"{_PROTOCOL}/revoke")
def revoke() -> Response:
    """Revoke a token (RFC 7009): an access token alone, a refresh token with its session.

    behaviour.md 1.6 (inferred).
    """
    encoded = _field("token")
    if not _is_form():
        return _form_error()
    if _client_id() != CLIENT_ID:
        return _client_error()
    if not encoded:
        return oauth_error(400, "invalid_request", "Missing form parameter: token")
    access, refresh = _active_access_token(encoded), _active_refresh_token(encoded)
    if access is not None:
        _set_context(access).execute(EndSession(access.identifier), in_request=True)
    if refresh is not None:
        _end_session(refresh)
    # Also for a token that is not active any more. Some clients reject an empty body of another type.
    return Response(status=200, content_type=JSON_TYPE)


@openid.post(f"{_PROTOCOL}/logout")
def logout() -> Response:
    """End the session of a refresh token; its access tokens stay valid, as with Keycloak."""
    if _field("id_token_hint"):
        return _log_out_by_page(_field("id_token_hint"))
    token = _any_refresh_token(_field("refresh_token"))
    if token is None or _is_ended(token):
        return oauth_error(400, "invalid_grant", "Invalid refresh token")
    _end_session(token)
    return Response(status=204)


@openid.get(f"{_PROTOCOL}/logout")
def log_out_by_page() -> Response:
    """End the session of an ID token, and say so (OpenID Connect RP-Initiated Logout).

    The page never redirects: no client has registered a URL. behaviour.md 1.6 (inferred).
    """
    return _log_out_by_page(request.args.get("id_token_hint", ""))


def _log_out_by_page(hint: str) -> Response:
    try:
        token = services().tokens.id_token(hint)
    except TokenRejected:
        return _page("Not logged out", "The request has no valid id_token_hint.", 400)
    _end_session(token)
    return _page("Logged out", "The session has ended.", 200)


def _grant_by_password() -> Response:
    if _has_blank(_field("username").strip()):
        return _blank_error(_field("username"))
    username = _username()
    identity = _log_in(username, _field("password"))
    if identity is None:
        return _login_error()
    asks_openid = "openid" in _field("scope").split()
    return _token_response(services().tokens.issue(identity, base_url=base_url(), openid=asks_openid))


def _blank_error(username: str) -> Response:
    """behaviour.md 1.6 (inferred)."""
    escaped = username.strip().replace(" ", "%2B")
    return oauth_error(
        400,
        "invalid_request",
        f"The user name has a blank: in a form, a plus is sent as %2B, such as {escaped[:MAX_USERNAME]}",
    )


def _grant_by_refresh() -> Response:
    encoded = _field("refresh_token")
    if not encoded:
        return oauth_error(400, "invalid_request", "No refresh token")
    token = _active_refresh_token(encoded)
    identity = None if token is None else _identity_of(token.username)
    if token is None or identity is None:
        return _refresh_error()
    session = str(token.claims["session_state"])
    had_openid = "openid" in str(token.claims.get("scope")).split()
    return _token_response(
        services().tokens.issue(identity, base_url=base_url(), session=session, openid=had_openid)
    )


_GRANTS = {"password": _grant_by_password, "refresh_token": _grant_by_refresh}


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


def _active_access_token(encoded: str) -> Token | None:
    """The access token; None if it is invalid or expired, or its session was ended."""
    return _active_token(services().tokens.access, encoded)


def _any_refresh_token(encoded: str) -> Token | None:
    """The refresh token, also an expired one or one of an ended session; None if it is invalid."""
    try:
        return services().tokens.refresh(encoded)
    except TokenRejected:
        return None


def _active_refresh_token(encoded: str) -> Token | None:
    return _active_token(services().tokens.refresh, encoded)


def _active_token(decode: Callable[[str], Token], encoded: str) -> Token | None:
    try:
        token = decode(encoded)
    except TokenRejected:
        return None
    has_expired = token.expired(_set_context(token).token_age(token.issued_at))
    return None if has_expired or _is_ended(token) else token


def _is_ended(token: Token) -> bool:
    """Whether the token or its session was ended."""
    sandbox = services().sandboxes.find_for_user(token.username)
    ended = sandbox.ended_sessions if sandbox else ()
    return token.session in ended or token.identifier in ended


def _end_session(token: Token) -> None:
    """End the session: its refresh tokens are rejected from now on."""
    _set_context(token).execute(EndSession(token.session), in_request=True)


def _login_error() -> Response:
    return oauth_error(401, "invalid_grant", "Invalid user credentials")


def _refresh_error() -> Response:
    return oauth_error(400, "invalid_grant", "Token is not active")


def _set_context(token: Token) -> ServerSandbox:
    """Keep the token as that of this request, for the journal; return its sandbox."""
    sandbox = services().sandboxes.for_user(token.username)
    context: RequestContext = request.environ.setdefault(CONTEXT, RequestContext(sandbox, token))
    context.token = token
    return sandbox


def _issuer() -> str:
    return f"{base_url()}{REALM_PATH}"


def _page(title: str, text: str, status: int) -> Response:
    """A page that loads nothing and runs nothing."""
    page = Response(_PAGE.format(title=title, text=text), status, content_type="text/html; charset=utf-8")
    page.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return page


def _token_response(tokens: dict[str, Any]) -> Response:
    return json_response(tokens, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})
