"""The engine of `--state redis://...`: a Redis or Valkey that replicas share. Each operation is atomic.

Keys, each after `mock-server:`:

    server            hash: format, config (the start of new sandboxes), key (signs tokens)
    fixtures          hash: each fixture by its key
    sandboxes         sorted set: the names of the sandboxes, in the order of their creation
    created           how many sandboxes were created
    {NAME}:head       hash: the sandbox's incarnation, version and last entry of its log, its checkpoint
    {NAME}:log        stream: an entry per request; entry 12 is at `12-0`

A sandbox that is deleted and created again has another incarnation. So a replica that still has the old one
can neither append to the new one nor take entries of it. Each entry names the one before it: so a replica
finds out that the engine was started again without its last entries, and others came in their place.
A sandbox that has entries but no log any more, since the engine evicted it, is deleted: it begins again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from hashlib import sha1
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4
from weakref import WeakKeyDictionary

from msgspec import Struct

from mock_server.input_errors import NotWritten, StateFileError
from mock_server.values import EngineUrl

if TYPE_CHECKING:
    from redis.asyncio import Redis

FORMAT = 1
"""The version of keys and entries. A replica rejects an engine of a newer one."""

_PREFIX = "mock-server:"
_MAX_CONNECTIONS = 64
_TIMEOUT = 3.0
"""Seconds after which an engine that does not answer counts as down."""
_CONNECTION_TIMEOUT = 10.0
"""Seconds that a call waits at most for a free connection."""
_RECONNECT_PAUSE = 0.5
"""Seconds between two times that all connections are replaced, while the engine is only a replica."""
_START_SECONDS = 10.0
"""Seconds that a start waits for the engine, which may be starting as well."""
_BATCH = 500
"""Entries that are read at once."""

_COMMIT = """
local head = redis.call('HMGET', KEYS[1], 'incarnation', 'version', 'last')
if head[1] ~= ARGV[1] then return {'gone'} end
if head[2] ~= '0' and redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('DEL', KEYS[1])
  return {'gone'}
end
local function used()
  if tonumber(ARGV[4]) > 0 then
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
    redis.call('PEXPIRE', KEYS[2], ARGV[4])
  end
end
if tonumber(head[2]) > tonumber(ARGV[2]) then
  used()
  return {'behind', redis.call('XRANGE', KEYS[2], '(' .. ARGV[2] .. '-0', '+', 'COUNT', ARGV[5])}
end
if head[2] ~= ARGV[2] or head[3] ~= ARGV[3] then return {'gone'} end
local rewind = tonumber(ARGV[6])
if rewind > 0 and rewind <= tonumber(redis.call('HGET', KEYS[1], 'number')) then
  return {'dropped', redis.call('HGET', KEYS[1], 'number')}
end
if #ARGV > 6 then
  redis.call('XADD', KEYS[2], (tonumber(ARGV[2]) + 1) .. '-0', 'after', head[3], 'id', unpack(ARGV, 7))
  redis.call('HINCRBY', KEYS[1], 'version', 1)
  redis.call('HSET', KEYS[1], 'last', ARGV[7])
end
used()
return {'current'}
"""

_COMMIT_SHA = sha1(_COMMIT.encode(), usedforsecurity=False).hexdigest()

_CREATE = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 'exists' end
local prefix, name, limit, idle = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if not redis.call('ZSCORE', KEYS[3], name) and redis.call('ZCARD', KEYS[3]) >= limit then
  for _, other in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
    if redis.call('EXISTS', prefix .. '{' .. other .. '}:head') == 0 then
      redis.call('ZREM', KEYS[3], other)
    end
  end
  if redis.call('ZCARD', KEYS[3]) >= limit then return 'full' end
end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'incarnation', ARGV[6], 'version', 0, 'last', '', 'number', 0, 'counted', 0,
  'checkpoint', ARGV[5])
redis.call('ZADD', KEYS[3], redis.call('INCR', KEYS[4]), name)
if idle > 0 then redis.call('PEXPIRE', KEYS[1], idle) end
return 'created'
"""

_LOAD = """
local head = redis.call('HMGET', KEYS[1], 'incarnation', 'version', 'checkpoint')
if not head[1] then return false end
if head[2] ~= '0' and redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('DEL', KEYS[1])
  return false
end
return {head[1], head[2], head[3], redis.call('XRANGE', KEYS[2], '-', '+')}
"""

_CHECKPOINT = """
local head = redis.call('HMGET', KEYS[1], 'incarnation', 'counted')
if head[1] ~= ARGV[1] or tonumber(head[2]) >= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], 'counted', ARGV[3], 'number', ARGV[4], 'checkpoint', ARGV[5])
return redis.call('XTRIM', KEYS[2], 'MINID', ARGV[2] .. '-0')
"""

