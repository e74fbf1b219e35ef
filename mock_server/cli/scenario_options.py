"""What the commands on scenarios share: folders of one's own, and trying out what a scenario gives."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mock_server.fixtures import Fixture
    from mock_server.scenarios.script import Scenario

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


def trial(fixtures_dir: Path | None) -> Callable[[Scenario], object]:
    """What sets a scenario up on its fixture, and raises Mistake where that cannot be."""
    from mock_server.clock import real_now
    from mock_server.fixtures import load_fixture
    from mock_server.scenarios.staging import staged
    from mock_server.settings import Settings

    now = real_now()

    @cache
    def named(name: str) -> Fixture:
        return load_fixture(name, now.date(), fixtures_dir)

    return partial(staged, fixture=named(Settings().fixture), named=named, now=now)
