"""`mock-server doctor`: check this machine, the settings and a server, in lines for a bug report."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

import click

from mock_server import __version__
from mock_server.cli.options import CONTROL_TOKEN, password_option, username_option
from mock_server.cli.output import write_utf8
from mock_server.cli.serve import given_variables, read_settings
from mock_server.clock import real_now, real_seconds
from mock_server.domain.names import counted
from mock_server.domain.operations import API_PATH
from mock_server.input_errors import FileError
from mock_server.pages import CLOCKS, COMMANDS, PROXY, WHO_MAY, command
from mock_server.settings import Settings, local_url

if TYPE_CHECKING:
    import requests

    from mock_server.client import Sandbox
    from mock_server.client.login import Tokens
    from mock_server.scenarios.target import Target

_USERNAME, _PASSWORD = "api@example.com", "demo"
_COLOURS = {"ok": "green", "note": "yellow", "wrong": "red"}
_LIBRARIES = ("flask", "httptools", "msgspec", "immutables", "pyjwt", "click")
_ADDRESS = ("MOCK_SERVER_HOST", "MOCK_SERVER_PORT")
_PROXIES = ("http_proxy", "all_proxy")
_MIN_YEAR = 2026
"""An earlier year means that the clock of the machine is wrong."""
_TIMEOUT = 10.0
"""Seconds for the search."""
_MAX_CLOCK_DIFFERENCE = 30
"""Seconds. Two clocks that differ by more make tokens invalid."""
_CREDENTIALS_IN_URL = re.compile(r"(?<=://)[^/@\s]+(?=@)")


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check: what was checked, its state, details, and what to do if something is wrong.

    The names of the members are those of `doctor --json`.
    """

    about: str
    state: Literal["ok", "note", "wrong"]
    found: str
    remedy: str = ""


@click.command(short_help="Find out why the sandbox does not work.")
@click.option("--base-url", metavar="URL", help="The server to check.  [default: start one for the check]")
@username_option(default=_USERNAME)
@password_option(default=_PASSWORD)
@CONTROL_TOKEN
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(
    base_url: str | None, username: str, password: str, control_token: str | None, as_json: bool
) -> None:
    """Check this machine, its settings and files, and a server from login to search.

    Exit 1 if something is wrong. The output contains no password and no token.
    """
    findings = [*_findings(base_url, username, password, control_token)]
    secrets = [control_token, "" if password == _PASSWORD else password]
    secrets += [os.environ.get(f"MOCK_SERVER_{name}") for name in ("CONTROL_TOKEN", "STATE_PASSWORD")]
    masked = _mask_secrets(findings, secrets)
    (_print_json if as_json else _print)(masked)
    if any(finding.state == "wrong" for finding in masked):
        raise click.exceptions.Exit(1)


def _see_page(about: str) -> str:
    """Return the end of a remedy: the command that prints the page about a command."""
    return f"see `{command(COMMANDS[about])}`"


def _findings(
    base_url: str | None, username: str, password: str, control_token: str | None
) -> Iterator[Finding]:
    yield from _check_machine()
    if base_url is not None:
        yield from _check_server(base_url, username, password, control_token)
        return
    settings, errors = read_settings({})
    yield from _check_settings(errors)
    if not any(error.startswith(_ADDRESS) for error in errors):  # with one, the address is the default
        yield _check_port(settings)
    fixture, login = _check_fixture(settings)
    yield fixture
    yield from _check_scenarios(settings)
    yield from _check_own_server(*login, control_token)


def _mask_secrets(findings: Iterable[Finding], secrets: Iterable[str | None]) -> list[Finding]:
    """Return the findings with `***` for each secret, and for credentials in URLs."""
    given_secrets = [secret for secret in secrets if secret]

    def mask(text: str) -> str:
        for secret in given_secrets:
            text = text.replace(secret, "***")
        return _CREDENTIALS_IN_URL.sub("***", text)

    return [replace(finding, found=mask(finding.found), remedy=mask(finding.remedy)) for finding in findings]


def _print(findings: list[Finding]) -> None:
    for finding in findings:
        state = click.style(f"{finding.state:<6}", _COLOURS[finding.state])
        click.echo(f"{state}{finding.about:<11}{finding.found}")
        if finding.remedy:
            click.echo(f"{'':<17}-> {finding.remedy}")
    wrong, notes = (sum(finding.state == state for finding in findings) for state in ("wrong", "note"))
    verdict = f"nothing is wrong, {counted(notes, 'note')}: see above" if notes else "everything is ok"
    click.echo(f"\n{f'{wrong} wrong: see above' if wrong else verdict}")


def _print_json(findings: list[Finding]) -> None:
    healthy = not any(finding.state == "wrong" for finding in findings)
    report = {"healthy": healthy, "findings": [asdict(finding) for finding in findings]}
    write_utf8(json.dumps(report, indent=2, ensure_ascii=False))


# This machine.


