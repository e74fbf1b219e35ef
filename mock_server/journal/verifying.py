"""Expectations of what a client did, and the verdict on each: held, failed, or not to be told any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct
from msgspec.structs import replace

from mock_server.fixtures.errors import InputError
from mock_server.journal.entry import Entry, entries_of
from mock_server.journal.explaining import Known, reasons
from mock_server.journal.journal import Excerpt
from mock_server.journal.questions import Question, check_question, why_not
from mock_server.journal.unmatched import nearest_operation
from mock_server.scenarios.matching import Difference
from mock_server.scenarios.script import Written

MOST_MISSES = 3
"""Near misses told of an expectation."""

Calls = Annotated[int, Meta(ge=0, le=1_000_000)]


class Times(Written, frozen=True, kw_only=True):
    """How many exchanges there are to be, bounds included."""

    at_least: Calls = 0
    at_most: Calls | None = None

    def __str__(self) -> str:
        if self.at_least == self.at_most:
            return f"exactly {self.at_least}"
        upper = f"at most {self.at_most}"
        if not self.at_least:
            return upper
        return f"at least {self.at_least}" + (f" and {upper}" if self.at_most is not None else "")


class Expectation(Written, frozen=True, kw_only=True):
    """So many exchanges of this kind; left out, one or more."""

    request: Question
    count: Calls | Times = Times(at_least=1)

    @property
    def times(self) -> Times:
        """The bounds, a bare number being both."""
        return self.count if isinstance(self.count, Times) else Times(at_least=self.count, at_most=self.count)


class Verification(Written, frozen=True, kw_only=True):
    """All expectations have to hold; `inOrder`, those of one came before those of the next."""

    expectations: Annotated[tuple[Expectation, ...], Meta(min_length=1)]
    in_order: bool = False


class Miss(Struct, frozen=True, kw_only=True):
    """An exchange that is nearly one of those expected, and why it is not."""

    entry: Entry
    reasons: tuple[str, ...]


class Verdict(Struct, frozen=True, kw_only=True):
    """Of an expectation: the numbers of the exchanges found, and what that means; `why` unless it holds."""

    expectation: Expectation
    found: tuple[int, ...]
    judgment: Literal["held", "failed", "unknown"]
    why: str | None = None
    misses: tuple[Miss, ...] = ()


def check_verification(wanted: Verification) -> None:
    """Refuse expectations that cannot be understood, or can never hold.

    Raises:
        InputError: the first thing wrong, and where.
    """
    for at, expectation in enumerate(wanted.expectations):
        path = f"$.expectations[{at}]"
        check_question(expectation.request, f"{path}.request")
        times = expectation.times
        if times == Times():
            raise InputError(f"{path}.count", "say a number, atLeast or atMost")
        if times.at_most is not None and times.at_least > times.at_most:
            raise InputError(f"{path}.count", "atLeast is more than atMost")


def verdicts(wanted: Verification, excerpt: Excerpt, known: Known) -> list[Verdict]:
    """The verdict on each expectation."""
    entries = list(entries_of(excerpt))
    found = [
        _judged(expectation, entries, known, complete=excerpt.complete) for expectation in wanted.expectations
    ]
    return list(_in_order(found, complete=excerpt.complete)) if wanted.in_order else found


def _judged(expectation: Expectation, entries: Sequence[Entry], known: Known, *, complete: bool) -> Verdict:
    times = expectation.times
    compared = [(entry, tuple(why_not(expectation.request, entry))) for entry in entries]
    found = tuple(entry.number for entry, differences in compared if not differences)
    verdict = Verdict(expectation=expectation, found=found, judgment="held")
    if times.at_most is not None and len(found) > times.at_most:
        return replace(verdict, judgment="failed", why=f"expected {times}, found {_these(found)}")
    too_few = len(found) < times.at_least
    if not too_few and (complete or times.at_most is None):
        return verdict
    misses = _near_misses(expectation.request, compared, known) if too_few else ()
    why = f"expected {times}, found {_these(found)}"
    if complete:
        return replace(verdict, judgment="failed", why=why, misses=misses)
    return replace(verdict, judgment="unknown", why=f"{why}; {_FORGOTTEN}", misses=misses)


_FORGOTTEN = (
    "older requests were forgotten, so nobody can tell: DELETE /__admin/requests before the test,"
    " or start the server with a larger --journal-entries or --journal-bytes"
)


def _in_order(found: Sequence[Verdict], *, complete: bool) -> Iterator[Verdict]:
    """The same, where each needs its exchanges to come after those that the one before it needs."""
    reached = 0
    for verdict in found:
        least = verdict.expectation.times.at_least
        after = [number for number in verdict.found if number > reached]
        if verdict.judgment != "held" or least == 0:
            yield verdict
        elif len(after) < least:
            why = f"found {_these(verdict.found)}, but {len(after) or 'none'} after request {reached}"
            if complete:
                yield replace(verdict, judgment="failed", why=f"{why}, where the one before it is met")
            else:
                yield replace(verdict, judgment="unknown", why=f"{why}; {_FORGOTTEN}")
        else:
            reached = after[least - 1]
            yield verdict


def _these(numbers: Sequence[int]) -> str:
    if not numbers:
        return "none"
    listed = ", ".join(map(str, numbers[:10])) + (" ..." if len(numbers) > 10 else "")  # noqa: PLR2004  # enough to look at
    return f"{len(numbers)} (request{'s' if len(numbers) > 1 else ''} {listed})"


def _near_misses(
    question: Question, compared: Sequence[tuple[Entry, tuple[Difference, ...]]], known: Known
) -> tuple[Miss, ...]:
    """The exchanges with the fewest differences; of as many, the latest first."""
    missed = [(entry, differences) for entry, differences in compared if differences]
    close = [row for row in missed if _is_of_kind(question, row[0])] or [
        row for row in missed if _says_the_same(question, row[1])
    ]
    close.sort(key=lambda row: (len(row[1]), -row[0].number))
    return tuple(
        Miss(entry=entry, reasons=reasons(differences, entry, known))
        for entry, differences in close[:MOST_MISSES]
    )


def _is_of_kind(question: Question, entry: Entry) -> bool:
    """Of the operation asked for, or probably meant to be."""
    if not question.operations:
        return True
    if entry.operation is None:
        meant = nearest_operation(entry.method, entry.path)
        return meant is not None and meant.name in question.operations
    return entry.operation in question.operations


def _says_the_same(question: Question, differences: Sequence[Difference]) -> bool:
    """Of another operation, but something of what is asked for was said all the same."""
    members = len(question.body) if isinstance(question.body, dict) else question.body is not UNSET
    asked = members + len(question.query) + len(question.json_path)
    return sum(difference.at.startswith(("body", "query")) for difference in differences) < asked
