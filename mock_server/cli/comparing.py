"""`mock-server compare`: what another environment answers otherwise than a sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from mock_server.cli import printing
from mock_server.cli.reports import need_folder, report_option, write
from mock_server.cli.scenario_options import AUTH_URL, CONTROL_TOKEN, VARIANTS, read_variants
from mock_server.domain.operations import API_PATH, DIALECTS

if TYPE_CHECKING:
    from mock_server.compare.report import Report
    from mock_server.scenarios.target import Target


class CannotCompare(click.ClickException):
    """One of the sides is not there, or lets nobody in: exit 2, since 1 says that something differs."""

    exit_code = 2


@click.command(short_help="Tell what another environment answers otherwise.")
@click.option("--base-url", metavar="URL", required=True, help="The other environment.")
@AUTH_URL
@click.option("--username", required=True, help="Who logs in there.")
@click.option(
    "--password", required=True, envvar="DOSSIERS_PASSWORD", show_envvar=True, help="Their password."
)
@click.option(
    "--dialect",
    type=click.Choice(DIALECTS),
    default="rest",
    show_default=True,
    help="Which of the two published shapes of the API it speaks.",
)
@click.option(
    "--allow-writes", is_flag=True, help="Also play what imports, changes and stops dossiers there."
)
@click.option("--sandbox-url", metavar="URL", help="The sandbox; left out, a server is started for it.")
@CONTROL_TOKEN
@VARIANTS
@report_option("--json", "json_file", "Write the results there as JSON.")
@report_option("--junit", "junit_file", "Write the results there as JUnit XML.")
def compare(json_file: Path | None, junit_file: Path | None, chosen: Sequence[str], **given: Any) -> None:
    """Compare another environment with a sandbox: status, shape and what rules make of it, not values.

    Exit 1 if anything differs, 2 if they could not be compared. Without --allow-writes nothing is sent
    there but GET and requests for tokens.
    """
    need_folder("--json", json_file)
    need_folder("--junit", junit_file)
    report = _compared(given, read_variants(chosen))
    _tell(report)
    _write(report, json_file, junit_file)
    if report.differs:
        raise click.exceptions.Exit(1)


def _tell(report: Report) -> None:
    from mock_server.compare.report import sentences, table

    if report.differs:
        printing.show(table(report))
        click.echo()
    for sentence in sentences(report):
        click.echo(sentence)


def _write(report: Report, json_file: Path | None, junit_file: Path | None) -> None:
    from mock_server.compare.report import as_json, as_junit

    if json_file is not None:
        write("--json", json_file, as_json(report))
    if junit_file is not None:
        write("--junit", junit_file, as_junit(report))


def _compared(given: dict[str, Any], variants: dict[str, str]) -> Report:
    from mock_server.client import ControlRefused, NoServer
    from mock_server.compare.comparison import compare, explanations, open_comparison_sandbox
    from mock_server.compare.report import Report
    from mock_server.compare.selection import select_scenarios

    dialect = given["dialect"]
    scenarios = select_scenarios(dialect, allow_writes=given["allow_writes"])
    theirs = _theirs(given)
    try:
        with _sandbox(given) as ours:
            with open_comparison_sandbox(ours, variants) as here:
                progress = printing.tracked(compare(scenarios, theirs, here, dialect), len(scenarios))
                found = list(progress)
            explained = list(explanations(found, ours, dialect, variants))
    except (ControlRefused, NoServer) as refused:
        raise CannotCompare(str(refused)) from None
    return Report(base_url=theirs.base_url, dialect=dialect, scenarios=found, explanations=explained)


def _theirs(given: dict[str, Any]) -> Target:
    """The other environment, where the user has an account; be it a sandbox, it is treated as none."""
    from mock_server.scenarios.http_client import new_session
    from mock_server.scenarios.target import LoginFailed, NoTarget, TokenCache, find_target

    who = {name: given[name] for name in ("auth_url", "username", "password", "dialect")}
    try:
        target = replace(find_target(given["base_url"], **who), sandbox_server=None)
        with new_session(target.base_url) as session:
            logins = TokenCache(target, None, session)
            logins.first_account(logins.user)
    except (LoginFailed, NoTarget) as problem:
        raise CannotCompare(str(problem)) from None
    return target


@contextmanager
def _sandbox(given: dict[str, Any]) -> Iterator[Target]:
    """The server that was named, or one that runs meanwhile; it speaks the dialect."""
    from mock_server.cli.own_server import NotStarted, own_server
    from mock_server.scenarios.target import NoTarget, find_target

    try:
        if given["sandbox_url"] is None:
            with own_server("--import-duration", "0") as url:
                yield find_target(f"{url}/{given['dialect']}")
            return
        url = given["sandbox_url"].rstrip("/").removesuffix(API_PATH)
        target = find_target(f"{url}/{given['dialect']}", control_token=given["control_token"])
    except (NoTarget, NotStarted) as problem:
        raise CannotCompare(str(problem)) from None
    if target.sandbox_server is None:
        raise CannotCompare(f"--sandbox-url {given['sandbox_url']}: that is no sandbox")
    yield target
