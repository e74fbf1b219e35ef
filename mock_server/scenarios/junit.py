"""A run as JUnit XML: a suite per scenario that was played, a case per step."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring  # only written, never read

from mock_server.scenarios.reporting import step_lines
from mock_server.scenarios.results import Result, StepResult

_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
GIVEN = "what is given"
"""The case that stands for a scenario that could not be played at all."""


def junit(results: Sequence[Result]) -> bytes:
    """The results as an XML document."""
    root = Element("testsuites", {"name": "mock-server scenarios", **_counts(results)})
    for result in results:
        suite = SubElement(root, "testsuite", {"name": clean(result.name), **_counts([result])})
        for case in _cases(result):
            suite.append(case)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _counts(results: Sequence[Result]) -> dict[str, str]:
    problems = sum(bool(result.problem) for result in results)
    return {
        "tests": str(problems + sum(len(result.steps) for result in results)),
        "failures": str(sum(result.count("failed") for result in results)),
        "errors": str(problems),
        "skipped": str(sum(result.count("skipped") for result in results)),
        "time": f"{sum(result.took.total_seconds() for result in results):.3f}",
    }


def _cases(result: Result) -> Iterator[Element]:
    if result.problem:
        case = _case(result, GIVEN, 0)
        SubElement(case, "error", message=clean(result.problem))
        yield case
    for step in result.steps:
        yield _judged(result, step)


def _judged(result: Result, step: StepResult) -> Element:
    case = _case(result, step.name, step.took.total_seconds())
    if step.skipped:
        SubElement(case, "skipped", message=clean(step.skipped))
    elif step.failed:
        failed = next(call for call in step.calls if call.failed)
        message = failed.problem or str(failed.differences[0])
        SubElement(case, "failure", message=clean(message)).text = clean("\n".join(step_lines(result, step)))
    return case


def _case(result: Result, name: str, seconds: float) -> Element:
    classname = f"scenarios.{result.name}"
    return Element("testcase", classname=clean(classname), name=clean(name), time=f"{seconds:.3f}")


def clean(text: str) -> str:
    """XML cannot hold every character, and an answer may have any."""
    return _NOT_IN_XML.sub("\ufffd", text)
