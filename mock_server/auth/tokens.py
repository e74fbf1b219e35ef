"""Access and refresh tokens as the vendor's Keycloak issues them (behaviour.md 1.2, 1.3).

Access tokens are RS256, signed with a key that is given or made once and kept; refresh tokens are HS256, with
a secret derived from it. Expiry is in the machine's time, because clients compare it with their own clock.
"""

from __future__ import annotations

import hmac
import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from secrets import randbits
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Literal
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from msgspec import Struct

from mock_server.auth.keys import cache_folder, kept_key_exists, load_key, load_or_create_key
from mock_server.clock import real_now, real_seconds
from mock_server.domain.operations import CLIENT_ID

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

REALM_PATH = "/auth/realms/eat_realm"
AUDIENCE = "account"
NOT_BEFORE_POLICY = 1550670103
SCOPE = "profile email"
OPENID_SCOPE = f"openid {SCOPE}"

MAX_USERNAME = 255
"""Characters of a user name; a longer one cannot log in (inferred)."""

_MAX_CACHED_BYTES = 24 * 1024 * 1024
"""Bytes of all tokens that are cached together: about 8,000 of them."""
_EPOCH_START = datetime.fromtimestamp(0, UTC)
_SIZE_FACTOR = 3
"""Bytes of memory that a cached token takes for each of its characters, measured."""
_MAX_TOKEN_LENGTH = 48 * 1024
"""Characters of a token; a longer one is malformed, and never cached.

A user with 4,000 accounts needs fewer, and the head of a request has 64 KiB.
"""


class TokenRejected(Exception):
    """An invalid token: `malformed`, `altered` or `expired`."""

    def __init__(self, reason: Literal["malformed", "altered", "expired"]) -> None:
        super().__init__(reason)
        self.reason = reason


class Identity(Struct, frozen=True, kw_only=True):
    """A user who logs in, and the accounts that the token opens, the default one first."""

    username: str
    account_ids: tuple[int, ...]
    firstname: str = "Api"
    lastname: str = "User"

    @property
    def subject(self) -> str:
        """The `sub` of both tokens; like that of a federated Keycloak user it ends in the name."""
        return f"f:{uuid5(NAMESPACE_URL, REALM_PATH)}:{self.username}"


class Token(Struct, frozen=True, kw_only=True):
    """A token with a valid signature; it may have expired. Its claims, and its times in real time.

    `expires` is in seconds since 1970, since each request compares it.
    """

    claims: Mapping[str, Any]
    username: str
    account_ids: tuple[int, ...]
    issued_at: datetime
    expires: float
    is_for_access: bool

    @property
    def session(self) -> str:
        """The id of the session to which the token belongs."""
        return str(self.claims.get("session_state"))

    @property
    def identifier(self) -> str:
        """The id of this token alone."""
        return str(self.claims.get("jti"))

    def expired(self, age: timedelta = timedelta()) -> bool:
        """Whether it has expired, with `age` added to the machine's time."""
        return real_seconds() + age.total_seconds() >= self.expires


