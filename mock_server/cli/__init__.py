"""The command `mock-server`. An error is one sentence on stderr: exit 2 for a wrong option, else 1.

Ctrl-C ends any command quietly, with exit 130; a server that is ready ends with 0.
"""

from __future__ import annotations

import gc
import os
import re
import sys
from errno import EDQUOT, EFBIG, EIO, ENOSPC
from importlib import import_module
from typing import Any

import click

from mock_server import __version__
from mock_server.cli.output import (
    CommandGroup,
    discard_output,
    open_closed_streams,
    replace_unknown_characters,
)
from mock_server.pages import COMMANDS, command

__all__ = ["main"]


_WRITE_ERRORS = {EDQUOT, EFBIG, EIO, ENOSPC}

_EXIT_INTERRUPTED = 130
"""The exit status of a command that Ctrl-C ended, as shells have it: 128 and the number of SIGINT."""

_SERVICE_LINK = re.compile(
    r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP)(_\w+)?)|MOCK_SERVER_(ENV_\w+|NAME)"
)


class _Commands(CommandGroup):
    """The group of all commands, each in the module of its name; only the one that runs is imported.

    An error ends with the command that prints the page about it.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # an argument of click
        """The names, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command."""
        if cmd_name not in COMMANDS:
            return None
        subcommand: click.Command = getattr(import_module(f"{__name__}.{cmd_name}"), cmd_name)
        if not gc.isenabled():  # `__main__` has disabled it
            gc.freeze()
            gc.enable()
        return subcommand

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command and exit; a full disk under the output is an error in one sentence."""
        options.setdefault("obj", _remove_service_links())
        open_closed_streams()
        replace_unknown_characters()
        try:
            return super().main(*arguments, **options)
        except OSError as error:
            if error.errno not in _WRITE_ERRORS or error.filename is not None:
                raise
            click.echo(f"Error: standard output: {error.strerror}", err=True)
            discard_output()
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; add the command that prints the page about it to its error."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(_EXIT_INTERRUPTED) from None
        except click.ClickException as error:
            page = COMMANDS.get(ctx.invoked_subcommand or "")
            if page is not None:
                message = f"{error.format_message()}\nSee: {command(page)}"
                error.format_message = lambda: message  # type: ignore[method-assign]  # of any error class
            raise


def _remove_service_links() -> list[str]:
    """Remove the variables that Kubernetes and Docker set for a service of that name; return their names."""
    links = [
        name
        for name, value in os.environ.items()
        if name.startswith("MOCK_SERVER_")
        and (_SERVICE_LINK.fullmatch(name) or (name.endswith("_PORT") and value.startswith(("tcp:", "udp:"))))
    ]
    for name in links:
        del os.environ[name]
    return links


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="mock-server")
def main() -> None:
    """A sandbox of the e-Attestations (Aprovall) dossiers API."""
