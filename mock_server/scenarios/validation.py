"""Validate the meaning of a scenario: names exist, rules can apply, steps can run.

Each function yields what is wrong, with its place in the file and what would be right.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import UNSET

from mock_server.domain.errors import ERRORS
from mock_server.domain.names import nearest, shown
from mock_server.domain.operations import DIALECTS, OPERATIONS, DialectName, Kind
from mock_server.domain.variants import check_variants
from mock_server.fixtures.build import parse_instant
from mock_server.input_errors import InputError
from mock_server.scenarios.file_format import (
    STARTED,
    DurationLimits,
    Expect,
    RequestSpec,
    Rule,
    Scenario,
    Step,
)
from mock_server.scenarios.matching import check_expectation, check_text_expectation
from mock_server.scenarios.rule_validation import (
    FRAMING_HEADERS,
    Errors,
    duplicate_names,
    duration_error,
    header_errors,
    length_errors,
    rules_errors,
    unknown_name,
    value_error,
)
from mock_server.scenarios.templates import PLACE, check_header, check_id, check_parameter, names_in
from mock_server.values import duration

MissingReason = Callable[[str], str | None]
"""Returns why a step cannot use a saved name; None if it can."""

BUILT_IN = ("accountId", "username", "password", "refreshToken", "accessToken", "runId")
"""The names that every run has before its first step."""

_EMPTY_SPEC = RequestSpec()
_KEYS = dict(zip(RequestSpec.__struct_fields__, RequestSpec.__struct_encode_fields__, strict=True))
"""The members of a request: the name in Python, and in a file."""

_EXPECT_KEYS = dict(zip(Expect.__struct_fields__, Expect.__struct_encode_fields__, strict=True))
_FAULTS_WITH_STATUS = ("MALFORMED_BODY", "EMPTY_BODY")
"""The faults after which the client has the status of the answer."""

_ONLY_OF_API_CALLS = ("login", "token", "form")
_NOT_FOUND = {code for code, error in ERRORS.items() if error.not_found}


def scenario_errors(scenario: Scenario, path: str = "$") -> Errors:
    """Yield the errors of a scenario; `path` is its place in the file."""
    yield from value_error(check_variants, scenario.given.variants, f"{path}.given.variants")
    if scenario.given.clock is not None:
        yield from value_error(
            lambda text: parse_instant(text, ""), scenario.given.clock, f"{path}.given.clock"
        )
    yield from rules_errors(scenario.rules, f"{path}.rules")
    yield from _states_errors(scenario.rules, f"{path}.rules")
    yield from _steps_errors(scenario, f"{path}.steps")


def _states_errors(rules: Sequence[Rule], path: str) -> Errors:
    reachable = dict.fromkeys([STARTED, *(rule.new_state for rule in rules if rule.new_state)])
    for index, rule in enumerate(rules):
        if rule.state is not None:
            yield from unknown_name(rule.state, reachable, f"{path}[{index}].state", "newState of a rule")


# Steps


def _steps_errors(scenario: Scenario, path: str) -> Errors:
    yield from duplicate_names([step.name for step in scenario.steps], path, "step")
    saved = {name: {*DIALECTS} for name in BUILT_IN}
    for index, step in enumerate(scenario.steps):
        yield from _step_errors(step, partial(_missing_reason, saved, step.dialects), f"{path}[{index}]")
        for spec in (step, *step.together):
            for name in spec.save:
                saved.setdefault(name, set()).update(DIALECTS if scenario.both_dialects else step.dialects)


def _missing_reason(
    saved: Mapping[str, Collection[DialectName]], dialects: Sequence[DialectName], name: str
) -> str | None:
    """Return why a step that runs in these dialects cannot use the name; None if it can.

    `saved` has each saved name, and the dialects in which an earlier step saves it.
    """
    if name not in saved:
        near = nearest(name, saved)
        advice = f"; did you mean {near!r}?" if near else ""
        return f"no earlier step saves {{{name}}}{advice}"
    missing = [dialect for dialect in dialects if dialect not in saved[name]]
    return f"no earlier step saves {{{name}}} in {missing[0]}" if missing else None


def _step_errors(step: Step, missing: MissingReason, path: str) -> Errors:
    kinds = sum(map(bool, (step.call, step.control, step.together)))
    if kinds != 1:
        yield InputError(path, f"a step has one of call, control and together; this has {kinds}")
    yield from _dialect_errors(step, path)
    given = [key for name, key in _KEYS.items() if getattr(step, name) != getattr(_EMPTY_SPEC, name)]
    if step.together and given:
        yield InputError(path, f"{given[0]} belongs to each of the calls made together")
    if step.control is not None:
        yield from _control_errors(step, missing, path)
    yield from _request_errors(step, step.call, missing, path)
    for index, call in enumerate(step.together):
        yield from _request_errors(call, call.call, missing, f"{path}.together[{index}]")


def _dialect_errors(step: Step, path: str) -> Errors:
    for name, _ in step.calls:
        if step.dialect is not None and name in OPERATIONS and step.dialect not in OPERATIONS[name].dialects:
            only = OPERATIONS[name].dialects[0]
            yield InputError(f"{path}.dialect", f"{name} exists in {only} only")


def _control_errors(step: Step, missing: MissingReason, path: str) -> Errors:
    for name in _ONLY_OF_API_CALLS:
        if getattr(step, name) is not None:
            yield InputError(path, f"a control call has no {_KEYS[name]}: that belongs to calls of the API")
    yield from _placeholder_errors(step.control, missing, f"{path}.control")


def _request_errors(spec: RequestSpec, operation: str | None, missing: MissingReason, path: str) -> Errors:
    if operation is not None:
        yield from unknown_name(operation, OPERATIONS, f"{path}.call", "operation")
        yield from _path_errors(spec, operation, path)
    yield from _status_errors(spec.expect, operation, f"{path}.expect")
    yield from _found_errors(spec.expect, operation, f"{path}.expect")
    bodies = [name for name in ("body", "text", "form") if getattr(spec, name) not in (None, UNSET)]
    if len(bodies) > 1:
        yield InputError(path, f"a request has one body, and this one has {' and '.join(bodies)}")
    for place, value in _templates(spec, path):
        yield from _placeholder_errors(value, missing, place)
    for place, username in _usernames(spec, operation, path):
        if "+" in username.partition("@")[0]:
            yield InputError(place, "leave out the tag: each run adds its own")
    yield from _value_errors(spec, path)
    yield from _place_errors(spec, path)
    yield from _expect_errors(spec, f"{path}.expect")


def _path_errors(spec: RequestSpec, operation: str, path: str) -> Errors:
    if operation not in OPERATIONS:
        return
    allowed = set(OPERATIONS[operation].ids)
    for name in spec.path:
        if name not in allowed:
            ids = ", ".join(sorted(allowed)) or "no ids"
            message = f"{shown(name)} is not an id of the path: {operation} has {ids}"
            yield InputError(f"{path}.path.{name}", message)
    missing = sorted(allowed - set(spec.path) - {"accountId"})
    if missing:
        yield InputError(path, f"{operation} needs path: {{{missing[0]}: ...}}")


def _value_errors(spec: RequestSpec, path: str) -> Errors:
    """Yield an error for each value that no path, query, header or timeout can have."""
    if spec.timeout is not None:
        yield from length_errors(spec.timeout, f"{path}.timeout")
    for name, value in spec.path.items():
        yield from value_error(check_id, value, f"{path}.path.{name}")
    for name, value in spec.query.items():
        yield from value_error(check_parameter, value, f"{path}.query.{name}")
    yield from header_errors(spec.headers, f"{path}.headers")
    for name in filter(lambda name: name.lower() in FRAMING_HEADERS, spec.headers):
        yield InputError(f"{path}.headers.{name}", "the client writes this header: leave it out")
    if spec.token is not None:
        yield from value_error(check_header, spec.token, f"{path}.token")


def _status_errors(expect: Expect, operation: str | None, path: str) -> Errors:
    """Yield an error for an empty list, and for the status that depends on the variant `refusals`."""
    if expect.status == ():
        yield InputError(f"{path}.status", "list the statuses, or leave it out")
    is_command = operation in OPERATIONS and OPERATIONS[operation].kind is Kind.COMMAND
    if is_command and expect.status is not None and not _NOT_FOUND.issuperset(expect.refused or _NOT_FOUND):
        advice = "the variant refusals decides it, and the step runs with both values"
        yield InputError(f"{path}.status", f"leave it out: {advice}")


def _found_errors(expect: Expect, operation: str | None, path: str) -> Errors:
    if expect.found is None:
        return
    searches = [name for name, searched in OPERATIONS.items() if searched.kind is Kind.SEARCH]
    if operation not in searches:
        yield InputError(f"{path}.found", f"found requires a search: {', '.join(searches)}")
    if expect.refused is not None:
        yield InputError(path, "a refused search finds nothing: leave out found or refused")


def _place_errors(spec: RequestSpec, path: str) -> Errors:
    """Yield the errors of the places in the answer, and of what is expected there."""
    places = [(place, f"{path}.until.{place}") for place in spec.until]
    places += [(place, f"{path}.save.{name}") for name, place in spec.save.items()]
    for place, where in places:
        if PLACE.fullmatch(place) is None or place.startswith("$"):
            examples = "content.complete, content[0].code"
            yield InputError(where, f"{shown(place)} is not a place in a body, such as {examples}")
    for place, expected in spec.until.items():
        yield from value_error(check_expectation, expected, f"{path}.until.{place}")


def _expect_errors(spec: RequestSpec, path: str) -> Errors:
    expect = spec.expect
    for index, code in enumerate(expect.refused or ()):
        yield from unknown_name(code, ERRORS, f"{path}.refused[{index}]", "error code")
    if expect.refused == ():
        yield InputError(f"{path}.refused", "list the codes, or leave it out if no refusal is expected")
    yield from _fault_expectation_errors(expect, path)
    if expect.fault == "NO_RESPONSE" and spec.timeout is None:
        yield InputError(f"{path}.fault", "give the time that the client waits, such as timeout: 300ms")
    yield from value_error(check_expectation, expect.body, f"{path}.body")
    for name, expected in expect.headers.items():
        yield from value_error(check_text_expectation, expected, f"{path}.headers.{name}")
    if expect.took is not None:
        yield from _took_errors(expect.took, f"{path}.took")


def _fault_expectation_errors(expect: Expect, path: str) -> Errors:
    """Yield an error for what is expected next to a fault and not compared: most faults leave no answer."""
    if expect.fault is None:
        return
    compared = {"fault", "took", "status"} if expect.fault in _FAULTS_WITH_STATUS else {"fault", "took"}
    for name, key in _EXPECT_KEYS.items():
        if name not in compared and getattr(expect, name) != getattr(Expect(), name):
            yield InputError(f"{path}.{key}", f"leave it out: it is not compared after {expect.fault}")


def _took_errors(took: DurationLimits, path: str) -> Errors:
    least, most = took.at_least, took.at_most
    errors = [*duration_error(least, f"{path}.atLeast"), *duration_error(most, f"{path}.atMost")]
    yield from errors
    if took == DurationLimits():
        yield InputError(path, "give atLeast, atMost or both")
    elif not errors and least and most and duration(least) > duration(most):
        yield InputError(path, "atLeast is more than atMost")


def _placeholder_errors(value: Any, missing: MissingReason, path: str) -> Errors:
    yield from (InputError(path, reason) for reason in map(missing, names_in(value)) if reason is not None)


def _templates(spec: RequestSpec, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the values that may have placeholders, each after its place in the file."""
    for name in ("token", "path", "query", "headers", "body", "text", "form", "until"):
        yield f"{path}.{name}", getattr(spec, name)
    if spec.login is not None:
        yield f"{path}.as", [spec.login.username, spec.login.password]
    expect = spec.expect
    yield f"{path}.expect.headers", expect.headers
    yield f"{path}.expect.body", expect.body
    yield f"{path}.expect.text", expect.text


def _usernames(spec: RequestSpec, operation: str | None, path: str) -> Iterator[tuple[str, str]]:
    """Yield the user names of a request, each after its place in the file."""
    if spec.login is not None:
        yield f"{path}.as.username", spec.login.username
    if operation == "getToken" and spec.form is not None:
        yield f"{path}.form.username", spec.form.get("username") or ""
