"""What a client asked and was answered: kept within bounds, counted, and judged against expectations.

It knows the API's words and nothing of HTTP servers: whoever serves hands it each exchange.
"""

from __future__ import annotations

from mock_server.journal.coverage import Coverage, Kind, Part, Tally, coverage_of
from mock_server.journal.entry import Entry
from mock_server.journal.exchange import Exchange
from mock_server.journal.explaining import Known
from mock_server.journal.facts import OUTCOMES, Fact, page_facts, process_facts, refusal_facts
from mock_server.journal.journal import Excerpt, Journal, Limits
from mock_server.journal.questions import Question, check_question, found
from mock_server.journal.redaction import hidden_credentials
from mock_server.journal.verifying import Miss, Verdict, Verification, check_verification, verdicts

__all__ = [
    "OUTCOMES",
    "Coverage",
    "Entry",
    "Excerpt",
    "Exchange",
    "Fact",
    "Journal",
    "Kind",
    "Known",
    "Limits",
    "Miss",
    "Part",
    "Question",
    "Tally",
    "Verdict",
    "Verification",
    "check_question",
    "check_verification",
    "coverage_of",
    "found",
    "hidden_credentials",
    "page_facts",
    "process_facts",
    "refusal_facts",
    "verdicts",
]
