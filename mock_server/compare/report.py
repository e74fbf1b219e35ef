"""Reports of a comparison: a table and sentences for people, JSON and JUnit XML for tools."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from rich.table import Table
from rich.text import Text

from mock_server.compare.comparison import Explanation, ScenarioComparison, StepComparison
from mock_server.compare.shapes import Divergence
from mock_server.domain.names import counted
from mock_server.scenarios.report import JunitCase, escape_control, junit_document

_MAX_CELL = 72
"""Characters of a cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The comparison with an environment, and the variants that explain some of the divergences."""

    base_url: str
    dialect: str
    scenarios: Sequence[ScenarioComparison]
    explanations: Sequence[Explanation]

    @property
    def steps(self) -> list[StepComparison]:
        """All steps."""
        return [step for comparison in self.scenarios for step in comparison.steps]

    @property
    def differs(self) -> bool:
        """Whether there is any divergence."""
        return any(step.divergences for step in self.steps)


def table(report: Report) -> Table:
    """Return a table with a row for each divergence."""
    rows = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("step", "operation", "what", "there", "here"):
        rows.add_column(name, overflow="fold")
    for comparison in report.scenarios:
        for step in comparison.steps:
            for divergence in step.divergences:
                rows.add_row(Text(_step_name(comparison, step)), step.operation, *_cells(divergence))
    return rows


def sentences(report: Report) -> Iterator[str]:
    """Yield sentences: the steps that could not be compared, the explanations, the numbers of steps."""
    for comparison in report.scenarios:
        yield from (
            f"skipped {_step_name(comparison, step)}: {step.skipped}"
            for step in comparison.steps
            if step.skipped
        )
    for explanation in report.explanations:
        yield f"variant {explanation}"
    differing = sum(bool(step.divergences) for step in report.steps)
    skipped = sum(bool(step.skipped) for step in report.steps)
    verdict = f"{differing} with differences" if differing else "nothing differs"
    skips = f", {skipped} skipped" if skipped else ""
    yield f"{counted(len(report.steps) - skipped, 'step')} compared: {verdict}{skips}"


def _step_name(comparison: ScenarioComparison, step: StepComparison) -> str:
    return f"{comparison.scenario.scenario}: {step.step}"


def _cells(divergence: Divergence) -> Iterator[Text]:
    """Yield the place and both sides, cut off to the width of a cell."""
    for words, style in ((divergence.at, ""), (divergence.theirs, "red"), (divergence.ours, "green")):
        text = Text(escape_control(words), style)
        text.truncate(_MAX_CELL, overflow="ellipsis")
        yield text


def as_json(report: Report) -> bytes:
    """Return the whole report as JSON, with the steps that do not differ."""
    content = {
        "baseUrl": report.base_url,
        "dialect": report.dialect,
        "differs": report.differs,
        "explanations": [asdict(item) for item in report.explanations],
        "scenarios": [
            {"scenario": item.scenario.scenario, "steps": [asdict(step) for step in item.steps]}
            for item in report.scenarios
        ],
    }
    return json.dumps(content, indent=2, ensure_ascii=False).encode()


def as_junit(report: Report) -> bytes:
    """Return the report as JUnit XML: a suite for each scenario, a case for each step."""
    suites = {
        comparison.scenario.scenario: [_junit_case(step) for step in comparison.steps]
        for comparison in report.scenarios
    }
    return junit_document("compare", suites)


def _junit_case(step: StepComparison) -> JunitCase:
    lines = [str(divergence) for divergence in step.divergences]
    if step.skipped:
        return JunitCase(step.step, kind="skipped", message=step.skipped)
    if lines:
        return JunitCase(step.step, kind="failure", message=lines[0], details="\n".join(lines))
    return JunitCase(step.step)
