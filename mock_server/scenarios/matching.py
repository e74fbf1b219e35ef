"""What is expected against what was found: the reasons why it does not fit, none when it does.

The same language in rules (`when`), in steps (`expect`) and in questions to the journal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import UNSET, Struct

from mock_server.scenarios.patterns import compiled, fits


class _Absent:
    """What is not there."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT = _Absent()
"""Stands for a value that is not there, in `difference` and in a `Difference`."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One reason: where (such as `$.content[0].code`), what was expected there, what was found.

    `wanted` is the very value that was expected, where one was and no operator.
    """

    at: str
    expected: str
    found: Any
    wanted: Any = field(default=UNSET, compare=False)

    def __str__(self) -> str:
        return f"{self.at}: expected {self.expected}, found {shown(self.found)}"


def differences(expected: Any, found: Any, at: str = "$") -> Iterator[Difference]:
    """Why `found` is not what is expected.

    A mapping names some members, or says with operators (`$matches`, `$absent` ...) what is expected; a list
    names every element; all else is to be equal.

    Raises:
        ValueError: an operator is unknown or wrongly used; the message says which.
    """
    if expected is UNSET:
        return
    if isinstance(expected, Mapping):
        yield from _named(expected, found, at)
    elif isinstance(expected, list | tuple):
        yield from _elements(expected, found, at)
    elif not _equal(expected, found):
        yield Difference(at, shown(expected), found, expected)


def text_differences(expected: Any, found: str | None, at: str) -> Iterator[Difference]:
    """As `differences` for what can only be a text, such as a header; numbers mean their digits."""
    yield from differences(_as_text(expected), ABSENT if found is None else _Text(found), at)


def matches(expected: Any, found: Any) -> bool:
    """Whether there is no difference."""
    return next(differences(expected, found), None) is None


def check_expectation(expected: Any) -> None:
    """Refuse an expectation with an unknown operator, or one wrongly used.

    Raises:
        ValueError: the message says which, and what there is.
    """
    if isinstance(expected, Mapping):
        for name, operand in expected.items():
            if name.startswith("$"):
                _checked_operator(name, operand)
    for part in _expectations_in(expected):
        check_expectation(part)


def _expectations_in(expected: Any) -> Sequence[Any]:
    """Those of members, operators and elements; what `$equals` names is taken as it is."""
    if isinstance(expected, Mapping):
        return [operand for name, operand in expected.items() if name != "$equals"]
    return expected if isinstance(expected, list | tuple) else ()


def _named(expected: Mapping[str, Any], found: Any, at: str) -> Iterator[Difference]:
    """Members and operators."""
    for name, value in expected.items():
        yield from (_operated if name.startswith("$") else _member)(name, value, found, at)
    names_a_member = not all(name.startswith("$") for name in expected)
    if not isinstance(found, Mapping) and (names_a_member or not expected):
        yield Difference(at, "an object", found)


def _member(name: str, expected: Any, found: Any, at: str) -> Iterator[Difference]:
    if isinstance(found, Mapping):
        yield from differences(expected, found.get(name, ABSENT), f"{at}.{name}")


def _elements(expected: Sequence[Any], found: Any, at: str) -> Iterator[Difference]:
    if not isinstance(found, list | tuple):
        yield Difference(at, "a list", found)
    elif len(found) != len(expected):
        yield Difference(at, f"{len(expected)} elements", found)
    else:
        for number, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from differences(one, other, f"{at}[{number}]")


def _operated(name: str, operand: Any, found: Any, at: str) -> Iterator[Difference]:
    _checked_operator(name, operand)
    if not OPERATORS[name].holds(operand, found):
        wanted = operand if name == "$equals" else UNSET
        yield Difference(at, OPERATORS[name].phrase.format(shown(operand)), found, wanted)


def _equal(expected: Any, found: Any) -> bool:
    """Equal, and both booleans or neither: 1 is not true."""
    return bool(isinstance(expected, bool) == isinstance(found, bool) and expected == found)


