"""`mock-server serve`: the settings table as options, and the server that they start."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from mock_server.cli.environment import read_variable, unknown_variables
from mock_server.settings import CONTROL_PREFIX, SETTINGS, Setting, Settings

if TYPE_CHECKING:
    from mock_server.auth.certificates import Tls

READY = "mock-server ready on"
"""What the one line on stdout begins with; the base URL follows."""

_FLAGS = frozenset(setting.flag for setting in SETTINGS)


class _Value(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.4
    """A value of the settings table."""

    def __init__(self, setting: Setting) -> None:
        self.name = setting.metavar
        self._setting = setting

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        if value.partition("=")[0] in _FLAGS:
            self.fail(f"{value.partition('=')[0]} is an option: the value is missing", param, ctx)
        try:
            return self._setting.read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def options(command: Callable[..., None]) -> Callable[..., None]:
    """Decorate a command with an option per setting. The environment is read later, for those not given."""
    for setting in reversed(SETTINGS):
        default = f"  [default: {setting.default}]" if setting.default else ""
        # `flag_value` would make the value of an option optional: a forgotten token would be no token.
        kind: dict[str, Any] = {"is_flag": True, "flag_value": "yes"} if setting.switch else {}
        command = click.option(
            setting.flag,
            setting.name,
            type=_Value(setting),
            metavar=setting.metavar or None,
            multiple=setting.many,
            help=f"{setting.help}{default}  [env var: {setting.variable}]",
            **kind,
        )(command)
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
    from mock_server.auth.certificates import TlsError
    from mock_server.auth.keys import KeyFileError
    from mock_server.fixtures import FileError
    from mock_server.web import services

    try:
        bound = server.bind(settings.host, settings.port)
        app = create_app(settings)
    except (server.PortMistake, FileError, KeyFileError, TlsError) as mistake:
        raise click.ClickException(str(mistake)) from None
    tls = services.of(app).tls
    ready = f"{READY} {server.base_url(bound, 'https' if tls else 'http')}{_to_trust(tls)}"
    server.serve(
        server.Service(app.wsgi_app, max_body=settings.max_body),
        bound,
        announce=lambda: _announce(ready),
        background=scenario_watch(app).run if settings.watch else None,
        tls=None if tls is None else tls.context,
    )


def _to_trust(tls: Tls | None) -> str:
    """What the ready line says of the authority that clients have to trust, when it is our own."""
    if tls is None or tls.authority is None:
        return ""
    return f" (CA certificate: {tls.authority_file or f'{CONTROL_PREFIX}/ca.pem'})"


def _announce(ready: str) -> None:
    """Say it on standard output; a server that cannot is none the worse."""
    try:
        click.echo(ready)
    except OSError as problem:
        logging.getLogger("mock_server").error("%s; standard output: %s", ready, problem.strerror)  # noqa: TRY400


def _refuse_unknown_variables() -> None:
    """A misspelt variable would be a setting that silently does not hold."""
    for mistake in unknown_variables():
        raise click.UsageError(mistake)


def _settings(given: dict[str, Any]) -> Settings:
    """The settings given as options, else in the environment; all others keep the default."""
    chosen: dict[str, Any] = {}
    for setting in SETTINGS:
        value = given[setting.name]
        if setting.many:
            value = {name: choice for part in value for name, choice in part.items()} or None
        try:
            value = read_variable(setting) if value is None else value
        except ValueError as error:
            raise click.UsageError(str(error)) from None
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
