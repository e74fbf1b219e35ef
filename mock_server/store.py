"""One reference to an immutable value, replaced under a lock.

Reading takes no lock: a reader keeps the value that it read. Reset, snapshot and restore replace that
reference, at any size of the value.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Generic, TypeVar

Value = TypeVar("Value")
Result = TypeVar("Result")


class Store(Generic[Value]):
    """The current value, the first one, and the snapshots."""

    def __init__(self, first: Value) -> None:
        self._first = first
        self._current = first
        self._snapshots: dict[str, Value] = {}
        self._lock = RLock()

    def get(self) -> Value:
        """Return the current value."""
        return self._current

    def change(self, command: Callable[[Value], tuple[Value, Result]]) -> Result:
        """Replace the value by that of `command`, and return its result; if it raises, change nothing."""
        with self._lock:
            next_value, result = command(self._current)
            self._current = next_value
        return result

    def reset(self, first: Value | None = None) -> None:
        """Go back to the first value, or start again with another one."""
        with self._lock:
            if first is not None:
                self._first = first
            self._current = self._first

    def snapshot(self, name: str) -> None:
        """Save the current value under `name`."""
        with self._lock:
            self._snapshots[name] = self._current

    def restore(self, name: str) -> None:
        """Restore the value saved under `name`.

        Raises:
            KeyError: there is no snapshot of that name.
        """
        with self._lock:
            self._current = self._snapshots[name]
