"""`mock-server journal`: export the journal of a sandbox to a file."""

from __future__ import annotations

from pathlib import Path

import click

from mock_server.cli import output
from mock_server.cli.options import CONTROL_TOKEN, SANDBOX, SANDBOX_URL, sandbox_client


@click.group()
def journal() -> None:
    """Export the requests of a sandbox."""


@journal.command()
@SANDBOX_URL
@SANDBOX
@CONTROL_TOKEN
@click.option(
    "--format",
    "kind",
    type=click.Choice(("har", "ndjson", "json")),
    default="har",
    show_default=True,
    help="An HTTP archive for the developer tools of a browser, a line per request, or one JSON object.",
)
@output.out_option("The file to write.")
def export(base_url: str, sandbox: str, control_token: str | None, kind: str, out: Path | None) -> None:
    """Write the requests of a sandbox and their answers, secrets hidden."""
    output.need_folder("--out", out)
    with sandbox_client(base_url, sandbox, control_token) as client:
        output.write_out(out, client.text("/requests", format=kind))
