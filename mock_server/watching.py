"""Load scenario files again when they change; one with an error is reported, and not loaded."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from mock_server.clock import real_now
from mock_server.fixtures.library import bundled
from mock_server.input_errors import FileError
from mock_server.sandbox.sandboxes import Sandboxes
from mock_server.scenarios.active import NameTaken
from mock_server.scenarios.files import SUFFIXES
from mock_server.scenarios.setup import FixtureFinder, load_scenario_setup

_logger = logging.getLogger("mock_server")


class Watch(Struct, frozen=True):
    """Watches the folders of the scenarios that `sandboxes` play, or may play by name."""

    sandboxes: Sandboxes
    find_fixture: FixtureFinder
    scenarios_dir: Path | None
    clock: datetime | None

    async def run(self, stop: asyncio.Event) -> None:
        """Load changed files until `stop` is set."""
        from watchfiles import awatch  # only who watches needs it

        played = [setup.path.parent for setup in self.sandboxes.setups if setup.path is not None]
        named = [bundled("scenarios"), self.scenarios_dir or bundled("scenarios")]
        folders = {folder.resolve() for folder in (*played, *named)}
        try:
            async for changes in awatch(*folders, stop_event=stop, recursive=False):
                for path in _scenario_files({Path(changed) for _, changed in changes}):
                    self.take(path)
        except OSError as problem:
            _logger.error("scenario files are not watched any more: %s", problem)  # noqa: TRY400

    def take(self, path: Path) -> None:
        """Play the scenario of this file again in every sandbox that plays it."""
        try:
            setup = load_scenario_setup(
                path, self.sandboxes.config.setup.fixture, self.find_fixture, self.clock or real_now()
            )
        except FileError as error:
            _logger.warning("%s; the version before it stays in use", error)
            return
        try:
            names = self.sandboxes.replace_setup(setup)
        except NameTaken as taken:
            _logger.warning("%s: %s", path, taken)
            return
        _logger.warning("%s: changed, and loaded again in %s", path, ", ".join(names) or "no sandbox")


def _scenario_files(changed: set[Path]) -> list[Path]:
    """The scenario files among the changed ones, and links next to a changed `..data`.

    Kubernetes mounts a ConfigMap as links through a folder `..data`, and swaps only that.
    """
    swapped = {path.parent for path in changed if path.name.startswith("..")}
    links = {path for folder in swapped for path in folder.glob("*") if path.is_symlink()}
    return sorted(path for path in changed | links if path.suffix in SUFFIXES and path.is_file())
