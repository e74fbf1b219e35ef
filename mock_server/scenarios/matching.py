"""Compare expected values with found ones, and requests with request patterns.

Rules (`when`), steps (`expect`) and queries of the journal use the same language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import UNSET, Struct, field

from mock_server.domain.names import counted, shown
from mock_server.scenarios.file_format import RequestPattern
from mock_server.scenarios.patterns import (
    CHARACTERS_PER_STEP,
    PathTooExpensive,
    compile_pattern,
    find_json_path,
    matches_pattern,
    spend_steps,
)


class _Absent:
    """The type of ABSENT."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT = _Absent()
"""Stands for a missing value, in `differences` and in a `Difference`."""


class Difference(Struct, frozen=True):
    """A difference at a place such as `$.content[0].code`: the expected value as a phrase, the found value.

    `wanted` is the expected value itself, unless an operator was expected.
    """

    at: str
    expected: str
    found: Any
    wanted: Any = UNSET

    def __str__(self) -> str:
        return f"{self.at}: expected {self.expected}, found {format_value(self.found)}"


class ReceivedRequest(Struct, frozen=True, kw_only=True):
    """A request as rules and queries of the journal see it; the names of its headers in lower case.

    `ids` are those of the path, and the third party of its dossier; `body` is JSON, form fields or None.
    """

    operation: str | None
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    ids: Mapping[str, int | str] = field(default_factory=dict)
    user: str | None = None


def matches_request(pattern: RequestPattern, request: ReceivedRequest) -> bool:
    """Whether the request matches the pattern."""
    return next(request_differences(pattern, request), None) is None


def request_differences(pattern: RequestPattern, request: ReceivedRequest) -> Iterator[Difference]:
    """Yield why the request does not match; the cheap comparisons come first."""
    if pattern.operation is not None:
        yield from text_differences({"$oneOf": pattern.operations}, request.operation, "operation")
    if pattern.method is not None:
        yield from text_differences(pattern.method.upper(), request.method, "method")
    for at, expected, found in _text_members(pattern, request):
        if expected is not UNSET:
            yield from text_differences(expected, None if found is None else str(found), at)
    yield from differences(pattern.body, request.body, "body")
    for path, expected in pattern.json_path.items():
        yield from _json_path_differences(path, expected, request.body)


def _text_members(pattern: RequestPattern, request: ReceivedRequest) -> Iterator[tuple[str, Any, Any]]:
    """Yield what is compared as text: the place, the expected value, the value of the request."""
    yield "path", pattern.path, request.path
    yield "accountId", pattern.account_id, request.ids.get("accountId")
    yield "dossierId", pattern.dossier_id, request.ids.get("dossierId")
    yield "thirdpartyId", pattern.thirdparty_id, request.ids.get("thirdpartyId")
    yield "documentId", pattern.document_id, request.ids.get("documentId")
    yield "processId", pattern.process_id, request.ids.get("processId")
    yield "user", pattern.user, request.user
    for name, expected in pattern.query.items():
        yield f"query.{name}", expected, request.query.get(name)
    for name, expected in pattern.headers.items():
        yield f"headers.{name}", expected, request.headers.get(name.lower())


def _json_path_differences(path: str, expected: Any, body: Any) -> Iterator[Difference]:
    """Yield a difference unless one of the values at the JSONPath matches; `$absent` expects no values."""
    try:
        found = find_json_path(path, body)
    except PathTooExpensive as problem:
        yield Difference(f"body {path}", format_value(expected), str(problem))
        return
    if found and any(matches(expected, value) for value in found):
        return
    if not found and matches(expected, ABSENT):
        return
    yield Difference(f"body {path}", format_value(expected), found)


def differences(expected: Any, found: Any, at: str = "$") -> Iterator[Difference]:
    """Yield the differences between `found`, which is at the place `at`, and what is expected.

    A mapping lists some members, or expectations as operators (`$matches`, `$absent` ...). A list lists every
    element. Any other value must be equal.

    Raises:
        ValueError: an operator is unknown, or has a wrong operand; the message says which.
    """
    if expected is UNSET:
        return
    if isinstance(expected, Mapping):
        yield from _mapping_differences(expected, found, at)
    elif isinstance(expected, list | tuple):
        yield from _list_differences(expected, found, at)
    elif not _equal(expected, found):
        yield Difference(at, format_value(expected), found, expected)


def text_differences(expected: Any, found: str | None, at: str) -> Iterator[Difference]:
    """As `differences`, for a value that is always text, such as a header: an expected 12 matches "12"."""
    yield from differences(_as_text(expected), ABSENT if found is None else _Text(found), at)


def matches(expected: Any, found: Any) -> bool:
    """Whether there is no difference."""
    spend_steps(1)
    return next(differences(expected, found), None) is None


