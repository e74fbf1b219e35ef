"""A scenario with the fixture it stands on: what a sandbox begins from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from mock_server.domain.world import World
from mock_server.fixtures import FileError, Fixture
from mock_server.fixtures.errors import InputError
from mock_server.fixtures.values import instant
from mock_server.scenarios.script import Scenario

FixtureNamed = Callable[[str], Fixture]
"""Gives the fixture of a name or path; raises FileError."""


class Stage(Struct, frozen=True, eq=False):
    """A fixture, and the scenario that is played on it, if any, with the file that it comes from."""

    fixture: Fixture
    scenario: Scenario | None = None
    path: Path | None = None

    @property
    def clock(self) -> datetime | None:
        """Where the scenario freezes the clock."""
        at = self.scenario.given.clock if self.scenario else None
        return None if at is None else instant(at, "$.given.clock")

    def world(self, now: datetime) -> World:
        """The world of a sandbox whose first instant is `now`: the fixture's, and over it what is given.

        Raises:
            InputError: what is given does not go with the fixture.
        """
        world = self.fixture.world(now)
        if self.scenario is None:
            return world
        from mock_server.fixtures.placing import laid_over  # most sandboxes are given nothing

        try:
            return laid_over(world, now, self.scenario.given, default_account=self.fixture.default_account)
        except InputError as mistake:
            raise InputError(f"$.given{mistake.path.removeprefix('$')}", str(mistake)) from None


def stage_of(path: Path, fixture: Fixture, named: FixtureNamed, now: datetime) -> Stage:
    """The scenario in a file on its fixture, `fixture` where it names none; tried out as of `now`.

    Raises:
        FileError: the file, its fixture or what it gives is wrong; the message begins with file and line.
    """
    from mock_server.scenarios.reading import placed, read_scenario  # and most servers no scenario

    scenario = read_scenario(path)
    try:
        return replace(staged(scenario, fixture, named, now), path=path.resolve())
    except InputError as mistake:
        raise placed(mistake, path) from None


def staged(scenario: Scenario, fixture: Fixture, named: FixtureNamed, now: datetime) -> Stage:
    """The scenario on its fixture, `fixture` where it names none; tried out as of `now`.

    Raises:
        InputError: there is no such fixture, or what is given does not go with it; the place in the file.
    """
    if scenario.given.fixture is not None:
        try:
            fixture = named(scenario.given.fixture)
        except FileError as mistake:
            raise InputError("$.given.fixture", str(mistake)) from None
    stage = Stage(fixture, scenario)
    stage.world(stage.clock or now)
    return stage
