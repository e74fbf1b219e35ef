"""Validate the meaning of a scenario: names exist, rules can apply, steps can run.

Each function yields what is wrong, with its place in the file and what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from math import isfinite
from typing import Any

from msgspec import UNSET

from mock_server.domain.errors import ERRORS, PROVIDER_ERRORS
from mock_server.domain.names import nearest, proposal, shown, snake
from mock_server.domain.operations import DIALECTS, OPERATIONS, DialectName, Kind
from mock_server.domain.variants import check_variants
from mock_server.fixtures.build import parse_instant
from mock_server.fixtures.errors import InputError
from mock_server.scenarios.file_format import (
    EFFECTS,
    FAULTS,
    STARTED,
    ActiveTime,
    DribbleDelay,
    Expect,
    Ramp,
    RequestPattern,
    RequestSpec,
    Rule,
    Scenario,
    Step,
    Then,
    UniformDelay,
)
from mock_server.scenarios.matching import check_expectation, check_text_expectation, count_operators
from mock_server.scenarios.patterns import MAX_READING_STEPS, compile_json_path, limit_steps
from mock_server.scenarios.templates import PLACE, names_in
from mock_server.values import duration

Errors = Iterator[InputError]
MissingReason = Callable[[str], str | None]
"""Returns why a step cannot use a saved name; None if it can."""

BUILT_IN = ("accountId", "username", "password", "refreshToken", "accessToken", "runId")
"""The names that every run has before its first step."""

_OTHER_THAN_IMPORT = {None, *OPERATIONS} - {"importDossier"}
"""What a request pattern can name besides an import; None stands for every operation."""

_EFFECTS = {snake(name): name for name in EFFECTS if name != "delay"}
"""The effects of which a rule can have only one: their names in Python, and in a file."""

_TEXT_MEMBERS = ("path", "accountId", "dossierId", "thirdpartyId", "documentId", "processId", "user", "rule")
"""The members of a request pattern, and of a filter of the journal, that are compared as text."""

_EMPTY_SPEC = RequestSpec()
_KEYS = dict(zip(RequestSpec.__struct_fields__, RequestSpec.__struct_encode_fields__, strict=True))
"""The members of a request: the name in Python, and in a file."""

_ONLY_OF_API_CALLS = ("login", "token", "form")
_NOT_FOUND = {code for code, error in ERRORS.items() if error.not_found}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_NOT_LATIN_1 = re.compile(r"[^\x00-\xff]")
_FRAMING_HEADERS = {"content-length", "transfer-encoding"}
MAX_OPERATORS = 1000
"""Operators in one request pattern: fewer than the compiled regular expressions that are cached."""

_MIN_INTEGER, _MAX_INTEGER = -(2**63), 2**64 - 1


def limit_reading(path: str) -> AbstractContextManager[None]:
    """Limit the time that the block takes to check patterns; an error has the place `path`.

    Raises:
        InputError: their regular expressions and JSONPaths take too long to compile.
    """
    message = "its regular expressions and JSONPaths take too long to compile: use fewer or shorter ones"
    return limit_steps(MAX_READING_STEPS, path, message)


def raise_first(errors: Errors) -> None:
    """Raise the first of the errors, if there is one.

    Raises:
        InputError: the first error: the place, and what would be right.
    """
    first = next(errors, None)
    if first is not None:
        raise first


def scenario_errors(scenario: Scenario, path: str = "$") -> Errors:
    """Yield the errors of a scenario; `path` is its place in the file."""
    yield from _value_error(check_variants, scenario.given.variants, f"{path}.given.variants")
    if scenario.given.clock is not None:
        yield from _value_error(
            lambda text: parse_instant(text, ""), scenario.given.clock, f"{path}.given.clock"
        )
    yield from rules_errors(scenario.rules, f"{path}.rules")
    yield from _states_errors(scenario.rules, f"{path}.rules")
    yield from _steps_errors(scenario, f"{path}.steps")


# Parts of rules and steps


def _unknown_name(name: str, allowed: Iterable[str], path: str, kind: str, advice: str = "") -> Errors:
    """Yield an error unless the name is among the allowed ones; `kind` and `advice` are for its message."""
    names = list(allowed)
    if name not in names:
        yield InputError(path, f"there is no {kind} {shown(name)}{advice}; {proposal(name, names)}")


def _value_error(check: Callable[[Any], Any], value: Any, path: str) -> Errors:
    """Yield the ValueError that `check` raises for the value, as an error at `path`."""
    try:
        check(value)
    except ValueError as error:
        yield InputError(path, str(error))


def _duration_error(text: str | None, path: str) -> Errors:
    """Yield an error if the text is not a duration."""
    if text is not None:
        yield from _value_error(duration, text, path)


def _duplicate_names(names: Sequence[str], path: str, kind: str) -> Errors:
    """Yield an error for each name in the list at `path` that an earlier entry has."""
    earlier = set[str]()
    for index, name in enumerate(names):
        if name in earlier:
            yield InputError(f"{path}[{index}].name", f"there is another {kind} named {shown(name)}")
        earlier.add(name)


def _header_errors(headers: Mapping[str, str], path: str) -> Errors:
    """Yield an error for an invalid name or value, and for a header that only the server may set."""
    for name, value in headers.items():
        place = f"{path}.{name}"
        if not _HEADER_NAME.fullmatch(name):
            yield InputError(place, f"{shown(name)} is not the name of a header, such as Retry-After")
        if not _HEADER_VALUE.fullmatch(value):
            yield InputError(place, "a header is one line of text")
        character = _NOT_LATIN_1.search(value)
        if character:
            yield InputError(place, f"{character[0]!r} cannot be in a header: use characters of ISO 8859-1")
        if name.lower() in _FRAMING_HEADERS:
            yield InputError(place, "the server writes this header; for a broken answer use a fault")


def _json_errors(value: Any, path: str) -> Errors:
    """Yield an error for each number that some JSON parsers cannot read: infinite, NaN, beyond 64 bits."""
    if isinstance(value, float) and not isfinite(value):
        yield InputError(path, f"{value} is not a number of JSON")
    if isinstance(value, int) and not _MIN_INTEGER <= value <= _MAX_INTEGER:
        yield InputError(path, f"{value} has more than 64 bits; quote it to send it as a text")
    for place, part in _parts(value):
        yield from _json_errors(part, f"{path}{place}")


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the members or elements of a JSON value, each after its place: `.name` or `[0]`."""
    if isinstance(value, Mapping):
        yield from ((f".{name}", part) for name, part in value.items())
    elif isinstance(value, list | tuple):
        yield from ((f"[{index}]", part) for index, part in enumerate(value))


