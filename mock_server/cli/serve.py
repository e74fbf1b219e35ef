"""`mock-server serve`: read the settings from options and environment, and start the server."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import chain
from socket import socket
from threading import Timer
from typing import TYPE_CHECKING, Any, cast

import click

from mock_server.cli.logs import JsonFormatter, LogHandler, LogWriter
from mock_server.cli.options import server_options
from mock_server.cli.output import discard_output, end_command_at
from mock_server.domain.names import proposal
from mock_server.server_process import READY, ChildProcess
from mock_server.settings import CONTROL_PREFIX, DASHBOARD_PATH, SETTINGS, Setting, Settings

if TYPE_CHECKING:
    from mock_server.auth.certificates import Tls
    from mock_server.sandbox.replicas import SharedSandboxes
    from mock_server.sandbox.sandboxes import Sandboxes
    from mock_server.server import Background, Service
    from mock_server.web.pipeline import Application
    from mock_server.web.services import Services

_logger = logging.getLogger("mock_server")
_CONTROL_DELAY_SECONDS = 0.5
"""When the control API is imported after the start: the first clients have logged in by then."""


def _child_process(ctx: click.Context, _: click.Parameter, is_child: bool) -> ChildProcess | None:
    """Connect to the parent, if this server is the child of a command or of the pytest plugin."""
    return ChildProcess() if is_child and not ctx.resilient_parsing else None


@click.command()
@click.option("--child", is_flag=True, hidden=True, is_eager=True, callback=_child_process)
@server_options
def serve(child: ChildProcess | None, **given: Any) -> None:
    """Serve the API until SIGTERM or SIGINT."""
    settings, errors = read_settings(given)
    if errors:
        raise click.UsageError(errors[0])
    writer = _configure_log(settings)
    links = click.get_current_context().find_root().obj
    if links:
        _logger.info("ignored: %s, set for services of that name", ", ".join(sorted(links)))
    gc.disable()  # modules and the fixture are no garbage
    from mock_server import server  # the other commands need no Flask
    from mock_server.web import services

    listener, app = _start(settings)
    shared = services.of(app)
    ready = _ready_line(server.base_url(listener, "https" if shared.tls else "http"), shared.tls)
    with closing(writer), closing(shared.sandboxes):
        gc.freeze()  # they stay until the process ends
        gc.enable()
        _load_control_soon(app)
        server.serve(
            _service(app, shared, writer),
            listener,
            announce=lambda _: _announce(ready, child, shared.sandboxes),
            background=_background(shared),
        )
        _logger.info("the server has stopped")


def _start(settings: Settings) -> tuple[socket, Application]:
    """Bind the port, and create the app that is served there."""
    from mock_server import server
    from mock_server.app import create_app
    from mock_server.auth.certificates import TlsError
    from mock_server.auth.keys import KeyFileError
    from mock_server.input_errors import FileError
    from mock_server.web.start_check import StartError, check_start

    with end_command_at(server.PortError, FileError, KeyFileError, TlsError, StartError):
        listener = server.bind(settings.host, settings.port)
        app = create_app(settings)
        check_start(app)
    return listener, app


def _load_control_soon(app: Application) -> None:
    """Import the control API in a thread, after the first logins and before most first calls of it."""
    timer = Timer(_CONTROL_DELAY_SECONDS, app.control)
    timer.daemon = True
    timer.start()


def _service(app: Application, shared: Services, writer: LogWriter) -> Service:
    """Return the application with the limits of the settings, for the server."""
    from mock_server.server import Service
    from mock_server.web.access_log import AccessLog

    settings, replicas = shared.settings, _replicas(shared)
    log = AccessLog(writer.write_soon, as_json=settings.log_format == "json")
    return Service(
        wsgi=app.wsgi_app,
        max_body=settings.max_body,
        body_timeout=settings.body_timeout.total_seconds(),
        max_connections=settings.max_connections,
        tls=None if shared.tls is None else shared.tls.context,
        # Not with replicas: `reads_body` looks up the caller's sandbox, which may be in the engine only.
        reads_body=app.reads_body if replicas is None else None,
        answer=None if replicas is None else partial(replicas.answer, app.wsgi_app),
        log=log.add if settings.log_level in {"debug", "info"} else None,
    )


def _background(shared: Services) -> Background:
    """Return the task that runs on the server's event loop, or None.

    It follows the changes of other replicas, or those of scenario files.
    """
    replicas, settings = _replicas(shared), shared.settings
    if replicas is not None:
        return replicas.run
    if not settings.watch:
        return None
    from mock_server.watching import Watch

    return Watch(shared.sandboxes, shared.find_fixture, settings.scenarios_dir, settings.clock).run


def _replicas(shared: Services) -> SharedSandboxes | None:
    """Return the sandboxes if other replicas share them, else None."""
    return cast("SharedSandboxes", shared.sandboxes) if shared.sandboxes.is_shared else None


def given_variables() -> dict[str, str]:
    """Return the variables of settings that are set, in the order of the table."""
    return {row.variable: os.environ[row.variable] for row in SETTINGS if _is_given(row)}


def unknown_variables() -> Iterator[str]:
    """Yield a sentence for each variable that begins with MOCK_SERVER_ and belongs to no setting."""
    variables = [setting.variable for setting in SETTINGS]
    for name in sorted(os.environ):
        if name.startswith("MOCK_SERVER_") and name not in variables:
            yield f"there is no variable {name}; {proposal(name, variables, str)}"


def read_settings(options: Mapping[str, Any]) -> tuple[Settings, list[str]]:
    """Return the settings, and a sentence for each wrong variable.

    A setting has the value of its option, else of its environment variable, else its default.
    """
    chosen: dict[str, Any] = {}
    errors = list(unknown_variables())
    for row in SETTINGS:
        value = options.get(row.name)
        if row.is_repeatable:
            value = _merge(value)
        try:
            value = _read_variable(row) if value is None else value
        except ValueError as error:
            errors.append(str(error))
        if value is not None:
            chosen[row.name] = value
    return Settings(**chosen), errors


def _read_variable(row: Setting) -> Any:
    """Return the value of a setting in the environment; None if its variable is not set.

    Raises:
        ValueError: the value is wrong; the message names the variable.
    """
    if not _is_given(row):
        return None
    try:
        return row.read(os.environ[row.variable])
    except ValueError as error:
        raise ValueError(f"{row.variable}: {error}") from None


def _is_given(row: Setting) -> bool:
    """Whether the variable is set; an empty one counts as unset, unless it would protect the server."""
    text = os.environ.get(row.variable)
    return text is not None and (text != "" or row.protects)


def _merge(parts: Sequence[Any] | None) -> Any:
    """Return the values of a repeated option as one value; None if the option is not given."""
    if not parts:
        return None
    if isinstance(parts[0], tuple):
        return tuple(chain.from_iterable(parts))
    return {name: choice for part in parts for name, choice in part.items()}


def _ready_line(url: str, tls: Tls | None) -> str:
    """Return the ready line: the URL, the dashboard, and the CA certificate if the server made it."""
    line = f"{READY} {url} (dashboard: {url}{DASHBOARD_PATH})"
    if tls is None or tls.authority is None:
        return line
    return f"{line} (CA certificate: {tls.authority_file or f'{CONTROL_PREFIX}/ca.pem'})"


def _announce(ready: str, child: ChildProcess | None, sandboxes: Sandboxes) -> None:
    """Print the ready line before any line of the log; if it cannot be printed, log it."""
    sandboxes.restore_soon()
    if child is not None:
        child.has_started()
    try:
        click.echo(ready)
    except OSError as error:
        _logger.error("%s; standard output: %s", ready, error.strerror)  # noqa: TRY400
        discard_output()
    _logger.info("the server has started: %s", ready.removeprefix(f"{READY} "))


def _configure_log(settings: Settings) -> LogWriter:
    """Send the log to standard error, and return its writer."""
    writer = LogWriter(2)
    handler = LogHandler(writer)
    as_json = settings.log_format == "json"
    handler.setFormatter(JsonFormatter() if as_json else logging.Formatter("%(message)s"))
    _logger.handlers = [handler]
    _logger.propagate = False
    _logger.setLevel(settings.log_level.upper())
    return writer
