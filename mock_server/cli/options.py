"""Options that several commands share, and the settings of a server as options."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from mock_server.cli.output import end_command_at
from mock_server.domain.operations import DIALECTS
from mock_server.settings import SETTINGS, Setting, Settings, local_url
from mock_server.values import variants

if TYPE_CHECKING:
    from mock_server.client import Sandbox

Option = Callable[[Any], Any]
"""Decorates a command with an option."""

_FLAGS = frozenset(setting.flag for setting in SETTINGS)


class SettingValue(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.4
    """A value of a setting."""

    def __init__(self, setting: Setting) -> None:
        self.name = setting.metavar
        self._setting = setting

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the value; an error is a sentence about the option."""
        if not isinstance(value, str):
            return value
        if value.partition("=")[0] in _FLAGS:
            self.fail(f"{value.partition('=')[0]} is an option: the value is missing", param, ctx)
        try:
            return self._setting.read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def server_options(command: Callable[..., None]) -> Callable[..., None]:
    """Decorate a command with an option per setting. The environment is read later, for those not given."""
    for setting in reversed(SETTINGS):
        default = f"  [default: {setting.default}]" if setting.default else ""
        # `flag_value` would make the value of an option optional: a forgotten token would be no token.
        kind: dict[str, Any] = {"is_flag": True, "flag_value": "yes"} if setting.is_switch else {}
        command = click.option(
            setting.flag,
            setting.name,
            type=SettingValue(setting),
            metavar=setting.metavar or None,
            multiple=setting.is_repeatable,
            help=f"{setting.help}{default}  [env var: {setting.variable}]",
            **kind,
        )(command)
    return command


def setting_option(name: str, text: str) -> Option:
    """Return an option with name, values, default and variable of a setting, for another command."""
    setting = next(row for row in SETTINGS if row.name == name)
    default = getattr(Settings(), name)
    return click.option(
        setting.flag,
        name,
        type=SettingValue(setting),
        metavar=setting.metavar,
        default=default,
        show_default=default is not None,
        envvar=setting.variable,
        show_envvar=True,
        help=text,
    )


def username_option(*, default: str | None = None) -> Option:
    """Return the option for the user who logs in; required without a default."""
    return click.option("--username", **_required_without(default), help="The user name for the login.")


def password_option(*, default: str | None = None) -> Option:
    """Return the option for the password of the user; required without a default."""
    return click.option(
        "--password",
        **_required_without(default),
        envvar="DOSSIERS_PASSWORD",
        show_envvar=True,
        help="The password of that user.",
    )


def _required_without(default: str | None) -> dict[str, Any]:
    """Return `required` or `default`: click does not require an option with a default, even if it is None."""
    return {"required": True} if default is None else {"default": default, "show_default": True}


def dialect_option(**options: Any) -> Option:
    """Return the option for the dialect of another server."""
    return click.option(
        "--dialect", type=click.Choice(DIALECTS), **{"help": "The dialect of that server."} | options
    )


SCENARIOS_DIR = setting_option("scenarios_dir", "A folder with your own scenarios; its names come first.")
FIXTURES_DIR = setting_option("fixtures_dir", "A folder with your own recipes; its names come first.")
CONTROL_TOKEN = setting_option("control_token", "The control token of the server.")
SANDBOX_URL = click.option(
    "--base-url",
    metavar="URL",
    default=local_url(Settings().host, Settings().port),
    show_default=True,
    help="The running server.",
)
SANDBOX = click.option("--sandbox", metavar="NAME", default="default", show_default=True, help="The sandbox.")
AUTH_URL = click.option(
    "--auth-url", metavar="URL", help="The authorisation server.  [default: that of the base URL]"
)
VARIANTS = click.option(
    "--variant",
    "chosen",
    multiple=True,
    metavar="NAME=VALUE",
    help="Choose a reading of the API; repeat it for several.",
)


def read_variants(chosen: Sequence[str]) -> dict[str, str]:
    """Return the variants of the option `--variant`, by name; a wrong one ends the command."""
    with end_command_at(ValueError, prefix="--variant: ", error=click.UsageError):
        return variants(",".join(chosen))


@contextmanager
def sandbox_client(base_url: str, name: str, control_token: str | None) -> Iterator[Sandbox]:
    """Yield the client of a sandbox; an exception of it ends the command with its message."""
    from mock_server.client import ControlRefused, NoServer, Sandbox

    with end_command_at(ControlRefused, NoServer, ValueError):
        yield Sandbox(base_url, name, control_token=control_token)
