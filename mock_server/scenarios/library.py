"""The scenario files there are: the bundled ones, and those of a folder of one's own."""

from __future__ import annotations

from pathlib import Path

from mock_server.domain.spelling import nearest
from mock_server.fixtures.errors import FileError
from mock_server.fixtures.library import bundled, files_in

SUFFIXES = (".yaml", ".yml")


def scenario_path(name: str, folder: Path | None = None, *, paths: bool = True) -> Path:
    """The file that `name` means: a path (where `paths` may be given), the one of that name, ours or bundled.

    Raises:
        FileError: there is none; the message has the one that was probably meant, or all there are.
    """
    if paths and (name.endswith(SUFFIXES) or "/" in name):
        return Path(name)
    found = next((path for path in scenario_files(folder) if path.stem == name), None)
    if found is None:
        names = [path.stem for path in scenario_files(folder)]
        near = nearest(name, names)
        hint = f"did you mean {near!r}?" if near else f"there are {', '.join(names)}"
        or_path = "; or give the path of a file" if paths else ""
        raise FileError(f"there is no scenario {name!r}; {hint}{or_path}")
    return found


def scenario_files(folder: Path | None = None) -> list[Path]:
    """The files of the scenarios there are, by name; one in `folder` hides a bundled one of the same name."""
    found: dict[str, Path] = {}
    for place in (bundled("scenarios"), folder):
        for path in files_in(place) if place else ():
            if path.suffix in SUFFIXES:
                found[path.stem] = path
    return [found[name] for name in sorted(found)]
