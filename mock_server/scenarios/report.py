"""Reports of a run: a table and the details of failures for people, JUnit XML for tools."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring  # only written, never read

from rich.table import Table
from rich.text import Text

from mock_server.domain.names import counted
from mock_server.fixtures.yaml_files import line_of, read_text
from mock_server.scenarios.http_client import HttpOutcome, HttpResponse
from mock_server.scenarios.matching import format_value
from mock_server.scenarios.results import CallResult, Result, StepResult

SETUP = "setup"
"""The test case in JUnit XML of a scenario that could not run at all."""
_MAX_BODY_LINES = 24
"""Lines of a body in a report."""
_MAX_SHORT_JSON = 100
"""Characters of JSON that is written on one line."""
_MAX_REASON = 120
"""Characters of the reason in a row of the table."""
_SECRETS = {"access_token", "refresh_token"}
_STYLES = {"FAILED": "bold red", "  -": "red", "  +": "green"}
_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def table(results: Sequence[Result]) -> Table:
    """Return a table with a row for each run."""
    has_reasons = any(result.failed or result.count("skipped") for result in results)
    rows = Table(box=None, header_style="bold", pad_edge=False)
    rows.add_column("scenario", no_wrap=True)
    for name in ("steps", "passed", "failed", "skipped"):
        rows.add_column(name, justify="right")
    if has_reasons:
        rows.add_column("reason", overflow="fold")
    for result in results:
        counts = [result.count(verdict) for verdict in ("passed", "failed", "skipped")]
        style = "red" if result.failed else "yellow" if any(counts[1:]) else "green"
        cells = [str(len(result.steps)), *(str(count or "-") for count in counts)]
        reason = [Text(escape_control(_reason(result)))] if has_reasons else []
        rows.add_row(Text(result.name, style), *cells, *reason)
    return rows


def summary(results: Sequence[Result], seconds: float) -> str:
    """Return one sentence about all runs."""
    steps = sum(len(result.steps) for result in results)
    failed = sum(result.failed for result in results)
    skipped = sum(result.count("skipped") for result in results)
    verdict = f"{counted(failed, 'scenario')} failed" if failed else "all passed"
    skips = f", {counted(skipped, 'step')} skipped" if skipped else ""
    return f"{len(results)} played, {counted(steps, 'step')}: {verdict}{skips}, in {seconds:.1f} s"


def failure_lines(result: Result) -> Iterator[str]:
    """Yield the details of everything that failed in a run."""
    if result.problem:
        yield f"FAILED {result.name}"
        yield f"  {result.problem}"
    for step in result.failures:
        yield f"FAILED {result.name}: {step.name}"
        yield from step_lines(result, step)


def step_lines(result: Result, step: StepResult) -> Iterator[str]:
    """Yield file and line of the step, and each of its calls that failed."""
    if result.file is not None:
        yield f"  {_relative(result.file)}:{line_of(read_text(result.file), step.place)}"
    for call in step.calls:
        if call.failed:
            yield from _call_lines(call)


def styled(line: str) -> Text:
    """Return the line for a terminal."""
    style = next((style for start, style in _STYLES.items() if line.startswith(start)), "")
    return Text(escape_control(line), style)


def escape_control(text: str) -> str:
    """Escape characters that are not printable: an answer may contain control sequences of a terminal."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _relative(path: Path) -> Path:
    """The path relative to the current folder, if it is inside."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _call_lines(call: CallResult) -> Iterator[str]:
    yield f"  {call.name}"
    if call.request is not None:
        yield from _labelled("sent", [str(call.request), *call.request.readable_body.splitlines()])
    if call.outcome is not None:
        yield from _labelled("answered", _outcome_lines(call.outcome))
    if call.problem:
        yield f"  {call.problem}"
    if call.differences:
        yield "  --- expected"
        yield "  +++ found"
    for difference in call.differences:
        yield f"  - {difference.at}: {difference.expected}"
        yield f"  + {difference.at}: {format_value(difference.found)}"


def _labelled(label: str, lines: Sequence[str]) -> Iterator[str]:
    yield f"    {label:<9} {lines[0]}"
    for line in lines[1:]:
        yield f"    {'':<9} {line}"


def _outcome_lines(outcome: HttpOutcome) -> list[str]:
    took = f"in {outcome.took.total_seconds() * 1000:.0f} ms"
    if not isinstance(outcome, HttpResponse):
        return [f"{outcome!r}, {took}"]
    extra = [f"{name}: {value}" for name, value in outcome.headers.items() if name.startswith("x-mock-")]
    return [f"{outcome.status} {took}", *extra, *_body_lines(outcome)]


def _body_lines(response: HttpResponse) -> list[str]:
    kind = response.headers.get("content-type", "")
    if kind.startswith(("application/pdf", "application/octet-stream", "image/")):
        return [f"{counted(len(response.content), 'byte')} of {kind}"]
    body = response.body
    if isinstance(body, Mapping):
        body = {name: "***" if name in _SECRETS else value for name, value in body.items()}
    lines = _format_json(body).splitlines() if response.content else []
    omitted = len(lines) - _MAX_BODY_LINES
    return lines if omitted <= 0 else [*lines[:_MAX_BODY_LINES], f"... and {counted(omitted, 'more line')}"]


def _format_json(body: Any) -> str:
    if isinstance(body, str):
        return body
    short = json.dumps(body, ensure_ascii=False)
    return short if len(short) <= _MAX_SHORT_JSON else json.dumps(body, ensure_ascii=False, indent=1)


def _reason(result: Result) -> str:
    """Return why the run failed or skipped a step, on one line: the first problem, difference or reason."""
    if result.problem:
        return result.problem
    call = next((call for step in result.failures for call in step.calls if call.failed), None)
    if call is None:
        return next((step.skipped for step in result.steps if step.skipped), "")
    return shorten(call.brief, _MAX_REASON, placeholder=" ...")


class JunitCase(NamedTuple):
    """A test case: `kind` is empty if it passed, else `failure`, `error` or `skipped`."""

    name: str
    seconds: float | None = None
    kind: str = ""
    message: str = ""
    details: str | None = None


def junit(results: Sequence[Result]) -> bytes:
    """Return the results as JUnit XML: a suite for each run, a case for each step."""
    return junit_document("scenarios", {result.name: list(_junit_cases(result)) for result in results})


def _junit_cases(result: Result) -> Iterator[JunitCase]:
    if result.problem:
        yield JunitCase(SETUP, 0, "error", result.problem)
    for step in result.steps:
        case = JunitCase(step.name, step.took.total_seconds())
        if step.skipped:
            case = case._replace(kind="skipped", message=step.skipped)
        elif step.failed:
            message = next(call.brief for call in step.calls if call.failed)
            details = "\n".join(step_lines(result, step))
            case = case._replace(kind="failure", message=message, details=details)
        yield case


def junit_document(command: str, suites: Mapping[str, Sequence[JunitCase]]) -> bytes:
    """Return the JUnit XML of a command; `suites` has the test cases of each suite by its name."""
    every_case = [case for cases in suites.values() for case in cases]
    root = Element("testsuites", {"name": f"mock-server {command}", **_counts(every_case)})
    for name, cases in suites.items():
        suite = SubElement(root, "testsuite", {"name": _xml_text(name), **_counts(cases)})
        for case in cases:
            time = {} if case.seconds is None else {"time": f"{case.seconds:.3f}"}
            names = {"classname": _xml_text(f"{command}.{name}"), "name": _xml_text(case.name)}
            element = SubElement(suite, "testcase", names | time)
            if case.kind:
                problem = SubElement(element, case.kind, message=_xml_text(case.message))
                problem.text = None if case.details is None else _xml_text(case.details)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _counts(cases: Sequence[JunitCase]) -> dict[str, str]:
    kinds = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    counts = {name: str(sum(case.kind == kind for case in cases)) for name, kind in kinds.items()}
    seconds = [case.seconds for case in cases if case.seconds is not None]
    time = {"time": f"{sum(seconds):.3f}"} if seconds else {}
    return {"tests": str(len(cases)), **counts, **time}


def _xml_text(text: str) -> str:
    """Replace the characters of an answer that XML does not allow."""
    return _NOT_IN_XML.sub("\ufffd", text)
