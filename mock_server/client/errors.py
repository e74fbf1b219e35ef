"""The exceptions of the client.

Exception
├── ControlRefused     the server rejected a control call; its own sentence
├── NoServer           no server answers at the URL, or it is another kind of server (a ConnectionError)
│   └── SocketsBlocked     a test has blocked or replaced the sockets of this process
└── NotVerified        the requests are not as expected (an AssertionError)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ControlRefused(Exception):
    """A control call that the server rejected: `detail` says what is allowed, `problem` is the whole answer.

    `status` is None if there was no answer.
    """

    def __init__(
        self, call: str, status: int | None, detail: str, problem: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(f"{call}: {detail}" if status is None else f"{call}: {status}, {detail}")
        self.status = status
        self.detail = detail
        self.problem = problem or {}


class NoServer(ConnectionError):
    """No server answers at the URL, or it is not a server of this kind."""


class SocketsBlocked(NoServer):
    """The server could not be reached: the sockets of this process are blocked or replaced."""


class NotVerified(AssertionError):
    """The requests in the journal are not as expected; the message names the nearest ones."""
