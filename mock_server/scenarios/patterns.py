"""Regular expressions and JSONPath of users, within limits, so that no pattern blocks the server.

Regular expressions are matched by RE2, in time linear in the text: one of Python's can take hours. JSONPath
(RFC 9535) may visit a limited number of values: a few characters can ask for all descendants of all
descendants.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any

from mock_server.domain.names import shown
from mock_server.input_errors import InputError

MAX_LENGTH = 1000
"""Characters of a regular expression and of a JSONPath, whose segments the library follows recursively."""

MAX_MEMORY = 256 * 1024
"""Bytes of a compiled regular expression: enough for `.{1,1000}`, and too few to be slow."""

MAX_VISITS = 100_000
"""Values that one JSONPath may visit."""

_CHARACTERS_PER_VISIT = 1000
"""Characters of a text that count as one visited value, when a filter of a JSONPath matches them."""

_visits_left: ContextVar[list[int]] = ContextVar("_visits_left")


CHARACTERS_PER_STEP = 500
"""Characters of a text that count as one step of a comparison, when they are searched or shown."""

MAX_READING_STEPS = 20_000
"""Steps that reading the patterns of one control call may take: 3,000 small regular expressions."""

_STEPS_TO_COMPILE = 6
"""Steps to compile any regular expression; its instructions are added."""
_STEPS_TO_COMPILE_PATH = 20
"""Steps to compile any JSONPath; its characters are added."""
_INSTRUCTIONS_PER_STEP = 10
"""Instructions of a compiled regular expression that count as one step."""

_steps_left: ContextVar[list[int] | None] = ContextVar("_steps_left", default=None)


class TooManySteps(Exception):
    """The comparisons need more steps than `limit_steps` allows."""


@contextmanager
def limit_steps(steps: int, path: str, message: str) -> Iterator[None]:
    """Limit the comparisons in this block to `steps` steps in all; a step takes a few microseconds.

    Raises:
        InputError: they need more; the error has this place and message.
    """
    token = _steps_left.set([steps])
    try:
        yield
    except TooManySteps:
        raise InputError(path, message) from None
    finally:
        _steps_left.reset(token)


def spend_steps(steps: int) -> None:
    """Subtract steps from those that are left; without effect outside a block of `limit_steps`.

    Raises:
        TooManySteps: fewer steps are left.
    """
    remaining = _steps_left.get()
    if remaining is not None:
        remaining[0] -= steps
        if remaining[0] < 0:
            raise TooManySteps


class PathTooExpensive(Exception):
    """The JSONPath would visit too many values, or values that are nested too deeply."""


def matches_pattern(pattern: str, text: str) -> bool:
    """Whether the whole text matches.

    Raises:
        ValueError: the regular expression is invalid; the message says why.
    """
    spend_steps(len(text) // CHARACTERS_PER_STEP)
    return compile_pattern(pattern).fullmatch(replace_surrogates(text)) is not None


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> Any:
    """Return the compiled regular expression.

    Raises:
        ValueError: RE2 does not accept it, or it is too large; the message says why.
        TooManySteps: no steps are left to compile it; what was compiled before is remembered.
    """
    import re2  # many servers use no regular expression

    if len(pattern) > MAX_LENGTH:
        raise ValueError(f"a regular expression has at most {MAX_LENGTH} characters, this one {len(pattern)}")
    options = re2.Options()
    options.max_mem, options.log_errors = MAX_MEMORY, False
    try:
        compiled = re2.compile(pattern, options)
    except UnicodeEncodeError:
        raise ValueError(f"{shown(pattern)} is not a regular expression: half a surrogate pair") from None
    except re2.error as problem:
        raise ValueError(f"{shown(pattern)} is not a regular expression: {_reason(problem)}") from None
    spend_steps(_STEPS_TO_COMPILE + compiled.programsize // _INSTRUCTIONS_PER_STEP)
    return compiled


def replace_surrogates(text: str) -> str:
    """Replace each half of a surrogate pair: JSON can contain one, and UTF-8 cannot."""
    return text.encode(errors="replace").decode()


def _reason(problem: Exception) -> str:
    reason = str(problem.args[0].decode(errors="replace"))
    if "perl operator" in reason or "invalid escape sequence" in reason:
        return f"{reason} (look-around and back-references are not supported; use $not or $oneOf)"
    return reason


def find_json_path(path: str, body: Any) -> list[Any]:
    """Return the values at the path; none in a body that is neither an object nor a list.

    Raises:
        PathTooExpensive: the path visits more than `MAX_VISITS` values.
        TooManySteps: it visits more values than steps are left.
    """
    if not isinstance(body, dict | list):
        return []
    limit = _steps_left.get()
    allowed = MAX_VISITS if limit is None else min(MAX_VISITS, limit[0])
    remaining = [allowed]
    token = _visits_left.set(remaining)
    try:
        values = compile_json_path(path).findall(_counting(body))
    except RecursionError:
        raise PathTooExpensive("values nested too deeply for a JSONPath") from None
    finally:
        _visits_left.reset(token)
        spend_steps(allowed - remaining[0])
    return [getattr(value, "plain", value) for value in values]


@lru_cache(maxsize=256)
def compile_json_path(path: str) -> Any:
    """Return the compiled JSONPath.

    Raises:
        ValueError: it is invalid; the message says why.
        TooManySteps: no steps are left to compile it; what was compiled before is remembered.
    """
    import jsonpath  # takes a tenth of a second, which most starts do not need

    if not path.startswith("$"):
        raise ValueError(f"a JSONPath begins with $, and {path[:MAX_LENGTH]!r} does not")
    if len(path) > MAX_LENGTH:
        raise ValueError(f"a JSONPath has at most {MAX_LENGTH} characters, and this one {len(path)}")
    spend_steps(_STEPS_TO_COMPILE_PATH + len(path))
    try:
        return _environment().compile(path)
    except (jsonpath.JSONPathError, RecursionError, ValueError) as problem:
        reason = (str(problem) or "nested too deeply").splitlines()[0]
        raise ValueError(f"{shown(path)} is not a JSONPath: {reason}") from None


@cache
def _environment() -> Any:
    """Return JSONPath as in the RFC, without the extensions of the library; RE2 matches its patterns."""
    from jsonpath import JSONPathEnvironment

    environment = JSONPathEnvironment(strict=True)
    for name, method in (("match", "fullmatch"), ("search", "search")):
        environment.function_extensions[name] = _pattern_function(method)
    return environment


def _pattern_function(method: str) -> Any:
    """A filter function: false if the value is not a text or the pattern is invalid."""
    from jsonpath.function_extensions import ExpressionType, FilterFunction

    class PatternFunction(FilterFunction):
        arg_types = [ExpressionType.VALUE, ExpressionType.VALUE]  # noqa: RUF012  # as in the library
        return_type = ExpressionType.LOGICAL

        def __call__(self, value: object, pattern: object) -> bool:
            if not isinstance(value, str) or not isinstance(pattern, str):
                return False
            _count_visits(len(value) // _CHARACTERS_PER_VISIT)
            try:
                return getattr(compile_pattern(pattern), method)(replace_surrogates(value)) is not None
            except ValueError:
                return False

    return PatternFunction()


def _count_visits(values: int) -> None:
    remaining = _visits_left.get()
    remaining[0] -= values + 1
    if remaining[0] < 0:
        raise PathTooExpensive(f"more than the {MAX_VISITS} values that a JSONPath may visit")


class _CountingObject(dict[str, Any]):
    """An object that counts how many of its members are visited."""

    __hash__ = None

    def __init__(self, plain: dict[str, Any]) -> None:
        super().__init__((name, _counting(value)) for name, value in plain.items())
        self.plain = plain

    def items(self) -> Any:
        _count_visits(len(self))
        return super().items()

    def __eq__(self, other: object) -> bool:
        _count_visits(len(self))
        return super().__eq__(other)


class _CountingList(list[Any]):
    """A list that counts how many of its elements are visited."""

    __hash__ = None

    def __init__(self, plain: list[Any]) -> None:
        super().__init__(map(_counting, plain))
        self.plain = plain

    def __iter__(self) -> Iterator[Any]:
        _count_visits(len(self))
        return super().__iter__()

    def __getitem__(self, index: Any) -> Any:
        _count_visits(len(self) if isinstance(index, slice) else 0)
        return super().__getitem__(index)

    def __eq__(self, other: object) -> bool:
        _count_visits(len(self))
        return super().__eq__(other)


def _counting(value: Any) -> Any:
    if isinstance(value, dict):
        return _CountingObject(value)
    return _CountingList(value) if isinstance(value, list) else value
