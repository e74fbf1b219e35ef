"""Finding and reading scenario files; a mistake names file, line, what was found and what would be right."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from mock_server.fixtures.library import bundled
from mock_server.fixtures.mistakes import FileMistake
from mock_server.fixtures.reading import line_of, read_text, read_yaml
from mock_server.fixtures.values import Mistake
from mock_server.scenarios.checking import check_scenario
from mock_server.scenarios.script import Scenario

SUFFIXES = (".yaml", ".yml")


def read_scenario(path: Path) -> Scenario:
    """The scenario in a file, checked but for its fixture.

    Raises:
        FileMistake: it is missing or wrong; the message begins with file and line.
    """
    text = read_text(path)
    scenario = read_yaml(text, str(path), Scenario)
    try:
        check_scenario(scenario)
    except Mistake as mistake:
        raise placed(mistake, path, text) from None
    if scenario.scenario != path.stem:
        line = line_of(text, "$.scenario")
        raise FileMistake(
            f"{path}:{line}: $.scenario: it is found by the name of its file: say {path.stem!r},"
            f" or call the file {scenario.scenario}.yaml"
        )
    return scenario


def read_scenario_once(path: Path) -> Scenario:
    """As `read_scenario`; a file that has not changed is not read again.

    Raises:
        FileMistake: it is missing or wrong.
    """
    try:
        found = path.stat()
    except OSError as problem:
        raise FileMistake(f"{path}: {problem.strerror or problem}") from None
    return _read_at(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=1024)
def _read_at(path: Path, _changed: int, _size: int) -> Scenario:
    return read_scenario(path)


def placed(mistake: Mistake, path: Path, text: str | None = None) -> FileMistake:
    """The mistake with the file and the line in it."""
    line = line_of(read_text(path) if text is None else text, mistake.path)
    return FileMistake(f"{path}:{line}: {mistake.path}: {mistake}")


def scenario_in(text: str) -> Scenario:
    """The scenario in the text of a file that was sent, checked but for its fixture.

    Raises:
        FileMistake: it is wrong; the message has the line.
    """
    name = "the scenario sent"
    scenario = read_yaml(text, name, Scenario)
    try:
        check_scenario(scenario)
    except Mistake as mistake:
        raise FileMistake(f"{name}:{line_of(text, mistake.path)}: {mistake.path}: {mistake}") from None
    return scenario


def scenario_path(name: str, folder: Path | None = None, *, paths: bool = True) -> Path:
    """The file that `name` means: a path (where `paths` may be given), the one of that name, ours or bundled.

    Raises:
        FileMistake: there is none; the message lists the ones there are.
    """
    if paths and (name.endswith(SUFFIXES) or "/" in name):
        return Path(name)
    found = next((path for path in scenario_files(folder) if path.stem == name), None)
    if found is None:
        names = ", ".join(path.stem for path in scenario_files(folder))
        or_path = "; or give the path of a file" if paths else ""
        raise FileMistake(f"there is no scenario {name!r}; there are {names}{or_path}")
    return found


def scenario_files(folder: Path | None = None) -> list[Path]:
    """The files of the scenarios there are, by name; one in `folder` hides a bundled one of the same name."""
    found: dict[str, Path] = {}
    for place in (bundled("scenarios"), folder):
        for path in sorted(place.iterdir()) if place else ():
            if path.suffix in SUFFIXES:
                found[path.stem] = path
    return [found[name] for name in sorted(found)]


def check_files(paths: Sequence[Path]) -> list[FileMistake]:
    """Every mistake of these files, each file's first, and names that two of them have."""
    mistakes: list[FileMistake] = []
    seen: dict[str, Path] = {}
    for path in paths:
        try:
            name = read_scenario(path).scenario
        except FileMistake as mistake:
            mistakes.append(mistake)
            continue
        if name in seen:
            line = line_of(read_text(path), "$.scenario")
            mistakes.append(
                FileMistake(f"{path}:{line}: $.scenario: {seen[name]} has the name {name!r} as well")
            )
        seen.setdefault(name, path)
    return mistakes
