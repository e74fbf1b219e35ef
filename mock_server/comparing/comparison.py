"""Playing the same on both sides, and telling what differs: status, codes, shape, rules; never a value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from mock_server.comparing.choosing import calls_of
from mock_server.comparing.nullable import may_be_null
from mock_server.comparing.shapes import Divergence, divergences, shape
from mock_server.domain.operations import OPERATIONS, Kind
from mock_server.scenarios.client import Answer, NoAnswer, Outcome
from mock_server.scenarios.judging import told_codes
from mock_server.scenarios.matching import Difference, shown
from mock_server.scenarios.performances import Performance
from mock_server.scenarios.results import CallResult, Result, StepResult
from mock_server.scenarios.running import play
from mock_server.scenarios.script import Scenario, Sending, Step
from mock_server.scenarios.target import Target

_TOLD_OTHERWISE = {"status", "refused", "answer"}
"""Expectations whose failing shows as another status, other codes or no answer."""


Differing = tuple[str, str, Divergence]
"""Something that differs, with its scenario and step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A step, played on both sides. `skipped` says why there is nothing to compare."""

    step: str
    operation: str
    divergences: tuple[Divergence, ...] = ()
    skipped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A scenario, played on both sides: what the other one answered, and what of it differs from here."""

    scenario: Scenario
    theirs: Result
    steps: tuple[Compared, ...]

    @property
    def differing(self) -> set[Differing]:
        """All that differs, each with its scenario and step."""
        return {(self.scenario.scenario, step.step, one) for step in self.steps for one in step.divergences}


def played(scenarios: Sequence[Scenario], theirs: Target, ours: Target, dialect: str) -> Iterator[Played]:
    """Each of them, played there and then here; neither side is given a sandbox for it."""
    for scenario in scenarios:
        yield played_here(scenario, play(Performance(scenario=scenario), theirs), ours, dialect)


def played_here(scenario: Scenario, theirs: Result, ours: Target, dialect: str) -> Played:
    """The scenario, of which `theirs` came elsewhere, played here and compared."""
    here = play(Performance(scenario=scenario), ours)
    both = zip(scenario.steps, theirs.steps, here.steps, strict=True)
    return Played(
        scenario=scenario, theirs=theirs, steps=tuple(_compared(*answers, dialect) for answers in both)
    )


def _compared(step: Step, theirs: StepResult, ours: StepResult, dialect: str) -> Compared:
    calls = calls_of(step)
    # A step that was skipped has no results.
    results = zip(calls, theirs.calls, ours.calls, strict=False)
    found = tuple(
        one
        for (operation, sending), there, here in results
        for one in _divergences(operation, sending, there, here, dialect)
    )
    return Compared(
        step=step.name,
        operation=", ".join(operation for operation, _ in calls),
        divergences=found,
        skipped=_unplayed(theirs, "there") or _unplayed(ours, "here"),
    )


def _unplayed(step: StepResult, where: str) -> str:
    """What kept it from being played, if anything did."""
    problem = step.skipped or next((call.problem for call in step.calls if call.outcome is None), "")
    return f"{where}: {problem}" if problem else ""


def _divergences(
    operation: str, sending: Sending, theirs: CallResult, ours: CallResult, dialect: str
) -> Iterator[Divergence]:
    if theirs.outcome is None or ours.outcome is None:
        return
    yield from _of_outcomes(theirs.outcome, ours.outcome)
    if not isinstance(theirs.outcome, Answer) or not isinstance(ours.outcome, Answer):
        return
    if theirs.outcome.status != ours.outcome.status:
        return  # of another status, all is another
    if OPERATIONS[operation].kind is not Kind.DOWNLOAD:
        nullable = partial(may_be_null, dialect, operation, ours.outcome.status)
        yield from divergences(shape(theirs.outcome.body), shape(ours.outcome.body), nullable)
    yield from _of_rules(_unmet(sending, theirs), _unmet(sending, ours))


def _of_outcomes(theirs: Outcome, ours: Outcome) -> Iterator[Divergence]:
    if isinstance(theirs, NoAnswer) or isinstance(ours, NoAnswer):
        if repr(theirs) != repr(ours):
            yield Divergence("answer", "the answer", repr(theirs), repr(ours))
        return
    codes = [" ".join(told_codes(one.body)) or "none" for one in (theirs, ours)]
    if theirs.status != ours.status:
        yield Divergence("status", "the status", str(theirs.status), str(ours.status))
    if codes[0] != codes[1]:
        yield Divergence("codes", "the error code", *codes)


def _unmet(sending: Sending, call: CallResult) -> dict[str, Difference]:
    """What is not as the step expects, by place; that there is nothing to save is no rule."""
    told_otherwise = _TOLD_OTHERWISE.union(sending.save.values())
    return {one.at: one for one in call.differences if one.at not in told_otherwise}


def _of_rules(theirs: dict[str, Difference], ours: dict[str, Difference]) -> Iterator[Divergence]:
    """What one side does as expected and the other does not."""
    for at in theirs.keys() - ours.keys():
        yield Divergence("rule", at, shown(theirs[at].found), f"as expected ({theirs[at].expected})")
    for at in ours.keys() - theirs.keys():
        yield Divergence("rule", at, f"as expected ({ours[at].expected})", shown(ours[at].found))
