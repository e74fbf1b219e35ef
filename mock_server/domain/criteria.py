"""What the expressions of a search mean: what a field is, and how values compare (behaviour.md 3.5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from enum import Enum
from operator import eq, gt, lt, ne
from typing import Any

from msgspec import Struct

from mock_server.domain import checks
from mock_server.domain.errors import E002, E010
from mock_server.domain.local_time import from_local, local_date
from mock_server.domain.query import AnyOf, Criterion, Expression, Operator, Unreadable, parse, shown
from mock_server.domain.spelling import nearest

Value = str | float | date
Test = Callable[..., bool]

NOTHING = "null"
"""The value that stands for none: `field!null` selects those that have one."""

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)


class Kind(Enum):
    """What the values of a field are, as a mistake names them."""

    TEXT = "text"
    NUMBER = "number"
    DAY = "date (yyyy-MM-dd)"


class Field(Struct, frozen=True):
    """A field that expressions may name; `read` gets what is searched and gives its value, or None."""

    kind: Kind
    read: Callable[..., Value | None]


def understood(findings: checks.Findings, text: str, fields: Mapping[str, Field]) -> Test | None:
    """Whether something is selected by the expression that `text` writes; None when that was noted as wrong.

    E010 for what cannot be read, E002 for a field that is none; each tells the position and what is right.

    behaviour.md 3.5 (documented; codes, case and null: inferred).
    """
    try:
        return _test(findings, parse(text), fields)
    except Unreadable as mistake:
        findings.note(E010, "search", str(mistake))
        return None


def _test(findings: checks.Findings, expression: Expression, fields: Mapping[str, Field]) -> Test:
    if isinstance(expression, Criterion):
        return _criterion(findings, expression, fields)
    tests = [_test(findings, part, fields) for part in expression.parts]
    return _combine(tests, until=isinstance(expression, AnyOf))


def _combine(tests: Sequence[Test], *, until: bool) -> Test:
    """Run the tests until one gives `until`. A plain loop: `any` and a generator take half as long again."""

    def test(*row: object) -> bool:
        for part in tests:
            if part(*row) is until:
                return until
        return not until

    return test


def _criterion(findings: checks.Findings, criterion: Criterion, fields: Mapping[str, Field]) -> Test:
    found = fields.get(criterion.field)
    if found is None:
        findings.note(E002, "search", f"position {criterion.position}: {_no_field(criterion.field, fields)}")
        return _never
    read = found.read
    if criterion.operator in {Operator.EQUALS, Operator.DIFFERS} and criterion.value == NOTHING:
        differs = criterion.operator is Operator.DIFFERS
        return (lambda *row: read(*row) is not None) if differs else _never
    if criterion.operator is Operator.CONTAINS:
        part = criterion.value.casefold()
        return lambda *row: (value := read(*row)) is not None and part in str(value).casefold()
    try:
        wanted = _READ[found.kind](criterion.value)
    except ValueError:
        mistake = Unreadable(criterion.value_position, f"a {found.kind.value}", shown(criterion.value))
        findings.note(E010, "search", str(mistake))
        return _never
    return _comparing(read, _COMPARISONS[criterion.operator], wanted)


def _comparing(read: Callable[..., Value | None], compare: Callable[[Any, Any], bool], wanted: Value) -> Test:
    """A value that is not there differs from any, and compares with none."""
    without = compare is ne

    def test(*row: object) -> bool:
        value = read(*row)
        return without if value is None else compare(value, wanted)

    return test


def _never(*_row: object) -> bool:
    return False


def _no_field(name: str, fields: Mapping[str, Field]) -> str:
    near = nearest(name, fields)
    return f"no field {shown(name)}" + (f"; did you mean {near!r}?" if near else "")


def _number(text: str) -> float:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(text)
    return float(text)


def _day(text: str) -> date:
    return local_date(from_local(text))


_READ: dict[Kind, Callable[[str], Value]] = {Kind.TEXT: str, Kind.NUMBER: _number, Kind.DAY: _day}

_COMPARISONS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQUALS: eq,
    Operator.DIFFERS: ne,
    Operator.GREATER: gt,
    Operator.LESS: lt,
}
