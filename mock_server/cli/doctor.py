"""`mock-server doctor`: what is the matter, in lines that a bug report can carry."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mock_server.cli.findings import Finding
    from mock_server.settings import Settings

_USER, _PASSWORD = "api@example.com", "demo"
_COLOURS = {"ok": "green", "note": "yellow", "wrong": "red"}


@click.command(short_help="Say what is the matter, and what to do.")
@click.option(
    "--base-url", metavar="URL", help="Examine the server that runs there; left out, one is started for it."
)
@click.option("--username", default=_USER, show_default=True, help="Who logs in there.")
@click.option(
    "--password",
    default=_PASSWORD,
    show_default=True,
    envvar="DOSSIERS_PASSWORD",
    show_envvar=True,
    help="Their password.",
)
@click.option(
    "--control-token",
    metavar="TOKEN",
    envvar="MOCK_SERVER_CONTROL_TOKEN",
    show_envvar=True,
    help="What the server asks of control calls.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(
    base_url: str | None, username: str, password: str, control_token: str | None, as_json: bool
) -> None:
    """Examine this machine, its settings and files, and a server from login to search.

    Exit 0 if all is well, else 1. What it prints holds no password and no token.
    """
    from mock_server.cli.findings import without_secrets

    found = [*_found(base_url, username, password, control_token)]
    secrets = [control_token or "", "" if password == _PASSWORD else password]
    shown = without_secrets(found, [*secrets, os.environ.get("MOCK_SERVER_CONTROL_TOKEN", "")])
    (_print_json if as_json else _print)(shown)
    if any(finding.state == "wrong" for finding in shown):
        raise click.exceptions.Exit(1)


def _found(
    base_url: str | None, username: str, password: str, control_token: str | None
) -> Iterator[Finding]:
    from mock_server.cli.environment import read_environment
    from mock_server.cli.examining import of_a_start, of_this_machine
    from mock_server.cli.round_trip import of_server

    yield from of_this_machine()
    if base_url is not None:
        yield from of_server(base_url, username, password, control_token)
        return
    settings, mistakes = read_environment()
    yield from of_a_start(settings, mistakes)
    yield from _of_an_own_server(settings, control_token)


def _of_an_own_server(settings: Settings, control_token: str | None) -> Iterator[Finding]:
    """What a server that this environment configures answers, on a port of its own and without a scenario."""
    from mock_server.cli.findings import Finding
    from mock_server.cli.own_server import NotStarted, own_server
    from mock_server.cli.round_trip import of_server

    username, password = _somebody(settings)
    try:
        with own_server(configured=True) as url:
            yield from of_server(url, username, password, control_token)
    except NotStarted as why:
        told = " ".join(str(why).partition("Error: ")[2].split()) or str(why)
        yield Finding("server", "wrong", f"a server of its own did not start: {told}", "see the lines above")


def _somebody(settings: Settings) -> tuple[str, str]:
    """A user whom the server lets in, by name and password: one of the fixture, where it declares any."""
    from mock_server.clock import real_now
    from mock_server.fixtures import FileError, load_fixture

    try:
        fixture = load_fixture(settings.fixture, real_now().date(), settings.fixtures_dir)
    except FileError:
        return _USER, _PASSWORD
    declared = {user.username: user.password for user in fixture.source.recipe.users}
    return next(iter(declared.items()), (_USER, _PASSWORD))


def _print(findings: list[Finding]) -> None:
    for finding in findings:
        state = click.style(f"{finding.state:<6}", _COLOURS[finding.state])
        click.echo(f"{state}{finding.about:<11}{finding.found}")
        if finding.remedy:
            click.echo(f"{'':<17}-> {finding.remedy}")
    wrong = sum(finding.state == "wrong" for finding in findings)
    click.echo(f"\n{f'{wrong} wrong: see above' if wrong else 'all is well'}")


def _print_json(findings: list[Finding]) -> None:
    healthy = not any(finding.state == "wrong" for finding in findings)
    report = {"healthy": healthy, "findings": [asdict(finding) for finding in findings]}
    click.echo(json.dumps(report, indent=2, ensure_ascii=False))