_NAMES = """
local found = {}
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if redis.call('EXISTS', ARGV[1] .. '{' .. name .. '}:head') == 1 then found[#found + 1] = name end
end
return found
"""


class EngineError(NotWritten):
    """The engine cannot be used now, or not by this version; the message says what to do.

    `may_be_done` is True if it is not known whether the engine has carried out the call.
    """

    def __init__(self, message: str, *, may_be_done: bool = False) -> None:
        super().__init__(message)
        self.may_be_done = may_be_done


class RawEntry(Struct, frozen=True):
    """An entry of a log, not decoded: its version, and its fields in the engine."""

    version: int
    fields: Mapping[bytes, bytes]

    @property
    def id(self) -> bytes:
        """The id of the entry, unique over all sandboxes."""
        return self.fields[b"id"]

    @property
    def after(self) -> bytes:
        """The id of the entry before it; empty for the first one."""
        return self.fields[b"after"]

    @property
    def size(self) -> int:
        """The bytes of its fields."""
        return sum(map(len, self.fields.values()))


class StoredSandbox(Struct, frozen=True):
    """A sandbox in the engine: its checkpoint, and the entries of its log that are kept."""

    incarnation: bytes
    version: int
    checkpoint: bytes
    entries: tuple[RawEntry, ...]


class LogPosition(NamedTuple):
    """An entry of the log of a sandbox: its version and its id; 0 and empty before the first one."""

    name: str
    incarnation: bytes
    version: int
    last: bytes


class CommandsDropped(Exception):
    """The commands up to `number` cannot be undone any more: a checkpoint replaced them."""

    def __init__(self, number: int) -> None:
        self.number = number


class SandboxGone(Exception):
    """The sandbox was deleted, has expired or was created again, or its log lacks an entry of the copy."""


class LogAhead(Exception):
    """The log has entries that the caller does not know; `entries` are the next ones."""

    def __init__(self, entries: tuple[RawEntry, ...]) -> None:
        self.entries = entries


