"""What became of the steps of a scenario that was played."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from msgspec import Struct

from mock_server.scenarios.client import Outcome, Sent
from mock_server.scenarios.matching import Difference
from mock_server.scenarios.script import Scenario


class CallResult(Struct, frozen=True, kw_only=True):
    """One call: what was sent, what came back, and why that is not what was expected, if it is not.

    `problem` is what kept it from being sent at all, or from being judged.
    """

    name: str
    sent: Sent | None = None
    outcome: Outcome | None = None
    differences: tuple[Difference, ...] = ()
    problem: str = ""

    @property
    def failed(self) -> bool:
        """Whether it was not as expected."""
        return bool(self.differences or self.problem)


class StepResult(Struct, frozen=True, kw_only=True):
    """One step; `place` is where it stands in the file. `skipped` says why it was not played."""

    name: str
    place: str
    calls: tuple[CallResult, ...] = ()
    skipped: str = ""
    took: timedelta = timedelta()

    @property
    def failed(self) -> bool:
        """Whether one of its calls was not as expected."""
        return any(call.failed for call in self.calls)


class Result(Struct, frozen=True, kw_only=True):
    """One playing of a scenario. `label` tells it from the other playings of the same scenario.

    `problem` is what kept it from being played at all.
    """

    scenario: Scenario
    label: str = ""
    steps: tuple[StepResult, ...] = ()
    problem: str = ""
    file: Path | None = None

    @property
    def name(self) -> str:
        """The scenario's name, with the label."""
        return f"{self.scenario.scenario} [{self.label}]" if self.label else self.scenario.scenario

    @property
    def failed(self) -> bool:
        """Whether anything was not as expected."""
        return bool(self.problem) or any(step.failed for step in self.steps)

    @property
    def took(self) -> timedelta:
        """How long its steps took."""
        return sum((step.took for step in self.steps), timedelta())

    @property
    def failures(self) -> tuple[StepResult, ...]:
        """The steps that failed."""
        return tuple(step for step in self.steps if step.failed)

    def count(self, verdict: str) -> int:
        """How many steps `passed`, `failed` or were `skipped`."""
        return sum(verdict == _verdict(step) for step in self.steps)


def _verdict(step: StepResult) -> str:
    if step.skipped:
        return "skipped"
    return "failed" if step.failed else "passed"
