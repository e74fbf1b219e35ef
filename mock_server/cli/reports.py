"""Files that a command writes its results to, as an option names them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


def report_option(flag: str, name: str, about: str) -> Callable[[Any], Any]:
    """The option that names such a file."""
    kind = click.Path(path_type=Path, dir_okay=False)
    return click.option(flag, name, metavar="FILE", type=kind, help=about)


def need_folder(flag: str, path: Path | None) -> None:
    """Refuse a file whose folder is not there, before anything is done."""
    if path is not None and not path.parent.is_dir():
        raise click.UsageError(f"{flag} {path}: there is no folder {path.parent}")


def write(flag: str, path: Path, content: bytes) -> None:
    """Write the file."""
    try:
        path.write_bytes(content)
    except OSError as problem:
        raise click.ClickException(f"{flag} {path}: {problem.strerror or problem}") from None