class Engine:
    """The keys of one set of replicas, in one database of the engine.

    `error` is why the last call failed, None if it did not.
    """

    def __init__(self, url: EngineUrl, password: str | None = None) -> None:
        self.url = url
        self.error: str | None = None
        self._password = password
        self._may_come = True
        self._connected = 0.0
        self._server_values: dict[str, bytes] = {}
        self._commits: list[tuple[tuple[Any, ...], asyncio.Future[Any]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Redis] = WeakKeyDictionary()

    async def open(self) -> None:
        """Wait for the engine, and check that this version can use it.

        Raises:
            StateFileError: there is no client library, no engine, or one of another version.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _START_SECONDS
        while True:
            try:
                used_format = await self._call(_setnx_format)
                break
            except EngineError as error:
                if loop.time() > deadline or not self._may_come:
                    raise StateFileError(str(error)) from None
                await asyncio.sleep(0.2)
        if used_format > FORMAT:
            raise StateFileError(
                f"{self.url}: used by a newer version of mock-server, in format {used_format}; this one knows"
                f" up to {FORMAT}: use the newer version, or another database of the engine"
            )

    async def server_value(self, name: str, value: Callable[[], bytes]) -> bytes:
        """Return a value that all replicas share; the first replica sets it."""
        shared_value = await self._call(lambda client: client.hget(_key("server"), name))
        if shared_value is None:
            own_value = value()
            await self._share_value(name, own_value)
            shared_value = await self._call(lambda client: client.hget(_key("server"), name))
        self._server_values[name] = bytes(shared_value)
        return bytes(shared_value)

    async def restore_server_values(self) -> None:
        """Set the values of `server_value` again, after the engine has lost its data."""
        for name, value in self._server_values.items():
            await self._share_value(name, value)

    async def _share_value(self, name: str, value: bytes) -> None:
        await self._call(lambda client: client.hsetnx(_key("server"), name, value))

    async def fixture(self, key: str) -> bytes | None:
        """Return the JSON of a fixture, None if there is none of that key."""
        content = await self._call(lambda client: client.hget(_key("fixtures"), key))
        return None if content is None else bytes(content)

    async def add_fixture(self, key: str, content: bytes) -> None:
        """Add a fixture; entries name it by its key."""
        await self._call(lambda client: client.hsetnx(_key("fixtures"), key, content))

    async def names(self) -> list[str]:
        """Return the names of the sandboxes, oldest first."""
        names = await self._script(_NAMES, ["sandboxes"], [_PREFIX])
        return [bytes(name).decode() for name in names]

    async def load(self, name: str) -> StoredSandbox | None:
        """Return a sandbox, None if there is none of that name."""
        stored = await self._script(_LOAD, _keys_of(name), [])
        if stored is None:
            return None
        incarnation, version, checkpoint, entries = stored
        return StoredSandbox(bytes(incarnation), int(version), bytes(checkpoint), _entries(entries))

    async def create(self, name: str, checkpoint: bytes, *, limit: int, idle: float) -> str:
        """Create a sandbox; return `created`, `exists`, or `full` if there are `limit` sandboxes.

        It expires after `idle` seconds without a call; 0 for never.
        """
        keys = [*_keys_of(name), "sandboxes", "created"]
        arguments = [_PREFIX, name, limit, int(idle * 1000), checkpoint, uuid4().hex]
        outcome = await self._script(_CREATE, keys, arguments, is_write=True)
        return bytes(outcome).decode()

    async def commit(
        self, at: LogPosition, idle: float, fields: Sequence[bytes] = (), *, first_undone: int = 0
    ) -> None:
        """Append an entry if the log is at this position; without fields, only check that it is.

        The fields are the id of the entry, and then names and values in turn. The sandbox expires after
        `idle` seconds without a call; 0 leaves this as it is.

        Raises:
            LogAhead: the log has later entries, and nothing was appended. CommandsDropped: the entry goes
            back to before the command `first_undone`, which is not kept any more. SandboxGone: there is no
            such sandbox any more.
        """
        position = (at.incarnation, at.version, at.last)
        arguments = [*position, int(idle * 1000), _BATCH, first_undone, *fields]
        result, *details = await self._commit(
            ("EVALSHA", _COMMIT_SHA, 2, *map(_key, _keys_of(at.name)), *arguments)
        )
        if result == b"gone":
            raise SandboxGone
        if result == b"dropped":
            raise CommandsDropped(int(details[0]))
        if result == b"behind":
            raise LogAhead(_entries(details[0]))

    async def write_checkpoint(self, at: LogPosition, content: bytes, *, number: int, first: int) -> None:
        """Replace the checkpoint, which has the commands up to `number`; drop the entries before `first`."""
        arguments = [at.incarnation, first, at.version, number, content]
        await self._script(_CHECKPOINT, _keys_of(at.name), arguments)

    async def delete(self, name: str) -> None:
        """Delete a sandbox."""
        await self._call(
            lambda client: (
                client.pipeline().delete(*map(_key, _keys_of(name))).zrem(_key("sandboxes"), name).execute()
            ),
            is_write=True,
        )

    async def wait_for_news(self, versions: Mapping[str, int], seconds: float) -> set[str]:
        """Wait until a log has entries beyond its version; return the names of these sandboxes.

        The set is empty if there are none within these seconds.
        """
        keys = {f"{_PREFIX}{{{name}}}:log".encode(): name for name in versions}
        ids = [f"{version}-0" for version in versions.values()]
        command = ["XREAD", "COUNT", 1, "BLOCK", int(seconds * 1000), "STREAMS", *keys, *ids]
        streams = await self._call(lambda client: client.execute_command(*command))
        return {keys[bytes(stream[0])] for stream in streams or ()}

    async def has_server_values(self) -> bool:
        """Whether the engine still has what all replicas share. It is also tried whether it accepts writes.

        Raises:
            EngineError: it does not, or does not answer; `error` has the reason.
        """
        await self._call(_setnx_format)
        return bool(await self._call(lambda client: client.hexists(_key("server"), "config")))

    async def close(self) -> None:
        """Close the connections of the running loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    async def _commit(self, command: tuple[Any, ...]) -> Any:
        """Send a command together with those of other requests of this iteration of the loop.

        A connection to the engine costs several times as much as the command on it.
        """
        loop = asyncio.get_running_loop()
        if not self._commits:
            loop.call_soon(self._send_commits)
        answer: asyncio.Future[Any] = loop.create_future()
        self._commits.append((command, answer))
        return await answer

    def _send_commits(self) -> None:
        commits, self._commits = self._commits, []
        self._hold_task(asyncio.get_running_loop().create_task(self._answer_commits(commits)))

    def _hold_task(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_commits(self, commits: list[tuple[tuple[Any, ...], asyncio.Future[Any]]]) -> None:
        """Send these commands in one call, and pass each its answer or error."""
        try:
            send = partial(_send_all, commands=[command for command, _ in commits])
            results = await self._call(send, is_write=True)
        except Exception as error:  # noqa: BLE001  # of any kind: a request without an answer would not end
            results = [error] * len(commits)
        for (_, answer), result in zip(commits, results, strict=True):
            if answer.done():
                continue
            if isinstance(result, EngineError):
                answer.set_exception(EngineError(str(result), may_be_done=result.may_be_done))
            elif isinstance(result, Exception):
                answer.set_exception(self._engine_error(result, is_write=True))
            else:
                answer.set_result(result)

    async def _script(
        self, script: str, keys: Iterable[str], arguments: Sequence[object], *, is_write: bool = False
    ) -> Any:
        """Run a Lua script with these keys, without their prefix, and arguments."""
        return await self._call(
            lambda client: client.register_script(script)(
                keys=[_key(key) for key in keys],
                args=arguments,
            ),
            is_write=is_write,
        )

    async def _call(self, call: Callable[[Any], Awaitable[Any]], *, is_write: bool = False) -> Any:
        """Return the answer of the engine. The library's types name strings where there are bytes.

        Raises:
            EngineError: there is none; it is in `error` until the next one.
        """
        from redis.exceptions import RedisError

        try:
            answer = await call(self._client())
        except (RedisError, OSError, TimeoutError) as error:
            raise self._engine_error(error, is_write=is_write) from None
        self.error = None
        return answer

    def _engine_error(self, error: Exception, *, is_write: bool) -> EngineError:
        """Return an error of the client as a sentence, which is in `error` until the engine answers."""
        from redis.exceptions import AuthenticationError, BusyLoadingError, ResponseError

        is_rejected = isinstance(error, AuthenticationError | ResponseError)
        is_reached = "connecting to" not in str(error) and not isinstance(error, BusyLoadingError)
        self._may_come = not is_rejected
        self.error = f"the engine {self.url} of --state cannot be used: {_reason(error)}"
        if "read only replica" in str(error):
            self._connect_again()
        return EngineError(self.error, may_be_done=is_write and is_reached and not is_rejected)

    def _connect_again(self) -> None:
        """Give up all connections: after a failover, the same address leads to another machine."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._connected < _RECONNECT_PAUSE:
            return
        client = self._clients.pop(loop, None)

        async def close() -> None:
            await asyncio.sleep(_TIMEOUT)  # calls that have begun take so long at most
            if client is not None:
                await client.aclose()

        self._hold_task(loop.create_task(close()))

    def _client(self) -> Redis:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = self._connect()
            self._connected = loop.time()
        return client

    def _connect(self) -> Redis:
        from redis.asyncio import BlockingConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        options: dict[str, Any] = {} if self._password is None else {"password": self._password}
        pool = BlockingConnectionPool.from_url(
            self.url.for_client,
            max_connections=_MAX_CONNECTIONS,
            timeout=_CONNECTION_TIMEOUT,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            client_name=f"mock-server-{os.getpid()}",
            **options,
        )
        return Redis.from_pool(pool)


def check_client_library() -> None:
    """Check that the client of Redis and Valkey is installed.

    Raises:
        StateFileError: it is not; the message says how to install it.
    """
    try:
        import redis.asyncio  # noqa: F401
    except ImportError:
        raise StateFileError(
            "--state with a URL needs the client of Redis and Valkey:"
            " pip install 'dossiers-mock-server[replicas]'"
        ) from None


async def _send_all(client: Any, *, commands: list[tuple[Any, ...]]) -> list[Any]:
    """Return the answer to each command; an error is returned as an exception, not raised."""
    from redis.exceptions import NoScriptError, ResponseError

    if len(commands) == 1:
        try:
            results = [await client.execute_command(*commands[0])]
        except ResponseError as error:
            results = [error]
    else:
        pipeline = client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        results = await pipeline.execute(raise_on_error=False)
    if any(isinstance(result, NoScriptError) for result in results):
        # The engine was started again. A command that it has carried out nevertheless is found by its id.
        await client.script_load(_COMMIT)
        return await _send_all(client, commands=commands)
    return results


async def _setnx_format(client: Any) -> int:
    await client.hsetnx(_key("server"), "format", str(FORMAT))
    return int(await client.hget(_key("server"), "format") or 0)


def _key(name: str) -> str:
    return f"{_PREFIX}{name}"


def _keys_of(name: str) -> list[str]:
    """The keys of a sandbox. The braces keep them together where keys are spread over machines."""
    return [f"{{{name}}}:head", f"{{{name}}}:log"]


def _entries(rows: Iterable[Any]) -> tuple[RawEntry, ...]:
    """Return the entries of a log, as the engine lists them."""
    return tuple(
        RawEntry(
            int(bytes(identifier).partition(b"-")[0]),
            dict(zip(fields[::2], fields[1::2], strict=True)),
        )
        for identifier, fields in rows
    )


def _reason(error: Exception) -> str:
    return str(error).partition(" script: ")[0].rstrip(".") or type(error).__name__
