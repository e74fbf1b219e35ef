"""Duration of control calls (reset, new sandbox, snapshot, restore), and of other calls while many wait."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median, quantiles

import requests
from calls import ACCOUNT
from servers import HOST, Server

HELD = 100
_RULE = {
    "name": "held",
    "when": {"operation": "listRequirements"},
    "then": {"delay": {"type": "fixed", "milliseconds": 2000}},
}


def p99_while_others_wait(server: Server, path: str) -> tuple[float, float]:
    """Return the 99th percentile in ms of one client's calls: alone, and while a hundred others wait for 2 s."""
    requests.post(f"{server.url}/__admin/rules", json={"rules": [_RULE]}, timeout=10).raise_for_status()
    with requests.Session() as session:
        session.headers["Authorization"] = server.authorization

        def call() -> None:
            session.get(f"{server.url}{ACCOUNT}{path}", timeout=30).raise_for_status()

        alone = _p99(call, time.perf_counter() + 1.5)
        with _waiting_clients(server):
            meanwhile = _p99(call, time.perf_counter() + 1.5)
    requests.delete(f"{server.url}/__admin/rules", timeout=10).raise_for_status()
    return alone, meanwhile


def durations(server: Server) -> dict[str, float]:
    """Return the median time in ms of each control call that replaces the state of a sandbox."""
    numbers = iter(range(1_000_000))
    with requests.Session() as session:

        def post(path: str) -> Callable[[], None]:
            return lambda: session.post(f"{server.url}/__admin{path}", timeout=30).raise_for_status()

        def new_sandbox() -> None:
            name = f"bench{next(numbers)}"
            session.get(
                f"{server.url}/__admin/clock", params={"sandbox": name}, timeout=30
            ).raise_for_status()

        return {
            "reset": _median(post("/reset")),
            "new sandbox": _median(new_sandbox),
            "snapshot": _median(post("/snapshots/bench")),
            "restore": _median(post("/snapshots/bench/restore")),
        }


@contextmanager
def _waiting_clients(server: Server) -> Iterator[None]:
    """Keep a hundred requests waiting, each on a separate connection."""
    head = f"GET {ACCOUNT}/requirements HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: {server.authorization}\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(HELD):
            stack.enter_context(socket.create_connection((HOST, server.port))).sendall(head.encode())
        yield


def _p99(call: Callable[[], None], until: float) -> float:
    taken = []
    while time.perf_counter() < until:
        taken.append(_time(call))
    return quantiles(taken, n=100)[98]


def _median(call: Callable[[], None], times: int = 50) -> float:
    return median(_time(call) for _ in range(times))


def _time(call: Callable[[], None]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000
