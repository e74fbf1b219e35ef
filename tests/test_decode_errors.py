"""The sentence for a value of the wrong type: each kind of error, and the limits of what is shown."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta, Struct, defstruct

from mock_server.decode_errors import explain_decode_error


class Described(Struct, forbid_unknown_fields=True):
    """Members with advice, and one without."""

    day: Annotated[str, Meta(pattern="^[0-9]+$", description="a day such as 31")] = "1"
    plain: Annotated[str, Meta(pattern="^[0-9]+$")] = "1"


class Required(Struct):
    """A member without a default."""

    code: str


class Step(Struct, forbid_unknown_fields=True):
    """The members by which a scenario's step is recognised."""

    call: str = ""
    path: dict[str, int] = {}


def with_members(number: int) -> Any:
    """A type with so many members: a01, a02, ..."""
    names = [f"a{one:02}" for one in range(1, number + 1)]
    return defstruct("Made", [(name, int, 0) for name in names], forbid_unknown_fields=True)


ELEVEN = ", ".join(f"a{one:02}" for one in range(1, 12))
CASES: dict[str, tuple[Any, Any, str]] = {
    "15 names": (
        {"zzz": 1},
        with_members(15),
        f"$: unknown key 'zzz'; allowed: {ELEVEN}, a12, a13, a14 and a15",
    ),
    "16 names": (
        {"zzz": 1},
        with_members(16),
        f"$: unknown key 'zzz'; allowed: {ELEVEN}, a12, a13, a14, a15, ...",
    ),
    "one name": ({"zzz": 1}, with_members(1), "$: unknown key 'zzz'; allowed: a01"),
    "no name": ({"zzz": 1}, with_members(0), "$: unknown key 'zzz'"),
    "a near name": ({"a011": 1}, with_members(1), "$: unknown key 'a011'; did you mean 'a01'?"),
    "an id of a step": (
        {"dossierId": 1},
        Step,
        "$: unknown key 'dossierId'; an id of the path goes into path: {dossierId: ...}",
    ),
    "no id of a step": ({"dossier": 1}, Step, "$: unknown key 'dossier'; allowed: call and path"),
    "an id elsewhere": ({"dossierId": 1}, with_members(1), "$: unknown key 'dossierId'; allowed: a01"),
    "a missing member": ({}, Required, "$: the key 'code' is missing"),
    "60 characters": ("x" * 58, int, f"$: {'x' * 58!r} is not an integer"),
    "61 characters": ("x" * 59, int, f"$: '{'x' * 59}... is not an integer"),
    "no such word": ("z", Literal["on", "off"], "$: 'z' is not allowed: use off or on"),
    "a near word": ("of", Literal["on", "off"], "$: 'of' is not allowed: use off or on; did you mean 'off'?"),
    "a number with advice": ({"day": 31}, Described, "$.day: 31 is not a text: a day such as 31"),
    "a number without": (5, str, "$: 5 is not a text: quote it"),
    "true for a text": (True, str, "$: true is not a text: quote it"),
    "a list for a text": ([], str, "$: a list is not a text"),
    "a text for a list": ("x", list[int], "$: 'x' is not a list"),
    "another form with advice": ({"day": "x"}, Described, "$.day: 'x' does not fit: a day such as 31"),
    "another form": ({"plain": "x"}, Described, "$.plain: 'x' does not fit: it has to match '^[0-9]+$'"),
    "the last of a list": ([1, 2, "x"], list[int], "$[2]: 'x' is not an integer"),
    "a value of a map": ({"a": 1, "k": "x"}, dict[str, int], "$.k: 'x' is not an integer"),
    "null in a map": ({"k": None}, dict[str, str], "$.k: null is not a text"),
    "a value of a map under a key with a dot": (
        {"a.b": []},
        dict[str, int],
        "$[...]: a list is not an integer",
    ),
    "too short by one": ("", Annotated[str, Meta(min_length=1)], "$: '' does not fit: at least 1 character"),
    "too short": ("x", Annotated[str, Meta(min_length=2)], "$: 'x' does not fit: at least 2 characters"),
    "a list too long": (
        [1, 2],
        Annotated[list[int], Meta(max_length=1)],
        "$: [1, 2] does not fit: at most 1 entry",
    ),
    "a list too short": (
        [1],
        Annotated[list[int], Meta(min_length=2)],
        "$: [1] does not fit: at least 2 entries",
    ),
    "a pair of one": ([1], tuple[int, int], "$: [1] does not fit: exactly 2 entries"),
    "not base64": ("?", bytes, "$: '?' is not bytes in base64"),
    "not a date": ("x", date, "$: 'x' is not a date such as 2031-06-30"),
    "not an instant": ("x", datetime, "$: 'x' is not an instant such as 2031-06-30T10:00:00+02:00"),
    "less than the least": (0, Annotated[int, Meta(ge=1)], "$: 0 is out of range: at least 1"),
    "the excluded least": (0, Annotated[float, Meta(gt=0)], "$: 0 is out of range: more than 0"),
    "more than the most": (2, Annotated[float, Meta(le=1)], "$: 2 is out of range: at most 1"),
    "the excluded most": (1, Annotated[float, Meta(lt=1)], "$: 1 is out of range: less than 1"),
}


@pytest.mark.parametrize(("data", "kind", "expected"), CASES.values(), ids=CASES)
def test_an_error_of_a_type_is_a_sentence(data: Any, kind: Any, expected: str) -> None:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(data, kind)

    assert ": ".join(explain_decode_error(str(raised.value), data, kind)) == expected
