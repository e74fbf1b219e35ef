"""Certificates: given in files, with every possible error; or of an authority that is kept."""

from __future__ import annotations

import os
import ssl
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from trustme import CA, LeafCert

from mock_server.auth.certificates import TlsError, load_or_create_authority, tls_of
from mock_server.settings import Settings
from tests.processes import run
from tests.sockets import is_up
from tests.support import running_server

AUTHORITY = CA()
LEAF = AUTHORITY.issue_cert("127.0.0.1")
CERTIFICATE, KEY = LEAF.cert_chain_pems[0].bytes(), LEAF.private_key_pem.bytes()
FOREIGN_KEY = AUTHORITY.issue_cert("127.0.0.1").private_key_pem.bytes()
LOCKED_KEY = load_pem_private_key(KEY, None).private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
)


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with the authority of these tests, which the client trusts."""
    path = tmp_path / "trusted.pem"
    AUTHORITY.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    return path


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes], Path]:
    """Put a file in place."""

    def put(name: str, content: bytes) -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return put


def test_a_certificate_and_its_key_are_given(trusted: Path, write: Callable[[str, bytes], Path]) -> None:
    assert trusted.exists()
    files = ["--tls-cert", str(write("cert.pem", CERTIFICATE)), "--tls-key", str(write("key.pem", KEY))]

    with running_server(*files) as (url, _):
        assert url.startswith("https://")
        assert is_up(url)


def test_key_and_chain_may_be_in_the_file_of_the_certificate(
    trusted: Path, write: Callable[[str, bytes], Path]
) -> None:
    assert trusted.exists()
    leaf: LeafCert = AUTHORITY.create_child_ca().issue_cert("127.0.0.1")
    file = write("all.pem", leaf.private_key_and_cert_chain_pem.bytes())

    with running_server(MOCK_SERVER_TLS_CERT=str(file)) as (url, _):
        assert is_up(url)


@pytest.mark.parametrize(
    ("certificate", "key", "sentence"),
    [
        pytest.param(None, KEY, "cert.pem: No such file or directory in FOLDER", id="no certificate"),
        pytest.param(CERTIFICATE, None, "key.pem: No such file or directory in FOLDER", id="no key"),
        pytest.param(b"nonsense", KEY, "cert.pem: no certificate in PEM form", id="nonsense"),
        pytest.param(b"", KEY, "cert.pem: no certificate in PEM form", id="empty"),
        pytest.param(KEY, KEY, "cert.pem: no certificate in PEM form", id="a key as certificate"),
        pytest.param(CERTIFICATE, b"nonsense", "key.pem: no private key in PEM form", id="nonsense as key"),
        pytest.param(
            CERTIFICATE, CERTIFICATE, "key.pem: no private key in PEM form", id="a certificate as key"
        ),
        pytest.param(
            CERTIFICATE,
            LOCKED_KEY,
            "key.pem: the private key is encrypted; give one without a password",
            id="an encrypted key",
        ),
        pytest.param(
            CERTIFICATE,
            FOREIGN_KEY,
            "key.pem: not the key of the first certificate in cert.pem",
            id="the key of another certificate",
        ),
    ],
)
def test_unusable_files_are_named_with_the_reason(
    write: Callable[[str, bytes], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    certificate: bytes | None,
    key: bytes | None,
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in {"cert.pem": certificate, "key.pem": key}.items():
        if content is not None:
            write(name, content)

    with pytest.raises(TlsError) as refused:
        tls_of(Settings(tls_cert=Path("cert.pem"), tls_key=Path("key.pem")))

    assert str(refused.value) == sentence.replace("FOLDER", str(tmp_path))


def test_an_error_ends_the_start_with_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    found = run("serve", "--port", "0", "--tls-cert", "nowhere.pem")

    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith(f"Error: nowhere.pem: No such file or directory in {tmp_path}\nSee: ")


def test_a_folder_is_not_a_certificate(tmp_path: Path) -> None:
    with pytest.raises(TlsError, match="Is a directory"):
        tls_of(Settings(tls_cert=tmp_path))


def test_a_key_without_its_certificate_is_rejected() -> None:
    with pytest.raises(TlsError, match="--tls-key needs --tls-cert"):
        tls_of(Settings(tls_key=Path("key.pem")))


def test_a_given_certificate_and_a_self_signed_one_exclude_each_other() -> None:
    with pytest.raises(TlsError, match="--tls-cert and --tls-self-signed exclude each other"):
        tls_of(Settings(tls_cert=Path("cert.pem"), tls_self_signed=True))


def test_a_public_url_that_no_certificate_can_name_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    with pytest.raises(TlsError, match="--public-url: no certificate can be made for 'mock-server-'"):
        tls_of(Settings(tls_self_signed=True, public_url="https://mock-server-:8080"))


def test_without_its_options_there_is_no_https() -> None:
    assert tls_of(Settings()) is None


# The authority


def test_an_authority_is_made_once_and_its_key_kept_for_its_owner_alone(tmp_path: Path) -> None:
    first, second = load_or_create_authority(tmp_path / "tls"), load_or_create_authority(tmp_path / "tls")

    assert first[0].cert_pem.bytes() == second[0].cert_pem.bytes()
    assert (first[1], second[1]) == (True, True)
    assert (tmp_path / "tls" / "authority.pem").stat().st_mode & 0o077 == 0
    assert {path.name for path in (tmp_path / "tls").iterdir()} == {"authority.pem", "ca.pem"}


def test_servers_that_start_at_the_same_time_keep_one_authority(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as starting:
        made = list(starting.map(lambda _: load_or_create_authority(tmp_path / "tls"), range(8)))

    assert {authority.cert_pem.bytes() for authority, _ in made} == {
        (tmp_path / "tls" / "ca.pem").read_bytes()
    }


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"nonsense", id="nonsense"),
        pytest.param(CERTIFICATE, id="no key"),
        pytest.param(KEY, id="no certificate"),
        pytest.param(KEY + AUTHORITY.cert_pem.bytes(), id="the key of another certificate"),
        pytest.param(LOCKED_KEY + CERTIFICATE, id="an encrypted key"),
    ],
)
def test_a_kept_authority_that_was_damaged_is_made_again(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "authority.pem").write_bytes(damage)

    made, kept = load_or_create_authority(tmp_path)

    assert kept
    assert (tmp_path / "ca.pem").read_bytes() == made.cert_pem.bytes()
    assert (tmp_path / "authority.pem").read_bytes() != damage
    assert [record.getMessage().rpartition("/")[2][:28] for record in caplog.records] == [
        "authority.pem: not a usable "
    ]


def test_the_certificate_file_for_clients_is_written_again_if_it_was_changed(tmp_path: Path) -> None:
    made, _ = load_or_create_authority(tmp_path)
    (tmp_path / "ca.pem").write_text("lost", encoding="ascii")

    load_or_create_authority(tmp_path)

    assert (tmp_path / "ca.pem").read_bytes() == made.cert_pem.bytes()


def test_an_authority_that_cannot_be_kept_can_be_fetched_from_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("where a folder should be", encoding="ascii")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    tls = tls_of(Settings(tls_self_signed=True))

    assert tls is not None
    assert tls.authority_file is None
    assert ssl.create_default_context(cadata=(tls.authority or b"").decode()).get_ca_certs()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has files in memory")
def test_a_certificate_is_made_without_a_writable_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "missing" / "file"))
    (tmp_path / "missing").write_bytes(b"")
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
        tls = tls_of(Settings(tls_self_signed=True))
        patch.delattr(os, "memfd_create", raising=False)
        with pytest.raises(TlsError, match="needs a folder for temporary files"):
            tls_of(Settings(tls_self_signed=True))

    assert tls is not None
    assert tls.authority_file is None
