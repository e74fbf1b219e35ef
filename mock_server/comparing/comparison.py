"""Putting the same to both sides, and telling what differs: status, shape, codes; never a value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from mock_server.comparing.nullable import may_be_null
from mock_server.comparing.probes import probes
from mock_server.comparing.shapes import Divergence, divergences, shape
from mock_server.comparing.sides import Side
from mock_server.domain.operations import OPERATIONS, Kind
from mock_server.scenarios.client import Answer, NoAnswer, Outcome, new_session
from mock_server.scenarios.judging import told_codes
from mock_server.scenarios.performances import Performance
from mock_server.scenarios.results import StepResult
from mock_server.scenarios.running import play
from mock_server.scenarios.script import Background, Scenario, Step
from mock_server.scenarios.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A probe or step, put to both sides. `skipped` says why it was not."""

    name: str
    operation: str
    divergences: tuple[Divergence, ...] = ()
    skipped: str = ""


def compare_reading(theirs: Target, ours: Target, dialect: str) -> Iterator[Compared]:
    """Every probe, put to both sides; only GET and the token request are sent.

    Raises:
        LoginFailed: nobody could log in at one of them.
    """
    with new_session(theirs.base_url) as there, new_session(ours.base_url) as here:
        sides = Side(theirs, there), Side(ours, here)
        for probe in probes(dialect):
            answers = [side.ask(probe) for side in sides]
            if answers[0] is None or answers[1] is None:
                where = "there" if answers[0] is None else "here"
                yield Compared(name=probe.name, operation=probe.operation, skipped=f"no such id {where}")
                continue
            found = tuple(outcome_divergences(answers[0], answers[1], probe.operation, dialect))
            yield Compared(name=probe.name, operation=probe.operation, divergences=found)


def compare_writing(
    theirs: Target, ours: Target, dialect: str, scenarios: Sequence[Scenario]
) -> Iterator[Compared]:
    """The steps of the scenarios that need no sandbox, played on both sides."""
    for scenario in scenarios:
        if not needs_no_sandbox(scenario):
            continue
        results = [play(Performance(scenario=scenario), target) for target in (theirs, ours)]
        for step, there, here in zip(scenario.steps, results[0].steps, results[1].steps, strict=True):
            yield _step(f"{scenario.scenario}: {step.name}", step, there, here, dialect)


def needs_no_sandbox(scenario: Scenario) -> bool:
    """Whether all of it can be played anywhere."""
    bare = not scenario.rules and scenario.given == Background()
    return bare and all(step.control is None for step in scenario.steps)


def _step(name: str, step: Step, there: StepResult, here: StepResult, dialect: str) -> Compared:
    calls = [step.call] if step.call else [call.call for call in step.together]
    told = Compared(name=name, operation=", ".join(calls))
    unplayed = there.skipped or here.skipped or _problem(there) or _problem(here)
    if unplayed:
        return replace(told, skipped=unplayed)
    found = tuple(
        one
        for called, left, right in zip(calls, there.calls, here.calls, strict=True)
        if left.outcome is not None and right.outcome is not None
        for one in outcome_divergences(left.outcome, right.outcome, called, dialect)
    )
    return replace(told, divergences=found)


def _problem(step: StepResult) -> str:
    """What kept a call of it from being sent."""
    return next((call.problem for call in step.calls if call.outcome is None), "")


def outcome_divergences(theirs: Outcome, ours: Outcome, operation: str, dialect: str) -> Iterator[Divergence]:
    """What differs between two answers; of another status, the shapes are not compared."""
    if isinstance(theirs, NoAnswer) or isinstance(ours, NoAnswer):
        if repr(theirs) != repr(ours):
            yield Divergence("answer", "the answer", repr(theirs), repr(ours))
        return
    codes = [" ".join(told_codes(one.body)) or "none" for one in (theirs, ours)]
    if theirs.status != ours.status:
        yield Divergence("status", "the status", str(theirs.status), str(ours.status))
    if codes[0] != codes[1]:
        yield Divergence("codes", "the error code", *codes)
    if theirs.status == ours.status and OPERATIONS[operation].kind is not Kind.DOWNLOAD:
        yield from _shapes(theirs, ours, operation, dialect)


def _shapes(theirs: Answer, ours: Answer, operation: str, dialect: str) -> Iterator[Divergence]:
    nullable = partial(may_be_null, dialect, operation, ours.status)
    yield from divergences(shape(theirs.body), shape(ours.body), nullable)
