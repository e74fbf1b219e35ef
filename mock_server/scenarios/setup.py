"""A scenario with its fixture: what a sandbox starts from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from mock_server.domain.world import World
from mock_server.fixtures import FileError, Fixture
from mock_server.fixtures.build import parse_instant
from mock_server.fixtures.errors import InputError
from mock_server.scenarios.script import Scenario

FixtureFinder = Callable[[str], Fixture]
"""Return the fixture of a name or path. Raises FileError."""


class ScenarioSetup(Struct, frozen=True, eq=False):
    """A fixture and, if any, the scenario that plays on it, with its file."""

    fixture: Fixture
    scenario: Scenario | None = None
    path: Path | None = None

    @property
    def clock(self) -> datetime | None:
        """The parse_instant at which the scenario freezes the clock, or None."""
        at = self.scenario.given.clock if self.scenario else None
        return None if at is None else parse_instant(at, "$.given.clock")

    def world(self, now: datetime) -> World:
        """Build the content of a sandbox that starts at `now`: the fixture, then the scenario's entries.

        Raises:
            InputError: an entry does not fit the fixture.
        """
        world = self.fixture.world(now)
        if self.scenario is None:
            return world
        from mock_server.fixtures.upsert import apply_overrides  # most sandboxes need it not

        try:
            return apply_overrides(
                world, now, self.scenario.given, default_account=self.fixture.default_account
            )
        except InputError as mistake:
            raise InputError(f"$.given{mistake.path.removeprefix('$')}", str(mistake)) from None


def load_scenario_setup(
    path: Path, fixture: Fixture, find_fixture: FixtureFinder, now: datetime
) -> ScenarioSetup:
    """Read a scenario file, and check that it fits its fixture (`fixture` if it names none) at `now`.

    Raises:
        FileError: the file, its fixture or its start data is wrong; the message starts with file and line.
    """
    from mock_server.scenarios.reading import placed, read_scenario  # most servers load no scenario

    scenario = read_scenario(path)
    try:
        return replace(build_scenario_setup(scenario, fixture, find_fixture, now), path=path.resolve())
    except InputError as mistake:
        raise placed(mistake, path) from None


def build_scenario_setup(
    scenario: Scenario, fixture: Fixture, find_fixture: FixtureFinder, now: datetime
) -> ScenarioSetup:
    """Check that a scenario fits its fixture (`fixture` if it names none) at `now`.

    Raises:
        InputError: there is no such fixture, or an entry does not fit it; with the place in the file.
    """
    if scenario.given.fixture is not None:
        try:
            fixture = find_fixture(scenario.given.fixture)
        except FileError as mistake:
            raise InputError("$.given.fixture", str(mistake)) from None
    setup = ScenarioSetup(fixture, scenario)
    setup.world(setup.clock or now)
    return setup
