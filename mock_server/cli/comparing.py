"""`mock-server compare`: what another environment answers otherwise than this sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from mock_server.comparing.comparison import Compared
    from mock_server.scenarios.target import Target

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Tell what another environment answers otherwise.")
@click.option("--base-url", metavar="URL", required=True, help="The other environment.")
@click.option("--auth-url", metavar="URL", help="Its authorisation server.  [default: that of the base URL]")
@click.option("--username", required=True, help="Who logs in there.")
@click.option(
    "--password", required=True, envvar="DOSSIERS_PASSWORD", show_envvar=True, help="Their password."
)
@click.option(
    "--dialect",
    type=click.Choice(["rest", "edge"]),
    default="rest",
    show_default=True,
    help="Which of the two published shapes of the API it speaks.",
)
@click.option("--allow-writes", is_flag=True, help="Also play scenarios, which change dossiers there.")
@click.option("--json", "json_file", metavar="FILE", type=_FILE, help="Write the results there as JSON.")
@click.option("--junit", "junit_file", metavar="FILE", type=_FILE, help="Write them there as JUnit XML.")
def compare(json_file: Path | None, junit_file: Path | None, **given: Any) -> None:
    """Compare another environment with this sandbox: status, shape and error codes, not values.

    Exit 1 if anything differs. Nothing but GET and the token request is sent there without --allow-writes.
    """
    from mock_server.comparing.reporting import as_json, as_junit, lines

    for path in (json_file, junit_file):
        if path is not None and not path.parent.is_dir():
            raise click.UsageError(f"{path}: there is no folder {path.parent}")
    results = _compared(given)
    for line in lines(results):
        click.echo(line)
    _write(json_file, as_json(results))
    _write(junit_file, as_junit(results))
    if any(result.divergences for result in results):
        raise click.exceptions.Exit(1)


def _write(path: Path | None, content: bytes) -> None:
    try:
        if path is not None:
            path.write_bytes(content)
    except OSError as problem:
        raise click.ClickException(f"{path}: {problem.strerror or problem}") from None


def _compared(given: dict[str, Any]) -> list[Compared]:
    from mock_server.cli.own_server import NotStarted, own_server
    from mock_server.scenarios.logins import LoginFailed
    from mock_server.scenarios.target import API_PATH, Target

    base = given["base_url"].rstrip("/").removesuffix(API_PATH)
    theirs = Target(
        base_url=base,
        auth_url=(given["auth_url"] or base).rstrip("/"),
        username=given["username"],
        password=given["password"],
    )
    try:
        with own_server("--dialect", given["dialect"]) as url:
            ours = Target(base_url=url, auth_url=url)
            return list(_both(theirs, ours, given["dialect"], allow_writes=given["allow_writes"]))
    except (LoginFailed, NotStarted) as problem:
        raise click.ClickException(str(problem)) from None


def _both(theirs: Target, ours: Target, dialect: str, *, allow_writes: bool) -> Iterator[Compared]:
    from mock_server.comparing.comparison import compare_reading, compare_writing
    from mock_server.scenarios.reading import read_scenario, scenario_files

    yield from compare_reading(theirs, ours, dialect)
    if allow_writes:
        yield from compare_writing(
            theirs, ours, dialect, [read_scenario(path) for path in scenario_files(None)]
        )
