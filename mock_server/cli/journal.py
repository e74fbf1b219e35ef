"""`mock-server journal`: export the journal of a sandbox to a file."""

from __future__ import annotations

from pathlib import Path

import click

from mock_server.cli import output
from mock_server.cli.options import CONTROL_TOKEN, SANDBOX, SANDBOX_URL, sandbox_client
from mock_server.domain.names import nearest, shown


@click.group(cls=output.CommandGroup)
def journal() -> None:
    """Export the requests of a sandbox."""


@journal.command()
@SANDBOX_URL
@SANDBOX
@CONTROL_TOKEN
@click.option(
    "--format",
    "kind",
    type=click.Choice(("har", "ndjson", "json", "scenario")),
    default="har",
    show_default=True,
    help="An HTTP archive for the developer tools of a browser, a line per request, one JSON object, or a"
    " scenario file that repeats the requests.",
)
@click.option(
    "--since",
    metavar="NUMBER|SNAPSHOT",
    help="Only requests after the one of this number; for a scenario also after a snapshot.",
)
@output.out_option("The file to write.")
def export(
    base_url: str, sandbox: str, control_token: str | None, kind: str, since: str | None, out: Path | None
) -> None:
    """Write the requests of a sandbox and their answers, secrets hidden."""
    from mock_server.client import Server  # help and errors do not need the HTTP client

    output.need_folder("--out", out)
    query = {} if since is None else {"since": since}
    if kind == "scenario":
        query["name"] = _scenario_name(out)
    with sandbox_client(base_url, sandbox, control_token) as client:
        _need_sandbox(sandbox, Server(client.url, control_token).sandboxes())
        output.write_out(out, client.text("/requests", format=kind, **query))


def _need_sandbox(name: str, names: list[str]) -> None:
    """End the command if there is no such sandbox: a call to a misspelt one would create it, and be empty."""
    if name not in names:
        near = nearest(name, names)
        hint = f"did you mean {shown(near)}?" if near else f"the latest is {shown(names[-1])}"
        raise click.ClickException(f"there is no sandbox {shown(name)}; {hint}")


def _scenario_name(out: Path | None) -> str:
    """Return the name of the scenario, which is that of its file."""
    from mock_server.scenarios.file_format import scenario_name

    if out is None:
        return "exported"
    name = scenario_name(out.stem)
    if out.name not in {f"{name}.yaml", f"{name}.yml"}:
        raise click.UsageError(
            f"--out {out}: the file of a scenario has its name, in lower case, digits and dashes: {name}.yaml"
        )
    return name
