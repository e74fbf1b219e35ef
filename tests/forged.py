"""Tokens that this server did not issue for access."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support import OPENID, Api, claims


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def unsigned(api: Api, algorithm: str = "none") -> str:
    return f"{encoded({'alg': algorithm, 'typ': 'JWT'})}.{encoded(claims(api.token))}."


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


def signed_with_an_empty_file(api: Api) -> str:
    """A key id that is a path: a server that reads keys from files would use an empty one for HS256."""
    header = {"alg": "HS256", "typ": "JWT", "kid": "../../../../dev/null"}
    signing = f"{encoded(header)}.{encoded(claims(api.token))}"
    signature = hmac.digest(b"", signing.encode(), "sha256")
    return f"{signing}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def signed_with(api: Api, algorithm: str = "RS256", **header: Any) -> str:
    """Signed by another key, under the key id of the server's."""
    header = {"kid": jwt.get_unverified_header(api.token)["kid"]} | header
    return jwt.encode(claims(api.token), foreign_key(), algorithm=algorithm, headers=header)


def signed_by(key: Path, header: bytes, payload: bytes) -> str:
    """Signed RS256 with the key in the file, with any header and payload."""
    signing = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (header, payload))
    signature = jwt.get_algorithm_by_name("RS256").sign(signing, _key_in(key))
    return f"{signing.decode()}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


@cache
def _key_in(file: Path) -> Any:
    """The key, which is checked when it is read: that takes longer than to sign."""
    return jwt.get_algorithm_by_name("RS256").prepare_key(file.read_bytes())


def signed_with_the_key_it_brings(api: Api) -> str:
    """The public half of the foreign key stands in the header, as RFC 7515 allows."""
    public = jwt.get_algorithm_by_name("RS256").to_jwk(foreign_key().public_key(), as_dict=True)
    return signed_with(api, jwk=public, jku="http://127.0.0.1:9/certs", x5u="http://127.0.0.1:9/cert")


@cache
def foreign_key() -> rsa.RSAPrivateKey:
    """A key that is not the server's."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def refresh_token(api: Api) -> str:
    return str(api.log_in()["refresh_token"])


def made_key(folder: Path) -> tuple[rsa.RSAPrivateKey, Path]:
    """A new RSA key, and the file that it is in."""
    key, file = rsa.generate_private_key(public_exponent=65537, key_size=2048), folder / "key.pem"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(key.private_bytes(*form))
    return key, file


FORGED: dict[str, Callable[[Api], str]] = {
    "alg none": unsigned,
    "no signature": stripped,
    "an altered payload": altered,
    "HS256 with the public key": signed_with_the_public_key,
    "a foreign key": signed_with,
    "a foreign key in its header": signed_with_the_key_it_brings,
    "a key id that is a query": lambda api: signed_with(api, kid="' OR 1=1 --"),
    "a key id that is a path, and an empty key": signed_with_an_empty_file,
    "another algorithm of RSA": lambda api: signed_with(api, "RS512"),
    "alg none in capitals": lambda api: unsigned(api, "NONE"),
    "a refresh token": refresh_token,
}
"""Each way, by what is wrong with the token."""
