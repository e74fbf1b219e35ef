"""The signing key: given, or made once and kept."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from mock_server.auth.keys import KeyFileError, cache_folder, kept_key_exists, load_key, load_or_create_key
from tests.processes import run
from tests.support import TOKEN_URL

# The certificate of a server without a home is not known to the client.
pytestmark = pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def numbers_of(key: rsa.RSAPrivateKey) -> list[int]:
    """Return the numbers of a key in the order of the file in which it is kept."""
    own = key.private_numbers()
    public = own.public_numbers
    return [public.n, public.e, own.d, own.p, own.q, own.dmp1, own.dmq1, own.iqmp]


SHORT_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505


def test_a_key_is_made_once_and_kept_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "cache"

    first, second = load_or_create_key(folder), load_or_create_key(folder)

    assert first.private_numbers() == second.private_numbers()
    [path] = folder.iterdir()
    assert path.stat().st_mode & 0o077 == 0


def test_two_starts_at_once_use_the_key_that_is_kept_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []

    def make_after_another_start(public_exponent: int, key_size: int) -> rsa.RSAPrivateKey:
        monkeypatch.undo()
        kept.append(load_or_create_key(tmp_path))
        return rsa.generate_private_key(public_exponent, key_size)

    monkeypatch.setattr(rsa, "generate_private_key", make_after_another_start)

    assert load_or_create_key(tmp_path).private_numbers() == kept[0].private_numbers()


@pytest.mark.parametrize(
    ("platform", "caches", "folder"),
    [
        ("linux", "/caches", "/caches/mock-server"),
        ("linux", "", "/home/me/.cache/mock-server"),
        ("linux", "a/relative/path", "/home/me/.cache/mock-server"),  # invalid in the XDG specification
        ("darwin", "/caches", "/caches/mock-server"),
        ("darwin", "", "/home/me/Library/Caches/mock-server"),
    ],
)
def test_keys_are_kept_in_the_cache_of_the_user(
    monkeypatch: pytest.MonkeyPatch, platform: str, caches: str, folder: str
) -> None:
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_CACHE_HOME", caches)

    assert cache_folder() == Path(folder)


def test_a_relative_home_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME")
    without = cache_folder()

    for home in ("relative", "", "."):
        monkeypatch.setenv("HOME", home)
        assert cache_folder() == without

    assert without is None or without.is_absolute()


def test_a_command_with_its_own_server_shows_what_the_start_warns_of(tmp_path: Path) -> None:
    key = tmp_path / "mock-server" / "signing-key"
    key.parent.mkdir()
    key.write_text("damaged", encoding="utf-8")

    ended = run("scenarios", "run", "outage-of-three-calls", XDG_CACHE_HOME=str(tmp_path))

    assert f"{key}: not a usable signing key, so a new one is made" in ended.stderr
    assert ended.returncode == 0


def test_a_key_that_cannot_be_kept_is_used_until_the_process_ends(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be", encoding="utf-8")

    assert load_or_create_key(tmp_path / "cache").key_size == 2048


@pytest.mark.parametrize("options", [(), ("--tls-self-signed",)], ids=["http", "https"])
def test_a_user_without_a_home_can_log_in(options: tuple[str, ...]) -> None:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can become another user")
    # The capability only lets the other user read the interpreter.
    user = ["--reuid=4242", "--regid=4242", "--clear-groups"]
    command = ["setpriv", *user, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    command += [sys.executable, "-m", "mock_server", "serve", "--port", "0", *options]
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(command, env=environment, cwd="/", stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().split()[3]
            form = {"grant_type": "password", "client_id": "ea-api-edge", "username": "a", "password": "b"}
            status = requests.post(f"{url}{TOKEN_URL}", data=form, timeout=10, verify=False).status_code  # noqa: S501
        finally:
            process.terminate()

    assert status == 200


def with_digest(encoded: bytes) -> bytes:
    """Return a file whose digest is right."""
    return sha256(encoded).hexdigest().encode() + b"\n" + encoded


def test_a_kept_key_that_was_damaged_is_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_or_create_key(tmp_path)
    [path] = tmp_path.iterdir()
    kept = path.read_bytes()
    digits = kept.index(b", 65537, ")
    numbers = json.loads(kept.partition(b"\n")[2])
    new = rsa.generate_private_key(65537, 2048)
    monkeypatch.setattr(rsa, "generate_private_key", lambda **_: new)

    for damaged in (
        b"",
        b"nonsense",
        kept[:-200],
        kept[: digits - 3] + bytes([kept[digits - 3] ^ 1]) + kept[digits - 2 :],  # another digit
        pem(SHORT_KEY),
        with_digest(b"nonsense"),
        with_digest(b"[" * 100_000),
        with_digest(b"[" + b"1" * 5000 + b"]"),
        with_digest(b"{}"),
        *(
            with_digest(json.dumps(forged).encode())
            for forged in (
                numbers[:-1],
                [str(number) for number in numbers],
                [0] * 8,
                [-number for number in numbers],
                [numbers[0], 3, *numbers[2:]],  # another public exponent
                [numbers[0], numbers[1], -1, *numbers[3:]],
                numbers_of(SHORT_KEY),
            )
        ),
    ):
        path.write_bytes(damaged)
        caplog.clear()
        made, again = load_or_create_key(tmp_path), load_or_create_key(tmp_path)
        assert numbers_of(made) == numbers_of(again) == numbers_of(new) != numbers
        assert [record.getMessage().removeprefix(f"{path}: ")[:31] for record in caplog.records] == [
            "not a usable signing key, so a "
        ]


def test_a_folder_that_cannot_be_read_has_no_key(tmp_path: Path) -> None:
    assert not kept_key_exists(tmp_path / ("a" * 300))


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        pytest.param(None, "No such file", id="missing"),
        pytest.param(b"nonsense", "no unencrypted private key in PEM form", id="no PEM"),
        pytest.param(pem(ec.generate_private_key(ec.SECP256R1())), "RSA key of 2048 bits", id="no RSA"),
        pytest.param(pem(SHORT_KEY), "RSA key of 2048 bits", id="too short"),
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