def _check_machine() -> Iterator[Finding]:
    yield Finding("version", "ok", f"mock-server {__version__}")
    yield Finding("Python", "ok", f"{platform.python_implementation()} {platform.python_version()}")
    yield Finding("platform", "ok", platform.platform())
    yield Finding("libraries", "ok", ", ".join(f"{name} {version(name)}" for name in _LIBRARIES))
    yield _check_clock()
    yield _check_proxy()


def _check_clock() -> Finding:
    now = real_now()
    text = now.isoformat(timespec="seconds")
    if now.year < _MIN_YEAR:
        remedy = f"set this machine's clock: tokens need it; see `{command(CLOCKS)}`"
        return Finding("clock", "wrong", text, remedy)
    return Finding("clock", "ok", text)


def _check_proxy() -> Finding:
    """Check the variables that make a client send calls for a local sandbox to a proxy."""
    variables = [name for name in (*_PROXIES, *map(str.upper, _PROXIES)) if os.environ.get(name)]
    excluded = f"{os.environ.get('no_proxy', '')},{os.environ.get('NO_PROXY', '')}"
    if not variables:
        return Finding("proxy", "ok", "none in the environment")
    text = ", ".join(f"{name}={os.environ[name]}" for name in variables)
    if "*" in excluded or {"127.0.0.1", "localhost"} <= {name.strip() for name in excluded.split(",")}:
        return Finding("proxy", "ok", f"{text}; not used for this machine")
    remedy = "set NO_PROXY=127.0.0.1,localhost, or the client sends its calls to the proxy"
    return Finding("proxy", "note", text, f"{remedy}; see `{command(PROXY)}`")


# The start of a server that the environment configures.


def _check_settings(errors: list[str]) -> Iterator[Finding]:
    variables = ", ".join(f"{name}={value}" for name, value in given_variables().items())
    if variables or not errors:
        state: Literal["ok", "note"] = "note" if errors else "ok"
        yield Finding("settings", state, variables or "none in the environment: the defaults")
    for error in errors:
        remedy = f"correct or unset the variable; {_see_page('serve')}"
        yield Finding("settings", "wrong", error, remedy)


def _check_port(settings: Settings) -> Finding:
    from mock_server import server

    try:
        server.bind(settings.host, settings.port).close()
    except server.PortError as error:
        url = local_url(settings.host, settings.port)
        if _is_sandbox(url):
            remedy = f"check it with mock-server doctor --base-url {url}"
            return Finding("port", "note", f"{error}: a mock-server runs there", remedy)
        remedy = f"use another port: --port 0 picks a free one; {_see_page('serve')}"
        return Finding("port", "wrong", str(error), remedy)
    port = f"port {settings.port}: free" if settings.port else "a port picked at the start"
    return Finding("port", "ok", f"{settings.host}, {port}")


def _is_sandbox(url: str) -> bool:
    from mock_server.scenarios.target import NoTarget, find_target

    try:
        return find_target(url).sandbox_server is not None
    except NoTarget:
        return False


def _check_fixture(settings: Settings) -> tuple[Finding, tuple[str, str]]:
    """Check the fixture; also return name and password of its first declared user, or the default ones."""
    from mock_server.fixtures.fixture import load_fixture

    now, default = real_now(), (_USERNAME, _PASSWORD)
    try:
        fixture = load_fixture(settings.fixture, now.date(), settings.fixtures_dir)
        world = fixture.world(now)
    except FileError as error:
        remedy = f"correct the file; {_see_page('fixtures')}"
        return Finding("fixture", "wrong", str(error), remedy), default
    accounts, dossiers = counted(len(world.portfolios), "account"), counted(world.dossier_count, "dossier")
    text = f"{settings.fixture}: {accounts}, {dossiers}"
    declared = {name: user.password for name, user in fixture.admission.logins.items()}
    return Finding("fixture", "ok", text), next(iter(declared.items()), default)


def _check_scenarios(settings: Settings) -> Iterator[Finding]:
    """Check all scenarios, and the one that every sandbox starts with."""
    from mock_server.cli.scenarios import scenario_check
    from mock_server.scenarios.files import check_files, find_scenario, scenario_files

    files, errors = scenario_files(settings.scenarios_dir), []
    try:
        if settings.scenario:
            files.append(find_scenario(settings.scenario, settings.scenarios_dir))
    except FileError as error:
        errors.append(error)
    files = [*dict.fromkeys(files)]
    try:
        errors += check_files(files, scenario_check(settings.fixtures_dir))
    except FileError as error:  # in the recipe with which the files are checked
        errors.append(error)
    if not errors:
        start = f"; every sandbox starts with {settings.scenario}" if settings.scenario else ""
        yield Finding("scenarios", "ok", f"{len(files)} checked, no errors{start}")
    for file_error in errors:
        remedy = f"correct the file; {_see_page('scenarios')}"
        yield Finding("scenarios", "wrong", str(file_error), remedy)


