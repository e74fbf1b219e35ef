"""How an answer gets to the client: at once, late, in pieces, damaged, or bit by bit as things happen.

The app leaves it in the WSGI environ under `KEY`; only the real server carries it out.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta

from msgspec import Struct

KEY = "mock_server.delivery"


class Delivery(Struct, frozen=True, kw_only=True):
    """The answer waits for `delay`; its body comes in `pieces`, spread over `spread`.

    `fault` is a connection fault by name, seen instead of the answer or in it; `stream` is sent as it comes,
    in place of the body, until the client goes.
    """

    delay: timedelta = timedelta()
    pieces: int = 1
    spread: timedelta = timedelta()
    fault: str | None = None
    stream: AsyncGenerator[bytes, None] | None = None
