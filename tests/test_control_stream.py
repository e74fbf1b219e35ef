"""Exchanges as server-sent events: for one sandbox, from the last event that the client has seen."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Coroutine, Iterator
from itertools import count
from threading import Thread
from typing import Any, NamedTuple

import pytest
import requests
from flask import Flask

from mock_server.app import create_app
from mock_server.control.events import events
from mock_server.journal.journal import Journal, Limits
from mock_server.settings import Settings
from mock_server.web.services import of
from tests.support import TOKEN_URL, Api, running_server

_numbers = count(1)


class Event(NamedTuple):
    """An event as a client reads it; a comment has no name."""

    name: str
    number: str | None
    data: Any


def event(raw: bytes) -> Event:
    if raw.startswith(b":"):
        return Event("", None, raw[1:].decode().strip())
    fields = dict(line.split(": ", 1) for line in raw.decode().splitlines() if line)
    return Event(fields["event"], fields.get("id"), json.loads(fields["data"]))


@pytest.fixture(scope="module")
def own_app() -> Flask:
    """An app that is called in separate event loops, without the fixtures of pytest-flask."""
    return create_app(Settings(journal_entries=5, log_level="error"))


@pytest.fixture
def quiet(own_app: Flask, request: pytest.FixtureRequest) -> Api:
    """An api in a new sandbox of that app; its journal keeps five exchanges."""
    return Api(own_app.test_client(), request.node.name[:60])


def journal_of(api: Api) -> Journal:
    return of(api.client.application).sandboxes.get(api.sandbox).journal


async def take(stream: AsyncGenerator[bytes, None], many: int) -> list[Event]:
    """Read this number of events."""
    return [event(await asyncio.wait_for(anext(stream), 5)) for _ in range(many)]


def run(coroutine: Coroutine[Any, Any, list[Event]]) -> list[Event]:
    return asyncio.run(coroutine)


# The stream


def test_exchanges_come_as_the_journal_shows_them(quiet: Api) -> None:
    async def read() -> list[Event]:
        stream = events(journal_of(quiet), 0)
        quiet.get("/dossiers")
        return await take(stream, 3)

    hello, login, search = run(read())

    assert hello.name == ""
    assert (login.name, login.number, login.data["operation"]) == ("exchange", "1", "getToken")
    assert (search.number, search.data["operation"]) == ("2", "listDossiers")
    assert [login.data, search.data] == quiet.control("GET", "/requests")["requests"]


def test_a_later_exchange_wakes_the_stream(quiet: Api) -> None:
    async def read() -> list[Event]:
        stream = events(journal_of(quiet), 0)
        first = await take(stream, 1)
        waiting = asyncio.ensure_future(take(stream, 2))
        await asyncio.to_thread(quiet.get, "/dossiers")
        return first + await waiting

    assert [found.number for found in run(read())] == [None, "1", "2"]


def test_a_silent_stream_sends_heartbeats() -> None:
    async def read() -> list[Event]:
        return await take(events(Journal(Limits()), 0, heartbeat=0.01), 3)

    assert [found.data for found in run(read())] == ["listening", "still here", "still here"]


def test_a_client_that_leaves_while_the_journal_closes_ends_the_stream() -> None:
    """The connection is lost in the same turn of the loop in which the sandbox is dropped."""

    async def leave() -> bool:
        journal = Journal(Limits())
        stream = events(journal, 0)
        await take(stream, 1)
        reading = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        journal.close()
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
        return reading.cancelled()

    assert asyncio.run(leave())


def test_a_stream_continues_from_a_number(quiet: Api) -> None:
    for page in range(3):
        quiet.get("/dossiers", page=page)

    async def read() -> list[Event]:
        return await take(events(journal_of(quiet), 2), 3)

    assert [found.number for found in run(read())] == [None, "3", "4"]


def test_a_slow_client_learns_how_many_events_it_missed(quiet: Api) -> None:
    async def read() -> list[Event]:
        stream = events(journal_of(quiet), 0)
        quiet.get("/dossiers")
        begun = await take(stream, 3)
        for page in range(7):
            quiet.get("/dossiers", page=page)
        return begun + await take(stream, 6)

    found = run(read())

    assert [one.name for one in found] == ["", "exchange", "exchange", "dropped", *["exchange"] * 5]
    assert found[3].data == {"count": 2}
    assert [one.number for one in found[4:]] == ["5", "6", "7", "8", "9"]


def test_a_closed_stream_removes_its_listener(quiet: Api) -> None:
    journal = journal_of(quiet)

    async def read() -> list[Event]:
        stream = events(journal, 0)
        first = await take(stream, 1)
        assert len(journal._listeners) == 1  # noqa: SLF001  # a listener that stays shows nowhere else
        await stream.aclose()
        return first

    run(read())

    assert journal._listeners == {}  # noqa: SLF001
    assert quiet.get("/dossiers").status_code == 200


def test_a_stream_whose_loop_is_closed_raises_nothing(quiet: Api) -> None:
    loop = asyncio.new_event_loop()
    stream = events(journal_of(quiet), 0)
    loop.run_until_complete(anext(stream))
    loop.close()

    assert quiet.get("/dossiers").status_code == 200


def test_a_stream_ends_with_its_sandbox(quiet: Api) -> None:
    async def read() -> list[Event]:
        stream = events(journal_of(quiet), 0)
        found = await take(stream, 1)
        waiting = asyncio.ensure_future(rest(stream))
        quiet.client.delete(f"/__admin/sandboxes/{quiet.sandbox}")
        return found + await asyncio.wait_for(waiting, 5)

    assert len(run(read())) == 1


async def rest(stream: AsyncGenerator[bytes, None]) -> list[Event]:
    return [event(raw) async for raw in stream]


# Over HTTP


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The base URL of a real server whose journals keep five exchanges."""
    with running_server("--journal-entries", "5") as (base, _):
        yield base


