"""The options of the plugin, one table: each is a flag, an environment variable and a line of an ini file.

The flag wins over the environment, and the environment over the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Option:
    """A row of the table; `name` is the name in the ini file.

    As a flag it has no effect without one of the options in `needs`.
    """

    name: str
    metavar: str
    help: str
    validate: Callable[[str], object] = str
    needs: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """The option of the command line."""
        return _flag(self.name)

    @property
    def variable(self) -> str:
        """The variable of the environment."""
        return self.name.upper()

    def check(self, text: str, place: str) -> None:
        """Check a value that is given at this place.

        Raises:
            ValueError: it is wrong; the message names the place and the right values.
        """
        try:
            self.validate(text)
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from None


def _one_of(*words: str) -> Callable[[str], None]:
    def validate(text: str) -> None:
        if text not in words:
            raise ValueError(f"{text!r} is not one of {', '.join(words)}")

    return validate


def _percentage(text: str) -> None:
    if not (text.isascii() and text.isdecimal() and int(text) <= 100):  # noqa: PLR2004
        raise ValueError(f"{text!r} is not a number from 0 to 100")


def _url(text: str) -> None:
    from mock_server.client.calls import server_url

    server_url(text)


def _file(text: str) -> None:
    if os.path.isdir(text):  # noqa: PTH112  # it may be too long
        raise ValueError(f"{Path(text)} is a folder, not a file")
    if not os.path.isdir(Path(text).parent):  # noqa: PTH112
        raise ValueError(f"there is no folder {Path(text).parent}")
    _writable(Path(text) if os.path.exists(text) else Path(text).parent)  # noqa: PTH110


def _folder(text: str) -> None:
    if os.path.isdir(text):  # noqa: PTH112
        _writable(Path(text))
    elif os.path.exists(text):  # noqa: PTH110
        raise ValueError(f"{Path(text)} is a file, not a folder")


def _writable(path: Path) -> None:
    if not os.access(path, os.W_OK):
        raise ValueError(f"{path} cannot be written: change its permissions, or give another path")


def filled_lines(text: str) -> list[str]:
    """Return the lines that are not blank, without the spaces around them."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _exclusions(text: str) -> None:
    for line in filled_lines(text):
        if not all(map(str.strip, line.partition(":"))):
            raise ValueError(f"{line!r} is not NAME: REASON, such as 'E113: our accounts are active'")


COVERAGE = ("dossiers_coverage", "dossiers_coverage_min")
"""The options that ask for the coverage of the run."""

OPTIONS = (
    Option(
        "dossiers_sandbox_url",
        "URL",
        "A running server, such as http://127.0.0.1:8080; without it, the run starts one.",
        _url,
    ),
    Option(
        "dossiers_control_token",
        "TOKEN",
        "The control token of that server, if it has one.",
        needs=("dossiers_sandbox_url",),
    ),
    Option(
        "dossiers_unmatched",
        "fail|ignore",
        "Whether a test fails when its client calls a path that the API does not have.",
        _one_of("fail", "ignore"),
    ),
    Option(
        "dossiers_strict",
        "off|warn|fail",
        "What input of the client does that the API ignores: warn adds a header and a warning of pytest, "
        "fail answers 400 and fails the test.",
        _one_of("off", "warn", "fail"),
    ),
    Option(
        "dossiers_coverage", "FILE", "Write what the tests reached of the API to this file.", validate=_file
    ),
    Option("dossiers_coverage_min", "PERCENT", "Fail the run if they reached less.", _percentage),
    Option(
        "dossiers_coverage_exclude",
        "'NAME: REASON'",
        "What does not count for it; in the ini file one per line.",
        _exclusions,
        needs=COVERAGE,
    ),
    Option(
        "dossiers_export",
        "DIR",
        "Write the requests of each failed test to this folder, as a scenario file that repeats them.",
        _folder,
    ),
    Option(
        "dossiers_keep_failed",
        "yes|no",
        "Whether the sandbox of a failed test stays on that running server, for its dashboard.",
        _one_of("yes", "no"),
        needs=("dossiers_sandbox_url",),
    ),
)


def value(config: pytest.Config, name: str) -> str:
    """Return the value of an option: from the flag, the environment or the ini file; empty without one."""
    row = _option(name)
    return str(config.getoption(name) or os.environ.get(row.variable) or config.getini(name) or "").strip()


def place(config: pytest.Config, name: str) -> str:
    """Return where the value of an option comes from: its flag, its variable, or its line of the ini file."""
    row = _option(name)
    if config.getoption(name):
        return row.flag
    return row.variable if os.environ.get(row.variable) else name


def check(config: pytest.Config) -> None:
    """Check the values of all options.

    Raises:
        UsageError: a value is wrong; the message names the option and the right values.
    """
    try:
        for option in OPTIONS:
            text = value(config, option.name)
            if text:
                option.check(text, place(config, option.name))
            _check_flag(config, option)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


def _check_flag(config: pytest.Config, option: Option) -> None:
    """Reject a flag without an effect. A line of the ini file may have none: it is for all runs.

    Raises:
        ValueError: the flag has an empty value, or needs another option.
    """
    text = config.getoption(option.name)
    if text is None:
        return
    if not text.strip():
        raise ValueError(f"{option.flag}: the value is empty")
    if option.needs and not any(value(config, name) for name in option.needs):
        raise ValueError(f"{option.flag} needs {' or '.join(map(_flag, option.needs))}")


def unmatched(item: pytest.Item, mark: str) -> str:
    """Return what an unknown path does to this test, `fail` or `ignore`: the value of its mark or the option.

    Raises:
        ValueError: the mark has another value.
    """
    option = _option("dossiers_unmatched")
    marker = item.get_closest_marker(mark)
    if marker is None:
        return value(item.config, option.name) or "fail"
    chosen = ", ".join(map(str, marker.args)) or "nothing"
    option.check(chosen, f"the mark {mark} of {item.name}")
    return chosen


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _option(name: str) -> Option:
    return next(option for option in OPTIONS if option.name == name)
