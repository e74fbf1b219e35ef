"""Tokens that this server did not issue for access."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization

from tests.support import OPENID, Api, claims


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def unsigned(api: Api) -> str:
    return f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{encoded(claims(api.token))}."


def stripped(api: Api) -> str:
    """The token without its signature."""
    return api.token.rpartition(".")[0] + "."


def altered(api: Api) -> str:
    """The token with another account in its payload and the signature it had."""
    header, _, signature = api.token.split(".")
    return f"{header}.{encoded(claims(api.token) | {'account_ids': '119700'})}.{signature}"


def signed_with_the_public_key(api: Api) -> str:
    """The old trick: HS256, with the published RSA key taken for a shared secret."""
    keys = jwt.PyJWKSet.from_dict(dict(api.client.get(f"{OPENID}/certs").json or {}))
    pem = keys.keys[0].key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signing = f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{encoded(claims(api.token))}"
    signature = jwt.get_algorithm_by_name("HS256").sign(signing.encode(), pem)
    return f"{signing}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def refresh_token(api: Api) -> str:
    return str(api.log_in()["refresh_token"])


FORGED: dict[str, Callable[[Api], str]] = {
    "alg none": unsigned,
    "no signature": stripped,
    "an altered payload": altered,
    "HS256 with the public key": signed_with_the_public_key,
    "a refresh token": refresh_token,
}
"""Each way, by what is wrong with the token."""
