"""The settings as the environment has them: which are given, which are wrong, and which do not exist."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

from mock_server.domain.spelling import nearest
from mock_server.settings import SETTINGS, Settings

# What Docker links and Kubernetes set of their own accord where a service is called mock-server.
_LINKED = re.compile(r"MOCK_SERVER_(SERVICE_(HOST|PORT).*|PORT_[0-9]+_.*|ENV_.*|NAME)")


def given_variables() -> dict[str, str]:
    """The variables of settings that are set, in the order of the table; an empty one is none."""
    return {row.twin: os.environ[row.twin] for row in SETTINGS if os.environ.get(row.twin)}


def unknown_variables() -> Iterator[str]:
    """A sentence for each variable that looks like ours and is none: its setting would silently not hold."""
    twins = [setting.twin for setting in SETTINGS]
    for name in sorted(os.environ):
        if name.startswith("MOCK_SERVER_") and name not in twins and not _LINKED.fullmatch(name):
            near = nearest(name, twins)
            advice = f"did you mean {near}?" if near else f"there are {', '.join(twins)}"
            yield f"there is no variable {name}; {advice}"


def read_environment() -> tuple[Settings, list[str]]:
    """The settings of a server that is given no option, and a sentence for each one that cannot be read."""
    given = given_variables()
    chosen: dict[str, Any] = {}
    mistakes = list(unknown_variables())
    for row in SETTINGS:
        if row.twin not in given:
            continue
        try:
            chosen[row.name] = row.read(given[row.twin])
        except ValueError as mistake:
            mistakes.append(f"{row.twin}: {mistake}")
    return Settings(**chosen), mistakes
