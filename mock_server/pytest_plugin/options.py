"""The options of the plugin, one table: each is a flag, a variable and a line of an ini file.

A flag beats the environment beats the file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Option:
    """A row of the table; `name` is that of the line in the file."""

    name: str
    metavar: str
    help: str
    choices: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """The option of the command line."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """The variable of the environment."""
        return self.name.upper()


OPTIONS = (
    Option(
        "dossiers_sandbox_url",
        "URL",
        "A server that runs already, such as http://127.0.0.1:8080; left out, one is started in the process.",
    ),
    Option("dossiers_control_token", "TOKEN", "The control token of that server, if it has one."),
    Option(
        "dossiers_unmatched",
        "fail|ignore",
        "What comes of a test whose client met a path that the API does not have: it fails, unless ignored.",
        ("fail", "ignore"),
    ),
)


def value(config: pytest.Config, name: str) -> str:
    """What was chosen, empty for nothing."""
    row = _named(name)
    return str(config.getoption(name) or os.environ.get(row.variable) or config.getini(name) or "").strip()


def check(config: pytest.Config) -> None:
    """Refuse a value that is none.

    Raises:
        UsageError: naming the option, and what would be right.
    """
    try:
        for option in OPTIONS:
            _checked(option, value(config, option.name), option.flag)
    except ValueError as mistake:
        raise pytest.UsageError(str(mistake)) from None


def unmatched(item: pytest.Item, mark: str) -> str:
    """What comes of an unmapped path in this test: what its mark says, else the option.

    Raises:
        ValueError: the mark says neither.
    """
    option = _named("dossiers_unmatched")
    found = item.get_closest_marker(mark)
    if found is None:
        return value(item.config, option.name) or option.choices[0]
    return _checked(option, str(*found.args[:1]) or "nothing", f"the mark {mark} of {item.name}")


def _checked(option: Option, chosen: str, place: str) -> str:
    if chosen and option.choices and chosen not in option.choices:
        raise ValueError(f"{place}: {chosen!r} is not one of {', '.join(option.choices)}")
    return chosen


def _named(name: str) -> Option:
    return next(option for option in OPTIONS if option.name == name)
