"""`mock-server scenarios`: what scenarios there are, what is wrong with one, and playing them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mock_server.cli import printing
from mock_server.cli.scenario_options import FIXTURES, FOLDER, trial
from mock_server.cli.scenario_runs import run
from mock_server.fixtures.errors import FileError
from mock_server.pages import COMMANDS

if TYPE_CHECKING:
    from mock_server.scenarios.file_format import Scenario


@click.group()
def scenarios() -> None:
    """Scenarios: list and show them, check and run them."""


scenarios.add_command(run)


@scenarios.command("list")
@FOLDER
def list_scenarios(folder: Path | None) -> None:
    """The scenarios there are."""
    from rich.table import Table
    from rich.text import Text

    from mock_server.scenarios.files import read_scenario, scenario_files

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("title", overflow="fold")
    table.add_column("tags", overflow="fold")
    table.add_column("steps", justify="right")
    for path in scenario_files(folder):
        try:
            found = read_scenario(path)
        except FileError as mistake:
            table.add_row(path.stem, Text(str(mistake), "red"))
        else:
            tags = ", ".join(found.tags)
            table.add_row(found.scenario, Text(found.title), Text(tags), str(len(found.steps)))
    printing.show(table)


@scenarios.command()
@click.argument("name")
@FOLDER
def show(name: str, folder: Path | None) -> None:
    """Print a scenario, by name or path, also in brief."""
    from rich.syntax import Syntax

    from mock_server.fixtures.yaml_files import read_text
    from mock_server.scenarios.files import find_scenario, read_scenario

    try:
        path = find_scenario(name, folder)
        text, found = read_text(path), read_scenario(path)
    except FileError as mistake:
        raise click.ClickException(str(mistake)) from None
    if printing.console().is_terminal:
        printing.show(Syntax(text, "yaml", background_color="default"))
    else:
        click.echo(text, nl=not text.endswith("\n"))
    click.echo()
    for line in _brief(found):
        click.echo(line)


@scenarios.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@FOLDER
@FIXTURES
def check(files: tuple[Path, ...], folder: Path | None, fixtures_dir: Path | None) -> None:
    """Say what is wrong with scenarios, by file and line.

    Exit 1 if anything is. Without FILES: all that there are.
    """
    from mock_server.scenarios.files import check_files, scenario_files

    chosen = files or tuple(scenario_files(folder))
    mistakes = check_files(chosen, trial(fixtures_dir))
    for mistake in mistakes:
        click.echo(str(mistake), err=True)
    click.echo(f"{len(chosen)} checked, mistakes: {len(mistakes) or 'none'}")
    if mistakes:
        click.echo(f"See {COMMANDS['scenarios']}", err=True)
        raise click.exceptions.Exit(1)


def _brief(scenario: Scenario) -> Iterator[str]:
    yield f"{scenario.scenario}: {scenario.title}"
    for rule in scenario.rules:
        meant = rule.when.operation
        operations = meant if isinstance(meant, tuple) else (meant or "any call",)
        yield f"  rule {rule.name} ({', '.join(operations)})"
    for number, step in enumerate(scenario.steps, 1):
        calls = step.call or step.control or ", ".join(call.call for call in step.together)
        about = f", {step.dialect} alone" if step.dialect else ""
        yield f"  step {number} {step.name} ({calls}{about})"
