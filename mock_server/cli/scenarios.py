"""`mock-server scenarios`: what scenarios there are, what is wrong with one, and playing them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mock_server.fixtures.mistakes import FileMistake
from mock_server.scenarios.reading import check_files, read_scenario, scenario_files, scenario_path
from mock_server.settings import variants

if TYPE_CHECKING:
    from mock_server.scenarios.results import Result
    from mock_server.scenarios.running import Playing
    from mock_server.scenarios.script import Scenario
    from mock_server.scenarios.target import Target

_PLAIN_WIDTH = 160
"""Columns where the output is no terminal, such as a log of CI."""

_FOLDER = click.option(
    "--scenarios-dir",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    envvar="MOCK_SERVER_SCENARIOS_DIR",
    show_envvar=True,
    help="A folder of scenarios of your own; its names come before the bundled ones.",
)


@click.group()
def scenarios() -> None:
    """Scenarios: list and show them, check and run them."""


@scenarios.command("list")
@_FOLDER
def list_scenarios(folder: Path | None) -> None:
    """The scenarios there are: name, title, tags, number of steps."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("title", overflow="fold")
    table.add_column("tags", overflow="fold")
    table.add_column("steps", justify="right")
    for path in scenario_files(folder):
        try:
            found = read_scenario(path)
        except FileMistake as mistake:
            table.add_row(path.stem, Text(str(mistake), "red"))
        else:
            tags = ", ".join(found.tags)
            table.add_row(found.scenario, Text(found.title), Text(tags), str(len(found.steps)))
    _print(table)


@scenarios.command()
@click.argument("name")
@_FOLDER
def show(name: str, folder: Path | None) -> None:
    """Print a scenario, by name or path, and its rules and steps in brief."""
    from rich.syntax import Syntax

    from mock_server.fixtures.reading import read_text

    try:
        path = scenario_path(name, folder)
        text, found = read_text(path), read_scenario(path)
    except FileMistake as mistake:
        raise click.ClickException(str(mistake)) from None
    if _console().is_terminal:
        _print(Syntax(text, "yaml", background_color="default"))
    else:
        click.echo(text, nl=not text.endswith("\n"))
    click.echo()
    for line in _brief(found):
        click.echo(line)


@scenarios.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@_FOLDER
def check(files: tuple[Path, ...], folder: Path | None) -> None:
    """Say what is wrong with scenarios, with file and line; exit 1 if anything is.

    Without FILES: all that there are.
    """
    chosen = files or tuple(scenario_files(folder))
    mistakes = check_files(chosen)
    for mistake in mistakes:
        click.echo(str(mistake), err=True)
    wrong = f"{len(mistakes)} wrong" if mistakes else "nothing wrong"
    click.echo(f"{len(chosen)} checked: {wrong}")
    if mistakes:
        raise click.exceptions.Exit(1)


@scenarios.command()
@click.argument("names", nargs=-1)
@click.option(
    "--tag", "tags", multiple=True, metavar="TAG", help="Only those with this tag; repeat it for several."
)
@click.option("--base-url", metavar="URL", help="Play against this; left out, a server is started for it.")
@click.option("--auth-url", metavar="URL", help="The authorisation server.  [default: that of the base URL]")
@click.option(
    "--username",
    default="api@example.com",
    show_default=True,
    envvar="MOCK_SERVER_RUN_USERNAME",
    help="Who logs in.",
)
@click.option(
    "--password", default="demo", show_default=True, envvar="MOCK_SERVER_RUN_PASSWORD", help="Their password."
)
@click.option(
    "--control-token",
    metavar="TOKEN",
    envvar="MOCK_SERVER_CONTROL_TOKEN",
    help="What the sandbox asks of control calls.",
)
@click.option(
    "--variant",
    "chosen",
    multiple=True,
    metavar="NAME=VALUE",
    help="Choose a reading of the API; repeat it for several.",
)
@click.option(
    "--junit",
    "report",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the results as JUnit XML too.",
)
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=4, show_default=True, help="How many are played at once."
)
@_FOLDER
def run(names: tuple[str, ...], tags: tuple[str, ...], folder: Path | None, **given: Any) -> None:
    """Play scenarios, by NAMES or paths, and tell what was not as expected; exit 1 if anything was.

    Without NAMES: all that there are. Each gets a sandbox of its own. Where the base URL is no sandbox, what
    only a sandbox can do is skipped.
    """
    from time import monotonic

    begun = monotonic()
    wanted = _wanted(names, tags, folder)
    with _target(given) as target:
        results = _play(_playings(wanted, given["chosen"], target), target, given["jobs"])
    _tell(results, monotonic() - begun)
    if given["report"] is not None:
        from mock_server.scenarios.junit import junit

        given["report"].write_bytes(junit(results))
    if any(result.failed for result in results):
        raise click.exceptions.Exit(1)


