"""Reading scenario files; a mistake names file, line, what was found and what would be right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path

from mock_server.fixtures.errors import FileError, InputError
from mock_server.fixtures.yaml_files import line_of, read_text, read_yaml
from mock_server.scenarios.checking import check_scenario, mistakes_of
from mock_server.scenarios.mistakes import Mistakes, raise_first
from mock_server.scenarios.script import Scenario


def read_scenario(path: Path) -> Scenario:
    """The scenario in a file, checked but for its fixture.

    Raises:
        FileError: it is missing or wrong; the message begins with file and line.
    """
    text = read_text(path)
    scenario = read_yaml(text, str(path), Scenario)
    try:
        raise_first(chain(mistakes_of(scenario), _misnamed(scenario, path)))
    except InputError as mistake:
        raise placed(mistake, path, text) from None
    return scenario


def read_scenario_once(path: Path) -> Scenario:
    """As `read_scenario`; a file that has not changed is not read again.

    Raises:
        FileError: it is missing or wrong.
    """
    try:
        found = path.stat()
    except OSError as problem:
        raise FileError(f"{path}: {problem.strerror or problem}") from None
    return _read_at(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=1024)
def _read_at(path: Path, _changed: int, _size: int) -> Scenario:
    return read_scenario(path)


def placed(mistake: InputError, path: Path, text: str | None = None) -> FileError:
    """The mistake with the file and the line in it."""
    line = line_of(read_text(path) if text is None else text, mistake.path)
    return FileError(f"{path}:{line}: {mistake.path}: {mistake}")


def scenario_in(text: str) -> Scenario:
    """The scenario in the text of a file that was sent, checked but for its fixture.

    Raises:
        FileError: it is wrong; the message has the line.
    """
    name = "the scenario sent"
    scenario = read_yaml(text, name, Scenario)
    try:
        check_scenario(scenario)
    except InputError as mistake:
        raise FileError(f"{name}:{line_of(text, mistake.path)}: {mistake.path}: {mistake}") from None
    return scenario


def check_files(
    paths: Sequence[Path], try_out: Callable[[Scenario], object] = lambda _: None
) -> list[FileError]:
    """Every mistake of these files, and names that two of them have.

    `try_out` sets up what a scenario gives, and raises InputError where that cannot be.
    """
    mistakes: list[FileError] = []
    seen: dict[str, Path] = {}
    for path in dict.fromkeys(paths):
        found, scenario = _mistakes_in(path, try_out)
        mistakes += found
        if scenario is None:
            continue
        first = seen.setdefault(scenario.scenario, path)
        if first != path:
            twice = InputError("$.scenario", f"{first} has the name {scenario.scenario!r} as well")
            mistakes.append(placed(twice, path))
    return mistakes


def _mistakes_in(
    path: Path, try_out: Callable[[Scenario], object]
) -> tuple[list[FileError], Scenario | None]:
    """What is wrong with a file, from its top to its end, and the scenario if it reads at all."""
    try:
        text = read_text(path)
        scenario = read_yaml(text, str(path), Scenario)
    except FileError as mistake:
        return [mistake], None
    found = [*mistakes_of(scenario), *_misnamed(scenario, path)]
    try:
        if not found:
            try_out(scenario)
    except InputError as mistake:
        found.append(mistake)
    found.sort(key=lambda mistake: line_of(text, mistake.path))
    return [placed(mistake, path, text) for mistake in found], scenario


def _misnamed(scenario: Scenario, path: Path) -> Mistakes:
    if scenario.scenario != path.stem:
        advice = f"say {path.stem!r}, or call the file {scenario.scenario}.yaml"
        yield InputError("$.scenario", f"it is found by the name of its file: {advice}")
