"""Expressions that search third parties: their syntax, and the tests that they become (behaviour.md 3.5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from enum import Enum, StrEnum
from operator import eq, gt, lt, ne
from typing import Any

from msgspec import Struct

from mock_server.domain import checks
from mock_server.domain.errors import E002, E010
from mock_server.domain.local_time import local_day
from mock_server.domain.names import nearest

MAX_NESTING = 50
"""Parentheses inside each other; more are rejected (behaviour.md 3.5, inferred)."""

MAX_CRITERIA = 100
"""Criteria of one expression; more are rejected (behaviour.md 3.5, inferred).

Each is compared with every third party of the account, and no other call is answered meanwhile.
"""

_AND, _OR, _OPEN, _CLOSE = ("AND", "and"), ("OR", "or"), ("(",), (")",)
_RESERVED = frozenset((*_AND, *_OR, *_OPEN, *_CLOSE))
_BLANKS = re.compile(r"\s*")
_WORD = re.compile(r"\S+")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_CRITERION = "a criterion such as name~ATTEST"
_OPERATOR = "one of : ~ ! > <"


class Operator(StrEnum):
    """The operator between a field and a value."""

    EQUALS = ":"
    CONTAINS = "~"
    DIFFERS = "!"
    GREATER = ">"
    LESS = "<"


_OPERATORS = frozenset(Operator)


class Criterion(Struct, frozen=True):
    """One comparison, such as `workforce>200`. `position` is that of the field in the text, from 1."""

    field: str
    operator: Operator
    value: str
    position: int = 1

    @property
    def value_position(self) -> int:
        """The position of the value in the text, counted from 1."""
        return self.position + len(self.field) + len(self.operator)


class AllOf(Struct, frozen=True):
    """Parts joined by AND, two at least."""

    parts: tuple[Expression, ...]


class AnyOf(Struct, frozen=True):
    """Parts joined by OR, two at least."""

    parts: tuple[Expression, ...]


Expression = Criterion | AllOf | AnyOf


class ExpressionError(ValueError):
    """The text is not an expression: at `position`, counted from 1, something else was `expected`.

    `position 12: expected one of : ~ ! > <, found the end`
    """

    def __init__(self, position: int, expected: str, actual: str) -> None:
        super().__init__(f"position {position}: expected {expected}, found {actual}")
        self.position = position
        self.expected = expected


def parse(text: str) -> Expression:
    """Parse a text as an expression; AND binds tighter than OR.

    Raises:
        ExpressionError: it is not an expression.

    behaviour.md 3.5 (documented; precedence, and where a value ends: inferred).
    """
    reader = _Reader(text)
    expression = reader.any_of(0)
    if reader.word:
        raise reader.error("AND, OR or the end")
    return expression


def format_expression(expression: Expression) -> str:
    """Write an expression as text; `parse` returns an equal one, except for positions."""
    if isinstance(expression, Criterion):
        return f"{expression.field}{expression.operator}{expression.value}"
    if isinstance(expression, AllOf):
        return " AND ".join(_in_parentheses(part, AllOf, AnyOf) for part in expression.parts)
    return " OR ".join(_in_parentheses(part, AnyOf) for part in expression.parts)


def quote_word(word: str) -> str:
    """A word of an expression as an error message shows it."""
    return repr(word[:30])


def _in_parentheses(part: Expression, *kinds: type) -> str:
    return f"( {format_expression(part)} )" if isinstance(part, kinds) else format_expression(part)


class _Reader:
    """A text and how far it has been read: `word` is the next word, empty at the end of the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._criteria = 0
        self._go_to(0)

    def any_of(self, depth: int) -> Expression:
        """Read parts joined by OR, each of them joined by AND; `depth` is the number of open parentheses."""
        parts = [self._all_of(depth)]
        while self._skip_word(_OR):
            parts.append(self._all_of(depth))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def error(self, expected: str, at: int | None = None) -> ExpressionError:
        """Return the error that something else was expected at the present word, or at the index `at`."""
        at = self._at if at is None else at
        word = self._text[at : self._end_of_word(at)]
        end = "a blank" if at < len(self._text) else "the end"
        return ExpressionError(at + 1, expected, quote_word(word) if word else end)

    def _all_of(self, depth: int) -> Expression:
        parts = [self._term(depth)]
        while self._skip_word(_AND):
            parts.append(self._term(depth))
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _term(self, depth: int) -> Expression:
        """Read a criterion, or an expression in parentheses."""
        if self.word not in _OPEN:
            return self._criterion()
        if depth == MAX_NESTING:
            raise self.error(f"at most {MAX_NESTING} parentheses inside each other")
        self._skip_word(_OPEN)
        inside = self.any_of(depth + 1)
        if not self._skip_word(_CLOSE):
            raise self.error("AND, OR or a closing parenthesis with a blank on either side")
        return inside

    def _criterion(self) -> Criterion:
        """Read a field, an operator and a value."""
        start = self._at
        name = _FIELD.match(self._text, start)
        if self.word.startswith(_OPEN):
            raise self.error("a blank after the parenthesis", start + 1)
        if name is None or self.word in _RESERVED:
            raise self.error(_CRITERION)
        operator = self._text[name.end() : name.end() + 1]
        if operator not in _OPERATORS:
            raise self.error(f"{_OPERATOR} after {name[0]!r}", name.end())
        if self._criteria == MAX_CRITERIA:
            raise self.error(f"at most {MAX_CRITERIA} criteria")
        self._criteria += 1
        value = self._value(name.end() + 1)
        return Criterion(name[0], Operator(operator), value, start + 1)

    def _value(self, start: int) -> str:
        """Read the value of a criterion: from `start` to the next AND, OR, parenthesis, or the end."""
        end = self._end_of_word(start)
        if end == start:
            raise self.error("a value right after the operator", start)
        while self.word and self.word not in _RESERVED:
            end = self._at + len(self.word)
            self._go_to(end)
        return self._text[start:end]

    def _skip_word(self, words: tuple[str, ...]) -> bool:
        """Skip the present word if it is one of these; return whether it was."""
        if self.word not in words:
            return False
        self._go_to(self._at + len(self.word))
        return True

    def _go_to(self, at: int) -> None:
        blanks = _BLANKS.match(self._text, at)
        self._at = blanks.end() if blanks else at
        self.word = self._text[self._at : self._end_of_word(self._at)]

    def _end_of_word(self, at: int) -> int:
        word = _WORD.match(self._text, at)
        return word.end() if word else at


