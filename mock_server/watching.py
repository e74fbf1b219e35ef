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
    """Watches the folders of scenarios that are active in a sandbox, or can be activated by name."""

    sandboxes: Sandboxes
    find_fixture: FixtureFinder
    scenarios_dir: Path | None
    clock: datetime | None

    async def run(self, stop: asyncio.Event) -> None:
        """Load changed files until `stop` is set."""
        from watchfiles import awatch  # most servers do not watch files

        folders_in_use = [setup.path.parent for setup in self.sandboxes.setups if setup.path is not None]
        folders_of_names = [bundled("scenarios"), self.scenarios_dir or bundled("scenarios")]
        folders = {folder.resolve() for folder in (*folders_in_use, *folders_of_names)}
        try:
            async for changes in awatch(*folders, stop_event=stop, recursive=False):
                for path in _scenario_files({Path(changed) for _, changed in changes}):
                    self.reload(path)
        except OSError as problem:
            _logger.error("scenario files are not watched any more: %s", problem)  # noqa: TRY400

    def reload(self, path: Path) -> None:
        """Read the file again, and restart its scenario in every sandbox where it is active."""
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
    """Return the scenario files among the changed paths, and all links in a folder where `..data` changed.

    Kubernetes mounts a ConfigMap as links through a folder `..data`, and replaces only that folder.
    """
    swapped = {path.parent for path in changed if path.name.startswith("..")}
    links = {path for folder in swapped for path in folder.glob("*") if path.is_symlink()}
    return sorted(path for path in changed | links if path.suffix in SUFFIXES and path.is_file())
