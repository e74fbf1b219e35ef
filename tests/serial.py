"""Whether calls that ran side by side can be told as a story in which one came after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.naive_api import NaiveApi
from tests.naive_values import Outcome

Step = tuple[str, tuple[Any, ...], dict[str, Any]]
"""The name of an operation of the naive API, and its arguments."""


@dataclass(frozen=True)
class Call:
    """A step that a client took between two instants, and what came of it."""

    client: int
    step: Step
    began: float
    ended: float
    outcome: Outcome


def serial_order(start: NaiveApi, calls: Sequence[Call], end: Outcome) -> list[Call] | None:
    """An order of the calls in which the naive API gives each its outcome, and comes to its end.

    A call that had ended before another began comes before it. None: there is no such order.
    """
    if not calls:
        return [] if start.all_dossiers() == end else None
    first_end = min(call.ended for call in calls)
    for call in calls:
        if call.began > first_end:
            continue
        after = start.copy()
        if taken(after, call.step) != call.outcome:
            continue
        rest = serial_order(after, [other for other in calls if other is not call], end)
        if rest is not None:
            return [call, *rest]
    return None


def taken(api: Any, step: Step) -> Outcome:
    """What comes of a step, of an api of any kind."""
    name, arguments, members = step
    outcome: Outcome = getattr(api, name)(*arguments, **members)
    return outcome
