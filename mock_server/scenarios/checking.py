"""What a scenario means, judged: names that exist, rules that can hold, steps that can be played."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from mock_server.domain.errors import ERRORS, PROVIDER_ERRORS
from mock_server.domain.operations import OPERATIONS
from mock_server.domain.variants import checked
from mock_server.fixtures.build import parse_instant
from mock_server.fixtures.errors import InputError
from mock_server.scenarios.checking_steps import mistakes_of_steps
from mock_server.scenarios.faults import FAULTS
from mock_server.scenarios.json_paths import compiled_json_path
from mock_server.scenarios.matching import check_expectation
from mock_server.scenarios.mistakes import (
    Mistakes,
    as_judged,
    if_twice,
    raise_first,
    unless_duration,
    unless_known,
)
from mock_server.scenarios.script import STARTED, Dribble, Request, Rule, Scenario, Then, Uniform
from mock_server.scenarios.sendable import mistakes_of_headers, mistakes_of_json

_OTHERS = {None, *OPERATIONS} - {"importDossier"}
_ACTIONS = {
    "respond": "respond",
    "fault": "fault",
    "process": "process",
    "patch": "patch",
    "token": "token",
    "rate_limit": "rateLimit",
}
"""What a rule does, each by itself: its name in Python, and in a file."""


def check_scenario(scenario: Scenario, path: str = "$") -> None:
    """Refuse a scenario that cannot be played; `path` is where it stands.

    Raises:
        InputError: the first thing wrong: the place, and what would be right.
    """
    raise_first(mistakes_of(scenario, path))


def check_rules(rules: Sequence[Rule], path: str) -> None:
    """Refuse rules that cannot hold; `path` is where they stand.

    Raises:
        InputError: the first thing wrong.
    """
    raise_first(_of_rules(rules, path))


def check_request(request: Request, path: str) -> None:
    """Refuse a description of calls that cannot be understood.

    Raises:
        InputError: an operation, an operator or a JSONPath that is none.
    """
    raise_first(_of_request(request, path))


def mistakes_of(scenario: Scenario, path: str = "$") -> Mistakes:
    """Everything wrong with a scenario that stands at `path`."""
    yield from as_judged(checked, scenario.given.variants, f"{path}.given.variants")
    if scenario.given.clock is not None:
        yield from as_judged(
            lambda text: parse_instant(text, ""), scenario.given.clock, f"{path}.given.clock"
        )
    yield from _of_rules(scenario.rules, f"{path}.rules")
    yield from _of_states(scenario.rules, f"{path}.rules")
    yield from mistakes_of_steps(scenario.steps, f"{path}.steps")


def _of_rules(rules: Sequence[Rule], path: str) -> Mistakes:
    yield from if_twice([rule.name for rule in rules], path, "rule")
    for at, rule in enumerate(rules):
        where = f"{path}[{at}]"
        yield from _of_request(rule.when, f"{where}.when")
        yield from _of_then(rule.then, f"{where}.then")
        operations = rule.when.operation
        names = operations if isinstance(operations, tuple) else (operations,)
        if rule.then.process is not None and _OTHERS.intersection(names):
            yield InputError(f"{where}.when.operation", "process goes with operation: importDossier")
        if rule.then.rate_limit is not None:
            yield from _of_limited(names, f"{where}.then.rateLimit")


def _of_request(request: Request, path: str) -> Mistakes:
    operations = request.operation if isinstance(request.operation, tuple) else (request.operation,)
    for name in operations:
        if name is not None:
            yield from unless_known(name, OPERATIONS, f"{path}.operation", "operation")
    for name, expected in (
        ("path", request.path),
        ("accountId", request.account_id),
        ("dossierId", request.dossier_id),
        ("thirdpartyId", request.thirdparty_id),
        ("documentId", request.document_id),
        ("processId", request.process_id),
        ("user", request.user),
        ("body", request.body),
        *((f"query.{name}", expected) for name, expected in request.query.items()),
        *((f"headers.{name}", expected) for name, expected in request.headers.items()),
        *((f"jsonPath.{name}", expected) for name, expected in request.json_path.items()),
    ):
        yield from as_judged(check_expectation, expected, f"{path}.{name}")
        yield from mistakes_of_json(expected, f"{path}.{name}")
    for name in request.json_path:
        yield from as_judged(compiled_json_path, name, f"{path}.jsonPath")


def _of_then(then: Then, path: str) -> Mistakes:
    given = [written for name, written in _ACTIONS.items() if getattr(then, name) not in (None, UNSET)]
    if len(given) > 1:
        yield InputError(path, f"one thing at a time: {' and '.join(given)} are given; make it two rules")
    if not given and then.delay is None:
        yield InputError(path, f"nothing happens: give {', '.join(_ACTIONS.values())} or delay")
    yield from _of_actions(then, path)


def _of_actions(then: Then, path: str) -> Mistakes:
    yield from _of_fault(then, path)
    if isinstance(then.delay, Uniform) and then.delay.lower > then.delay.upper:
        yield InputError(f"{path}.delay", "lower is more than upper")
    if then.process is not None:
        yield from _of_course(then, f"{path}.process")
    if then.respond is not None:
        yield from _of_codes(then.respond.body, f"{path}.respond.body")
        yield from mistakes_of_json(then.respond.body, f"{path}.respond.body")
        yield from mistakes_of_headers(then.respond.headers, f"{path}.respond.headers")
    yield from _of_codes(then.patch, f"{path}.patch")
    yield from mistakes_of_json(then.patch, f"{path}.patch")


def _of_fault(then: Then, path: str) -> Mistakes:
    if then.fault is None:
        if then.carried_out is not None:
            yield InputError(f"{path}.carriedOut", "carriedOut goes with a fault")
        return
    fault = FAULTS[then.fault]
    if fault.needs_answer and then.carried_out is False:
        yield InputError(f"{path}.carriedOut", f"the call is carried out: {fault.name} damages its answer")
    if isinstance(then.delay, Dribble) and not fault.leaves_a_body:
        yield InputError(f"{path}.delay", f"{fault.name} leaves no body to dribble; delay it otherwise")


def _of_codes(value: Any, path: str) -> Mistakes:
    """A refusal that was written could contradict the rules; one that is given cannot."""
    if isinstance(value, dict):
        if value.get("code") in ERRORS:
            advice = "give what leads to it, such as a closed establishment or a stopped dossier"
            yield InputError(path, f"the refusal {value['code']} is not for a rule to answer; {advice}")
        for name, part in value.items():
            yield from _of_codes(part, f"{path}.{name}")
    elif isinstance(value, list):
        for at, part in enumerate(value):
            yield from _of_codes(part, f"{path}[{at}]")


def _of_course(then: Then, path: str) -> Mistakes:
    course = then.process
    if course is None or course == type(course)():
        yield InputError(path, "say hold, after or fail")
        return
    if course.hold and (course.after or course.fail):
        yield InputError(path, "an import that is held neither ends nor fails")
    yield from unless_duration(course.after, f"{path}.after")
    if course.fail is not None:
        codes = [error.code for error in PROVIDER_ERRORS]
        kind, advice = "code of the provider", "; every other refusal is given"
        yield from unless_known(course.fail, codes, f"{path}.fail", kind, advice)


def _of_limited(operations: Sequence[str | None], path: str) -> Mistakes:
    """A call that concerns no account cannot be limited; a rule for all operations limits those that do."""
    for name in operations:
        if name in OPERATIONS and "{accountId}" not in OPERATIONS[name].paths[0]:
            yield InputError(path, f"the rate limit is one of accounts; {name} has none")


def _of_states(rules: Sequence[Rule], path: str) -> Mistakes:
    reached = {STARTED} | {rule.new_state for rule in rules if rule.new_state}
    for at, rule in enumerate(rules):
        if rule.state is not None:
            yield from unless_known(rule.state, reached, f"{path}[{at}].state", "state that a rule leads to")
