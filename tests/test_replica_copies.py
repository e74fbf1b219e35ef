"""Replicas in this process, and what each does with its copies of the sandboxes that they share."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mock_server.journal import hints
from mock_server.sandbox import shared_sandbox
from mock_server.sandbox.engine import EngineError
from tests.engine import NEEDS_ENGINE, LocalReplica, Proxy, RedisServer, running_engine
from tests.support import SIRET
from tests.transcript import NOW

pytestmark = NEEDS_ENGINE

IMPORT = {"companyIdType": "CIT001", "companyIdValue": SIRET}
SHOWN = ("/requests", "/history", "/coverage", "/snapshots", "/clock", "/rules", "/variants", "/state")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_engine(tmp_path_factory.mktemp("engine")) as engine:
        yield engine


@pytest.fixture
def engine(running: RedisServer) -> RedisServer:
    """An engine that is empty."""
    running.command("FLUSHALL")
    return running


def run(act: Callable[[], Awaitable[None]], *replicas: LocalReplica | list[LocalReplica]) -> None:
    """Run the calls of a test, and close what the replicas have opened, also those that came later."""

    async def then_close() -> None:
        try:
            await asyncio.wait_for(act(), 60)
        finally:
            for some in replicas:
                for replica in some if isinstance(some, list) else [some]:
                    await replica.sandboxes.engine.close()

    asyncio.run(then_close())


async def launch(replica: LocalReplica, reference: str) -> Any:
    return json.loads(await replica.send("POST", "/dossiers", IMPORT | {"dossierReference": reference}))


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # `run` ends it  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def stored(engine: RedisServer, sandbox: str, member: str) -> bytes:
    return engine.command("HGET", f"mock-server:{{{sandbox}}}:head", member).split(b"\r\n")[1]


def is_counted(engine: RedisServer, version: int) -> bool:
    """Whether the checkpoint has the entry of this version."""
    return int(stored(engine, "copied", "counted")) == version


def steps_of(one: LocalReplica) -> list[tuple[str, Callable[[], Awaitable[Any]]]]:
    """Calls that change each part of a sandbox, with names."""
    return [
        ("clock", lambda: one.call("PUT", "/clock", {"now": NOW})),
        *[(name, lambda name=name: launch(one, name)) for name in "AB"],
        ("finished", lambda: one.call("POST", "/clock/advance", {"by": "PT1S"})),
        ("snapshot", lambda: one.call("POST", "/snapshots/before")),
        *[(name, lambda name=name: launch(one, name)) for name in "ABC"],
        ("refused", lambda: one.send("GET", "/dossiers/1")),
        ("journal", lambda: one.call("POST", "/reset", {"only": ["journal"]})),
        *[(f"read {each}", lambda: one.send("GET", "/dossiers?pageSize=1")) for each in range(3)],
        ("forget", lambda: one.call("DELETE", "/requests")),
        *[(f"again {each}", lambda: one.send("GET", "/dossiers?pageSize=1")) for each in range(4)],
        ("rewind", lambda: undo(one)),
        ("later", lambda: one.call("POST", "/clock/advance", {"by": "PT1S"})),
        *[(f"third {each}", lambda: one.send("GET", "/dossiers?pageSize=1")) for each in range(7)],
    ]


def test_a_replica_that_starts_from_a_checkpoint_is_as_the_others(
    monkeypatch: pytest.MonkeyPatch, engine: RedisServer
) -> None:
    monkeypatch.setattr(shared_sandbox, "ENTRIES_PER_CHECKPOINT", 4)
    settings = {"journal_entries": 6, "history_entries": 5, "fixture": "empty"}
    one = LocalReplica(engine.url, "copied", **settings)
    others: list[LocalReplica] = []

    async def act() -> None:
        for number, (name, step) in enumerate(steps_of(one)):
            await step()
            version = int(stored(engine, "copied", "version"))
            if version % 4 == 0:
                await until(partial(is_counted, engine, version))
            if version % 4 == 0 or number % 6 == 5:
                others.append(await asyncio.to_thread(LocalReplica, engine.url, "copied", **settings))
                await check_equal(one, others[-1], name)
        await check_past(one, others[-1])

    run(act, one, others)


async def check_equal(one: LocalReplica, other: LocalReplica, case: str) -> None:
    """Compare all that replicas show of their sandbox."""
    for path in SHOWN:
        assert await one.call("GET", path) == await other.call("GET", path), case
    assert await counts(one) == await counts(other), case


async def check_past(one: LocalReplica, other: LocalReplica) -> None:
    """Compare how far back the replicas can go: a part of the way."""
    past = await past_states(one)
    assert await past_states(other) == past
    kept = ["not kept any more" not in answer for answer in past]
    assert (kept[0], kept[-1], kept) == (False, True, sorted(kept))
    first = json.loads(await one.call("GET", "/history"))["commands"][0]["number"]
    refused = await one.call("POST", "/rewind", {"beforeCommand": first - 1})
    assert f"the oldest one is that before command {first} " in refused
    assert await other.call("POST", "/rewind", {"beforeCommand": first - 1}) == refused
    assert '"undone":5' in await other.call("POST", "/rewind", {"beforeCommand": first})
    assert await one.call("GET", "/state") == await other.call("GET", "/state")


async def undo(replica: LocalReplica) -> None:
    last = json.loads(await replica.call("GET", "/history"))["last"]
    assert '"undone":1' in await replica.call("POST", "/rewind", {"beforeCommand": last})


async def past_states(replica: LocalReplica) -> list[str]:
    """What a fork of the state before each request answers."""
    last = json.loads(await replica.call("GET", "/requests"))["requests"]
    answers = []
    for before in range(1, (last[-1]["number"] if last else 0) + 2):
        body = {"as": "past", "before": before}
        answers.append(await replica.call("POST", f"/sandboxes/{replica.sandbox}/fork", body))
        if '"sandbox":"past"' in answers[-1]:
            await replica.call("DELETE", "/sandboxes/past")
    return answers


async def counts(replica: LocalReplica) -> list[str]:
    """The lines of the metrics that count requests and imports of all sandboxes, also before a reset."""
    lines = (await replica.call("GET", "/metrics")).splitlines()
    return [line for line in lines if re.match(r"mock_server_(requests|imports|unmatched\w*)_total", line)]


def test_what_replicas_share_is_written_again_after_the_engine_has_lost_it(
    engine: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("version: 1\ninclude: [catalogue]\naccounts: [{accountId: 7}]\n", encoding="utf-8")
    one = LocalReplica(engine.url, "lost", fixture=str(recipe))
    later: list[LocalReplica] = []

    async def act() -> None:
        await one.call("PUT", "/fixture", {"recipe": {"version": 1, "accounts": [{"accountId": 8}]}})
        engine.command("FLUSHALL")
        stop = asyncio.Event()
        background = asyncio.create_task(one.sandboxes.run(stop))
        await until(lambda: engine.command("HLEN", "mock-server:fixtures") != b":0\r\n")
        stop.set()
        await background
        later.append(await asyncio.to_thread(LocalReplica, engine.url, "lost"))
        for replica in (one, *later):
            # It begins again: the fixture that was loaded is lost, that of the start is not.
            fixture = json.loads(await replica.call("GET", "/fixture"))
            assert [each["accountId"] for each in fixture["accounts"]] == [7]
            assert json.loads(await replica.call("GET", "/history"))["commands"] == []

    with caplog.at_level(logging.WARNING, "mock_server"):
        run(act, one, later)
    assert f"the engine {engine.url} has lost its data: all sandboxes start again" in caplog.messages


def test_an_answer_that_is_lost_twice_leaves_the_effect_unknown(
    engine: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = "it is not known whether the call had an effect: look before you repeat it"
    unchanged = "nothing was changed"
    lost, down = (EngineError("no answer", may_be_done=each) for each in (True, False))
    cases = [
        ([lost, lost], "POST", unknown),
        ([lost, down], "POST", unknown),
        ([down, lost], "POST", unknown),
        ([down, down], "POST", unchanged),
        ([lost], "GET", unchanged),
        ([lost], "POST", None),
        ([down], "POST", None),
    ]
    one = LocalReplica(engine.url, "answers")
    really = one.sandboxes.engine.commit

    async def act() -> None:
        await one.call("GET", "/clock")
        for errors, method, expected in cases:
            left = list(errors)

            async def commit(*arguments: Any, left: list[EngineError] = left, **options: Any) -> None:
                if left:
                    raise left.pop(0)
                await really(*arguments, **options)

            monkeypatch.setattr(one.sandboxes.engine, "commit", commit)
            path = "/clock" if method == "GET" else "/clock/advance"
            answer = json.loads(await one.call(method, path, {"by": "PT1S"} if method == "POST" else None))
            if expected is None:
                assert answer["sandbox"] == "answers"
            else:
                assert (answer["status"], answer["detail"]) == (503, f"no answer; {expected}")
        assert [row["number"] for row in json.loads(await one.call("GET", "/history"))["commands"]] == [1, 2]

    run(act, one)


def test_an_entry_whose_answers_were_lost_is_found_by_the_next_call(engine: RedisServer) -> None:
    proxy = Proxy(engine.port)
    one = LocalReplica(proxy.url, "found")

    async def act() -> None:
        await launch(one, "A")
        proxy.cut_answers = 1
        assert "content" in await launch(one, "ONCE")  # it is asked again
        proxy.cut_answers = 2
        answer = await launch(one, "B")
        assert answer["message"].endswith("look before you repeat it")
        journal = json.loads(await one.call("GET", "/requests"))
        assert [row["operation"] for row in journal["requests"]] == ["getToken"] + ["importDossier"] * 3
        assert len(json.loads(await one.call("GET", "/processes"))["processes"]) == 3

    try:
        run(act, one)
    finally:
        proxy.close()


def test_forks_of_replicas_have_different_names(engine: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = LocalReplica(engine.url, "forked"), LocalReplica(engine.url, "forked")

    async def act() -> None:
        await launch(one, "A")
        assert '"sandbox":"fork"' in await one.call("POST", "/sandboxes/forked/fork", {"as": "fork"})
        first = {"as": "start", "before": 1}
        assert '"sandbox":"start"' in await two.call("POST", "/sandboxes/forked/fork", first)
        for replica in (one, two):
            answer = json.loads(await replica.call("POST", "/sandboxes/forked/fork", {"as": "fork"}))
            sentence = "there is a sandbox 'fork': choose another name, or delete it"
            assert (answer["status"], answer["detail"]) == (409, sentence)
            assert '"status":400' in await replica.call("POST", "/sandboxes/forked/fork", {"as": "a b"})
        really = one.sandboxes.engine.create

        async def create(name: str, *arguments: Any, **options: Any) -> str:
            """Let another replica be faster."""
            monkeypatch.setattr(one.sandboxes.engine, "create", really)
            await two.call("POST", "/sandboxes/forked/fork", {"as": name})
            return await really(name, *arguments, **options)

        monkeypatch.setattr(one.sandboxes.engine, "create", create)
        answer = json.loads(await one.call("POST", "/sandboxes/forked/fork", {"as": "race"}))
        assert answer["detail"].startswith("there is a sandbox 'race'")
        for name in ("fork", "race"):
            for replica in (one, two):
                replica.sandbox = name
                assert len(json.loads(await replica.call("GET", "/processes"))["processes"]) == 1
        two.sandbox = "forked"
        assert await two.call("DELETE", "/sandboxes/race") == ""
        gone = json.loads(await one.call("DELETE", "/sandboxes/race"))
        assert gone["status"] == 404

    run(act, one, two)


def test_a_checkpoint_that_cannot_be_written_is_logged_and_a_damaged_sandbox_is_named(
    engine: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shared_sandbox, "ENTRIES_PER_CHECKPOINT", 2)
    one = LocalReplica(engine.url, "damaged", fixture="empty")
    two = LocalReplica(engine.url, "damaged")

    async def fail(*_: Any, **__: Any) -> None:
        raise EngineError("the engine is full")

    monkeypatch.setattr(one.sandboxes.engine, "write_checkpoint", fail)

    async def act() -> None:
        for _ in range(2):
            await one.call("POST", "/clock/advance", {"by": "PT1S"})
        await one.call("POST", "/rewind", {"beforeCommand": 2})
        await until(lambda: bool(caplog.messages))
        assert caplog.messages == ["no checkpoint was written: the engine is full"]
        engine.command("XTRIM", "mock-server:{damaged}:log", "MINID", "3")
        answer = json.loads(await two.call("GET", "/clock"))
        sentence = (
            f"the sandbox 'damaged' in {engine.url} is damaged (there is no command 2; none was made): delete"
            " its keys, mock-server:{damaged}:head and mock-server:{damaged}:log; nothing was changed"
        )
        assert (answer["status"], answer["detail"]) == (503, sentence)
        assert '"now"' in await one.call("GET", "/clock")

    with caplog.at_level(logging.WARNING, "mock_server"):
        run(act, one, two)


def test_the_limit_of_sandboxes_is_answered_and_leaves_nothing_behind(engine: RedisServer) -> None:
    one, two = (LocalReplica(engine.url, "first", max_sandboxes=2) for _ in range(2))

    async def act() -> None:
        await launch(one, "A")
        for replica in (one, two):
            replica.sandbox = "second"
            refused = json.loads(await replica.call("GET", "/clock"))
            assert refused["status"] == 503
            assert refused["detail"] == (
                "the server has 2 sandboxes, its limit: drop one (DELETE /__admin/sandboxes/NAME), or start"
                " the server with a larger --max-sandboxes"
            )
            replica.sandbox = "first"
            fork = json.loads(await replica.call("POST", "/sandboxes/first/fork", {"as": "second"}))
            assert (fork["status"], fork["detail"]) == (503, refused["detail"])
            assert json.loads(await replica.call("DELETE", "/sandboxes/second"))["status"] == 404
            names = json.loads(await replica.call("GET", "/sandboxes"))["sandboxes"]
            assert [each["name"] for each in names] == ["default", "first"]
        assert await two.call("DELETE", "/sandboxes/first") == ""
        one.sandbox = "second"
        assert '"sandbox":"second"' in await one.call("GET", "/clock")

    run(act, one, two)


def test_a_sandbox_that_another_replica_deleted_begins_again(engine: RedisServer) -> None:
    one, two = (LocalReplica(engine.url, "deleted") for _ in range(2))

    async def act() -> None:
        calls: list[tuple[int, str, str, Any]] = [
            (0, "GET", "/history", None),
            (1, "POST", "/clock/advance", {"by": "PT1S"}),
            (1, "PUT", "/fixture", {"name": "empty"}),  # in a thread
            (0, "GET", "/sandboxes", None),
        ]
        for commands, *call in calls:
            await one.call("PUT", "/strict", {"strict": "warn"})
            await two.call("PUT", "/variants", {"refusals": "result"})
            assert await two.call("DELETE", "/sandboxes/deleted") == ""
            assert '"status"' not in await one.call(*call)
            assert await one.call("GET", "/strict") == '{"strict":"off"}'
            for replica in (one, two):
                assert json.loads(await replica.call("GET", "/history"))["last"] == commands
            assert '"refusals":"http400"' in await two.call("GET", "/variants")

    run(act, one, two)


def test_a_rewind_that_a_checkpoint_of_another_replica_prevents_is_rejected(
    engine: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_sandbox, "ENTRIES_PER_CHECKPOINT", 6)
    long = LocalReplica(engine.url, "rewound", fixture="empty")
    short = LocalReplica(engine.url, "rewound", history_entries=2)

    async def act() -> None:
        await long.call("PUT", "/clock", {"now": NOW})
        for _ in range(4):
            await long.call("POST", "/clock/advance", {"by": "PT1S"})
        await short.call("POST", "/clock/advance", {"by": "PT1S"})
        await until(lambda: stored(engine, "rewound", "counted") == b"6")
        for before in (4, 1):
            answer = json.loads(await long.call("POST", "/rewind", {"beforeCommand": before}))
            assert answer["status"] == 404
            assert answer["detail"].startswith(
                f"the state before command {before} is not kept any more; the oldest"
            )
        assert json.loads(await long.call("GET", "/history"))["last"] == 6
        assert '"undone":2' in await long.call("POST", "/rewind", {"beforeCommand": 5})
        assert await long.call("GET", "/state") == await short.call("GET", "/state")

    run(act, long, short)


def test_calls_of_one_sandbox_take_turns_and_those_of_others_do_not_wait(engine: RedisServer) -> None:
    one = LocalReplica(engine.url, "busy")
    other = LocalReplica(engine.url, "busy")

    async def act() -> None:
        await one.call("PUT", "/clock", {"now": NOW})
        moves = [replica.call("POST", "/clock/advance", {"by": "PT1S"}) for replica in (one, other) * 5]
        loads = one.call("PUT", "/fixture", {"name": "empty"})
        answers = await asyncio.gather(
            *moves, loads, one.call("GET", "/sandboxes"), other.call("GET", "/metrics")
        )
        assert [answer for answer in answers if '"status":' in answer] == []
        for replica in (one, other):
            assert '"now":"2031-01-02T10:00:10' in await replica.call("GET", "/clock")
            assert json.loads(await replica.call("GET", "/history"))["last"] == 12

    run(act, one, other)


def test_a_replica_follows_a_sandbox_while_someone_listens(engine: RedisServer) -> None:
    one, two = (LocalReplica(engine.url, "followed") for _ in range(2))
    head = "mock-server:{followed}:head"

    async def act() -> None:
        await one.call("GET", "/clock")
        copy = one.sandboxes.find("followed")
        assert copy is not None
        stop = asyncio.Event()
        background = asyncio.create_task(one.sandboxes.run(stop))
        engine.command("PEXPIRE", head, "60000")
        news: list[int] = []
        end = copy.journal.listen(lambda _: news.append(copy.journal.last))
        await until(lambda: int(engine.command("PTTL", head)[1:]) > 60_000)  # so it does not expire
        for number, reference in enumerate("ABC"):
            await launch(two, reference)
            await until(partial(has_seen, news, number + 2))  # with the login
            assert '"total":' in await one.call("GET", "/requests")
        end()
        stop.set()
        await background
        assert news[-1] == 4

    run(act, one, two)


def has_seen(news: list[int], number: int) -> bool:
    """Whether the request of this number is among the news."""
    return number in news


def test_polls_count_over_replicas_in_strict_mode(
    engine: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints, "POLLS_PER_SECOND", 2)
    one, two = (LocalReplica(engine.url, "polled") for _ in range(2))

    async def act() -> None:
        await one.call("PUT", "/strict", {"strict": "warn"})
        process = (await launch(one, "A"))["content"]["processId"]
        for replica in (one, two, one):
            await replica.send("GET", f"/dossiers/process/{process}")
        for replica in (one, two):
            journal = json.loads(await replica.call("GET", "/requests"))["requests"]
            polls = [row["warningCodes"] for row in journal if row["operation"] == "getProcess"]
            assert polls == [[], [], ["fastPolling"]]

    run(act, one, two)


def test_entries_that_replaced_lost_ones_count(engine: RedisServer) -> None:
    one, two = (LocalReplica(engine.url, "other") for _ in range(2))
    keys = [f"mock-server:{{other}}:{part}" for part in ("head", "log")]

    async def references(replica: LocalReplica) -> list[str]:
        found = json.loads(await replica.call("GET", "/processes"))["processes"]
        return [process["dossierReference"] for process in found]

    async def act() -> None:
        await launch(one, "A")
        assert await references(two) == ["A"]
        for key in keys:
            engine.command("COPY", key, f"before:{key}")
        await launch(one, "LOST")
        for key in keys:
            engine.command("RENAME", f"before:{key}", key)  # as after a restart without the last entries
        for reference in "BC":
            await launch(two, reference)
        assert [await references(each) for each in (one, two)] == [["A", "B", "C"]] * 2

    run(act, one, two)