# Rules


def rules_errors(rules: Sequence[Rule], path: str) -> Errors:
    """Yield the errors of rules; `path` is the place of their list."""
    yield from _duplicate_names([rule.name for rule in rules], path, "rule")
    for index, rule in enumerate(rules):
        place = f"{path}[{index}]"
        yield from pattern_errors(rule.when, f"{place}.when")
        yield from _then_errors(rule.then, f"{place}.then")
        yield from _time_errors(rule, place)
        if rule.then.process is not None and _OTHER_THAN_IMPORT.intersection(rule.when.operations):
            yield InputError(f"{place}.when.operation", "process requires operation: importDossier")
        if rule.then.rate_limit is not None:
            yield from _rate_limit_errors(rule.when.operations, f"{place}.then.rateLimit")


def pattern_errors(pattern: RequestPattern, path: str) -> Errors:
    """Yield the errors of a request pattern: unknown operations and operators, invalid JSONPaths."""
    for name in pattern.operations:
        if name is not None:
            yield from _unknown_name(name, OPERATIONS, f"{path}.operation", "operation")
    members = zip(pattern.__struct_encode_fields__, pattern.__struct_fields__, strict=True)
    values = {name: getattr(pattern, member) for name, member in members}
    maps = {name: values.pop(name) for name in ("query", "headers", "jsonPath")}
    expectations = [
        *values.items(),
        *(
            (f"{member}.{name}", expected)
            for member, entries in maps.items()
            for name, expected in entries.items()
        ),
    ]
    operators = sum(count_operators(expected) for _, expected in expectations) + len(pattern.json_path)
    if operators > MAX_OPERATORS:
        message = f"a request is described by at most {MAX_OPERATORS} operators and JSONPaths"
        remedy = "use $oneOf with texts, or one $matches such as 'a|b'"
        yield InputError(path, f"{message}, this one by {operators}: {remedy}")
        return
    for name, expected in expectations:
        is_text = name in _TEXT_MEMBERS or name.startswith(("query.", "headers."))
        check = check_text_expectation if is_text else check_expectation
        yield from _value_error(check, expected, f"{path}.{name}")
        yield from _json_errors(expected, f"{path}.{name}")
    for name in pattern.json_path:
        yield from _value_error(compile_json_path, name, f"{path}.jsonPath")


