"""What came back against what a step expects: the reasons why it does not fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from mock_server.domain.errors import ERRORS, NOT_FOUND
from mock_server.domain.operations import OPERATIONS, Kind, Operation
from mock_server.scenarios.client import Answer, NoAnswer, Outcome
from mock_server.scenarios.matching import ABSENT, Difference, differences, text_differences
from mock_server.scenarios.script import Expect
from mock_server.settings import duration

_SUCCESS, _REFUSED = range(200, 300), range(400, 500)
_NOTHING_FOUND = (200, 404)
_OF_A_COMMAND = {"http400": (400,), "result": (200,), None: (400, 200)}
_TOLD_BY = {OPERATIONS["getProcess"], OPERATIONS["listProcesses"]}
"""Operations that tell the refusal of an import in what they answer with success."""


def judged(
    expect: Expect, outcome: Outcome, *, operation: Operation | None = None, refusals: str | None = None
) -> list[Difference]:
    """Why the outcome is not what is expected; nothing when it is.

    `refusals` is the variant of that name; None where it is not known, as with the vendor.
    """
    found = list(_timing(expect, outcome))
    if expect.fault is not None:
        return [*_fault(expect, outcome), *found]
    if isinstance(outcome, NoAnswer):
        return [Difference("answer", "an answer", outcome), *found]
    return [
        *_status(_expected_status(expect, operation, refusals), outcome),
        *_headers(expect, outcome),
        *_refusal(expect, outcome),
        *_found(expect, outcome),
        *differences(expect.body, outcome.body),
        *_text(expect, outcome),
        *found,
    ]


def told_codes(body: Any) -> list[str]:
    """The codes of the errors in an answer, of its messages or of its content, each once.

    A list of processes tells those of each.
    """
    content = _member(body, "content")
    results = content if isinstance(content, list) else [content]
    told = [
        *_listed(_member(_member(body, "messages"), "error")),
        *(error for result in results for error in _listed(_member(result, "errors"))),
    ]
    codes = [error.get("code") for error in told if isinstance(error, Mapping)]
    return sorted({code for code in codes if isinstance(code, str)})


def has_own_status(codes: tuple[str, ...]) -> bool:
    """Whether these codes say that something does not exist, which is a 404 whoever asked."""
    return all(ERRORS[code].places == "404" for code in codes)


def _status(expected: Sequence[int], answer: Answer) -> Iterator[Difference]:
    if answer.status not in expected:
        words = f"{expected[0] // 100}xx" if isinstance(expected, range) else " or ".join(map(str, expected))
        yield Difference("status", words, answer.status)


def _expected_status(expect: Expect, operation: Operation | None, refusals: str | None) -> Sequence[int]:
    if expect.status is not None:
        return expect.status if isinstance(expect.status, tuple) else (expect.status,)
    if expect.refused is None:
        return _NOTHING_FOUND if expect.found == 0 else _SUCCESS
    if operation in _TOLD_BY and any("P" in ERRORS[code].places for code in expect.refused):
        return _SUCCESS
    if has_own_status(expect.refused):
        return (404,)
    is_command = operation is not None and operation.kind is Kind.COMMAND
    return _OF_A_COMMAND[refusals] if is_command else _REFUSED


def _fault(expect: Expect, outcome: Outcome) -> Iterator[Difference]:
    if outcome.symptom != expect.fault:
        yield Difference("fault", str(expect.fault), outcome)
    if isinstance(outcome, Answer) and expect.status is not None:
        yield from _status(_expected_status(expect, None, None), outcome)


def _headers(expect: Expect, answer: Answer) -> Iterator[Difference]:
    for name, expected in expect.headers.items():
        yield from text_differences(expected, answer.headers.get(name.lower()), f"headers.{name}")


def _refusal(expect: Expect, answer: Answer) -> Iterator[Difference]:
    if expect.refused is None:
        return
    codes, wanted = told_codes(answer.body), sorted(set(expect.refused))
    if codes != wanted:
        yield Difference("refused", ", ".join(wanted), codes)
    success = _member(_member(answer.body, "content"), "success")
    if success not in {None, False}:
        yield Difference("$.content.success", "False", success)


def _found(expect: Expect, answer: Answer) -> Iterator[Difference]:
    if expect.found is not None and _total(answer) != expect.found:
        yield Difference("found", str(expect.found), _total(answer))


def _total(answer: Answer) -> Any:
    """How many a search found; a 404 that says so found none, as the variant `emptySearch` has it."""
    if answer.status == HTTPStatus.NOT_FOUND and told_codes(answer.body) == [NOT_FOUND.code]:
        return 0
    total = _member(answer.body, "totalElements")
    return ABSENT if total is None else total


def _text(expect: Expect, answer: Answer) -> Iterator[Difference]:
    if expect.text is not None and answer.text != expect.text:
        yield Difference("text", repr(expect.text), answer.text)


def _timing(expect: Expect, outcome: Outcome) -> Iterator[Difference]:
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


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
