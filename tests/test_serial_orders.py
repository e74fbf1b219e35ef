"""Concurrent calls are linearizable: some serial order of them explains all their results.

Tried on the real server, and on one app in threads that take turns at any moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mock_server.app import create_app
from mock_server.settings import Settings
from tests.naive_api import BEGINNING, NaiveApi, Outcome, write_recipe
from tests.properties import example_count
from tests.support import OTHER_SIRET, SIRET, TOKEN_URL, frequent_thread_switches, run_at_once, running_server
from tests.wire_api import Send, WireApi, numbered

CLIENTS = 3
ASK = {"companyIdType": "CIT001", "companyIdValue": SIRET, "dossierReference": "A"}
BEFORE: list[Step] = [
    ("launch", (), ASK),
    ("launch", (), ASK | {"dossierReference": "B", "thirdpartyCode": "F1"}),
    ("launch", (), ASK | {"companyIdValue": OTHER_SIRET}),
    ("forward", (timedelta(seconds=1),), {}),
    ("stop", (2,), {}),
]
"""The start data: dossiers 1 and 2 of a third party, 3 of another; 2 is stopped."""

OpenSandbox = Callable[[str], Callable[[], Send]]
"""Opens the sandbox of that name; returns a function that connects one client to it."""

_numbers = count(1)

dossiers = st.sampled_from([1, 1, 2, 3])
references = st.sampled_from(["A", "B", "C"])
party_codes = st.sampled_from(["F1", "F2"])


def a_step(name: str, *arguments: Any, **members: Any) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(name), st.tuples(*arguments), st.fixed_dictionaries(members))


steps = st.one_of(
    a_step(
        "launch", **{name: st.just(value) for name, value in ASK.items()} | {"dossierReference": references}
    ),
    a_step(
        "launch", **{name: st.just(value) for name, value in ASK.items()} | {"thirdpartyCode": party_codes}
    ),
    a_step("forward", st.just(timedelta(seconds=1))),
    a_step("update", dossiers, dossierReference=references),
    a_step("update", dossiers, thirdpartyCode=party_codes),
    a_step("stop", dossiers),
    a_step("reactivate", dossiers),
    a_step("close", st.just(1)),
    a_step("deposit", dossiers, st.just("ATT_VIGI"), st.none()),
    a_step("all_dossiers"),
    a_step("search", monitored=st.booleans()),
)
plans = st.lists(st.lists(steps, min_size=1, max_size=3), min_size=CLIENTS, max_size=CLIENTS)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recipe(tmp_path_factory.mktemp("serial"))


@pytest.fixture(scope="module")
def on_the_server(recipe: Path) -> Iterator[OpenSandbox]:
    """Clients of a real server, each with a separate connection."""
    with running_server("--fixture", str(recipe), "--clock", BEGINNING.isoformat()) as (url, _):

        def open_sandbox(name: str) -> Callable[[], Send]:
            token = requests.post(url + TOKEN_URL, data=login(name), timeout=10).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}", "X-Mock-Sandbox": name}

            def connect() -> Send:
                session = requests.Session()
                session.headers.update(headers)
                session.get(f"{url}/__admin/health", timeout=10)

                def send(method: str, path: str, body: Any) -> tuple[int, Any]:
                    answer = session.request(method, url + path, json=body, timeout=10)
                    return answer.status_code, answer.json() if answer.content else None

                return send

            return connect

        yield open_sandbox


@pytest.fixture(scope="module")
def in_threads(recipe: Path) -> Iterator[OpenSandbox]:
    """Clients of one app, each in a thread of this process."""
    app = create_app(Settings(fixture=str(recipe), clock=BEGINNING, log_level="error"))

    def open_sandbox(name: str) -> Callable[[], Send]:
        token = (app.test_client().post(TOKEN_URL, data=login(name)).json or {})["access_token"]
        headers = {"Authorization": f"Bearer {token}", "X-Mock-Sandbox": name}

        def connect() -> Send:
            client = app.test_client()

            def send(method: str, path: str, body: Any) -> tuple[int, Any]:
                answer = client.open(path, method=method, json=body, headers=headers)
                return answer.status_code, answer.json

            return send

        return connect

    with frequent_thread_switches():
        yield open_sandbox


def login(sandbox: str) -> dict[str, str]:
    form = {"grant_type": "password", "client_id": "ea-api-edge", "password": "demo"}
    return form | {"username": f"api+{sandbox}@example.com"}


def check_serial_order(open_sandbox: OpenSandbox, plan: list[list[Step]]) -> None:
    """Run the plan in a new sandbox; a serial order must explain the results."""
    name = f"serial{next(_numbers)}"
    connect = open_sandbox(name)
    first, naive = WireApi(connect(), "rest"), NaiveApi(BEGINNING)
    first.send("PUT", "/__admin/clock", {"now": BEGINNING.isoformat()})
    for step in BEFORE:
        run_step(naive, step)
        run_step(first, step)

    connections = [WireApi(connect(), "rest") for _ in plan]
    went_by = run_at_once(len(plan), lambda client: run_plan(client, connections[client], plan[client]))

    _, process_ids = first.list_processes()
    numbers = {process_id: number for number, process_id in enumerate(reversed(process_ids))}
    calls_made = [
        replace(call, outcome=numbered(call.outcome, numbers)) for calls in went_by for call in calls
    ]
    end = first.all_dossiers()
    first.send("DELETE", f"/__admin/sandboxes/{name}", None)
    assert serial_order(naive, calls_made, end) is not None, "\n".join(map(str, [*calls_made, end]))


def run_plan(client: int, api: WireApi, plan: list[Step]) -> list[Call]:
    """Run the steps of a client, one after the other."""
    calls = []
    for step in plan:
        began = time.perf_counter()
        outcome = run_step(api, step)
        calls.append(Call(client, step, began, time.perf_counter(), outcome))
    return calls


# Threads never run the same way twice, so smaller plans would show nothing.
at_random = settings(example_count(15), phases=[Phase.generate], database=None)


@at_random
@given(plan=plans)
def test_a_serial_order_explains_what_clients_of_the_real_server_see(
    on_the_server: OpenSandbox, plan: list[list[Step]]
) -> None:
    check_serial_order(on_the_server, plan)


@at_random
@given(plan=plans)
def test_a_serial_order_explains_what_threads_of_one_app_see(
    in_threads: OpenSandbox, plan: list[list[Step]]
) -> None:
    check_serial_order(in_threads, plan)


# The search for a serial order

STOP: Step = ("stop", (1,), {})
RENAME: Step = ("update", (1,), {"dossierReference": "NEW"})


@pytest.mark.parametrize(
    ("calls", "possible"),
    [
        pytest.param([(STOP, 0, 2, 200), (STOP, 1, 3, 400)], True, id="one of two stops is accepted"),
        pytest.param([(STOP, 0, 2, 200), (STOP, 1, 3, 200)], False, id="both are accepted"),
        pytest.param([(STOP, 0, 2, 400), (RENAME, 1, 3, 200)], False, id="a stop is refused for nothing"),
        pytest.param([(RENAME, 0, 2, 400), (STOP, 1, 3, 200)], True, id="the later one came first"),
        pytest.param([(RENAME, 0, 1, 400), (STOP, 2, 3, 200)], False, id="it cannot have come first"),
    ],
)
def test_a_serial_order_is_found_if_one_exists(
    calls: list[tuple[Step, float, float, int]], *, possible: bool
) -> None:
    naive = NaiveApi(BEGINNING)
    for step in BEFORE:
        run_step(naive, step)
    end = naive.copy()
    for step, _, _, status in calls[::-1]:
        if status == 200:
            run_step(end, step)
    calls_made = [
        Call(client, step, began, ended, (status, None if status == 200 else ["E201"]))
        for client, (step, began, ended, status) in enumerate(calls)
    ]

    assert (serial_order(naive, calls_made, end.all_dossiers()) is not None) is possible


Step = tuple[str, tuple[Any, ...], dict[str, Any]]
"""The name of an operation of the naive API, and its arguments."""


@dataclass(frozen=True)
class Call:
    """A step that a client made between two instants, and its result."""

    client: int
    step: Step
    began: float
    ended: float
    outcome: Outcome


def serial_order(start: NaiveApi, calls: Sequence[Call], end: Outcome) -> list[Call] | None:
    """Return an order of the calls in which the naive API gives the same results and the same final state.

    A call that had ended before another began comes before it. Return None if no order gives them.
    """
    if not calls:
        return [] if start.all_dossiers() == end else None
    first_end = min(call.ended for call in calls)
    for call in calls:
        if call.began > first_end:
            continue
        after = start.copy()
        if run_step(after, call.step) != call.outcome:
            continue
        rest = serial_order(after, [other for other in calls if other is not call], end)
        if rest is not None:
            return [call, *rest]
    return None


def run_step(api: Any, step: Step) -> Outcome:
    """Run a step on any kind of api; return its result."""
    name, arguments, members = step
    outcome: Outcome = getattr(api, name)(*arguments, **members)
    return outcome
