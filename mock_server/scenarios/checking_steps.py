"""Whether the steps of a scenario can be played."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from string import Formatter
from typing import Any

from msgspec import UNSET

from mock_server.domain.errors import ERRORS
from mock_server.domain.operations import DIALECTS, OPERATIONS, DialectName, Kind
from mock_server.domain.spelling import nearest
from mock_server.fixtures.errors import InputError
from mock_server.scenarios.matching import check_expectation
from mock_server.scenarios.mistakes import Mistakes, as_judged, if_twice, unless_duration, unless_known
from mock_server.scenarios.script import Expect, Sending, Step
from mock_server.scenarios.templates import PLACE, names_in

BUILT_IN = ("accountId", "username", "password", "refreshToken", "accessToken", "runId")
"""What every run knows before its first step."""

_OF_NO_CONTROL = ("login", "token", "form")
_NOT_FOUND = {code for code, error in ERRORS.items() if error.places == "404"}


def mistakes_of_steps(steps: Sequence[Step], path: str) -> Mistakes:
    """Everything wrong with the steps that stand at `path`."""
    yield from if_twice([step.name for step in steps], path, "step")
    saved = _Saved()
    for at, step in enumerate(steps):
        saved.spoken = step.dialects
        yield from _of_step(step, saved, f"{path}[{at}]")
        saved.add(set(step.save).union(*(call.save for call in step.together)))


class _Saved:
    """The names that stand for something, each in the dialects in which steps before it saved it."""

    def __init__(self) -> None:
        self.spoken: tuple[DialectName, ...] = DIALECTS
        self._saved_in = defaultdict[str, set[DialectName]](set)
        self.add(BUILT_IN)

    def add(self, names: Iterable[str]) -> None:
        """These names are saved where the step is played."""
        for name in names:
            self._saved_in[name].update(self.spoken)

    def lacks(self, name: str) -> str | None:
        """Why the step cannot use the name; None when it can."""
        if name not in self._saved_in:
            near = nearest(name, self._saved_in)
            advice = f"; did you mean {near!r}?" if near else ""
            return f"{{{name}}} was not saved by a step before{advice}"
        missing = [dialect for dialect in self.spoken if dialect not in self._saved_in[name]]
        return f"{{{name}}} was not saved by a step before in {missing[0]}" if missing else None


def _of_step(step: Step, saved: _Saved, path: str) -> Mistakes:
    given = [
        name
        for name, value in (("call", step.call), ("control", step.control), ("together", step.together))
        if value
    ]
    if len(given) != 1:
        yield InputError(path, f"a step is one of call, control and together; this is {len(given)}")
    yield from _of_dialect(step, path)
    if step.together:
        yield from _of_group(step, path)
    if step.control is not None:
        yield from _of_control(step, saved, path)
    yield from _of_sending(step, step.call, saved, path)
    for number, call in enumerate(step.together):
        yield from _of_sending(call, call.call, saved, f"{path}.together[{number}]")


def _of_dialect(step: Step, path: str) -> Mistakes:
    for name in step.operations:
        if step.dialect is not None and name in OPERATIONS and step.dialect not in OPERATIONS[name].dialects:
            yield InputError(
                f"{path}.dialect", f"{name} is an operation of {OPERATIONS[name].dialects[0]} alone"
            )


def _of_group(step: Step, path: str) -> Mistakes:
    said = [name for name in Sending.__struct_fields__ if getattr(step, name) != getattr(_NOTHING, name)]
    if said:
        yield InputError(path, f"{_written(said[0])} goes with each of the calls made together")


def _of_control(step: Step, saved: _Saved, path: str) -> Mistakes:
    for name in _OF_NO_CONTROL:
        if getattr(step, name) is not None:
            yield InputError(path, f"a control call has no {_written(name)}: it is not one of the API")
    yield from _of_names(names_in(step.control), saved, f"{path}.control")


def _of_sending(sent: Sending, operation: str | None, saved: _Saved, path: str) -> Mistakes:
    if operation is not None:
        yield from unless_known(operation, OPERATIONS, f"{path}.call", "operation")
        yield from _of_path(sent, operation, path)
        yield from _of_refusal(sent.expect, operation, f"{path}.expect")
    yield from _of_found(sent.expect, operation, f"{path}.expect")
    bodies = [name for name in ("body", "text", "form") if getattr(sent, name) not in (None, UNSET)]
    if len(bodies) > 1:
        yield InputError(path, f"one body at a time: {' and '.join(bodies)} are given")
    for where, value in _templates(sent, path):
        yield from _of_names(names_in(value), saved, where)
    for where, username in _usernames(sent, operation, path):
        if "+" in username.partition("@")[0]:
            yield InputError(where, "leave out the tag: every run gives its users one of its own")
    yield from unless_duration(sent.timeout, f"{path}.timeout")
    yield from _of_places(sent, path)
    yield from _of_expect(sent, f"{path}.expect")


def _of_path(sent: Sending, operation: str, path: str) -> Mistakes:
    if operation not in OPERATIONS:
        return
    asked = {name for _, name, _, _ in Formatter().parse(OPERATIONS[operation].paths[0]) if name}
    for name in sent.path:
        if name not in asked:
            yield InputError(f"{path}.path.{name}", f"{operation} has {', '.join(sorted(asked)) or 'no ids'}")
    missing = sorted(asked - set(sent.path) - {"accountId"})
    if missing:
        yield InputError(path, f"{operation} needs path: {{{missing[0]}: ...}}")


def _of_refusal(expect: Expect, operation: str, path: str) -> Mistakes:
    """The status of a refused command is that of a variant, and the file is played under each value."""
    is_command = operation in OPERATIONS and OPERATIONS[operation].kind is Kind.COMMAND
    if is_command and expect.status is not None and not _NOT_FOUND.issuperset(expect.refused or _NOT_FOUND):
        yield InputError(
            f"{path}.status", "leave it out: the variant refusals decides it, and both are played"
        )


def _of_found(expect: Expect, operation: str | None, path: str) -> Mistakes:
    if expect.found is None:
        return
    searches = [name for name, known in OPERATIONS.items() if known.kind is Kind.SEARCH]
    if operation not in searches:
        yield InputError(f"{path}.found", f"found goes with a search: {', '.join(searches)}")
    if expect.refused is not None:
        yield InputError(path, "a search finds, or is refused: leave out found or refused")


def _of_places(sent: Sending, path: str) -> Mistakes:
    """Places in the answer, and what is expected there."""
    places = [(place, f"{path}.until.{place}") for place in sent.until]
    places += [(place, f"{path}.save.{name}") for name, place in sent.save.items()]
    for place, where in places:
        if PLACE.fullmatch(place) is None or place.startswith("$"):
            yield InputError(
                where, f"{place!r} is no place in a body, such as content.complete, content[0].code"
            )
    for place, expected in sent.until.items():
        yield from as_judged(check_expectation, expected, f"{path}.until.{place}")


def _of_expect(sent: Sending, path: str) -> Mistakes:
    expect = sent.expect
    for at, code in enumerate(expect.refused or ()):
        yield from unless_known(code, ERRORS, f"{path}.refused[{at}]", "error code")
    if expect.refused == ():
        yield InputError(f"{path}.refused", "name the codes, or leave it out where nothing is refused")
    if expect.fault == "NO_RESPONSE" and sent.timeout is None:
        yield InputError(f"{path}.fault", "say how long the client waits for it, such as timeout: 300ms")
    for name, expected in (("body", expect.body), *((f"headers.{n}", e) for n, e in expect.headers.items())):
        yield from as_judged(check_expectation, expected, f"{path}.{name}")
    if expect.took is not None:
        yield from unless_duration(expect.took.at_least, f"{path}.took.atLeast")
        yield from unless_duration(expect.took.at_most, f"{path}.took.atMost")


def _of_names(names: Iterable[str], saved: _Saved, path: str) -> Mistakes:
    for name in names:
        problem = saved.lacks(name)
        if problem is not None:
            yield InputError(path, problem)


def _templates(sent: Sending, path: str) -> Iterator[tuple[str, Any]]:
    """Where placeholders may stand, and what stands there."""
    for name in ("token", "path", "query", "headers", "body", "text", "form", "until"):
        yield f"{path}.{name}", getattr(sent, name)
    if sent.login is not None:
        yield f"{path}.as", [sent.login.username, sent.login.password]
    expect = sent.expect
    yield f"{path}.expect.headers", expect.headers
    yield f"{path}.expect.body", expect.body
    yield f"{path}.expect.text", expect.text


def _usernames(sent: Sending, operation: str | None, path: str) -> Iterator[tuple[str, str]]:
    if sent.login is not None:
        yield f"{path}.as.username", sent.login.username
    if operation == "getToken" and sent.form is not None:
        yield f"{path}.form.username", sent.form.get("username") or ""


def _written(name: str) -> str:
    """The name of a member as a file writes it."""
    return {"login": "as"}.get(name, name)


_NOTHING = Sending()
