"""`mock-server scenarios`: list, show and check scenarios, and run them against a server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import cache
from http import HTTPStatus
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mock_server.cli import options, output
from mock_server.domain.names import proposal
from mock_server.input_errors import FileError
from mock_server.pages import COMMANDS, command
from mock_server.settings import Settings

if TYPE_CHECKING:
    from mock_server.fixtures.fixture import Fixture
    from mock_server.input_errors import InputError
    from mock_server.scenarios.file_format import Scenario, Step
    from mock_server.scenarios.files import FurtherErrors
    from mock_server.scenarios.results import Result
    from mock_server.scenarios.runner import ScenarioRun
    from mock_server.scenarios.target import Target

Item = TypeVar("Item")
Done = TypeVar("Done")

_JOBS = 4
"""Scenarios that run at the same time by default."""
_TAGS = click.option(
    "--tag", "tags", multiple=True, metavar="TAG", help="Only scenarios with this tag; repeat it for several."
)
_TARGET_OPTIONS = ("dialect", "auth_url", "username", "password", "control_token")


@click.group(cls=output.CommandGroup)
def scenarios() -> None:
    """List, show, check and run scenarios."""


@scenarios.command("list")
@_TAGS
@options.SCENARIOS_DIR
def list_scenarios(tags: tuple[str, ...], scenarios_dir: Path | None) -> None:
    """List the scenarios."""
    from rich.table import Table
    from rich.text import Text

    from mock_server.scenarios.files import read_scenario, scenario_files

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("title", overflow="fold")
    table.add_column("tags", overflow="fold")
    table.add_column("steps", justify="right")
    readable, errors = {}, {}
    files = scenario_files(scenarios_dir)
    for path in files:
        try:
            readable[path] = read_scenario(path)
        except FileError as error:
            errors[path] = error
    selected = _with_tags(readable, tags)
    for path in files:
        if path in errors:
            table.add_row(path.stem, Text(str(errors[path]), "red"))
        elif path in selected:
            scenario = selected[path]
            table.add_row(
                scenario.scenario,
                Text(scenario.title),
                Text(", ".join(scenario.tags)),
                str(len(scenario.steps)),
            )
    output.show(table)


def _with_tags(scenarios: Mapping[Path, Scenario], tags: Sequence[str]) -> dict[Path, Scenario]:
    """Return the scenarios that have one of these tags; all of them without tags.

    Raises:
        UsageError: no scenario has one; the message has a similar tag, or all tags.
    """
    selected = {
        path: scenario for path, scenario in scenarios.items() if not tags or set(tags) & set(scenario.tags)
    }
    if tags and not selected:
        all_tags = sorted({tag for scenario in scenarios.values() for tag in scenario.tags})
        raise click.UsageError(
            f"no scenario has the tag {' or '.join(tags)}; {proposal(tags[0], all_tags, str)}"
        )
    return selected


@scenarios.command()
@click.argument("name")
@options.SCENARIOS_DIR
def show(name: str, scenarios_dir: Path | None) -> None:
    """Print a scenario, by name or path, and a summary of it."""
    from rich.syntax import Syntax

    from mock_server.fixtures.yaml_files import read_text
    from mock_server.scenarios.files import find_scenario, read_scenario

    with output.end_command_at(FileError):
        path = find_scenario(name, scenarios_dir)
        text, scenario = read_text(path), read_scenario(path)
    if output.console().is_terminal:
        output.show(Syntax(text, "yaml", background_color="default"))
    else:
        output.write_utf8(text)
    output.write_utf8("\n".join(["", *_summary(scenario)]))


@scenarios.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@options.SCENARIOS_DIR
@options.FIXTURES_DIR
def check(files: tuple[Path, ...], scenarios_dir: Path | None, fixtures_dir: Path | None) -> None:
    """Check scenarios and print each error with file and line.

    Exit 1 if there is an error. Without FILES, all scenarios are checked.
    """
    from mock_server.scenarios.files import check_files, scenario_files

    paths = files or tuple(scenario_files(scenarios_dir))
    errors = check_files(paths, scenario_check(fixtures_dir))
    for error in errors:
        click.echo(str(error), err=True)
    click.echo(f"{len(paths)} checked, errors: {len(errors) or 'none'}")
    if errors:
        click.echo(f"See: {command(COMMANDS['scenarios'])}", err=True)
        raise click.exceptions.Exit(1)


def _summary(scenario: Scenario) -> Iterator[str]:
    yield f"{scenario.scenario}: {scenario.title}"
    for rule in scenario.rules:
        operation = rule.when.operation
        operations = operation if isinstance(operation, tuple) else (operation or "any call",)
        yield f"  rule {rule.name} ({', '.join(operations)})"
    for number, step in enumerate(scenario.steps, 1):
        calls = step.call or step.control or ", ".join(call.call for call in step.together)
        about = f", {step.dialect} only" if step.dialect else ""
        yield f"  step {number} {step.name} ({calls}{about})"


@scenarios.command()
@click.argument("names", nargs=-1)
@_TAGS
@click.option("--base-url", metavar="URL", help="The server to test.  [default: start one for the run]")
@options.dialect_option(help="The dialect of that server.  [default: that of the base URL, else rest]")
@options.AUTH_URL
@options.username_option(default="api@example.com")
@options.password_option(default="demo")
@options.CONTROL_TOKEN
@options.VARIANTS
@output.report_option("--junit", "report", "JUnit XML")
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    help=f"Scenarios at the same time.  [default: {_JOBS}; 1 without sandboxes]",
)
@options.SCENARIOS_DIR
@options.FIXTURES_DIR
def run(
    names: tuple[str, ...],
    tags: tuple[str, ...],
    chosen: tuple[str, ...],
    scenarios_dir: Path | None,
    report: Path | None,
    **arguments: Any,
) -> None:
    """Run scenarios and report what differs from the expected answers.

    NAMES are names or paths; without NAMES, all scenarios run. Exit 1 if anything differs.

    Each scenario has its own sandbox. If the base URL is not a sandbox, scenarios run one after the other,
    and steps that need a sandbox are skipped.
    """
    from time import monotonic

    output.need_folder("--junit", report)
    started = monotonic()
    variants = options.read_variants(chosen)
    selected = _select(names, tags, scenarios_dir, arguments)
    with _open_run_target(arguments) as target:
        results = _play(_plan_runs(selected, variants, target), target, arguments["jobs"])
    _print_results(results, monotonic() - started)
    if report is not None:
        from mock_server.scenarios.report import junit

        output.write_report("--junit", report, junit(results))
    if any(result.failed for result in results):
        raise click.exceptions.Exit(1)


def _select(
    names: Sequence[str], tags: Sequence[str], scenarios_dir: Path | None, arguments: dict[str, Any]
) -> list[tuple[Path, Scenario]]:
    """Return the selected scenarios with their files; an error in any of them ends the command."""
    from mock_server.scenarios.files import check_files, find_scenario, read_scenario, scenario_files

    with output.end_command_at(FileError, error=click.UsageError):
        paths = [find_scenario(name, scenarios_dir) for name in names] or scenario_files(scenarios_dir)
    # Another server may have other fixtures than this machine, so it checks them itself.
    further_errors = body_errors if arguments["base_url"] else scenario_check(arguments["fixtures_dir"])
    errors = check_files(paths, further_errors)
    if errors:
        raise click.ClickException("\n".join(map(str, errors)))
    return list(_with_tags({path: read_scenario(path) for path in paths}, tags).items())


def _plan_runs(
    selected: Sequence[tuple[Path, Scenario]], variants: dict[str, str], target: Target
) -> list[ScenarioRun]:
    from mock_server.scenarios.runner import plan_runs

    on_sandbox = target.sandbox_server is not None
    if variants and not on_sandbox:
        raise click.UsageError(f"--variant: {target.base_url} is not a sandbox and has no variants")
    return [
        run
        for path, scenario in selected
        for run in plan_runs(scenario, variants, on_sandbox=on_sandbox, file=path)
    ]


@contextmanager
def _open_run_target(arguments: dict[str, Any]) -> Iterator[Target]:
    """Yield the server of the base URL, or one that is started for the run."""
    from mock_server.cli.own_server import NotStarted, open_target
    from mock_server.scenarios.target import NoTarget

    flags = {"--dialect": arguments["dialect"], "--fixtures-dir": arguments["fixtures_dir"]}
    server_arguments = [part for flag, value in flags.items() if value for part in (flag, str(value))]
    login = {name: arguments[name] for name in _TARGET_OPTIONS}
    with (
        output.end_command_at(NoTarget, NotStarted),
        open_target(arguments["base_url"], *server_arguments, **login) as target,
    ):
        yield target


def _play(runs: Sequence[ScenarioRun], target: Target, jobs: int | None) -> list[Result]:
    """Run the scenarios, several at once, with a progress bar."""
    from mock_server.scenarios.runner import run_scenario

    # Without sandboxes they would share one account.
    jobs = 1 if target.sandbox_server is None else jobs or _JOBS
    done = in_parallel(lambda run: run_scenario(run, target), runs, jobs)
    return list(output.with_progress(done, len(runs)))


def _print_results(results: Sequence[Result], seconds: float) -> None:
    from mock_server.scenarios.report import failure_lines, styled, summary, table

    for result in results:
        for line in failure_lines(result):
            output.show_line(styled(line))
        if result.failed:
            click.echo()
    output.show(table(results))
    click.echo()
    click.echo(summary(results, seconds))


def in_parallel(do: Callable[[Item], Done], items: Sequence[Item], jobs: int) -> Iterator[Done]:
    """Yield the result of `do` for each item, in order; `jobs` run at once.

    Unlike the threads of a pool, these do not delay the end of the process.
    """
    futures: list[Future[Done]] = [Future() for _ in items]
    waiting: SimpleQueue[tuple[Future[Done], Item]] = SimpleQueue()
    for pair in zip(futures, items, strict=True):
        waiting.put(pair)
    for _ in range(jobs):
        Thread(target=_run_waiting, args=(do, waiting), daemon=True).start()
    for future in futures:
        yield future.result()


def _run_waiting(do: Callable[[Item], Done], waiting: SimpleQueue[tuple[Future[Done], Item]]) -> None:
    with suppress(Empty):
        while True:
            future, item = waiting.get_nowait()
            try:
                future.set_result(do(item))
            except Exception as error:  # noqa: BLE001  # `future.result()` raises it
                future.set_exception(error)


def scenario_check(fixtures_dir: Path | None) -> FurtherErrors:
    """Return a function that yields the errors of bodies, control calls and start data of a scenario."""
    from mock_server.clock import real_now
    from mock_server.fixtures.fixture import load_fixture
    from mock_server.input_errors import InputError
    from mock_server.scenarios.setup import build_scenario_setup

    now = real_now()

    @cache
    def find_fixture(name: str) -> Fixture:
        return load_fixture(name, now.date(), fixtures_dir)

    default = find_fixture(Settings().fixture)

    def errors(scenario: Scenario, path: Path) -> Iterator[InputError]:
        yield from body_errors(scenario)
        yield from _control_errors(scenario)
        try:
            build_scenario_setup(scenario, default, find_fixture, now, folder=path.parent)
        except InputError as error:
            yield error

    return errors


def _control_errors(scenario: Scenario) -> Iterator[InputError]:
    """Yield the control calls of steps that this version does not have, and wrong types in their bodies."""
    steps = [(f"$.steps[{index}]", step) for index, step in enumerate(scenario.steps) if step.control]
    if not steps:
        return  # the import below takes Flask with it

    from mock_server.control.app import explain_unknown_call, find_call
    from mock_server.input_errors import InputError

    for place, step in steps:
        method, path = str(step.control).split(" ")
        call = find_call(method, path)
        if call is None:
            yield InputError(f"{place}.control", explain_unknown_call(method, path))
        elif call.body is not None:
            yield from _control_body_errors(step, call.body, f"{place}.body")


def _control_body_errors(step: Step, kind: object, place: str) -> Iterator[InputError]:
    """Yield what is not of the type of the body of a control call.

    A body with saved values is not checked: their types are not known. Neither is one that shall be rejected.
    """
    from msgspec import UNSET

    from mock_server.decode_errors import find_decode_errors
    from mock_server.input_errors import InputError
    from mock_server.scenarios.templates import names_in

    is_rejected = max(step.expect.statuses, default=0) >= HTTPStatus.BAD_REQUEST
    if step.body is not UNSET and not is_rejected and not any(names_in(step.body)):
        for error in find_decode_errors(step.body, kind, place):
            yield InputError(error.place, error.sentence)


def body_errors(scenario: Scenario, _: Path | None = None) -> Iterator[InputError]:
    """Yield the numbers and booleans that steps send where the API has texts: YAML without quotes.

    A step that expects a status from 400 sends them on purpose.
    """
    from msgspec import UNSET

    from mock_server.contract.checking import unquoted_texts
    from mock_server.input_errors import InputError

    for index, step in enumerate(scenario.steps):
        together = [f".together[{at}]" for at in range(len(step.together))]
        for part, (operation, spec) in zip(together or [""], step.calls, strict=False):
            if spec.body is UNSET or max(spec.expect.statuses, default=0) >= HTTPStatus.BAD_REQUEST:
                continue
            for path, value in unquoted_texts(operation, spec.body):
                advice = "quote it; to send it on purpose, expect the status 400"
                place = f"$.steps[{index}]{part}.body{path}"
                yield InputError(
                    place, f"{json.dumps(value)} is not a text, and the API rejects it: {advice}"
                )
