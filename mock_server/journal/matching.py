"""Filters for the journal: which exchanges match a description of the request and of its answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta
from msgspec.structs import replace

from mock_server.domain.errors import ERRORS
from mock_server.domain.names import shown
from mock_server.input_errors import InputError
from mock_server.journal.entries import Entry, read_entries
from mock_server.journal.hints import WARNINGS, similar_name
from mock_server.journal.journal import JournalSlice
from mock_server.scenarios.file_format import Code, Expected, RequestPattern
from mock_server.scenarios.matching import (
    Difference,
    ReceivedRequest,
    check_status_expectation,
    differences,
    request_differences,
    text_differences,
)
from mock_server.scenarios.patterns import limit_steps, spend_steps
from mock_server.scenarios.rule_validation import pattern_errors, raise_first

WarningCode = Annotated[str, Meta(extra_json_schema={"enum": list(WARNINGS)})]

MAX_STEPS = 20_000
"""Steps that the comparisons of one control call may take: it must not hold up other calls for 100 ms."""

_STEPS_PER_EXCHANGE = 10
"""Steps that each exchange and filter add to `MAX_STEPS`; ordinary ones need fewer."""

_VALUES_PER_STEP = 4
"""Values of a body that are parsed in the time of one step."""


class ExchangeFilter(RequestPattern, frozen=True, kw_only=True):
    """A call as a rule's `when` describes it, and its answer.

    `code` is one that the answer reports: of a refusal, or of an import. `rule` is the name of the rule that
    changed the answer; `warning` is the code of a warning about the call.
    """

    status: Expected = UNSET
    code: Code | tuple[Code, ...] | None = None
    rule: Expected = UNSET
    warning: WarningCode | tuple[WarningCode, ...] | None = None

    @property
    def operation_names(self) -> tuple[str, ...]:
        """The operations to match, empty for all."""
        return tuple(name for name in self.operations if name is not None)

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes to match, empty for all."""
        return _as_tuple(self.code)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The codes of warnings to match, empty for all."""
        return _as_tuple(self.warning)

    @property
    def as_json(self) -> dict[str, Any]:
        """The filter as JSON, with the members that the caller set."""
        return dict(msgspec.to_builtins(self))


def _as_tuple(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def check_filter(exchange_filter: ExchangeFilter, path: str) -> None:
    """Reject a filter that no exchange can be compared with; `path` is its place.

    Raises:
        InputError: an operation, an operator, a JSONPath or a code is invalid.
    """
    raise_first(pattern_errors(exchange_filter, path))
    try:
        check_status_expectation(exchange_filter.status)
    except ValueError as error:
        raise InputError(f"{path}.status", str(error)) from None
    for member, kind, codes, known in (
        ("code", "error code", exchange_filter.codes, ERRORS),
        ("warning", "warning", exchange_filter.warnings, WARNINGS),
    ):
        for code in codes:
            if code not in known:
                similar = similar_name(code, known)
                hint = f"did you mean {shown(similar)}?" if similar else f"there are {', '.join(known)}"
                raise InputError(f"{path}.{member}", f"there is no {kind} {shown(code)}; {hint}")


def limit_work(path: str, exchanges: int, filters: int = 1) -> AbstractContextManager[None]:
    """Limit the steps of comparing so many exchanges with filters; `path` is the place of the filters.

    Raises:
        InputError: they need more.
    """
    limit = MAX_STEPS + _STEPS_PER_EXCHANGE * exchanges * filters
    return limit_steps(
        limit,
        path,
        f"comparing the bodies in the journal takes more than {limit} steps: name an operation,"
        " nest fewer operators, or DELETE /__admin/requests before the test",
    )


def find_entries(exchange_filter: ExchangeFilter, journal_slice: JournalSlice) -> list[Entry]:
    """Return the exchanges that match, oldest first.

    Raises:
        InputError: the comparisons would take too long.
    """
    with limit_work("$", len(journal_slice.packed)):
        return [entry for entry in read_entries(journal_slice) if is_match(exchange_filter, entry)]


def is_match(exchange_filter: ExchangeFilter, entry: Entry) -> bool:
    """Return whether the exchange matches."""
    if exchange_filter.operation is not None and entry.operation not in exchange_filter.operations:
        return False  # most filters name an operation: nothing else of the exchange is decoded
    return next(mismatches(exchange_filter, entry), None) is None


def mismatches(exchange_filter: ExchangeFilter, entry: Entry) -> Iterator[Difference]:
    """Return why the exchange does not match; the cheapest comparisons come first."""
    if exchange_filter.operation_names and entry.operation not in exchange_filter.operation_names:
        yield Difference("operation", " or ".join(exchange_filter.operation_names), entry.operation)
    yield from differences(exchange_filter.status, entry.status, "status")
    if exchange_filter.rule is not UNSET:
        yield from text_differences(exchange_filter.rule, entry.rule, "rule")
    yield from _code_mismatches(exchange_filter, entry)
    for difference in request_differences(exchange_filter, _request_of(exchange_filter, entry)):
        if difference.at != "operation":
            yield difference


def _code_mismatches(exchange_filter: ExchangeFilter, entry: Entry) -> Iterator[Difference]:
    if exchange_filter.codes and not set(exchange_filter.codes) & set(entry.codes):
        yield Difference("code", " or ".join(exchange_filter.codes), list(entry.codes))
    if exchange_filter.warnings:
        spend_steps(entry.exchange.body.count(b",") // _VALUES_PER_STEP)
        warnings = [hint.code for hint in entry.hints]
        if not set(exchange_filter.warnings) & set(warnings):
            yield Difference("warning", " or ".join(exchange_filter.warnings), warnings)


def nearest_pattern(
    patterns: Iterable[tuple[str, RequestPattern]], entry: Entry
) -> tuple[str, tuple[Difference, ...]] | None:
    """Return the name and the differences of the pattern that the exchange misses by least.

    Patterns of other operations, and patterns that match, are left out.

    Raises:
        InputError: the comparisons would take too long.
    """
    same = [
        (name, pattern)
        for name, pattern in patterns
        if pattern.operation is None or entry.operation in pattern.operations
    ]
    with limit_work("$", 1, len(same)):
        compared = [(name, tuple(_pattern_differences(pattern, entry))) for name, pattern in same]
    missed = [row for row in compared if row[1]]
    return min(missed, key=lambda row: len(row[1]), default=None)


def _pattern_differences(pattern: RequestPattern, entry: Entry) -> Iterator[Difference]:
    if isinstance(pattern, ExchangeFilter):
        return mismatches(pattern, entry)
    return request_differences(pattern, _request_of(pattern, entry))


def _request_of(pattern: RequestPattern, entry: Entry) -> ReceivedRequest:
    """Return the request, with its body if the filter needs it."""
    bodies = (pattern.body is not UNSET) + len(pattern.json_path)
    if not bodies:
        return entry.request
    spend_steps(bodies * entry.exchange.body.count(b",") // _VALUES_PER_STEP)
    return replace(entry.request, body=entry.body.value)
