"""The signing key: given, or made once and kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from mock_server.auth.keys import KeyFileError, load_key, load_or_create_key


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_a_key_is_made_once_and_kept_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "key.pem"

    first, second = load_or_create_key(path), load_or_create_key(path)

    assert first.private_numbers() == second.private_numbers()
    assert path.stat().st_mode & 0o077 == 0
    assert [file.name for file in path.parent.iterdir()] == ["key.pem"]


def test_a_key_that_cannot_be_kept_lives_as_long_as_the_process(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be", encoding="utf-8")

    assert load_or_create_key(tmp_path / "cache" / "key.pem").key_size == 2048


def test_a_kept_key_that_was_damaged_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"-----BEGIN PRIVATE KEY-----\nnonsense")

    made = load_or_create_key(path)

    assert load_key(path).private_numbers() == made.private_numbers()


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        pytest.param(None, "No such file", id="missing"),
        pytest.param(b"nonsense", "no unencrypted private key in PEM form", id="no PEM"),
        pytest.param(pem(ec.generate_private_key(ec.SECP256R1())), "RSA key of 2048 bits", id="no RSA"),
        pytest.param(pem(rsa.generate_private_key(65537, 1024)), "RSA key of 2048 bits", id="too short"),  # noqa: S505
    ],
)
def test_a_given_key_that_is_unusable_is_rejected_with_its_file(
    tmp_path: Path, written: bytes | None, sentence: str
) -> None:
    path = tmp_path / "key.pem"
    if written is not None:
        path.write_bytes(written)

    with pytest.raises(KeyFileError, match=f"key.pem: .*{sentence}"):
        load_key(path)
