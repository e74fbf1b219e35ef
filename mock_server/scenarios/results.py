"""The results of a run, and how a response differs from what a step expects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from msgspec import Struct

from mock_server.domain.errors import ERRORS, NOT_FOUND
from mock_server.domain.operations import OPERATIONS, Kind, Operation
from mock_server.scenarios.file_format import Expect, Scenario
from mock_server.scenarios.http_client import HttpOutcome, HttpRequest, HttpResponse, NoResponse
from mock_server.scenarios.matching import ABSENT, Difference, differences, text_differences
from mock_server.values import duration

_SUCCESS, _REFUSED = range(200, 300), range(400, 500)
_NOTHING_FOUND = (200, 404)
"""The statuses of a search without hits."""
REFUSED_COMMAND = {"http400": (400,), "result": (200,), None: (400, 200)}
"""The statuses of a refused command, by the variant `refusals`; None if it is unknown."""
_PROCESS_OPERATIONS = {OPERATIONS["getProcess"], OPERATIONS["listProcesses"]}
"""Operations that report the refusal of an import in a successful answer."""


class CallResult(Struct, frozen=True, kw_only=True):
    """A call: its request, the outcome, and the differences from what was expected.

    `problem` says why it could not be sent or compared; empty if it could.
    """

    name: str
    request: HttpRequest | None = None
    outcome: HttpOutcome | None = None
    differences: tuple[Difference, ...] = ()
    problem: str = ""

    @property
    def failed(self) -> bool:
        """Whether it differs from what was expected."""
        return bool(self.differences or self.problem)

    @property
    def brief(self) -> str:
        """The problem, or the first difference."""
        return self.problem or str(self.differences[0])


class StepResult(Struct, frozen=True, kw_only=True):
    """The result of a step; `place` is its place in the file. `skipped` says why it did not run."""

    name: str
    place: str
    calls: tuple[CallResult, ...] = ()
    skipped: str = ""
    took: timedelta = timedelta()

    @property
    def failed(self) -> bool:
        """Whether one of its calls failed."""
        return any(call.failed for call in self.calls)

    @property
    def verdict(self) -> str:
        """`passed`, `failed` or `skipped`."""
        if self.skipped:
            return "skipped"
        return "failed" if self.failed else "passed"


class Result(Struct, frozen=True, kw_only=True):
    """The result of one run of a scenario. `label` distinguishes it from other runs of the same scenario.

    `problem` says why it could not run at all; empty if it did.
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
        """Whether anything failed."""
        return bool(self.problem or self.failures)

    @property
    def failures(self) -> tuple[StepResult, ...]:
        """The steps that failed."""
        return tuple(step for step in self.steps if step.failed)

    def count(self, verdict: str) -> int:
        """How many steps `passed`, `failed` or were `skipped`."""
        return sum(step.verdict == verdict for step in self.steps)


def response_differences(
    expect: Expect, outcome: HttpOutcome, *, operation: Operation | None = None, refusals: str | None = None
) -> list[Difference]:
    """Return how the outcome differs from what is expected.

    `refusals` is the value of the variant of that name; None if it is not known, as with the vendor.
    """
    took = _duration_differences(expect, outcome)
    if expect.fault is not None:
        return [*_fault_differences(expect, outcome), *took]
    if isinstance(outcome, NoResponse):
        return [Difference("answer", "an answer", outcome), *took]
    statuses = _expected_statuses(expect, operation, refusals)
    return [*_status_differences(statuses, outcome), *_answer_differences(expect, outcome), *took]


def error_codes(body: Any) -> list[str]:
    """Return the error codes in the body of an answer, each once and sorted.

    They are in its messages or its content; in a list of processes, each process can have some.
    """
    content = _member(body, "content")
    results = content if isinstance(content, list) else [content]
    errors = [
        *_list(_member(_member(body, "messages"), "error")),
        *(error for result in results for error in _list(_member(result, "errors"))),
    ]
    codes = [error.get("code") for error in errors if isinstance(error, Mapping)]
    return sorted({code for code in codes if isinstance(code, str)})


def are_not_found(codes: Iterable[str]) -> bool:
    """Whether all of these codes say that something does not exist, which is always a 404."""
    return all(ERRORS[code].not_found for code in codes)


def _status_differences(expected: Sequence[int], response: HttpResponse) -> Iterator[Difference]:
    if response.status not in expected:
        words = f"{expected[0] // 100}xx" if isinstance(expected, range) else " or ".join(map(str, expected))
        yield Difference("status", words, response.status)


def _expected_statuses(expect: Expect, operation: Operation | None, refusals: str | None) -> Sequence[int]:
    if expect.status is not None:
        return expect.statuses
    if expect.refused is None:
        return _NOTHING_FOUND if expect.found == 0 else _SUCCESS
    if operation in _PROCESS_OPERATIONS and any(ERRORS[code].ends_import for code in expect.refused):
        return _SUCCESS
    if are_not_found(expect.refused):
        return (404,)
    is_command = operation is not None and operation.kind is Kind.COMMAND
    return REFUSED_COMMAND[refusals] if is_command else _REFUSED


def _fault_differences(expect: Expect, outcome: HttpOutcome) -> Iterator[Difference]:
    if not outcome.shows_fault(expect.fault):
        yield Difference("fault", str(expect.fault), outcome)
    if isinstance(outcome, HttpResponse) and expect.status is not None:
        yield from _status_differences(_expected_statuses(expect, None, None), outcome)


def _answer_differences(expect: Expect, response: HttpResponse) -> Iterator[Difference]:
    for name, expected in expect.headers.items():
        yield from text_differences(expected, response.headers.get(name.lower()), f"headers.{name}")
    yield from _refusal_differences(expect, response)
    if expect.found is not None and _total(response) != expect.found:
        yield Difference("found", str(expect.found), _total(response))
    yield from differences(expect.body, response.body)
    if expect.text is not None and response.text != expect.text:
        yield Difference("text", repr(expect.text), response.text)


def _refusal_differences(expect: Expect, response: HttpResponse) -> Iterator[Difference]:
    if expect.refused is None:
        return
    codes, expected = error_codes(response.body), sorted(set(expect.refused))
    if codes != expected:
        yield Difference("refused", ", ".join(expected), codes)
    success = _member(_member(response.body, "content"), "success")
    if success not in {None, False}:
        yield Difference("$.content.success", "false", success)


def _total(response: HttpResponse) -> Any:
    """Return the total of a search; 0 for a 404 with NOT_FOUND, as with the variant `emptySearch`."""
    if response.status == HTTPStatus.NOT_FOUND and error_codes(response.body) == [NOT_FOUND.code]:
        return 0
    total = _member(response.body, "totalElements")
    return ABSENT if total is None else total


def _duration_differences(expect: Expect, outcome: HttpOutcome) -> Iterator[Difference]:
    if expect.took is None:
        return
    seconds = outcome.took.total_seconds()
    least, most = expect.took.at_least, expect.took.at_most
    if least is not None and outcome.took < duration(least):
        yield Difference("took", f"at least {least}", f"{seconds:.3f} s")
    if most is not None and outcome.took > duration(most):
        yield Difference("took", f"at most {most}", f"{seconds:.3f} s")


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
