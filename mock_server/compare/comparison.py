"""Run scenarios in another environment and in a sandbox, and compare the answers, but not their values.

Compared are status, error codes, shape and the effects of rules. The scenarios are probes, which only read,
and bundled scenarios that need no sandbox. A variant explains a difference that disappears with it.

In names, `theirs` and `there` mean the other environment, `ours` and `here` the sandbox.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path

from msgspec.structs import replace

from mock_server.compare.shapes import Divergence, divergences, may_be_null, shape
from mock_server.domain.operations import OPERATIONS, Kind
from mock_server.domain.variants import VARIANTS, resolve
from mock_server.scenarios.file_format import RequestSpec, Scenario, ScenarioGiven, Step
from mock_server.scenarios.files import read_scenario_cached, scenario_files
from mock_server.scenarios.http_client import HttpOutcome, HttpResponse, NoResponse
from mock_server.scenarios.matching import Difference, format_value
from mock_server.scenarios.results import CallResult, Result, StepResult, error_codes
from mock_server.scenarios.runner import ScenarioRun, run_scenario
from mock_server.scenarios.target import Target, open_sandbox

PROBES = Path(str(files(__package__))) / "probes"

_REPORTED_OTHERWISE = {"status", "refused", "answer"}
"""Places of failed expectations that are reported as another status, other codes or no answer."""

FoundDivergence = tuple[str, str, Divergence]
"""A divergence with its scenario and step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepComparison:
    """A step that ran on both sides. `skipped` is why it could not be compared."""

    step: str
    operation: str
    divergences: tuple[Divergence, ...] = ()
    skipped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioComparison:
    """A scenario that ran on both sides: the result of the other side, and the comparison of each step."""

    scenario: Scenario
    theirs: Result
    steps: tuple[StepComparison, ...]

    @property
    def divergences(self) -> set[FoundDivergence]:
        """All divergences."""
        return {
            (self.scenario.scenario, step.step, divergence)
            for step in self.steps
            for divergence in step.divergences
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A variant with which there are fewer divergences, and how many fewer."""

    variant: str
    value: str
    explains: int

    def __str__(self) -> str:
        return f"{self.variant}={self.value} explains {self.explains}"


def select_scenarios(dialect: str, *, allow_writes: bool) -> list[Scenario]:
    """Return the scenarios for a dialect; without `allow_writes` only those that change nothing."""
    paths = (*sorted(PROBES.glob("*.yaml")), *scenario_files())
    scenarios = (_for_dialect(read_scenario_cached(path), dialect) for path in paths)
    return [
        scenario
        for scenario in scenarios
        if scenario.steps and not scenario.needs_sandbox and (allow_writes or only_reads(scenario))
    ]


def only_reads(scenario: Scenario) -> bool:
    """Whether all its calls are GET or token requests."""
    return all(_reads(operation) for step in scenario.steps for operation, _ in step.calls)


def _reads(operation: str) -> bool:
    return OPERATIONS[operation].method == "GET" or OPERATIONS[operation].kind is Kind.TOKEN


def _for_dialect(scenario: Scenario, dialect: str) -> Scenario:
    """Return the scenario without the steps that are for the other dialect only."""
    return replace(scenario, steps=tuple(step for step in scenario.steps if dialect in step.dialects))


def compare(scenarios: Sequence[Scenario], theirs: Target, ours: Target) -> Iterator[ScenarioComparison]:
    """Run each scenario there and then here; all run in the one sandbox of `ours`."""
    for scenario in scenarios:
        yield _compare_with(scenario, run_scenario(ScenarioRun(scenario=scenario), theirs), ours)


@contextmanager
def open_comparison_sandbox(ours: Target, variants: Mapping[str, str]) -> Iterator[Target]:
    """Open a new sandbox with these variants, as a target without control calls, and drop it at the end.

    Raises:
        ControlRefused: the server does not open it.
        NoServer: the server does not answer.
    """
    given = ScenarioGiven(variants=dict(variants))
    scenario = Scenario(version=1, scenario="compare", title="Compare", given=given)
    with open_sandbox(ours, scenario) as sandbox:
        username = ours.username if sandbox is None else sandbox.tagged(ours.username)
        yield replace(ours, sandbox_server=None, username=username)


def explanations(
    comparisons: Sequence[ScenarioComparison], ours: Target, variants: Mapping[str, str]
) -> Iterator[Explanation]:
    """Yield the variants that each explain some divergences, until all are explained.

    Raises:
        ControlRefused: the server does not open a sandbox.
        NoServer: the server does not answer.
    """
    diverging = [comparison for comparison in comparisons if comparison.divergences]
    if not diverging:
        return
    baseline = _all_divergences(diverging)
    other_variants = list(_other_variants(ours.dialect, variants))
    # If all variants together explain nothing, none of them does.
    if baseline <= _divergences_with({**variants, **dict(other_variants)}, diverging, ours):
        return
    unexplained = len(baseline)
    for name, value in other_variants:
        explains = len(baseline) - len(_divergences_with({**variants, name: value}, diverging, ours))
        if explains > 0:
            unexplained -= explains
            yield Explanation(variant=name, value=value, explains=explains)
        if unexplained <= 0:
            return


def _divergences_with(
    variants: Mapping[str, str], diverging: Sequence[ScenarioComparison], ours: Target
) -> set[FoundDivergence]:
    """Return the divergences that remain if the sandbox has these variants."""
    with open_comparison_sandbox(ours, variants) as target:
        return _all_divergences(
            [_compare_with(comparison.scenario, comparison.theirs, target) for comparison in diverging]
        )


def _all_divergences(comparisons: Sequence[ScenarioComparison]) -> set[FoundDivergence]:
    return {divergence for comparison in comparisons for divergence in comparison.divergences}


def _other_variants(dialect: str, variants: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    active = resolve(variants, dialect)
    for variant in VARIANTS.values():
        yield from ((variant.name, value) for value in variant.values if value != active[variant.name])


def _compare_with(scenario: Scenario, theirs: Result, ours: Target) -> ScenarioComparison:
    """Run the scenario here and compare with `theirs`."""
    own = run_scenario(ScenarioRun(scenario=scenario), ours)
    results = zip(scenario.steps, theirs.steps, own.steps, strict=True)
    steps = tuple(_compare_steps(*results_of_step, ours.dialect) for results_of_step in results)
    return ScenarioComparison(scenario=scenario, theirs=theirs, steps=steps)


def _compare_steps(step: Step, theirs: StepResult, ours: StepResult, dialect: str) -> StepComparison:
    results = zip(step.calls, theirs.calls, ours.calls, strict=False)  # a skipped step has no results
    divergences = tuple(
        divergence
        for (operation, spec), there, here in results
        for divergence in _compare_calls(operation, spec, there, here, dialect)
    )
    return StepComparison(
        step=step.name,
        operation=", ".join(operation for operation, _ in step.calls),
        divergences=divergences,
        skipped=_skip_reason(theirs, "there") or _skip_reason(ours, "here"),
    )


def _skip_reason(step: StepResult, where: str) -> str:
    """Return why the step did not run; empty if it did."""
    problem = step.skipped or next((call.problem for call in step.calls if call.outcome is None), "")
    return f"{where}: {problem}" if problem else ""


def _compare_calls(
    operation: str, spec: RequestSpec, theirs: CallResult, ours: CallResult, dialect: str
) -> Iterator[Divergence]:
    if theirs.outcome is None or ours.outcome is None:
        return
    yield from _compare_outcomes(theirs.outcome, ours.outcome)
    if not isinstance(theirs.outcome, HttpResponse) or not isinstance(ours.outcome, HttpResponse):
        return
    if theirs.outcome.status != ours.outcome.status:
        return  # with another status, everything else differs too
    if OPERATIONS[operation].kind is not Kind.DOWNLOAD:
        nullable = partial(may_be_null, dialect, operation, ours.outcome.status)
        yield from divergences(shape(theirs.outcome.body), shape(ours.outcome.body), nullable)
    yield from _compare_expectations(_unmet_expectations(spec, theirs), _unmet_expectations(spec, ours))


def _compare_outcomes(theirs: HttpOutcome, ours: HttpOutcome) -> Iterator[Divergence]:
    if isinstance(theirs, NoResponse) or isinstance(ours, NoResponse):
        if repr(theirs) != repr(ours):
            yield Divergence("answer", "the answer", repr(theirs), repr(ours))
        return
    codes = [" ".join(error_codes(outcome.body)) or "none" for outcome in (theirs, ours)]
    if theirs.status != ours.status:
        yield Divergence("status", "the status", str(theirs.status), str(ours.status))
    if codes[0] != codes[1]:
        yield Divergence("codes", "the error code", *codes)


def _unmet_expectations(spec: RequestSpec, call: CallResult) -> dict[str, Difference]:
    """Return the differences from what the step expects, by place, without missing values to save."""
    ignored = _REPORTED_OTHERWISE.union(spec.save.values())
    return {difference.at: difference for difference in call.differences if difference.at not in ignored}


def _compare_expectations(theirs: dict[str, Difference], ours: dict[str, Difference]) -> Iterator[Divergence]:
    """Yield the expectations that only one of the sides meets."""
    for place in theirs.keys() - ours.keys():
        expected = f"as expected ({theirs[place].expected})"
        yield Divergence("rule", place, format_value(theirs[place].found), expected)
    for place in ours.keys() - theirs.keys():
        expected = f"as expected ({ours[place].expected})"
        yield Divergence("rule", place, expected, format_value(ours[place].found))
