"""One pointer to an immutable value, and the lock under which it is moved.

Knows nothing of what it holds. Reading takes no lock: whoever has the value keeps it as it is. Reset,
snapshot and restore only point somewhere else, whatever the size.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Generic, TypeVar

Value = TypeVar("Value")
Result = TypeVar("Result")


class Store(Generic[Value]):
    """Holds the current value, the one it began with, and the snapshots taken."""

    def __init__(self, beginning: Value) -> None:
        self._beginning = beginning
        self._current = beginning
        self._snapshots: dict[str, Value] = {}
        self._lock = RLock()

    def get(self) -> Value:
        """The current value."""
        return self._current

    def change(self, command: Callable[[Value], tuple[Value, Result]]) -> Result:
        """Swap in the value that `command` makes of the current one; nothing is swapped when it raises."""
        with self._lock:
            following, result = command(self._current)
            self._current = following
        return result

    def reset(self, beginning: Value | None = None) -> None:
        """Go back to the beginning, or begin again with another value."""
        with self._lock:
            if beginning is not None:
                self._beginning = beginning
            self._current = self._beginning

    def snapshot(self, name: str) -> None:
        """Keep the current value under `name`."""
        with self._lock:
            self._snapshots[name] = self._current

    def restore(self, name: str) -> None:
        """Make the value kept under `name` the current one.

        Raises:
            KeyError: nothing was kept under it.
        """
        with self._lock:
            self._current = self._snapshots[name]
