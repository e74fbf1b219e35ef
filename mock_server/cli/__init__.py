"""The command `mock-server`. Mistakes are told in a sentence on stderr: exit 2 for a wrong option, else 1."""

from __future__ import annotations

from typing import Any

import click

from mock_server import __version__
from mock_server.cli.doctor import doctor
from mock_server.cli.fixtures import fixtures
from mock_server.cli.openapi import openapi
from mock_server.cli.scenarios import scenarios
from mock_server.cli.serving import healthcheck, serve
from mock_server.pages import COMMANDS

__all__ = ["main"]


class _Documented(click.Group):
    """Commands whose mistakes end with the page of the documentation that tells more."""

    def invoke(self, ctx: click.Context) -> Any:
        """Click's."""
        try:
            return super().invoke(ctx)
        except click.ClickException as mistake:
            page = COMMANDS.get(ctx.invoked_subcommand or "")
            if page is not None:
                told = f"{mistake.format_message()}\nSee {page}"
                mistake.format_message = lambda: told  # type: ignore[method-assign]  # whatever kind it is
            raise


@click.group(
    cls=_Documented, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="mock-server")
def main() -> None:
    """A sandbox of the e-Attestations (Aprovall) dossiers API."""


for command in (serve, healthcheck, doctor, fixtures, scenarios, openapi):
    main.add_command(command)
