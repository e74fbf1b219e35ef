"""`mock-server state`: show, export and compact the file of `--state`, while no server uses it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mock_server.cli.output import FILE, CommandGroup, end_command_at, write_utf8
from mock_server.domain.names import counted, shown
from mock_server.input_errors import FileError

if TYPE_CHECKING:
    from mock_server.sandbox.state_database import StateDatabase

_FILE = click.argument("file", type=FILE)


@click.group(cls=CommandGroup)
def state() -> None:
    """Show, export and compact a file of `serve --state`."""


@state.command()
@_FILE
def info(file: Path) -> None:
    """Show what is in the file: its format, and each sandbox with its fixture and commands."""
    with _open(file) as database:
        click.echo(f"{file}: format {database.version}, {file.stat().st_size:,} bytes")
        for name in database.names:
            saved = database.load(name)
            last = saved.records[-1].number if saved.records else saved.number
            click.echo(
                f"{name}: fixture {saved.checkpoint.config.setup.fixture.name}, {counted(last, 'command')},"
                f" {len(saved.records)} of them since the last checkpoint"
            )


@state.command()
@_FILE
@click.option("--sandbox", default="default", show_default=True, help="The name of the sandbox.")
def export(file: Path, sandbox: str) -> None:
    """Print the state of a sandbox as JSON, as `GET /__admin/state` returns it."""
    with _open(file) as database:
        if sandbox not in database.names:
            names = ", ".join(database.names) or "none"
            raise click.ClickException(f"{file}: there is no sandbox {shown(sandbox)}; there are: {names}")
        write_utf8(database.export(sandbox).decode())


@state.command()
@_FILE
def compact(file: Path) -> None:
    """Replace the commands of each sandbox by its state, if that is shorter, and give unused space back."""
    with _open(file) as database:
        before = file.stat().st_size
        database.compact()
        click.echo(f"{file}: {before:,} bytes before, {file.stat().st_size:,} bytes now")


@contextmanager
def _open(file: Path) -> Iterator[StateDatabase]:
    from mock_server.sandbox.state_database import StateDatabase

    if not os.path.exists(file):  # noqa: PTH110  # a name may be too long
        raise click.ClickException(f"{file}: there is no such file")
    if os.path.isfile(file) and not os.path.getsize(file):  # noqa: PTH113, PTH202
        raise click.ClickException(f"{file}: the file is empty: give a file that `serve --state` has used")
    with end_command_at(FileError), closing(StateDatabase(file)) as database:
        yield database