def _is_same(expected: Any, found: Any) -> bool:
    """Equal in every part, no member more or less."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return expected.keys() == found.keys() and all(
            _is_same(value, found[name]) for name, value in expected.items()
        )
    if isinstance(expected, list | tuple) and isinstance(found, list | tuple):
        return len(expected) == len(found) and all(map(_is_same, expected, found))
    return _equal(expected, found)


def _is_there(operand: Any, found: Any) -> bool:  # noqa: ARG001  # all operators are asked alike
    return found is not ABSENT


def _length(operand: Any, found: Any) -> bool:
    return isinstance(found, str | list | tuple | Mapping) and len(found) == operand


def _contains(operand: Any, found: Any) -> bool:
    if isinstance(found, str):
        return str(operand) in found
    return isinstance(found, list | tuple) and any(matches(operand, element) for element in found)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class _Text(str):
    """A text that means a number where one is expected: a header, a query parameter, an id."""

    __slots__ = ()


_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)


def _number_in(text: _Text) -> float | None:
    """The number that the text writes, if it does."""
    written = _NUMBER.fullmatch(text)
    return written and (float(text) if written[1] else int(text))


def _ordered(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(operand: Any, found: Any) -> bool:
        if isinstance(found, _Text) and _is_number(operand):
            found = _number_in(found)
        alike = (_is_number(operand) and _is_number(found)) or (
            isinstance(operand, str) and isinstance(found, str)
        )
        return alike and holds(operand, found)

    return compare


class Operator(Struct, frozen=True):
    """An operator: what it expects, in words, and whether it holds; `operand` are the types that it takes."""

    phrase: str
    holds: Callable[[Any, Any], bool]
    operand: tuple[type, ...] = ()

    def takes(self, operand: Any) -> bool:
        """Whether the operand is of a type that it takes, none named being any; a boolean is no number."""
        if isinstance(operand, bool) or not self.operand:
            return not self.operand or bool in self.operand
        return isinstance(operand, self.operand) or (float in self.operand and isinstance(operand, int))


_ORDERED = (float, str)
_WORDS = {str: "a text", bool: "true or false", int: "a whole number", float: "a number", list: "a list"}

OPERATORS: dict[str, Operator] = {
    "$equals": Operator("exactly {}", _is_same),
    "$not": Operator("anything but {}", lambda operand, found: not matches(operand, found)),
    "$absent": Operator("absent: {}", lambda operand, found: (found is ABSENT) == operand, (bool,)),
    "$any": Operator("anything", _is_there),
    "$matches": Operator(
        "a text that matches {}",
        lambda operand, found: isinstance(found, str) and fits(operand, found),
        (str,),
    ),
    "$contains": Operator("something that contains {}", _contains),
    "$oneOf": Operator(
        "one of {}", lambda operand, found: any(matches(one, found) for one in operand), (list, tuple)
    ),
    "$length": Operator("a length of {}", _length, (int,)),
    "$atLeast": Operator("at least {}", _ordered(lambda operand, found: found >= operand), _ORDERED),
    "$atMost": Operator("at most {}", _ordered(lambda operand, found: found <= operand), _ORDERED),
}
"""Every operator by name."""


def _checked_operator(name: str, operand: Any) -> None:
    if name not in OPERATORS:
        raise ValueError(f"there is no operator {name!r}; there are {', '.join(OPERATORS)}")
    if not OPERATORS[name].takes(operand):
        wanted = " or ".join(_WORDS[kind] for kind in OPERATORS[name].operand if kind in _WORDS)
        raise ValueError(f"{name} takes {wanted}, not {shown(operand)}")
    if name == "$matches":
        compiled(operand)


_NO_TEXT = {"$absent", "$length", "$atLeast", "$atMost"}
"""Operators whose operand does not become text."""


def _as_text(expected: Any) -> Any:
    if isinstance(expected, Mapping):
        return {
            name: operand if name in _NO_TEXT else _as_text(operand) for name, operand in expected.items()
        }
    if isinstance(expected, list | tuple):
        return [_as_text(element) for element in expected]
    if isinstance(expected, bool):
        return str(expected).lower()
    return str(expected) if _is_number(expected) else expected


def shown(value: Any) -> str:
    """A value as messages show it; a long one is cut off."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}... ({len(text)} characters)"  # noqa: PLR2004
