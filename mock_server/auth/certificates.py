"""The certificate for HTTPS: one that is given, or one that the server makes, signed by its own authority.

The authority is made once and kept, so that a client that trusts it does so after the next start too. The
certificate is made at the start, and for another name, such as an alias of a container, when a client asks
for it.
"""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext, SSLError, SSLObject
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct

from mock_server.auth.keys import cache_folder
from mock_server.clock import real_now
from mock_server.settings import Settings
from mock_server.values import file_problem

if TYPE_CHECKING:
    from trustme import CA, LeafCert

_DEFAULT_NAMES = ("localhost", "127.0.0.1", "::1")
_ISSUED_FOR = timedelta(days=397)
"""The longest lifetime that every client accepts."""
_MAX_NAMES = 256
"""Certificates for other names that are kept in memory."""
_UNDERSCORED = re.compile(r"(?=.*_)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*", re.ASCII)
"""Names with an underscore, such as those of Compose: they are not valid host names, but clients use them."""

_logger = logging.getLogger("mock_server")


class TlsError(ValueError):
    """HTTPS cannot be served with these options; the message names the option or file, and the reason."""


class Tls(Struct, frozen=True, kw_only=True):
    """How HTTPS is served. Clients have to trust `authority` (PEM), which is in `authority_file`.

    Both are None for a given certificate; only the file is None if no file can be written.
    """

    context: SSLContext
    authority: bytes | None = None
    authority_file: Path | None = None


def tls_of(settings: Settings) -> Tls | None:
    """How a server with these settings serves HTTPS; None if it serves HTTP.

    Raises:
        TlsError: the options contradict each other, or a file is missing or wrong.
    """
    if settings.tls_cert is not None:
        if settings.tls_self_signed:
            raise TlsError("--tls-cert and --tls-self-signed exclude each other")
        return Tls(context=_load_certificate(settings.tls_cert, settings.tls_key or settings.tls_cert))
    if settings.tls_key is not None:
        raise TlsError("--tls-key needs --tls-cert: the certificate of that key")
    return _self_signed(settings) if settings.tls_self_signed else None


def _load_certificate(certificate_file: Path, key_file: Path) -> SSLContext:
    """Return the context of a given certificate and its key.

    Raises:
        TlsError: a file is missing or wrong, or the key is not that of the certificate.
    """
    certified = _key_of_certificate(certificate_file, _read(certificate_file))
    if _public_key(key_file, _read(key_file)) != certified:
        raise TlsError(f"{key_file}: not the key of the first certificate in {certificate_file}")
    context = _new_context()
    try:
        context.load_cert_chain(certificate_file, key_file)
    except SSLError as problem:
        raise TlsError(f"{certificate_file}: {problem.reason or problem}") from None
    return context


def _key_of_certificate(file: Path, pem: bytes) -> object:
    """The public key in the first certificate.

    Raises:
        TlsError: there is no certificate.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(pem)[0].public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise TlsError(f"{file}: no certificate in PEM form") from None


def _public_key(file: Path, pem: bytes) -> object:
    """The public key that belongs to the private key.

    Raises:
        TlsError: there is no private key, or it is encrypted.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(pem, password=None).public_key()
    except TypeError:
        raise TlsError(f"{file}: the private key is encrypted; give one without a password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise TlsError(f"{file}: no private key in PEM form") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise TlsError(file_problem(path, problem)) from None


def _self_signed(settings: Settings) -> Tls:
    """Return HTTPS with certificates of the authority of the server, which is made if there is none."""
    cache = cache_folder()
    folder = None if cache is None else cache / "tls"
    authority, is_kept = load_or_create_authority(folder)
    context = _context_for(authority, *_default_names(authority, settings))
    _certify_other_names(context, authority)
    return Tls(
        context=context,
        authority=authority.cert_pem.bytes(),
        authority_file=folder / "ca.pem" if folder is not None and is_kept else None,
    )


def load_or_create_authority(folder: Path | None) -> tuple[CA, bool]:
    """Load the authority in a folder, or make one; also return whether the folder has it now.

    `authority.pem` has its key and certificate, `ca.pem` the certificate alone, for clients.
    """
    from trustme import CA

    path = None if folder is None else folder / "authority.pem"
    if path is not None:
        with suppress(OSError):
            try:
                return _load_authority(path), True
            except ValueError:
                _logger.warning(
                    "%s: not a usable authority, so a new one is made; clients have to trust that one", path
                )
                path.unlink()
    authority = CA(organization_name="mock-server", organization_unit_name=f"made on {socket.gethostname()}")
    if path is None:
        return authority, False
    try:
        _keep(path, authority.private_key_pem.bytes() + authority.cert_pem.bytes())
        return _load_authority(path), True
    except OSError:
        return authority, False  # a read-only or full disk: the authority is kept in memory alone


def _load_authority(path: Path) -> CA:
    """Load the authority.

    Raises:
        OSError: the file cannot be read.
        ValueError: it does not have an authority and its key.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from trustme import CA

    pem = path.read_bytes()
    key = _public_key(path, pem)
    if key != _key_of_certificate(path, pem) or not isinstance(
        key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey
    ):
        raise ValueError("not the key of the certificate, or none that signs certificates with SHA-256")
    authority = CA.from_pem(pem, pem)
    public = path.with_name("ca.pem")
    if not public.exists() or public.read_bytes() != authority.cert_pem.bytes():
        authority.cert_pem.write_to_path(str(public))
    return authority


def _keep(path: Path, pem: bytes) -> None:
    """Write the file, unless another server that starts at the same time has written its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent) as file:  # readable by its owner alone
        file.write(pem)
        file.flush()
        with suppress(FileExistsError):
            path.hardlink_to(file.name)


