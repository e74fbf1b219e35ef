"""The language of search expressions: what is valid, and the limits (behaviour.md 3.5)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mock_server.domain.query import (
    AllOf,
    AnyOf,
    Criterion,
    Expression,
    ExpressionError,
    Operator,
    format_expression,
    parse,
)


def is_(name: str, value: str, operator: str = ":") -> Criterion:
    """A criterion."""
    return Criterion(name, Operator(operator), value)


def read(text: str) -> Expression:
    """The expression of a text, as `is_` makes it: without the positions of its criteria."""
    return without_positions(parse(text))


def without_positions(expression: Expression) -> Expression:
    """The expression, with each criterion at the default position."""
    if isinstance(expression, Criterion):
        return replace(expression, position=1)
    return replace(expression, parts=tuple(map(without_positions, expression.parts)))


A, B, C, D = (is_(name, "1") for name in "abcd")

READ: dict[str, Expression] = {
    "workforce<2000": is_("workforce", "2000", "<"),
    "workforce>2000": is_("workforce", "2000", ">"),
    "name~ATTEST": is_("name", "ATTEST", "~"),
    "acronym!null": is_("acronym", "null", "!"),
    "isActive:true": is_("isActive", "true"),
    "( workforce>200 AND isActive:true ) OR workforce<2": AnyOf(
        (AllOf((is_("workforce", "200", ">"), is_("isActive", "true"))), is_("workforce", "2", "<"))
    ),
    "  a:1  ": A,
    "\ta:1\nAND b:1": AllOf((A, B)),
    # Connectors: AND binds tighter, either in small letters, both as long as one likes.
    "a:1 and b:1": AllOf((A, B)),
    "a:1 or b:1": AnyOf((A, B)),
    "a:1 AND b:1 and c:1": AllOf((A, B, C)),
    "a:1 OR b:1 or c:1": AnyOf((A, B, C)),
    "a:1 OR b:1 AND c:1": AnyOf((A, AllOf((B, C)))),
    "a:1 AND b:1 OR c:1 AND d:1": AnyOf((AllOf((A, B)), AllOf((C, D)))),
    # Parentheses.
    "( a:1 )": A,
    "( ( a:1 ) )": A,
    "a:1 AND ( b:1 OR c:1 )": AllOf((A, AnyOf((B, C)))),
    "( a:1 AND b:1 ) AND c:1": AllOf((AllOf((A, B)), C)),
    # A value ends at the next connector or parenthesis, and may contain anything else.
    "name:PORT DE PLAISANCE": is_("name", "PORT DE PLAISANCE"),
    "name:PORT  DE   PLAISANCE AND a:1": AllOf((is_("name", "PORT  DE   PLAISANCE"), A)),
    "( name:PORT DE PLAISANCE )": is_("name", "PORT DE PLAISANCE"),
    "name:R&D (FRANCE) S.A.": is_("name", "R&D (FRANCE) S.A."),
    "name:AND": is_("name", "AND"),
    "name:And": is_("name", "And"),
    "name:OR AND a:1": AllOf((is_("name", "OR"), A)),
    "name:a And b": is_("name", "a And b"),
    "name:(": is_("name", "("),
    "name:)": is_("name", ")"),
    "name::": is_("name", ":"),
    "name:a:b~c": is_("name", "a:b~c"),
    "ceo:DUPONT-Ünal Çelik": is_("ceo", "DUPONT-Ünal Çelik"),
}

CRITERION = "a criterion such as name~ATTEST"
OPERATOR = "one of : ~ ! > < after"
VALUE = "a value right after the operator"
BLANK = "a blank after the parenthesis"
MORE = "AND, OR or the end"
CLOSED = "AND, OR or a closing parenthesis with a blank on either side"

UNREADABLE = {
    "": (1, CRITERION, "the end"),
    "   ": (4, CRITERION, "the end"),
    "AND": (1, CRITERION, "'AND'"),
    "and a:1": (1, CRITERION, "'and'"),
    "a:1 AND": (8, CRITERION, "the end"),
    "a:1 AND AND b:1": (9, CRITERION, "'AND'"),
    "a:1 OR )": (8, CRITERION, "')'"),
    ":1": (1, CRITERION, "':1'"),
    "1a:1": (1, CRITERION, "'1a:1'"),
    "(a:1 )": (2, BLANK, "'a:1'"),
    "((": (2, BLANK, "'('"),
    "é:1": (1, CRITERION, "'é:1'"),
    "( )": (3, CRITERION, "')'"),
    "name": (5, f"{OPERATOR} 'name'", "the end"),
    "name ~ATTEST": (5, f"{OPERATOR} 'name'", "a blank"),
    "name=ATTEST": (5, f"{OPERATOR} 'name'", "'=ATTEST'"),
    "R&D": (2, f"{OPERATOR} 'R'", "'&D'"),
    "name:RESEARCH AND DEVELOPMENT": (30, f"{OPERATOR} 'DEVELOPMENT'", "the end"),
    "a:": (3, VALUE, "the end"),
    "a: 1": (3, VALUE, "a blank"),
    "a:1 ( b:1 )": (5, MORE, "'('"),
    "a:1 )": (5, MORE, "')'"),
    "( a:1 ) b:1": (9, MORE, "'b:1'"),
    "( a:1": (6, CLOSED, "the end"),
    "( a:1)": (7, CLOSED, "the end"),
    "( a:1 ( b:1 ) )": (7, CLOSED, "'('"),
    f"{'x' * 40}": (41, f"{OPERATOR} '{'x' * 40}'", "the end"),
    f"a:1 AND ({'x' * 40}": (10, BLANK, f"'{'x' * 30}'"),
}


def test_an_expression_is_read() -> None:
    assert {text: read(text) for text in READ} == READ


def test_an_error_says_where_it_is_and_what_was_expected() -> None:
    for text, (position, expected, found) in UNREADABLE.items():
        with pytest.raises(ExpressionError) as refused:
            parse(text)
        assert str(refused.value) == f"position {position}: expected {expected}, found {found}", text
        assert (refused.value.position, refused.value.expected) == (position, expected), text


def nested(depth: int) -> str:
    return f"{'( ' * depth}a:1{' )' * depth}"


def test_parentheses_have_a_maximum_depth() -> None:
    assert read(nested(50)) == A

    with pytest.raises(ExpressionError, match=r"position 101: expected at most 50 paren"):
        parse(nested(51))


def test_an_expression_has_at_most_100_criteria() -> None:
    most = " OR ".join(["a:1"] * 100)

    assert read(most) == AnyOf((A,) * 100)
    with pytest.raises(ExpressionError, match=rf"position {len(most) + 5}: expected at most 100 criteria"):
        parse(f"{most} OR a:1")
    with pytest.raises(ExpressionError, match="expected at most 100 criteria"):
        parse(f"{' AND '.join(['a:1'] * 60)} AND ( {' OR '.join(['a:1'] * 60)} )")


def test_a_very_deep_expression_is_an_error_like_any_other() -> None:
    with pytest.raises(ExpressionError):
        parse("( " * 100_000)


def test_a_criterion_has_its_position_and_that_of_its_value() -> None:
    found = parse("a:1 AND workforce>200")

    assert isinstance(found, AllOf)
    criterion = found.parts[1]
    assert isinstance(criterion, Criterion)
    assert (criterion.position, criterion.value_position) == (9, 19)


# Any text.


def parse_or_error(text: str) -> Expression | ExpressionError:
    """What comes of a text; anything else that is raised is a bug."""
    try:
        return parse(text)
    except ExpressionError as error:
        return error


RESERVED = {"AND", "and", "OR", "or", "(", ")"}


def is_value(text: str) -> bool:
    """Whether a text can stand for a value: no blank at its ends, no connector or parenthesis inside."""
    return text == text.strip() != "" and RESERVED.isdisjoint(re.split(r"\s+", text)[1:])


fields = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,9}", fullmatch=True)
words = st.sampled_from(["AND", "or", "And", "(", ")", "null", "12", "a:b", "é", "(x)", "\u00a0"])
values = (st.text(max_size=12) | st.lists(words | st.text(max_size=4)).map(" ".join)).filter(is_value)
criteria = st.builds(Criterion, fields, st.sampled_from(Operator), values)
expressions: st.SearchStrategy[Expression] = st.recursive(
    criteria,
    lambda inner: (
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: AllOf(tuple(parts)))
        | st.lists(inner, min_size=2, max_size=4).map(lambda parts: AnyOf(tuple(parts)))
    ),
    max_leaves=12,
)
tokens = st.sampled_from(
    [*RESERVED, "a:1", "name~x y", "workforce>", "!", ":", "field", " ", "\t", "null", "(a:1", "a:1)", "é"]
)


@given(expression=expressions)
def test_what_is_written_is_read_as_the_same_expression(expression: Expression) -> None:
    assert read(format_expression(expression)) == expression


@given(text=st.text() | st.lists(tokens).map(" ".join) | st.lists(tokens).map("".join))
def test_any_text_is_an_expression_or_an_error_at_a_place_of_it(text: str) -> None:
    outcome = parse_or_error(text)

    if isinstance(outcome, ExpressionError):
        assert 1 <= outcome.position <= len(text) + 1
    else:
        assert read(format_expression(outcome)) == without_positions(outcome)