def _then_errors(then: Then, path: str) -> Errors:
    given = [key for name, key in _EFFECTS.items() if getattr(then, name) not in (None, UNSET)]
    if len(given) > 1:
        effects = " and ".join(given)
        yield InputError(path, f"a rule has one effect, and this one has {effects}; make it two rules")
    if not given and then.delay is None:
        yield InputError(path, f"the rule has no effect: give {', '.join(_EFFECTS.values())} or delay")
    yield from _fault_errors(then, path)
    if isinstance(then.delay, UniformDelay) and then.delay.lower > then.delay.upper:
        yield InputError(f"{path}.delay", "lower is more than upper")
    yield from _process_errors(then, f"{path}.process")
    if then.respond is not None:
        yield from _refusal_errors(then.respond.body, f"{path}.respond.body")
        yield from _json_errors(then.respond.body, f"{path}.respond.body")
        yield from _header_errors(then.respond.headers, f"{path}.respond.headers")
    yield from _refusal_errors(then.patch, f"{path}.patch")
    yield from _json_errors(then.patch, f"{path}.patch")


def _fault_errors(then: Then, path: str) -> Errors:
    if then.fault is None:
        if then.carried_out is not None:
            yield InputError(f"{path}.carriedOut", "carriedOut requires a fault")
        return
    fault = FAULTS[then.fault]
    if fault.needs_answer and then.carried_out is False:
        yield InputError(f"{path}.carriedOut", f"{fault.name} changes the answer, so the call is executed")
    if isinstance(then.delay, DribbleDelay) and not fault.keeps_body:
        yield InputError(f"{path}.delay", f"{fault.name} sends no body to dribble; use another delay")


def _refusal_errors(value: Any, path: str) -> Errors:
    """Yield an error for each error code of the API: a scripted one could contradict the business rules."""
    if isinstance(value, dict) and value.get("code") in ERRORS:
        advice = "give start data that leads to it, such as a closed establishment or a stopped dossier"
        yield InputError(path, f"a rule cannot answer the refusal {value['code']}; {advice}")
    if isinstance(value, dict | list):
        for place, part in _parts(value):
            yield from _refusal_errors(part, f"{path}{place}")


def _process_errors(then: Then, path: str) -> Errors:
    effect = then.process
    if effect is None:
        return
    if effect == type(effect)():
        yield InputError(path, "give hold, after or fail")
        return
    if effect.hold and (effect.after or effect.fail):
        yield InputError(path, "an import on hold neither ends nor fails")
    yield from _duration_error(effect.after, f"{path}.after")
    if effect.fail is not None:
        codes = [error.code for error in PROVIDER_ERRORS]
        kind, advice = "code of the provider", "; other refusals follow from start data"
        yield from _unknown_name(effect.fail, codes, f"{path}.fail", kind, advice)


