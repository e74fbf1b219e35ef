"""The RSA key that signs access tokens: read from a file, or made once and kept."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


_KEY_FILE = "signing-key.pem"


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
        raise KeyFileError(f"{path}: {problem.strerror or problem}") from None


def decode_key(pem: bytes, place: str, *, is_checked: bool = False) -> RSAPrivateKey:
    """The RSA key in PEM form, found at that place; its numbers are checked, unless they were before.

    Raises:
        KeyFileError: it is not an unencrypted RSA private key of 2048 bits or more.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=is_checked)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyFileError(f"{place}: no unencrypted private key in PEM form") from None
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < 2048:  # noqa: PLR2004  # RFC 7518, 3.3
        raise KeyFileError(f"{place}: RS256 needs an RSA key of 2048 bits or more")
    return key


def encode_key(key: RSAPrivateKey) -> bytes:
    """The key in PEM form, not encrypted."""
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def kept_key_exists(folder: Path | None) -> bool:
    """Whether a key is kept in the folder."""
    return folder is not None and (folder / _KEY_FILE).exists()


def load_or_create_key(folder: Path | None) -> RSAPrivateKey:
    """The key kept in the folder from an earlier start, or a new one, kept there if that is possible."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    path = None if folder is None else folder / _KEY_FILE
    if path is not None:
        with suppress(KeyFileError, OSError):
            return _load_kept(path)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if path is not None:
        with suppress(OSError):  # a read-only or full disk: the key is kept in memory alone
            _keep(encode_key(key), path)
    return key


def _load_kept(path: Path) -> RSAPrivateKey:
    """Load a kept key. A digest shows that its numbers are as they were kept: to check them takes 36 ms."""
    content = path.read_bytes()
    digest, _, pem = content.partition(b"\n")
    if digest == _digest(pem):
        return decode_key(pem, str(path), is_checked=True)
    key = decode_key(content, str(path))  # kept by an older version, without the digest
    with suppress(OSError):
        _keep(encode_key(key), path)
    return key


def _digest(pem: bytes) -> bytes:
    """The first line of a kept key. A reader of PEM ignores it (RFC 7468, 2)."""
    return f"sha256 {sha256(pem).hexdigest()}".encode()


def _keep(pem: bytes, path: Path) -> None:
    """Write the file as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:  # readable by its owner alone
        partial = Path(file.name)
        try:
            file.write(_digest(pem) + b"\n" + pem)
            file.flush()
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise


def cache_folder() -> Path | None:
    """The folder in which the server keeps keys and certificates; None for a user without a home."""
    from platformdirs import user_cache_path

    try:
        return user_cache_path("mock-server")
    except RuntimeError:
        return None
