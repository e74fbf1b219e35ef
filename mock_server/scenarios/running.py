"""Plays the steps of a scenario against a base URL, and tells what was not as expected.

It knows HTTP and the scenario, and nothing of the server: the same steps are played against a sandbox and
against the vendor's own environment, where those that only a sandbox can play are skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from http import HTTPStatus
from threading import Barrier, Thread
from time import monotonic

import requests
from msgspec.structs import replace

from mock_server.client.errors import ControlRefused
from mock_server.domain.operations import Kind
from mock_server.scenarios.client import Answer, Outcome, new_session, send
from mock_server.scenarios.judging import judged
from mock_server.scenarios.logins import LoginFailed, Logins
from mock_server.scenarios.matching import ABSENT, Difference
from mock_server.scenarios.performances import Performance
from mock_server.scenarios.polling import once_allowed, poll
from mock_server.scenarios.preparing import Prepared, Preparer
from mock_server.scenarios.results import CallResult, Result, StepResult
from mock_server.scenarios.script import Background, Scenario, Sending, Step
from mock_server.scenarios.target import Control, Target, opened
from mock_server.scenarios.templates import at_place
from mock_server.settings import duration

_PATIENCE, _PATIENCE_ELSEWHERE = 10.0, 30.0
"""Seconds that a call is waited for on a sandbox, and on another environment."""
_NEEDS_SANDBOX = "only a sandbox has control calls"
_RULES_NEED_SANDBOX = "what it gives and its rules need a sandbox"


def play(performance: Performance, target: Target) -> Result:
    """Play the scenario in a sandbox of its own, or as far as another environment allows."""
    scenario = performance.scenario
    blank = Result(scenario=scenario, label=performance.label, file=performance.file)
    if target.control_url is None and not is_played_anywhere(scenario):
        return replace(blank, steps=_skipped(scenario, _RULES_NEED_SANDBOX))
    try:
        with new_session(target.base_url) as session, opened(target, scenario, session) as control:
            run = _Run(target, control, session, performance.refusals)
            return replace(blank, steps=tuple(run.steps(scenario.steps)))
    except ControlRefused as refused:
        return replace(blank, problem=str(refused), steps=_skipped(scenario, "what is given is not there"))


class _Run:
    """One run: what was saved, who is logged in, and the control calls of its sandbox, if it has one."""

    def __init__(
        self, target: Target, control: Control | None, session: requests.Session, refusals: str | None
    ) -> None:
        self._target = target
        self._control = control
        self._session = session
        self._refusals = refusals
        self._logins = Logins(target, control.sandbox if control else None, session)
        self._preparer = Preparer(target, control, self._logins)

    def steps(self, steps: Sequence[Step]) -> Iterator[StepResult]:
        """Play them one after the other; one that fails does not keep the next from being played."""
        for at, step in enumerate(steps):
            begun = monotonic()
            result = self._step(step, f"$.steps[{at}]")
            yield replace(result, took=timedelta(seconds=monotonic() - begun))

    def _step(self, step: Step, place: str) -> StepResult:
        if self._target.dialect not in step.dialects:
            return StepResult(name=step.name, place=place, skipped=f"it is about {step.dialects[0]} alone")
        if step.control is not None and self._control is None:
            return StepResult(name=step.name, place=place, skipped=_NEEDS_SANDBOX)
        try:
            prepared = self._prepared(step)
        except KeyError as missing:
            reason = f"{missing.args[0]} was not saved: the step before that does it did not pass"
            return StepResult(name=step.name, place=place, skipped=reason)
        except LoginFailed as problem:
            call = CallResult(name=step.call or step.name, problem=str(problem))
            return StepResult(name=step.name, place=place, calls=(call,))
        results = self._together(prepared) if step.together else [self._play(prepared[0], self._session)]
        return StepResult(name=step.name, place=place, calls=tuple(results))

    def _prepared(self, step: Step) -> list[Prepared]:
        if step.control is not None and self._control is not None:
            return [self._preparer.control(step, step.control, self._control)]
        if step.call is not None:
            return [self._preparer.call(step, step.call, step.call)]
        return [self._preparer.call(call, call.call, call.name or call.call) for call in step.together]

    def _together(self, prepared: Sequence[Prepared]) -> list[CallResult]:
        """Each call from a thread and on a connection of its own, let go at the same moment."""
        barrier = Barrier(len(prepared))
        results: dict[int, CallResult] = {}

        def one(number: int, call: Prepared) -> None:
            with new_session(self._target.base_url) as session:
                barrier.wait()
                results[number] = self._play(call, session)

        threads = [Thread(target=one, args=given, daemon=True) for given in enumerate(prepared)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [results[number] for number in range(len(prepared))]

    def _play(self, prepared: Prepared, session: requests.Session) -> CallResult:
        blank = CallResult(name=prepared.name, sent=prepared.sent)
        try:
            outcome, found = self._repeated(prepared, session)
        except (ControlRefused, ValueError) as problem:  # an operand may be wrong once it is filled in
            return replace(blank, problem=str(problem))
        found += self._saved(prepared.sending, outcome, complain=not found)
        return replace(blank, outcome=outcome, differences=tuple(found))

    def _repeated(self, prepared: Prepared, session: requests.Session) -> tuple[Outcome, list[Difference]]:
        """The last outcome, and why the first that does not fit does not."""
        ask = self._asking(prepared, session)
        for _ in range(prepared.sending.repeat):
            outcome, found = poll(prepared, ask, self._control) if prepared.until else (ask(), [])
            found += judged(prepared.expect, outcome, operation=prepared.operation, refusals=self._refusals)
            if found:
                break
        return outcome, found

    def _asking(self, prepared: Prepared, session: requests.Session) -> Callable[[], Outcome]:
        given = None if prepared.until else prepared.sending.timeout
        patience = _PATIENCE_ELSEWHERE if self._control is None else _PATIENCE
        timeout = patience if given is None else duration(given).total_seconds()

        def ask() -> Outcome:
            outcome = send(session, prepared.sent, timeout)
            if prepared.operation is not None and prepared.operation.kind is Kind.TOKEN:
                self._logins.note(prepared.login, prepared.sent.form or {}, outcome)
            return outcome

        # Elsewhere the documented rate limit may hold, which a run would soon meet.
        is_limited = self._control is None and not _expects_429(prepared)
        return once_allowed(ask) if is_limited else ask

    def _saved(self, sending: Sending, outcome: Outcome, *, complain: bool) -> list[Difference]:
        """Keep what is to be saved; what there was nothing of is a difference, unless there are others."""
        missing = []
        for name, place in sending.save.items():
            value = at_place(outcome.body, place) if isinstance(outcome, Answer) else ABSENT
            if value is ABSENT:
                missing.append(Difference(place, f"something to save as {name}", value))
            else:
                self._preparer.known.saved[name] = value
        return missing if complain else []


def _expects_429(prepared: Prepared) -> bool:
    status = prepared.expect.status
    return HTTPStatus.TOO_MANY_REQUESTS in (status if isinstance(status, tuple) else (status,))


def _skipped(scenario: Scenario, reason: str) -> tuple[StepResult, ...]:
    return tuple(
        StepResult(name=step.name, place=f"$.steps[{at}]", skipped=reason)
        for at, step in enumerate(scenario.steps)
    )


def is_played_anywhere(scenario: Scenario) -> bool:
    """Whether it gives nothing and bends nothing, so that it needs no sandbox."""
    return not scenario.rules and scenario.given == Background()
