"""The sandboxes that replicas share through an engine, and the requests that use them.

The loop never waits for the engine. A request works on this replica's copies of its sandboxes. Then the
engine is asked, in one call, to append what it did, provided that these copies are up to date. If not, they
receive the entries that they lack, and the request runs again. Only after that its answer is sent.

If a request needs a sandbox that another request uses, or of which there is no copy yet, `SandboxNeeded` is
raised: the request waits, and begins again. So requests of one sandbox take turns on each replica; other
sandboxes continue.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from io import BytesIO
from time import monotonic
from typing import Any, TypeVar

from mock_server.clock import monotonic_now
from mock_server.delivery import SlowCalls, WsgiApp
from mock_server.fixtures.fixture import decode_fixture
from mock_server.input_errors import Conflict, StateFileError
from mock_server.journal.coverage import ExchangeCounts
from mock_server.sandbox.commands import PastState, continue_state
from mock_server.sandbox.engine import (
    CommandsDropped,
    Engine,
    EngineError,
    LogAhead,
    LogPosition,
    RawEntry,
    SandboxGone,
    StoredSandbox,
    check_client_library,
)
from mock_server.sandbox.history import NotKept
from mock_server.sandbox.sandbox import SandboxOptions, ServerSandbox
from mock_server.sandbox.sandboxes import DEFAULT_SANDBOX, NoSandbox, Sandboxes, is_name
from mock_server.sandbox.shared_sandbox import (
    Checkpoint,
    LogFormat,
    PreparedEntry,
    SharedSandbox,
    UnknownEntry,
)
from mock_server.sandbox.state import (
    KeptStart,
    SandboxConfig,
    first_state,
    keep_state,
)
from mock_server.sandbox.transactions import (
    AppAnswer,
    CurrentTransaction,
    Environ,
    RunAgain,
    SandboxNeeded,
    Transaction,
    Turns,
)
from mock_server.scenarios.setup import ScenarioSetup
from mock_server.settings import HEALTH_PATH, is_control_path, is_slow_call
from mock_server.values import EngineUrl

T = TypeVar("T")

_MAX_RETRY_SECONDS = 10.0
"""Seconds after which a request is no longer repeated because other replicas were faster."""

_CHECKED_AT_ONCE = 32
"""Sandboxes that are compared with the engine at the same time."""

_LARGE_BYTES = 100_000
"""Bytes of entries from which they are decoded and applied in a thread."""

_MAX_WAIT, _CHECK_INTERVAL = 0.25, 1.0
"""Seconds that the follower waits for entries at most, and between two checks of all that it follows."""

_ENGINE_CHECK_INTERVAL = 1.0
"""Seconds between two checks of the engine: so health reports that it is down even without requests."""

_MAX_FIXTURES = 32
"""Fixtures that are kept in memory, so that reading an entry needs no call to the engine."""

_MAX_TOKENS = 1024
"""Tokens whose sandbox is remembered."""

_OVERTAKEN = "other calls change this sandbox all the time: repeat the call"
_UNCHANGED = "nothing was changed"
_UNKNOWN = "it is not known whether the call had an effect: look before you repeat it"

_logger = logging.getLogger("mock_server")


class SharedSandboxes(Sandboxes):
    """The sandboxes of a set of replicas: found in the engine, created there, kept here as copies.

    Outside of `answer` only the copies are seen, as after their last entry; nothing can be changed.
    """

    is_shared = True
    _by_name: dict[str, SharedSandbox]  # type: ignore[assignment]  # no other ones are here

    def __init__(
        self,
        engine: Engine,
        config: SandboxConfig,
        options: SandboxOptions,
        users: Mapping[str, ScenarioSetup],
    ) -> None:
        super().__init__(config, options, users)
        self.engine = engine
        self._format = LogFormat()
        self._turns = Turns()
        self._current = CurrentTransaction()
        self._written: set[str] = set()
        self._reading = 0
        self._slow_calls = SlowCalls()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_listened = asyncio.Event()
        self._last_sandbox: dict[str, str] = {}

    async def start(self) -> None:
        """Use the start of new sandboxes that all replicas share, and open the default sandbox.

        Raises:
            EngineError: the engine cannot be used.
        """
        encoded = self._format.encode(self.config)
        await self._write_fixtures()
        shared_config = await self.engine.server_value("config", lambda: encoded)
        if shared_config != encoded:
            decode = partial(self._format.read, shared_config, SandboxConfig, "it")
            self.config = await self._with_fixtures(decode, "the start of new sandboxes")
            name = self.config.setup.fixture.name
            _logger.info("%s is in use; its fixture %s wins over --fixture", self.engine.url, name)
        await self._copy_of(DEFAULT_SANDBOX, create=True)

    # What views ask for

    def get(self, name: str = DEFAULT_SANDBOX) -> ServerSandbox:
        """As on one server.

        Raises:
            EngineError: the engine cannot be used.
        """
        transaction = self._current.transaction
        if transaction is None:
            return self._by_name.get(name) or self._temporary_sandbox()
        if transaction.error is not None:
            return self._sandbox_for_error(transaction)
        self._check_name(name)
        if name in transaction.rejected:
            raise transaction.rejected[name]
        sandbox = self._claim(transaction, name, create=True)
        transaction.used.add(name)
        sandbox.last_used = monotonic()
        return sandbox

    def find(self, name: str) -> ServerSandbox | None:
        """As on one server.

        Raises:
            EngineError: the engine cannot be used.
        """
        transaction = self._current.transaction
        if transaction is None:
            return self._by_name.get(name)
        if transaction.error is not None:
            return self._sandbox_for_error(transaction)
        if name in transaction.absent or name in transaction.rejected or not is_name(name):
            return None
        return self._claim(transaction, name, create=False)

    def fork(self, past: PastState, name: str) -> ServerSandbox:
        """As on one server."""
        transaction = self._require_transaction()
        self._check_name(name)
        if name in transaction.rejected:
            raise transaction.rejected[name]
        if self.find(name) is not None:
            raise Conflict(f"there is a sandbox {name!r}: choose another name, or delete it")
        state = continue_state(past, monotonic_now())
        transaction.forks[name] = self._format.encode(Checkpoint(kept=keep_state(state)))
        return ServerSandbox(name, state, self._options)

    def ignore_engine_errors(self) -> None:
        """Raise no error of the engine any more in this request: an error is being answered."""
        transaction = self._current.transaction
        if transaction is not None:
            transaction.has_failed = True

    def drop(self, name: str) -> None:
        """As on one server."""
        transaction = self._require_transaction()
        if self.find(name) is None:
            raise KeyError(name)
        transaction.deleted.append(name)

    @property
    def existing(self) -> tuple[ServerSandbox, ...]:
        """The existing sandboxes, oldest first. This does not count as a use."""
        transaction = self._current.transaction
        if transaction is None:
            return tuple(self._by_name.values())
        if transaction.error is not None:
            return (self._sandbox_for_error(transaction),)
        if transaction.names is None:
            raise SandboxNeeded(None)
        return tuple(filter(None, map(self.find, transaction.names)))

    @property
    def total(self) -> ExchangeCounts:
        """The counts of all replicas since the start; dropped sandboxes count where they were dropped."""
        total = self._dropped.copy()
        for sandbox in self.existing:
            total.add(sandbox.journal.total_counts)
        return total

    @property
    def state_file(self) -> dict[str, str | None] | None:
        """The URL of the engine without its password, and why it cannot be used."""
        return {"path": str(self.engine.url), "error": self.engine.error}

    # A request

    async def answer(
        self, app: WsgiApp, environ: Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer a request with the app, once what it did is in the engine.

        If the caller is cancelled, because the client has gone, the request is still completed.
        """
        if environ["PATH_INFO"] == HEALTH_PATH:
            return app(environ, start_response)
        task = asyncio.get_running_loop().create_task(self._answer(app, environ))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        answer = await asyncio.shield(task)
        environ.update(answer.environ)
        start_response(answer.status, answer.headers)
        return answer.parts

    async def _answer(self, app: WsgiApp, environ: Environ) -> AppAnswer:
        """Run the request until its changes are in the engine; the app also answers errors of the engine."""
        sandboxes = self._expected_sandbox(environ)
        deadline = monotonic() + _MAX_RETRY_SECONDS
        while True:
            try:
                async with self._transaction(sandboxes) as transaction:
                    answer = await self._carry_out(transaction, app, environ, deadline)
                    self._remember(environ, transaction)
                    return answer
            except SandboxNeeded as needed:
                sandboxes[needed.name] = needed.create or sandboxes.get(needed.name, False)
            except RunAgain:
                if monotonic() > deadline:
                    return self._answer_error(app, environ, EngineError(_OVERTAKEN))
            except EngineError as error:
                return self._answer_error(app, environ, error)

    def _expected_sandbox(self, environ: Environ) -> dict[str | None, bool]:
        """Return the sandbox that the token used before, if another request uses it now; else nothing.

        The request will have to wait for it, so a first run of the app would be useless.
        """
        name = self._last_sandbox.get(environ.get("HTTP_AUTHORIZATION", ""))
        return {name: False} if name is not None and self._turns.is_taken(name) else {}

    def _remember(self, environ: Environ, transaction: Transaction) -> None:
        """Remember which sandbox the token of a call of the API used."""
        token = environ.get("HTTP_AUTHORIZATION", "")
        if token and len(transaction.held) == 1 and not is_control_path(environ["PATH_INFO"]):
            if len(self._last_sandbox) >= _MAX_TOKENS:
                self._last_sandbox.clear()
            [self._last_sandbox[token]] = transaction.held

    async def _carry_out(
        self, transaction: Transaction, app: WsgiApp, environ: Environ, deadline: float
    ) -> AppAnswer:
        """Run the app until its changes are appended, or it made none and the copies were up to date."""
        while True:
            if is_slow_call(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"]):
                transaction.may_claim = False
                answer = await self._slow_calls.run(partial(self._run, transaction, app, environ))
            else:
                answer = self._run(transaction, app, environ)
            for sandbox in transaction.held.values():
                sandbox.discard()
            if await self._commit(transaction):
                return answer
            answer.drop()
            if monotonic() > deadline:
                raise EngineError(_OVERTAKEN)

    def _run(self, transaction: Transaction, app: WsgiApp, environ: Environ) -> AppAnswer:
        """Run the app once, on drafts."""
        transaction.forks.clear()
        transaction.deleted.clear()
        for sandbox in transaction.held.values():
            sandbox.begin()
        answer = AppAnswer(dict(environ))
        answer.environ["wsgi.input"] = BytesIO(environ["wsgi.input"].getvalue())
        self._current.transaction = transaction
        try:
            answer.parts = app(answer.environ, answer.start_response)
            prepared_by_name = ((name, sandbox.prepare()) for name, sandbox in transaction.held.items())
            transaction.prepared = {
                name: prepared for name, prepared in prepared_by_name if prepared is not None
            }
        finally:
            self._current.transaction = None
        return answer

    def _answer_error(self, app: WsgiApp, environ: Environ, error: EngineError) -> AppAnswer:
        """Let the app answer an error of the engine, in the form of the call."""
        effect = _UNKNOWN if error.may_be_done else _UNCHANGED
        answer = self._run(Transaction(error=EngineError(f"{error}; {effect}")), app, environ)
        if answer.status.startswith("503"):
            answer.headers.append(("Retry-After", "1"))
        return answer

    @asynccontextmanager
    async def _transaction(self, sandboxes: Mapping[str | None, bool]) -> AsyncIterator[Transaction]:
        """Take the turns of these sandboxes, in the order of their names; create those with the value True.

        The name None stands for all sandboxes that exist.
        """
        transaction = Transaction()
        try:
            if None in sandboxes:
                transaction.names = tuple(await self.engine.names())
            names = {*sandboxes, *(transaction.names or ())}
            for name in sorted(name for name in names if name is not None):
                await self._take_turn(transaction, name, create=sandboxes.get(name, False))
            yield transaction
        finally:
            for sandbox in transaction.held.values():
                sandbox.discard()
            for name in transaction.turns:
                self._turns.give(name)

    async def _take_turn(self, transaction: Transaction, name: str, *, create: bool) -> None:
        """Take the turn of a sandbox, and find out whether it exists."""
        await self._turns.take(name)
        transaction.turns.append(name)
        try:
            sandbox = await self._copy_of(name, create=create)
        except NoSandbox as error:
            transaction.rejected[name] = error
            return
        if sandbox is None:
            transaction.absent.add(name)
        else:
            transaction.held[name] = sandbox

    def _claim(self, transaction: Transaction, name: str, *, create: bool) -> SharedSandbox:
        """Return a sandbox for the running request.

        Raises:
            SandboxNeeded: it is not here, or another request uses it.
        """
        sandbox = transaction.held.get(name)
        if sandbox is None:
            sandbox = self._by_name.get(name)
            if sandbox is None or not transaction.may_claim or not self._turns.try_take(name):
                raise SandboxNeeded(name, create=create)
            transaction.turns.append(name)
            transaction.held[name] = sandbox
            sandbox.begin()
        return sandbox

    def _sandbox_for_error(self, transaction: Transaction) -> ServerSandbox:
        """Raise the error of the engine; but while an error is answered, return a sandbox, for its time."""
        if not transaction.has_failed and transaction.error is not None:
            raise transaction.error
        return self._temporary_sandbox()

    def _temporary_sandbox(self) -> ServerSandbox:
        """Return a sandbox for answers that need one while there is no copy, such as the health."""
        return ServerSandbox(DEFAULT_SANDBOX, first_state(self.config, monotonic_now()), self._options)

    def _require_transaction(self) -> Transaction:
        transaction = self._current.transaction
        assert transaction is not None, "sandboxes are shared: only a request changes them"  # noqa: S101
        return transaction

    # Commit

    async def _commit(self, transaction: Transaction) -> bool:
        """Append what the request did; return False if it has to run again, and nothing was appended.

        The sandboxes that it read and did not change are checked first: these must be up to date, too.
        """
        unchanged = [
            sandbox for name, sandbox in transaction.held.items() if name not in transaction.prepared
        ]
        results = []
        for at in range(0, len(unchanged), _CHECKED_AT_ONCE):
            checks = (
                self._is_current(sandbox, is_used=sandbox.name in transaction.used)
                for sandbox in unchanged[at : at + _CHECKED_AT_ONCE]
            )
            # Exceptions are results: all checks end before the turns of their sandboxes, also if one fails.
            results += await asyncio.gather(*checks, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return all(results) and await self._write(transaction)

    async def _write(self, transaction: Transaction) -> bool:
        """Create, append and delete what the request did; return False if it has to run again."""
        for name, checkpoint in transaction.forks.items():
            if not await self._create_fork(transaction, name, checkpoint):
                return False
        for name, prepared in transaction.prepared.items():
            if not await self._append(transaction.held[name], prepared):
                return False
        for name in transaction.deleted:
            await self.engine.delete(name)
            self._forget(name)
            self._dropped.add(transaction.held.pop(name).journal.total_counts)
        return True

    async def _is_current(self, sandbox: SharedSandbox, *, is_used: bool = True) -> bool:
        """Whether this copy has all entries; if not, some of the missing ones are applied to it."""
        try:
            await self.engine.commit(_position(sandbox), self._idle_of(sandbox.name) if is_used else 0)
        except EngineError as error:
            error.may_be_done = False  # nothing was to be written
            raise
        except LogAhead as ahead:
            await self._catch_up(sandbox, ahead.entries)
            return False
        except SandboxGone:
            self._forget(sandbox.name)
            raise RunAgain from None
        return True

    async def _append(self, sandbox: SharedSandbox, prepared: PreparedEntry) -> bool:
        """Append an entry and publish it; return False if the copy was not up to date: nothing was done."""
        await self._write_fixtures()
        try:
            await self._append_once(sandbox, prepared)
        except LogAhead as ahead:
            return await self._find_own(sandbox, prepared, ahead.entries)
        except CommandsDropped as dropped:
            sandbox.history.forget(dropped.number)
            return False
        except SandboxGone:
            self._forget(sandbox.name)
            raise RunAgain from None
        sandbox.publish(prepared)
        if sandbox.is_due_for_checkpoint():
            self._write_checkpoint_soon(sandbox)
        return True

    async def _find_own(
        self, sandbox: SharedSandbox, prepared: PreparedEntry, entries: Sequence[RawEntry]
    ) -> bool:
        """Apply the entries; return whether the first one is our own, of an append without an answer."""
        is_own = entries[0].id == prepared.fields[0]
        if is_own:
            sandbox.publish(prepared)
        await self._catch_up(sandbox, entries)
        return is_own

    async def _append_once(self, sandbox: SharedSandbox, prepared: PreparedEntry) -> None:
        """Append an entry; without an answer of the engine try again: it may have been appended or not."""
        may_be_done = False
        for is_last in (False, True):
            try:
                await self.engine.commit(
                    _position(sandbox),
                    self._idle_of(sandbox.name),
                    prepared.fields,
                    first_undone=prepared.first_undone,
                )
            except EngineError as error:
                may_be_done = may_be_done or error.may_be_done
                if is_last:
                    raise EngineError(str(error), may_be_done=may_be_done) from None
            else:
                return

    async def _catch_up(self, sandbox: SharedSandbox, entries: Sequence[RawEntry]) -> None:
        """Apply entries of other replicas to a copy.

        Raises:
            EngineError: this version cannot read one of them.
            RunAgain: the copy is too old, and was dropped.
        """

        def apply() -> None:
            sandbox.apply([entry for entry in entries if entry.version > sandbox.version])

        try:
            await self._with_fixtures(
                apply,
                f"the sandbox {sandbox.name!r}",
                large=sum(entry.size for entry in entries) > _LARGE_BYTES,
            )
        except (NotKept, SandboxGone):
            self._forget(sandbox.name)
            raise RunAgain from None

    async def _create_fork(self, transaction: Transaction, name: str, checkpoint: bytes) -> bool:
        """Create a forked sandbox; return False if this is rejected, which the next run of the app answers.

        Raises:
            RunAgain: another request has created one of that name.
        """
        try:
            outcome = await self._create_in_engine(name, checkpoint)
        except NoSandbox as error:
            transaction.rejected[name] = error
            return False
        if outcome == "exists":
            raise RunAgain
        return True

    # Copies

    async def _copy_of(self, name: str, *, create: bool) -> SharedSandbox | None:
        """Return the copy of a sandbox, loaded or created if need be; None if it does not exist.

        Raises:
            NoSandbox: there are `limit` sandboxes and none is idle.
            EngineError: the engine cannot be used.
        """
        while name not in self._by_name:
            stored = await self.engine.load(name)
            if stored is not None:
                sandbox = await self._build(name, stored)
                self._drop_unused_copies()
                self._by_name[name] = sandbox
            elif create:
                start = Checkpoint(kept=KeptStart(config=self._config_of(name), machine=monotonic_now()))
                await self._create_in_engine(name, self._format.encode(start))
            else:
                return None
        return self._by_name[name]

    async def _create_in_engine(self, name: str, checkpoint: bytes) -> str:
        await self._write_fixtures()
        outcome = await self.engine.create(
            name, checkpoint, limit=self._options.limit, idle=self._idle_of(name)
        )
        if outcome == "full":
            raise self._too_many()
        return outcome

    async def _build(self, name: str, stored: StoredSandbox) -> SharedSandbox:
        """Return the copy of a stored sandbox.

        Raises:
            EngineError: it is damaged, or of a newer version.
        """

        def build() -> SharedSandbox:
            return SharedSandbox(name, stored, self._options, self._format)

        try:
            sandbox = await self._with_fixtures(build, f"the sandbox {name!r}", large=True)
        except NotKept as error:
            raise EngineError(
                f"the sandbox {name!r} in {self.engine.url} is damaged ({error}):"
                f" delete its keys, mock-server:{{{name}}}:head and mock-server:{{{name}}}:log"
            ) from None
        sandbox.journal.on_listen = self._is_listened.set
        return sandbox

    async def _with_fixtures(self, decode: Callable[[], T], subject: str, *, large: bool = False) -> T:
        """Return the result of `decode`; load the fixtures that it needs from the engine.

        `subject` is what is decoded, for the error message; with `large`, it is decoded in a thread.

        Raises:
            EngineError: this version cannot read it.
        """
        self._reading += 1
        try:
            while True:
                try:
                    return await asyncio.to_thread(decode) if large else decode()
                except UnknownEntry as error:
                    missing_key = error.missing
                    content = None if missing_key is None else await self.engine.fixture(missing_key)
                    if missing_key is None or content is None:
                        raise EngineError(
                            f"a newer version of mock-server has changed {subject} in {self.engine.url}, and"
                            f" this one cannot read {error}: use the same version on all replicas"
                        ) from None
                    fixture = await asyncio.to_thread(decode_fixture, content, missing_key)
                    self._format.fixtures[missing_key] = fixture
                    self._written.add(missing_key)
                    large = True
        finally:
            self._reading -= 1

    async def _write_fixtures(self) -> None:
        """Write the fixtures that an entry may name; drop the oldest ones, which the engine has."""
        fixtures = self._format.fixtures
        for key in [key for key in list(fixtures) if key not in self._written]:
            await self.engine.add_fixture(key, await asyncio.to_thread(fixtures[key].encode))
            self._written.add(key)
        for key in list(fixtures)[:-_MAX_FIXTURES]:
            if key in self._written and not self._reading:  # a decoding that runs may need several of them
                fixtures.pop(key, None)

    def _write_checkpoint_soon(self, sandbox: SharedSandbox) -> None:
        (encode, number, first), at = sandbox.checkpoint(), _position(sandbox)

        async def write() -> None:
            content = await asyncio.to_thread(encode)
            try:
                await self._write_fixtures()
                await self.engine.write_checkpoint(at, content, number=number, first=first)
            except EngineError as error:
                _logger.warning("no checkpoint was written: %s", error)

        task = asyncio.get_running_loop().create_task(write())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _forget(self, name: str) -> None:
        """Drop the copy of a sandbox that is not in the engine any more, or differs from the copy."""
        sandbox = self._by_name.pop(name, None)
        if sandbox is not None:
            sandbox.journal.close()

    def _drop_unused_copies(self) -> None:
        """Drop the copies that no call used for a while. Their sandboxes stay in the engine."""
        oldest = monotonic() - self._idle_seconds
        for name, sandbox in list(self._by_name.items()):
            is_used = self._turns.is_taken(name) or sandbox.journal.is_followed
            if sandbox.last_used < oldest and name != DEFAULT_SANDBOX and not is_used:
                self._forget(name)

    def _idle_of(self, name: str) -> float:
        """Seconds without a call after which the engine drops a sandbox; 0 for never."""
        return 0 if name == DEFAULT_SANDBOX else self._idle_seconds

    # In the background

    async def run(self, stop: asyncio.Event) -> None:
        """Watch the engine, and follow the sandboxes whose journal has listeners, until `stop` is set."""
        follower = asyncio.get_running_loop().create_task(self._follow())
        while not stop.is_set():
            with suppress(EngineError):
                if not await self.engine.has_server_values():
                    await self._write_shared_values_again()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _ENGINE_CHECK_INTERVAL)
        follower.cancel()
        while self._tasks:  # new ones may begin while these end
            await asyncio.wait(self._tasks)
        await self.engine.close()

    async def _write_shared_values_again(self) -> None:
        """Write the values that all replicas share: the engine has lost its data."""
        _logger.warning("the engine %s has lost its data: all sandboxes start again", self.engine.url)
        await self.engine.restore_server_values()
        self._written.clear()
        await self._write_fixtures()

    async def _follow(self) -> None:
        """Apply the entries of other replicas as they come, to sandboxes whose journal has listeners."""
        last_check = 0.0
        while True:
            copies = self._by_name.items()
            followed = {name: sandbox.version for name, sandbox in copies if sandbox.journal.is_followed}
            if not followed:
                self._is_listened.clear()
                await self._is_listened.wait()
                await asyncio.sleep(0)  # the listener is added after this
                continue
            try:
                news = await self.engine.wait_for_news(followed, _MAX_WAIT)
                if monotonic() - last_check > _CHECK_INTERVAL:
                    news, last_check = {*followed}, monotonic()
                for name in news:
                    await self._refresh(name)
            except EngineError:
                await asyncio.sleep(_CHECK_INTERVAL)

    async def _refresh(self, name: str) -> None:
        """Apply all entries that other replicas have added to the log of a sandbox."""
        await self._turns.take(name)
        try:
            sandbox = self._by_name.get(name)
            with suppress(RunAgain):
                while sandbox is not None and not await self._is_current(sandbox):
                    pass
        finally:
            self._turns.give(name)


def open_shared(
    engine: Engine, config: SandboxConfig, options: SandboxOptions, users: Mapping[str, ScenarioSetup]
) -> SharedSandboxes:
    """Return the sandboxes in an engine, with the default one open.

    Raises:
        StateFileError: the engine cannot be used; the message says why.
    """
    sandboxes = SharedSandboxes(engine, config, options, users)
    _run_at_start(engine, sandboxes.start())
    return sandboxes


def open_engine(url: EngineUrl, password: str | None, make_key: Callable[[], bytes]) -> tuple[Engine, bytes]:
    """Return the engine at a URL, once it answers, and the key that signs the tokens of all replicas.

    `make_key` returns a key in PEM form, for an engine that has none.

    Raises:
        StateFileError: the engine cannot be used; the message says why.
    """
    check_client_library()
    engine = Engine(url, password)

    async def start() -> bytes:
        await engine.open()
        return await engine.server_value("key", make_key)

    return engine, _run_at_start(engine, start())


def _run_at_start(engine: Engine, start: Awaitable[T]) -> T:
    """Run the part of a start that uses the engine, in an event loop before that of the server.

    Raises:
        StateFileError: the engine cannot be used.
    """

    async def run() -> T:
        try:
            return await start
        except EngineError as error:
            raise StateFileError(str(error)) from None
        finally:
            await engine.close()

    return asyncio.run(run())


def _position(sandbox: SharedSandbox) -> LogPosition:
    return LogPosition(sandbox.name, sandbox.incarnation, sandbox.version, sandbox.last)
