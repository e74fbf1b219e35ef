"""Verification: expectations of what a client did, with a verdict and near misses for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct
from msgspec.structs import replace

from mock_server.fixtures.errors import InputError
from mock_server.journal.entries import Entry, read_entries
from mock_server.journal.hints import similar_operation
from mock_server.journal.journal import JournalSlice
from mock_server.journal.matching import ExchangeFilter, check_filter, is_match, limit_work, mismatches
from mock_server.journal.near_misses import ExplainContext, explain_mismatches
from mock_server.scenarios.file_format import StrictStruct
from mock_server.scenarios.matching import Difference

MAX_NEAR_MISSES = 3
"""Near misses that are shown per expectation."""

_MAX_LISTED = 10
"""Numbers of exchanges that a sentence lists."""

_DROPPED = (
    "older requests were dropped from the journal, so the result is unknown:"
    " DELETE /__admin/requests before the test,"
    " or start the server with a larger --journal-entries or --journal-bytes"
)

Calls = Annotated[int, Meta(ge=0, le=1_000_000)]


class Times(StrictStruct, frozen=True, kw_only=True):
    """How many exchanges are expected, bounds included."""

    at_least: Calls = 0
    at_most: Calls | None = None

    def __str__(self) -> str:
        if self.at_least == self.at_most:
            return f"exactly {self.at_least}"
        upper = f"at most {self.at_most}"
        if not self.at_least:
            return upper
        return f"at least {self.at_least}" + (f" and {upper}" if self.at_most is not None else "")


class Expectation(StrictStruct, frozen=True, kw_only=True):
    """The exchanges expected and their number; without `count`, one or more."""

    request: ExchangeFilter
    count: Calls | Times = Times(at_least=1)

    @property
    def times(self) -> Times:
        """The bounds; a plain number is both."""
        return self.count if isinstance(self.count, Times) else Times(at_least=self.count, at_most=self.count)


class Verification(StrictStruct, frozen=True, kw_only=True):
    """Expectations that must all hold; with `inOrder`, the exchanges of each before those of the next."""

    expectations: Annotated[tuple[Expectation, ...], Meta(min_length=1)]
    in_order: bool = False


class NearMiss(Struct, frozen=True, kw_only=True):
    """An exchange that almost matches an expectation, and the reasons why it does not."""

    entry: Entry
    reasons: tuple[str, ...]


class Verdict(Struct, frozen=True, kw_only=True):
    """The result for an expectation: the numbers of the matching exchanges; `why` unless it is `held`."""

    expectation: Expectation
    found: tuple[int, ...]
    judgment: Literal["held", "failed", "unknown"]
    why: str | None = None
    misses: tuple[NearMiss, ...] = ()


def check_verification(wanted: Verification) -> None:
    """Reject expectations that are invalid or can never hold.

    Raises:
        InputError: the first error and its place.
    """
    for at, expectation in enumerate(wanted.expectations):
        path = f"$.expectations[{at}]"
        check_filter(expectation.request, f"{path}.request")
        times = expectation.times
        if times == Times():
            raise InputError(f"{path}.count", "say a number, atLeast or atMost")
        if times.at_most is not None and times.at_least > times.at_most:
            raise InputError(f"{path}.count", "atLeast is more than atMost")


def verify(wanted: Verification, journal_slice: JournalSlice, context: ExplainContext) -> list[Verdict]:
    """Return the verdict on each expectation.

    Raises:
        InputError: the comparisons would take too long.
    """
    entries = list(read_entries(journal_slice))
    complete = journal_slice.complete
    with limit_work("$.expectations", len(entries), len(wanted.expectations)):
        verdicts = [
            _verify_one(expectation, entries, context, complete=complete)
            for expectation in wanted.expectations
        ]
    return list(_check_order(verdicts, complete=complete)) if wanted.in_order else verdicts


def _verify_one(
    expectation: Expectation, entries: Sequence[Entry], context: ExplainContext, *, complete: bool
) -> Verdict:
    times = expectation.times
    found = tuple(entry.number for entry in entries if is_match(expectation.request, entry))
    verdict = Verdict(expectation=expectation, found=found, judgment="held")
    why = f"expected {times}, found {_list_numbers(found)}"
    if times.at_most is not None and len(found) > times.at_most:
        return replace(verdict, judgment="failed", why=why)
    too_few = len(found) < times.at_least
    if not too_few and (complete or times.at_most is None):
        return verdict
    matched = set(found)
    others = [entry for entry in entries if entry.number not in matched] if too_few else []
    misses = _near_misses(expectation.request, others, context)
    return _without_proof(replace(verdict, misses=misses), why, complete=complete)


def _without_proof(verdict: Verdict, why: str, *, complete: bool) -> Verdict:
    """Return the verdict as failed, or as unknown if the journal dropped exchanges."""
    if complete:
        return replace(verdict, judgment="failed", why=why)
    return replace(verdict, judgment="unknown", why=f"{why}; {_DROPPED}")


def _check_order(verdicts: Iterable[Verdict], *, complete: bool) -> Iterator[Verdict]:
    """Require that the exchanges of each expectation come after those that the previous one needs."""
    reached = 0
    for verdict in verdicts:
        least = verdict.expectation.times.at_least
        after = [number for number in verdict.found if number > reached]
        if verdict.judgment != "held" or least == 0:
            yield verdict
        elif len(after) < least:
            why = f"found {_list_numbers(verdict.found)}, but {len(after) or 'none'} after request {reached}"
            if complete:
                why += ", which completes the previous expectation"
            yield _without_proof(verdict, why, complete=complete)
        else:
            reached = after[least - 1]
            yield verdict


def _list_numbers(numbers: Sequence[int]) -> str:
    if not numbers:
        return "none"
    listed = ", ".join(map(str, numbers[:_MAX_LISTED])) + (" ..." if len(numbers) > _MAX_LISTED else "")
    return f"{len(numbers)} (request{'s' if len(numbers) > 1 else ''} {listed})"


def _near_misses(
    wanted: ExchangeFilter, entries: Sequence[Entry], context: ExplainContext
) -> tuple[NearMiss, ...]:
    """Return the exchanges with the fewest differences; for equal numbers, the latest first."""
    compared = [
        (entry, tuple(mismatches(wanted, entry))) for entry in entries if _has_operation(wanted, entry)
    ]
    if not compared:
        all_others = ((entry, tuple(mismatches(wanted, entry))) for entry in entries)
        compared = [row for row in all_others if _shares_input(wanted, row[1])]
    compared.sort(key=lambda row: (len(row[1]), -row[0].number))
    return tuple(
        NearMiss(entry=entry, reasons=explain_mismatches(differences, entry, context))
        for entry, differences in compared[:MAX_NEAR_MISSES]
    )


def _has_operation(wanted: ExchangeFilter, entry: Entry) -> bool:
    """Return whether the exchange is, or was probably intended to be, of a wanted operation."""
    if not wanted.operation_names:
        return True
    if entry.operation is None:
        similar = similar_operation(entry.method, entry.path)
        return similar is not None and similar.name in wanted.operation_names
    return entry.operation in wanted.operation_names


def _shares_input(wanted: ExchangeFilter, differences: Sequence[Difference]) -> bool:
    """Return whether a call of another operation has a part of the wanted body or query."""
    members = len(wanted.body) if isinstance(wanted.body, dict) else wanted.body is not UNSET
    parts = members + len(wanted.query) + len(wanted.json_path)
    return sum(difference.at.startswith(("body", "query")) for difference in differences) < parts
