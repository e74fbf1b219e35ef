"""What a comparison tells: a table and sentences for a person, JSON and JUnit XML for machines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from xml.etree.ElementTree import Element, SubElement, tostring  # only written, never read

from rich.table import Table
from rich.text import Text

from mock_server.comparing.comparison import Compared, Played
from mock_server.comparing.explaining import Explanation
from mock_server.comparing.shapes import Divergence
from mock_server.scenarios.junit import clean
from mock_server.scenarios.reporting import printable

_LONGEST = 72
"""Characters of a cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Who was compared, what was played, and which variants explain some of what differs."""

    base_url: str
    dialect: str
    played: Sequence[Played]
    explanations: Sequence[Explanation]

    @property
    def steps(self) -> list[Compared]:
        """All steps."""
        return [step for one in self.played for step in one.steps]

    @property
    def differs(self) -> bool:
        """Whether anything does."""
        return any(step.divergences for step in self.steps)


def table(report: Report) -> Table:
    """A row for each thing that differs."""
    found = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("step", "operation", "what", "there", "here"):
        found.add_column(name, overflow="fold")
    for one in report.played:
        for step in one.steps:
            for divergence in step.divergences:
                found.add_row(Text(_name(one, step)), step.operation, *_cells(divergence))
    return found


def sentences(report: Report) -> Iterator[str]:
    """What could not be compared, what explains the differences, and how many there are."""
    for one in report.played:
        yield from (f"skipped {_name(one, step)}: {step.skipped}" for step in one.steps if step.skipped)
    for explanation in report.explanations:
        yield f"variant {explanation}"
    differing = sum(bool(step.divergences) for step in report.steps)
    skipped = sum(bool(step.skipped) for step in report.steps)
    verdict = f"{differing} with differences" if differing else "nothing differs"
    left_out = f", {skipped} skipped" if skipped else ""
    yield f"{len(report.steps) - skipped} steps compared: {verdict}{left_out}"


def _name(played: Played, step: Compared) -> str:
    return f"{played.scenario.scenario}: {step.step}"


def _cells(divergence: Divergence) -> Iterator[Text]:
    """What differs, and both sides of it, no longer than a row can show."""
    for words, style in ((divergence.at, ""), (divergence.theirs, "red"), (divergence.ours, "green")):
        text = Text(printable(words), style)
        text.truncate(_LONGEST, overflow="ellipsis")
        yield text


def as_json(report: Report) -> bytes:
    """All of it, what did not differ included."""
    content = {
        "baseUrl": report.base_url,
        "dialect": report.dialect,
        "differs": report.differs,
        "explanations": [asdict(one) for one in report.explanations],
        "scenarios": [
            {"scenario": one.scenario.scenario, "steps": [asdict(step) for step in one.steps]}
            for one in report.played
        ],
    }
    return json.dumps(content, indent=2, ensure_ascii=False).encode()


def as_junit(report: Report) -> bytes:
    """A suite per scenario, a case per step."""
    root = Element("testsuites", {"name": "mock-server compare", **_counts(report.steps)})
    for one in report.played:
        suite = SubElement(root, "testsuite", {"name": one.scenario.scenario, **_counts(one.steps)})
        for step in one.steps:
            classname = f"compare.{one.scenario.scenario}"
            _judge(SubElement(suite, "testcase", classname=classname, name=clean(step.step)), step)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _counts(steps: Sequence[Compared]) -> dict[str, str]:
    return {
        "tests": str(len(steps)),
        "failures": str(sum(bool(step.divergences) for step in steps)),
        "skipped": str(sum(bool(step.skipped) for step in steps)),
    }


def _judge(case: Element, step: Compared) -> None:
    told = [clean(str(one)) for one in step.divergences]
    if step.skipped:
        SubElement(case, "skipped", message=clean(step.skipped))
    elif told:
        SubElement(case, "failure", message=told[0]).text = "\n".join(told)