def _check_own_server(username: str, password: str, control_token: str | None) -> Iterator[Finding]:
    """Start a server with this environment, on a free port and without a scenario, and check it."""
    from mock_server.cli.own_server import NotStarted, own_server

    try:
        with own_server(configured=True) as url:
            yield from _check_server(url, username, password, control_token)
    except NotStarted as error:
        reason = " ".join(str(error).partition("Error: ")[2].partition("\nSee: ")[0].split()) or str(error)
        yield Finding("server", "wrong", f"a server for the check did not start: {reason}", "see above")


# A server: health, token, search, a control call. The checks use a sandbox that they delete afterwards.


def _check_server(
    base_url: str, username: str, password: str, control_token: str | None
) -> Iterator[Finding]:
    from secrets import token_hex

    from mock_server.client import ControlRefused
    from mock_server.scenarios.http_client import new_session
    from mock_server.scenarios.target import NoTarget, find_target

    try:
        target = find_target(base_url, username=username, password=password, control_token=control_token)
    except NoTarget as error:
        yield Finding(
            "server", "wrong", str(error), f"start it, or correct the URL; {_see_page('healthcheck')}"
        )
        return
    if target.sandbox_server is None:
        remedy = f"give the base URL of a mock-server; {_see_page('healthcheck')}"
        yield Finding("server", "wrong", f"the server at {target.base_url} is not a mock-server", remedy)
        return
    with new_session(target.base_url) as session:
        sandbox = target.sandbox(f"doctor-{token_hex(4)}")
        yield _check_health(sandbox)
        yield from _check_calls(target, sandbox, session)
        yield _check_control(sandbox)
        with suppress(ControlRefused):
            sandbox.drop()


def _check_health(sandbox: Sandbox) -> Finding:
    health = sandbox.call("GET", "/health")
    text = f"up: version {health['version']}, fixture {health['fixture']}, dialect {health['dialect']}"
    if health["version"] != __version__:
        remedy = f"this command has version {__version__}: update the older of the two"
        return Finding("server", "note", text, remedy)
    return Finding("server", "ok", text)


def _check_calls(target: Target, sandbox: Sandbox, session: requests.Session) -> Iterator[Finding]:
    from mock_server.scenarios.target import LoginFailed, TokenCache

    logins = TokenCache(target, sandbox, session)
    try:
        tokens = logins.tokens(logins.user)
    except LoginFailed as error:
        remedy = "give a user of the fixture: --username and --password; or start the server with --auth any"
        yield Finding("token", "wrong", str(error), remedy)
        return
    yield _check_token(tokens, target)
    yield _check_search(tokens, target, session)


def _check_token(tokens: Tokens, target: Target) -> Finding:
    """Check a token, and the difference between the clocks of the server and of this machine."""
    import jwt

    claims = jwt.decode(tokens.access, options={"verify_signature": False})
    seconds = round(claims["iat"] - real_seconds())
    if abs(seconds) > _MAX_CLOCK_DIFFERENCE:
        difference = f"the server's clock is {abs(seconds)} s {'fast' if seconds > 0 else 'slow'}"
        return Finding(
            "token", "wrong", difference, f"set the clocks of both machines; see `{command(CLOCKS)}`"
        )
    accounts = ", ".join(map(str, tokens.account_ids))
    return Finding("token", "ok", f"issued by {claims['iss']} to {target.username} for {accounts}")


def _check_search(tokens: Tokens, target: Target, session: requests.Session) -> Finding:
    from mock_server.scenarios.http_client import HttpRequest, HttpResponse, send

    account = next(iter(tokens.account_ids), 0)
    request = HttpRequest(
        method="GET",
        url=f"{target.base_url}{API_PATH}/account/{account}/dossiers",
        query=(("pageSize", "1"),),
        headers={"Authorization": f"Bearer {tokens.access}"},
    )
    outcome = send(session, request, _TIMEOUT)
    remedy = f"look for the reason in the server's log; {_see_page('healthcheck')}"
    if not isinstance(outcome, HttpResponse):
        return Finding("search", "wrong", f"{request}: {outcome.problem}", remedy)
    if outcome.status in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
        milliseconds = outcome.took.total_seconds() * 1000
        return Finding("search", "ok", f"{request}: {outcome.status} in {milliseconds:.0f} ms")
    rule = outcome.headers.get("x-mock-rule")
    if rule is not None:
        remedy = f"the rule {rule!r} changes the answer: stop its scenario with DELETE /__admin/scenario"
    return Finding("search", "wrong", f"{request}: {outcome.status}, {outcome.text[:200]}", remedy)


def _check_control(sandbox: Sandbox) -> Finding:
    from mock_server.client import ControlRefused

    try:
        sandbox.call("GET", "/clock")
    except ControlRefused as error:
        remedy = f"give --control-token, or start the server with --control-open; see `{command(WHO_MAY)}`"
        return Finding("control", "note", str(error), remedy)
    return Finding("control", "ok", "the server accepts control calls from this machine")
