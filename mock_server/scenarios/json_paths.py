"""JSONPath (RFC 9535) over bodies, within bounds: a path may look at so many values and no more.

A few characters can ask for the descendants of the descendants of everything, and nothing else would be
answered meanwhile. The regular expressions in a path are matched as all are that people write.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any

from mock_server.scenarios.patterns import compiled, encodable

MAX_LENGTH = 1000
"""Characters of a path: the library follows its segments one within the other."""

MAX_LOOKS = 100_000
"""How many values one path may look at."""

_CHARACTERS_PER_LOOK = 1000

_left: ContextVar[list[int]] = ContextVar("_left")


class TooCostly(Exception):
    """The path has to look at more values than it may, or at values that are nested too deeply."""


def found_at(path: str, body: Any) -> list[Any]:
    """The values of the body that the path names; a body that is no object and no list has none.

    Raises:
        TooCostly: it looks at more than `MAX_LOOKS` values.
    """
    if not isinstance(body, dict | list):
        return []
    token = _left.set([MAX_LOOKS])
    try:
        found = compiled_json_path(path).findall(_counted(body))
    except RecursionError:
        raise TooCostly("values nested too deeply for a JSONPath") from None
    finally:
        _left.reset(token)
    return [getattr(value, "plain", value) for value in found]


@lru_cache(maxsize=256)
def compiled_json_path(path: str) -> Any:
    """The JSONPath as a query.

    Raises:
        ValueError: it is none; the message says why.
    """
    import jsonpath  # costs a tenth of a second that most starts do without

    if not path.startswith("$"):
        raise ValueError(f"a JSONPath begins with $, and {path[:MAX_LENGTH]!r} does not")
    if len(path) > MAX_LENGTH:
        raise ValueError(f"a JSONPath has at most {MAX_LENGTH} characters, and this one {len(path)}")
    try:
        return _environment().compile(path)
    except (jsonpath.JSONPathError, RecursionError, ValueError) as problem:
        reason = (str(problem) or "nested too deeply").splitlines()[0]
        raise ValueError(f"{path!r} is no JSONPath: {reason}") from None


@cache
def _environment() -> Any:
    """JSONPath as the RFC has it, and no extension of the library's."""
    from jsonpath import JSONPathEnvironment

    found = JSONPathEnvironment(strict=True)
    for name, way in (("match", "fullmatch"), ("search", "search")):
        found.function_extensions[name] = _matching(way)
    return found


def _matching(way: str) -> Any:
    """A function of filters: false where the value is no text, or the pattern is none."""
    from jsonpath.function_extensions import ExpressionType, FilterFunction

    class Matching(FilterFunction):
        arg_types = [ExpressionType.VALUE, ExpressionType.VALUE]  # noqa: RUF012  # as the library writes it
        return_type = ExpressionType.LOGICAL

        def __call__(self, value: object, pattern: object) -> bool:
            if not isinstance(value, str) or not isinstance(pattern, str):
                return False
            _look(len(value) // _CHARACTERS_PER_LOOK)
            try:
                return getattr(compiled(pattern), way)(encodable(value)) is not None
            except ValueError:
                return False

    return Matching()


def _look(values: int) -> None:
    left = _left.get()
    left[0] -= values + 1
    if left[0] < 0:
        raise TooCostly(f"more than the {MAX_LOOKS} values that a JSONPath may look at")


class _Object(dict[str, Any]):
    """An object that counts how much of it is looked at."""

    __hash__ = None

    def __init__(self, plain: dict[str, Any]) -> None:
        super().__init__((name, _counted(value)) for name, value in plain.items())
        self.plain = plain

    def items(self) -> Any:
        _look(len(self))
        return super().items()

    def __eq__(self, other: object) -> bool:
        _look(len(self))
        return super().__eq__(other)


class _List(list[Any]):
    """A list that counts how much of it is looked at."""

    __hash__ = None

    def __init__(self, plain: list[Any]) -> None:
        super().__init__(map(_counted, plain))
        self.plain = plain

    def __iter__(self) -> Iterator[Any]:
        _look(len(self))
        return super().__iter__()

    def __getitem__(self, index: Any) -> Any:
        _look(len(self) if isinstance(index, slice) else 0)
        return super().__getitem__(index)

    def __eq__(self, other: object) -> bool:
        _look(len(self))
        return super().__eq__(other)


def _counted(value: Any) -> Any:
    if isinstance(value, dict):
        return _Object(value)
    return _List(value) if isinstance(value, list) else value
