"""`mock-server compare`: report differences between another environment and a sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from mock_server.cli import options, output

if TYPE_CHECKING:
    from mock_server.compare.report import Report
    from mock_server.scenarios.target import Target


class CannotCompare(click.ClickException):
    """One side does not answer or rejects the login: exit 2, because 1 means a difference."""

    exit_code = 2


@click.command(short_help="Compare another environment with a sandbox.")
@click.option("--base-url", metavar="URL", required=True, help="The other environment.")
@options.AUTH_URL
@options.username_option()
@options.password_option()
@options.dialect_option(default="rest", show_default=True)
@click.option(
    "--allow-writes", is_flag=True, help="Also run scenarios that import, change and stop dossiers there."
)
@click.option("--sandbox-url", metavar="URL", help="The sandbox.  [default: start one for the comparison]")
@options.CONTROL_TOKEN
@options.VARIANTS
@output.report_option("--json", "json_file", "JSON")
@output.report_option("--junit", "junit_file", "JUnit XML")
def compare(json_file: Path | None, junit_file: Path | None, chosen: Sequence[str], **arguments: Any) -> None:
    """Compare another environment with a sandbox: status, shape and effects of rules, not values.

    Exit 1 if anything differs, 2 if the comparison was not possible. Without --allow-writes, only GET and
    token requests are sent there.
    """
    from mock_server.compare.report import as_json, as_junit, sentences, table

    output.need_folder("--json", json_file)
    output.need_folder("--junit", junit_file)
    report = _compare(arguments, options.read_variants(chosen))
    if report.differs:
        output.show(table(report))
        click.echo()
    for sentence in sentences(report):
        click.echo(sentence)
    if json_file is not None:
        output.write_report("--json", json_file, as_json(report))
    if junit_file is not None:
        output.write_report("--junit", junit_file, as_junit(report))
    if report.differs:
        raise click.exceptions.Exit(1)


def _compare(arguments: dict[str, Any], variants: dict[str, str]) -> Report:
    from mock_server.client import ControlRefused, NoServer
    from mock_server.compare import comparison
    from mock_server.compare.report import Report

    dialect = arguments["dialect"]
    scenarios = comparison.select_scenarios(dialect, allow_writes=arguments["allow_writes"])
    other = _other_environment(arguments)
    with (
        output.end_command_at(ControlRefused, NoServer, error=CannotCompare),
        _open_sandbox_target(arguments) as ours,
    ):
        with comparison.open_comparison_sandbox(ours, variants) as here:
            progress = output.with_progress(comparison.compare(scenarios, other, here), len(scenarios))
            comparisons = list(progress)
        explanations = list(comparison.explanations(comparisons, ours, variants))
    return Report(base_url=other.base_url, dialect=dialect, scenarios=comparisons, explanations=explanations)


def _other_environment(arguments: dict[str, Any]) -> Target:
    """Return the other environment, after a login there. If it is a sandbox, it gets no control calls."""
    from mock_server.scenarios.http_client import new_session
    from mock_server.scenarios.target import LoginFailed, NoTarget, TokenCache, find_target

    login = {name: arguments[name] for name in ("auth_url", "username", "password", "dialect")}
    with output.end_command_at(LoginFailed, NoTarget, error=CannotCompare):
        target = replace(find_target(arguments["base_url"], **login), sandbox_server=None)
        with new_session(target.base_url) as session:
            logins = TokenCache(target, None, session)
            logins.first_account(logins.user)
    return target


@contextmanager
def _open_sandbox_target(arguments: dict[str, Any]) -> Iterator[Target]:
    """Yield the sandbox of `--sandbox-url`, or a server that is started for the comparison."""
    from mock_server.cli.own_server import NotStarted, open_target
    from mock_server.scenarios.target import NoTarget

    url = arguments["sandbox_url"]
    sandbox_options = {name: arguments[name] for name in ("dialect", "control_token")}
    with (
        output.end_command_at(NoTarget, NotStarted, error=CannotCompare),
        open_target(url, "--import-duration", "0", **sandbox_options) as target,
    ):
        if target.sandbox_server is None:
            raise CannotCompare(f"--sandbox-url {url}: that is not a sandbox")
        yield target
