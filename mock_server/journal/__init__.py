"""The journal: recorded exchanges within bounds, their counts, verification and explanations.

This package knows the API's names but not HTTP servers. It exports what records; the modules that read the
journal (`entries`, `matching`, `verify`, `explain`, `near_misses`) are imported by name.
"""

from __future__ import annotations

from mock_server.journal.coverage import Fact, page_facts, process_facts, refusal_facts
from mock_server.journal.hints import FAST_POLLING, OTHER_SANDBOX, Hint, Input, ignored_input
from mock_server.journal.journal import Exchange, Journal, JournalSlice, Limits, PackedExchange
from mock_server.journal.redaction import hide_credentials, parse_pairs, redact_json, redact_text, redact_url

__all__ = [
    "FAST_POLLING",
    "OTHER_SANDBOX",
    "Exchange",
    "Fact",
    "Hint",
    "Input",
    "Journal",
    "JournalSlice",
    "Limits",
    "PackedExchange",
    "hide_credentials",
    "ignored_input",
    "page_facts",
    "parse_pairs",
    "process_facts",
    "redact_json",
    "redact_text",
    "redact_url",
    "refusal_facts",
]
