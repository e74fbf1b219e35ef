"""The RSA key that signs access tokens: read from a file, or made once and kept."""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from pwd import getpwuid
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from mock_server.values import file_problem

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


_KEY_FILE = "signing-key"
_MIN_BITS = 2048
"""Bits of an RSA key for RS256 (RFC 7518, 3.3)."""

_logger = logging.getLogger("mock_server")


class KeyFileError(ValueError):
    """The signing key that was given cannot be used; the message says which file and why."""


def load_key(path: Path) -> RSAPrivateKey:
    """The RSA key in a PEM file.

    Raises:
        KeyFileError: the file is missing, unreadable, or holds no unencrypted RSA private key of 2048 bits or
            more.
    """
    try:
        return decode_key(path.read_bytes(), str(path))
    except OSError as problem:
        raise KeyFileError(file_problem(path, problem)) from None


def decode_key(pem: bytes, place: str) -> RSAPrivateKey:
    """The RSA key in PEM form, which was found at that place.

    Raises:
        KeyFileError: it is not an unencrypted RSA private key of 2048 bits or more.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyFileError(f"{place}: no unencrypted private key in PEM form") from None
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < _MIN_BITS:
        raise KeyFileError(f"{place}: RS256 needs an RSA key of {_MIN_BITS} bits or more")
    return key


def encode_key(key: RSAPrivateKey) -> bytes:
    """The key in PEM form, not encrypted."""
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def kept_key_exists(folder: Path | None) -> bool:
    """Whether a key is kept in the folder."""
    try:
        return folder is not None and (folder / _KEY_FILE).exists()
    except OSError:  # a folder that this user may not open, or with a name that is too long
        return False


def load_or_create_key(folder: Path | None) -> RSAPrivateKey:
    """The key kept in the folder from an earlier start, or a new one, kept there if that is possible.

    A damaged file is replaced, with a line in the log.
    """
    from cryptography.hazmat.primitives.asymmetric import rsa

    path = None if folder is None else folder / _KEY_FILE
    existing = None if path is None else _load_kept(path)
    if existing is not None:
        return existing
    if kept_key_exists(folder):
        _logger.warning(
            "%s: not a usable signing key, so a new one is made; tokens of earlier starts become invalid",
            path,
        )
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if path is None:
        return key
    # To make it takes up to 0.7 s. If another server has kept its key during this time, both use that one.
    existing = _load_kept(path)
    if existing is not None:
        return existing
    with suppress(OSError):  # a read-only or full disk: the key is kept in memory alone
        _keep(key, path)
    return key


def _load_kept(path: Path) -> RSAPrivateKey | None:
    """Load the numbers of a kept key; None if there is none, or the file is damaged.

    A digest shows that they are those that were kept.
    """
    try:
        digest, _, encoded = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return _decode_numbers(encoded) if digest == _digest(encoded) else None


def _decode_numbers(encoded: bytes) -> RSAPrivateKey | None:
    """Return the key of these numbers; None if they are not a key that RS256 can use.

    One signature shows it in 1 ms. The check of cryptography takes 36 ms, importing a reader of PEM 5 ms.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        n, e, d, p, q, dmp1, dmq1, iqmp = json.loads(encoded)
        public = rsa.RSAPublicNumbers(e, n)
        numbers = rsa.RSAPrivateNumbers(p, q, d, dmp1, dmq1, iqmp, public)
        key = numbers.private_key(unsafe_skip_rsa_key_validation=True)
        key.public_key().verify(key.sign(b"", PKCS1v15(), SHA256()), b"", PKCS1v15(), SHA256())
    except (ValueError, TypeError, OverflowError, RecursionError, InvalidSignature):
        return None
    return key if key.key_size >= _MIN_BITS else None


def _digest(encoded: bytes) -> bytes:
    return sha256(encoded).hexdigest().encode()


def _keep(key: RSAPrivateKey, path: Path) -> None:
    """Write the file as a whole or not at all."""
    private = key.private_numbers()
    n, e, d, p, q = private.public_numbers.n, private.public_numbers.e, private.d, private.p, private.q
    encoded = json.dumps([n, e, d, p, q, private.dmp1, private.dmq1, private.iqmp]).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:  # readable by its owner alone
        partial = Path(file.name)
        try:
            file.write(_digest(encoded) + b"\n" + encoded)
            file.flush()
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise


def cache_folder() -> Path | None:
    """The folder in which the server keeps keys and certificates; None for a user without a home.

    A relative path in a variable is ignored: it would be another folder in each working directory.
    """
    caches = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if caches.is_absolute():
        return caches / "mock-server"
    home = Path(os.environ.get("HOME", ""))
    if not home.is_absolute():
        try:
            home = Path(getpwuid(os.getuid()).pw_dir)
        except KeyError:
            return None
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "mock-server"
