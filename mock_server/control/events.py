"""Each request of a sandbox as it happens, as server-sent events.

All that is kept of a subscriber is the number of the last request that it was sent. The next ones are read
from the journal, so a slow subscriber takes no memory. An event `dropped` counts the requests that the
journal dropped meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from typing import Any

import orjson
from flask import Response, request

from mock_server import delivery
from mock_server.control.calls import is_number, route
from mock_server.control.requests import exchange
from mock_server.delivery import Delivery
from mock_server.journal.entries import read_entries
from mock_server.journal.journal import Journal, JournalSlice, Listener
from mock_server.web.services import named_sandbox

HEARTBEAT = 15.0
"""Seconds after which a stream without events sends a comment."""


@route("GET /events", media_type="text/event-stream")
def get_events() -> Response:
    """Send each request as it happens, as server-sent events; the header Last-Event-ID resumes after one."""
    journal = named_sandbox().journal
    if request.method == "GET":
        stream = events(journal, _since(journal))
        request.environ[delivery.KEY] = Delivery(stream=stream)
    return Response(content_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def events(journal: Journal, since: int, heartbeat: float = HEARTBEAT) -> AsyncGenerator[bytes, None]:
    """Yield the requests after number `since`, and all that follow until the journal is closed.

    An event `exchange` has its number as id; `dropped` counts those that the journal dropped before they were
    sent. After `heartbeat` seconds without an event comes a comment.
    """
    news = asyncio.Event()
    stop = journal.listen(waker(news))
    try:
        yield b": listening\n\n"
        while True:
            news.clear()
            entries = journal.read(since)
            for event in _new_events(entries, since):
                yield event
                # Sending may not wait, so other requests get their turn here.
                await asyncio.sleep(0)
            since = entries.last
            if journal.closed:
                return
            if not await _is_set(news, heartbeat):
                yield b": still here\n\n"
    finally:
        stop()


def _new_events(entries: JournalSlice, since: int) -> Iterator[bytes]:
    """Yield the events of these entries; first `dropped`, if entries after `since` are missing."""
    if entries.first > since + 1:
        yield _event("dropped", {"count": entries.first - since - 1})
    for entry in read_entries(entries):
        yield _event("exchange", exchange(entry), entry.number)


def waker(news: asyncio.Event) -> Listener:
    """Return a function that sets the event, from any thread."""
    loop = asyncio.get_running_loop()

    def wake(_: str | None) -> None:
        if not news.is_set():
            with suppress(RuntimeError):  # the loop has ended, and so has the stream
                loop.call_soon_threadsafe(news.set)

    return wake


def _since(journal: Journal) -> int:
    """Return the number after which to begin: the latest, or the one in Last-Event-ID."""
    last_event_id = request.headers.get("Last-Event-ID", "")
    if not is_number(last_event_id):
        return journal.last
    # A greater number is of another journal, before a restart: all requests of this one are new.
    return int(last_event_id) if int(last_event_id) <= journal.last else 0


async def _is_set(news: asyncio.Event, within: float) -> bool:
    """Wait for the event; return False if it is not set within these seconds."""
    try:
        # Before Python 3.12, `wait_for` loses a cancellation that comes with the event: the client has gone.
        async with asyncio.timeout(within):
            await news.wait()
    except TimeoutError:
        return False
    return True


def _event(name: str, data: dict[str, Any], number: int | None = None) -> bytes:
    numbered = b"" if number is None else b"id: %d\n" % number
    return numbered + b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(data))
