"""`mock-server healthcheck`: is a server up? For containers, which have no curl."""

from __future__ import annotations

import click

from mock_server.settings import CONTROL_PREFIX, local_url


@click.command(short_help="Exit 0 if a server is up, else 1.")
@click.option("--url", metavar="URL", help="Base URL of the server; left out, it follows from host and port.")
@click.option(
    "--host", envvar="MOCK_SERVER_HOST", default="127.0.0.1", show_envvar=True, help="Where it listens."
)
@click.option(
    "--port", envvar="MOCK_SERVER_PORT", default="8080", show_envvar=True, help="The port it listens on."
)
def healthcheck(url: str | None, host: str, port: str) -> None:
    """Exit 0 if a server is up and its fixture loaded, else 1; for a container without curl.

    Without a URL it is asked by HTTP, then by HTTPS; who made its certificate does not matter.
    """
    bases = [url] if url else [local_url(host, port, scheme) for scheme in ("http", "https")]
    problems = []
    for base in bases:
        address = f"{base}{CONTROL_PREFIX}/health"
        try:
            click.echo(_asked(address))
        except _Down as problem:
            problems.append(f"{address} does not answer: {problem}")
        else:
            return
    raise click.ClickException("; ".join(problems))


class _Down(Exception):
    """No answer, or not the one of a server that is up."""


def _asked(address: str) -> str:
    from http.client import HTTPException
    from ssl import CERT_NONE, PROTOCOL_TLS_CLIENT, SSLContext
    from urllib.request import HTTPSHandler, ProxyHandler, build_opener

    trusting = SSLContext(PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_mode = CERT_NONE
    try:
        # Without proxies: the server asked for is a local one.
        opener = build_opener(ProxyHandler({}), HTTPSHandler(context=trusting))
        with opener.open(address, timeout=2) as answer:
            return str(answer.read().decode())
    except (OSError, ValueError, HTTPException) as problem:
        raise _Down(str(problem)) from None
