"""Printing tables and colours on a terminal, and plain text anywhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_PLAIN_WIDTH = 160
"""Columns of a log, which has no width of its own."""


def console() -> Console:
    """Standard output."""
    from rich.console import Console

    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=_PLAIN_WIDTH)


def show(renderable: Any) -> None:
    """Print something of rich's; where that is no terminal, without the blanks that fill its lines."""
    target = console()
    if target.is_terminal:
        target.print(renderable)
        return
    with target.capture() as captured:
        target.print(renderable)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def show_line(line: Text) -> None:
    """Print a line as long as it is."""
    target = console()
    if target.is_terminal:
        target.print(line, soft_wrap=True)
    else:
        click.echo(line.plain)
