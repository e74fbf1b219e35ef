"""The server of the product in a thread of the tests."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from threading import Thread

from mock_server.server import Service, serve


@contextmanager
def serving(service: Service, listening: socket.socket) -> Iterator[None]:
    """Serve the app in a thread during the `with` block; it ends as with a signal."""
    begun: Future[Callable[[], object]] = Future()

    def begin(end: Callable[[], None]) -> None:
        begun.set_result(partial(asyncio.get_running_loop().call_soon_threadsafe, end))

    def run() -> None:
        try:
            serve(service, listening, begin)
        except BaseException as problem:
            if begun.done():
                raise
            begun.set_exception(problem)

    thread = Thread(target=run, name="mock-server", daemon=True)
    thread.start()
    end = begun.result()
    try:
        yield
    finally:
        end()
        thread.join()
