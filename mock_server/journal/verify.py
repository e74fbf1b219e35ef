"""Verification: expectations of what a client did, with a verdict and near misses for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct
from msgspec.structs import replace

from mock_server.domain.names import shown
from mock_server.input_errors import InputError
from mock_server.journal.entries import Entry, read_entries
from mock_server.journal.hints import similar_operation
from mock_server.journal.journal import Journal, JournalSlice
from mock_server.journal.matching import ExchangeFilter, check_filter, is_match, limit_work, mismatches
from mock_server.journal.near_misses import ExplainContext, explain_mismatches
from mock_server.scenarios.file_format import Duration, StrictStruct
from mock_server.scenarios.matching import Difference
from mock_server.values import duration

MAX_NEAR_MISSES = 3
"""Near misses that are shown per expectation."""

MAX_EXPECTATIONS = 1000
"""Expectations of one verification: each new exchange is compared with all of them."""

MAX_TIMEOUT = 600
"""Seconds that a verification can wait."""

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
    """Expectations that must all hold; with `inOrder`, the exchanges of each before those of the next.

    With `timeout`, the answer waits so long in real time until all hold. A count with an upper bound must
    hold for the whole time.
    """

    expectations: Annotated[tuple[Expectation, ...], Meta(min_length=1)]
    in_order: bool = False
    timeout: Duration | None = None

    @property
    def seconds(self) -> float:
        """The timeout in seconds; 0 without one."""
        return 0.0 if self.timeout is None else duration(self.timeout).total_seconds()


class NearMiss(Struct, frozen=True, kw_only=True):
    """An exchange that almost matches an expectation, and the reasons why it does not."""

    entry: Entry
    reasons: tuple[str, ...]


class Verdict(Struct, frozen=True, kw_only=True):
    """The result for an expectation: `found` has the numbers of the matching exchanges.

    `why` is the reason for a judgment other than `held`.
    """

    expectation: Expectation
    found: tuple[int, ...]
    judgment: Literal["held", "failed", "unknown"]
    why: str | None = None
    misses: tuple[NearMiss, ...] = ()

    @property
    def has_too_few(self) -> bool:
        """Whether more exchanges must match."""
        return len(self.found) < self.expectation.times.at_least

    @property
    def has_too_many(self) -> bool:
        """Whether more exchanges match than may."""
        at_most = self.expectation.times.at_most
        return at_most is not None and len(self.found) > at_most


def check_verification(verification: Verification) -> None:
    """Reject expectations that are invalid or can never hold.

    Raises:
        InputError: the first error and its place.
    """
    if len(verification.expectations) > MAX_EXPECTATIONS:
        count = len(verification.expectations)
        message = f"a call has at most {MAX_EXPECTATIONS} expectations, this one {count}: make several calls"
        raise InputError("$.expectations", message)
    for at, expectation in enumerate(verification.expectations):
        _check_expectation(expectation, f"$.expectations[{at}]")
    try:
        seconds = verification.seconds
    except ValueError as error:
        raise InputError("$.timeout", str(error)) from None
    if seconds > MAX_TIMEOUT:
        raise InputError(
            "$.timeout", f"{shown(verification.timeout)} is longer than {MAX_TIMEOUT // 60} minutes"
        )


def _check_expectation(expectation: Expectation, path: str) -> None:
    check_filter(expectation.request, f"{path}.request")
    times = expectation.times
    if times == Times():
        raise InputError(f"{path}.count", "say a number, atLeast or atMost")
    if times.at_most is not None and times.at_least > times.at_most:
        raise InputError(f"{path}.count", "atLeast is more than atMost")


class Verifier:
    """A verification that continues: `read` compares the exchanges that are new since the last call of it.

    An exchange that was read counts, also if the journal drops it later.
    """

    def __init__(self, verification: Verification, journal: Journal) -> None:
        self._verification = verification
        self._journal = journal
        self._found: tuple[list[int], ...] = tuple([] for _ in verification.expectations)
        self._last = 0
        self._judged: list[Verdict] | None = None
        self._keys = tuple(
            msgspec.msgpack.encode(expectation.request) for expectation in verification.expectations
        )
        self._operations = {
            name for expectation in verification.expectations for name in expectation.request.operations
        }
        self.complete = True

    def read(self) -> None:
        """Compare the new exchanges with each expectation.

        Raises:
            InputError: the comparisons would take too long.
        """
        new = self._journal.read(self._last)
        self._last = max(new.last, self._last)
        if not new.complete and self.complete:
            self.complete, self._judged = False, None
        with self._limit_work(new):
            for entry in read_entries(new):
                for at, found in enumerate(self._found):
                    if self._is_match(at, entry):
                        found.append(entry.number)
                        self._judged = None

    def skip(self, operation: str | None) -> bool:
        """Skip the latest exchange if no expectation is about its operation; return whether it did."""
        if operation in self._operations or None in self._operations or self._journal.last != self._last + 1:
            return False
        self._last += 1
        return True

    @property
    def is_final(self) -> bool:
        """Whether no further exchange can change the result: all expectations hold, or one has too many.

        An expectation with an upper bound that holds may still get too many.
        """
        verdicts = self._judge()
        return any(verdict.has_too_many for verdict in verdicts) or all(
            verdict.judgment == "held" and verdict.expectation.times.at_most is None for verdict in verdicts
        )

    @property
    def holds(self) -> bool:
        """Whether all expectations hold so far."""
        return all(verdict.judgment == "held" for verdict in self._judge())

    def verdicts(self, find_context: Callable[[], ExplainContext]) -> list[Verdict]:
        """Return the verdict on each expectation, with the nearest exchanges if it has too few.

        `find_context` returns the context that explains these; it is called only if there are some.

        Raises:
            InputError: the comparisons would take too long.
        """
        verdicts = self._judge()
        if not any(verdict.has_too_few for verdict in verdicts):
            return verdicts
        context, journal_slice = find_context(), self._journal.read()
        entries = list(read_entries(journal_slice))
        with self._limit_work(journal_slice):
            return [_with_misses(verdict, entries, context) for verdict in verdicts]

    def _is_match(self, number: int, entry: Entry) -> bool:
        """Compare an exchange with an expectation, once for all verifications that expect the same."""
        key = self._keys[number]
        matches = entry.compared.get(key)
        if matches is None:
            request = self._verification.expectations[number].request
            matches = entry.compared[key] = is_match(request, entry)
        return matches

    def _judge(self) -> list[Verdict]:
        if self._judged is None:
            verdicts = [
                _judge(expectation, tuple(found), complete=self.complete)
                for expectation, found in zip(self._verification.expectations, self._found, strict=True)
            ]
            if self._verification.in_order:
                verdicts = list(_check_order(verdicts, complete=self.complete))
            self._judged = verdicts
        return self._judged

    def _limit_work(self, journal_slice: JournalSlice) -> AbstractContextManager[None]:
        return limit_work("$.expectations", len(journal_slice.packed), len(self._verification.expectations))


def _judge(expectation: Expectation, found: tuple[int, ...], *, complete: bool) -> Verdict:
    """Return the verdict on an expectation; `complete` is False if the journal dropped exchanges."""
    verdict = Verdict(expectation=expectation, found=found, judgment="held")
    times = expectation.times
    reason = f"expected {times}, found {_list_numbers(found)}"
    if verdict.has_too_many:
        return replace(verdict, judgment="failed", why=reason)
    if not verdict.has_too_few and (complete or times.at_most is None):
        return verdict
    return _failed_or_unknown(verdict, reason, complete=complete)


def _with_misses(verdict: Verdict, entries: Sequence[Entry], context: ExplainContext) -> Verdict:
    if not verdict.has_too_few:
        return verdict
    found = set(verdict.found)
    other_entries = [entry for entry in entries if entry.number not in found]
    return replace(verdict, misses=_near_misses(verdict.expectation.request, other_entries, context))


def _failed_or_unknown(verdict: Verdict, reason: str, *, complete: bool) -> Verdict:
    """Return the verdict as failed, or as unknown if the journal dropped exchanges."""
    if complete:
        return replace(verdict, judgment="failed", why=reason)
    return replace(verdict, judgment="unknown", why=f"{reason}; {_DROPPED}")


def _check_order(verdicts: Iterable[Verdict], *, complete: bool) -> Iterator[Verdict]:
    """Require that the exchanges of each expectation come after those that the previous one needs."""
    reached = 0
    for verdict in verdicts:
        needed = verdict.expectation.times.at_least
        after = [number for number in verdict.found if number > reached]
        if verdict.judgment != "held" or needed == 0:
            yield verdict
        elif len(after) < needed:
            reason = (
                f"found {_list_numbers(verdict.found)}, but {len(after) or 'none'} after request {reached}"
            )
            if complete:
                reason += ", which completes the previous expectation"
            yield _failed_or_unknown(verdict, reason, complete=complete)
        else:
            reached = after[needed - 1]
            yield verdict


def _list_numbers(numbers: Sequence[int]) -> str:
    if not numbers:
        return "none"
    listed = ", ".join(map(str, numbers[:_MAX_LISTED])) + (" ..." if len(numbers) > _MAX_LISTED else "")
    return f"{len(numbers)} (request{'s' if len(numbers) > 1 else ''} {listed})"


def _near_misses(
    exchange_filter: ExchangeFilter, entries: Sequence[Entry], context: ExplainContext
) -> tuple[NearMiss, ...]:
    """Return the exchanges with the fewest differences; for equal numbers, the latest first."""
    compared = [
        (entry, tuple(mismatches(exchange_filter, entry)))
        for entry in entries
        if _has_operation(exchange_filter, entry)
    ]
    if not compared:
        differences_of_all = ((entry, tuple(mismatches(exchange_filter, entry))) for entry in entries)
        compared = [row for row in differences_of_all if _shares_input(exchange_filter, row[1])]
    compared.sort(key=lambda row: (len(row[1]), -row[0].number))
    return tuple(
        NearMiss(entry=entry, reasons=explain_mismatches(differences, entry, context))
        for entry, differences in compared[:MAX_NEAR_MISSES]
    )


def _has_operation(exchange_filter: ExchangeFilter, entry: Entry) -> bool:
    """Return whether the exchange is, or was probably intended to be, of a wanted operation."""
    if not exchange_filter.operation_names:
        return True
    if entry.operation is None:
        similar = similar_operation(entry.method, entry.path)
        return similar is not None and similar.name in exchange_filter.operation_names
    return entry.operation in exchange_filter.operation_names


def _shares_input(exchange_filter: ExchangeFilter, differences: Sequence[Difference]) -> bool:
    """Return whether a call of another operation has a part of the wanted body or query."""
    members = (
        len(exchange_filter.body)
        if isinstance(exchange_filter.body, dict)
        else exchange_filter.body is not UNSET
    )
    parts = members + len(exchange_filter.query) + len(exchange_filter.json_path)
    missed = (difference.at for difference in differences if difference.at.startswith(("body", "query")))
    # A call without a body is one difference, and misses every member.
    return sum(members if at == "body" else 1 for at in missed) < parts
