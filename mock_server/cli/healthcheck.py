"""`mock-server healthcheck`: check that a server is up, for containers without curl."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click
from click.core import ParameterSource

from mock_server.cli.options import setting_option
from mock_server.cli.output import end_command_at, write_utf8
from mock_server.settings import HEALTH_PATH, local_url
from mock_server.values import url as base_url

_LISTENING = "0A"
"""The state of a listening socket in /proc/net/tcp."""


@click.command(short_help="Exit 0 if a server is up, else 1.")
@click.option("--url", metavar="URL", help="Base URL of the server.  [default: made of host and port]")
@setting_option("host", "The address of the server.")
@setting_option("port", "The port of the server.")
def healthcheck(url: str | None, host: str, port: int) -> None:
    """Exit 0 if a server is up and its fixture loaded, else 1; for a container without curl.

    Without a URL, HTTP is tried first, then HTTPS. The certificate is not checked. In a container,
    the port is that of the running server, unless --port is given.
    """
    from http.client import HTTPException
    from urllib.error import HTTPError

    port_source = click.get_current_context().get_parameter_source("port")
    if port_source is not ParameterSource.COMMANDLINE:
        port = _port_of_container() or port
    if url is not None:
        with end_command_at(ValueError, prefix="--url: "):
            base_url(url)
    bases = [url] if url else [local_url(host, port, scheme) for scheme in ("http", "https")]
    problems = []
    for base in bases:
        address = f"{base}{HEALTH_PATH}"
        try:
            answer = _get_text(address)
        except (OSError, ValueError, HTTPException) as problem:
            is_status = isinstance(problem, HTTPError)
            reason = problem if is_status else getattr(problem, "reason", problem)  # of a URLError
            problems.append(f"{address} does not answer: {reason}")
        else:
            write_utf8(answer)
            return
    raise click.ClickException("; ".join(problems))


def _port_of_container() -> int | None:
    """The port of the server that is process 1 of this container, or that runs under its init, from /proc."""
    with suppress(OSError, ValueError):
        children = Path("/proc/1/task/1/children").read_text(encoding="ascii").split()
        for process in (Path("/proc", number) for number in ("1", *children)):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"serve" in words and any(word.endswith((b"mock-server", b"mock_server")) for word in words):
                return _listening_port(process)
    return None


def _listening_port(process: Path) -> int | None:
    sockets = {str(descriptor.readlink()) for descriptor in (process / "fd").iterdir()}
    for table in ("tcp", "tcp6"):
        for line in (process / "net" / table).read_text(encoding="ascii").splitlines()[1:]:
            _, address, _, state, *others = line.split()
            if state == _LISTENING and f"socket:[{others[5]}]" in sockets:
                return int(address.rpartition(":")[2], 16)
    return None


def _get_text(address: str) -> str:
    from ssl import CERT_NONE, PROTOCOL_TLS_CLIENT, SSLContext
    from urllib.request import HTTPSHandler, ProxyHandler, build_opener

    context = SSLContext(PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = CERT_NONE
    # The server is a local one: no proxies.
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))
    with opener.open(address, timeout=2) as answer:
        return str(answer.read().decode())