Value = str | float | date
Test = Callable[..., bool]

NOTHING = "null"
"""The value in an expression that means no value: `field!null` selects those that have one."""

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)


class FieldKind(Enum):
    """The type of the values of a field, as an error message names it."""

    TEXT = "text"
    NUMBER = "number"
    DAY = "date (yyyy-MM-dd)"


class Field(Struct, frozen=True):
    """A field that expressions may name; `read` gets a searched row, and returns its value or None."""

    kind: FieldKind
    read: Callable[..., Value | None]


def compile_expression(
    collector: checks.ErrorCollector, text: str, fields: Mapping[str, Field]
) -> Test | None:
    """Return the test whether a row is selected by the expression; None if the text is not an expression.

    Errors are added to the collector: E010 for a wrong syntax or value, E002 for an unknown field. Each names
    the position and what is right.

    behaviour.md 3.5 (documented; codes, case and null: inferred).
    """
    try:
        return _build_test(collector, parse(text), fields)
    except ExpressionError as error:
        collector.add(E010, "search", str(error))
        return None


def _build_test(
    collector: checks.ErrorCollector, expression: Expression, fields: Mapping[str, Field]
) -> Test:
    if isinstance(expression, Criterion):
        return _criterion(collector, expression, fields)
    tests = [_build_test(collector, part, fields) for part in expression.parts]
    return _combine(tests, until=isinstance(expression, AnyOf))


def _combine(tests: Sequence[Test], *, until: bool) -> Test:
    """Run the tests until one returns `until`. A plain loop: `any` and a generator take 50 % longer."""

    def test(*row: object) -> bool:
        for part in tests:
            if part(*row) is until:
                return until
        return not until

    return test


def _criterion(collector: checks.ErrorCollector, criterion: Criterion, fields: Mapping[str, Field]) -> Test:
    """Return the test of one criterion; a wrong one is added to the collector, and never selects a row."""
    field = fields.get(criterion.field)
    if field is None:
        collector.add(E002, "search", f"position {criterion.position}: {_no_field(criterion.field, fields)}")
        return _never
    read = field.read
    if criterion.operator in {Operator.EQUALS, Operator.DIFFERS} and criterion.value == NOTHING:
        differs = criterion.operator is Operator.DIFFERS
        return (lambda *row: read(*row) is not None) if differs else _never
    if criterion.operator is Operator.CONTAINS:
        part = criterion.value.casefold()
        return lambda *row: (value := read(*row)) is not None and part in str(value).casefold()
    try:
        expected = _READ[field.kind](criterion.value)
    except ValueError:
        error = ExpressionError(
            criterion.value_position, f"a {field.kind.value}", quote_word(criterion.value)
        )
        collector.add(E010, "search", str(error))
        return _never
    return _comparison(read, _COMPARISONS[criterion.operator], expected)


def _comparison(
    read: Callable[..., Value | None], compare: Callable[[Any, Any], bool], expected: Value
) -> Test:
    """Return the test that compares a value. A missing value differs from any, and passes no other test."""
    result_without_value = compare is ne

    def test(*row: object) -> bool:
        value = read(*row)
        return result_without_value if value is None else compare(value, expected)

    return test


def _never(*_row: object) -> bool:
    return False


def _no_field(name: str, fields: Mapping[str, Field]) -> str:
    near = nearest(name, fields)
    return f"no field {quote_word(name)}" + (f"; did you mean {near!r}?" if near else "")


def _number(text: str) -> float:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(text)
    return float(text)


_READ: dict[FieldKind, Callable[[str], Value]] = {
    FieldKind.TEXT: str,
    FieldKind.NUMBER: _number,
    FieldKind.DAY: local_day,
}

_COMPARISONS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQUALS: eq,
    Operator.DIFFERS: ne,
    Operator.GREATER: gt,
    Operator.LESS: lt,
}
