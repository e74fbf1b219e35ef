"""Verification with a timeout: it answers when its result is final, and holds up no other call."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mock_server.client import ControlRefused, NoServer, NotVerified, Sandbox
from mock_server.control import verify
from mock_server.web import services
from tests.control_calls import expect
from tests.sockets import connect
from tests.support import Api
from tests.wire import application, wire_server

SEARCH = "/dossiers"

_numbers = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with wire_server("plain", tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture
def sandbox(server: str) -> Iterator[Sandbox]:
    found = Sandbox(server, f"w{next(_numbers)}")
    found.clock.freeze()
    yield found
    found.drop()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def search(sandbox: Sandbox) -> float:
    """Search, and return the time before."""
    session = sandbox.session()
    began = time.monotonic()
    assert session.get(f"{sandbox.base_url}/account/119631{SEARCH}").ok
    return began


def started(pool: ThreadPoolExecutor, act: Callable[[], Any]) -> Future[float]:
    """Call it in a thread, and return the time at its end; an error is raised when that is read."""

    def run() -> float:
        act()
        return time.monotonic()

    future = pool.submit(run)
    with pytest.raises(TimeoutError):
        future.result(0.2)
    return future


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def failure(act: Callable[[], Any]) -> str:
    with pytest.raises(NotVerified) as raised:
        act()
    return str(raised.value)


def test_a_verification_with_a_timeout_is_answered_as_soon_as_all_expectations_hold(
    sandbox: Sandbox, pool: ThreadPoolExecutor
) -> None:
    one = started(pool, lambda: sandbox.verify("listDossiers", timeout="30s"))
    two = started(pool, lambda: sandbox.verify("listDossiers", at_least=2, timeout=30))
    wanted = expect(operation="getToken"), expect(operation="listDossiers")
    in_order = started(pool, lambda: sandbox.verify_all(*wanted, in_order=True, timeout="30s"))

    first = search(sandbox)
    assert max(one.result(5), in_order.result(5)) - first < 1  # 20 ms on an idle machine
    assert not two.done()
    second = search(sandbox)
    assert two.result(5) - second < 1


def test_a_verification_fails_after_the_timeout_with_the_nearest_requests(sandbox: Sandbox) -> None:
    search(sandbox)
    began = time.monotonic()

    sentence = failure(lambda: sandbox.verify("listDossiers", query={"pageSize": 5}, timeout=0.3))

    assert time.monotonic() - began >= 0.3
    assert "Nearest is request 2: the call sends no 'pageSize'" in sentence


@pytest.mark.parametrize("bounds", [{"count": 1}, {"at_most": 1}, {"at_least": 1, "at_most": 1}])
def test_an_upper_bound_holds_for_the_whole_time(
    sandbox: Sandbox, pool: ThreadPoolExecutor, bounds: dict[str, Any]
) -> None:
    search(sandbox)
    began = time.monotonic()
    sandbox.verify("listDossiers", timeout=0.3, **bounds)
    assert time.monotonic() - began >= 0.3

    exceeded = started(pool, lambda: failure(lambda: sandbox.verify("listDossiers", timeout=30, **bounds)))
    assert -search(sandbox) + exceeded.result(5) < 1


def test_requests_that_are_deleted_during_a_verification_count(
    sandbox: Sandbox, pool: ThreadPoolExecutor
) -> None:
    waiting = started(pool, lambda: sandbox.verify("listDossiers", at_least=2, timeout=30))
    search(sandbox)
    sandbox.forget_requests()
    search(sandbox)

    assert waiting.result(5)


@pytest.mark.parametrize(
    ("timeout", "sentence"),
    [
        ("soon", "$.timeout: 'soon' is not a duration; write 200ms"),
        ("11m", "$.timeout: '11m' is longer than 10 minutes"),
        (-1, "$.timeout: '-1.000s' is not a duration"),
    ],
)
def test_a_wrong_timeout_is_rejected(sandbox: Sandbox, timeout: Any, sentence: str) -> None:
    with pytest.raises(ControlRefused) as rejected:
        sandbox.verify("listDossiers", timeout=timeout)

    assert (rejected.value.status, sentence in rejected.value.detail) == (400, True)


def test_a_verification_ends_with_its_sandbox(sandbox: Sandbox, pool: ThreadPoolExecutor) -> None:
    waiting = started(pool, lambda: failure(lambda: sandbox.verify("getDossier", timeout=30)))
    sandbox.drop()

    assert waiting.result(5)


def test_a_verification_ends_with_the_server(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    with wire_server("plain", tmp_path) as url:
        waiting = started(pool, lambda: Sandbox(url).verify("getDossier", timeout=30))

    with pytest.raises((ControlRefused, NoServer), match="503"):
        waiting.result(5)


def test_a_limited_number_of_verifications_wait_until_their_clients_are_gone(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = services.of(application()).waiting
    monkeypatch.setattr(verify, "MAX_WAITING", 2)
    wanted = msgspec.json.encode({"expectations": [expect(operation="getDossier")], "timeout": "30s"})
    call = b"POST /__admin/verify HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b"

    with connect(sandbox.url) as one, connect(sandbox.url) as two:
        for client in (one, two):
            client.sendall(call % (len(wanted), wanted))
        wait_until(lambda: len(waiting) == 2)
        with pytest.raises(ControlRefused, match="2 verifications wait already") as rejected:
            sandbox.verify("getDossier", timeout=30)

    assert rejected.value.status == 503
    wait_until(lambda: not waiting)


def test_another_server_does_not_wait(api: Api) -> None:
    wanted = {"expectations": [expect(operation="listDossiers")], "timeout": "1s"}
    answers = [api.client.post(f"/__admin/verify?sandbox={api.sandbox}", json=wanted)]
    api.get(SEARCH)
    answers += [api.client.post(f"/__admin/verify?sandbox={api.sandbox}", json=wanted)]

    assert [answer.status_code for answer in answers] == [501, 200]
    assert (answers[0].json or {})["detail"] == "only the server of mock-server waits: leave out the timeout"
