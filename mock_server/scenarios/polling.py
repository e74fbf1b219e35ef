"""Asking again and again until an answer says what is waited for.

Where the sandbox's clock stands still it is advanced by a second before each further question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from http import HTTPStatus
from math import ceil
from time import monotonic, sleep

from mock_server.scenarios.client import Answer, Outcome
from mock_server.scenarios.matching import ABSENT, Difference, differences
from mock_server.scenarios.preparing import Prepared
from mock_server.scenarios.target import Control
from mock_server.scenarios.templates import at_place
from mock_server.settings import duration

_LONGEST_FROZEN = 600.0
_LONGEST_RUNNING = 10.0
_LONGEST_ELSEWHERE = 120.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_MOST_PAUSES = 30


def poll(
    prepared: Prepared, ask: Callable[[], Outcome], control: Control | None
) -> tuple[Outcome, list[Difference]]:
    """Ask until the answer has what is waited for; the last outcome, and what it lacks when time is up.

    Raises:
        ControlRefused: the clock of the sandbox was not to be advanced.
    """
    outcome, waited = ask(), 0.0
    lacking = _lacking(prepared, outcome)
    pauses = _pauses(prepared, control)
    while lacking:
        pause = next(pauses, None)
        if pause is None:
            break
        outcome, waited = ask(), pause
        lacking = _lacking(prepared, outcome)
    return outcome, [replace(one, at=f"{one.at}, asked for {waited:g} s") for one in lacking]


def once_allowed(ask: Callable[[], Outcome]) -> Callable[[], Outcome]:
    """As `ask`, which is asked again after a second while the answer is that there were too many requests."""

    def patient() -> Outcome:
        for _ in range(_MOST_PAUSES):
            outcome = ask()
            if not isinstance(outcome, Answer) or outcome.status != HTTPStatus.TOO_MANY_REQUESTS:
                return outcome
            sleep(1)
        return ask()

    return patient


def _lacking(prepared: Prepared, outcome: Outcome) -> list[Difference]:
    body = outcome.body if isinstance(outcome, Answer) else ABSENT
    return [
        difference
        for place, expected in prepared.until.items()
        for difference in differences(expected, at_place(body, place), f"$.{place}")
    ]


def _pauses(prepared: Prepared, control: Control | None) -> Iterator[float]:
    """Lets time go by until it is up; the seconds gone so far, on the clock that the answers follow."""
    given = prepared.sending.timeout
    limit = None if given is None else duration(given).total_seconds()
    if control is not None and control.is_frozen():
        for second in range(1, ceil(limit or _LONGEST_FROZEN) + 1):
            control.advance(1)
            yield second
        return
    limit = limit or (_LONGEST_ELSEWHERE if control is None else _LONGEST_RUNNING)
    begun, pause = monotonic(), _FIRST_PAUSE
    while monotonic() - begun < limit:
        sleep(pause)
        yield round(monotonic() - begun, 1)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
