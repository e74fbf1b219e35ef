"""What schemathesis does before a call: it puts the world back where the last case would be in the way of the next.

A dossier that one case stopped refuses every update that comes after it, so each change of a dossier finds the world
as it was at the start. A stateful scenario lives with what it did, that is its point, but not with what the others
did: the same calls have the same answers.
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

# What schemathesis draws depends on what it drew before. Hypothesis notices as soon as it varies a scenario that it has
# played, gives up, and the stateful phase passes after ten scenarios. Without variations it plays as many as are asked.
assert hasattr(ConjectureRunner, "generate_mutations_from"), "this Hypothesis varies its examples elsewhere"
ConjectureRunner.generate_mutations_from = lambda *_: None  # type: ignore[method-assign]


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Start over before a change of a dossier, or a new stateful scenario."""
    del context, kwargs
    if begins_scenario() if case.meta and case.meta.phase.name == "stateful" else changes_dossier(case):
        control.post(RESET, json={"only": ["state"]}, headers=SANDBOX, timeout=10).raise_for_status()


def changes_dossier(case: Case) -> bool:
    """Whether a dossier may be another one afterwards."""
    return case.operation.method == "post" and "{dossierId}" in case.operation.path


def begins_scenario() -> bool:
    """Whether this is the first call of a scenario: Hypothesis builds each in a new context."""
    current = current_build_context()
    if played and played[0] is current:
        return False
    played[:] = [current]
    return True
