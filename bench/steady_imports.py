"""Clients that import at a steady rate, each polling its process to its end, on raw connections of one loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from time import perf_counter
from typing import Any

import uvloop
from stdnum import luhn

_CLIENTS = 512
_PAUSE = 0.1
"""Seconds between two polls of a client."""


@dataclass
class Imports:
    """The result: seconds each call took, how many imports ended well, how long all of it took."""

    launches: list[float] = field(default_factory=list)
    polls: list[float] = field(default_factory=list)
    succeeded: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0


def run(port: int, token: str, *, rate: int, seconds: int) -> Imports:
    """Launch `rate` imports a second for so many seconds; every one is polled until it is complete."""
    return uvloop.run(_run(port, token, rate, seconds))


async def _run(port: int, token: str, rate: int, seconds: int) -> Imports:
    found = Imports()
    due: asyncio.Queue[str | None] = asyncio.Queue()
    clients = [asyncio.create_task(_client(port, token, due, found)) for _ in range(_CLIENTS)]
    began, companies = perf_counter(), _sirets()
    for number in range(rate * seconds):
        await asyncio.sleep(max(0, began + number / rate - perf_counter()))
        due.put_nowait(json.dumps(_import(next(companies), number)))
    for _ in clients:
        due.put_nowait(None)
    await asyncio.gather(*clients)
    found.seconds = perf_counter() - began
    return found


async def _client(port: int, token: str, due: asyncio.Queue[str | None], found: Imports) -> None:
    connection = await asyncio.open_connection("127.0.0.1", port)
    while (body := await due.get()) is not None:
        try:
            await _import_and_poll(connection, token, body, found)
        except (OSError, ValueError, KeyError, asyncio.IncompleteReadError) as problem:
            found.failures.append(repr(problem))
            connection = await asyncio.open_connection("127.0.0.1", port)
    connection[1].close()


async def _import_and_poll(connection: Any, token: str, body: str, found: Imports) -> None:
    launched = await _call(connection, "POST", "", token, body, found.launches)
    path = f"/process/{launched['processId']}"
    while True:
        await asyncio.sleep(_PAUSE)
        process = await _call(connection, "GET", path, token, "", found.polls)
        if process["complete"]:
            found.succeeded += process["success"]
            return


async def _call(
    connection: Any, method: str, path: str, token: str, body: str, taken: list[float]
) -> dict[str, Any]:
    reader, writer = connection
    began = perf_counter()
    writer.write(
        f"{method} /api/v1/account/119631/dossiers{path} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    answer = await reader.readexactly(length)
    taken.append(perf_counter() - began)
    if not head.startswith(b"http/1.1 200 "):
        raise ValueError(f"{method} {path}: {head[:20]!r} {answer[:200]!r}")
    return dict(json.loads(answer)["content"])


def _import(siret: str, number: int) -> dict[str, str]:
    return {"companyIdType": "CIT001", "companyIdValue": siret, "dossierReference": f"RATE-{number}"}


def _sirets() -> Iterator[str]:
    """A hundred well-formed SIRETs, repeated without end."""
    sirens = [f"9906{number:04}" for number in range(100)]
    beginnings = [siren + luhn.calc_check_digit(siren) + "0001" for siren in sirens]
    return cycle([siret + luhn.calc_check_digit(siret) for siret in beginnings])
