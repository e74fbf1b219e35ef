"""Verification of what the client did: at once, or as soon as it holds.

A verification with a timeout waits on the event loop. It reads each new exchange once, and holds no lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any

from flask import Response, copy_current_request_context, request

from mock_server import delivery
from mock_server.control.calls import route
from mock_server.control.events import waker
from mock_server.control.problems import input_error, json_answer, problem_answer
from mock_server.control.requests import explain_context
from mock_server.delivery import Delivery
from mock_server.input_errors import InputError
from mock_server.journal.entries import Entry
from mock_server.journal.journal import Journal
from mock_server.journal.verify import Verdict, Verification, Verifier, check_verification
from mock_server.sandbox.sandbox import ServerSandbox
from mock_server.web.services import named_sandbox, services

MAX_WAITING = 1000
"""Verifications of one server that wait at the same time."""


@route("POST /verify", body=Verification)
def verify(body: Verification) -> Response:
    """Return whether the requests are as expected; 422 with the nearest ones where they are not.

    Where the journal has dropped requests that could decide, the verdict is `unknown`, and 422. With
    `timeout` the answer comes as soon as the result is final, or after this time; 503 where too many wait.
    """
    check_verification(body)
    sandbox = named_sandbox()
    verifier = Verifier(body, sandbox.journal)
    verifier.read()
    if not body.seconds or verifier.is_final:
        return _answer(verifier, sandbox)
    waiting, deadline = services().waiting, monotonic() + body.seconds

    @copy_current_request_context
    def in_context(make: Callable[[], Response]) -> Response:
        return make()

    async def answer_later() -> Response:
        if len(waiting) >= MAX_WAITING:
            detail = f"{MAX_WAITING} verifications wait already: end some, or leave out the timeout"
            return in_context(partial(problem_answer, 503, detail))
        waiting.add(verifier)
        try:
            await wait(verifier, sandbox.journal, deadline)
            answer = partial(_answer, verifier, sandbox)
            # Without a failure nothing is explained: the context of Flask would take half of the time.
            return answer() if verifier.holds else in_context(answer)
        except InputError as error:
            return in_context(partial(input_error, error))
        finally:
            waiting.discard(verifier)

    request.environ[delivery.KEY] = Delivery(late=answer_later)
    return problem_answer(501, "only the server of mock-server waits: leave out the timeout")


async def wait(verifier: Verifier, journal: Journal, deadline: float) -> None:
    """Read new exchanges until the result is final, the journal is closed, or the time is over.

    Raises:
        InputError: an expectation takes too long to compare.
    """
    news = asyncio.Event()
    wake = waker(news)

    def wake_if_it_may_match(operation: str | None) -> None:
        if journal.closed or not verifier.skip(operation):
            wake(operation)

    stop = journal.listen(wake_if_it_may_match)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline - monotonic()):
                while not journal.closed:
                    verifier.read()
                    if verifier.is_final:
                        return
                    await news.wait()
                    news.clear()
    finally:
        stop()


def _answer(verifier: Verifier, sandbox: ServerSandbox) -> Response:
    verdicts = verifier.verdicts(partial(explain_context, sandbox))
    failed = [verdict for verdict in verdicts if verdict.judgment != "held"]
    sandbox.journal.unmet_expectations = tuple(
        verdict.expectation for verdict in failed if verdict.has_too_few
    )
    members = {
        "verified": not failed,
        "complete": verifier.complete,
        "expectations": [_verdict(verdict) for verdict in verdicts],
    }
    if not failed:
        return json_answer(members)
    return problem_answer(422, " ".join(_sentence(verdict) for verdict in failed), **members)


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "request": verdict.expectation.request.as_json,
        "expected": str(verdict.expectation.times),
        "found": len(verdict.found),
        "requests": verdict.found,
        "verdict": verdict.judgment,
        "why": verdict.why,
        "nearMisses": [
            {"number": miss.entry.number, "request": _name(miss.entry), "differences": miss.reasons}
            for miss in verdict.misses
        ],
    }


def _name(entry: Entry) -> str:
    return f"{entry.operation or 'unmatched'}: {entry.method} {entry.path}"


def _sentence(verdict: Verdict) -> str:
    """Return the verdict as sentences, with the nearest request."""
    name = " or ".join(verdict.expectation.request.operation_names) or "Any call"
    if not verdict.misses:
        return f"{name}: {verdict.why}."
    nearest = verdict.misses[0]
    reasons = "; ".join(nearest.reasons)
    end = "" if reasons.endswith("?") else "."
    return f"{name}: {verdict.why}. Nearest is request {nearest.entry.number}: {reasons}{end}"
