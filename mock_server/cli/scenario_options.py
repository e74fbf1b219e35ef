"""What the commands that play scenarios share: options, and trying out what a scenario gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mock_server.fixtures import Fixture
    from mock_server.scenarios.file_format import Scenario

FOLDER = click.option(
    "--scenarios-dir",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    envvar="MOCK_SERVER_SCENARIOS_DIR",
    show_envvar=True,
    help="A folder of scenarios of your own; its names come before the bundled ones.",
)

FIXTURES = click.option(
    "--fixtures-dir",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    envvar="MOCK_SERVER_FIXTURES_DIR",
    show_envvar=True,
    help="A folder of recipes of your own, for scenarios that name one as their fixture.",
)


AUTH_URL = click.option(
    "--auth-url", metavar="URL", help="The authorisation server.  [default: that of the base URL]"
)

CONTROL_TOKEN = click.option(
    "--control-token",
    metavar="TOKEN",
    envvar="MOCK_SERVER_CONTROL_TOKEN",
    show_envvar=True,
    help="What the sandbox asks of control calls.",
)

VARIANTS = click.option(
    "--variant",
    "chosen",
    multiple=True,
    metavar="NAME=VALUE",
    help="Choose a reading of the API; repeat it for several.",
)


def read_variants(chosen: Sequence[str]) -> dict[str, str]:
    """What `VARIANTS` was given, by name."""
    from mock_server.settings import variants

    try:
        return variants(",".join(chosen))
    except ValueError as mistake:
        raise click.UsageError(f"--variant: {mistake}") from None


def trial(fixtures_dir: Path | None) -> Callable[[Scenario, Path], object]:
    """Return a function that sets up a scenario file on its fixture; it raises InputError."""
    from mock_server.clock import real_now
    from mock_server.fixtures import load_fixture
    from mock_server.scenarios.setup import build_scenario_setup
    from mock_server.settings import Settings

    now = real_now()

    @cache
    def find_fixture(name: str) -> Fixture:
        return load_fixture(name, now.date(), fixtures_dir)

    default = find_fixture(Settings().fixture)

    def set_up(scenario: Scenario, path: Path) -> object:
        return build_scenario_setup(scenario, default, find_fixture, now, folder=path.parent)

    return set_up
