"""`mock-server openapi`: the OpenAPI document of a dialect, without a server."""

from __future__ import annotations

import click

from mock_server.domain.operations import DIALECTS


@click.command(short_help="Print the OpenAPI document of a dialect.")
@click.option(
    "--dialect",
    type=click.Choice(DIALECTS),
    default="rest",
    show_default=True,
    envvar="MOCK_SERVER_DIALECT",
    show_envvar=True,
    help="Which of the two published shapes of the API.",
)
def openapi(dialect: str) -> None:
    """Print the OpenAPI 3.1 document of a dialect as JSON; a server has it at /openapi.json."""
    import json

    from mock_server.contract import document

    click.echo(json.dumps(document(dialect), indent=2, ensure_ascii=False))