def _rate_limit_errors(operations: Sequence[str | None], path: str) -> Errors:
    """Yield an error for each named operation without an account: rate limits are per account."""
    for name in operations:
        if name in OPERATIONS and "accountId" not in OPERATIONS[name].ids:
            yield InputError(path, f"rate limits are per account, and {name} has none")


def _time_errors(rule: Rule, path: str) -> Errors:
    """Yield an error for a time that is not a duration or is zero, and for periods without a pause."""
    active = rule.active or ActiveTime()
    times = {"active.after": active.after, "active.for": active.lasts, "active.every": active.every}
    if isinstance(rule.probability, Ramp):
        times["probability.over"] = rule.probability.over
    given = {f"{path}.{name}": text for name, text in times.items() if text is not None}
    errors = [error for place, text in given.items() for error in _length_errors(text, place)]
    yield from errors
    if rule.active == ActiveTime():
        yield InputError(f"{path}.active", "give after, for, or every with for")
    elif active.every and not errors and duration(active.lasts or active.every) >= duration(active.every):
        yield InputError(f"{path}.active.every", "give a shorter `for`: a rule pauses between its periods")


def _length_errors(text: str, path: str) -> Errors:
    errors = list(_duration_error(text, path))
    yield from errors
    if not errors and not duration(text) and not path.endswith(".after"):
        yield InputError(path, f"{shown(text)} is not longer than 0: give a longer one")


def _states_errors(rules: Sequence[Rule], path: str) -> Errors:
    reachable = dict.fromkeys([STARTED, *(rule.new_state for rule in rules if rule.new_state)])
    for index, rule in enumerate(rules):
        if rule.state is not None:
            yield from _unknown_name(rule.state, reachable, f"{path}[{index}].state", "newState of a rule")


# Steps


def _steps_errors(scenario: Scenario, path: str) -> Errors:
    yield from _duplicate_names([step.name for step in scenario.steps], path, "step")
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
        yield from _unknown_name(operation, OPERATIONS, f"{path}.call", "operation")
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
    yield from _duration_error(spec.timeout, f"{path}.timeout")
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


def _status_errors(expect: Expect, operation: str, path: str) -> Errors:
    """Yield an error for the status of a refused command: it depends on the variant `refusals`."""
    is_command = operation in OPERATIONS and OPERATIONS[operation].kind is Kind.COMMAND
    if is_command and expect.status is not None and not _NOT_FOUND.issuperset(expect.refused or _NOT_FOUND):
        advice = "the variant refusals decides it, and the step runs with both values"
        yield InputError(f"{path}.status", f"leave it out: {advice}")


def _found_errors(expect: Expect, operation: str | None, path: str) -> Errors:
    if expect.found is None:
        return
    searches = [name for name, known in OPERATIONS.items() if known.kind is Kind.SEARCH]
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
        yield from _value_error(check_expectation, expected, f"{path}.until.{place}")


def _expect_errors(spec: RequestSpec, path: str) -> Errors:
    expect = spec.expect
    for index, code in enumerate(expect.refused or ()):
        yield from _unknown_name(code, ERRORS, f"{path}.refused[{index}]", "error code")
    if expect.refused == ():
        yield InputError(f"{path}.refused", "list the codes, or leave it out if no refusal is expected")
    if expect.fault == "NO_RESPONSE" and spec.timeout is None:
        yield InputError(f"{path}.fault", "give the time that the client waits, such as timeout: 300ms")
    yield from _value_error(check_expectation, expect.body, f"{path}.body")
    for name, expected in expect.headers.items():
        yield from _value_error(check_text_expectation, expected, f"{path}.headers.{name}")
    if expect.took is not None:
        yield from _duration_error(expect.took.at_least, f"{path}.took.atLeast")
        yield from _duration_error(expect.took.at_most, f"{path}.took.atMost")


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
