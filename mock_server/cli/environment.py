"""The settings in the environment: which are given, which are wrong, and which do not exist."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

from mock_server.domain.spelling import nearest
from mock_server.settings import SETTINGS, Setting, Settings

# What Docker links and Kubernetes set of their own accord where a service is called mock-server.
_LINKED = re.compile(r"MOCK_SERVER_(SERVICE_(HOST|PORT).*|PORT_[0-9]+_.*|ENV_.*|NAME)")


def given_variables() -> dict[str, str]:
    """The variables of settings that are set, in the order of the table."""
    return {row.variable: os.environ[row.variable] for row in SETTINGS if _is_given(row)}


def unknown_variables() -> Iterator[str]:
    """A sentence for each variable that has our prefix and no setting: it would have no effect."""
    known = [setting.variable for setting in SETTINGS]
    for name in sorted(os.environ):
        if name.startswith("MOCK_SERVER_") and name not in known and not _LINKED.fullmatch(name):
            near = nearest(name, known)
            advice = f"did you mean {near}?" if near else f"there are {', '.join(known)}"
            yield f"there is no variable {name}; {advice}"


def read_variable(row: Setting) -> Any:
    """The value of a setting in the environment; None when its variable is not set.

    Raises:
        ValueError: the value is wrong; the message names the variable.
    """
    if not _is_given(row):
        return None
    try:
        return row.read(os.environ[row.variable])
    except ValueError as error:
        raise ValueError(f"{row.variable}: {error}") from None


def read_environment() -> tuple[Settings, list[str]]:
    """The settings of a server that is given no option, and a sentence for each one that cannot be read."""
    chosen: dict[str, Any] = {}
    errors = list(unknown_variables())
    for row in SETTINGS:
        try:
            value = read_variable(row)
        except ValueError as error:
            errors.append(str(error))
        else:
            chosen |= {} if value is None else {row.name: value}
    return Settings(**chosen), errors


def _is_given(row: Setting) -> bool:
    """Whether the variable is set; an empty one counts as unset, unless it would protect the server."""
    text = os.environ.get(row.variable)
    return text is not None and (text != "" or row.protects)
