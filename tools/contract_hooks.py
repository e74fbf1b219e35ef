"""Reset the sandbox before a call of schemathesis if an earlier case could change its answer.

A dossier that one case stopped refuses all later updates. So each change of a dossier starts from the initial state.
A stateful scenario keeps its own changes, but not those of other scenarios: the same calls have the same answers.
"""

from __future__ import annotations

import os
from typing import Any

import requests
import schemathesis
from hypothesis.control import BuildContext, current_build_context
from hypothesis.internal.conjecture.engine import ConjectureRunner
from schemathesis import Case, HookContext

RESET = f"{os.environ['CONTRACT_BASE']}/__admin/reset"
SANDBOX = {"X-Mock-Sandbox": os.environ["CONTRACT_SANDBOX"]}
control = requests.Session()
played: list[BuildContext] = []

# The choices of schemathesis depend on its earlier choices. When Hypothesis varies a scenario, it notices this and gives
# up: the stateful phase would pass after ten scenarios. Without variations, all requested scenarios run.
assert hasattr(ConjectureRunner, "generate_mutations_from"), "this Hypothesis varies its examples elsewhere"
ConjectureRunner.generate_mutations_from = lambda *_: None  # type: ignore[method-assign]


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Reset the state before a change of a dossier, or a new stateful scenario."""
    del context, kwargs
    if begins_scenario() if case.meta and case.meta.phase.name == "stateful" else changes_dossier(case):
        control.post(RESET, json={"only": ["state"]}, headers=SANDBOX, timeout=10).raise_for_status()


def changes_dossier(case: Case) -> bool:
    """Return whether the call may change a dossier."""
    return case.operation.method == "post" and "{dossierId}" in case.operation.path


def begins_scenario() -> bool:
    """Return whether this is the first call of a scenario: Hypothesis builds each in a new context."""
    current = current_build_context()
    if played and played[0] is current:
        return False
    played[:] = [current]
    return True
