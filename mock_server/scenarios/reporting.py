"""What a run tells a person: a table of the scenarios; of each failure what was sent, expected and found."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

from rich.table import Table
from rich.text import Text

from mock_server.fixtures.yaml_files import line_of, read_text
from mock_server.scenarios.client import Answer, Outcome
from mock_server.scenarios.matching import shown
from mock_server.scenarios.results import CallResult, Result, StepResult

_LONGEST_BODY = 24
"""Lines of a body that are shown."""
_LONGEST_BRIEF = 120
_SECRETS = {"access_token", "refresh_token"}
_STYLES = {"FAILED": "bold red", "  -": "red", "  +": "green"}


def table(results: Sequence[Result]) -> Table:
    """A row per scenario that was played."""
    differed = any(result.failed or result.count("skipped") for result in results)
    found = Table(box=None, header_style="bold", pad_edge=False)
    found.add_column("scenario", no_wrap=True)
    for name in ("steps", "passed", "failed", "skipped"):
        found.add_column(name, justify="right")
    if differed:
        found.add_column("what differed", overflow="fold")
    for result in results:
        counts = [result.count(verdict) for verdict in ("passed", "failed", "skipped")]
        style = "red" if result.failed else "yellow" if any(counts[1:]) else "green"
        cells = [str(len(result.steps)), *(str(count or "-") for count in counts)]
        brief = [Text(printable(_brief(result)))] if differed else []
        found.add_row(Text(result.name, style), *cells, *brief)
    return found


def summary(results: Sequence[Result], seconds: float) -> str:
    """One sentence on all of them."""
    steps = sum(len(result.steps) for result in results)
    failed = sum(result.failed for result in results)
    skipped = sum(result.count("skipped") for result in results)
    verdict = f"{failed} of them failed" if failed else "all passed"
    left_out = f", {skipped} steps skipped" if skipped else ""
    return f"{len(results)} played, {steps} steps: {verdict}{left_out}, in {seconds:.1f} s"


def failure_lines(result: Result) -> Iterator[str]:
    """What a reader needs to see of everything in it that was not as expected."""
    if result.problem:
        yield f"FAILED {result.name}"
        yield f"  {result.problem}"
    for step in result.failures:
        yield f"FAILED {result.name}: {step.name}"
        yield from step_lines(result, step)


def step_lines(result: Result, step: StepResult) -> Iterator[str]:
    """Where the step stands, and each of its calls that was not as expected."""
    if result.file is not None:
        yield f"  {_near(result.file)}:{line_of(read_text(result.file), step.place)}"
    for call in step.calls:
        if call.failed:
            yield from _call_lines(call)


def styled(line: str) -> Text:
    """The line as a terminal shows it."""
    style = next((style for start, style in _STYLES.items() if line.startswith(start)), "")
    return Text(printable(line), style)


def printable(text: str) -> str:
    """The text with what a terminal would obey, or would not show, as escapes: anything may have come."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def _near(path: Path) -> Path:
    """The path from here, where it leads down."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _call_lines(call: CallResult) -> Iterator[str]:
    yield f"  {call.name}"
    if call.sent is not None:
        yield from _listed("sent", [str(call.sent), *call.sent.shown_body.splitlines()])
    if call.outcome is not None:
        yield from _listed("answered", _outcome_lines(call.outcome))
    if call.problem:
        yield f"  {call.problem}"
    if call.differences:
        yield "  --- expected"
        yield "  +++ found"
    for difference in call.differences:
        yield f"  - {difference.at}: {difference.expected}"
        yield f"  + {difference.at}: {shown(difference.found)}"


def _listed(word: str, lines: Sequence[str]) -> Iterator[str]:
    yield f"    {word:<9} {lines[0]}"
    for line in lines[1:]:
        yield f"    {'':<9} {line}"


def _outcome_lines(outcome: Outcome) -> list[str]:
    took = f"in {outcome.took.total_seconds() * 1000:.0f} ms"
    if not isinstance(outcome, Answer):
        return [f"{outcome!r}, {took}"]
    ours = [f"{name}: {value}" for name, value in outcome.headers.items() if name.startswith("x-mock-")]
    return [f"{outcome.status} {took}", *ours, *_body_lines(outcome)]


def _body_lines(answer: Answer) -> list[str]:
    if _is_binary(answer):
        return [f"{len(answer.content)} bytes of {answer.headers['content-type']}"]
    body = answer.body
    if isinstance(body, Mapping):
        body = {name: "***" if name in _SECRETS else value for name, value in body.items()}
    lines = _pretty(body).splitlines() if answer.content else []
    left = len(lines) - _LONGEST_BODY
    return lines if left <= 0 else [*lines[:_LONGEST_BODY], f"... and {left} lines more"]


def _is_binary(answer: Answer) -> bool:
    kind = answer.headers.get("content-type", "")
    return kind.startswith(("application/pdf", "application/octet-stream", "image/"))


def _pretty(body: Any) -> str:
    if isinstance(body, str):
        return body
    short = json.dumps(body, ensure_ascii=False)
    return short if len(short) <= 100 else json.dumps(body, ensure_ascii=False, indent=1)  # noqa: PLR2004


def _brief(result: Result) -> str:
    """The first thing that differed, in a line."""
    if result.problem:
        return result.problem
    call = next((call for step in result.failures for call in step.calls if call.failed), None)
    if call is None:
        return next((step.skipped for step in result.steps if step.skipped), "")
    return shorten(call.problem or str(call.differences[0]), _LONGEST_BRIEF, placeholder=" ...")
