"""What a scenario means, judged: names that exist, rules that can hold, steps that can be played."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from string import Formatter
from typing import Any

from msgspec import UNSET

from mock_server.domain.errors import ERRORS, PROVIDER_ERRORS
from mock_server.domain.operations import OPERATIONS
from mock_server.domain.variants import checked
from mock_server.fixtures.values import Mistake, instant
from mock_server.scenarios.asking import compiled_json_path
from mock_server.scenarios.matching import check_expectation
from mock_server.scenarios.script import (
    STARTED,
    Expect,
    Request,
    Rule,
    Scenario,
    Sending,
    Step,
    Then,
    Uniform,
)
from mock_server.settings import duration

BUILT_IN = ("accountId", "username", "password", "refreshToken", "accessToken")
"""What every run knows before its first step."""

_ACTIONS = ("respond", "fault", "process", "patch", "token", "rate_limit")
_PLACEHOLDER = re.compile(r"\{([A-Za-z][A-Za-z0-9]*)\}")


def check_scenario(scenario: Scenario, path: str = "$") -> None:
    """Refuse a scenario that cannot be played; `path` is where it stands.

    Raises:
        Mistake: the first thing wrong: the place, and what would be right.
    """
    try:
        _check_given(scenario)
        check_rules(scenario.rules, "$.rules")
        _check_states(scenario.rules)
        _check_steps(scenario.steps)
    except Mistake as mistake:
        raise Mistake(path + mistake.path.removeprefix("$"), str(mistake)) from None


def check_rules(rules: Sequence[Rule], path: str) -> None:
    """Refuse rules that cannot hold; `path` is where they stand.

    Raises:
        Mistake: the first thing wrong.
    """
    _refuse_twice([rule.name for rule in rules], path, "rule")
    for at, rule in enumerate(rules):
        where = f"{path}[{at}]"
        check_request(rule.when, f"{where}.when")
        _check_then(rule.then, f"{where}.then")
        operations = rule.when.operation
        names = operations if isinstance(operations, tuple) else (operations,)
        if rule.then.process is not None and set(names) != {"importDossier"}:
            raise Mistake(f"{where}.when.operation", "process goes with operation: importDossier")
        if rule.then.rate_limit is not None:
            _check_limited(names, f"{where}.then.rateLimit")


def check_request(request: Request, path: str) -> None:
    """Refuse a description of calls that cannot be understood.

    Raises:
        Mistake: an operation, an operator or a JSONPath that is none.
    """
    operations = request.operation if isinstance(request.operation, tuple) else (request.operation,)
    for name in operations:
        if name is not None:
            _check_known(name, OPERATIONS, f"{path}.operation", "operation")
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
        _checked(check_expectation, expected, f"{path}.{name}")
    for name in request.json_path:
        _checked(compiled_json_path, name, f"{path}.jsonPath")


def _check_given(scenario: Scenario) -> None:
    _checked(checked, scenario.given.variants, "$.given.variants")
    if scenario.given.clock is not None:
        instant(scenario.given.clock, "$.given.clock")


def _check_then(then: Then, path: str) -> None:
    given = [name for name in _ACTIONS if getattr(then, name) not in (None, UNSET)]
    if len(given) > 1:
        raise Mistake(path, f"one thing at a time: {' and '.join(given)} are given; make it two rules")
    if not given and then.delay is None:
        raise Mistake(path, f"nothing happens: give {', '.join(_ACTIONS)} or delay")
    _check_actions(then, path)


def _check_actions(then: Then, path: str) -> None:
    if then.carried_out is not None and then.fault is None:
        raise Mistake(f"{path}.carriedOut", "carriedOut goes with a fault")
    if isinstance(then.delay, Uniform) and then.delay.lower > then.delay.upper:
        raise Mistake(f"{path}.delay", "lower is more than upper")
    if then.process is not None:
        _check_course(then, f"{path}.process")
    if then.respond is not None:
        _refuse_codes(then.respond.body, f"{path}.respond.body")
    _refuse_codes(then.patch, f"{path}.patch")


def _refuse_codes(value: Any, path: str) -> None:
    """A refusal that was written could contradict the rules; one that is given cannot."""
    if isinstance(value, dict):
        if value.get("code") in ERRORS:
            advice = "give what leads to it, such as a closed establishment or a stopped dossier"
            raise Mistake(path, f"the refusal {value['code']} is not for a rule to answer; {advice}")
        for name, part in value.items():
            _refuse_codes(part, f"{path}.{name}")
    elif isinstance(value, list):
        for at, part in enumerate(value):
            _refuse_codes(part, f"{path}[{at}]")


def _check_course(then: Then, path: str) -> None:
    course = then.process
    if course is None or course == type(course)():
        raise Mistake(path, "say hold, after or fail")
    if course.hold and (course.after or course.fail):
        raise Mistake(path, "an import that is held neither ends nor fails")
    _check_duration(course.after, f"{path}.after")
    if course.fail is not None:
        codes = [error.code for error in PROVIDER_ERRORS]
        _check_known(
            course.fail, codes, f"{path}.fail", "code of the provider", "; every other refusal is given"
        )


def _check_limited(operations: Sequence[str | None], path: str) -> None:
    """Refuse to limit a call that concerns no account; a rule for all operations limits those that do."""
    for name in operations:
        if name is not None and "{accountId}" not in OPERATIONS[name].paths[0]:
            raise Mistake(path, f"the rate limit is one of accounts; {name} has none")


def _check_states(rules: Sequence[Rule]) -> None:
    reached = {STARTED} | {rule.new_state for rule in rules if rule.new_state}
    for at, rule in enumerate(rules):
        if rule.state is not None:
            _check_known(rule.state, reached, f"$.rules[{at}].state", "state that a rule leads to")


def _check_steps(steps: Sequence[Step]) -> None:
    _refuse_twice([step.name for step in steps], "$.steps", "step")
    known = set(BUILT_IN)
    for at, step in enumerate(steps):
        path = f"$.steps[{at}]"
        kinds = [
            name
            for name, given in (("call", step.call), ("control", step.control), ("together", step.together))
            if given
        ]
        if len(kinds) != 1:
            raise Mistake(path, f"a step is one of call, control and together; this is {len(kinds)}")
        _check_sending(step, step.call, known, path)
        saved = set(step.save)
        for number, call in enumerate(step.together):
            _check_sending(call, call.call, known, f"{path}.together[{number}]")
            saved |= set(call.save)
        known |= saved


def _check_sending(sent: Sending, operation: str | None, known: set[str], path: str) -> None:
    if operation is not None:
        _check_known(operation, OPERATIONS, f"{path}.call", "operation")
        _check_path_ids(sent, operation, path)
    bodies = [name for name in ("body", "text", "form") if getattr(sent, name) not in (None, UNSET)]
    if len(bodies) > 1:
        raise Mistake(path, f"one body at a time: {' and '.join(bodies)} are given")
    for name in _placeholders(sent):
        if name not in known:
            near = get_close_matches(name, known, n=1)
            advice = f"; did you mean {near[0]!r}?" if near else ""
            raise Mistake(path, f"{{{name}}} was not saved by a step before{advice}")
    _check_duration(sent.timeout, f"{path}.timeout")
    for place, expected in sent.until.items():
        _checked(check_expectation, expected, f"{path}.until.{place}")
    _check_expect(sent.expect, f"{path}.expect")


def _check_path_ids(sent: Sending, operation: str, path: str) -> None:
    asked = {name for _, name, _, _ in Formatter().parse(OPERATIONS[operation].paths[0]) if name}
    for name in sent.path:
        if name not in asked:
            raise Mistake(f"{path}.path.{name}", f"{operation} has {', '.join(sorted(asked)) or 'no ids'}")
    missing = sorted(asked - set(sent.path) - {"accountId"})
    if missing:
        raise Mistake(path, f"{operation} needs path: {{{missing[0]}: ...}}")


def _check_expect(expect: Expect, path: str) -> None:
    for at, code in enumerate(expect.refused or ()):
        _check_known(code, ERRORS, f"{path}.refused[{at}]", "error code")
    for name, expected in (("body", expect.body), *((f"headers.{n}", e) for n, e in expect.headers.items())):
        _checked(check_expectation, expected, f"{path}.{name}")
    if expect.took is not None:
        _check_duration(expect.took.at_least, f"{path}.took.atLeast")
        _check_duration(expect.took.at_most, f"{path}.took.atMost")


def _check_duration(text: str | None, path: str) -> None:
    if text is not None:
        _checked(duration, text, path)


def _check_known(name: str, there_are: Iterable[str], path: str, kind: str, advice: str = "") -> None:
    known = list(there_are)
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
        raise Mistake(path, f"there is no {kind} {name!r}{advice}; {hint}")


def _checked(check: Callable[[Any], Any], value: Any, path: str) -> None:
    try:
        check(value)
    except ValueError as mistake:
        raise Mistake(path, str(mistake)) from None


def _refuse_twice(names: Sequence[str], path: str, kind: str) -> None:
    for at, name in enumerate(names):
        if name in names[:at]:
            raise Mistake(f"{path}[{at}].name", f"there is another {kind} named {name!r}")


def _placeholders(sent: Sending) -> Iterator[str]:
    for value in (sent.token, sent.path, sent.query, sent.headers, sent.body, sent.text, sent.form):
        yield from _in_text(value)


def _in_text(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _PLACEHOLDER.findall(value)
    elif isinstance(value, dict):
        for part in value.values():
            yield from _in_text(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _in_text(part)