def _default_names(authority: CA, settings: Settings) -> list[str]:
    """The names in the default certificate, which a client gets that asks for one of them or for none.

    Raises:
        TlsError: no certificate can have the name in `--public-url`.
    """
    own = (settings.host, socket.gethostname())
    names = [*_DEFAULT_NAMES, *(name for name in own if _is_certifiable(authority, name))]
    public = urlsplit(settings.public_url or "").hostname
    if public is not None:
        if not _is_certifiable(authority, public):
            raise TlsError(f"--public-url: no certificate can be made for {public!r}")
        names.append(public)
    return list(dict.fromkeys(names))


def _is_certifiable(authority: CA, name: str) -> bool:
    try:
        _issue(authority, name)
    except ValueError:
        return False
    return True


def _certify_other_names(context: SSLContext, authority: CA) -> None:
    """Make the context issue a certificate for each other name that a client asks for."""

    @lru_cache(_MAX_NAMES)
    def context_of(name: str) -> SSLContext:
        return _context_for(authority, name)

    def choose(connection: SSLObject, name: str | None, _: SSLContext) -> None:
        # A name that no certificate can have gets the default one, and the client decides.
        with suppress(ValueError):
            if name and name not in _DEFAULT_NAMES:
                connection.context = context_of(name)

    context.sni_callback = choose


def _context_for(authority: CA, *names: str) -> SSLContext:
    """Return a context with a new certificate for these names.

    Raises:
        ValueError: no certificate can have one of them.
        TlsError: there is no folder for temporary files.
    """
    context = _new_context()
    issued = _issue(authority, *names)
    try:
        with _temporary_file(issued.private_key_and_cert_chain_pem.bytes()) as file:
            context.load_cert_chain(file)
    except OSError as problem:
        raise TlsError(
            "--tls-self-signed needs a folder for temporary files, to pass the certificate to OpenSSL"
            f" (TMPDIR names another one): {problem}"
        ) from None
    return context


@contextmanager
def _temporary_file(pem: bytes) -> Iterator[str]:
    """Yield the name of a file with this content, for OpenSSL; under Linux no disk is written."""
    in_memory = hasattr(os, "memfd_create") and Path("/proc/self/fd").exists()
    with os.fdopen(os.memfd_create("certificate"), "wb") if in_memory else NamedTemporaryFile() as file:
        file.write(pem)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}" if in_memory else file.name


def _issue(authority: CA, *names: str) -> LeafCert:
    """Issue a certificate for these names.

    Raises:
        ValueError: no certificate can have one of them.
    """
    valid = [name for name in names if not _UNDERSCORED.fullmatch(name)]
    underscored = [name for name in names if name not in valid]
    not_after = (real_now() + _ISSUED_FOR).replace(tzinfo=None)
    issued = authority.issue_cert(*valid or _DEFAULT_NAMES[:1], not_after=not_after)
    return _add_names(authority, issued, underscored) if underscored else issued


def _add_names(authority: CA, issued: LeafCert, names: Sequence[str]) -> LeafCert:
    """Sign the certificate again, with further names: trustme rejects those with an underscore."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
    from trustme import LeafCert

    certificate = x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes())
    builder = (
        x509.CertificateBuilder()
        .subject_name(certificate.subject)
        .issuer_name(certificate.issuer)
        .public_key(certificate.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(certificate.not_valid_before_utc)
        .not_valid_after(certificate.not_valid_after_utc)
    )
    for extension in certificate.extensions:
        value = extension.value
        if isinstance(value, x509.SubjectAlternativeName):
            value = x509.SubjectAlternativeName([*value, *map(x509.DNSName, names)])
        builder = builder.add_extension(value, critical=extension.critical)
    key: Any = load_pem_private_key(authority.private_key_pem.bytes(), password=None)
    pem = builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
    return LeafCert(issued.private_key_pem.bytes(), pem, [])


def _new_context() -> SSLContext:
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    return context
