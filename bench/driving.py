"""What driving a sandbox costs: calls beside a hundred held ones, and coming back to where one was."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median, quantiles

import requests

HELD = 100
_RULE = {
    "name": "held",
    "when": {"operation": "listRequirements"},
    "then": {"delay": {"type": "fixed", "milliseconds": 2000}},
}


def beside_held_requests(base: str, account: str, authorization: str, dossier: str) -> tuple[float, float]:
    """The 99th percentile, in ms, of one client's calls alone, and while a hundred others are held for 2 s."""
    requests.post(f"{base}/__admin/rules", json={"rules": [_RULE]}, timeout=10).raise_for_status()
    with requests.Session() as session:
        session.headers["Authorization"] = authorization
        ask = _asking(session, f"{base}{account}{dossier}")
        alone = _p99(ask, time.perf_counter() + 1.5)
        with _held(base, f"{account}/requirements", authorization):
            beside = _p99(ask, time.perf_counter() + 1.5)
    requests.delete(f"{base}/__admin/rules", timeout=10).raise_for_status()
    return alone, beside


def acts(base: str) -> dict[str, float]:
    """The median time, in ms, of each act that points a sandbox somewhere else, by control call."""
    numbers = iter(range(1_000_000))
    with requests.Session() as session:

        def post(path: str) -> Callable[[], None]:
            return lambda: session.post(f"{base}/__admin{path}", timeout=30).raise_for_status()

        def new_sandbox() -> None:
            name = f"bench{next(numbers)}"
            session.get(f"{base}/__admin/clock", params={"sandbox": name}, timeout=30).raise_for_status()

        return {
            "reset": _median(post("/reset")),
            "new sandbox": _median(new_sandbox),
            "snapshot": _median(post("/snapshots/bench")),
            "restore": _median(post("/snapshots/bench/restore")),
        }


def _asking(session: requests.Session, url: str) -> Callable[[], None]:
    return lambda: session.get(url, timeout=30).raise_for_status()


@contextmanager
def _held(base: str, path: str, authorization: str) -> Iterator[None]:
    """A hundred requests under way, each on a connection of its own."""
    host, _, port = base.removeprefix("http://").partition(":")
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\n\r\n".encode()
    with ExitStack() as stack:
        for _ in range(HELD):
            stack.enter_context(socket.create_connection((host, int(port)))).sendall(request)
        yield


def _p99(ask: Callable[[], None], until: float) -> float:
    taken = []
    while time.perf_counter() < until:
        taken.append(_time(ask))
    return quantiles(taken, n=100)[98]


def _median(act: Callable[[], None], times: int = 50) -> float:
    return median(_time(act) for _ in range(times))


def _time(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000
