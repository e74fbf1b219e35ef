"""`mock-server healthcheck`: check that a server is up, for containers without curl."""

from __future__ import annotations

import click

from mock_server.cli.options import setting_option
from mock_server.settings import HEALTH_PATH, local_url


@click.command(short_help="Exit 0 if a server is up, else 1.")
@click.option("--url", metavar="URL", help="Base URL of the server.  [default: made of host and port]")
@setting_option("host", "The address of the server.")
@setting_option("port", "The port of the server.")
def healthcheck(url: str | None, host: str, port: int) -> None:
    """Exit 0 if a server is up and its fixture loaded, else 1; for a container without curl.

    Without a URL, HTTP is tried first, then HTTPS. The certificate is not checked.
    """
    bases = [url] if url else [local_url(host, port, scheme) for scheme in ("http", "https")]
    problems = []
    for base in bases:
        address = f"{base}{HEALTH_PATH}"
        try:
            click.echo(_get(address))
        except _Unreachable as problem:
            problems.append(f"{address} does not answer: {problem}")
        else:
            return
    raise click.ClickException("; ".join(problems))


class _Unreachable(Exception):
    """The server did not answer, or not with success."""


def _get(address: str) -> str:
    from http.client import HTTPException
    from ssl import CERT_NONE, PROTOCOL_TLS_CLIENT, SSLContext
    from urllib.request import HTTPSHandler, ProxyHandler, build_opener

    unchecked = SSLContext(PROTOCOL_TLS_CLIENT)
    unchecked.check_hostname = False
    unchecked.verify_mode = CERT_NONE
    try:
        # Without proxies: the server is a local one.
        opener = build_opener(ProxyHandler({}), HTTPSHandler(context=unchecked))
        with opener.open(address, timeout=2) as answer:
            return str(answer.read().decode())
    except (OSError, ValueError, HTTPException) as error:
        raise _Unreachable(str(error)) from None
