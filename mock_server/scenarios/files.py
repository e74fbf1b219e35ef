"""Find and read scenario files; an error has file, line, what was found and what would be right."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from mock_server.deprecation import renamed
from mock_server.domain.names import cut, nearest, shown
from mock_server.fixtures.library import bundled, files_in
from mock_server.fixtures.yaml_files import line_of, read_text, read_yaml
from mock_server.input_errors import FileError, InputError
from mock_server.scenarios.file_format import Scenario
from mock_server.scenarios.rule_validation import Errors
from mock_server.scenarios.validation import scenario_errors
from mock_server.values import file_problem

SUFFIXES = (".yaml", ".yml")
_RENAMED = {"completeness-evidence-lapses": "completeness-evidence-expires"}
FurtherErrors = Callable[[Scenario, Path], Iterable[InputError]]
"""A function that returns errors which this package cannot find: those of start data and bodies."""

_logger = logging.getLogger("mock_server")


def find_scenario(name: str, folder: Path | None = None, *, paths: bool = True) -> Path:
    """Return the file of a scenario: in `folder` or bundled, or with `paths` also a path.

    Raises:
        FileError: there is none; the message has the most similar name, and how to list them.
    """
    if paths and (name.endswith(SUFFIXES) or "/" in name):
        return Path(name)
    if name in _RENAMED:
        _logger.warning(renamed(f"the scenario {name}", _RENAMED[name]))
    files = scenario_files(folder)
    file = next((path for path in files if path.stem == _RENAMED.get(name, name)), None)
    if file is None:
        near = nearest(name, [path.stem for path in files])
        hint = f"did you mean {near!r}?" if near else "`mock-server scenarios list` lists them;"
        own = "--scenarios-dir DIR adds your own" if folder is None else f"those in {folder} are included"
        or_path = ", or give the path of a file" if paths else ""
        raise FileError(f"unknown scenario {shown(name)}; {hint} {own}{or_path}")
    return file


def scenario_files(folder: Path | None = None) -> list[Path]:
    """Return all scenario files, sorted by name; one in `folder` hides a bundled one of the same name."""
    by_name: dict[str, Path] = {}
    for source in (bundled("scenarios"), folder):
        for path in files_in(source) if source else ():
            if path.suffix in SUFFIXES:
                by_name[path.stem] = path
    return [by_name[name] for name in sorted(by_name)]


def read_scenario(path: Path) -> Scenario:
    """Read and check a scenario file, except its start data, which needs the fixture.

    Raises:
        FileError: it is missing or wrong; the message begins with file and line.
    """
    return parse_scenario(read_text(path), path)


def read_scenario_cached(path: Path) -> Scenario:
    """As `read_scenario`; an unchanged file is not read again.

    Raises:
        FileError: it is missing or wrong.
    """
    try:
        status = path.stat()
    except OSError as problem:
        raise FileError(file_problem(path, problem)) from None
    return _read_version(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1024)
def _read_version(path: Path, _changed: int, _size: int) -> Scenario:
    return read_scenario(path)


def parse_scenario(text: str, path: Path | None = None) -> Scenario:
    """Read and check a scenario that was sent as YAML or is in a file, except its start data.

    Raises:
        FileError: it is wrong; the message has the line.
    """
    name = "the scenario sent" if path is None else str(path)
    scenario = read_yaml(text, name, Scenario)
    error = next(_errors(scenario, path), None)
    if error is not None:
        raise _file_error(error, name, text)
    return scenario


def with_line(error: InputError, path: Path) -> FileError:
    """Return the error with file and line in its message."""
    return _file_error(error, str(path), read_text(path))


def _file_error(error: InputError, name: str, text: str) -> FileError:
    return FileError(f"{name}:{line_of(text, error.path)}: {error.path}: {error}")


def check_files(paths: Sequence[Path], further_errors: FurtherErrors = lambda *_: ()) -> list[FileError]:
    """Return every error in these files, and names that two of them share.

    `further_errors` is called for each file that has no other error.
    """
    errors: list[FileError] = []
    seen: dict[str, Path] = {}
    for path in dict.fromkeys(paths):
        file_errors, scenario = _file_errors(path, further_errors)
        errors += file_errors
        if scenario is None:
            continue
        first = seen.setdefault(scenario.scenario, path)
        if first != path:
            duplicate = InputError("$.scenario", f"{first} also has the name {shown(scenario.scenario)}")
            errors.append(with_line(duplicate, path))
    return errors


def _file_errors(path: Path, further_errors: FurtherErrors) -> tuple[list[FileError], Scenario | None]:
    """Return the errors of a file in line order, and the scenario if it can be read."""
    try:
        text = read_text(path)
        scenario = read_yaml(text, str(path), Scenario)
    except FileError as error:
        return [FileError(message) for message in error.messages], None
    errors = [*_errors(scenario, path)]
    if not errors:
        errors += further_errors(scenario, path)
    errors.sort(key=lambda error: line_of(text, error.path))
    return [_file_error(error, str(path), text) for error in errors], scenario


def _errors(scenario: Scenario, path: Path | None) -> Errors:
    """Yield the errors of a scenario; in a file, its name must be that of the file."""
    yield from scenario_errors(scenario)
    if path is not None and scenario.scenario != path.stem:
        advice = f"write {shown(path.stem)}, or rename the file to {cut(scenario.scenario)}.yaml"
        yield InputError("$.scenario", f"the name must be that of the file: {advice}")