def _wanted(names: Sequence[str], tags: Sequence[str], folder: Path | None) -> list[tuple[Path, Scenario]]:
    """The scenarios that were asked for, each with its file; all of them right."""
    try:
        paths = [scenario_path(name, folder) for name in names] or scenario_files(folder)
    except FileMistake as mistake:
        raise click.UsageError(str(mistake)) from None
    mistakes = check_files(paths)
    if mistakes:
        raise click.ClickException("\n".join(str(mistake) for mistake in mistakes))
    found = [(path, read_scenario(path)) for path in paths]
    wanted = [(path, scenario) for path, scenario in found if not tags or set(tags) & set(scenario.tags)]
    if not wanted:
        there = sorted({tag for _, scenario in found for tag in scenario.tags})
        raise click.UsageError(f"no scenario has the tag {' or '.join(tags)}; there are {', '.join(there)}")
    return wanted


def _playings(
    wanted: Sequence[tuple[Path, Scenario]], chosen: Sequence[str], target: Target
) -> list[Playing]:
    from mock_server.scenarios.running import playings

    try:
        together = variants(",".join(chosen))
    except ValueError as mistake:
        raise click.UsageError(f"--variant: {mistake}") from None
    on_sandbox = target.control_url is not None
    return [
        playing
        for path, scenario in wanted
        for playing in playings(scenario, together, on_sandbox=on_sandbox, file=path)
    ]


@contextmanager
def _target(given: dict[str, Any]) -> Iterator[Target]:
    """Whom to play against: who was named, or a server that runs meanwhile."""
    from mock_server.cli.own_server import NotStarted, own_server
    from mock_server.scenarios.target import NoTarget, find_target

    names = ("auth_url", "username", "password", "control_token")
    try:
        if given["base_url"] is not None:
            yield find_target(given["base_url"], **{name: given[name] for name in names})
            return
        with own_server() as url:
            yield find_target(url, username=given["username"], password=given["password"])
    except (NoTarget, NotStarted) as problem:
        raise click.ClickException(str(problem)) from None


def _play(playings: Sequence[Playing], target: Target, jobs: int) -> list[Result]:
    """Play them, several at once, with a bar on stderr where that is a terminal."""
    from concurrent.futures import ThreadPoolExecutor

    from rich.console import Console
    from rich.progress import track

    from mock_server.scenarios.running import play

    console = Console(stderr=True)
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        played = pool.map(lambda playing: play(playing, target), playings)
        bar = track(
            played,
            "scenarios",
            total=len(playings),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        return list(bar)


def _tell(results: Sequence[Result], seconds: float) -> None:
    from mock_server.scenarios.reporting import failure_lines, styled, summary, table

    for result in results:
        for line in failure_lines(result):
            _print(styled(line))
        if result.failed:
            click.echo()
    _print(table(results))
    click.echo()
    click.echo(summary(results, seconds))


def _brief(scenario: Scenario) -> Iterator[str]:
    yield f"{scenario.scenario}: {scenario.title}"
    for rule in scenario.rules:
        yield f"  rule  {rule.name}"
    for number, step in enumerate(scenario.steps, 1):
        calls = ", ".join(call.call for call in step.together)
        yield f"  step {number}  {step.name}: {step.call or step.control or f'together {calls}'}"


def _console() -> Any:
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=_PLAIN_WIDTH)


def _print(renderable: Any) -> None:
    """Print; into a file or a pipe without the blanks that fill a terminal's lines."""
    console = _console()
    if console.is_terminal:
        console.print(renderable)
        return
    with console.capture() as captured:
        console.print(renderable)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())
