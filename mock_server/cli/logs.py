"""The log on standard error: it never blocks the server, also when no process reads it."""

from __future__ import annotations

import asyncio
import logging
import os
import select
import stat
from contextlib import suppress
from threading import Lock

import orjson

_MAX_WAITING_BYTES = 1024 * 1024
"""Bytes of the log that wait for a slow reader at most; further lines are dropped."""
_MAX_PIPE_WRITE = select.PIPE_BUF
"""Bytes that one write to a pipe takes at once, without blocking, when the pipe is ready."""
_LAST_WAIT_MS = 200
"""Milliseconds for which the end of the server waits for a slow reader."""
_COLLECT_SECONDS = 0.005
"""Seconds for which lines of requests are collected: a write takes as long as making a line."""


class LogWriter:
    """Writes lines to a file descriptor. If its reader is too slow, lines are dropped and counted."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._collected: list[bytes] = []
        self._lines: list[bytes] = []
        self._size = 0
        self._dropped = 0
        self._is_scheduled = False
        self._lock = Lock()
        self._is_file = False
        with suppress(OSError):
            self._is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)

    def write_soon(self, line: bytes) -> None:
        """Write a line together with those of the next milliseconds. Call it on the event loop."""
        self._collected.append(line)
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_later(_COLLECT_SECONDS, self.flush)

    def write(self, line: bytes) -> None:
        """Write a line now, after all earlier ones, if the reader is not too slow."""
        self._collected.append(line)
        self.flush()

    def flush(self, wait: int = 0) -> None:
        """Write the waiting lines, as far as the reader takes them; wait up to `wait` milliseconds for it."""
        with self._lock:
            self._is_scheduled = False
            # Another thread may append a line at this moment: it stays for the next write.
            count = len(self._collected)
            for line in self._collected[:count]:
                self._keep(line)
            del self._collected[:count]
            if self._dropped and self._size < _MAX_WAITING_BYTES // 2:
                self._lines.append(b"%d lines of the log were dropped\n" % self._dropped)
                self._dropped = 0
            waiting = b"".join(self._lines)
            while waiting and self._is_ready(wait):
                try:
                    written = os.write(
                        self._descriptor, waiting if self._is_file else waiting[:_MAX_PIPE_WRITE]
                    )
                except OSError:  # a full disk, or a reader that has ended
                    written = len(waiting)
                waiting = waiting[written:]
            self._lines = [waiting] if waiting else []
            self._size = len(waiting)

    def close(self) -> None:
        """Write the last lines."""
        self.flush(_LAST_WAIT_MS)

    def _keep(self, line: bytes) -> None:
        if self._size + len(line) > _MAX_WAITING_BYTES:
            self._dropped += 1
        else:
            self._lines.append(line)
            self._size += len(line)

    def _is_ready(self, wait: int) -> bool:
        if self._is_file:
            return True
        poll = select.poll()
        try:
            poll.register(self._descriptor, select.POLLOUT)
        except OSError:
            return False
        return bool(poll.poll(wait))


class LogHandler(logging.Handler):
    """Passes the messages of `logging` to a writer."""

    def __init__(self, writer: LogWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Write a message."""
        self._writer.write(self.format(record).encode("utf-8", "backslashreplace") + b"\n")


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a message as JSON."""
        entry = {"time": self.formatTime(record), "level": record.levelname.lower(), "logger": record.name}
        entry["message"] = record.getMessage()
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(entry).decode()