def check_expectation(expected: Any) -> None:
    """Reject an expectation with an unknown operator, a wrong operand, or one that nothing can match.

    Raises:
        ValueError: the message says which, and what is allowed.
    """
    if isinstance(expected, Mapping):
        for name, operand in expected.items():
            if name.startswith("$"):
                _check_operator(name, operand)
                _check_can_match(name, operand)
    for part in _inner_expectations(expected):
        check_expectation(part)


def check_text_expectation(expected: Any) -> None:
    """As `check_expectation`, for a value that is compared as text; reject what no text can match, too.

    Raises:
        ValueError: the message says what to write instead of null, a list or an object.
    """
    check_expectation(expected)
    problem = ""
    if expected is None:
        problem = "null fits no text: for a missing one use {$absent: true}"
    elif isinstance(expected, list | tuple):
        problem = "a list fits no text: for one of several use {$oneOf: [...]}"
    elif isinstance(expected, Mapping):
        problem = _object_problem(expected)
    if problem:
        raise ValueError(problem)


def _object_problem(expected: Mapping[str, Any]) -> str:
    """Return why no text can match an object; empty if it has operators only."""
    wrong = next((name for name in expected if not name.startswith("$")), None)
    if expected and wrong is None:
        return ""
    advice = f"; did you mean ${wrong}?" if f"${wrong}" in OPERATORS else ", such as {$contains: PO}"
    return f"an object that compares a text has operators{advice}"


def check_status_expectation(expected: Any) -> None:
    """As `check_expectation`, for an HTTP status; reject what no status can match, such as a text, too.

    Raises:
        ValueError: the message says what to write.
    """
    check_expectation(expected)
    is_status = _is_number(expected) and 100 <= expected <= 599  # noqa: PLR2004
    if expected is not UNSET and not isinstance(expected, Mapping) and not is_status:
        raise ValueError(
            f"a status is a number from 100 to 599, or operators such as {{$oneOf: [404, 503]}},"
            f" not {format_value(expected)}"
        )


def count_operators(expected: Any) -> int:
    """Return how many operators an expectation has, at all levels."""
    own = sum(name.startswith("$") for name in expected) if isinstance(expected, Mapping) else 0
    return own + sum(map(count_operators, _inner_expectations(expected)))


def _inner_expectations(expected: Any) -> Sequence[Any]:
    """Return the expectations of members, operators and elements; the operand of `$equals` is not one."""
    if isinstance(expected, Mapping):
        return [operand for name, operand in expected.items() if name != "$equals"]
    return expected if isinstance(expected, list | tuple) else ()


def _mapping_differences(expected: Mapping[str, Any], found: Any, at: str) -> Iterator[Difference]:
    """Yield the differences in the members that an object must have, and of its operators."""
    spend_steps(len(expected))
    for name, value in expected.items():
        if name.startswith("$"):
            yield from _operator_differences(name, value, found, at)
        elif isinstance(found, Mapping):
            yield from differences(value, found.get(name, ABSENT), f"{at}.{name}")
    names_a_member = not all(name.startswith("$") for name in expected)
    if not isinstance(found, Mapping) and (names_a_member or not expected):
        yield Difference(at, "an object", found)


