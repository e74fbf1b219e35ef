"""A real Redis or Valkey of the tests on a free port, a proxy before it, and a replica in this process."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wsgi import ClosingIterator

from mock_server.app import create_app
from mock_server.client.login import DEFAULT_PASSWORD, DEFAULT_USER, login_form, tagged_username
from mock_server.sandbox.replicas import SharedSandboxes
from mock_server.settings import Settings
from mock_server.values import EngineUrl
from mock_server.web import services
from tests.sockets import free_port
from tests.support import TOKEN_URL

PROGRAM = shutil.which("valkey-server") or shutil.which("redis-server")
ACCOUNT_URL = "/api/v1/account/119631"
MISSING = "no engine: install redis-server or valkey-server, and the tests of replicas run"
NEEDS_ENGINE = [
    pytest.mark.skipif(PROGRAM is None, reason=MISSING),
    pytest.mark.skipif(find_spec("redis") is None, reason="no client of the engine: pip install redis"),
]
"""The marks of a module whose tests use an engine."""


class RedisServer:
    """An engine that can be stopped, started again with its data, and paused."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._folder = folder
        self._options = options
        self.start()

    def start(self) -> None:
        """Start it; it answers afterwards."""
        if PROGRAM is None:
            pytest.skip(MISSING)
        options = ("--port", str(self.port), "--dir", str(self._folder), "--appendonly", "yes", "--save", "")
        self._process = subprocess.Popen(
            [PROGRAM, *options, *self._options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(500):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as client:
                client.sendall(b"PING\r\n")
                if client.recv(7).startswith((b"+PONG", b"-NOAUTH")):
                    return
            time.sleep(0.01)
        pytest.fail("the engine does not answer")

    def stop(self) -> None:
        """Stop it at once, as a machine that fails; what it has answered is in its file."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)

    def command(self, *words: str) -> bytes:
        """Send a command, and return what comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as client:
            client.sendall(" ".join(words).encode() + b"\r\n")
            return client.recv(65536)


@contextmanager
def running_engine(folder: Path, *options: str) -> Iterator[RedisServer]:
    """A running engine, with its data in the folder."""
    engine = RedisServer(folder, *options)
    try:
        yield engine
    finally:
        engine.stop()


class Proxy:
    """A TCP proxy before the engine: it delays what comes back, and cuts connections in the middle."""

    def __init__(self, port: int) -> None:
        self.target = port
        """The port to which further connections go."""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}"
        self.delay = 0.0
        self.cut_answers = 0
        """So many answers to a request with `cut` in it are lost: it is done, and its connection is cut."""
        self.cut = rb"\r\n(exchange|ZREM)\r\n"
        """A regular expression; at first, one for appends and deletions."""
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                try:
                    engine = socket.create_connection(("127.0.0.1", self.target), timeout=5)
                except OSError:
                    client.close()
                    continue
                engine.settimeout(None)
                appends = threading.Event()
                threading.Thread(target=self._forward, args=(client, engine, appends), daemon=True).start()
                threading.Thread(target=self._back, args=(engine, client, appends), daemon=True).start()

    def _forward(self, client: socket.socket, engine: socket.socket, appends: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if self.cut_answers and re.search(self.cut, data):
                    appends.set()
                engine.sendall(data)
        _shut(engine)

    def _back(self, engine: socket.socket, client: socket.socket, appends: threading.Event) -> None:
        with suppress(OSError):
            while data := engine.recv(65536):
                if appends.is_set() and self.cut_answers:
                    self.cut_answers -= 1
                    break
                if self.delay:
                    time.sleep(self.delay)
                client.sendall(data)
        _shut(client)
        _shut(engine)


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


class LocalReplica:
    """A replica in this process, for one sandbox. It counts the answers that were closed."""

    def __init__(self, url: str, sandbox: str, **settings: Any) -> None:
        self._app = create_app(Settings(state=EngineUrl(url), log_level="error", **settings))
        self.sandbox = sandbox
        self.sandboxes = cast("SharedSandboxes", services.of(self._app).sandboxes)
        self.closed = 0
        self._token = ""

    async def call(self, method: str, path: str, body: Any = None) -> str:
        """Make a control call; what comes back."""
        headers = {"X-Mock-Sandbox": self.sandbox}
        return await self._answer(f"/__admin{path}", method=method, json=body, headers=headers)

    async def send(self, method: str, path: str, body: Any = None) -> str:
        """Make a call of the API, its path relative to the account; what comes back."""
        if not self._token:
            form = login_form(tagged_username(DEFAULT_USER, self.sandbox), DEFAULT_PASSWORD)
            self._token = json.loads(await self._answer(TOKEN_URL, method="POST", data=form))["access_token"]
        headers = {"Authorization": f"Bearer {self._token}"}
        return await self._answer(f"{ACCOUNT_URL}{path}", method=method, json=body, headers=headers)

    async def _answer(self, path: str, **options: Any) -> str:
        local = {"REMOTE_ADDR": "127.0.0.1"}
        environ = EnvironBuilder(path, environ_base=local, **options).get_environ()
        parts = await self.sandboxes.answer(self._serve, environ, lambda *_: None)
        return b"".join(parts).decode()

    def _serve(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return ClosingIterator(self._app.wsgi_app(environ, start_response), self._count)

    def _count(self) -> None:
        self.closed += 1
