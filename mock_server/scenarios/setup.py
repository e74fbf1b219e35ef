"""A scenario with its fixture: what a sandbox starts from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from mock_server.domain.imports import Invent
from mock_server.domain.world import World
from mock_server.fixtures.actions import add_to_timeline
from mock_server.fixtures.build import parse_instant
from mock_server.fixtures.fixture import Fixture
from mock_server.fixtures.generate import generate_company
from mock_server.fixtures.library import is_path
from mock_server.fixtures.upsert import apply_overrides
from mock_server.input_errors import FileError, InputError
from mock_server.scenarios.active import read_progress
from mock_server.scenarios.file_format import Scenario

FixtureFinder = Callable[[str], Fixture]
"""Returns the fixture of a name or path. Raises FileError."""


class ScenarioSetup(Struct, frozen=True, eq=False):
    """A fixture, and the active scenario with its file, if there is one."""

    fixture: Fixture
    scenario: Scenario | None = None
    path: Path | None = None

    @property
    def clock(self) -> datetime | None:
        """The instant at which the scenario freezes the clock, or None."""
        text = self.scenario.given.clock if self.scenario else None
        return None if text is None else parse_instant(text, "$.given.clock")

    def world(self, now: datetime, invent: Invent = generate_company, *, strict: bool = False) -> World:
        """Build the content of a sandbox that starts at `now`: the fixture, then the scenario's entries.

        `invent` generates the companies for which the scenario has no data. With `strict`, a timeline with an
        action that cannot take place is rejected, too.

        Raises:
            InputError: an entry does not fit the fixture.
        """
        world = self.fixture.world(now)
        if self.scenario is None:
            return world
        given = self.scenario.given
        try:
            world = apply_overrides(world, now, given, invent)
            if not given.timeline:
                return world
            return add_to_timeline(world, now, given.timeline, invent=invent, strict=strict)
        except InputError as error:
            raise InputError(f"$.given{error.path.removeprefix('$')}", str(error)) from None


def check_saved_rules(fixture: Fixture, name: str) -> None:
    """Reject a saved state with an invalid scenario or rule.

    Raises:
        FileError: the message begins with the name.
    """
    if fixture.saved is not None:
        try:
            read_progress(fixture.saved.playing)
        except InputError as error:
            raise FileError(f"{name}: {error.path}: {error}") from None


def load_scenario_setup(
    path: Path, fixture: Fixture, find_fixture: FixtureFinder, now: datetime
) -> ScenarioSetup:
    """Read a scenario file, and check that it fits its fixture (`fixture` if it names none) at `now`.

    Raises:
        FileError: the file, its fixture or its start data is wrong; the message starts with file and line.
    """
    from mock_server.scenarios.files import read_scenario, with_line  # most servers load no scenario

    scenario = read_scenario(path)
    try:
        setup = build_scenario_setup(scenario, fixture, find_fixture, now, folder=path.parent)
    except InputError as error:
        raise with_line(error, path) from None
    # Only the folder is resolved: the file may be a link, and its target may change later.
    return replace(setup, path=path.parent.resolve() / path.name)


def build_scenario_setup(
    scenario: Scenario,
    fixture: Fixture,
    find_fixture: FixtureFinder,
    now: datetime,
    *,
    folder: Path | None = None,
) -> ScenarioSetup:
    """Return a scenario with its fixture (`fixture` if it names none), after checking that it fits at `now`.

    `folder` is that of the scenario's file: a fixture that is a path is relative to it.

    Raises:
        InputError: there is no such fixture, or an entry does not fit it; with the place in the file.
    """
    name = scenario.given.fixture
    if name is not None:
        try:
            fixture = find_fixture(str(folder / name) if folder is not None and is_path(name) else name)
        except FileError as error:
            raise InputError("$.given.fixture", str(error)) from None
    setup = ScenarioSetup(fixture, scenario)
    setup.world(setup.clock or now, strict=True)
    return setup
