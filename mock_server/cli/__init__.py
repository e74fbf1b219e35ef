"""The command `mock-server`. Mistakes are told in a sentence on stderr: exit 2 for a wrong option, else 1."""

from __future__ import annotations

import click

from mock_server import __version__
from mock_server.cli.comparing import compare
from mock_server.cli.fixtures import fixtures
from mock_server.cli.openapi import openapi
from mock_server.cli.scenarios import scenarios
from mock_server.cli.serving import healthcheck, serve

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="mock-server")
def main() -> None:
    """A sandbox of the e-Attestations (Aprovall) dossiers API."""


for command in (serve, healthcheck, fixtures, scenarios, compare, openapi):
    main.add_command(command)