class TokenService:
    """Issues and verifies tokens. A token that was verified once is cached.

    The key is that in `key_file`, else the one that replicas share, else one that is made once and kept.
    """

    def __init__(
        self,
        *,
        key_file: Path | None,
        access_lifetime: timedelta,
        refresh_lifetime: timedelta,
        shared_key: RSAPrivateKey | None = None,
    ) -> None:
        self._given_key = load_key(key_file) if key_file else shared_key
        self._access_lifetime = access_lifetime
        self._refresh_lifetime = refresh_lifetime
        self._cache: dict[str, Token] = {}
        self.cached_bytes = 0
        self._lock = Lock()

    @property
    def has_key(self) -> bool:
        """Whether a key was given, or is kept from an earlier start."""
        return self._given_key is not None or kept_key_exists(cache_folder())

    def make_key_soon(self) -> None:
        """Make a key in a thread, unless there is one: so the first login waits less, or not at all."""
        if not self.has_key:
            # Not a daemon thread: if the start failed before its end, the interpreter would abort.
            Thread(target=lambda: self._key, name="mock-server key").start()

    def issue(
        self, identity: Identity, *, base_url: str, session: str | None = None, openid: bool = False
    ) -> dict[str, Any]:
        """The answer of the token endpoint: a new pair of tokens, of a new session or of the one given.

        With `openid` it has an ID token as well, and the scope says so.

        behaviour.md 1.2, 1.3 (documented), 1.6 (inferred).
        """
        now = real_now()
        session = session or str(uuid4())
        scope = OPENID_SCOPE if openid else SCOPE
        common = _common_claims(identity, base_url, now, session) | {"scope": scope}
        access = common | _access_claims(identity) | {"exp": _epoch(now + self._access_lifetime)}
        refresh = common | {
            "jti": _token_id(now),
            "typ": "Refresh",
            "aud": common["iss"],
            "exp": _epoch(now + self._refresh_lifetime),
        }
        access_token, refresh_token = self._encode(access), self._encode_refresh(refresh)
        self._cache_token(access_token, _build_token(access, issued_at=now))
        self._cache_token(refresh_token, _build_token(refresh, issued_at=now))
        return {
            "access_token": access_token,
            "expires_in": int(self._access_lifetime.total_seconds()),
            "refresh_expires_in": int(self._refresh_lifetime.total_seconds()),
            "refresh_token": refresh_token,
            "token_type": "bearer",
            **({"id_token": self._encode(_id_claims(access, access_token))} if openid else {}),
            "not-before-policy": NOT_BEFORE_POLICY,
            "session_state": session,
            "scope": scope,
        }

    def access(self, encoded: str) -> Token:
        """The access token in `encoded`; the caller checks whether it has expired.

        Raises:
            TokenRejected: it is malformed, or altered: not signed by this server, or no access token.

        behaviour.md 1.4 (documented).
        """
        token = self._cache.get(encoded)
        if token is None:
            token = _build_token(self._decode(encoded, self._key.public_key(), "RS256"))
            self._cache_token(encoded, token)
        if not token.is_for_access:
            raise TokenRejected("altered")
        return token

    def refresh(self, encoded: str) -> Token:
        """The refresh token in `encoded`; the caller checks whether it has expired or its session was ended.

        Raises:
            TokenRejected: it is malformed or altered.
        """
        token = self._cache.get(encoded) or _build_token(self._decode(encoded, self._refresh_secret, "HS256"))
        if token.claims.get("typ") != "Refresh":
            raise TokenRejected("altered")
        return token

    def id_token(self, encoded: str) -> Token:
        """The ID token in `encoded`, which may have expired.

        Raises:
            TokenRejected: it is malformed or altered.
        """
        token = _build_token(self._decode(encoded, self._key.public_key(), "RS256"))
        if token.claims.get("typ") != "ID":
            raise TokenRejected("altered")
        return token

    @cached_property
    def public_key(self) -> str:
        """The key that verifies an access token, DER in base64, as in Keycloak's document of the realm."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        public = self._key.public_key()
        return b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()

    @cached_property
    def public_keys(self) -> dict[str, Any]:
        """The JSON Web Key Set with which a client can verify an access token."""
        from jwt.algorithms import RSAAlgorithm

        key = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{"kid": self._key_id, "alg": "RS256", "use": "sig", **key}]}

    def _encode(self, claims: Mapping[str, Any]) -> str:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        header = {"typ": "JWT", "alg": "RS256", "kid": self._key_id}
        return _sign_token(header, claims, lambda content: self._key.sign(content, PKCS1v15(), SHA256()))

    def _encode_refresh(self, claims: Mapping[str, Any]) -> str:
        header = {"typ": "JWT", "alg": "HS256"}
        return _sign_token(
            header, claims, lambda content: hmac.digest(self._refresh_secret, content, "sha256")
        )

    def _decode(self, encoded: str, key: Any, algorithm: str) -> dict[str, Any]:
        """Verify the signature of a token, and return its claims.

        Raises:
            TokenRejected: it is malformed or altered.
        """
        import jwt

        # The caller checks the age, `_is_for_access` the rest; only the algorithm of the type is accepted.
        options: Any = {
            "verify_exp": False,
            "verify_aud": False,
            "verify_iat": False,
            "require": ["exp", "iat", "sub"],
        }
        if len(encoded) > _MAX_TOKEN_LENGTH:
            raise TokenRejected("malformed")
        try:
            return jwt.decode(encoded, key, algorithms=[algorithm], options=options)
        except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError, jwt.MissingRequiredClaimError):
            raise TokenRejected("altered") from None
        except (
            jwt.PyJWTError,
            ValueError,
            TypeError,
            RecursionError,
        ):  # an `nbf` of any type is read as a number
            raise TokenRejected("malformed") from None

    def _cache_token(self, encoded: str, token: Token) -> None:
        """Cache a valid token; drop the oldest ones beyond the limit."""
        size = len(encoded) * _SIZE_FACTOR
        if len(encoded) > _MAX_TOKEN_LENGTH:
            return
        with self._lock:
            if encoded not in self._cache:
                self.cached_bytes += size
            self._cache[encoded] = token
            while self.cached_bytes > _MAX_CACHED_BYTES:
                oldest = next(iter(self._cache))
                del self._cache[oldest]
                self.cached_bytes -= len(oldest) * _SIZE_FACTOR

    @cached_property
    def _key(self) -> RSAPrivateKey:
        with self._lock:
            return self._given_key or load_or_create_key(cache_folder())

    @cached_property
    def _key_id(self) -> str:
        numbers = self._key.public_key().public_numbers()
        return sha256(f"{numbers.n}/{numbers.e}".encode()).hexdigest()[:32]

    @cached_property
    def _refresh_secret(self) -> bytes:
        return sha256(f"refresh/{self._key.private_numbers().d}".encode()).digest()


def _sign_token(header: Mapping[str, Any], claims: Mapping[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """A token in its compact form (RFC 7515, 3.1).

    PyJWT, which verifies tokens, could write it too. But the first login would wait 20 ms for its import.
    """
    parts = (json.dumps(part, separators=(",", ":")).encode() for part in (header, claims))
    content = b".".join(map(_base64url, parts))
    return b".".join((content, _base64url(sign(content)))).decode()


def _base64url(content: bytes) -> bytes:
    return urlsafe_b64encode(content).rstrip(b"=")


def _build_token(claims: Mapping[str, Any], *, issued_at: datetime | None = None) -> Token:
    """Return the token of these claims, whose signature was verified.

    Raises:
        TokenRejected: a claim is malformed.
    """
    try:
        issued = issued_at or _issued_at(claims)
        expires = datetime.fromtimestamp(int(claims["exp"]), UTC).timestamp()
        account_ids = tuple(int(number) for number in str(claims.get("account_ids", "")).split(",") if number)
    except (ValueError, TypeError, OverflowError, OSError):
        raise TokenRejected("malformed") from None
    username = str(claims["sub"]).split(":", 2)[-1]
    return Token(
        claims=claims,
        username=username,
        account_ids=account_ids,
        issued_at=issued,
        expires=expires,
        is_for_access=_is_for_access(claims),
    )


def _token_id(now: datetime) -> str:
    """An id for a token: a UUID of version 7, which begins with the instant (RFC 9562, 5.7 and 6.2).

    So another replica knows more of the instant than the second in `iat`.
    """
    milliseconds, microseconds = divmod((now - _EPOCH_START) // timedelta(microseconds=1), 1000)
    fraction = microseconds * 4096 // 1000
    return str(UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | randbits(62)))


def _issued_at(claims: Mapping[str, Any]) -> datetime:
    """When the token was issued: as its id says, if that is the second in `iat`."""
    second = datetime.fromtimestamp(int(claims["iat"]), UTC)
    try:
        identifier = UUID(str(claims.get("jti"))).int
    except ValueError:
        return second
    # Rounded up: the fraction was rounded down.
    microseconds = (identifier >> 80) * 1000 + ((identifier >> 64 & 0xFFF) * 1000 + 4095) // 4096
    exact = microseconds // 1_000_000 == int(claims["iat"])
    return second + timedelta(microseconds=microseconds % 1_000_000) if exact else second


def _is_for_access(claims: Mapping[str, Any]) -> bool:
    """Whether it is an access token of the realm, issued under any host name."""
    of_the_realm = str(claims.get("iss", "")).endswith(REALM_PATH)
    return claims.get("typ") == "Bearer" and of_the_realm and claims.get("aud") == AUDIENCE


def _common_claims(identity: Identity, base_url: str, now: datetime, session: str) -> dict[str, Any]:
    return {
        "jti": _token_id(now),
        "exp": 0,
        "nbf": 0,
        "iat": _epoch(now),
        "iss": f"{base_url}{REALM_PATH}",
        "aud": AUDIENCE,
        "sub": identity.subject,
        "typ": "Bearer",
        "azp": CLIENT_ID,
        "auth_time": 0,
        "session_state": session,
        "realm_access": {"roles": ["offline_access", "uma_authorization"]},
        "resource_access": {"account": {"roles": ["manage-account", "manage-account-links", "view-profile"]}},
        "scope": SCOPE,
    }


def _access_claims(identity: Identity) -> dict[str, Any]:
    return {
        "acr": "1",
        "account_ids": ",".join(map(str, identity.account_ids)),
        "email_verified": True,
        "name": f"{identity.firstname} {identity.lastname}",
        "preferred_username": identity.username,
        "given_name": identity.firstname,
        "family_name": identity.lastname,
        "email": identity.username if "@" in identity.username else f"{identity.username}@example.com",
    }


_ID_CLAIMS = (
    *("exp", "nbf", "iat", "iss", "sub", "auth_time", "session_state", "acr"),
    *("email_verified", "name", "preferred_username", "given_name", "family_name", "email"),
)


def _id_claims(access: Mapping[str, Any], access_token: str) -> dict[str, Any]:
    """The claims of the ID token that is issued with an access token (OpenID Connect Core, 3.1.3.6)."""
    left_half = sha256(access_token.encode()).digest()[:16]
    return {
        "jti": str(uuid4()),
        **{name: access[name] for name in _ID_CLAIMS},
        "aud": CLIENT_ID,
        "typ": "ID",
        "azp": CLIENT_ID,
        "at_hash": _base64url(left_half).decode(),
    }


def _epoch(at: datetime) -> int:
    return int(at.timestamp())
