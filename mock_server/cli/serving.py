"""`mock-server serve` and `healthcheck`: the settings table as options, and the server they start."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable
from typing import Any

import click

from mock_server.domain.spelling import nearest
from mock_server.settings import CONTROL_PREFIX, SETTINGS, Setting, Settings, local_url

# What Docker links and Kubernetes set of their own accord where a service is called mock-server.
_LINKED = re.compile(r"MOCK_SERVER_(SERVICE_(HOST|PORT).*|PORT_[0-9]+_.*|ENV_.*|NAME)")

READY = "mock-server ready on"
"""What the one line on stdout begins with; the base URL follows."""


class _Value(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.4
    """A value of the settings table."""

    envvar_list_splitter = ","

    def __init__(self, setting: Setting) -> None:
        self.name = setting.metavar
        self._setting = setting

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self._setting.read(value)
        except ValueError as mistake:
            self.fail(str(mistake), param, ctx)


def options(command: Callable[..., None]) -> Callable[..., None]:
    """Decorate a command with an option per setting."""
    for setting in reversed(SETTINGS):
        shown = f"  [default: {setting.shown_default}]" if setting.shown_default else ""
        option = click.option(
            setting.flag,
            setting.name,
            type=_Value(setting),
            metavar=setting.metavar or None,
            multiple=setting.many,
            is_flag=setting.switch,
            flag_value="true" if setting.switch else None,
            envvar=setting.twin,
            show_envvar=True,
            help=setting.help + shown,
        )
        command = option(command)
    return command


@click.command()
@options
def serve(**given: Any) -> None:
    """Serve the API until SIGTERM or SIGINT."""
    _refuse_unknown_variables()
    settings = _settings(given)
    _log(settings)
    from mock_server import server  # the other commands need no Flask
    from mock_server.app import create_app, scenario_watch
    from mock_server.fixtures import FileMistake
    from mock_server.tokens import KeyMistake

    try:
        bound = server.bind(settings.host, settings.port)
        app = create_app(settings)
    except (server.PortMistake, FileMistake, KeyMistake) as mistake:
        raise click.ClickException(str(mistake)) from None
    ready = f"{READY} {server.base_url(bound)}"
    server.serve(
        app.wsgi_app,
        bound,
        max_body=settings.max_body,
        announce=lambda: click.echo(ready),
        beside=scenario_watch(app).run if settings.watch else None,
    )


@click.command(short_help="Exit 0 if a server is up, else 1.")
@click.option("--url", metavar="URL", help="Base URL of the server; left out, it follows from host and port.")
@click.option(
    "--host", envvar="MOCK_SERVER_HOST", default="127.0.0.1", show_envvar=True, help="Where it listens."
)
@click.option(
    "--port", envvar="MOCK_SERVER_PORT", default="8080", show_envvar=True, help="The port it listens on."
)
def healthcheck(url: str | None, host: str, port: str) -> None:
    """Exit 0 if a server is up and its fixture loaded, else 1; for a container without curl."""
    from http.client import HTTPException
    from urllib.request import ProxyHandler, build_opener

    address = f"{url or local_url(host, port)}{CONTROL_PREFIX}/health"
    try:
        # Without proxies: the server asked for is a local one.
        with build_opener(ProxyHandler({})).open(address, timeout=2) as answer:
            click.echo(answer.read().decode())
    except (OSError, ValueError, HTTPException) as problem:
        raise click.ClickException(f"{address} does not answer: {problem}") from None


def _refuse_unknown_variables() -> None:
    """A misspelt variable would be a setting that silently does not hold."""
    twins = [setting.twin for setting in SETTINGS]
    for name in sorted(os.environ):
        if name.startswith("MOCK_SERVER_") and name not in twins and not _LINKED.fullmatch(name):
            near = nearest(name, twins)
            advice = f"; did you mean {near}?" if near else f"; there are {', '.join(twins)}"
            raise click.UsageError(f"there is no variable {name}{advice}")


def _settings(given: dict[str, Any]) -> Settings:
    """The settings given; several of one are joined, those not given keep the default."""
    chosen: dict[str, Any] = {}
    for setting in SETTINGS:
        value = given[setting.name]
        if setting.many:
            value = {name: choice for part in value for name, choice in part.items()} or None
        if value is not None:
            chosen[setting.name] = value
    return Settings(**chosen)


def _log(settings: Settings) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _JsonFormatter() if settings.log_format == "json" else logging.Formatter("%(message)s")
    )
    logger = logging.getLogger("mock_server")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(settings.log_level.upper())


class _JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        import json

        entry = {"time": self.formatTime(record), "level": record.levelname.lower(), "logger": record.name}
        entry["message"] = record.getMessage()
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)
