"""Each exchange as it happens, as server-sent events.

A subscriber is a number: that of the last exchange it was sent. What comes next is read from the journal, so
one that is slow, or never reads, takes no memory; what the journal forgot meanwhile is told as dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import suppress
from typing import Any

import orjson
from flask import Blueprint, Response, request

from mock_server import delivery
from mock_server.control.calls import serves
from mock_server.control.journal import shown
from mock_server.delivery import Delivery
from mock_server.journal import Journal, JournalSlice
from mock_server.journal.entries import read_entries
from mock_server.web.services import named_sandbox

live = Blueprint("live", __name__)

HEARTBEAT = 15.0
"""Seconds after which a silent stream shows that it is alive."""

_LONGEST_NUMBER = 18


@serves(live, "GET /events", media_type="text/event-stream")
def get_events() -> Response:
    """Each exchange as it happens, as server-sent events; the header Last-Event-ID resumes after one."""
    journal = named_sandbox().journal
    if request.method == "GET":
        stream = events(journal, _since(journal))
        request.environ[delivery.KEY] = Delivery(stream=stream)
    return Response(content_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def events(journal: Journal, since: int, heartbeat: float = HEARTBEAT) -> AsyncGenerator[bytes, None]:
    """The exchanges after number `since`, and all that follow until the journal is closed.

    An event `exchange` has its number as id; `dropped` counts those that were forgotten before they were
    sent; a comment is sent when nothing else was for `heartbeat` seconds.
    """
    news = asyncio.Event()
    stop = journal.listen(_waker(news))
    try:
        yield b": listening\n\n"
        while True:
            news.clear()
            found_slice = journal.read(since)
            for event in _told(found_slice, since):
                yield event
                # Sending need not wait: others get their turn between two events all the same.
                await asyncio.sleep(0)
            since = found_slice.last
            if journal.closed:
                return
            if not await _is_set(news, heartbeat):
                yield b": still here\n\n"
    finally:
        stop()


def _told(found_slice: JournalSlice, since: int) -> Iterator[bytes]:
    """The events of an found_slice that was to begin after `since`."""
    if found_slice.first > since + 1:
        yield _event("dropped", {"count": found_slice.first - since - 1})
    for entry in read_entries(found_slice):
        yield _event("exchange", shown(entry), entry.number)


def _waker(news: asyncio.Event) -> Callable[[], None]:
    """What sets the event, from whatever thread."""
    loop = asyncio.get_running_loop()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it whoever listened
            loop.call_soon_threadsafe(news.set)

    return wake


def _since(journal: Journal) -> int:
    """After which exchange to begin: the last one there was, or the one that a client says it has seen."""
    seen = request.headers.get("Last-Event-ID", "")
    if not (seen.isascii() and seen.isdecimal() and len(seen) <= _LONGEST_NUMBER):
        return journal.last
    # A number that never was is of another journal, before a restart: all of this one is new.
    return int(seen) if int(seen) <= journal.last else 0


async def _is_set(news: asyncio.Event, within: float) -> bool:
    try:
        await asyncio.wait_for(news.wait(), within)
    except TimeoutError:
        return False
    return True


def _event(name: str, data: dict[str, Any], number: int | None = None) -> bytes:
    numbered = b"" if number is None else b"id: %d\n" % number
    return numbered + b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(data))
