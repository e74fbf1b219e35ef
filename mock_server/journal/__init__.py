"""What a client asked and was answered: kept within bounds, counted, and judged against expectations.

It knows the API's words and nothing of HTTP servers: whoever serves hands it each exchange. What records is
named here; what reads (`entry`, `questions`, `verifying`, `explaining`) is imported by its own name.
"""

from __future__ import annotations

from mock_server.journal.exchange import Exchange
from mock_server.journal.facts import Fact, page_facts, process_facts, refusal_facts
from mock_server.journal.journal import Excerpt, Journal, Limits
from mock_server.journal.redaction import hidden_credentials

__all__ = [
    "Excerpt",
    "Exchange",
    "Fact",
    "Journal",
    "Limits",
    "hidden_credentials",
    "page_facts",
    "process_facts",
    "refusal_facts",
]