def _list_differences(expected: Sequence[Any], found: Any, at: str) -> Iterator[Difference]:
    if not isinstance(found, list | tuple):
        yield Difference(at, "a list", found)
    elif len(found) != len(expected):
        yield Difference(at, counted(len(expected), "element"), found)
    else:
        spend_steps(len(expected) // 2)
        for index, (expected_element, found_element) in enumerate(zip(expected, found, strict=True)):
            yield from differences(expected_element, found_element, f"{at}[{index}]")


def _operator_differences(name: str, operand: Any, found: Any, at: str) -> Iterator[Difference]:
    _check_operator(name, operand)
    if not OPERATORS[name].holds(operand, found):
        wanted = operand if name == "$equals" else UNSET
        yield Difference(at, OPERATORS[name].phrase.format(format_value(operand)), found, wanted)


def _equal(expected: Any, found: Any) -> bool:
    """Whether two values are equal; a boolean is never equal to a number."""
    return bool(isinstance(expected, bool) == isinstance(found, bool) and expected == found)


def _equal_exactly(expected: Any, found: Any) -> bool:
    """Whether two JSON values are equal, and all their objects have the same members."""
    spend_steps(1)
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return expected.keys() == found.keys() and all(
            _equal_exactly(value, found[name]) for name, value in expected.items()
        )
    if isinstance(expected, list | tuple) and isinstance(found, list | tuple):
        return len(expected) == len(found) and all(map(_equal_exactly, expected, found))
    return _equal(expected, found)


def _has_length(operand: Any, found: Any) -> bool:
    return isinstance(found, str | list | tuple | Mapping) and len(found) == operand


def _contains(operand: Any, found: Any) -> bool:
    if isinstance(found, str):
        spend_steps(len(found) // CHARACTERS_PER_STEP)
        return str(operand) in found
    return isinstance(found, list | tuple) and any(matches(operand, element) for element in found)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class _Text(str):
    """A text that is compared as a number with a number: a header, a query parameter, an id."""

    __slots__ = ()


_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_MAX_INTEGER_LENGTH = 300
"""Digits. Python reads no integer of more than 4,300 digits."""


def _number_in(text: _Text) -> float | None:
    """Return the text as a number, None if it is none; an integer that is too large is infinite."""
    match = _NUMBER.fullmatch(text)
    return match and (float(text) if match[1] or len(text) > _MAX_INTEGER_LENGTH else int(text))


def _ordered(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Return the test of an operator that compares two numbers or two texts; it fails for anything else."""

    def compare(operand: Any, found: Any) -> bool:
        if isinstance(found, _Text) and _is_number(operand):
            found = _number_in(found)
        comparable = (_is_number(operand) and _is_number(found)) or (
            isinstance(operand, str) and isinstance(found, str)
        )
        return comparable and holds(operand, found)

    return compare


class MatchOperator(Struct, frozen=True):
    """An operator: a phrase for what it expects, its test, and the types of its operand."""

    phrase: str
    holds: Callable[[Any, Any], bool]
    operand: tuple[type, ...] = ()

    def accepts(self, operand: Any) -> bool:
        """Whether the operand has one of the types; without types any does. A boolean is not a number."""
        if isinstance(operand, bool) or not self.operand:
            return not self.operand or bool in self.operand
        return isinstance(operand, self.operand) or (float in self.operand and isinstance(operand, int))


_ORDERED = (float, str)
_TYPE_NAMES = {str: "a text", bool: "true or false", int: "a whole number", float: "a number", list: "a list"}

OPERATORS: dict[str, MatchOperator] = {
    "$equals": MatchOperator("exactly {}", _equal_exactly),
    "$not": MatchOperator("anything but {}", lambda operand, found: not matches(operand, found)),
    "$absent": MatchOperator("absent: {}", lambda operand, found: (found is ABSENT) == operand, (bool,)),
    "$any": MatchOperator("anything", lambda _, found: found is not ABSENT),
    "$matches": MatchOperator(
        "a text that matches {}",
        lambda operand, found: isinstance(found, str) and matches_pattern(operand, found),
        (str,),
    ),
    "$contains": MatchOperator("something that contains {}", _contains),
    "$oneOf": MatchOperator(
        "one of {}", lambda operand, found: any(matches(one, found) for one in operand), (list, tuple)
    ),
    "$length": MatchOperator("a length of {}", _has_length, (int,)),
    "$atLeast": MatchOperator("at least {}", _ordered(lambda operand, found: found >= operand), _ORDERED),
    "$atMost": MatchOperator("at most {}", _ordered(lambda operand, found: found <= operand), _ORDERED),
}
"""Every operator by name."""


def _check_operator(name: str, operand: Any) -> None:
    if name not in OPERATORS:
        raise ValueError(f"there is no operator {shown(name)}; there are {', '.join(OPERATORS)}")
    if not OPERATORS[name].accepts(operand):
        types = " or ".join(_TYPE_NAMES[kind] for kind in OPERATORS[name].operand if kind in _TYPE_NAMES)
        raise ValueError(f"{name} takes {types}, not {format_value(operand)}")
    if name == "$matches":
        compile_pattern(operand)


def _check_can_match(name: str, operand: Any) -> None:
    if name == "$length" and operand < 0:
        raise ValueError(f"$length takes a whole number that is not negative, not {operand}")
    if name == "$oneOf" and not operand:
        raise ValueError("$oneOf takes a list of at least one value, not []")


_OPERAND_IS_NOT_TEXT = {"$absent", "$length", "$atLeast", "$atMost"}


def _as_text(expected: Any) -> Any:
    """Return the expectation with its numbers and booleans as text, as in a header."""
    if isinstance(expected, Mapping):
        return {
            name: operand if name in _OPERAND_IS_NOT_TEXT else _as_text(operand)
            for name, operand in expected.items()
        }
    if isinstance(expected, list | tuple):
        spend_steps(len(expected) // 4)
        return [_as_text(element) for element in expected]
    if isinstance(expected, bool):
        return str(expected).lower()
    return str(expected) if _is_number(expected) else expected


_LITERALS = {None: "null", True: "true", False: "false"}
_NOT_YAML = ("None", "True", "False", "(")
"""What a value may have that Python writes in another way than YAML; most have none of it."""


def _in_yaml(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return _LITERALS[value]
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name!r}: {_in_yaml(part)}' for name, part in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_in_yaml, value))}]"
    return repr(value)


def format_value(value: Any) -> str:
    """Return a value as messages show it, in YAML: `'text'`, `null`, `['a', true]`; a long one is cut off."""
    text = repr(value)
    if any(word in text for word in _NOT_YAML):
        text = _in_yaml(value)
    spend_steps(len(text) // CHARACTERS_PER_STEP)
    return text if len(text) <= 200 else f"{text[:200]}... ({len(text)} characters)"  # noqa: PLR2004
