"""What goes wrong between a test and its sandbox.

Exception
├── ControlRefused     a control call was not done: the server's own sentence
├── NoServer           nobody answers, or no sandbox server does (a ConnectionError)
└── NotVerified        an expectation of what the client did does not hold (an AssertionError)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ControlRefused(Exception):
    """A control call that was not done; `detail` says what would be right, `problem` is the whole answer.

    Without an answer there is no `status`.
    """

    def __init__(
        self, call: str, status: int | None, detail: str, problem: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(f"{call}: {detail}" if status is None else f"{call}: {status}, {detail}")
        self.status = status
        self.detail = detail
        self.problem = problem or {}


class NoServer(ConnectionError):
    """Nobody answers at the URL, or it is no server of this kind."""


class NotVerified(AssertionError):
    """What the client did is not what was expected; the message has the nearest misses."""
