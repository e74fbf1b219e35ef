"""Hypothesis in tests: profiles, how many examples to try, and strategies for odd and damaged input."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

_QUICK = 100
"""Examples of the profile `quick`; another profile tries as many times more, of each property."""


def register_profiles() -> None:
    """Register the profiles `quick`, the default, and `soak` (`--hypothesis-profile=soak`)."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    settings.register_profile("quick", deadline=None, max_examples=_QUICK)
    settings.register_profile(
        "soak", deadline=None, max_examples=20 * _QUICK, print_blob=True, suppress_health_check=slow
    )
    settings.load_profile("quick")


def example_count(examples: int, *, steps: int = 50) -> settings:
    """So many examples in the profile `quick`, and in proportion in others; `steps` of a state machine."""
    chosen = settings()
    longer = 2 if chosen.max_examples > _QUICK else 1
    return settings(
        chosen, max_examples=examples * chosen.max_examples // _QUICK, stateful_step_count=steps * longer
    )


NUMBERS = [0, -1, 1, 7, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**9, 10**400, 0.5, -0.0, 1e308, 1e-320]
DATES = [
    *("2031-01-01", "0001-01-01", "9999-12-31", "2026-02-30", "9999-12-31T23:59:59Z", "10000-01-01"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-03-29T02:30:00", "2026-01-01T00:00"),
    *("P1D", "-P1D", "P99999999999Y", "PT0S", "P", "1h", "999999999999h", "today", "+30d", "-99999999d"),
]
WORDS = [
    *("", " ", "\0", "\r\n", "\u2028", "é", "😀", "-", "../../etc/passwd", "{{7*7}}", "{dossierId}", "%s"),
    *("null", "true", "NO", "on", "~", "=", "<<", "*a", "&a b", "!!set {}", "1:2:3.4", "0x_", ".inf", "'"),
    *("99050000100013", "50382936800045", "FR69503829368", "119631", "804127", "api@example.com", "ATT_VIGI"),
    *(
        "(a*)*b",
        "(?!a)",
        "$..*",
        "$[?@.a]",
        "$matches",
        "$not",
        "default",
        "importDossier",
        "E202",
        "x" * 5000,
    ),
]
ODD: list[Any] = [None, True, False, [], {}, [[]], [None], {"": None}, *NUMBERS, *DATES, *WORDS]

odd = st.sampled_from(ODD)
texts = st.sampled_from([*WORDS, *DATES]) | st.text(max_size=20)
values: st.SearchStrategy[Any] = st.recursive(
    odd | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


@st.composite
def damaged(draw: st.DrawFn, examples: list[Any]) -> Any:
    """One of the examples with up to three of its parts replaced, removed or exchanged for each other."""
    root = [deepcopy(draw(st.sampled_from(examples)))]
    for _ in range(draw(st.integers(1, 3))):
        parent, key = draw(places(root))
        if draw(st.integers(0, 9)) == 0 and parent is not root:
            del parent[key]
        elif draw(st.integers(0, 9)) == 0:
            other, name = draw(places(root))
            parent[key] = deepcopy(other[name])
        else:
            parent[key] = deepcopy(draw(values))
    return root[0]


@st.composite
def places(draw: st.DrawFn, root: list[Any]) -> tuple[Any, Any]:
    """A container within the value, and one of its keys."""
    parent: Any = root
    key: Any = 0
    while isinstance(parent[key], dict | list) and parent[key] and draw(st.integers(0, 4)):
        parent = parent[key]
        key = draw(st.sampled_from(list(parent) if isinstance(parent, dict) else range(len(parent))))
    return parent, key


@st.composite
def mangled(draw: st.DrawFn, originals: list[str]) -> str:
    """One of the texts with lines or characters removed, doubled, exchanged, or odd ones put between."""
    text = draw(st.sampled_from(originals))
    parts = text.splitlines(keepends=True) if draw(st.booleans()) else list(text)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(parts) - 1)))
        parts[at : at + draw(st.integers(0, 2))] = draw(
            st.sampled_from([[], parts[at : at + 3] * 2, list(reversed(parts[at : at + 4])), parts[:at]])
            | texts.map(lambda part: [part])
            | st.sampled_from(list("[]{}:-&*!|>'\"%@`#,? \t\n\r\ufeff\x85")).map(lambda part: [part] * 3)
        )
    return "".join(parts)


def as_json(value: Any) -> bytes:
    """The value as a client writes it, with what Python's JSON allows and others do not."""
    return json.dumps(value).encode()
