"""Output of commands: tables and colours on a terminal, plain text elsewhere, and report files."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mock_server.domain.names import proposal, shown
from mock_server.input_errors import FileError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Item = TypeVar("Item")

FILE = click.Path(path_type=Path, dir_okay=False)
"""The type of an option or an argument that is a file."""

_PLAIN_WIDTH = 160
"""Columns where the output is not a terminal."""


class CommandGroup(click.Group):
    """Commands; the error about an unknown one has a similar name, or all of them."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            ctx.fail(f"there is no command {shown(name)}; {proposal(name, self.list_commands(ctx), str)}")
        return super().resolve_command(ctx, args)


@contextmanager
def end_command_at(
    *kinds: type[Exception], prefix: str = "", error: type[click.ClickException] = click.ClickException
) -> Iterator[None]:
    """End the command at an exception of these kinds: raise `error` with the prefix and its messages."""
    try:
        yield
    except kinds as problem:
        messages = problem.messages if isinstance(problem, FileError) else (str(problem),)
        raise error(prefix + "\n".join(messages)) from None


def console() -> Console:
    """Return the console for standard output."""
    from rich.console import Console

    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=_PLAIN_WIDTH)


def show(renderable: Any) -> None:
    """Print an object of rich; outside a terminal, without trailing blanks."""
    target = console()
    if target.is_terminal:
        target.print(renderable)
        return
    with target.capture() as captured:
        target.print(renderable)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def show_line(line: Text) -> None:
    """Print a line of any length without wrapping it."""
    target = console()
    if target.is_terminal:
        target.print(line, soft_wrap=True)
    else:
        click.echo(line.plain)


def write_utf8(text: str) -> None:
    """Print JSON or YAML, which are UTF-8 in each console and each file."""
    content = text if text.endswith("\n") else f"{text}\n"
    click.echo(content.encode("utf-8", "replace"), nl=False)


def open_closed_streams() -> None:
    """Open the null device for each standard stream that is closed.

    Else the next file or socket would get its number. Some schedulers start commands in this way (`2>&-`).
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets this number, the lowest one that is free
            setattr(sys, name, open(number, "r+", encoding="utf-8", closefd=False))  # noqa: SIM115


def discard_output() -> None:
    """Send standard output to the null device: at the exit, Python writes again what could not be written."""
    with suppress(OSError), Path(os.devnull).open("wb") as null:
        os.dup2(null.fileno(), sys.stdout.fileno())


def replace_unknown_characters() -> None:
    """Print a question mark for a character that the console does not have."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


def with_progress(items: Iterable[Item], total: int) -> Iterable[Item]:
    """Return the items; reading them moves a progress bar on stderr, if that is a terminal."""
    from rich.console import Console
    from rich.progress import track

    stderr = Console(stderr=True)
    disable = not stderr.is_terminal
    return track(items, "scenarios", total=total, console=stderr, transient=True, disable=disable)


def report_option(flag: str, name: str, kind: str) -> Callable[[Any], Any]:
    """Return the option for a file with the results."""
    return click.option(flag, name, metavar="FILE", type=FILE, help=f"Write the results as {kind} to a file.")


def out_option(text: str) -> Callable[[Any], Any]:
    """Return the option `--out`, for a file that gets the output instead of the terminal."""
    return click.option("--out", metavar="FILE", type=FILE, help=f"{text}  [default: standard output]")


def write_out(path: Path | None, text: str) -> None:
    """Write the output to the file of `--out`, or print it."""
    if path is None:
        write_utf8(text)
    else:
        write_report("--out", path, text.encode())


def need_folder(flag: str, path: Path | None) -> None:
    """Reject a report file in a folder that does not exist, before any work is done."""
    if path is not None and not os.path.isdir(path.parent):  # noqa: PTH112  # it may be too long
        raise click.UsageError(f"{flag} {path}: there is no folder {path.parent}")


def write_report(flag: str, path: Path, content: bytes) -> None:
    """Write a report file."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise click.ClickException(f"{flag} {path}: {error.strerror}") from None
