"""`mock-server fixtures`: list, show, check and pull recipes, and generate state files."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from mock_server.cli.options import AUTH_URL, FIXTURES_DIR, dialect_option, username_option
from mock_server.cli.output import FILE, CommandGroup, end_command_at, need_folder, write_utf8
from mock_server.cli.output import show as show_table
from mock_server.domain.names import counted
from mock_server.fixtures.library import read_bytes, recipe_names, recipe_path
from mock_server.input_errors import FileError
from mock_server.pages import COMMANDS, command

if TYPE_CHECKING:
    from mock_server.fixtures.entries import Recipe

_FIRST_YEAR, _LAST_YEAR = 1900, 2200
"""Years that `--day` accepts."""
_LINES_PER_MESSAGE = 100
"""Outside a terminal, one of so many messages of a pull is printed."""


@click.group(cls=CommandGroup)
def fixtures() -> None:
    """List, show, check and pull recipes, and generate their state."""


@fixtures.command("list")
@FIXTURES_DIR
def list_recipes(fixtures_dir: Path | None) -> None:
    """List the recipes that `--fixture` accepts by name."""
    from rich.table import Table
    from rich.text import Text

    table = Table("name", "accounts", "dossiers", box=None, header_style="bold", pad_edge=False)
    table.add_column("title", overflow="fold")
    for name in recipe_names(fixtures_dir):
        try:
            recipe, size = _read_recipe(name, fixtures_dir)
        except FileError as error:
            table.add_row(name, "", "", Text(str(error)))
        else:
            if not recipe.accounts:  # only other recipes use it
                continue
            table.add_row(name, str(len(recipe.accounts)), f"{size:,}", Text(recipe.title))
    show_table(table)


@fixtures.command()
@click.argument("name")
@FIXTURES_DIR
def show(name: str, fixtures_dir: Path | None) -> None:
    """Print a recipe, by name or path."""
    from mock_server.fixtures.yaml_files import read_text

    with end_command_at(FileError):
        write_utf8(read_text(recipe_path(name, fixtures_dir)))


@fixtures.command()
@click.argument("files", nargs=-1, required=True)
@FIXTURES_DIR
def check(files: tuple[str, ...], fixtures_dir: Path | None) -> None:
    """Check recipes and state files; print each error with file and line; exit 1 if there is an error."""
    from mock_server.fixtures.fixture import decode_fixture
    from mock_server.fixtures.recipe_check import check_recipe

    has_errors = False
    for file in files:
        try:
            path = recipe_path(file, fixtures_dir)
            if path.suffix == ".json":
                can_start = decode_fixture(read_bytes(path), file).default_account is not None
            else:
                can_start = check_recipe(path)
            hint = "" if can_start else "; it has no account: only other recipes can use it"
            click.echo(f"{file}: ok{hint}")
        except FileError as error:
            has_errors = True
            click.echo("\n".join(error.messages), err=True)
    if has_errors:
        click.echo(f"See: {command(COMMANDS['fixtures'])}", err=True)
        raise click.exceptions.Exit(1)


@fixtures.command()
@click.argument("recipe")
@click.option(
    "--dossiers", type=click.IntRange(1, 2_000_000), help="Number of dossiers, in the recipe's proportions."
)
@click.option(
    "--seed", type=click.IntRange(-(2**63), 2**63 - 1), help="Another seed than the recipe's, for other data."
)
@click.option("--day", metavar="DATE", help="The date that relative dates start from.  [default: today]")
@click.option("--out", type=FILE, required=True, help="The state file to write, .json.")
@FIXTURES_DIR
def generate(
    recipe: str, dossiers: int | None, seed: int | None, day: str | None, out: Path, fixtures_dir: Path | None
) -> None:
    """Generate the state of a recipe into a file, for `mock-server serve --fixture FILE`."""
    from mock_server.clock import real_now
    from mock_server.fixtures.fixture import generate_state, save_state
    from mock_server.fixtures.recipes import read_recipe

    if out.suffix != ".json":
        raise click.UsageError(f"--out {out}: the name of a state file ends in .json")
    need_folder("--out", out)
    with end_command_at(FileError):
        merged = read_recipe(recipe_path(recipe, fixtures_dir))
        if dossiers is not None and not any(entry.population for entry in merged.recipe.accounts):
            raise click.UsageError(f"--dossiers {dossiers}: no account of {recipe} has a population")
        merged = merged.resize(dossiers=dossiers, seed=seed)
        with _progress_bar(_count_dossiers(merged.recipe)) as add_progress:
            state = generate_state(merged, day=_parse_day(day) or real_now().date(), progress=add_progress)
        save_state(state, out)
    click.echo(f"{out}: {counted(len(state.recipe.dossiers) + len(state.generated.dossiers), 'dossier')}")


@fixtures.command(short_help="Read a real account into a recipe, with other names and numbers.")
@click.option("--base-url", metavar="URL", required=True, help="The environment to read.")
@AUTH_URL
@username_option()
@dialect_option(default="rest", show_default=True)
@click.option("--out", type=FILE, required=True, help="The recipe to write.")
@click.option(
    "--accounts",
    metavar="IDS",
    help="Account ids, separated by commas.  [default: all of the user]",
)
@click.option("--limit", type=click.IntRange(1), help="At most this number of dossiers of each account.")
@click.option(
    "--rate",
    type=click.FloatRange(0),
    default=10.0,
    show_default=True,
    help="At most this number of requests a second; 0 for no limit.",
)
def pull(
    base_url: str, out: Path, accounts: str | None, limit: int | None, rate: float, **login: Any
) -> None:
    """Read a real account into a recipe. Only GET and token requests are sent.

    States, counts and dates stay. Names, numbers, addresses, e-mails, references and texts are replaced. The
    password is that of the variable DOSSIERS_PASSWORD, or is asked for. A pull that was interrupted continues
    with the same command.
    """
    from mock_server.pull import pull as pull_accounts
    from mock_server.pull.source import Pace, SourceError
    from mock_server.scenarios.target import LoginFailed, NoTarget, find_target

    if out.suffix not in {".yaml", ".yml"}:
        raise click.UsageError(f"--out {out}: the name of a recipe ends in .yaml")
    if math.isnan(rate):
        raise click.UsageError("--rate nan: write a number, such as 10, or 0 for no limit")
    need_folder("--out", out)
    password = os.environ.get("DOSSIERS_PASSWORD") or click.prompt("Password", hide_input=True, err=True)
    numbers = [] if accounts is None else _account_ids(accounts)
    with end_command_at(LoginFailed, NoTarget, SourceError), _show_status() as progress:
        target = replace(find_target(base_url, password=password, **login), sandbox_server=None)
        report = pull_accounts(target, out, accounts=numbers, limit=limit, pace=Pace(rate), progress=progress)
    for kind, count in sorted(report.replaced.items()):
        click.echo(f"replaced {count:,} of the kind {kind}", err=True)
    click.echo(
        f"checked: none of {counted(report.checked, 'value')} of the source is in {out}; kept are states,"
        " types, countries, currencies, codes of document types, and dates as times from the start",
        err=True,
    )
    if report.other_states:
        click.echo(
            f"{counted(report.other_states, 'dossier')} with another state: it follows from files and dates",
            err=True,
        )
    click.echo(
        f"{out}: {counted(report.dossiers, 'dossier')}"
        f" of {counted(report.thirdparties, 'third party', 'third parties')},"
        f" by {counted(report.requests, 'request')}"
    )


def _account_ids(text: str) -> list[int]:
    from mock_server.domain.checks import as_int64
    from mock_server.domain.names import cut

    numbers = [as_int64(part.strip()) for part in text.split(",") if part.strip()]
    positive = [number for number in numbers if number is not None and number > 0]
    if len(positive) < len(numbers) or not positive:
        raise click.UsageError(
            f"--accounts {cut(text) or 'is empty'}: write ids separated by commas, such as 119631,119700"
        )
    return list(dict.fromkeys(positive))


@contextmanager
def _show_status() -> Iterator[Callable[[str], None]]:
    """Show the latest message: in one line of a terminal, else each hundredth one as a line on stderr."""
    from rich.console import Console

    console, numbers = Console(stderr=True), itertools.count(1)
    if console.is_terminal:
        with console.status("Reading ...") as status:
            yield status.update
        return
    yield lambda text: click.echo(text, err=True) if next(numbers) % _LINES_PER_MESSAGE == 0 else None


def _read_recipe(name: str, fixtures_dir: Path | None) -> tuple[Recipe, int]:
    """Return the recipe of that name, or of a state file, and its number of dossiers.

    Raises:
        FileError: the file is wrong; the message has the place.
    """
    from mock_server.fixtures.fixture import decode_fixture
    from mock_server.fixtures.recipes import read_recipe

    path = recipe_path(name, fixtures_dir)
    if path.suffix != ".json":
        recipe = read_recipe(path).recipe
        return recipe, _count_dossiers(recipe)
    fixture = decode_fixture(read_bytes(path), str(path))
    recipe = fixture.source.recipe
    return recipe, _count_dossiers(recipe) if fixture.saved is None else len(fixture.saved.content.dossiers)


def _count_dossiers(recipe: Recipe) -> int:
    generated = sum(entry.population.dossiers for entry in recipe.accounts if entry.population)
    return len(recipe.dossiers) + generated


def _parse_day(text: str | None) -> date | None:
    try:
        day = None if text is None else date.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"--day {text}: write it as 2026-01-15") from None
    if day is not None and not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise click.UsageError(f"--day {text}: a year from {_FIRST_YEAR} to {_LAST_YEAR}")
    return day


@contextmanager
def _progress_bar(total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on stderr, where that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("dossiers", total=total)
        yield lambda count: bar.advance(task, count)
