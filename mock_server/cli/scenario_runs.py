"""`mock-server scenarios run`: plays scenarios against a server, and tells what was not as expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mock_server.cli import printing
from mock_server.cli.parallel import in_parallel
from mock_server.cli.reports import need_folder, report_option, write
from mock_server.cli.scenario_options import (
    AUTH_URL,
    CONTROL_TOKEN,
    FIXTURES,
    FOLDER,
    VARIANTS,
    read_variants,
    trial,
)
from mock_server.domain.operations import DIALECTS
from mock_server.fixtures.errors import FileError

if TYPE_CHECKING:
    from mock_server.scenarios.file_format import Scenario
    from mock_server.scenarios.results import Result
    from mock_server.scenarios.runner import ScenarioRun
    from mock_server.scenarios.target import Target

_OF_THE_TARGET = ("dialect", "auth_url", "username", "password", "control_token")


@click.command()
@click.argument("names", nargs=-1)
@click.option(
    "--tag", "tags", multiple=True, metavar="TAG", help="Only those with this tag; repeat it for several."
)
@click.option("--base-url", metavar="URL", help="Play against this; left out, a server is started for it.")
@click.option(
    "--dialect",
    type=click.Choice(DIALECTS),
    help="What is to be spoken there.  [default: what the base URL says, else rest]",
)
@AUTH_URL
@click.option("--username", default="api@example.com", show_default=True, help="Who logs in.")
@click.option(
    "--password",
    default="demo",
    show_default=True,
    envvar="DOSSIERS_PASSWORD",
    show_envvar=True,
    help="Their password.",
)
@CONTROL_TOKEN
@VARIANTS
@report_option("--junit", "report", "Write the results there as JUnit XML.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    help="How many run_scenario at once.  [default: 4; one where there are no sandboxes]",
)
@FOLDER
@FIXTURES
def run(
    names: tuple[str, ...],
    tags: tuple[str, ...],
    chosen: tuple[str, ...],
    folder: Path | None,
    report: Path | None,
    **given: Any,
) -> None:
    """Play scenarios and tell what differed.

    NAMES are names or paths. Exit 1 if anything was not as expected.

    Without NAMES: all that there are. Each plays in a sandbox of its own. Where the base URL is no sandbox,
    they run_scenario one after the other, and what only a sandbox can do is skipped.
    """
    from time import monotonic

    need_folder("--junit", report)
    begun = monotonic()
    together = read_variants(chosen)
    wanted = _wanted(names, tags, folder, given)
    with _target(given) as target:
        results = _play(_planned_runs(wanted, together, target), target, given["jobs"])
    _tell(results, monotonic() - begun)
    if report is not None:
        from mock_server.scenarios.report import junit

        write("--junit", report, junit(results))
    if any(result.failed for result in results):
        raise click.exceptions.Exit(1)


def _wanted(
    names: Sequence[str], tags: Sequence[str], folder: Path | None, given: dict[str, Any]
) -> list[tuple[Path, Scenario]]:
    """The scenarios that were asked for, each with its file; all of them right."""
    from mock_server.scenarios.files import check_files, find_scenario, read_scenario, scenario_files

    try:
        paths = [find_scenario(name, folder) for name in names] or scenario_files(folder)
    except FileError as mistake:
        raise click.UsageError(str(mistake)) from None
    # Another server may have other fixtures than this machine: it says itself what it cannot set up.
    options = [] if given["base_url"] else [trial(given["fixtures_dir"])]
    mistakes = check_files(paths, *options)
    if mistakes:
        raise click.ClickException("\n".join(str(mistake) for mistake in mistakes))
    found = [(path, read_scenario(path)) for path in dict.fromkeys(paths)]
    wanted = [(path, scenario) for path, scenario in found if not tags or set(tags) & set(scenario.tags)]
    if not wanted:
        there = ", ".join(sorted({tag for _, scenario in found for tag in scenario.tags}))
        raise click.UsageError(f"no scenario has the tag {' or '.join(tags)}; there are {there}")
    return wanted


def _planned_runs(
    wanted: Sequence[tuple[Path, Scenario]], chosen: dict[str, str], target: Target
) -> list[ScenarioRun]:
    from mock_server.scenarios.runner import plan_runs

    on_sandbox = target.sandbox_server is not None
    if chosen and not on_sandbox:
        raise click.UsageError(f"--variant: {target.base_url} is no sandbox, and reads the API its own way")
    return [
        run
        for path, scenario in wanted
        for run in plan_runs(scenario, chosen, on_sandbox=on_sandbox, file=path)
    ]


@contextmanager
def _target(given: dict[str, Any]) -> Iterator[Target]:
    """The target that was named, or a server that runs meanwhile."""
    from mock_server.cli.own_server import NotStarted, own_server
    from mock_server.scenarios.target import NoTarget, find_target

    said = {name: given[name] for name in _OF_THE_TARGET}
    try:
        if given["base_url"] is not None:
            yield find_target(given["base_url"], **said)
            return
        options = {"--dialect": given["dialect"], "--fixtures-dir": given["fixtures_dir"]}
        chosen = [part for name, value in options.items() if value for part in (name, str(value))]
        with own_server(*chosen) as url:
            yield find_target(url, username=said["username"], password=said["password"])
    except (NoTarget, NotStarted) as problem:
        raise click.ClickException(str(problem)) from None


def _play(runs: Sequence[ScenarioRun], target: Target, jobs: int | None) -> list[Result]:
    """Play them, several at once, with a bar on stderr where that is a terminal."""
    from mock_server.scenarios.runner import run_scenario

    # Elsewhere they have no sandbox each, and would meet in one account.
    jobs = 1 if target.sandbox_server is None else jobs or 4
    done = in_parallel(lambda run: run_scenario(run, target), runs, jobs)
    return list(printing.tracked(done, len(runs)))


def _tell(results: Sequence[Result], seconds: float) -> None:
    from mock_server.scenarios.report import failure_lines, styled, summary, table

    for result in results:
        for line in failure_lines(result):
            printing.show_line(styled(line))
        if result.failed:
            click.echo()
    printing.show(table(results))
    click.echo()
    click.echo(summary(results, seconds))
