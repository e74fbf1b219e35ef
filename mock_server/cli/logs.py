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

_MOST = 1024 * 1024
"""Bytes of the log that wait for a slow reader; what comes then is dropped."""
_AT_ONCE = select.PIPE_BUF
"""Bytes that can be written without waiting to a pipe that is ready."""
_LAST_WAIT = 200
"""Milliseconds that a slow reader has at the end."""
_COLLECTED = 0.005
"""Seconds for which the lines of requests are collected: each write takes as long as the line itself."""


class LogWriter:
    """Writes lines to a descriptor while its reader takes them, and drops and counts them else."""

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
        """Write a line together with those of the next milliseconds. Called on the loop."""
        self._collected.append(line)
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_later(_COLLECTED, self.flush)

    def write(self, line: bytes) -> None:
        """Write a line now, after all earlier ones, if the reader takes it."""
        self._collected.append(line)
        self.flush()

    def flush(self, wait: int = 0) -> None:
        """Write what the reader takes; `wait` is for how many milliseconds it may be slow."""
        with self._lock:
            self._is_scheduled = False
            # Another thread may append meanwhile: its line stays for the next write.
            count = len(self._collected)
            for line in self._collected[:count]:
                self._keep(line)
            del self._collected[:count]
            if self._dropped and self._size < _MOST // 2:
                self._lines.append(b"%d lines of the log were dropped\n" % self._dropped)
                self._dropped = 0
            waiting = b"".join(self._lines)
            while waiting and self._is_ready(wait):
                try:
                    written = os.write(self._descriptor, waiting if self._is_file else waiting[:_AT_ONCE])
                except OSError:  # a full disk, or a reader that has gone
                    written = len(waiting)
                waiting = waiting[written:]
            self._lines = [waiting] if waiting else []
            self._size = len(waiting)

    def close(self) -> None:
        """Write the last lines."""
        self.flush(_LAST_WAIT)

    def _keep(self, line: bytes) -> None:
        if self._size + len(line) > _MOST:
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
