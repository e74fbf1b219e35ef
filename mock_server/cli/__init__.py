"""The command `mock-server`. Mistakes are told in a sentence on stderr: exit 2 for a wrong option, else 1."""

from __future__ import annotations

import sys
from errno import EDQUOT, EFBIG, EIO, ENOSPC
from typing import Any

import click

from mock_server import __version__
from mock_server.cli.fixtures import fixtures
from mock_server.cli.openapi import openapi
from mock_server.cli.scenarios import scenarios
from mock_server.cli.serving import healthcheck, serve

__all__ = ["main"]


_UNWRITABLE = {EDQUOT, EFBIG, EIO, ENOSPC}


class _Command(click.Group):
    """Tells in a sentence what becomes of a command whose output goes to a full disk."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command, and exit."""
        try:
            return super().main(*arguments, **options)
        except OSError as problem:
            if problem.errno not in _UNWRITABLE or problem.filename is not None:
                raise
            click.echo(f"Error: standard output: {problem.strerror}", err=True)
            sys.exit(1)


@click.group(cls=_Command, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="mock-server")
def main() -> None:
    """A sandbox of the e-Attestations (Aprovall) dossiers API."""


for command in (serve, healthcheck, fixtures, scenarios, openapi):
    main.add_command(command)
