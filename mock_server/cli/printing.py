"""Printing tables and colours on a terminal, and plain text anywhere else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Thing = TypeVar("Thing")

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


def tracked(things: Iterable[Thing], total: int) -> Iterable[Thing]:
    """The things, with a bar on stderr that counts them where that is a terminal."""
    from rich.console import Console
    from rich.progress import track

    stderr = Console(stderr=True)
    disable = not stderr.is_terminal
    return track(things, "scenarios", total=total, console=stderr, transient=True, disable=disable)
