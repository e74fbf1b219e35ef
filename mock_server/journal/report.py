"""A report of what clients did: calls, polls, retries, slow requests, refusals and warnings, as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from http import HTTPStatus
from itertools import pairwise
from statistics import median

from mock_server.domain.errors import ERRORS
from mock_server.domain.names import counted
from mock_server.journal.coverage import ExchangeCounts, compute_coverage
from mock_server.journal.entries import Entry, read_entries
from mock_server.journal.hints import WARNINGS
from mock_server.journal.journal import Journal
from mock_server.tables import Table

_MAX_SLOWEST = 5
_RETRIED = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


def report_tables(counts: ExchangeCounts, journals: Iterable[Journal]) -> list[Table]:
    """Return the report of these counts, and of the requests that the journals keep."""
    entries_by_journal = [list(read_entries(journal.read())) for journal in journals]
    entries = [entry for entries_of_journal in entries_by_journal for entry in entries_of_journal]
    total = sum(counts.by_kind.values())
    kept_count = f"{len(entries):,} of {counted(total, 'request')}"
    sentence = f"The journal keeps {kept_count}; the tables below are about these."
    return [
        _calls(counts),
        _refusals(counts),
        _warnings(entries, sentence if len(entries) < total else ""),
        _polls(entries),
        _retries(entries_by_journal),
        _slowest(entries),
    ]


def _calls(counts: ExchangeCounts) -> Table:
    rows = []
    for operation, statuses in compute_coverage(counts, ()).statuses.items():
        failed = sum(times for status, times in statuses.items() if not status.startswith("2"))
        listed = ", ".join(f"{status}: {times}" for status, times in sorted(statuses.items()))
        rows.append((operation, sum(statuses.values()), failed, listed))
    rows.sort(key=lambda row: -row[1])
    unmatched = f" {counts.unmatched} had an unknown path or method." if counts.unmatched else ""
    sentence = f"{counted(sum(counts.by_kind.values()), 'request')}.{unmatched}"
    return Table("Calls", ("operation", "calls", "without success", "statuses"), rows, sentence)


def _refusals(counts: ExchangeCounts) -> Table:
    met = compute_coverage(counts, ()).codes.met
    rows = [(code, times, ERRORS[code].label_en) for code, times in met.items()]
    return Table("Error codes", ("code", "answers", "meaning"), rows, "" if rows else "None.")


def _warnings(entries: Iterable[Entry], sentence: str) -> Table:
    counter = Counter(hint.code for entry in entries for hint in entry.hints)
    rows = [(code, times, WARNINGS[code]) for code, times in counter.most_common()]
    return Table(
        "Warnings", ("warning", "requests", "given for"), rows, sentence or ("" if rows else "None.")
    )


def _polls(entries: Iterable[Entry]) -> Table:
    polls = Counter(entry.ids.get("processId") for entry in entries if entry.operation == "getProcess")
    if not polls:
        return Table("Requests per import", sentence="No client asked for the status of an import.")
    rows = [(len(polls), f"{median(polls.values()):g}", max(polls.values()))]
    return Table("Requests per import", ("imports", "median", "most"), rows)


def _retries(entries_by_journal: Iterable[list[Entry]]) -> Table:
    """Count requests that repeat the previous one after a temporary failure."""
    retried = Counter(
        second.operation
        for entries in entries_by_journal
        for first, second in pairwise(entries)
        if _failed_temporarily(first) and _identity(first) == _identity(second)
    )
    return Table("Retries", ("operation", "retries"), retried.most_common(), "" if retried else "None.")


def _failed_temporarily(entry: Entry) -> bool:
    """Whether the client may repeat the call: no answer, 408, 429, or a status from 500 on."""
    status = entry.status
    return status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _RETRIED


def _identity(entry: Entry) -> tuple[object, ...]:
    """The parts of a request that are equal in a retry of it."""
    exchange = entry.exchange
    return (
        exchange.user,
        entry.method,
        exchange.texts["PATH_INFO"],
        exchange.texts["QUERY_STRING"],
        exchange.body,
    )


def _slowest(entries: Iterable[Entry]) -> Table:
    slowest = sorted(entries, key=lambda entry: -entry.exchange.seconds)[:_MAX_SLOWEST]
    rows = [(f"{entry.exchange.seconds * 1000:.1f}", f"{entry.method} {entry.path}") for entry in slowest]
    return Table("Slowest requests", ("milliseconds", "request"), rows, "Without the delays of rules.")