@pytest.fixture
def sandbox() -> str:
    return f"s{next(_numbers)}"


def token(url: str, sandbox: str) -> str:
    form = {"grant_type": "password", "client_id": "ea-api-edge", "username": f"api+{sandbox}@example.com"}
    return str(
        requests.post(url + TOKEN_URL, data=form | {"password": "demo"}, timeout=5).json()["access_token"]
    )


def search(url: str, bearer: str, times: int = 1) -> None:
    for page in range(times):
        path = f"{url}/api/v1/account/119631/dossiers?page={page}"
        assert requests.get(path, headers={"Authorization": f"Bearer {bearer}"}, timeout=5).ok


def listen(url: str, sandbox: str, many: int, **headers: str) -> list[Event]:
    """Read this number of events of a sandbox, without comments."""
    found: list[Event] = []
    with requests.get(
        f"{url}/__admin/events", headers={"X-Mock-Sandbox": sandbox} | headers, stream=True, timeout=10
    ) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        lines = b""
        for part in answer.iter_content(None):
            lines += part
            *whole, lines = lines.split(b"\n\n")
            found += [one for one in map(event, whole) if one.name]
            if len(found) >= many:
                break
    return found


def test_a_client_gets_the_events_of_its_sandbox_only(url: str, sandbox: str) -> None:
    bearer, other = token(url, sandbox), token(url, f"{sandbox}b")
    found: list[Event] = []
    listener = Thread(target=lambda: found.extend(listen(url, sandbox, 2)))
    listener.start()
    while listener.is_alive():
        search(url, other)
        search(url, bearer)
        time.sleep(0.02)

    assert {one.data["user"] for one in found} == {"api@example.com"}
    assert all(one.data["operation"] == "listDossiers" for one in found)
    numbers = [int(one.number or 0) for one in found]
    assert numbers[1] == numbers[0] + 1


RESUMED: dict[str, tuple[str, list[tuple[str, str | None]]]] = {
    "from what it saw last": ("3", [("exchange", "4"), ("exchange", "5")]),
    "from the beginning": ("0", [("dropped", None), ("exchange", "3"), ("exchange", "4")]),
    "from a number of another server": ("99", [("dropped", None), ("exchange", "3")]),
}


@pytest.mark.parametrize(("seen", "expected"), RESUMED.values(), ids=list(RESUMED))
def test_a_client_that_reconnects_gets_the_events_it_missed(
    url: str, sandbox: str, seen: str, expected: list[tuple[str, str | None]]
) -> None:
    search(url, token(url, sandbox), 6)

    found = listen(url, sandbox, len(expected), **{"Last-Event-ID": seen})

    assert [(one.name, one.number) for one in found][: len(expected)] == expected


@pytest.mark.parametrize("seen", ["6", "99", "999999999999999999"])
def test_a_number_of_another_server_begins_with_exchange_1_of_a_full_journal(
    url: str, sandbox: str, seen: str
) -> None:
    search(url, token(url, sandbox), 4)

    found = listen(url, sandbox, 5, **{"Last-Event-ID": seen})

    assert [(one.name, one.number) for one in found] == [("exchange", str(number)) for number in range(1, 6)]


def test_a_server_ends_after_clients_left_in_the_middle_of_a_stream() -> None:
    with running_server("--journal-entries", "5") as (base, process):
        search(base, token(base, "cut"), 6)
        for _ in range(4):
            listen(base, "cut", 1, **{"Last-Event-ID": "0"})
        search(base, token(base, "cut"), 6)

        process.terminate()

        assert process.wait(timeout=5) == 0


def test_another_server_answers_the_headers_alone(quiet: Api) -> None:
    answer = quiet.client.get("/__admin/events", headers={"X-Mock-Sandbox": quiet.sandbox})

    assert (answer.status_code, answer.mimetype, answer.data) == (200, "text/event-stream", b"")
    assert answer.headers["Cache-Control"] == "no-store"
    assert quiet.get("/dossiers").status_code == 200


def test_a_head_request_does_not_subscribe(quiet: Api) -> None:
    answer = quiet.client.head("/__admin/events", headers={"X-Mock-Sandbox": quiet.sandbox})

    assert (answer.status_code, answer.data) == (200, b"")
    assert journal_of(quiet)._listeners == {}  # noqa: SLF001
