"""Who may drive a sandbox: those who have the control token, or without one those on this machine.

A browser that shows a foreign page must not be made to do it: not from another site, nor by a name that
somebody lets point here (DNS rebinding). Health alone is open, for orchestrators. The files of the dashboard
hold nothing of a sandbox: they need no token, for the page asks for it, and a link from anywhere leads there.
"""

from __future__ import annotations

from hmac import compare_digest
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from flask import request

from mock_server.control.problems import Problem
from mock_server.settings import CONTROL_PREFIX, HEALTH_PATH
from mock_server.web.services import services

_DASHBOARD = f"{CONTROL_PREFIX}/ui"


def guard() -> None:
    """Before each control call.

    Raises:
        Problem: 401 without the token, 403 from elsewhere, from another site or under a foreign name.
    """
    if request.path == HEALTH_PATH:
        return
    is_dashboard = request.path == _DASHBOARD or request.path.startswith(f"{_DASHBOARD}/")
    _refuse_browsers(links=is_dashboard)
    token = services().settings.control_token
    if token is not None:
        if not is_dashboard:
            _ask_token(token)
    elif not services().settings.control_open and not _is_local(request.remote_addr or ""):
        raise Problem(
            "control calls are taken from this machine only; start the server with --control-token TOKEN,"
            " or with --control-open in a network of your own",
            403,
        )


def _ask_token(token: str) -> None:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not compare_digest(given.strip().encode(), token.encode()):
        raise Problem("this server asks for its control token: Authorization: Bearer TOKEN", 401)


def _refuse_browsers(*, links: bool) -> None:
    """Refuse what a page of another site sends, but for a link that is followed where `links` may lead."""
    host = request.host
    origin = request.headers.get("Origin")
    followed = links and request.headers.get("Sec-Fetch-Mode") == "navigate"
    foreign = request.headers.get("Sec-Fetch-Site") == "cross-site" and not followed
    if foreign or (origin and urlsplit(origin).netloc != host):
        raise Problem("a page of another site may not make control calls", 403)
    named = request.headers.get("Host", "")
    # One that cannot be read is no host to werkzeug: none was given, or it is not ours.
    if not (_is_own_name(urlsplit(f"//{host}").hostname or "") if host else named == ""):
        raise Problem(
            f"control calls go to an address, localhost or a container's name, not to {named!r}", 403
        )


def _is_own_name(name: str) -> bool:
    """An address, a name without a dot, or one that the server was told; no stranger owns those."""
    public = urlsplit(services().settings.public_url or "").hostname
    if "." not in name or name in {public, services().settings.host} or name.endswith(".localhost"):
        return True
    return _address(name) is not None


def _is_local(remote: str) -> bool:
    address = _address(remote.strip("[]"))
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address is not None and (mapped or address).is_loopback


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
