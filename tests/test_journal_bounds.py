"""The limits of a journal: exchanges, bytes, and the work of a filter; it says when it is incomplete."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson
import pytest

from mock_server.input_errors import InputError
from mock_server.journal.coverage import ExchangeCounts, ExchangeKind
from mock_server.journal.entries import read_entries
from mock_server.journal.journal import Exchange, Journal, Limits, pack
from mock_server.journal.matching import ExchangeFilter, find_entries
from mock_server.web import services
from tests.control_calls import count, expect, listing, requests_of, verdict
from tests.support import SEED_DOSSIER, Api, run_at_once

MakeApi = Callable[..., Api]

MADE_IN = ("*/web/responses.py", "*/mock_server/json_body.py")
"""Where the bytes of answers are made."""


@pytest.fixture
def small(make_server_api: MakeApi) -> Api:
    """An api of a server whose journals keep ten exchanges."""
    return make_server_api(journal_entries=10)


def exchange(body: bytes = b"", **texts: Any) -> Exchange:
    """An exchange as the server records it."""
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/v1/account", "QUERY_STRING": "page=1"} | texts
    at = datetime(2026, 3, 2, tzinfo=UTC)
    return Exchange(
        "listAccounts",
        "rest",
        None,
        at,
        0.0,
        0.001,
        environ,
        body,
        {},
        None,
        200,
        [],
        (),
        None,
        matched=True,
        rule_effect=None,
    )


def bodies(journal: Journal) -> list[Any]:
    return [entry.body.value for entry in read_entries(journal.read())]


# Over HTTP


def test_the_oldest_are_dropped_and_the_journal_says_so(small: Api) -> None:
    for page in range(12):
        small.get("/dossiers", page=page)

    found = listing(small)

    assert [entry["number"] for entry in found["requests"]] == list(range(4, 14))
    assert (found["total"], found["complete"]) == (10, False)
    for path in ("/requests/count", "/requests/find"):
        assert small.control("POST", path, {})["complete"] is False
    assert small.control("GET", "/requests/unmatched")["complete"] is False


def test_a_journal_that_dropped_nothing_is_complete(small: Api) -> None:
    for page in range(9):
        small.get("/dossiers", page=page)

    assert (listing(small)["total"], listing(small)["complete"]) == (10, True)


def test_the_exchanges_since_a_number_may_be_complete_when_older_ones_are_not(small: Api) -> None:
    for page in range(12):
        small.get("/dossiers", page=page)

    assert listing(small, since=2)["complete"] is False
    assert listing(small, since=3)["complete"] is True
    assert len(requests_of(small, since=3)) == 10


def test_a_cleared_journal_is_complete_again(small: Api) -> None:
    for page in range(12):
        small.get("/dossiers", page=page)
    small.control("DELETE", "/requests")
    small.get("/dossiers")

    assert (listing(small)["total"], listing(small)["complete"]) == (1, True)


def test_a_journal_of_size_0_keeps_nothing_but_counts(make_server_api: MakeApi) -> None:
    api = make_server_api(journal_entries=0)
    api.get("/dossiers")

    assert (listing(api)["total"], listing(api)["complete"]) == (0, False)
    assert api.control("GET", "/coverage")["operations"]["met"]["listDossiers"]["calls"] == 1


VERDICTS: dict[str, tuple[Any, str]] = {
    "at least what is there": ({"atLeast": 10}, "held"),
    "at least more than is there": ({"atLeast": 11}, "unknown"),
    "exactly what is there": (10, "unknown"),
    "exactly more than is there": (11, "unknown"),
    "exactly less than is there": (9, "failed"),
    "at most what is there": ({"atMost": 10}, "unknown"),
    "at most less than is there": ({"atMost": 9}, "failed"),
}


@pytest.mark.parametrize(("times", "judgment"), VERDICTS.values(), ids=list(VERDICTS))
def test_a_count_is_unknown_if_the_journal_is_incomplete(small: Api, times: Any, judgment: str) -> None:
    for page in range(12):
        small.get("/dossiers", page=page)

    found = verdict(small, expect(times, operation="listDossiers"))

    assert (found["verdict"], found["found"]) == (judgment, 10)
    assert ("older requests were dropped" in (found["why"] or "")) == (judgment == "unknown")


def test_an_expected_order_is_unknown_if_the_journal_is_incomplete(small: Api) -> None:
    small.get(f"/dossiers/{SEED_DOSSIER}")
    for page in range(9):
        small.get("/dossiers", page=page)

    found = verdict(small, expect(operation="listDossiers"), expect(operation="getDossier"), inOrder=True)

    assert found["verdict"] == "unknown"


def test_after_very_many_requests_memory_is_flat_and_counts_are_marked_incomplete(
    small: Api,
) -> None:
    call_often(small, 15)
    tracemalloc.start()
    call_often(small, 1)
    before, _ = tracemalloc.get_traced_memory()

    call_often(small, 60)

    gc.collect()  # what calls of the test's client leave is not the journal's
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The first exchanges are not traced; 10 later ones are.
    assert after - before < 10 * 20_000
    assert small.control("POST", "/requests/count", {}) == {"count": 10, "complete": False}


@pytest.mark.parametrize("path", ["/dossiers", f"/dossiers/{SEED_DOSSIER}", "/dossiers/1", "/requirements"])
def test_an_answer_takes_no_more_memory_than_the_journal_counts(make_server_api: MakeApi, path: str) -> None:
    api = make_server_api()
    journal = services.of(api.client.application).sandboxes.get().journal
    api.get(path)
    tracemalloc.start()

    for _ in range(20):
        api.get(path)

    gc.collect()  # what calls of the test's client leave is not the journal's
    snapshot = tracemalloc.take_snapshot()
    tracemalloc.stop()
    made = [tracemalloc.Filter(inclusive=True, filename_pattern=name) for name in MADE_IN]
    taken = sum(found.size for found in snapshot.filter_traces(made).statistics("filename"))
    answers = [packed.answer or b"" for packed in journal.read().packed[-20:]]
    assert 20 * len(answers[0]) <= taken < sum(len(answer) + 100 for answer in answers)


def call_often(api: Api, times: int) -> None:
    for _ in range(times):
        api.get("/dossiers")


@pytest.mark.usefixtures("frequent_switches")
def test_calls_of_many_threads_are_all_recorded_under_different_numbers(make_api: MakeApi) -> None:
    api = make_api()
    token = api.token
    clients = [api.client.application.test_client() for _ in range(8)]

    def call(number: int) -> None:
        for page in range(25):
            url = api.url("/dossiers", page=page, thirdpartyId=number)
            clients[number].get(url, headers={"Authorization": f"Bearer {token}"})

    run_at_once(8, call)

    found = listing(api)
    numbers = [entry["number"] for entry in found["requests"]]
    assert numbers == list(range(1, 202))
    assert [count(api, query={"thirdpartyId": number}) for number in range(8)] == [25] * 8
    assert api.control("GET", "/coverage")["operations"]["met"]["listDossiers"]["calls"] == 200


# The journal without HTTP


def test_bytes_bound_the_journal_as_well() -> None:
    journal = Journal(Limits(entries=100, bytes=20_000))

    for number in range(20):
        journal.record(exchange(b'"%d"' % number), b"x" * 1_500)

    found = journal.read()
    assert 8 <= len(found.packed) <= 12
    assert sum(kept.size for kept in found.packed) <= 20_000
    assert bodies(journal)[-1] == "19"
    assert not found.complete


@pytest.mark.parametrize("large", [(b"x" * 5_000, b""), (b"", b"x" * 5_000)], ids=["request", "answer"])
def test_an_exchange_that_would_displace_too_many_loses_its_bodies(large: tuple[bytes, bytes]) -> None:
    journal = Journal(Limits(entries=100, bytes=20_000))
    body, answer = large

    journal.record(exchange(b'"small"'), b'"small"')
    journal.record(exchange(body), answer)

    small, entry = read_entries(journal.read())
    assert (small.body.value, small.answer.value) == ("small", "small")
    assert (entry.body.value, entry.answer.value) == (None, None)
    assert entry.body.note == entry.answer.note == "too large for the journal, and not kept"
    assert journal.read().complete


def test_an_exchange_larger_than_the_journal_is_dropped_at_once() -> None:
    journal = Journal(Limits(entries=100, bytes=100))

    journal.record(exchange(), b"")

    assert journal.read().packed == ()
    assert not journal.read().complete
    assert journal.last == 1


@pytest.mark.parametrize("value", ["\udce9t\udce9", "\ud800"], ids=["undecodable", "half a sign"])
def test_texts_that_cannot_be_encoded_are_recorded(value: str) -> None:
    journal = Journal(Limits())

    journal.record(exchange(HTTP_X_NAME=value, QUERY_STRING=f"a={value}"), b"")

    [entry] = read_entries(journal.read())
    assert "\ud800" not in entry.headers["x-name"] + entry.query["a"]


def test_objects_of_another_server_are_left_out() -> None:
    journal = Journal(Limits())

    texts: dict[str, Any] = {"HTTP_HOST": "sandbox", "another.server": object(), "flags": {1, 2}}
    journal.record(exchange(**texts), b"")

    [entry] = read_entries(journal.read())
    assert entry.headers == {"host": "sandbox"}


def test_no_exchange_is_lost_of_those_that_are_recorded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def count_slowly(counts: ExchangeCounts, kind: ExchangeKind) -> None:
        before = dict(counts.by_kind)
        time.sleep(0.0001)
        counts.by_kind = before
        counted(counts, kind)

    counted = ExchangeCounts.count
    monkeypatch.setattr(ExchangeCounts, "count", count_slowly)
    journal = Journal(Limits())

    def record(_: int) -> None:
        for _ in range(20):
            journal.record(exchange(), b"")

    run_at_once(8, record)

    assert sum(journal.counts.by_kind.values()) == 160


@pytest.mark.usefixtures("frequent_switches")
def test_threads_that_record_read_and_clear_at_once_do_not_disturb_each_other() -> None:
    journal = Journal(Limits(entries=20))
    sizes: list[int] = []

    def work(number: int) -> None:
        for _ in range(200):
            journal.record(exchange(), b"x" * number)
            found = journal.read()
            sizes.append(len(found.packed))
            assert found.last <= journal.last
            if number == 0:
                journal.clear()

    run_at_once(8, work)

    assert journal.last == 1600
    assert max(sizes) <= 20
    assert sum(journal.counts.by_kind.values()) == 1600


# Costly filters


NESTED = {"a": [[1] * 300] * 300}
MANY = {"a": [1] * 150_000}

COSTLY: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "$contains in $contains": ([MANY] * 5, {"body": {"a": {"$contains": {"$contains": 2}}}}),
    "$contains in $contains of lists": ([NESTED] * 5, {"body": {"a": {"$contains": {"$contains": 2}}}}),
    "$contains of $oneOf": ([{"a": [1] * 300}] * 5, {"body": {"a": {"$contains": {"$oneOf": [2] * 300}}}}),
    "$oneOf in every exchange": ([{"a": 1}] * 300, {"body": {"a": {"$oneOf": list(range(2, 900))}}}),
    "$oneOf of a query": ([{"a": 1}] * 300, {"query": {"page": {"$oneOf": list(range(2, 900))}}}),
    "a long list": ([{"a": [1] * 20_000}] * 20, {"body": {"a": [1] * 19_999 + [2]}}),
    "$equals of a long list": ([{"a": [1] * 20_000}] * 20, {"body": {"a": {"$equals": [1] * 20_000}}}),
    "many members": (
        [{f"m{at}": 1 for at in range(3000)}] * 30,
        {"body": {f"m{at}": 1 for at in range(3000)}},
    ),
    "$matches in long texts": ([{"a": "x" * 1_000_000}] * 20, {"body": {"a": {"$matches": ".*y"}}}),
    "a JSONPath to everything": ([NESTED] * 5, {"jsonPath": {"$..*": 7}}),
    "a warning of large bodies": ([MANY] * 5, {"warning": "unknownParameter"}),
    "many JSONPaths": ([{"a": [1] * 900}] * 9, {"jsonPath": {f"$.a[?@ == {at}]": 0 for at in range(2, 30)}}),
}


def journal_with(bodies: list[Any]) -> Journal:
    journal = Journal(Limits(bytes=64 * 1024 * 1024))
    for body in bodies:
        journal.record(exchange(orjson.dumps(body), CONTENT_TYPE="application/json"), b"")
    return journal


@pytest.mark.parametrize(("bodies", "members"), COSTLY.values(), ids=list(COSTLY))
def test_a_filter_that_would_hold_up_other_calls_is_rejected(bodies: list[Any], members: Any) -> None:
    wanted = msgspec.convert(members, ExchangeFilter)
    journal = journal_with(bodies)
    began = time.process_time()

    with pytest.raises(InputError, match="name an operation, nest fewer operators, or DELETE"):
        find_entries(wanted, journal.read())

    assert time.process_time() - began < 1  # 0.1 s on an idle machine; without the limit it takes seconds


def test_the_bodies_of_an_exchange_are_kept_up_to_an_eighth_of_the_journal() -> None:
    body = b"x" * 5000
    size = pack(exchange(body), body, 100_000).size
    assert 10_000 < size < 11_500

    for limit, is_kept in ((8 * size, True), (8 * size - 1, False)):
        journal = Journal(Limits(bytes=limit))
        journal.record(exchange(body), body)
        [entry] = read_entries(journal.read())
        assert (entry.exchange.without_bodies, entry.exchange.body == body) == (not is_kept, is_kept)
    journal = Journal(Limits(bytes=8 * size))
    for recorded in range(1, 11):
        journal.record(exchange(body), body)
        assert len(journal.read().packed) == min(recorded, 8)


def test_what_is_kept_over_a_restart_fits_into_smaller_limits() -> None:
    kept = journal_with([1, 2, 3]).read().packed

    read = Journal(Limits(entries=2), 3, kept=kept).read()

    assert (read.first, read.packed, read.complete) == (2, kept[1:], False)


def test_an_expectation_is_limited_as_a_filter_is(api: Api) -> None:
    for _ in range(2):
        api.try_import(description=[1] * 60_000)
    body = {"description": {"$contains": {"$contains": 2}}}

    answers = [
        api.client.post(f"/__admin/{path}?sandbox={api.sandbox}", json=question)
        for path, question in (
            ("requests/count", {"body": body}),
            ("requests/find", {"body": body}),
            ("verify", {"expectations": [{"request": {"body": body}}]}),
            ("verify", {"expectations": [{"request": {"body": body}}, {"request": {}}]}),
        )
    ]

    assert [answer.status_code for answer in answers] == [400] * 4
    for answer, steps in zip(answers, (20_030, 20_030, 20_030, 20_060), strict=True):  # of three requests
        assert (
            f"comparing the bodies in the journal takes more than {steps} steps: name an operation,"
            in ((answer.json or {})["detail"])
        )


OPERATORS = "a request is described by at most 1000 operators and JSONPaths, this one by"
COMPILE = "its regular expressions and JSONPaths take too long to compile: use fewer or shorter ones"


def test_patterns_are_limited_before_they_take_long(api: Api) -> None:
    texts = [{"$matches": f"never {at}"} for at in range(1000)]
    for path, wanted, detail in (
        ("requests/count", {"path": {"$oneOf": texts}}, f"$: {OPERATORS} 1001"),
        ("requests/find", {"query": {"a": {"$oneOf": texts}}}, f"$: {OPERATORS} 1001"),
        (
            "verify",
            {"query": {f"a{at}": text for at, text in enumerate([*texts, {}, {"$any": 1}])}},
            OPERATORS,
        ),
        ("rules", {"jsonPath": {f"$.a{at}": 1 for at in range(1001)}}, f"$.rules[0].when: {OPERATORS} 1001"),
        ("requests/count", {"body": [{"$matches": f".{{1,900}}{at}"} for at in range(30)]}, f"$: {COMPILE}"),
        ("requests/find", {"jsonPath": {f"$.{'a' * 900}{at}": 1 for at in range(30)}}, f"$: {COMPILE}"),
        ("rules", {"body": [{"$matches": f"{at}.{{1,900}}"} for at in range(30)]}, f"$.rules: {COMPILE}"),
    ):
        rule = {"name": "costly", "when": wanted, "then": {"respond": {"status": 503}}}
        question = {"verify": {"expectations": [{"request": wanted}]}, "rules": {"rules": [rule]}}
        answer = api.client.post(f"/__admin/{path}?sandbox={api.sandbox}", json=question.get(path, wanted))
        assert answer.status_code == 400
        assert detail in (answer.json or {})["detail"]


def test_rules_and_expectations_are_limited_in_number(api: Api) -> None:
    rules = [
        {"name": f"r{at}", "when": {}, "then": {"delay": {"type": "fixed", "milliseconds": 1}}}
        for at in range(501)
    ]
    answers = [
        api.client.post(f"/__admin/{path}?sandbox={api.sandbox}", json=body)
        for path, body in (
            ("rules", {"rules": rules}),
            ("rules", {"rules": rules}),
            ("verify", {"expectations": [{"request": {}}] * 1001}),
        )
    ]

    assert [answer.status_code for answer in answers] == [201, 400, 400]
    assert [(answer.json or {})["detail"] for answer in answers[1:]] == [
        "a sandbox has at most 1000 ad hoc rules: there are 501, and 501 more; DELETE /__admin/rules first",
        "$.expectations: a call has at most 1000 expectations, this one 1001: make several calls",
    ]


def test_ordinary_filters_over_a_full_journal_are_answered() -> None:
    names = [f"PO-{at}" for at in range(1000)]
    journal = journal_with([{"dossierReference": name, "thirdpartyEmail": ["a@b.example"]} for name in names])
    wanted = {
        "body": {"dossierReference": {"$oneOf": names[:9]}, "thirdpartyEmail": {"$contains": "a@b.example"}}
    }

    found = find_entries(msgspec.convert(wanted, ExchangeFilter), journal.read())

    assert [entry.number for entry in found] == list(range(1, 10))


def test_a_list_of_large_exchanges_comes_in_small_parts(api: Api) -> None:
    for _ in range(4):
        api.try_import(description="x" * 30_000)
    answer = api.client.get(f"/__admin/requests?sandbox={api.sandbox}", buffered=False)

    assert len(list(answer.response)) >= 4
