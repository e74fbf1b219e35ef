"""Run the steps of a scenario against a base URL, and collect the differences from what they expect.

The runner knows HTTP and the scenario, not the server: the same steps run against a sandbox and against the
vendor's environment, where steps that need a sandbox are skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from math import ceil
from pathlib import Path
from threading import Barrier, Thread
from time import monotonic, sleep

import requests
from msgspec import Struct
from msgspec.structs import replace

from mock_server.client import ControlRefused, NoServer, Sandbox
from mock_server.domain.operations import OPERATIONS, Kind
from mock_server.domain.variants import VARIANTS
from mock_server.input_errors import FileError
from mock_server.scenarios.file_format import RequestSpec, Scenario, Step
from mock_server.scenarios.http_client import HttpOutcome, HttpResponse, new_session, send
from mock_server.scenarios.matching import ABSENT, Difference, differences
from mock_server.scenarios.prepare import PreparedCall, Preparer
from mock_server.scenarios.results import (
    CallResult,
    Result,
    StepResult,
    are_not_found,
    response_differences,
)
from mock_server.scenarios.target import LoginFailed, Target, TokenCache, open_sandbox
from mock_server.scenarios.templates import value_at
from mock_server.values import duration

_TIMEOUT, _TIMEOUT_ELSEWHERE = 10.0, 30.0
"""Seconds until a call fails, in a sandbox and in another environment."""
POLL_FROZEN, POLL_RUNNING, POLL_ELSEWHERE = 600.0, 10.0, 120.0
"""Default seconds of polling: on a frozen clock, on a running one, and in another environment."""
_FIRST_PAUSE, _MAX_PAUSE = 0.05, 1.0
"""Seconds between two requests of a poll, in real time."""
_MAX_RATE_LIMIT_PAUSES = 30
"""Pauses of a second for one call, as long as its answer is 429; then this answer is the outcome."""
_NEEDS_SANDBOX = "only a sandbox has control calls"
_SCENARIO_NEEDS_SANDBOX = "its start data and rules need a sandbox"


class ScenarioRun(Struct, frozen=True, kw_only=True):
    """One run of a scenario: with its variants, and a label that distinguishes it from the other runs."""

    scenario: Scenario
    label: str = ""
    refusals: str | None = None
    file: Path | None = None


def plan_runs(
    scenario: Scenario, variants: Mapping[str, str], *, on_sandbox: bool, file: Path | None = None
) -> list[ScenarioRun]:
    """Plan the runs of a scenario: one, or one for each value of the variant `refusals` if it matters."""
    if not on_sandbox:
        return [ScenarioRun(scenario=scenario, file=file)]
    chosen = {**scenario.given.variants, **variants}
    needs_both = "refusals" not in chosen and _depends_on_refusals(scenario)
    choices = [{"refusals": value} for value in VARIANTS["refusals"].values] if needs_both else [{}]
    return [
        ScenarioRun(
            scenario=replace(scenario, given=replace(scenario.given, variants=chosen | choice)),
            label="".join(f"{name}={value}" for name, value in choice.items()),
            refusals=(chosen | choice).get("refusals"),
            file=file,
        )
        for choice in choices
    ]


def _depends_on_refusals(scenario: Scenario) -> bool:
    """Whether a command is expected to be refused with a status that the variant decides."""
    return any(
        OPERATIONS[name].kind is Kind.COMMAND
        and spec.expect.refused
        and not are_not_found(spec.expect.refused)
        for step in scenario.steps
        for name, spec in step.calls
    )


def run_scenario(run: ScenarioRun, target: Target) -> Result:
    """Run a scenario in a new sandbox, or as far as another environment allows."""
    scenario = run.scenario
    result = Result(scenario=scenario, label=run.label, file=run.file)
    if target.sandbox_server is None and scenario.needs_sandbox:
        return replace(result, steps=_skip_all(scenario, _SCENARIO_NEEDS_SANDBOX))
    try:
        with (
            open_sandbox(target, scenario, run.file) as sandbox,
            new_session(target.base_url) as session,
        ):
            steps = tuple(_StepRunner(target, sandbox, session, run).run(scenario.steps))
    except (ControlRefused, FileError, NoServer) as problem:
        skipped = _skip_all(scenario, "the scenario could not be activated")
        return replace(result, problem=str(problem), steps=skipped)
    return replace(result, steps=steps)


def _skip_all(scenario: Scenario, reason: str) -> tuple[StepResult, ...]:
    return tuple(
        StepResult(name=step.name, place=f"$.steps[{index}]", skipped=reason)
        for index, step in enumerate(scenario.steps)
    )


class _StepRunner:
    """Runs the steps of one run, in its sandbox if it has one."""

    def __init__(
        self, target: Target, sandbox: Sandbox | None, session: requests.Session, run: ScenarioRun
    ) -> None:
        self._target = target
        self._sandbox = sandbox
        self._session = session
        self._refusals = run.refusals
        self._both_dialects = run.scenario.both_dialects
        self._users = TokenCache(target, sandbox, session)
        self._preparer = Preparer(target, sandbox, self._users)

    def run(self, steps: Sequence[Step]) -> Iterator[StepResult]:
        """Run the steps one after the other, also after a failure, and yield their results."""
        for index, step in enumerate(steps):
            started = monotonic()
            result = self._run_step(step, f"$.steps[{index}]")
            yield replace(result, took=timedelta(seconds=monotonic() - started))

    def _run_step(self, step: Step, place: str) -> StepResult:
        result = StepResult(name=step.name, place=place)
        if self._target.dialect not in step.dialects and not self._both_dialects:
            return replace(result, skipped=f"the step is for {step.dialects[0]} only")
        if step.control is not None and self._sandbox is None:
            return replace(result, skipped=_NEEDS_SANDBOX)
        try:
            calls = self._prepare(step)
        except KeyError as missing:
            reason = f"{missing.args[0]} was not saved: the step that saves it did not pass"
            return replace(result, skipped=reason)
        except (LoginFailed, ValueError) as problem:
            return replace(result, calls=(CallResult(name=step.call or step.name, problem=str(problem)),))
        results = self._run_together(calls) if step.together else [self._run_call(calls[0], self._session)]
        return replace(result, calls=tuple(results))

    def _prepare(self, step: Step) -> list[PreparedCall]:
        if step.control is not None and self._sandbox is not None:
            return [self._preparer.control_call(step, step.control, self._sandbox)]
        dialect = self._target.dialect if self._target.dialect in step.dialects else step.dialects[0]
        if step.call is not None:
            return [self._preparer.call(step, step.call, step.call, dialect)]
        return [
            self._preparer.call(call, call.call, call.name or call.call, dialect) for call in step.together
        ]

    def _run_together(self, calls: Sequence[PreparedCall]) -> list[CallResult]:
        """Send all calls at the same moment, each from its own thread and on its own connection."""
        barrier = Barrier(len(calls))
        results: dict[int, CallResult] = {}

        def run_one(number: int, call: PreparedCall) -> None:
            with new_session(self._target.base_url) as session:
                barrier.wait()
                results[number] = self._run_call(call, session)

        threads = [Thread(target=run_one, args=arguments, daemon=True) for arguments in enumerate(calls)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [results[number] for number in range(len(calls))]

    def _run_call(self, call: PreparedCall, session: requests.Session) -> CallResult:
        result = CallResult(name=call.name, request=call.request)
        try:
            outcome, mismatches = self._repeat(call, session)
        except (ControlRefused, NoServer, ValueError) as problem:
            # A ValueError: the value of a placeholder can be a wrong operand.
            return replace(result, problem=str(problem))
        mismatches += self._save(call.spec, outcome, report_missing=not mismatches)
        return replace(result, outcome=outcome, differences=tuple(mismatches))

    def _repeat(self, call: PreparedCall, session: requests.Session) -> tuple[HttpOutcome, list[Difference]]:
        """Send the request `repeat` times, until an outcome differs from what is expected.

        Return the last outcome and its differences.
        """
        send_once = self._sender(call, session)
        for _ in range(call.spec.repeat):
            if call.spec.until:
                outcome, mismatches = poll(call, send_once, self._sandbox)
            else:
                outcome, mismatches = send_once(), []
            mismatches += response_differences(
                call.spec.expect, outcome, operation=call.operation, refusals=self._refusals
            )
            if mismatches:
                break
        return outcome, mismatches

    def _sender(self, call: PreparedCall, session: requests.Session) -> Callable[[], HttpOutcome]:
        """Return a function that sends the request; where rate limits apply, it waits and sends it again."""
        limit = None if call.spec.until else call.spec.timeout
        default = _TIMEOUT_ELSEWHERE if self._sandbox is None else _TIMEOUT
        timeout = default if limit is None else duration(limit).total_seconds()

        # Other environments may enforce the documented rate limit, which a run would soon reach.
        retries = self._sandbox is None and HTTPStatus.TOO_MANY_REQUESTS not in call.spec.expect.statuses

        def send_once() -> HttpOutcome:
            outcome = send(session, call.request, timeout)
            for _ in range(_MAX_RATE_LIMIT_PAUSES if retries else 0):
                if not isinstance(outcome, HttpResponse) or outcome.status != HTTPStatus.TOO_MANY_REQUESTS:
                    break
                sleep(1)
                outcome = send(session, call.request, timeout)
            if call.operation is not None and call.operation.kind is Kind.TOKEN:
                self._users.remember(call.login, call.request.form or {}, outcome)
            return outcome

        return send_once

    def _save(self, spec: RequestSpec, outcome: HttpOutcome, *, report_missing: bool) -> list[Difference]:
        """Save values from the answer; a missing one is a difference, unless there are others."""
        missing = []
        for name, place in spec.save.items():
            value = value_at(outcome.body, place) if isinstance(outcome, HttpResponse) else ABSENT
            if value is ABSENT:
                missing.append(Difference(place, f"something to save as {name}", value))
            else:
                self._preparer.saved[name] = value
        return missing if report_missing else []


def poll(
    call: PreparedCall, send_once: Callable[[], HttpOutcome], sandbox: Sandbox | None
) -> tuple[HttpOutcome, list[Difference]]:
    """Send the request until the answer has the values of `until`, at most until the timeout.

    Return the last outcome, and its differences from `until`.

    A frozen clock of the sandbox is advanced by a second before each further request.

    Raises:
        ControlRefused: the clock may not be advanced.
        NoServer: the server does not answer.
    """
    outcome, waited = send_once(), 0.0
    missing = _until_differences(call, outcome)
    pauses = _pauses(call, sandbox)
    while missing and (pause := next(pauses, None)) is not None:
        outcome, waited = send_once(), pause
        missing = _until_differences(call, outcome)
    return outcome, [
        replace(difference, at=f"{difference.at}, polled for {waited:g} s") for difference in missing
    ]


def _until_differences(call: PreparedCall, outcome: HttpOutcome) -> list[Difference]:
    body = outcome.body if isinstance(outcome, HttpResponse) else ABSENT
    return [
        difference
        for place, expected in call.spec.until.items()
        for difference in differences(expected, value_at(body, place), f"$.{place}")
    ]


def _pauses(call: PreparedCall, sandbox: Sandbox | None) -> Iterator[float]:
    """Pause until the timeout; yield the seconds that have passed on the clock of the answers."""
    timeout = call.spec.timeout
    limit = None if timeout is None else duration(timeout).total_seconds()
    if sandbox is not None and sandbox.clock.is_frozen():
        for second in range(1, ceil(limit or POLL_FROZEN) + 1):
            sandbox.clock.advance(seconds=1)
            yield second
        return
    limit = limit or (POLL_ELSEWHERE if sandbox is None else POLL_RUNNING)
    started, pause = monotonic(), _FIRST_PAUSE
    while monotonic() - started < limit:
        sleep(pause)
        yield round(monotonic() - started, 1)
        pause = min(pause * 1.5, _MAX_PAUSE)
