"""Who may call what: from which machine, from which web page, under which name, with which token.

SECURITY.md has these rules as a table, with a test per line. A control call needs the control token; without
one, it must come from this machine. A page of another site must not make calls by a browser on this machine:
not directly, and not under a name that an attacker maps to this machine (DNS rebinding). No such page has the
token. Under `--control-open` such a page can read, but not write. Health is open to all, for orchestrators,
and so are the pages of the documentation: they are the same on every server, and the error of a rejected call
names one. The files of the dashboard have no data of a sandbox: they need no token, because the page asks for
it, and a link on any page may lead to them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hmac import compare_digest
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from mock_server.settings import DASHBOARD_PATH, DOCS_PATH, HEALTH_PATH, Settings

PROBLEM_HEADER = "X-Mock-Problem"
"""The header with the reason why the sandbox itself rejects a call; no answer of the vendor has it."""

PROBLEM_JSON = "application/problem+json"

_VENDOR_DOMAINS = (".e-attestations.com", ".test-e-attestations.com")
"""The names of the real API, which a test network may map to this server: only the vendor owns them."""

_PRIVATE_DOMAINS = (".localhost", ".internal")
"""Names that cannot be registered: `.internal` is reserved for private networks, such as Docker's."""

_READS = {"GET", "HEAD"}
_PORTS = {"http": 80, "https": 443}


class AccessDenied(Exception):
    """A call that this client may not make: the status, and a sentence that says what to do."""

    def __init__(self, reason: str, status: int = 403) -> None:
        super().__init__(reason)
        self.status = status


def check_control_call(settings: Settings, environ: Mapping[str, Any]) -> None:
    """Reject a control call by a client that may not make it.

    Raises:
        AccessDenied: 401 without the token; without one, 403 from another machine or page, or under a
            foreign name.
    """
    path = environ["PATH_INFO"]
    if path == HEALTH_PATH or path.startswith(f"{DOCS_PATH}/"):
        return
    is_dashboard = path == DASHBOARD_PATH or path.startswith(f"{DASHBOARD_PATH}/")
    _check_page(environ, "make control calls", links=is_dashboard)
    if settings.control_token is not None:
        if not is_dashboard:
            _check_token(environ, settings.control_token)
        return
    if not settings.control_open:
        _check_machine(environ)
    if not settings.control_open or _is_write_by_page(environ):
        _check_name(environ, settings)


def check_api_call(settings: Settings, environ: Mapping[str, Any]) -> None:
    """Reject a call of the emulated API that only a browser on a foreign page would make.

    Only for `--auth off`: otherwise no page has the token that the API asks for.

    Raises:
        AccessDenied: 403 from a page of another site, or under a foreign name.
    """
    if environ.get("HTTP_ORIGIN", "").lower() not in settings.cors:
        _check_page(environ, "call the API under --auth off; --cors ORIGIN allows one", links=False)
    name = _host_name(environ)
    if not (_is_own_name(name, settings) or name.endswith(_VENDOR_DOMAINS)):
        raise AccessDenied(
            f"under --auth off calls go to an address, localhost or a container's name, not to {name!r};"
            " name the host with --control-host"
        )


def bearer_token(environ: Mapping[str, Any]) -> str:
    """The bearer token of a request, with the scheme in upper or lower case; empty without one."""
    scheme, _, encoded = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return encoded.strip(" \t") if scheme.lower() == "bearer" else ""


def forwarding_header(environ: Mapping[str, Any]) -> str | None:
    """The first header that only a proxy adds, by its name; None without one."""
    for name in environ:
        plain = name.removeprefix("HTTP_").replace("_", "-").title()
        if name in {"HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP"} or plain.startswith("X-Forwarded"):
            return plain
    return None


def _check_machine(environ: Mapping[str, Any]) -> None:
    """Reject a call from another machine. A proxy on this machine may act for any other."""
    advice = "start the server with --control-token TOKEN, or with --control-open in a network of your own"
    header = forwarding_header(environ)
    if header is not None:
        raise AccessDenied(
            f"control calls are accepted from this machine only, not from a proxy ({header}); {advice}"
        )
    if not _is_loopback(environ.get("REMOTE_ADDR") or ""):
        raise AccessDenied(f"control calls are accepted from this machine only; {advice}")


def _is_write_by_page(environ: Mapping[str, Any]) -> bool:
    """Whether a page sends a request that may change something: with these, browsers always send Origin."""
    return environ["REQUEST_METHOD"] not in _READS and "HTTP_ORIGIN" in environ


def _check_name(environ: Mapping[str, Any], settings: Settings) -> None:
    """Reject a control call under a name that an attacker may own."""
    name = _host_name(environ)
    if not _is_own_name(name, settings):
        raise AccessDenied(
            f"control calls go to an address, localhost or a container's name, not to {name!r};"
            " start the server with --control-token TOKEN, or name the host with --control-host"
        )


def _check_token(environ: Mapping[str, Any], token: str) -> None:
    received = bearer_token(environ).encode("utf-8", "surrogateescape")
    # Beyond ASCII, WSGI shows the bytes of a header as Latin-1; clients send a token as that or as UTF-8.
    expected = token.encode(), token.encode().decode("latin-1").encode()
    if not any(compare_digest(received, candidate) for candidate in expected):
        raise AccessDenied("this server needs its control token: Authorization: Bearer TOKEN", 401)


def _check_page(environ: Mapping[str, Any], action: str, *, links: bool) -> None:
    """Reject a request of a page of another site; with `links`, a link on such a page may be followed.

    Raises:
        AccessDenied: the page may not do `action`, a verb with its object.
    """
    origin = environ.get("HTTP_ORIGIN")
    is_followed_link = links and environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
    is_cross_site = environ.get("HTTP_SEC_FETCH_SITE") == "cross-site" and not is_followed_link
    if is_cross_site or (origin and not _is_same_origin(origin, environ)):
        raise AccessDenied(f"a page of another site may not {action}")


def _is_same_origin(origin: str, environ: Mapping[str, Any]) -> bool:
    page, scheme = _split(origin), environ.get("wsgi.url_scheme", "http")
    target = _split(f"{page.scheme or scheme}://{environ.get('HTTP_HOST', '')}")
    return bool(page.hostname) and (page.hostname, _port(page)) == (target.hostname, _port(target))


def _port(parts: SplitResult) -> int | None:
    return parts.port or _PORTS.get(parts.scheme)


def _host_name(environ: Mapping[str, Any]) -> str:
    """The name in the Host header: empty without one, unchanged if it cannot be read."""
    host = str(environ.get("HTTP_HOST", ""))
    return _split(f"//{host}").hostname or host


def _split(text: str) -> SplitResult:
    """The parts of a URL; all empty if it cannot be parsed, or has a user name or the port 0."""
    try:
        parts = urlsplit(text)
        return parts if parts.username is None and parts.port != 0 else urlsplit("")
    except ValueError:
        return urlsplit("")


def _is_own_name(name: str, settings: Settings) -> bool:
    """Whether the name is an address, has no dot, or is in the settings: no attacker can own such a name."""
    public = urlsplit(settings.public_url or "").hostname
    if "." not in name:
        return re.fullmatch(r"[\w-]*", name, re.ASCII) is not None or _address(name) is not None
    known_names = {public, settings.host, *settings.control_host}
    return name in known_names or name.endswith(_PRIVATE_DOMAINS) or _address(name) is not None


def _is_loopback(remote: str) -> bool:
    address = _address(remote.strip("[]"))
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address is not None and (mapped or address).is_loopback


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
