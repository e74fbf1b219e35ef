"""`mock-server fixtures`: what recipes there are, what is wrong with one, worlds made ahead of time."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mock_server.fixtures.errors import FileError
from mock_server.fixtures.library import bundled_names, recipe_path
from mock_server.pages import COMMANDS

if TYPE_CHECKING:
    from mock_server.fixtures.entries import Recipe

_FOLDER = click.option(
    "--fixtures-dir",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    envvar="MOCK_SERVER_FIXTURES_DIR",
    show_envvar=True,
    help="A folder of recipes of your own; its names come before the bundled ones.",
)


_FIRST_YEAR, _LAST_YEAR = 1900, 2200


@click.group()
def fixtures() -> None:
    """Recipes: list and show them, check one, generate its world."""


@fixtures.command("list")
@_FOLDER
def list_recipes(folder: Path | None) -> None:
    """The recipes that `--fixture` takes by name."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("name", "accounts", "dossiers", box=None, header_style="bold")
    table.add_column("title", overflow="fold")
    for name in bundled_names("fixtures", folder):
        try:
            recipe = _recipe(name, folder)
        except click.ClickException as mistake:
            table.add_row(name, "", "", Text(mistake.message))
        else:
            if not recipe.accounts:  # only good for being included
                continue
            table.add_row(name, str(len(recipe.accounts)), f"{_size(recipe):,}", Text(recipe.title))
    Console().print(table)


@fixtures.command()
@click.argument("name")
@_FOLDER
def show(name: str, folder: Path | None) -> None:
    """Print a recipe, by name or path."""
    from mock_server.fixtures.yaml_files import read_text

    try:
        click.echo(read_text(recipe_path(name, folder)), nl=False)
    except FileError as mistake:
        raise click.ClickException(str(mistake)) from None


@fixtures.command()
@click.argument("files", nargs=-1, required=True)
@_FOLDER
def check(files: tuple[str, ...], folder: Path | None) -> None:
    """Say what is wrong with recipes, with file and line; exit 1 if anything is."""
    from mock_server.fixtures.fixture import check_recipe, load_state

    mistakes = 0
    for file in files:
        try:
            path = recipe_path(file, folder)
            load_state(path) if path.suffix == ".json" else check_recipe(path)
            click.echo(f"{file}: ok")
        except FileError as mistake:
            mistakes += 1
            click.echo(str(mistake), err=True)
    if mistakes:
        click.echo(f"See {COMMANDS['fixtures']}", err=True)
        raise click.exceptions.Exit(1)


@fixtures.command()
@click.argument("recipe")
@click.option(
    "--dossiers", type=click.IntRange(1, 2_000_000), help="Generate as many, in the recipe's proportions."
)
@click.option("--seed", type=int, help="Another seed than the recipe's: another population.")
@click.option("--day", metavar="DATE", help="The day from which dates count.  [default: today]")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The file, .json."
)
@_FOLDER
def generate(
    recipe: str, dossiers: int | None, seed: int | None, day: str | None, out: Path, folder: Path | None
) -> None:
    """Generate a recipe's world into a file that loads fast: `mock-server serve --fixture FILE`."""
    from mock_server.clock import real_now
    from mock_server.fixtures.fixture import generate_state, save_state
    from mock_server.fixtures.recipes import read_recipe

    if out.suffix != ".json":
        raise click.UsageError(f"--out {out}: the name of a world ends in .json")
    try:
        merged = read_recipe(recipe_path(recipe, folder))
        if dossiers is not None and not any(entry.population for entry in merged.recipe.accounts):
            raise click.UsageError(f"--dossiers {dossiers}: no account of {recipe} has a population")
        merged = merged.resized(dossiers=dossiers, seed=seed)
        with _progress(_size(merged.recipe)) as made:
            state = generate_state(merged, day=_day(day) or real_now().date(), progress=made)
        save_state(state, out)
    except FileError as mistake:
        raise click.ClickException(str(mistake)) from None
    click.echo(f"{out}: {len(state.recipe.dossiers) + len(state.generated.dossiers):,} dossiers")


def _recipe(name: str, folder: Path | None) -> Recipe:
    from mock_server.fixtures.fixture import load_state
    from mock_server.fixtures.recipes import read_recipe

    path = recipe_path(name, folder)
    try:
        return load_state(path).recipe if path.suffix == ".json" else read_recipe(path).recipe
    except FileError as mistake:
        raise click.ClickException(str(mistake)) from None


def _size(recipe: Recipe) -> int:
    generated = sum(entry.population.dossiers for entry in recipe.accounts if entry.population)
    return len(recipe.dossiers) + generated


def _day(text: str | None) -> date | None:
    try:
        day = None if text is None else date.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"--day {text}: write it as 2026-01-15") from None
    if day is not None and not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise click.UsageError(f"--day {text}: a year from {_FIRST_YEAR} to {_LAST_YEAR}")
    return day


class _progress:  # noqa: N801  # a context manager, used as a function
    """A progress bar on stderr, where that is a terminal."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        self._bar = Progress(console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("dossiers", total=total)

    def __enter__(self) -> Any:
        self._bar.start()
        return lambda made: self._bar.advance(self._task, made)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
