"""`mock-server openapi`: print the OpenAPI document of a dialect, without a server."""

from __future__ import annotations

import click

from mock_server.cli.options import setting_option
from mock_server.cli.output import write_utf8


@click.command(short_help="Print the OpenAPI document of a dialect.")
@setting_option("dialect", "The dialect of the document.")
def openapi(dialect: str) -> None:
    """Print the OpenAPI 3.1 document of a dialect as JSON; a server has it at /openapi.json."""
    import json

    from mock_server.contract import document

    write_utf8(json.dumps(document(dialect), indent=2, ensure_ascii=False))
