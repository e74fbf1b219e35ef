"""The operations on the engine that replicas share, each with a real Redis or Valkey."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from mock_server.input_errors import StateFileError
from mock_server.sandbox.engine import (
    CommandsDropped,
    Engine,
    EngineError,
    LogAhead,
    LogPosition,
    SandboxGone,
)
from mock_server.values import EngineUrl
from tests.engine import NEEDS_ENGINE, Proxy, RedisServer, running_engine

pytestmark = NEEDS_ENGINE

HOUR = 3_600_000


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_engine(tmp_path_factory.mktemp("engine")) as running:
        yield running


@pytest.fixture
def run(redis: RedisServer) -> Callable[[Callable[[Engine], Awaitable[None]]], None]:
    """Run a test with an engine that is empty."""
    redis.command("FLUSHALL")

    def run(test: Callable[[Engine], Awaitable[None]]) -> None:
        async def with_engine() -> None:
            engine = Engine(EngineUrl(redis.url))
            await engine.open()
            try:
                await test(engine)
            finally:
                await engine.close()

        asyncio.run(with_engine())

    return run


Run = Callable[[Callable[[Engine], Awaitable[None]]], None]


async def created(engine: Engine, name: str = "one", idle: float = 3600) -> LogPosition:
    """Create a sandbox; return its position."""
    assert await engine.create(name, b"start", limit=2, idle=idle) == "created"
    stored = await engine.load(name)
    assert stored is not None
    return LogPosition(name, stored.incarnation, 0, b"")


async def appended(engine: Engine, at: LogPosition, *ids: bytes, **options: Any) -> LogPosition:
    """Append entries with these ids, and return the position after them."""
    for each in ids:
        await engine.commit(at, 0, (each, b"entry", b"of " + each), **options)
        at = at._replace(version=at.version + 1, last=each)
    return at


def test_sandboxes_are_created_up_to_the_limit_listed_loaded_and_deleted(
    run: Run, redis: RedisServer
) -> None:
    async def check(engine: Engine) -> None:
        assert await engine.load("one") is None
        first = await created(engine)
        assert await engine.create("one", b"other", limit=2, idle=0) == "exists"
        assert await engine.create("two", b"start", limit=2, idle=0) == "created"
        assert await engine.create("three", b"start", limit=2, idle=0) == "full"
        assert await engine.names() == ["one", "two"]
        assert HOUR - 60_000 < int(redis.command("PTTL", "mock-server:{one}:head")[1:]) <= HOUR
        assert redis.command("PTTL", "mock-server:{two}:head") == b":-1\r\n"

        stored = await engine.load("one")
        assert stored is not None
        assert (stored.version, stored.checkpoint, stored.entries) == (0, b"start", ())
        await appended(engine, first, b"a", b"b")
        stored = await engine.load("one")
        assert stored is not None
        assert (stored.incarnation, stored.version, stored.checkpoint) == (first.incarnation, 2, b"start")
        assert [(each.version, each.id, each.after) for each in stored.entries] == [
            (1, b"a", b""),
            (2, b"b", b"a"),
        ]
        assert stored.entries[1].fields == {b"after": b"a", b"id": b"b", b"entry": b"of b"}
        assert stored.entries[1].size == len(b"abof b")

    run(check)


def test_a_sandbox_that_expired_or_was_deleted_begins_again_as_another_one(
    run: Run, redis: RedisServer
) -> None:
    async def check(engine: Engine) -> None:
        first = await created(engine)
        await created(engine, "two")
        redis.command("DEL", "mock-server:{two}:head")  # it has expired, so another one has a place
        assert await engine.names() == ["one"]
        assert await engine.create("three", b"start", limit=2, idle=0) == "created"
        await engine.delete("one")
        assert await engine.load("one") is None
        assert await engine.names() == ["three"]
        again = await created(engine)
        assert again.incarnation != first.incarnation
        assert await engine.names() == ["three", "one"]
        with pytest.raises(SandboxGone):
            await appended(engine, first, b"c")

    run(check)


def test_an_entry_is_appended_only_at_the_position_of_the_log(run: Run, redis: RedisServer) -> None:
    async def check(engine: Engine) -> None:
        start = await created(engine)
        end = await appended(engine, start, b"a", b"b")
        await engine.commit(end, 0)  # nothing to append: it is only compared
        for fields in ((), (b"c", b"entry", b"of c")):
            with pytest.raises(LogAhead) as behind:
                await engine.commit(start, 0, fields)
            assert [each.id for each in behind.value.entries] == [b"a", b"b"]
        with pytest.raises(LogAhead) as behind:
            await engine.commit(start._replace(version=1, last=b"a"), 0)
        assert [each.id for each in behind.value.entries] == [b"b"]
        for wrong in (
            end._replace(version=3),
            end._replace(last=b"other"),
            end._replace(incarnation=b"other"),
            end._replace(name="two"),
        ):
            with pytest.raises(SandboxGone):
                await engine.commit(wrong, 0, (b"c", b"entry", b""))
        await asyncio.gather(*(engine.commit(end, 0) for _ in range(3)))  # in one call
        await engine.commit(end, 7.5)
        for part in ("head", "log"):
            assert 4_000 < int(redis.command("PTTL", f"mock-server:{{one}}:{part}")[1:]) <= 7_500
        redis.command("DEL", "mock-server:{one}:log")
        with pytest.raises(SandboxGone):
            await engine.commit(end, 0)
        assert await engine.names() == []

    run(check)


def test_each_of_several_calls_at_the_same_time_gets_its_answer(run: Run, redis: RedisServer) -> None:
    async def check(engine: Engine) -> None:
        end = await appended(engine, await created(engine), b"a", b"b")
        redis.command("SCRIPT", "FLUSH")  # as after a restart
        await asyncio.gather(*(engine.commit(end, 0) for _ in range(3)))
        one, two = await asyncio.gather(
            appended(engine, end, b"d"), appended(engine, end, b"e"), return_exceptions=True
        )
        assert isinstance(one, LogPosition)
        assert isinstance(two, LogAhead)
        assert [each.id for each in two.entries] == [b"d"]

    run(check)


def test_a_replica_that_is_far_behind_gets_five_hundred_entries_at_a_time(run: Run) -> None:
    async def check(engine: Engine) -> None:
        start = await created(engine)
        await appended(engine, start, *(b"%d" % number for number in range(1, 502)))
        with pytest.raises(LogAhead) as behind:
            await engine.commit(start, 0)
        assert [each.version for each in behind.value.entries] == [*range(1, 501)]
        at = start._replace(version=500, last=b"500")
        with pytest.raises(LogAhead) as behind:
            await engine.commit(at, 0)
        assert [each.id for each in behind.value.entries] == [b"501"]

    run(check)


def test_a_checkpoint_replaces_the_entries_before_it(run: Run) -> None:
    async def check(engine: Engine) -> None:
        at = await appended(engine, await created(engine), *(b"a", b"b", b"c", b"d"))

        async def stored() -> tuple[bytes, list[int]]:
            found = await engine.load("one")
            assert found is not None
            return found.checkpoint, [each.version for each in found.entries]

        await engine.write_checkpoint(at, b"later", number=2, first=3)
        assert await stored() == (b"later", [3, 4])
        older = at._replace(version=4)
        await engine.write_checkpoint(older, b"same", number=3, first=4)  # another replica was faster
        await engine.write_checkpoint(at._replace(incarnation=b"other"), b"other", number=3, first=4)
        assert await stored() == (b"later", [3, 4])
        for undone in (1, 2):
            with pytest.raises(CommandsDropped) as dropped:
                await appended(engine, at, b"e", first_undone=undone)
            assert dropped.value.number == 2
        at = await appended(engine, at, b"e", first_undone=3)
        await engine.write_checkpoint(at, b"latest", number=5, first=5)
        assert await stored() == (b"latest", [5])

    run(check)


def test_news_name_the_sandboxes_whose_log_is_beyond_the_version(run: Run) -> None:
    async def check(engine: Engine) -> None:
        one, two = await created(engine), await created(engine, "two")
        assert await engine.wait_for_news({"one": 0, "two": 0}, 0.01) == set()
        waiting = asyncio.create_task(engine.wait_for_news({"one": 0, "two": 0}, 5))
        await asyncio.sleep(0)
        two = await appended(engine, two, b"a")
        assert await waiting == {"two"}
        assert await engine.wait_for_news({"one": 0, "two": 1}, 0.01) == set()
        await appended(engine, one, b"b")
        assert await engine.wait_for_news({"one": 0, "two": 0}, 5) == {"one", "two"}

    run(check)


def test_shared_values_are_set_once_and_again_after_a_loss(run: Run, redis: RedisServer) -> None:
    async def check(engine: Engine) -> None:
        assert redis.command("HGET", "mock-server:server", "format") == b"$1\r\n1\r\n"
        assert await engine.has_server_values() is False
        assert await engine.server_value("config", lambda: b"mine") == b"mine"
        assert await engine.server_value("config", lambda: b"other") == b"mine"
        assert await engine.has_server_values() is True
        assert await engine.fixture("default") is None
        await engine.add_fixture("default", b"{}")
        assert await engine.fixture("default") == b"{}"
        redis.command("FLUSHALL")
        assert await engine.has_server_values() is False
        await engine.restore_server_values()
        assert await engine.has_server_values() is True
        assert await engine.server_value("config", lambda: b"other") == b"mine"
        assert engine.error is None

    run(check)


def test_an_engine_of_a_newer_version_is_rejected(run: Run, redis: RedisServer) -> None:
    async def check(engine: Engine) -> None:
        redis.command("HSET", "mock-server:server", "format", "2")
        with pytest.raises(StateFileError) as rejected:
            await engine.open()
        assert str(rejected.value) == (
            f"{redis.url}: used by a newer version of mock-server, in format 2; this one knows up to 1:"
            " use the newer version, or another database of the engine"
        )

    run(check)


def test_an_engine_that_is_down_is_named_until_it_answers(run: Run, redis: RedisServer) -> None:
    async def check(engine: Engine) -> None:
        at = await created(engine)
        sentence = rf"the engine {redis.url} of --state cannot be used: (Connection|Error .*|\[Errno)"
        redis.stop()
        try:
            for call in (engine.names, lambda: engine.commit(at, 0, (b"a", b"entry", b""))):
                with pytest.raises(EngineError, match=sentence) as raised:
                    await call()
                assert engine.error == str(raised.value)
            with pytest.raises(EngineError) as raised:
                await engine.commit(at, 0, (b"a", b"entry", b""))
            assert raised.value.may_be_done is False  # there is not even a connection
        finally:
            redis.start()
        assert await engine.names() == ["one"]
        assert engine.error is None
        await appended(engine, at, b"a")  # its script is loaded again

    run(check)


def test_it_is_not_known_whether_a_write_without_an_answer_was_done(run: Run, redis: RedisServer) -> None:
    proxy = Proxy(redis.port)

    async def check(engine: Engine) -> None:
        at = await created(engine)
        await engine.commit(at, 0)  # so its script is there
        other = Engine(EngineUrl(proxy.url))
        calls: dict[str, tuple[bool, Callable[[], Awaitable[Any]]]] = {
            "two": (True, lambda: other.create("two", b"start", limit=2, idle=0)),
            "of a": (True, lambda: other.commit(at, 0, (b"a", b"entry", b"of a"))),
            "ZREM": (True, lambda: other.delete("two")),
            "HSETNX": (False, lambda: other.add_fixture("mine", b"{}")),  # it may be written twice
            "ZRANGE|EVALSHA": (False, other.names),
            "HGET": (False, lambda: other.fixture("mine")),
        }
        for cut, (may_be_done, call) in calls.items():
            await other.fixture("mine")  # so it has a connection
            proxy.cut, proxy.cut_answers = cut.encode(), 1
            with pytest.raises(EngineError, match="cannot be used") as raised:
                await call()
            assert (cut, raised.value.may_be_done) == (cut, may_be_done)
            assert proxy.cut_answers == 0
        await other.close()
        assert await engine.names() == ["one"]
        with pytest.raises(LogAhead):
            await engine.commit(at, 0)
        assert await engine.fixture("mine") == b"{}"

    run(check)
    proxy.close()
