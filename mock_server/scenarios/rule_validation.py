"""Validate the meaning of rules and request patterns: names exist, rules can apply, patterns can match.

Each function yields what is wrong, with its place in the file and what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from math import isfinite
from typing import Any

from msgspec import UNSET

from mock_server.domain.errors import ERRORS, PROVIDER_ERRORS
from mock_server.domain.names import proposal, shown, snake
from mock_server.domain.operations import OPERATIONS
from mock_server.input_errors import InputError
from mock_server.scenarios.file_format import (
    EFFECTS,
    FAULTS,
    ActiveTime,
    CallNumbers,
    DribbleDelay,
    Ramp,
    RequestPattern,
    Rule,
    Then,
    UniformDelay,
)
from mock_server.scenarios.matching import check_expectation, check_text_expectation, count_operators
from mock_server.scenarios.patterns import MAX_READING_STEPS, compile_json_path, limit_steps
from mock_server.scenarios.templates import check_header
from mock_server.values import duration

Errors = Iterator[InputError]

_OTHER_THAN_IMPORT = {None, *OPERATIONS} - {"importDossier"}
"""What a request pattern can name besides an import; None stands for every operation."""

_EFFECTS = {snake(name): name for name in EFFECTS if name != "delay"}
"""The effects of which a rule can have only one: their names in Python, and in a file."""

_TEXT_MEMBERS = ("path", "accountId", "dossierId", "thirdpartyId", "documentId", "processId", "user", "rule")
"""The members of a request pattern, and of a filter of the journal, that are compared as text."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_LATIN_1 = re.compile(r"[^\x00-\xff]")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT")
FRAMING_HEADERS = {"content-length", "transfer-encoding"}
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


# Parts of rules and steps


def unknown_name(name: str, allowed: Iterable[str], path: str, kind: str) -> Errors:
    """Yield an error unless the name is among the allowed ones; `kind` is for its message."""
    names = list(allowed)
    if name not in names:
        yield InputError(path, f"there is no {kind} {shown(name)}; {proposal(name, names)}")


def value_error(check: Callable[[Any], Any], value: Any, path: str) -> Errors:
    """Yield the ValueError that `check` raises for the value, as an error at `path`."""
    try:
        check(value)
    except ValueError as error:
        yield InputError(path, str(error))


def duration_error(text: str | None, path: str) -> Errors:
    """Yield an error if the text is not a duration."""
    if text is not None:
        yield from value_error(duration, text, path)


def duplicate_names(names: Sequence[str], path: str, kind: str) -> Errors:
    """Yield an error for each name in the list at `path` that an earlier entry has."""
    earlier = set[str]()
    for index, name in enumerate(names):
        if name in earlier:
            yield InputError(f"{path}[{index}].name", f"there is another {kind} named {shown(name)}")
        earlier.add(name)


def header_errors(headers: Mapping[str, str], path: str) -> Errors:
    """Yield an error for an invalid name or value of a header."""
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            message = f"{shown(name)} is not the name of a header, such as Retry-After"
            yield InputError(f"{path}.{name}", message)
        yield from value_error(check_header, value, f"{path}.{name}")


def _answer_header_errors(headers: Mapping[str, str], path: str) -> Errors:
    """Yield an error for a header that no answer can have, and for one that only the server may set."""
    yield from header_errors(headers, path)
    for name, value in headers.items():
        place = f"{path}.{name}"
        character = _NOT_LATIN_1.search(value)
        if character:
            yield InputError(place, f"{character[0]!r} cannot be in a header: use characters of ISO 8859-1")
        if name.lower() in FRAMING_HEADERS:
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
    yield from duplicate_names([rule.name for rule in rules], path, "rule")
    for index, rule in enumerate(rules):
        place = f"{path}[{index}]"
        yield from pattern_errors(rule.when, f"{place}.when")
        if rule.when.nth == CallNumbers():
            yield InputError(f"{place}.when.nth", "give first, from or every")
        yield from _then_errors(rule.then, f"{place}.then")
        yield from _time_errors(rule, place)
        if rule.then.process is not None and _OTHER_THAN_IMPORT.intersection(rule.when.operations):
            yield InputError(f"{place}.when.operation", "process requires operation: importDossier")
        if rule.then.rate_limit is not None:
            yield from _rate_limit_errors(rule.when.operations, f"{place}.then.rateLimit")


def pattern_errors(pattern: RequestPattern, path: str) -> Errors:
    """Yield the errors of a request pattern: unknown names, empty lists, invalid operators and JSONPaths."""
    members = zip(pattern.__struct_encode_fields__, pattern.__struct_fields__, strict=True)
    values = {name: getattr(pattern, member) for name, member in members}
    yield from _member_errors(pattern, values, path)
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
        yield from value_error(check, expected, f"{path}.{name}")
        yield from _json_errors(expected, f"{path}.{name}")
    for name in pattern.json_path:
        yield from value_error(compile_json_path, name, f"{path}.jsonPath")


def _member_errors(pattern: RequestPattern, values: Mapping[str, Any], path: str) -> Errors:
    """Yield an error for each unknown operation or method, and for each empty list."""
    for name, value in values.items():
        if value == ():
            yield InputError(f"{path}.{name}", "an empty list matches nothing: name one, or leave it out")
    if pattern.method is not None:
        yield from unknown_name(pattern.method.upper(), _METHODS, f"{path}.method", "HTTP method")
    for operation in pattern.operations:
        if operation is not None:
            yield from unknown_name(operation, OPERATIONS, f"{path}.operation", "operation")


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
        yield from _answer_header_errors(then.respond.headers, f"{path}.respond.headers")
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
    yield from duration_error(effect.after, f"{path}.after")
    if effect.fail is not None:
        codes = [error.code for error in PROVIDER_ERRORS]
        if effect.fail not in codes:
            allowed = f"use {', '.join(codes)}; other refusals follow from start data"
            yield InputError(f"{path}.fail", f"{shown(effect.fail)} is not a code of the provider: {allowed}")


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
    errors = [error for place, text in given.items() for error in length_errors(text, place)]
    yield from errors
    if rule.active == ActiveTime():
        yield InputError(f"{path}.active", "give after, for, or every with for")
    elif active.every and not errors and duration(active.lasts or active.every) >= duration(active.every):
        yield InputError(f"{path}.active.every", "give a shorter `for`: a rule pauses between its periods")


def length_errors(text: str, path: str) -> Errors:
    """Yield an error for a text that is not a duration, or is one of 0; a rule may begin `after` 0."""
    errors = list(duration_error(text, path))
    yield from errors
    if not errors and not duration(text) and not path.endswith(".after"):
        yield InputError(path, f"{shown(text)} is not longer than 0: give a longer one")
