"""The command `mock-server`. Mistakes are told in a sentence on stderr: exit 2 for a wrong option, else 1."""

from __future__ import annotations

import sys
from errno import EDQUOT, EFBIG, EIO, ENOSPC
from importlib import import_module
from typing import Any

import click

from mock_server import __version__
from mock_server.pages import COMMANDS

__all__ = ["main"]


_UNWRITABLE = {EDQUOT, EFBIG, EIO, ENOSPC}

_MODULES = {
    "serve": "serving",
    "healthcheck": "health",
    "doctor": "doctor",
    "fixtures": "fixtures",
    "scenarios": "scenarios",
    "compare": "comparing",
    "openapi": "openapi",
}
"""Where in this package each command is: only the one that runs is imported."""


class _Commands(click.Group):
    """Commands whose mistakes end with the page of the documentation that tells more."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # as click calls it
        """By name."""
        return sorted(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of its module."""
        if cmd_name not in _MODULES:
            return None
        command: click.Command = getattr(import_module(f"{__name__}.{_MODULES[cmd_name]}"), cmd_name)
        return command

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command, and exit; output that goes to a full disk is told in a sentence."""
        try:
            return super().main(*arguments, **options)
        except OSError as problem:
            if problem.errno not in _UNWRITABLE or problem.filename is not None:
                raise
            click.echo(f"Error: standard output: {problem.strerror}", err=True)
            sys.exit(1)

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
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="mock-server")
def main() -> None:
    """A sandbox of the e-Attestations (Aprovall) dossiers API."""
